//! Plans → outcomes: entities are written, targets of relations first, and then deleted, targets
//! last.

mod clearings;
mod deletions;
mod flight;
mod upserts;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::difference::Field;
use crate::catalog::entity::EntityKey;
use crate::catalog::merge::cleared;
use crate::catalog::plan::{Deletion, Obstacle, Plan, Upsert};
use crate::port::{self, Port, Rejection, Upserted, WriteOptions};
use crate::shutdown::Shutdown;
use flight::Flight;

pub(crate) use deletions::related;

/// What became of an upsert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpsertOutcome {
    /// It is in Port.
    Written(Upserted),
    /// Port refused it.
    Rejected(Rejection),
    /// It is not in Port as declared: the run ended before. An entity of a cycle may be there
    /// without its relations.
    NotSent,
    /// It was not sent, as what it needs could not be written: that entity.
    Blocked(EntityKey),
    /// It was sent, but no answer came: it may be in Port or not.
    Unknown,
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionOutcome {
    /// It is not in Port.
    Deleted,
    /// Port keeps it.
    Rejected(Rejection),
    /// It was not tried.
    HeldBack(Obstacle),
    /// It is in Port: the run ended before.
    NotSent,
    /// It was sent, but no answer came: it may be in Port or not.
    Unknown,
}

/// What Port would refuse of a plan, by the index of the upsert or deletion in it.
#[derive(Debug, Default)]
pub struct Refusals {
    /// Of the upserts.
    pub upserts: BTreeMap<usize, Rejection>,
    /// Of the deletions.
    pub deletions: BTreeMap<usize, Rejection>,
}

/// What became of a plan.
#[derive(Debug)]
pub struct Applied {
    /// An outcome for each of the plan's upserts, in their order.
    pub outcomes: Vec<UpsertOutcome>,
    /// An outcome for each of the plan's deletions, in their order.
    pub deletions: Vec<DeletionOutcome>,
    /// What upserts should have cleared and Port keeps, by their indices in the plan.
    pub kept: BTreeMap<usize, Vec<Field>>,
    /// Why the rest was not tried, if so.
    pub stopped: Option<Stopped>,
}

/// Why an apply ended before its end.
#[derive(Debug, Clone)]
pub enum Stopped {
    /// Port cannot be worked with.
    Port(port::Error),
    /// The run was told to stop.
    Interrupted,
}

impl Stopped {
    /// A request, called `what`, was refused for a reason that concerns all.
    fn because_of(what: &str, rejection: &Rejection) -> Self {
        Self::Port(rejection.clone().into_error(what))
    }
}

impl From<port::Error> for Stopped {
    fn from(error: port::Error) -> Self {
        match error {
            port::Error::Unreachable(error) if error.is_interruption() => Self::Interrupted,
            error => Self::Port(error),
        }
    }
}

/// The plans of all sources as one, in their order.
struct Joined<'p> {
    upserts: Vec<&'p Upsert>,
    deletions: Vec<&'p Deletion>,
    /// For each deletion the upserts, by their indices here, without which it must not be deleted.
    successors: Vec<Vec<usize>>,
}

impl<'p> Joined<'p> {
    fn new(plans: &[&'p Plan]) -> Self {
        let mut joined = Self {
            upserts: Vec::new(),
            deletions: Vec::new(),
            successors: Vec::new(),
        };
        for plan in plans {
            let first = joined.upserts.len();
            let shifted = |index: &usize| first + index;
            let of_each = plan.deletions.iter();
            let of_each = of_each.map(|one| one.successors.iter().map(shifted).collect());
            joined.successors.extend(of_each);
            joined.upserts.extend(&plan.upserts);
            joined.deletions.extend(&plan.deletions);
        }
        joined
    }
}

/// One of the plans, and where its part of [`Joined`] is.
struct Part<'p> {
    index: usize,
    plan: &'p Plan,
    upserts: Range<usize>,
    deletions: Range<usize>,
}

