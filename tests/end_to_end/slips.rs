//! A slip in a file costs nothing in Port.

use port_gitops_sandbox::{Sandbox, StepResult};
use serde_json::{Value, json};

use crate::scenes::{code, is_shown};
use crate::world::{LFS_POINTER, World, run, succeed};

const FILE: &str = "\
identifier: shop
blueprint: microservice
title: Shop
team: [blue]
properties:
  language: Go
  replicas: 2
relations:
  dependsOn: [shop]
";

/// A world whose entity `shop` is as the file says.
fn world() -> World {
    let world = World::new();
    succeed(&world.push_file("port.yml", FILE));
    world
}

/// What Port holds of `shop`, beside the times.
fn shop(world: &World) -> Value {
    let entity = world.port.entity("microservice", "shop").unwrap();
    json!([
        entity["title"],
        entity["team"],
        entity["properties"],
        entity["relations"]
    ])
}

fn errors(result: &StepResult) -> Vec<String> {
    let place = |error: &&port_gitops_sandbox::RunnerCommand| {
        format!("{} {}", error.property("line"), code(error))
    };
    result.commands("error").iter().map(place).collect()
}

#[test]
fn a_misspelt_container_is_an_error_and_loses_nothing() {
    for (text, place) in [
        (FILE.replace("properties:", "propertes:"), "5 unknown-field"),
        (
            FILE.replace("properties:", "Properties:"),
            "5 unknown-field",
        ),
        (FILE.replace("team:", "teams:"), "4 unknown-field"),
        (FILE.replace("relations:", "relation:"), "8 unknown-field"),
        (FILE.replace("identifier:", "identifer:"), "1 unknown-field"),
        (
            format!("spec:\n  {}\n", FILE.trim_end().replace('\n', "\n  ")),
            "1 unknown-field",
        ),
    ] {
        for merge in ["true", "false"] {
            let world = world();
            let before = shop(&world);
            let step = world.push_file("port.yml", &text);
            let step = step.input("merge", merge).input("prune", "true");
            let result = run(&step);
            assert_eq!(result.status, 1, "{}", result.log);
            assert_eq!(errors(&result), [place], "{}", result.log);
            assert_eq!(result.output("invalid"), "1");
            assert_eq!(shop(&world), before, "{text}");
        }
    }
}

#[test]
fn what_is_left_out_beside_an_unknown_field_is_not_cleared() {
    let outdented = FILE
        .replace("  language", "language")
        .replace("  replicas", "replicas");
    let foreign = "identifier: shop\nblueprint: microservice\nowner: me\nproperties: {language: null, replicas: 3}\n";
    for (text, replicas) in [(outdented.as_str(), 2), (foreign, 3)] {
        for merge in ["true", "false"] {
            let world = world();
            let mut expected = shop(&world);
            expected[2]["replicas"] = json!(replicas);
            let step = world.push_file("port.yml", text).input("merge", merge);
            let result = succeed(&step);
            assert!(!result.commands("warning").is_empty(), "{}", result.log);
            assert!(is_shown(&result, "cleared"), "{}", result.log);
            assert_eq!(shop(&world), expected, "{text}");
            let writes = world
                .port
                .requests_to("POST", "/v1/blueprints/microservice/entities");
            let merges = writes
                .iter()
                .map(|one| one.query_value("merge").map(str::to_owned));
            assert!(merges.skip(1).all(|one| one.as_deref() == Some("true")));

            let result = succeed(&world.nightly().input("merge", merge));
            assert_eq!(result.output("drift"), "false", "{}", result.log);
            assert_eq!(shop(&world), expected);
        }
    }
}

#[test]
fn what_was_held_back_is_cleared_once_the_field_is_gone() {
    let world = world();
    let text = FILE.replace("language: Go", "language: null");
    succeed(&world.push_file("port.yml", &format!("{text}owner: me\n")));
    assert_eq!(shop(&world)[2]["language"], "Go");
    succeed(&world.push_file("port.yml", &text));
    // Whether a `null` clears is Port's to say.
    let path = "/v1/blueprints/microservice/entities";
    let requests = world.port.requests_to("POST", path);
    let sent: Value = serde_json::from_slice(&requests.last().unwrap().body).unwrap();
    assert_eq!(sent["properties"], json!({"language": null, "replicas": 2}));
}

/// What may be cleared and what may not travel in requests of their own.
#[test]
fn an_entity_that_replaces_does_not_travel_with_one_that_may_not() {
    let world = world();
    let both = format!(
        "{FILE}---\nidentifier: mail\nblueprint: microservice\nproperties: {{language: Go}}\n"
    );
    succeed(&world.push_file("port.yml", &both).input("merge", "false"));
    let text = "\
identifier: shop
blueprint: microservice
owner: me
title: The shop
---
identifier: mail
blueprint: microservice
title: Mail
";
    let mut expected = shop(&world);
    expected[0] = json!("The shop");
    let result = succeed(&world.push_file("port.yml", text).input("merge", "false"));
    assert_eq!(result.output("updated"), "2", "{}", result.log);
    assert_eq!(shop(&world), expected);
    let mail = world.port.entity("microservice", "mail").unwrap();
    assert_eq!(mail["properties"], json!({}));
}

#[test]
fn a_file_that_moves_to_git_lfs_deletes_nothing() {
    for path in ["port.yml", "catalog/entity.json"] {
        let world = World::new();
        let text = r#"{"identifier": "shop", "blueprint": "microservice"}"#;
        succeed(&world.push_file(path, text).input("prune", "true"));
        let result = run(&world.push_file(path, LFS_POINTER).input("prune", "true"));
        assert_eq!(result.status, 1, "{}", result.log);
        assert_eq!(errors(&result), ["1 git-lfs"], "{}", result.log);
        let error = &result.commands("error")[0].data;
        assert!(error.contains("take the file out of Git LFS"), "{error}");
        assert!(world.port.entity("microservice", "shop").is_some());
    }
}

/// `entity.json` and `port.yml` are names that other tools use too.
#[test]
fn files_of_other_tools_are_passed_over_and_told_of_once() {
    let world = World::new();
    let game = r#"{"format_version": "1.8.0", "minecraft:entity": {"components": {}}}"#;
    for path in ["game/pig/entity.json", "game/cow.entity.json"] {
        world.repository.write(path, game);
    }
    world
        .repository
        .write("ansible/port.yml", "- hosts: all\n  tasks: []\n");
    let result = succeed(&world.push_file("port.yml", FILE));
    assert_eq!(errors(&result), [""; 0], "{}", result.log);
    assert_eq!(result.output("created"), "1");
    let notice =
        "`ansible/port.yml`, `game/cow.entity.json`, `game/pig/entity.json` were passed over";
    assert!(is_shown(&result, notice), "{}", result.log);

    let explicit = world.push_file("game/pig/entity.json", &format!("{game}\n"));
    let result = run(&explicit.input("files", "**/entity.json"));
    assert_eq!(result.status, 1, "{}", result.log);
    let help = "exclude it with the line `!game/pig/entity.json`";
    assert!(is_shown(&result, help), "{}", result.log);
}

#[test]
fn a_file_that_declared_entities_is_not_passed_over() {
    let world = world();
    let text = FILE
        .replace("identifier:", "identifer:")
        .replace("blueprint:", "bluprint:");
    let result = run(&world.push_file("port.yml", &text).input("prune", "true"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert!(!errors(&result).is_empty());
    assert!(world.port.entity("microservice", "shop").is_some());
}
