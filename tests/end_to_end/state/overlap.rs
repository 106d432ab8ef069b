//! Runs of one source at the same time, as they happen without a `concurrency` group.

use std::sync::{Arc, Mutex};

use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step, StepResult};

use super::{assert_settled, pruning, push_elsewhere, titles};
use crate::world::{World, binary, run, succeed};

/// A world with `a` and `b`, both old in Port and in Git, each in a file of its own.
fn world() -> World {
    let world = World::new();
    world.write_domain("a/port.yml", "a", "Old");
    world.write_domain("b/port.yml", "b", "Old");
    succeed(&world.push("Add a and b"));
    world
}

/// When the other run happens, from beginning to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Moment {
    BeforeFirstSave,
    AfterFirstSave,
    BeforeWrite,
    AfterWrite,
    BeforeLastSave,
}

impl Moment {
    pub(super) const ALL: [Self; 5] = [
        Self::BeforeFirstSave,
        Self::AfterFirstSave,
        Self::BeforeWrite,
        Self::AfterWrite,
        Self::BeforeLastSave,
    ];

    fn of(self, call: Fault) -> Fault {
        let save = Matcher::new("POST", "*/gitops_source/entities");
        let write = Matcher::new("POST", "*/domain/entities*");
        match self {
            Self::BeforeFirstSave => call.when(save),
            Self::AfterFirstSave => call.when(save).after_effect(),
            Self::BeforeWrite => call.when(write),
            Self::AfterWrite => call.when(write).after_effect(),
            Self::BeforeLastSave => call.when(save).skip(1),
        }
    }
}

/// Runs `inner` while `outer` runs; gives what both did.
pub(super) fn overlap(world: &World, moment: Moment, outer: &Step, inner: Step) -> [StepResult; 2] {
    let result = Arc::new(Mutex::new(None));
    let (told, inner) = (Arc::clone(&result), Mutex::new(Some(inner)));
    let call = Fault::call(move || {
        if let Some(step) = inner.lock().unwrap().take() {
            *told.lock().unwrap() = Some(step.run(binary()).unwrap());
        }
    });
    world.port.inject(moment.of(call));
    let outer = run(outer);
    world.port.clear_faults();
    let inner = result.lock().unwrap().take();
    [outer, inner.expect("the other run took place")]
}

/// The steps of two pushes, of which the branch shows the second one as soon as the other run begins.
fn two_pushes(world: &World) -> [Step; 2] {
    world.write_domain("a/port.yml", "a", "One");
    world.write_domain("b/port.yml", "b", "One");
    let older = world.push("Change both");
    world.write_domain("a/port.yml", "a", "Two");
    let newer = world.push("Change a again");
    [older, newer]
}

#[test]
fn two_runs_of_one_tip_leave_what_it_declares() {
    for moment in Moment::ALL {
        let world = world();
        let [older, newer] = two_pushes(&world);
        let [outer, inner] = overlap(&world, moment, &older, newer);
        let logs = format!("{moment:?}: {}\n{}", outer.log, inner.log);
        assert_eq!((outer.status, inner.status), (0, 0), "{logs}");
        assert_eq!(titles(&world, &["a", "b"]), ["Two", "One"], "{logs}");
        // What happens between a look at the state and the save that follows is not noticed.
        if !matches!(moment, Moment::BeforeFirstSave | Moment::BeforeLastSave) {
            assert!(outer.log.contains("`concurrency` group"), "{logs}");
        }
        succeed(&push_elsewhere(&world));
        assert_eq!(titles(&world, &["a", "b"]), ["Two", "One"], "{logs}");
        assert_settled(&world);
    }
}

