//! Port's API: typed operations on the catalog.

mod answers;
mod auth;
mod blueprints;
mod delete;
mod records;
mod search;
mod validate;
pub mod wire;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{RequestBuilder, StatusCode};
use url::Url;

use crate::catalog::entity::BlueprintId;
use crate::http::retry::{Api, Sender};
use crate::http::{self, Answer, Client, Delivery, TransportError};
use crate::inputs::{Credentials, Merge, MissingTargets};
use crate::shutdown::Shutdown;
use auth::TokenKeeper;
use wire::Body;

pub use crate::http::CONCURRENT_REQUESTS;
pub use auth::OnToken;
pub use delete::MAX_DELETIONS;
pub use records::{Existing, Member};
pub use validate::Verdicts;

/// What a path's segment may hold as it is; an identifier's `/` must not end the segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How an upsert treats what is there.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// What happens to what the request does not mention.
    pub merge: Merge,
    /// What happens about missing relation targets.
    pub missing_targets: MissingTargets,
    /// The action run that the change belongs to.
    pub run_id: Option<String>,
}

/// A client of Port's API.
#[derive(Debug)]
pub struct Port {
    client: Client,
    base_url: Url,
    sender: Sender,
    tokens: TokenKeeper,
}

/// What Port did with an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upserted {
    /// It was new.
    Created,
    /// It was there before.
    Updated,
    /// It was written; the answer does not say which of the two.
    Written,
}

/// Why an entity was not written, though others may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The HTTP status, of the item where Port gives one for each.
    pub status: u16,
    /// Port's own words.
    pub message: String,
}

/// Why Port cannot be worked with at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The credentials are not accepted.
    #[error(
        "Port at {host} does not accept the credentials ({status}: {message}); check the inputs `client-id` and `client-secret`, and whether `base-url` is your organisation's region"
    )]
    Unauthorized {
        /// Where.
        host: String,
        /// The HTTP status.
        status: u16,
        /// Port's own words.
        message: String,
    },
    /// Port answers with an error that is not about an entity.
    #[error("Port answered {what} with {status}: {message}{}", hint(*status))]
    Refused {
        /// The request.
        what: String,
        /// The HTTP status.
        status: u16,
        /// Port's own words.
        message: String,
    },
    /// Port cannot be reached.
    #[error("Port could not be reached: {}; {}", .0, .0.help("base-url"))]
    Unreachable(#[from] TransportError),
    /// The answer is JSON, but not what the specification says.
    #[error(
        "Port answered {what} in an unknown form: {reason}; check that `base-url` is Port's API"
    )]
    UnknownForm {
        /// The request.
        what: String,
        /// What is wrong with the answer.
        reason: String,
    },
}

/// What to do about an error that is not about an entity.
fn hint(status: u16) -> &'static str {
    match status {
        403 => {
            "; check what the credentials may do, and whether an IP allow-list keeps the runner out"
        }
        404 => "; check that `base-url` is Port's API",
        429 | 500..=599 => {
            "; run the job again: Port was busy or failing, and the tries were used up"
        }
        _ => "",
    }
}

impl Error {
    /// Whether a request that ended so can have had an effect.
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::Unauthorized { .. } => Delivery::Unsent,
            Self::Unreachable(error) => error.delivery(),
            Self::Refused { .. } | Self::UnknownForm { .. } => Delivery::Unknown,
        }
    }
}

/// What Port answers to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// What became of each entity, in their order.
    Each(Vec<Result<Upserted, Rejection>>),
    /// The request was refused as a whole.
    Refused(Rejection),
}

/// What becomes of a batch; or why nothing can be said of it.
pub type BatchResult = Result<Answered, Error>;

impl Port {
    /// A client of the API at `base_url`. Nothing is sent yet. `on_token` sees every new access
    /// token before it is used.
    pub fn new(client: Client, base_url: Url, credentials: Credentials, on_token: OnToken) -> Self {
        let tokens = TokenKeeper::new(credentials, on_token);
        Self {
            client,
            base_url,
            sender: Sender::new(Api::Port),
            tokens,
        }
    }

    /// The same, sending nothing any more and ending all waits once `shutdown` is requested.
    pub fn stop_on(self, shutdown: Shutdown) -> Self {
        Self {
            sender: self.sender.stop_on(shutdown),
            ..self
        }
    }

    /// How many requests there may be under way at the same time.
    pub fn concurrency(&self) -> usize {
        self.sender.concurrency()
    }

    /// How many requests were sent.
    pub fn requests(&self) -> usize {
        self.sender.sent()
    }

    /// Makes sure that the credentials are accepted.
    ///
    /// # Errors
    /// If they are not, or Port cannot be reached.
    pub async fn authenticate(&self) -> Result<(), Error> {
        self.token().await.map(drop)
    }

    /// Writes the entities of `body`, all of `blueprint`, as `merge` says and not the options.
    ///
    /// # Errors
    /// If that says nothing of any entity: Port is unreachable or the credentials are refused.
    pub async fn upsert(
        &self,
        blueprint: &BlueprintId,
        body: &Body,
        merge: Merge,
        options: &WriteOptions,
    ) -> BatchResult {
        let path = ["blueprints", blueprint.as_str(), "entities"];
        let mut url = match body.count() {
            1 => self.url(&path),
            _ => self.url(&[&path[..], &["bulk"]].concat()),
        };
        wire::add_upsert_query(&mut url, merge, options);
        let what = format!("the upsert of {} `{blueprint}`", body.count());
        let request = || {
            self.client
                .post(url.clone())
                .header("content-type", "application/json")
                .body(body.bytes())
        };
        let answer = self.authorized(&what, request).await?;
        wire::read_upsert(&answer, body.count(), &what)
    }

    /// Sends with a token; if Port no longer accepts it, once more with a new one.
    async fn authorized(
        &self,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let token = self.token().await?;
        let answer = self.send_with(&token, what, &request).await?;
        if answer.status != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        self.tokens.forget(&token).await;
        let token = self.token().await?;
        let answer = self.send_with(&token, what, &request).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED => Err(self.unauthorized(&answer)),
            _ => Ok(answer),
        }
    }

    async fn send_with(
        &self,
        token: &auth::Token,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, TransportError> {
        let attempt = async || self.execute(request().bearer_auth(token.expose())).await;
        self.sender.send(what, attempt).await
    }

    async fn execute(&self, request: RequestBuilder) -> Result<Answer, TransportError> {
        self.client.execute(&self.base_url, request).await
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base_url.clone();
        let mut path = format!("{}/v1", self.base_url.path().trim_end_matches('/'));
        for segment in segments {
            path.push('/');
            path.extend(utf8_percent_encode(segment, SEGMENT));
        }
        url.set_path(&path);
        url
    }

    fn unauthorized(&self, answer: &Answer) -> Error {
        let (status, message) = (answer.status.as_u16(), wire::message(answer));
        Error::Unauthorized {
            host: http::host_and_port(&self.base_url),
            status,
            message,
        }
    }
}
