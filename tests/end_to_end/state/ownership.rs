//! Which source an entity belongs to, and how it goes from one to another.

use std::thread;
use std::time::Duration;

use port_gitops_sandbox::{Fault, Sandbox, Step, StepResult, Switch};
use serde_json::{Value, json};

use super::{
    assert_settled, beside, domain, domains, names, other_repository, pruning, push_elsewhere,
    put_by_hand,
};
use crate::scenes::{plain, states};
use crate::world::{STATE, World, binary, run, succeed};

/// What the state of [`other_repository`] is called.
const OTHER: &str = "github.com/2";

/// What a list of a state has.
fn listed(world: &World, source: &str, list: &str) -> Vec<String> {
    let state = world.port.entity("gitops_source", source);
    let state = state.unwrap_or_default();
    let list = state["properties"][list].as_array().cloned();
    let text = |key: &Value| key.as_str().unwrap().to_owned();
    list.unwrap_or_default().iter().map(text).collect()
}

/// Two repositories on one Port, of which the first has applied `a`.
fn two() -> (World, World) {
    let (world, other) = (World::new(), other_repository());
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    (world, other)
}

fn titled(title: &str) -> String {
    format!("identifier: a\nblueprint: domain\ntitle: {title}\n")
}

fn assert_owned_elsewhere(result: &StepResult, owner: &str) {
    assert_eq!(result.status, 1, "{}", result.log);
    let error = result.commands("error")[0];
    assert_eq!(error.property("title"), "Port: owned elsewhere");
    assert!(error.data.contains(owner), "{}", error.data);
}

#[test]
fn two_repositories_share_a_catalog() {
    let (world, other) = two();
    let theirs = |step| pruning(beside(&world, step));
    let result = succeed(&theirs(other.push_file("port.yml", &domain("b"))));
    assert_eq!(result.output("created"), "1", "{}", result.log);
    for _ in 0..2 {
        for step in [pruning(world.nightly()), theirs(other.nightly())] {
            let result = succeed(&step);
            assert_eq!(result.output("deleted"), "0", "{}", result.log);
            assert_eq!(result.output("drift"), "false", "{}", result.log);
        }
    }
    assert_eq!(listed(&world, STATE, "entities"), ["domain|a"]);
    assert_eq!(listed(&world, OTHER, "entities"), ["domain|b"]);
}

#[test]
fn what_another_source_owns_is_an_error_in_an_apply_and_a_warning_in_a_plan() {
    let (world, other) = two();
    let step = || beside(&world, other.nightly());
    other.repository.write("port.yml", &titled("Theirs"));
    other.repository.write("b/port.yml", &domain("b"));
    other.repository.commit("Declare a too, and b").unwrap();
    let plan = succeed(&step().input("mode", "plan"));
    let warning = plan.commands("warning")[0];
    assert_eq!(warning.property("title"), "Port: owned elsewhere");
    assert_eq!(warning.property("file"), "port.yml");
    assert!(
        warning.data.contains("octo-org/catalog"),
        "{}",
        warning.data
    );

    assert_owned_elsewhere(&run(&step()), "octo-org/catalog");
    assert_eq!(world.title("domain", "a").unwrap(), "");
    assert_eq!(names(&world), ["a", "b"], "b has nothing to do with it");
    assert_eq!(listed(&world, OTHER, "waiting"), ["domain|a"]);
    assert_eq!(listed(&world, OTHER, "entities"), ["domain|b"]);
    // Its owner goes on as if nothing had happened.
    succeed(&world.push_file("port.yml", &titled("Ours")));
    assert_eq!(world.title("domain", "a").unwrap(), "Ours");
}

