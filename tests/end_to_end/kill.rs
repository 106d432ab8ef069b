//! A run that ends at any moment loses nothing: the next one brings the catalog to what is declared.
//!
//! The moments are random. `PORT_GITOPS_KILLS` says how many there are, 20 if it does not;
//! `PORT_GITOPS_SEED` repeats those of a run that failed.

use std::collections::BTreeMap;
use std::env;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use port_gitops_sandbox::github::Resource;
use port_gitops_sandbox::{Exchange, Sandbox, Step};
use serde_json::{Value, json};

use crate::world::{World, binary, send, succeed};

const ENTITIES: usize = 500;

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
                    4 => vec![format!("s{}", n - 1)],
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
        self.world.repository.write("port.json", &text);
        self.world
            .push(&format!("Round {}", self.round))
            .input("prune", "true")
            .input("report-file", "report.json")
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
        let in_catalog: BTreeMap<_, _> = self
            .world
            .port
            .entities()
            .into_iter()
            .map(|(_, name, entity)| (name, (entity["title"].clone(), entity["relations"].clone())))
            .collect();
        let no_relations = json!({});
        let expected: BTreeMap<_, _> = self
            .declared()
            .into_iter()
            .map(|entity| {
                let name = entity["identifier"].as_str().unwrap().to_owned();
                let relations = entity.get("relations").unwrap_or(&no_relations);
                (name, (entity["title"].clone(), relations.clone()))
            })
            .collect();
        assert_eq!(in_catalog, expected, "round {}", self.round);
    }
}

#[test]
fn a_run_that_is_killed_is_made_up_for() {
    let mut rounds = Rounds::new();
    for _ in 0..number("PORT_GITOPS_KILLS", 20) {
        let step = rounds.next();
        let mut process = Rounds::start(&step);
        rounds.wait();
        process.kill().unwrap();
        process.wait().unwrap();
        // The same push once more, as somebody does who runs the job again.
        succeed(&step);
        rounds.assert_converged();
    }
}

#[test]
fn a_run_that_is_told_to_stop_tells_the_truth() {
    let mut rounds = Rounds::new();
    for _ in 0..number("PORT_GITOPS_KILLS", 20) {
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
    let body = exchange
        .json()
        .filter(|_| is_upsert && exchange.method == "POST");
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
