//! Answers that say no. Which code goes with what is from the tables of Port's API reference, such
//! as <https://docs.port.io/api-reference/create-an-entity> and
//! <https://docs.port.io/api-reference/delete-an-entity>.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

/// A refused request, or a refused entity in a bulk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status; for an entity in a bulk, its `statusCode`.
    pub status: u16,
    /// A word for the kind of error, such as `not_found`.
    pub error: String,
    /// What is wrong, for people.
    pub message: String,
}

impl Failure {
    /// A failure with any status.
    pub fn new(status: u16, error: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            error: error.into(),
            message: message.into(),
        }
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(401, "unauthorized", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "not_found", message)
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, "invalid_request", message)
    }

    pub(super) fn mismatch(message: impl Into<String>) -> Self {
        Self::new(422, "blueprint_schema_mismatch", message)
    }

    pub(super) fn taken(identifier: &str) -> Self {
        let message = format!("The identifier \"{identifier}\" is taken");
        Self::new(409, "identifier_taken", message)
    }

    pub(super) fn missing_permissions() -> Self {
        let message = "You do not have permissions to perform the requested operation";
        Self::new(403, "missing_permissions", message)
    }

    pub(super) fn run_exhausted() -> Self {
        let message = "The action run has finished already";
        Self::new(400, "run_exhausted", message)
    }

    /// It names nobody, and neither does Port's.
    pub(super) fn has_dependents() -> Self {
        Self::new(403, "has_dependents", "The entity has dependents")
    }

    pub(super) fn too_large() -> Self {
        let message = "Request body is too large (limit is 1MiB)";
        Self::new(413, "bad_request", message)
    }

    /// The failure as one of a bulk's `errors`.
    pub(super) fn of_entity(&self, index: usize, identifier: &str) -> Value {
        json!({
            "identifier": identifier,
            "index": index,
            "statusCode": self.status,
            "error": self.error,
            "message": self.message,
        })
    }
}

/// Refuses what is not valid.
pub(super) fn invalid<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::invalid(message))
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = json!({"ok": false, "error": self.error, "message": self.message});
        (status, Json(body)).into_response()
    }
}
