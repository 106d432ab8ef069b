//! Pushes one after another, of which some runs fail, are cancelled or never start, and some replace
//! what was pushed before.

use std::time::Duration;

use port_gitops_sandbox::github::{Resource, Throttle};
use port_gitops_sandbox::{Fault, GitHubSandbox, Matcher, ObjectId, Sandbox, Step, TestRepository};

use super::{assert_settled, cost, domain, push_elsewhere, titles};
use crate::interrupted::run_and_signal;
use crate::world::{World, run, succeed};

/// A world in which the run of a push has written the new title of `a`, but not `b`, which is new,
/// and the commit before that push.
fn after_half_a_run() -> (World, ObjectId) {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    succeed(&world.push("Add a"));
    let before = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "New");
    world.write_domain("b/port.yml", "b", "B");
    world.refuse("b", 1);
    let result = run(&world.push("Change a and add b"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(titles(&world, &["a", "b"]), ["New", "–"]);
    (world, before)
}

/// Drops the last commit, and commits another in its stead.
fn replace_head(world: &World, before: &ObjectId) -> ObjectId {
    let replaced = world.repository.head().unwrap();
    world.repository.reset_hard(before).unwrap();
    world.write_domain("c/port.yml", "c", "C");
    world.repository.commit("Add c instead").unwrap();
    replaced
}

/// What is pushed after half a run, and what Port holds of `a`, `b`, `c` and `d` once that was applied.
type After = (fn(&World, &ObjectId) -> Step, [&'static str; 4]);

#[test]
fn what_half_a_run_left_is_completed_or_undone_by_the_next_push() {
    let cases: [After; 6] = [
        (|world, _| push_elsewhere(world), ["New", "B", "–", "–"]),
        (
            |world, _| {
                world.write_domain("c/port.yml", "c", "C");
                world.push("Add c")
            },
            ["New", "B", "C", "–"],
        ),
        (
            |world, _| {
                world.write_domain("a/port.yml", "a", "Old");
                world.repository.remove("b/port.yml");
                world.push("Revert")
            },
            ["Old", "–", "–", "–"],
        ),
        (
            |world, before| {
                let replaced = replace_head(world, before);
                world.pushed(&replaced)
            },
            ["Old", "–", "C", "–"],
        ),
        // That push has no run: a newer one took its place in the queue.
        (
            |world, before| {
                replace_head(world, before);
                world.write_domain("d/port.yml", "d", "D");
                world.push("Add d")
            },
            ["Old", "–", "C", "D"],
        ),
        (|world, _| world.nightly(), ["New", "B", "–", "–"]),
    ];
    for (number, (next, expected)) in cases.into_iter().enumerate() {
        let (world, before) = after_half_a_run();
        let result = succeed(&next(&world, &before));
        let found = titles(&world, &["a", "b", "c", "d"]);
        assert_eq!(found, expected, "case {number}: {}", result.log);
        assert_settled(&world);
    }
}

#[test]
fn what_half_a_run_created_is_removed_once_it_is_reverted() {
    for prune in ["false", "true"] {
        let world = World::new();
        world.write_domain("a/port.yml", "a", "A");
        world.write_domain("b/port.yml", "b", "B");
        world.refuse("b", 1);
        assert_eq!(run(&world.push("Add a and b")).status, 1);
        world.repository.remove("a/port.yml").remove("b/port.yml");
        let result = succeed(&world.push("Revert").input("prune", prune));
        let notice = |name: &str| format!("Git no longer declares `domain/{name}`");
        let is_pruned = prune == "true";
        assert_ne!(
            result.log.contains(&notice("a")),
            is_pruned,
            "{}",
            result.log
        );
        assert!(!result.log.contains(&notice("b")), "{}", result.log);
        assert_eq!(world.port.entity("domain", "a").is_none(), is_pruned);
        assert_settled(&world);
    }
}

#[test]
fn where_port_was_down_the_next_push_writes_both() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "A");
    let refused = Fault::status(403).on("POST", "*/domain/entities");
    world.port.inject(refused);
    let result = run(&world.push("Add a"));
    assert_eq!(result.status, 1, "{}", result.log);
    world.write_domain("b/port.yml", "b", "B");
    succeed(&world.push("Add b"));
    assert_eq!(titles(&world, &["a", "b"]), ["A", "B"]);
}

#[test]
fn an_amend_after_a_complete_run_leaves_nothing_of_it() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    succeed(&world.push("Add a"));
    let before = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "New");
    world.write_domain("b/port.yml", "b", "B");
    succeed(&world.push("Change a and add b"));
    let amended = replace_head(&world, &before);
    let result = succeed(&world.pushed(&amended));
    assert_eq!(titles(&world, &["a", "c"]), ["Old", "C"], "{}", result.log);
    assert!(
        result.log.contains("Git no longer declares `domain/b`"),
        "{}",
        result.log
    );
}

