//! Changes → what to do about them, as data: printed, tested and applied as one value.

use std::fmt;
use std::sync::Arc;

use super::change::Change;
use super::declare::Declaration;
use super::entity::EntityKey;
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
    /// What is written.
    pub declaration: Arc<Declaration>,
}

/// An entity that needs nothing, or nothing that this run does.
#[derive(Debug, Clone)]
pub struct Untouched {
    /// Which one.
    pub key: EntityKey,
    /// Where it is declared, at head or, if it was removed, at base.
    pub location: Location,
}

/// What a run does.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// What is written, in the order of files and lines.
    pub upserts: Vec<Upsert>,
    /// What head declares as base did.
    pub unchanged: Vec<Untouched>,
    /// What Git no longer declares, and stays in Port.
    pub removed: Vec<Untouched>,
}

impl Plan {
    /// Decides what to do about each change.
    pub fn new(changes: Vec<Change>) -> Self {
        let mut plan = Self::default();
        for change in changes {
            match change {
                Change::Created(declaration) => {
                    plan.upserts.push(Upsert {
                        action: Action::Create,
                        declaration,
                    });
                }
                Change::Changed { head, .. } => {
                    plan.upserts.push(Upsert {
                        action: Action::Update,
                        declaration: head,
                    });
                }
                Change::Unchanged(head) => plan.unchanged.push(untouched(&head)),
                Change::Removed(base) => plan.removed.push(untouched(&base)),
            }
        }
        plan
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty()
    }

    /// How many upserts are expected to do `action`.
    pub fn count(&self, action: Action) -> usize {
        self.upserts
            .iter()
            .filter(|upsert| upsert.action == action)
            .count()
    }
}

fn untouched(declaration: &Declaration) -> Untouched {
    Untouched {
        key: declaration.entity.key(),
        location: declaration.location(),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} to create, {} to update, {} unchanged",
            self.count(Action::Create),
            self.count(Action::Update),
            self.unchanged.len()
        )?;
        if !self.removed.is_empty() {
            write!(formatter, ", {} no longer declared", self.removed.len())?;
        }
        Ok(())
    }
}
