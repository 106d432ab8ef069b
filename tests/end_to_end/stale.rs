//! Runs whose branch moves on: before they write, while they do, and after.

use std::sync::{Arc, Mutex};

use port_gitops_sandbox::github::State;
use port_gitops_sandbox::{Answer, Effect, Fault, Matcher, ObjectId, Sandbox, Step, StepResult};
use serde_json::json;

use crate::world::{World, binary, cannot_go_on, patient, run, succeed};

/// A world with `a` and `b`, both old in Port and in Git, each in a file of its own.
fn world() -> World {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    world.write_domain("b/port.yml", "b", "Old");
    succeed(&world.push("Add a and b"));
    world
}

fn titles(world: &World) -> [String; 2] {
    ["a", "b"].map(|name| world.title("domain", name).unwrap_or_default())
}

#[test]
fn what_moved_on_before_the_run_is_left_to_the_newer_one() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    world.write_domain("a/port.yml", "a", "Two");
    let newer = world.push("Change a again");
    let result = run(&older);
    assert_eq!(result.output("superseded"), "1", "{}", result.log);
    assert_eq!(titles(&world), ["Old", "One"]);
    succeed(&newer);
    assert_eq!(titles(&world), ["Two", "One"]);
}

#[test]
fn a_run_that_is_older_than_what_is_applied_writes_nothing_over_it() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let older = world.push("Change a");
    world.write_domain("a/port.yml", "a", "Two");
    succeed(&world.push("Change a again"));
    world.port.clear_journal();
    let result = run(&older);
    assert_eq!(titles(&world), ["Two", "Old"], "{}", result.log);
    assert_eq!(world.port_writes(), [""; 0]);
    world.repository.write("README.md", "# More\n");
    succeed(&world.push("Change something else"));
    assert_eq!(titles(&world), ["Two", "Old"]);
}

#[test]
fn a_run_that_is_started_again_does_not_bring_old_content_back() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let step = world.push("Change a");
    succeed(&step);
    succeed(&step);
    assert_eq!(titles(&world), ["One", "Old"]);
    world.write_domain("a/port.yml", "a", "Two");
    succeed(&world.push("Change a again"));
    run(&step);
    assert_eq!(titles(&world), ["Two", "Old"]);
}

#[test]
fn a_head_that_was_replaced_is_neither_applied_nor_recorded() {
    let world = world();
    let base = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "One");
    let replaced = world.push("Change a");
    let head = world.repository.head().unwrap();
    world.repository.reset_hard(&base).unwrap();
    world.write_domain("b/port.yml", "b", "Two");
    world.repository.commit("Change b instead").unwrap();
    world.port.clear_journal();
    let result = succeed(&replaced);
    assert!(
        result.log.contains("no longer in the branch"),
        "{}",
        result.log
    );
    assert_eq!(world.port.journal().len(), 0);
    assert_eq!(world.github.statuses(&head).len(), 0);
    succeed(&world.pushed(&head));
    assert_eq!(titles(&world), ["Old", "Two"]);
}

#[test]
fn a_branch_that_is_gone_is_left_alone() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let step = world.push("Change a");
    world.repository.create_branch("other").unwrap();
    world.repository.delete_branch("main").unwrap();
    let result = succeed(&step);
    assert!(result.log.contains("is gone"), "{}", result.log);
    assert_eq!(titles(&world), ["Old", "Old"]);
}

/// A step that waits for its moment.
type Later = Arc<Mutex<Option<Step>>>;

/// Moves the branch on once the older run has looked at its tip, and runs the newer step from beginning
/// to end while Port has the older one's write.
fn overlap(world: &World, older: &Step, later: &Later, write: Fault) -> StepResult {
    let (repository, before) = (world.repository.clone(), world.repository.head().unwrap());
    world.write_domain("a/port.yml", "a", "Two");
    let newer = world.push("Change a again");
    let tip = repository.head().unwrap();
    repository.reset_hard(&before).unwrap();
    let move_on = Fault::call(move || repository.reset_hard(&tip).unwrap());
    world.port.inject(move_on.on("GET", "*/blueprints/*"));
    world.port.inject(write);
    *later.lock().unwrap() = Some(newer);
    run(older)
}

