//! Every mistake is shown on its line before anything is written, and just what Port would refuse.

use port_gitops_sandbox::github::PullRequest;
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Sandbox, StepResult, Switch};
use serde_json::json;

use crate::scenes::code;
use crate::world::{World, run, succeed};

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
    let place = |error: &&port_gitops_sandbox::RunnerCommand| {
        let [line, column] = ["line", "col"].map(|name| error.property(name));
        format!("{line}:{column} {}", code(error))
    };
    result.commands("error").iter().map(place).collect()
}

fn push(world: &World, fields: &str) -> StepResult {
    let text = format!("identifier: x\nblueprint: thing\n{fields}\n");
    world.repository.write("port.yml", &text);
    run(&world.push("Change x"))
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let world = world();
    for (fields, expected) in [
        ("properties: {text: long text}", "3:20 invalid-property"),
        ("properties: {text: x}", "3:20 invalid-property"),
        ("properties: {code: abc}", "3:20 invalid-property"),
        ("properties: {link: www.host}", "3:20 invalid-property"),
        ("properties: {mail: me}", "3:20 invalid-property"),
        ("properties: {when: tomorrow}", "3:20 invalid-property"),
        ("properties: {level: hihg}", "3:21 invalid-property"),
        ("properties: {count: 10}", "3:21 invalid-property"),
        ("properties: {count: '7'}", "3:21 invalid-property"),
        ("properties: {live: yes}", "3:20 invalid-property"),
        (
            "properties:\n  tags:\n    - a\n    - 2",
            "6:7 invalid-property",
        ),
        ("properties: {tags: [a, b, c]}", "3:20 invalid-property"),
        ("properties: {extra: text}", "3:21 invalid-property"),
        ("properties: {txet: abc}", "3:14 unknown-property"),
        ("properties: {sum: abc}", "3:14 calculated-property"),
        ("properties: {seen: abc}", "3:14 calculated-property"),
        ("relations: {parnet: y}", "3:13 unknown-relation"),
        ("relations: {parent: [y]}", "3:21 invalid-relation"),
    ] {
        let result = push(&world, fields);
        assert_eq!(errors(&result), [expected], "{fields}\n{}", result.log);
        assert_eq!(result.status, 1);
    }
    assert_eq!(
        world
            .port
            .requests_to("POST", "/v1/blueprints/thing/entities")
            .len(),
        0
    );
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
        let result = push(&world, fields);
        assert_eq!(result.status, 0, "{fields}\n{}", result.log);
    }
}

/// What Port makes of a text there is not known, so it gets a list.
#[test]
fn a_text_for_a_relation_to_many_is_sent_as_a_list() {
    let world = world();
    let result = push(&world, "relations: {friends: x}");
    assert_eq!(result.status, 0, "{}", result.log);
    let warning = &result.commands("warning")[0];
    assert_eq!(warning.property("title"), "Port: invalid relation");
    assert!(warning.data.contains("write `[x]`"), "{}", warning.data);
    let entity = world.port.entity("thing", "x").unwrap();
    assert_eq!(entity["relations"]["friends"], json!(["x"]));
    let result = run(&world.nightly());
    assert_eq!(result.output("drift"), "false", "{}", result.log);
}

#[test]
fn a_suggestion_is_made_where_one_is_near() {
    let world = world();
    for (fields, help) in [
        ("properties: {txet: abc}", "did you mean `text`?"),
        (
            "properties: {parent: x}",
            "`parent` is a relation: put it under `relations`",
        ),
        (
            "relations: {text: x}",
            "`text` is a property: put it under `properties`",
        ),
        (
            "properties: {level: hihg}",
            "did you mean `high`? the blueprint allows `low`, `high`",
        ),
        ("properties: {text: 12}", "quote it: `\"12\"`"),
        ("properties: {count: '7'}", "remove the quotes: `7`"),
        ("properties: {live: yes}", "write `true`"),
        ("properties: {tags: a}", "write `[a]`"),
    ] {
        let result = push(&world, fields);
        let message = &result.commands("error")[0].data;
        assert!(message.contains(help), "{fields}: {message}");
    }
}

