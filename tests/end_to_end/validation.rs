//! Every mistake is shown on its line before anything is written, and just what Port would refuse.

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{RunnerCommand, StepResult, Switch};
use serde_json::json;

use crate::scenes::code;
use crate::world::{World, fails, run, succeed};

/// A catalog whose one blueprint, `thing`, has a property of every kind.
fn world() -> World {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "thing",
        "title": "Thing",
        "schema": {
            "properties": {
                "text": {"type": "string", "minLength": 2, "maxLength": 4},
                "code": {"type": "string", "pattern": "^[A-Z]+$"},
                "link": {"type": "string", "format": "url"},
                "mail": {"type": "string", "format": "email"},
                "when": {"type": "string", "format": "date-time"},
                "level": {"type": "string", "enum": ["low", "high"]},
                "count": {"type": "number", "minimum": 1, "maximum": 9},
                "live": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
                "extra": {"type": "object"},
            },
            "required": [],
        },
        "calculationProperties": {"sum": {"type": "string", "calculation": ".identifier"}},
        "mirrorProperties": {"seen": {"path": "parent.$title"}},
        "relations": {
            "parent": {"target": "thing", "required": false, "many": false},
            "friends": {"target": "thing", "required": false, "many": true},
        },
    }));
    world
}

/// Errors as `line:column code`.
fn errors(result: &StepResult) -> Vec<String> {
    let place = |error: &&RunnerCommand| {
        let [line, column] = ["line", "col"].map(|name| error.property(name));
        format!("{line}:{column} {}", code(error))
    };
    result.commands("error").iter().map(place).collect()
}

fn push(world: &World, fields: &str) -> StepResult {
    let text = format!("identifier: x\nblueprint: thing\n{fields}\n");
    run(&world.push_file("port.yml", &text))
}

/// An error's place and code, and a part of its help where something can be suggested.
#[test]
fn mistakes_are_shown_where_they_are_with_what_was_probably_meant() {
    let world = world();
    for (fields, expected, help) in [
        ("properties: {text: long text}", "3:20 invalid-property", ""),
        ("properties: {text: x}", "3:20 invalid-property", ""),
        (
            "properties: {text: 12}",
            "3:20 invalid-property",
            "quote it: `\"12\"`",
        ),
        ("properties: {code: abc}", "3:20 invalid-property", ""),
        ("properties: {link: www.host}", "3:20 invalid-property", ""),
        ("properties: {mail: me}", "3:20 invalid-property", ""),
        ("properties: {when: tomorrow}", "3:20 invalid-property", ""),
        (
            "properties: {level: hihg}",
            "3:21 invalid-property",
            "did you mean `high`? allowed are `low`, `high`",
        ),
        ("properties: {count: 10}", "3:21 invalid-property", ""),
        (
            "properties: {count: '7'}",
            "3:21 invalid-property",
            "remove the quotes: `7`",
        ),
        (
            "properties: {live: yes}",
            "3:20 invalid-property",
            "write `true`",
        ),
        (
            "properties:\n  tags:\n    - a\n    - 2",
            "6:7 invalid-property",
            "",
        ),
        ("properties: {tags: [a, b, c]}", "3:20 invalid-property", ""),
        (
            "properties: {tags: a}",
            "3:20 invalid-property",
            "write `[a]`",
        ),
        ("properties: {extra: text}", "3:21 invalid-property", ""),
        (
            "properties: {txet: abc}",
            "3:14 unknown-property",
            "did you mean `text`?",
        ),
        (
            "properties: {parent: x}",
            "3:14 unknown-property",
            "`parent` is a relation: put it under `relations`",
        ),
        ("properties: {sum: abc}", "3:14 calculated-property", ""),
        ("properties: {seen: abc}", "3:14 calculated-property", ""),
        ("relations: {parnet: y}", "3:13 unknown-relation", ""),
        (
            "relations: {text: x}",
            "3:13 unknown-relation",
            "`text` is a property: put it under `properties`",
        ),
        ("relations: {parent: [y]}", "3:21 invalid-relation", ""),
    ] {
        let result = push(&world, fields);
        assert_eq!(
            (result.status, errors(&result)),
            (1, vec![expected.to_owned()]),
            "{fields}"
        );
        assert!(result.commands("error")[0].data.contains(help), "{fields}");
    }
    assert_eq!(world.port_writes(), [""; 0]);
}

