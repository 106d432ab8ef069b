//! octocrab on our own HTTP client, with our own retries.

use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::BodyExt;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue, USER_AGENT};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;
use url::{Position, Url};

use super::error::{Error, GraphQlError, refusal};
use crate::http::retry::{Attempt, Request, Reserve, Sender, Service, WhenExhausted};
use crate::http::stale_answers::Patience;
use crate::http::{self, Answer, CONCURRENT_REQUESTS, Client};
use crate::inputs::GitHubUrls;

/// How GitHub is reached, and as whom.
#[derive(Debug)]
pub struct Access<'a> {
    /// The client that carries the requests.
    pub client: Client,
    /// Where the APIs are.
    pub urls: &'a GitHubUrls,
    /// The token.
    pub token: &'a SecretString,
    /// Who acts, for the User-Agent.
    pub owner: &'a str,
    /// For how long something is looked for that may not be visible yet.
    pub patience: Patience,
    /// What happens once GitHub's budget is nearly used up.
    pub when_exhausted: WhenExhausted,
}

/// GitHub's two APIs.
#[derive(Debug)]
pub(super) struct Api {
    rest: Octocrab,
    graphql: Octocrab,
    urls: GitHubUrls,
    client: Client,
    sender: Sender,
    /// Many repositories are read at the same time, and GitHub [limits][docs] what is under way.
    ///
    /// [docs]: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
    under_way: Semaphore,
    /// Whether GitHub has accepted the token.
    accepted: AtomicBool,
}

#[derive(Deserialize)]
struct GraphQlAnswer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

/// How often a read is sent on: a repository can have been renamed more than once.
const MAX_REDIRECTS: usize = 5;

/// The endpoint's path, also in [`Error::Forbidden`] where GraphQL as a whole is not allowed.
pub(super) const GRAPHQL_PATH: &str = "/graphql";

/// Makes a time-out a status that is not worth another try: a smaller query helps more
/// ([`Error::QueryTooHeavy`]). [After ten seconds][docs] GitHub answers 502 or 504.
///
/// [docs]: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#timeouts
fn without_timeout(mut answer: Answer) -> Answer {
    let is_timeout = matches!(
        answer.status,
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT
    );
    if is_timeout || is_too_heavy(&answer) {
        answer.status = StatusCode::PAYLOAD_TOO_LARGE;
    }
    answer
}

/// Whether GraphQL says, with status 200, that a smaller query would have been answered.
fn is_too_heavy(answer: &Answer) -> bool {
    let errors = answer.json().map(|GraphQlAnswer { errors, .. }| errors);
    errors.is_ok_and(|errors| errors.iter().any(GraphQlError::is_about_weight))
}

impl Api {
    pub(super) fn new(access: Access<'_>) -> Result<Self, Error> {
        // One instance cannot serve both: based at `/api/v3` it would request `/api/v3/graphql`.
        let graphql_base = access.urls.graphql.as_str().trim_end_matches(GRAPHQL_PATH);
        Ok(Self {
            rest: octocrab(&access, access.urls.rest.as_str())?,
            graphql: octocrab(&access, graphql_base)?,
            urls: access.urls.clone(),
            client: access.client,
            sender: Sender::new(Service::GitHub).when_exhausted(access.when_exhausted),
            under_way: Semaphore::new(CONCURRENT_REQUESTS),
            accepted: AtomicBool::new(false),
        })
    }

    pub(super) fn requests(&self) -> usize {
        self.sender.sent()
    }

