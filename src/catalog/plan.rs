//! Changes × live catalog → what to do, as data: printed, tested and applied as one value.

mod decide;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::blueprint::Blueprints;
use super::change::{AtBase, Basis, Change};
use super::declare::Declaration;
use super::entity::{BlueprintId, Entity, EntityKey, Identifier};
use super::live::{Difference, Field, Live};
use super::merge::Merge;
use crate::source::{Location, RepoPath};

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
    /// What the write changes: in Port, where Port was asked, else in what Git declares.
    pub differences: Vec<Difference>,
    /// What Git no longer declares and a merge cannot clear.
    pub uncleared: Vec<Field>,
}

/// An entity to be deleted.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Which one.
    pub key: EntityKey,
    /// Where it was declared, if Git ever declared it as far as is known.
    pub location: Option<Location>,
    /// What it relates to: entities that must outlive it.
    pub targets: Vec<Target>,
    /// The upserts, by their places in the plan, without which it must not be deleted: what its file
    /// declares in its stead.
    pub successors: Vec<usize>,
}

/// What an entity relates to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The blueprint that the relation leads to; `None` if the entity's own is not known, as nothing
    /// of it is written.
    pub blueprint: Option<String>,
    /// The identifier.
    pub identifier: Identifier,
}

impl Target {
    /// Whether this may be the entity of `blueprint` that has the identifier.
    pub fn may_be_of(&self, blueprint: &BlueprintId) -> bool {
        let own = self.blueprint.as_deref();
        own.is_none_or(|own| own == blueprint.as_str())
    }
}

/// Why this run does nothing about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Port has it as it is declared.
    Unchanged,
    /// Git no longer declares it, and it stays: nothing is pruned, or a query named it.
    Removed,
    /// Git no longer declares it, but something speaks against deleting it: a sentence without a
    /// full stop.
    HeldBack(String),
    /// It seems to be this owner's and no file declares it; a later run deletes it.
    Unclaimed,
    /// The branch has a newer declaration, which is a newer run's.
    Superseded,
    /// Another owner wrote it last: its name.
    OwnedElsewhere(String),
    /// Git no longer declares it here, and another owner wrote it last: its name. It is theirs.
    HandedOver(String),
    /// Git no longer declares it, and nothing shows that it ever was written as Git declared it.
    NeverClaimed,
}

/// An entity that needs nothing, or nothing that this run does.
#[derive(Debug, Clone)]
pub struct Untouched {
    /// Which one.
    pub key: EntityKey,
    /// Where it is declared, at head or, if it was removed, where it was.
    pub location: Option<Location>,
    /// Why.
    pub reason: Reason,
}

/// What is known of the catalog.
#[derive(Debug, Clone, Copy)]
pub struct Known<'k> {
    /// Its entities.
    pub live: &'k Live,
    /// Its blueprints.
    pub blueprints: &'k Blueprints,
}

/// What may be done.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What decides whether an entity is written.
    pub basis: Basis,
    /// What a write does with what the file does not mention.
    pub merge: Merge,
    /// What becomes of what Git no longer declares.
    pub pruning: Pruning,
    /// The files that the branch's tip has in a newer version.
    pub superseded: BTreeSet<RepoPath>,
    /// Who writes.
    pub owner: String,
    /// What becomes of what another owner wrote last.
    pub takeover: Takeover,
    /// Which earlier revisions were written.
    pub claims: Claims,
}

/// What becomes of an entity that another owner wrote last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takeover {
    /// It stays as it is.
    Never,
    /// It is written where Git changed it, as where nobody asks Port who wrote it.
    OfChanges,
}

/// Which earlier revisions are known to have been written. What only others declare, and Git does no
/// longer, was perhaps refused, or is somebody else's by now: it is deleted only if Port says that this
/// owner wrote it last, or holds what was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claims {
    /// All of them.
    OfAll,
    /// Base. Others may have been too, and deleted what they do not declare.
    OfBase,
    /// None.
    OfNone,
}

impl Claims {
    /// Whether the entity was written as an earlier revision declares it, or was found by whose it is.
    pub fn prove(self, change: &Change) -> bool {
        let is_written = match self {
            Self::OfAll => true,
            Self::OfBase => change.at_base == AtBase::Kept,
            Self::OfNone => false,
        };
        is_written || change.former.is_empty()
    }
}

/// What becomes of what Git no longer declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruning {
    /// It stays.
    Off,
    /// It is deleted.
    On {
        /// How many deletions are no accident.
        at_most: usize,
        /// What speaks against every deletion: a sentence without a full stop.
        obstacle: Option<String>,
        /// What becomes of entities of this owner that no known revision declares.
        unclaimed: Unclaimed,
    },
}

/// What becomes of entities of this owner that no known revision declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclaimed {
    /// They are listed, and stay.
    List,
    /// They are deleted.
    Delete,
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
    pub fn new(changes: Vec<Change>, known: Known<'_>, policy: &Policy) -> Self {
        decide::plan(changes, known, policy)
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

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} to create, {} to update",
            self.count(Action::Create),
            self.count(Action::Update),
        )?;
        if !self.deletions.is_empty() {
            write!(formatter, ", {} to delete", self.deletions.len())?;
        }
        let unchanged = self.untouched_by(&Reason::Unchanged).count();
        write!(formatter, ", {unchanged} unchanged")?;
        let removed = self.untouched_by(&Reason::Removed).count();
        if removed > 0 {
            write!(formatter, ", {removed} no longer declared")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
