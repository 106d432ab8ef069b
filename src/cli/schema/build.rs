//! Blueprints → a JSON Schema of the entity files that may write them.
//!
//! It says what `port-gitops check` says, as far as JSON Schema can: what `check` accepts without a
//! warning, it accepts. [JSON Schema draft-07](https://json-schema.org/draft-07) is what editors know.

mod value;

use serde_json::{Map, Value, json};

use crate::catalog::blueprint::{Blueprint, Cardinality, Presence, Property};
use crate::catalog::entity::{BlueprintId, READ_ONLY_FIELDS};
use crate::cli::blueprints::Described;

pub(super) use value::Null;

/// Whether files have to hold what blueprints require.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completeness {
    /// They do: nothing else writes the entities.
    Whole,
    /// They need not, as something else may write it.
    Partial,
}

/// The schema's text: the same for equal schemas, whatever the order in which they were made.
pub(super) fn text(mut schema: Value) -> String {
    schema.sort_all_objects();
    format!("{schema:#}\n")
}

/// The schema of files that hold entities of `blueprints`, which are in the order of their names;
/// `default` is the blueprint of entities that name none.
pub(super) fn schema(
    blueprints: &[Described],
    default: Option<&BlueprintId>,
    shape: Completeness,
) -> Value {
    let entity = json!({"$ref": "#/definitions/entity"});
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": "Made by `port-gitops schema`: make it anew instead of editing it.",
        "description": "An entity, or an array of entities, as port-gitops reads them.",
        "type": ["object", "array"],
        "items": entity,
        "if": {"type": "object"},
        "then": entity,
        "definitions": {
            "entity": entity_schema(blueprints, default, shape),
            "identifier": identifier(),
            "one": or_query(json!({
                "type": ["string", "object", "null"],
                "pattern": IDENTIFIER, "maxLength": MAX_IDENTIFIER,
            })),
            "many": or_query(json!({
                "type": ["array", "object", "null"],
                "items": {"$ref": "#/definitions/identifier"},
            })),
            "relation": or_query(json!({
                "type": ["string", "array", "object", "null"],
                "pattern": IDENTIFIER, "maxLength": MAX_IDENTIFIER,
                "items": {"$ref": "#/definitions/identifier"},
            })),
            "query": or_query(json!({"type": "object"})),
            "rule": rule(),
        },
    })
}

/// See the reader's own rule, which is Port's: `check_name`.
const IDENTIFIER: &str = r"^(?!\.{1,2}$)[\p{L}0-9@_.+:\\/='-]+$";
const MAX_IDENTIFIER: usize = 1000;

fn identifier() -> Value {
    json!({"type": "string", "pattern": IDENTIFIER, "maxLength": MAX_IDENTIFIER})
}

/// The same, where an object must be a search query. Keywords about strings and arrays say nothing of
/// objects, and the other way round, so an editor knows which of them a mistake is about.
fn or_query(schema: Value) -> Value {
    let query = json!({
        "required": ["combinator", "rules"],
        "additionalProperties": false,
        "properties": {
            "combinator": {"enum": ["and", "or"], "description": "Whether all rules must hold, or any."},
            "rules": {"type": "array", "items": {"$ref": "#/definitions/rule"}},
        },
    });
    merged(schema, query)
}

/// A rule of a search query, or a query instead of one.
fn rule() -> Value {
    let names = json!({"type": "array", "items": {"type": "string"}});
    let value_of = |operators: Value, value: Value| {
        json!({
            "if": {"properties": {"operator": {"enum": operators}}},
            "then": {"properties": {"value": value}},
        })
    };
    json!({
        "type": "object",
        "if": {"anyOf": [{"required": ["combinator"]}, {"required": ["rules"]}]},
        "then": {"$ref": "#/definitions/query"},
        "else": {
            "required": ["property", "operator", "value"],
            "additionalProperties": false,
            "properties": {
                "property": {"type": "string", "description": "A property's name, or `$identifier`, `$title`, …"},
                "operator": {"enum": ["=", "in", "contains", "containsAny"]},
                "value": {},
            },
            "allOf": [
                value_of(json!(["="]), json!({"type": ["string", "number", "null"]})),
                value_of(json!(["in", "containsAny"]), names),
                value_of(json!(["contains"]), json!({
                    "type": ["string", "array", "null"], "items": {"type": "string"},
                })),
            ],
        },
    })
}

