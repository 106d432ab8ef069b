//! Each trouble concerns only what it must, and the next run converges.

use port_gitops_sandbox::github::{Attribute, Resource};
use port_gitops_sandbox::{Answer, Fault, Sandbox};
use serde_json::json;

use super::world::{Fleet, HOME};
use super::{assert_ended, scheduled, status, title};
use crate::world::{run, succeed};

#[test]
fn a_repository_with_mistakes_keeps_no_other_from_being_written() {
    let fleet = Fleet::declaring(3);
    fleet
        .git("r1")
        .write("port.yml", "identifier: a b\nblueprint: domain\n");
    fleet.git("r1").commit("Break it").unwrap();
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("created")), (1, "3"));
    assert_eq!(status(&fleet, "r1"), "incomplete");
    assert_eq!(status(&fleet, "r2"), "synced");
    assert_eq!(
        scheduled(&fleet).status,
        0,
        "only the first run that finds it fails"
    );
    succeed(&fleet.step("schedule").input("scope", "all"));
    fleet
        .git("r1")
        .write("port.yml", "identifier: ab\nblueprint: domain\n");
    fleet.git("r1").commit("Fix it").unwrap();
    assert_eq!(scheduled(&fleet).output("created"), "1");
    assert_eq!(status(&fleet, "r1"), "synced");
}

#[test]
fn what_cannot_be_read_concerns_only_itself() {
    let fleet = Fleet::declaring(7);
    fleet.github.mark("acme/r0", Attribute::Archived);
    fleet.github.mark("acme/r1", Attribute::Fork);
    fleet.github.mark("acme/r2", Attribute::Disabled);
    fleet.github.mark("acme/r3", Attribute::Refused);
    fleet.github.rename("acme/r4", "acme/new-name");
    fleet.github.delete("acme/r5");
    let result = scheduled(&fleet);
    assert_ended(&result, 1, "created", "2");
    assert!(title(&fleet, "e4").is_some() && title(&fleet, "e6").is_some());
    let own = fleet
        .port
        .entity("gitops_source", "github.com/fleet/1296269")
        .unwrap();
    assert_eq!(own["properties"]["status"], "incomplete");
    let problems = own["properties"]["problems"].as_str().unwrap();
    assert!(problems.contains("acme/r3"), "{problems}");
    assert_eq!(scheduled(&fleet).status, 0, "the problem is no longer new");
}

#[test]
fn a_line_that_matches_no_repository_is_a_warning() {
    let fleet = Fleet::declaring(2);
    let rules = "acme/r0\nacme/rr1\nelse/*\n!acme/x";
    let result = succeed(&fleet.step("schedule").input("repositories", rules));
    assert_eq!(result.output("created"), "1", "{}", result.log);
    for warning in [
        "line 2 of `repositories`, `acme/rr1`, matches no repository that the token can read; did you mean `acme/r1`?",
        "line 3 of `repositories`, `else/*`, matches no repository that the token can read; install the app there",
    ] {
        assert!(result.log.contains(warning), "{}", result.log);
    }
}

#[test]
fn a_branch_that_moves_meanwhile_waits_for_the_next_run() {
    let fleet = Fleet::declaring(2);
    assert_eq!(scheduled(&fleet).status, 0);
    fleet.declare("r0", "e0", "Two");
    let git = fleet.git("r0").clone();
    let fault = Fault::call(move || {
        git.write(
            "e0.entity.yml",
            "identifier: e0\nblueprint: domain\ntitle: Three\n",
        );
        git.commit("Again").unwrap();
    });
    fleet.port.inject(fault.on("POST", "*/domain/entities"));
    assert_eq!(scheduled(&fleet).status, 0);
    assert_eq!(title(&fleet, "e0").as_deref(), Some("Two"));
    assert_eq!(scheduled(&fleet).output("updated"), "1");
    assert_eq!(title(&fleet, "e0").as_deref(), Some("Three"));
}

#[test]
fn other_inputs_than_those_of_the_own_workflow_delete_nothing() {
    let fleet = Fleet::declaring(2);
    fleet
        .git("r0")
        .write("extra.yml", "identifier: extra\nblueprint: domain\n");
    fleet.git("r0").commit("Add").unwrap();
    let files = "**/*.entity.yml\nextra.yml";
    succeed(&fleet.own_step("r0").input("files", files));
    let result = run(&fleet.step("schedule").input("prune", "true"));
    assert_eq!(result.status, 0, "{}", result.log);
    assert!(fleet.port.entity("domain", "extra").is_some());
    for workflow in ["acme/r0/.github/workflows/port.yml", "acme/platform"] {
        assert!(result.log.contains(workflow), "{workflow}: {}", result.log);
    }
}

#[test]
fn a_repository_and_the_fleet_take_over_from_each_other() {
    let fleet = Fleet::declaring(2);
    succeed(&fleet.own_step("r0"));
    assert_eq!(scheduled(&fleet).output("created"), "1");
    fleet.declare("r0", "e0", "Two");
    succeed(&fleet.own_step("r0"));
    assert_eq!(scheduled(&fleet).output("updated"), "0");
    fleet.declare("r0", "e0", "Three");
    assert_eq!(scheduled(&fleet).output("updated"), "1");
    assert_eq!(succeed(&fleet.own_step("r0")).output("updated"), "0");
}

