//! What a committed schema lacks of the one that would be made now.

use std::collections::BTreeMap;

use serde_json::Value;

/// How many changes are listed. Of more, nobody reads every one.
const LISTED: usize = 50;

/// What changed from `old` to `new`, as text: a line each, and at most so many. Empty if both say the same.
pub(super) fn changes(old: &Value, new: &Value) -> Vec<String> {
    let (old, new) = (outline(old), outline(new));
    let mut changes = Vec::new();
    let is_of = |part: &str, whole: &str| {
        let rest = part.strip_prefix(whole);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    let mut whole: Option<&str> = None;
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        // Of a blueprint that is new or gone, its parts are not listed one by one.
        if whole.is_some_and(|whole| is_of(name, whole)) {
            continue;
        }
        let sign = match (old.get(name), new.get(name)) {
            (None, _) => "+",
            (_, None) => "-",
            (old, new) if old != new => "~",
            _ => continue,
        };
        if sign != "~" {
            whole = Some(name);
        }
        changes.push(format!("{sign} {name}"));
    }
    let more = changes.len().saturating_sub(LISTED);
    changes.truncate(LISTED);
    if more > 0 {
        changes.push(format!("… and {more} more"));
    }
    changes
}

/// A schema in parts: its blueprints, their properties and relations, and everything else.
fn outline(schema: &Value) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    let mut rest = schema.clone();
    rest.sort_all_objects();
    let branches = rest
        .pointer_mut("/definitions/entity/then/allOf")
        .map(Value::take);
    for mut branch in branches
        .as_ref()
        .and_then(Value::as_array)
        .cloned()
        .into_iter()
        .flatten()
    {
        let name = branch.pointer("/if/properties/blueprint/const");
        let Some(name) = name.and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        for section in ["properties", "relations"] {
            let at = format!("/then/properties/{section}");
            let Some(members) = branch.pointer_mut(&at).map(Value::take) else {
                continue;
            };
            for (member, said) in members["properties"].as_object().into_iter().flatten() {
                let required = members["required"].as_array();
                let is_required =
                    required.is_some_and(|names| names.iter().any(|one| one == member));
                let text = format!("{is_required} {said}");
                parts.insert(format!("{name}.{section}.{member}"), text);
            }
        }
        parts.insert(name, branch.to_string());
    }
    parts.insert("(all entities)".to_owned(), rest.to_string());
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_are_named_by_blueprint_property_and_relation() {
        let branch = |name: &str, properties: Value, relations: Value| {
            json!({
                "if": {"properties": {"blueprint": {"const": name}}},
                "then": {"properties": {
                    "properties": {"properties": properties, "required": ["kept"]},
                    "relations": {"properties": relations},
                }},
            })
        };
        let schema =
            |branches: Value| json!({"definitions": {"entity": {"then": {"allOf": branches}}}});
        let old = schema(json!([
            branch("gone", json!({"p": {}}), json!({})),
            branch(
                "service",
                json!({"kept": {}, "old": {}, "url": {"type": "string"}}),
                json!({"r": {}})
            ),
        ]));
        let new = schema(json!([
            branch("new", json!({"p": {}}), json!({})),
            branch(
                "service",
                json!({"kept": {}, "url": {"type": "number"}}),
                json!({"r": {}, "s": {}})
            ),
        ]));
        let expected = [
            "- gone",
            "+ new",
            "- service.properties.old",
            "~ service.properties.url",
            "+ service.relations.s",
        ];
        assert_eq!(changes(&old, &new), expected);
        assert!(changes(&new, &new).is_empty());
        assert_eq!(changes(&json!(7), &json!({}))[0], "~ (all entities)");
    }
}
