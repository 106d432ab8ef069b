//! Request bodies, checked as Port's routes check them before they look at any blueprint.

use std::sync::LazyLock;

use fancy_regex::Regex;
use serde_json::{Map, Value};

use super::failure::{Failure, invalid};
use super::query::{self, is_query};
use super::schema::{Pattern, fits};

/// Port's limit on a request's body, in bytes.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;

const PATTERN: &str = r"^(?!\.{1,2}$)[\p{L}0-9@_.+:\\/='-]+$";
static IDENTIFIER: Pattern = LazyLock::new(|| Regex::new(PATTERN));

/// An entity as a request gives it.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) identifier: Lookup,
    pub(super) title: Option<String>,
    pub(super) icon: Option<String>,
    pub(super) team: Option<Team>,
    pub(super) properties: Option<Map<String, Value>>,
    pub(super) relations: Option<Map<String, Value>>,
    /// Which of `title`, `icon` and `team` are given as `null`, as only PATCH takes them.
    pub(super) cleared: Vec<&'static str>,
}

/// An identifier, or a query that finds one.
#[derive(Clone, Debug)]
pub(super) enum Lookup {
    Identifier(String),
    Query(Value),
}

#[derive(Clone, Debug)]
pub(super) enum Team {
    Names(Vec<String>),
    Query(Value),
}

impl Draft {
    /// What errors call it.
    pub(super) fn name(&self) -> &str {
        match &self.identifier {
            Lookup::Identifier(identifier) => identifier,
            Lookup::Query(_) => "",
        }
    }

    /// Reads one entity; `place` is the start of messages, such as `body/entities/3`.
    pub(super) fn read(value: &Value, place: &str) -> Result<Self, Failure> {
        let Some(object) = value.as_object() else {
            return invalid(format!("{place} must be object"));
        };
        Ok(Self {
            identifier: identifier(object.get("identifier"), place)?,
            title: text(object, "title", place)?,
            icon: text(object, "icon", place)?,
            team: object
                .get("team")
                .map(|value| team(value, place))
                .transpose()?,
            properties: map(object, "properties", place)?,
            relations: relations(object, place)?,
            cleared: Vec::new(),
        })
    }

    /// Reads what a PATCH gives of an entity.
    pub(super) fn read_patch(body: &Value, identifier: &str) -> Result<Self, Failure> {
        const KEYS: [&str; 6] = [
            "identifier",
            "title",
            "icon",
            "team",
            "properties",
            "relations",
        ];
        only(body, &KEYS)?;
        let mut body = body.clone();
        let mut cleared = Vec::new();
        if let Some(object) = body.as_object_mut() {
            for key in ["title", "icon", "team"] {
                if object.get(key).is_some_and(Value::is_null) {
                    object.remove(key);
                    cleared.push(key);
                }
            }
            let named = object
                .entry("identifier")
                .or_insert_with(|| identifier.into());
            if named != identifier {
                return invalid("the sandbox does not rename entities");
            }
        }
        let draft = Self::read(&body, "body")?;
        Ok(Self { cleared, ..draft })
    }

    /// Reads a bulk's body of at most `limit` entities.
    pub(super) fn read_bulk(body: &Value, limit: usize) -> Result<Vec<Self>, Failure> {
        let entities = list(body, limit)?.iter().enumerate();
        entities
            .map(|(at, value)| Self::read(value, &format!("body/entities/{at}")))
            .collect()
    }
}

/// Reads a request's body as JSON.
pub(super) fn json(body: &[u8]) -> Result<Value, Failure> {
    if body.len() > BODY_LIMIT {
        return Err(Failure::too_large());
    }
    serde_json::from_slice(body)
        .map_err(|error| Failure::invalid(format!("Body is not valid JSON: {error}")))
}

