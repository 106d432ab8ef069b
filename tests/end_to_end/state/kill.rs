//! A run that ends at any moment loses nothing: the next one brings the catalog to what is declared.

use std::collections::BTreeMap;
use std::env;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use port_gitops_sandbox::github::Resource;
use port_gitops_sandbox::{Effect, Exchange, Fault, Matcher, Sandbox, Step};
use serde_json::{Value, json};

use super::{assert_settled, push_elsewhere};
use crate::interrupted::{self, has_sent};
use crate::world::{World, binary, pruning, send, stage, succeed};

/// Domains, services in them that form a chain and a cycle, and a domain that only "First" titles come with.
fn declared(title: &str) -> Vec<Value> {
    let domain = |name: &str| json!({"identifier": name, "blueprint": "domain", "title": title, "relations": {}});
    let service = |name: &str, needed: &str| {
        let relations = json!({"domain": "d", "dependsOn": [needed]});
        json!({"identifier": name, "blueprint": "microservice", "title": title, "relations": relations})
    };
    let mut all = vec![
        domain("d"),
        domain("e"),
        service("s1", "s2"),
        service("s2", "s1"),
        service("s3", "s1"),
        service("s4", "s3"),
    ];
    if title.starts_with("First") {
        all.insert(2, domain("f"));
    }
    all
}

/// A world in which the first of it was applied, and the step of the push that brings the second.
fn second_push() -> (World, Step) {
    let world = World::new();
    let push = |title| {
        let step = world.push_file("port.json", &Value::from(declared(title)).to_string());
        pruning(step).input("report-file", "report.json")
    };
    succeed(&push("First"));
    let step = push("Second");
    world.port.clear_journal();
    (world, step)
}

fn assert_converged(world: &World, title: &str) {
    let in_catalog = world
        .entities()
        .into_iter()
        .map(|(blueprint, identifier, entity)| {
            json!({
                "identifier": identifier, "blueprint": blueprint,
                "title": entity["title"], "relations": entity["relations"],
            })
        });
    assert_eq!(in_catalog.collect::<Vec<_>>(), declared(title));
}

/// It is killed once Port has taken the request, which is before the next one. The same push runs once more,
/// as somebody does who runs the job again, or another one.
#[test]
fn what_a_run_that_was_killed_at_any_request_left_is_made_up_for() {
    for request in 0.. {
        println!("killed at request {request}");
        let (world, step) = second_push();
        world
            .port
            .inject(Fault::hang().after_effect().skip(request));
        if !interrupted::kill_at(&step, &world.port, &Matcher::any(), request + 1) {
            assert!(request > 8, "it sends more requests than {request}");
            return;
        }
        world.port.clear_faults();
        succeed(&match request % 2 {
            0 => step,
            _ => pruning(push_elsewhere(&world)),
        });
        assert_converged(&world, "Second");
        assert_settled(&world);
    }
}

