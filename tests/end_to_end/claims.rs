//! What was perhaps never written from here, or is somebody else's by now, is not deleted.

use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step};
use serde_json::json;

use crate::interrupted::run_and_signal;
use crate::prune::{domain, names, pruning};
use crate::scenes::states;
use crate::world::{World, run, succeed};

fn put_by_hand(world: &World) {
    let by_hand = json!({"identifier": "a", "title": "Theirs", "properties": {}, "relations": {}});
    world
        .port
        .put_entity("domain", by_hand, "Mozilla/5.0")
        .unwrap();
}

#[test]
fn what_port_never_let_be_adopted_is_not_deleted() {
    let world = World::new();
    put_by_hand(&world);
    world.refuse("a", 1);
    run(&pruning(world.push_file("port.yml", &domain("a"))));
    world.repository.remove("port.yml");
    let result = succeed(&pruning(world.push("Give it up")));
    assert_eq!(names(&world), ["a"], "{}", result.log);
    assert_eq!(states(&result), ["removed domain/a"]);
    assert!(result.log.contains("delete it in Port"), "{}", result.log);
    world.port.clear_journal();
    succeed(&pruning(world.push_file("README.md", "# More\n")));
    assert_eq!(world.port.journal().len(), 0, "all is settled");
}

#[test]
fn what_somebody_makes_again_is_not_deleted_again() {
    let world = World::new();
    succeed(&pruning(world.push_file("port.yml", &domain("a"))));
    world.refuse("b", 3);
    run(&pruning(world.push_file("b/port.yml", &domain("b"))));
    world.repository.remove("port.yml");
    let result = run(&pruning(world.push("Remove a")));
    assert_eq!(names(&world), [""; 0], "{}", result.log);
    put_by_hand(&world);
    let result = run(&pruning(world.push_file("README.md", "# More\n")));
    assert_eq!(names(&world), ["a"], "{}", result.log);
}

/// Something else writes the entity last, but leaves what Git says of it.
fn touch(world: &World, title: &str) {
    let touched = json!({"identifier": "a", "title": title, "properties": {}, "relations": {}});
    world
        .port
        .put_entity("domain", touched, "another tool")
        .unwrap();
}

#[test]
fn what_was_held_back_is_deleted_though_another_tool_wrote_to_it() {
    let world = World::new();
    world.write_domain("port.yml", "a", "A");
    succeed(&pruning(world.push("Add a")));
    touch(&world, "A");
    world.repository.remove("port.yml");
    let result = run(&pruning(world.push("Remove a")).input("max-deletes", "0"));
    assert_eq!(states(&result), ["held-back domain/a"], "{}", result.log);
    let result = succeed(&pruning(world.push_file("README.md", "# More\n")));
    assert_eq!(names(&world), [""; 0], "{}", result.log);
}

#[test]
fn what_base_wrote_is_deleted_after_a_killed_run_whoever_wrote_to_it() {
    let world = World::new();
    world.write_domain("port.yml", "a", "A");
    succeed(&pruning(world.push("Add a")));
    touch(&world, "Another");
    let write = Matcher::new("POST", "*/domain/entities");
    world.port.clear_journal();
    world.port.inject(Fault::hang().when(write.clone()));
    let step = pruning(world.push_file("b/port.yml", &domain("b")));
    run_and_signal(&step, &world.port, &write, &["-KILL"]);
    world.repository.remove("port.yml");
    let result = run(&pruning(world.push("Remove a")));
    assert_eq!(names(&world), ["b"], "{}", result.log);
}

#[test]
fn without_a_record_only_what_is_ours_is_deleted() {
    let world = World::new();
    let before = |step: Step| pruning(step).input("base", "before");
    put_by_hand(&world);
    world.refuse("a", 1);
    let both = format!("{}---\n{}", domain("a"), domain("b"));
    run(&before(world.push_file("port.yml", &both)));
    world.repository.remove("port.yml");
    let result = succeed(&before(world.push("Remove both")));
    assert_eq!(names(&world), ["a"], "{}", result.log);
}

#[test]
fn what_port_does_not_tell_of_is_held_back() {
    let world = World::new();
    world.refuse("b", 9);
    run(&pruning(world.push_file("b/port.yml", &domain("b"))));
    run(&pruning(world.push_file("port.yml", &domain("a"))));
    world.repository.remove("port.yml");
    let refused =
        Fault::status(400).when(Matcher::new("POST", "*/search").body_contains("datasource"));
    world.port.inject(refused);
    let result = run(&pruning(world.push("Remove a")));
    assert_eq!(names(&world), ["a"], "{}", result.log);
    assert_eq!(states(&result)[0], "failed domain/b", "{}", result.log);
    assert!(
        states(&result).contains(&"held-back domain/a".to_owned()),
        "{}",
        result.log
    );
    run(&pruning(world.push_file("README.md", "# More\n")));
    assert_eq!(names(&world), [""; 0]);
}

/// It was the branch's, so a run of it may have deleted what somebody made again.
#[test]
fn what_a_revision_that_is_gone_may_have_deleted_is_not_deleted_again() {
    let world = World::new();
    world.write_domain("port.yml", "a", "A");
    succeed(&pruning(world.push("Add a")));
    put_by_hand(&world);
    world.repository.remove("port.yml");
    let (before, head) = world.commit("Remove a");
    let mut event = world.github.push_event("main", &before, &head).unwrap();
    event["before"] = json!("1".repeat(40));
    let result = succeed(&pruning(world.step("push", &event)));
    assert_eq!(names(&world), ["a"], "{}", result.log);
    assert_eq!(states(&result), ["removed domain/a"]);
}
