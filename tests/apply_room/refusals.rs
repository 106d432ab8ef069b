//! What a refusal concerns decides what becomes of the others; and nothing is done unless Port says so.

use std::collections::BTreeSet;

use port_gitops::catalog::difference::Field;
use port_gitops::catalog::plan::Plan;
use port_gitops::port::{self, ErrorCode, Rejection};
use port_gitops::run::apply::{Applied, DeletionOutcome, Stopped, UpsertOutcome};
use port_gitops_sandbox::port::Permission;
use port_gitops_sandbox::{Answer, Fault, Matcher, PortSandbox, Sandbox, Switch, foreign};
use serde_json::{Value, json};

use crate::world::{
    BULK, DELETE, SINGLE, World, creating, deleting, entities, entity, is_complete, names, refusal,
    words,
};

/// `count` entities of `x`, and one of `y`.
fn plan(count: usize) -> Plan {
    let mut entities = entities(count);
    entities.push(json!({"identifier": "other", "blueprint": "y"}));
    creating(&entities)
}

fn rejection(outcome: &UpsertOutcome) -> &Rejection {
    match outcome {
        UpsertOutcome::Rejected(rejection) => rejection,
        outcome => panic!("{outcome:?}"),
    }
}

/// All of `x` are refused for this reason, and the one of `y` is written.
fn concerns_one_blueprint(applied: &Applied, code: ErrorCode) {
    assert!(applied.stopped.is_none(), "{:?}", applied.stopped);
    let (last, others) = applied.outcomes.split_last().unwrap();
    assert!(matches!(last, UpsertOutcome::Written(_)), "{last:?}");
    for outcome in others {
        assert_eq!(rejection(outcome).code, code);
    }
}

fn requests(world: &World) -> usize {
    world.sandbox.journal().len()
}

#[tokio::test]
async fn a_missing_permission_stops_its_blueprint() {
    let world = World::new();
    let denied = Permission::WriteEntities("x".to_owned());
    world.sandbox.deny(denied);
    let applied = world.apply(&plan(200)).await;
    concerns_one_blueprint(&applied, ErrorCode::MissingPermissions);
    assert_eq!(requests(&world), 2);
}

/// One that Port does not understand is sent once, and what a gateway answers in its place is not believed at first.
#[tokio::test]
async fn a_request_that_is_answered_so_stops_its_blueprint() {
    let not_understood = refusal(400, "bad_request", "unknown parameter");
    let [page, forbidden] = [200, 403].map(|status| foreign::page(status, "Sign in"));
    let (bad, foreign) = (ErrorCode::BadRequest, ErrorCode::Foreign);
    for (answer, code, words, tries) in [
        (not_understood, bad, "unknown parameter", 1),
        (page, foreign, "\"Sign in\"", 6),
        (forbidden, foreign, "\"Sign in\"", 6),
    ] {
        let world = World::new();
        world.inject(Fault::answer(answer).on("POST", BULK).always());
        let applied = world.apply(&plan(200)).await;
        concerns_one_blueprint(&applied, code);
        let message = &rejection(&applied.outcomes[0]).message;
        assert!(message.contains(words), "{message}");
        assert_eq!(requests(&world), tries + 1, "and one for the other");
    }
}

fn not_found() -> Fault {
    Fault::answer(refusal(404, "not_found", "Not found"))
}

#[tokio::test]
async fn a_missing_blueprint_stops_itself() {
    let world = World::new();
    world.inject(not_found().on("POST", BULK).always());
    world.inject(not_found().on("GET", "/v1/blueprints/x").skip(1).always());
    let applied = world.apply(&plan(200)).await;
    concerns_one_blueprint(&applied, ErrorCode::MissingBlueprint);
    assert_eq!(requests(&world), 3);
}

#[tokio::test]
async fn what_else_is_missing_concerns_one_entity() {
    let world = World::new();
    let culprit = Matcher::new("POST", "*/entities*").body_contains("\"e7\"");
    world.inject(not_found().when(culprit).always());
    let applied = world.apply(&plan(20)).await;
    let mut words = words(&applied);
    assert_eq!(words.remove(7), "rejected 404");
    assert_eq!(words, ["written"; 20]);
    let blueprint = world.sandbox.requests_to("GET", "/v1/blueprints/x");
    assert_eq!(blueprint.len(), 1, "it is looked up once");
}

#[tokio::test]
async fn a_run_that_is_over_stops_everything() {
    let mut world = World::new();
    world.run_id = Some("r_1".to_owned());
    world.sandbox.finish_run("r_1");
    let applied = world.apply(&plan(100)).await;
    let Some(Stopped::Port(error @ port::Error::RunExhausted(_))) = &applied.stopped else {
        panic!("{:?}", applied.stopped);
    };
    assert!(error.to_string().contains("`run-id`"), "{error}");
    assert_eq!(words(&applied), ["not sent"; 101]);
    assert!(requests(&world) <= 2);
    let mut world = World::filled(3);
    world.run_id = Some("r_1".to_owned());
    world.sandbox.finish_run("r_1");
    let applied = world.apply(&deleting(names(3))).await;
    assert!(matches!(
        applied.stopped,
        Some(Stopped::Port(port::Error::RunExhausted(_)))
    ));
    assert_eq!(world.sandbox.entities().len(), 3);
}

