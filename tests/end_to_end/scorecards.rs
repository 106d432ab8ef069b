//! Scorecards, their rules and AI agents, as docs/scorecards.md shows them.

use port_gitops_sandbox::port::blueprints;
use port_gitops_sandbox::{Sandbox, Step};

use crate::world::{World, fails, succeed};

/// The page's blocks of YAML: an input, a scorecard with its rules, an agent.
fn shown() -> [&'static str; 3] {
    let page = include_str!("../../docs/scorecards.md");
    let blocks = page.split("```yaml\n").skip(1);
    let texts = blocks.map(|block| block.split("```").next().unwrap());
    texts.collect::<Vec<_>>().try_into().unwrap()
}

fn with_blueprints(step: Step) -> Step {
    let (_, lines) = shown()[0].split_once("blueprints: |\n").unwrap();
    step.input("blueprints", lines)
}

fn world() -> World {
    let world = World::new();
    for blueprint in blueprints::ports_own() {
        world.port.add_blueprint(blueprint);
    }
    world
}

#[test]
fn a_scorecard_is_written_before_its_rules_and_only_once() {
    let world = world();
    let [_, scorecard, agent] = shown();
    world
        .write("scorecards/port.yml", scorecard)
        .write("agents/port.yml", agent);
    world.write("agents/prompt.md", "Be brief.\n");
    let result = succeed(&with_blueprints(world.push("Add a scorecard and an agent")));
    assert_eq!(result.output("created"), "5");
    let writes = world.port_writes();
    let first = |path: &str| {
        writes
            .iter()
            .position(|write| write.contains(path))
            .unwrap()
    };
    assert!(first("/_scorecard/") < first("/_rule/"), "{writes:?}");
    let agent = world.entity("_ai_agent", "service_explorer");
    assert_eq!(agent["properties"]["prompt"], "Be brief.\n");

    world.port.clear_journal();
    let again = succeed(&with_blueprints(world.nightly()));
    assert_eq!(world.port_writes(), [""; 0]);
    assert_eq!(again.output("drift"), "false");
}

#[test]
fn results_users_and_teams_are_refused() {
    let world = world();
    let entities = ["_rule_result", "_team", "_user"]
        .map(|blueprint| format!("- identifier: x\n  blueprint: {blueprint}\n"));
    let step = world.push_file("port.yml", &entities.concat());
    let result = fails(&with_blueprints(step));
    let errors = result.commands("error").into_iter();
    let messages = errors.map(|error| error.data.lines().next().unwrap());
    assert_eq!(
        messages.collect::<Vec<_>>(),
        [
            "Port computes the entities of the blueprint `_rule_result`",
            "this repository may not write entities of the blueprint `_team`",
            "this repository may not write entities of the blueprint `_user`",
        ]
    );
    assert_eq!(world.entities().len(), 0);
}