#[test]
fn what_a_newer_run_wrote_in_the_middle_wins() {
    for effect in [Effect::None, Effect::Taken] {
        let world = world();
        world.write_domain("a/port.yml", "a", "One");
        let older = world.push("Change a");
        let later = Later::default();
        let waiting = Arc::clone(&later);
        let write = Fault::call(move || {
            let newer = waiting.lock().unwrap().take().unwrap();
            let result = newer.run(binary()).unwrap();
            assert_eq!(result.status, 0, "{}", result.log);
        });
        let write = write.on("POST", "*/domain/entities");
        let result = match effect {
            Effect::None => overlap(&world, &older, &later, write),
            Effect::Taken => overlap(&world, &older, &later, write.after_effect()),
        };
        assert!(later.lock().unwrap().is_none());
        assert_eq!(titles(&world), ["Two", "Old"], "{}", result.log);
        assert_eq!(result.output("superseded"), "1", "{}", result.log);
    }
}

#[test]
fn what_is_newer_in_git_alone_is_written_in_its_stead() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    let repository = world.repository.clone();
    let push = Fault::call(move || {
        repository.write(
            "a/port.yml",
            "identifier: a\nblueprint: domain\ntitle: Two\n",
        );
        repository.commit("Change a again").unwrap();
    });
    world
        .port
        .inject(push.on("POST", "*/domain/entities/bulk").after_effect());
    let result = run(&older);
    assert_eq!(titles(&world), ["Two", "One"], "{}", result.log);
    assert_eq!(result.output("superseded"), "1", "{}", result.log);
}

#[test]
fn a_force_push_in_the_middle_takes_back_what_was_written() {
    let world = world();
    let base = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("c/port.yml", "c", "One");
    let older = world.push("Change a and add c");
    let repository = world.repository.clone();
    let push = Fault::call(move || repository.reset_hard(&base).unwrap());
    world
        .port
        .inject(push.on("POST", "*/domain/entities/bulk").after_effect());
    let result = run(&older);
    assert_eq!(titles(&world), ["Old", "Old"], "{}", result.log);
}

#[test]
fn what_another_file_of_the_tip_declares_is_not_deleted() {
    let world = world();
    let base = world.repository.head().unwrap();
    world.write_domain("other/port.yml", "a", "Other");
    let older = world.push("Declare a at another place too");
    let repository = world.repository.clone();
    let push = Fault::call(move || repository.reset_hard(&base).unwrap());
    world
        .port
        .inject(push.on("POST", "*/domain/entities").after_effect());
    let result = run(&older.input("prune", "true"));
    assert_eq!(titles(&world), ["Old", "Old"], "{}", result.log);
}

#[test]
fn what_a_newer_run_declares_in_another_file_is_not_left_deleted() {
    let world = world();
    world.repository.remove("a/port.yml");
    let older = world.push("Remove a");
    let repository = world.repository.clone();
    let push = Fault::call(move || {
        let text = "identifier: a\nblueprint: domain\ntitle: Moved\n";
        repository.write("elsewhere/port.yml", text);
        repository.commit("Declare a again").unwrap();
    });
    world
        .port
        .inject(push.on("POST", "*/bulk/entities/delete").after_effect());
    let result = run(&older.input("prune", "true"));
    assert_eq!(titles(&world), ["Moved", "Old"], "{}", result.log);
    assert_eq!(result.output("superseded"), "1", "{}", result.log);
}

#[test]
fn what_an_overtaken_run_adds_goes_if_a_force_push_has_dropped_it() {
    let world = World::new();
    let begin = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "Old");
    let older = world.push("Add a");
    world.repository.write("README.md", "# More\n");
    world.repository.commit("Change something else").unwrap();
    let repository = world.repository.clone();
    let push = Fault::call(move || repository.reset_hard(&begin).unwrap());
    world
        .port
        .inject(push.on("POST", "*/domain/entities").after_effect());
    let result = run(&older.input("prune", "true"));
    assert_eq!(world.port.entities().len(), 0, "{}", result.log);
}

