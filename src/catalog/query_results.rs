//! What search queries find: Port is searched once, and then it is data.
//!
//! Port resolves the queries of an entity when it is written, so what they find now says whether
//! another write would change anything. Rules: [Mapping relations using search queries][docs].
//!
//! [docs]: https://docs.port.io/build-your-software-catalog/customize-integrations/configure-mapping#mapping-relations-using-search-queries

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::blueprint::{Blueprint, Cardinality, RelationRule};
use super::entity::{BlueprintId, Entity, Identifier, Query, Relation, Stated, Team};

/// More entities than these Port takes from no query.
pub const MOST_FOUND: usize = 100;

/// Where Port keeps the teams.
const TEAMS: &str = "_team";

/// A search query, and the blueprint among whose entities it looks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlueprintQuery {
    /// The blueprint.
    pub blueprint: BlueprintId,
    /// The query.
    pub query: Query,
}

impl BlueprintQuery {
    /// Which teams there are for `query`.
    fn of_teams(query: &Query) -> Self {
        Self::among(TEAMS, query)
    }

    /// Where a relation leads that is declared as `query`.
    fn of_targets(rule: &RelationRule, query: &Query) -> Self {
        Self::among(&rule.target, query)
    }

    fn among(blueprint: &str, query: &Query) -> Self {
        Self {
            blueprint: BlueprintId::from_port(blueprint),
            query: query.clone(),
        }
    }
}

/// The queries of the team and the relations of `entity`, as far as its blueprint says where they search.
pub fn blueprint_queries(entity: &Entity, blueprint: Option<&Blueprint>) -> Vec<BlueprintQuery> {
    let mut queries = Vec::new();
    if let Stated::Value(Team::Query(query)) = &entity.team {
        queries.push(BlueprintQuery::of_teams(query));
    }
    for (name, relation) in &entity.relations {
        let rule = blueprint.and_then(|blueprint| blueprint.relation(name));
        if let (Relation::Query(query), Some(rule)) = (relation, rule) {
            queries.push(BlueprintQuery::of_targets(rule, query));
        }
    }
    queries
}

/// What Port finds, as far as it was searched.
#[derive(Debug, Clone, Default)]
pub struct QueryResults(BTreeMap<BlueprintQuery, BTreeSet<Identifier>>);

impl QueryResults {
    /// Notes that `query` finds these.
    pub fn insert(&mut self, query: BlueprintQuery, found: BTreeSet<Identifier>) {
        self.0.insert(query, found);
    }

    /// The entity with its queries replaced by what they find. A query stays where the answer is not
    /// known, or is none: a relation to one entity needs exactly one.
    pub fn fill_in<'e>(
        &self,
        entity: &'e Entity,
        blueprint: Option<&Blueprint>,
    ) -> Cow<'e, Entity> {
        let mut filled = Cow::Borrowed(entity);
        if let Some(team) = self.team(entity) {
            filled.to_mut().team = Stated::Value(team);
        }
        for (name, relation) in &entity.relations {
            let rule = blueprint.and_then(|blueprint| blueprint.relation(name));
            if let Some(found) = rule.and_then(|rule| self.relation(relation, rule)) {
                filled.to_mut().relations.insert(name.clone(), found);
            }
        }
        filled
    }

    fn team(&self, entity: &Entity) -> Option<Team> {
        let Stated::Value(Team::Query(query)) = &entity.team else {
            return None;
        };
        let found = self.0.get(&BlueprintQuery::of_teams(query))?;
        let names = found.iter().map(|team| team.as_str().to_owned());
        Some(Team::Many(names.collect()))
    }

    fn relation(&self, relation: &Relation, rule: &RelationRule) -> Option<Relation> {
        let Relation::Query(query) = relation else {
            return None;
        };
        let found = self.0.get(&BlueprintQuery::of_targets(rule, query))?;
        match rule.cardinality {
            Cardinality::Many => Some(Relation::Many(found.iter().cloned().collect())),
            Cardinality::One if found.len() == 1 => found.first().cloned().map(Relation::One),
            Cardinality::One => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::catalog::difference::differences;
    use crate::catalog::merge::Merge;
    use crate::catalog::testing::{blueprint, entity, live};

    fn query(value: &str) -> Value {
        let rule = json!({"property": "p", "operator": "=", "value": value});
        json!({"combinator": "and", "rules": [rule]})
    }

    #[test]
    fn each_query_searches_where_its_field_leads() {
        let with_queries = entity(json!({
            "team": query("t"),
            "relations": {"one": query("x"), "many": query("x"), "unknown": query("y")},
        }));
        let shape = blueprint(json!({}));
        let found = |blueprint| {
            let queries = blueprint_queries(&with_queries, blueprint).into_iter();
            queries
                .map(|one| one.blueprint.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(Some(&shape)), ["_team", "b", "b"]);
        assert_eq!(found(None), ["_team"], "nobody knows where relations lead");
        let plain = entity(json!({"team": "t", "relations": {"one": "x"}}));
        assert_eq!(blueprint_queries(&plain, Some(&shape)), []);
    }

    #[test]
    fn what_is_found_takes_the_place_of_a_query() {
        let with_queries = entity(json!({
            "team": query("t"), "properties": {"a": 1},
            "relations": {"one": query("x"), "many": query("y"), "unknown": query("x")},
        }));
        let shape = blueprint(json!({}));
        let filled = |found: &[&str]| {
            let mut results = QueryResults::default();
            for query in blueprint_queries(&with_queries, Some(&shape)) {
                let found = found.iter().map(|name| Identifier::parse(name).unwrap());
                results.insert(query, found.collect());
            }
            json!(results.fill_in(&with_queries, Some(&shape)).into_owned())
        };
        let one = filled(&["x"]);
        assert_eq!(one["team"], json!(["x"]));
        assert_eq!(one["properties"], json!({"a": 1}));
        let relations = json!({"one": "x", "many": ["x"], "unknown": query("x")});
        assert_eq!(one["relations"], relations);
        for found in [&[][..], &["x", "y"]] {
            let relations = json!({"one": query("x"), "many": found, "unknown": query("x")});
            assert_eq!(filled(found)["relations"], relations, "one target is one");
        }
        let unanswered = QueryResults::default();
        assert_eq!(
            *unanswered.fill_in(&with_queries, Some(&shape)),
            with_queries
        );
    }

    #[test]
    fn a_query_is_held_against_what_it_finds() {
        let with_queries = entity(json!({
            "team": query("t"), "relations": {"one": query("x"), "many": query("y")},
        }));
        let shape = blueprint(json!({}));
        let differing = |found: &[&str], held: Value| {
            let mut results = QueryResults::default();
            for query in blueprint_queries(&with_queries, Some(&shape)) {
                let found = found.iter().map(|name| Identifier::parse(name).unwrap());
                results.insert(query, found.collect());
            }
            let filled = results.fill_in(&with_queries, Some(&shape));
            let differences = differences(&filled, &live(held), Merge::Merge, Some(&shape));
            let fields = differences.into_iter();
            fields.map(|one| one.field.to_string()).collect::<Vec<_>>()
        };
        let held = json!({"team": ["a"], "relations": {"one": "a", "many": ["a"]}});
        assert_eq!(differing(&["a"], held.clone()), [""; 0]);
        let all = ["team", "relations.many", "relations.one"];
        assert_eq!(differing(&["b"], held), all);
        let held = json!({"team": ["b", "a"], "relations": {"one": "a", "many": ["b", "a"]}});
        assert_eq!(differing(&["a", "b"], held), ["relations.one"]);
        assert_eq!(differing(&[], json!({})), ["relations.one"]);
    }
}
