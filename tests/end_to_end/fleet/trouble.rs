//! Each trouble concerns only what it must, and the next run converges.

use std::time::Duration;

use port_gitops_sandbox::github::{Attribute, Resource};
use port_gitops_sandbox::{Answer, Fault, Sandbox};
use serde_json::json;

use super::world::{Fleet, HOME};
use super::{failed, pruned, synced};
use crate::world::{assert_outputs, succeed, titled};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_repository_with_mistakes_keeps_no_other_from_being_written() {
    let fleet = Fleet::declaring(3);
    fleet.push("r1", "port.yml", "identifier: a b\nblueprint: domain\n");
    failed(&fleet, "created=3");
    fleet.assert_status(&["r1"], "incomplete");
    fleet.assert_status(&["r0", "r2"], "synced");
    // Only the first run that finds it fails.
    synced(&fleet, "invalid=1");
    succeed(&fleet.step("schedule").input("scope", "all"));
    fleet.push("r1", "port.yml", "identifier: ab\nblueprint: domain\n");
    synced(&fleet, "created=1");
    fleet.assert_status(&["r1"], "synced");
}

#[test]
fn what_cannot_be_read_concerns_only_itself() {
    let fleet = Fleet::declaring(7);
    for (name, attribute) in [
        ("acme/r0", Attribute::Archived),
        ("acme/r1", Attribute::Fork),
        ("acme/r2", Attribute::Disabled),
        ("acme/r3", Attribute::Refused),
    ] {
        fleet.github.mark(name, attribute);
    }
    fleet.github.rename("acme/r4", "acme/new-name");
    fleet.github.delete("acme/r5");
    failed(&fleet, "created=2");
    fleet.assert_holds("e4=One e6=One");
    assert_eq!(fleet.own("status"), "incomplete");
    assert!(fleet.own("problems").as_str().unwrap().contains("acme/r3"));
    synced(&fleet, "created=0");
}

#[test]
fn a_line_that_matches_no_repository_is_a_warning() {
    let fleet = Fleet::declaring(2);
    let rules = "acme/r0\nacme/rr1\nelse/*\n!acme/x";
    let result = succeed(&fleet.step("schedule").input("repositories", rules));
    assert_eq!(result.output("created"), "1");
    for warning in [
        "line 2 of `repositories`, `acme/rr1`, matches no repository that the token can read; did you mean `acme/r1`?",
        "line 3 of `repositories`, `else/*`, matches no repository that the token can read; install the app there",
    ] {
        assert!(result.log.contains(warning), "{warning}");
    }
}

#[test]
fn a_branch_that_moves_meanwhile_waits_for_the_next_run() {
    let fleet = Fleet::declaring(2);
    synced(&fleet, "created=2");
    fleet.retitle([0], "Two");
    let git = fleet.git("r0").clone();
    let fault = Fault::call(move || {
        git.write("e0.entity.yml", &titled("e0", "Three"))
            .commit("Again")
            .unwrap();
    });
    fleet.port.inject(fault.on("POST", "*/domain/entities"));
    for title in ["Two", "Three"] {
        synced(&fleet, "updated=1");
        fleet.assert_holds(&format!("e0={title}"));
    }
}

#[test]
fn other_inputs_than_those_of_the_own_workflow_delete_nothing() {
    let fleet = Fleet::declaring(2);
    fleet.push("r0", "extra.yml", &titled("extra", "Extra"));
    let files = "**/*.entity.yml\nextra.yml";
    succeed(&fleet.own_step("r0").input("files", files));
    let result = succeed(&pruned(&fleet));
    fleet.assert_holds("extra=Extra");
    for workflow in ["acme/r0/.github/workflows/port.yml", HOME] {
        assert!(result.log.contains(workflow), "{workflow}");
    }
}

#[test]
fn a_repository_and_the_fleet_take_over_from_each_other() {
    let fleet = Fleet::declaring(2);
    succeed(&fleet.own_step("r0"));
    synced(&fleet, "created=1");
    fleet.retitle([0], "Two");
    succeed(&fleet.own_step("r0"));
    synced(&fleet, "updated=0");
    fleet.retitle([0], "Three");
    synced(&fleet, "updated=1");
    assert_eq!(succeed(&fleet.own_step("r0")).output("updated"), "0");
}

