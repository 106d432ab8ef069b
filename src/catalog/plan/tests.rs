use serde_json::{Value, json};

use super::*;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{Basis, Proof};
use crate::catalog::testing::{blueprint, declaration, live};

/// What a plan depends on beside the changes; nothing prevents a deletion.
struct World {
    live: Live,
    blueprints: Blueprints,
    owners: BTreeMap<EntityKey, ClaimingSource>,
    rewritten: BTreeMap<EntityKey, DriftDigest>,
    pruning: Pruning,
}

impl World {
    fn new() -> Self {
        Self {
            live: Live::default(),
            blueprints: Blueprints::default(),
            owners: BTreeMap::new(),
            rewritten: BTreeMap::new(),
            pruning: Pruning::On {
                obstacle: None,
                open: BTreeMap::new(),
            },
        }
    }

    /// Notes what Port holds of the entity; `None` is that it has none.
    fn hold(&mut self, change: &Change, held: Option<Value>) {
        self.live.insert(change.key.clone(), held.map(live));
    }

    fn claim(&mut self, change: &Change, claim: Claim) {
        let source = "other".to_owned();
        let source = ClaimingSource { source, claim };
        self.owners.insert(change.key.clone(), source);
    }

    fn plan(&self, changes: impl Into<Vec<Change>>) -> Plan {
        let context = PlanContext {
            live: &self.live,
            blueprints: &self.blueprints,
            owners: &self.owners,
            rewritten: &self.rewritten,
            takeover: Action::Adopt,
        };
        let policy = Policy {
            merge: Merge::Merge,
            pruning: self.pruning.clone(),
        };
        Plan::new(changes.into(), context, &policy)
    }
}

/// What `e.json` declared once and declares now. Port has accepted the former.
fn change(former: Option<Value>, head: Option<Value>) -> Change {
    let declared = |fields: Option<Value>| fields.map(declaration).map(Arc::new);
    let (former, head) = (declared(former), declared(head));
    Change {
        key: former.as_ref().or(head.as_ref()).unwrap().entity.key(),
        former_path: former.as_ref().map(|_| RepoPath::new("e.json")),
        former: former.into_iter().collect(),
        head,
        basis: Basis::Live,
        proof: Proof::Accepted,
    }
}

fn named(identifier: &str) -> Option<Value> {
    Some(json!({"identifier": identifier, "title": "T"}))
}

/// What becomes of the entity.
fn fate(plan: &Plan, key: &EntityKey) -> String {
    let upserts = plan.upserts.iter();
    let upserts = upserts.map(|one| (&one.key, format!("{:?}", one.action)));
    let deletions = plan.deletions.iter();
    let deletions = deletions.map(|one| (&one.key, "Delete".to_owned()));
    let untouched = plan.untouched.iter();
    let untouched = untouched.map(|one| (&one.key, format!("{:?}", one.reason)));
    let gone = plan.gone.iter().map(|key| (key, "Gone".to_owned()));
    let all = upserts.chain(deletions).chain(untouched).chain(gone);
    let fates: Vec<_> = all.filter(|(one, _)| *one == key).collect();
    assert_eq!(fates.len(), 1, "{fates:?}");
    fates[0].1.split('(').next().unwrap().to_owned()
}

/// The deletion of an entity that Git declared to relate to `a` and `b`.
fn deletion(held: Option<Value>, shape: Option<Blueprint>) -> Deletion {
    let relations = json!({"relations": {"one": "a", "many": ["b"]}});
    let removed = change(Some(relations), None);
    let mut world = World::new();
    let shape = shape.map(|shape| (removed.key.blueprint.clone(), shape));
    world.blueprints.known = shape.into_iter().collect();
    if held.is_some() {
        world.hold(&removed, held);
    }
    world.plan([removed]).deletions.remove(0)
}

