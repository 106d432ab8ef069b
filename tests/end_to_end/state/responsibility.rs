//! Which problems turn a push red: those of the files that it changes, and those that its run is the
//! first to find.

use port_gitops_sandbox::{Step, StepResult};

use super::{assert_settled, beside, other_repository, pruning, push_elsewhere};
use crate::scenes::{report, states};
use crate::world::{World, run, succeed};

const INVALID: &str = "identifier: a\nblueprint: domain\ntitle: 5\n";

/// Makes sure that a step is red: an error on `file`.
fn assert_red(step: &Step, file: &str) -> StepResult {
    let result = run(step);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.output("outcome"), "failure");
    let errors = result.commands("error");
    let is_on_file = errors.iter().any(|error| error.property("file") == file);
    assert!(is_on_file, "{}", result.log);
    result
}

/// Makes sure that a step is green, and warns of something in `file`.
fn assert_warned(step: &Step, file: &str) -> StepResult {
    let result = succeed(step);
    assert_eq!(result.commands("error").len(), 0, "{}", result.log);
    let warnings = result.commands("warning");
    let is_on_file = warnings.iter().any(|one| one.property("file") == file);
    assert!(is_on_file, "{}", result.log);
    result
}

/// Makes a mistake in `a/port.yml`; gives the step of its push.
type Mistake = fn(&World) -> Step;

/// What can be wrong with a file, as each push finds it again: it is invalid, unreadable, refused by
/// Port, in need of what is refused, of a blueprint that is missing, or leads nowhere.
const MISTAKES: [Mistake; 6] = [
    |world| world.push_file("a/port.yml", INVALID),
    |world| world.push_file("a/port.yml", ": ["),
    |world| {
        world.refuse("a", usize::MAX);
        world.push_file("a/port.yml", "identifier: a\nblueprint: domain\n")
    },
    |world| {
        world.refuse("a", usize::MAX);
        let text = "- {identifier: a, blueprint: domain}\n- {identifier: s, blueprint: microservice, relations: {domain: a}}\n";
        world.push_file("a/port.yml", text)
    },
    |world| world.push_file("a/port.yml", "identifier: a\nblueprint: later\n"),
    |world| {
        let text = "identifier: a\nblueprint: microservice\nrelations: {domain: none}\n";
        world.push_file("a/port.yml", text)
    },
];

#[test]
fn the_mistake_of_one_push_is_a_warning_in_the_next_and_an_error_in_its_own() {
    for mistake in MISTAKES {
        let world = World::new();
        let own = mistake(&world);
        let file = "a/port.yml";
        assert_red(&own, file);
        world.write_domain("b/port.yml", "b", "B");
        let unrelated = assert_warned(&world.push("Add b"), file);
        assert_eq!(unrelated.output("created"), "1", "{}", unrelated.log);
        let counts = ["invalid", "failed", "blocked"].map(|count| unrelated.output(count));
        assert_ne!(counts, ["0"; 3], "everything counts");
        assert_eq!(report(&unrelated)["outcome"], "success");
        assert_warned(&push_elsewhere(&world), file);
        // Started again, it is still the push that brought the mistake.
        assert_red(&own, file);
        assert_red(&world.nightly(), file);
    }
}

#[test]
fn who_changes_a_file_that_has_a_mistake_is_responsible_for_it() {
    let world = World::new();
    assert_red(&world.push_file("a/port.yml", INVALID), "a/port.yml");
    let commented = format!("# Still wrong.\n{INVALID}");
    assert_red(&world.push_file("a/port.yml", &commented), "a/port.yml");
    assert_warned(&push_elsewhere(&world), "a/port.yml");
    succeed(&world.push_file("a/port.yml", "identifier: a\nblueprint: domain\n"));
    assert_settled(&world);
}

