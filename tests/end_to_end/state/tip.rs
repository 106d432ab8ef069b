//! Runs apply their branch's tip, whatever commit started them, and whenever it moves.

use port_gitops_sandbox::{
    Answer, Fault, Matcher, ObjectId, PortSandbox, Sandbox, Switch, TestRepository,
};
use serde_json::json;

use super::{assert_settled, pruning, push_elsewhere, titles};
use crate::scenes::report;
use crate::world::{World, patient, run, succeed};

/// A world with `a` and `b`, both old in Port and in Git, each in a file of its own.
fn world() -> World {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    world.write_domain("b/port.yml", "b", "Old");
    succeed(&world.push("Add a and b"));
    world
}

fn both(world: &World) -> Vec<String> {
    titles(world, &["a", "b"])
}

/// Commits a new title of `a`, as a colleague does while a run is under way.
fn commit_title(repository: &TestRepository, title: &str) {
    let text = format!("identifier: a\nblueprint: domain\ntitle: {title}\n");
    repository.write("a/port.yml", &text);
    repository.commit("Change a again").unwrap();
}

fn writes(blueprint: &str) -> Matcher {
    Matcher::new("POST", &format!("*/{blueprint}/entities*"))
}

/// Does something to the repository as soon as Port has taken what a run writes.
fn once_written(
    port: &PortSandbox,
    repository: &TestRepository,
    act: impl Fn(&TestRepository) + Send + Sync + 'static,
) {
    let repository = repository.clone();
    let call = Fault::call(move || act(&repository));
    port.inject(call.when(writes("domain")).after_effect());
}

#[test]
fn an_older_run_applies_what_was_pushed_since_and_the_newer_one_finds_nothing_to_do() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    world.write_domain("a/port.yml", "a", "Two");
    let newer = world.push("Change a again");
    let result = succeed(&older);
    assert_eq!(both(&world), ["Two", "One"], "{}", result.log);
    let tip = world.repository.head().unwrap();
    assert_eq!(report(&result)["head"], tip.as_str());
    assert_eq!(world.state_property("commit"), tip.as_str());
    world.port.clear_journal();
    succeed(&newer);
    assert_eq!(world.port_changes(), [""; 0]);
    assert_settled(&world);
}

#[test]
fn a_run_that_is_started_again_does_not_bring_old_content_back() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let step = world.push("Change a");
    succeed(&step);
    world.port.clear_journal();
    succeed(&step);
    assert_eq!(both(&world), ["One", "Old"]);
    world.write_domain("a/port.yml", "a", "Two");
    succeed(&world.push("Change a again"));
    world.port.clear_journal();
    succeed(&step);
    assert_eq!(both(&world), ["Two", "Old"]);
    assert_eq!(world.port_changes(), [""; 0]);
}

/// Also where GraphQL does not show what no branch reaches.
#[test]
fn a_head_that_was_replaced_is_not_applied() {
    for is_hidden in [false, true] {
        let world = world();
        if is_hidden {
            world.github.turn_on(Switch::GraphQlHidesUnreachable);
        }
        let base = world.repository.head().unwrap();
        world.write_domain("a/port.yml", "a", "One");
        let replaced = world.push("Change a");
        let head = world.repository.head().unwrap();
        world.repository.reset_hard(&base).unwrap();
        world.write_domain("b/port.yml", "b", "Two");
        world.repository.commit("Change b instead").unwrap();
        let result = succeed(&replaced);
        assert_eq!(both(&world), ["Old", "Two"], "{}", result.log);
        succeed(&world.pushed(&head));
        assert_eq!(both(&world), ["Old", "Two"]);
        assert_settled(&world);
    }
}

