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

/// Waves of entities by their names without digits: `2 a 1 b` are `a0`, `a1` and `b0`.
fn counts_of(entities: &[(Entity, Action)]) -> Vec<String> {
    let count = |wave: String| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for name in wave.split(' ') {
            let kind = name.trim_end_matches(|one: char| one.is_ascii_digit());
            *counts.entry(kind).or_default() += 1;
        }
        let counts = counts.iter().map(|(kind, count)| format!("{count} {kind}"));
        counts.collect::<Vec<_>>().join(" ")
    };
    waves_of(entities).into_iter().map(count).collect()
}

/// A request takes 20. Every `a` is needed by a `b`, and every `b` by a `c`. Each `x` can wait until the
/// second wave, as a `c` needs it, and each `f` for ever.
#[test]
fn what_can_wait_fills_requests_that_there_are_anyway() {
    for ([a, b, c, x, f], expected) in [
        // One request each is needed in any case.
        ([1, 1, 0, 0, 4], &["1 a 4 f", "1 b"][..]),
        // The first wave needs another request only for those that can wait.
        ([20, 16, 0, 0, 4], &["20 a", "16 b 4 f"]),
        ([20, 16, 0, 0, 24], &["20 a 20 f", "16 b 4 f"]),
        // There is no room for all of them.
        ([20, 17, 0, 0, 4], &["20 a 4 f", "17 b"]),
        ([20, 20, 0, 0, 4], &["20 a 4 f", "20 b"]),
        // They are too few.
        ([23, 16, 0, 0, 1], &["23 a 1 f", "16 b"]),
        // Two waves have room for them.
        ([20, 18, 10, 0, 24], &["20 a 20 f", "18 b 2 f", "10 c 2 f"]),
        // Nobody waits too long.
        ([20, 18, 10, 1, 3], &["20 a", "18 b 1 f 1 x", "10 c 2 f"]),
        ([20, 20, 10, 3, 0], &["20 a 3 x", "20 b", "10 c"]),
    ] {
        let names = |kind: &str, count: usize| -> Vec<_> {
            (0..count).map(|n| format!("{kind}{n}")).collect()
        };
        let none = Vec::new;
        let mut entities = Vec::new();
        for (kind, count, needed) in [
            ("f", f, none()),
            ("x", x, none()),
            ("a", a, none()),
            ("b", b, names("a", a)),
            ("c", c, [names("b", b), names("x", x)].concat()),
        ] {
            for (n, name) in names(kind, count).iter().enumerate() {
                let targets = needed.iter().skip(n).step_by(count);
                let targets: Vec<_> = targets.map(String::as_str).collect();
                entities.push(entity(name, &[("needs", &targets)]));
            }
        }
        assert_eq!(counts_of(&new(entities)), expected);
    }
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