/// The older run looked at the branch before the newer push.
#[test]
fn what_an_older_run_writes_over_a_newer_one_is_written_again() {
    for moment in Moment::ALL {
        let world = world();
        let [older, newer] = two_pushes(&world);
        let tip = world.repository.head().unwrap();
        world.repository.reset_hard("HEAD~1").unwrap();
        let repository = world.repository.clone();
        let move_on = Fault::call(move || repository.reset_hard(&tip).unwrap());
        world.port.inject(move_on.on("GET", "*/blueprints/domain"));
        let [outer, inner] = overlap(&world, moment, &older, newer);
        let logs = format!("{moment:?}: {}\n{}", outer.log, inner.log);
        assert_eq!((outer.status, inner.status), (0, 0), "{logs}");
        assert_eq!(titles(&world, &["a", "b"]), ["Two", "One"], "{logs}");
        succeed(&push_elsewhere(&world));
        assert_eq!(titles(&world, &["a", "b"]), ["Two", "One"], "{logs}");
        assert_settled(&world);
    }
}

/// One run deletes what the other still declares, and the other way round.
#[test]
fn a_removal_and_a_declaration_at_the_same_time_end_as_the_tip_says() {
    for moment in Moment::ALL {
        for is_removed_last in [false, true] {
            let world = world();
            let remove = || {
                world.repository.remove("a/port.yml");
                world.write_domain("b/port.yml", "b", "Removing");
                pruning(world.push("Remove a"))
            };
            let declare = || {
                world.write_domain("a/port.yml", "a", "Declared");
                world.write_domain("b/port.yml", "b", "Declaring");
                pruning(world.push("Declare a"))
            };
            let (older, newer, expected) = match is_removed_last {
                true => (declare(), remove(), ["–", "Removing"]),
                false => (remove(), declare(), ["Declared", "Declaring"]),
            };
            let tip = world.repository.head().unwrap();
            world.repository.reset_hard("HEAD~1").unwrap();
            let repository = world.repository.clone();
            let move_on = Fault::call(move || repository.reset_hard(&tip).unwrap());
            world.port.inject(move_on.on("GET", "*/blueprints/domain"));
            let [outer, inner] = overlap(&world, moment, &older, newer);
            let logs = format!("{moment:?}: {}\n{}", outer.log, inner.log);
            let result = succeed(&pruning(push_elsewhere(&world)));
            let found = titles(&world, &["a", "b"]);
            assert_eq!(found, expected, "{logs}\n{}", result.log);
            succeed(&pruning(push_elsewhere(&world)));
            assert_settled(&world);
        }
    }
}

/// A source that is new: both create the state, and one of them finds it there.
#[test]
fn two_first_runs_of_one_source_do_not_forget_each_other() {
    for moment in Moment::ALL {
        let world = World::fresh();
        let zero = world.repository.zero_id();
        world.write_domain("a/port.yml", "a", "A");
        world.repository.commit("Add a").unwrap();
        let older = world.pushed(&zero);
        world.write_domain("b/port.yml", "b", "B");
        let newer = world.push("Add b");
        let [outer, inner] = overlap(&world, moment, &older, newer);
        let logs = format!("{moment:?}: {}\n{}", outer.log, inner.log);
        assert_eq!((outer.status, inner.status), (0, 0), "{logs}");
        world.repository.remove("a/port.yml");
        let result = succeed(&pruning(world.push("Remove a")));
        assert_eq!(
            titles(&world, &["a", "b"]),
            ["–", "B"],
            "{logs}{}",
            result.log
        );
        assert_settled(&world);
    }
}

/// The state is deleted by somebody while a run writes.
#[test]
fn a_state_that_is_deleted_meanwhile_is_saved_again() {
    let world = world();
    world.write_domain("a/port.yml", "a", "One");
    let step = world.push("Change a");
    let hang = Fault::delay(std::time::Duration::from_millis(300));
    let write = Matcher::new("POST", "*/domain/entities");
    world.port.inject(hang.when(write.clone()).after_effect());
    let process = step.command(binary()).spawn().unwrap();
    world.port.clear_journal();
    while world.port.requests(&write).is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(
        world
            .port
            .remove_entity("gitops_source", crate::world::STATE)
    );
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_settled(&world);
}