#[test]
fn what_is_declared_in_the_new_place_first_is_handed_over() {
    let (world, other) = two();
    let theirs = |step| pruning(beside(&world, step));
    let result = run(&theirs(other.push_file("port.yml", &titled("Theirs"))));
    assert_owned_elsewhere(&result, "octo-org/catalog");
    world.repository.remove("port.yml");
    let result = succeed(&pruning(world.push("Hand a over")));
    assert_eq!(result.output("deleted"), "0", "{}", result.log);
    assert!(plain(&result).contains("octo-org/other"), "{}", result.log);
    assert_eq!(names(&world), ["a"]);
    for list in ["entities", "removed"] {
        assert_eq!(listed(&world, STATE, list), [""; 0]);
    }
    let result = succeed(&theirs(push_elsewhere(&other)));
    assert_eq!(
        world.title("domain", "a").unwrap(),
        "Theirs",
        "{}",
        result.log
    );
    assert_eq!(listed(&world, OTHER, "entities"), ["domain|a"]);
    assert_eq!(listed(&world, OTHER, "waiting"), [""; 0]);
    other.repository.remove("port.yml");
    succeed(&theirs(other.push("Remove it")));
    assert_eq!(names(&world), [""; 0]);
}

/// The new place cannot be read, or has a mistake, when the old one lets go: it still waits.
#[test]
fn what_waits_in_a_file_with_a_mistake_is_handed_over_too() {
    for mistake in [": [", "identifier: a\nblueprint: domain\ntitle: 5\n"] {
        let (world, other) = two();
        let theirs = |step| pruning(beside(&world, step));
        run(&theirs(other.push_file("port.yml", &titled("Theirs"))));
        run(&theirs(other.push_file("port.yml", mistake)));
        assert_eq!(listed(&world, OTHER, "waiting"), ["domain|a"]);
        world.repository.remove("port.yml");
        succeed(&pruning(world.push("Hand a over")));
        assert_eq!(names(&world), ["a"]);
        succeed(&theirs(other.push_file("port.yml", &titled("Theirs"))));
        assert_eq!(world.title("domain", "a").unwrap(), "Theirs");
        assert_eq!(listed(&world, OTHER, "waiting"), [""; 0]);
    }
}

#[test]
fn what_is_removed_from_the_old_place_first_is_handed_over() {
    for prunes_at_once in [false, true] {
        let (world, other) = two();
        let theirs = |step| pruning(beside(&world, step));
        world.repository.remove("port.yml");
        let step = world.push("Remove a");
        let step = step.input("prune", prunes_at_once.to_string());
        succeed(&step);
        assert_eq!(names(&world).is_empty(), prunes_at_once);
        let result = succeed(&theirs(other.push_file("port.yml", &titled("Theirs"))));
        assert_eq!(
            world.title("domain", "a").unwrap(),
            "Theirs",
            "{}",
            result.log
        );
        // What was removed before is another source's by now.
        let result = succeed(&pruning(push_elsewhere(&world)));
        assert_eq!(result.output("deleted"), "0", "{}", result.log);
        assert_eq!(names(&world), ["a"]);
        assert_settled(&world);
    }
}

/// The other one's run takes place while this one is about to delete.
#[test]
fn what_is_taken_over_at_the_same_time_is_written_by_the_next_run() {
    let (world, other) = two();
    let result = run(&beside(
        &world,
        other.push_file("port.yml", &titled("Theirs")),
    ));
    assert_eq!(result.status, 1);
    world.repository.remove("port.yml");
    let step = pruning(world.push("Hand a over"));
    let theirs = beside(&world, push_elsewhere(&other));
    let run_theirs = Fault::call(move || drop(theirs.run(binary()).unwrap()));
    world
        .port
        .inject(run_theirs.on("GET", "*/blueprints/domain"));
    succeed(&step);
    succeed(&beside(&world, push_elsewhere(&other)));
    assert_eq!(world.title("domain", "a").unwrap(), "Theirs");
}

#[test]
fn what_was_written_by_hand_is_taken_over() {
    let world = World::new();
    put_by_hand(&world, "a", "By hand");
    succeed(&world.push_file("port.yml", &titled("Ours")));
    assert_eq!(world.title("domain", "a").unwrap(), "Ours");
    assert_settled(&world);
}

#[test]
fn what_is_handed_over_can_be_related_to() {
    let (world, other) = two();
    run(&beside(
        &world,
        other.push_file("port.yml", &titled("Theirs")),
    ));
    let service = "identifier: s\nblueprint: microservice\ntitle: New\nrelations: {domain: a}\n";
    let result = succeed(&pruning(world.push_file("port.yml", service)));
    assert_eq!(world.title("microservice", "s").unwrap(), "New");
    assert!(world.port.entity("domain", "a").is_some(), "{}", result.log);
}

