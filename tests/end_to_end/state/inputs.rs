//! Other inputs select or shape entities in another way: nothing is deleted over that.

use port_gitops_sandbox::{Effect, Step};
use serde_json::json;

use super::kill::{Moment, kill_at};
use super::overlap;
use super::{assert_quiet, domain, log_of, names, pruning, push_elsewhere, put_by_hand};
use crate::scenes::plain;
use crate::world::{World, run, succeed};

const DEFAULT_FILES: &str = "**/port.yml";

/// A world that applied `a`, in `a/port.yml`, and `b`, in `b/port.yml`.
fn world() -> World {
    let world = World::fresh();
    world.repository.write("a/port.yml", &domain("a"));
    world.repository.write("b/port.yml", &domain("b"));
    world.repository.commit("Add both").unwrap();
    let zero = world.repository.zero_id();
    succeed(&files(world.pushed(&zero), DEFAULT_FILES));
    assert_eq!(names(&world), ["a", "b"]);
    world
}

fn files(step: Step, files: &str) -> Step {
    pruning(step).input("files", files)
}

fn listed(world: &World, list: &str) -> Vec<String> {
    let list = world.state_property(list);
    let list = list.as_array().unwrap().iter();
    list.map(|key| key.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_other_files_no_longer_select_is_released_and_named_once() {
    let world = world();
    let narrow = |step| files(step, "a/port.yml");
    let step = narrow(push_elsewhere(&world));
    let result = succeed(&step);
    let log = plain(&result);
    assert!(log.contains("no longer select `domain/b`"), "{log}");
    assert!(!log.contains("prune: true"), "{log}");
    assert!(!log.contains("the workflow"), "it is the same one: {log}");
    assert_eq!(names(&world), ["a", "b"]);
    assert_eq!(listed(&world, "entities"), ["domain|a"]);
    assert_eq!(listed(&world, "removed"), [""; 0]);
    assert_quiet(&world, narrow(push_elsewhere(&world)));

    // It is nobody's now: not even its file's removal deletes it.
    world.repository.remove("b/port.yml");
    succeed(&narrow(world.push("Remove b")));
    assert_eq!(names(&world), ["a", "b"]);
}

#[test]
fn a_full_run_with_other_inputs_deletes_nothing_either() {
    let world = world();
    let nightly = || files(world.nightly(), "a/port.yml");
    let result = succeed(&nightly());
    assert_eq!(result.output("deleted"), "0", "{}", result.log);
    let result = succeed(&nightly());
    assert_eq!(result.output("deleted"), "0", "{}", result.log);
    assert_eq!(result.output("drift"), "false", "{}", result.log);
    assert_eq!(names(&world), ["a", "b"]);
}

#[test]
fn more_files_are_read_and_written() {
    let world = world();
    world.repository.write("more/own.yml", &domain("own"));
    let result = succeed(&files(push_elsewhere(&world), DEFAULT_FILES));
    assert_eq!(result.output("created"), "0");
    let wide = "**/port.yml\n**/own.yml";
    let result = succeed(&files(push_elsewhere(&world), wide));
    let counts = (result.output("created"), result.output("unchanged"));
    assert_eq!(counts, ("1", "2"), "{}", result.log);
    assert_quiet(&world, files(push_elsewhere(&world), wide));
}

/// Each workflow's run undoes what the other selects, and both are named.
#[test]
fn two_workflows_with_different_files_delete_nothing_and_are_both_named() {
    let world = world();
    let workflow = |name: &str| {
        let step = files(push_elsewhere(&world), &format!("{name}/port.yml"));
        let reference = format!("octo-org/catalog/.github/workflows/{name}.yml@refs/heads/main");
        step.variable("GITHUB_WORKFLOW_REF", reference)
    };
    succeed(&workflow("a"));
    for (one, other) in [("b", "a"), ("a", "b"), ("b", "a")] {
        let log = plain(&succeed(&workflow(one)));
        for name in [one, other] {
            assert!(
                log.contains(&format!("workflows/{name}.yml")),
                "{name}: {log}"
            );
        }
        assert!(log.contains("`owner`"), "{log}");
        assert_eq!(names(&world), ["a", "b"]);
        assert_eq!(listed(&world, "entities"), [format!("domain|{one}")]);
    }
}

/// As one that applies pushes and one that runs at night.
#[test]
fn two_workflows_with_the_same_inputs_are_quiet() {
    let world = world();
    for name in ["push", "night", "push"] {
        let reference = format!("octo-org/catalog/.github/workflows/{name}.yml@refs/heads/main");
        let step = files(push_elsewhere(&world), DEFAULT_FILES);
        assert_quiet(&world, step.variable("GITHUB_WORKFLOW_REF", reference));
    }
}

/// The next run still sees that the inputs are others: it looks at every file and deletes nothing.
#[test]
fn a_killed_run_with_other_inputs_is_made_up_for() {
    for moment in Moment::ALL {
        for effect in [Effect::None, Effect::Taken] {
            let world = world();
            world.repository.write("own.yml", &domain("own"));
            world
                .repository
                .commit("Add a file that is not selected")
                .unwrap();
            put_by_hand(&world, "later", "Later");
            let text = "identifier: later\nblueprint: domain\ntitle: Later\n";
            world.repository.write("later/own.yml", text);
            succeed(&files(world.push("And another"), DEFAULT_FILES));
            let other = |step| files(step, "a/port.yml\n**/own.yml");
            kill_at(&world, &other(push_elsewhere(&world)), moment, effect);
            world.repository.remove("b/port.yml");
            let result = succeed(&other(world.push("Remove b")));
            let case = format!("{moment:?}, {effect:?}: {}", result.log);
            assert_eq!(names(&world), ["a", "b", "later", "own"], "{case}");
            let entities = listed(&world, "entities");
            assert_eq!(
                entities,
                ["domain|a", "domain|later", "domain|own"],
                "{case}"
            );
        }
    }
}

/// The first push of a repository starts both, and each finds that the other was there.
#[test]
fn two_workflows_that_first_run_at_once_delete_nothing() {
    for moment in overlap::Moment::ALL {
        let world = World::fresh();
        world.write_domain("a/port.yml", "a", "A");
        world.write_domain("b/port.yml", "b", "B");
        world.repository.commit("Add both").unwrap();
        let zero = world.repository.zero_id();
        let step = |name: &str| files(world.pushed(&zero), &format!("{name}/port.yml"));
        let [outer, inner] = overlap::overlap(&world, moment, &step("a"), step("b"));
        let logs = format!("{moment:?}: {}\n{}", outer.log, inner.log);
        assert_eq!((outer.status, inner.status), (0, 0), "{logs}");
        for name in ["a", "b", "a", "b"] {
            let step = files(push_elsewhere(&world), &format!("{name}/port.yml"));
            let result = succeed(&step);
            assert_eq!(names(&world), ["a", "b"], "{logs}\n{}", result.log);
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
        let state = format!("{}/owner/{name}", crate::world::STATE);
        let state = world.port.entity("gitops_source", &state).unwrap();
        let entities = &state["properties"]["entities"];
        assert_eq!(entities, &json!([format!("domain|{name}")]));
    }
    for name in ["a", "b", "a"] {
        let result = succeed(&of(world.nightly(), name));
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
        assert_eq!(result.output("drift"), "false", "{}", result.log);
        assert_quiet(&world, of(push_elsewhere(&world), name));
    }
    world.repository.remove("a/port.yml");
    let step = world.push("Remove a");
    assert_quiet(&world, of(push_elsewhere(&world), "b"));
    let result = succeed(&of(step, "a"));
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
    assert_eq!(names(&world), ["b"]);
}

/// An entity goes from the files of one to those of the other.
#[test]
fn what_moves_from_one_owner_to_another_is_handed_over() {
    for is_new_first in [false, true] {
        let world = world();
        let of = |step: Step, name: &str| {
            files(step, &format!("{name}/**/port.yml")).input("owner", name)
        };
        succeed(&files(push_elsewhere(&world), "none/port.yml"));
        for name in ["a", "b"] {
            succeed(&of(push_elsewhere(&world), name));
        }
        world.repository.rename("a/port.yml", "b/a/port.yml");
        let step = || push_elsewhere(&world);
        let order = if is_new_first { ["b", "a"] } else { ["a", "b"] };
        let [first, second] = order.map(|name| run(&of(step(), name)));
        // What the other one still owns is an error, and waits.
        assert_eq!(first.status, i32::from(is_new_first), "{}", first.log);
        assert_eq!(second.status, 0, "{}", second.log);
        for name in ["a", "b"] {
            succeed(&of(step(), name));
            assert_quiet(&world, of(step(), name));
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
    assert_eq!(result.output("created"), "1", "{}", result.log);
    let log = plain(&result);
    assert!(log.contains("no longer select `service/shop`"), "{log}");
    for blueprint in ["service", "component"] {
        assert_eq!(world.title(blueprint, "shop").unwrap(), "Shop");
    }
    assert_eq!(listed(&world, "entities"), ["component|shop"]);
    world.repository.remove("port.yml");
    let result = succeed(&rule(world.push("Remove it"), "component"));
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
    assert_eq!(world.title("service", "shop").unwrap(), "Shop");
}

#[test]
fn blueprints_that_may_not_be_written_are_not_pruned() {
    let world = world();
    let none = |step: Step| pruning(step).input("blueprints", "microservice");
    for step in [none(push_elsewhere(&world)), none(world.nightly())] {
        let result = run(&step);
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
    }
    assert_eq!(names(&world), ["a", "b"]);
}

/// `merge: false` shapes entities in another way: all are compared with Port.
#[test]
fn another_merge_compares_everything_with_port() {
    let world = world();
    put_by_hand(&world, "a", "By hand");
    let replace = |step| files(step, DEFAULT_FILES).input("merge", "false");
    let result = succeed(&replace(push_elsewhere(&world)));
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_eq!(world.title("domain", "a").unwrap(), "");
    assert_quiet(&world, replace(push_elsewhere(&world)));
}

/// What is in `removed` is released too.
#[test]
fn what_was_removed_before_the_inputs_changed_is_not_deleted() {
    let world = world();
    world.repository.remove("b/port.yml");
    let step = world.push("Remove b").input("files", DEFAULT_FILES);
    succeed(&step);
    assert_eq!(listed(&world, "removed"), ["domain|b"]);
    let other = "**/port.yml\n**/own.yml";
    succeed(&files(push_elsewhere(&world), other));
    succeed(&files(push_elsewhere(&world), other));
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
    let log = log_of(&step);
    assert!(log.contains("no longer select"), "{log}");
    assert_eq!(world.state(), before);
    let with_default = files(push_elsewhere(&world), DEFAULT_FILES);
    assert_quiet(&world, with_default);
}
