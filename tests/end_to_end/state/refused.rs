//! What stays undone for long: runs come back to it, and each costs as much as the one before.

use port_gitops_sandbox::{Sandbox, Step};
use serde_json::json;

use super::{assert_quiet, assert_settled, cost, names, push_elsewhere};
use crate::scenes::{plain, states};
use crate::world::{World, assert_outputs, domains, fails, pruning, run, succeed};

/// Something that only Port's lack of a blueprint prevents, and something that is sound.
const LATER: &str = "identifier: x\nblueprint: later\n---\nidentifier: y\nblueprint: domain\n";

/// Lets Port refuse a domain for good.
fn refuse_for_good(world: &World, name: &str) {
    world.refuse(name, usize::MAX);
}

/// What a push costs: requests to GitHub and to Port, and the size of the state after it.
fn push(world: &World, step: &Step) -> [usize; 3] {
    let (result, github, port) = cost(world, step);
    assert!(matches!(result.status, 0 | 1));
    [github, port, world.state().unwrap().to_string().len()]
}

#[test]
fn a_refused_entity_costs_the_same_at_the_fiftieth_push() {
    let world = World::new();
    refuse_for_good(&world, "b");
    fails(&world.push_file("port.yml", &domains("a b")));
    let costs: Vec<_> = (0..50)
        .map(|_| push(&world, &push_elsewhere(&world)))
        .collect();
    let [github, port, bytes] = costs[0];
    assert!(github <= 5 && port <= 8, "{:?}", costs[0]);
    for cost in &costs {
        assert!(cost[0] <= github && cost[1] <= port, "{costs:?}");
        // How well ids compress differs.
        assert!(cost[2].abs_diff(bytes) < 40, "{costs:?}");
    }
    assert_eq!(names(&world), ["a"]);
    world.port.refuse_nothing();
    succeed(&push_elsewhere(&world));
    assert_eq!(names(&world), ["a", "b"]);
    assert_settled(&world);
}

/// Each push changes what Port refuses, so each could leave another version after.
#[test]
fn a_file_that_changes_while_port_refuses_it_keeps_few_versions() {
    let world = World::new();
    world.let_nulls_clear();
    refuse_for_good(&world, "b");
    let file = |n| domains(&format!("a=A{n} b=B{n}"));
    let costs: Vec<_> = (0..24)
        .map(|n| push(&world, &world.push_file("port.yml", &file(n))))
        .collect();
    let [github, port, bytes] = costs[12];
    for cost in &costs[12..] {
        assert!(cost[0] <= github && cost[1] <= port, "{costs:?}");
        assert!(cost[2] < bytes + 40, "{costs:?}");
    }
    world.port.refuse_nothing();
    succeed(&world.push_file("port.yml", &domains("a b")));
    world.assert_holds("a= b=");
    assert_settled(&world);
}

fn same(step: Step) -> Step {
    step
}

fn at_most_two(step: Step) -> Step {
    pruning(step).input("max-deletes", "2")
}

/// Each mistake begins as the one before is fixed.
fn mistakes_that_take_turns() -> World {
    let world = World::new();
    succeed(&world.change("x=Old y=Old z=Old"));
    fails(&world.change("x=5"));
    for (fixed, broken) in [("x", "y"), ("y", "z"), ("z", "x"), ("x", "y")] {
        run(&world.change(&format!("{broken}={fixed}")));
        run(&world.change(&format!("{fixed}=Fixed {broken}=5")));
    }
    world
}

