//! What is in Port because of one source, as a value.
//!
//! There is one rule: a file is *settled* when Port has accepted everything that it declares.
//! Otherwise it is *open*, and the state lists the versions of it that may be partly in Port.
//!
//! A run loads the state, looks at the files that are open or whose version at the tip is not the
//! settled one, and saves what it is about to write as open. Then it writes, and saves what Port
//! accepted. A killed run, a refused entity, an invalid file and a lost answer are the same case:
//! the file is open, and the next run compares it with Port.
//!
//! This module is pure. [`codec`] turns the value into properties, [`store`] keeps it in Port.

mod blueprint;
pub(crate) mod claims;
mod codec;
pub(crate) mod files_to_read;
pub(crate) mod fleet;
pub(crate) mod merge;
mod name;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::change::Proof;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::DriftDigest;
use crate::git::{BlobId, CommitSha};
use crate::text::RepoPath;

pub(crate) use merge::merge_states;
pub(crate) use name::{FleetParts, SourceName, SourceParts};

/// How many versions of an open file are kept.
const MAX_VERSIONS: usize = 10;

/// What is in Port because of one source, or may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Every file that was looked at, and what of it may be in Port. A run has several copies of its
    /// state, most of whose files stay the same: these are shared.
    files: BTreeMap<RepoPath, Arc<FileState>>,
    /// What is no longer declared and Port still holds.
    pub(crate) removed: BTreeMap<EntityKey, Removed>,
    /// What is declared here and another source owns.
    pub(crate) waiting: BTreeSet<EntityKey>,
    /// What was written although Git had not changed it, since Port differed.
    pub(crate) rewritten: BTreeMap<EntityKey, DriftDigest>,
    /// What was applied last.
    pub(crate) commit: Option<CommitSha>,
    /// A digest of the inputs that select and shape entities.
    pub(crate) inputs: String,
    /// The workflow that applied it.
    pub(crate) workflow: String,
    /// When the source first declared something: seconds since 1970.
    pub(crate) since: u64,
}

/// What of a file may be in Port.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileState {
    /// The versions that Port may hold something of, oldest first.
    pub(crate) versions: Vec<HeldVersion>,
    /// What was wrong with the newest version.
    pub(crate) problems: BTreeSet<Problem>,
}

/// A version of a file, and those of its entities that may be in Port as it declares them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldVersion {
    pub(crate) version: Version,
    pub(crate) entities: BTreeSet<EntityKey>,
    pub(crate) proof: Proof,
}

/// The ids of everything that shapes a file's entities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// The file itself.
    pub(crate) file: BlobId,
    /// The mapping, for a file of which one makes entities.
    pub(crate) mapping: Option<BlobId>,
    /// The texts that its entities name with `file://`.
    pub(crate) texts: BTreeMap<RepoPath, BlobId>,
}

/// What kept an entity from being as Git declares it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// The diagnostic's code.
    pub(crate) code: String,
    /// Which entity, if its text says so.
    pub(crate) entity: Option<EntityKey>,
}

/// Something that is no longer declared and that Port still holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removed {
    /// The file that declared it.
    pub(crate) path: RepoPath,
    /// Whether a run has reported that it could not be deleted.
    pub(crate) deletion: DeletionState,
}

/// Whether a deletion was prevented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DeletionState {
    /// Not as far as is known.
    Pending,
    /// A run has failed because of it.
    Prevented,
}

/// How far a source is in sync, as the property `status` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// Port has accepted everything that is declared.
    Synced,
    /// A file is open, or a deletion was prevented.
    Incomplete,
    /// A run is writing, or was killed while it did.
    Applying,
}

/// A file as the tip has it, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileAtTip {
    /// The version at the tip; `None` if there is no such file.
    pub(crate) version: Option<Version>,
    /// The valid entities that it declares.
    pub(crate) entities: BTreeSet<EntityKey>,
    /// What is wrong with it.
    pub(crate) problems: BTreeSet<Problem>,
}