/// The owner is looked up for what is new to a source, and for all in a full run.
#[test]
fn a_full_run_finds_out_that_an_older_source_owns_an_entity_too() {
    let (world, other) = (World::new(), other_repository());
    // The search that says so lags, so both write it.
    world.port.turn_on(Switch::SearchLags);
    world.port.set_search_lag(Duration::from_secs(3600));
    succeed(&world.push_file("port.yml", &titled("Ours")));
    // The age of a state is in seconds.
    thread::sleep(Duration::from_millis(1100));
    succeed(&beside(
        &world,
        other.push_file("port.yml", &titled("Theirs")),
    ));
    world.port.turn_off(Switch::SearchLags);
    let result = run(&beside(&world, other.nightly()));
    assert_owned_elsewhere(&result, "octo-org/catalog");
    succeed(&world.nightly());
    assert_eq!(world.title("domain", "a").unwrap(), "Ours");
}

/// Then nothing is written or deleted that may be another source's.
#[test]
fn where_the_owner_cannot_be_looked_up_the_run_ends_before_it_writes() {
    let (world, _) = two();
    world.repository.remove("port.yml");
    world.write_domain("b/port.yml", "b", "B");
    let step = pruning(world.push("Remove a, add b"));
    let refused = Fault::status(400).on("POST", "*/gitops_source/entities/search");
    world.port.inject(refused);
    let result = run(&step);
    assert_eq!(result.status, 2, "{}", result.log);
    assert_eq!(names(&world), ["a"]);
    succeed(&step);
    assert_eq!(names(&world), ["b"]);
    assert_settled(&world);
}

#[test]
fn a_rename_and_a_transfer_change_nothing() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domains(&["a", "b"]))));
    for name in ["octo-org/renamed", "another-org/renamed"] {
        world.github.set_full_name(name);
        let result = succeed(&pruning(push_elsewhere(&world)));
        assert_eq!(result.output("created"), "0", "{}", result.log);
        let title = format!("A {name}");
        let text = format!(
            "- {{identifier: a, blueprint: domain, title: {title}}}\n- {{identifier: b, blueprint: domain}}\n"
        );
        succeed(&pruning(world.push_file("port.yml", &text)));
        assert_eq!(world.title("domain", "a").unwrap(), title);
        assert_eq!(world.state().unwrap()["title"], name);
        let page = format!("https://github.com/{name}");
        assert_eq!(world.state_property("repository"), page);
    }
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    assert_eq!(names(&world), ["a"]);
    let states = world.port.entities().into_iter();
    let states = states.filter(|(blueprint, ..)| blueprint == "gitops_source");
    assert_eq!(states.count(), 1);
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
    let result = run(&new(other.push_file("port.yml", &titled("New"))));
    assert_owned_elsewhere(&result, "octo-org/catalog");
    assert_eq!(world.title("domain", "a").unwrap(), "");
    assert_eq!(listed(&world, OTHER, "waiting"), ["domain|a"]);
    other.repository.remove("port.yml");
    succeed(&new(other.push("Remove it")));
    assert_eq!(names(&world), ["a"]);
    succeed(&pruning(push_elsewhere(&world)));
    assert_settled(&world);
}