/// Up to four runs are killed or told to stop one after the other, each of a push of its own, before one may
/// end. `PORT_GITOPS_KILLS` says how many runs, and `PORT_GITOPS_SEED` repeats their moments.
#[test]
fn one_push_makes_up_for_runs_that_ended_at_random_moments() {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seed = number("PORT_GITOPS_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("PORT_GITOPS_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let world = World::new();
    world.port.set_latency(Duration::from_millis(5));
    let mut round = 0;
    let mut push = || {
        round += 1;
        // Many rounds need more requests than GitHub grants in an hour.
        for resource in [Resource::Core, Resource::Graphql] {
            let hour = Duration::from_secs(3600);
            world.github.set_budget(resource, 1000, hour);
        }
        let title = format!("{} {round}", ["First", "Second"][round % 2]);
        let text = Value::from(declared(&title)).to_string();
        (pruning(world.push_file("port.json", &text)), title)
    };
    let started = Instant::now();
    succeed(&push().0);
    let usual = started.elapsed();
    let mut left = number("PORT_GITOPS_KILLS").unwrap_or(20);
    while left > 0 {
        for _ in 0..random.u64(1..=4).min(left) {
            let (step, _) = push();
            let process = step.command(binary()).spawn().unwrap();
            sleep(usual.mul_f64(random.f64()));
            send(random.choice(["-KILL", "-INT"]).unwrap(), &process);
            let ended = process.wait_with_output().unwrap();
            let status = ended.status.code();
            let log = String::from_utf8_lossy(&ended.stdout);
            assert!(matches!(status, Some(130 | 0) | None), "{status:?}: {log}");
            left -= 1;
        }
        let (step, title) = push();
        succeed(&step);
        assert_converged(&world, &title);
        assert_settled(&world);
    }
}

#[test]
fn a_run_that_is_told_to_stop_at_any_request_tells_the_truth() {
    for request in 0.. {
        println!("told to stop at request {request}");
        let (world, step) = second_push();
        let slow = Fault::delay(Duration::from_millis(100));
        world.port.inject(slow.skip(request));
        let mut command = step.command(binary());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        if !has_sent(&mut process, &world.port, &Matcher::any(), request + 1) {
            return;
        }
        send("-INT", &process);
        let status = process.wait().unwrap().code();
        assert!(matches!(status, Some(130 | 0) | None), "{status:?}");
        if status.is_some() {
            assert_true(&step, &world);
        }
        succeed(&step);
        assert_converged(&world, "Second");
    }
}

/// The report says of each entity what Port knows of it.
fn assert_true(step: &Step, world: &World) {
    let journal = world.port.journal();
    let report = std::fs::read(step.workspace().join("report.json"));
    let Ok(report) = report else {
        let wrote = journal.iter().any(|one| written(one).next().is_some());
        assert!(!wrote, "something was written, and there is no report");
        return;
    };
    let mut done = BTreeMap::new();
    for one in &journal {
        for (name, is_whole) in written(one) {
            let fate = match one.status() {
                None => Fate::Unanswered,
                Some(_) if is_whole => Fate::Written,
                Some(_) => Fate::InPart,
            };
            done.insert(name, fate);
        }
    }
    let report: Value = serde_json::from_slice(&report).unwrap();
    for entity in report["entities"].as_array().unwrap() {
        let name = entity["identifier"].as_str().unwrap();
        let state = entity["state"].as_str().unwrap();
        let fits = match done.get(name) {
            Some(Fate::Written) => matches!(state, "created" | "updated"),
            Some(Fate::Unanswered) => matches!(state, "unknown" | "deleted"),
            Some(Fate::InPart) | None => matches!(state, "not-written" | "deleted" | "not-deleted"),
        };
        assert!(fits, "{name} is {state}, but {:?}", done.get(name));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Unanswered,
    Written,
    /// Written as part of a cycle, without the relations that make it one.
    InPart,
}

/// The entities that a request writes, and whether with all of their relations.
fn written(exchange: &Exchange) -> impl Iterator<Item = (String, bool)> {
    let is_upsert =
        exchange.path.ends_with("/entities") || exchange.path.ends_with("/entities/bulk");
    let is_state = exchange.path.contains("/gitops_source/");
    let body = exchange
        .json()
        .filter(|_| is_upsert && !is_state && exchange.method == "POST");
    let entities = body.map(|body| match body["entities"].as_array() {
        Some(entities) => entities.clone(),
        None => vec![body],
    });
    entities.into_iter().flatten().map(|entity| {
        let is_service = entity["identifier"].as_str().unwrap().starts_with('s');
        let is_whole = !is_service || !entity["relations"]["dependsOn"].is_null();
        (entity["identifier"].as_str().unwrap().to_owned(), is_whole)
    })
}

/// A request at which a run is killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    FirstSave,
    Write,
    LastSave,
}

impl Moment {
    pub(super) const ALL: [Self; 3] = [Self::FirstSave, Self::Write, Self::LastSave];

    /// The request, and how many such come before it.
    fn request(self) -> (Matcher, usize) {
        match self {
            Self::FirstSave => (Matcher::new("POST", "*/gitops_source/entities"), 0),
            Self::Write => (Matcher::new("POST", "*/domain/entities*"), 0),
            Self::LastSave => (Matcher::new("POST", "*/gitops_source/entities"), 1),
        }
    }
}

/// Kills a run at a moment, before or after Port has taken the request.
pub(super) fn kill_at(world: &World, step: &Step, moment: Moment, effect: Effect) {
    let (request, before) = moment.request();
    world.port.clear_journal();
    let hang = Fault::hang().when(request.clone()).skip(before);
    world.port.inject(match effect {
        Effect::None => hang,
        Effect::Taken => hang.after_effect(),
    });
    assert!(interrupted::kill_at(
        step,
        &world.port,
        &request,
        before + 1
    ));
    world.port.clear_faults();
}

const OWNED: &str = "identifier: a\nblueprint: domain\ntitle: Old\nproperties: {owner: me}\n";

/// What is pushed after a run that was killed, and what Port then holds.
type After = (fn(&World) -> Step, &'static str);

#[test]
fn a_killed_run_may_be_followed_by_a_full_one_a_revert_or_a_force_push() {
    let revert: fn(&World) -> Step = |world| {
        stage(&world.repository, "b=B c=-");
        world.push_file("a/port.yml", OWNED)
    };
    let force_push: fn(&World) -> Step = |world| {
        let dropped = world.head();
        world.repository.reset_hard("HEAD~1").unwrap();
        world.pushed(&dropped)
    };
    let cases: [After; 3] = [
        (|world| world.nightly(), "a=New b=- c=C"),
        (revert, "a=Old b=B c=-"),
        (force_push, "a=Old b=B c=-"),
    ];
    for (next, expected) in cases {
        for moment in Moment::ALL {
            for effect in [Effect::None, Effect::Taken] {
                println!("{expected} after {moment:?}, {effect:?}");
                let world = World::new();
                stage(&world.repository, "b=B");
                succeed(&pruning(world.push_file("a/port.yml", OWNED)));
                let step = pruning(world.change("a=New b=- c=C"));
                kill_at(&world, &step, moment, effect);
                succeed(&pruning(next(&world)));
                world.assert_holds(expected);
                let owner = world.entity("domain", "a")["properties"]["owner"].clone();
                assert_eq!(owner == "me", expected.starts_with("a=Old"));
                assert_settled(&world);
            }
        }
    }
}

/// There is no state yet.
#[test]
fn a_first_run_may_be_killed_at_any_request() {
    let world = World::new();
    succeed(&world.change("a=A"));
    let blueprint = world.port.blueprint("gitops_source").unwrap();
    for moment in Moment::ALL {
        for effect in [Effect::None, Effect::Taken] {
            println!("{moment:?}, {effect:?}");
            let world = World::new();
            let step = world.change("a=A");
            world.port.add_blueprint(blueprint.clone());
            kill_at(&world, &step, moment, effect);
            succeed(&pruning(world.change("a=-")));
            world.assert_holds("a=-");
            assert_settled(&world);
        }
    }
}
