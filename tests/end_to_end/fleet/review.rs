//! What several sources of a run, or runs of one source, do to each other.

use port_gitops_sandbox::github::Attribute;
use port_gitops_sandbox::{Fault, Matcher, Sandbox};
use serde_json::json;

use super::world::{Fleet, HOME};
use super::{mapping, pruned, requests, scheduled, synced};
use crate::interrupted::run_and_signal;
use crate::world::{assert_outputs, domain, fails, pruning, run, succeed, titled};

#[test]
fn the_own_mapping_at_the_same_path_is_another_input() {
    let fleet = Fleet::of(1);
    for (name, file) in [(HOME, "package.json"), ("r0", "thing.json")] {
        fleet.push(name, "mapping.yml", &mapping(file, ".repo.name"));
    }
    fleet.push("r0", "thing.json", "{\"name\": \"thing\"}");
    fleet.push("r0", "package.json", "{\"name\": \"package\"}");
    let own = fleet.own_step("r0").input("mapping", "mapping.yml");
    assert_eq!(succeed(&pruning(own)).output("created"), "1");
    assert_outputs(
        &succeed(&pruned(&fleet).input("mapping", "mapping.yml")),
        "deleted=0",
    );
    fleet.assert_holds("thing=r0");
}

/// Lets a repository's own workflow run from beginning to end, after another push, when the fleet has read its
/// head and state.
fn own_run_meanwhile(fleet: &Fleet, path: &'static str, text: String) {
    let (git, step) = (fleet.git("r0").clone(), fleet.own_step("r0"));
    let call = Fault::call(move || {
        git.write(path, &text).commit("Change").unwrap();
        assert_eq!(run(&step).output("created"), "1");
    });
    fleet.port.inject(call.on("GET", "/v1/blueprints/domain"));
}

#[test]
fn a_repositorys_own_run_meanwhile_loses_nothing() {
    let fleet = Fleet::declaring(2);
    synced(&fleet, "created=2");
    fleet.retitle([0, 1], "Two");
    own_run_meanwhile(&fleet, "new.entity.yml", domain("new"));
    let result = synced(&fleet, "updated=1");
    assert!(result.log.contains("left for the next run"));
    let entities = fleet.state_property("r0", "entities");
    assert_eq!(entities, json!(["domain|e0", "domain|new"]));
    synced(&fleet, "updated=0");
}

#[test]
fn a_repositorys_own_first_run_meanwhile_is_not_undone() {
    let fleet = Fleet::declaring(2);
    own_run_meanwhile(&fleet, "e0.entity.yml", titled("e0", "Two"));
    synced(&fleet, "created=1");
    fleet.assert_holds("e0=Two");
    synced(&fleet, "created=0");
}

#[test]
fn a_hand_over_of_which_the_old_owner_waits_for_the_next_run() {
    let fleet = Fleet::declaring(2);
    succeed(&pruned(&fleet));
    fleet.remove("r0", "e0");
    fleet.declare("r1", "e0", "Moved");
    own_run_meanwhile(&fleet, "z.entity.yml", domain("z"));
    run(&pruned(&fleet));
    succeed(&pruned(&fleet));
    fleet.assert_holds("e0=Moved");
    let owned = ["r0", "r1"].map(|name| fleet.state_property(name, "entities"));
    let expected = [json!(["domain|z"]), json!(["domain|e0", "domain|e1"])];
    assert_eq!(owned, expected);
}

#[test]
fn a_quiet_run_counts_all_entities() {
    let fleet = Fleet::declaring(3);
    for created in ["3", "0"] {
        synced(&fleet, &format!("created={created}"));
        assert_eq!(fleet.own("entity_count"), 3);
    }
}

#[test]
fn a_finished_action_run_stops_it() {
    for count in [1, 2] {
        let fleet = Fleet::declaring(count);
        fleet.port.finish_run("r_1");
        assert_eq!(
            run(&fleet.step("schedule").input("run-id", "r_1")).status,
            2,
            "{count}"
        );
    }
}

#[test]
fn a_source_whose_state_is_refused_stays_the_owner() {
    let fleet = Fleet::declaring(2);
    synced(&fleet, "created=2");
    fleet.retitle([0], "Two");
    fleet.declare("r1", "e0", "Taken");
    fleet.refuse_state("r0", 1);
    fails(&pruned(&fleet));
    fleet.assert_holds("e0=One");
    run(&pruned(&fleet));
    fleet.assert_holds("e0=Two");
}

