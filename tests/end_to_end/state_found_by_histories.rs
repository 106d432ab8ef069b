//! What random histories found (`tests/histories`), as short as it can be.

use port_gitops_sandbox::{Answer, Fault, Sandbox, Step, Switch};
use serde_json::json;

use crate::world::{World, run, succeed};

const STATES: &str = "/v1/blueprints/gitops_source/entities";

/// Runs a step that writes and does not save what became of it, as if it had been killed.
fn run_and_lose_the_ending(world: &World, step: &Step) {
    let state = format!("{STATES}/*");
    let fault = Fault::status(400).on("GET", &state).skip(1);
    world.port.inject(fault);
    run(step);
    world.port.clear_faults();
}

fn pruned(step: Step) -> Step {
    step.input("prune", "true")
}

#[test]
fn a_deletion_that_no_state_records_is_made_up_for_when_git_restores_the_entity() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "One");
    succeed(&pruned(world.push("Declare")));
    world.repository.remove("a/port.yml");
    run_and_lose_the_ending(&world, &pruned(world.push("Remove")));
    assert_eq!(world.title("domain", "a"), None);
    world.write_domain("a/port.yml", "a", "One");
    succeed(&pruned(world.push("Restore")));
    assert_eq!(world.title("domain", "a").as_deref(), Some("One"));
}

#[test]
fn a_move_that_no_state_records_is_undone_when_git_undoes_it() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "One");
    succeed(&pruned(world.push("Declare")));
    world.repository.remove("a/port.yml");
    world.write_domain("b/port.yml", "a", "Two");
    run_and_lose_the_ending(&world, &pruned(world.push("Move")));
    assert_eq!(world.title("domain", "a").as_deref(), Some("Two"));
    world.repository.remove("b/port.yml");
    world.write_domain("a/port.yml", "a", "One");
    succeed(&pruned(world.push("Move back")));
    assert_eq!(world.title("domain", "a").as_deref(), Some("One"));
}

#[test]
fn other_inputs_delete_nothing_though_the_run_with_them_was_not_recorded() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    succeed(&pruned(world.push("Declare")));
    let narrow = |step: Step| pruned(step).input("files", "a/port.yml");
    world.write_domain("a/port.yml", "a", "Two");
    run_and_lose_the_ending(&world, &narrow(world.push("Change")));
    world.repository.remove("b/port.yml");
    succeed(&narrow(world.push("Remove")));
    assert_eq!(world.title("domain", "b").as_deref(), Some("One"));
}

/// Two sources of one repository own `domain/x`, as the search for owners lagged when the younger one
/// first wrote it.
struct TwoOwners(World);

impl TwoOwners {
    fn new() -> Self {
        let two = Self(World::new());
        let world = &two.0;
        world.write_domain("a/port.yml", "x", "Older");
        succeed(&Self::older(world.push("Declare")));
        world.write_domain("b/port.yml", "x", "Younger");
        let step = Self::younger(world.push("Declare it twice"));
        let nothing = Answer::json(200, &json!({"ok": true, "entities": []}));
        let search = format!("{STATES}/search");
        world
            .port
            .inject(Fault::answer(nothing).on("POST", &search));
        succeed(&step);
        two
    }

    fn older(step: Step) -> Step {
        pruned(step)
            .input("owner", "a")
            .input("files", "a/port.yml")
    }

    fn younger(step: Step) -> Step {
        pruned(step)
            .input("owner", "b")
            .input("files", "b/port.yml")
    }

    fn everything(&self) -> Step {
        let head = self.0.repository.head().unwrap();
        self.0.pushed(&head).input("scope", "all")
    }

    fn title(&self) -> Option<String> {
        self.0.title("domain", "x")
    }
}

#[test]
fn of_two_sources_that_own_an_entity_the_younger_does_not_write_it() {
    let two = TwoOwners::new();
    assert_eq!(two.title().as_deref(), Some("Younger"));
    succeed(&TwoOwners::older(two.everything()));
    assert_eq!(two.title().as_deref(), Some("Older"));
    let result = run(&TwoOwners::younger(two.everything()));
    assert_eq!(result.status, 1, "{}", result.log);
    two.0.write_domain("b/port.yml", "x", "Youngest");
    let result = run(&TwoOwners::younger(two.0.push("Change")));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(two.title().as_deref(), Some("Older"));
}

#[test]
fn of_two_sources_that_own_an_entity_the_older_does_not_delete_it() {
    let two = TwoOwners::new();
    two.0.repository.remove("a/port.yml");
    succeed(&TwoOwners::older(two.0.push("Remove")));
    assert_eq!(two.title().as_deref(), Some("Younger"));
}

#[test]
fn what_a_run_wrote_is_undone_when_the_branch_moves_back_meanwhile_though_searches_lag() {
    let world = World::new();
    world.let_nulls_clear();
    world.port.turn_on(Switch::SearchLags);
    let write = |owner: &str| {
        let text = format!("identifier: a\nblueprint: domain\ntitle: One\n{owner}");
        world.repository.write("port.yml", &text);
    };
    write("");
    succeed(&world.push("Declare"));
    write("properties: {owner: x}\n");
    let step = world.push("Add an owner");
    let repository = world.repository.clone();
    let revert = Fault::call(move || {
        let text = "identifier: a\nblueprint: domain\ntitle: One\n";
        repository.write("port.yml", text);
        repository.commit("Revert").unwrap();
    });
    let tip = "*/git/ref/heads/main";
    world.github.inject(revert.on("GET", tip).skip(1));
    succeed(&step);
    let entity = world.port.entity("domain", "a").unwrap();
    assert!(entity["properties"]["owner"].is_null(), "{entity}");
}

#[test]
fn what_moved_to_where_it_is_invalid_is_deleted_once_nothing_declares_it() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "One");
    succeed(&pruned(world.push("Declare")));
    world.repository.remove("a/port.yml");
    let text = "identifier: a\nblueprint: domain\nproperties: {owner: 5}\n";
    world.repository.write("b/port.yml", text);
    assert_eq!(run(&pruned(world.push("Move"))).status, 1);
    assert_eq!(world.title("domain", "a").as_deref(), Some("One"));
    world.repository.remove("b/port.yml");
    succeed(&pruned(world.push("Remove")));
    assert_eq!(world.title("domain", "a"), None);
    assert_eq!(world.state_property("status"), "synced");
}

#[test]
fn what_was_not_deleted_and_is_declared_twice_for_a_while_is_deleted_at_last() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "One");
    succeed(&pruned(world.push("Declare")));
    world.repository.remove("a/port.yml");
    world.repository.write("b/port.yml", "title: [\n");
    assert_eq!(
        run(&pruned(world.push("Remove, and break another file"))).status,
        1
    );
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "a", "Two");
    assert_eq!(run(&pruned(world.push("Declare twice"))).status, 1);
    world.repository.remove("a/port.yml").remove("b/port.yml");
    succeed(&pruned(world.push("Remove")));
    assert_eq!(world.title("domain", "a"), None);
}
