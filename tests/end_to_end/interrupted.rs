//! Being told to stop, at a moment when something is under way.

use std::io::Read;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step, StepResult};

use crate::world::{World, assert_outputs, binary, run, send, shown, succeed};

/// Whether a process has sent an API so many requests like `moment`, before it ends.
pub(crate) fn has_sent(
    process: &mut Child,
    api: &impl Sandbox,
    moment: &Matcher,
    count: usize,
) -> bool {
    loop {
        if api.requests(moment).len() >= count {
            return true;
        }
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        sleep(Duration::from_millis(2));
    }
}

/// Starts a step, and kills it soon after an API has got so many requests like `moment`, which is when they have
/// taken effect. Gives whether there are so many.
pub(crate) fn kill_at(step: &Step, api: &impl Sandbox, moment: &Matcher, count: usize) -> bool {
    let mut command = step.command(binary());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let has_come = has_sent(&mut process, api, moment, count);
    sleep(Duration::from_millis(30));
    process.kill().unwrap();
    process.wait().unwrap();
    has_come
}

/// Starts a step, and sends it signals as soon as an API has got a request like `moment`.
pub(crate) fn run_and_signal(
    step: &Step,
    api: &impl Sandbox,
    moment: &Matcher,
    signals: &[&str],
) -> StepResult {
    let mut process = step.command(binary()).spawn().unwrap();
    let has_come = has_sent(&mut process, api, moment, 1);
    assert!(has_come, "the moment did not come");
    for signal in signals {
        send(signal, &process);
        sleep(Duration::from_millis(50));
    }
    let status = process.wait().unwrap().code().unwrap_or(-1);
    let mut log = String::new();
    let mut out = process.stdout.take().unwrap();
    out.read_to_string(&mut log).unwrap();
    shown(step.result(status, log, String::new()).unwrap())
}

/// A push whose first wave is the domain that its second wave needs, and the first wave's request.
fn world_with_two_waves() -> (World, Step, Matcher) {
    let world = World::new();
    let yaml = "\
- {identifier: sales, blueprint: domain}
- {identifier: shop, blueprint: microservice, relations: {domain: sales}}
";
    let step = world.push_file("port.yml", yaml);
    (world, step, Matcher::new("POST", "*/domain/entities"))
}

#[test]
fn what_is_under_way_may_end_and_nothing_new_begins() {
    let (world, step, first_wave) = world_with_two_waves();
    let slow = Fault::delay(Duration::from_secs(1)).when(first_wave.clone());
    world.port.inject(slow);
    let result = run_and_signal(&step, &world.port, &first_wave, &["-TERM"]);
    assert_eq!(result.status, 143);
    assert_outputs(&result, "outcome=cancelled created=1 failed=1");
    assert!(result.log.contains("not written  microservice/shop"));
    world.entity("domain", "sales");
    assert_eq!(world.entities().len(), 1);
}

#[test]
fn what_never_ends_is_left_as_unknown_and_a_second_signal_ends_the_run_at_once() {
    for (signals, outcome) in [(&["-INT"][..], "cancelled"), (&["-INT", "-TERM"], "")] {
        let (world, step, first_wave) = world_with_two_waves();
        let hang = Fault::hang().when(first_wave.clone());
        world.port.inject(hang.always());
        let step = step.variable("PORT_GITOPS_TIMEOUT", "300");
        let started = Instant::now();
        let result = run_and_signal(&step, &world.port, &first_wave, signals);
        assert_eq!(result.status, 130);
        // What is under way gets five seconds, and not the five minutes for which this run waits for answers.
        assert!(started.elapsed() < Duration::from_secs(100));
        // At once there is no time for a report.
        assert_eq!(result.output("outcome"), outcome);
        let is_reported = result.log.contains("no answer    domain/sales");
        assert_eq!(is_reported, outcome == "cancelled");
    }
}

#[test]
fn before_anything_is_written_and_after_the_last_write_it_stops_at_once() {
    let (world, step, _) = world_with_two_waves();
    let tree = Matcher::new("GET", "*/git/trees/*");
    let hang = Fault::hang().when(tree.clone());
    world.github.inject(hang.always());
    let result = run_and_signal(&step, &world.github, &tree, &["-TERM"]);
    assert_eq!(result.status, 143);
    assert_eq!(result.output("outcome"), "cancelled");
    assert!(world.port_writes().is_empty() && world.saves().is_empty());

    world.github.clear_faults();
    let save = Matcher::new("POST", "*/gitops_source/entities").body_contains("synced");
    world.port.inject(Fault::hang().when(save.clone()).always());
    let result = run_and_signal(&step, &world.port, &save, &["-INT"]);
    assert_eq!(result.status, 130);
    assert_outputs(&result, "outcome=cancelled created=2");
    assert_eq!(world.state_property("status"), "applying");
}

/// The branch moves while a run writes, and what stops it then does not hide what it wrote.
#[test]
fn what_was_written_is_reported_whatever_ends_the_next_round() {
    for is_interrupted in [true, false] {
        let (world, step, _) = world_with_two_waves();
        let push = world.change_meanwhile("late=Late");
        world
            .port
            .inject(push.on("POST", "*/microservice/entities"));
        let (result, ending) = if is_interrupted {
            let compare = Matcher::new("GET", "*/compare/*");
            let hang = Fault::hang().when(compare.clone());
            world.github.inject(hang.always());
            let result = run_and_signal(&step, &world.github, &compare, &["-TERM"]);
            (result, (143, "cancelled"))
        } else {
            let forbidden = || Fault::status(403).always();
            let contents = forbidden().on("POST", "/graphql").skip(1);
            world.github.inject(contents);
            world.github.inject(forbidden().on("GET", "*/git/blobs/*"));
            (run(&step), (2, "failure"))
        };
        assert_eq!((result.status, result.output("outcome")), ending);
        assert_eq!(result.output("created"), "2");
        assert_eq!(world.state_property("status"), "applying");
        world.github.clear_faults();
        succeed(&world.pushed(&world.head()));
        assert_eq!(world.state_property("status"), "synced");
    }
}