impl<'p> Part<'p> {
    fn of_each(plans: &[&'p Plan]) -> Vec<Self> {
        let (mut upserts, mut deletions) = (0, 0);
        let parts = plans.iter().enumerate().map(|(index, plan)| {
            let first = (upserts, deletions);
            upserts += plan.upserts.len();
            deletions += plan.deletions.len();
            Self {
                index,
                plan,
                upserts: first.0..upserts,
                deletions: first.1..deletions,
            }
        });
        parts.collect()
    }

    /// Whether nothing is left to do, given what has become of all upserts so far. What is to be deleted
    /// or cleared comes after all of them.
    fn is_done(&self, upserts: &[UpsertOutcome]) -> bool {
        let is_final = |outcome: &UpsertOutcome| match outcome {
            UpsertOutcome::Written(_) | UpsertOutcome::Rejected(_) | UpsertOutcome::Blocked(_) => {
                true
            }
            UpsertOutcome::NotSent | UpsertOutcome::Unknown => false,
        };
        let is_cleared = |upsert: &Upsert| !cleared(&upsert.entity).is_empty();
        let mut own = upserts[self.upserts.clone()].iter();
        !self.plan.is_empty()
            && own.all(is_final)
            && self.plan.deletions.is_empty()
            && !self.plan.upserts.iter().any(is_cleared)
    }

    /// Its part of what has become of all plans.
    fn take(&self, all: &Applied) -> Applied {
        let first = self.upserts.start;
        let kept = all.kept.range(self.upserts.clone());
        Applied {
            outcomes: all.outcomes[self.upserts.clone()].to_vec(),
            deletions: all.deletions[self.deletions.clone()].to_vec(),
            kept: kept
                .map(|(index, fields)| (index - first, fields.clone()))
                .collect(),
            stopped: all.stopped.clone(),
        }
    }
}

/// Writes everything that `plans` say, as one plan: relations are ordered across them. Calls `done` once
/// for each, with its index and what became of it: for a plan that only upserts, as soon as its last
/// entity is done. One entity's failure keeps those from being written that need it, and no others;
/// Port being unreachable, or a request to stop, ends it all.
pub async fn apply(
    plans: &[&Plan],
    blueprints: &Blueprints,
    port: &Port,
    options: &WriteOptions,
    shutdown: &Shutdown,
    mut done: impl FnMut(usize, Applied),
) {
    let joined = Joined::new(plans);
    let mut parts = Part::of_each(plans);
    let mut all = Applied {
        outcomes: vec![UpsertOutcome::NotSent; joined.upserts.len()],
        deletions: vec![DeletionOutcome::NotSent; joined.deletions.len()],
        kept: BTreeMap::new(),
        stopped: None,
    };
    match port.authenticate().await {
        Ok(()) => {
            let flight = Flight::new(port, options, shutdown);
            let mut noted = |outcomes: &[UpsertOutcome]| {
                parts.retain(|part| {
                    let is_done = part.is_done(outcomes);
                    if is_done {
                        done(
                            part.index,
                            Applied::without_deletions(&outcomes[part.upserts.clone()]),
                        );
                    }
                    !is_done
                });
            };
            let writing = upserts::write(&joined.upserts, blueprints, &flight, &mut noted);
            let mut written = writing.await;
            all.kept = clearings::clear(&joined.upserts, &mut written, &flight).await;
            (all.outcomes, all.stopped) = (written.outcomes, written.stopped);
            if all.stopped.is_none() {
                (all.deletions, all.stopped) =
                    deletions::delete(&joined, &all.outcomes, &flight).await;
            }
        }
        Err(error) => all.stopped = Some(error.into()),
    }
    for part in parts {
        done(part.index, part.take(&all));
    }
}

impl Stopped {
    /// The error, if it is that Port's budget is nearly used up.
    pub(crate) fn end_of_budget(&self) -> Option<&port::Error> {
        match self {
            Self::Port(error @ port::Error::BudgetExhausted(_)) => Some(error),
            Self::Port(_) | Self::Interrupted => None,
        }
    }
}

impl Applied {
    /// Whether the state can still be saved: Port is reachable, and no stop was requested.
    pub(crate) fn can_save(&self) -> bool {
        match &self.stopped {
            None => true,
            Some(Stopped::Interrupted) => false,
            Some(Stopped::Port(error)) => !matches!(error, port::Error::Unreachable(_)),
        }
    }

    /// What became of a plan that only upserts.
    fn without_deletions(outcomes: &[UpsertOutcome]) -> Self {
        Self {
            outcomes: outcomes.to_vec(),
            deletions: Vec::new(),
            kept: BTreeMap::new(),
            stopped: None,
        }
    }
}
