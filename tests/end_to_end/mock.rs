//! A second opinion on requests to Port: a mock server of somebody else's, which reads Port's
//! specification by itself and refuses what it does not allow. See `CONTRIBUTING.md`.

use std::env;

use serde_json::{Value, json};

use crate::world::{World, run, succeed};

const VARIABLE: &str = "PORT_GITOPS_MOCK_URL";

#[test]
#[ignore = "needs a mock server of Port's API"]
fn a_mock_of_port_accepts_every_request() {
    let url = env::var(VARIABLE).unwrap_or_else(|_| panic!("{VARIABLE} names no mock server"));
    let world = World::new();
    world.repository.write(
        "port.yml",
        "{identifier: a, blueprint: domain, title: A, team: [x]}\n",
    );
    succeed(&world.push("Add one").input("base-url", url.as_str()));

    let entity = |n: usize| match n % 2 {
        0 => json!({"identifier": format!("d{n}"), "blueprint": "domain"}),
        _ => json!({
            "identifier": format!("s{n}"),
            "blueprint": "microservice",
            "properties": {"replicas": n, "language": null},
            "relations": {"domain": format!("d{}", n - 1), "dependsOn": []},
        }),
    };
    let entities = Value::from_iter((0..25).map(entity));
    world
        .repository
        .write("many/port.json", &entities.to_string());
    let step = world.push("Add many").input("base-url", url.as_str());
    let result = run(&step
        .input("create-missing-related-entities", "true")
        .input("run-id", "r_1"));
    // The mock makes its answers up, so they do not fit the entities. But it must not refuse.
    for error in result.commands("error") {
        let (message, _) = error.data.split_once('\n').unwrap_or((&error.data, ""));
        let is_made_up = message.ends_with("(200)") || message.ends_with("(0)");
        assert!(is_made_up, "{}", result.log);
    }
}
