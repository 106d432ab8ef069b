//! Port's own validation of entities, without writing them.
//!
//! [Create multiple entities](https://docs.port.io/api-reference/create-multiple-entities), with
//! `validation_only`.

use serde::Deserialize;

use super::wire::{self, Body, Done, FailedItem};
use super::{Error, Port, Rejection, WriteOptions, counted_entities};
use crate::catalog::entity::BlueprintId;
use crate::inputs::Merge;

/// What Port would say to each entity of a batch, in its order; or why nothing can be said of any.
pub type Validations = Result<Vec<Result<(), Rejection>>, Error>;

#[derive(Deserialize)]
struct OneValidation {
    #[serde(rename = "ok")]
    _ok: Done,
}

#[derive(Deserialize)]
struct BulkValidation {
    errors: Vec<FailedItem>,
}

impl Port {
    /// Validates `body`, entities of `blueprint`, in Port. Nothing is written.
    ///
    /// Each batch is validated by itself: relation targets that another one creates are missing for
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
    ) -> Validations {
        let path = ["blueprints", blueprint.as_str(), "entities"];
        let mut url = match body.count() {
            1 => self.url(&path),
            _ => self.url(&[&path[..], &["bulk"]].concat()),
        };
        wire::add_upsert_query(&mut url, merge, options);
        url.query_pairs_mut().append_pair("validation_only", "true");
        let what = format!(
            "the validation of {}",
            counted_entities(body.count(), blueprint)
        );
        let request = || {
            self.client
                .post(url.clone())
                .header("content-type", "application/json")
                .body(body.bytes())
        };
        let validations = match body.count() {
            1 => {
                let validation = self.call::<OneValidation>(&what, request).await?;
                validation.map(|_| vec![Ok(())])
            }
            count => {
                let validation = self.call::<BulkValidation>(&what, request).await?;
                validation.map(|validation| validation.of_each(count))
            }
        };
        Ok(match validations {
            Ok(validations) => validations,
            Err(rejection) => vec![Err(rejection); body.count()],
        })
    }
}

impl BulkValidation {
    /// What is said of each of `count` entities. Who is not named among the errors is fine: of an
    /// entity that is not written there is nothing else to say.
    fn of_each(self, count: usize) -> Vec<Result<(), Rejection>> {
        let mut validations = vec![Ok(()); count];
        for error in self.errors {
            if let Some(validation) = validations.get_mut(error.index) {
                *validation = Err(error.into());
            }
        }
        validations
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
        let validation: BulkValidation = serde_json::from_value(body).unwrap();
        let validations = validation.of_each(3);
        let status =
            |validation: &Result<(), Rejection>| validation.as_ref().err().map(|no| no.status);
        let statuses: Vec<_> = validations.iter().map(status).collect();
        assert_eq!(statuses, [None, Some(422), None]);
    }
}