#[test]
fn a_state_that_cannot_be_read_concerns_only_its_repository() {
    let fleet = Fleet::declaring(2);
    synced(&fleet, "created=2");
    fleet.retitle([0, 1], "Two");
    let mut state = fleet.state("r0").unwrap();
    state["properties"]["settled"] = json!(["nonsense"]);
    state["identifier"] = json!(fleet.state_name("r0"));
    let put = fleet.port.put_entity("gitops_source", state);
    put.unwrap();
    let result = failed(&fleet, "updated=1");
    fleet.assert_holds("e0=One e1=Two");
    assert!(result.log.contains("delete the entity"));
}

#[test]
fn a_replica_that_lags_undoes_nothing() {
    let fleet = Fleet::declaring(1);
    let old = fleet.git("r0").head().unwrap();
    fleet.retitle([0], "Two");
    succeed(&fleet.own_step("r0"));
    let new = fleet.git("r0").head().unwrap();
    let node = |name: &str, commit: &str| {
        json!({
            "__typename": "Repository", "nameWithOwner": name,
            "defaultBranchRef": {"name": "main", "target": {"oid": commit}},
        })
    };
    let home = fleet.git(HOME).head().unwrap();
    let nodes = [node(HOME, home.as_str()), node("acme/r0", old.as_str())];
    let stale = Answer::json(200, &json!({"data": {"nodes": nodes}}));
    fleet
        .github
        .inject(Fault::answer(stale).on("POST", "/graphql"));
    synced(&fleet, "updated=0");
    fleet.assert_holds("e0=Two");
    assert_eq!(fleet.state_property("r0", "commit"), new.as_str());
}

#[test]
fn what_the_token_does_not_last_for_is_left_to_the_next_run() {
    for requests in [3, 8, 15] {
        let fleet = Fleet::declaring(20);
        fleet.github.end_token_after(requests);
        let result = synced(&fleet, "failed=0");
        let created: usize = result.output("created").parse().unwrap();
        assert!(created < 20);
        assert!(result.log.contains("does not accept the token any more"));
        fleet.github.end_token_after(usize::MAX);
        synced(&fleet, &format!("created={}", 20 - created));
    }
}

#[test]
fn what_githubs_budget_does_not_last_for_is_left_to_the_next_run() {
    let fleet = Fleet::declaring(20);
    fleet.github.set_budget(Resource::Core, 60, HOUR);
    let result = synced(&fleet, "failed=0");
    assert!(result.log.contains("is nearly used up"));
    fleet.github.set_budget(Resource::Core, 5000, HOUR);
    synced(&fleet, "failed=0");
    for number in 0..20 {
        fleet.assert_status(&[&format!("r{number}")], "synced");
    }
}

#[test]
fn a_batch_of_states_that_port_refuses_as_a_whole_is_written_one_by_one() {
    for (code, error) in [
        (409, "identifier_taken"),
        (422, "invalid_request"),
        (413, "too_large"),
    ] {
        let fleet = Fleet::declaring(3);
        let refusal = json!({ "ok": false, "error": error, "message": "Not all of these" });
        let fault = Fault::answer(Answer::json(code, &refusal));
        let fault = fault.on("POST", "*/gitops_source/entities/bulk");
        fleet.port.inject(fault.skip(1).always());
        synced(&fleet, "created=3");
        fleet.assert_status(&["r0", "r1", "r2"], "synced");
    }
}

/// It runs out before any state is loaded, while states are loaded, and while entities are written.
#[test]
fn what_ports_budget_does_not_last_for_is_left_to_the_next_run() {
    for (repositories, entities, budget) in [(20, 1, 40), (40, 1, 100), (6, 200, 75)] {
        println!("{budget}");
        let fleet = Fleet::of(repositories);
        for number in 0..repositories {
            let document =
                |index| format!("---\nidentifier: e{number}-{index}\nblueprint: domain\n");
            let file: String = (0..entities).map(document).collect();
            fleet.git(&format!("r{number}")).write("port.yml", &file);
        }
        fleet.commit_all("Declare");
        fleet.port.set_rate_limit(budget, HOUR);
        let result = synced(&fleet, "failed=0");
        let created: usize = result.output("created").parse().unwrap();
        let total = repositories * entities;
        assert_eq!(created > 0, budget > 40);
        assert!(created < total);
        for text in ["is nearly used up", "left for the next run"] {
            assert!(result.log.contains(text), "{text}");
        }
        for (blueprint, _, entity) in fleet.port.entities() {
            let status = entity["properties"]["status"].as_str();
            let is_saved = matches!(status, Some("synced" | "incomplete"));
            assert!(is_saved || blueprint != "gitops_source");
        }
        fleet.port.set_rate_limit(100_000, HOUR);
        let result = synced(&fleet, "failed=0");
        assert_outputs(&result, &format!("created={}", total - created));
        fleet.assert_status(&["r5"], "synced");
    }
}
