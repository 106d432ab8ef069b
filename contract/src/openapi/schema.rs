//! Schemas of an OpenAPI document, made into JSON Schema and compiled.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::undocumented;

/// How a document writes its schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// An own one, which has `nullable` and ignores what stands beside a `$ref`.
    OpenApi30,
    /// JSON Schema 2020-12.
    OpenApi31,
}

const COMPONENTS: &str = "#/components/schemas/";

/// Compiles a schema with the components that it needs, and with none of the others: a document
/// has many, and most tests meet few.
pub(super) fn compile(dialect: Dialect, schema: &Value, components: &Value) -> Validator {
    let mut root = convert(dialect, schema);
    let mut needed = BTreeMap::new();
    gather(dialect, &root, components, &mut needed);
    // Only a boolean schema is no object, and that needs no components.
    if let Some(root) = root.as_object_mut() {
        root.insert("components".to_owned(), json!({ "schemas": needed }));
    }
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&root)
        .unwrap_or_else(|error| panic!("a schema does not compile: {error}"))
}

fn gather(
    dialect: Dialect,
    schema: &Value,
    components: &Value,
    needed: &mut BTreeMap<String, Value>,
) {
    match schema {
        Value::Object(object) => {
            let reference = object.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(|text| text.strip_prefix(COMPONENTS))
                && !needed.contains_key(name)
            {
                let mut component = convert(dialect, &components[name]);
                undocumented::complete(name, &mut component);
                needed.insert(name.to_owned(), component.clone());
                gather(dialect, &component, components, needed);
            }
            for value in object.values() {
                gather(dialect, value, components, needed);
            }
        }
        Value::Array(items) => {
            for item in items {
                gather(dialect, item, components, needed);
            }
        }
        _ => {}
    }
}

fn convert(dialect: Dialect, schema: &Value) -> Value {
    let Some(object) = schema.as_object() else {
        return schema.clone();
    };
    if dialect == Dialect::OpenApi30
        && let Some(reference) = object.get("$ref")
    {
        return json!({ "$ref": reference });
    }
    let mut converted: Map<_, _> = object
        .iter()
        .map(|(keyword, value)| (keyword.clone(), convert_keyword(dialect, keyword, value)))
        .collect();
    close(&mut converted);
    close_together(&mut converted);
    let nullable =
        dialect == Dialect::OpenApi30 && converted.remove("nullable") == Some(true.into());
    match nullable {
        true => json!({"anyOf": [{"type": "null"}, converted]}),
        false => converted.into(),
    }
}

fn convert_keyword(dialect: Dialect, keyword: &str, value: &Value) -> Value {
    match (keyword, value) {
        ("properties" | "patternProperties", Value::Object(schemas)) => schemas
            .iter()
            .map(|(name, schema)| (name.clone(), convert(dialect, schema)))
            .collect(),
        ("oneOf" | "anyOf" | "allOf", Value::Array(schemas)) => schemas
            .iter()
            .map(|schema| convert(dialect, schema))
            .collect(),
        ("items" | "additionalProperties" | "propertyNames" | "not", schema) => {
            convert(dialect, schema)
        }
        // Port's document names a member twice, which JSON Schema forbids.
        ("required", Value::Array(names)) => {
            let mut names = names.clone();
            names.sort_by_key(Value::to_string);
            names.dedup();
            names.into()
        }
        _ => value.clone(),
    }
}

/// An object that names its members has no others. The documents mostly leave that open, so that
/// the services can grow; but what is sent, and what the sandboxes invent, has to be documented,
/// and a misspelled name has to show.
fn close(schema: &mut Map<String, Value>) {
    let names_members = schema
        .get("properties")
        .and_then(Value::as_object)
        .is_some_and(|properties| !properties.is_empty() && !undocumented::is_open(properties));
    let is_open = matches!(
        schema.get("additionalProperties"),
        None | Some(Value::Bool(true))
    );
    if names_members && is_open {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
}

/// The members that a part of `allOf` names stand beside those of the other parts, so that only all of
/// them together can be closed.
fn close_together(schema: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = schema.get_mut("allOf") else {
        return;
    };
    let parts = parts.iter_mut().filter_map(Value::as_object_mut);
    let mut opened = false;
    for part in parts {
        if part.get("additionalProperties") == Some(&false.into()) {
            part.remove("additionalProperties");
            opened = true;
        }
    }
    if opened {
        schema.insert("unevaluatedProperties".to_owned(), false.into());
    }
}
