//! What Port answers, and what becomes of the entities then.

use std::time::{Duration, Instant};

use port_gitops::run::apply::Stopped;
use port_gitops_sandbox::{Answer, Fault, Matcher, Sandbox};
use serde_json::{Value, json};

use crate::world::{BULK, World, creating, entities, entity, is_complete, refusal, words};

fn relating(name: &str, target: &str) -> Value {
    json!({"identifier": name, "relations": {"x": [target]}})
}

#[tokio::test]
async fn what_needs_a_failed_entity_is_blocked_and_the_others_are_written() {
    let chain = [
        entity("bad"),
        relating("child", "bad"),
        relating("grandchild", "child"),
        entity("good"),
        relating("friend", "good"),
    ];
    let cycle = [
        relating("a", "bad"),
        relating("bad", "a"),
        relating("c", "a"),
    ];
    for (entities, expected) in [
        (
            &chain[..],
            &[
                "rejected 422",
                "blocked by x/bad",
                "blocked by x/child",
                "written",
                "written",
            ][..],
        ),
        (&cycle, &["blocked by x/bad", "rejected 422", "written"]),
    ] {
        let world = World::new();
        world.refuse("bad", 422, 9);
        let applied = world.apply(&creating(entities)).await;
        assert_eq!(words(&applied), expected);
        assert!(applied.stopped.is_none());
    }
}

#[tokio::test]
async fn items_that_fail_in_passing_are_sent_again_alone() {
    for status in [408, 429, 500, 502, 503, 504] {
        let world = World::new();
        world.refuse("e1", status, 2);
        world.refuse("e3", status, 1);
        let applied = world.apply(&creating(&entities(5))).await;
        assert!(is_complete(&applied), "{status}");
        assert_eq!(world.sent(), ["e0 e1 e2 e3 e4", "e1 e3", "e1"]);
    }
}

#[tokio::test]
async fn items_are_not_sent_again_for_ever() {
    let world = World::new();
    world.refuse("e1", 500, 99);
    let applied = world.apply(&creating(&entities(3))).await;
    assert_eq!(words(&applied), ["written", "rejected 500", "written"]);
    // Alone it is no item but a request, with tries of its own.
    let requests = world.writes().len();
    assert!((2..=12).contains(&requests), "{requests}");
}

#[tokio::test]
async fn final_items_are_sent_once() {
    for status in [400, 403, 404, 409, 422] {
        let world = World::new();
        world.refuse("e1", status, 99);
        let applied = world.apply(&creating(&entities(3))).await;
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
        world.inject(Fault::status(status).when(culprit).always());
        let applied = world.apply(&creating(&entities(20))).await;
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
        world.inject(Fault::status(status).on("POST", BULK).always());
        let applied = world.apply(&creating(&entities(20))).await;
        assert_eq!(words(&applied), vec![format!("rejected {status}"); 20]);
        assert_eq!(world.writes().len(), 1);
    }
}

#[tokio::test]
async fn a_token_that_ends_is_renewed_once_however_many_requests_meet_its_end() {
    let world = World::new();
    // The first goes alone. Then it is refused until all of eight have been; Port gives the same token out again.
    world.sandbox.set_latency(Duration::from_millis(30));
    world.inject(Fault::status(401).on("POST", BULK).skip(1).times(8));
    assert!(is_complete(&world.apply(&creating(&entities(320))).await));
    let tokens = world.sandbox.requests_to("POST", "/v1/auth/access_token");
    assert_eq!(tokens.len(), 1, "and one before the journal was cleared");
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
        world.inject(fault.after_effect().on("POST", BULK));
        assert!(is_complete(&world.apply(&creating(&entities(5))).await));
        assert_eq!(world.writes().len(), 2);
        assert_eq!(world.sandbox.entities().len(), 5);
    }
}

#[tokio::test]
async fn a_port_that_is_down_ends_the_run() {
    let world = World::new();
    let down = Fault::answer(refusal(503, "down", "down"));
    world.inject(down.on("POST", BULK).always());
    let started = Instant::now();
    let applied = world.apply(&creating(&entities(800))).await;
    let Some(Stopped::Port(error)) = &applied.stopped else {
        panic!("{:?}", applied.stopped)
    };
    assert!(error.to_string().contains("503"), "{error}");
    assert!(words(&applied).contains(&"not sent".to_owned()));
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(100), "{elapsed:?}");
}

#[tokio::test]
async fn a_run_that_is_told_to_stop_ends_its_waits_at_once() {
    let world = World::new();
    let busy: Answer = refusal(429, "busy", "busy").with_header("retry-after", "600");
    world.inject(Fault::answer(busy).on("POST", BULK).always());
    let plan = creating(&entities(100));
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
    // Not after the ten minutes for which Port asks.
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(60), "{elapsed:?}");
}
