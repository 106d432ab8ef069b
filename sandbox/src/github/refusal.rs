//! Errors as GitHub words them.

use serde_json::json;

use crate::git::GitError;
use crate::journal::Answer;

/// What a route gives: an answer, or an error with GitHub's body.
pub(super) type Outcome = Result<Answer, Refusal>;

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Answer);

const DOCUMENTATION: &str = "https://docs.github.com/rest";

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        let body = json!({
            "message": message.into(),
            "documentation_url": DOCUMENTATION,
            "status": status.to_string(),
        });
        Self(Answer::json(status, &body))
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// `accepted` goes into the header `X-Accepted-GitHub-Permissions`:
    /// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible>.
    pub(super) fn forbidden(accepted: String) -> Self {
        let Self(answer) = Self::new(403, "Resource not accessible by integration");
        Self(answer.with_header("x-accepted-github-permissions", accepted))
    }

    pub(super) fn not_json() -> Self {
        Self::new(400, "Problems parsing JSON")
    }

    /// A comment's text that is not accepted, in the `validation-error` schema.
    pub(super) fn invalid(message: &str) -> Self {
        let body = json!({
            "message": "Validation Failed",
            "documentation_url": DOCUMENTATION,
            "status": "422",
            "errors": [{
                "resource": "IssueComment",
                "code": "custom",
                "field": "body",
                "message": message,
            }],
        });
        Self(Answer::json(422, &body))
    }
}

impl From<GitError> for Refusal {
    /// GitHub never says why; here it helps whoever reads the journal.
    fn from(error: GitError) -> Self {
        Self::new(500, error.to_string())
    }
}
