//! Whose an entity is, by who wrote it last.
//!
//! Port keeps a writer's User-Agent as the entity's `$datasource`. Port's own exporters find what
//! they wrote by a [search][ocean] with rules on it, but no specification mentions it. Deletions rest
//! on the answer, so it is put to the test: the same search must not find an entity of ours under a
//! name that is not ours.
//!
//! [ocean]: https://github.com/port-labs/ocean/blob/main/port_ocean/clients/port/mixins/entities.py

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::search::{self, Found, Search};
use super::{Error, Port};
use crate::catalog::entity::{BlueprintId, EntityKey, EntityName, Identifier};
use crate::catalog::live::owner_of;

/// Every version of this program names itself so.
const PROGRAM: &str = "port-gitops/";
/// What patterns use as wildcards, in SQL and elsewhere.
const WILDCARDS: [char; 5] = ['_', '%', '.', '*', '?'];

/// What is known of an owner's entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Port says that these are the owner's, in order, and its word can be trusted.
    Known(Vec<EntityKey>),
    /// Port's answer proves nothing, for the reason given: a sentence without a full stop.
    Unproven(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Everywhere {
    entities: Vec<Found>,
    matching_blueprints: Option<Vec<String>>,
}

impl Port {
    /// Every entity that `owner` wrote last, in whatever blueprint. Costs two requests, and where
    /// Port does not say which blueprint an entity is of, one more for each blueprint and 1,000
    /// entities.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn owned(&self, owner: &str) -> Result<Ownership, Error> {
        let include = ["identifier", "blueprint"];
        let query = json!({"combinator": "and", "rules": written_by(owner)});
        let everywhere = self.search_everywhere(&query, &include).await?;
        let mut owned = if everywhere
            .entities
            .iter()
            .all(|found| found.blueprint.is_some())
        {
            owned(everywhere.entities, None, owner)
        } else {
            let Some(blueprints) = everywhere.matching_blueprints else {
                let reason = "Port does not say which blueprints the owner's entities are of";
                return Ok(Ownership::Unproven(reason.to_owned()));
            };
            self.owned_in(&blueprints, owner).await?
        };
        owned.sort();
        let Some(sample) = owned.first() else {
            return Ok(Ownership::Known(owned));
        };
        Ok(if self.finds_under_another_name(sample, owner).await? {
            Ownership::Unproven("Port's search does not tell owners apart".to_owned())
        } else {
            Ownership::Known(owned)
        })
    }

    /// Those of `keys` that another owner than `owner` wrote last, with its name where Port says it.
    /// What a search query names is left out. Costs a request for about 1,000 entities of a
    /// blueprint, so ask only about those that are not known to be `owner`'s.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn owned_elsewhere<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k EntityKey>,
        owner: &str,
    ) -> Result<BTreeMap<EntityKey, Option<String>>, Error> {
        let ours = in_parentheses(owner);
        let rules = [
            rule("$datasource", "contains", PROGRAM),
            rule("$datasource", "doesNotContains", &ours),
        ];
        let mut elsewhere = BTreeMap::new();
        for (blueprint, found) in self.named_with(keys, &rules).await? {
            elsewhere.extend(found.into_iter().filter_map(|found| {
                let other = found.datasource.as_deref().and_then(owner_of);
                let name = Identifier::parse(&found.identifier).ok()?;
                let key = EntityKey {
                    blueprint: blueprint.clone(),
                    name: EntityName::Identifier(name),
                };
                (other != Some(owner)).then(|| (key, other.map(str::to_owned)))
            }));
        }
        let is_wrong = match elsewhere.keys().next() {
            Some(sample) => self.finds_under_another_name(sample, owner).await?,
            None => false,
        };
        if is_wrong {
            tracing::warn!("Port's search does not tell owners apart, so they are not looked at");
            elsewhere.clear();
        }
        Ok(elsewhere)
    }

    /// Those of `keys` that `owner` wrote last; `None` if Port's answer proves nothing. What a search query
    /// names is left out. Costs a request for about 1,000 entities of a blueprint, and one more.
    ///
    /// # Errors
    /// If Port is unreachable, refuses the credentials or answers with another error.
    pub async fn owned_among<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k EntityKey>,
        owner: &str,
    ) -> Result<Option<BTreeSet<EntityKey>>, Error> {
        let mut among = BTreeSet::new();
        for (blueprint, found) in self.named_with(keys, &written_by(owner)).await? {
            among.extend(owned(found, Some(&blueprint), owner));
        }
        let is_wrong = match among.first() {
            Some(sample) => self.finds_under_another_name(sample, owner).await?,
            None => false,
        };
        Ok((!is_wrong).then_some(among))
    }

    /// Those of `keys` that obey `rules` too, by blueprint.
    async fn named_with<'k>(
        &self,
        keys: impl IntoIterator<Item = &'k EntityKey>,
        rules: &[Value],
    ) -> Result<Vec<(BlueprintId, Vec<Found>)>, Error> {
        let mut all = Vec::new();
        for (blueprint, identifiers) in search::batches_of(keys) {
            let mut query = search::named(&identifiers);
            if let Some(own) = query["rules"].as_array_mut() {
                own.extend_from_slice(rules);
            }
            let search = Search {
                blueprint: blueprint.clone(),
                query,
                include: vec!["$identifier".to_owned()],
                most: usize::MAX,
            };
            let found = self.search(&search).await?;
            all.push((blueprint.clone(), found.unwrap_or_default()));
        }
        Ok(all)
    }

    async fn owned_in(&self, blueprints: &[String], owner: &str) -> Result<Vec<EntityKey>, Error> {
        let mut all = Vec::new();
        for blueprint in blueprints {
            let Ok(blueprint) = BlueprintId::parse(blueprint) else {
                continue;
            };
            // All of the entity comes, and so who wrote it, where Port says that.
            let search = Search {
                blueprint: blueprint.clone(),
                query: json!({"combinator": "and", "rules": written_by(owner)}),
                include: Vec::new(),
                most: usize::MAX,
            };
            let found = self.search(&search).await?.unwrap_or_default();
            all.extend(owned(found, Some(&blueprint), owner));
        }
        Ok(all)
    }

    /// Whether Port finds `sample` as somebody else's: then it does not obey rules on `$datasource`,
    /// or takes what is looked for as a pattern.
    async fn finds_under_another_name(
        &self,
        sample: &EntityKey,
        owner: &str,
    ) -> Result<bool, Error> {
        let wrong: Vec<_> = wrong_names(owner)
            .iter()
            .map(|name| rule("$datasource", "contains", &in_parentheses(name)))
            .collect();
        let query = json!({"combinator": "and", "rules": [
            rule("$blueprint", "=", sample.blueprint.as_str()),
            rule("$identifier", "=", &sample.name.to_string()),
            {"combinator": "or", "rules": wrong},
        ]});
        let everywhere = self.search_everywhere(&query, &["identifier"]).await?;
        Ok(!everywhere.entities.is_empty())
    }

    /// [Search entities](https://docs.port.io/api-reference/search-entities), in all blueprints; the
    /// answer is one page.
    async fn search_everywhere(
        &self,
        query: &Value,
        include: &[&str],
    ) -> Result<Everywhere, Error> {
        let what = "the search for entities by who wrote them";
        let mut url = self.url(&["entities", "search"]);
        url.query_pairs_mut()
            .append_pair("exclude_calculated_properties", "true")
            .extend_pairs(include.iter().map(|name| ("include", name)));
        let request = || self.client.post(url.clone()).json(query);
        self.fetch(what, request).await
    }
}

