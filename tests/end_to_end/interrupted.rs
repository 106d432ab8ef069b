//! Being told to stop, at a moment when something is under way.

use std::io::Read;
use std::thread::sleep;
use std::time::{Duration, Instant};

use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step, StepResult};
use serde_json::json;

use crate::world::{World, binary, send, succeed};

/// Starts a step, and sends it signals as soon as an API has got a request like `moment`.
pub(crate) fn run_and_signal(
    step: &Step,
    api: &impl Sandbox,
    moment: &Matcher,
    signals: &[&str],
) -> StepResult {
    let mut process = step.command(binary()).spawn().unwrap();
    let started = Instant::now();
    while api.requests(moment).is_empty() {
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "the moment did not come"
        );
        sleep(Duration::from_millis(5));
    }
    for signal in signals {
        send(signal, &process);
        sleep(Duration::from_millis(50));
    }
    let status = process.wait().unwrap().code().unwrap_or(-1);
    let mut log = String::new();
    let mut out = process.stdout.take().unwrap();
    out.read_to_string(&mut log).unwrap();
    step.result(status, log, String::new()).unwrap()
}

/// A push whose first wave is the domain that its second wave needs, and the first wave's request.
fn world_with_two_waves() -> (World, Step, Matcher) {
    let world = World::new();
    let yaml = "\
- {identifier: sales, blueprint: domain}
- {identifier: shop, blueprint: microservice, relations: {domain: sales}}
";
    world.repository.write("port.yml", yaml);
    let step = world.push("Add a domain and a service");
    (world, step, Matcher::new("POST", "*/domain/entities"))
}

#[test]
fn what_is_under_way_may_end_and_nothing_new_begins() {
    let (world, step, first_wave) = world_with_two_waves();
    let slow = Fault::delay(Duration::from_secs(1)).when(first_wave.clone());
    world.port.inject(slow);
    let result = run_and_signal(&step, &world.port, &first_wave, &["-TERM"]);
    assert_eq!(result.status, 143, "{}", result.log);
    assert_eq!(result.output("outcome"), "cancelled");
    let counts = (result.output("created"), result.output("failed"));
    assert_eq!(counts, ("1", "1"));
    assert!(
        result.log.contains("not written  microservice/shop"),
        "{}",
        result.log
    );
    assert!(world.port.entity("domain", "sales").is_some());
    assert!(world.port.entity("microservice", "shop").is_none());
}

#[test]
fn what_never_ends_is_left_as_unknown() {
    let (world, step, first_wave) = world_with_two_waves();
    world
        .port
        .inject(Fault::hang().when(first_wave.clone()).always());
    let result = run_and_signal(&step, &world.port, &first_wave, &["-INT"]);
    assert_eq!(result.status, 130, "{}", result.log);
    assert_eq!(result.output("outcome"), "cancelled");
    assert!(
        result.log.contains("unknown      domain/sales"),
        "{}",
        result.log
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (world, step, first_wave) = world_with_two_waves();
    world
        .port
        .inject(Fault::hang().when(first_wave.clone()).always());
    let result = run_and_signal(&step, &world.port, &first_wave, &["-INT", "-TERM"]);
    assert_eq!(result.status, 130);
    assert_eq!(
        result.output("outcome"),
        "",
        "there was no time for a report"
    );
}

#[test]
fn before_anything_is_written_it_stops_at_once() {
    let (world, step, _) = world_with_two_waves();
    let compare = Matcher::new("GET", "*/compare/*");
    world
        .github
        .inject(Fault::hang().when(compare.clone()).always());
    let result = run_and_signal(&step, &world.github, &compare, &["-TERM"]);
    assert_eq!(result.status, 143);
    assert_eq!(result.output("outcome"), "cancelled");
    assert_eq!(world.port.journal().len(), 0);
}

#[test]
fn after_the_last_write_it_stops_too() {
    let (world, step, _) = world_with_two_waves();
    let tip = Matcher::new("GET", "*/git/ref/*");
    world
        .github
        .inject(Fault::hang().when(tip.clone()).always());
    let result = run_and_signal(&step, &world.github, &tip, &["-INT"]);
    assert_eq!(result.status, 130, "{}", result.log);
    assert_eq!(result.output("outcome"), "cancelled");
    assert_eq!(result.output("created"), "2");
    assert!(
        result
            .log
            .contains("it is not known whether the branch moved on while this run wrote"),
        "{}",
        result.log
    );
}

/// The last word on the commit is the second run's, and the first may still write.
#[test]
fn a_run_that_others_of_its_commit_outdid_is_not_forgotten() {
    let world = World::new();
    world.write_domain("port.yml", "a", "One");
    let step = world.push("Add a");
    let write = Matcher::new("POST", "*/domain/entities");
    for signal in ["-KILL", "-TERM"] {
        world.port.clear_journal();
        world.port.inject(Fault::hang().when(write.clone()));
        run_and_signal(&step, &world.port, &write, &[signal]);
    }
    succeed(&step);
    world.write_domain("port.yml", "a", "Two");
    succeed(&world.push("Change a"));
    let late = json!({"identifier": "a", "title": "One", "properties": {}, "relations": {}});
    world
        .port
        .put_entity("domain", late, "port-gitops/0.1.0 (octo-org/catalog)")
        .unwrap();
    succeed(&world.push_file("README.md", "# More\n"));
    assert_eq!(world.title("domain", "a").unwrap(), "Two");
}
