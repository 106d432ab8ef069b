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
use serde_json::json;

use crate::world::{World, succeed};

/// Who writes to Port beside this program.
const BY_HAND: &str = "Mozilla/5.0";

fn pruning(step: Step) -> Step {
    step.input("prune", "true")
}

/// A file that declares one domain.
fn domain(name: &str) -> String {
    format!("identifier: {name}\nblueprint: domain\n")
}

/// A file that declares several domains.
fn domains(names: &[&str]) -> String {
    let list = names
        .iter()
        .map(|name| format!("- {{identifier: {name}, blueprint: domain}}\n"));
    list.collect()
}

/// The identifiers of all entities in Port but the states.
fn names(world: &World) -> Vec<String> {
    let entities = world.entities().into_iter();
    entities.map(|(_, identifier, _)| identifier).collect()
}

/// The titles of domains; `–` for those that Port does not have.
fn titles(world: &World, names: &[&str]) -> Vec<String> {
    let title = |name: &&str| {
        let title = world.title("domain", name);
        title.unwrap_or_else(|| "–".to_owned())
    };
    names.iter().map(title).collect()
}

/// Writes a domain as somebody does in Port's own pages.
fn put_by_hand(world: &World, name: &str, title: &str) {
    let entity = json!({"identifier": name, "title": title, "properties": {}, "relations": {}});
    world.port.put_entity("domain", entity, BY_HAND).unwrap();
}

/// The step of a push that touches no entity file.
fn push_elsewhere(world: &World) -> Step {
    let head = world.repository.head().unwrap();
    world.push_file("README.md", &format!("# After {head}\n"))
}

/// What a push that touches no entity file costs: its requests to GitHub and to Port.
fn cost(world: &World, step: &Step) -> (StepResult, usize, usize) {
    world.github.clear_journal();
    world.port.clear_journal();
    let result = crate::world::run(step);
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
    assert_eq!(result.status, 0, "{}", result.log);
    assert!(github <= 2 && port <= 2, "{github}, {port}: {}", result.log);
    assert_eq!(world.port_changes(), [""; 0], "{}", result.log);
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

/// Runs a step that must succeed, and gives its log.
fn log_of(step: &Step) -> String {
    succeed(step).log
}
