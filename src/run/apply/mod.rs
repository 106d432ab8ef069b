//! Plan → outcomes: entities are written, targets of relations first, and then deleted, targets
//! last.

mod clearings;
mod deletions;
mod flight;
mod upserts;

use std::collections::BTreeMap;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::EntityKey;
use crate::catalog::live::Field;
use crate::catalog::plan::Plan;
use crate::port::{self, Port, Rejection, Upserted, WriteOptions};
use crate::shutdown::Shutdown;
use flight::Flight;

pub(crate) use deletions::related;

/// What became of an upsert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
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
    /// It was not tried, for the reason given: a sentence without a full stop.
    HeldBack(String),
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
    pub outcomes: Vec<Outcome>,
    /// An outcome for each of the plan's deletions, in their order.
    pub deletions: Vec<DeletionOutcome>,
    /// What upserts should have cleared and Port keeps, by their places.
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

/// Writes everything that `plan` says. One entity's failure keeps those from being written that
/// need it, and no others; Port being unreachable, or a request to stop, ends it all.
pub async fn apply(
    plan: &Plan,
    blueprints: &Blueprints,
    port: &Port,
    options: &WriteOptions,
    shutdown: &Shutdown,
) -> Applied {
    let mut applied = Applied {
        outcomes: vec![Outcome::NotSent; plan.upserts.len()],
        deletions: vec![DeletionOutcome::NotSent; plan.deletions.len()],
        kept: BTreeMap::new(),
        stopped: None,
    };
    if let Err(error) = port.authenticate().await {
        applied.stopped = Some(error.into());
        return applied;
    }
    let flight = Flight::new(port, options, shutdown);
    let mut written = upserts::write(&plan.upserts, blueprints, &flight).await;
    applied.kept = clearings::clear(&plan.upserts, &mut written, &flight).await;
    (applied.outcomes, applied.stopped) = (written.outcomes, written.stopped);
    if applied.stopped.is_none() {
        (applied.deletions, applied.stopped) =
            deletions::delete(plan, &applied.outcomes, &flight).await;
    }
    applied
}
