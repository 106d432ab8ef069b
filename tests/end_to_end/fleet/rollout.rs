//! What docs/rollout.md says, played on an organisation of twenty repositories from the first plan to the shards.

use port_gitops_sandbox::{Step, StepResult, TestRepository};
use serde_json::json;

use super::world::Fleet;
use crate::world::{domain, offline, run};

const SHOP: &str = "identifier: shop\nblueprint: microservice\nrelations:\n  domain: sales\n";
/// The action's step as the reusable workflow fills it in.
fn step(fleet: &Fleet, event: &str, shard: &str) -> Step {
    let inputs = [
        ("repositories", "acme/*\n!acme/playground-*"),
        ("shard", shard),
        ("mode", "auto"),
        ("scope", "auto"),
        ("merge", "true"),
        ("create-missing-related-entities", "false"),
        ("prune", "false"),
        ("max-deletes", "10"),
    ];
    let step = fleet.step(event);
    inputs
        .into_iter()
        .fold(step, |step, (name, value)| step.input(name, value))
}

/// Asserts the exit status and the counts `created`, `updated`, `deleted` and `invalid`.
fn expect(step: &Step, status: i32, counts: [&str; 4]) -> StepResult {
    let result = run(step);
    let names = ["created", "updated", "deleted", "invalid"];
    let found = names.map(|name| result.output(name));
    assert_eq!((result.status, found), (status, counts));
    result
}

/// An organisation whose teams have made one mistake.
fn organisation() -> Fleet {
    let mut names: Vec<_> = (0..18).map(|number| format!("r{number}")).collect();
    names.push("playground-a".to_owned());
    let fleet = Fleet::new(&names);
    for number in 3..15 {
        fleet.stage(&format!("r{number}"), &format!("e{number}"), "One");
    }
    fleet.stage("playground-a", "toy", "Toy");
    fleet.git("r0").write("port.yml", SHOP);
    fleet.stage("r1", "sales", "Sales");
    fleet.git("r2").write("port.yml", &domain("a b"));
    fleet.commit_all("Declare");
    fleet
}

#[test]
fn an_organisation_comes_to_port_as_the_page_says() {
    let fleet = organisation();
    let dispatched = |mode: &str| step(&fleet, "workflow_dispatch", "1/1").input("mode", mode);
    let scheduled = || step(&fleet, "schedule", "1/1");
    let shards = || (1..=3).map(|index| step(&fleet, "schedule", &format!("{index}/3")));

    // A plan finds the mistake and writes nothing. The first run writes the others, in the order of relations.
    expect(&dispatched("plan"), 1, ["14", "0", "0", "1"]);
    assert!(fleet.port.entities().is_empty());
    expect(&dispatched("apply"), 1, ["14", "0", "0", "1"]);
    assert!(fleet.port.entity("microservice", "shop").is_some());
    fleet.assert_status(&["r0"], "synced");
    fleet.assert_status(&["r2"], "incomplete");
    expect(&scheduled(), 0, ["0", "0", "0", "1"]);

    // Its team corrects it.
    fleet.push("r2", "port.yml", &domain("ab"));
    expect(&scheduled(), 0, ["1", "0", "0", "0"]);
    assert_eq!(fleet.own("status"), "synced");

    // A new repository, and a change in another one.
    let new = TestRepository::new().unwrap();
    new.write("port.yml", SHOP.replace("shop", "new").as_str());
    new.commit("Begin").unwrap();
    fleet.github.add_repository("acme/new", &new);
    fleet.retitle([6], "Two");
    expect(&scheduled(), 0, ["1", "1", "0", "0"]);

    // Three shards, and a workflow of its own in one repository.
    fleet.retitle([7], "Two");
    let mut updated: Vec<_> = shards()
        .map(|step| run(&step).output("updated").to_owned())
        .collect();
    updated.sort();
    assert_eq!(updated, ["0", "0", "1"]);
    fleet.retitle([8], "Two");
    expect(&fleet.own_step("r8"), 0, ["0", "1", "0", "0"]);
    shards().for_each(|step| drop(expect(&step, 0, ["0", "0", "0", "0"])));

    // Somebody changes an entity in Port.
    let by_hand = json!({ "identifier": "e9", "title": "By hand" });
    let put = fleet.port.put_entity("domain", by_hand);
    put.unwrap();
    let drifts = shards().map(|step| run(&step.input("scope", "all")).output("drift").to_owned());
    let mut drifts: Vec<_> = drifts.collect();
    drifts.sort();
    assert_eq!(drifts, ["false", "false", "true"]);
    fleet.assert_holds("e9=One");

    // What was removed before `prune` was set.
    fleet.remove("r9", "e9");
    expect(&scheduled(), 0, ["0", "0", "0", "0"]);
    expect(&scheduled().input("prune", "true"), 0, ["0", "0", "1", "0"]);
    fleet.assert_holds("toy=-");
}

#[test]
fn a_relation_into_a_shard_that_runs_later_is_written_by_the_next_run() {
    let fleet = Fleet::of(6);
    // `r5` is in the first shard, `r0` in the second.
    fleet.git("r5").write("port.yml", SHOP);
    fleet.stage("r0", "sales", "Sales");
    fleet.commit_all("Declare");
    let run_all =
        || ["1/3", "2/3", "3/3"].map(|shard| run(&step(&fleet, "schedule", shard)).status);
    assert_eq!(run_all(), [1, 0, 0]);
    assert!(fleet.port.entity("microservice", "shop").is_none());
    assert_eq!(run_all(), [0; 3]);
    assert!(fleet.port.entity("microservice", "shop").is_some());
}

#[test]
fn a_plan_without_credentials_says_once_what_it_is_worth() {
    let fleet = organisation();
    let step = step(&fleet, "workflow_dispatch", "1/1").input("mode", "plan");
    let result = run(&offline(step));
    assert_eq!(result.output("created"), "14");
    for text in [&result.log, &result.summary] {
        let said = text.to_lowercase();
        let said = said.matches("without access to port").count();
        assert_eq!(said, 1, "{text}");
    }
}
