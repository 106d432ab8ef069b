//! Being told to stop, at a moment when something is under way.

use std::io::Read;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step, StepResult};

use crate::world::{World, binary};

/// Starts a step, and sends it signals as soon as `is_time` says so.
fn run_and_signal(step: &Step, is_time: impl Fn() -> bool, signals: &[&str]) -> StepResult {
    let mut process = step.command(binary()).spawn().unwrap();
    let started = Instant::now();
    while !is_time() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
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
    process
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .unwrap();
    step.result(status, log, String::new()).unwrap()
}

fn send(signal: &str, process: &Child) {
    let id = process.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .unwrap()
            .success()
    );
}

fn world_with_two_waves() -> (World, Step) {
    let world = World::new();
    let yaml = "\
- {identifier: sales, blueprint: domain}
- {identifier: shop, blueprint: microservice, relations: {domain: sales}}
";
    world.repository.write("port.yml", yaml);
    let step = world.push("Add a domain and a service");
    (world, step)
}

#[test]
fn what_is_under_way_may_end_and_nothing_new_begins() {
    let (world, step) = world_with_two_waves();
    let upsert = Matcher::new("POST", "*/domain/entities");
    world
        .port
        .inject(Fault::delay(Duration::from_secs(1)).when(upsert.clone()));
    let is_under_way = || !world.port.requests(&upsert).is_empty();
    let result = run_and_signal(&step, is_under_way, &["-TERM"]);
    assert_eq!(result.status, 143, "{}", result.log);
    assert_eq!(result.output("outcome"), "cancelled");
    assert_eq!(
        (result.output("created"), result.output("failed")),
        ("1", "1")
    );
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
    let (world, step) = world_with_two_waves();
    let upsert = Matcher::new("POST", "*/domain/entities");
    world
        .port
        .inject(Fault::hang().when(upsert.clone()).always());
    let is_under_way = || !world.port.requests(&upsert).is_empty();
    let result = run_and_signal(&step, is_under_way, &["-INT"]);
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
    let (world, step) = world_with_two_waves();
    let upsert = Matcher::new("POST", "*/domain/entities");
    world
        .port
        .inject(Fault::hang().when(upsert.clone()).always());
    let is_under_way = || !world.port.requests(&upsert).is_empty();
    let result = run_and_signal(&step, is_under_way, &["-INT", "-TERM"]);
    assert_eq!(result.status, 130);
    assert_eq!(
        result.output("outcome"),
        "",
        "there was no time for a report"
    );
}

#[test]
fn before_anything_is_written_it_stops_at_once() {
    let (world, step) = world_with_two_waves();
    let compare = Matcher::new("GET", "*/compare/*");
    world
        .github
        .inject(Fault::hang().when(compare.clone()).always());
    let is_under_way = || !world.github.requests(&compare).is_empty();
    let result = run_and_signal(&step, is_under_way, &["-TERM"]);
    assert_eq!(result.status, 143);
    assert_eq!(result.output("outcome"), "cancelled");
    assert_eq!(world.port.journal().len(), 0);
}
