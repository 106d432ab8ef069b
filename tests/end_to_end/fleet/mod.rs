//! One run over many repositories.

mod disturbed;
mod order;
mod review;
mod rollout;
mod trouble;
mod world;

use std::fs;

use port_gitops_sandbox::{Exchange, Matcher, Sandbox, Step, StepResult};
use serde_json::{Value, json};

use crate::world::{assert_outputs, pruning, run, succeed};
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

/// Runs the fleet, with empty journals.
fn scheduled(fleet: &Fleet) -> StepResult {
    fleet.clear_journals();
    run(&fleet.step("schedule"))
}

/// The same where it must succeed, with these outputs.
#[track_caller]
fn synced(fleet: &Fleet, outputs: &str) -> StepResult {
    let result = scheduled(fleet);
    assert_outputs(&result, &format!("outcome=success {outputs}"));
    assert_eq!(result.status, 0);
    result
}

/// The same where it must find a problem.
#[track_caller]
fn failed(fleet: &Fleet, outputs: &str) -> StepResult {
    let result = scheduled(fleet);
    assert_outputs(&result, &format!("outcome=failure {outputs}"));
    assert_eq!(result.status, 1);
    result
}

fn pruned(fleet: &Fleet) -> Step {
    pruning(fleet.step("schedule"))
}

/// A mapping of all files of a name to domains.
fn mapping(file: &str, title: &str) -> String {
    format!(
        "resources:\n  - kind: file\n    selector:\n      files:\n        - path: '**/{file}'\n    port:\n      entity:\n        mappings:\n          identifier: .file.content.name\n          title: {title}\n          blueprint: '\"domain\"'\n"
    )
}

#[test]
fn the_first_run_brings_all_repositories_to_port_and_the_next_costs_little() {
    let fleet = Fleet::of(20);
    for number in 0..15 {
        fleet.stage(&format!("r{number}"), &format!("e{number}"), "One");
    }
    fleet.commit_all("Declare");
    let result = synced(&fleet, "created=15 commit=");
    for number in 0..15 {
        fleet.assert_status(&[&format!("r{number}")], "synced");
        fleet.assert_holds(&format!("e{number}=One"));
    }
    assert!(fleet.state("r19").is_none(), "it declares nothing");
    assert!(result.log.contains("no entity files"));
    let (_, port) = requests(&fleet);
    let bulk = |route: &str| port.iter().filter(|line| line.ends_with(route)).count();
    assert_eq!(bulk("/domain/entities/bulk"), 1);
    assert_eq!(bulk("/gitops_source/entities/bulk"), 3, "{port:?}");

    synced(&fleet, "created=0");
    let (github, port) = requests(&fleet);
    assert_eq!(github, ["GET /installation/repositories", "POST /graphql"]);
    let own = "GET /v1/blueprints/gitops_source/entities/github.com%2Ffleet%2F1296269";
    let search = "POST /v1/blueprints/gitops_source/entities/search";
    let save = "POST /v1/blueprints/gitops_source/entities";
    assert_eq!(port, [own, search, save]);
}

#[test]
fn only_what_changed_is_looked_at() {
    let fleet = Fleet::declaring(10);
    synced(&fleet, "created=10");
    fleet.retitle([3, 7], "Two");
    fleet.push("r5", "README.md", "# Another text\n");
    synced(&fleet, "updated=2");
    fleet.assert_holds("e7=Two");
    let (github, port) = requests(&fleet);
    // The list, the heads and the contents; a comparison for each.
    assert_eq!(github.len(), 3 + 3, "{github:?}");
    // As without changes, and a state for each, the blueprint, the upsert; the two states before and
    // after, each loaded before that; and the quiet one's commit.
    assert_eq!(port.len(), 3 + 3 + 1 + 1 + 2 + 1 + 2 + 1 + 1, "{port:?}");
    let head = fleet.git("r5").head().unwrap();
    assert_eq!(fleet.state_property("r5", "commit"), head.as_str());
    synced(&fleet, "updated=0");
    assert_eq!(requests(&fleet).1.len(), 3);
}

#[test]
fn a_plan_writes_nothing() {
    let fleet = Fleet::declaring(3);
    let step = fleet.step("workflow_dispatch").input("mode", "plan");
    let step = step.input("report-file", "report.json");
    let result = succeed(&step);
    assert_outputs(&result, "created=3 commit=");
    let written = fs::read(step.workspace().join("report.json")).unwrap();
    let [written, output]: [Value; 2] = [written.as_slice(), result.output("report").as_bytes()]
        .map(|text| serde_json::from_slice(text).unwrap());
    assert_eq!((&written, &written["home"]), (&output, &json!(HOME)));
    assert!(result.summary.contains("nothing was written"));
    assert!(fleet.port.entities().is_empty());
    assert!(fleet.port.blueprint("gitops_source").is_none());
}

#[test]
fn shards_are_disjoint_and_complete() {
    let fleet = Fleet::declaring(12);
    let created = ["1/3", "2/3", "3/3"].map(|shard| {
        let result = succeed(&fleet.step("schedule").input("shard", shard));
        result.output("created").parse::<usize>().unwrap()
    });
    assert_eq!(created.iter().sum::<usize>(), 12);
    synced(&fleet, "created=0");
}

#[test]
fn a_run_of_scope_all_restores_what_somebody_changed_in_port() {
    let fleet = Fleet::declaring(1);
    synced(&fleet, "created=1");
    let changed = json!({ "identifier": "e0", "title": "Somebody's" });
    let put = fleet.port.put_entity("domain", changed);
    put.unwrap();
    synced(&fleet, "updated=0");
    assert_outputs(
        &succeed(&fleet.step("schedule").input("scope", "all")),
        "drift=true",
    );
    fleet.assert_holds("e0=One");
}

#[test]
fn the_mapping_of_the_home_repository_counts_for_all() {
    const PATH: &str = "fleet/mapping.yml";
    let fleet = Fleet::of(3);
    fleet.push(HOME, PATH, &mapping("package.json", ".repo.name"));
    for number in 0..2 {
        let package = format!("{{\"name\": \"p{number}\"}}");
        fleet.push(&format!("r{number}"), "package.json", &package);
    }
    let step = || fleet.step("schedule").input("mapping", PATH);
    assert_eq!(succeed(&step()).output("created"), "2");
    fleet.assert_holds("p1=r1");
    assert_eq!(succeed(&step()).output("created"), "0");
    // A new mapping is applied to all of them.
    fleet.push(HOME, PATH, &mapping("package.json", "'\"New\"'"));
    assert_eq!(succeed(&step()).output("updated"), "2");
    fleet.assert_holds("p0=New");
    fleet.push(HOME, PATH, "resources: 1\n");
    let result = run(&step());
    assert_eq!(result.status, 2);
    assert!(result.log.contains("fleet/mapping.yml:1"));
}
