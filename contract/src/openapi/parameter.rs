//! Parameters in paths and queries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Document, Problems};

/// A parameter as a document describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter<'d> {
    name: &'d str,
    is_required: bool,
    schema: &'d Value,
}

impl<'d> Parameter<'d> {
    pub(super) fn new(described: &'d Value) -> Self {
        Self {
            name: described["name"].as_str().unwrap_or_default(),
            is_required: described["required"] == true,
            schema: &described["schema"],
        }
    }

    /// Checks the values that a request gives for this parameter, decoded.
    pub(super) fn check(&self, document: &Document, key: &str, values: &[String]) -> Problems {
        let Self { name, .. } = self;
        let candidates = match values {
            [] if self.is_required => return vec![format!("parameter `{name}` is missing")],
            [] => return Problems::new(),
            _ if self.schema["type"] == "array" => vec![Value::from(values)],
            [value] => readings(value),
            _ => {
                return vec![format!(
                    "parameter `{name}` is given {} times",
                    values.len()
                )];
            }
        };
        let key = format!("{key} parameter {name}");
        let validator = document.validator(&key, self.schema);
        match candidates.iter().any(|value| validator.is_valid(value)) {
            true => Problems::new(),
            false => vec![format!(
                "parameter `{name}` must not be `{}`",
                values.join("`, `")
            )],
        }
    }
}

/// A value has no type in a URL: it is text, and perhaps also a number or a boolean.
fn readings(value: &str) -> Vec<Value> {
    let typed = serde_json::from_str(value).ok();
    let typed = typed.filter(|value: &Value| value.is_boolean() || value.is_number());
    [Some(Value::from(value)), typed]
        .into_iter()
        .flatten()
        .collect()
}

/// Checks a query against the parameters that it may have.
pub(super) fn check_query(
    document: &Document,
    key: &str,
    parameters: &[Parameter<'_>],
    query: &str,
) -> Problems {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        values
            .entry(name.into_owned())
            .or_default()
            .push(value.into_owned());
    }
    let known: BTreeSet<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    let unknown = values.keys().filter(|name| !known.contains(name.as_str()));
    let mut problems: Problems = unknown
        .map(|name| format!("query parameter `{name}` is unknown"))
        .collect();
    for parameter in parameters {
        let given = values.get(parameter.name).map_or(&[][..], Vec::as_slice);
        problems.extend(parameter.check(document, key, given));
    }
    problems
}
