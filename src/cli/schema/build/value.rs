//! What a blueprint says of a property's values, in the terms that editors know.
//!
//! A text `file://path` stands for the text of that file, of which an editor knows nothing. And Port's
//! formats are not those of JSON Schema: a format that editors know is stricter than what `check`
//! refuses, so patterns stand for most of them.

use serde_json::{Map, Value, json};

use crate::catalog::blueprint::is_secret;

/// Whether `null` may stand for a value: it clears the property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Null {
    Allowed,
    Refused,
}

/// What a text that names a file begins with.
const REFERENCE: &str = "^file://[^/]";

/// Keywords that say something of values which are no text.
const OF_NUMBERS: [&str; 5] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
];
const OF_ARRAYS: [&str; 3] = ["minItems", "maxItems", "uniqueItems"];
const OF_OBJECTS: [&str; 3] = ["required", "minProperties", "maxProperties"];
const OF_TEXTS: [&str; 3] = ["pattern", "minLength", "maxLength"];
const TYPES: [&str; 5] = ["string", "number", "boolean", "object", "array"];

/// The schema of a property.
pub(super) fn of_property(said: &Value, null: Null) -> Value {
    let secrecy = match is_secret(said) {
        true => Secrecy::Secret,
        false => Secrecy::None,
    };
    let mut schema = of_value(said, secrecy);
    let types = match said.get("type") {
        Some(Value::Array(types)) => types.clone(),
        Some(one) => vec![one.clone()],
        None => TYPES.map(Value::from).to_vec(),
    };
    match null {
        Null::Refused => {
            let types = types.into_iter().filter(|one| one != "null");
            schema["type"] = one_or_many(types.collect());
        }
        Null::Allowed => {
            let missing = (!types.contains(&json!("null"))).then(|| json!("null"));
            schema["type"] = one_or_many(types.into_iter().chain(missing).collect());
            allow_null(&mut schema);
            let forms = schema.get_mut("anyOf").and_then(Value::as_array_mut);
            forms.into_iter().flatten().for_each(allow_null);
        }
    }
    schema
}

fn one_or_many(mut types: Vec<Value>) -> Value {
    match types.len() {
        1 => types.remove(0),
        _ => types.into(),
    }
}

fn allow_null(schema: &mut Value) {
    let allowed = schema.get_mut("enum").and_then(Value::as_array_mut);
    if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&Value::Null)) {
        allowed.push(Value::Null);
    }
}

/// Title and description as Port has them; `hint` goes after the description.
pub(super) fn words(said: &Value, hint: Option<&str>) -> Value {
    let mut words = Map::new();
    let text = |key: &str| said[key].as_str().filter(|text| !text.is_empty());
    if let Some(title) = text("title") {
        words.insert("title".to_owned(), title.into());
    }
    let description: Vec<_> = text("description").into_iter().chain(hint).collect();
    if !description.is_empty() {
        words.insert("description".to_owned(), description.join("\n\n").into());
    }
    words.into()
}

/// Whether values are secrets, so that none may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    None,
    Secret,
}

fn of_value(said: &Value, secrecy: Secrecy) -> Value {
    let secrecy = match is_secret(said) {
        true => Secrecy::Secret,
        false => secrecy,
    };
    let format = said["format"].as_str().and_then(PropertyFormat::of);
    let mut schema = words(said, format.as_ref().map(|format| format.hint));
    let mut copy = |key: &str| {
        if let Some(value) = said.get(key) {
            schema[key] = value.clone();
        }
    };
    OF_NUMBERS.into_iter().for_each(&mut copy);
    OF_ARRAYS.into_iter().for_each(&mut copy);
    OF_OBJECTS.into_iter().for_each(&mut copy);
    copy("type");
    if secrecy == Secrecy::None && !holds_secret(said) {
        copy("default");
    }
    nested(said, &mut schema, secrecy);
    let constraints = of_texts(said, format.as_ref(), secrecy);
    if constraints.is_empty() {
        return schema;
    }
    if may_be_text(said) {
        // With `if` and `else`, editors would not complete the values of an `enum`.
        schema["anyOf"] = json!([constraints, {"type": "string", "pattern": REFERENCE}]);
    } else if let Some(schema) = schema.as_object_mut() {
        schema.extend(constraints);
    }
    schema
}

