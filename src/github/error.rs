//! Why GitHub cannot be worked with: what its answers mean.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::http::{Answer, TransportError, TransportErrorKind};

/// Why GitHub cannot be worked with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The token is not accepted.
    #[error("GitHub does not accept the token ({message}); check the input `github-token`")]
    Unauthorized {
        /// GitHub's own message.
        message: String,
    },
    /// The token was accepted before, and is not any more: an app's token lasts [an hour][docs].
    ///
    /// [docs]: https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app
    #[error(
        "GitHub does not accept the token any more ({message}); run the job again with a new one"
    )]
    TokenEnded {
        /// GitHub's own message.
        message: String,
    },
    /// The budget is nearly used up, and [`WhenExhausted::Fail`](super::WhenExhausted::Fail) says not to wait.
    #[error(
        "GitHub's request limit is nearly used up, and is renewed in {} min; run the job again then",
        resets_in.as_secs().div_ceil(60)
    )]
    BudgetExhausted {
        /// How long until it is renewed.
        resets_in: Duration,
    },
    /// The token may not do this.
    #[error(
        "GitHub refused {path} ({message}); give the job the permission that this needs (`contents: read` for files, `pull-requests: write` for the comment), or a token with that right in the input `github-token`"
    )]
    Forbidden {
        /// What was requested.
        path: String,
        /// GitHub's own message.
        message: String,
    },
    /// There is no such thing, or the token may not know of it.
    #[error(
        "GitHub does not know {path}, or does not show it to this token ({message}); check that the job has `permissions: contents: read`"
    )]
    NotFound {
        /// What was requested.
        path: String,
        /// GitHub's own message.
        message: String,
    },
    /// The token may not list repositories.
    #[error(
        "GitHub lists no repositories for this token ({message}); a run over many repositories needs an app's installation token with `contents: read` in the input `github-token`"
    )]
    CannotList {
        /// GitHub's own message.
        message: String,
    },
    /// There is no such commit (any more), though the repository is there.
    #[error(
        "GitHub knows no commit `{commit}`, or does not show it to this token; it may have been replaced by a force-push, the job may lack `permissions: contents: read`, or it is not known yet: then run the job again"
    )]
    NoSuchCommit {
        /// The commit's id, or the name that was to stand for one.
        commit: String,
    },
    /// A file is listed, and GitHub does not have its content.
    #[error(
        "GitHub lists `{path}` and does not have its content; it may not be known everywhere yet: run the job again"
    )]
    MissingContent {
        /// The file.
        path: String,
    },
    /// GitHub answered with another error.
    #[error("GitHub answered {path} with {status}: {message}{}", hint(*status))]
    Refused {
        /// What was requested.
        path: String,
        /// The HTTP status.
        status: StatusCode,
        /// GitHub's own message.
        message: String,
    },
    /// GitHub cannot be reached.
    #[error("GitHub could not be reached: {}; {}", .0, .0.help("github-api-url"))]
    Unreachable(TransportError),
    /// The answer is JSON, but not what the specification says.
    #[error(
        "GitHub answered {path} in an unknown form: {reason}; check that `github-api-url` is GitHub's API"
    )]
    UnknownForm {
        /// What was requested.
        path: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// A GraphQL query failed.
    #[error("GitHub could not answer a GraphQL query: {0}; run the job again")]
    GraphQl(String),
    /// A GraphQL query requests more than GitHub gives at once, in time or in size.
    #[error("GitHub gave up on a GraphQL query: {0}; run the job again")]
    QueryTooHeavy(String),
    /// A single folder has more entries than GitHub lists.
    #[error(
        "GitHub lists only a part of the folder `{0}`, because it holds too many files; move some of them"
    )]
    FolderTooLarge(String),
    /// The URL or the token cannot be used.
    #[error("the client for GitHub cannot be set up: {0}")]
    SetUp(String),
}

/// What to do about an answer that does not fit the request.
fn hint(status: StatusCode) -> &'static str {
    // A 403 that is about rights is another error: this one is about a limit.
    let is_about_a_limit =
        status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::FORBIDDEN;
    match status.is_server_error() || is_about_a_limit {
        true => "; run the job again: GitHub was busy or failing, and the tries were used up",
        false => "",
    }
}

#[derive(Deserialize)]
struct ErrorAnswer {
    message: String,
    /// What is wrong in particular: texts, or objects with one.
    #[serde(default)]
    errors: Vec<Value>,
}

impl ErrorAnswer {
    fn into_message(self) -> String {
        let text = |error: &Value| {
            let text = error.as_str().or_else(|| error["message"].as_str());
            text.map(str::to_owned)
        };
        let particulars: Vec<_> = self.errors.iter().filter_map(text).collect();
        match particulars.as_slice() {
            [] => self.message,
            texts => format!("{}: {}", self.message, texts.join(", ")),
        }
    }
}

/// What is wrong with a GraphQL query, or with one field of its answer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GraphQlError {
    message: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The field, from the query's root.
    #[serde(default)]
    path: Vec<Value>,
}

