//! Reading entities, many with a request.
//!
//! [Search a blueprint's entities](https://docs.port.io/api-reference/search-a-blueprints-entities)

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::records::ListMember;
use super::{Error, ErrorCode, Port, Rejection};
use crate::catalog::blueprint::{Blueprint, Blueprints};
use crate::catalog::entity::{BlueprintId, EntityKey, EntityName, Identifier};
use crate::catalog::live::{Live, LiveEntity};

/// The most entities that Port puts on one page.
pub(super) const PAGE: usize = 1000;
/// How many bytes of identifiers go into one request: Port takes 1 MiB, and the rest of the body
/// needs room too.
pub(super) const MAX_IDENTIFIER_BYTES: usize = 900 * 1024;
/// A page can be several megabytes, so fewer are under way at a time than other requests.
pub(super) const CONCURRENT_SEARCHES: usize = 4;

/// What is written of an entity beside its properties and relations.
const META: [&str; 4] = ["$identifier", "$title", "$icon", "$team"];

/// One search in one blueprint.
#[derive(Debug, Clone)]
pub(super) struct Search {
    pub(super) blueprint: BlueprintId,
    pub(super) query: Value,
    pub(super) include: Vec<String>,
    /// With more found than these, the others are not fetched.
    pub(super) most: usize,
}

/// An entity as a search gives it.
#[derive(Debug, Deserialize)]
pub(super) struct FoundEntity {
    pub(super) identifier: String,
    title: Option<String>,
    icon: Option<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    team: Vec<String>,
    #[serde(default)]
    properties: Option<Map<String, Value>>,
    #[serde(default)]
    relations: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct SearchPage {
    entities: Vec<FoundEntity>,
    next: Option<String>,
}

/// Port writes teams as a list, and its specification also allows a text.
fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Teams {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Option::deserialize(from)? {
        None => Vec::new(),
        Some(Teams::One(team)) => vec![team],
        Some(Teams::Many(teams)) => teams,
    })
}

impl FoundEntity {
    pub(super) fn into_member(self) -> ListMember {
        ListMember {
            identifier: self.identifier,
            title: self.title,
            properties: self.properties.unwrap_or_default(),
        }
    }
}

impl From<FoundEntity> for LiveEntity {
    fn from(found: FoundEntity) -> Self {
        Self {
            title: found.title,
            icon: found.icon,
            team: found.team,
            properties: found.properties.unwrap_or_default(),
            relations: found.relations.unwrap_or_default(),
        }
    }
}