/// What became of an entity in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Port holds it as it is declared. If it was written although Git had not changed it: what differed.
    Accepted(Option<DriftDigest>),
    /// Port may hold it as it is declared: Port refused it, no answer came, or the run ended before it was
    /// sent.
    Possible,
    /// It is declared, and another source owns it.
    Waiting,
    /// It is no longer this source's.
    Released,
    /// It is no longer declared, and Port still holds it.
    Removed(Removed),
}

impl State {
    /// Whether there is nothing to remember.
    pub(crate) fn is_empty(&self) -> bool {
        let has_problems = self.files.values().any(|file| !file.problems.is_empty());
        let owns_none = self.entities().is_empty() && self.removed.is_empty();
        owns_none && self.waiting.is_empty() && !has_problems
    }

    /// Whether both are equal apart from commit and workflow.
    pub(crate) fn is_same_apart_from_run(&self, other: &Self) -> bool {
        Self {
            commit: other.commit.clone(),
            workflow: other.workflow.clone(),
            ..self.clone()
        } == *other
    }

    /// The files that it knows, by path.
    pub(crate) fn files(&self) -> &BTreeMap<RepoPath, Arc<FileState>> {
        &self.files
    }

    /// The file at `path`, to be changed.
    fn file_mut(&mut self, path: &RepoPath) -> &mut FileState {
        Arc::make_mut(self.files.entry(path.clone()).or_default())
    }

    /// What is known of the file at `path`.
    pub(crate) fn file(&self, path: &RepoPath) -> Option<&FileState> {
        self.files.get(path).map(Arc::as_ref)
    }

    /// Everything that is declared and may be in Port, with the files that declare it.
    pub(crate) fn entities(&self) -> BTreeMap<&EntityKey, BTreeSet<&RepoPath>> {
        let mut entities: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (path, file) in &self.files {
            for key in file.versions.iter().flat_map(|held| &held.entities) {
                entities.entry(key).or_default().insert(path);
            }
        }
        entities
    }