#[test]
fn a_state_that_cannot_be_read_concerns_only_its_repository() {
    let fleet = Fleet::declaring(2);
    assert_eq!(scheduled(&fleet).status, 0);
    for name in ["r0", "r1"] {
        fleet.declare(name, &name.replace('r', "e"), "Two");
    }
    let id = fleet.github.id_of("acme/r0").unwrap();
    let mut state = fleet.state("r0").unwrap();
    state["properties"]["settled"] = json!(["nonsense"]);
    let identifier = format!("github.com/{id}");
    let edited = json!({ "identifier": identifier, "properties": state["properties"] });
    fleet
        .port
        .put_entity("gitops_source", edited, "somebody")
        .unwrap();
    let result = scheduled(&fleet);
    assert_ended(&result, 1, "updated", "1");
    assert_eq!(title(&fleet, "e1").as_deref(), Some("Two"));
    assert!(result.log.contains("delete the entity"), "{}", result.log);
}

#[test]
fn a_replica_that_lags_undoes_nothing() {
    let fleet = Fleet::declaring(1);
    let old = fleet.git("r0").head().unwrap();
    fleet.declare("r0", "e0", "Two");
    succeed(&fleet.own_step("r0"));
    let new = fleet.git("r0").head().unwrap();
    let node = |commit: &str| json!({ "nameWithOwner": "acme/r0", "defaultBranchRef": { "name": "main", "target": { "oid": commit } } });
    let home = fleet.git(HOME).head().unwrap();
    let mut stale = node(old.as_str());
    let mut first = node(home.as_str());
    first["nameWithOwner"] = json!(HOME);
    for node in [&mut stale, &mut first] {
        node["__typename"] = json!("Repository");
    }
    let data = json!({ "data": { "nodes": [first, stale] } });
    fleet
        .github
        .inject(Fault::answer(Answer::json(200, &data)).on("POST", "/graphql"));
    let result = scheduled(&fleet);
    assert_ended(&result, 0, "updated", "0");
    assert_eq!(title(&fleet, "e0").as_deref(), Some("Two"));
    assert_eq!(
        fleet.state("r0").unwrap()["properties"]["commit"],
        new.as_str()
    );
}

#[test]
fn ten_thousand_mistakes_in_one_repository_stay_readable() {
    let fleet = Fleet::declaring(2);
    let broken: String = (0..10_000)
        .map(|number| format!("---\nidentifier: a b {number}\nblueprint: domain\n"))
        .collect();
    fleet.git("r0").write("port.yml", &broken);
    fleet.git("r0").commit("Break it").unwrap();
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("created")), (1, "2"));
    assert!(result.log.len() < 200_000, "{}", result.log.len());
    assert!(result.summary.len() < 1024 * 1024);
}

#[test]
fn what_the_token_does_not_last_for_is_left_to_the_next_run() {
    for requests in [3, 8, 15] {
        let fleet = Fleet::declaring(20);
        fleet.github.end_token_after(requests);
        let result = scheduled(&fleet);
        assert_eq!(result.status, 0, "{}", result.log);
        let created: usize = result.output("created").parse().unwrap();
        assert!(created < 20);
        assert!(
            result.log.contains("does not accept the token any more"),
            "{}",
            result.log
        );
        fleet.github.end_token_after(usize::MAX);
        assert_eq!(
            scheduled(&fleet).output("created"),
            (20 - created).to_string()
        );
    }
}

#[test]
fn what_the_budget_does_not_last_for_is_left_to_the_next_run() {
    let fleet = Fleet::declaring(20);
    let hour = std::time::Duration::from_secs(3600);
    fleet.github.set_budget(Resource::Core, 60, hour);
    let result = scheduled(&fleet);
    assert_eq!(result.status, 0, "{}", result.log);
    assert!(result.log.contains("is nearly used up"), "{}", result.log);
    fleet.github.set_budget(Resource::Core, 5000, hour);
    assert_eq!(scheduled(&fleet).status, 0);
    for number in 0..20 {
        assert_eq!(status(&fleet, &format!("r{number}")), "synced");
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
        let result = scheduled(&fleet);
        assert_ended(&result, 0, "created", "3");
        for name in ["r0", "r1", "r2"] {
            assert_eq!(status(&fleet, name), "synced");
        }
    }
}

/// It runs out before any state is loaded, while states are loaded, and while entities are written.
#[test]
fn what_ports_budget_does_not_last_for_is_left_to_the_next_run() {
    let hour = std::time::Duration::from_secs(3600);
    for (repositories, entities, budget) in [(20, 1, 40), (40, 1, 100), (6, 200, 75)] {
        let fleet = Fleet::of(repositories);
        for number in 0..repositories {
            let documents = (0..entities)
                .map(|index| format!("---\nidentifier: e{number}-{index}\nblueprint: domain\n"));
            let file: String = documents.collect();
            fleet.git(&format!("r{number}")).write("port.yml", &file);
        }
        fleet.commit_all("Declare");
        fleet.port.set_rate_limit(budget, hour);
        let result = scheduled(&fleet);
        let case = format!("{budget}: {}", result.log);
        let created: usize = result.output("created").parse().unwrap();
        let total = repositories * entities;
        assert_eq!(result.status, 0, "{case}");
        assert_eq!(
            (result.output("failed"), created > 0),
            ("0", budget > 40),
            "{case}"
        );
        assert!(created < total, "{case}");
        for text in ["is nearly used up", "left for the next run"] {
            assert!(result.log.contains(text), "{case}");
        }
        let states = fleet.port.entities().into_iter();
        let mut states = states.filter(|(blueprint, ..)| blueprint == "gitops_source");
        let is_saved = |status: &serde_json::Value| status == "synced" || status == "incomplete";
        assert!(
            states.all(|(.., state)| is_saved(&state["properties"]["status"])),
            "{case}"
        );
        fleet.port.set_rate_limit(100_000, hour);
        let result = scheduled(&fleet);
        assert_eq!(result.status, 0, "{case}{}", result.log);
        assert_eq!(
            result.output("created"),
            (total - created).to_string(),
            "{case}"
        );
        assert_eq!(status(&fleet, "r5"), "synced", "{case}");
    }
}
