//! One run over many repositories.

mod disturbed;
mod order;
mod review;
mod rollout;
mod trouble;
mod world;

use std::fs;

use port_gitops_sandbox::{Exchange, Matcher, Sandbox, StepResult};
use serde_json::{Value, json};

use crate::world::{run, succeed};
use world::{Fleet, HOME};

/// The requests since the journals were cleared: to GitHub, and to Port but for its token.
fn requests(fleet: &Fleet) -> (Vec<String>, Vec<String>) {
    let line = |one: &Exchange| format!("{} {}", one.method, one.path);
    let github = fleet.github.requests(&Matcher::any());
    let port = fleet.port.requests(&Matcher::any());
    let port = port.iter().map(line);
    let port = port.filter(|line| !line.ends_with("/access_token"));
    (github.iter().map(line).collect(), port.collect())
}

/// How a run ended, and one of its counts.
#[track_caller]
fn assert_ended(result: &StepResult, status: i32, output: &str, count: &str) {
    let ended = (result.status, result.output(output));
    assert_eq!(ended, (status, count), "{}", result.log);
}

/// Runs the fleet, with empty journals.
fn scheduled(fleet: &Fleet) -> StepResult {
    fleet.github.clear_journal();
    fleet.port.clear_journal();
    run(&fleet.step("schedule"))
}

fn status(fleet: &Fleet, name: &str) -> Value {
    let state = fleet.state(name).unwrap();
    state["properties"]["status"].clone()
}

fn title(fleet: &Fleet, identifier: &str) -> Option<String> {
    let entity = fleet.port.entity("domain", identifier)?;
    entity["title"].as_str().map(str::to_owned)
}

#[test]
fn repositories_with_workflows_of_their_own_do_not_mix() {
    let fleet = Fleet::of(2);
    for name in ["r0", "r1"] {
        fleet.stage(name, name, "One");
    }
    fleet.commit_all("Declare");
    fleet.declare(HOME, "platform", "One");
    for (name, entity) in [(HOME, "platform"), ("r0", "r0"), ("r1", "r1")] {
        succeed(&fleet.own_step(name));
        let state = fleet.state(name).unwrap();
        let declared = json!([format!("domain|{entity}")]);
        assert_eq!(state["properties"]["entities"], declared);
    }
}

#[test]
fn the_first_run_brings_all_repositories_to_port_and_the_next_costs_little() {
    let fleet = Fleet::of(20);
    for number in 0..15 {
        fleet.stage(&format!("r{number}"), &format!("e{number}"), "One");
    }
    fleet.commit_all("Declare");
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("created")), (0, "15"));
    assert_eq!(result.output("commit"), "");
    for number in 0..15 {
        assert_eq!(status(&fleet, &format!("r{number}")), "synced");
        assert!(title(&fleet, &format!("e{number}")).is_some());
    }
    assert!(fleet.state("r19").is_none(), "it declares nothing");
    assert!(result.log.contains("no entity files"), "{}", result.log);
    let (_, port) = requests(&fleet);
    let bulk = |route: &str| port.iter().filter(|line| line.ends_with(route)).count();
    assert_eq!(bulk("/domain/entities/bulk"), 1);
    assert_eq!(bulk("/gitops_source/entities/bulk"), 3, "{port:?}");

    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("outcome")), (0, "success"));
    let (github, port) = requests(&fleet);
    assert_eq!(github, ["GET /installation/repositories", "POST /graphql"]);
    let search = "POST /v1/blueprints/gitops_source/entities/search";
    let own = "github.com%2Ffleet%2F1296269";
    assert_eq!(
        port,
        [
            format!("GET /v1/blueprints/gitops_source/entities/{own}"),
            search.to_owned(),
            "POST /v1/blueprints/gitops_source/entities".to_owned()
        ]
    );
}

#[test]
fn only_what_changed_is_looked_at() {
    let fleet = Fleet::declaring(10);
    assert_eq!(scheduled(&fleet).status, 0);
    for name in ["r3", "r7"] {
        fleet.declare(name, &name.replace('r', "e"), "Two");
    }
    let quiet = fleet.git("r5");
    quiet.write("README.md", "# Another text\n");
    let head = quiet.commit("Say more").unwrap();
    let result = scheduled(&fleet);
    assert_ended(&result, 0, "updated", "2");
    assert_eq!(title(&fleet, "e7").as_deref(), Some("Two"));
    let (github, port) = requests(&fleet);
    // The list, the heads and the contents; a comparison for each.
    assert_eq!(github.len(), 3 + 3, "{github:?}");
    // As without changes, and a state for each, the blueprint, the upsert; the two states before and
    // after, each loaded before that; and the quiet one's commit.
    assert_eq!(port.len(), 3 + 3 + 1 + 1 + 2 + 1 + 2 + 1 + 1, "{port:?}");
    assert_eq!(
        fleet.state("r5").unwrap()["properties"]["commit"],
        head.as_str()
    );
    scheduled(&fleet);
    assert_eq!(requests(&fleet).1.len(), 3);
}