fn targets(held: Option<Value>, shape: Option<Blueprint>) -> Vec<String> {
    let show = |target: &RelationTarget| match &target.blueprint {
        Some(blueprint) => format!("{blueprint}/{}", target.identifier),
        None => target.identifier.to_string(),
    };
    deletion(held, shape).targets.iter().map(show).collect()
}

/// What it related to once can go all the same, and what it relates to by now cannot.
#[test]
fn what_must_outlive_an_entity_is_what_port_says() {
    let held = json!({"relations": {"one": "x", "many": ["y", "z"], "none": null}});
    assert_eq!(targets(Some(held), None), ["y", "z", "x"]);
    assert_eq!(targets(Some(json!({})), None), [""; 0]);
}

#[test]
fn where_port_was_not_read_git_decides() {
    assert_eq!(targets(None, None), ["b", "a"]);
}

#[test]
fn the_blueprint_says_where_a_relation_leads() {
    let shape = || Some(blueprint(json!({})));
    let held = json!({"relations": {"one": "x", "gone": "y"}});
    assert_eq!(targets(Some(held), shape()), ["y", "b/x"]);
    assert_eq!(targets(None, shape()), ["b/b", "b/a"]);
}

/// What Port relates to is there, by whichever rules it got its name.
#[test]
fn names_that_port_says_are_not_checked() {
    let held = json!({"relations": {"one": "the sales", "many": ["a b", "*"]}});
    let found = targets(Some(held), None);
    assert_eq!(found, ["a b", "*", "the sales"]);
}

/// Whose values need not be kept is decided by what would be written.
#[test]
fn what_port_holds_as_declared_needs_nothing() {
    let full =
        json!({"title": "T", "properties": {"a": 1, "b": null}, "relations": {"many": ["x"]}});
    let less = json!({"properties": {"a": 1}});
    let asks = json!({"relations": {"one": {"combinator": "and", "rules": [
        {"property": "$title", "operator": "=", "value": "x"},
    ]}}});
    let held =
        json!({"title": "T", "properties": {"a": 1.0, "c": 2}, "relations": {"many": ["x"]}});
    for (former, head, is_same) in [
        (None, Some(&full), [true, false]),
        (Some(&full), Some(&full), [true, false]),
        // The title may have to be cleared.
        (Some(&full), Some(&less), [false, false]),
        (None, Some(&asks), [false, false]),
        (Some(&full), None, [false, false]),
    ] {
        let change = change(former.cloned(), head.cloned());
        let held = live(held.clone());
        let found =
            [Merge::Merge, Merge::Replace].map(|mode| is_in_port(&change, &held, None, mode));
        assert_eq!(found, is_same, "{former:?} {head:?}");
    }
}

#[test]
fn what_is_declared_is_written_where_port_differs() {
    let titled = |title: &str| Some(json!({"title": title}));
    let (new, other) = (titled("new"), titled("other"));
    for (former, held, claim, expected) in [
        (None, Some(None), None, "Create"),
        (None, None, None, "Create"),
        (None, Some(other.clone()), None, "Adopt"),
        (None, Some(new.clone()), None, "Unchanged"),
        (other.clone(), None, None, "Update"),
        (new.clone(), Some(other.clone()), None, "Update"),
        (None, Some(other.clone()), Some(Claim::Waiting), "Adopt"),
        (None, Some(other), Some(Claim::Owned), "OwnedElsewhere"),
    ] {
        let drifted = former == new;
        let declared = change(former, new.clone());
        let mut world = World::new();
        if let Some(held) = held {
            world.hold(&declared, held);
        }
        if let Some(claim) = claim {
            world.claim(&declared, claim);
        }
        let plan = world.plan([declared.clone()]);
        assert_eq!(fate(&plan, &declared.key), expected);
        let is_written = !["Unchanged", "OwnedElsewhere"].contains(&expected);
        assert_eq!(plan.is_empty(), !is_written);
        assert_eq!(plan.upserts.iter().any(|one| one.drift.is_some()), drifted);
    }
}

