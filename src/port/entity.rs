//! One entity: reading it, and clearing what an upsert cannot clear.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::search::FoundEntity;
use super::wire::{self, Done};
use super::{Error, ErrorCode, Port, Rejection};
use crate::catalog::difference::Field;
use crate::catalog::entity::BlueprintId;
use crate::catalog::live::LiveEntity;

#[derive(Deserialize)]
struct EntityAnswer {
    #[serde(rename = "ok")]
    _ok: Done,
    entity: FoundEntity,
}

impl Port {
    /// Reads an entity as the last write left it; `None` if Port has none, or shows none.
    /// See [Get an entity](https://docs.port.io/api-reference/get-an-entity).
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn entity(
        &self,
        blueprint: &BlueprintId,
        identifier: &str,
    ) -> Result<Option<LiveEntity>, Error> {
        let what = format!("the request for `{blueprint}/{identifier}`");
        let mut url = self.entity_url(blueprint, identifier);
        url.query_pairs_mut()
            .append_pair("exclude_calculated_properties", "true");
        let request = || self.client.get(url.clone());
        match self.call::<EntityAnswer>(&what, request).await? {
            Ok(one) => Ok(Some(one.entity.into())),
            Err(rejection) if rejection.code == ErrorCode::NotFound => Ok(None),
            Err(rejection) => Err(rejection.into_error(&what)),
        }
    }

    /// Clears the title, icon or team of an entity, whichever `fields` names. Only this route takes
    /// `null` for them: see [Change an entity](https://docs.port.io/api-reference/update-an-entity).
    ///
    /// # Errors
    /// If nothing can be said of it: Port is unreachable or the credentials are refused. Inside: Port's
    /// refusal.
    pub async fn clear(
        &self,
        blueprint: &BlueprintId,
        identifier: &str,
        fields: &[Field],
        run_id: Option<&str>,
    ) -> Result<Result<(), Rejection>, Error> {
        let what = format!("the change of `{blueprint}/{identifier}`");
        let mut url = self.entity_url(blueprint, identifier);
        if let Some(run_id) = run_id {
            url.query_pairs_mut().append_pair("run_id", run_id);
        }
        let nulls = fields.iter().map(|field| (field.to_string(), Value::Null));
        let body: Map<_, _> = nulls.collect();
        let request = || self.client.patch(url.clone()).json(&body);
        let changed = self.call::<wire::UpsertAnswer>(&what, request).await?;
        Ok(changed.map(drop))
    }

    fn entity_url(&self, blueprint: &BlueprintId, identifier: &str) -> url::Url {
        self.url(&["blueprints", blueprint.as_str(), "entities", identifier])
    }
}
