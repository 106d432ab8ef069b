//! Which source an entity belongs to, and how it goes from one to another.

use std::thread;

use port_gitops_sandbox::{Fault, Sandbox, Step, StepResult};

use super::{assert_settled, beside, listed, names, other_repository, push_elsewhere};
use crate::scenes::{plain, states};
use crate::world::{
    STATE, World, assert_outputs, domain, domains, fails, pruning, run, stage, succeed,
};

/// What the state of [`other_repository`] is called.
const OTHER: &str = "github.com/2";

/// Two repositories on one Port, of which the first has applied `a`.
fn two() -> (World, World) {
    let (world, other) = (World::new(), other_repository());
    succeed(&pruning(world.push_file("a/port.yml", &domain("a"))));
    (world, other)
}

/// Runs a step that may not write what another source owns.
#[track_caller]
fn is_owned_elsewhere(step: &Step, owner: &str) -> StepResult {
    let result = fails(step);
    let error = result.commands("error")[0];
    assert_eq!(error.property("title"), "Port: owned elsewhere");
    assert!(error.data.contains(owner));
    result
}

#[test]
fn two_repositories_share_a_catalog() {
    let (world, other) = two();
    let theirs = |step| pruning(beside(&world, step));
    assert_eq!(succeed(&theirs(other.change("b=B"))).output("created"), "1");
    for _ in 0..2 {
        for step in [pruning(world.nightly()), theirs(other.nightly())] {
            assert_outputs(&succeed(&step), "deleted=0 drift=false");
        }
    }
    assert_eq!(listed(&world, STATE, "entities"), ["domain|a"]);
    assert_eq!(listed(&world, OTHER, "entities"), ["domain|b"]);
}

#[test]
fn what_another_source_owns_is_an_error_in_an_apply_and_a_warning_in_a_plan() {
    let (world, other) = two();
    let step = || beside(&world, other.nightly());
    stage(&other.repository, "a=Theirs b=B");
    other.commit("Declare a too, and b");
    let plan = succeed(&step().input("mode", "plan"));
    let expected = ["created domain/b", "owned-elsewhere domain/a"];
    assert_eq!(states(&plan), expected);
    assert_eq!(plan.output("drift"), "true");
    let warning = plan.commands("warning")[0];
    assert_eq!(warning.property("title"), "Port: owned elsewhere");
    assert_eq!(warning.property("file"), "a/port.yml");
    assert!(warning.data.contains("octo-org/catalog"));

    is_owned_elsewhere(&step(), "octo-org/catalog");
    world.assert_holds("a= b=B");
    assert_eq!(listed(&world, OTHER, "waiting"), ["domain|a"]);
    assert_eq!(listed(&world, OTHER, "entities"), ["domain|b"]);
    // Its owner goes on as if nothing had happened.
    succeed(&world.change("a=Ours"));
    world.assert_holds("a=Ours");
}

#[test]
fn what_is_declared_in_the_new_place_first_is_handed_over() {
    let (world, other) = two();
    let theirs = |step| pruning(beside(&world, step));
    is_owned_elsewhere(&theirs(other.change("a=Theirs")), "octo-org/catalog");
    let result = succeed(&pruning(world.change("a=-")));
    assert_eq!(result.output("deleted"), "0");
    assert!(plain(&result).contains("octo-org/other"));
    assert_eq!(names(&world), ["a"]);
    for list in ["entities", "removed"] {
        assert_eq!(listed(&world, STATE, list), [""; 0]);
    }
    succeed(&theirs(push_elsewhere(&other)));
    world.assert_holds("a=Theirs");
    assert_eq!(listed(&world, OTHER, "entities"), ["domain|a"]);
    assert_eq!(listed(&world, OTHER, "waiting"), [""; 0]);
    succeed(&theirs(other.change("a=-")));
    assert_eq!(names(&world), [""; 0]);
}

