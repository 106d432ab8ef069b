//! Port's own verdict on entities, without writing them.
//!
//! [Create multiple entities](https://docs.port.io/api-reference/create-multiple-entities), with
//! `validation_only`.

use serde::Deserialize;

use super::wire::{self, Body};
use super::{Error, Port, Rejection, WriteOptions};
use crate::catalog::entity::BlueprintId;
use crate::http::Answer;
use crate::inputs::Merge;

/// What Port would say to each entity of a batch, in its order; or why nothing can be said of any.
pub type Verdicts = Result<Vec<Result<(), Rejection>>, Error>;

#[derive(Deserialize)]
struct BulkVerdict {
    #[serde(default)]
    errors: Vec<Complaint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    index: usize,
    status_code: u16,
    #[serde(default)]
    message: String,
}

impl Port {
    /// Asks what writing `body`, entities of `blueprint`, would lead to. Nothing is written.
    ///
    /// Each batch is judged by itself: relation targets that another one creates are missing for
    /// Port, unless `options` let it create them. They are merged as `merge` says and not the options.
    ///
    /// # Errors
    /// If that says nothing of any entity: Port is unreachable or the credentials are refused.
    pub async fn validate(
        &self,
        blueprint: &BlueprintId,
        body: &Body,
        merge: Merge,
        options: &WriteOptions,
    ) -> Verdicts {
        let path = ["blueprints", blueprint.as_str(), "entities"];
        let mut url = match body.count() {
            1 => self.url(&path),
            _ => self.url(&[&path[..], &["bulk"]].concat()),
        };
        wire::add_upsert_query(&mut url, merge, options);
        url.query_pairs_mut().append_pair("validation_only", "true");
        let what = format!("the validation of {} `{blueprint}`", body.count());
        let request = || {
            self.client
                .post(url.clone())
                .header("content-type", "application/json")
                .body(body.bytes())
        };
        let answer = self.authorized(&what, request).await?;
        read(&answer, body.count(), &what)
    }
}

/// What an answer says of each of `count` entities. Who is not named among the errors is fine: of an
/// entity that is not written there is nothing else to say.
fn read(answer: &Answer, count: usize, what: &str) -> Verdicts {
    if !answer.status.is_success() {
        let rejection = Rejection {
            status: answer.status.as_u16(),
            message: wire::message(answer),
        };
        return Ok(vec![Err(rejection); count]);
    }
    let mut verdicts = vec![Ok(()); count];
    if count > 1 {
        let BulkVerdict { errors } = wire::read(answer, what)?;
        for error in errors {
            if let Some(verdict) = verdicts.get_mut(error.index) {
                *verdict = Err(Rejection {
                    status: error.status_code,
                    message: error.message,
                });
            }
        }
    }
    Ok(verdicts)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;
    use serde_json::{Value, json};

    use super::*;

    fn verdicts(status: u16, body: Value, count: usize) -> Vec<Option<u16>> {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_string().into(),
        };
        let verdicts = read(&answer, count, "it").unwrap();
        let status = |verdict: Result<(), Rejection>| verdict.err().map(|one| one.status);
        verdicts.into_iter().map(status).collect()
    }

    #[test]
    fn errors_are_matched_by_index() {
        let body = json!({"ok": false, "entities": [], "errors": [
            {"index": 1, "statusCode": 422, "identifier": "b", "error": "x", "message": "no"},
            {"index": 9, "statusCode": 422, "identifier": "?", "error": "x", "message": "no"},
        ]});
        assert_eq!(verdicts(207, body, 3), [None, Some(422), None]);
    }

    #[test]
    fn a_refusal_is_of_all() {
        let body = json!({"ok": false, "error": "x", "message": "no"});
        assert_eq!(verdicts(422, body.clone(), 2), [Some(422), Some(422)]);
        assert_eq!(verdicts(422, body, 1), [Some(422)]);
        assert_eq!(verdicts(201, json!({"ok": true, "entity": {}}), 1), [None]);
    }
}