/// What was applied and then replaced is read by its ids, which REST knows where GraphQL does not.
#[test]
fn what_only_a_replaced_commit_declared_is_cleared() {
    for is_hidden in [false, true] {
        let world = world();
        world.let_nulls_clear();
        if is_hidden {
            world.github.turn_on(Switch::GraphQlHidesUnreachable);
        }
        let base = world.repository.head().unwrap();
        let owned = "identifier: a\nblueprint: domain\ntitle: Old\nproperties: {owner: me}\n";
        succeed(&world.push_file("a/port.yml", owned));
        let head = world.repository.head().unwrap();
        world.repository.reset_hard(&base).unwrap();
        let result = succeed(&world.pushed(&head));
        let a = world.port.entity("domain", "a").unwrap();
        assert_eq!(a["properties"], json!({}), "{}", result.log);
        assert_settled(&world);
    }
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
    assert_eq!(both(&world), ["Old", "Old"]);
}

#[test]
fn a_token_that_sees_nothing_does_not_make_a_branch_gone() {
    let world = world();
    let hidden = Answer::json(404, &json!({"message": "Not Found"}));
    let hidden = Fault::answer(hidden).on("GET", "*/repos/*");
    world.github.inject(hidden.times(100));
    world.write_domain("a/port.yml", "a", "One");
    let result = run(&world.push("Change a"));
    assert_eq!(result.status, 2, "{}", result.log);
    assert!(result.log.contains("contents: read"), "{}", result.log);
}

#[test]
fn what_is_pushed_while_a_run_writes_is_applied_too() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    once_written(&world.port, &world.repository, |repository| {
        commit_title(repository, "Two");
    });
    let result = succeed(&older);
    assert_eq!(both(&world), ["Two", "One"], "{}", result.log);
    assert_eq!(result.output("updated"), "2", "each entity counts once");
    let tip = world.repository.head().unwrap();
    assert_eq!(report(&result)["head"], tip.as_str());
    assert_settled(&world);
}

/// A colleague commits to the branch.
type Act = fn(&TestRepository);

/// What the branch becomes while a run writes, and what Port then holds of `a`, `b` and `c`.
#[test]
fn the_branch_may_become_anything_while_a_run_writes() {
    let cases: [(&str, Act, [&str; 3]); 5] = [
        (
            "another title",
            |repository| commit_title(repository, "Two"),
            ["Two", "Old", "C"],
        ),
        (
            "a force-push that drops what is written",
            |repository| repository.reset_hard("HEAD~1").unwrap(),
            ["Old", "Old", "–"],
        ),
        (
            "another place for the new entity",
            |repository| {
                repository.remove("c/port.yml");
                let text = "identifier: c\nblueprint: domain\ntitle: Moved\n";
                repository.write("elsewhere/port.yml", text);
                repository.commit("Move c").unwrap();
            },
            ["One", "Old", "Moved"],
        ),
        (
            "no file at all",
            |repository| {
                for path in ["a/port.yml", "b/port.yml", "c/port.yml"] {
                    repository.remove(path);
                }
                repository.commit("Remove all").unwrap();
            },
            ["–", "–", "–"],
        ),
        (
            "another history",
            |repository| {
                repository.checkout_orphan("anew");
                commit_title(repository, "New");
                repository.checkout("main").unwrap();
                repository.reset_hard("anew").unwrap();
            },
            ["New", "–", "–"],
        ),
    ];
    for (name, act, expected) in cases {
        let world = world();
        world.write_domain("a/port.yml", "a", "One");
        world.write_domain("c/port.yml", "c", "C");
        let older = pruning(world.push("Change a and add c"));
        once_written(&world.port, &world.repository, act);
        let result = succeed(&older);
        let found = titles(&world, &["a", "b", "c"]);
        assert_eq!(found, expected, "{name}: {}", result.log);
        assert_settled(&world);
    }
}

/// What was written is not deleted in the next round because a force-push put it into a file that did
/// not change.
#[test]
fn what_another_file_of_the_tip_declares_is_not_deleted() {
    let world = world();
    let base = world.repository.head().unwrap();
    world.repository.remove("a/port.yml");
    world.write_domain("other/port.yml", "a", "Other");
    let older = pruning(world.push("Move a"));
    once_written(&world.port, &world.repository, move |repository| {
        repository.reset_hard(&base).unwrap();
    });
    let result = succeed(&older);
    assert_eq!(both(&world), ["Old", "Old"], "{}", result.log);
    assert_settled(&world);
}

