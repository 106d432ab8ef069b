//! What can happen to three repositories that one run brings to Port, as data.

mod model;
mod play;
mod tree;
mod world;

use std::sync::Arc;

use proptest::prelude::*;

use crate::branch::{Base, base};
use crate::check::{Kind, check};
use crate::fate::{Fate, calm_fate, moment};
use crate::play::Deletions;
use play::Player;
use tree::{Edit, Form, NAMES, Name, THINGS};
use world::World;

/// How many repositories there are beside the one whose workflow is the fleet's.
const REPOSITORIES: usize = 3;

/// A repository's number.
type Repo = usize;

/// How an entity goes from one repository to another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// It is declared in the new one, then dropped from the old one, with a run in between.
    NewFirst,
    /// The other way round.
    OldFirst,
    /// Both at once.
    AtOnce,
}

/// Whose workflow runs. All have the same inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workflow {
    Fleet,
    Own(Repo),
}

/// What a run compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Changed,
    All,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Push(Repo, Base, Vec<Edit>),
    HandOver(Repo, Repo, Name, Form, Order),
    Run(Workflow, Scope, Fate<Event>),
    Rename(Repo),
    /// Somebody deletes a state in Port.
    DeleteState(Repo),
    /// Somebody changes an entity's title in Port.
    HandEdit(Name),
    /// Somebody deletes an entity in Port.
    HandDelete(Name),
}

/// What happens, and how that is.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Whether searches do not see what was written since the last login.
    lags: bool,
    /// Which repository ends up with what several declare: the first of these that does.
    order: [Repo; REPOSITORIES],
    /// What the first push to each brings.
    start: [Vec<Edit>; REPOSITORIES],
    events: Vec<Event>,
}

/// Plays histories of fleets.
pub(crate) fn check_fleets(deletions: Deletions) {
    check(&Kind {
        count: 150,
        history,
        world: World::new,
        play: |world: &Arc<World>, name, history: &History| {
            Player::new(Arc::clone(world), name, deletions).play(history)
        },
    });
}

fn history() -> impl Strategy<Value = History> {
    let inner = prop::collection::vec(event(calm_fate(NAMES).boxed()), 1..3);
    let death = prop_oneof![3 => Just(None), 1 => moment().prop_map(Some)];
    let fate = prop_oneof![
        8 => calm_fate(NAMES),
        3 => (moment(), inner, death)
            .prop_map(|(moment, events, death)| Fate::Overlapped(moment, events, death)),
    ];
    let events = prop::collection::vec(event(fate.boxed()), 1..10);
    let edits = || prop::collection::vec(edit(), 0..4);
    let order = prop_oneof![Just([0, 1, 2]), Just([1, 2, 0]), Just([2, 0, 1])];
    let all = (any::<bool>(), order, [edits(), edits(), edits()], events);
    all.prop_map(|(lags, order, start, events)| History {
        lags,
        order,
        start,
        events,
    })
}

fn event(fate: BoxedStrategy<Fate<Event>>) -> impl Strategy<Value = Event> {
    let edits = prop::collection::vec(edit(), 1..4);
    let scope = prop_oneof![4 => Just(Scope::Changed), 1 => Just(Scope::All)];
    let workflow = prop_oneof![
        2 => Just(Workflow::Fleet),
        1 => (0..REPOSITORIES).prop_map(Workflow::Own),
    ];
    let order = prop_oneof![
        Just(Order::NewFirst),
        Just(Order::OldFirst),
        Just(Order::AtOnce)
    ];
    let repo = || 0..REPOSITORIES;
    prop_oneof![
        10 => (repo(), base(), edits).prop_map(|(repo, base, edits)| Event::Push(repo, base, edits)),
        6 => (repo(), repo(), 0..NAMES, form(), order)
            .prop_map(|(from, to, name, form, order)| Event::HandOver(from, to, name, form, order)),
        13 => (workflow, scope, fate)
            .prop_map(|(workflow, scope, fate)| Event::Run(workflow, scope, fate)),
        1 => repo().prop_map(Event::Rename),
        1 => repo().prop_map(Event::DeleteState),
        1 => (0..NAMES).prop_map(Event::HandEdit),
        1 => (0..NAMES).prop_map(Event::HandDelete),
    ]
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        8 => (0..2_u8, 0..NAMES, form()).prop_map(|(file, name, form)| Edit::Set(file, name, form)),
        4 => (0..NAMES).prop_map(Edit::Drop),
        2 => (0..NAMES).prop_map(Edit::Move),
        1 => (0..2_u8).prop_map(Edit::Break),
        2 => (0..2_u8).prop_map(Edit::Fix),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    let of = prop_oneof![1 => Just(None), 3 => (0..THINGS).prop_map(Some)];
    prop_oneof![
        6 => (0..2_u8, of).prop_map(|(title, of)| Form::Sound { title, of }),
        1 => Just(Form::Mistaken),
    ]
}
