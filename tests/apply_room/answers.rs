//! What Port answers, and what becomes of the entities then.

use std::time::{Duration, Instant};

use port_gitops::run::apply::Stopped;
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Answer, Fault, Matcher, Sandbox};
use serde_json::{Value, json};

use crate::world::{World, creating, entity, is_complete, words};

fn many(count: usize) -> Vec<Value> {
    (0..count).map(|n| entity(&format!("e{n}"))).collect()
}

fn tokens(world: &World) -> usize {
    world
        .sandbox
        .requests_to("POST", "/v1/auth/access_token")
        .len()
}

#[tokio::test]
async fn what_needs_a_failed_entity_is_blocked_and_the_rest_goes_on() {
    let world = World::new();
    let relating =
        |name: &str, target: &str| json!({"identifier": name, "relations": {"x": [target]}});
    let entities = [
        entity("bad"),
        relating("child", "bad"),
        relating("grandchild", "child"),
        entity("good"),
        relating("friend", "good"),
    ];
    world
        .sandbox
        .refuse("x", "bad", Failure::new(422, "invalid", "no"), 9);
    let applied = world.apply(&creating(&entities)).await;
    assert_eq!(
        words(&applied),
        [
            "rejected 422",
            "blocked by x/bad",
            "blocked by x/child",
            "written",
            "written"
        ]
    );
    assert!(applied.stopped.is_none());
}

#[tokio::test]
async fn a_failure_in_a_cycle_blocks_what_waits_for_it() {
    let world = World::new();
    let relating =
        |name: &str, target: &str| json!({"identifier": name, "relations": {"x": [target]}});
    let entities = [relating("a", "b"), relating("b", "a"), relating("c", "a")];
    world
        .sandbox
        .refuse("x", "b", Failure::new(422, "invalid", "no"), 9);
    let applied = world.apply(&creating(&entities)).await;
    assert_eq!(
        words(&applied),
        ["blocked by x/b", "rejected 422", "written"]
    );
}

#[tokio::test]
async fn items_that_fail_in_passing_are_sent_again_alone() {
    for status in [408, 429, 500, 502, 503, 504] {
        let world = World::new();
        let failure = || Failure::new(status, "busy", "later");
        world.sandbox.refuse("x", "e1", failure(), 2);
        world.sandbox.refuse("x", "e3", failure(), 1);
        assert!(
            is_complete(&world.apply(&creating(&many(5))).await),
            "{status}"
        );
        let names: Vec<_> = world
            .writes()
            .into_iter()
            .map(|(_, names)| names.join(" "))
            .collect();
        assert_eq!(names, ["e0 e1 e2 e3 e4", "e1 e3", "e1"]);
    }
}

#[tokio::test]
async fn items_are_not_sent_again_for_ever() {
    let world = World::new();
    world
        .sandbox
        .refuse("x", "e1", Failure::new(500, "busy", "later"), 99);
    let applied = world.apply(&creating(&many(3))).await;
    assert_eq!(words(&applied), ["written", "rejected 500", "written"]);
    // Alone it is no item but a request, with tries of its own.
    let requests = world.writes().len();
    assert!((2..=12).contains(&requests), "{requests}");
}

#[tokio::test]
async fn final_items_are_sent_once() {
    for status in [400, 403, 404, 409, 422] {
        let world = World::new();
        world
            .sandbox
            .refuse("x", "e1", Failure::new(status, "no", "no"), 99);
        let applied = world.apply(&creating(&many(3))).await;
        let rejected = format!("rejected {status}");
        assert_eq!(words(&applied), ["written", rejected.as_str(), "written"]);
        assert_eq!(world.writes().len(), 1);
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_as_a_whole_is_halved() {
    for status in [409, 413, 422] {
        let world = World::new();
        let culprit = Matcher::new("POST", "*/entities*").body_contains("\"e7\"");
        world
            .sandbox
            .inject(Fault::status(status).when(culprit).always());
        let applied = world.apply(&creating(&many(20))).await;
        let mut words = words(&applied);
        assert_eq!(words.remove(7), format!("rejected {status}"));
        assert_eq!(words, ["written"; 19]);
        let requests = world.writes().len();
        assert!(requests <= 11, "{requests}");
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_for_another_reason_is_not() {
    for status in [400, 403, 418] {
        let world = World::new();
        world
            .sandbox
            .inject(Fault::status(status).on("POST", "*/entities/bulk").always());
        let applied = world.apply(&creating(&many(20))).await;
        assert_eq!(words(&applied), vec![format!("rejected {status}"); 20]);
        assert_eq!(world.writes().len(), 1);
    }
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_once_however_many_requests_meet_its_end() {
    let world = World::new();
    // The first goes alone. Then it is refused until all of eight have been; Port gives the same token out again.
    world.sandbox.set_latency(Duration::from_millis(30));
    world.sandbox.inject(
        Fault::status(401)
            .on("POST", "*/entities/bulk")
            .skip(1)
            .times(8),
    );
    assert!(is_complete(&world.apply(&creating(&many(320))).await));
    assert_eq!(tokens(&world), 1, "and one before the journal was cleared");
    assert_eq!(world.sandbox.entities().len(), 320);
}

#[tokio::test]
async fn a_lost_answer_is_repeated() {
    for fault in [
        Fault::reset(),
        Fault::cut_short(),
        Fault::invalid_json(),
        Fault::close(),
        Fault::hang(),
    ] {
        let world = World::impatient();
        world
            .sandbox
            .inject(fault.after_effect().on("POST", "*/entities/bulk"));
        assert!(is_complete(&world.apply(&creating(&many(5))).await));
        assert_eq!(world.writes().len(), 2);
        assert_eq!(world.sandbox.entities().len(), 5);
    }
}

#[tokio::test]
async fn a_port_that_is_down_ends_the_run() {
    let world = World::new();
    let down = Fault::answer(Answer::json(
        503,
        &json!({"ok": false, "error": "down", "message": "down"}),
    ));
    world
        .sandbox
        .inject(down.on("POST", "*/entities/bulk").always());
    let started = Instant::now();
    let applied = world.apply(&creating(&many(800))).await;
    let Some(Stopped::Port(error)) = &applied.stopped else {
        panic!("{:?}", applied.stopped)
    };
    assert!(error.to_string().contains("503"), "{error}");
    assert!(words(&applied).contains(&"not sent".to_owned()));
    assert!(
        started.elapsed() < Duration::from_secs(100),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_run_that_is_told_to_stop_ends_its_waits_at_once() {
    let world = World::new();
    let busy = Answer::json(
        429,
        &json!({"ok": false, "error": "busy", "message": "busy"}),
    );
    let busy = Fault::answer(busy.with_header("retry-after", "600"));
    world
        .sandbox
        .inject(busy.on("POST", "*/entities/bulk").always());
    let plan = creating(&many(100));
    let started = Instant::now();
    let stop = async {
        while world.writes().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.stop();
    };
    let (applied, ()) = tokio::join!(world.apply(&plan), stop);
    assert!(matches!(applied.stopped, Some(Stopped::Interrupted)));
    assert_eq!(words(&applied), ["not sent"; 100]);
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}