    /// Reads what is at `path`, percent-encoded, below the REST API's base.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        read(&self.get_answer(path).await?, path)
    }

    /// The same, with the answer's headers.
    pub(super) async fn get_answer(&self, path: &str) -> Result<Answer, Error> {
        let get = async |path: &str| {
            let attempt = async || {
                let response = self.rest._get(path).await;
                self.attempt(&self.urls.rest, response).await
            };
            self.send(path.into(), attempt).await
        };
        let mut answer = get(path).await?;
        for _ in 0..MAX_REDIRECTS {
            let Some(moved) = self
                .moved_to(&answer)
                .filter(|_| answer.status.is_redirection())
            else {
                break;
            };
            answer = get(&moved).await?;
        }
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(self.known(refusal(&answer, path))),
        }
    }

    /// The path of the [page] that follows the one in an answer; `None` if it is the last.
    ///
    /// [page]: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api#using-link-headers
    pub(super) fn next_page(&self, answer: &Answer) -> Option<String> {
        let links = answer.header("link")?.split(',');
        let mut next = links.filter(|link| link.contains("rel=\"next\""));
        let (_, link) = next.next()?.split_once('<')?;
        self.below_base(link.split_once('>')?.0)
    }

    /// Sends `body` to `path`, and again only if GitHub is certain to have done nothing: for what
    /// must not be there twice.
    pub(super) async fn post_unrepeated(&self, path: &str, body: &impl Serialize) -> Attempt {
        let send = async |path: &str| self.rest._post(path, Some(body)).await;
        self.write(Request::from(path).once(), send).await
    }

    /// Changes what is at `path`, percent-encoded, below the REST API's base.
    pub(super) async fn patch(&self, path: &str, body: &impl Serialize) -> Result<(), Error> {
        let send = async |path: &str| self.rest._patch(path, Some(body)).await;
        self.done(&self.write(path.into(), send).await?, path)
    }

    /// Deletes what is at `path`, percent-encoded, below the REST API's base.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Error> {
        let send = async |path: &str| self.rest._delete(path, None::<&()>).await;
        self.done(&self.write(path.into(), send).await?, path)
    }

    /// What became of a request to `path` whose answer says nothing else.
    fn done(&self, answer: &Answer, path: &str) -> Result<(), Error> {
        match answer.status.is_success() {
            true => Ok(()),
            false => Err(self.known(refusal(answer, path))),
        }
    }

    /// The same error in the light of what was answered before.
    fn known(&self, error: Error) -> Error {
        match error {
            Error::Unauthorized { message } if self.accepted.load(Ordering::Relaxed) => {
                Error::TokenEnded { message }
            }
            error => error,
        }
    }

    async fn send(&self, request: Request<'_>, attempt: impl AsyncFn() -> Attempt) -> Attempt {
        // It is never closed.
        let _permit = self.under_way.acquire().await;
        let result = self.sender.send(request, attempt).await;
        if result
            .as_ref()
            .is_ok_and(|answer| answer.status.is_success())
        {
            self.accepted.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Sends a request that writes, and that is called by the path it goes to.
    ///
    /// A repository that was renamed answers 307 and does nothing, and the request is then sent to
    /// where it says: the client cannot repeat a body that octocrab streams. See [redirects][docs].
    ///
    /// [docs]: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
    async fn write<B>(
        &self,
        request: Request<'_>,
        send: impl AsyncFn(&str) -> octocrab::Result<::http::Response<B>>,
    ) -> Attempt
    where
        B: http_body::Body<Error = octocrab::Error>,
    {
        let send_to = async |path: &str| {
            let attempt = async || self.attempt(&self.urls.rest, send(path).await).await;
            let request = Request {
                what: path,
                ..request
            };
            self.send(request, attempt).await
        };
        let answer = send_to(request.what).await?;
        let keeps_method = matches!(
            answer.status,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        );
        match self.moved_to(&answer).filter(|_| keeps_method) {
            Some(moved) => send_to(&moved).await,
            None => Ok(answer),
        }
    }

    /// The path below the API's base to which an answer's `location` points; another server's is
    /// not followed.
    fn moved_to(&self, answer: &Answer) -> Option<String> {
        self.below_base(answer.header("location")?)
    }

    fn below_base(&self, url: &str) -> Option<String> {
        let base = &self.urls.rest;
        let target = base.join(url).ok()?;
        let path = &target[Position::BeforePath..Position::AfterQuery];
        let below = path.strip_prefix(base.path().trim_end_matches('/'))?;
        (target.origin() == base.origin()).then(|| below.to_owned())
    }

    /// Sends a GraphQL query and gives its data, in which `null` stands for what is not there, and the
    /// errors that are about parts of the data.
    ///
    /// A 403 or 404 of the endpoint itself, as some proxies give it, is [`Error::Forbidden`] at
    /// [`GRAPHQL_PATH`].
    pub(super) async fn graphql(
        &self,
        query: &str,
        variables: &Value,
        reserve: Reserve,
    ) -> Result<(Value, Vec<GraphQlError>), Error> {
        let body = serde_json::json!({ "query": query, "variables": variables });
        let attempt = async || {
            let response = self.graphql._post(GRAPHQL_PATH, Some(&body)).await;
            let answer = self.attempt(&self.urls.graphql, response).await?;
            Ok(without_timeout(answer))
        };
        let request = Request::from("a GraphQL query").graphql().reserve(reserve);
        let answer = self.send(request, attempt).await?;
        if !answer.status.is_success() {
            return Err(self.known(graphql_refusal(&answer)));
        }
        let GraphQlAnswer { data, mut errors } = read(&answer, GRAPHQL_PATH)?;
        let of_all = |error: &GraphQlError| data.is_none() || error.is_about_all();
        match (errors.iter().position(of_all), data) {
            (Some(index), _) => Err(errors.swap_remove(index).into_error()),
            (None, Some(data)) => Ok((data, errors)),
            (None, None) => Err(Error::GraphQl("the answer holds no data".to_owned())),
        }
    }

    async fn attempt<B>(
        &self,
        target: &Url,
        response: octocrab::Result<::http::Response<B>>,
    ) -> Attempt
    where
        B: http_body::Body<Error = octocrab::Error>,
    {
        match receive(response).await {
            Ok(answer) => self.client.check(target, answer),
            Err(error) => Err(self.client.explain(target, &error).await),
        }
    }
}

async fn receive<B>(response: octocrab::Result<::http::Response<B>>) -> octocrab::Result<Answer>
where
    B: http_body::Body<Error = octocrab::Error>,
{
    let (parts, body) = response?.into_parts();
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await?.to_bytes(),
    })
}

