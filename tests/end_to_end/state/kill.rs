//! A run that ends at any moment loses nothing: the next one brings the catalog to what is declared.
//!
//! The moments are random. `PORT_GITOPS_KILLS` says how many there are, 12 if it does not;
//! `PORT_GITOPS_SEED` repeats those of a run that failed.

use std::collections::BTreeMap;
use std::env;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use port_gitops_sandbox::github::Resource;
use port_gitops_sandbox::{Effect, Exchange, Fault, Matcher, Sandbox, Step};
use serde_json::{Value, json};

use super::{assert_settled, push_elsewhere};
use crate::world::{World, binary, pruning, send, stage, succeed};

const ENTITIES: usize = 150;

/// The runner kills what is not over so long after it told it to stop.
const PATIENCE: Duration = Duration::from_millis(7500);

fn number(variable: &str, usual: u64) -> u64 {
    let text = env::var(variable).ok();
    text.map_or(usual, |text| text.parse().expect("a number"))
}

/// A catalog of many entities, each of which every round declares anew.
struct Rounds {
    world: World,
    random: fastrand::Rng,
    round: usize,
    /// How long a run takes that nobody ends.
    usual: Duration,
}

impl Rounds {
    #[expect(
        clippy::print_stderr,
        reason = "who repeats a run that failed needs it"
    )]
    fn new() -> Self {
        let seed = number("PORT_GITOPS_SEED", fastrand::u64(..));
        eprintln!("PORT_GITOPS_SEED={seed}");
        let mut rounds = Self {
            world: World::fresh(),
            random: fastrand::Rng::with_seed(seed),
            round: 0,
            usual: Duration::ZERO,
        };
        rounds.world.port.set_latency(Duration::from_millis(5));
        let step = rounds.next();
        let started = Instant::now();
        succeed(&step);
        rounds.usual = started.elapsed();
        rounds.assert_converged();
        rounds
    }

    /// What this round declares: domains, services in them that form chains and circles, and a
    /// domain that only every other round has.
    fn declared(&self) -> Vec<Value> {
        let title = format!("round {}", self.round);
        let entity = |n: usize| match n % 10 {
            0 => json!({"identifier": format!("d{n}"), "blueprint": "domain", "title": title}),
            digit => {
                let needed = match digit {
                    1 | 2 => vec![],
                    3 => vec![format!("s{}", n + 1)],
                    _ => vec![format!("s{}", n - 1)],
                };
                json!({
                    "identifier": format!("s{n}"),
                    "blueprint": "microservice",
                    "title": title,
                    "relations": {"domain": format!("d{}", n - digit), "dependsOn": needed},
                })
            }
        };
        let mut entities: Vec<_> = (0..ENTITIES).map(entity).collect();
        if self.round.is_multiple_of(2) {
            entities.push(json!({"identifier": "even", "blueprint": "domain", "title": title}));
        }
        entities
    }

    /// Declares everything anew, and gives the step of that push.
    fn next(&mut self) -> Step {
        self.round += 1;
        // Many rounds need more requests than GitHub grants in an hour.
        for resource in [Resource::Core, Resource::Graphql] {
            let hour = Duration::from_secs(3600);
            self.world.github.set_budget(resource, 1000, hour);
        }
        let text = Value::from(self.declared()).to_string();
        let step = self.world.push_file("port.json", &text);
        pruning(step).input("report-file", "report.json")
    }

    fn start(step: &Step) -> Child {
        let mut command = step.command(binary());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Waits for a random part of what a run usually takes.
    fn wait(&mut self) {
        std::thread::sleep(self.usual.mul_f64(self.random.f64()));
    }

    fn assert_converged(&self) {
        let entities = self.world.entities().into_iter();
        let in_catalog: BTreeMap<_, _> = entities
            .map(|(_, name, entity)| (name, (entity["title"].clone(), entity["relations"].clone())))
            .collect();
        let declared = self.declared().into_iter().map(|entity| {
            let name = entity["identifier"].as_str().unwrap().to_owned();
            let relations = entity.get("relations").cloned();
            let relations = relations.unwrap_or_else(|| json!({}));
            (name, (entity["title"].clone(), relations))
        });
        assert_eq!(in_catalog, declared.collect(), "round {}", self.round);
    }
}