impl Port {
    /// Reads the entities called `keys`, without what Port computes as far as `blueprints` says what
    /// that is. Costs a request for about 1,000 entities of a blueprint, and one for each that a
    /// search query names.
    ///
    /// What a query names stays unknown where it finds more than one entity. Without its blueprint an
    /// entity that is named itself is absent. The values of an entity that `is_as_declared` are not kept.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn live<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k EntityKey>,
        blueprints: &Blueprints,
        is_as_declared: impl Fn(&EntityKey, &LiveEntity) -> bool,
    ) -> Result<Live, Error> {
        let keys: Vec<_> = keys.into_iter().collect();
        let (named, found_by_query) = futures::try_join!(
            self.live_by_identifier(&keys, blueprints, is_as_declared),
            self.live_by_query(&keys, blueprints)
        )?;
        let mut live = named;
        for (key, found) in found_by_query {
            match found {
                Some((name, entity)) => live.insert_found(key, name, entity),
                None => live.insert(key, None),
            }
        }
        Ok(live)
    }

    async fn live_by_identifier(
        &self,
        keys: &[&EntityKey],
        blueprints: &Blueprints,
        is_as_declared: impl Fn(&EntityKey, &LiveEntity) -> bool,
    ) -> Result<Live, Error> {
        let mut live = Live::default();
        let batches = batches_of(keys.iter().copied());
        let mut answers = stream::iter(batches)
            .map(async |(blueprint, batch)| {
                let known = blueprints.known.get(blueprint);
                let found = self.search(&of_identifiers(blueprint, &batch, known)).await;
                Ok::<_, Error>((blueprint, batch, found?))
            })
            .buffer_unordered(CONCURRENT_SEARCHES);
        while let Some((blueprint, batch, found)) = answers.try_next().await? {
            let mut found: BTreeMap<_, _> = found
                .unwrap_or_default()
                .into_iter()
                .map(|mut found| (std::mem::take(&mut found.identifier), found))
                .collect();
            for identifier in batch {
                let key = EntityKey {
                    blueprint: blueprint.clone(),
                    name: EntityName::Identifier(identifier.clone()),
                };
                match found.remove(identifier.as_str()).map(LiveEntity::from) {
                    Some(entity) if is_as_declared(&key, &entity) => live.insert_as_declared(key),
                    found => live.insert(key, found),
                }
            }
        }
        Ok(live)
    }

    /// What queries name: one entity each, or none. Left out is what Port does not say.
    async fn live_by_query(
        &self,
        keys: &[&EntityKey],
        blueprints: &Blueprints,
    ) -> Result<Vec<(EntityKey, Option<(Identifier, LiveEntity)>)>, Error> {
        let queries = keys.iter().filter_map(|key| match &key.name {
            EntityName::Query(query) => Some((*key, query)),
            EntityName::Identifier(_) => None,
        });
        let answers = stream::iter(queries.collect::<Vec<_>>())
            .map(async |(key, query)| {
                let include = written(blueprints.known.get(&key.blueprint));
                let found = self.found_by(&key.blueprint, query, include, 1).await?;
                let one = found.map(|mut found| {
                    let found = found.pop()?;
                    let name = Identifier::from_port(found.identifier.as_str());
                    Some((name, LiveEntity::from(found)))
                });
                Ok::<_, Error>(one.map(|one| (key.clone(), one)))
            })
            .buffer_unordered(CONCURRENT_SEARCHES);
        answers
            .try_filter_map(async |one| Ok(one))
            .try_collect()
            .await
    }

    /// What a search finds, page by page; `None` if there is no such blueprint.
    pub(super) async fn search(&self, search: &Search) -> Result<Option<Vec<FoundEntity>>, Error> {
        let mut body = json!({
            "query": search.query,
            "limit": PAGE.min(search.most.saturating_add(1)),
        });
        if !search.include.is_empty() {
            body["include"] = json!(search.include);
        }
        let mut found = Vec::new();
        loop {
            let SearchPage { entities, next } = match self
                .search_page(&search.blueprint, &body)
                .await?
            {
                Ok(page) => page,
                Err(rejection) if rejection.code == ErrorCode::NotFound => return Ok(None),
                Err(rejection) => return Err(rejection.into_error(&of_search(&search.blueprint))),
            };
            let is_empty = entities.is_empty();
            found.extend(entities);
            let is_enough = found.len() > search.most;
            match next {
                // A page that leads to itself would never end.
                Some(next) if !is_empty && !is_enough && body["from"] != next => {
                    body["from"] = next.into();
                }
                _ => return Ok(Some(found)),
            }
        }
    }

    /// One page of a search.
    async fn search_page(
        &self,
        blueprint: &BlueprintId,
        body: &Value,
    ) -> Result<Result<SearchPage, Rejection>, Error> {
        let url = self.url(&["blueprints", blueprint.as_str(), "entities", "search"]);
        let request = || self.client.post(url.clone()).json(body);
        self.call(&of_search(blueprint), request).await
    }

    /// A page of a blueprint's entities, without what Port computes and without secrets: the first one,
    /// or the one that `from` names.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials, does not have the blueprint or answers with another
    /// error.
    pub async fn page(
        &self,
        listing: &EntityListing,
        from: Option<&str>,
    ) -> Result<EntityPage, Error> {
        let mut body = json!({"limit": PAGE, "include": listing.include});
        if let Some(query) = &listing.query {
            body["query"] = query.clone();
        }
        if let Some(from) = from {
            body["from"] = from.into();
        }
        let page = self.search_page(&listing.blueprint, &body).await?;
        let page = page.map_err(|refused| refused.into_error(&of_search(&listing.blueprint)))?;
        let is_last = page.entities.is_empty();
        let named = |mut found: FoundEntity| {
            let identifier = Identifier::from_port(std::mem::take(&mut found.identifier));
            (identifier, LiveEntity::from(found))
        };
        Ok(EntityPage {
            entities: page.entities.into_iter().map(named).collect(),
            // A page that leads to itself would never end.
            next: page
                .next
                .filter(|next| !is_last && Some(next.as_str()) != from),
        })
    }
}

