//! Whatever happens to the runs of a branch, the catalog comes to what the branch declares.
//!
//! Random histories of pushes, failures, cancellations, force-pushes, overlapping and repeated runs
//! are played on both sandboxes, and compared with a simple model: what the tip declares. Runs are
//! [`port_gitops::run`] in this process. See [`check`] for how to play a failed history again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail"
)]

mod check;
mod history;
mod play;
mod runs;

use std::sync::Arc;

use check::check;
use play::{Deletions, Player};
use runs::World;

#[test]
fn without_prune_the_catalog_comes_to_hold_what_the_tip_declares() {
    check(Deletions::Kept);
}

#[test]
fn with_prune_the_catalog_comes_to_be_what_the_tip_declares() {
    check(Deletions::Made);
}

/// Found at random: the older run ends after the newer one, of which only the commit before both tells
/// once a force-push hides it.
#[test]
fn a_newer_run_that_an_older_one_outlives_is_not_forgotten() {
    use history::{Api, Edit, Event, Fate, Form, Ground, Moment};
    let entity = Form::Sound {
        title: 0,
        p: false,
        q: false,
    };
    let second = Moment {
        api: Api::GitHub,
        request: 1,
    };
    let add = |name, form| vec![Edit::Set(0, name, form)];
    let newer = Event::Push(Ground::Tip, add(2, entity), Fate::Quiet);
    let older = Fate::Overlapped(second, vec![newer], None);
    let history = [
        Event::Push(Ground::Tip, add(0, Form::Forbidden), older),
        Event::Push(Ground::Amend, vec![Edit::Drop(0, 2)], Fate::Quiet),
    ];
    play(&history);
}

/// Found at random: a full run of what was applied writes it again over a newer run, and dies as it
/// brings it to the branch's tip.
#[test]
fn a_full_run_that_is_overtaken_and_dies_is_not_forgotten() {
    use history::{Api, Edit, Event, Fate, Form, Ground, Moment};
    let entity = Form::Sound {
        title: 0,
        p: false,
        q: false,
    };
    let moment = |request| Moment {
        api: Api::Port,
        request,
    };
    let newer = Event::Push(Ground::Tip, vec![Edit::Drop(2, 0)], Fate::Quiet);
    let full = Fate::Overlapped(moment(1), vec![newer], Some(moment(3)));
    play(&[
        Event::Push(Ground::Tip, vec![Edit::Set(2, 0, entity)], Fate::Quiet),
        Event::FullRun(full),
    ]);
}

/// Found at random: two pushes, the first of them a force-push, begin and end while a full run of what they
/// drop is only reading.
#[test]
fn a_full_run_of_what_was_dropped_meanwhile_writes_nothing() {
    use history::{Api, Edit, Event, Fate, Form, Ground, Moment};
    let entity = Form::Sound {
        title: 0,
        p: false,
        q: false,
    };
    let other = Form::Sound {
        title: 0,
        p: false,
        q: true,
    };
    let push = |ground, edit, fate| Event::Push(ground, vec![edit], fate);
    let first = Moment {
        api: Api::GitHub,
        request: 1,
    };
    // It is declared twice then, so that the full run does not take back what it adds.
    let meanwhile = vec![
        push(Ground::Back(1), Edit::Set(0, 2, entity), Fate::Quiet),
        Event::Push(
            Ground::Tip,
            vec![Edit::Set(0, 2, other), Edit::Set(1, 2, entity)],
            Fate::Quiet,
        ),
    ];
    play(&[
        Event::Push(Ground::Tip, Vec::new(), Fate::Quiet),
        push(
            Ground::Back(1),
            Edit::Set(0, 1, entity),
            Fate::RefusedEntity(1),
        ),
        Event::FullRun(Fate::Overlapped(first, meanwhile, None)),
    ]);
}

fn play(history: &[history::Event]) {
    let player = Player::new(Arc::new(World::new()), "main".to_owned(), Deletions::Made);
    player
        .play(history)
        .unwrap_or_else(|problem| panic!("{problem}"));
}

/// Found at random: a run that a force-push overtook leaves an entity that only it declares, as the tip,
/// whose own run has ended, has a mistake in that file.
#[test]
fn what_a_mistake_at_the_tip_protects_is_not_forgotten() {
    use history::{Api, Edit, Event, Fate, Form, Ground, Moment};
    let entity = Form::Sound {
        title: 0,
        p: false,
        q: false,
    };
    let first = Moment {
        api: Api::GitHub,
        request: 1,
    };
    let newer = vec![Edit::Set(0, 0, entity), Edit::Set(0, 1, Form::Mistaken)];
    let meanwhile = vec![
        Event::Push(Ground::Reset(1), vec![], Fate::Dropped),
        Event::Push(Ground::Tip, newer, Fate::Quiet),
    ];
    let older = Fate::Overlapped(first, meanwhile, None);
    play(&[
        Event::Push(Ground::Tip, vec![], Fate::Quiet),
        Event::Push(Ground::Back(1), vec![Edit::Set(0, 2, entity)], older),
        Event::Push(Ground::Tip, vec![], Fate::Quiet),
    ]);
}

/// Found at random: a run dies that another one of the same commit outdid, and the one after that.
#[test]
fn a_run_that_another_of_the_same_commit_outdoes_is_not_forgotten() {
    use history::{Api, Edit, Event, Fate, Form, Ground, Moment};
    let entity = Form::Sound {
        title: 0,
        p: false,
        q: false,
    };
    let moment = |api, request| Moment { api, request };
    let meanwhile = vec![
        Event::FullRun(Fate::Quiet),
        Event::Push(Ground::Tip, vec![Edit::Delete(1)], Fate::Quiet),
    ];
    let end = Some(moment(Api::GitHub, 0));
    let older = Fate::Overlapped(moment(Api::Port, 1), meanwhile, end);
    play(&[Event::Push(
        Ground::Tip,
        vec![Edit::Set(1, 0, entity)],
        older,
    )]);
}
