//! Large pushes, large trees, and what a push costs.

use std::fs;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use port_gitops_sandbox::{Exchange, Fault, Sandbox, Step};
use serde_json::{Value, json};

use crate::world::{World, succeed};

/// How many requests to GitHub a push of `n` changed entity files may cost.
fn allowance(n: usize) -> usize {
    3 + (2 * n).div_ceil(50)
}

/// Adds files that declare an entity each, `count` in all, a thousand in a folder.
fn add_domains(world: &World, count: usize) {
    for n in 0..count {
        let path = format!("{}/{n}/port.yml", n / 1000);
        world.write_domain(&path, &format!("d{n}"), "One");
    }
}

#[test]
fn a_push_of_many_files_costs_few_requests_to_github() {
    for count in [1, 10, 51, 299, 350] {
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
        let trees = if count < 300 { 0 } else { 2 };
        assert!(
            requests <= allowance(count) + trees,
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
fn one_changed_entity_takes_eight_round_trips() {
    let world = World::new();
    world.write_domain("port.yml", "a", "One");
    succeed(&world.push("Add"));
    world.write_domain("port.yml", "a", "Two");
    world.github.clear_journal();
    world.port.clear_journal();
    let (opening, reading, closing) = (Meeting::of(2), Meeting::of(2), Meeting::of(2));
    let tip = |meeting: &Arc<Meeting>| meeting.fault().on("GET", "*/git/ref/*");
    let state = |meeting: &Arc<Meeting>| meeting.fault().on("GET", "*/gitops_source/entities/*");
    for fault in [
        tip(&opening),
        tip(&closing),
        reading.fault().on("POST", "/graphql"),
    ] {
        world.github.inject(fault);
    }
    for fault in [
        state(&opening),
        state(&closing),
        reading.fault().on("GET", "/v1/blueprints/domain"),
    ] {
        world.port.inject(fault);
    }
    let step = world.push("Change").variable("PORT_GITOPS_TIMEOUT", "20");
    let result = succeed(&step);
    assert!(!result.log.contains("again in"), "{}", result.log);
    let requests = world.github.journal().len() + world.port.journal().len();
    let beside_another = 3;
    assert_eq!(requests - beside_another, 8);
}

/// One changed entity of fifty, and what may change beside it.
#[test]
fn a_push_costs_few_requests() {
    let world = World::new();
    let file = |entities: &[Value]| {
        let text = Value::from(entities.to_vec()).to_string();
        world.repository.write("port.json", &text);
    };
    let entity =
        |name: &str| json!({"identifier": name, "blueprint": "microservice", "title": "Old"});
    let mut entities: Vec<_> = (0..50).map(|n| entity(&format!("s{n}"))).collect();
    file(&entities);
    succeed(&world.push("Add fifty"));
    let push = |message: &str, github: usize, port: usize| {
        world.github.clear_journal();
        world.port.clear_journal();
        let result = succeed(&world.push(message));
        let sent = [world.github.journal(), world.port.journal()];
        let counts = (sent[0].len(), sent[1].len());
        let shown = paths(&sent.concat());
        assert!(
            counts.0 <= github && counts.1 <= port,
            "{message}: {shown:?}"
        );
        let debug = result.commands("debug").len();
        assert_eq!(debug, counts.0 + counts.1, "each is in the debug log");
    };
    world.repository.write("src/main.go", "package main\n");
    push("Change no entity file", 2, 2);
    entities[7]["title"] = json!("New");
    file(&entities);
    push("Change one", 4, 7);
    entities.push(entity("new"));
    file(&entities);
    push("Add one", 4, 9);
    entities[8]["title"] = json!(null);
    file(&entities);
    push("Clear a title", 4, 9);
    entities[9]["properties"] = json!({"language": "Rust"});
    file(&entities);
    push("Add a line", 4, 7);
    entities[9]["properties"] = json!({});
    file(&entities);
    push("Remove a line", 4, 8);
    entities[10] = json!({"identifier": "s10", "blueprint": "microservice"});
    file(&entities);
    push("Remove a line with a title", 4, 10);
}

fn paths(exchanges: &[Exchange]) -> Vec<String> {
    let show = |exchange: &Exchange| format!("{} {}", exchange.method, exchange.path);
    exchanges.iter().map(show).collect()
}

#[test]
fn a_commit_too_far_back_to_compare_with_is_saved_anew() {
    let world = World::new();
    world.write_domain("port.yml", "a", "One");
    succeed(&world.push("Add"));
    for n in 0..301 {
        world
            .repository
            .write(&format!("src/{n}.go"), "package main\n");
    }
    for (message, saves) in [("Add much code", 1), ("Add a line", 0)] {
        world.github.clear_journal();
        world.port.clear_journal();
        world.repository.write("main.go", message);
        succeed(&world.push(message));
        let shown = (paths(&world.github.journal()), paths(&world.port.journal()));
        assert!(world.port_requests().is_empty(), "{message}");
        assert_eq!(world.saves().len(), saves, "{message}");
        assert!(
            shown.0.len() <= 2 + 2 * saves && shown.1.len() <= 2 + 2 * saves,
            "{message}: {shown:?}"
        );
    }
    assert_eq!(world.state_property("status"), "synced");
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
        assert_eq!(world.entities().len(), count);
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
fn three_of_ten_thousand_files_are_three() {
    let world = World::new();
    add_domains(&world, 10_000);
    succeed(&world.push("Add them"));
    world.github.clear_journal();
    world.port.clear_journal();
    for n in [7, 5_007, 9_007] {
        let path = format!("{}/{n}/port.yml", n / 1000);
        world.write_domain(&path, &format!("d{n}"), "Two");
    }
    let result = succeed(&world.push("Change three"));
    assert_eq!(result.output("updated"), "3", "{}", result.log);
    let sent = [world.github.journal(), world.port.journal()];
    assert!(sent[0].len() <= allowance(3), "{:?}", paths(&sent[0]));
    assert!(sent[1].len() <= 7, "{:?}", paths(&sent[1]));
    let sent = world
        .port
        .requests_to("POST", "/v1/blueprints/domain/entities/bulk");
    let sent = sent[0].json().unwrap();
    let names: Vec<_> = sent["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["identifier"])
        .collect();
    assert_eq!(names, ["d7", "d5007", "d9007"]);
}
