use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::AtBase;
use crate::catalog::testing::{declaration, live};

/// The deletion of an entity that Git declared to relate to `a` and `b`.
fn deletion(held: Option<Value>) -> Deletion {
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
        at_base: AtBase::Written,
    };
    let policy = Policy {
        basis: Basis::Git,
        merge: Merge::Merge,
        pruning: Pruning::On {
            at_most: 1,
            obstacle: None,
            unclaimed: Unclaimed::List,
        },
        superseded: BTreeSet::new(),
        owner: "octo/shop".to_owned(),
    };
    let known = Known {
        live: &known,
        blueprints: &Blueprints::default(),
    };
    Plan::new(vec![change], known, &policy).deletions.remove(0)
}

fn targets(held: Option<Value>) -> Vec<String> {
    let targets = deletion(held).targets;
    targets.iter().map(ToString::to_string).collect()
}

/// What it related to once can go all the same, and what it relates to by now cannot.
#[test]
fn what_must_outlive_an_entity_is_what_port_says() {
    let held = json!({"relations": {"one": "x", "many": ["y", "z"], "none": null}});
    assert_eq!(targets(Some(held)), ["y", "z", "x"]);
    assert_eq!(targets(Some(json!({}))), [""; 0]);
}

#[test]
fn where_port_was_not_asked_git_has_to_do() {
    assert_eq!(targets(None), ["b", "a"]);
}
