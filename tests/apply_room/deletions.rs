//! Deletions: dependants first, and one that is refused does not keep the others.

use port_gitops::catalog::plan::Plan;
use port_gitops::run::apply::{Applied, DeletionOutcome};
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Fault, Sandbox};
use serde_json::json;

use crate::world::{World, creating, deletion, entity, is_complete};

const DELETE: &str = "*/bulk/entities/delete";

fn words(applied: &Applied) -> Vec<String> {
    let word = |outcome: &DeletionOutcome| match outcome {
        DeletionOutcome::Deleted => "deleted".to_owned(),
        DeletionOutcome::Rejected(rejection) => {
            format!("rejected {}: {}", rejection.status, rejection.message)
        }
        DeletionOutcome::HeldBack(obstacle) => format!("held back: {}", obstacle.reason),
        DeletionOutcome::NotSent => "not sent".to_owned(),
        DeletionOutcome::Unknown => "unknown".to_owned(),
    };
    applied.deletions.iter().map(word).collect()
}

fn deleting(deletions: Vec<port_gitops::catalog::plan::Deletion>) -> Plan {
    Plan {
        deletions,
        ..Plan::default()
    }
}

#[tokio::test]
async fn dependants_go_first() {
    let world = World::new();
    world.put("x", entity("a"));
    world.put("y", json!({"identifier": "b", "relations": {"x": ["a"]}}));
    world.put("x", json!({"identifier": "c", "relations": {"y": ["b"]}}));
    let plan = deleting(vec![
        deletion("x", "a", &[]),
        deletion("y", "b", &["a"]),
        deletion("x", "c", &["b"]),
    ]);
    let applied = world.apply(&plan).await;
    assert_eq!(words(&applied), ["deleted"; 3]);
    let names: Vec<_> = world
        .writes()
        .into_iter()
        .flat_map(|(_, names)| names)
        .collect();
    assert_eq!(names, ["c", "b", "a"]);
    assert_eq!(world.sandbox.entities(), []);
}

#[tokio::test]
async fn a_hundred_go_with_one_request() {
    let world = World::new();
    let names: Vec<_> = (0..201).map(|n| format!("e{n}")).collect();
    for name in &names {
        world.put("x", entity(name));
    }
    let plan = deleting(names.iter().map(|name| deletion("x", name, &[])).collect());
    assert!(is_complete(&world.apply(&plan).await));
    assert_eq!(world.writes().len(), 3);
    assert_eq!(world.sandbox.entities(), []);
}

#[tokio::test]
async fn one_that_is_kept_is_found_and_the_others_go() {
    for culprit in [0, 37, 99] {
        let world = World::new();
        for n in 0..100 {
            world.put("x", entity(&format!("e{n}")));
        }
        let target = format!("e{culprit}");
        world.put(
            "y",
            json!({"identifier": "stays", "relations": {"x": [target]}}),
        );
        let plan = deleting(
            (0..100)
                .map(|n| deletion("x", &format!("e{n}"), &[]))
                .collect(),
        );
        let applied = world.apply(&plan).await;
        let mut words = words(&applied);
        let kept = words.remove(culprit);
        assert!(
            kept.ends_with(": other entities relate to it: `y/stays`"),
            "{kept}"
        );
        assert_eq!(words, ["deleted"; 99]);
        assert_eq!(world.sandbox.entities().len(), 2);
        let requests = world.writes().len();
        assert!(requests <= 15, "{requests}: one and two for each halving");
    }
}

#[tokio::test]
async fn what_is_gone_already_is_deleted() {
    let world = World::new();
    world.put("x", entity("a"));
    world.put("x", entity("c"));
    let plan = deleting(["a", "b", "c"].map(|name| deletion("x", name, &[])).into());
    assert_eq!(words(&world.apply(&plan).await), ["deleted"; 3]);
    let alone = deleting(vec![deletion("x", "a", &[])]);
    assert_eq!(words(&world.apply(&alone).await), ["deleted"]);
}

#[tokio::test]
async fn what_a_kept_entity_relates_to_is_kept_too() {
    let world = World::new();
    world.put("x", entity("a"));
    world.put("x", json!({"identifier": "b", "relations": {"x": ["a"]}}));
    world.put("y", json!({"identifier": "c", "relations": {"x": ["b"]}}));
    let plan = deleting(vec![deletion("x", "a", &[]), deletion("x", "b", &["a"])]);
    let words = words(&world.apply(&plan).await);
    assert_eq!(
        words[0],
        "held back: `x/b`, which relates to it, was not deleted"
    );
    let kept = &words[1];
    assert!(
        kept.ends_with(": other entities relate to it: `y/c`"),
        "{kept}"
    );
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn a_circle_in_one_blueprint_goes_at_once() {
    let world = World::new();
    for (name, target) in [("a", "b"), ("b", "a")] {
        world.put(
            "x",
            json!({"identifier": name, "relations": {"x": [target]}}),
        );
    }
    let plan = deleting(vec![deletion("x", "a", &["b"]), deletion("x", "b", &["a"])]);
    assert_eq!(words(&world.apply(&plan).await), ["deleted"; 2]);
    assert_eq!(world.writes().len(), 1);
}

/// Names do not tell blueprints apart, so some circles only seem to be one.
#[tokio::test]
async fn a_circle_that_only_seems_to_be_one_is_undone_step_by_step() {
    let world = World::new();
    world.put("x", json!({"identifier": "a", "relations": {"y": ["b"]}}));
    world.put("y", entity("b"));
    let plan = deleting(vec![
        deletion("x", "a", &["b"]),
        // Says that it relates to an `a`, of another blueprint.
        deletion("y", "b", &["a"]),
    ]);
    world
        .sandbox
        .inject(Fault::status(503).on("POST", "*/x/bulk/*"));
    assert_eq!(words(&world.apply(&plan).await), ["deleted"; 2]);
}

#[tokio::test]
async fn nothing_is_deleted_before_its_successors_are_written() {
    let world = World::new();
    world.put("x", entity("old"));
    world.put("x", entity("other"));
    world
        .sandbox
        .refuse("x", "new", Failure::new(422, "invalid", "no"), 9);
    let mut plan = creating(&[entity("new"), entity("fine")]);
    plan.deletions = vec![deletion("x", "old", &[]), deletion("x", "other", &[])];
    plan.deletions[0].successors = vec![1, 0];
    plan.deletions[1].successors = vec![1];
    assert_eq!(
        words(&world.apply(&plan).await),
        [
            "held back: `x/new`, which the same file now declares, was not written",
            "deleted"
        ]
    );
}

#[tokio::test]
async fn a_403_is_sent_once() {
    let world = World::new();
    for name in ["a", "b"] {
        world.put("x", entity(name));
    }
    world
        .sandbox
        .inject(Fault::status(403).on("POST", DELETE).always());
    let plan = deleting(["a", "b"].map(|name| deletion("x", name, &[])).into());
    assert_eq!(
        words(&world.apply(&plan).await),
        ["rejected 403: HTTP 403"; 2]
    );
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_loses_nothing() {
    let world = World::new();
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        world.put("x", entity(name));
    }
    world
        .sandbox
        .inject(Fault::reset().after_effect().on("POST", DELETE));
    let plan = deleting(names.map(|name| deletion("x", name, &[])).into());
    assert_eq!(words(&world.apply(&plan).await), ["deleted"; 5]);
    assert_eq!(world.sandbox.entities(), []);
}
