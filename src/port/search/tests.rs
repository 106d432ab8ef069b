use port_gitops_contract::{Extent, check_port};
use port_gitops_sandbox::{Matcher, PortSandbox, Sandbox};
use serde_json::json;

use super::*;
use crate::catalog::live::Knowledge;
use crate::catalog::merge::Merge;
use crate::port::testing::client;
use crate::port::{MissingTargets, WriteOptions};

struct SearchWorld {
    sandbox: PortSandbox,
    port: Port,
}

impl SearchWorld {
    fn new() -> Self {
        let sandbox = PortSandbox::start().unwrap();
        sandbox.add_blueprint(shape("service"));
        let port = client(&sandbox);
        Self { sandbox, port }
    }

    fn put(&self, blueprint: &str, entity: Value) {
        self.sandbox.put_entity(blueprint, entity).unwrap();
    }

    fn searches(&self) -> usize {
        self.sandbox
            .requests(&Matcher::any())
            .iter()
            .filter(|exchange| exchange.path.ends_with("/search"))
            .count()
    }
}

impl Drop for SearchWorld {
    fn drop(&mut self) {
        check_port(&self.sandbox, Extent::Both);
    }
}

fn shape(identifier: &str) -> Value {
    json!({
        "identifier": identifier,
        "schema": {"properties": {"text": {"type": "string"}}},
        "relations": {
            "one": {"target": identifier, "many": false, "required": false},
            "many": {"target": identifier, "many": true, "required": false},
        },
        "calculationProperties": {"computed": {"calculation": ".", "type": "string"}},
    })
}

fn blueprints() -> Blueprints {
    let identifier = BlueprintId::parse("service").unwrap();
    let blueprint = Blueprint::from_json(shape("service")).unwrap();
    Blueprints {
        known: BTreeMap::from([(identifier, blueprint)]),
        ..Blueprints::default()
    }
}

fn key(blueprint: &str, identifier: &str) -> EntityKey {
    EntityKey {
        blueprint: BlueprintId::parse(blueprint).unwrap(),
        name: EntityName::Identifier(Identifier::parse(identifier).unwrap()),
    }
}

#[tokio::test]
async fn what_port_holds_is_known_afterwards() {
    let world = SearchWorld::new();
    let entity = json!({
        "identifier": "a/b", "title": "A", "team": ["t"],
        "properties": {"text": "x", "computed": "y"},
        "relations": {"many": ["c"]},
    });
    world.put("service", entity);
    world.put("service", json!({"identifier": "c"}));
    let keys = [
        key("service", "a/b"),
        key("service", "none"),
        key("gone", "a"),
    ];
    let live = world
        .port
        .live(&keys, &blueprints(), |_, _| false)
        .await
        .unwrap();
    let Knowledge::Present(entity) = live.get(&keys[0]) else {
        panic!("it is there");
    };
    let expected = LiveEntity {
        title: Some("A".to_owned()),
        team: vec!["t".to_owned()],
        properties: json!({"text": "x"}).as_object().unwrap().clone(),
        relations: json!({"many": ["c"], "one": null})
            .as_object()
            .unwrap()
            .clone(),
        ..LiveEntity::default()
    };
    assert_eq!(*entity, expected);
    assert_eq!(live.get(&keys[1]), Knowledge::Absent);
    assert_eq!(live.get(&keys[2]), Knowledge::Absent);
    assert_eq!(live.get(&key("service", "c")), Knowledge::Unknown);
}

#[tokio::test]
async fn thousands_of_entities_cost_few_requests() {
    let world = SearchWorld::new();
    let keys: Vec<_> = (0..2_500)
        .map(|n| key("service", &format!("e{n:05}")))
        .collect();
    for key in &keys {
        let entity = json!({"identifier": key.name.to_string(), "properties": {"text": "x"}});
        world.put("service", entity);
    }
    let live = world
        .port
        .live(&keys, &blueprints(), |_, _| false)
        .await
        .unwrap();
    let is_known = |key: &EntityKey| matches!(live.get(key), Knowledge::Present(_));
    assert!(keys.iter().all(is_known));
    assert_eq!(world.searches(), 3);
}

#[tokio::test]
async fn ports_validation_writes_nothing() {
    let world = SearchWorld::new();
    let entity = |identifier: &str, text: Value| {
        let fields = json!({
            "identifier": identifier, "blueprint": "service", "properties": {"text": text}
        });
        crate::catalog::testing::entity(fields)
    };
    let options = WriteOptions {
        merge: Merge::Merge,
        missing_targets: MissingTargets::Reject,
        run_id: None,
    };
    let blueprint = BlueprintId::parse("service").unwrap();
    let (good, bad) = (entity("a", json!("x")), entity("b", json!(1)));
    for (entities, expected) in [
        (vec![&good], vec![None]),
        (vec![&bad], vec![Some(422)]),
        (vec![&good, &bad], vec![None, Some(422)]),
    ] {
        let body = &crate::port::wire::pack(entities, 20)[0];
        let validations = world
            .port
            .validate(&blueprint, body, options.merge, &options)
            .await;
        let statuses = validations.unwrap().into_iter();
        let statuses: Vec<_> = statuses
            .map(|one| one.err().map(|one| one.status))
            .collect();
        assert_eq!(statuses, expected);
    }
    assert!(world.sandbox.entities().is_empty());
}

fn sizes(count: usize, length: usize) -> Vec<usize> {
    let identifiers: Vec<_> = (0..count)
        .map(|n| Identifier::parse(&format!("{n:0>length$}")).unwrap())
        .collect();
    let batches = batches(&identifiers);
    let search = |batch: &Vec<&Identifier>| {
        let blueprint = BlueprintId::parse("service").unwrap();
        of_identifiers(&blueprint, batch, None).query.to_string()
    };
    assert!(
        batches
            .iter()
            .all(|batch| search(batch).len() < 1024 * 1024)
    );
    batches.iter().map(Vec::len).collect()
}

#[test]
fn requests_are_few_and_not_too_large() {
    assert_eq!(sizes(0, 8), [0; 0]);
    assert_eq!(sizes(2500, 8), [1000, 1000, 500]);
    assert_eq!(sizes(1000, 1000), [918, 82]);
}

#[test]
fn a_found_entity_may_say_more_or_less_than_specified() {
    let found: FoundEntity = serde_json::from_value(json!({
        "identifier": "a", "blueprint": "b", "team": "t", "icon": null,
        "properties": {"p": 1}, "relations": null, "createdAt": "now",
        "$datasource": "port-gitops/1 (o)",
    }))
    .unwrap();
    let live = LiveEntity::from(found);
    assert_eq!(live.team, ["t"]);
    assert_eq!(live.properties["p"], 1);
    assert!(live.relations.is_empty());
}
