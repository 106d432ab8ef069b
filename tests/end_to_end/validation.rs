//! Every mistake is shown on its line before anything is written, and just what Port would refuse.

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{RunnerCommand, StepResult, Switch};
use serde_json::json;

use crate::scenes::{code, report};
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

/// What a mistake in `properties: {…}`, in the third line, is found as, and a part of the help where something can be
/// suggested.
const PROPERTIES: [(&str, &str, &str); 19] = [
    ("text: long text", "20 invalid-property", ""),
    ("text: x", "20 invalid-property", ""),
    ("text: 12", "20 invalid-property", "quote it: `\"12\"`"),
    ("code: abc", "20 invalid-property", ""),
    ("link: www.host", "20 invalid-property", ""),
    ("mail: me", "20 invalid-property", ""),
    ("when: tomorrow", "20 invalid-property", ""),
    (
        "level: hihg",
        "21 invalid-property",
        "did you mean `high`? the blueprint allows `low`, `high`",
    ),
    ("count: 10", "21 invalid-property", ""),
    (
        "count: '7'",
        "21 invalid-property",
        "remove the quotes: `7`",
    ),
    ("live: yes", "20 invalid-property", "write `true`"),
    ("tags: [a, 2]", "24 invalid-property", ""),
    ("tags: [a, b, c]", "20 invalid-property", ""),
    ("tags: a", "20 invalid-property", "write `[a]`"),
    ("extra: text", "21 invalid-property", ""),
    ("txet: abc", "14 unknown-property", "did you mean `text`?"),
    (
        "parent: x",
        "14 unknown-property",
        "`parent` is a relation: put it under `relations`",
    ),
    ("sum: abc", "14 calculated-property", ""),
    ("seen: abc", "14 calculated-property", ""),
];

/// The same of `relations: {…}`.
const RELATIONS: [(&str, &str, &str); 3] = [
    ("parnet: y", "13 unknown-relation", ""),
    (
        "text: x",
        "13 unknown-relation",
        "`text` is a property: put it under `properties`",
    ),
    ("parent: [y]", "21 invalid-relation", ""),
];

#[test]
fn mistakes_are_shown_where_they_are_with_what_was_probably_meant() {
    let world = world();
    let mut rows = Vec::new();
    for (section, mistakes) in [("properties", &PROPERTIES[..]), ("relations", &RELATIONS)] {
        for (fields, expected, help) in mistakes {
            let (name, path) = (
                format!("x{}", rows.len()),
                format!("{}/port.yml", rows.len()),
            );
            let text = format!("identifier: {name}\nblueprint: thing\n{section}: {{{fields}}}\n");
            world.write(&path, &text);
            rows.push((path, format!("3:{expected}"), *help));
        }
    }
    let result = fails(&world.push("Make mistakes"));
    let report = report(&result);
    let diagnostics = report["diagnostics"].as_array().unwrap();
    for (path, expected, help) in rows {
        let mut of_file = diagnostics
            .iter()
            .filter(|one| one["location"]["path"] == path);
        let (one, another) = (of_file.next().unwrap(), of_file.next());
        let (at, code) = (&one["location"], one["code"].as_str().unwrap());
        assert_eq!(
            format!("{}:{} {code}", at["line"], at["column"]),
            expected,
            "{path}"
        );
        assert!(
            one["help"].as_str().unwrap_or_default().contains(help),
            "{path}: {one}"
        );
        assert!(another.is_none(), "{path}");
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
