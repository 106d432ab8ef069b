//! Entities that go from one owner to another.

use port_gitops_sandbox::{Fault, Sandbox, Step};
use serde_json::{Value, json};

use crate::scenes::states;
use crate::world::{World, binary, run, succeed};

/// Something that only Port speaks against.
const LATER: &str = "identifier: x\nblueprint: later\n";

const OTHER_OWNER: &str = "port-gitops/0.1.0 (octo-org/other)";

fn prune(step: Step) -> Step {
    step.input("prune", "true")
}

fn domain(name: &str, title: &str, properties: Value) -> Value {
    json!({"identifier": name, "title": title, "properties": properties, "relations": {}})
}

fn one(step: Step) -> Step {
    let step = step.input("files", "one/**/port.yml");
    prune(step.input("owner", "octo-org/one"))
}

fn two(step: Step) -> Step {
    let step = step.input("files", "two/**/port.yml");
    prune(step.input("owner", "octo-org/two"))
}

/// Two workflows of a repository, and the steps of both after a file moved from one to the other.
fn moved() -> (World, Step, Step) {
    let world = World::fresh();
    world.write_domain("one/h/port.yml", "h", "H");
    world.write_domain("one/i/port.yml", "i", "I");
    world.write_domain("two/j/port.yml", "j", "J");
    world.commit("Begin");
    let zero = world.repository.zero_id();
    succeed(&one(world.pushed(&zero)));
    succeed(&two(world.pushed(&zero)));
    world.repository.remove("one/h/port.yml");
    world.write_domain("two/h/port.yml", "h", "H");
    let (before, _) = world.commit("Move h");
    let steps = (one(world.pushed(&before)), two(world.pushed(&before)));
    (world, steps.0, steps.1)
}

/// Puts `h` into Port as the other owner writes it.
fn put_theirs(world: &World) {
    let theirs = domain("h", "Theirs", json!({}));
    world
        .port
        .put_entity("domain", theirs, OTHER_OWNER)
        .unwrap();
}

#[test]
fn what_another_owner_has_by_now_is_not_pruned() {
    let world = World::new();
    world.write_domain("h/port.yml", "h", "Mine");
    succeed(&world.push("Add h"));
    put_theirs(&world);
    world.repository.remove("h/port.yml");
    run(&prune(world.push("Remove h")));
    let result = run(&prune(world.push_file("README.md", "# More\n")));
    assert_eq!(world.title("domain", "h").unwrap(), "Theirs");
    assert_eq!(result.status, 0, "{}", result.log);
}

#[test]
fn a_file_moves_from_one_workflow_to_another() {
    let (world, first, second) = moved();
    succeed(&second);
    let result = run(&first);
    assert_eq!(world.title("domain", "h").unwrap(), "H");
    assert_eq!(result.status, 0, "{}", result.log);
}

/// The other one writes between this one's question whose it is and its deletion: both are green.
#[test]
fn a_file_moves_from_one_workflow_to_another_at_the_same_time() {
    let (world, first, second) = moved();
    let run_second = Fault::call(move || {
        assert_eq!(second.run(binary()).unwrap().status, 0);
    });
    // As the record is opened, which is after that question.
    world.github.inject(run_second.on("POST", "*/statuses/*"));
    let result = run(&first);
    let title = world.title("domain", "h");
    assert_eq!(title.as_deref(), Some("H"), "{}", result.log);
}

#[test]
fn what_a_push_takes_over_is_written_after_a_failed_run() {
    let world = World::new();
    put_theirs(&world);
    world.write_domain("b/port.yml", "b", "B");
    world.refuse("b", 1);
    assert_eq!(run(&world.push("Add b")).status, 1);
    world.write_domain("h/port.yml", "h", "Mine");
    let result = succeed(&world.push("Take h over"));
    assert_eq!(
        world.title("domain", "h").unwrap(),
        "Mine",
        "{}",
        result.log
    );
    succeed(&world.push_file("README.md", "# More\n"));
}

#[test]
fn what_a_push_takes_over_is_written_while_something_else_is_open() {
    let world = World::new();
    put_theirs(&world);
    run(&world.push_file("later/port.yml", LATER));
    world.write_domain("h/port.yml", "h", "Mine");
    let result = run(&world.push("Take h over"));
    assert_eq!(
        world.title("domain", "h").unwrap(),
        "Mine",
        "{}",
        result.log
    );
    world.repository.remove("later/port.yml");
    succeed(&world.push("Mend the other"));
    succeed(&world.push_file("README.md", "# More\n"));
}

#[test]
fn what_is_handed_over_can_be_related_to() {
    let world = World::new();
    let service = "identifier: s\nblueprint: microservice\nrelations: {domain: h}\n";
    let both = format!("identifier: h\nblueprint: domain\n---\n{service}");
    succeed(&world.push_file("port.yml", &both));
    put_theirs(&world);
    let titled = format!("{service}title: New\n");
    succeed(&prune(world.push_file("port.yml", &titled)));
    assert_eq!(world.title("microservice", "s").unwrap(), "New");
    assert_eq!(world.title("domain", "h").unwrap(), "Theirs");
}

#[test]
fn what_is_handed_over_while_something_else_is_open_is_nobodys_to_delete() {
    let world = World::new();
    world.refuse("b", 9);
    let h = "identifier: h\nblueprint: domain\ntitle: H\n";
    let service = "identifier: s\nblueprint: microservice\nrelations: {domain: h}\n";
    succeed(&world.push_file("port.yml", &format!("{h}---\n{service}")));
    run(&world.push_file("b/port.yml", "identifier: b\nblueprint: domain\n"));
    let theirs = domain("h", "H", json!({}));
    world
        .port
        .put_entity("domain", theirs, OTHER_OWNER)
        .unwrap();
    let titled = format!("{service}title: New\n");
    let result = run(&prune(world.push_file("port.yml", &titled)));
    assert_eq!(
        world.title("microservice", "s").unwrap(),
        "New",
        "{}",
        result.log
    );
    assert!(
        states(&result).contains(&"removed domain/h".to_owned()),
        "{}",
        result.log
    );
    assert_eq!(world.title("domain", "h").unwrap(), "H");
}