fn of_search(blueprint: &BlueprintId) -> String {
    format!("the search for entities of `{blueprint}`")
}

/// Which entities of a blueprint are read page by page.
#[derive(Debug, Clone)]
pub struct EntityListing {
    blueprint: BlueprintId,
    query: Option<Value>,
    include: Vec<String>,
}

impl EntityListing {
    /// Those of `blueprint`, which has this `shape`, as far as `query` finds them: a [search query][docs].
    ///
    /// [docs]: https://docs.port.io/search-and-query/
    pub fn new(blueprint: BlueprintId, shape: &Blueprint, query: Option<Value>) -> Self {
        let inherits = shape.inherits_teams();
        let meta = META
            .into_iter()
            .filter(|name| !(inherits && *name == "$team"));
        let stored = shape
            .stored_properties()
            .filter(|name| !shape.is_secret(name));
        let include = meta.chain(stored).chain(shape.relation_names());
        Self {
            include: include.map(str::to_owned).collect(),
            blueprint,
            query,
        }
    }
}

/// Entities of one blueprint.
#[derive(Debug)]
pub struct EntityPage {
    /// Each with its identifier.
    pub entities: Vec<(Identifier, LiveEntity)>,
    /// What the following page is called.
    pub next: Option<String>,
}

/// Entities with identifiers, in as few lists of one blueprint's as Port's limits allow.
pub(super) fn batches_of<'k>(
    keys: impl IntoIterator<Item = &'k EntityKey>,
) -> Vec<(&'k BlueprintId, Vec<&'k Identifier>)> {
    let mut wanted: BTreeMap<&BlueprintId, BTreeSet<&Identifier>> = BTreeMap::new();
    for key in keys {
        if let EntityName::Identifier(identifier) = &key.name {
            wanted.entry(&key.blueprint).or_default().insert(identifier);
        }
    }
    let of_one = |(blueprint, identifiers): (&'k BlueprintId, BTreeSet<&'k Identifier>)| {
        let batches = batches(identifiers).into_iter();
        batches.map(move |batch| (blueprint, batch))
    };
    wanted.into_iter().flat_map(of_one).collect()
}

/// The query for entities by their names.
pub(super) fn named(identifiers: &[&Identifier]) -> Value {
    let names: Vec<_> = identifiers.iter().map(|one| one.as_str()).collect();
    json!({
        "combinator": "and",
        "rules": [{"property": "$identifier", "operator": "in", "value": names}],
    })
}

/// The search for entities by their names.
fn of_identifiers(
    blueprint: &BlueprintId,
    identifiers: &[&Identifier],
    shape: Option<&Blueprint>,
) -> Search {
    Search {
        blueprint: blueprint.clone(),
        query: named(identifiers),
        include: written(shape),
        most: usize::MAX,
    }
}

/// What is written of an entity, by its names in a search; all there is where that is not known.
fn written(shape: Option<&Blueprint>) -> Vec<String> {
    let stored = shape.map(|shape| shape.stored_properties().chain(shape.relation_names()));
    let written = stored.map(|stored| META.into_iter().chain(stored).map(str::to_owned).collect());
    written.unwrap_or_default()
}

/// As few lists as a page's size and a body's limit allow.
fn batches<'i>(identifiers: impl IntoIterator<Item = &'i Identifier>) -> Vec<Vec<&'i Identifier>> {
    lists(identifiers, Identifier::as_str, MAX_IDENTIFIER_BYTES)
}

/// As few lists as a page's size and `most_bytes` allow, where `text` says how each item is sent.
pub(super) fn lists<'t, T: Copy>(
    items: impl IntoIterator<Item = T>,
    text: impl Fn(T) -> &'t str,
    most_bytes: usize,
) -> Vec<Vec<T>> {
    let mut lists: Vec<Vec<T>> = Vec::new();
    let mut bytes = 0;
    for item in items {
        // A quote on each side, a comma, and a second byte for each backslash.
        let text = text(item);
        let size = text.len() + text.matches('\\').count() + 3;
        match lists.last_mut() {
            Some(list) if list.len() < PAGE && bytes + size <= most_bytes => {
                bytes += size;
                list.push(item);
            }
            _ => {
                bytes = size;
                lists.push(vec![item]);
            }
        }
    }
    lists
}

#[cfg(test)]
mod tests;
