//! Large pushes, large trees, and what a push costs.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use port_gitops_sandbox::{Exchange, Fault, Sandbox};
use serde_json::{Value, json};

use crate::world::{World, assert_outputs, succeed};

/// How many requests to GitHub a push of `n` changed entity files may cost.
fn allowance(n: usize) -> usize {
    3 + (2 * n).div_ceil(50)
}

/// Adds files that declare an entity each, `count` in all, twenty in a folder.
fn add_domains(world: &World, count: usize) {
    for n in 0..count {
        let path = format!("{}/{n}/port.yml", n / 20);
        world.write_domain(&path, &format!("d{n}"), "One");
    }
}

/// A comparison lists at most 300 files. If more have changed, the run compares the trees.
#[test]
fn a_push_of_many_files_costs_few_requests_to_github() {
    for (count, trees) in [(1, 0), (51, 0), (299, 0), (301, 2)] {
        let world = World::new();
        let push = |title: &str| {
            let domains: Vec<_> = (0..count).map(|n| format!("d{n}={title}")).collect();
            let step = world.change(&domains.join(" "));
            world.github.clear_journal();
            succeed(&step)
        };
        assert_eq!(push("One").output("created"), count.to_string());
        assert_eq!(world.entities().len(), count);
        assert_eq!(push("Two").output("updated"), count.to_string());
        let requests = paths(&world.github.journal());
        let most = allowance(count) + trees;
        assert!(requests.len() <= most, "{count}: {requests:?}");
    }
}

/// Three of them are three, and a tree that GitHub cuts short is walked.
#[test]
fn a_push_to_a_large_repository_costs_as_little() {
    let world = World::new();
    add_domains(&world, 1_000);
    succeed(&world.push("Add them"));
    world.clear_journals();
    for n in [7, 507, 907] {
        world.write_domain(&format!("{}/{n}/port.yml", n / 20), &format!("d{n}"), "Two");
    }
    assert_eq!(succeed(&world.push("Change three")).output("updated"), "3");
    let sent = [world.github.journal(), world.port.journal()];
    assert!(sent[0].len() <= allowance(3), "{:?}", paths(&sent[0]));
    assert!(sent[1].len() <= 7, "{:?}", paths(&sent[1]));
    let path = "/v1/blueprints/domain/entities/bulk";
    let sent = world.port.requests_to("POST", path)[0].json().unwrap();
    let names = sent["entities"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|one| &one["identifier"]).collect();
    assert_eq!(names, ["d7", "d507", "d907"]);

    world.github.set_tree_limit(500);
    assert_outputs(&succeed(&world.nightly()), "unchanged=1000");
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
    succeed(&world.change("a=One"));
    let step = world.change("a=Two").variable("PORT_GITOPS_TIMEOUT", "20");
    world.clear_journals();
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
    let result = succeed(&step);
    assert!(!result.log.contains("again in"));
    let requests = world.github.journal().len() + world.port.journal().len();
    let beside_another = 3;
    assert_eq!(requests - beside_another, 8);
}

/// One changed entity of fifty, and what may change beside it.
#[test]
fn a_push_costs_few_requests() {
    let world = World::new();
    let entity =
        |name: &str| json!({"identifier": name, "blueprint": "microservice", "title": "Old"});
    let mut entities: Vec<_> = (0..50).map(|n| entity(&format!("s{n}"))).collect();
    let file = |entities: &[Value]| Value::from(entities.to_vec()).to_string();
    succeed(&world.push_file("port.json", &file(&entities)));
    type Edit = fn(&mut Vec<Value>);
    let new: Edit = |all| all.push(json!({"identifier": "new", "blueprint": "microservice"}));
    let cleared: Edit = |all| all[8]["title"] = json!(null);
    let new_line: Edit = |all| all[9]["properties"] = json!({"language": "Rust"});
    let no_line: Edit = |all| all[9]["properties"] = json!({});
    let no_title: Edit = |all| drop(all[10].as_object_mut().unwrap().remove("title"));
    let changes: [(&str, Edit, usize, usize); 7] = [
        ("no entity file", |_| (), 2, 2),
        ("a title", |all| all[7]["title"] = json!("New"), 4, 7),
        ("a new one", new, 4, 9),
        ("a title that is cleared", cleared, 4, 9),
        ("a new line", new_line, 4, 7),
        ("a line that goes", no_line, 4, 8),
        ("a title that goes", no_title, 4, 10),
    ];
    for (name, edit, github, port) in changes {
        edit(&mut entities);
        world.write("port.json", &file(&entities));
        let step = world.push_file("src/main.go", name);
        world.clear_journals();
        let result = succeed(&step);
        let sent = [world.github.journal(), world.port.journal()];
        let counts = (sent[0].len(), sent[1].len());
        let shown = paths(&sent.concat());
        assert!(counts.0 <= github && counts.1 <= port, "{name}: {shown:?}");
        let debug = result.commands("debug").len();
        assert_eq!(debug, counts.0 + counts.1, "each is in the debug log");
    }
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

#[test]
fn what_is_checked_out_is_not_asked_for() {
    let world = World::new();
    add_domains(&world, 60);
    assert_outputs(&succeed(&world.check_out(world.push("Add"))), "created=60");
    let asked = contents_asked(&world);
    assert_eq!(asked, [Value::Null; 0], "nothing is missing at base");

    for n in 0..60 {
        world.write_domain(&format!("{}/{n}/port.yml", n / 20), &format!("d{n}"), "Two");
    }
    world.github.clear_journal();
    assert_outputs(
        &succeed(&world.check_out(world.push("Change"))),
        "updated=60",
    );
    let asked = contents_asked(&world);
    assert_eq!(asked.len(), 1, "only base is asked for, in one request");
    assert!(!asked[0].to_string().contains(world.head().as_str()));
}
