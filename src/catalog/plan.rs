//! Changes × live catalog → what to do, as data: printed, tested and applied as one value.

mod decide;

use std::collections::BTreeMap;
use std::sync::Arc;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::blueprint::{Blueprint, Blueprints};
use super::change::Change;
use super::declare::Declaration;
use super::difference::{Difference, Field};
use super::entity::{BlueprintId, Entity, EntityKey, Identifier};
use super::live::Live;
use super::merge::Merge;
use crate::git;
use crate::text::{Location, RepoPath, counted};
pub use decide::is_in_port;

/// What an upsert is expected to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The entity is new.
    Create,
    /// The entity is in Port, and nothing of this source has declared it: from now on this source does.
    Adopt,
    /// The entity was declared before.
    Update,
}

/// An entity to be written.
#[derive(Debug, Clone)]
pub struct Upsert {
    /// Which entity.
    pub key: EntityKey,
    /// What is expected to happen.
    pub action: Action,
    /// What declares it.
    pub declaration: Arc<Declaration>,
    /// What is written although Git did not change it: see [`PlanContext::rewritten`].
    pub drift: Option<DriftDigest>,
    /// What is sent: what is declared, and `null` for what Git no longer declares.
    pub entity: Entity,
    /// What the write changes: compared with Port where that was done, else with what Git declared.
    pub differences: Vec<Difference>,
    /// What Git no longer declares and a merge cannot clear.
    pub uncleared: Vec<Field>,
}

/// An entity to be deleted.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Which one.
    pub key: EntityKey,
    /// Where it was declared, as far as Git still shows it.
    pub location: Option<Location>,
    /// The file that declared it.
    pub path: Option<RepoPath>,
    /// What it relates to: entities that must outlive it.
    pub targets: Vec<RelationTarget>,
    /// The upserts, by their indices in the plan, without which it must not be deleted: what its file
    /// declares now.
    pub successors: Vec<usize>,
}

/// What an entity relates to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationTarget {
    /// The blueprint that the relation leads to; `None` if the entity's own is not known, as nothing
    /// of it is written.
    pub blueprint: Option<String>,
    /// The identifier.
    pub identifier: Identifier,
}

impl RelationTarget {
    /// Whether this may be the entity of `blueprint` that has the identifier.
    pub fn may_be_of(&self, blueprint: &BlueprintId) -> bool {
        let own = self.blueprint.as_deref();
        own.is_none_or(|own| own == blueprint.as_str())
    }
}

/// Why this run does nothing about an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoOpReason {
    /// Port has it as it is declared.
    Unchanged,
    /// Port shows the same differences that the run before wrote: these fields.
    KeptByPort(Vec<Field>),
    /// Git no longer declares it, and it stays: nothing is pruned, or a query named it.
    Removed,
    /// Git no longer declares it, and it must not be deleted now.
    HeldBack(Obstacle),
    /// Another source owns it: its name.
    OwnedElsewhere(String),
    /// Git no longer declares it here, and another source owns it or waits for it: its name.
    HandedOver(String),
    /// Git no longer declares it, and it may never have been written from here.
    NeverWritten,
    /// The inputs no longer select it.
    Deselected,
}

/// Why an entity that Git no longer declares is not deleted now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What prevents it: a sentence without a full stop.
    pub reason: String,
    /// What to do about it: a sentence without a full stop.
    pub help: String,
}

/// Another source that claims an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimingSource {
    /// What people call that source.
    pub source: String,
    /// What it claims.
    pub claim: Claim,
}

/// What a source claims of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The entity is in Port because of it.
    Owned,
    /// It declares the entity, which another source owns.
    Waiting,
}

/// An entity that needs nothing, or nothing that this run does.
#[derive(Debug, Clone)]
pub struct Untouched {
    /// Which one.
    pub key: EntityKey,
    /// Where it is declared, at head or, if it was removed, where it was.
    pub location: Option<Location>,
    /// The file that declared it, if it was removed.
    pub path: Option<RepoPath>,
    /// Why.
    pub reason: NoOpReason,
}

/// What a plan depends on beside the changes: what is known of the catalog.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'k> {
    /// Its entities.
    pub live: &'k Live,
    /// Its blueprints.
    pub blueprints: &'k Blueprints,
    /// Which entities other sources claim.
    pub owners: &'k BTreeMap<EntityKey, ClaimingSource>,
    /// What the run before wrote although Git had not changed it. A difference that is there again is
    /// one that Port keeps, or somebody restores, so it is not written again.
    pub rewritten: &'k BTreeMap<EntityKey, DriftDigest>,
    /// What it is to write an entity that is in Port and that no earlier version declares:
    /// [`Action::Adopt`], or [`Action::Update`] where no state says what earlier runs declared.
    pub takeover: Action,
}

