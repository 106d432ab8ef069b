//! Reading blueprints, each once.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{CONCURRENT_REQUESTS, Error, ErrorCode, Port, Rejection};
use crate::catalog::blueprint::{Blueprint, Blueprints, OfInvalid};
use crate::catalog::entity::BlueprintId;

#[derive(Deserialize)]
pub(super) struct BlueprintAnswer {
    blueprint: Value,
}

#[derive(Deserialize)]
struct All<T> {
    blueprints: Vec<T>,
}

#[derive(Deserialize)]
struct BlueprintName {
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
        invalid.retain(|one| !blueprints.covers(one));
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
        let what = of_blueprint(identifier);
        let BlueprintAnswer { blueprint } = match self.raw_blueprint(identifier).await? {
            Ok(one) => one,
            Err(rejection) if rejection.code == ErrorCode::NotFound => return Ok(None),
            Err(rejection) => return Err(rejection.into_error(&what)),
        };
        let blueprint = Blueprint::from_json(blueprint).map_err(|reason| Error::UnknownForm {
            what,
            reason: reason.to_string(),
        })?;
        Ok(Some(blueprint))
    }

    /// [Get a blueprint](https://docs.port.io/api-reference/get-a-blueprint)
    pub(super) async fn raw_blueprint(
        &self,
        identifier: &BlueprintId,
    ) -> Result<Result<BlueprintAnswer, Rejection>, Error> {
        let url = self.url(&["blueprints", identifier.as_str()]);
        let request = || self.client.get(url.clone());
        self.call(&of_blueprint(identifier), request).await
    }

    /// All blueprints that the credentials may read, by identifier, in Port's own form. One request.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn all_blueprints(&self) -> Result<BTreeMap<String, Value>, Error> {
        let named = |blueprint: Value| match blueprint["identifier"].as_str() {
            Some(identifier) => Ok((identifier.to_owned(), blueprint)),
            None => Err(Error::UnknownForm {
                what: OF_ALL.to_owned(),
                reason: "a blueprint has no `identifier`".to_owned(),
            }),
        };
        let blueprints = self.fetch_all::<Value>().await?;
        blueprints.into_iter().map(named).collect()
    }

    async fn blueprint_names(&self) -> Result<Vec<String>, Error> {
        let blueprints = self.fetch_all::<BlueprintName>().await?;
        Ok(blueprints
            .into_iter()
            .map(|blueprint| blueprint.identifier)
            .collect())
    }

    /// [Get all blueprints](https://docs.port.io/api-reference/get-all-blueprints)
    async fn fetch_all<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        let url = self.url(&["blueprints"]);
        let all: All<T> = self.fetch(OF_ALL, || self.client.get(url.clone())).await?;
        Ok(all.blueprints)
    }
}

const OF_ALL: &str = "the request for all blueprints";

fn of_blueprint(identifier: &BlueprintId) -> String {
    format!("the request for the blueprint `{identifier}`")
}
