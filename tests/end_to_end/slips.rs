//! A slip in a file costs nothing in Port.

use port_gitops_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::scenes::is_shown;
use crate::world::{
    LFS_POINTER, World, assert_outputs, assert_shows, errors, fails, pruning, succeed,
};

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
    let entity = world.entity("microservice", "shop");
    ["title", "team", "properties", "relations"]
        .map(|field| entity[field].clone())
        .into()
}

#[test]
fn a_misspelt_container_is_an_error_and_loses_nothing() {
    let indented = format!("spec:\n  {}\n", FILE.trim_end().replace('\n', "\n  "));
    for merge in ["true", "false"] {
        let world = world();
        let before = shop(&world);
        for (text, place) in [
            (FILE.replace("properties:", "propertes:"), "5 unknown-field"),
            (
                FILE.replace("properties:", "Properties:"),
                "5 unknown-field",
            ),
            (FILE.replace("team:", "teams:"), "4 unknown-field"),
            (FILE.replace("relations:", "relation:"), "8 unknown-field"),
            (FILE.replace("identifier:", "identifer:"), "1 unknown-field"),
            (indented.clone(), "1 unknown-field"),
        ] {
            let step = pruning(world.push_file("port.yml", &text));
            let result = fails(&step.input("merge", merge));
            assert_eq!(errors(&result), [place]);
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
            world.port.clear_journal();
            let result = succeed(&world.push_file("port.yml", text).input("merge", merge));
            assert!(!result.commands("warning").is_empty());
            assert_shows(&result, &["cleared"]);
            assert_eq!(shop(&world), expected, "{text}");
            let path = "/v1/blueprints/microservice/entities";
            for write in world.port.requests_to("POST", path) {
                assert_eq!(write.query_value("merge"), Some("true"));
            }

            assert_outputs(
                &succeed(&world.nightly().input("merge", merge)),
                "drift=false",
            );
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
    let sent = requests.last().unwrap().json().unwrap();
    assert_eq!(sent["properties"], json!({"language": null, "replicas": 2}));
}

/// What may be cleared and what may not travel in requests of their own.
#[test]
fn an_entity_that_replaces_does_not_travel_with_one_that_may_not() {
    let world = world();
    let replace = |text: &str| succeed(&world.push_file("port.yml", text).input("merge", "false"));
    replace(&format!(
        "{FILE}---\nidentifier: mail\nblueprint: microservice\nproperties: {{language: Go}}\n"
    ));
    let mut expected = shop(&world);
    expected[0] = json!("The shop");
    let result = replace(
        "\
- {identifier: shop, blueprint: microservice, owner: me, title: The shop}
- {identifier: mail, blueprint: microservice, title: Mail}
",
    );
    assert_eq!(result.output("updated"), "2");
    assert_eq!(shop(&world), expected);
    let mail = world.entity("microservice", "mail");
    assert_eq!(mail["properties"], json!({}));
}

#[test]
fn a_file_that_moves_to_git_lfs_deletes_nothing() {
    for path in ["port.yml", "catalog/entity.json"] {
        let world = World::new();
        let text = r#"{"identifier": "shop", "blueprint": "microservice"}"#;
        succeed(&pruning(world.push_file(path, text)));
        let result = fails(&pruning(world.push_file(path, LFS_POINTER)));
        assert_eq!(errors(&result), ["1 git-lfs"]);
        assert_shows(&result, &["take the file out of Git LFS"]);
        world.entity("microservice", "shop");
    }
}

/// `entity.json` and `port.yml` are names that other tools use too.
#[test]
fn files_of_other_tools_are_passed_over_and_told_of_once() {
    let world = World::new();
    let game = r#"{"format_version": "1.8.0", "minecraft:entity": {"components": {}}}"#;
    world
        .write("game/pig/entity.json", game)
        .write("game/cow.entity.json", game);
    world.write("ansible/port.yml", "- hosts: all\n  tasks: []\n");
    let result = succeed(&world.push_file("port.yml", FILE));
    assert_eq!(errors(&result), [""; 0]);
    assert_eq!(result.output("created"), "1");
    let all = "`ansible/port.yml`, `game/cow.entity.json`, `game/pig/entity.json` were passed over";
    assert!(is_shown(&result, all));

    let explicit = world.push_file("game/pig/entity.json", &format!("{game}\n"));
    let result = fails(&explicit.input("files", "**/entity.json"));
    assert_shows(
        &result,
        &["exclude it with the line `!game/pig/entity.json`"],
    );
}

#[test]
fn a_file_that_declared_entities_is_not_passed_over() {
    let world = world();
    let text = FILE
        .replace("identifier:", "identifer:")
        .replace("blueprint:", "bluprint:");
    let result = fails(&pruning(world.push_file("port.yml", &text)));
    assert!(!errors(&result).is_empty());
    world.entity("microservice", "shop");
}