/// Tells apart the differences between Port and a declaration that Git did not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftDigest(String);

impl DriftDigest {
    /// How many hexadecimal digits distinguish two sets of differences.
    const DIGITS: usize = 12;

    /// The digest of `differences` in an entity of `blueprint`; `None` where a secret is among them,
    /// of which nothing may be kept.
    fn of(differences: &[Difference], blueprint: Option<&Blueprint>) -> Option<Self> {
        let is_secret = |difference: &Difference| match (&difference.field, blueprint) {
            (Field::Property(name), Some(blueprint)) => blueprint.is_secret(name),
            (Field::Property(_), None) => true,
            _ => false,
        };
        if differences.iter().any(is_secret) {
            return None;
        }
        let field = |one: &Difference| json!([one.field.to_string(), one.from, one.to]);
        let fields: Vec<_> = differences.iter().map(field).collect();
        let text = json!(fields).to_string();
        let mut digits = git::hexadecimal(digest(&SHA256, text.as_bytes()).as_ref());
        digits.truncate(Self::DIGITS);
        Some(Self(digits))
    }
}

/// What may be done.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What a write does with what the file does not mention.
    pub merge: Merge,
    /// What becomes of what is no longer declared.
    pub pruning: Pruning,
}

/// What becomes of what is no longer declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pruning {
    /// It stays, and the source no longer owns it: other inputs do not select it.
    Release,
    /// It stays.
    Off,
    /// It is deleted.
    On {
        /// What prevents every deletion.
        obstacle: Option<Obstacle>,
        /// What prevents the deletion of what these files declared.
        open: BTreeMap<RepoPath, Obstacle>,
    },
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
    /// What is no longer declared, and Port does not hold.
    pub gone: Vec<EntityKey>,
}

impl Plan {
    /// Decides what to do about each change.
    pub fn new(changes: Vec<Change>, context: PlanContext<'_>, policy: &Policy) -> Self {
        decide::plan(changes, context, policy)
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.upserts.is_empty() && self.deletions.is_empty()
    }

    /// What is written or deleted.
    pub fn keys(&self) -> impl Iterator<Item = &EntityKey> {
        let upserts = self.upserts.iter().map(|upsert| &upsert.key);
        upserts.chain(self.deletions.iter().map(|deletion| &deletion.key))
    }

    /// How many upserts are expected to do `action`.
    pub fn count(&self, action: Action) -> usize {
        self.upserts
            .iter()
            .filter(|upsert| upsert.action == action)
            .count()
    }

    /// What is left as it is because of `reason`.
    pub fn untouched_by<'p>(
        &'p self,
        reason: &'p NoOpReason,
    ) -> impl Iterator<Item = &'p Untouched> {
        self.untouched
            .iter()
            .filter(move |untouched| untouched.reason == *reason)
    }
}

/// Deletes nothing if `plans` would delete more than `at_most` entities in all: that may be an accident.
pub fn limit_deletions<'p>(plans: impl Iterator<Item = &'p mut Plan>, at_most: usize) {
    let plans: Vec<_> = plans.collect();
    let count: usize = plans.iter().map(|plan| plan.deletions.len()).sum();
    if count <= at_most {
        return;
    }
    let entities = counted(count, "entity", "entities");
    let reason = NoOpReason::HeldBack(Obstacle {
        reason: format!(
            "{entities} are more than the {at_most} that the input `max-deletes` allows"
        ),
        help: format!(
            "to delete them, set `max-deletes` to {count} or more in the workflow for one run; to keep them, restore them in Git"
        ),
    });
    for plan in plans {
        let deletions = std::mem::take(&mut plan.deletions).into_iter();
        plan.untouched.extend(deletions.map(|deletion| Untouched {
            key: deletion.key,
            location: deletion.location,
            path: deletion.path,
            reason: reason.clone(),
        }));
    }
}

/// What plans write and delete: `2 to create, 1 to delete`.
pub fn summary(plans: &[&Plan]) -> String {
    let total = |count: &dyn Fn(&Plan) -> usize| plans.iter().map(|plan| count(plan)).sum();
    let counts: [(usize, _); 4] = [
        (total(&|plan| plan.count(Action::Create)), "to create"),
        (total(&|plan| plan.count(Action::Adopt)), "to adopt"),
        (total(&|plan| plan.count(Action::Update)), "to update"),
        (total(&|plan| plan.deletions.len()), "to delete"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    counts.join(", ")
}

#[cfg(test)]
mod tests;
