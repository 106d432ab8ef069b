//! What Port's own rules make of teams, defaults, numbers, names and queries.

use port_gitops_sandbox::{RunnerCommand, Sandbox, StepResult};
use serde_json::json;

use crate::scenes::is_shown;
use crate::world::{World, run, succeed};

fn errors(result: &StepResult) -> Vec<String> {
    let place = |error: &&RunnerCommand| {
        let [line, title] = ["line", "title"].map(|name| error.property(name));
        format!("{line} {title}")
    };
    result.commands("error").iter().map(place).collect()
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
        assert_eq!(world.port_changes(), [""; 0], "1 and 1.0 are the same");
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
        assert_eq!(warnings[0].property("title"), "large-integer");
        let rounded = json!({"replicas": 9_007_199_254_740_992_i64});
        let entity = json!({"identifier": "x", "properties": rounded});
        let put = world.port.put_entity("microservice", entity, "Mozilla/5.0");
        put.unwrap();
        let result = succeed(&world.nightly().input("merge", merge));
        assert_eq!(result.output("drift"), "false", "{}", result.log);
    }
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
