//! What stays undone for long: runs come back to it, and each costs as much as the one before.

use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Sandbox, Step};
use serde_json::json;

use super::{assert_quiet, assert_settled, cost, names, pruning, push_elsewhere};
use crate::scenes::{plain, states};
use crate::world::{World, run, succeed};

/// Something that only Port's lack of a blueprint prevents, and something that is sound.
const LATER: &str = "identifier: x\nblueprint: later\n---\nidentifier: y\nblueprint: domain\n";

/// Lets Port refuse a domain for good.
fn refuse_for_good(world: &World, name: &str) {
    world.refuse(name, usize::MAX);
}

/// How many bytes the state takes as Port holds it.
fn size(world: &World) -> usize {
    world.state().unwrap().to_string().len()
}

/// What a push costs: requests to GitHub and to Port, and the size of the state after it.
fn push(world: &World, step: &Step) -> [usize; 3] {
    let (result, github, port) = cost(world, step);
    assert!(matches!(result.status, 0 | 1), "{}", result.log);
    [github, port, size(world)]
}

#[test]
fn a_refused_entity_costs_the_same_at_the_fiftieth_push() {
    let world = World::new();
    refuse_for_good(&world, "b");
    let both = "- {identifier: a, blueprint: domain}\n- {identifier: b, blueprint: domain}\n";
    assert_eq!(run(&world.push_file("port.yml", both)).status, 1);
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
    let costs: Vec<_> = (0..24)
        .map(|n| {
            let text = format!(
                "- {{identifier: a, blueprint: domain, title: A{n}}}\n- {{identifier: b, blueprint: domain, title: B{n}}}\n"
            );
            push(&world, &world.push_file("port.yml", &text))
        })
        .collect();
    let [github, port, bytes] = costs[12];
    for cost in &costs[12..] {
        assert!(cost[0] <= github && cost[1] <= port, "{costs:?}");
        assert!(cost[2] < bytes + 40, "{costs:?}");
    }
    world.port.refuse_nothing();
    let bare = "- {identifier: a, blueprint: domain}\n- {identifier: b, blueprint: domain}\n";
    succeed(&world.push_file("port.yml", bare));
    assert_eq!(world.title("domain", "a").unwrap(), "");
    assert_settled(&world);
}

/// A world in which something stays undone, and the inputs of its pushes.
type Begin = fn() -> (World, fn(Step) -> Step);

fn same(step: Step) -> Step {
    step
}

fn at_most_two(step: Step) -> Step {
    pruning(step).input("max-deletes", "2")
}

/// Three domains in files of their own.
fn write_three(world: &World) {
    for name in ["x", "y", "z"] {
        world.write_domain(&format!("{name}/port.yml"), name, "Old");
    }
}

/// Each mistake begins as the one before is fixed.
fn mistakes_that_take_turns() -> World {
    let world = World::new();
    write_three(&world);
    succeed(&world.push("Begin"));
    let break_one = |name: &str| {
        let text = format!("identifier: {name}\nblueprint: domain\ntitle: 5\n");
        world.repository.write(&format!("{name}/port.yml"), &text);
    };
    break_one("x");
    run(&world.push("Break x"));
    for (fixed, broken) in [("x", "y"), ("y", "z"), ("z", "x"), ("x", "y")] {
        world.write_domain(&format!("{broken}/port.yml"), broken, fixed);
        run(&world.push("Change what breaks next"));
        world.write_domain(&format!("{fixed}/port.yml"), fixed, "Fixed");
        break_one(broken);
        run(&world.push("Fix one, break another"));
    }
    world
}