#[test]
fn another_branch_that_is_applied_is_a_source_of_its_own() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    world.repository.create_branch("stage/one").unwrap();
    world.repository.checkout("stage/one").unwrap();
    world.repository.write("port.yml", &titled("Staged"));
    world.repository.write("b/port.yml", &domain("b"));
    let push = || {
        let (before, after) = world.commit("Go on");
        let event = world.github.push_event("stage/one", &before, &after);
        let step = world.step("push", &event.unwrap());
        pruning(step.input("mode", "apply"))
    };
    assert_owned_elsewhere(&run(&push()), "octo-org/catalog");
    let branch = format!("{STATE}/branch/stage=2Fone");
    assert_eq!(world.title("domain", "a").unwrap(), "");
    assert_eq!(names(&world), ["a", "b"]);
    assert_eq!(listed(&world, &branch, "entities"), ["domain|b"]);
    assert_eq!(listed(&world, &branch, "waiting"), ["domain|a"]);
    let state = world.port.entity("gitops_source", &branch).unwrap();
    assert_eq!(state["title"], "octo-org/catalog @ stage/one");
    assert_eq!(state["properties"]["branch"], "stage/one");

    // Neither deletes what the other declares.
    world.repository.remove("port.yml");
    let result = succeed(&push());
    assert_eq!(result.output("deleted"), "0", "{}", result.log);
    world.repository.remove("b/port.yml");
    let result = succeed(&push());
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
    assert_eq!(names(&world), ["a"]);
    world.repository.checkout("main").unwrap();
    assert_settled(&world);
    let planned = succeed(&pruning(world.nightly()).input("mode", "plan"));
    assert_eq!(states(&planned), ["unchanged domain/a"]);
}

#[test]
fn fifty_first_runs_at_once_create_one_blueprint_and_fifty_states() {
    const RUNS: usize = 50;
    let world = World::fresh();
    for n in 0..RUNS {
        let path = format!("team{n}/port.yml");
        world.write_domain(&path, &format!("d{n}"), "D");
    }
    world.repository.commit("Add all").unwrap();
    let zero = world.repository.zero_id();
    let step = |n: usize| {
        let step = world
            .pushed(&zero)
            .variable("GITHUB_REPOSITORY_ID", (n + 1).to_string());
        step.input("files", format!("team{n}/port.yml"))
    };
    let steps: Vec<_> = (0..RUNS).map(step).collect();
    let results: Vec<_> = thread::scope(|scope| {
        let started = steps
            .iter()
            .map(|step| scope.spawn(|| step.run(binary()).unwrap()));
        let started: Vec<_> = started.collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for result in &results {
        assert_eq!(result.status, 0, "{}", result.log);
        assert_eq!(result.output("created"), "1");
    }
    let names = names(&world).len();
    assert_eq!((names, world.port.entities().len()), (RUNS, 2 * RUNS));
    assert_eq!(world.port.catalog_pages(), [""; 0]);
    for n in 0..RUNS {
        let name = format!("github.com/{}", n + 1);
        assert_eq!(listed(&world, &name, "entities"), [format!("domain|d{n}")]);
    }
}

/// They all declare the same entity, so one of them owns it in the end.
#[test]
fn of_sources_that_claim_one_entity_at_once_one_owns_it() {
    let world = World::fresh();
    world.write_domain("port.yml", "a", "A");
    world.repository.commit("Add a").unwrap();
    let zero = world.repository.zero_id();
    let step = |n: usize, nightly: bool| {
        let step = match nightly {
            true => world.nightly(),
            false => world.pushed(&zero),
        };
        step.variable("GITHUB_REPOSITORY_ID", (n + 1).to_string())
    };
    let steps: Vec<_> = (0..8).map(|n| step(n, false)).collect();
    thread::scope(|scope| {
        for step in &steps {
            scope.spawn(|| step.run(binary()).unwrap());
        }
    });
    let statuses: Vec<_> = (0..8).map(|n| run(&step(n, true)).status).collect();
    let green = statuses.iter().filter(|status| **status == 0).count();
    assert_eq!(green, 1, "{statuses:?}");
    assert_eq!(world.title("domain", "a").unwrap(), "A");
}

/// An entity that a source declares as before and another one has, too, by a tampered state.
#[test]
fn what_is_added_to_a_state_by_hand_has_no_effect_on_its_own_source() {
    let (world, _) = two();
    put_by_hand(&world, "b", "By hand");
    let mut state = world.state().unwrap();
    for list in ["entities", "removed", "waiting"] {
        let list = state["properties"][list].as_array_mut().unwrap();
        list.push(json!("domain|b"));
    }
    world
        .port
        .put_entity("gitops_source", state, super::BY_HAND)
        .unwrap();
    succeed(&pruning(push_elsewhere(&world)));
    world.repository.remove("port.yml");
    succeed(&pruning(world.push("Remove a")));
    assert_eq!(names(&world), ["b"]);
}