/// A bare stack of octocrab's layers: its default one adds a second User-Agent.
fn octocrab(access: &Access<'_>, base: &str) -> Result<Octocrab, Error> {
    let set_up = |reason: String| Error::SetUp(reason);
    let base = base.trim_end_matches('/');
    let base = base
        .parse()
        .map_err(|reason| set_up(format!("{base}: {reason}")))?;
    let user_agent = HeaderValue::from_str(&http::user_agent(access.owner))
        .map_err(|reason| set_up(reason.to_string()))?;
    let headers = vec![
        (USER_AGENT, user_agent),
        (
            ACCEPT,
            HeaderValue::from_static("application/vnd.github+json"),
        ),
        (
            HeaderName::from_static("x-github-api-version"),
            HeaderValue::from_static("2022-11-28"),
        ),
    ];
    let built = OctocrabBuilder::new_empty()
        .with_service(ReqwestConnector::new(access.client.reqwest().clone()))
        .with_layer(&ExtraHeadersLayer::new(std::sync::Arc::new(headers)))
        .with_layer(&BaseUriLayer::new(base))
        .with_auth(AuthState::AccessToken {
            token: access.token.clone(),
        })
        .build();
    match built {
        Ok(octocrab) => Ok(octocrab),
        Err(never) => match never {},
    }
}

/// The answer to a request to `path`.
pub(super) fn read<T: DeserializeOwned>(answer: &Answer, path: &str) -> Result<T, Error> {
    answer.json().map_err(|reason| Error::UnknownForm {
        path: path.to_owned(),
        reason: reason.to_string(),
    })
}

fn graphql_refusal(answer: &Answer) -> Error {
    match refusal(answer, GRAPHQL_PATH) {
        Error::NotFound { path, message } => Error::Forbidden { path, message },
        Error::Refused {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            message,
            ..
        } => Error::QueryTooHeavy(message),
        error => error,
    }
}
