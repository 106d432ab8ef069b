//! Port's API: typed operations on the catalog.

mod auth;
mod blueprints;
mod delete;
mod entity;
mod queries;
mod records;
mod refusal;
mod search;
#[cfg(test)]
pub(crate) mod testing;
mod validate;
pub mod wire;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::catalog::entity::BlueprintId;
use crate::catalog::order::MAX_ENTITIES;
use crate::http::retry::{IsOwn, Request, Sender, Service};
use crate::http::{self, Answer, Client, Delivery, TransportError, TransportErrorKind};
use crate::inputs::{Credentials, Merge, MissingTargets};
use crate::shutdown::Shutdown;
use crate::text::counted;
use auth::TokenKeeper;
use delete::MAX_DELETIONS;
use wire::{Body, BulkLimit};

pub use crate::http::CONCURRENT_REQUESTS;
pub use crate::http::retry::{Reserve, WhenExhausted};
pub use auth::OnToken;
pub use delete::Dependant;
pub use records::{Existing, ListMember};
pub use refusal::{ErrorCode, RefusalScope, Rejection};
pub use search::{EntityListing, EntityPage};
pub use validate::Validations;

/// What a path's segment may hold as it is; an identifier's `/` must not end the segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// So many requests of the budget are kept in any case, for what a run saves in the end.
const ALWAYS_KEPT: u64 = 10;

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
    upsert_limit: BulkLimit,
    deletion_limit: BulkLimit,
    /// Blueprints that Port was seen to have.
    blueprints: Mutex<BTreeSet<BlueprintId>>,
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

/// An entity that Port says is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What Port did with it.
    pub upserted: Upserted,
    /// What it is called, which a query that names it does not say.
    pub identifier: String,
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
        /// Port's own message.
        message: String,
    },
    /// Port answers with an error that is not about an entity, or something else answers.
    #[error(
        "Port answered {what} with {status}: {message}{}", hint(rejection), status = rejection.status, message = rejection.message
    )]
    Refused {
        /// The request.
        what: String,
        /// Why.
        rejection: Rejection,
    },
    /// The action run that the changes should be attached to is over.
    #[error(
        "Port attaches no changes to the action run that the input `run-id` names: {0}; give the id of a run that is in progress, or leave the input out"
    )]
    RunExhausted(String),
    /// Port cannot be reached.
    #[error("Port could not be reached: {}; {}", .0, .0.help("base-url"))]
    Unreachable(TransportError),
    /// The budget is nearly used up, and [`WhenExhausted::Fail`] says not to wait.
    #[error("{}; {}", .0, .0.help("base-url"))]
    BudgetExhausted(Box<TransportError>),
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

/// ``2 entities of `service` ``, for messages about a request.
pub(crate) fn counted_entities(count: usize, blueprint: &BlueprintId) -> String {
    format!("{} of `{blueprint}`", counted(count, "entity", "entities"))
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error.kind {
            TransportErrorKind::BudgetExhausted(_) => Self::BudgetExhausted(Box::new(error)),
            _ => Self::Unreachable(error),
        }
    }
}

/// What to do about an error that is not about an entity.
fn hint(rejection: &Rejection) -> String {
    let help = match rejection.code {
        ErrorCode::NotFound => Some("check that `base-url` is Port's API"),
        code => code.help(),
    };
    help.map(|help| format!("; {help}")).unwrap_or_default()
}

impl Error {
    /// Whether a request that ended so can have had an effect.
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::Unauthorized { .. } | Self::RunExhausted(_) => Delivery::Unsent,
            Self::Unreachable(error) => error.delivery(),
            Self::BudgetExhausted(error) => error.delivery(),
            Self::Refused { .. } | Self::UnknownForm { .. } => Delivery::Unknown,
        }
    }
}

/// What Port answers to a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BulkAnswer {
    /// What became of each entity, in their order.
    Each(Vec<Result<Written, Rejection>>),
    /// The request was refused as a whole.
    Refused(Rejection),
}

/// What becomes of a batch; or why nothing can be said of it.
pub type BulkResult = Result<BulkAnswer, Error>;

impl Port {
    /// A client of the API at `base_url`. Nothing is sent yet. `on_token` sees every new access
    /// token before it is used.
    pub fn new(client: Client, base_url: Url, credentials: Credentials, on_token: OnToken) -> Self {
        let tokens = TokenKeeper::new(credentials, on_token);
        Self {
            client,
            base_url,
            sender: Sender::new(Service::Port),
            tokens,
            upsert_limit: BulkLimit::new(MAX_ENTITIES),
            deletion_limit: BulkLimit::new(MAX_DELETIONS),
            blueprints: Mutex::default(),
        }
    }

    /// The same, sending nothing any more and ending all waits once `shutdown` is requested.
    pub fn stop_on(self, shutdown: Shutdown) -> Self {
        Self {
            sender: self.sender.stop_on(shutdown),
            ..self
        }
    }

    /// The same, with another treatment of requests for which the budget does not suffice.
    pub fn when_exhausted(self, when_exhausted: WhenExhausted) -> Self {
        let port = Self {
            sender: self.sender.when_exhausted(when_exhausted),
            ..self
        };
        port.keep(0);
        port
    }

