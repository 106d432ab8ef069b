//! Runs apply their branch's tip, whatever commit started them, and whenever it moves.

use port_gitops_sandbox::{
    Answer, Fault, Matcher, ObjectId, Sandbox, Step, Switch, TestRepository,
};
use serde_json::{Value, json};

use super::{assert_settled, push_elsewhere};
use crate::scenes::report;
use crate::world::{World, commit, domain, domains, fails, patient, pruning, run, stage, succeed};

/// A world with `a` and `b`, both old in Port and in Git, each in a file of its own.
fn world() -> World {
    let world = World::new();
    succeed(&world.change("a=Old b=Old"));
    world
}

fn writes() -> Matcher {
    Matcher::new("POST", "*/domain/entities*")
}

/// Lets a colleague do something as soon as Port has taken what a run writes.
fn once_written(world: &World, act: Fault) {
    world.port.inject(act.when(writes()).after_effect());
}

fn owner(world: &World) -> Value {
    world.entity("domain", "a")["properties"]["owner"].clone()
}

const OWNED: &str = "identifier: a\nblueprint: domain\ntitle: Old\nproperties: {owner: me}\n";

#[test]
fn an_older_run_applies_what_was_pushed_since_and_the_newer_one_finds_nothing_to_do() {
    let world = world();
    let older = world.change("a=One b=One");
    let newer = world.change("a=Two");
    let result = succeed(&older);
    world.assert_holds("a=Two b=One");
    let tip = world.head();
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
    let step = world.change("a=One");
    for _ in 0..2 {
        succeed(&step);
        world.assert_holds("a=One b=Old");
    }
    succeed(&world.change("a=Two"));
    world.port.clear_journal();
    succeed(&step);
    world.assert_holds("a=Two b=Old");
    assert_eq!(world.port_changes(), [""; 0]);
}

/// Also where GraphQL does not show what no branch reaches. What was applied and then replaced is read by its
/// ids, which REST knows.
#[test]
fn a_head_that_was_replaced_is_not_applied_and_what_it_declared_is_cleared() {
    for is_hidden in [false, true] {
        for was_applied in [false, true] {
            let world = world();
            world.let_nulls_clear();
            if is_hidden {
                world.github.turn_on(Switch::GraphQlHidesUnreachable);
            }
            let base = world.head();
            let replaced = world.push_file("a/port.yml", OWNED);
            let head = world.head();
            if was_applied {
                succeed(&replaced);
                assert_eq!(owner(&world), "me");
            }
            world.repository.reset_hard(&base).unwrap();
            stage(&world.repository, "b=Two");
            world.commit("Change b instead");
            for step in [&replaced, &world.pushed(&head)] {
                succeed(step);
                world.assert_holds("a=Old b=Two");
                assert_eq!(owner(&world), json!(null));
            }
            assert_settled(&world);
        }
    }
}

#[test]
fn a_branch_that_is_gone_is_left_alone() {
    let world = world();
    let step = world.change("a=One");
    world.repository.create_branch("other").unwrap();
    world.repository.delete_branch("main").unwrap();
    assert!(succeed(&step).log.contains("is gone"));
    world.assert_holds("a=Old b=Old");
}

#[test]
fn a_token_that_sees_nothing_does_not_make_a_branch_gone() {
    let world = world();
    let hidden = Answer::json(404, &json!({"message": "Not Found"}));
    let hidden = Fault::answer(hidden).on("GET", "*/repos/*");
    world.github.inject(hidden.times(100));
    let result = run(&world.change("a=One"));
    assert_eq!(result.status, 2);
    assert!(result.log.contains("contents: read"));
}

/// What the branch becomes while a run writes `a=One b=One c=C`, and what Port then holds.
#[test]
fn the_branch_may_become_anything_while_a_run_writes() {
    type Act = fn(&TestRepository);
    let another_title: Act = |repository| commit(repository, "a=Two");
    let a_force_push_that_drops_it: Act = |repository| repository.reset_hard("HEAD~1").unwrap();
    let another_file: Act = |repository| commit(repository, "c=- elsewhere:c=Moved");
    let no_file_at_all: Act = |repository| commit(repository, "a=- b=- c=-");
    let another_history: Act = |repository| {
        repository.checkout_orphan("anew");
        commit(repository, "a=New");
        repository.checkout("main").unwrap();
        repository.reset_hard("anew").unwrap();
    };
    for (act, expected) in [
        (another_title, "a=Two b=One c=C"),
        (a_force_push_that_drops_it, "a=Old b=Old c=-"),
        (another_file, "a=One b=One c=Moved"),
        (no_file_at_all, "a=- b=- c=-"),
        (another_history, "a=New b=- c=-"),
    ] {
        let world = world();
        let older = pruning(world.change("a=One b=One c=C"));
        once_written(&world, world.meanwhile(act));
        let result = succeed(&older);
        world.assert_holds(expected);
        if expected == "a=Two b=One c=C" {
            let counts = ["created", "updated"].map(|count| result.output(count));
            assert_eq!(counts, ["1", "2"], "each entity counts once");
            assert_eq!(report(&result)["head"], world.head().as_str());
        }
        assert_settled(&world);
    }
}

/// What was written is not deleted in the next round because a force-push put it into a file that did
/// not change.
#[test]
fn what_another_file_of_the_tip_declares_is_not_deleted() {
    let world = world();
    let base = world.head();
    let older = pruning(world.change("a=- other:a=Other"));
    once_written(&world, point(&world, &base));
    succeed(&older);
    world.assert_holds("a=Old b=Old");
    assert_settled(&world);
}

