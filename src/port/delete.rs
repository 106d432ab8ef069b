//! Deleting entities, and what keeps them.
//!
//! [Delete multiple entities](https://docs.port.io/api-reference/delete-multiple-entities)

use std::collections::BTreeSet;
use std::fmt;

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use super::search::{self, Search};
use super::wire::Done;
use super::{CONCURRENT_REQUESTS, Error, Port, Rejection, counted_entities};
use crate::catalog::entity::{BlueprintId, Identifier};

/// How many entities one request deletes, until Port says otherwise.
pub(super) const MAX_DELETIONS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deleted {
    #[serde(rename = "ok")]
    _ok: Done,
    deleted_entities: BTreeSet<String>,
    max_bulk_size: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependants {
    entities: Vec<Dependant>,
    #[serde(default)]
    matching_blueprints: Vec<String>,
}

/// An entity that relates to another.
#[derive(Debug, Clone, Deserialize)]
pub struct Dependant {
    /// What it is called.
    pub identifier: String,
    /// Its blueprint: not specified, but known to be in answers that span blueprints.
    pub blueprint: Option<String>,
}

impl fmt::Display for Dependant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.blueprint {
            Some(blueprint) => write!(formatter, "{blueprint}/{}", self.identifier),
            None => formatter.write_str(&self.identifier),
        }
    }
}

impl Port {
    /// How many of the first `identifiers` one request deletes: at most 100, until Port says otherwise,
    /// and at least one.
    pub fn deletable<'i>(&self, identifiers: impl IntoIterator<Item = &'i Identifier>) -> usize {
        let mut bytes = 0;
        let fits = |identifier: &&Identifier| {
            // A quote on each side, a comma, and a second byte for each backslash.
            let name = identifier.as_str();
            bytes += name.len() + name.matches('\\').count() + 3;
            bytes <= search::MAX_IDENTIFIER_BYTES
        };
        let most = identifiers.into_iter().take(self.deletion_limit.get());
        most.take_while(fits).count().max(1)
    }

    /// Deletes entities of `blueprint`. What relates to them is never deleted on the way. Gives those
    /// that Port says are deleted, which need not be all that are.
    ///
    /// # Errors
    /// If nothing can be said of them: Port is unreachable or the credentials are refused.
    pub async fn delete(
        &self,
        blueprint: &BlueprintId,
        identifiers: &[&Identifier],
        run_id: Option<&str>,
    ) -> Result<Result<BTreeSet<String>, Rejection>, Error> {
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
        let what = format!(
            "the deletion of {}",
            counted_entities(identifiers.len(), blueprint)
        );
        let request = || self.client.post(url.clone()).json(&body);
        Ok(match self.call::<Deleted>(&what, request).await? {
            Ok(deleted) => {
                self.deletion_limit.note(deleted.max_bulk_size);
                Ok(deleted.deleted_entities)
            }
            Err(rejection) => Err(self.explained(blueprint, rejection).await?),
        })
    }

    /// Those of `identifiers` that a search finds, at the cost of one request for 1,000. It may still find
    /// what has just been deleted; see [`Self::surviving`].
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn found(
        &self,
        blueprint: &BlueprintId,
        identifiers: &[&Identifier],
    ) -> Result<BTreeSet<String>, Error> {
        let search = Search {
            blueprint: blueprint.clone(),
            query: search::named(identifiers),
            include: vec!["$identifier".to_owned()],
            most: usize::MAX,
        };
        let found = self.search(&search).await?.unwrap_or_default();
        Ok(found.into_iter().map(|found| found.identifier).collect())
    }

    /// Those of `identifiers` that Port has now. Costs a request more for each of them.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn surviving(
        &self,
        blueprint: &BlueprintId,
        identifiers: &[&Identifier],
    ) -> Result<BTreeSet<String>, Error> {
        let found = self.found(blueprint, identifiers).await?;
        // Unlike a search, reading one entity sees the last write.
        stream::iter(found)
            .map(async |identifier| {
                let entity = self.entity(blueprint, &identifier).await?;
                Ok::<_, Error>(entity.map(|_| identifier))
            })
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_filter_map(async |survivor| Ok(survivor))
            .try_collect()
            .await
    }

    /// What relates to an entity, as messages name it. See [search rules][docs].
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    ///
    /// [docs]: https://docs.port.io/search-and-query/structure-and-syntax#relation-structure-and-operators
    pub async fn dependants(
        &self,
        blueprint: &BlueprintId,
        identifier: &Identifier,
    ) -> Result<Vec<Dependant>, Error> {
        let what = format!("the search for what relates to `{blueprint}/{identifier}`");
        let mut url = self.url(&["entities", "search"]);
        url.query_pairs_mut()
            .append_pair("exclude_calculated_properties", "true")
            .append_pair("include", "identifier")
            .append_pair("include", "blueprint");
        let query = json!({
            "combinator": "and",
            "rules": [{
                "operator": "relatedTo",
                "blueprint": blueprint,
                "value": identifier,
                "direction": "downstream",
            }],
        });
        let request = || self.client.post(url.clone()).json(&query);
        let Dependants {
            mut entities,
            matching_blueprints,
        } = self.fetch(&what, request).await?;
        let only = match &matching_blueprints[..] {
            [only] => Some(only),
            _ => None,
        };
        for dependant in &mut entities {
            dependant.blueprint = dependant.blueprint.take().or_else(|| only.cloned());
        }
        Ok(entities)
    }
}
