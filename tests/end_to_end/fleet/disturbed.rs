//! What disturbs a run at any of its requests loses nothing, and the next run converges.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use port_gitops_sandbox::{Fault, Matcher, Sandbox};
use serde_json::json;

use super::world::Fleet;
use super::{scheduled, synced};
use crate::interrupted::kill_at;
use crate::world::{binary, succeed};

/// Two services in repositories of their own, of domains in two others.
const SERVICES: [(&str, &str); 2] = [("r0", "e2"), ("r1", "e3")];

fn related() -> Fleet {
    let fleet = Fleet::of(4);
    for (name, domain) in SERVICES {
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
fn assert_converges(fleet: &Fleet) {
    synced(fleet, "failed=0");
    for (name, domain) in SERVICES {
        let service = fleet.port.entity("microservice", name);
        assert_eq!(service.unwrap_or_default()["relations"]["domain"], domain);
    }
    fleet.assert_status(&["r0", "r1", "r2", "r3"], "synced");
}

/// It is killed once Port has taken the request, which is before the next one.
#[test]
fn a_first_run_may_be_killed_at_any_request_to_port() {
    for request in 0.. {
        println!("killed at request {request}");
        let fleet = related();
        let hang = Fault::hang().after_effect();
        fleet.port.inject(hang.skip(request));
        let step = fleet.step("schedule");
        if !kill_at(&step, &*fleet.port, &Matcher::any(), request + 1) {
            assert!(request > 8, "it sends more requests than {request}");
            return;
        }
        fleet.port.clear_faults();
        assert_converges(&fleet);
    }
}

/// The run applies an older commit than a repository's own workflow does meanwhile.
#[test]
fn a_repositorys_own_workflow_may_run_while_the_fleet_writes() {
    for route in ["*/domain/entities*", "*/gitops_source/entities/bulk"] {
        let fleet = related();
        synced(&fleet, "created=4");
        fleet.retitle([2, 3], "Two");
        let git = fleet.git("r2").clone();
        let before = git.head().unwrap();
        fleet.stage("r2", "more", "One");
        fleet.retitle([2], "Three");
        let (after, own) = (git.head().unwrap(), fleet.own_step("r2"));
        git.reset_hard(&before).unwrap();
        let fault = Fault::call(move || {
            git.reset_hard(&after).unwrap();
            drop(succeed(&own));
        });
        fleet.port.inject(fault.on("POST", route));
        synced(&fleet, "failed=0");
        fleet.assert_holds("e3=Two more=One");
        assert_converges(&fleet);
        fleet.assert_holds("e2=Three");
    }
}

#[test]
fn a_repository_may_be_deleted_or_renamed_at_any_request_to_github() {
    for is_deleted in [true, false] {
        for request in 0.. {
            println!("at request {request}");
            let fleet = Fleet::declaring(3);
            let github = Arc::clone(&fleet.github);
            let fault = Fault::call(move || match is_deleted {
                true => github.delete("acme/r1"),
                false => github.rename("acme/r1", "acme/new"),
            });
            fleet.github.inject(fault.skip(request));
            let status = scheduled(&fleet).status;
            if fleet.github.pending_faults() > 0 {
                break;
            }
            assert!(status == 0 || (is_deleted && status == 1));
            fleet.assert_holds("e0=One e2=One");
            synced(&fleet, "failed=0");
            fleet.assert_status(&["r0", "r2"], "synced");
            if !is_deleted {
                fleet.assert_holds("e1=One");
                fleet.assert_status(&["r1"], "synced");
            }
        }
    }
}

/// At the save before it is written, at the one afterwards, and once all are saved.
#[test]
fn a_state_that_port_refuses_concerns_only_its_repository() {
    for (save, status, held) in [
        (0, 1, "e2=One e3=Two"),
        (1, 1, "e2=Two e3=Two"),
        (2, 0, "e2=Two e3=Two"),
    ] {
        let fleet = Arc::new(related());
        synced(&fleet, "created=4");
        fleet.retitle([2, 3], "Two");
        let refused = Arc::downgrade(&fleet);
        let refuse = Fault::call(move || refused.upgrade().unwrap().refuse_state("r2", 100));
        let refuse = refuse.on("POST", "*/gitops_source/entities/bulk");
        fleet.port.inject(refuse.skip(save));
        assert_eq!(scheduled(&fleet).status, status);
        fleet.assert_holds(held);
        fleet.assert_status(&["r3"], "synced");
        fleet.port.refuse_nothing();
        synced(&fleet, "failed=0");
        fleet.assert_holds("e2=Two");
        fleet.assert_status(&["r2"], "synced");
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
    let count = || (0..60).filter(is_synced).count();
    let started = Instant::now();
    while count() < 40 && started.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(20));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(count(), 40);
    fleet.port.clear_faults();
    synced(&fleet, "updated=0 created=20");
    assert_eq!(count(), 60);
    // The others, and the one that runs the fleet.
    let trees = fleet.github.requests_to("GET", "*/git/trees/*");
    assert_eq!(trees.len(), 20 + 1);
    // Of the others at the start, before the writes and before the save; of the one that runs the fleet, and
    // the fleet's own.
    let states = fleet.port.requests_to("GET", "*/gitops_source/entities/*");
    assert_eq!(states.len(), 3 * 20 + 2);
}

/// A new commit is saved without loading the state, so the entity comes back with that alone.
#[test]
fn a_state_that_is_deleted_while_its_commit_is_saved_is_made_anew() {
    let fleet = Fleet::declaring(1);
    synced(&fleet, "created=1");
    fleet.push("r0", "README.md", "# Another text\n");
    let (port, state) = (Arc::clone(&fleet.port), fleet.state_name("r0"));
    let delete = Fault::call(move || assert!(port.remove_entity("gitops_source", &state)));
    fleet
        .port
        .inject(delete.on("POST", "*/gitops_source/entities"));
    synced(&fleet, "created=0");
    assert!(fleet.state_property("r0", "settled").is_null());
    assert!(fleet.state_property("r0", "commit").is_string());
    let result = synced(&fleet, "created=0");
    assert!(!result.log.contains("other inputs"));
    assert_eq!(fleet.state_property("r0", "entities"), json!(["domain|e0"]));
}
