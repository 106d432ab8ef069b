use serde_json::{Value, json};

use super::*;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{Basis, Proof};
use crate::catalog::testing::{blueprint, declaration, live};

/// The deletion of an entity that Git declared to relate to `a` and `b`.
fn deletion(held: Option<Value>, blueprints: &Blueprints) -> Deletion {
    let former = declaration(json!({
        "identifier": "e", "relations": {"one": "a", "many": ["b"]},
    }));
    let key = former.entity.key();
    let mut known = Live::default();
    if let Some(held) = held {
        known.insert(key.clone(), Some(live(held)));
    }
    let change = Change {
        key,
        former: vec![Arc::new(former)],
        head: None,
        basis: Basis::Live,
        proof: Proof::Accepted,
        former_path: None,
    };
    let policy = Policy {
        merge: Merge::Merge,
        pruning: Pruning::On {
            obstacle: None,
            open: BTreeMap::new(),
        },
    };
    let known = PlanContext {
        live: &known,
        blueprints,
        owners: &BTreeMap::new(),
        rewritten: &BTreeMap::new(),
        takeover: Action::Adopt,
    };
    Plan::new(vec![change], known, &policy).deletions.remove(0)
}

fn targets(held: Option<Value>, blueprints: &Blueprints) -> Vec<String> {
    let show = |target: &RelationTarget| match &target.blueprint {
        Some(blueprint) => format!("{blueprint}/{}", target.identifier),
        None => target.identifier.to_string(),
    };
    deletion(held, blueprints)
        .targets
        .iter()
        .map(show)
        .collect()
}

/// What it related to once can go all the same, and what it relates to by now cannot.
#[test]
fn what_must_outlive_an_entity_is_what_port_says() {
    let nothing = Blueprints::default();
    let held = json!({"relations": {"one": "x", "many": ["y", "z"], "none": null}});
    assert_eq!(targets(Some(held), &nothing), ["y", "z", "x"]);
    assert_eq!(targets(Some(json!({})), &nothing), [""; 0]);
}

#[test]
fn where_port_was_not_read_git_decides() {
    assert_eq!(targets(None, &Blueprints::default()), ["b", "a"]);
}

#[test]
fn the_blueprint_says_where_a_relation_leads() {
    let identifier = BlueprintId::parse("b").unwrap();
    let mut blueprints = Blueprints::default();
    blueprints.known.insert(identifier, blueprint(json!({})));
    let held = json!({"relations": {"one": "x", "gone": "y"}});
    assert_eq!(targets(Some(held), &blueprints), ["y", "b/x"]);
    assert_eq!(targets(None, &blueprints), ["b/b", "b/a"]);
}

/// What Port relates to is there, by whichever rules it got its name.
#[test]
fn names_that_port_says_are_not_checked() {
    let held = json!({"relations": {"one": "the sales", "many": ["a b", "*"]}});
    let found = targets(Some(held), &Blueprints::default());
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
        let declared = |fields: &Value| Arc::new(declaration(fields.clone()));
        let change = Change {
            key: declaration(json!({})).entity.key(),
            former: former.map(declared).into_iter().collect(),
            head: head.map(declared),
            basis: Basis::Live,
            proof: Proof::Accepted,
            former_path: None,
        };
        let held = live(held.clone());
        let found =
            [Merge::Merge, Merge::Replace].map(|mode| is_in_port(&change, &held, None, mode));
        assert_eq!(found, is_same, "{former:?} {head:?}");
    }
}

/// The plan for `b/e`. `held` is `None` where Port was not read, `Some(None)` where it has no such entity.
fn plan_of(
    (former, head): (Option<Value>, Option<Value>),
    held: Option<Option<Value>>,
    claim: Option<Claim>,
    pruning: Pruning,
) -> Plan {
    let key = declaration(json!({})).entity.key();
    let mut known = Live::default();
    if let Some(held) = held {
        known.insert(key.clone(), held.map(live));
    }
    let claim = claim.map(|claim| ClaimingSource {
        source: "other".to_owned(),
        claim,
    });
    let change = Change {
        key: key.clone(),
        former: former.map(declaration).map(Arc::new).into_iter().collect(),
        head: head.map(declaration).map(Arc::new),
        basis: Basis::Live,
        proof: Proof::Accepted,
        former_path: None,
    };
    let known = PlanContext {
        live: &known,
        blueprints: &Blueprints::default(),
        owners: &claim.map(|claim| (key, claim)).into_iter().collect(),
        rewritten: &BTreeMap::new(),
        takeover: Action::Adopt,
    };
    let merge = Merge::Merge;
    Plan::new(vec![change], known, &Policy { merge, pruning })
}

/// What becomes of its one entity.
fn describe(plan: &Plan) -> String {
    let upserts = plan.upserts.iter().map(|one| format!("{:?}", one.action));
    let deletions = plan.deletions.iter().map(|_| "Delete".to_owned());
    let untouched = plan.untouched.iter().map(|one| format!("{:?}", one.reason));
    let gone = plan.gone.iter().map(|_| "Gone".to_owned());
    let all: Vec<_> = upserts
        .chain(deletions)
        .chain(untouched)
        .chain(gone)
        .collect();
    all.join(", ").split('(').next().unwrap().to_owned()
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
        (
            None,
            Some(other.clone()),
            Some(Claim::Owned),
            "OwnedElsewhere",
        ),
    ] {
        let drifted = former == new;
        let plan = plan_of((former, new.clone()), held, claim, Pruning::Off);
        assert_eq!(describe(&plan), expected);
        let is_written = !["Unchanged", "OwnedElsewhere"].contains(&expected);
        assert_eq!(plan.is_empty(), !is_written);
        assert_eq!(plan.count(Action::Adopt) == 1, expected == "Adopt");
        assert_eq!(plan.upserts.iter().any(|one| one.drift.is_some()), drifted);
    }
}

#[test]
fn what_is_removed_is_deleted_where_it_may_be() {
    let on = || Pruning::On {
        obstacle: None,
        open: BTreeMap::new(),
    };
    let former = || (Some(json!({"title": "T"})), None);
    let held = || Some(Some(json!({"title": "T"})));
    for (held, claim, pruning, expected) in [
        (held(), None, on(), "Delete"),
        (None, None, on(), "Delete"),
        (Some(None), None, on(), "Gone"),
        (held(), Some(Claim::Waiting), on(), "HandedOver"),
        (held(), None, Pruning::Off, "Removed"),
        (held(), None, Pruning::Release, "Deselected"),
    ] {
        assert_eq!(describe(&plan_of(former(), held, claim, pruning)), expected);
    }
    let mut plan = plan_of(former(), held(), None, on());
    for (at_most, expected) in [(1, "Delete"), (0, "HeldBack")] {
        limit_deletions([&mut plan].into_iter(), at_most);
        assert_eq!(describe(&plan), expected);
        assert_eq!(plan.is_empty(), expected == "HeldBack");
    }
}