/// The new place cannot be read, or has a mistake, when the old one lets go: it still waits.
#[test]
fn what_waits_in_a_file_with_a_mistake_is_handed_over_too() {
    for mistake in [": [", "identifier: a\nblueprint: domain\ntitle: 5\n"] {
        let (world, other) = two();
        let theirs = |step| pruning(beside(&world, step));
        fails(&theirs(other.change("a=Theirs")));
        fails(&theirs(other.push_file("a/port.yml", mistake)));
        assert_eq!(listed(&world, OTHER, "waiting"), ["domain|a"]);
        succeed(&pruning(world.change("a=-")));
        assert_eq!(names(&world), ["a"]);
        succeed(&theirs(other.change("a=Theirs")));
        world.assert_holds("a=Theirs");
        assert_eq!(listed(&world, OTHER, "waiting"), [""; 0]);
    }
}

#[test]
fn what_is_removed_from_the_old_place_first_is_handed_over() {
    for (prunes_at_once, left) in [("false", "a="), ("true", "a=-")] {
        let (world, other) = two();
        succeed(&world.change("a=-").input("prune", prunes_at_once));
        world.assert_holds(left);
        succeed(&pruning(beside(&world, other.change("a=Theirs"))));
        world.assert_holds("a=Theirs");
        // What was removed before is another source's by now.
        assert_outputs(&succeed(&pruning(push_elsewhere(&world))), "deleted=0");
        assert_eq!(names(&world), ["a"]);
        assert_settled(&world);
    }
}

/// The other one's run takes place while this one is about to delete.
#[test]
fn what_is_taken_over_at_the_same_time_is_written_by_the_next_run() {
    let (world, other) = two();
    fails(&beside(&world, other.change("a=Theirs")));
    let step = pruning(world.change("a=-"));
    let theirs = beside(&world, push_elsewhere(&other));
    let run_theirs = Fault::call(move || drop(run(&theirs)));
    world
        .port
        .inject(run_theirs.on("GET", "*/blueprints/domain"));
    succeed(&step);
    succeed(&beside(&world, push_elsewhere(&other)));
    world.assert_holds("a=Theirs");
}

#[test]
fn what_is_handed_over_can_be_related_to() {
    let (world, other) = two();
    fails(&beside(&world, other.change("a=Theirs")));
    let service = "identifier: s\nblueprint: microservice\ntitle: New\nrelations: {domain: a}\n";
    succeed(&pruning(world.push_file("a/port.yml", service)));
    assert_eq!(world.title("microservice", "s").unwrap(), "New");
    assert_eq!(names(&world), ["a", "s"]);
}

/// Then nothing is written or deleted that may be another source's.
#[test]
fn where_the_owner_cannot_be_looked_up_the_run_ends_before_it_writes() {
    let (world, _) = two();
    let step = pruning(world.change("a=- b=B"));
    let refused = Fault::status(400).on("POST", "*/gitops_source/entities/search");
    world.port.inject(refused);
    assert_eq!(run(&step).status, 2);
    assert_eq!(names(&world), ["a"]);
    succeed(&step);
    assert_eq!(names(&world), ["b"]);
    assert_settled(&world);
}

#[test]
fn a_rename_and_a_transfer_change_nothing() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domains("a b"))));
    for (title, name) in [
        ("Renamed", "octo-org/renamed"),
        ("Transferred", "another-org/renamed"),
    ] {
        world.github.set_full_name(name);
        assert_outputs(&succeed(&pruning(push_elsewhere(&world))), "created=0");
        let text = domains(&format!("a={title} b"));
        succeed(&pruning(world.push_file("port.yml", &text)));
        world.assert_holds(&format!("a={title} b="));
        assert_eq!(world.state().unwrap()["title"], name);
        let page = format!("https://github.com/{name}");
        assert_eq!(world.state_property("repository"), page);
    }
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(names(&world), ["a"]);
    assert_eq!(world.port.entities().len(), 1 + 1, "there is one state");
}

/// The name is free again once a repository was renamed, but the old one still owns what it declares.
#[test]
fn a_new_repository_under_an_old_name_is_another_source() {
    let (world, other) = two();
    world.github.set_full_name("octo-org/renamed");
    other.github.set_full_name("octo-org/catalog");
    let new = |step: Step| {
        let step = pruning(beside(&world, step));
        step.variable("GITHUB_REPOSITORY", "octo-org/catalog")
    };
    is_owned_elsewhere(&new(other.change("a=New")), "octo-org/catalog");
    world.assert_holds("a=");
    assert_eq!(listed(&world, OTHER, "waiting"), ["domain|a"]);
    succeed(&new(other.change("a=-")));
    assert_eq!(names(&world), ["a"]);
    succeed(&pruning(push_elsewhere(&world)));
    assert_settled(&world);
}

