use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::catalog::blueprint::Blueprint;
use crate::catalog::entity::{BlueprintId, Clearing, EntityName, Relation, Stated};

/// An entity of `service`, by its name, with its relations as `name: target`.
fn entity(name: &str, relations: &[(&str, &[&str])]) -> Entity {
    of("service", name, relations)
}

fn of(blueprint: &str, name: &str, relations: &[(&str, &[&str])]) -> Entity {
    let identifier = |name: &&str| Identifier::parse(name).unwrap();
    let relations = relations.iter().map(|(relation, targets)| {
        let targets = targets.iter().map(identifier).collect();
        ((*relation).to_owned(), Relation::Many(targets))
    });
    Entity {
        blueprint: BlueprintId::parse(blueprint).unwrap(),
        name: EntityName::Identifier(identifier(&name)),
        title: Stated::LeftOut,
        icon: Stated::LeftOut,
        team: Stated::LeftOut,
        properties: serde_json::Map::new(),
        relations: BTreeMap::from_iter(relations),
        clearing: Clearing::Allowed,
    }
}

/// `service` may relate to services by `needs`, must by `must`, and may to a `domain`.
fn blueprints() -> Blueprints {
    let relation = |target: &str, required: bool| json!({"target": target, "required": required, "many": true});
    let blueprint = json!({
        "schema": {"properties": {}},
        "relations": {
            "needs": relation("service", false),
            "must": relation("service", true),
            "domain": relation("domain", false),
        },
    });
    let mut blueprints = Blueprints::default();
    blueprints.known.insert(
        BlueprintId::parse("service").unwrap(),
        Blueprint::from_json(blueprint).unwrap(),
    );
    blueprints
}

/// The waves as text: an entity's name, with `-` after it where relations are left out and
/// `+` where they follow.
fn waves_of(entities: &[(Entity, Action)]) -> Vec<String> {
    let nodes: Vec<_> = entities
        .iter()
        .map(|(entity, action)| (entity, *action))
        .collect();
    let schedule = Schedule::new(&nodes, &blueprints(), Merge::Merge);
    let word = |write: &Write| {
        let name = entities[write.entity].0.name.to_string();
        match &write.content {
            WriteContent::Whole if write.is_second() => format!("{name}+"),
            WriteContent::Whole => name,
            WriteContent::Without(_) => format!("{name}-"),
        }
    };
    let words = |wave: &Vec<Write>| wave.iter().map(word).collect::<Vec<_>>().join(" ");
    schedule.waves.iter().map(words).collect()
}

fn new(entities: Vec<Entity>) -> Vec<(Entity, Action)> {
    entities
        .into_iter()
        .map(|entity| (entity, Action::Create))
        .collect()
}

fn cycles_of(entities: &[(Entity, Action)]) -> Vec<RequiredCycle> {
    let nodes: Vec<_> = entities
        .iter()
        .map(|(entity, action)| (entity, *action))
        .collect();
    required_cycles(&nodes, &blueprints())
}

#[test]
fn nothing_needs_nothing() {
    assert_eq!(waves_of(&[]), [""; 0]);
    let entities = new(vec![
        entity("a", &[]),
        entity("b", &[("needs", &["elsewhere"])]),
    ]);
    assert_eq!(waves_of(&entities), ["a b"]);
}

#[test]
fn targets_go_first() {
    let entities = new(vec![
        entity("a", &[("needs", &["b", "c"])]),
        entity("b", &[("must", &["c"])]),
        entity("c", &[]),
    ]);
    assert_eq!(waves_of(&entities), ["c", "b", "a"]);
}

#[test]
fn a_relation_leads_to_its_own_blueprint() {
    let entities = new(vec![
        entity("a", &[("needs", &["b"])]),
        of("domain", "b", &[]),
        of("unknown", "c", &[("any", &["a", "b"])]),
    ]);
    assert_eq!(waves_of(&entities), ["a b", "c"]);
}

#[test]
fn a_cycle_is_written_without_and_then_with_its_relations() {
    let entities = new(vec![
        entity("a", &[("needs", &["b"])]),
        entity("b", &[("needs", &["a"]), ("domain", &["d"])]),
        entity("c", &[("needs", &["a"])]),
        of("domain", "d", &[]),
    ]);
    assert_eq!(waves_of(&entities), ["a- d", "b- c", "a+ b+"]);
    assert_eq!(cycles_of(&entities), []);
}

#[test]
fn what_is_new_cannot_point_at_itself_yet() {
    let entities = |action| vec![(entity("a", &[("needs", &["a"])]), action)];
    assert_eq!(waves_of(&entities(Action::Create)), ["a-", "a+"]);
    assert_eq!(waves_of(&entities(Action::Update)), ["a"]);
    let required = new(vec![entity("a", &[("must", &["a"])])]);
    assert_eq!(waves_of(&required), ["a"]);
    assert_eq!(cycles_of(&required), []);
}

#[test]
fn a_required_relation_in_a_cycle_is_kept_where_another_can_wait() {
    let entities = new(vec![
        entity("a", &[("must", &["b"])]),
        entity("b", &[("needs", &["a"])]),
    ]);
    assert_eq!(waves_of(&entities), ["b-", "a", "b+"]);
    assert_eq!(cycles_of(&entities), []);
}

