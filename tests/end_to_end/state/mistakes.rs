//! Files with mistakes: nothing of what was applied before is forgotten over them.

use serde_json::json;

use super::{assert_settled, push_elsewhere};
use crate::world::{World, run, succeed};

const OWNED: &str = "identifier: a\nblueprint: domain\nproperties: {owner: me}\n";
const BARE: &str = "identifier: a\nblueprint: domain\n";
const UNREADABLE: &str = ": [";

/// A world in which `a` was applied with an owner.
fn world() -> World {
    let world = World::new();
    succeed(&world.push_file("a/port.yml", OWNED));
    world
}

fn owner(world: &World) -> Option<String> {
    let a = world.port.entity("domain", "a")?;
    a["properties"]["owner"].as_str().map(str::to_owned)
}

/// Pushes that have nothing to do with it. They are applied, and warn that the mistake is still there.
fn wait(world: &World, pushes: usize) {
    for n in 0..pushes {
        let path = format!("others/{n}/port.yml");
        world.write_domain(&path, &format!("other{n}"), "Other");
        let result = succeed(&world.push("Change something else"));
        assert_eq!(result.output("created"), "1", "{}", result.log);
        assert!(!result.commands("warning").is_empty(), "{}", result.log);
        assert_eq!(world.state_property("status"), "incomplete");
    }
}

/// The line that Git declared before the mistake is cleared once the mistake is fixed without it, however
/// many pushes come in between.
#[test]
fn a_file_may_be_broken_for_long() {
    let unknown = "identifier: a\nblueprint: domain\nproperties: {colour: red}\n";
    for (mistake, pushes) in [(UNREADABLE, 12), (unknown, 2), ("identifier: a\n", 1)] {
        let world = world();
        world.let_nulls_clear();
        let result = run(&world.push_file("a/port.yml", mistake));
        assert_eq!(result.status, 1, "{}", result.log);
        wait(&world, pushes);
        assert_eq!(owner(&world).unwrap(), "me", "{mistake}");
        let result = succeed(&world.push_file("a/port.yml", BARE));
        assert_eq!(owner(&world), None, "{mistake}: {}", result.log);
        assert_settled(&world);
    }
}

#[test]
fn what_was_sound_before_a_file_was_broken_goes_when_it_is_fixed_without_it() {
    let world = World::new();
    world.let_nulls_clear();
    let sound = format!("{OWNED}---\n{{identifier: b, blueprint: domain}}\n");
    succeed(&world.push_file("port.yml", &sound));
    let broken = format!("{sound}---\n: [");
    assert_eq!(run(&world.push_file("port.yml", &broken)).status, 1);
    let result = succeed(&world.push_file("port.yml", BARE));
    assert_eq!(owner(&world), None, "{}", result.log);
    assert!(
        result.log.contains("Git no longer declares `domain/b`"),
        "{}",
        result.log
    );
    assert_settled(&world);
}

#[test]
fn an_entity_may_move_to_where_it_is_mistaken_and_then_go() {
    let world = world();
    world.repository.remove("a/port.yml");
    let mistaken = "identifier: a\nblueprint: domain\ntitle: 5\n";
    world.repository.write("b/port.yml", mistaken);
    let result = run(&world
        .push("Move it and make a mistake")
        .input("prune", "true"));
    assert_eq!(result.status, 1, "{}", result.log);
    wait(&world, 1);
    world.repository.remove("b/port.yml");
    let result = succeed(&world.push("Remove it").input("prune", "true"));
    assert!(world.port.entity("domain", "a").is_none(), "{}", result.log);
    assert_settled(&world);
}

