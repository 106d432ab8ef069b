//! Deleting entities.
//!
//! [Delete multiple entities](https://docs.port.io/api-reference/delete-multiple-entities)

use serde::Deserialize;
use serde_json::json;

use super::{Error, Port, Rejection, wire};
use crate::catalog::entity::{BlueprintId, Identifier};

/// How many entities one request deletes.
pub const MAX_DELETIONS: usize = 100;

/// Read for its form: what is not said to be done is not taken for done.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    #[serde(rename = "deletedEntities")]
    _entities: Vec<String>,
}

impl Port {
    /// Deletes entities of `blueprint`, at most [`MAX_DELETIONS`]: all of them, or none if Port
    /// refuses. What relates to them is never deleted on the way.
    ///
    /// # Errors
    /// If nothing can be said of them: Port is unreachable or the credentials are refused.
    pub async fn delete(
        &self,
        blueprint: &BlueprintId,
        identifiers: &[&Identifier],
        run_id: Option<&str>,
    ) -> Result<Result<(), Rejection>, Error> {
        let path = [
            "blueprints",
            blueprint.as_str(),
            "bulk",
            "entities",
            "delete",
        ];
        let mut url = self.url(&path);
        url.query_pairs_mut()
            .append_pair("delete_dependents", "false");
        if let Some(run_id) = run_id {
            url.query_pairs_mut().append_pair("run_id", run_id);
        }
        let body = json!({ "entities": identifiers });
        let what = format!("the deletion of {} `{blueprint}`", identifiers.len());
        let request = || self.client.post(url.clone()).json(&body);
        let answer = self.authorized(&what, request).await?;
        if !answer.status.is_success() {
            return Ok(Err(wire::rejection(&answer)));
        }
        let Deleted { .. } = wire::read(&answer, &what)?;
        Ok(Ok(()))
    }
}