#[test]
fn a_run_that_never_started_is_made_good_by_the_next_push() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "A");
    drop(world.push("Add a"));
    world.write_domain("b/port.yml", "b", "B");
    succeed(&world.push("Add b"));
    assert_eq!(titles(&world, &["a", "b"]), ["A", "B"]);
}

#[test]
fn a_run_that_was_cancelled_is_made_good_by_the_next_push() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    succeed(&world.push("Add a"));
    world.write_domain("a/port.yml", "a", "New");
    world.write_domain("b/port.yml", "b", "B");
    let step = world.push("Change a and add b");
    world.port.clear_journal();
    let write = Matcher::new("POST", "*/entities/bulk");
    let hang = Fault::hang().when(write.clone()).after_effect();
    world.port.inject(hang);
    let result = run_and_signal(&step, &world.port, &write, &["-INT"]);
    assert_eq!(result.status, 130, "{}", result.log);
    assert_eq!(titles(&world, &["a", "b"]), ["New", "B"]);

    world.write_domain("a/port.yml", "a", "Old");
    world.write_domain("c/port.yml", "c", "C");
    succeed(&world.push("Revert a and add c"));
    assert_eq!(titles(&world, &["a", "b", "c"]), ["Old", "B", "C"]);
    assert_settled(&world);
}

#[test]
fn two_weeks_of_plans_do_not_count_as_applied() {
    let world = World::new();
    for day in 0..14 {
        let name = format!("d{day}");
        world.write_domain(&format!("{name}/port.yml"), &name, "Planned");
        succeed(&world.push("Add one").input("mode", "plan"));
    }
    assert_eq!(world.port.entities().len(), 0, "and no state either");
    let result = succeed(&world.push("Apply"));
    assert_eq!(result.output("created"), "14", "{}", result.log);
}

/// GitHub compares over any number of commits, but lists 300 files at most.
#[test]
fn what_was_applied_long_ago_is_compared_by_its_files() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "A");
    succeed(&world.push("Add a"));
    for n in 0..310 {
        world.repository.write(&format!("notes/{n}.md"), "Note\n");
    }
    for _ in 0..130 {
        world.repository.commit("Something else").unwrap();
    }
    world.write_domain("b/port.yml", "b", "B");
    let (result, github, _) = cost(&world, &world.push("Add b"));
    assert_eq!(result.status, 0, "{}", result.log);
    assert_eq!(result.output("created"), "1", "{}", result.log);
    // The tip, the comparison, two trees, the contents, the tip.
    assert!(github <= 6, "{github}: {}", result.log);
    assert_settled(&world);
}

/// Then the new commit is saved, so that the next comparison is short again.
#[test]
fn a_quiet_push_whose_base_is_too_far_back_saves_the_new_commit() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "A");
    succeed(&world.push("Add a"));
    for n in 0..310 {
        world.repository.write(&format!("notes/{n}.md"), "Note\n");
    }
    let (result, github, port) = cost(&world, &world.push("Write notes"));
    assert_eq!(result.status, 0, "{}", result.log);
    assert!(github <= 4 && port <= 4, "{github}, {port}: {}", result.log);
    let head = world.repository.head().unwrap();
    assert_eq!(world.state_property("commit"), head.as_str());
    assert_settled(&world);
}