impl GraphQlError {
    /// See [resource limits][docs]: GitHub gives up on a query after ten seconds, or when it uses
    /// too much, and says so in words or by type. The words of a `NOT_FOUND` hold the path that was
    /// requested, so they say nothing of this.
    ///
    /// [docs]: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
    pub(super) fn is_about_weight(&self) -> bool {
        const TYPES: [&str; 2] = ["RESOURCE_LIMITS_EXCEEDED", "MAX_NODE_LIMIT_EXCEEDED"];
        match self.kind.as_deref() {
            Some("NOT_FOUND") => false,
            Some(kind) if TYPES.contains(&kind) => true,
            _ => {
                self.message
                    .starts_with("Something went wrong while executing your query")
                    || self.message.to_lowercase().contains("timeout")
            }
        }
    }

    pub(super) fn into_error(self) -> Error {
        let kind = self.kind.as_deref();
        if kind == Some("FORBIDDEN") {
            return Error::Forbidden {
                path: "a GraphQL query".to_owned(),
                message: self.message,
            };
        }
        if self.is_about_weight() {
            return Error::QueryTooHeavy(self.message);
        }
        if kind == Some("NOT_FOUND") {
            return Error::NotFound {
                path: "the repository".to_owned(),
                message: self.message,
            };
        }
        Error::GraphQl(self.message)
    }

    /// Whether it is about the whole query, and not about a part of its data.
    pub(super) fn is_about_all(&self) -> bool {
        self.path.is_empty() || self.is_about_weight()
    }

    /// Whether it is about the field at `path`, or about one inside it.
    pub(super) fn is_below(&self, path: &[Value]) -> bool {
        self.path.starts_with(path)
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.kind.as_deref() == Some("NOT_FOUND")
    }

    /// GitHub's own message.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Whether it only says that something in the repository is not there: GitHub says so beside
    /// the `null` that stands for it. Of the repository itself that is more than a gap.
    pub(super) fn is_about_a_gap(&self) -> bool {
        self.is_not_found() && self.path.len() > 1
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        match error.kind {
            TransportErrorKind::BudgetExhausted(resets_in) => Self::BudgetExhausted { resets_in },
            _ => Self::Unreachable(error),
        }
    }
}

impl Error {
    /// Whether GitHub gives this connection nothing more for now, whatever is requested: the token has
    /// ended or the budget is used up.
    pub fn is_about_connection(&self) -> bool {
        matches!(self, Self::TokenEnded { .. } | Self::BudgetExhausted { .. })
    }

    /// What this error of a request about `commit` means: GitHub answers 404, or 422 `No commit
    /// found for SHA`, where there is none, and 409 where the repository is empty.
    pub(super) fn about_commit(self, commit: &str) -> Self {
        let is_about_it = match &self {
            Self::NotFound { .. } => true,
            Self::Refused { status, .. } => {
                matches!(
                    *status,
                    StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT
                )
            }
            _ => false,
        };
        if is_about_it {
            let commit = commit.to_owned();
            return Self::NoSuchCommit { commit };
        }
        self
    }
}

/// Whether a 403 is not about rights. See [rate limits][docs].
///
/// [docs]: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
fn is_about_a_limit(answer: &Answer, message: &str) -> bool {
    answer.header("retry-after").is_some()
        || answer.header("x-ratelimit-remaining") == Some("0")
        || message.contains("rate limit")
}

/// GitHub's own words, and the [permissions][docs] that would have done where it says which.
///
/// [docs]: https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible
fn with_permissions(answer: &Answer, message: String) -> String {
    match answer.header("x-accepted-github-permissions") {
        Some(permissions) => {
            format!("{message}; X-Accepted-GitHub-Permissions: {permissions}")
        }
        None => message,
    }
}

/// What an answer that is no success means.
pub(super) fn refusal(answer: &Answer, path: &str) -> Error {
    let path = path.to_owned();
    let reason = answer
        .status
        .canonical_reason()
        .unwrap_or("no reason given");
    let message = answer
        .json()
        .map_or_else(|_| reason.to_owned(), ErrorAnswer::into_message);
    match answer.status {
        StatusCode::UNAUTHORIZED => Error::Unauthorized { message },
        StatusCode::FORBIDDEN if !is_about_a_limit(answer, &message) => Error::Forbidden {
            path,
            message: with_permissions(answer, message),
        },
        StatusCode::NOT_FOUND => Error::NotFound { path, message },
        status => Error::Refused {
            path,
            status,
            message,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_about_weight(kind: Option<&str>, message: &str) -> bool {
        let error = GraphQlError {
            message: message.to_owned(),
            kind: kind.map(str::to_owned),
            path: Vec::new(),
        };
        error.is_about_weight()
    }

    #[test]
    fn weight_is_told_by_type_or_in_words_that_are_not_about_a_path() {
        let exceeded = "Resource limits for this query exceeded.";
        assert!(is_about_weight(Some("RESOURCE_LIMITS_EXCEEDED"), exceeded));
        assert!(is_about_weight(None, "Timeout on validation of query"));
        assert!(is_about_weight(Some("A_NEW_WORD"), "a timeout"));
        let gap = "Could not resolve file for path 'docs/timeout.md'.";
        assert!(!is_about_weight(Some("NOT_FOUND"), gap));
        assert!(!is_about_weight(None, "Field 'x' doesn't exist"));
    }
}
