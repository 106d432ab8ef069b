//! Deletions: dependants first, and one that is refused does not keep the others.

use port_gitops::run::apply::{Applied, DeletionOutcome};
use port_gitops_sandbox::Fault;
use serde_json::json;

use crate::world::{
    DELETE, World, creating, deleting, deletion, entity, is_complete, names, plan_of,
};

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

#[tokio::test]
async fn dependants_go_first() {
    let world = World::new();
    world.put("x", entity("a"));
    world.put("y", json!({"identifier": "b", "relations": {"x": ["a"]}}));
    world.put("x", json!({"identifier": "c", "relations": {"y": ["b"]}}));
    let plan = plan_of(vec![
        deletion("x", "a", &[]),
        deletion("y", "b", &["a"]),
        deletion("x", "c", &["b"]),
    ]);
    assert_eq!(words(&world.apply(&plan).await), ["deleted"; 3]);
    assert_eq!(world.sent(), ["c", "b", "a"]);
    assert_eq!(world.sandbox.entities(), []);
}

#[tokio::test]
async fn a_hundred_go_with_one_request() {
    let world = World::filled(201);
    assert!(is_complete(&world.apply(&deleting(names(201))).await));
    assert_eq!(world.writes().len(), 3);
    assert_eq!(world.sandbox.entities(), []);
}

#[tokio::test]
async fn one_that_is_kept_is_found_and_the_others_go() {
    for culprit in [0, 37, 99] {
        let world = World::filled(100);
        let target = format!("e{culprit}");
        world.put(
            "y",
            json!({"identifier": "stays", "relations": {"x": [target]}}),
        );
        let applied = world.apply(&deleting(names(100))).await;
        let mut words = words(&applied);
        let kept = words.remove(culprit);
        let said = ": other entities relate to it: `y/stays`";
        assert!(kept.ends_with(said), "{kept}");
        assert_eq!(words, ["deleted"; 99]);
        assert_eq!(world.sandbox.entities().len(), 2);
        let requests = world.writes().len();
        assert!(requests <= 15, "{requests}: one and two for each halving");
    }
}

#[tokio::test]
async fn what_is_gone_already_is_deleted() {
    let world = World::new();
    world.put("x", entity("e0"));
    world.put("x", entity("e2"));
    let expected = ["deleted"; 3];
    assert_eq!(words(&world.apply(&deleting(names(3))).await), expected);
    assert_eq!(words(&world.apply(&deleting(names(1))).await), ["deleted"]);
}

#[tokio::test]
async fn what_a_kept_entity_relates_to_is_kept_too() {
    let world = World::new();
    world.put("x", entity("a"));
    world.put("x", json!({"identifier": "b", "relations": {"x": ["a"]}}));
    world.put("y", json!({"identifier": "c", "relations": {"x": ["b"]}}));
    let plan = plan_of(vec![deletion("x", "a", &[]), deletion("x", "b", &["a"])]);
    let words = words(&world.apply(&plan).await);
    let held_back = "held back: `x/b`, which relates to it, was not deleted";
    assert_eq!(words[0], held_back);
    let said = ": other entities relate to it: `y/c`";
    assert!(words[1].ends_with(said), "{words:?}");
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
    let plan = plan_of(vec![deletion("x", "a", &["b"]), deletion("x", "b", &["a"])]);
    assert_eq!(words(&world.apply(&plan).await), ["deleted"; 2]);
    assert_eq!(world.writes().len(), 1);
}

/// Names do not tell blueprints apart, so some circles only seem to be one.
#[tokio::test]
async fn a_circle_that_only_seems_to_be_one_is_undone_step_by_step() {
    let world = World::new();
    world.put("x", json!({"identifier": "a", "relations": {"y": ["b"]}}));
    world.put("y", entity("b"));
    // The second says that it relates to an `a`, of another blueprint.
    let plan = plan_of(vec![deletion("x", "a", &["b"]), deletion("y", "b", &["a"])]);
    world.inject(Fault::status(503).on("POST", "*/x/bulk/*"));
    assert_eq!(words(&world.apply(&plan).await), ["deleted"; 2]);
}

#[tokio::test]
async fn nothing_is_deleted_before_its_successors_are_written() {
    let world = World::new();
    world.put("x", entity("old"));
    world.put("x", entity("other"));
    world.refuse("new", 422, 9);
    let mut plan = creating(&[entity("new"), entity("fine")]);
    plan.deletions = vec![deletion("x", "old", &[]), deletion("x", "other", &[])];
    plan.deletions[0].successors = vec![1, 0];
    plan.deletions[1].successors = vec![1];
    let held_back = "held back: `x/new`, which the same file now declares, was not written";
    assert_eq!(words(&world.apply(&plan).await), [held_back, "deleted"]);
}

#[tokio::test]
async fn a_403_is_sent_once() {
    let world = World::filled(2);
    world.inject(Fault::status(403).on("POST", DELETE).always());
    let applied = world.apply(&deleting(names(2))).await;
    assert_eq!(words(&applied), ["rejected 403: HTTP 403"; 2]);
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_loses_nothing() {
    let world = World::filled(5);
    world.inject(Fault::reset().after_effect().on("POST", DELETE));
    let expected = ["deleted"; 5];
    assert_eq!(words(&world.apply(&deleting(names(5))).await), expected);
    assert_eq!(world.sandbox.entities(), []);
}
