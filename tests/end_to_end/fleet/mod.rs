//! One run over many repositories.

mod world;

use serde_json::json;

use port_gitops_sandbox::{Exchange, Matcher, Sandbox};

use crate::world::{run, succeed};
use world::{Fleet, HOME};

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
    let result = run(&fleet.step("schedule"));
    println!("{}", result.log);
    assert_eq!(result.status, 0);
    for number in 0..15 {
        let state = fleet.state(&format!("r{number}")).unwrap();
        assert_eq!(state["properties"]["status"], "synced");
        assert!(fleet.port.entity("domain", &format!("e{number}")).is_some());
    }
    assert!(fleet.state("r19").is_none(), "it declares nothing");
    fleet.github.clear_journal();
    fleet.port.clear_journal();
    let result = run(&fleet.step("schedule"));
    println!("{}", result.log);
    let count = |exchanges: Vec<Exchange>| {
        for one in &exchanges {
            println!("{} {}", one.method, one.path);
        }
        exchanges.len()
    };
    let github = count(fleet.github.requests(&Matcher::any()));
    let port = count(fleet.port.requests(&Matcher::any()));
    assert_eq!((github, port), (2, 4));
    panic!("look");
}