/// Reads the body of a bulk deletion of at most `limit` entities.
pub(super) fn deletion(body: &Value, limit: usize) -> Result<Vec<String>, Failure> {
    let name = |(at, value): (usize, &Value)| {
        let name = value.as_str().map(str::to_owned);
        name.ok_or_else(|| Failure::invalid(format!("body/entities/{at} must be string")))
    };
    list(body, limit)?.iter().enumerate().map(name).collect()
}

fn list(body: &Value, limit: usize) -> Result<&Vec<Value>, Failure> {
    only(body, &["entities"])?;
    let Some(entities) = body.get("entities") else {
        return invalid("body must have required property 'entities'");
    };
    match entities.as_array() {
        None => invalid("body/entities must be array"),
        Some(list) if list.is_empty() => invalid("body/entities must NOT have fewer than 1 items"),
        Some(list) if list.len() > limit => invalid(format!(
            "body/entities must NOT have more than {limit} items"
        )),
        Some(list) => Ok(list),
    }
}

/// Refuses a body that is no object or has other keys than these.
pub(super) fn only(body: &Value, keys: &[&str]) -> Result<(), Failure> {
    let Some(object) = body.as_object() else {
        return invalid("body must be object");
    };
    match object.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => invalid(format!(
            "body must NOT have additional properties: \"{key}\""
        )),
        None => Ok(()),
    }
}

fn identifier(value: Option<&Value>, place: &str) -> Result<Lookup, Failure> {
    match value {
        None => invalid(format!("{place} must have required property 'identifier'")),
        Some(Value::String(text)) => {
            check_identifier(text, &format!("{place}/identifier"))?;
            Ok(Lookup::Identifier(text.clone()))
        }
        Some(value) if is_query(value) => {
            query::check(value, &format!("{place}/identifier"))?;
            Ok(Lookup::Query(value.clone()))
        }
        Some(_) => invalid(format!("{place}/identifier must be string")),
    }
}

fn team(value: &Value, place: &str) -> Result<Team, Failure> {
    match value {
        Value::String(name) => Ok(Team::Names(vec![name.clone()])),
        Value::Array(names) if names.iter().all(Value::is_string) => Ok(Team::Names(
            names
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        )),
        value if is_query(value) => {
            query::check(value, &format!("{place}/team"))?;
            Ok(Team::Query(value.clone()))
        }
        _ => invalid(format!(
            "{place}/team must match exactly one schema in oneOf"
        )),
    }
}

fn text(object: &Map<String, Value>, key: &str, place: &str) -> Result<Option<String>, Failure> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => invalid(format!("{place}/{key} must be string")),
    }
}

fn map(
    object: &Map<String, Value>,
    key: &str,
    place: &str,
) -> Result<Option<Map<String, Value>>, Failure> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map.clone())),
        Some(_) => invalid(format!("{place}/{key} must be object")),
    }
}

fn relations(
    object: &Map<String, Value>,
    place: &str,
) -> Result<Option<Map<String, Value>>, Failure> {
    let relations = map(object, "relations", place)?;
    for (name, value) in relations.iter().flatten() {
        let place = format!("{place}/relations/{name}");
        match value {
            Value::Null => {}
            Value::String(one) => check_identifier(one, &place)?,
            Value::Array(many) => {
                for (at, one) in many.iter().enumerate() {
                    let place = format!("{place}/{at}");
                    let one = one
                        .as_str()
                        .ok_or_else(|| Failure::invalid(format!("{place} must be string")))?;
                    check_identifier(one, &place)?;
                }
            }
            value if is_query(value) => query::check(value, &place)?,
            _ => {
                return invalid(format!("{place} must match a schema in anyOf"));
            }
        }
    }
    Ok(relations)
}

fn check_identifier(text: &str, place: &str) -> Result<(), Failure> {
    if text.chars().count() > 1000 {
        return invalid(format!("{place} must NOT have more than 1000 characters"));
    }
    if !fits(&IDENTIFIER, text) {
        return invalid(format!("{place} must match pattern \"{PATTERN}\""));
    }
    Ok(())
}
