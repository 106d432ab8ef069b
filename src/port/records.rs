//! Single entities and blueprints as plain JSON: what the run's own state is kept in.
//!
//! [Get an entity](https://docs.port.io/api-reference/get-an-entity) ·
//! [Create an entity](https://docs.port.io/api-reference/create-an-entity) ·
//! [Create a blueprint](https://docs.port.io/api-reference/create-a-blueprint) ·
//! [Update a blueprint](https://docs.port.io/api-reference/update-a-blueprint)

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::search::{CONCURRENT_SEARCHES, FoundEntity, MAX_IDENTIFIER_BYTES, PAGE, Search, lists};
use super::wire::{self, Done};
use super::{Error, ErrorCode, Port, RefusalScope, Rejection, Reserve};
use crate::catalog::entity::BlueprintId;
use futures::{StreamExt, TryStreamExt, stream};

/// Whether a write may change an entity that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is merged with what is sent.
    Merge,
    /// Port refuses the write.
    Refuse,
}

/// What a search for list members finds: an entity and the requested properties.
#[derive(Debug, Clone)]
pub struct ListMember {
    /// The entity.
    pub identifier: String,
    /// How people call it.
    pub title: Option<String>,
    /// Its properties.
    pub properties: Map<String, Value>,
}

/// What Port answers to several entities.
enum PutAnswer {
    /// What became of each, in their order.
    Each(Vec<Result<(), Rejection>>),
    /// The request was refused as a whole.
    Refused(Rejection),
}

/// Whether a batch is refused for what one of its entities is. A 404 is about the blueprint here: these
/// entities relate to nothing.
fn is_about_one(rejection: &Rejection) -> bool {
    matches!(
        rejection.code.scope(),
        RefusalScope::Entity | RefusalScope::Size
    ) && rejection.code != ErrorCode::NotFound
}

#[derive(Deserialize)]
struct StoredEntity {
    #[serde(rename = "ok")]
    _ok: Done,
    entity: Properties,
}

#[derive(Deserialize)]
struct Properties {
    #[serde(default)]
    properties: Map<String, Value>,
}

#[derive(Deserialize)]
struct CreatedBlueprint {
    #[serde(rename = "ok")]
    _ok: Done,
    blueprint: Value,
}

