//! What several sources of a run, or runs of one source, do to each other.

use port_gitops_sandbox::github::Attribute;
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step};
use serde_json::{Value, json};

use super::world::{Fleet, HOME};
use super::{scheduled, status, title};
use crate::interrupted::run_and_signal;
use crate::world::{binary, run, succeed};

fn remove(fleet: &Fleet, name: &str, identifier: &str) {
    fleet.git(name).remove(&format!("{identifier}.entity.yml"));
    fleet.git(name).commit("Remove").unwrap();
}

fn pruning(fleet: &Fleet) -> Step {
    fleet.step("schedule").input("prune", "true")
}

fn own(fleet: &Fleet, property: &str) -> Value {
    let own = fleet
        .port
        .entity("gitops_source", "github.com/fleet/1296269");
    own.unwrap()["properties"][property].clone()
}

#[test]
fn what_an_owner_and_one_that_waits_both_remove_is_deleted() {
    let fleet = Fleet::declaring(2);
    fleet.declare("r0", "same", "Owner's");
    assert_eq!(scheduled(&fleet).status, 0);
    fleet.declare("r1", "same", "Other's");
    assert_eq!(scheduled(&fleet).status, 1);
    remove(&fleet, "r0", "same");
    remove(&fleet, "r1", "same");
    let result = run(&pruning(&fleet));
    assert_eq!((result.status, result.output("deleted")), (0, "1"));
}

const MAPPING: &str = "resources:\n  - kind: file\n    selector:\n      files:\n        - path: '**/FILE'\n    port:\n      entity:\n        mappings:\n          identifier: .file.content.name\n          blueprint: '\"domain\"'\n";

#[test]
fn the_own_mapping_at_the_same_path_is_another_input() {
    let fleet = Fleet::of(1);
    fleet
        .git(HOME)
        .write("mapping.yml", &MAPPING.replace("FILE", "package.json"));
    fleet.git(HOME).commit("Map").unwrap();
    fleet
        .git("r0")
        .write("mapping.yml", &MAPPING.replace("FILE", "thing.json"));
    fleet.git("r0").write("thing.json", "{\"name\": \"thing\"}");
    fleet
        .git("r0")
        .write("package.json", "{\"name\": \"package\"}");
    fleet.git("r0").commit("Map").unwrap();
    let own = fleet.own_step("r0").input("mapping", "mapping.yml");
    assert_eq!(succeed(&own.input("prune", "true")).output("created"), "1");
    let step = fleet.step("schedule").input("mapping", "mapping.yml");
    let result = run(&step.input("prune", "true"));
    assert_eq!((result.status, result.output("deleted")), (0, "0"));
    assert!(fleet.port.entity("domain", "thing").is_some());
}

/// A repository's own workflow runs from beginning to end after the fleet has read its head and state.
#[test]
fn a_repositorys_own_run_meanwhile_loses_nothing() {
    let fleet = Fleet::declaring(2);
    assert_eq!(scheduled(&fleet).status, 0);
    for name in ["r0", "r1"] {
        fleet.declare(name, &name.replace('r', "e"), "Two");
    }
    let (git, step) = (fleet.git("r0").clone(), fleet.own_step("r0"));
    let call = Fault::call(move || {
        git.write("new.entity.yml", "identifier: new\nblueprint: domain\n");
        git.commit("Add").unwrap();
        assert_eq!(step.run(binary()).unwrap().output("created"), "1");
    });
    fleet.port.inject(call.on("GET", "/v1/blueprints/domain"));
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("updated")), (0, "1"));
    assert!(
        result.log.contains("left for the next run"),
        "{}",
        result.log
    );
    let state = fleet.state("r0").unwrap();
    assert_eq!(
        state["properties"]["entities"],
        json!(["domain|e0", "domain|new"])
    );
    assert_eq!(scheduled(&fleet).output("updated"), "0");
}

#[test]
fn a_quiet_run_counts_all_entities() {
    let fleet = Fleet::declaring(3);
    assert_eq!(scheduled(&fleet).status, 0);
    assert_eq!(own(&fleet, "entity_count"), 3);
    assert_eq!(scheduled(&fleet).status, 0);
    assert_eq!(own(&fleet, "entity_count"), 3);
}

