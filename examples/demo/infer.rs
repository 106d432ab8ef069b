//! Blueprints that take the entities which some files declare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use port_gitops::catalog::declare::Declaration;
use serde_json::{Map, Value, json};

/// What is known of a blueprint.
#[derive(Default)]
struct Shape {
    /// The types that each property's values have.
    properties: BTreeMap<String, BTreeSet<&'static str>>,
    relations: BTreeMap<String, RelationShape>,
}

#[derive(Default)]
struct RelationShape {
    many: bool,
    targets: Vec<String>,
}

/// A blueprint for every entity and for what the relations point to, as Port's API has them.
pub(crate) fn blueprints(declarations: &[Arc<Declaration>]) -> Vec<Value> {
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    // Which blueprint an identifier is of.
    let mut homes: BTreeMap<String, String> = BTreeMap::new();
    for declaration in declarations {
        let blueprint = declaration.entity.blueprint.to_string();
        let entity = json!(declaration.entity);
        if let Some(identifier) = entity["identifier"].as_str() {
            homes.insert(identifier.to_owned(), blueprint.clone());
        }
        shapes.entry(blueprint).or_default().add(&entity);
    }
    let targets: BTreeSet<_> = shapes
        .values()
        .flat_map(|shape| &shape.relations)
        .map(|(name, relation)| relation.target(name, &homes))
        .collect();
    for target in targets {
        shapes.entry(target).or_default();
    }
    shapes
        .iter()
        .map(|(identifier, shape)| shape.blueprint(identifier, &homes))
        .collect()
}

impl Shape {
    fn add(&mut self, entity: &Value) {
        for (name, value) in members(&entity["properties"]) {
            let types = self.properties.entry(name.clone()).or_default();
            types.extend(type_of(value));
        }
        for (name, value) in members(&entity["relations"]) {
            self.relations.entry(name.clone()).or_default().add(value);
        }
    }

    fn blueprint(&self, identifier: &str, homes: &BTreeMap<String, String>) -> Value {
        let property = |(name, types): (&String, &BTreeSet<&str>)| {
            // Values of several types are a mistake, which the first one shows.
            let one = types.first().copied().unwrap_or("string");
            (name.clone(), json!({"title": name, "type": one}))
        };
        let relation = |(name, relation): (&String, &RelationShape)| {
            let target = relation.target(name, homes);
            let rule = json!({"target": target, "required": false, "many": relation.many});
            (name.clone(), rule)
        };
        json!({
            "identifier": identifier,
            "title": identifier,
            "schema": {
                "properties": self.properties.iter().map(property).collect::<Map<_, _>>(),
                "required": [],
            },
            "relations": self.relations.iter().map(relation).collect::<Map<_, _>>(),
        })
    }
}

impl RelationShape {
    fn add(&mut self, value: &Value) {
        match value {
            Value::Array(items) => {
                self.many = true;
                self.targets.extend(items.iter().filter_map(text));
            }
            other => self.targets.extend(text(other)),
        }
    }

    /// The blueprint of the first target that is declared. Where none is, one of the relation's own
    /// name stands for it.
    fn target(&self, name: &str, homes: &BTreeMap<String, String>) -> String {
        let home = self.targets.iter().find_map(|target| homes.get(target));
        home.cloned().unwrap_or_else(|| name.to_owned())
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn type_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("boolean"),
        Value::Number(_) => Some("number"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
    }
}
