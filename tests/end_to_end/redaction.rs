//! Values that nobody is to see.

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