impl Port {
    /// The properties of one entity; `None` if there is no such entity, no such blueprint, or
    /// neither is shown to these credentials. Uses what is kept of the budget if `reserve` says so.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn properties(
        &self,
        blueprint: &BlueprintId,
        identifier: &str,
        reserve: Reserve,
    ) -> Result<Option<Map<String, Value>>, Error> {
        let what = format!("the request for `{identifier}` of `{blueprint}`");
        let url = self.url(&["blueprints", blueprint.as_str(), "entities", identifier]);
        let request = || self.client.get(url.clone());
        let answer = self.call_with::<StoredEntity>(&what, reserve, request);
        match answer.await? {
            Ok(found) => Ok(Some(found.entity.properties)),
            Err(rejection) if rejection.code == ErrorCode::NotFound => Ok(None),
            Err(rejection) => Err(rejection.into_error(&what)),
        }
    }

    /// Writes entities as they stand in `bodies`, in as few requests as Port takes, and uses what is kept
    /// of the budget. Says of each, in
    /// their order, whether Port has it or why Port refuses it. An error says that neither is known:
    /// Port is unreachable or the credentials are refused.
    pub async fn put(
        &self,
        blueprint: &BlueprintId,
        bodies: &[Value],
        existing: Existing,
    ) -> Vec<Result<Result<(), Rejection>, Error>> {
        let mut results: Vec<Result<Result<(), Rejection>, Error>> = Vec::new();
        // So many of the next ones are written alone: Port refused a batch of them for what one of them is.
        let mut alone = 0_usize;
        loop {
            let rest = &bodies[results.len()..];
            let most = if alone > 0 { 1 } else { self.upsert_limit() };
            let texts = rest.iter().map(|body| body.to_string().into_bytes());
            let Some(body) = wire::pack_first_json(texts, most) else {
                return results;
            };
            alone = alone.saturating_sub(1);
            match self.put_batch(blueprint, &body, existing).await {
                Ok(PutAnswer::Each(answers)) => results.extend(answers.into_iter().map(Ok)),
                Ok(PutAnswer::Refused(rejection)) if is_about_one(&rejection) => {
                    alone = body.count()
                }
                Ok(PutAnswer::Refused(rejection)) => {
                    results.extend(vec![Ok(Err(rejection)); body.count()]);
                }
                // What keeps one request from being answered keeps the others too.
                Err(error) => {
                    let missing = rest.len();
                    results.extend(vec![Err(error); missing]);
                }
            }
        }
    }

    async fn put_batch(
        &self,
        blueprint: &BlueprintId,
        body: &wire::Body,
        existing: Existing,
    ) -> Result<PutAnswer, Error> {
        let count = body.count();
        let what = format!("the write of {count} `{blueprint}`");
        let path = ["blueprints", blueprint.as_str(), "entities"];
        let mut url = match count {
            1 => self.url(&path),
            _ => self.url(&[&path[..], &["bulk"]].concat()),
        };
        let may_exist = (existing == Existing::Merge).to_string();
        url.query_pairs_mut()
            .append_pair("upsert", &may_exist)
            .append_pair("merge", &may_exist);
        let request = || {
            let post = self.client.post(url.clone());
            let post = post.header("content-type", "application/json");
            post.body(body.bytes())
        };
        if count == 1 {
            let written = self.call_with::<StoredEntity>(&what, Reserve::Use, request);
            let written = written.await?;
            return Ok(PutAnswer::Each(vec![written.map(drop)]));
        }
        let written = self.call_with::<wire::Bulk>(&what, Reserve::Use, request);
        Ok(match written.await? {
            Ok(bulk) => {
                self.note_upsert_limit(&bulk);
                let results = bulk.results(count).into_iter();
                PutAnswer::Each(results.map(|result| result.map(drop)).collect())
            }
            Err(rejection) => PutAnswer::Refused(rejection),
        })
    }

    /// Creates a blueprint, without a page in the catalog; or says why Port refuses it.
    ///
    /// # Errors
    /// If that is not known: Port is unreachable or the credentials are refused.
    pub async fn create_blueprint(&self, body: &Value) -> Result<Result<(), Rejection>, Error> {
        let what = format!("the creation of the blueprint {}", body["identifier"]);
        let mut url = self.url(&["blueprints"]);
        url.query_pairs_mut()
            .append_pair("create_catalog_page", "false");
        let request = || self.client.post(url.clone()).json(body);
        let created = self.call::<CreatedBlueprint>(&what, request).await?;
        Ok(created.map(drop))
    }

    /// Adds to a blueprint those of `properties` that it does not have. Gives whether there were
    /// any; or says why Port refuses it.
    ///
    /// # Errors
    /// If that is not known: Port is unreachable or the credentials are refused.
    pub async fn add_properties(
        &self,
        blueprint: &BlueprintId,
        properties: &Map<String, Value>,
    ) -> Result<Result<bool, Rejection>, Error> {
        let what = format!("the request for the blueprint `{blueprint}`");
        let url = self.url(&["blueprints", blueprint.as_str()]);
        let request = || self.client.get(url.clone());
        let mut blueprint = match self.call::<CreatedBlueprint>(&what, request).await? {
            Ok(found) => found.blueprint,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let mut schema = blueprint["schema"].take();
        let Some(known) = schema["properties"].as_object_mut() else {
            return Ok(Ok(false));
        };
        let count = known.len();
        for (name, property) in properties {
            known
                .entry(name.clone())
                .or_insert_with(|| property.clone());
        }
        if known.len() == count {
            return Ok(Ok(false));
        }
        let body = json!({ "schema": schema });
        let request = || self.client.patch(url.clone()).json(&body);
        let changed = self.call::<CreatedBlueprint>(&what, request).await?;
        Ok(changed.map(|_| true))
    }

    /// Those entities of `blueprint` that `identifiers` call, with the properties in `include`; none if
    /// there is no such blueprint.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn named(
        &self,
        blueprint: &BlueprintId,
        identifiers: &[&str],
        include: &[&str],
    ) -> Result<Vec<ListMember>, Error> {
        let searches = identifiers.chunks(PAGE).map(|some| Search {
            blueprint: blueprint.clone(),
            query: json!({ "combinator": "and", "rules": [
                { "property": "$identifier", "operator": "in", "value": some },
            ] }),
            include: include.iter().map(|name| (*name).to_owned()).collect(),
            most: usize::MAX,
        });
        self.members(searches.collect()).await
    }

    /// The entities of `blueprint`, but for those called `except`, of which one of the lists
    /// `properties` has one of `values`; with these lists and nothing else.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn with_members(
        &self,
        blueprint: &BlueprintId,
        properties: &[&str],
        values: &BTreeSet<String>,
        except: &[&str],
        include: &[&str],
    ) -> Result<Vec<ListMember>, Error> {
        // Each list is compared with all of them.
        let most_bytes = MAX_IDENTIFIER_BYTES / properties.len().max(1);
        let values = lists(values, String::as_str, most_bytes);
        let include: Vec<_> = include.iter().map(|name| (*name).to_owned()).collect();
        let searches = values.iter().map(|values| {
            let rule = |property: &&str| {
                json!({ "property": property, "operator": "containsAny", "value": values })
            };
            let rules: Vec<_> = properties.iter().map(rule).collect();
            let others = except.iter().map(
                |name| json!({ "property": "$identifier", "operator": "!=", "value": name }),
            );
            let others = others.chain([json!({ "combinator": "or", "rules": rules })]);
            Search {
                blueprint: blueprint.clone(),
                query: json!({ "combinator": "and", "rules": others.collect::<Vec<_>>() }),
                include: include.clone(),
                most: usize::MAX,
            }
        });
        self.members(searches.collect()).await
    }

    /// What searches find, of which several are under way at the same time.
    async fn members(&self, searches: Vec<Search>) -> Result<Vec<ListMember>, Error> {
        let found: Vec<_> = stream::iter(searches)
            .map(async |search| self.search(&search).await)
            .buffered(CONCURRENT_SEARCHES)
            .try_collect()
            .await?;
        let found = found.into_iter().flatten().flatten();
        Ok(found.map(FoundEntity::into_member).collect())
    }
}
