//! Which problems turn a push red: those of the files that it changes, and those that its run is the
//! first to find.

use port_gitops_sandbox::{Step, StepResult};

use super::{assert_settled, beside, other_repository, push_elsewhere};
use crate::scenes::{report, states};
use crate::world::{World, domain, fails, pruning, succeed};

const FILE: &str = "a/port.yml";

/// The files that annotations of a level are about.
fn files<'r>(result: &'r StepResult, level: &str) -> Vec<&'r str> {
    let annotations = result.commands(level).into_iter();
    annotations.map(|one| one.property("file")).collect()
}

/// Makes sure that a step is red: an error on `file`.
#[track_caller]
fn assert_red_on(step: &Step, file: &str) {
    assert!(files(&fails(step), "error").contains(&file));
}

#[track_caller]
fn assert_red(step: &Step) {
    assert_red_on(step, FILE);
}

/// Makes sure that a step is green, and warns of something in `a/port.yml`.
#[track_caller]
fn assert_warned(step: &Step) -> StepResult {
    let result = succeed(step);
    assert_eq!(files(&result, "error"), [""; 0]);
    assert!(files(&result, "warning").contains(&FILE));
    result
}

/// Makes a mistake in `a/port.yml`; gives the step of its push.
type Mistake = fn(&World) -> Step;

/// What can be wrong with a file, as each push finds it again: it is invalid, unreadable, refused by
/// Port, in need of what is refused, of a blueprint that is missing, or leads nowhere.
const MISTAKES: [Mistake; 6] = [
    |world| world.change("a=5"),
    |world| world.push_file(FILE, ": ["),
    |world| {
        world.refuse("a", usize::MAX);
        world.change("a=A")
    },
    |world| {
        world.refuse("a", usize::MAX);
        let text = "- {identifier: a, blueprint: domain}\n- {identifier: s, blueprint: microservice, relations: {domain: a}}\n";
        world.push_file(FILE, text)
    },
    |world| world.push_file(FILE, "identifier: a\nblueprint: later\n"),
    |world| {
        let text = "identifier: a\nblueprint: microservice\nrelations: {domain: none}\n";
        world.push_file(FILE, text)
    },
];

#[test]
fn the_mistake_of_one_push_is_a_warning_in_the_next_and_an_error_in_its_own() {
    for mistake in MISTAKES {
        let world = World::new();
        let own = mistake(&world);
        assert_red(&own);
        let unrelated = assert_warned(&world.change("b=B"));
        assert_eq!(unrelated.output("created"), "1");
        let counts = ["invalid", "failed", "blocked"].map(|count| unrelated.output(count));
        assert_ne!(counts, ["0"; 3], "everything counts");
        assert_eq!(report(&unrelated)["outcome"], "success");
        assert_warned(&push_elsewhere(&world));
        // Started again, it is still the push that brought the mistake.
        assert_red(&own);
        assert_red(&world.nightly());
    }
}

#[test]
fn who_changes_a_file_that_has_a_mistake_is_responsible_for_it() {
    let world = World::new();
    assert_red(&world.change("a=5"));
    let commented = format!("# Still wrong.\n{}title: 5\n", domain("a"));
    assert_red(&world.push_file(FILE, &commented));
    assert_warned(&push_elsewhere(&world));
    succeed(&world.change("a=A"));
    assert_settled(&world);
}

#[test]
fn a_second_mistake_of_a_file_is_new() {
    let world = World::new();
    assert_red_on(&world.change("b=5"), "b/port.yml");
    world.refuse("a", 2);
    assert_red(&world.change("a=A"));
    let result = assert_warned(&push_elsewhere(&world));
    assert_eq!(result.output("failed"), "1");
    succeed(&world.change("b=B"));
    assert_settled(&world);
}

/// The run of the first push applies the second one too.
#[test]
fn a_mistake_that_an_older_run_found_already_is_still_its_own_push_s() {
    for mistake in MISTAKES {
        let world = World::new();
        let first = world.change("c=C");
        let second = mistake(&world);
        assert_red(&first);
        assert_red(&second);
        assert_warned(&push_elsewhere(&world));
    }
}

/// A push of several commits, of which the event says all.
#[test]
fn a_push_is_all_of_its_commits() {
    let world = World::new();
    let before = world.head();
    world.change("a=5");
    push_elsewhere(&world);
    let push = world.pushed(&before);
    assert_red(&push);
    assert_red(&push);
}

fn no_deletions(step: Step) -> Step {
    pruning(step).input("max-deletes", "0")
}

#[test]
fn a_deletion_that_is_held_back_fails_once() {
    let world = World::new();
    succeed(&world.change("a=A"));
    let held_back = ["held-back domain/a"];
    let found = states(&fails(&no_deletions(world.change("a=-"))));
    assert_eq!(found, held_back);
    for _ in 0..2 {
        let result = succeed(&no_deletions(push_elsewhere(&world)));
        assert_eq!(states(&result), held_back);
    }
    assert_eq!(world.state_property("status"), "incomplete");
    fails(&no_deletions(world.nightly()));
    succeed(&pruning(push_elsewhere(&world)));
    assert_settled(&world);
}

/// The run of the first push applies the second one too, which removes `a`.
#[test]
fn a_deletion_that_an_older_run_held_back_already_is_still_its_own_push_s() {
    let world = World::new();
    succeed(&world.change("a=A"));
    let first = no_deletions(world.change("c=C"));
    let second = no_deletions(world.change("a=-"));
    fails(&first);
    fails(&second);
    succeed(&no_deletions(push_elsewhere(&world)));
}

#[test]
fn what_another_source_owns_is_an_error_of_the_push_that_declares_it() {
    let (world, other) = (World::new(), other_repository());
    succeed(&beside(&world, other.change("a=Theirs")));
    let own = world.change("a=Ours");
    assert_red(&own);
    assert_warned(&push_elsewhere(&world));
    assert_red(&own);
}

/// Where GitHub does not say what the push changed, every problem counts.
#[test]
fn a_push_whose_files_are_not_known_is_responsible_for_all() {
    let world = World::new();
    assert_red(&world.change("a=5"));
    push_elsewhere(&world);
    assert_red(&world.first_push());
    assert_warned(&push_elsewhere(&world));
}