fn entity_schema(
    blueprints: &[Described],
    default: Option<&BlueprintId>,
    shape: Completeness,
) -> Value {
    let mut names: Vec<_> = blueprints
        .iter()
        .map(|one| json!(one.id.as_str()))
        .collect();
    names.push(Value::Null);
    let branch = |described: &Described| {
        json!({
            "if": {"properties": {"blueprint": {"const": described.id.as_str()}}},
            "then": of_blueprint(described, shape),
        })
    };
    let unnamed = match blueprints.iter().find(|one| Some(&one.id) == default) {
        Some(default) => of_blueprint(default, shape),
        None => json!({"properties": {
            "relations": {"additionalProperties": {"$ref": "#/definitions/relation"}},
        }}),
    };
    let read_only = format!(r"^\$?({})$", READ_ONLY_FIELDS.join("|"));
    let text = |description: &str| json!({"type": ["string", "null"], "description": description});
    json!({
        "type": "object",
        "required": ["identifier"],
        "properties": {
            "identifier": or_query(json!({
                "description": "The name that is unique among the blueprint's entities, or a search query that finds one entity.",
                "type": ["string", "object"], "pattern": IDENTIFIER, "maxLength": MAX_IDENTIFIER,
            })),
            "blueprint": {
                "description": "What kind of entity it is. The action's inputs can give it, too.",
                "enum": names,
            },
            "title": text("How people call it."),
            "icon": text("One of Port's icons."),
            "team": or_query(json!({
                "description": "The teams that own it, by their identifiers, or a search query for them.",
                "type": ["string", "array", "object", "null"], "items": {"type": "string"},
            })),
            "properties": {
                "description": "Values of the blueprint's properties. `null` clears one.",
                "type": "object",
            },
            "relations": {
                "description": "What it relates to, by the blueprint's relations. `null` clears one.",
                "type": "object",
            },
        },
        // They are copied from Port, and have no effect.
        "patternProperties": {read_only: true},
        "additionalProperties": false,
        "if": {"required": ["blueprint"], "properties": {"blueprint": {"type": "string"}}},
        "then": {"allOf": blueprints.iter().map(branch).collect::<Vec<_>>()},
        "else": unnamed,
    })
}

/// What a blueprint says of its entities.
fn of_blueprint(described: &Described, shape: Completeness) -> Value {
    let Described {
        json, blueprint, ..
    } = described;
    let properties = blueprint.stored_properties().map(|name| {
        let said = &json["schema"]["properties"][name];
        (name.to_owned(), property(blueprint.property(name), said))
    });
    let relations = blueprint.relation_names().map(|name| {
        let schema = relation(blueprint, name, &json["relations"][name]);
        (name.to_owned(), schema)
    });
    let (properties, relations) = (properties.collect(), relations.collect());
    let (mut required_properties, mut required_relations) = (Vec::new(), Vec::new());
    if shape == Completeness::Whole {
        required_properties.extend(blueprint.required_properties());
        required_relations.extend(blueprint.required_relations());
    }
    let mut required = Vec::new();
    if !required_properties.is_empty() {
        required.push("properties");
    }
    if !required_relations.is_empty() {
        required.push("relations");
    }
    let mut fields = json!({
        "blueprint": value::words(json, None),
        "properties": members(properties, &required_properties),
        "relations": members(relations, &required_relations),
    });
    if blueprint.inherits_teams() {
        // Port computes it, and takes none from others.
        fields["team"] = json!(false);
    }
    let mut schema = json!({"properties": fields});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn members(known: Map<String, Value>, required: &[&str]) -> Value {
    let mut members = json!({"properties": known, "additionalProperties": false});
    if !required.is_empty() {
        members["required"] = json!(required);
    }
    members
}

fn property(property: Option<&Property>, said: &Value) -> Value {
    let Some(Property::Stored { schema, presence }) = property else {
        return Value::Bool(false);
    };
    match schema.is_sound() {
        true => value::of_property(said, null(*presence)),
        // `check` leaves such values to Port, and one pattern that nobody can read would spoil the
        // whole schema.
        false => value::words(said, None),
    }
}

fn relation(blueprint: &Blueprint, name: &str, said: &Value) -> Value {
    let Some(rule) = blueprint.relation(name) else {
        return Value::Bool(false);
    };
    let target = &rule.target;
    let (definition, kind, hint) = match rule.cardinality {
        Cardinality::One => (
            "one",
            "string",
            format!("One `{target}`, by its identifier or a search query."),
        ),
        Cardinality::Many => (
            "many",
            "array",
            format!("Any number of `{target}`, by their identifiers or a search query."),
        ),
    };
    let mut schema = value::words(said, Some(&hint));
    schema["allOf"] = json!([{"$ref": format!("#/definitions/{definition}")}]);
    if null(rule.presence) == Null::Refused {
        schema["type"] = json!([kind, "object"]);
    }
    schema
}

/// What is required cannot be cleared.
fn null(presence: Presence) -> Null {
    match presence {
        Presence::Required => Null::Refused,
        Presence::Optional => Null::Allowed,
    }
}

fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other);
            Value::Object(one)
        }
        (one, _) => one,
    }
}