#[test]
fn without_states_a_duplicate_is_an_error_in_both() {
    let fleet = Fleet::declaring(3);
    fleet.declare("r1", "e0", "Twice");
    let step = fleet.step("schedule").input("state-blueprint", "none");
    assert_outputs(&fails(&step), "created=2");
    assert!(fleet.port.blueprint("gitops_source").is_none());
}

#[test]
fn a_run_that_can_read_nothing_fails_always() {
    let fleet = Fleet::declaring(2);
    for name in [HOME, "acme/r0", "acme/r1"] {
        fleet.github.mark(name, Attribute::Refused);
    }
    for _ in 0..2 {
        let result = scheduled(&fleet);
        assert_eq!(result.status, 2);
        let needle = "nothing could be done about any repository";
        assert!(result.log.contains(needle));
    }
}

/// One that writes, hands over and deletes.
#[test]
fn a_run_that_ends_at_any_moment_loses_nothing() {
    let moments = [
        ("GET", "*/gitops_source/entities/*"),
        ("POST", "*/gitops_source/entities/bulk"),
        ("POST", "*/domain/entities/bulk"),
        ("POST", "*/domain/bulk/entities/delete"),
    ];
    for moment in moments.map(|(method, path)| Matcher::new(method, path)) {
        for (hang, signal) in [
            (Fault::hang(), "-TERM"),
            (Fault::hang().after_effect(), "-KILL"),
        ] {
            println!("{moment:?} {signal}");
            let fleet = Fleet::declaring(4);
            synced(&fleet, "created=4");
            fleet.retitle([0, 1], "Two");
            fleet.remove("r2", "e2");
            fleet.declare("r3", "e2", "Moved");
            fleet.remove("r3", "e3");
            fleet.port.clear_journal();
            fleet.port.inject(hang.when(moment.clone()).always());
            let signals = [signal, signal];
            run_and_signal(&pruned(&fleet), &*fleet.port, &moment, &signals);
            fleet.port.clear_faults();
            succeed(&pruned(&fleet));
            fleet.assert_holds("e0=Two e1=Two e2=Moved e3=-");
            fleet.assert_status(&["r0", "r1", "r2", "r3"], "synced");
        }
    }
}

#[test]
fn what_a_repository_owns_that_is_not_looked_at_stays_its_own() {
    for attribute in [Attribute::Archived, Attribute::Refused] {
        let fleet = Fleet::declaring(2);
        synced(&fleet, "created=2");
        fleet.github.mark("acme/r0", attribute);
        fleet.declare("r1", "e0", "Taken");
        let result = fails(&pruned(&fleet));
        assert!(result.log.contains("owned elsewhere"));
        fleet.assert_holds("e0=One");
    }
}

#[test]
fn what_declared_nothing_is_looked_at_with_other_inputs() {
    let fleet = Fleet::declaring(2);
    fleet.push("r1", "extra.yml", &domain("extra"));
    fleet.remove("r1", "e1");
    synced(&fleet, "created=1");
    for created in ["1", "0"] {
        fleet.clear_journals();
        let files = "**/*.entity.yml\nextra.yml";
        let result = succeed(&fleet.step("schedule").input("files", files));
        assert_eq!(result.output("created"), created);
        assert_eq!(fleet.own("entity_count"), 2);
    }
    let (_, port) = requests(&fleet);
    assert_eq!(port.len(), 3, "{port:?}");
}

#[test]
fn what_an_up_to_date_repository_relates_to_is_not_deleted() {
    let fleet = Fleet::declaring(1);
    let service = "identifier: s\nblueprint: microservice\nrelations:\n  domain: e0\n";
    fleet.push(HOME, "port.yml", service);
    synced(&fleet, "created=2");
    fleet.remove("r0", "e0");
    fails(&pruned(&fleet).input("mode", "plan"));
    fails(&pruned(&fleet));
    fleet.assert_holds("e0=One");
    succeed(&pruned(&fleet));
    fleet.push(HOME, "port.yml", "identifier: s\nblueprint: microservice\n");
    assert_eq!(succeed(&pruned(&fleet)).output("deleted"), "1");
}

#[test]
fn two_fleets_of_one_repository_remember_for_each_other() {
    let fleet = Fleet::of(2);
    fleet.github.mark("acme/r0", Attribute::Refused);
    let run_for = |name: &str| run(&fleet.step("schedule").input("repositories", name));
    assert_eq!(run_for("acme/r0").status, 2);
    assert_eq!(run_for("acme/r1").status, 0);
    fleet.github.clear_journal();
    assert_eq!(run_for("acme/*").status, 0, "the problem is no longer new");
    let requests = fleet.github.requests_to("GET", "/repos/acme/r1/*");
    assert!(requests.is_empty(), "it is known to declare nothing");
}