    /// `paths`, and every file that shares an entity with one of them, directly or through other
    /// files.
    pub(crate) fn sharing(&self, paths: BTreeSet<RepoPath>) -> BTreeSet<RepoPath> {
        let mut shared: Vec<_> = self.entities().into_values().collect();
        let mut found = paths;
        loop {
            let is_found = |paths: &mut BTreeSet<_>| paths.iter().any(|path| found.contains(*path));
            let more: Vec<_> = shared.extract_if(.., is_found).flatten().cloned().collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// Whether a run has failed because something could not be deleted.
    pub(crate) fn is_deletion_prevented(&self) -> bool {
        let mut removed = self.removed.values();
        removed.any(|removed| removed.deletion == DeletionState::Prevented)
    }

    /// How far the source is in sync, while no run is writing.
    pub(crate) fn status(&self) -> Status {
        match self.is_deletion_prevented() || self.files.values().any(|file| file.is_open()) {
            true => Status::Incomplete,
            false => Status::Synced,
        }
    }

    /// Notes that `key` of the file at `path` is about to be written as `version` declares it.
    pub(crate) fn begin(&mut self, path: &RepoPath, version: &Version, key: EntityKey) {
        let file = self.file_mut(path);
        file.add(version, key, Proof::Possible);
        file.limit();
    }

    /// Notes that `key` is about to be deleted: until it is known what became of it, the files that
    /// declared it are open, so that it is compared with Port if Git restores it.
    pub(crate) fn begin_deletion(&mut self, key: &EntityKey) {
        for file in self.files.values_mut() {
            if file.versions.iter().any(|held| held.entities.contains(key)) {
                Arc::make_mut(file).open();
            }
        }
    }

    /// Notes how the tip has `files`, and what became of entities. An entity without a fate is blocked,
    /// invalid, or in a file that was not read: nothing changes for it.
    pub(crate) fn conclude(
        &mut self,
        files: BTreeMap<RepoPath, FileAtTip>,
        fates: BTreeMap<EntityKey, Fate>,
    ) {
        let is_gone = |fate: &Fate| matches!(fate, Fate::Released | Fate::Removed(_));
        self.retain_entities(|key| !fates.get(key).is_some_and(is_gone));
        for (path, at_tip) in files {
            self.file_mut(&path).conclude(at_tip, &fates);
        }
        self.files
            .retain(|_, file| !file.versions.is_empty() || !file.problems.is_empty());
        for (key, fate) in fates {
            self.removed.remove(&key);
            self.rewritten.remove(&key);
            match fate {
                Fate::Accepted(Some(drift)) => drop(self.rewritten.insert(key, drift)),
                Fate::Removed(removed) => drop(self.removed.insert(key, removed)),
                Fate::Waiting => drop(self.waiting.insert(key)),
                Fate::Accepted(None) | Fate::Possible | Fate::Released => {}
            }
        }
    }

    /// Forgets the declared entities that `is_kept` does not want.
    fn retain_entities(&mut self, is_kept: impl Fn(&EntityKey) -> bool) {
        for file in self.files.values_mut() {
            let mut held = file.versions.iter().flat_map(|held| &held.entities);
            if !held.all(&is_kept) {
                for held in &mut Arc::make_mut(file).versions {
                    held.entities.retain(&is_kept);
                }
            }
        }
    }
}

impl Problem {
    /// A problem with this code, and its entity where that is known.
    pub(crate) fn new(code: &str, entity: Option<&EntityKey>) -> Self {
        Self {
            code: code.to_owned(),
            entity: entity.cloned(),
        }
    }
}

impl FileState {
    /// The version that Port has accepted whole; `None` while the file is open.
    pub(crate) fn settled(&self) -> Option<&HeldVersion> {
        match self.versions.as_slice() {
            [held] if held.proof == Proof::Accepted && self.problems.is_empty() => Some(held),
            _ => None,
        }
    }

    /// Whether something in it is not known to be in Port as it is declared.
    pub(crate) fn is_open(&self) -> bool {
        self.settled().is_none()
    }

    /// Opens a settled file: Port may no longer hold what its settled version declares.
    fn open(&mut self) {
        if let Some(version) = self.settled().map(|held| held.version.clone()) {
            self.hold(&version, BTreeSet::new(), Proof::Possible);
        }
    }

    /// Notes what a run has read, and which of its entities Port holds or may hold.
    fn conclude(&mut self, at_tip: FileAtTip, fates: &BTreeMap<EntityKey, Fate>) {
        for held in &mut self.versions {
            let is_as_before = |key: &_| matches!(fates.get(key), None | Some(Fate::Possible));
            held.entities.retain(is_as_before);
        }
        self.versions.retain(|held| !held.entities.is_empty());
        self.problems = at_tip.problems;
        if let Some(version) = &at_tip.version {
            for key in at_tip.entities {
                let proof = match fates.get(&key) {
                    Some(Fate::Accepted(_)) => Proof::Accepted,
                    Some(Fate::Possible) => Proof::Possible,
                    _ => continue,
                };
                self.add(version, key, proof);
            }
            // A file that declares nothing is known too, so that it is not read again.
            if self.versions.is_empty() && self.problems.is_empty() {
                self.hold(version, BTreeSet::new(), Proof::Accepted);
            }
        }
        // Entities that remain in an earlier version are declared by another file that has an
        // error.
        let settled = self.settled().map(|held| &held.version);
        if settled.is_some_and(|settled| Some(settled) != at_tip.version.as_ref()) {
            self.open();
        }
        self.limit();
    }

    fn add(&mut self, version: &Version, key: EntityKey, proof: Proof) {
        let is_same = |held: &&mut HeldVersion| held.version == *version && held.proof == proof;
        match self.versions.iter_mut().find(is_same) {
            Some(held) => drop(held.entities.insert(key)),
            None => self.hold(version, BTreeSet::from([key]), proof),
        }
    }

    fn hold(&mut self, version: &Version, entities: BTreeSet<EntityKey>, proof: Proof) {
        self.versions.push(HeldVersion {
            version: version.clone(),
            entities,
            proof,
        });
    }

    /// Limits the number of versions. The oldest, which Port accepted, stays; the next oldest go.
    fn limit(&mut self) {
        while self.versions.len() > MAX_VERSIONS {
            self.versions.remove(1);
        }
    }
}
