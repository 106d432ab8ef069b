//! What Port's own rules make of teams, defaults, numbers, names and queries.

use port_gitops_sandbox::{RunnerCommand, Sandbox, StepResult};
use serde_json::{Value, json};

use crate::scenes::{code, is_shown};
use crate::world::{World, run, succeed};

fn errors(result: &StepResult) -> Vec<String> {
    let place = |error: &&RunnerCommand| format!("{} {}", error.property("line"), code(error));
    result.commands("error").iter().map(place).collect()
}

/// A world with a machine and parts of machines.
fn world_of_parts() -> World {
    let world = World::new();
    world.port.add_blueprint(json!({"identifier": "machine"}));
    world.port.add_blueprint(part(None));
    let machine = json!({"identifier": "mill", "team": ["blue"]});
    let put = world.port.put_entity("machine", machine, "Mozilla/5.0");
    put.unwrap();
    world
}

fn part(ownership: Option<&Value>) -> Value {
    let mut part = json!({
        "identifier": "part",
        "schema": {"properties": {"size": {"type": "number"}}, "required": []},
        "relations": {"in": {"target": "machine", "required": false, "many": false}},
    });
    if let Some(ownership) = ownership {
        part["ownership"] = ownership.clone();
    }
    part
}

const PART: &str =
    "identifier: wheel\nblueprint: part\nproperties: {size: 1}\nrelations: {in: mill}\n";

#[test]
fn a_team_that_is_inherited_is_not_written_compared_or_cleared() {
    for merge in ["true", "false"] {
        let world = world_of_parts();
        let with_team = format!("{PART}team: blue\n");
        let step = world.push_file("port.yml", &with_team);
        succeed(&step.input("merge", merge));

        let inherited = json!({"type": "Inherited", "path": "in"});
        world.port.add_blueprint(part(Some(&inherited)));
        let step = world.push_file("port.yml", &with_team.replace("1", "2"));
        let result = run(&step.input("merge", merge));
        assert_eq!(errors(&result), ["5 inherited-team"], "{}", result.log);
        assert!(result.commands("error")[0].data.contains("through `in`"));

        // Git takes it away, and Port holds the same team because it computes it.
        let step = world.push_file("port.yml", &PART.replace("1", "3"));
        let result = succeed(&step.input("merge", merge));
        assert_eq!(result.output("updated"), "1", "{}", result.log);
        let wheel = world.port.entity("part", "wheel").unwrap();
        assert_eq!(wheel["team"], json!(["blue"]));
        assert_eq!(wheel["properties"], json!({"size": 3}));

        let result = succeed(&world.nightly().input("merge", merge));
        assert_eq!(result.output("drift"), "false", "{}", result.log);
    }
}

#[test]
fn a_default_may_be_left_out_and_is_no_drift() {
    for merge in ["true", "false"] {
        let world = World::new();
        world.port.add_blueprint(json!({
            "identifier": "strict",
            "schema": {"properties": {
                "tier": {"type": "number", "default": 1}, "kind": {"type": "string", "default": "web"},
            }, "required": ["tier"]},
        }));
        let text = "identifier: x\nblueprint: strict\ntitle: X\n";
        let result = succeed(&world.push_file("port.yml", text).input("merge", merge));
        assert_eq!(result.output("created"), "1", "{}", result.log);
        let held = || world.port.entity("strict", "x").unwrap()["properties"].clone();
        assert_eq!(held(), json!({"tier": 1, "kind": "web"}));

        let result = succeed(&world.nightly().input("merge", merge));
        assert_eq!(result.output("drift"), "false", "{}", result.log);
        let text = text.replace("X", "Y");
        succeed(&world.push_file("port.yml", &text).input("merge", merge));
        assert_eq!(held()["tier"], 1);
        let result = succeed(&world.nightly().input("merge", merge));
        assert_eq!(result.output("drift"), "false", "{}", result.log);
    }
}

#[test]
fn numbers_are_compared_as_port_keeps_them() {
    for merge in ["true", "false"] {
        let world = World::new();
        let text = "identifier: x\nblueprint: microservice\nproperties: {replicas: 1}\n";
        succeed(&world.push_file("port.yml", text).input("merge", merge));
        world.port.clear_journal();
        let step = world.push_file("port.yml", &text.replace('1', "1.0"));
        succeed(&step.input("merge", merge));
        let path = "/v1/blueprints/microservice/entities";
        let writes = world.port.requests_to("POST", path).len();
        assert_eq!(writes, 0, "1 and 1.0 are the same");
        for (held, drift) in [(json!(1.0), "false"), (json!(1.5), "true")] {
            let entity = json!({"identifier": "x", "properties": {"replicas": held}});
            let put = world.port.put_entity("microservice", entity, "Mozilla/5.0");
            put.unwrap();
            let step = world.nightly().input("merge", merge);
            let result = succeed(&step.input("mode", "plan"));
            assert_eq!(result.output("drift"), drift, "{}", result.log);
        }

        let large = text.replace('1', "9007199254740993");
        let result = succeed(&world.push_file("port.yml", &large).input("merge", merge));
        let warnings = result.commands("warning");
        assert_eq!(warnings[0].property("title"), "Port: large integer");
        let rounded = json!({"replicas": 9_007_199_254_740_992_i64});
        let entity = json!({"identifier": "x", "properties": rounded});
        let put = world.port.put_entity("microservice", entity, "Mozilla/5.0");
        put.unwrap();
        let result = succeed(&world.nightly().input("merge", merge));
        assert_eq!(result.output("drift"), "false", "{}", result.log);
    }
}

#[test]
fn an_apostrophe_is_part_of_a_name() {
    let world = World::new();
    let text = "\
- {identifier: joe's, blueprint: domain}
- {identifier: shop, blueprint: microservice, relations: {domain: joe's}}
";
    let result = succeed(&world.push_file("port.yml", text));
    assert_eq!(result.output("created"), "2", "{}", result.log);
    let shop = world.port.entity("microservice", "shop").unwrap();
    assert_eq!(shop["relations"]["domain"], "joe's");
    assert_eq!(succeed(&world.nightly()).output("drift"), "false");
    let step = world.push_file("port.yml", "[]\n").input("prune", "true");
    assert_eq!(succeed(&step).output("deleted"), "2");
}

#[test]
fn a_rule_that_no_write_takes_is_an_error_on_its_line_also_without_port() {
    let text = "\
identifier: shop
blueprint: microservice
relations:
  domain:
    combinator: and
    rules:
      - {property: $title, operator: '=', value: Sales}
      - {property: $title, operator: beginsWith, value: S}
";
    let world = World::new();
    let result = run(&world.push_file("port.yml", text));
    assert_eq!(errors(&result), ["8 invalid-query"], "{}", result.log);
    assert_eq!(world.port_writes(), [""; 0]);

    let world = World::new();
    world.begin_topic();
    world.repository.write("port.yml", text);
    world.commit("Ask for it");
    let result = run(&world.pull_request_from_fork("pull_request"));
    assert_eq!(errors(&result), ["8 invalid-query"], "{}", result.log);
    assert!(is_shown(&result, "beginsWith"));
}
