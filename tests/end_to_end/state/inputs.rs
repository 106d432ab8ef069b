//! Other inputs select or shape entities in another way: nothing is deleted over that.

use port_gitops_sandbox::{Effect, Step};
use serde_json::json;

use super::kill::{Moment, kill_at};
use super::{assert_quiet, names, overlap, push_elsewhere};
use crate::scenes::plain;
use crate::world::{STATE, World, assert_outputs, pruning, run, stage, succeed};

const DEFAULT_FILES: &str = "**/port.yml";

/// A world that applied `a`, in `a/port.yml`, and `b`, in `b/port.yml`.
fn world() -> World {
    let world = World::fresh();
    stage(&world.repository, "a=A b=B");
    world.commit("Add both");
    succeed(&files(world.first_push(), DEFAULT_FILES));
    assert_eq!(names(&world), ["a", "b"]);
    world
}

fn files(step: Step, files: &str) -> Step {
    pruning(step).input("files", files)
}

fn listed(world: &World, list: &str) -> Vec<String> {
    super::listed(world, STATE, list)
}

fn by_workflow(step: Step, name: &str) -> Step {
    let reference = format!("octo-org/catalog/.github/workflows/{name}.yml@refs/heads/main");
    step.variable("GITHUB_WORKFLOW_REF", reference)
}

#[test]
fn what_other_files_no_longer_select_is_released_and_named_once() {
    let world = world();
    let narrow = |step| files(step, "a/port.yml");
    let log = plain(&succeed(&narrow(push_elsewhere(&world))));
    assert!(log.contains("no longer select `domain/b`"));
    assert!(!log.contains("prune: true"));
    assert!(!log.contains("the workflow"), "it is the same one");
    assert_eq!(names(&world), ["a", "b"]);
    assert_eq!(listed(&world, "entities"), ["domain|a"]);
    assert_eq!(listed(&world, "removed"), [""; 0]);
    assert_quiet(&world, narrow(push_elsewhere(&world)));

    // It is nobody's now: not even its file's removal deletes it.
    succeed(&narrow(world.change("b=-")));
    assert_eq!(names(&world), ["a", "b"]);
}

#[test]
fn a_full_run_with_other_inputs_deletes_nothing_either() {
    let world = world();
    let nightly = || succeed(&files(world.nightly(), "a/port.yml"));
    assert_eq!(nightly().output("deleted"), "0");
    assert_outputs(&nightly(), "deleted=0 drift=false");
    assert_eq!(names(&world), ["a", "b"]);
}

#[test]
fn more_files_are_read_and_written() {
    let world = world();
    world.write_domain("more/own.yml", "own", "Own");
    assert_outputs(
        &succeed(&files(push_elsewhere(&world), DEFAULT_FILES)),
        "created=0",
    );
    let wide = || files(push_elsewhere(&world), "**/port.yml\n**/own.yml");
    assert_outputs(&succeed(&wide()), "created=1 unchanged=2");
    assert_quiet(&world, wide());
}

/// Each workflow's run undoes what the other selects, and both are named.
#[test]
fn two_workflows_with_different_files_delete_nothing_and_are_both_named() {
    let world = world();
    let run_of = |name: &str| {
        let step = files(push_elsewhere(&world), &format!("{name}/port.yml"));
        plain(&succeed(&by_workflow(step, name)))
    };
    run_of("a");
    for (one, other) in [("b", "a"), ("a", "b"), ("b", "a")] {
        let log = run_of(one);
        for name in [one, other] {
            assert!(log.contains(&format!("workflows/{name}.yml")), "{name}");
        }
        assert!(log.contains("`owner`"));
        assert_eq!(names(&world), ["a", "b"]);
        assert_eq!(listed(&world, "entities"), [format!("domain|{one}")]);
    }
}

/// As one that applies pushes and one that runs at night.
#[test]
fn two_workflows_with_the_same_inputs_are_quiet() {
    let world = world();
    for name in ["push", "night", "push"] {
        let step = files(push_elsewhere(&world), DEFAULT_FILES);
        assert_quiet(&world, by_workflow(step, name));
    }
}

/// The next run still sees that the inputs are others: it looks at every file and deletes nothing.
#[test]
fn a_killed_run_with_other_inputs_is_made_up_for() {
    for moment in Moment::ALL {
        for effect in [Effect::None, Effect::Taken] {
            println!("{moment:?}, {effect:?}");
            let world = world();
            world.write_domain("own.yml", "own", "Own");
            world.commit("Add a file that is not selected");
            world.put_domain("later", "Later");
            world.write_domain("later/own.yml", "later", "Later");
            succeed(&files(world.push("And another"), DEFAULT_FILES));
            let other = |step| files(step, "a/port.yml\n**/own.yml");
            kill_at(&world, &other(push_elsewhere(&world)), moment, effect);
            succeed(&other(world.change("b=-")));
            assert_eq!(names(&world), ["a", "b", "later", "own"]);
            let expected = ["domain|a", "domain|later", "domain|own"];
            assert_eq!(listed(&world, "entities"), expected);
        }
    }
}

/// The first push of a repository starts both, and each finds that the other was there.
#[test]
fn two_workflows_that_first_run_at_once_delete_nothing() {
    for moment in overlap::Moment::ALL {
        let world = World::fresh();
        stage(&world.repository, "a=A b=B");
        world.commit("Add both");
        let of = |step: Step, name: &str| files(step, &format!("{name}/port.yml"));
        let [first, second] = ["a", "b"].map(|name| of(world.first_push(), name));
        let [outer, inner] = overlap::overlap(&world, moment, &first, second);
        assert_eq!((outer.status, inner.status), (0, 0));
        for name in ["a", "b", "a", "b"] {
            succeed(&of(push_elsewhere(&world), name));
            assert_eq!(names(&world), ["a", "b"]);
        }
    }
}