/// Moved, and the new place cannot be read for a while: what it no longer declares is cleared all the
/// same.
#[test]
fn an_entity_may_move_to_where_it_cannot_be_read() {
    let world = world();
    world.repository.remove("a/port.yml");
    world.repository.write("b/port.yml", UNREADABLE);
    let result = run(&world.push("Move it and break it").input("prune", "true"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(owner(&world).unwrap(), "me", "{}", result.log);
    let step = world.push_file("b/port.yml", BARE).input("prune", "true");
    let result = succeed(&step);
    assert!(world.port.entity("domain", "a").is_some(), "{}", result.log);
    assert_settled(&world);
}

#[test]
fn what_half_a_run_wrote_is_not_forgotten_over_a_mistake() {
    let world = World::new();
    world.let_nulls_clear();
    world.repository.write("a/port.yml", OWNED);
    world.write_domain("b/port.yml", "b", "B");
    world.refuse("b", 1);
    assert_eq!(run(&world.push("Add a and b")).status, 1);
    assert_eq!(run(&world.push_file("a/port.yml", UNREADABLE)).status, 1);
    let result = succeed(&world.push_file("a/port.yml", BARE));
    assert_eq!(owner(&world), None, "{}", result.log);
    assert_settled(&world);
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
fn what_port_allows_later_is_written_when_the_run_is_started_again_or_by_the_next_push() {
    for world in [World::new(), world()] {
        let step = world.push_file("later/port.yml", LATER);
        assert_eq!(run(&step).status, 1);
        assert!(world.port.entity("domain", "y").is_some());
        assert_eq!(run(&step).status, 1, "it is the push's own mistake");
        let elsewhere = succeed(&push_elsewhere(&world));
        let warnings = elsewhere.commands("warning");
        let is_named = |file: &str| warnings.iter().any(|one| one.property("file") == file);
        assert!(is_named("later/port.yml"), "{}", elsewhere.log);
        add_blueprint(&world);
        let result = succeed(&push_elsewhere(&world));
        assert!(world.port.entity("later", "x").is_some(), "{}", result.log);
        assert_eq!(result.output("created"), "1");
        assert_settled(&world);
    }
}

#[test]
fn any_number_of_mistakes_may_begin_one_after_the_other() {
    let world = world();
    for n in 0..6 {
        let (name, path) = (format!("b{n}"), format!("b{n}/port.yml"));
        world.write_domain(&path, &name, "B");
        succeed(&world.push("Add one"));
        assert!(world.port.entity("domain", &name).is_some());
        for mistake in ["title: 5\n", "title: 6\n"] {
            let text = format!("identifier: {name}\nblueprint: domain\n{mistake}");
            let result = run(&world.push_file(&path, &text));
            assert_eq!(result.status, 1, "{}", result.log);
            assert_eq!(result.output("invalid"), (n + 1).to_string());
        }
    }
    for n in 0..6 {
        world.repository.remove(&format!("b{n}/port.yml"));
    }
    let result = succeed(&world.push("Remove them").input("prune", "true"));
    assert_eq!(world.entities().len(), 1, "{}", result.log);
    assert_settled(&world);
}

/// Declared in several places, an entity is written once only one is left.
#[test]
fn an_entity_that_was_declared_twice_is_written_once_it_is_declared_once() {
    for others in [&["two/port.yml"][..], &["two/port.yml", "three/port.yml"]] {
        let world = World::new();
        world.write_domain("one/port.yml", "a", "A");
        for path in others {
            world.write_domain(path, "a", "A");
        }
        assert_eq!(run(&world.push("Add a more than once")).status, 1);
        assert_eq!(world.title("domain", "a"), None);
        for path in others {
            world.repository.remove(path);
        }
        succeed(&world.push("Keep one"));
        assert_eq!(world.title("domain", "a").unwrap(), "A");
        assert_settled(&world);
    }
}

/// The first file did not change: the state knows that it declares the entity.
#[test]
fn a_duplicate_of_what_did_not_change_is_an_error_in_both_places() {
    let world = world();
    world.write_domain("b/port.yml", "a", "Again");
    let result = run(&world.push("Declare it again"));
    assert_eq!(result.status, 1, "{}", result.log);
    let files = result.commands("error").into_iter();
    let mut files: Vec<_> = files
        .map(|error| error.property("file").to_owned())
        .collect();
    files.retain(|file| !file.is_empty());
    files.sort();
    assert_eq!(files, ["a/port.yml", "b/port.yml"], "{}", result.log);
    assert_eq!(owner(&world).unwrap(), "me");
    assert_eq!(world.title("domain", "a").unwrap(), "");
}

#[test]
fn what_one_of_two_declarations_put_there_goes_with_it() {
    let world = world();
    world.let_nulls_clear();
    world.repository.write("two/port.yml", BARE);
    assert_eq!(run(&world.push("Add it again")).status, 1);
    world.repository.remove("a/port.yml");
    let commented = format!("# The only one.\n{BARE}");
    let result = succeed(&world.push_file("two/port.yml", &commented));
    assert_eq!(owner(&world), None, "{}", result.log);
    assert_settled(&world);
}

#[test]
fn what_could_not_be_read_is_written_once_it_can() {
    let world = World::new();
    world.write_domain("one/port.yml", "a", "A");
    world.write_domain("two/port.yml", "a", "A");
    assert_eq!(run(&world.push("Add a twice")).status, 1);
    world.repository.remove("one/port.yml");
    assert_eq!(run(&world.push_file("two/port.yml", UNREADABLE)).status, 1);
    world.write_domain("two/port.yml", "a", "A");
    succeed(&world.push("Fix it"));
    assert_eq!(world.title("domain", "a").unwrap(), "A");
    assert_settled(&world);
}

/// The entity goes back to the file that declared it first, and Port refuses it there for a while.
#[test]
fn what_another_file_declares_is_tried_until_it_is_written() {
    let world = World::new();
    world.write_domain("b/port.yml", "x", "B");
    succeed(&world.push("Declare x"));
    world.repository.remove("b/port.yml");
    world.write_domain("a/port.yml", "x", "A");
    succeed(&world.push("Move x"));
    world.refuse("x", 3);
    world.repository.remove("a/port.yml");
    world.write_domain("b/port.yml", "x", "B");
    assert_eq!(run(&world.push("Move it back")).status, 1);
    for _ in 0..2 {
        let result = succeed(&push_elsewhere(&world));
        assert_eq!(result.output("failed"), "1", "{}", result.log);
    }
    let result = succeed(&push_elsewhere(&world));
    assert_eq!(world.title("domain", "x").unwrap(), "B", "{}", result.log);
    assert_settled(&world);
}
