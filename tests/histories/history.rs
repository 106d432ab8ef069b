//! What can happen to two repositories and a catalog, as data.

use proptest::prelude::*;

use crate::branch::{Base, base};
use crate::fate::{Fate, calm_fate, moment};
use crate::tree::{Edit, File, Form, Name, TEXTS};

/// How many files and entities there are: few, so that they meet often.
pub(crate) const FILES: u8 = 3;
pub(crate) const ENTITIES: u8 = 4;

/// One of the two repositories whose runs write to the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    First,
    Second,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Push(Side, Base, Vec<Edit>, Fate<Event>),
    /// An older push's run is started again.
    Rerun(Side, u8, Fate<Event>),
    /// Somebody, or the clock, starts a run that compares everything with Port.
    FullRun(Side, Fate<Event>),
    /// Somebody changes the blueprint, so that it allows what is [`Form::Awaited`].
    Allow,
    /// Somebody turns deletions on or off, where a history has them at all.
    Prune(bool),
    /// Somebody changes the input `files` of both repositories: whether the last file counts.
    Inputs(Selection),
    /// Somebody deletes a state in Port.
    DeleteState(Side),
    /// Somebody takes an entity out of a state's lists in Port.
    Shorten(Side, Name),
    /// Somebody changes the property `p` of an entity in Port.
    HandEdit(Name),
    /// Somebody deletes an entity in Port.
    HandDelete(Name),
}

/// Which files the inputs select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    All,
    AllButTheLast,
}

impl Selection {
    pub(crate) fn has(self, file: File) -> bool {
        self == Self::All || file + 1 < FILES
    }
}

/// What happens in one world, and how that is.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Whether searches do not see what was written since the last login.
    pub(crate) lags: bool,
    /// Whether somebody else wrote the last entity before anything was declared.
    pub(crate) has_other_writer: bool,
    /// Whether there are two repositories; else everything happens to the first.
    pub(crate) has_two: bool,
    /// Which repository ends up with what both declare.
    pub(crate) winner: Side,
    /// What the first push brings.
    pub(crate) start: Vec<Edit>,
    pub(crate) events: Vec<Event>,
}

pub(crate) fn history() -> impl Strategy<Value = History> {
    let inner = prop::collection::vec(event(calm_fate(ENTITIES).boxed()), 1..3);
    let death = prop_oneof![3 => Just(None), 1 => moment().prop_map(Some)];
    let fate = prop_oneof![
        8 => calm_fate(ENTITIES),
        2 => (moment(), inner, death)
            .prop_map(|(moment, events, death)| Fate::Overlapped(moment, events, death)),
    ];
    let events = prop::collection::vec(event(fate.boxed()), 1..7);
    let winner = prop_oneof![Just(Side::First), Just(Side::Second)];
    let has_two = prop_oneof![2 => Just(false), 1 => Just(true)];
    let start = prop::collection::vec(edit(), 0..5);
    let flags = (any::<bool>(), any::<bool>(), has_two);
    (flags, winner, start, events).prop_map(
        |((lags, has_other_writer, has_two), winner, start, events)| History {
            lags,
            has_other_writer,
            has_two,
            winner,
            start,
            events,
        },
    )
}

fn event(fate: BoxedStrategy<Fate<Event>>) -> impl Strategy<Value = Event> {
    let edits = prop::collection::vec(edit(), 0..4);
    let selection = prop_oneof![Just(Selection::All), Just(Selection::AllButTheLast)];
    prop_oneof![
        24 => (side(), base(), edits, fate.clone())
            .prop_map(|(side, base, edits, fate)| Event::Push(side, base, edits, fate)),
        2 => (side(), 0..6_u8, fate.clone())
            .prop_map(|(side, which, fate)| Event::Rerun(side, which, fate)),
        2 => (side(), fate).prop_map(|(side, fate)| Event::FullRun(side, fate)),
        1 => Just(Event::Allow),
        2 => any::<bool>().prop_map(Event::Prune),
        2 => selection.prop_map(Event::Inputs),
        1 => side().prop_map(Event::DeleteState),
        1 => (side(), 0..ENTITIES).prop_map(|(side, name)| Event::Shorten(side, name)),
        2 => (0..ENTITIES).prop_map(Event::HandEdit),
        1 => (0..ENTITIES).prop_map(Event::HandDelete),
    ]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![3 => Just(Side::First), 2 => Just(Side::Second)]
}

fn edit() -> impl Strategy<Value = Edit> {
    let (file, name) = (0..FILES, 0..ENTITIES);
    let text = prop_oneof![1 => Just(None), 3 => (0..2_u8).prop_map(Some)];
    prop_oneof![
        8 => (file.clone(), name.clone(), form()).prop_map(|(file, name, form)| Edit::Set(file, name, form)),
        4 => (file.clone(), name.clone()).prop_map(|(file, name)| Edit::Drop(file, name)),
        2 => (file.clone(), file.clone(), name).prop_map(|(from, to, name)| Edit::Move(from, to, name)),
        1 => (file.clone(), file.clone()).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => file.clone().prop_map(Edit::Delete),
        1 => file.clone().prop_map(Edit::Break),
        2 => file.prop_map(Edit::Fix),
        2 => (0..TEXTS, text).prop_map(|(which, content)| Edit::Text(which, content)),
    ]
}

fn form() -> impl Strategy<Value = Form> {
    let title = prop_oneof![1 => Just(None), 4 => (0..2_u8).prop_map(Some)];
    prop_oneof![
        10 => (title, any::<bool>(), any::<bool>()).prop_map(|(title, p, q)| Form::Sound { title, p, q }),
        2 => (0..TEXTS).prop_map(Form::OfText),
        1 => Just(Form::Mistaken),
        1 => Just(Form::Forbidden),
        1 => Just(Form::Awaited),
    ]
}
