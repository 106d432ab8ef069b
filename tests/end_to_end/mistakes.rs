//! Files with mistakes, and what was applied before they had them: it is hidden, not forgotten.

use port_gitops_sandbox::Sandbox;
use port_gitops_sandbox::github::State;
use serde_json::json;

use crate::world::{World, run, succeed};

const OWNED: &str = "identifier: a\nblueprint: domain\nproperties: {owner: me}\n";
const BARE: &str = "identifier: a\nblueprint: domain\n";

/// A world in which `a` was applied with an owner.
fn world() -> World {
    let world = World::new();
    world.repository.write("a/port.yml", OWNED);
    succeed(&world.push("Add a"));
    world
}

fn owner(world: &World) -> Option<String> {
    let a = world.port.entity("domain", "a")?;
    a["properties"]["owner"].as_str().map(str::to_owned)
}

/// Pushes that have nothing to do with it. They are applied, and their runs say that the mistake is
/// still there.
fn wait(world: &World, pushes: usize) {
    for n in 0..pushes {
        let path = format!("others/{n}/port.yml");
        world.write_domain(&path, &format!("other{n}"), "Other");
        let result = run(&world.push("Change something else"));
        assert_eq!(result.status, 1, "{}", result.log);
        assert_eq!(result.output("created"), "1", "{}", result.log);
    }
}

#[test]
fn a_file_may_be_broken_for_long() {
    let world = world();
    world.repository.write("a/port.yml", ": [");
    assert_eq!(run(&world.push("Break it")).status, 1);
    wait(&world, 12);
    assert_eq!(owner(&world).unwrap(), "me");
    // Statuses of the same second leave open which run ended first.
    let head = world.repository.head().unwrap();
    for _ in 0..2 {
        world.github.add_status(&head, "another", State::Success);
    }
    world.repository.write("a/port.yml", BARE);
    let result = succeed(&world.push("Mend it without the owner"));
    assert_eq!(owner(&world), None, "{}", result.log);

    world.port.clear_journal();
    world.write_domain("b/port.yml", "b", "B");
    succeed(&world.push("Add b"));
    let searches = world.port.requests_to("POST", "*/search");
    assert_eq!(searches.len(), 0, "all is settled");
}

#[test]
fn what_a_blueprint_does_not_allow_was_not_written() {
    let world = world();
    let mistaken = "identifier: a\nblueprint: domain\nproperties: {colour: red}\n";
    world.repository.write("a/port.yml", mistaken);
    assert_eq!(
        run(&world.push("Make a mistake, and take the owner away")).status,
        1
    );
    wait(&world, 2);
    world.repository.write("a/port.yml", BARE);
    let result = succeed(&world.push("Mend it"));
    assert_eq!(owner(&world), None, "{}", result.log);
}

#[test]
fn an_entity_may_move_to_where_it_is_mistaken_and_then_go() {
    let world = world();
    world.repository.remove("a/port.yml");
    let mistaken = "identifier: a\nblueprint: domain\ntitle: 5\n";
    world.repository.write("b/port.yml", mistaken);
    assert_eq!(run(&world.push("Move it and make a mistake")).status, 1);
    wait(&world, 1);
    world.repository.remove("b/port.yml");
    let result = succeed(&world.push("Remove it").input("prune", "true"));
    assert!(world.port.entity("domain", "a").is_none(), "{}", result.log);
}

#[test]
fn what_half_a_run_wrote_is_not_forgotten_over_a_mistake() {
    let world = World::new();
    world.repository.write("a/port.yml", OWNED);
    world.write_domain("b/port.yml", "b", "B");
    world.refuse("b", 1);
    assert_eq!(run(&world.push("Add a and b")).status, 1);
    world.repository.write("a/port.yml", ": [");
    assert_eq!(run(&world.push("Break a")).status, 1);
    world.repository.write("a/port.yml", BARE);
    let result = succeed(&world.push("Mend it without the owner"));
    assert_eq!(owner(&world), None, "{}", result.log);
}

#[test]
fn a_run_that_is_started_again_and_fails_does_not_undo_the_record() {
    let world = world();
    let head = world.repository.head().unwrap();
    let step = world.pushed(&world.repository.zero_id());
    world.port.remove_entity("domain", "a");
    world.refuse("a", 1);
    assert_eq!(run(&step.input("scope", "all")).status, 1);
    assert_eq!(world.github.statuses(&head)[0].state, State::Success);
    world.write_domain("b/port.yml", "b", "B");
    let result = succeed(&world.push("Add b"));
    assert!(
        !result.log.contains("nothing was applied with these inputs"),
        "{}",
        result.log
    );
}

#[test]
fn an_attempt_behind_a_run_that_wrote_nothing_is_found() {
    let world = World::new();
    let begin = world.repository.head().unwrap();
    world.repository.write("README.md", "# More\n");
    succeed(&world.push("Change no entity"));
    world.repository.write("a/port.yml", OWNED);
    world.write_domain("b/port.yml", "b", "B");
    world.refuse("b", 1);
    assert_eq!(run(&world.push("Add a and b")).status, 1);
    // The run of the force-push that drops both is itself dropped from the queue.
    world.repository.reset_hard(&begin).unwrap();
    world.write_domain("c/port.yml", "c", "C");
    world.repository.commit("Add c instead").unwrap();
    world.write_domain("d/port.yml", "d", "D");
    let result = succeed(&world.push("Add d").input("prune", "true"));
    assert!(world.port.entity("domain", "a").is_none(), "{}", result.log);
    assert_eq!(world.port.entities().len(), 2);
}

