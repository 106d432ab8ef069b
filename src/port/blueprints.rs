//! Reading blueprints, each once.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{CONCURRENT_REQUESTS, Error, Port, wire};
use crate::catalog::blueprint::{Blueprint, Blueprints, OfInvalid};
use crate::catalog::entity::BlueprintId;

#[derive(Deserialize)]
struct One {
    blueprint: Value,
}

#[derive(Deserialize)]
struct All {
    blueprints: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    identifier: String,
}

impl Port {
    /// Reads the blueprints called `wanted`; where some do not exist, also the names of all.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn blueprints(&self, wanted: BTreeSet<BlueprintId>) -> Result<Blueprints, Error> {
        let mut blueprints = Blueprints::default();
        for (identifier, blueprint) in self.each_blueprint(wanted).await? {
            match blueprint {
                Some(blueprint) => drop(blueprints.known.insert(identifier, blueprint)),
                None => drop(blueprints.missing.insert(identifier)),
            }
        }
        if !blueprints.missing.is_empty() {
            blueprints.names = self.blueprint_names().await?;
        }
        Ok(blueprints)
    }

    /// Reads the blueprints of what is `invalid`, as far as `blueprints` has them not yet. They only say
    /// which values are secrets, so where Port does not give them, that is noted and no error.
    pub async fn add_blueprints_of_invalid(
        &self,
        mut invalid: BTreeSet<BlueprintId>,
        blueprints: &mut Blueprints,
    ) {
        let is_read = |one: &BlueprintId| {
            blueprints.known.contains_key(one) || blueprints.missing.contains(one)
        };
        invalid.retain(|one| !is_read(one));
        match self.each_blueprint(invalid).await {
            Ok(read) => {
                let existing = read
                    .into_iter()
                    .filter_map(|(name, one)| Some((name, one?)));
                blueprints.known.extend(existing);
            }
            Err(error) => {
                tracing::warn!(
                    "which values of files with errors are secrets is not known: {error}"
                );
                blueprints.of_invalid = OfInvalid::Unknown;
            }
        }
    }

    async fn each_blueprint(
        &self,
        wanted: BTreeSet<BlueprintId>,
    ) -> Result<Vec<(BlueprintId, Option<Blueprint>)>, Error> {
        stream::iter(wanted)
            .map(|identifier| async move {
                let blueprint = self.blueprint(&identifier).await?;
                Ok((identifier, blueprint))
            })
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_collect()
            .await
    }

    /// [Get a blueprint](https://docs.port.io/api-reference/get-a-blueprint)
    async fn blueprint(&self, identifier: &BlueprintId) -> Result<Option<Blueprint>, Error> {
        let what = format!("the request for the blueprint `{identifier}`");
        let url = self.url(&["blueprints", identifier.as_str()]);
        let answer = self
            .authorized(&what, || self.client.get(url.clone()))
            .await?;
        match answer.status {
            StatusCode::NOT_FOUND => return Ok(None),
            status if !status.is_success() => return Err(wire::refused(&answer, &what)),
            _ => {}
        }
        let One { blueprint } = wire::read(&answer, &what)?;
        let blueprint = Blueprint::from_json(blueprint).map_err(|reason| Error::UnknownForm {
            what,
            reason: reason.to_string(),
        })?;
        Ok(Some(blueprint))
    }

    /// [Get all blueprints](https://docs.port.io/api-reference/get-all-blueprints)
    async fn blueprint_names(&self) -> Result<Vec<String>, Error> {
        let what = "the request for all blueprints";
        let url = self.url(&["blueprints"]);
        let answer = self
            .authorized(what, || self.client.get(url.clone()))
            .await?;
        if !answer.status.is_success() {
            return Err(wire::refused(&answer, what));
        }
        let All { blueprints } = wire::read(&answer, what)?;
        Ok(blueprints
            .into_iter()
            .map(|blueprint| blueprint.identifier)
            .collect())
    }
}