#[test]
fn the_cost_of_what_stays_undone_does_not_grow() {
    let cases: [(&str, Begin); 7] = [
        ("a blueprint that is missing", || {
            let world = World::new();
            run(&world.push_file("later/port.yml", LATER));
            (world, same)
        }),
        ("the same from the first run on", || {
            let world = World::fresh();
            run(&world.push_file("later/port.yml", LATER));
            (world, same)
        }),
        ("and a failure in passing", || {
            let world = World::new();
            run(&world.push_file("later/port.yml", LATER));
            world.write_domain("b/port.yml", "b", "B");
            world.refuse("b", 1);
            assert_eq!(run(&world.push("Add b")).status, 1);
            (world, same)
        }),
        ("a relation target that is missing", || {
            let world = World::new();
            let orphan = "identifier: s\nblueprint: microservice\nrelations: {domain: missing}\n";
            run(&world.push_file("s/port.yml", orphan));
            (world, same)
        }),
        ("more deletions than allowed", || {
            let world = World::new();
            write_three(&world);
            succeed(&world.push("Add"));
            for name in ["x", "y", "z"] {
                world.repository.remove(&format!("{name}/port.yml"));
            }
            run(&at_most_two(world.push("Remove")));
            (world, at_most_two)
        }),
        ("a deletion that is held back over a mistake", || {
            let world = World::new();
            world.write_domain("d/port.yml", "d", "D");
            succeed(&world.push("Add d"));
            run(&pruning(world.push_file("later/port.yml", ": [")));
            world.repository.remove("d/port.yml");
            run(&pruning(world.push("Remove d")));
            (world, pruning)
        }),
        ("mistakes that take turns", || {
            (mistakes_that_take_turns(), same)
        }),
    ];
    for (name, begin) in cases {
        let (world, input) = begin();
        let costs: Vec<_> = (0..12)
            .map(|n| {
                let path = format!("others/{n}/port.yml");
                world.write_domain(&path, &format!("other{n}"), "O");
                push(&world, &input(world.push("Change something else")))
            })
            .collect();
        let ([github, port, _], [last_github, last_port, _]) = (costs[0], costs[11]);
        assert!(
            last_github <= github && last_port <= port,
            "{name}: {costs:?}"
        );
        assert!(github <= 7 && port <= 13, "{name}: {costs:?}");
    }
}

#[test]
fn what_was_removed_is_reported_once() {
    let world = World::new();
    write_three(&world);
    succeed(&world.push("Add three"));
    run(&world.push_file("later/port.yml", LATER));
    world.repository.remove("x/port.yml");
    let result = succeed(&world.push("Remove one"));
    assert!(result.log.contains("no longer declares `domain/x`"));
    let result = succeed(&push_elsewhere(&world));
    assert!(!result.log.contains("no longer declares"), "{}", result.log);
}

/// Writes the service as Port would store it, if it changed URLs to lower case.
fn normalise(world: &World) {
    let entity = json!({
        "identifier": "shop", "title": "Shop", "properties": {"url": "https://a.b"},
        "relations": {},
    });
    let writer = "port-gitops/0.1.0 (octo-org/catalog)";
    world
        .port
        .put_entity("microservice", entity, writer)
        .unwrap();
}

const SHOUTED: &str =
    "identifier: shop\nblueprint: microservice\ntitle: Shop\nproperties: {url: 'HTTPS://A.b'}\n";

#[test]
fn a_value_that_port_normalises_is_written_once() {
    let world = World::new();
    succeed(&world.push_file("port.yml", SHOUTED));
    normalise(&world);
    assert_settled(&world);
    world.write_domain("b/port.yml", "b", "B");
    let result = succeed(&world.push("Add b"));
    assert_eq!(states(&result), ["created domain/b"]);
}

/// Beside it in the same file is something that Port refuses, so each run compares it with Port.
#[test]
fn a_value_that_port_normalises_in_an_open_file_is_not_written_at_every_push() {
    let world = World::new();
    let failure = Failure::new(422, "invalid_request", "Not today");
    world.port.refuse("domain", "b", failure, usize::MAX);
    let text = format!("{SHOUTED}---\nidentifier: b\nblueprint: domain\n");
    assert_eq!(run(&world.push_file("port.yml", &text)).status, 1);
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
    let result = succeed(&world.nightly());
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    normalise(&world);
    world.port.clear_journal();
    let result = succeed(&world.nightly());
    assert_eq!(result.output("updated"), "0", "{}", result.log);
    assert_eq!(world.port_writes(), [""; 0]);
    let log = plain(&result);
    assert!(log.contains("Port keeps `properties.url`"), "{log}");
    // What Git declares anew is written all the same.
    let shouted = SHOUTED.replace("A.b", "A.C");
    let result = succeed(&world.push_file("port.yml", &shouted));
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    assert_quiet(&world, push_elsewhere(&world));
}
