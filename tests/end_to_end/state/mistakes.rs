//! Files with mistakes: nothing of what was applied before is forgotten over them.

use serde_json::json;

use super::{assert_settled, push_elsewhere};
use crate::world::{World, assert_outputs, domain, fails, pruning, stage, succeed};

const OWNED: &str = "identifier: a\nblueprint: domain\nproperties: {owner: me}\n";
const UNREADABLE: &str = ": [";

/// A world in which `a` was applied with an owner.
fn world() -> World {
    let world = World::new();
    succeed(&world.push_file("a/port.yml", OWNED));
    world
}

/// The same where a `null` clears what the tests are about.
fn clearing() -> World {
    let world = world();
    world.let_nulls_clear();
    world
}

fn owner(world: &World) -> Option<String> {
    let a = world.entity("domain", "a");
    a["properties"]["owner"].as_str().map(str::to_owned)
}

/// Pushes that have nothing to do with it. They are applied, and warn that the mistake is still there.
fn wait(world: &World, pushes: usize) {
    for n in 0..pushes {
        let result = succeed(&world.change(&format!("other{n}=Other")));
        assert_eq!(result.output("created"), "1");
        assert!(!result.commands("warning").is_empty());
        assert_eq!(world.state_property("status"), "incomplete");
    }
}

/// The line that Git declared before the mistake is cleared once the mistake is fixed without it, however
/// many pushes come in between.
#[test]
fn a_file_may_be_broken_for_long() {
    let unknown = "identifier: a\nblueprint: domain\nproperties: {colour: red}\n";
    for (mistake, pushes) in [(UNREADABLE, 12), (unknown, 2), ("identifier: a\n", 1)] {
        let world = clearing();
        fails(&world.push_file("a/port.yml", mistake));
        wait(&world, pushes);
        assert_eq!(owner(&world).unwrap(), "me", "{mistake}");
        succeed(&world.push_file("a/port.yml", &domain("a")));
        assert_eq!(owner(&world), None, "{mistake}");
        assert_settled(&world);
    }
}

#[test]
fn what_was_sound_before_a_file_was_broken_goes_when_it_is_fixed_without_it() {
    let world = clearing();
    let sound = format!("{OWNED}---\n{}", domain("b"));
    succeed(&world.push_file("a/port.yml", &sound));
    fails(&world.push_file("a/port.yml", &format!("{sound}---\n: [")));
    let result = succeed(&world.push_file("a/port.yml", &domain("a")));
    assert_eq!(owner(&world), None);
    assert!(result.log.contains("Git no longer declares `domain/b`"));
    assert_settled(&world);
}

#[test]
fn an_entity_may_move_to_where_it_is_mistaken_and_then_go() {
    let world = world();
    fails(&pruning(world.change("a=- b:a=5")));
    wait(&world, 1);
    succeed(&pruning(world.change("b:a=-")));
    world.assert_holds("a=-");
    assert_settled(&world);
}

/// Moved, and the new place cannot be read for a while.
#[test]
fn an_entity_may_move_to_where_it_cannot_be_read() {
    let world = world();
    world.remove("a/port.yml");
    fails(&pruning(world.push_file("b/port.yml", UNREADABLE)));
    assert_eq!(owner(&world).unwrap(), "me");
    succeed(&pruning(world.push_file("b/port.yml", &domain("a"))));
    world.assert_holds("a=");
    assert_settled(&world);
}

#[test]
fn what_half_a_run_wrote_is_not_forgotten_over_a_mistake() {
    let world = World::new();
    world.let_nulls_clear();
    stage(&world.repository, "b=B");
    world.refuse("b", 1);
    fails(&world.push_file("a/port.yml", OWNED));
    fails(&world.push_file("a/port.yml", UNREADABLE));
    succeed(&world.push_file("a/port.yml", &domain("a")));
    assert_eq!(owner(&world), None);
    assert_settled(&world);
}

#[test]
fn what_port_allows_later_is_written_when_the_run_is_started_again_or_by_the_next_push() {
    let text = format!("identifier: x\nblueprint: later\n---\n{}", domain("y"));
    for world in [World::new(), world()] {
        let step = world.push_file("later/port.yml", &text);
        fails(&step);
        world.assert_holds("y=");
        fails(&step); // It is the push's own mistake.
        let elsewhere = succeed(&push_elsewhere(&world));
        let warnings = elsewhere.commands("warning");
        let mut all = warnings.iter();
        assert!(all.any(|one| one.property("file") == "later/port.yml"));
        world.port.add_blueprint(json!({"identifier": "later"}));
        assert_eq!(succeed(&push_elsewhere(&world)).output("created"), "1");
        world.entity("later", "x");
        assert_settled(&world);
    }
}

#[test]
fn any_number_of_mistakes_may_begin_one_after_the_other() {
    let world = world();
    for n in 0..6 {
        succeed(&world.change(&format!("b{n}=B")));
        world.assert_holds(&format!("b{n}=B"));
        for mistake in [5, 6] {
            let result = fails(&world.change(&format!("b{n}={mistake}")));
            assert_eq!(result.output("invalid"), (n + 1).to_string());
        }
    }
    succeed(&pruning(world.change("b0=- b1=- b2=- b3=- b4=- b5=-")));
    assert_eq!(world.entities().len(), 1);
    assert_settled(&world);
}

/// Also where what is left could not be read for a while.
#[test]
fn an_entity_that_was_declared_twice_is_written_once_it_is_declared_once() {
    for (all, fewer, is_unreadable_first) in [
        ("one:a=A two:a=A", "two:a=-", false),
        ("one:a=A two:a=A three:a=A", "two:a=- three:a=-", false),
        ("one:a=A two:a=A", "two:a=-", true),
    ] {
        let world = World::new();
        fails(&world.change(all));
        world.assert_holds("a=-");
        stage(&world.repository, fewer);
        if is_unreadable_first {
            fails(&world.push_file("one/port.yml", UNREADABLE));
        }
        succeed(&world.change("one:a=A"));
        world.assert_holds("a=A");
        assert_settled(&world);
    }
}

/// The first file did not change: the state knows that it declares the entity.
#[test]
fn a_duplicate_of_what_did_not_change_is_an_error_in_both_places() {
    let world = world();
    let result = fails(&world.change("b:a=Again"));
    let files = result.commands("error").into_iter();
    let mut files: Vec<_> = files.map(|error| error.property("file")).collect();
    files.retain(|file| !file.is_empty());
    files.sort_unstable();
    assert_eq!(files, ["a/port.yml", "b/port.yml"]);
    assert_eq!(owner(&world).unwrap(), "me");
    world.assert_holds("a=");
}

#[test]
fn what_one_of_two_declarations_put_there_goes_with_it() {
    let world = clearing();
    fails(&world.push_file("two/port.yml", &domain("a")));
    world.remove("a/port.yml");
    let commented = format!("# The only one.\n{}", domain("a"));
    succeed(&world.push_file("two/port.yml", &commented));
    assert_eq!(owner(&world), None);
    assert_settled(&world);
}

/// The entity goes back to the file that declared it first, and Port refuses it there for a while.
#[test]
fn what_another_file_declares_is_tried_until_it_is_written() {
    let world = World::new();
    succeed(&world.change("b:x=B"));
    succeed(&world.change("b:x=- a:x=A"));
    world.refuse("x", 3);
    fails(&world.change("a:x=- b:x=B"));
    for _ in 0..2 {
        assert_outputs(&succeed(&push_elsewhere(&world)), "failed=1");
    }
    succeed(&push_elsewhere(&world));
    world.assert_holds("x=B");
    assert_settled(&world);
}
