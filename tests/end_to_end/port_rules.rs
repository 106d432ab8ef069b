//! What Port's own rules make of teams, defaults, numbers and names.

use port_gitops_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::world::{World, assert_outputs, errors, fails, pruning, succeed};

fn assert_no_drift(world: &World, merge: &str) {
    assert_outputs(
        &succeed(&world.nightly().input("merge", merge)),
        "drift=false",
    );
}

/// A world with a machine and parts of machines.
fn world_of_parts() -> World {
    let world = World::new();
    world.port.add_blueprint(json!({"identifier": "machine"}));
    world.port.add_blueprint(part(None));
    let machine = json!({"identifier": "mill", "team": ["blue"]});
    world.put("machine", machine);
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
        let result = fails(&step.input("merge", merge));
        assert_eq!(errors(&result), ["5 inherited-team"]);
        assert!(result.commands("error")[0].data.contains("through `in`"));

        // Git takes it away, and Port holds the same team because it computes it.
        let step = world.push_file("port.yml", &PART.replace("1", "3"));
        assert_outputs(&succeed(&step.input("merge", merge)), "updated=1");
        let wheel = world.entity("part", "wheel");
        assert_eq!(wheel["team"], json!(["blue"]));
        assert_eq!(wheel["properties"], json!({"size": 3}));

        assert_no_drift(&world, merge);
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
        assert_eq!(result.output("created"), "1");
        let held = || world.entity("strict", "x")["properties"].clone();
        assert_eq!(held(), json!({"tier": 1, "kind": "web"}));

        assert_no_drift(&world, merge);
        let text = text.replace("X", "Y");
        succeed(&world.push_file("port.yml", &text).input("merge", merge));
        assert_eq!(held()["tier"], 1);
        assert_no_drift(&world, merge);
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
            world.put("microservice", entity);
            let step = world.nightly().input("merge", merge);
            let result = succeed(&step.input("mode", "plan"));
            assert_eq!(result.output("drift"), drift);
        }

        let large = text.replace('1', "9007199254740993");
        let result = succeed(&world.push_file("port.yml", &large).input("merge", merge));
        let warnings = result.commands("warning");
        assert_eq!(warnings[0].property("title"), "Port: large integer");
        let rounded = json!({"replicas": 9_007_199_254_740_992_i64});
        let entity = json!({"identifier": "x", "properties": rounded});
        world.put("microservice", entity);
        assert_no_drift(&world, merge);
    }
}

#[test]
fn an_apostrophe_is_part_of_a_name() {
    let world = World::new();
    let text = "\
- {identifier: joe's, blueprint: domain}
- {identifier: shop, blueprint: microservice, relations: {domain: joe's}}
";
    assert_outputs(&succeed(&world.push_file("port.yml", text)), "created=2");
    let shop = world.entity("microservice", "shop");
    assert_eq!(shop["relations"]["domain"], "joe's");
    assert_no_drift(&world, "true");
    let step = pruning(world.push_file("port.yml", "[]\n"));
    assert_eq!(succeed(&step).output("deleted"), "2");
}
