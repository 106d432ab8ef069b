//! The part of GitHub's GraphQL API that reads a repository: <https://docs.github.com/graphql>.
//!
//! Types, fields and arguments have the names and types of GitHub's public schema; what is not
//! there is refused when a query is validated.

mod object;
mod query;

use async_graphql::{Context, EmptyMutation, EmptySubscription, Error, ErrorExtensions, Schema};
use serde_json::{Value, json};

use self::query::Query;
use super::refusal::{Outcome, Refusal};
use super::request::Request;
use super::state::{Settings, Shared};
use crate::journal::Answer;

/// The schema, ready to be asked.
pub(super) type GitHubSchema = Schema<Query, EmptyMutation, EmptySubscription>;

pub(super) fn schema() -> GitHubSchema {
    Schema::new(Query, EmptyMutation, EmptySubscription)
}

/// A field that may be null: an error in it leaves the rest of the data as it is.
type Nullable<T> = Option<async_graphql::Result<T>>;

/// One state of the settings for the whole of a query. Every query carries it, see [`answer`].
fn settings<'a>(context: &Context<'a>) -> &'a Settings {
    context.data_unchecked()
}

/// Answers a query. As at GitHub the status is 200 also where it failed.
pub(super) async fn answer(schema: &GitHubSchema, shared: &Shared, request: &Request) -> Outcome {
    if request.method != "POST" {
        return Err(Refusal::not_found());
    }
    let query: async_graphql::Request = request.json()?;
    let settings = shared.settings.lock().clone();
    let response = schema.execute(query.data(settings)).await;
    let mut body =
        serde_json::to_value(response).map_err(|error| Refusal::new(500, error.to_string()))?;
    tidy(&mut body);
    Ok(Answer::json(200, &body))
}

/// GitHub has an error's type beside its message, and no data where a query is not valid.
fn tidy(body: &mut Value) {
    let Some(Value::Array(errors)) = body.get_mut("errors") else {
        return;
    };
    for error in errors.iter_mut().filter_map(Value::as_object_mut) {
        let extensions = error.get_mut("extensions").and_then(Value::as_object_mut);
        if let Some(kind) = extensions.and_then(|extensions| extensions.remove("type")) {
            error.insert("type".to_owned(), kind);
        }
        error.retain(|key, value| key != "extensions" || *value != json!({}));
    }
    if let Some(body) = body.as_object_mut() {
        body.retain(|key, value| key != "data" || !value.is_null());
    }
}

/// An error with a type as GitHub gives it, such as `NOT_FOUND`.
fn failure(kind: &'static str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("type", kind))
}