/// Gives Port the blueprint that `later/x` needs.
fn add_blueprint(world: &World) {
    world.port.add_blueprint(json!({
        "identifier": "later", "title": "Later",
        "schema": {"properties": {}, "required": []}, "relations": {},
    }));
}

const LATER: &str = "identifier: x\nblueprint: later\n---\nidentifier: y\nblueprint: domain\n";

#[test]
fn what_port_allows_later_is_written_when_the_run_is_started_again() {
    for world in [World::new(), world()] {
        let step = world.push_file("later/port.yml", LATER);
        assert_eq!(run(&step).status, 1);
        assert!(world.port.entity("domain", "y").is_some());
        assert_eq!(run(&step).status, 1, "it is not forgotten");
        add_blueprint(&world);
        let result = succeed(&step);
        assert!(world.port.entity("later", "x").is_some(), "{}", result.log);
        assert_eq!(result.output("created"), "1");
    }
}

#[test]
fn what_port_allows_later_is_written_by_the_next_push() {
    for world in [World::new(), world()] {
        assert_eq!(run(&world.push_file("later/port.yml", LATER)).status, 1);
        let elsewhere = run(&world.push_file("README.md", "# Another\n"));
        assert_eq!(elsewhere.status, 1, "{}", elsewhere.log);
        assert!(
            elsewhere.log.contains("later/port.yml"),
            "{}",
            elsewhere.log
        );
        add_blueprint(&world);
        let result = succeed(&world.push_file("README.md", "# More\n"));
        assert!(world.port.entity("later", "x").is_some(), "{}", result.log);
        world.port.clear_journal();
        succeed(&world.push_file("README.md", "# Yet more\n"));
        assert_eq!(world.port.journal().len(), 0, "all is settled");
    }
}

#[test]
fn mistakes_that_began_one_after_the_other_hide_what_was_there_before_each() {
    let world = world();
    let later = "identifier: x\nblueprint: later\n";
    world.repository.write("later/port.yml", later);
    world.write_domain("b/port.yml", "b", "B");
    assert_eq!(run(&world.push("Add x, too early, and b")).status, 1);
    for mistake in ["title: 5\n", "title: 6\n", "title: 7\n"] {
        let text = format!("identifier: b\nblueprint: domain\n{mistake}");
        let result = run(&world.push_file("b/port.yml", &text));
        assert_eq!(result.output("invalid"), "2", "{}", result.log);
    }
    add_blueprint(&world);
    world.repository.remove("b/port.yml");
    let result = succeed(&world.push("Remove b").input("prune", "true"));
    assert!(world.port.entity("later", "x").is_some(), "{}", result.log);
    assert!(world.port.entity("domain", "b").is_none(), "{}", result.log);
}

/// More mistakes, each with something else before it, than the record has words for.
#[test]
fn any_number_of_mistakes_may_begin_one_after_the_other() {
    let world = world();
    for n in 0..6 {
        let (name, path) = (format!("b{n}"), format!("b{n}/port.yml"));
        world.write_domain(&path, &name, "B");
        run(&world.push("Add one"));
        assert!(world.port.entity("domain", &name).is_some());
        let mistake = format!("identifier: {name}\nblueprint: domain\ntitle: 5\n");
        assert_eq!(run(&world.push_file(&path, &mistake)).status, 1);
    }
    for n in 0..6 {
        world.repository.remove(&format!("b{n}/port.yml"));
    }
    let result = succeed(&world.push("Remove them").input("prune", "true"));
    assert_eq!(world.port.entities().len(), 1, "{}", result.log);
    world.port.clear_journal();
    succeed(&world.push_file("README.md", "# More\n"));
    assert_eq!(world.port.journal().len(), 0, "all is settled");
}

/// The other file is looked at only because the entity went from the one that was written.
#[test]
fn what_another_file_declares_is_tried_until_it_is_written() {
    let world = World::new();
    world.write_domain("b/port.yml", "x", "B");
    succeed(&world.push("Declare x"));
    world.write_domain("a/port.yml", "x", "A");
    run(&world.push("Declare x at another place too"));
    assert_eq!(world.title("domain", "x").as_deref(), Some("A"));
    world.refuse("x", 3);
    world.repository.remove("a/port.yml");
    assert_eq!(run(&world.push("Declare it once")).status, 1);
    for day in ["One", "Two"] {
        let result = run(&world.push_file("README.md", day));
        assert_eq!(result.status, 1, "{}", result.log);
    }
    let result = succeed(&world.push_file("README.md", "Three"));
    assert_eq!(
        world.title("domain", "x").as_deref(),
        Some("B"),
        "{}",
        result.log
    );
}
