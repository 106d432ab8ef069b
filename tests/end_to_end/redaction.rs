//! Values that nobody is to see.

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Fault, Sandbox};
use serde_json::{Value, json};

use crate::scenes::PULL;
use crate::world::{World, run, shown_beside_masks};

fn with_secret() -> Value {
    json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": {
            "key": {"type": "string", "encryption": "aes256-gcm"}, "replicas": {"type": "number"},
        }, "required": []},
        "relations": {},
    })
}

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
    assert!(result.log.contains("(value hidden)"), "{}", result.log);
    assert!(
        result.summary.contains("(value hidden)"),
        "{}",
        result.summary
    );
}

/// What the blueprint says of a property counts for the lines of a file too, which are shown whole.
#[test]
fn a_secret_of_the_blueprint_is_not_shown_beside_a_mistake() {
    let world = World::new();
    world.port.add_blueprint(with_secret());
    let text = r#"{"identifier": "a", "blueprint": "service", "titel": "A", "properties": {"key": "hunter2", "replicas": "x"}}"#;
    world.repository.write("port.json", text);
    let result = run(&world.push("Add a secret"));
    assert_eq!(result.output("invalid"), "1", "{}", result.log);
    assert_eq!(result.commands("error").len(), 2, "{}", result.log);
    assert!(!shown_beside_masks(&result, "hunter2"), "{}", result.log);
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
                .repository
                .write("port.yml", &format!("{rest}{mistake}"));
            world.commit("Add a secret");
            let step = world
                .pull_request()
                .input("files", files)
                .input("comment", "true");
            let step = step.input("report-file", "report.json");
            let result = run(&step);
            assert_eq!(result.status, 1, "{}", result.log);
            assert_eq!(result.output("invalid"), "1", "{}", result.log);
            let report = std::fs::read_to_string(step.workspace().join("report.json")).unwrap();
            let comments = format!("{:?}", world.github.comments(PULL));
            let is_shown = shown_beside_masks(&result, "hunter2");
            assert!(!is_shown, "{}\n{}", result.log, result.summary);
            assert!(!report.contains("hunter2") && !comments.contains("hunter2"));
            assert!(comments.contains("port.yml"));
        }
    }
}

/// Whether there is a secret in the file is not known, and the file alone is no reason to stop.
#[test]
fn a_broken_file_is_not_shown_where_port_does_not_say_what_is_a_secret() {
    let world = World::new();
    world.port.add_blueprint(with_secret());
    let fault = Fault::status(403)
        .on("GET", "*/blueprints/service")
        .always();
    world.port.inject(fault);
    let text = "identifier: a\nblueprint: service\nproperties:\n  key: hunter2: x\n";
    world.repository.write("port.yml", text);
    let result = run(&world.push("Add a secret"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.commands("error")[0].property("line"), "4");
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
            .contains("Neither (value hidden) nor (value hidden) will do"),
        "{}",
        result.log
    );
    assert!(!shown_beside_masks(&result, "hunter"), "{}", result.log);
}
