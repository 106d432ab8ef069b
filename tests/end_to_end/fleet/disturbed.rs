//! What disturbs a run at any of its requests loses nothing, and the next run converges.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Exchange, Fault, Matcher, Sandbox};
use serde_json::json;

use super::world::Fleet;
use super::{assert_ended, scheduled, status, title};
use crate::world::{binary, succeed};

/// Two services in repositories of their own, of domains in two others.
fn related() -> Fleet {
    let fleet = Fleet::of(4);
    for (name, domain) in [("r0", "e2"), ("r1", "e3")] {
        let service = format!(
            "identifier: {name}\nblueprint: microservice\ntitle: One\nrelations:\n  domain: {domain}\n"
        );
        fleet.git(name).write("port.yml", &service);
    }
    fleet.stage("r2", "e2", "One");
    fleet.stage("r3", "e3", "One");
    fleet.commit_all("Declare");
    fleet
}

/// A run that brings everything to Port.
fn assert_converges(fleet: &Fleet, case: &str) {
    let result = scheduled(fleet);
    assert_eq!(result.status, 0, "{case}: {}", result.log);
    for (name, domain) in [("r0", "e2"), ("r1", "e3")] {
        let service = fleet.port.entity("microservice", name);
        let service = service.unwrap_or_default();
        assert_eq!(
            service["relations"]["domain"], domain,
            "{case}: {}",
            result.log
        );
    }
    for name in ["r0", "r1", "r2", "r3"] {
        assert_eq!(status(fleet, name), "synced", "{case}: {name}");
    }
}

/// It is killed once Port has taken the request, which is before the next one.
#[test]
fn a_first_run_may_be_killed_at_any_request_to_port() {
    for request in 0.. {
        let fleet = related();
        fleet
            .port
            .inject(Fault::hang().after_effect().skip(request));
        let step = fleet.step("schedule");
        let mut process = step.command(binary()).spawn().unwrap();
        let has_come = || fleet.port.requests(&Matcher::any()).len() > request;
        while !has_come() && process.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(2));
        }
        if process.try_wait().unwrap().is_some() {
            assert!(request > 8, "it sends more requests than {request}");
            return;
        }
        // What takes effect does so soon after it came.
        sleep(Duration::from_millis(10));
        process.kill().unwrap();
        process.wait().unwrap();
        fleet.port.clear_faults();
        assert_converges(&fleet, &format!("killed at request {request}"));
    }
}

/// The run applies an older commit than a repository's own workflow does meanwhile.
#[test]
fn a_repositorys_own_workflow_may_run_while_the_fleet_writes() {
    for route in ["*/domain/entities*", "*/gitops_source/entities/bulk"] {
        let fleet = related();
        assert_eq!(scheduled(&fleet).status, 0);
        for name in ["r2", "r3"] {
            fleet.declare(name, &name.replace('r', "e"), "Two");
        }
        let git = fleet.git("r2").clone();
        git.write(
            "e2.entity.yml",
            "identifier: e2\nblueprint: domain\ntitle: Three\n",
        );
        git.write(
            "more.entity.yml",
            "identifier: more\nblueprint: domain\ntitle: One\n",
        );
        let before = fleet.git("r2").head().unwrap();
        git.commit("Again").unwrap();
        let own = fleet.own_step("r2");
        git.reset_hard(&before).unwrap();
        let again = git.clone();
        let fault = Fault::call(move || {
            again.write(
                "e2.entity.yml",
                "identifier: e2\nblueprint: domain\ntitle: Three\n",
            );
            again.write(
                "more.entity.yml",
                "identifier: more\nblueprint: domain\ntitle: One\n",
            );
            again.commit("Again").unwrap();
            succeed(&own);
        });
        fleet.port.inject(fault.on("POST", route));
        let result = scheduled(&fleet);
        assert_eq!(result.status, 0, "{route}: {}", result.log);
        assert_eq!(title(&fleet, "e3").as_deref(), Some("Two"));
        assert!(title(&fleet, "more").is_some(), "{route}");
        assert_converges(&fleet, route);
        assert_eq!(title(&fleet, "e2").as_deref(), Some("Three"), "{route}");
    }
}

#[test]
fn a_repository_may_be_deleted_or_renamed_at_any_request_to_github() {
    for is_deleted in [true, false] {
        for request in 0.. {
            let fleet = Fleet::of(3);
            for number in 0..3 {
                fleet.stage(&format!("r{number}"), &format!("e{number}"), "One");
            }
            fleet.commit_all("Declare");
            let github = Arc::clone(&fleet.github);
            let fault = Fault::call(move || match is_deleted {
                true => github.delete("acme/r1"),
                false => github.rename("acme/r1", "acme/new"),
            });
            fleet.github.inject(fault.skip(request));
            let result = scheduled(&fleet);
            let case = format!("at request {request}: {}", result.log);
            if fleet.github.pending_faults() > 0 {
                break;
            }
            assert!(result.status < 2, "{case}");
            assert!(is_deleted || result.status == 0, "{case}");
            for name in ["e0", "e2"] {
                assert!(title(&fleet, name).is_some(), "{case}");
            }
            let result = scheduled(&fleet);
            assert_eq!(result.status, 0, "{case}{}", result.log);
            for name in ["r0", "r2"] {
                assert_eq!(status(&fleet, name), "synced", "{case}");
            }
            assert!(is_deleted || title(&fleet, "e1").is_some(), "{case}");
            assert!(is_deleted || status(&fleet, "r1") == "synced", "{case}");
        }
    }
}

