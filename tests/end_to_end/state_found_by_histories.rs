//! What random histories found (`tests/histories`), as short as it can be.

use port_gitops_sandbox::{Answer, Fault, Sandbox, Step, Switch};
use serde_json::json;

use crate::world::{World, fails, pruning, run, stage, succeed};

const STATES: &str = "/v1/blueprints/gitops_source/entities";

/// Runs a step that writes and does not save what became of it, as if it had been killed.
fn run_and_lose_the_ending(world: &World, step: &Step) {
    let state = format!("{STATES}/*");
    let fault = Fault::status(400).on("GET", &state).skip(1);
    world.port.inject(fault);
    run(step);
    world.port.clear_faults();
}

#[test]
fn what_no_state_records_is_undone_when_git_undoes_it() {
    for (change, after, back) in [
        ("a=-", "a=-", "a=One"),
        ("a=- b:a=Two", "a=Two", "b:a=- a=One"),
    ] {
        let world = World::new();
        succeed(&pruning(world.change("a=One")));
        run_and_lose_the_ending(&world, &pruning(world.change(change)));
        world.assert_holds(after);
        succeed(&pruning(world.change(back)));
        world.assert_holds("a=One");
    }
}

#[test]
fn other_inputs_delete_nothing_though_the_run_with_them_was_not_recorded() {
    let world = World::new();
    succeed(&pruning(world.change("a=One b=One")));
    let narrow = |step: Step| pruning(step).input("files", "a/port.yml");
    run_and_lose_the_ending(&world, &narrow(world.change("a=Two")));
    succeed(&narrow(world.change("b=-")));
    world.assert_holds("b=One");
}

/// Two sources of one repository own `domain/x`, as the search for owners lagged when the younger one
/// first wrote it.
fn two_owners() -> World {
    let world = World::new();
    succeed(&of("a", world.change("a:x=Older")));
    let step = of("b", world.change("b:x=Younger"));
    let nothing = Answer::json(200, &json!({"ok": true, "entities": []}));
    let search = format!("{STATES}/search");
    let fault = Fault::answer(nothing).on("POST", &search);
    world.port.inject(fault);
    succeed(&step);
    world.assert_holds("x=Younger");
    world
}

fn of(owner: &str, step: Step) -> Step {
    let files = format!("{owner}/port.yml");
    pruning(step).input("owner", owner).input("files", files)
}

#[test]
fn of_two_sources_that_own_an_entity_the_younger_does_not_write_it() {
    let world = two_owners();
    let everything = |owner| of(owner, world.pushed(&world.head())).input("scope", "all");
    succeed(&everything("a"));
    world.assert_holds("x=Older");
    fails(&everything("b"));
    fails(&of("b", world.change("b:x=Youngest")));
    world.assert_holds("x=Older");
}

#[test]
fn of_two_sources_that_own_an_entity_the_older_does_not_delete_it() {
    let world = two_owners();
    succeed(&of("a", world.change("a:x=-")));
    world.assert_holds("x=Younger");
}

#[test]
fn what_a_run_wrote_is_undone_when_the_branch_moves_back_meanwhile_though_searches_lag() {
    let world = World::new();
    world.let_nulls_clear();
    world.port.turn_on(Switch::SearchLags);
    succeed(&world.change("a=One"));
    let owned = "identifier: a\nblueprint: domain\ntitle: One\nproperties: {owner: x}\n";
    let step = world.push_file("a/port.yml", owned);
    let revert = world.change_meanwhile("a=One");
    world
        .github
        .inject(revert.on("GET", "*/git/ref/heads/main").skip(1));
    succeed(&step);
    assert!(world.entity("domain", "a")["properties"]["owner"].is_null());
}

#[test]
fn what_moved_to_where_it_is_invalid_is_deleted_once_nothing_declares_it() {
    let world = World::new();
    succeed(&pruning(world.change("a=One")));
    stage(&world.repository, "a=-");
    let text = "identifier: a\nblueprint: domain\nproperties: {owner: 5}\n";
    fails(&pruning(world.push_file("b/port.yml", text)));
    world.assert_holds("a=One");
    succeed(&pruning(world.change("b:a=-")));
    world.assert_holds("a=-");
    assert_eq!(world.state_property("status"), "synced");
}

#[test]
fn what_was_not_deleted_and_is_declared_twice_for_a_while_is_deleted_at_last() {
    let world = World::new();
    succeed(&pruning(world.change("a=One")));
    stage(&world.repository, "a=-");
    fails(&pruning(world.push_file("b/port.yml", "title: [\n")));
    fails(&pruning(world.change("a=One b:a=Two")));
    succeed(&pruning(world.change("a=- b:a=-")));
    world.assert_holds("a=-");
}