#[test]
fn what_is_right_passes_and_is_taken() {
    let world = world();
    for fields in [
        "properties: {text: äöüß, code: AB, link: 'https://a.b', mail: a@b.c, level: low}",
        "properties: {when: '2026-01-01T00:00:00Z', count: 9, live: true, tags: [a]}",
        "properties: {extra: {any: [thing]}, text: null, tags: []}",
        "relations: {parent: x, friends: [x]}",
        "relations: {parent: null, friends: []}",
    ] {
        assert_eq!(push(&world, fields).status, 0, "{fields}");
    }
}

/// What Port makes of a text there is not known, so it gets a list.
#[test]
fn a_text_for_a_relation_to_many_is_sent_as_a_list() {
    let world = world();
    let result = push(&world, "relations: {friends: x}");
    assert_eq!(result.status, 0);
    let warning = &result.commands("warning")[0];
    assert_eq!(warning.property("title"), "Port: invalid relation");
    assert!(warning.data.contains("write `[x]`"));
    let friends = &world.entity("thing", "x")["relations"]["friends"];
    assert_eq!(*friends, json!(["x"]));
    assert_eq!(succeed(&world.nightly()).output("drift"), "false");
}

#[test]
fn all_mistakes_of_an_entity_are_shown_at_once() {
    let world = world();
    let fields = "properties: {text: 1, count: a, nope: 1}\nrelations: {parent: [y]}";
    let result = push(&world, fields);
    assert_eq!(errors(&result).len(), 4);
    assert_eq!(result.output("invalid"), "1");
}

#[test]
fn a_blueprint_that_does_not_exist_is_named_with_the_nearest() {
    let world = World::new();
    let text = "identifier: x\nblueprint: mircoservice\n";
    let result = fails(&world.push_file("port.yml", text));
    assert_eq!(errors(&result), ["2:12 unknown-blueprint"]);
    let message = &result.commands("error")[0].data;
    assert!(message.contains("did you mean `microservice`?"));
}

#[test]
fn what_is_required_may_be_in_port_already_unless_the_file_replaces_it() {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "strict",
        "title": "Strict",
        "schema": {"properties": {"tier": {"type": "number"}}, "required": ["tier"]},
        "relations": {},
    }));
    world.put(
        "strict",
        json!({"identifier": "x", "properties": {"tier": 1}}),
    );
    let step = |fields: &str, merge: &str| {
        let text = format!("identifier: x\nblueprint: strict\n{fields}\n");
        world.push_file("port.yml", &text).input("merge", merge)
    };
    succeed(&step("title: X", "true"));
    let replaced = fails(&step("title: Y", "false"));
    assert_eq!(errors(&replaced), ["1:13 missing-property"]);
    let cleared = fails(&step("properties: {tier: null}", "true"));
    assert_eq!(errors(&cleared), ["3:20 invalid-property"]);
}

#[test]
fn a_plan_is_checked_against_ports_blueprints() {
    let world = World::new();
    world.begin_topic();
    let text = "identifier: x\nblueprint: microservice\nproperties: {langauge: Go}\n";
    world.write("port.yml", text).commit("Add x");
    let result = fails(&world.pull_request());
    assert_eq!(errors(&result), ["3:14 unknown-property"]);
    assert_eq!(world.port_requests(), ["GET /v1/blueprints/microservice"]);
}

#[test]
fn what_port_refuses_comes_back_to_its_line() {
    let world = world();
    world.port.turn_off(Switch::NotFoundIsVague);
    let result = push(&world, "relations:\n  friends: [x, nobody]");
    assert_eq!(errors(&result), ["4:16 missing-relation-target"]);

    let refuse = |status, code, message| {
        let refusal = Failure::new(status, code, message);
        world.port.refuse("thing", "x", refusal, 1);
    };
    refuse(
        422,
        "invalid_request",
        "/properties/level is out of fashion",
    );
    let result = push(&world, "properties: {text: abc, level: low}");
    assert_eq!(errors(&result), ["3:32 rejected-by-port"]);
    refuse(403, "forbidden", "not yours");
    let result = push(&world, "title: New");
    assert_eq!(errors(&result), ["1:13 rejected-by-port"]);
    assert!(result.commands("error")[0].data.contains("IP allow-list"));
}
