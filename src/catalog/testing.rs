//! Entities and blueprints for tests, written as JSON.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use serde_json::{Value, json};

use super::blueprint::Blueprint;
use super::declare::{Declaration, EntityFile, FileContent, declare};
use super::entity::Entity;
use super::live::LiveEntity;
use super::rules::BlueprintRules;
use crate::text::{RepoPath, SourceFile};

/// The declaration of `fields`, on one line of the file `e.json`; the identifier is `e` and the
/// blueprint `b` where they say nothing else.
pub(crate) fn declaration(mut fields: Value) -> Declaration {
    for (key, value) in [("identifier", "e"), ("blueprint", "b")] {
        if fields.get(key).is_none() {
            fields[key] = json!(value);
        }
    }
    let source = SourceFile::new(RepoPath::new("e.json"), fields.to_string());
    let file = EntityFile {
        content: FileContent::Text(source),
        default_blueprint: None,
    };
    let declarations = declare(&[file], &BlueprintRules::parse("*").unwrap());
    assert!(declarations.diagnostics.is_empty(), "{fields}");
    Declaration::clone(&declarations.valid[0])
}

/// The entity that `fields` declare.
pub(crate) fn entity(fields: Value) -> Entity {
    declaration(fields).entity
}

/// The entity that Port holds.
pub(crate) fn live(fields: Value) -> LiveEntity {
    let text = |key: &str| fields[key].as_str().map(str::to_owned);
    let map = |key: &str| fields[key].as_object().cloned().unwrap_or_default();
    LiveEntity {
        title: text("title"),
        icon: text("icon"),
        team: serde_json::from_value(fields["team"].clone()).unwrap_or_default(),
        properties: map("properties"),
        relations: map("relations"),
    }
}

/// The blueprint with this schema, the relations `one` and `many`, and a calculation `computed`.
pub(crate) fn blueprint(schema: Value) -> Blueprint {
    Blueprint::from_json(json!({
        "schema": schema,
        "relations": {
            "one": {"target": "b", "many": false},
            "many": {"target": "b", "many": true},
        },
        "calculationProperties": {"computed": {}},
    }))
    .unwrap()
}
