//! What versions declare → what changed, by entity and not by file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::declare::{Declaration, Declarations};
use super::entity::{Entity, EntityKey};
use crate::text::RepoPath;

/// An entity that an earlier version or head declares, or that was removed before.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which one.
    pub key: EntityKey,
    /// What earlier versions declare, of which something may be in Port, oldest first.
    pub former: Vec<Arc<Declaration>>,
    /// What head declares.
    pub head: Option<Arc<Declaration>>,
    /// What decides whether the entity is written.
    pub basis: Basis,
    /// Whether Port has accepted the entity from this source.
    pub proof: Proof,
    /// The file that declared it before.
    pub former_path: Option<RepoPath>,
}

/// Whether Port has accepted entities as a version declares them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proof {
    /// It has accepted each of them.
    Accepted,
    /// It may hold them: they were sent and no answer came.
    Possible,
}

/// A version of a file of which something may be in Port.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// The file.
    pub path: RepoPath,
    /// The entities that may be in Port as this version declares them.
    pub entities: BTreeSet<EntityKey>,
    /// Whether Port has accepted them.
    pub proof: Proof,
    /// What the version declares; nothing where Git no longer has it.
    pub declared: Vec<Arc<Declaration>>,
}

/// What Git says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Head declares it, no earlier version does.
    Created,
    /// Head declares it differently from an earlier version.
    Changed,
    /// All declare the same, perhaps in another form or another file.
    Unchanged,
    /// Head does not declare it.
    Removed,
}

/// What decides whether an entity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// What changed in Git: Port is known to be as the earlier version declares.
    Git,
    /// What Port holds.
    Live,
}

impl Change {
    /// Whether the entity may have to be written.
    pub fn is_candidate(&self) -> bool {
        match self.kind() {
            ChangeKind::Created | ChangeKind::Changed => true,
            ChangeKind::Unchanged => self.basis == Basis::Live,
            ChangeKind::Removed => false,
        }
    }

    /// What happened to the entity.
    pub fn kind(&self) -> ChangeKind {
        let Some(head) = &self.head else {
            return ChangeKind::Removed;
        };
        let differs = |former: &Arc<Declaration>| former.entity != head.entity;
        match self.former.as_slice() {
            [] => ChangeKind::Created,
            former if former.iter().any(differs) => ChangeKind::Changed,
            _ => ChangeKind::Unchanged,
        }
    }

    /// The entities that earlier versions declare.
    pub fn former_entities(&self) -> Vec<&Entity> {
        self.former.iter().map(|former| &former.entity).collect()
    }
}

/// Earlier versions, by the entities that they may have brought to Port.
#[derive(Default)]
struct EarlierVersions<'e> {
    versions: Vec<&'e Earlier>,
    declared: Vec<Arc<Declaration>>,
}

impl EarlierVersions<'_> {
    /// Git says what Port holds of an entity of the file at `path` if it has the earlier versions, and no
    /// file that declares the entity, or declared it, is open.
    fn basis(&self, path: &RepoPath, open: &BTreeSet<RepoPath>) -> Basis {
        let mut paths = self.versions.iter().map(|version| &version.path);
        let is_open = open.contains(path) || paths.any(|path| open.contains(path));
        match is_open || self.declared.is_empty() || self.declared.len() != self.versions.len() {
            true => Basis::Live,
            false => Basis::Git,
        }
    }

    /// The change from them to `head`.
    fn change(self, key: EntityKey, basis: Basis, head: Option<Arc<Declaration>>) -> Change {
        let proofs = self.versions.iter().map(|version| version.proof);
        Change {
            key,
            basis,
            proof: proofs.min().unwrap_or(Proof::Possible),
            former_path: self.versions.last().map(|version| version.path.clone()),
            former: self.declared,
            head,
        }
    }
}

/// Compares what `earlier` versions brought to Port with what `head` declares, by key. What comes out
/// is in head's order, and then what was removed. `open` are the files that Git alone does not
/// explain: what they declare, or declared, is compared with Port.
///
/// An entity that is new to the source is compared with Port too. What is invalid at head is neither
/// changed nor removed, nor is anything in a file that cannot be read at head.
pub fn compare(earlier: &[Earlier], head: &Declarations, open: &BTreeSet<RepoPath>) -> Vec<Change> {
    let mut known: BTreeMap<&EntityKey, EarlierVersions<'_>> = BTreeMap::new();
    for version in earlier {
        for key in &version.entities {
            known.entry(key).or_default().versions.push(version);
        }
        for declaration in &version.declared {
            if let Some(key) = version.entities.get(&declaration.entity.key()) {
                let declared = &mut known.entry(key).or_default().declared;
                declared.push(Arc::clone(declaration));
            }
        }
    }
    let mut changes = Vec::new();
    for declaration in &head.valid {
        let key = declaration.entity.key();
        let known = known.remove(&key).unwrap_or_default();
        let basis = known.basis(declaration.source.path(), open);
        changes.push(known.change(key, basis, Some(Arc::clone(declaration))));
    }
    changes.extend(removed(known, head));
    changes
}

fn removed(known: BTreeMap<&EntityKey, EarlierVersions<'_>>, head: &Declarations) -> Vec<Change> {
    let (mut keys, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for invalid in &head.invalid {
        match &invalid.key {
            Some(key) => drop(keys.insert(key)),
            None => drop(paths.insert(invalid.location.path())),
        }
    }
    let is_removed = |(key, known): &(&EntityKey, EarlierVersions<'_>)| {
        let mut versions = known.versions.iter();
        !keys.contains(*key) && versions.all(|version| !paths.contains(&version.path))
    };
    let removed = known.into_iter().filter(is_removed);
    removed
        .map(|(key, known)| known.change(key.clone(), Basis::Live, None))
        .collect()
}

#[cfg(test)]
mod tests;
