//! Changes → what to do about them, as data: printed, tested and applied as one value.

use std::fmt;
use std::sync::Arc;

use super::change::Change;
use super::declare::Declaration;
use super::entity::{Entity, EntityKey, Identifier};
use super::live::{Difference, Field};
use crate::source::Location;

/// What an upsert is expected to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The entity is new.
    Create,
    /// The entity was declared before.
    Update,
}

/// An entity to be written.
#[derive(Debug, Clone)]
pub struct Upsert {
    /// What is expected to happen.
    pub action: Action,
    /// What declares it.
    pub declaration: Arc<Declaration>,
    /// What is sent: what is declared, and `null` for what Git no longer declares.
    pub entity: Entity,
    /// What the write changes in Port, where Port was asked.
    pub differences: Vec<Difference>,
    /// What Git no longer declares and a merge cannot clear.
    pub uncleared: Vec<Field>,
}

/// An entity to be deleted.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Which one.
    pub key: EntityKey,
    /// Where it was declared.
    pub location: Location,
    /// What it relates to: entities that must outlive it.
    pub targets: Vec<Identifier>,
    /// The upserts, by their places in the plan, without which it must not be deleted: what its file
    /// declares in its stead.
    pub successors: Vec<usize>,
}

/// Why this run does nothing about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Port has it as it is declared.
    Unchanged,
    /// Git no longer declares it, and nothing is pruned.
    Removed,
    /// Git no longer declares it, but something speaks against deleting it: a sentence without a
    /// full stop.
    HeldBack(String),
    /// The branch has a newer declaration, which is a newer run's.
    Superseded,
    /// Another owner wrote it last: its name.
    OwnedElsewhere(String),
}

/// An entity that needs nothing, or nothing that this run does.
#[derive(Debug, Clone)]
pub struct Untouched {
    /// Which one.
    pub key: EntityKey,
    /// Where it is declared, at head or, if it was removed, at base.
    pub location: Location,
    /// Why.
    pub reason: Reason,
}

/// What a run does.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What is written, in the order of files and lines.
    pub upserts: Vec<Upsert>,
    /// What is deleted, in the order of files and lines.
    pub deletions: Vec<Deletion>,
    /// What is left as it is.
    pub untouched: Vec<Untouched>,
}

impl Plan {
    /// Decides what to do about each change.
    pub fn new(changes: Vec<Change>) -> Self {
        let mut plan = Self::default();
        for change in changes {
            match change {
                Change::Created(head) => plan.upserts.push(upsert(Action::Create, head)),
                Change::Changed { head, .. } => plan.upserts.push(upsert(Action::Update, head)),
                Change::Unchanged(head) => plan.untouched.push(untouched(&head, Reason::Unchanged)),
                Change::Removed(base) => plan.untouched.push(untouched(&base, Reason::Removed)),
            }
        }
        plan
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.deletions.is_empty()
    }

    /// How many upserts are expected to do `action`.
    pub fn count(&self, action: Action) -> usize {
        self.upserts
            .iter()
            .filter(|upsert| upsert.action == action)
            .count()
    }

    /// What is left as it is because of `reason`.
    pub fn untouched_by<'p>(&'p self, reason: &'p Reason) -> impl Iterator<Item = &'p Untouched> {
        self.untouched
            .iter()
            .filter(move |untouched| untouched.reason == *reason)
    }
}

fn upsert(action: Action, declaration: Arc<Declaration>) -> Upsert {
    Upsert {
        action,
        entity: declaration.entity.clone(),
        declaration,
        differences: Vec::new(),
        uncleared: Vec::new(),
    }
}

fn untouched(declaration: &Declaration, reason: Reason) -> Untouched {
    Untouched {
        key: declaration.entity.key(),
        location: declaration.location(),
        reason,
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} to create, {} to update, {} unchanged",
            self.count(Action::Create),
            self.count(Action::Update),
            self.untouched_by(&Reason::Unchanged).count()
        )?;
        let removed = self.untouched_by(&Reason::Removed).count();
        if removed > 0 {
            write!(formatter, ", {removed} no longer declared")?;
        }
        Ok(())
    }
}
