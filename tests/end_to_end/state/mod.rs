//! What the state remembers from run to run: `src/run/state/mod.rs` says how.

mod inputs;
mod kill;
mod mistakes;
mod overlap;
mod ownership;
mod prune;
mod pushes;
mod refused;
mod responsibility;
mod stored;
mod tip;

use port_gitops_sandbox::{Sandbox, Step, StepResult};
use serde_json::Value;

use crate::world::{World, run};

/// The identifiers of all entities in Port but the states.
fn names(world: &World) -> Vec<String> {
    let entities = world.entities().into_iter();
    entities.map(|(_, identifier, _)| identifier).collect()
}

/// What a list of a state has.
fn listed(world: &World, source: &str, list: &str) -> Vec<String> {
    let state = world.port.entity("gitops_source", source);
    let list = state.unwrap_or_default()["properties"][list].clone();
    let text = |key: &Value| key.as_str().unwrap().to_owned();
    let keys = list.as_array().into_iter().flatten();
    keys.map(text).collect()
}

/// The step of a push that touches no entity file.
fn push_elsewhere(world: &World) -> Step {
    world.push_file("README.md", &format!("# After {}\n", world.head()))
}

/// What a push that touches no entity file costs: its requests to GitHub and to Port.
fn cost(world: &World, step: &Step) -> (StepResult, usize, usize) {
    world.clear_journals();
    let result = run(step);
    let [github, port] = [world.github.journal().len(), world.port.journal().len()];
    (result, github, port)
}

/// Makes sure that nothing is left to do: the state says so, and the next push, which touches no entity
/// file, does nothing.
fn assert_settled(world: &World) {
    if world.state().is_some() {
        assert_eq!(world.state_property("status"), "synced");
        assert_eq!(world.state_property("problem_count"), 0);
    }
    assert_quiet(world, push_elsewhere(world));
}

/// Makes sure that a step costs two requests to each service beside the token, and writes nothing.
fn assert_quiet(world: &World, step: Step) {
    let (result, github, port) = cost(world, &step);
    assert_eq!(result.status, 0);
    assert!(github <= 2 && port <= 2, "{github}, {port}");
    assert_eq!(world.port_changes(), [""; 0]);
}

/// A second repository, to be applied to the Port of another world with [`beside`].
fn other_repository() -> World {
    let other = World::fresh();
    other.github.set_full_name("octo-org/other");
    other
}

/// A step of [`other_repository`] that writes to the Port of `world`.
fn beside(world: &World, step: Step) -> Step {
    let step = step.input("base-url", world.port.url());
    step.variable("GITHUB_REPOSITORY_ID", "2")
        .variable("GITHUB_REPOSITORY", "octo-org/other")
}
