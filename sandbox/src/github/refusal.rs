//! Errors as GitHub words them.

use serde_json::{Value, json};

use crate::git::GitError;
use crate::journal::Answer;

/// What a route gives: an answer, or an error with GitHub's body.
pub(super) type Outcome = Result<Answer, Refusal>;

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    message: String,
    errors: Option<Value>,
    /// The page below `https://docs.github.com/` that it points to.
    page: &'static str,
    /// The permissions that would have done.
    accepted: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: None,
            page: "rest",
            accepted: None,
        }
    }

    pub(super) fn at(self, page: &'static str) -> Self {
        Self { page, ..self }
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// `accepted` goes into the header `X-Accepted-GitHub-Permissions`:
    /// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#resource-not-accessible>.
    pub(super) fn forbidden(accepted: String) -> Self {
        Self {
            accepted: Some(accepted),
            ..Self::new(403, "Resource not accessible by integration")
        }
    }

    pub(super) fn not_json() -> Self {
        Self::new(400, "Problems parsing JSON")
    }

    /// The `validation-error` schema.
    pub(super) fn invalid(resource: &str, field: &str, message: &str) -> Self {
        let error = json!({
            "resource": resource,
            "code": "custom",
            "field": field,
            "message": message,
        });
        Self {
            errors: Some(json!([error])),
            ..Self::new(422, "Validation Failed")
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let mut body = json!({
            "message": self.message,
            "documentation_url": format!("https://docs.github.com/{}", self.page),
            "status": self.status.to_string(),
        });
        if let Some(errors) = &self.errors {
            body["errors"] = errors.clone();
        }
        let answer = Answer::json(self.status, &body);
        match &self.accepted {
            Some(accepted) => answer.with_header("x-accepted-github-permissions", accepted),
            None => answer,
        }
    }
}

impl From<GitError> for Refusal {
    /// GitHub never says why; here it helps whoever reads the journal.
    fn from(error: GitError) -> Self {
        Self::new(500, error.to_string())
    }
}