#[test]
fn what_is_pushed_after_the_run_is_the_next_one_s() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let older = world.push("Change a");
    let repository = world.repository.clone();
    let push = Fault::call(move || {
        repository.write(
            "a/port.yml",
            "identifier: a\nblueprint: domain\ntitle: Two\n",
        );
        repository.commit("Change a again").unwrap();
    });
    // The status at the end is the third that is written: one says that the run begins, one is the
    // base's.
    world.github.inject(push.on("POST", "*/statuses/*").skip(2));
    let before = world.repository.head().unwrap();
    succeed(&older);
    assert_eq!(titles(&world), ["One", "Old"]);
    succeed(&world.pushed(&before));
    assert_eq!(titles(&world), ["Two", "Old"]);
}

#[test]
fn a_mark_that_is_set_twice_as_the_answer_was_lost_is_no_other_run() {
    let world = world();
    let base = world.repository.head().unwrap();
    let lost = Fault::status(502).after_effect();
    world
        .github
        .inject(lost.on("POST", &format!("*/statuses/{base}")).times(1));
    world.write_domain("a/port.yml", "a", "One");
    let result = succeed(&world.push("Change a"));
    let head = world.repository.head().unwrap();
    assert_eq!(
        world.github.statuses(&head)[0].state,
        State::Success,
        "{}",
        result.log
    );
    assert!(!result.log.contains("another run wrote"), "{}", result.log);
}

#[test]
fn a_token_that_sees_nothing_is_not_taken_for_a_branch_that_is_gone() {
    let world = world();
    let hidden = Answer::json(404, &json!({"message": "Not Found"}));
    world
        .github
        .inject(Fault::answer(hidden).on("GET", "*/repos/*").times(100));
    world.write_domain("a/port.yml", "a", "One");
    let result = run(&world.push("Change a").input("base", "before"));
    assert_eq!(result.status, 2, "{}", result.log);
    assert!(result.log.contains("contents: read"), "{}", result.log);
}

/// So many that the words for the next attempt are not followed to their end at once.
#[test]
fn more_hidden_runs_than_are_followed_at_once_are_not_forgotten() {
    let world = world();
    let base = world.repository.head().unwrap();
    for n in 1..70 {
        world.write_domain("b/port.yml", "b", &format!("B{n}"));
        succeed(&world.push("Change b"));
    }
    world.write_domain("a/port.yml", "a", "Last");
    world.write_domain("c/port.yml", "c", "Last");
    succeed(&world.push("Change a and add c"));
    // The run of the force-push was dropped from the queue, and another push follows.
    world.repository.reset_hard(&base).unwrap();
    world.repository.write("README.md", "# More\n");
    let result = succeed(&world.push("Something else").input("prune", "true"));
    assert_eq!(titles(&world), ["Old", "Old"], "{}", result.log);
    assert!(
        result.log.contains("words of more than 60"),
        "{}",
        result.log
    );
    world.repository.write("README.md", "# Yet more\n");
    let result = succeed(&world.push("Something else").input("prune", "true"));
    assert!(world.port.entity("domain", "c").is_none(), "{}", result.log);
}

/// Commits `text` as `a/port.yml` once `a` and `b` are written.
fn move_on(world: &World, text: &'static str) {
    let repository = world.repository.clone();
    let push = Fault::call(move || {
        repository.write("a/port.yml", text);
        repository.commit("Change a again").unwrap();
    });
    let write = push.on("POST", "*/domain/entities/bulk").after_effect();
    world.port.inject(write);
}

#[test]
fn what_was_written_for_a_tip_whose_own_run_never_began_is_not_forgotten() {
    const ONE: &str = "identifier: a\nblueprint: domain\ntitle: One\n";
    let world = world();
    world.repository.write("a/port.yml", ONE);
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    move_on(
        &world,
        "identifier: a\nblueprint: domain\nproperties: {owner: me}\n",
    );
    run(&older);
    let owner = || world.port.entity("domain", "a").unwrap()["properties"]["owner"].clone();
    assert_eq!(owner(), "me");
    let result = succeed(&world.push_file("a/port.yml", ONE));
    assert_eq!(owner(), json!(null), "{}", result.log);
    assert_eq!(titles(&world), ["One", "One"]);
}

#[test]
fn what_a_newer_file_declares_too_is_not_taken_from_it() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    move_on(
        &world,
        "- {identifier: a, blueprint: domain, title: Two}\n- {identifier: b, blueprint: domain, title: Two}\n",
    );
    let result = run(&older);
    assert_eq!(titles(&world), ["Two", "One"], "{}", result.log);
}