fn may_be_text(said: &Value) -> bool {
    match said.get("type") {
        None => true,
        Some(Value::Array(types)) => types.contains(&json!("string")),
        Some(one) => one == "string",
    }
}

/// What does not hold for the name of a file that stands for a text.
fn of_texts(said: &Value, format: Option<&PropertyFormat>, secrecy: Secrecy) -> Map<String, Value> {
    let mut constraints = Map::new();
    for key in OF_TEXTS {
        if let Some(value) = said.get(key) {
            constraints.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(allowed) = said.get("enum").filter(|_| secrecy == Secrecy::None) {
        constraints.insert("enum".to_owned(), allowed.clone());
    }
    match format.map(|format| format.syntax) {
        Some(Syntax::Pattern(pattern)) if constraints.contains_key("pattern") => {
            constraints.insert("allOf".to_owned(), json!([{"pattern": pattern}]));
        }
        Some(Syntax::Pattern(pattern)) => {
            constraints.insert("pattern".to_owned(), pattern.into());
        }
        Some(Syntax::Format(name)) => {
            constraints.insert("format".to_owned(), name.into());
        }
        None => {}
    }
    constraints
}

fn nested(said: &Value, schema: &mut Value, secrecy: Secrecy) {
    if said["items"].is_object() {
        schema["items"] = of_value(&said["items"], secrecy);
    }
    match &said["additionalProperties"] {
        Value::Bool(allowed) => schema["additionalProperties"] = json!(allowed),
        inner @ Value::Object(_) => schema["additionalProperties"] = of_value(inner, secrecy),
        _ => {}
    }
    for key in ["properties", "patternProperties"] {
        let Some(members) = said[key].as_object() else {
            continue;
        };
        let members = members.iter().map(|(name, inner)| {
            let inner = match inner {
                Value::Object(_) => of_value(inner, secrecy),
                other => other.clone(),
            };
            (name.clone(), inner)
        });
        schema[key] = members.collect::<Map<_, _>>().into();
    }
}

/// Whether any part of the values is a secret.
fn holds_secret(said: &Value) -> bool {
    let any = |members: &Value| {
        let members = members.as_object().into_iter().flatten();
        members.into_iter().any(|(_, inner)| holds_secret(inner))
    };
    is_secret(said)
        || (said["items"].is_object() && holds_secret(&said["items"]))
        || (said["additionalProperties"].is_object() && holds_secret(&said["additionalProperties"]))
        || any(&said["properties"])
        || any(&said["patternProperties"])
}

/// One of [Port's formats][docs].
///
/// [docs]: https://docs.port.io/build-your-software-catalog/customize-integrations/configure-data-model/setup-blueprint/properties/
#[derive(Debug, Clone, Copy)]
struct PropertyFormat {
    syntax: Syntax,
    /// What it is, for people.
    hint: &'static str,
}

/// Whether a text has the format. It is never stricter than `check`.
#[derive(Debug, Clone, Copy)]
enum Syntax {
    Pattern(&'static str),
    /// JSON Schema's format of that name.
    Format(&'static str),
}

impl PropertyFormat {
    fn of(name: &str) -> Option<Self> {
        let (syntax, hint) = match name {
            "url" => (
                // What the URL Standard skips in front of a scheme, and in it, is allowed.
                Syntax::Pattern(r"^[\u0000-\u0020]*[A-Za-z][A-Za-z0-9+.\t\n\r-]*:"),
                "A URL like `https://host/path`.",
            ),
            "email" | "idn-email" => (
                Syntax::Pattern(r"^[^ \t\n\r]+@[^ \t\n\r@]+$"),
                "An email address.",
            ),
            "date-time" | "timer" => (
                Syntax::Pattern(
                    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)",
                ),
                "A date and time like `2026-01-31T12:00:00Z`.",
            ),
            "ipv4" => (Syntax::Format("ipv4"), "An IPv4 address."),
            "ipv6" => (Syntax::Format("ipv6"), "An IPv6 address."),
            _ => return None,
        };
        Some(Self { syntax, hint })
    }
}
