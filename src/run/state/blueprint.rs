//! The blueprint of states, which the first apply creates.

use serde_json::{Map, Value, json};

use crate::catalog::entity::BlueprintId;

/// The blueprint of states, to be created as `identifier`.
pub(super) fn blueprint(identifier: &BlueprintId) -> Value {
    let mut blueprint = definition();
    blueprint["identifier"] = json!(identifier);
    blueprint
}

/// The properties that are written.
pub(super) fn properties() -> Map<String, Value> {
    match definition()["schema"]["properties"].take() {
        Value::Object(properties) => properties,
        _ => Map::new(),
    }
}

fn definition() -> Value {
    #[expect(clippy::expect_used, reason = "a test reads the file")]
    serde_json::from_str(include_str!("blueprint.json")).expect("the file is JSON")
}