#[test]
fn a_finished_action_run_stops_it() {
    for count in [1, 2] {
        let fleet = Fleet::declaring(count);
        fleet.port.finish_run("r_1");
        let result = run(&fleet.step("schedule").input("run-id", "r_1"));
        assert_eq!(result.status, 2, "{count}");
    }
}

#[test]
fn a_source_whose_state_is_refused_stays_the_owner() {
    let fleet = Fleet::declaring(2);
    assert_eq!(scheduled(&fleet).status, 0);
    fleet.declare("r0", "e0", "Two");
    fleet.declare("r1", "e0", "Taken");
    let id = fleet.github.id_of("acme/r0").unwrap();
    let failure = Failure::new(422, "invalid_request", "Not today");
    fleet
        .port
        .refuse("gitops_source", &format!("github.com/{id}"), failure, 1);
    assert_eq!(run(&pruning(&fleet)).status, 1);
    assert_eq!(title(&fleet, "e0").as_deref(), Some("One"));
    run(&pruning(&fleet));
    assert_eq!(title(&fleet, "e0").as_deref(), Some("Two"));
}

#[test]
fn without_states_a_duplicate_is_an_error_in_both() {
    let fleet = Fleet::declaring(3);
    fleet.declare("r1", "e0", "Twice");
    let step = fleet.step("schedule").input("state-blueprint", "none");
    let result = run(&step);
    assert_eq!((result.status, result.output("created")), (1, "2"));
    assert!(fleet.port.blueprint("gitops_source").is_none());
}

#[test]
fn a_run_that_can_read_nothing_fails_always() {
    let fleet = Fleet::declaring(2);
    for name in ["acme/platform", "acme/r0", "acme/r1"] {
        fleet.github.mark(name, Attribute::Refused);
    }
    for _ in 0..2 {
        let result = scheduled(&fleet);
        assert_eq!(result.status, 2, "{}", result.log);
        let needle = "nothing could be done about any repository";
        assert!(result.log.contains(needle), "{}", result.log);
    }
}

#[test]
fn a_run_that_ends_at_any_moment_loses_nothing() {
    let moments = [
        ("GET", "*/gitops_source/entities/*"),
        ("POST", "*/gitops_source/entities/bulk"),
        ("POST", "*/domain/entities/bulk"),
        ("POST", "*/domain/bulk/entities/delete"),
    ];
    for (method, path) in moments {
        let moment = Matcher::new(method, path);
        ends_at(&moment, Fault::hang(), "-TERM");
        ends_at(&moment, Fault::hang().after_effect(), "-KILL");
    }
}

/// Ends a run that writes, hands over and deletes, and checks what the next one makes of it.
fn ends_at(moment: &Matcher, hang: Fault, signal: &str) {
    let fleet = Fleet::declaring(4);
    assert_eq!(scheduled(&fleet).status, 0);
    for name in ["r0", "r1"] {
        fleet.declare(name, &name.replace('r', "e"), "Two");
    }
    remove(&fleet, "r2", "e2");
    fleet.declare("r3", "e2", "Moved");
    remove(&fleet, "r3", "e3");
    fleet.port.clear_journal();
    fleet.port.inject(hang.when(moment.clone()).always());
    run_and_signal(&pruning(&fleet), &*fleet.port, moment, &[signal, signal]);
    fleet.port.clear_faults();
    let result = run(&pruning(&fleet));
    assert_eq!(result.status, 0, "{moment:?} {signal}: {}", result.log);
    let titles = ["e0", "e1", "e2", "e3"].map(|one| title(&fleet, one));
    let titles = titles.each_ref().map(|one| one.as_deref());
    let expected = [Some("Two"), Some("Two"), Some("Moved"), None];
    assert_eq!(titles, expected, "{moment:?} {signal}");
    for name in ["r0", "r1", "r2", "r3"] {
        assert_eq!(status(&fleet, name), "synced");
    }
}

