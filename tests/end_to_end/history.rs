//! Pushes one after another, of which some runs fail, are cancelled or never start, and some replace
//! what was pushed before.

use std::time::Duration;

use port_gitops_sandbox::github::{Access, Permission, Resource, State, Throttle};
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Fault, GitHubSandbox, Matcher, ObjectId, Sandbox, TestRepository};

use crate::interrupted::run_and_signal;
use crate::world::{World, run, succeed};

fn refuse(world: &World, name: &str) {
    let failure = Failure::new(422, "invalid_request", "not today");
    world.port.refuse("domain", name, failure, 1);
}

fn titles(world: &World, names: &[&str]) -> Vec<String> {
    let title = |name: &&str| {
        world
            .title("domain", name)
            .unwrap_or_else(|| "–".to_owned())
    };
    names.iter().map(title).collect()
}

/// A world in which the run of a push has written the new title of `a`, but not `b`, which is new,
/// and the commit before that push.
fn after_half_a_run() -> (World, ObjectId) {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    succeed(&world.push("Add a"));
    let before = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "New");
    world.write_domain("b/port.yml", "b", "B");
    refuse(&world, "b");
    let result = run(&world.push("Change a and add b"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(titles(&world, &["a", "b"]), ["New", "–"]);
    (world, before)
}

#[test]
fn the_next_push_takes_up_what_failed_at_port() {
    let (world, _) = after_half_a_run();
    world.write_domain("c/port.yml", "c", "C");
    let result = succeed(&world.push("Add c"));
    assert_eq!(result.output("created"), "2", "{}", result.log);
    assert_eq!(titles(&world, &["a", "b", "c"]), ["New", "B", "C"]);
}

#[test]
fn where_port_was_down_the_next_push_writes_both() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "A");
    world
        .port
        .inject(Fault::status(403).on("POST", "*/entities"));
    let result = run(&world.push("Add a"));
    assert_ne!(result.status, 0, "{}", result.log);
    world.write_domain("b/port.yml", "b", "B");
    succeed(&world.push("Add b"));
    assert_eq!(titles(&world, &["a", "b"]), ["A", "B"]);
}

#[test]
fn what_half_a_run_wrote_goes_with_a_revert() {
    let (world, _) = after_half_a_run();
    world.write_domain("a/port.yml", "a", "Old");
    world.repository.remove("b/port.yml");
    let result = succeed(&world.push("Revert"));
    assert_eq!(titles(&world, &["a", "b"]), ["Old", "–"], "{}", result.log);
}

#[test]
fn what_half_a_run_created_is_listed_once_it_is_reverted() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "A");
    world.write_domain("b/port.yml", "b", "B");
    refuse(&world, "b");
    assert_eq!(run(&world.push("Add a and b")).status, 1);
    world.repository.remove("a/port.yml").remove("b/port.yml");
    let result = succeed(&world.push("Revert"));
    let notice = |name: &str| format!("Git no longer declares `domain/{name}`");
    assert!(result.log.contains(&notice("a")), "{}", result.log);
    assert!(!result.log.contains(&notice("b")), "{}", result.log);
}

#[test]
fn an_amend_after_half_a_run_leaves_nothing_of_it() {
    let (world, before) = after_half_a_run();
    let amended = world.repository.head().unwrap();
    world.repository.reset_hard(&before).unwrap();
    world.write_domain("c/port.yml", "c", "C");
    world.repository.commit("Add c instead").unwrap();
    let result = succeed(&world.pushed(&amended));
    assert_eq!(
        titles(&world, &["a", "b", "c"]),
        ["Old", "–", "C"],
        "{}",
        result.log
    );
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
    let amended = world.repository.head().unwrap();
    world.repository.reset_hard(&before).unwrap();
    world.write_domain("c/port.yml", "c", "C");
    world.repository.commit("Add c instead").unwrap();
    let result = succeed(&world.pushed(&amended));
    assert_eq!(titles(&world, &["a", "c"]), ["Old", "C"], "{}", result.log);
    assert!(
        result.log.contains("Git no longer declares `domain/b`"),
        "{}",
        result.log
    );
}

