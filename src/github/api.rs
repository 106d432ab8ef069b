//! octocrab on our own HTTP client, with our own retries.

use http_body_util::BodyExt;
use octocrab::service::middleware::base_uri::BaseUriLayer;
use octocrab::service::middleware::extra_headers::ExtraHeadersLayer;
use octocrab::service::middleware::reqwest_connector::ReqwestConnector;
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, HeaderName, HeaderValue, USER_AGENT};
use secrecy::SecretString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::http::retry::{Api as Rules, Attempt, Request, Sender};
use crate::http::{self, Answer, Client, TransportError};
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
}

/// Why GitHub cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The token is not accepted.
    #[error("GitHub does not accept the token ({message}); check the input `github-token`")]
    Unauthorized {
        /// GitHub's own words.
        message: String,
    },
    /// The token may not do this.
    #[error(
        "GitHub refused to read {path} ({message}); give the job `permissions: contents: read`, or a token with that right in the input `github-token`"
    )]
    Forbidden {
        /// What was asked for.
        path: String,
        /// GitHub's own words.
        message: String,
    },
    /// There is no such thing, or the token may not know of it.
    #[error(
        "GitHub knows no {path}, or does not show it to this token ({message}); check that the job has `permissions: contents: read`"
    )]
    NotFound {
        /// What was asked for.
        path: String,
        /// GitHub's own words.
        message: String,
    },
    /// GitHub answered with another error.
    #[error("GitHub answered {path} with {status}: {message}")]
    Refused {
        /// What was asked for.
        path: String,
        /// The HTTP status.
        status: StatusCode,
        /// GitHub's own words.
        message: String,
    },
    /// GitHub cannot be reached.
    #[error("GitHub could not be reached: {}; {}", .0, .0.help("github-api-url"))]
    Unreachable(#[from] TransportError),
    /// The answer is JSON, but not what the specification says.
    #[error(
        "GitHub answered {path} in an unknown form: {reason}; check that `github-api-url` is GitHub's API"
    )]
    UnknownForm {
        /// What was asked for.
        path: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A GraphQL query failed.
    #[error("GitHub could not answer a GraphQL query: {0}")]
    GraphQl(String),
    /// Something that this version cannot do.
    #[error("{0}")]
    NotSupportedYet(String),
    /// The URL or the token cannot be used.
    #[error("the client for GitHub cannot be set up: {0}")]
    SetUp(String),
}

/// GitHub's two APIs.
#[derive(Debug)]
pub(super) struct Api {
    rest: Octocrab,
    graphql: Octocrab,
    urls: GitHubUrls,
    client: Client,
    sender: Sender,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    message: String,
}

#[derive(Deserialize)]
struct GraphQlAnswer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<GraphQlError>,
}

/// What is wrong with a GraphQL query, or with one field of its answer.
#[derive(Debug, Deserialize)]
struct GraphQlError {
    message: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The field, from the query's root.
    #[serde(default)]
    path: Vec<Value>,
}

impl GraphQlError {
    /// Whether it only says that something in the repository is not there: GitHub says so beside
    /// the `null` that stands in its place. Of the repository itself that is more than a gap.
    fn is_about_a_gap(&self) -> bool {
        self.kind.as_deref() == Some("NOT_FOUND") && self.path.len() > 1
    }
}

const GRAPHQL_PATH: &str = "/graphql";

impl Api {
    pub(super) fn new(access: Access<'_>) -> Result<Self, Error> {
        // One instance cannot serve both: based at `/api/v3` it would ask for `/api/v3/graphql`.
        let graphql_base = access.urls.graphql.as_str().trim_end_matches(GRAPHQL_PATH);
        Ok(Self {
            rest: octocrab(&access, access.urls.rest.as_str())?,
            graphql: octocrab(&access, graphql_base)?,
            urls: access.urls.clone(),
            client: access.client,
            sender: Sender::new(Rules::GitHub),
        })
    }

    pub(super) fn requests(&self) -> usize {
        self.sender.sent()
    }

    /// Reads what is at `path`, percent-encoded, below the REST API's base.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let attempt = async || {
            self.attempt(&self.urls.rest, self.rest._get(path).await)
                .await
        };
        let answer = self.sender.send(path, attempt).await?;
        if answer.status.is_success() {
            read(&answer, path)
        } else {
            Err(refusal(&answer, path))
        }
    }

    /// Sends a GraphQL query and gives its data, in which `null` stands for what is not there.
    pub(super) async fn graphql(&self, query: &str, variables: &Value) -> Result<Value, Error> {
        let body = serde_json::json!({ "query": query, "variables": variables });
        let attempt = async || {
            let response = self.graphql._post(GRAPHQL_PATH, Some(&body)).await;
            self.attempt(&self.urls.graphql, response).await
        };
        let request = Request::from("a GraphQL query").graphql();
        let answer = self.sender.send(request, attempt).await?;
        if !answer.status.is_success() {
            return Err(refusal(&answer, GRAPHQL_PATH));
        }
        let GraphQlAnswer { data, errors } = read(&answer, GRAPHQL_PATH)?;
        match (
            data,
            errors.into_iter().find(|error| !error.is_about_a_gap()),
        ) {
            (_, Some(error)) => Err(Error::GraphQl(error.message)),
            (Some(data), None) => Ok(data),
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

fn read<T: DeserializeOwned>(answer: &Answer, path: &str) -> Result<T, Error> {
    answer.json().map_err(|reason| Error::UnknownForm {
        path: path.to_owned(),
        reason: reason.to_string(),
    })
}

fn refusal(answer: &Answer, path: &str) -> Error {
    let path = path.to_owned();
    let reason = answer
        .status
        .canonical_reason()
        .unwrap_or("no reason given");
    let message = answer
        .json()
        .map_or_else(|_| reason.to_owned(), |ErrorAnswer { message }| message);
    match answer.status {
        StatusCode::UNAUTHORIZED => Error::Unauthorized { message },
        StatusCode::FORBIDDEN => Error::Forbidden { path, message },
        StatusCode::NOT_FOUND => Error::NotFound { path, message },
        status => Error::Refused {
            path,
            status,
            message,
        },
    }
}
