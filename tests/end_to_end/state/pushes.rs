//! Pushes one after another, of which some runs fail, are cancelled or never start, and some replace
//! what was pushed before.

use port_gitops_sandbox::{Fault, GitHubSandbox, Matcher, ObjectId, Sandbox, Step, TestRepository};

use super::{assert_settled, cost, push_elsewhere};
use crate::interrupted::run_and_signal;
use crate::world::{World, assert_outputs, domain, domains, fails, stage, succeed};

/// A world in which the run of a push has written the new title of `a`, but not `b`, which is new,
/// and the commit before that push.
fn after_half_a_run() -> (World, ObjectId) {
    let world = World::new();
    succeed(&world.change("a=Old"));
    let before = world.head();
    world.refuse("b", 1);
    fails(&world.change("a=New b=B"));
    world.assert_holds("a=New b=-");
    (world, before)
}

/// Drops the last commit, and commits another in its stead.
fn replace_head(world: &World, before: &ObjectId) -> ObjectId {
    let replaced = world.head();
    world.repository.reset_hard(before).unwrap();
    stage(&world.repository, "c=C");
    world.commit("Add c instead");
    replaced
}

/// What is pushed after half a run, and what Port holds once that was applied.
type After = (fn(&World, &ObjectId) -> Step, &'static str);

#[test]
fn what_half_a_run_left_is_completed_or_undone_by_the_next_push() {
    let replace: fn(&World, &ObjectId) -> Step = |world, before| {
        let replaced = replace_head(world, before);
        world.pushed(&replaced)
    };
    // That push has no run: a newer one took its place in the queue.
    let replace_twice: fn(&World, &ObjectId) -> Step = |world, before| {
        replace_head(world, before);
        world.change("d=D")
    };
    let cases: [After; 6] = [
        (|world, _| push_elsewhere(world), "a=New b=B c=- d=-"),
        (|world, _| world.change("c=C"), "a=New b=B c=C d=-"),
        (|world, _| world.change("a=Old b=-"), "a=Old b=- c=- d=-"),
        (replace, "a=Old b=- c=C d=-"),
        (replace_twice, "a=Old b=- c=C d=D"),
        (|world, _| world.nightly(), "a=New b=B c=- d=-"),
    ];
    for (next, expected) in cases {
        let (world, before) = after_half_a_run();
        succeed(&next(&world, &before));
        world.assert_holds(expected);
        assert_settled(&world);
    }
}

#[test]
fn what_half_a_run_created_is_removed_once_it_is_reverted() {
    for (prune, left) in [("false", "a=A b=-"), ("true", "a=- b=-")] {
        let world = World::new();
        world.refuse("b", 1);
        fails(&world.change("a=A b=B"));
        let result = succeed(&world.change("a=- b=-").input("prune", prune));
        let is_told = |name: &str| {
            result
                .log
                .contains(&format!("no longer declares `domain/{name}`"))
        };
        assert_eq!([is_told("a"), is_told("b")], [prune == "false", false]);
        world.assert_holds(left);
        assert_settled(&world);
    }
}

/// The run was refused, it was cancelled, or it never started.
#[test]
fn what_a_run_did_not_write_is_written_by_the_next_push() {
    let refused: fn(&World, &Step) = |world, step| {
        world
            .port
            .inject(Fault::status(403).on("POST", "*/domain/entities"));
        fails(step);
    };
    let cancelled: fn(&World, &Step) = |world, step| {
        let write = Matcher::new("POST", "*/domain/entities");
        let hang = Fault::hang().when(write.clone()).after_effect();
        world.port.inject(hang);
        let result = run_and_signal(step, &world.port, &write, &["-INT"]);
        assert_eq!(result.status, 130);
    };
    for run_first in [refused, cancelled, |_, _| {}] {
        let world = World::new();
        let step = world.change("a=A");
        world.port.clear_journal();
        run_first(&world, &step);
        succeed(&world.change("b=B"));
        world.assert_holds("a=A b=B");
        assert_settled(&world);
    }
}

#[test]
fn two_weeks_of_plans_do_not_count_as_applied() {
    let world = World::new();
    for day in 0..14 {
        succeed(
            &world
                .change(&format!("d{day}=Planned"))
                .input("mode", "plan"),
        );
    }
    assert_eq!(world.port.entities().len(), 0, "and no state either");
    assert_eq!(succeed(&world.push("Apply")).output("created"), "14");
}

/// GitHub compares over any number of commits, but lists 300 files at most. Where no entity file changed, the
/// new commit is saved, so that the next comparison is short again.
#[test]
fn what_was_applied_long_ago_is_compared_by_its_files() {
    for (domains, most_github, most_port) in [("b=B", 6, 9), ("a=A", 4, 4)] {
        let world = World::new();
        succeed(&world.change("a=A"));
        for n in 0..310 {
            world.write(&format!("notes/{n}.md"), "Note\n");
        }
        for _ in 0..130 {
            world.commit("Something else");
        }
        let (result, github, port) = cost(&world, &world.change(domains));
        assert_eq!(result.status, 0);
        world.assert_holds(domains);
        // The tip, the comparison, two trees, and for a change the contents and the tip.
        assert!(
            github <= most_github && port <= most_port,
            "{github}, {port}"
        );
        assert_eq!(world.state_property("commit"), world.head().as_str());
        assert_settled(&world);
    }
}

#[test]
fn moves_in_one_push_write_nothing() {
    let world = World::new();
    succeed(&world.push_file("port.yml", &domains("a b")));
    world.write("port.yml", &domain("a"));
    world.write(
        "b/entity.json",
        r#"{"identifier": "b", "blueprint": "domain"}"#,
    );
    world.port.clear_journal();
    assert_outputs(
        &succeed(&world.push("Move b to a file of its own")),
        "unchanged=2",
    );
    world.repository.rename("port.yml", "all/port.yaml");
    succeed(&world.push("Rename the other"));
    assert_eq!(world.port_writes(), [""; 0]);
    let about_domains = world.port.requests_to("POST", "*/domain/*");
    assert!(
        about_domains.is_empty(),
        "Git alone says that nothing changed"
    );
    assert_settled(&world);
}

#[test]
fn moves_over_two_pushes_end_with_what_is_left() {
    let world = World::new();
    succeed(&world.change("old:a=Old"));
    fails(&world.change("new:a=New"));
    succeed(&world.change("old:a=-"));
    world.assert_holds("a=New");
    succeed(&world.change("both:b=B"));
    succeed(&world.change("both:b=-"));
    succeed(&world.change("again:b=Again"));
    world.assert_holds("a=New b=Again");
    assert_settled(&world);
}

#[test]
fn the_first_push_of_an_empty_repository_is_applied() {
    let mut world = World::fresh();
    world.repository = TestRepository::new().unwrap();
    world.github = GitHubSandbox::start(&world.repository).unwrap();
    stage(&world.repository, "a=A");
    world.repository.commit("Begin").unwrap();
    assert_eq!(succeed(&world.first_push()).output("created"), "1");
}

/// Entities, and so states, count for billing.
#[test]
fn a_repository_without_entities_has_no_state() {
    let world = World::fresh();
    succeed(&world.first_push());
    succeed(&push_elsewhere(&world));
    assert!(world.state().is_none());
    assert!(world.port.blueprint("gitops_source").is_none());
}

#[test]
fn the_last_entity_file_may_go() {
    for (prune, left, removed) in [("false", "a=A", 1), ("true", "a=-", 0)] {
        let world = World::new();
        succeed(&world.change("a=A"));
        succeed(&world.change("a=-").input("prune", prune));
        world.assert_holds(left);
        assert_eq!(world.state_property("entity_count"), 0);
        let found = world.state_property("removed").as_array().unwrap().len();
        assert_eq!(found, removed);
        assert_settled(&world);
    }
}