#[test]
fn a_state_that_port_refuses_concerns_only_its_repository() {
    for save in 0..3 {
        let fleet = related();
        assert_eq!(scheduled(&fleet).status, 0);
        for name in ["r2", "r3"] {
            fleet.declare(name, &name.replace('r', "e"), "Two");
        }
        let id = fleet.github.id_of("acme/r2").unwrap();
        let state = format!("github.com/{id}");
        let refuse = {
            let port = Arc::clone(&fleet.port);
            move || {
                port.refuse(
                    "gitops_source",
                    &state,
                    Failure::new(422, "no", "refused"),
                    100,
                )
            }
        };
        let bulk = Matcher::new("POST", "*/gitops_source/entities/bulk");
        fleet.port.inject(Fault::call(refuse).when(bulk).skip(save));
        let result = scheduled(&fleet);
        let case = format!("save {save}: {}", result.log);
        assert_eq!(title(&fleet, "e3").as_deref(), Some("Two"), "{case}");
        assert_eq!(status(&fleet, "r3"), "synced", "{case}");
        let expected = if save == 0 { "One" } else { "Two" };
        assert_eq!(title(&fleet, "e2").as_deref(), Some(expected), "{case}");
        assert_eq!(result.status, i32::from(save < 2), "{case}");
        fleet.port.refuse_nothing();
        let result = scheduled(&fleet);
        assert_eq!(result.status, 0, "{case}{}", result.log);
        assert_eq!(title(&fleet, "e2").as_deref(), Some("Two"), "{case}");
        assert_eq!(status(&fleet, "r2"), "synced", "{case}");
    }
}

/// Two of three requests that write entities are answered, and the third never is.
#[test]
fn what_is_finished_when_a_run_is_killed_is_not_looked_at_again() {
    let fleet = Fleet::declaring(60);
    let entities = Matcher::new("POST", "*/domain/entities/bulk");
    fleet.port.inject(Fault::hang().when(entities).skip(2));
    let step = fleet.step("schedule");
    let mut process = step.command(binary()).spawn().unwrap();
    let is_synced = |number: &usize| {
        let state = fleet.state(&format!("r{number}"));
        state.is_some_and(|state| state["properties"]["status"] == "synced")
    };
    let synced = || (0..60).filter(is_synced).count();
    let started = Instant::now();
    while synced() < 40 && started.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(20));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(synced(), 40);
    fleet.port.clear_faults();
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("updated")), (0, "0"));
    assert_eq!(result.output("created"), "20", "{}", result.log);
    assert_eq!(synced(), 60);
    let count = |api: &[Exchange], path: &str| {
        let path = Matcher::new("GET", path);
        api.iter().filter(|one| path.matches(one)).count()
    };
    let github = fleet.github.requests(&Matcher::any());
    // The others, and the one that runs the fleet.
    assert_eq!(count(&github, "*/git/trees/*"), 20 + 1);
    let port = fleet.port.requests(&Matcher::any());
    // Of the others at the start, before the writes and before the save; of the one that runs the fleet, and
    // the fleet's own.
    assert_eq!(count(&port, "*/gitops_source/entities/*"), 3 * 20 + 2);
}

/// A new commit is saved without loading the state, so the entity comes back with that alone.
#[test]
fn a_state_that_is_deleted_while_its_commit_is_saved_is_made_anew() {
    let fleet = Fleet::declaring(1);
    assert_eq!(scheduled(&fleet).status, 0);
    fleet.git("r0").write("README.md", "# Another text\n");
    fleet.git("r0").commit("Say more").unwrap();
    let id = fleet.github.id_of("acme/r0").unwrap();
    let port = Arc::clone(&fleet.port);
    let state = format!("github.com/{id}");
    let delete = move || assert!(port.remove_entity("gitops_source", &state));
    fleet
        .port
        .inject(Fault::call(delete).on("POST", "*/gitops_source/entities"));
    assert_eq!(scheduled(&fleet).status, 0);
    let properties = || fleet.state("r0").unwrap()["properties"].clone();
    assert!(properties()["settled"].is_null() && properties()["commit"].is_string());
    let result = scheduled(&fleet);
    assert_ended(&result, 0, "created", "0");
    assert!(!result.log.contains("other inputs"), "{}", result.log);
    assert_eq!(properties()["entities"], json!(["domain|e0"]));
}