#[test]
fn what_is_declared_again_while_it_is_deleted_is_created_again() {
    let world = world();
    world.repository.remove("a/port.yml");
    let older = pruning(world.push("Remove a"));
    let repository = world.repository.clone();
    let push = Fault::call(move || {
        let text = "identifier: a\nblueprint: domain\ntitle: Moved\n";
        repository.write("elsewhere/port.yml", text);
        repository.commit("Declare a again").unwrap();
    });
    let delete = push.on("POST", "*/bulk/entities/delete").after_effect();
    world.port.inject(delete);
    let result = succeed(&older);
    assert_eq!(both(&world), ["Moved", "Old"], "{}", result.log);
    assert_settled(&world);
}

#[test]
fn a_newer_mistake_is_found_by_the_older_run() {
    let world = world();
    world.let_nulls_clear();
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    once_written(&world.port, &world.repository, |repository| {
        commit_title(repository, "5");
    });
    let result = run(&older);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(both(&world), ["One", "One"]);
    assert_eq!(world.state_property("status"), "incomplete");
    succeed(&world.push_file("a/port.yml", "identifier: a\nblueprint: domain\n"));
    assert_eq!(both(&world), ["", "One"]);
    assert_settled(&world);
}

/// What was written for a tip that no other run was about is remembered like anything else.
#[test]
fn what_only_a_tip_in_between_declared_is_cleared() {
    let world = world();
    world.let_nulls_clear();
    world.write_domain("a/port.yml", "a", "One");
    let older = world.push("Change a");
    once_written(&world.port, &world.repository, |repository| {
        let text = "identifier: a\nblueprint: domain\nproperties: {owner: me}\n";
        repository.write("a/port.yml", text);
        repository.commit("Change a again").unwrap();
    });
    succeed(&older);
    let owner = || world.port.entity("domain", "a").unwrap()["properties"]["owner"].clone();
    assert_eq!(owner(), "me");
    world.write_domain("a/port.yml", "a", "One");
    succeed(&world.push("Back to what it was"));
    assert_eq!(owner(), json!(null));
    assert_eq!(both(&world), ["One", "Old"]);
    assert_settled(&world);
}

#[test]
fn what_a_newer_file_declares_too_is_a_mistake_in_both() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let older = world.push("Change a");
    once_written(&world.port, &world.repository, |repository| {
        let text = "- {identifier: a, blueprint: domain, title: Two}\n- {identifier: b, blueprint: domain, title: Two}\n";
        repository.write("a/port.yml", text);
        repository.commit("Declare b too").unwrap();
    });
    let result = run(&older);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.output("invalid"), "2", "{}", result.log);
    assert_eq!(both(&world), ["Two", "Old"]);
}

/// Its own push's entity is refused as the tip has it.
#[test]
fn what_port_refuses_as_the_tip_has_it_is_an_error() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let older = world.push("Change a");
    once_written(&world.port, &world.repository, |repository| {
        commit_title(repository, "Two");
    });
    let refusal = json!({"ok": false, "error": "invalid_request", "message": "Not today"});
    let refuse = Fault::answer(Answer::json(422, &refusal));
    world.port.inject(refuse.when(writes("domain")));
    let result = run(&older);
    assert_eq!(both(&world), ["One", "Old"], "{}", result.log);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.output("failed"), "1", "{}", result.log);
    assert!(result.log.contains("Not today"), "{}", result.log);
    succeed(&push_elsewhere(&world));
    assert_eq!(both(&world), ["Two", "Old"]);
}