#[test]
fn a_plan_writes_nothing() {
    let fleet = Fleet::declaring(3);
    let step = fleet.step("workflow_dispatch").input("mode", "plan");
    let step = step.input("report-file", "report.json");
    let result = run(&step);
    let outputs = ["created", "commit"].map(|name| result.output(name));
    assert_eq!((result.status, outputs), (0, ["3", ""]));
    let written = fs::read(step.workspace().join("report.json")).unwrap();
    let [written, output]: [Value; 2] = [written.as_slice(), result.output("report").as_bytes()]
        .map(|text| serde_json::from_slice(text).unwrap());
    assert_eq!(
        (&written, &written["home"]),
        (&output, &json!("acme/platform"))
    );
    assert!(
        result.summary.contains("nothing was written"),
        "{}",
        result.summary
    );
    assert!(fleet.port.entities().is_empty());
    assert!(fleet.port.blueprint("gitops_source").is_none());
}

#[test]
fn shards_are_disjoint_and_complete() {
    let fleet = Fleet::declaring(12);
    let mut created = 0;
    for shard in ["1/3", "2/3", "3/3"] {
        let result = succeed(&fleet.step("schedule").input("shard", shard));
        created += result.output("created").parse::<usize>().unwrap();
    }
    assert_eq!(created, 12);
    assert_eq!(succeed(&fleet.step("schedule")).output("created"), "0");
}

#[test]
fn a_run_of_scope_all_restores_what_somebody_changed_in_port() {
    let fleet = Fleet::of(2);
    fleet.declare("r0", "e0", "One");
    assert_eq!(scheduled(&fleet).status, 0);
    let changed = json!({ "identifier": "e0", "title": "Somebody's" });
    fleet
        .port
        .put_entity("domain", changed, "somebody")
        .unwrap();
    let result = scheduled(&fleet);
    assert_eq!((result.status, result.output("updated")), (0, "0"));
    let result = succeed(&fleet.step("schedule").input("scope", "all"));
    assert_eq!(result.output("drift"), "true");
    assert_eq!(title(&fleet, "e0").as_deref(), Some("One"));
}

#[test]
fn the_mapping_of_the_home_repository_counts_for_all() {
    let fleet = Fleet::of(3);
    let mapping = "resources:\n  - kind: file\n    selector:\n      files:\n        - path: '**/package.json'\n    port:\n      entity:\n        mappings:\n          identifier: .file.content.name\n          title: .repo.name\n          blueprint: '\"domain\"'\n";
    fleet.git(HOME).write("fleet/mapping.yml", mapping);
    fleet.git(HOME).commit("Map packages").unwrap();
    for number in 0..2 {
        let package = format!("{{\"name\": \"p{number}\"}}");
        fleet
            .git(&format!("r{number}"))
            .write("package.json", &package);
    }
    fleet.commit_all("Package");
    let step = || fleet.step("schedule").input("mapping", "fleet/mapping.yml");
    let result = run(&step());
    assert_ended(&result, 0, "created", "2");
    assert_eq!(title(&fleet, "p1").as_deref(), Some("r1"));
    assert_eq!(succeed(&step()).output("created"), "0");
    // A new mapping is applied to all of them.
    let mapping = mapping.replace(".repo.name", "'\"New\"'");
    fleet.git(HOME).write("fleet/mapping.yml", &mapping);
    fleet.git(HOME).commit("Map otherwise").unwrap();
    assert_eq!(succeed(&step()).output("updated"), "2");
    assert_eq!(title(&fleet, "p0").as_deref(), Some("New"));
    fleet.git(HOME).write("fleet/mapping.yml", "resources: 1\n");
    fleet.git(HOME).commit("Break it").unwrap();
    let result = run(&step());
    assert_eq!(result.status, 2);
    assert!(result.log.contains("fleet/mapping.yml:1"), "{}", result.log);
}