/// With `owner`, each has a state of its own.
#[test]
fn two_owners_in_one_repository_leave_each_other_alone() {
    let world = world();
    let of = |step: Step, name: &str| files(step, &format!("{name}/port.yml")).input("owner", name);
    succeed(&files(push_elsewhere(&world), "none/port.yml"));
    for name in ["a", "b"] {
        succeed(&of(push_elsewhere(&world), name));
        let state = format!("{STATE}/owner/{name}");
        let entities = super::listed(&world, &state, "entities");
        assert_eq!(entities, [format!("domain|{name}")]);
    }
    for name in ["a", "b", "a"] {
        assert_outputs(
            &succeed(&of(world.nightly(), name)),
            "deleted=0 drift=false",
        );
        assert_quiet(&world, of(push_elsewhere(&world), name));
    }
    let step = world.change("a=-");
    assert_quiet(&world, of(push_elsewhere(&world), "b"));
    assert_eq!(succeed(&of(step, "a")).output("deleted"), "1");
    assert_eq!(names(&world), ["b"]);
}

/// An entity goes from the files of one to those of the other. What the other one still owns is an error, and
/// waits.
#[test]
fn what_moves_from_one_owner_to_another_is_handed_over() {
    for (order, statuses) in [(["a", "b"], [0, 0]), (["b", "a"], [1, 0])] {
        let world = world();
        let of = |name: &str| {
            let step = files(push_elsewhere(&world), &format!("{name}/**/port.yml"));
            step.input("owner", name)
        };
        succeed(&files(push_elsewhere(&world), "none/port.yml"));
        for name in ["a", "b"] {
            succeed(&of(name));
        }
        world.repository.rename("a/port.yml", "b/a/port.yml");
        assert_eq!(order.map(|name| run(&of(name)).status), statuses);
        for name in ["a", "b"] {
            succeed(&of(name));
            assert_quiet(&world, of(name));
        }
        assert_eq!(names(&world), ["a", "b"]);
    }
}

/// A rule's blueprint is part of what its files declare, though their text stays the same.
#[test]
fn another_blueprint_of_a_rule_creates_the_new_and_releases_the_old() {
    let world = World::new();
    for blueprint in ["service", "component"] {
        world.port.add_blueprint(json!({"identifier": blueprint}));
    }
    let rule = |step, blueprint: &str| files(step, &format!("**/port.yml => {blueprint}"));
    let step = world.push_file("port.yml", "identifier: shop\ntitle: Shop\n");
    succeed(&rule(step, "service"));
    let result = succeed(&rule(push_elsewhere(&world), "component"));
    assert_eq!(result.output("created"), "1");
    assert!(plain(&result).contains("no longer select `service/shop`"));
    for blueprint in ["service", "component"] {
        assert_eq!(world.title(blueprint, "shop").unwrap(), "Shop");
    }
    assert_eq!(listed(&world, "entities"), ["component|shop"]);
    world.remove("port.yml");
    assert_outputs(
        &succeed(&rule(world.push("Remove it"), "component")),
        "deleted=1",
    );
    assert_eq!(world.title("service", "shop").unwrap(), "Shop");
}

#[test]
fn blueprints_that_may_not_be_written_are_not_pruned() {
    let world = world();
    let none = |step: Step| pruning(step).input("blueprints", "microservice");
    for step in [none(push_elsewhere(&world)), none(world.nightly())] {
        assert_eq!(run(&step).output("deleted"), "0");
    }
    assert_eq!(names(&world), ["a", "b"]);
}

/// `merge: false` shapes entities in another way: all are compared with Port.
#[test]
fn another_merge_compares_everything_with_port() {
    let world = world();
    world.put_domain("a", "By hand");
    let replace = || files(push_elsewhere(&world), DEFAULT_FILES).input("merge", "false");
    assert_eq!(succeed(&replace()).output("updated"), "1");
    world.assert_holds("a=A");
    assert_quiet(&world, replace());
}

/// What is in `removed` is released too.
#[test]
fn what_was_removed_before_the_inputs_changed_is_not_deleted() {
    let world = world();
    succeed(&world.change("b=-").input("files", DEFAULT_FILES));
    assert_eq!(listed(&world, "removed"), ["domain|b"]);
    for _ in 0..2 {
        let step = push_elsewhere(&world);
        succeed(&files(step, "**/port.yml\n**/own.yml"));
    }
    assert_eq!(names(&world), ["a", "b"]);
}

/// Inputs that neither select nor shape are no other inputs.
#[test]
fn inputs_that_shape_nothing_change_nothing() {
    let world = world();
    let step = files(push_elsewhere(&world), DEFAULT_FILES);
    let step = step.input("max-deletes", "3").input("redact", "token*");
    assert_quiet(
        &world,
        step.input("create-missing-related-entities", "true"),
    );
    let spaced = files(push_elsewhere(&world), "  **/port.yml  # all\n\n");
    assert_quiet(&world, spaced);
}

/// A run of a plan leaves the state as it is.
#[test]
fn a_plan_with_other_inputs_says_what_would_be_released() {
    let world = world();
    let before = world.state();
    let step = files(world.nightly(), "a/port.yml").input("mode", "plan");
    assert!(succeed(&step).log.contains("no longer select"));
    assert_eq!(world.state(), before);
    assert_quiet(&world, files(push_elsewhere(&world), DEFAULT_FILES));
}
