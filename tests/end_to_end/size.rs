//! Large pushes, large trees, and what a push costs.

use std::fs;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use port_gitops_sandbox::github::State;
use port_gitops_sandbox::{Exchange, Fault, Sandbox, Step};
use serde_json::{Value, json};

use crate::world::{World, succeed};

/// What a push of `n` changed entity files may cost, statuses included.
fn allowance(n: usize) -> usize {
    7 + (2 * n).div_ceil(100)
}

/// Adds files that declare an entity each, `count` in all, a thousand in a folder.
fn add_domains(world: &World, count: usize) {
    for n in 0..count {
        let path = format!("{}/{n}/port.yml", n / 1000);
        world.write_domain(&path, &format!("d{n}"), "One");
    }
}

#[test]
fn a_push_costs_two_requests_for_a_hundred_files_and_seven_for_the_rest() {
    for count in [1, 10, 51, 299] {
        let world = World::new();
        add_domains(&world, count);
        succeed(&world.push("Add"));
        for n in 0..count {
            world.write_domain(&format!("0/{n}/port.yml"), &format!("d{n}"), "Two");
        }
        world.github.clear_journal();
        let result = succeed(&world.push("Change"));
        assert_eq!(result.output("updated"), count.to_string());
        let requests = world.github.journal().len();
        assert!(
            requests <= allowance(count),
            "{requests} for {count}: {:?}",
            paths(&world.github.journal())
        );
    }
}

/// Requests that are answered only once all of them are under way.
struct Meeting {
    expected: usize,
    arrived: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    fn of(expected: usize) -> Arc<Self> {
        Arc::new(Self {
            expected,
            arrived: Mutex::new(0),
            changed: Condvar::new(),
        })
    }

    /// A fault that waits for the others, and in vain for half a minute at most.
    fn fault(self: &Arc<Self>) -> Fault {
        let meeting = Arc::clone(self);
        Fault::call(move || {
            let mut arrived = meeting.arrived.lock().unwrap();
            *arrived += 1;
            meeting.changed.notify_all();
            let is_early = |arrived: &mut usize| *arrived < meeting.expected;
            let patience = Duration::from_secs(30);
            let met = meeting
                .changed
                .wait_timeout_while(arrived, patience, is_early);
            drop(met.unwrap());
        })
    }
}

#[test]
fn one_changed_entity_takes_seven_round_trips() {
    let world = World::new();
    world.write_domain("port.yml", "a", "One");
    succeed(&world.push("Add"));
    world.write_domain("port.yml", "a", "Two");
    world.github.clear_journal();
    world.port.clear_journal();
    let (reading, opening, closing) = (Meeting::of(2), Meeting::of(3), Meeting::of(2));
    world.github.inject(reading.fault().on("POST", "/graphql"));
    world
        .github
        .inject(reading.fault().on("GET", "*/compare/*"));
    world
        .github
        .inject(opening.fault().on("POST", "*/statuses/*").times(2));
    world
        .port
        .inject(opening.fault().on("GET", "/v1/blueprints/domain"));
    for last_look in ["*/git/ref/*", "*/commits/*/statuses"] {
        world.github.inject(closing.fault().on("GET", last_look));
    }
    let step = world.push("Change").variable("PORT_GITOPS_TIMEOUT", "20");
    let result = succeed(&step);
    assert!(!result.log.contains("again in"), "{}", result.log);
    let requests = world.github.journal().len() + world.port.journal().len();
    let beside_another = 1 + 2 + 1;
    assert_eq!(requests - beside_another, 7);
}

#[test]
fn a_push_that_touches_no_entity_file_costs_three() {
    let world = World::new();
    add_domains(&world, 3);
    succeed(&world.push("Add"));
    world.port.clear_journal();
    world.github.clear_journal();
    world.repository.write("src/main.go", "package main\n");
    succeed(&world.push("Add code"));
    assert_eq!(world.port.journal().len(), 0);
    assert!(
        world.github.journal().len() <= 3,
        "{:?}",
        paths(&world.github.journal())
    );
}

fn paths(exchanges: &[Exchange]) -> Vec<String> {
    let show = |exchange: &Exchange| format!("{} {}", exchange.method, exchange.path);
    exchanges.iter().map(show).collect()
}