#[test]
fn a_force_push_whose_run_was_dropped_is_made_good_by_the_next_push() {
    let (world, before) = after_half_a_run();
    world.repository.reset_hard(&before).unwrap();
    world.write_domain("c/port.yml", "c", "C");
    world.repository.commit("Add c instead").unwrap();
    // That push has no run: a newer one took its place in the queue.
    world.write_domain("d/port.yml", "d", "D");
    let result = succeed(&world.push("Add d"));
    assert_eq!(
        titles(&world, &["a", "b", "c", "d"]),
        ["Old", "–", "C", "D"],
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
fn a_run_that_was_cancelled_or_killed_is_made_good_by_the_next_push() {
    for (signal, status) in [("-INT", 130), ("-KILL", -1)] {
        let world = World::new();
        world.write_domain("a/port.yml", "a", "Old");
        succeed(&world.push("Add a"));
        world.write_domain("a/port.yml", "a", "New");
        world.write_domain("b/port.yml", "b", "B");
        let step = world.push("Change a and add b");
        world.port.clear_journal();
        let write = Matcher::new("POST", "*/entities/bulk");
        world
            .port
            .inject(Fault::hang().when(write.clone()).after_effect());
        let result = run_and_signal(&step, &world.port, &write, &[signal]);
        assert_eq!(result.status, status, "{}", result.log);
        assert_eq!(titles(&world, &["a", "b"]), ["New", "B"]);

        world.write_domain("a/port.yml", "a", "Old");
        world.write_domain("c/port.yml", "c", "C");
        let result = succeed(&world.push("Revert a and add c"));
        assert_eq!(
            titles(&world, &["a", "b", "c"]),
            ["Old", "B", "C"],
            "{signal}: {}",
            result.log
        );
    }
}

#[test]
fn other_inputs_have_a_record_of_their_own() {
    let world = World::new();
    world
        .repository
        .write("more/own.yml", "identifier: own\nblueprint: domain\n");
    world.write_domain("a/port.yml", "a", "A");
    succeed(&world.push("Add a, and a file that is not looked at"));
    assert_eq!(world.port.entities().len(), 1);
    world.write_domain("b/port.yml", "b", "B");
    let files = "**/port.yml\n**/own.yml";
    let result = succeed(&world.push("Look at it").input("files", files));
    assert_eq!(result.output("created"), "2", "{}", result.log);
    assert_eq!(result.output("unchanged"), "1", "{}", result.log);
    assert_eq!(world.port.entities().len(), 3);
}

#[test]
fn two_weeks_of_plans_do_not_count_as_applied() {
    let world = World::new();
    for day in 0..14 {
        let name = format!("d{day}");
        world.write_domain(&format!("{name}/port.yml"), &name, "Planned");
        succeed(&world.push("Add one").input("mode", "plan"));
    }
    assert_eq!(world.port.entities().len(), 0);
    let result = succeed(&world.push("Apply"));
    assert_eq!(result.output("created"), "14", "{}", result.log);
}

#[test]
fn the_record_is_found_behind_many_commits() {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "A");
    world.repository.commit("Add a").unwrap();
    for _ in 0..130 {
        world.repository.commit("Something else").unwrap();
    }
    world.write_domain("b/port.yml", "b", "B");
    let result = succeed(&world.push("Add b"));
    assert_eq!(result.output("created"), "2", "{}", result.log);
    assert!(
        !result.log.contains("nothing was applied with these inputs"),
        "{}",
        result.log
    );
}

#[test]
fn what_was_sound_before_a_file_was_broken_goes_when_it_is_mended_without_it() {
    let world = World::new();
    let sound = "identifier: a\nblueprint: domain\nproperties: {owner: me}\n---\n{identifier: b, blueprint: domain}\n";
    world.repository.write("port.yml", sound);
    succeed(&world.push("Add a and b"));
    world
        .repository
        .write("port.yml", &format!("{sound}---\n: ["));
    assert_eq!(run(&world.push("Break it")).status, 1);
    world
        .repository
        .write("port.yml", "identifier: a\nblueprint: domain\n");
    let result = succeed(&world.push("Mend it without b and without a's owner"));
    let a = world.port.entity("domain", "a").unwrap();
    assert!(a["properties"].get("owner").is_none(), "{}", result.log);
    assert!(
        result.log.contains("Git no longer declares `domain/b`"),
        "{}",
        result.log
    );
}

#[test]
fn an_entity_that_was_declared_twice_is_written_once_it_is_declared_once() {
    let world = World::new();
    world.write_domain("one/port.yml", "a", "A");
    world.write_domain("two/port.yml", "a", "A");
    assert_eq!(run(&world.push("Add a twice")).status, 1);
    assert_eq!(world.title("domain", "a"), None);
    world.repository.remove("two/port.yml");
    succeed(&world.push("Keep one"));
    assert_eq!(world.title("domain", "a").unwrap(), "A");
}

#[test]
fn an_entity_that_was_declared_three_times_is_written_once_it_is_declared_once() {
    let world = World::new();
    for path in ["one/port.yml", "two/port.yml", "three/port.yml"] {
        world.write_domain(path, "a", "A");
    }
    assert_eq!(run(&world.push("Add a three times")).status, 1);
    world
        .repository
        .remove("two/port.yml")
        .remove("three/port.yml");
    succeed(&world.push("Keep one"));
    assert_eq!(world.title("domain", "a").unwrap(), "A");
}

#[test]
fn what_one_of_two_declarations_put_there_goes_with_it() {
    let world = World::new();
    let owned = "identifier: a\nblueprint: domain\nproperties: {owner: me}\n";
    world.repository.write("one/port.yml", owned);
    succeed(&world.push("Add a"));
    let bare = "identifier: a\nblueprint: domain\n";
    world.repository.write("two/port.yml", bare);
    run(&world.push("Add it again"));
    world.repository.remove("one/port.yml");
    world
        .repository
        .write("two/port.yml", &format!("# The only one.\n{bare}"));
    let result = succeed(&world.push("Keep the other"));
    let a = world.port.entity("domain", "a").unwrap();
    assert!(a["properties"].get("owner").is_none(), "{}", result.log);
}

#[test]
fn what_could_not_be_read_is_written_once_it_can() {
    let world = World::new();
    world.write_domain("one/port.yml", "a", "A");
    world.write_domain("two/port.yml", "a", "A");
    assert_eq!(run(&world.push("Add a twice")).status, 1);
    world
        .repository
        .write("two/port.yml", ": [")
        .remove("one/port.yml");
    assert_eq!(run(&world.push("Keep one and break it")).status, 1);
    world.write_domain("two/port.yml", "a", "A");
    succeed(&world.push("Mend it"));
    assert_eq!(world.title("domain", "a").unwrap(), "A");
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
}

#[test]
fn moves_in_one_push_ask_port_for_nothing() {
    let world = World::new();
    let two = "{identifier: a, blueprint: domain}\n---\n{identifier: b, blueprint: domain}\n";
    world.repository.write("port.yml", two);
    succeed(&world.push("Add a and b"));
    world.port.clear_journal();
    world
        .repository
        .write("port.yml", "{identifier: a, blueprint: domain}\n");
    world.repository.write(
        "b/entity.json",
        r#"{"identifier": "b", "blueprint": "domain"}"#,
    );
    let result = succeed(&world.push("Move b to a file of its own"));
    assert_eq!(result.output("unchanged"), "2", "{}", result.log);
    world.repository.rename("port.yml", "all/port.yaml");
    succeed(&world.push("Rename the other"));
    assert_eq!(world.port.journal().len(), 0);
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

#[test]
fn without_the_record_the_event_s_own_commits_count_and_the_log_says_what_is_missing() {
    let world = World::new();
    world
        .github
        .set_permission(Permission::Statuses, Access::None);
    world.write_domain("a/port.yml", "a", "A");
    let result = succeed(&world.push("Add a"));
    assert_eq!(result.output("created"), "1", "{}", result.log);
    assert!(result.log.contains("statuses: write"), "{}", result.log);
    let zero = world.repository.zero_id();
    world.port.remove_entity("domain", "a");
    let result = succeed(&world.pushed(&zero));
    assert_eq!(result.output("created"), "1", "{}", result.log);
}

#[test]
fn where_the_record_can_only_be_read_everything_is_written_all_the_same() {
    let world = World::new();
    world
        .github
        .set_permission(Permission::Statuses, Access::Read);
    for (name, message) in [("a", "Add a"), ("b", "Add b")] {
        world.write_domain(&format!("{name}/port.yml"), name, "T");
        let result = succeed(&world.push(message));
        assert_eq!(result.output("created"), "1", "{}", result.log);
        assert!(result.log.contains("statuses: write"), "{}", result.log);
    }
}

#[test]
fn statuses_of_others_are_not_ours() {
    let world = World::new();
    let head = world.repository.head().unwrap();
    world
        .github
        .add_status(&head, "port-gitops/000000000000", State::Failure);
    world.write_domain("a/port.yml", "a", "A");
    let (_, after) = world.commit("Add a");
    world.github.add_status(&after, "ci/build", State::Failure);
    world.port.clear_journal();
    succeed(&world.pushed(&head));
    assert!(
        world
            .port_requests()
            .iter()
            .all(|one| !one.ends_with("/search")),
        "nothing has to be compared with Port"
    );
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
        world.github.set_budget(Resource::Graphql, 100, second);
        world.github.throttle(throttle, 1);
        let result = succeed(&step);
        assert_eq!(result.output("created"), "1", "{}", result.log);
        assert!(result.log.contains(said), "{}", result.log);
    }
}
