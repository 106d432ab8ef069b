//! Values that nobody is to see.

use port_gitops_sandbox::port::Failure;
use serde_json::json;

use crate::world::{World, run, shown_beside_masks};

/// An unknown property, a broken file, a value that the blueprint refuses and one that is written.
#[test]
fn a_redacted_value_is_shown_nowhere() {
    let world = World::new();
    let service = |name: &str, property: &str| {
        format!("identifier: {name}\nblueprint: microservice\nproperties:\n  {property}\n")
    };
    world
        .repository
        .write("a/port.yml", &service("a", "api_token: hunter2-unknown"))
        .write("b/port.yml", &service("b", "api_token: [hunter2-broken"))
        .write("c/port.yml", &service("c", "url: hunter2-refused"))
        .write("d/port.yml", &service("d", "url: https://hunter2.example"));
    let step = world.push("Add secrets").input("redact", "*token*\nurl");
    let result = run(&step);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.output("created"), "1", "{}", result.log);
    assert_eq!(result.output("invalid"), "3", "{}", result.log);
    assert!(
        !shown_beside_masks(&result, "hunter2"),
        "{}\n{}",
        result.log,
        result.summary
    );
    assert!(result.log.contains("(redacted)"), "{}", result.log);
    assert!(result.summary.contains("(redacted)"), "{}", result.summary);
}

/// What the blueprint says of a property counts for the lines of a file too, which are shown whole.
#[test]
fn a_secret_of_the_blueprint_is_not_shown_beside_a_mistake() {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": {
            "key": {"type": "string", "encryption": "aes256-gcm"}, "replicas": {"type": "number"},
        }, "required": []},
        "relations": {},
    }));
    let text = r#"{"identifier": "a", "blueprint": "service", "titel": "A", "properties": {"key": "hunter2", "replicas": "x"}}"#;
    world.repository.write("port.json", text);
    let result = run(&world.push("Add a secret"));
    assert_eq!(result.output("invalid"), "1", "{}", result.log);
    assert_eq!(result.commands("warning").len(), 1, "{}", result.log);
    assert!(!shown_beside_masks(&result, "hunter2"), "{}", result.log);
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
    world.repository.write("token.txt", "hunter1\n");
    world.repository.write(
        "port.yml",
        "identifier: a\nblueprint: service\nproperties:\n  token: file://token.txt\n  config: {token: \"hunter\\x32\"}\n",
    );
    let step = world.push("Add secrets").input("redact", "token");
    let refusal = Failure::new(
        422,
        "invalid_request",
        "Neither hunter1 nor hunter2 will do",
    );
    world.port.refuse("service", "a", refusal, 1);
    let result = run(&step);
    assert_eq!(result.output("failed"), "1", "{}", result.log);
    assert!(
        result
            .log
            .contains("Neither (redacted) nor (redacted) will do"),
        "{}",
        result.log
    );
    assert!(!shown_beside_masks(&result, "hunter"), "{}", result.log);
}
