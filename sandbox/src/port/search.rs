//! Search queries, and what is sent of an entity.
//!
//! <https://docs.port.io/search-and-query/overview>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::catalog::{Blueprint, Catalog, Entity, Key, targets};
use super::failure::{Failure, invalid};
use super::schema::same;
use super::wire;

/// Whether an entity matches a query, `{combinator, rules}`.
pub(super) fn matches(
    query: &Value,
    catalog: &Catalog,
    key: &Key,
    entity: &Entity,
) -> Result<bool, Failure> {
    let Some(rules) = query["rules"].as_array() else {
        return invalid("query must have required property 'rules'");
    };
    let holds = rules.iter().map(|rule| match rule.get("combinator") {
        Some(_) => matches(rule, catalog, key, entity),
        None => rule_matches(rule, catalog, key, entity),
    });
    let holds: Vec<bool> = holds.collect::<Result<_, _>>()?;
    match query["combinator"].as_str() {
        Some("and") => Ok(holds.iter().all(|holds| *holds)),
        Some("or") => Ok(holds.iter().any(|holds| *holds)),
        _ => invalid("query/combinator must be equal to one of the allowed values"),
    }
}

fn rule_matches(
    rule: &Value,
    catalog: &Catalog,
    key: &Key,
    entity: &Entity,
) -> Result<bool, Failure> {
    let operator = rule["operator"].as_str().unwrap_or_default();
    let holds = match rule["property"].as_str() {
        None if operator == "relatedTo" && rule["direction"] == "downstream" => {
            Some(is_dependent(rule, catalog, key))
        }
        None => None,
        Some(property) => compare(&value_of(property, key, entity), operator, &rule["value"]),
    };
    holds.ok_or_else(|| Failure::invalid(format!("the sandbox does not know this rule: {rule}")))
}

/// A property or a meta-property; `null` where there is none.
fn value_of(property: &str, key: &Key, entity: &Entity) -> Value {
    match property {
        "$identifier" => json!(key.1),
        "$blueprint" => json!(key.0),
        "$title" => json!(entity.title),
        "$icon" => json!(entity.icon),
        "$team" => json!(entity.team),
        name => entity.properties.get(name).cloned().unwrap_or_default(),
    }
}

/// `None` if the operator is unknown, or does not go with this value.
fn compare(actual: &Value, operator: &str, wanted: &Value) -> Option<bool> {
    Some(match operator {
        "=" if wanted.is_object() => return None,
        "=" => same(actual, wanted),
        "!=" => !same(actual, wanted),
        "in" => wanted
            .as_array()?
            .iter()
            .any(|one| any(actual, |actual| same(actual, one))),
        "contains" => contains(actual, wanted),
        "containsAny" => wanted.as_array()?.iter().any(|one| contains(actual, one)),
        _ => return None,
    })
}

fn any(actual: &Value, test: impl Fn(&Value) -> bool) -> bool {
    match actual {
        Value::Array(items) => items.iter().any(test),
        value => test(value),
    }
}

fn contains(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::String(actual), Value::String(wanted)) => actual.contains(wanted.as_str()),
        (Value::Array(items), Value::Array(wanted)) => wanted
            .iter()
            .all(|wanted| items.iter().any(|one| same(one, wanted))),
        (Value::Array(items), wanted) => items.iter().any(|one| same(one, wanted)),
        _ => false,
    }
}

/// Whether an entity is among those that lead to the named ones over any number of relations.
fn is_dependent(rule: &Value, catalog: &Catalog, key: &Key) -> bool {
    let blueprint = rule["blueprint"].as_str().unwrap_or_default();
    let mut seen: Vec<Key> = targets(&rule["value"])
        .map(|to| (blueprint.to_owned(), to.to_owned()))
        .collect();
    let start = seen.len();
    let mut at = 0;
    while let Some(one) = seen.get(at) {
        let mut next = catalog.dependents(one);
        next.retain(|one| !seen.contains(one));
        seen.extend(next);
        at += 1;
    }
    seen[start..].contains(key)
}

/// Which parts of an entity are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Projection {
    /// Only these; all, if there are none.
    pub(super) include: Vec<String>,
    /// How the parts are named.
    pub(super) names: Names,
    /// Whether properties that Port computes are left out.
    pub(super) without_calculated: bool,
}

