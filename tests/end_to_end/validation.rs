//! Every mistake is shown on its line before anything is written, and just what Port would refuse.

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{StepResult, Switch};
use serde_json::json;

use crate::scenes::report;
use crate::world::{World, errors_at, fails, run, succeed};

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
    errors_at(result, &["line", "col"])
}

fn push(world: &World, fields: &str) -> StepResult {
    let text = format!("identifier: x\nblueprint: thing\n{fields}\n");
    run(&world.push_file("port.yml", &text))
}

/// Mistakes in the third line, what each is found as, and a part of the help where something can be suggested.
const MISTAKES: &str = r#"
properties: {text: long text} => 20 invalid-property
properties: {text: x} => 20 invalid-property
properties: {text: 12} => 20 invalid-property, quote it: `"12"`
properties: {code: abc} => 20 invalid-property
properties: {link: www.host} => 20 invalid-property
properties: {mail: me} => 20 invalid-property
properties: {when: tomorrow} => 20 invalid-property
properties: {level: hihg} => 21 invalid-property, did you mean `high`? the blueprint allows `low`, `high`
properties: {count: 10} => 21 invalid-property
properties: {count: '7'} => 21 invalid-property, remove the quotes: `7`
properties: {live: yes} => 20 invalid-property, write `true`
properties: {tags: [a, 2]} => 24 invalid-property
properties: {tags: [a, b, c]} => 20 invalid-property
properties: {tags: a} => 20 invalid-property, write `[a]`
properties: {extra: text} => 21 invalid-property
properties: {txet: abc} => 14 unknown-property, did you mean `text`?
properties: {parent: x} => 14 unknown-property, `parent` is a relation: put it under `relations`
properties: {sum: abc} => 14 calculated-property
properties: {seen: abc} => 14 calculated-property
relations: {parnet: y} => 13 unknown-relation
relations: {text: x} => 13 unknown-relation, `text` is a property: put it under `properties`
relations: {parent: [y]} => 21 invalid-relation
"#;

#[test]
fn mistakes_are_shown_where_they_are_with_what_was_probably_meant() {
    let world = world();
    let rows = MISTAKES.trim().lines().enumerate();
    let rows = rows.map(|(number, line)| {
        let (fields, found) = line.split_once(" => ").unwrap();
        let text = format!("identifier: x{number}\nblueprint: thing\n{fields}\n");
        world.write(&format!("{number}/port.yml"), &text);
        found.split_once(", ").unwrap_or((found, ""))
    });
    let rows: Vec<_> = rows.collect();
    let result = fails(&world.push("Make mistakes"));
    let report = report(&result);
    let diagnostics = report["diagnostics"].as_array().unwrap();
    for (number, (expected, help)) in rows.into_iter().enumerate() {
        let path = format!("{number}/port.yml");
        let of_file = diagnostics
            .iter()
            .filter(|one| one["location"]["path"] == path);
        let [one] = of_file.collect::<Vec<_>>()[..] else {
            panic!("{path} has not one mistake");
        };
        let (at, code) = (&one["location"], one["code"].as_str().unwrap());
        let found = format!("{}:{} {code}", at["line"], at["column"]);
        assert_eq!(found, format!("3:{expected}"), "{path}");
        let said = one["help"].as_str().unwrap_or_default();
        assert!(said.contains(help), "{path}: {one}");
    }
    assert_eq!(world.port_writes(), [""; 0]);
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
