//! What stays undone for long: runs come back to it, and each costs as much as the one before.

use port_gitops_sandbox::{Sandbox, Step, StepResult};

use crate::world::{World, run, succeed};

/// Something that only Port speaks against, and something that is sound.
const LATER: &str = "identifier: x\nblueprint: later\n---\nidentifier: y\nblueprint: domain\n";

/// Runs a step and counts its requests to GitHub.
fn cost(world: &World, step: &Step) -> (StepResult, usize) {
    world.github.clear_journal();
    let result = run(step);
    let count = world.github.journal().len();
    (result, count)
}

/// Pushes that have nothing to do with anything; gives what the first and the last of them cost.
fn pushes(world: &World, count: usize, input: impl Fn(Step) -> Step) -> (usize, usize) {
    let costs: Vec<_> = (0..count)
        .map(|n| {
            world.write_domain(&format!("others/{n}/port.yml"), &format!("other{n}"), "O");
            let step = input(world.push("Change something else"));
            cost(world, &step).1
        })
        .collect();
    (costs[0], costs[count - 1])
}

fn assert_flat((first, last): (usize, usize)) {
    assert!(last <= first + 2, "the cost grows from {first} to {last}");
}

fn same(step: Step) -> Step {
    step
}

fn prune(step: Step) -> Step {
    step.input("prune", "true")
}

/// The control: this one is flat already.
#[test]
fn a_mistake_by_port_alone() {
    let world = World::new();
    run(&world.push_file("later/port.yml", LATER));
    assert_flat(pushes(&world, 12, same));
}

#[test]
fn such_a_mistake_in_the_first_run() {
    let world = World::fresh();
    run(&world.push_file("later/port.yml", LATER));
    assert_flat(pushes(&world, 12, same));
}

#[test]
fn such_a_mistake_and_one_failure_in_passing() {
    let world = World::new();
    run(&world.push_file("later/port.yml", LATER));
    world.write_domain("b/port.yml", "b", "B");
    world.refuse("b", 1);
    assert_eq!(run(&world.push("Add b")).status, 1);
    assert_flat(pushes(&world, 12, same));
}

#[test]
fn such_a_mistake_and_one_stale_run() {
    let world = World::new();
    run(&world.push_file("later/port.yml", LATER));
    world.write_domain("a/port.yml", "a", "A");
    let older = world.push("Add a");
    world.write_domain("b/port.yml", "b", "B");
    let newer = world.push("Add b");
    run(&older);
    run(&newer);
    assert_flat(pushes(&world, 12, same));
}

#[test]
fn a_relation_target_that_is_missing() {
    let world = World::new();
    let orphan = "identifier: s\nblueprint: microservice\nrelations: {domain: missing}\n";
    run(&world.push_file("s/port.yml", orphan));
    assert_flat(pushes(&world, 12, same));
}

#[test]
fn more_deletions_than_allowed() {
    let world = World::new();
    let path = |n: usize| format!("d/{n}/port.yml");
    for n in 0..3 {
        world.write_domain(&path(n), &format!("d{n}"), "D");
    }
    succeed(&world.push("Add"));
    for n in 0..3 {
        world.repository.remove(&path(n));
    }
    let input = |step: Step| prune(step).input("max-deletes", "2");
    run(&input(world.push("Remove")));
    assert_flat(pushes(&world, 12, input));
}

#[test]
fn a_deletion_held_back_over_a_mistake() {
    let world = World::new();
    world.write_domain("d/port.yml", "d", "D");
    succeed(&world.push("Add d"));
    run(&prune(world.push_file("later/port.yml", LATER)));
    world.repository.remove("d/port.yml");
    run(&prune(world.push("Remove d")));
    assert_flat(pushes(&world, 12, prune));
}

#[test]
fn what_was_removed_meanwhile_is_told_of_once() {
    let world = World::new();
    for n in 0..120 {
        world.write_domain(&format!("d/{n}/port.yml"), &format!("d{n}"), "D");
    }
    succeed(&world.push("Add many"));
    run(&world.push_file("later/port.yml", LATER));
    world.repository.remove("d/7/port.yml");
    let result = run(&world.push("Remove one"));
    assert!(result.log.contains("no longer declares `domain/d7`"));
    let (result, count) = cost(&world, &world.push_file("README.md", "# More\n"));
    assert!(!result.log.contains("no longer declares"), "{}", result.log);
    assert!(count <= 9, "{count}: {}", result.log);
}

/// Each begins as the one before is mended.
#[test]
fn mistakes_that_take_turns() {
    let world = World::new();
    for name in ["x", "y", "z"] {
        world.write_domain(&format!("{name}/port.yml"), name, "Old");
    }
    run(&world.push("Begin"));
    let broken = |name: &str| {
        let text = format!("identifier: {name}\nblueprint: domain\ntitle: 5\n");
        world.repository.write(&format!("{name}/port.yml"), &text);
    };
    broken("x");
    run(&world.push("Break x"));
    for (mended, broken_next) in [("x", "y"), ("y", "z"), ("z", "x"), ("x", "y")] {
        let path = format!("{broken_next}/port.yml");
        world.write_domain(&path, broken_next, mended);
        run(&world.push("Change what breaks next"));
        world.write_domain(&format!("{mended}/port.yml"), mended, "Mended");
        broken(broken_next);
        run(&world.push("Mend one, break another"));
    }
    let costs = pushes(&world, 12, same);
    assert_flat(costs);
    assert!(costs.0 < 15, "the first costs {} already", costs.0);
}