/// Once is enough: a difference that is there again is one that Port keeps. Nothing is kept of secrets, nor
/// of what may be one.
#[test]
fn what_differs_though_git_did_not_change_it_is_written_once() {
    let shape = json!({"properties": {
        "open": {"type": "string"}, "secret": {"type": "string", "format": "password"},
    }});
    let declared = json!({"title": "T", "properties": {"open": "x", "secret": "x"}});
    let held = |title: &str, open: &str, secret: &str| {
        Some(json!({"title": title, "properties": {"open": open, "secret": secret}}))
    };
    let unchanged = change(Some(declared.clone()), Some(declared));
    for (held, of_known, of_unknown) in [
        (held("other", "x", "x"), "KeptByPort", "KeptByPort"),
        (held("T", "other", "x"), "KeptByPort", "Update"),
        (held("T", "x", "other"), "Update", "Update"),
        (held("other", "x", "other"), "Update", "Update"),
    ] {
        for (expected, is_known) in [(of_known, true), (of_unknown, false)] {
            let mut world = World::new();
            if is_known {
                let known = (unchanged.key.blueprint.clone(), blueprint(shape.clone()));
                world.blueprints.known.extend([known]);
            }
            world.hold(&unchanged, held.clone());
            let first = world.plan([unchanged.clone()]);
            assert_eq!(fate(&first, &unchanged.key), "Update");
            if let Some(drift) = &first.upserts[0].drift {
                world.rewritten.insert(unchanged.key.clone(), drift.clone());
            }
            let again = world.plan([unchanged.clone()]);
            assert_eq!(fate(&again, &unchanged.key), expected, "{held:?}");
            // Somebody changes it to something else.
            world.hold(&unchanged, Some(json!({"title": "new"})));
            let other = world.plan([unchanged.clone()]);
            assert_eq!(fate(&other, &unchanged.key), "Update");
        }
    }
}