#[tokio::test]
async fn what_an_answer_does_not_mention_is_sent_again() {
    let world = World::new();
    let item = json!({"index": 0, "created": true, "identifier": "e0"});
    let body = json!({"ok": true, "entities": [item], "errors": []});
    let fault = Fault::answer(Answer::json(200, &body)).after_effect();
    world.inject(fault.on("POST", BULK));
    assert!(is_complete(&world.apply(&creating(&entities(3))).await));
    assert_eq!(world.sent(), ["e0 e1 e2", "e1 e2"]);
}

/// How many entities each request wrote.
fn sizes(world: &World) -> Vec<usize> {
    world.writes().iter().map(|(_, sent)| sent.len()).collect()
}

#[tokio::test]
async fn a_limit_counts_from_the_next_batch_on() {
    for (limit, upserts) in [(5, vec![20, 5, 5, 5, 5]), (35, vec![20, 20])] {
        let world = World::new();
        world.sandbox.set_max_bulk_upsert(limit);
        assert!(is_complete(&world.apply(&creating(&entities(40))).await));
        assert_eq!(sizes(&world), upserts);
    }
    for (limit, deletions) in [(60, vec![100, 60, 40]), (200, vec![100, 100])] {
        let world = World::filled(200);
        world.sandbox.set_max_bulk_delete(limit);
        assert!(is_complete(&world.apply(&deleting(names(200))).await));
        assert_eq!(sizes(&world), deletions);
        assert_eq!(world.sandbox.entities(), []);
    }
}

#[tokio::test]
async fn a_single_write_is_done_when_port_says_so() {
    let (page, ok) = (
        foreign::page(200, "Sign in"),
        Answer::json(200, &json!({"ok": true})),
    );
    for answer in [page, ok, Answer::status(200), Answer::status(204)] {
        let world = World::new();
        world.inject(Fault::answer(answer).on("POST", SINGLE));
        assert!(is_complete(&world.apply(&creating(&[entity("a")])).await));
        assert_eq!(world.writes().len(), 2);
        assert!(world.sandbox.entity("x", "a").is_some());
    }
}

#[tokio::test]
async fn a_redirect_that_would_read_is_not_followed() {
    for status in [301, 302, 303] {
        for (path, count) in [(SINGLE, 1), (BULK, 2)] {
            let world = World::new();
            let fault = Fault::answer(foreign::redirect(status, "/login"));
            world.inject(fault.on("POST", path).always());
            let applied = world.apply(&creating(&entities(count))).await;
            let Some(Stopped::Port(error)) = &applied.stopped else {
                panic!("{:?}", applied.stopped);
            };
            let (text, target) = (error.to_string(), format!("{}/login", world.sandbox.url()));
            assert!(text.contains(&target), "{text}");
            assert!(!words(&applied).contains(&"written".to_owned()));
            assert_eq!(world.sandbox.entities(), []);
            assert_eq!(requests(&world), 1, "it is not tried again");
        }
    }
}

#[tokio::test]
async fn a_redirect_that_keeps_the_method_is_followed() {
    for status in [307, 308] {
        let world = World::new();
        let to = format!("{SINGLE}?upsert=true&merge=true");
        let fault = Fault::answer(foreign::redirect(status, &to));
        world.inject(fault.on("POST", SINGLE));
        assert!(is_complete(&world.apply(&creating(&[entity("a")])).await));
        assert!(world.sandbox.entity("x", "a").is_some());
    }
}

#[tokio::test]
async fn deletions_are_believed_where_port_confirms_them() {
    // The answer confirms nothing, though two of the three are gone.
    let silent = json!({"ok": true, "deletedEntities": []});
    for turn in [PortSandbox::turn_off, PortSandbox::turn_on] {
        let world = World::filled(3);
        turn(&world.sandbox, Switch::SearchLags);
        world.inject(
            Fault::answer(Answer::json(200, &silent))
                .after_effect()
                .on("POST", DELETE),
        );
        let applied = world.apply(&deleting(names(3))).await;
        assert!(is_complete(&applied), "{:?}", applied.deletions);
        assert_eq!(world.writes().len(), 1);
    }
    let world = World::filled(3);
    world.inject(Fault::answer(Answer::json(200, &silent)).on("POST", DELETE));
    let applied = world.apply(&deleting(names(3))).await;
    for outcome in &applied.deletions {
        let DeletionOutcome::Rejected(rejection) = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(rejection.code, ErrorCode::Unconfirmed);
    }
}