#[test]
fn a_hand_over_of_which_the_old_owner_waits_for_the_next_run() {
    let fleet = Fleet::declaring(2);
    succeed(&pruning(&fleet));
    remove(&fleet, "r0", "e0");
    fleet.declare("r1", "e0", "Moved");
    fleet
        .git("r0")
        .write("z.entity.yml", "identifier: z\nblueprint: domain\n");
    fleet.git("r0").commit("Add").unwrap();
    let step = fleet.own_step("r0");
    let call = Fault::call(move || {
        step.run(binary()).unwrap();
    });
    fleet.port.inject(call.on("GET", "/v1/blueprints/domain"));
    run(&pruning(&fleet));
    succeed(&pruning(&fleet));
    assert_eq!(title(&fleet, "e0").as_deref(), Some("Moved"));
    let owned = |name: &str| fleet.state(name).unwrap()["properties"]["entities"].clone();
    assert_eq!(
        (owned("r0"), owned("r1")),
        (json!(["domain|z"]), json!(["domain|e0", "domain|e1"]))
    );
}

#[test]
fn what_a_repository_owns_that_is_not_looked_at_stays_its_own() {
    for attribute in [Attribute::Archived, Attribute::Refused] {
        let fleet = Fleet::declaring(2);
        assert_eq!(scheduled(&fleet).status, 0);
        fleet.github.mark("acme/r0", attribute);
        fleet.declare("r1", "e0", "Taken");
        let result = run(&pruning(&fleet));
        assert_eq!(result.status, 1);
        assert!(result.log.contains("owned elsewhere"), "{}", result.log);
        assert_eq!(title(&fleet, "e0").as_deref(), Some("One"));
    }
}

#[test]
fn a_repositorys_own_first_run_meanwhile_is_not_undone() {
    let fleet = Fleet::declaring(2);
    let (git, step) = (fleet.git("r0").clone(), fleet.own_step("r0"));
    let call = Fault::call(move || {
        git.write(
            "e0.entity.yml",
            "identifier: e0\nblueprint: domain\ntitle: Two\n",
        );
        git.commit("Change").unwrap();
        assert_eq!(step.run(binary()).unwrap().output("created"), "1");
    });
    fleet.port.inject(call.on("GET", "/v1/blueprints/domain"));
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("created")), (0, "1"));
    assert_eq!(title(&fleet, "e0").as_deref(), Some("Two"));
    succeed(&fleet.step("schedule"));
}

#[test]
fn what_declared_nothing_is_looked_at_with_other_inputs() {
    let fleet = Fleet::declaring(2);
    fleet
        .git("r1")
        .write("extra.yml", "identifier: extra\nblueprint: domain\n");
    fleet.git("r1").remove("e1.entity.yml");
    fleet.git("r1").commit("Another file").unwrap();
    assert_eq!(scheduled(&fleet).status, 0);
    let step = || {
        fleet
            .step("schedule")
            .input("files", "**/*.entity.yml\nextra.yml")
    };
    assert_eq!(succeed(&step()).output("created"), "1");
    assert_eq!(own(&fleet, "entity_count"), 2);
    fleet.port.clear_journal();
    succeed(&step());
    assert_eq!(
        super::requests(&fleet).1.len(),
        3,
        "{:?}",
        super::requests(&fleet).1
    );
}

#[test]
fn what_an_up_to_date_repository_relates_to_is_not_deleted() {
    let fleet = Fleet::declaring(1);
    fleet.git(HOME).write(
        "port.yml",
        "identifier: s\nblueprint: microservice\nrelations:\n  domain: e0\n",
    );
    fleet.git(HOME).commit("Relate").unwrap();
    assert_eq!(scheduled(&fleet).status, 0);
    remove(&fleet, "r0", "e0");
    let plan = run(&pruning(&fleet).input("mode", "plan"));
    let result = run(&pruning(&fleet));
    assert_eq!((plan.status, result.status), (1, 1));
    assert!(title(&fleet, "e0").is_some());
    succeed(&pruning(&fleet));
    fleet
        .git(HOME)
        .write("port.yml", "identifier: s\nblueprint: microservice\n");
    fleet.git(HOME).commit("Do not").unwrap();
    assert_eq!(succeed(&pruning(&fleet)).output("deleted"), "1");
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
    let requests = fleet
        .github
        .requests(&Matcher::new("GET", "/repos/acme/r1/*"));
    assert!(requests.is_empty(), "it is known to declare nothing");
}