#[test]
fn the_cost_of_what_stays_undone_does_not_grow() {
    /// A world in which something stays undone, and the inputs of its pushes.
    type Begin = fn() -> (World, fn(Step) -> Step);
    fn needs_a_blueprint(world: World) -> (World, fn(Step) -> Step) {
        fails(&world.push_file("later/port.yml", LATER));
        (world, same)
    }
    let a_missing_blueprint: Begin = || needs_a_blueprint(World::new());
    let the_same_from_the_first_run_on: Begin = || needs_a_blueprint(World::fresh());
    let and_a_failure_in_passing: Begin = || {
        let (world, _) = needs_a_blueprint(World::new());
        world.refuse("b", 1);
        fails(&world.change("b=B"));
        (world, same)
    };
    let a_missing_relation_target: Begin = || {
        let world = World::new();
        let orphan = "identifier: s\nblueprint: microservice\nrelations: {domain: missing}\n";
        fails(&world.push_file("s/port.yml", orphan));
        (world, same)
    };
    let more_deletions_than_allowed: Begin = || {
        let world = World::new();
        succeed(&world.change("x=Old y=Old z=Old"));
        fails(&at_most_two(world.change("x=- y=- z=-")));
        (world, at_most_two)
    };
    let a_deletion_that_a_mistake_holds_back: Begin = || {
        let world = World::new();
        succeed(&world.change("d=D"));
        fails(&pruning(world.push_file("later/port.yml", ": [")));
        fails(&pruning(world.change("d=-")));
        (world, pruning)
    };
    for begin in [
        a_missing_blueprint,
        the_same_from_the_first_run_on,
        and_a_failure_in_passing,
        a_missing_relation_target,
        more_deletions_than_allowed,
        a_deletion_that_a_mistake_holds_back,
        || (mistakes_that_take_turns(), same),
    ] {
        let (world, input) = begin();
        let costs: Vec<_> = (0..6)
            .map(|n| push(&world, &input(world.change(&format!("other{n}=O")))))
            .collect();
        let ([github, port, _], [last_github, last_port, _]) = (costs[0], costs[5]);
        assert!(last_github <= github && last_port <= port, "{costs:?}");
        assert!(github <= 7 && port <= 13, "{costs:?}");
    }
}

#[test]
fn what_was_removed_is_reported_once() {
    let world = World::new();
    succeed(&world.change("x=X"));
    fails(&world.push_file("later/port.yml", LATER));
    let is_told = |step: &Step| succeed(step).log.contains("no longer declares `domain/x`");
    assert!(is_told(&world.change("x=-")));
    assert!(!is_told(&push_elsewhere(&world)));
}

/// Writes the service as Port would store it, if it changed URLs to lower case.
fn normalise(world: &World) {
    let entity = json!({
        "identifier": "shop", "title": "Shop", "properties": {"url": "https://a.b"},
        "relations": {},
    });
    world.port.put_entity("microservice", entity).unwrap();
}

const SHOUTED: &str =
    "identifier: shop\nblueprint: microservice\ntitle: Shop\nproperties: {url: 'HTTPS://A.b'}\n";

#[test]
fn a_value_that_port_normalises_is_written_once() {
    let world = World::new();
    succeed(&world.push_file("port.yml", SHOUTED));
    normalise(&world);
    assert_settled(&world);
    assert_eq!(states(&succeed(&world.change("b=B"))), ["created domain/b"]);
}

/// Beside it in the same file is something that Port refuses, so each run compares it with Port.
#[test]
fn a_value_that_port_normalises_in_an_open_file_is_not_written_at_every_push() {
    let world = World::new();
    refuse_for_good(&world, "b");
    let text = format!("{SHOUTED}---\nidentifier: b\nblueprint: domain\n");
    fails(&world.push_file("port.yml", &text));
    normalise(&world);
    // Somebody may have changed it by hand, so once it is written again.
    succeed(&push_elsewhere(&world));
    normalise(&world);
    world.port.clear_journal();
    for _ in 0..3 {
        succeed(&push_elsewhere(&world));
    }
    let writes = world.port.requests_to("POST", "*/microservice/entities");
    assert_eq!(writes.len(), 0);
    world.port.refuse_nothing();
    succeed(&push_elsewhere(&world));
    assert_settled(&world);
}

#[test]
fn a_full_run_says_once_that_port_keeps_a_value() {
    let world = World::new();
    succeed(&world.push_file("port.yml", SHOUTED));
    normalise(&world);
    assert_eq!(succeed(&world.nightly()).output("updated"), "1");
    normalise(&world);
    world.port.clear_journal();
    let result = succeed(&world.nightly());
    assert_eq!(result.output("updated"), "0");
    assert_eq!(world.port_writes(), [""; 0]);
    assert!(plain(&result).contains("Port keeps `properties.url`"));
    // What Git declares anew is written all the same.
    let shouted = SHOUTED.replace("A.b", "A.C");
    assert_outputs(
        &succeed(&world.push_file("port.yml", &shouted)),
        "updated=1",
    );
    assert_quiet(&world, push_elsewhere(&world));
}