#[test]
fn another_branch_that_is_applied_is_a_source_of_its_own() {
    let world = World::new();
    succeed(&pruning(world.push_file("a/port.yml", &domain("a"))));
    world.repository.create_branch("stage/one").unwrap();
    world.repository.checkout("stage/one").unwrap();
    let push = |domains: &str| {
        stage(&world.repository, domains);
        let (before, after) = world.commit(domains);
        let event = world.github.push_event("stage/one", &before, &after);
        let step = world.step("push", &event.unwrap());
        pruning(step.input("mode", "apply"))
    };
    let result = is_owned_elsewhere(&push("a=Staged b=B"), "octo-org/catalog");
    let expected = ["created domain/b", "owned-elsewhere domain/a"];
    assert_eq!(states(&result), expected);
    let branch = format!("{STATE}/branch/stage=2Fone");
    world.assert_holds("a= b=B");
    assert_eq!(listed(&world, &branch, "entities"), ["domain|b"]);
    assert_eq!(listed(&world, &branch, "waiting"), ["domain|a"]);
    assert_eq!(listed(&world, STATE, "entities"), ["domain|a"]);
    let state = world.entity("gitops_source", &branch);
    assert_eq!(state["title"], "octo-org/catalog @ stage/one");
    assert_eq!(state["properties"]["branch"], "stage/one");

    // Neither deletes what the other declares.
    assert_eq!(succeed(&push("a=-")).output("deleted"), "0");
    assert_eq!(succeed(&push("b=-")).output("deleted"), "1");
    assert_eq!(names(&world), ["a"]);
    world.repository.checkout("main").unwrap();
    assert_settled(&world);
    let planned = succeed(&pruning(world.nightly()).input("mode", "plan"));
    assert_eq!(states(&planned), ["unchanged domain/a"]);
}

/// Runs of so many repositories at once, each of which applies a push that is the first.
fn run_at_once(
    world: &World,
    repositories: usize,
    input: impl Fn(Step, usize) -> Step,
) -> Vec<StepResult> {
    let step = |number: usize| {
        let id = (number + 1).to_string();
        let step = world.first_push().variable("GITHUB_REPOSITORY_ID", id);
        input(step, number)
    };
    let steps: Vec<_> = (0..repositories).map(step).collect();
    thread::scope(|scope| {
        let started = steps.iter().map(|step| scope.spawn(move || run(step)));
        let started: Vec<_> = started.collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn fifty_first_runs_at_once_create_one_blueprint_and_fifty_states() {
    const RUNS: usize = 50;
    let world = World::fresh();
    let all: Vec<_> = (0..RUNS).map(|n| format!("d{n}=D")).collect();
    stage(&world.repository, &all.join(" "));
    world.commit("Add all");
    let own = |step: Step, n: usize| step.input("files", format!("d{n}/port.yml"));
    for result in run_at_once(&world, RUNS, own) {
        assert_eq!((result.status, result.output("created")), (0, "1"));
    }
    let count = names(&world).len();
    assert_eq!((count, world.port.entities().len()), (RUNS, 2 * RUNS));
    assert_eq!(world.port.catalog_pages(), [""; 0]);
    for n in 0..RUNS {
        let state = format!("github.com/{}", n + 1);
        assert_eq!(listed(&world, &state, "entities"), [format!("domain|d{n}")]);
    }
}

/// They all declare the same entity, so one of them owns it in the end.
#[test]
fn of_sources_that_claim_one_entity_at_once_one_owns_it() {
    let world = World::fresh();
    stage(&world.repository, "a=A");
    world.commit("Add a");
    run_at_once(&world, 8, |step, _| step);
    let nightly = |n: usize| {
        world
            .nightly()
            .variable("GITHUB_REPOSITORY_ID", n.to_string())
    };
    let statuses: Vec<_> = (1..=8).map(|n| run(&nightly(n)).status).collect();
    let green = statuses.iter().filter(|status| **status == 0).count();
    assert_eq!(green, 1, "{statuses:?}");
    world.assert_holds("a=A");
}
