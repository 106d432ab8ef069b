//! Port's own verdict on entities, without writing them.
//!
//! [Create multiple entities](https://docs.port.io/api-reference/create-multiple-entities), with
//! `validation_only`.

use serde::Deserialize;

use super::wire::{self, Body, Done, Failed};
use super::{Error, Port, Rejection, WriteOptions};
use crate::catalog::entity::BlueprintId;
use crate::inputs::Merge;

/// What Port would say to each entity of a batch, in its order; or why nothing can be said of any.
pub type Verdicts = Result<Vec<Result<(), Rejection>>, Error>;

#[derive(Deserialize)]
struct OneVerdict {
    #[serde(rename = "ok")]
    _ok: Done,
}

#[derive(Deserialize)]
struct BulkVerdict {
    errors: Vec<Failed>,
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
        let verdicts = match body.count() {
            1 => {
                let verdict = self.call::<OneVerdict>(&what, request).await?;
                verdict.map(|_| vec![Ok(())])
            }
            count => {
                let verdict = self.call::<BulkVerdict>(&what, request).await?;
                verdict.map(|verdict| verdict.of_each(count))
            }
        };
        Ok(match verdicts {
            Ok(verdicts) => verdicts,
            Err(rejection) => vec![Err(rejection); body.count()],
        })
    }
}

impl BulkVerdict {
    /// What is said of each of `count` entities. Who is not named among the errors is fine: of an
    /// entity that is not written there is nothing else to say.
    fn of_each(self, count: usize) -> Vec<Result<(), Rejection>> {
        let mut verdicts = vec![Ok(()); count];
        for error in self.errors {
            if let Some(verdict) = verdicts.get_mut(error.index) {
                *verdict = Err(error.into());
            }
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_are_matched_by_index() {
        let body = json!({"ok": false, "entities": [], "errors": [
            {"index": 1, "statusCode": 422, "identifier": "b", "error": "x", "message": "no"},
            {"index": 9, "statusCode": 422, "identifier": "?", "error": "x", "message": "no"},
        ]});
        let verdict: BulkVerdict = serde_json::from_value(body).unwrap();
        let verdicts = verdict.of_each(3);
        let status = |verdict: &Result<(), Rejection>| verdict.as_ref().err().map(|no| no.status);
        let statuses: Vec<_> = verdicts.iter().map(status).collect();
        assert_eq!(statuses, [None, Some(422), None]);
    }
}