/// How `include` names the parts of an entity.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Names {
    /// `identifier`, `properties.url`: paths in the entity's JSON.
    #[default]
    Paths,
    /// `$identifier`, `url`: meta-properties, properties and relations.
    Properties,
}

impl Projection {
    /// The wanted parts of an entity as Port sends it.
    pub(super) fn apply(&self, entity: &Entity, identifier: &str, shape: &Blueprint) -> Value {
        let mut wire = entity.wire(identifier, shape);
        for part in ["properties", "relations"] {
            if let Some(Value::Object(map)) = wire.get_mut(part) {
                map.retain(|name, _| {
                    let hidden = self.without_calculated && shape.is_calculated(name);
                    self.wants(part, Some(name)) && !hidden
                });
            }
        }
        let nested = |key: &str| key == "properties" || key == "relations";
        let kept: Map<String, Value> = wire
            .into_iter()
            .filter(|(key, value)| match value {
                Value::Object(map) if nested(key) => !map.is_empty() || self.wants(key, None),
                _ => self.wants(key, None),
            })
            .collect();
        kept.into()
    }

    fn wants(&self, part: &str, name: Option<&str>) -> bool {
        let mut include = self.include.iter();
        self.include.is_empty() || include.any(|one| self.is_named(one, part, name))
    }

    fn is_named(&self, given: &str, part: &str, name: Option<&str>) -> bool {
        match (self.names, name) {
            (Names::Paths, None) => given == part,
            (Names::Paths, Some(name)) => {
                given == part
                    || given
                        .strip_prefix(part)
                        .and_then(|rest| rest.strip_prefix('.'))
                        == Some(name)
            }
            (Names::Properties, None) => given.strip_prefix('$') == Some(part),
            (Names::Properties, Some(name)) => given == name,
        }
    }
}

/// A search in one blueprint, a page at a time.
pub(super) struct Page {
    query: Option<Value>,
    projection: Projection,
    limit: usize,
    after: Option<String>,
}

impl Page {
    /// Reads a request's body.
    pub(super) fn read(body: &Value) -> Result<Self, Failure> {
        wire::only(body, &["query", "include", "limit", "from"])?;
        let limit = match body.get("limit") {
            None => 200.0,
            Some(limit) => limit.as_f64().unwrap_or_default(),
        };
        if !(1.0..=1000.0).contains(&limit) {
            return invalid("body/limit must be a number from 1 to 1000");
        }
        let projection = Projection {
            include: strings(body, "include")?,
            names: Names::Properties,
            ..Projection::default()
        };
        let after = body.get("from").map(|from| {
            let from = from.as_str().and_then(unhash);
            from.ok_or_else(|| Failure::invalid("body/from is no page of a search"))
        });
        Ok(Self {
            query: body.get("query").cloned(),
            projection,
            limit: limit as usize,
            after: after.transpose()?,
        })
    }

    /// The response's body.
    pub(super) fn run(&self, catalog: &Catalog, blueprint: &str) -> Result<Value, Failure> {
        let shape = catalog.blueprint(blueprint)?;
        let (mut entities, mut last) = (Vec::new(), None);
        for (key, entity) in catalog.entities_of(blueprint) {
            let seen = self.after.as_ref().is_some_and(|after| key.1 <= *after);
            let fits = |query| matches(query, catalog, key, entity);
            if seen || !self.query.as_ref().map_or(Ok(true), fits)? {
                continue;
            }
            if entities.len() == self.limit {
                return Ok(json!({"ok": true, "entities": entities, "next": last.map(hash)}));
            }
            entities.push(self.projection.apply(entity, &key.1, shape));
            last = Some(key.1.as_str());
        }
        Ok(json!({"ok": true, "entities": entities}))
    }
}

fn strings(body: &Value, name: &str) -> Result<Vec<String>, Failure> {
    let Some(value) = body.get(name) else {
        return Ok(Vec::new());
    };
    let list = value
        .as_array()
        .map(|list| list.iter().map(|one| one.as_str().map(str::to_owned)));
    list.and_then(Iterator::collect)
        .ok_or_else(|| Failure::invalid(format!("body/{name} must be array of string")))
}

/// The last identifier of a page, in a form that clients cannot mistake for one.
fn hash(identifier: &str) -> String {
    STANDARD.encode(identifier)
}

fn unhash(hash: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(hash).ok()?).ok()
}