/// The requests that asked for contents, and how many at which revision.
fn contents_asked(world: &World) -> Vec<Value> {
    let asked = world.github.requests_to("POST", "*/graphql");
    let bodies = asked.iter().filter_map(Exchange::json);
    bodies
        .filter(|body| body["query"].as_str().unwrap().contains("Blob"))
        .map(|body| body["variables"].clone())
        .collect()
}

fn check_out(world: &World, step: &Step) {
    world.repository.export("main", &step.workspace()).unwrap();
    fs::create_dir(step.workspace().join(".git")).unwrap();
}

#[test]
fn what_is_checked_out_is_not_asked_for() {
    let world = World::new();
    add_domains(&world, 60);
    let step = world.push("Add");
    check_out(&world, &step);
    let result = succeed(&step);
    assert_eq!(result.output("created"), "60");
    assert_eq!(
        contents_asked(&world),
        Vec::<Value>::new(),
        "nothing is missing at base"
    );

    for n in 0..60 {
        world.write_domain(&format!("0/{n}/port.yml"), &format!("d{n}"), "Two");
    }
    world.github.clear_journal();
    let step = world.push("Change");
    check_out(&world, &step);
    let result = succeed(&step);
    assert_eq!(result.output("updated"), "60");
    let head = world.repository.head().unwrap();
    let asked = contents_asked(&world);
    assert_eq!(asked.len(), 1, "only base is asked for, in one request");
    assert!(!asked[0].to_string().contains(head.as_str()));
}

#[test]
fn as_many_files_as_a_comparison_lists_and_more_are_all_found() {
    for count in [299, 300, 1_200] {
        let world = World::new();
        add_domains(&world, count);
        let result = succeed(&world.push("Add"));
        assert_eq!(result.output("created"), count.to_string());
        assert_eq!(world.port.entities().len(), count);
    }
}

#[test]
fn trees_that_are_cut_short_are_walked_as_deep_as_it_takes() {
    // A limit that the root passes, and one that its folders pass too.
    for limit in [400, 40] {
        let world = World::new();
        for n in 0..600 {
            let path = format!("{}/{}/{n}/port.yml", n / 200, n / 20);
            world.write_domain(&path, &format!("d{n}"), "One");
        }
        world.github.set_tree_limit(limit);
        let result = succeed(&world.push("Add"));
        assert_eq!(result.output("created"), "600", "{limit}: {}", result.log);
        let step = world.pushed(&world.repository.head().unwrap());
        let result = succeed(&step.input("scope", "all"));
        assert_eq!(result.output("unchanged"), "600", "{limit}: {}", result.log);
    }
}

#[test]
fn three_of_twenty_thousand_files_are_three() {
    let world = World::new();
    for n in 0..20_000 {
        let path = format!("{}/{n}/port.yml", n / 1000);
        world.write_domain(&path, &format!("d{n}"), "One");
    }
    // What is recorded of this commit says that all of it is applied.
    let context = recorded_context(&world);
    let (_, after) = world.commit("Add them");
    world.github.add_status(&after, &context, State::Success);
    world.github.clear_journal();
    world.port.clear_journal();
    for n in [7, 9_007, 19_007] {
        world.write_domain(
            &format!("{}/{n}/port.yml", n / 1000),
            &format!("d{n}"),
            "Two",
        );
    }
    let result = succeed(&world.push("Change three"));
    // Port had none of them, for what is recorded is not true.
    assert_eq!(result.output("created"), "3", "{}", result.log);
    assert!(world.github.journal().len() <= allowance(3));
    assert!(
        world.port.journal().len() <= 3,
        "{:?}",
        paths(&world.port.journal())
    );
    let held: Vec<_> = world
        .port
        .entities()
        .into_iter()
        .map(|(_, name, entity)| json!([name, entity["title"]]))
        .collect();
    assert_eq!(
        held,
        [
            json!(["d19007", "Two"]),
            json!(["d7", "Two"]),
            json!(["d9007", "Two"])
        ]
    );
}

/// The context of what runs with the usual inputs have recorded.
fn recorded_context(world: &World) -> String {
    let head = world.repository.head().unwrap();
    let statuses = world.github.statuses(&head);
    statuses[0].context.clone()
}
