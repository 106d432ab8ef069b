//! Search queries in the entities that are written.
//!
//! They are narrower than those of a search, in the rules they may hold and in what they may find:
//! <https://docs.port.io/build-your-software-catalog/customize-integrations/configure-mapping>

use serde_json::{Map, Value, json};

use super::catalog::{Blueprint, Catalog, Relation};
use super::failure::{Failure, invalid};
use super::search;

/// More entities than these no query may find.
const MOST_FOUND: usize = 100;

/// Whether a value is a search query rather than a value.
pub(super) fn is_query(value: &Value) -> bool {
    value["combinator"].is_string() && value["rules"].is_array()
}

/// Refuses what the schema of an entity's queries does not allow, though a search may.
pub(super) fn check(query: &Value, place: &str) -> Result<(), Failure> {
    let is_combinator = matches!(query["combinator"].as_str(), Some("and" | "or"));
    let rules = query["rules"].as_array().into_iter().flatten();
    let is_allowed = has_only(query, &["combinator", "rules"]) && is_combinator;
    if !is_allowed {
        return invalid(format!("{place} must match a schema in anyOf"));
    }
    for (at, rule) in rules.enumerate() {
        let place = format!("{place}/rules/{at}");
        if is_query(rule) {
            check(rule, &place)?;
        } else if !is_rule(rule) {
            return invalid(format!("{place} must match a schema in anyOf"));
        }
    }
    Ok(())
}

fn has_only(value: &Value, keys: &[&str]) -> bool {
    let object = value.as_object();
    object.is_some_and(|object| object.keys().all(|key| keys.contains(&key.as_str())))
}

fn is_rule(rule: &Value) -> bool {
    let value = &rule["value"];
    let is_list = value
        .as_array()
        .is_some_and(|items| items.iter().all(Value::is_string));
    let is_value = match rule["operator"].as_str() {
        Some("=") => value.is_string() || value.is_number() || value.is_null(),
        Some("in" | "containsAny") => is_list,
        Some("contains") => value.is_string() || value.is_null() || is_list,
        _ => false,
    };
    let is_whole = rule.get("value").is_some() && rule["property"].is_string();
    is_value && is_whole && has_only(rule, &["property", "operator", "value"])
}

/// The identifiers of the entities that a query finds.
pub(super) fn find(
    catalog: &Catalog,
    blueprint: &str,
    query: &Value,
) -> Result<Vec<String>, Failure> {
    let shape = catalog.blueprint(blueprint)?;
    if let Some(property) = calculated(query, shape) {
        return invalid(format!(
            "\"{property}\" of blueprint \"{blueprint}\" is calculated, so no query can look for it"
        ));
    }
    let mut found = Vec::new();
    for (key, entity) in catalog.entities_of(blueprint) {
        if search::matches(query, catalog, key, entity)? {
            found.push(key.1.clone());
        }
    }
    if found.len() > MOST_FOUND {
        return invalid(format!(
            "a query finds more than {MOST_FOUND} entities of blueprint \"{blueprint}\""
        ));
    }
    Ok(found)
}

fn calculated<'q>(query: &'q Value, shape: &Blueprint) -> Option<&'q str> {
    let rules = query["rules"].as_array().into_iter().flatten();
    let mut found = rules.filter_map(|rule| match rule["property"].as_str() {
        Some(property) => shape.is_calculated(property).then_some(property),
        None => calculated(rule, shape),
    });
    found.next()
}

/// The identifier of the entity that must be the only one found.
pub(super) fn find_one(
    catalog: &Catalog,
    blueprint: &str,
    query: &Value,
    what: &str,
) -> Result<String, Failure> {
    match find(catalog, blueprint, query)?.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(catalog.not_found(format!(
            "No entity of blueprint \"{blueprint}\" matches the query for {what}"
        ))),
        _ => invalid(format!(
            "More than one entity of blueprint \"{blueprint}\" matches the query for {what}"
        )),
    }
}

/// Puts what they find in the place of queries among relation values.
pub(super) fn related(
    catalog: &Catalog,
    shape: &Blueprint,
    mut relations: Map<String, Value>,
) -> Result<Map<String, Value>, Failure> {
    for (name, value) in &mut relations {
        if let Some(relation) = shape.relation(name).filter(|_| is_query(value)) {
            *value = targets(catalog, name, &relation, value)?;
        }
    }
    Ok(relations)
}

fn targets(
    catalog: &Catalog,
    name: &str,
    relation: &Relation<'_>,
    query: &Value,
) -> Result<Value, Failure> {
    if relation.many {
        return Ok(json!(find(catalog, relation.target, query)?));
    }
    let what = format!("its relation \"{name}\"");
    Ok(json!(find_one(catalog, relation.target, query, &what)?))
}