#[tokio::test]
async fn dependants_keep_their_target_and_nothing_else() {
    for turn in [PortSandbox::turn_off, PortSandbox::turn_on] {
        let world = World::filled(100);
        turn(&world.sandbox, Switch::BulkDeletesPartly);
        for target in ["e7", "e70"] {
            let relating =
                json!({"identifier": format!("on-{target}"), "relations": {"x": [target]}});
            world.put("y", relating);
        }
        let applied = world.apply(&deleting(names(100))).await;
        let kept = applied
            .deletions
            .iter()
            .filter_map(|outcome| match outcome {
                DeletionOutcome::Deleted => None,
                DeletionOutcome::Rejected(rejection) => Some(rejection.message.as_str()),
                outcome => panic!("{outcome:?}"),
            });
        let kept: Vec<_> = kept.collect();
        let related = |name: &str| format!("other entities relate to it: `y/on-{name}`");
        assert_eq!(kept, ["e7", "e70"].map(related));
        let left = world.sandbox.entities().into_iter();
        let left = left.map(|(_, name, _)| name);
        let expected = ["e7", "e70", "on-e7", "on-e70"].map(str::to_owned);
        assert_eq!(left.collect::<BTreeSet<_>>(), expected.into());
    }
}

fn cleared(name: &str) -> Value {
    json!({"identifier": name, "title": null, "icon": null, "team": null})
}

/// A catalog with entities that have all that can be cleared.
fn adorned(count: usize) -> World {
    let world = World::new();
    for name in names(count) {
        let held = json!({"identifier": name, "title": "T", "icon": "Microservice", "team": ["t"]});
        world.put("x", held);
    }
    world
}

#[tokio::test]
async fn title_icon_and_team_are_cleared_by_one_request() {
    let world = adorned(2);
    world.sandbox.turn_off(Switch::PatchNullsIgnored);
    let plan = creating(&[cleared("e0"), entity("e1")]);
    let applied = world.apply(&plan).await;
    assert!(is_complete(&applied) && applied.kept.is_empty());
    let [cleared, other] = ["e0", "e1"].map(|name| world.sandbox.entity("x", name).unwrap());
    assert_eq!([&cleared["title"], &cleared["team"]], [&Value::Null; 2]);
    assert_eq!(other["title"], "T");
    let path = format!("{SINGLE}/e0");
    let patches = world.sandbox.requests_to("PATCH", &path);
    assert_eq!(patches.len(), 1);
    let nulls = json!({"title": null, "icon": null, "team": null});
    assert_eq!(patches[0].json().unwrap(), nulls);
    assert_eq!(world.sandbox.requests_to("GET", &path).len(), 1);
}

/// Whether the answer shows what is stored is not known.
#[tokio::test]
async fn that_a_title_is_cleared_is_read_back_and_not_believed() {
    let world = adorned(1).unchecked();
    let entity = json!({"identifier": "e0", "title": null, "properties": {}});
    let answer = Answer::json(200, &json!({"ok": true, "entity": entity}));
    world.inject(Fault::answer(answer).on("PATCH", "*"));
    let applied = world.apply(&creating(&[cleared("e0")])).await;
    assert!(applied.kept[&0].contains(&Field::Title));
}

#[tokio::test]
async fn what_port_keeps_though_it_was_cleared_is_said() {
    let world = adorned(1);
    world.sandbox.turn_on(Switch::PatchNullsIgnored);
    let applied = world.apply(&creating(&[cleared("e0")])).await;
    assert!(is_complete(&applied));
    let kept: Vec<_> = applied.kept[&0].iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["title", "icon", "team"]);
}

#[tokio::test]
async fn what_cannot_be_cleared_is_not_written() {
    let world = adorned(1);
    world.inject(Fault::status(403).on("PATCH", "*").always());
    let applied = world.apply(&creating(&[cleared("e0")])).await;
    assert_eq!(words(&applied), ["rejected 403"]);
    let world = adorned(1);
    world.refuse("e0", 422, 1);
    let applied = world.apply(&creating(&[cleared("e0")])).await;
    assert_eq!(words(&applied), ["rejected 422"]);
    assert_eq!(world.sandbox.requests_to("PATCH", "*").len(), 0);
}

/// Whatever a gateway answers in Port's place, nothing counts as done that is not.
#[tokio::test]
async fn no_foreign_answer_is_a_success() {
    let each = (0..60_u64).map(|seed| async move {
        let answer = foreign::random(seed);
        let what = format!("{seed}: {answer:?}");
        let world = adorned(3);
        // A redirect may lead to a route that there is not.
        let world = world.unchecked();
        let (method, path, plan) = match seed % 5 {
            0 => ("POST", SINGLE, creating(&[entity("new")])),
            1 => (
                "POST",
                "/v1/blueprints/x/entities*",
                creating(&[entity("new"), entity("newer")]),
            ),
            2 => ("POST", DELETE, deleting(names(3))),
            3 => ("POST", DELETE, deleting(names(1))),
            _ => ("PATCH", "*", creating(&[cleared("e0")])),
        };
        world.inject(Fault::answer(answer).on(method, path).always());
        let applied = world.apply(&plan).await;
        for outcome in &applied.outcomes {
            assert!(!matches!(outcome, UpsertOutcome::Written(_)), "{what}");
        }
        for outcome in &applied.deletions {
            assert_ne!(*outcome, DeletionOutcome::Deleted, "{what}");
        }
    });
    futures::future::join_all(each).await;
}