#[test]
fn what_is_removed_is_deleted_where_it_may_be() {
    fn held_back() -> Obstacle {
        let (reason, help) = ("it may not".to_owned(), "wait".to_owned());
        Obstacle { reason, help }
    }
    fn open(path: &str) -> Pruning {
        let open = BTreeMap::from([(RepoPath::new(path), held_back())]);
        let obstacle = None;
        Pruning::On { obstacle, open }
    }
    fn sent_without_answer(former: Value, title: &str, world: &mut World, removed: &mut Change) {
        *removed = change(Some(former), None);
        removed.proof = Proof::Possible;
        world.hold(removed, Some(json!({"title": title})));
    }
    type Case = (&'static str, fn(&mut World, &mut Change));
    // Port accepted `e`, whose title is `T`, and holds it.
    let cases: [Case; 16] = [
        ("Delete", |_, _| {}),
        ("Delete", |world, _| world.live = Live::default()),
        ("Gone", |world, e| world.hold(e, None)),
        ("HandedOver", |world, e| world.claim(e, Claim::Waiting)),
        ("HandedOver", |world, e| world.claim(e, Claim::Owned)),
        ("Removed", |world, _| world.pruning = Pruning::Off),
        ("Deselected", |world, _| world.pruning = Pruning::Release),
        ("HeldBack", |world, _| {
            world.pruning = Pruning::On {
                obstacle: Some(held_back()),
                open: BTreeMap::new(),
            }
        }),
        ("HeldBack", |world, _| world.pruning = open("e.json")),
        ("Delete", |world, _| world.pruning = open("other.json")),
        // Whether Port took it shows in what it holds.
        ("Delete", |world, e| {
            sent_without_answer(json!({"title": "T"}), "T", world, e)
        }),
        ("NeverWritten", |world, e| {
            sent_without_answer(json!({"title": "T"}), "other", world, e)
        }),
        // An entity without content is like any other of that name.
        ("NeverWritten", |world, e| {
            sent_without_answer(json!({}), "T", world, e)
        }),
        ("Delete", |world, e| {
            sent_without_answer(json!({"title": "T"}), "other", world, e);
            world.live = Live::default();
        }),
        // What a query names was there before.
        ("Removed", |_, e| *e = change(asked("b"), None)),
        ("Removed", |world, e| {
            *e = change(asked("b"), None);
            world.hold(e, named("f"));
        }),
    ];
    for (index, (expected, vary)) in cases.into_iter().enumerate() {
        let mut removed = change(named("e"), None);
        let mut world = World::new();
        world.hold(&removed, named("e"));
        vary(&mut world, &mut removed);
        let plan = world.plan([removed.clone()]);
        assert_eq!(fate(&plan, &removed.key), expected, "case {index}");
        assert_eq!(plan.is_empty(), expected != "Delete", "case {index}");
    }
}

/// An entity of `blueprint` that a query names.
fn asked(blueprint: &str) -> Option<Value> {
    let rules = json!([{"property": "$title", "operator": "=", "value": "T"}]);
    let query = json!({"combinator": "and", "rules": rules});
    Some(json!({"identifier": query, "blueprint": blueprint}))
}

#[test]
fn what_a_query_may_name_is_not_deleted() {
    for (blueprint, found, expected) in [
        ("b", None, "HeldBack"),
        ("other", None, "Delete"),
        ("b", Some("f"), "Delete"),
        ("b", Some("e"), "Gone"),
    ] {
        let (removed, query) = (change(named("e"), None), change(None, asked(blueprint)));
        let mut world = World::new();
        if let Some(found) = found {
            let (found, held) = (Identifier::parse(found).unwrap(), live(json!({})));
            world.live.insert_found(query.key.clone(), found, held);
        }
        let plan = world.plan([removed.clone(), query]);
        assert_eq!(fate(&plan, &removed.key), expected, "{blueprint} {found:?}");
    }
}

/// One of them may be the same thing under a new name.
#[test]
fn a_deletion_waits_for_what_its_file_declares_now() {
    let moved = |path: &str| Change {
        former_path: Some(RepoPath::new(path)),
        ..change(named("e"), None)
    };
    for (path, successors) in [("e.json", &[0, 1][..]), ("other.json", &[])] {
        let [f, g] = ["f", "g"].map(|name| change(None, named(name)));
        let plan = World::new().plan([f, moved(path), g]);
        assert_eq!(plan.deletions[0].successors, successors, "{path}");
    }
}

#[test]
fn plans_are_counted_in_words() {
    let (mut world, same) = (World::new(), change(named("same"), named("same")));
    let adopted = change(None, named("adopted"));
    world.hold(&same, named("same"));
    world.hold(&adopted, Some(json!({"title": "other"})));
    let removed = change(named("removed"), None);
    let changed = change(Some(json!({})), Some(json!({"title": "T"})));
    let [f, g] = ["f", "g"].map(|name| change(None, named(name)));
    let plan = world.plan([same.clone(), adopted, removed.clone(), changed, f, g]);
    let all = "4 to create, 2 to adopt, 2 to update, 2 to delete";
    assert_eq!(summary(&[&plan, &plan]), all);
    assert_eq!(summary(&[&world.plan([removed])]), "1 to delete");
    assert_eq!(summary(&[&world.plan([same])]), "");
    for (reason, expected) in [(NoOpReason::Unchanged, "b/same"), (NoOpReason::Removed, "")] {
        let keys = plan.untouched_by(&reason).map(|one| one.key.to_string());
        assert_eq!(keys.collect::<String>(), expected);
    }
}

#[test]
fn more_deletions_than_are_allowed_are_none() {
    let removed = change(named("e"), None);
    let mut plan = World::new().plan([removed.clone()]);
    for (at_most, expected) in [(1, "Delete"), (0, "HeldBack")] {
        limit_deletions([&mut plan].into_iter(), at_most);
        assert_eq!(fate(&plan, &removed.key), expected);
        assert_eq!(plan.is_empty(), expected == "HeldBack");
    }
}
