//! Faults that stay: the run ends with the right status, and says why and what to do.

use port_gitops_sandbox::runner::RunnerCommand;

use std::time::Instant;

use super::*;
use crate::world::{cannot_go_on, run};

#[test]
fn a_port_that_stays_busy_fails_the_entities() {
    let (world, step) = world();
    Request::Bulk.inject(&world, unavailable().always());
    let result = run(&step);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(Request::Bulk.count(&world), 6);
    for entity in [
        "failed       microservice/shop",
        "blocked      microservice/mail",
    ] {
        assert!(result.log.contains(entity), "{}", result.log);
    }
    let errors = result.commands("error");
    let is_told = |error: &&RunnerCommand| {
        error.data.contains("503") && error.data.contains("run the job again")
    };
    assert!(errors.iter().any(is_told), "{}", result.log);
    // What its file declares in its stead was not written, so the old one stays.
    assert!(world.port.entity("domain", "old").is_some());
}

#[test]
fn a_github_that_stays_broken_ends_the_run() {
    let (world, step) = world();
    Request::Compare.inject(&world, Fault::status(502).always());
    cannot_go_on(&step, &["502"]);
    assert_eq!(Request::Compare.count(&world) % 6, 0);
    assert_eq!(world.port_writes().len(), 0);
}

#[test]
fn a_wait_that_is_too_long_ends_the_run_at_once() {
    for (request, name) in [(Request::Compare, "GitHub"), (Request::Auth, "Port")] {
        let (world, step) = world();
        request.inject(
            &world,
            limited(&[("retry-after", "3600".to_owned())]).always(),
        );
        let asks = format!("{name} requires a wait of 6");
        cannot_go_on(&step, &[&asks, "run the job again"]);
        assert_eq!(request.count(&world), 1);
    }
}

#[test]
fn nobody_at_the_address_ends_the_run() {
    let nobody = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let (_world, step) = world();
    cannot_go_on(
        &step.input("base-url", nobody()),
        &["Port could not be reached", "base-url"],
    );
    let (_world, step) = world();
    let step = step.input("github-api-url", nobody());
    cannot_go_on(&step, &["GitHub could not be reached", "github-api-url"]);
}

#[test]
fn a_port_that_refuses_by_right_is_asked_once() {
    let (world, step) = world();
    Request::Bulk.inject(&world, Fault::status(403).always());
    let result = run(&step);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(Request::Bulk.count(&world), 1);
    let errors = result.commands("error");
    let is_told = |error: &&RunnerCommand| error.data.contains("IP allow-list");
    assert!(errors.iter().any(is_told), "{}", result.log);
}

#[test]
fn a_push_of_no_entity_file_does_not_need_port() {
    let unusable = [
        unavailable(),
        Fault::hang(),
        Fault::invalid_json(),
        Fault::answer(Answer::text(200, "text/html", "<html>Sign in</html>")),
    ];
    for fault in unusable {
        let (world, _) = world();
        for request in [Request::Auth, Request::Load] {
            request.inject(&world, fault.clone().always());
        }
        let before = world.repository.head().unwrap();
        world.repository.write("README.md", "# Shop\n");
        world.repository.commit("Change the text").unwrap();
        let started = Instant::now();
        let result = succeed(&world.pushed(&before));
        assert!(started.elapsed() < Duration::from_secs(30));
        let said = "Port gives no usable answer, and this push changes no entity file";
        assert!(result.log.contains(said), "{}", result.log);
        assert!(world.port_writes().is_empty() && world.saves().is_empty());
    }
}