#[test]
fn what_is_declared_again_while_it_is_deleted_is_created_again() {
    let world = world();
    let older = pruning(world.change("a=-"));
    let again = world.change_meanwhile("elsewhere:a=Moved");
    let delete = again.on("POST", "*/bulk/entities/delete").after_effect();
    world.port.inject(delete);
    succeed(&older);
    world.assert_holds("a=Moved b=Old");
    assert_settled(&world);
}

#[test]
fn a_newer_mistake_is_found_by_the_older_run() {
    let world = world();
    world.let_nulls_clear();
    let older = world.change("a=One b=One");
    once_written(&world, world.change_meanwhile("a=5"));
    fails(&older);
    world.assert_holds("a=One b=One");
    assert_eq!(world.state_property("status"), "incomplete");
    succeed(&world.push_file("a/port.yml", &domain("a")));
    world.assert_holds("a= b=One");
    assert_settled(&world);
}

/// What was written for a tip that no other run was about is remembered like anything else.
#[test]
fn what_only_a_tip_in_between_declared_is_cleared() {
    let world = world();
    world.let_nulls_clear();
    let older = world.change("a=One");
    let own = world.meanwhile(|repository| {
        repository.write("a/port.yml", OWNED);
        repository.commit("Own a").unwrap();
    });
    once_written(&world, own);
    succeed(&older);
    assert_eq!(owner(&world), "me");
    succeed(&world.change("a=One"));
    assert_eq!(owner(&world), json!(null));
    world.assert_holds("a=One b=Old");
    assert_settled(&world);
}

#[test]
fn what_a_newer_file_declares_too_is_a_mistake_in_both() {
    let world = world();
    let older = world.change("a=One");
    let both = world.meanwhile(|repository| {
        repository.write("a/port.yml", &domains("a=Two b=Two"));
        repository.commit("Declare b too").unwrap();
    });
    once_written(&world, both);
    assert_eq!(fails(&older).output("invalid"), "2");
    world.assert_holds("a=Two b=Old");
}

/// Its own push's entity is refused as the tip has it.
#[test]
fn what_port_refuses_as_the_tip_has_it_is_an_error() {
    let world = world();
    let older = world.change("a=One");
    once_written(&world, world.change_meanwhile("a=Two"));
    let refusal = json!({"ok": false, "error": "invalid_request", "message": "Not today"});
    let refuse = Fault::answer(Answer::json(422, &refusal));
    world.port.inject(refuse.when(writes()));
    let result = fails(&older);
    world.assert_holds("a=One b=Old");
    assert_eq!(result.output("failed"), "1");
    assert!(result.log.contains("Not today"));
    succeed(&push_elsewhere(&world));
    world.assert_holds("a=Two b=Old");
}

/// A robot that commits whenever something is written must not keep a run busy for ever.
#[test]
fn a_branch_that_always_moves_is_left_to_the_next_run() {
    let world = world();
    let step = world.change("a=T0");
    let push = world.meanwhile(|repository| {
        commit(repository, &format!("a=T{}", fastrand::u32(..)));
    });
    once_written(&world, push.always());
    world.port.clear_journal();
    succeed(&step);
    assert_eq!(world.port.requests(&writes()).len(), 5);
    world.port.clear_faults();
    succeed(&push_elsewhere(&world));
    assert_settled(&world);
}

/// A moment at which the branch points elsewhere.
fn point(world: &World, to: &ObjectId) -> Fault {
    let to = to.clone();
    world.meanwhile(move |repository| repository.reset_hard(&to).unwrap())
}

/// A world whose branch does not show the last push, which changes `a`; the commits before and after it, and
/// its step.
fn behind() -> (World, ObjectId, ObjectId, Step) {
    let world = world();
    let before = world.head();
    let step = patient(world.change("a=One"));
    let pushed = world.head();
    world.repository.reset_hard(&before).unwrap();
    (world, before, pushed, step)
}

const TIP: &str = "*/git/ref/*";

#[test]
fn a_push_that_github_does_not_show_yet_is_looked_for_again() {
    let (world, _, pushed, step) = behind();
    let shown = point(&world, &pushed).on("GET", TIP).skip(1);
    world.github.inject(shown);
    succeed(&step);
    world.assert_holds("a=One b=Old");
    assert_settled(&world);
}

/// A copy of GitHub that lags shows the branch as it was, when the run looks at it for the last time.
#[test]
fn what_was_written_is_not_taken_back_over_a_tip_that_lags() {
    let (world, before, pushed, step) = behind();
    world.repository.reset_hard(&pushed).unwrap();
    once_written(&world, point(&world, &before));
    let catch_up = point(&world, &pushed).on("GET", TIP).skip(2);
    world.github.inject(catch_up);
    world.port.clear_journal();
    succeed(&step);
    world.assert_holds("a=One b=Old");
    assert_eq!(world.port.requests(&writes()).len(), 1);
    assert_settled(&world);
}

#[test]
fn a_push_that_github_never_shows_is_left_to_the_next_run() {
    let (world, before, pushed, step) = behind();
    assert_eq!(report(&succeed(&step))["head"], before.as_str());
    world.assert_holds("a=Old b=Old");
    world.repository.reset_hard(&pushed).unwrap();
    succeed(&push_elsewhere(&world));
    world.assert_holds("a=One b=Old");
}

#[test]
fn commits_that_a_copy_of_github_does_not_know_yet_are_read_again() {
    let world = world();
    let base = world.head();
    let step = pruning(world.change("a=-"));
    for commit in [&base, &world.head()] {
        world.forget_for_a_moment(commit.as_str());
    }
    assert_eq!(succeed(&patient(step)).output("deleted"), "1");
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
    assert_eq!(succeed(&world.change("a=Two")).output("updated"), "1");
    world.assert_holds("a=Two b=Old");
    assert_settled(&world);
}
