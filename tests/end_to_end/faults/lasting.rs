//! Faults that stay: the run ends with the right status, and says why and what to do.

use std::thread;
use std::time::Instant;

use super::*;
use crate::world::{cannot_go_on, fails};

#[test]
fn a_port_that_stays_busy_fails_the_entities() {
    let (world, step) = world();
    Request::Bulk.inject(&world, unavailable().always());
    let result = fails(&step);
    assert_eq!(Request::Bulk.count(&world), 6);
    assert!(result.log.contains("failed       microservice/shop"));
    assert!(result.log.contains("blocked      microservice/mail"));
    let said = ["503", "run the job again"];
    let errors = result.commands("error");
    let mut list = errors.iter();
    assert!(list.any(|error| said.iter().all(|said| error.data.contains(said))));
    // What its file declares in its stead was not written, so the old one stays.
    world.entity("domain", "old");
}

#[test]
fn a_wait_that_is_too_long_ends_the_run_at_once() {
    for (request, name) in [(Request::Compare, "GitHub"), (Request::Auth, "Port")] {
        let (world, step) = world();
        request.inject(&world, limited("3600").always());
        let asks = format!("{name} requires a wait of 6");
        cannot_go_on(&step, &[&asks, "run the job again"]);
        assert_eq!(request.count(&world), 1);
    }
}

/// It waits for ten seconds, and not the five minutes for which this run waits for answers.
#[test]
fn a_push_of_no_entity_file_does_not_need_port() {
    let goes_on = |fault: Fault| {
        let (world, _) = world();
        world.port.inject(fault.when(Matcher::any()).always());
        let started = Instant::now();
        // Its files changed since the state was saved, but not with this push.
        let step = world.push_file("README.md", "# Shop\n");
        let result = succeed(&step.variable("PORT_GITOPS_TIMEOUT", "300"));
        assert!(started.elapsed() < Duration::from_secs(100));
        let said = "Port gives no usable answer, and this push changes no entity file";
        assert!(result.log.contains(said));
        assert!(world.port_writes().is_empty() && world.saves().is_empty());
    };
    let page = Answer::text(200, "text/html", "<html>Sign in</html>");
    thread::scope(|scope| {
        for fault in [
            unavailable(),
            Fault::hang(),
            Fault::close(),
            Fault::invalid_json(),
            Fault::answer(page),
        ] {
            scope.spawn(move || goes_on(fault));
        }
    });
}