#[test]
fn all_mistakes_of_an_entity_are_shown_at_once() {
    let world = world();
    let result = push(
        &world,
        "properties: {text: 1, count: a, nope: 1}\nrelations: {parent: [y]}",
    );
    assert_eq!(errors(&result).len(), 4, "{}", result.log);
    assert_eq!(result.output("invalid"), "1");
}

#[test]
fn a_blueprint_that_does_not_exist_is_named_with_the_nearest() {
    let world = World::new();
    world
        .repository
        .write("port.yml", "identifier: x\nblueprint: mircoservice\n");
    let result = run(&world.push("Add x"));
    assert_eq!(errors(&result), ["2:12 unknown-blueprint"]);
    assert!(
        result.commands("error")[0]
            .data
            .contains("did you mean `microservice`?")
    );
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
    let there = json!({"identifier": "x", "properties": {"tier": 1}});
    world
        .port
        .put_entity("strict", there, "somebody else")
        .unwrap();
    world
        .repository
        .write("port.yml", "identifier: x\nblueprint: strict\ntitle: X\n");
    succeed(&world.push("Name x"));
    world
        .repository
        .write("port.yml", "identifier: x\nblueprint: strict\ntitle: Y\n");
    let result = run(&world.push("Rename x").input("merge", "false"));
    assert_eq!(errors(&result), ["1:13 missing-property"]);
    world.repository.write(
        "port.yml",
        "identifier: x\nblueprint: strict\nproperties: {tier: null}\n",
    );
    let result = run(&world.push("Clear x"));
    assert_eq!(errors(&result), ["3:20 invalid-property"]);
}

#[test]
fn a_plan_asks_for_blueprints_and_a_fork_does_not() {
    let world = World::new();
    world.repository.create_branch("topic").unwrap();
    world.repository.checkout("topic").unwrap();
    let text = "identifier: x\nblueprint: microservice\nproperties: {langauge: Go}\n";
    world.repository.write("port.yml", text);
    world.commit("Add x");
    let own = PullRequest::new(1, "main", "topic");
    let event = world.github.pull_request_event(&own).unwrap();
    let result = run(&world.step("pull_request", &event));
    assert_eq!(errors(&result), ["3:14 unknown-property"]);
    assert_eq!(world.port_requests(), ["GET /v1/blueprints/microservice"]);

    world.port.clear_journal();
    let fork = PullRequest::new(2, "main", "topic").from_fork("mallory/catalog");
    let event = world.github.pull_request_event(&fork).unwrap();
    let result = succeed(&world.step("pull_request_target", &event));
    assert_eq!(world.port.journal().len(), 0);
    assert!(result.log.contains("offline"), "{}", result.log);
}

#[test]
fn what_port_refuses_comes_back_to_its_line() {
    let world = world();
    world.port.turn_off(Switch::NotFoundIsVague);
    let result = push(&world, "relations:\n  friends: [x, nobody]");
    assert_eq!(
        errors(&result),
        ["4:16 missing-relation-target"],
        "{}",
        result.log
    );

    let text = "identifier: x\nblueprint: thing\nproperties: {text: abc, level: low}\n";
    world.repository.write("port.yml", text);
    let step = world.push("Change x");
    let refusal = Failure::new(
        422,
        "invalid_request",
        "/properties/level is out of fashion",
    );
    world.port.refuse("thing", "x", refusal, 1);
    assert_eq!(errors(&run(&step)), ["3:32 rejected-by-port"]);

    world
        .repository
        .write("port.yml", "identifier: x\nblueprint: thing\ntitle: New\n");
    let step = world.push("Change x again");
    world
        .port
        .refuse("thing", "x", Failure::new(403, "forbidden", "not yours"), 1);
    let result = run(&step);
    assert_eq!(errors(&result), ["1:13 rejected-by-port"], "{}", result.log);
    assert!(result.commands("error")[0].data.contains("IP allow-list"));
}
