//! Values that nobody is to see.

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Fault, Sandbox, Step, StepResult};
use serde_json::{Value, json};

use crate::scenes::PULL;
use crate::world::{World, assert_outputs, fails, shown_beside_masks, succeed};

fn with_secret() -> Value {
    json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": {
            "key": {"type": "string", "encryption": "aes256-gcm"}, "replicas": {"type": "number"},
        }, "required": []},
        "relations": {},
    })
}

/// Makes sure that a value is in nothing that a step of a pull request leaves.
fn assert_hidden(world: &World, step: Step, value: &str) -> StepResult {
    let step = step
        .input("comment", "true")
        .input("report-file", "report.json");
    let result = fails(&step);
    let report = std::fs::read_to_string(step.workspace().join("report.json")).unwrap();
    let comment = &world.github.comments(PULL)[0].body;
    assert!(!shown_beside_masks(&result, value));
    assert!(
        !report.contains(value) && !comment.contains(value),
        "{report}{comment}"
    );
    assert!(comment.contains("port.yml"));
    result
}

/// An unknown property, a broken file, a value that the blueprint refuses and one that changes.
#[test]
fn a_redacted_value_is_shown_nowhere() {
    let world = World::new();
    let service = |name: &str, property: &str| {
        format!("identifier: {name}\nblueprint: microservice\nproperties:\n  {property}\n")
    };
    let redacting = |step: Step| step.input("redact", "*token*\nURL");
    let before = service("d", "url: https://first.hunter2.example");
    succeed(&redacting(world.push_file("d/port.yml", &before)));
    world.begin_topic();
    world
        .write("a/port.yml", &service("a", "api_token: hunter2-unknown"))
        .write("b/port.yml", &service("b", "api_token: [hunter2-broken"))
        .write("c/port.yml", &service("c", "url: hunter2-refused"))
        .write(
            "d/port.yml",
            &service("d", "url: https://second.hunter2.example"),
        )
        .commit("Add secrets");
    let result = assert_hidden(&world, redacting(world.pull_request()), "hunter2");
    assert_outputs(&result, "updated=1 invalid=3");
    assert!(result.log.contains("(value hidden)"));
    assert!(result.summary.contains("(value hidden)"));
}

/// What the blueprint says of a property counts for the lines of a file too, which are shown whole.
#[test]
fn a_secret_of_the_blueprint_is_not_shown_beside_a_mistake() {
    let world = World::new();
    world.port.add_blueprint(with_secret());
    let text = r#"{"identifier": "a", "blueprint": "service", "titel": "A", "properties": {"key": "hunter2", "replicas": "x"}}"#;
    let result = fails(&world.push_file("port.json", text));
    assert_eq!(result.output("invalid"), "1");
    assert_eq!(result.commands("error").len(), 2);
    assert!(!shown_beside_masks(&result, "hunter2"));
}

/// Only the blueprint says that the value is a secret, and the file that holds it is the only one.
#[test]
fn a_secret_of_the_blueprint_is_not_shown_where_the_file_cannot_be_parsed() {
    for (rest, files) in [
        ("identifier: a\nblueprint: service\n", "**/port.yml"),
        ("identifier: a\n", "**/port.yml => service"),
    ] {
        for mistake in [
            "properties:\n  key: hunter2-broken: x\n",
            "properties:\n  key: hunter2-broken\n  key: hunter2-broken\n",
            "properties:\n  key: *hunter2-broken\n",
            "properties:\n  key: |\n    one\n hunter2-broken: two\n",
        ] {
            let world = World::new();
            world.port.add_blueprint(with_secret());
            world.begin_topic();
            world
                .write("port.yml", &format!("{rest}{mistake}"))
                .commit("Add a secret");
            let step = world.pull_request().input("files", files);
            let result = assert_hidden(&world, step, "hunter2");
            assert_eq!(result.output("invalid"), "1");
        }
    }
}

/// Whether there is a secret in the file is not known, and the file alone is no reason to stop.
#[test]
fn a_broken_file_is_not_shown_where_port_does_not_say_what_is_a_secret() {
    let world = World::new();
    world.port.add_blueprint(with_secret());
    let fault = Fault::status(403).on("GET", "*/blueprints/service");
    world.port.inject(fault.always());
    let text = "identifier: a\nblueprint: service\nproperties:\n  key: hunter2: x\n";
    let result = fails(&world.push_file("port.yml", text));
    assert_eq!(result.commands("error")[0].property("line"), "4");
    assert!(!shown_beside_masks(&result, "hunter2"));
}

/// Port may quote what it does not take: as it stands in the file or not, on its own or in an object.
#[test]
fn what_port_quotes_is_not_shown() {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": {
            "token": {"type": "string"}, "config": {"type": "object"},
        }, "required": []},
        "relations": {},
    }));
    world.write("token.txt", "hunter1\n");
    let text = "identifier: a\nblueprint: service\nproperties:\n  token: file://token.txt\n  config: {token: \"hunter\\x32\"}\n";
    let step = world.push_file("port.yml", text).input("redact", "token");
    let message = "Neither hunter1 nor hunter2 will do";
    let refusal = Failure::new(422, "invalid_request", message);
    world.port.refuse("service", "a", refusal, 1);
    let result = fails(&step);
    assert_eq!(result.output("failed"), "1");
    let said = "Neither (value hidden) nor (value hidden) will do";
    assert!(result.log.contains(said));
    assert!(!shown_beside_masks(&result, "hunter"));
}