/// A robot that commits whenever something is written must not keep a run busy for ever.
#[test]
fn a_branch_that_always_moves_is_left_to_the_next_run() {
    let world = world();
    world.write_domain("a/port.yml", "a", "T0");
    let step = world.push("Change a");
    let repository = world.repository.clone();
    let push = Fault::call(move || commit_title(&repository, &format!("T{}", fastrand::u32(..))));
    let push = push.when(writes("domain")).after_effect();
    world.port.inject(push.always());
    world.port.clear_journal();
    let result = succeed(&step);
    assert_eq!(
        world.port.requests(&writes("domain")).len(),
        5,
        "{}",
        result.log
    );
    world.port.clear_faults();
    succeed(&push_elsewhere(&world));
    assert_settled(&world);
}

/// A moment at which the branch points elsewhere.
fn point(world: &World, to: &ObjectId) -> Fault {
    let (repository, to) = (world.repository.clone(), to.clone());
    Fault::call(move || repository.reset_hard(&to).unwrap())
}

const TIP: &str = "*/git/ref/*";

#[test]
fn a_push_that_github_does_not_show_yet_is_looked_for_again() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let (before, step) = (world.repository.head().unwrap(), world.push("Change a"));
    let pushed = world.repository.head().unwrap();
    world.repository.reset_hard(&before).unwrap();
    world
        .github
        .inject(point(&world, &pushed).on("GET", TIP).skip(1));
    let result = succeed(&patient(step));
    assert_eq!(both(&world), ["One", "Old"], "{}", result.log);
    assert_settled(&world);
}

/// A copy of GitHub that lags shows the branch as it was, when the run looks at it for the last time.
#[test]
fn what_was_written_is_not_taken_back_over_a_tip_that_lags() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let (before, step) = (world.repository.head().unwrap(), world.push("Change a"));
    let pushed = world.repository.head().unwrap();
    let lag = point(&world, &before).when(writes("domain")).after_effect();
    world.port.inject(lag);
    let catch_up = point(&world, &pushed).on("GET", TIP).skip(2);
    world.github.inject(catch_up);
    world.port.clear_journal();
    let result = succeed(&patient(step));
    assert_eq!(both(&world), ["One", "Old"], "{}", result.log);
    let count = world.port.requests(&writes("domain")).len();
    assert_eq!(count, 1, "{}", result.log);
    assert_settled(&world);
}

#[test]
fn a_push_that_github_never_shows_is_left_to_the_next_run() {
    let world = world();
    let before = world.repository.head().unwrap();
    world.write_domain("a/port.yml", "a", "One");
    let step = world.push("Change a");
    let pushed = world.repository.head().unwrap();
    world.repository.reset_hard(&before).unwrap();
    let result = succeed(&patient(step));
    assert_eq!(report(&result)["head"], before.as_str());
    assert_eq!(both(&world), ["Old", "Old"]);
    world.repository.reset_hard(&pushed).unwrap();
    succeed(&push_elsewhere(&world));
    assert_eq!(both(&world), ["One", "Old"]);
}

#[test]
fn commits_that_a_copy_of_github_does_not_know_yet_are_read_again() {
    let world = world();
    let base = world.repository.head().unwrap();
    world.repository.remove("a/port.yml");
    let step = pruning(world.push("Remove a"));
    for commit in [&base, &world.repository.head().unwrap()] {
        world.forget_for_a_moment(commit.as_str());
    }
    let result = succeed(&patient(step));
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
    world.github.clear_faults();
    assert_settled(&world);
}

/// The state's own commit may be gone from Git, and a shallow history may not have it.
#[test]
fn a_base_that_git_no_longer_has_is_compared_by_its_files() {
    let world = world();
    let unknown = Answer::json(404, &json!({"message": "Not Found", "status": "404"}));
    let gone = Fault::answer(unknown).on("GET", "*/compare/*");
    world.github.inject(gone);
    world.write_domain("a/port.yml", "a", "Two");
    let result = succeed(&world.push("Change a"));
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(both(&world), ["Two", "Old"]);
    assert_settled(&world);
}