/// A moment at which the branch points elsewhere.
fn point(world: &World, to: &ObjectId) -> Fault {
    let (repository, to) = (world.repository.clone(), to.clone());
    Fault::call(move || repository.reset_hard(&to).unwrap())
}

#[test]
fn a_push_that_github_does_not_show_yet_is_looked_for_again() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let (before, step) = (world.repository.head().unwrap(), world.push("Change a"));
    let pushed = world.repository.head().unwrap();
    world.repository.reset_hard(&before).unwrap();
    let show = point(&world, &pushed).on("GET", "*/git/ref/*").skip(1);
    world.github.inject(show);
    let result = succeed(&patient(step));
    assert_eq!(titles(&world), ["One", "Old"], "{}", result.log);
}

#[test]
fn a_push_that_a_copy_of_github_does_not_know_yet_is_read_again() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let step = world.push("Change a");
    world.forget_for_a_moment(world.repository.head().unwrap().as_str());
    let result = succeed(&patient(step));
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(titles(&world), ["One", "Old"]);
}

#[test]
fn what_was_applied_last_is_not_gone_because_a_copy_does_not_know_it_yet() {
    let world = world();
    let base = world.repository.head().unwrap();
    world.repository.remove("a/port.yml");
    let step = world.push("Remove a").input("prune", "true");
    world.forget_for_a_moment(base.as_str());
    let result = succeed(&patient(step));
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
}

/// What GraphQL says of a commit and a branch that it does not show.
fn hidden() -> Fault {
    let hidden = json!({"data": {"repository": {"branch": null, "head": null}}});
    Fault::answer(Answer::json(200, &hidden)).on("POST", "/graphql")
}

#[test]
fn a_push_that_github_never_shows_is_an_error() {
    let world = world();
    let before = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "One");
    let step = world.push("Change a");
    world.repository.reset_hard(&before).unwrap();
    world.github.inject(hidden().always());
    cannot_go_on(&step, &["it is not known yet", "run the job again"]);
    assert_eq!(titles(&world), ["Old", "Old"]);
    world.github.clear_faults();
}

/// GraphQL need not show what no branch and no tag reaches.
#[test]
fn a_queued_run_of_a_commit_that_was_replaced_is_left_to_the_newer_one() {
    let world = world();
    let before = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "One");
    let older = world.push("Change a");
    world.repository.reset_hard(&before).unwrap();
    world.write_domain("a/port.yml", "a", "Two");
    world.commit("Change a in another way");
    world.github.inject(hidden());
    let result = succeed(&older);
    assert!(
        result.log.contains("is no longer in the branch `main`"),
        "{}",
        result.log
    );
    assert_eq!(titles(&world), ["Old", "Old"]);
}

#[test]
fn a_tip_that_is_older_than_what_was_written_is_looked_at_again() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let (before, step) = (world.repository.head().unwrap(), world.push("Change a"));
    let pushed = world.repository.head().unwrap();
    let write = Matcher::new("POST", "*/domain/entities");
    world
        .port
        .inject(point(&world, &before).when(write.clone()));
    let show = point(&world, &pushed).on("GET", "*/git/ref/*").skip(1);
    world.github.inject(show);
    let result = succeed(&patient(step));
    assert_eq!(world.port.requests(&write).len(), 1, "{}", result.log);
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(titles(&world), ["One", "Old"]);
}

#[test]
fn what_port_refuses_as_the_tip_has_it_is_an_error() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let older = world.push("Change a");
    let write = Matcher::new("POST", "*/domain/entities");
    let repository = world.repository.clone();
    let push = Fault::call(move || {
        let text = "identifier: a\nblueprint: domain\ntitle: Two\n";
        repository.write("a/port.yml", text);
        repository.commit("Change a again").unwrap();
    });
    world.port.inject(push.when(write.clone()).after_effect());
    let refusal = json!({"ok": false, "error": "invalid_request", "message": "Not today"});
    let refuse = Fault::answer(Answer::json(422, &refusal));
    world.port.inject(refuse.when(write));
    let result = run(&older);
    assert_eq!(titles(&world), ["One", "Old"], "{}", result.log);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.output("failed"), "1", "{}", result.log);
    assert!(result.log.contains("Not today"), "{}", result.log);
}