fn rule(property: &str, operator: &str, value: &str) -> Value {
    json!({"property": property, "operator": operator, "value": value})
}

/// As in a User-Agent. An owner has no parentheses, so no owner is a part of another.
fn in_parentheses(owner: &str) -> String {
    format!(" ({owner})")
}

fn written_by(owner: &str) -> [Value; 2] {
    [
        rule("$datasource", "contains", PROGRAM),
        rule("$datasource", "contains", &in_parentheses(owner)),
    ]
}

/// Names that are not the owner's but would be found as such by a search that takes no notice of
/// them or, if the owner's own name could be read as a pattern, by one that reads patterns.
fn wrong_names(owner: &str) -> Vec<String> {
    let mut names = vec![format!("neither {owner} nor anyone")];
    let wildcards = WILDCARDS
        .iter()
        .filter(|wildcard| owner.contains(**wildcard));
    names.extend(wildcards.map(|wildcard| {
        let mut is_first = true;
        let replace = |letter: char| match letter.is_ascii_alphanumeric() {
            true if std::mem::take(&mut is_first) => *wildcard,
            _ => letter,
        };
        owner.chars().map(replace).collect()
    }));
    names.retain(|name| name != owner);
    names
}

/// Those that say that they are the owner's, or say nothing of it.
fn owned(found: Vec<Found>, blueprint: Option<&BlueprintId>, owner: &str) -> Vec<EntityKey> {
    let is_owned = |found: &Found| match &found.datasource {
        Some(datasource) => owner_of(datasource) == Some(owner),
        None => true,
    };
    let read = |found: Found| {
        let blueprint = match (&found.blueprint, blueprint) {
            (Some(own), None) => BlueprintId::parse(own).ok()?,
            (_, blueprint) => blueprint?.clone(),
        };
        let identifier = Identifier::parse(&found.identifier).ok()?;
        Some(EntityKey {
            blueprint,
            name: EntityName::Identifier(identifier),
        })
    };
    found
        .into_iter()
        .filter(is_owned)
        .filter_map(read)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_names_are_wrong_in_every_way_that_counts() {
        assert_eq!(wrong_names("octo/shop"), ["neither octo/shop nor anyone"]);
        assert_eq!(
            wrong_names("a_b/c.d"),
            ["neither a_b/c.d nor anyone", "__b/c.d", "._b/c.d"]
        );
        assert_eq!(wrong_names("_"), ["neither _ nor anyone"]);
    }
}