    /// Keeps so many requests of the budget, and a few more, for those that finish what was begun
    /// ([`Reserve::Use`]). It matters where requests fail instead of waiting.
    pub fn keep(&self, requests: usize) {
        let requests = u64::try_from(requests).unwrap_or(u64::MAX);
        self.sender.keep(requests.saturating_add(ALWAYS_KEPT));
    }

    /// How many requests there may be under way at the same time.
    pub fn concurrency(&self) -> usize {
        self.sender.concurrency()
    }

    /// How many requests were sent.
    pub fn requests(&self) -> usize {
        self.sender.sent()
    }

    /// How many entities one request writes at most: 20, until Port says otherwise.
    pub fn upsert_limit(&self) -> usize {
        self.upsert_limit.get()
    }

    fn note_upsert_limit(&self, bulk: &wire::Bulk) {
        self.upsert_limit.note(bulk.max_bulk_size);
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
    ) -> BulkResult {
        let path = ["blueprints", blueprint.as_str(), "entities"];
        let mut url = match body.count() {
            1 => self.url(&path),
            _ => self.url(&[&path[..], &["bulk"]].concat()),
        };
        wire::add_upsert_query(&mut url, merge, options);
        let what = format!(
            "the upsert of {}",
            counted_entities(body.count(), blueprint)
        );
        let request = || {
            self.client
                .post(url.clone())
                .header("content-type", "application/json")
                .body(body.bytes())
        };
        let results = match body.count() {
            1 => {
                let written = self.call::<wire::UpsertAnswer>(&what, request).await?;
                written.map(|one| vec![Ok(one.into())])
            }
            count => {
                let written = self.call::<wire::Bulk>(&what, request).await?;
                written.map(|bulk| {
                    self.note_upsert_limit(&bulk);
                    bulk.results(count)
                })
            }
        };
        Ok(match results {
            Ok(results) => BulkAnswer::Each(results),
            Err(rejection) => BulkAnswer::Refused(self.explained(blueprint, rejection).await?),
        })
    }

    /// Says of a 404 whether Port has the blueprint at all: its message does not say that.
    async fn explained(
        &self,
        blueprint: &BlueprintId,
        rejection: Rejection,
    ) -> Result<Rejection, Error> {
        if rejection.code != ErrorCode::NotFound || self.has_blueprint(blueprint).await? {
            return Ok(rejection);
        }
        Ok(Rejection {
            code: ErrorCode::MissingBlueprint,
            message: format!("there is no blueprint \"{blueprint}\""),
            ..rejection
        })
    }

    /// Whether Port has a blueprint, as far as it says so. What was there once is not looked up again.
    async fn has_blueprint(&self, blueprint: &BlueprintId) -> Result<bool, Error> {
        let known = || {
            self.blueprints
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if known().contains(blueprint) {
            return Ok(true);
        }
        let is_missing = match self.raw_blueprint(blueprint).await? {
            Ok(_) => false,
            Err(rejection) => rejection.code == ErrorCode::NotFound,
        };
        if !is_missing {
            known().insert(blueprint.clone());
        }
        Ok(!is_missing)
    }

    /// Sends a request with a token until Port answers; a success has a body of the form `T`.
    ///
    /// # Errors
    /// If Port is unreachable or the credentials are refused. Inside: if Port refuses the request, or
    /// something else answers instead until the last try.
    async fn call<T: DeserializeOwned>(
        &self,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Result<T, Rejection>, Error> {
        self.call_with(what, Reserve::Keep, request).await
    }

    /// The same, using what is kept of the budget if `reserve` says so.
    ///
    /// # Errors
    /// As above.
    async fn call_with<T: DeserializeOwned>(
        &self,
        what: &str,
        reserve: Reserve,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Result<T, Rejection>, Error> {
        let what = Request::from(what).answered_by(refusal::is_own::<T>);
        let answer = self.authorized(what.reserve(reserve), request).await?;
        Ok(refusal::read(&answer))
    }

    /// The same where the run cannot go on without the answer.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or the request, or something else answers.
    async fn fetch<T: DeserializeOwned>(
        &self,
        what: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<T, Error> {
        let answer = self.call(what, request).await?;
        answer.map_err(|rejection| rejection.into_error(what))
    }

    /// Sends with a token; if Port no longer accepts it, once more with a new one.
    async fn authorized(
        &self,
        what: Request<'_>,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<Answer, Error> {
        let is_own = what.is_own;
        let token = self.token().await?;
        let answer = self.send_with(&token, what, &request).await?;
        if !is_refused_token(&answer, is_own) {
            return Ok(answer);
        }
        self.tokens.forget(&token).await;
        let token = self.token().await?;
        let answer = self.send_with(&token, what, &request).await?;
        match is_refused_token(&answer, is_own) {
            true => Err(self.unauthorized(&answer)),
            false => Ok(answer),
        }
    }

    async fn send_with(
        &self,
        token: &auth::Token,
        what: Request<'_>,
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
        let Rejection {
            status, message, ..
        } = Rejection::of(answer);
        Error::Unauthorized {
            host: http::host_and_port(&self.base_url),
            status,
            message,
        }
    }
}

/// Whether Port no longer accepts a token. A gateway's 401 is about the gateway.
fn is_refused_token(answer: &Answer, is_own: IsOwn) -> bool {
    answer.status == StatusCode::UNAUTHORIZED && is_own(answer)
}