/// A title, a property and a relation, in two forms, one in another file.
#[test]
fn moves_in_one_push_write_nothing() {
    let world = World::new();
    let two = "{identifier: a, blueprint: domain}\n---\n{identifier: b, blueprint: domain}\n";
    world.repository.write("port.yml", two);
    succeed(&world.push("Add a and b"));
    world
        .repository
        .write("port.yml", "{identifier: a, blueprint: domain}\n");
    world.repository.write(
        "b/entity.json",
        r#"{"identifier": "b", "blueprint": "domain"}"#,
    );
    world.port.clear_journal();
    let result = succeed(&world.push("Move b to a file of its own"));
    assert_eq!(result.output("unchanged"), "2", "{}", result.log);
    world.repository.rename("port.yml", "all/port.yaml");
    succeed(&world.push("Rename the other"));
    assert_eq!(world.port_writes(), [""; 0]);
    assert!(
        world.port.requests_to("POST", "*/domain/*").is_empty(),
        "Git alone says that nothing changed: {:?}",
        world.port_requests()
    );
    assert_settled(&world);
}

#[test]
fn moves_over_two_pushes_end_with_what_is_left() {
    let world = World::new();
    world.write_domain("old/port.yml", "a", "Old");
    succeed(&world.push("Add a"));
    world.write_domain("new/port.yml", "a", "New");
    run(&world.push("Declare it at its new place too"));
    world.repository.remove("old/port.yml");
    succeed(&world.push("Remove it from its old place"));
    assert_eq!(world.title("domain", "a").unwrap(), "New");

    world.write_domain("both/port.yml", "b", "B");
    succeed(&world.push("Add b"));
    world.repository.remove("both/port.yml");
    succeed(&world.push("Remove it"));
    world.write_domain("again/port.yml", "b", "B again");
    succeed(&world.push("Add it elsewhere"));
    assert_eq!(world.title("domain", "b").unwrap(), "B again");
    assert_settled(&world);
}

#[test]
fn a_branch_may_begin_anew_without_a_common_ancestor() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    world.write_domain("b/port.yml", "b", "B");
    succeed(&world.push("Add a and b"));
    let before = world.repository.head().unwrap();
    world.repository.checkout_orphan("anew");
    world.write_domain("a/port.yml", "a", "New");
    world.repository.commit("Begin anew").unwrap();
    world.repository.checkout("main").unwrap();
    world.repository.reset_hard("anew").unwrap();
    let result = succeed(&world.pushed(&before));
    assert_eq!(titles(&world, &["a", "b"]), ["New", "B"], "{}", result.log);
    assert_settled(&world);
}

#[test]
fn the_first_push_of_an_empty_repository_is_applied() {
    let mut world = World::fresh();
    world.repository = TestRepository::new().unwrap();
    world.github = GitHubSandbox::start(&world.repository).unwrap();
    world.write_domain("a/port.yml", "a", "A");
    world.repository.commit("Begin").unwrap();
    let zero = world.repository.zero_id();
    let result = succeed(&world.pushed(&zero));
    assert_eq!(result.output("created"), "1", "{}", result.log);
}

/// Entities, and so states, count for billing.
#[test]
fn a_repository_without_entities_has_no_state() {
    let world = World::fresh();
    let zero = world.repository.zero_id();
    succeed(&world.pushed(&zero));
    succeed(&push_elsewhere(&world));
    assert!(world.state().is_none());
    assert!(world.port.blueprint("gitops_source").is_none());
}

#[test]
fn the_last_entity_file_may_go() {
    for prune in ["false", "true"] {
        let world = World::new();
        succeed(&world.push_file("port.yml", &domain("a")));
        world.repository.remove("port.yml");
        let result = succeed(&world.push("Remove it").input("prune", prune));
        let is_pruned = prune == "true";
        assert_eq!(world.port.entity("domain", "a").is_none(), is_pruned);
        assert_eq!(world.state_property("entity_count"), 0, "{}", result.log);
        let removed = world.state_property("removed");
        assert_eq!(removed.as_array().unwrap().is_empty(), is_pruned);
        assert_settled(&world);
    }
}

#[test]
fn github_may_ask_for_patience() {
    let second = Duration::from_secs(1);
    let secondary = Throttle::Secondary {
        retry_after: Some(second),
    };
    for (throttle, said) in [
        (secondary, "with 403 Forbidden; waiting 1."),
        (Throttle::GraphqlRateLimited, "rate limit reached; waiting "),
    ] {
        let world = World::new();
        world.write_domain("a/port.yml", "a", "A");
        let step = world.push("Add a");
        world.github.set_budget(Resource::Graphql, 100, 3 * second);
        world.github.throttle(throttle, 1);
        let result = succeed(&step);
        assert_eq!(result.output("created"), "1", "{}", result.log);
        assert!(result.log.contains(said), "{}", result.log);
    }
}
