//! Runs of one source at the same time, as they happen without a `concurrency` group.

use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use port_gitops_sandbox::{Fault, Matcher, Sandbox, Step, StepResult};

use super::{assert_settled, push_elsewhere};
use crate::world::{STATE, World, binary, pruning, run, stage, succeed};

/// A world with `a` and `b`, both old in Port and in Git, each in a file of its own.
fn world() -> World {
    let world = World::new();
    succeed(&world.change("a=Old b=Old"));
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
    println!("{moment:?}");
    let result = Arc::new(Mutex::new(None));
    let (told, inner) = (Arc::clone(&result), Mutex::new(Some(inner)));
    let call = Fault::call(move || {
        if let Some(step) = inner.lock().unwrap().take() {
            *told.lock().unwrap() = Some(run(&step));
        }
    });
    world.port.inject(moment.of(call));
    let outer = run(outer);
    world.port.clear_faults();
    let inner = result.lock().unwrap().take();
    [outer, inner.expect("the other run took place")]
}

/// Lets the branch show the last push only once a run has begun.
fn show_last_push_later(world: &World) {
    let tip = world.head();
    world.repository.reset_hard("HEAD~1").unwrap();
    let move_on = world.meanwhile(move |repository| repository.reset_hard(&tip).unwrap());
    world.port.inject(move_on.on("GET", "*/blueprints/domain"));
}

/// The older run looks at the branch before or after the newer push.
#[test]
fn of_two_runs_at_once_the_newer_ones_content_is_what_is_left() {
    for is_before in [false, true] {
        for moment in Moment::ALL {
            let world = world();
            let (older, newer) = (world.change("a=One b=One"), world.change("a=Two"));
            if is_before {
                show_last_push_later(&world);
            }
            let [outer, inner] = overlap(&world, moment, &older, newer);
            assert_eq!((outer.status, inner.status), (0, 0));
            world.assert_holds("a=Two b=One");
            // What happens between a look at the state and the save that follows is not noticed.
            let is_noticed = !matches!(moment, Moment::BeforeFirstSave | Moment::BeforeLastSave);
            assert!(outer.log.contains("`concurrency` group") || is_before || !is_noticed);
            succeed(&push_elsewhere(&world));
            world.assert_holds("a=Two b=One");
            assert_settled(&world);
        }
    }
}

/// One run deletes what the other still declares, and the other way round.
#[test]
fn a_removal_and_a_declaration_at_the_same_time_end_as_the_tip_says() {
    let (remove, declare) = ("a=- b=Removing", "a=Declared b=Declaring");
    for moment in Moment::ALL {
        for [older, newer] in [[remove, declare], [declare, remove]] {
            let world = world();
            let older = pruning(world.change(older));
            let inner = pruning(world.change(newer));
            show_last_push_later(&world);
            overlap(&world, moment, &older, inner);
            succeed(&pruning(push_elsewhere(&world)));
            world.assert_holds(newer);
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
        stage(&world.repository, "a=A");
        world.commit("Add a");
        let older = world.first_push();
        let newer = world.change("b=B");
        let [outer, inner] = overlap(&world, moment, &older, newer);
        assert_eq!((outer.status, inner.status), (0, 0));
        succeed(&pruning(world.change("a=-")));
        world.assert_holds("a=- b=B");
        assert_settled(&world);
    }
}

/// The state is deleted by somebody while a run writes.
#[test]
fn a_state_that_is_deleted_meanwhile_is_saved_again() {
    let world = world();
    let step = world.change("a=One");
    let write = Matcher::new("POST", "*/domain/entities");
    let slow = Fault::delay(Duration::from_millis(300)).when(write.clone());
    world.port.inject(slow.after_effect());
    let process = step.command(binary()).spawn().unwrap();
    world.port.clear_journal();
    while world.port.requests(&write).is_empty() {
        sleep(Duration::from_millis(5));
    }
    assert!(world.port.remove_entity("gitops_source", STATE));
    assert!(process.wait_with_output().unwrap().status.success());
    assert_settled(&world);
}