/// Some runs one after the other are killed, each of a push of its own; one that nobody kills follows.
#[test]
fn runs_that_are_killed_are_made_up_for_by_one_push() {
    let mut rounds = Rounds::new();
    let kills = number("PORT_GITOPS_KILLS", 12);
    let mut killed = 0;
    while killed < kills {
        let mut step = rounds.next();
        for _ in 0..=rounds.random.u64(0..3) {
            step = rounds.next();
            let mut process = Rounds::start(&step);
            rounds.wait();
            process.kill().unwrap();
            process.wait().unwrap();
            killed += 1;
        }
        // The same push once more, as somebody does who runs the job again, or another one.
        let last = match rounds.random.bool() {
            true => step,
            false => pruning(push_elsewhere(&rounds.world)),
        };
        succeed(&last);
        rounds.assert_converged();
        assert_settled(&rounds.world);
    }
}

#[test]
fn a_run_that_is_told_to_stop_tells_the_truth() {
    let mut rounds = Rounds::new();
    for _ in 0..number("PORT_GITOPS_KILLS", 12) {
        let step = rounds.next();
        rounds.world.port.clear_journal();
        let mut process = Rounds::start(&step);
        rounds.wait();
        send("-INT", &process);
        let told = Instant::now();
        let status = process.wait().unwrap().code();
        assert!(told.elapsed() < PATIENCE, "{:?}", told.elapsed());
        assert!(matches!(status, Some(130 | 0) | None), "{status:?}");
        if status.is_some() {
            assert_true(&step, &rounds.world);
        }
        succeed(&step);
        rounds.assert_converged();
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
    /// Written as part of a circle, without the relations that make it one.
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
    let mut process = Rounds::start(step);
    while world.port.requests(&request).len() <= before {
        std::thread::sleep(Duration::from_millis(5));
    }
    // What takes effect does so soon after it came.
    std::thread::sleep(Duration::from_millis(50));
    process.kill().unwrap();
    process.wait().unwrap();
    world.port.clear_faults();
}

const OWNED: &str = "identifier: a\nblueprint: domain\ntitle: Old\nproperties: {owner: me}\n";

/// What is pushed after a run that was killed, and what Port then holds.
type After = (fn(&World, Step) -> Step, &'static str);

const AFTERWARDS: [After; 5] = [
    (|_, step| step, "a=New b=- c=C"),
    (|world, _| pruning(push_elsewhere(world)), "a=New b=- c=C"),
    (|world, _| pruning(world.nightly()), "a=New b=- c=C"),
    (
        |world, _| {
            stage(&world.repository, "b=B c=-");
            pruning(world.push_file("a/port.yml", OWNED))
        },
        "a=Old b=B c=-",
    ),
    (
        |world, _| {
            let dropped = world.head();
            world.repository.reset_hard("HEAD~1").unwrap();
            pruning(world.pushed(&dropped))
        },
        "a=Old b=B c=-",
    ),
];

#[test]
fn a_run_may_be_killed_at_any_request() {
    for (next, expected) in AFTERWARDS {
        for moment in Moment::ALL {
            for effect in [Effect::None, Effect::Taken] {
                println!("{expected} after {moment:?}, {effect:?}");
                let world = World::new();
                stage(&world.repository, "b=B");
                succeed(&pruning(world.push_file("a/port.yml", OWNED)));
                let step = pruning(world.change("a=New b=- c=C"));
                kill_at(&world, &step, moment, effect);
                succeed(&next(&world, step));
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