#[test]
fn a_second_mistake_of_a_file_is_new() {
    let world = World::new();
    let sound = "identifier: a\nblueprint: domain\n";
    assert_red(&world.push_file("a/port.yml", INVALID), "a/port.yml");
    world.refuse("b", 2);
    assert_red(
        &world.push_file("b/port.yml", "identifier: b\nblueprint: domain\n"),
        "b/port.yml",
    );
    let result = assert_warned(&push_elsewhere(&world), "b/port.yml");
    assert_eq!(result.output("failed"), "1");
    succeed(&world.push_file("a/port.yml", sound));
    assert_settled(&world);
}

/// The run of the first push applies the second one too.
#[test]
fn a_mistake_that_an_older_run_found_already_is_still_its_own_push_s() {
    for mistake in MISTAKES {
        let world = World::new();
        world.write_domain("c/port.yml", "c", "C");
        let first = world.push("Add c");
        let second = mistake(&world);
        assert_red(&first, "a/port.yml");
        assert_red(&second, "a/port.yml");
        assert_warned(&push_elsewhere(&world), "a/port.yml");
    }
}

/// A push of several commits, of which the event says all.
#[test]
fn a_push_is_all_of_its_commits() {
    let world = World::new();
    let before = world.repository.head().unwrap();
    world.repository.write("a/port.yml", INVALID);
    world.repository.commit("Make a mistake").unwrap();
    world.repository.write("README.md", "# More\n");
    world.repository.commit("Something else").unwrap();
    let push = world.pushed(&before);
    assert_red(&push, "a/port.yml");
    assert_red(&push, "a/port.yml");
}

#[test]
fn a_deletion_that_is_held_back_fails_once() {
    let world = World::new();
    succeed(&world.push_file("a/port.yml", "identifier: a\nblueprint: domain\n"));
    let none = |step: Step| pruning(step).input("max-deletes", "0");
    world.repository.remove("a/port.yml");
    let result = run(&none(world.push("Remove a")));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(states(&result), ["held-back domain/a"]);
    for _ in 0..2 {
        let result = succeed(&none(push_elsewhere(&world)));
        assert_eq!(states(&result), ["held-back domain/a"], "{}", result.log);
    }
    assert_eq!(world.state_property("status"), "incomplete");
    let nightly = run(&none(world.nightly()));
    assert_eq!(nightly.status, 1, "{}", nightly.log);
    succeed(&pruning(push_elsewhere(&world)));
    assert_settled(&world);
}

/// The run of the first push applies the second one too, which removes `a`.
#[test]
fn a_deletion_that_an_older_run_held_back_already_is_still_its_own_push_s() {
    let world = World::new();
    succeed(&world.push_file("a/port.yml", "identifier: a\nblueprint: domain\n"));
    let none = |step: Step| pruning(step).input("max-deletes", "0");
    world.write_domain("c/port.yml", "c", "C");
    let first = none(world.push("Add c"));
    world.repository.remove("a/port.yml");
    let second = none(world.push("Remove a"));
    for step in [first, second] {
        let result = run(&step);
        assert_eq!(result.status, 1, "{}", result.log);
    }
    succeed(&none(push_elsewhere(&world)));
}

#[test]
fn what_another_source_owns_is_an_error_of_the_push_that_declares_it() {
    let (world, other) = (World::new(), other_repository());
    let text = "identifier: a\nblueprint: domain\n";
    succeed(&beside(&world, other.push_file("port.yml", text)));
    let own = world.push_file("a/port.yml", text);
    assert_red(&own, "a/port.yml");
    assert_warned(&push_elsewhere(&world), "a/port.yml");
    assert_red(&own, "a/port.yml");
}

/// Where GitHub does not say what the push changed, every problem counts.
#[test]
fn a_push_whose_files_are_not_known_is_responsible_for_all() {
    let world = World::new();
    assert_red(&world.push_file("a/port.yml", INVALID), "a/port.yml");
    world.repository.write("README.md", "# More\n");
    world.repository.commit("Something else").unwrap();
    let zero = world.repository.zero_id();
    assert_red(&world.pushed(&zero), "a/port.yml");
    assert_warned(&push_elsewhere(&world), "a/port.yml");
}