#[test]
fn a_cycle_of_required_relations_is_found() {
    let cycle = || {
        vec![
            entity("a", &[("must", &["b"])]),
            entity("b", &[("must", &["c"])]),
            entity("c", &[("must", &["a"]), ("needs", &["a"])]),
            entity("d", &[("must", &["a"])]),
        ]
    };
    let found = cycles_of(&new(cycle()));
    let ways: Vec<_> = found
        .iter()
        .map(|cycle| (cycle.entity, &cycle.way[..]))
        .collect();
    assert_eq!(
        ways,
        [(0, &[1, 2, 0][..]), (1, &[2, 0, 1]), (2, &[0, 1, 2])]
    );
    // The way is the shortest.
    let two = cycles_of(&new(vec![
        entity("a", &[("must", &["b"])]),
        entity("b", &[("must", &["c", "a"])]),
        entity("c", &[("must", &["a"])]),
    ]));
    assert_eq!(two[0].way, [1, 0]);
    // One that is there already can be pointed to.
    let mut entities = new(cycle());
    entities[1].1 = Action::Update;
    assert_eq!(cycles_of(&entities), []);
    assert_eq!(waves_of(&entities), ["a", "c- d", "b c+"]);
}

#[test]
fn what_can_wait_fills_requests_that_there_are_anyway() {
    let mut entities = vec![entity("target", &[])];
    entities.extend((0..4).map(|n| entity(&format!("free{n}"), &[])));
    entities.push(entity("source", &[("needs", &["target"])]));
    assert_eq!(
        waves_of(&new(entities.clone()[..2].to_vec())),
        ["target free0"],
    );
    // One request for the targets and one for the sources are needed in any case.
    assert_eq!(waves_of(&new(entities.clone())).len(), 2);
    let mut many = vec![];
    many.extend((0..20).map(|n| entity(&format!("target{n}"), &[])));
    many.extend((0..4).map(|n| entity(&format!("free{n}"), &[])));
    many.extend((0..20).map(|n| {
        let target = format!("target{n}");
        entity(&format!("source{n}"), &[("needs", &[target.as_str()])])
    }));
    let nodes = new(many);
    let sizes = |nodes: &[(Entity, Action)]| -> Vec<usize> {
        waves_of(nodes)
            .iter()
            .map(|wave| wave.split(' ').count())
            .collect()
    };
    assert_eq!(sizes(&nodes), [24, 20], "the second request is full");
    assert_eq!(sizes(&nodes[..43]), [24, 19], "it has not room enough");
    assert_eq!(sizes(&nodes[..40]), [20, 20], "it has");
}

#[test]
fn a_long_chain_is_no_deep_one() {
    let count = 20_000;
    let name = |n: usize| format!("e{n}");
    let chain = (0..count).map(|n| match n {
        0 => entity(&name(0), &[]),
        _ => entity(&name(n), &[("needs", &[name(n - 1).as_str()])]),
    });
    assert_eq!(waves_of(&new(chain.collect())).len(), count);
}

/// A blueprint and an identifier.
type EntityPair<'n> = (&'n str, &'n str);

/// The waves of deletions, each with its targets; their blueprints may be empty.
fn deletion_waves_of(deletions: &[(EntityPair<'_>, &[EntityPair<'_>])]) -> Vec<DeletionWave> {
    let identifier = |name: &str| Identifier::parse(name).unwrap();
    let target = |&(blueprint, name): &EntityPair<'_>| RelationTarget {
        blueprint: (!blueprint.is_empty()).then(|| blueprint.to_owned()),
        identifier: identifier(name),
    };
    let all: Vec<_> = deletions
        .iter()
        .map(|((blueprint, name), targets)| {
            let key = EntityKey {
                blueprint: BlueprintId::parse(blueprint).unwrap(),
                name: EntityName::Identifier(identifier(name)),
            };
            (key, targets.iter().map(target).collect::<Vec<_>>())
        })
        .collect();
    let all: Vec<_> = all
        .iter()
        .map(|(key, targets)| (key, &targets[..]))
        .collect();
    deletion_waves(&all)
}

fn deletion_wave(plain: &[usize], entangled: &[usize]) -> DeletionWave {
    DeletionWave {
        plain: plain.to_vec(),
        entangled: entangled.to_vec(),
    }
}

#[test]
fn dependants_are_deleted_first() {
    let waves = deletion_waves_of(&[
        (("x", "a"), &[("", "b")]),
        (("x", "b"), &[]),
        (("x", "c"), &[("x", "d")]),
        (("x", "d"), &[("x", "c"), ("", "b")]),
        (("x", "e"), &[("x", "e")]),
    ]);
    let expected = [deletion_wave(&[0, 4], &[2, 3]), deletion_wave(&[1], &[])];
    assert_eq!(waves, expected);
}

#[test]
fn one_identifier_in_two_blueprints_is_two_entities() {
    let waves = |target| {
        deletion_waves_of(&[
            (("x", "a"), &[(target, "b")]),
            (("x", "b"), &[]),
            (("y", "b"), &[]),
        ])
    };
    let (first, then) = (deletion_wave(&[0, 1], &[]), deletion_wave(&[2], &[]));
    assert_eq!(waves("y"), [first, then]);
    let (first, then) = (deletion_wave(&[0], &[]), deletion_wave(&[1, 2], &[]));
    assert_eq!(waves(""), [first, then], "it may be either");
}
