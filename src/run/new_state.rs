//! What becomes of the state: what is about to be written, and what Port accepted. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::round::Declared;
use super::state::{DeletionState, FileOutcome, Problem, Removed, State};
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::{DriftDigest, NoOpReason, Plan};
use crate::diagnostic::Code;
use crate::run::apply::{Applied, DeletionOutcome, UpsertOutcome};
use crate::text::RepoPath;

/// The code of an entity that was not sent, or of which no answer came.
pub(crate) const NOT_WRITTEN: &str = "not-written";

/// Notes in `state` what is about to be written.
pub(super) fn before_writing(state: &mut State, declared: &Declared, plan: &Plan) {
    let mut by_path: BTreeMap<&RepoPath, BTreeSet<EntityKey>> = BTreeMap::new();
    for upsert in &plan.upserts {
        let declaration = &upsert.declaration;
        let keys = by_path.entry(declaration.source.path()).or_default();
        keys.insert(declaration.entity.key());
    }
    for (path, keys) in by_path {
        if let Some(Some(version)) = declared.versions.get(path) {
            state.begin(path, version, keys);
        }
    }
    for deletion in &plan.deletions {
        state.begin_deletion(&deletion.key);
    }
}

/// Notes in `state` what became of `plan`.
pub(super) fn after_writing(
    state: &mut State,
    declared: &Declared,
    plan: &Plan,
    applied: Option<&Applied>,
) {
    let fates = Fates::new(plan, applied);
    let mut files = fates.files(state, declared);
    for (path, outcome) in &mut files {
        outcome.problems.extend(invalid(declared, path));
    }
    for (path, outcome) in files {
        state.conclude(&path, outcome);
    }
    for (key, fate) in &fates.by_key {
        match fate {
            Fate::Accepted | Fate::Possible => drop(state.removed.remove(*key)),
            Fate::Waiting => {}
            Fate::Released => state.release(key),
            Fate::Removed { path, deletion } => {
                let known = state.removed.get(*key).map(|removed| removed.path.clone());
                state.release(key);
                if let Some(path) = path.clone().or(known) {
                    let deletion = *deletion;
                    let removed = Removed { path, deletion };
                    state.removed.insert((*key).clone(), removed);
                }
            }
        }
    }
    for (key, drift) in &fates.rewritten {
        match drift {
            Some(drift) => drop(state.rewritten.insert((*key).clone(), drift.clone())),
            None => drop(state.rewritten.remove(*key)),
        }
    }
    // An entity that a file with an error may still declare keeps waiting.
    let invalid = declared.head.invalid.iter().map(|one| one.key.as_ref());
    let may_be_declared =
        |key: &EntityKey| invalid.clone().any(|one| one.is_none_or(|one| one == key));
    state
        .waiting
        .retain(|key| may_be_declared(key) && fates.get(key) != Some(&Fate::Accepted));
    let waiting = fates.by_key.iter();
    let waiting = waiting.filter(|(_, fate)| **fate == Fate::Waiting);
    state.waiting.extend(waiting.map(|(key, _)| (*key).clone()));
}

/// What became of an entity.
#[derive(PartialEq, Eq)]
enum Fate {
    /// Port holds it as it is declared.
    Accepted,
    /// Port may hold it as it is declared.
    Possible,
    /// It is declared, and another source owns it.
    Waiting,
    /// It is no longer this source's.
    Released,
    /// It is no longer declared, and Port still holds it.
    Removed {
        /// The file that declared it.
        path: Option<RepoPath>,
        deletion: DeletionState,
    },
}

/// What became of each entity.
#[derive(Default)]
struct Fates<'p> {
    /// Without blocked and invalid entities: nothing changes for them.
    by_key: BTreeMap<&'p EntityKey, Fate>,
    /// What was written although Git had not changed it.
    rewritten: BTreeMap<&'p EntityKey, Option<DriftDigest>>,
    /// What kept entities from being written, by file.
    problems: Vec<(&'p RepoPath, Problem)>,
}

impl<'p> Fates<'p> {
    fn new(plan: &'p Plan, applied: Option<&Applied>) -> Self {
        let mut fates = Self::default();
        for untouched in &plan.untouched {
            let key = &untouched.key;
            let removed = |deletion| Fate::Removed {
                path: untouched.path.clone(),
                deletion,
            };
            let fate = match &untouched.reason {
                NoOpReason::Unchanged => {
                    fates.rewritten.insert(key, None);
                    Fate::Accepted
                }
                NoOpReason::KeptByPort(_) => Fate::Accepted,
                NoOpReason::OwnedElsewhere(_) => {
                    if let Some(location) = &untouched.location {
                        fates.add_problem(location.path(), Code::OwnedElsewhere.as_str(), key);
                    }
                    Fate::Waiting
                }
                // Port creates nothing for a query, so nothing is this source's.
                NoOpReason::Removed if key.name.identifier().is_none() => Fate::Released,
                NoOpReason::Removed => removed(DeletionState::Pending),
                NoOpReason::HeldBack(_) => removed(DeletionState::Prevented),
                NoOpReason::HandedOver(_) | NoOpReason::NeverWritten | NoOpReason::Deselected => {
                    Fate::Released
                }
            };
            fates.by_key.insert(key, fate);
        }
        for key in &plan.gone {
            fates.by_key.insert(key, Fate::Released);
        }
        let outcomes = applied.map(|applied| applied.outcomes.as_slice());
        fates.add_upserts(plan, outcomes.unwrap_or_default());
        let outcomes = applied.map(|applied| applied.deletions.as_slice());
        fates.add_deletions(plan, outcomes.unwrap_or_default());
        fates
    }

    fn add_upserts(&mut self, plan: &'p Plan, outcomes: &[UpsertOutcome]) {
        for (upsert, outcome) in plan.upserts.iter().zip(outcomes) {
            let (key, path) = (&upsert.key, upsert.declaration.source.path());
            let code = match outcome {
                UpsertOutcome::Written(_) => {
                    self.by_key.insert(key, Fate::Accepted);
                    self.rewritten.insert(key, upsert.drift.clone());
                    continue;
                }
                // Of a cycle, a first request may have gone through.
                UpsertOutcome::Rejected(_) => Code::RejectedByPort.as_str(),
                UpsertOutcome::Blocked(_) => {
                    self.add_problem(path, Code::Blocked.as_str(), key);
                    continue;
                }
                UpsertOutcome::NotSent | UpsertOutcome::Unknown => NOT_WRITTEN,
            };
            self.by_key.insert(key, Fate::Possible);
            self.add_problem(path, code, key);
        }
    }

    fn add_deletions(&mut self, plan: &'p Plan, outcomes: &[DeletionOutcome]) {
        for (deletion, outcome) in plan.deletions.iter().zip(outcomes) {
            let removed = |state| Fate::Removed {
                path: deletion.path.clone(),
                deletion: state,
            };
            let fate = match outcome {
                DeletionOutcome::Deleted => Fate::Released,
                DeletionOutcome::Rejected(_) | DeletionOutcome::HeldBack(_) => {
                    removed(DeletionState::Prevented)
                }
                DeletionOutcome::NotSent | DeletionOutcome::Unknown => {
                    removed(DeletionState::Pending)
                }
            };
            self.by_key.insert(&deletion.key, fate);
        }
    }

    fn get(&self, key: &EntityKey) -> Option<&Fate> {
        self.by_key.get(key)
    }

    fn add_problem(&mut self, path: &'p RepoPath, code: &str, key: &EntityKey) {
        let problem = Problem {
            code: code.to_owned(),
            entity: Some(key.clone()),
        };
        self.problems.push((path, problem));
    }

    /// What became of each file that was looked at.
    fn files(&self, state: &State, declared: &Declared) -> BTreeMap<RepoPath, FileOutcome> {
        let mut files: BTreeMap<RepoPath, FileOutcome> = BTreeMap::new();
        for (path, version) in &declared.versions {
            let known = state.file(path);
            let versions = known.into_iter().flat_map(|file| &file.versions);
            let keys = versions.flat_map(|held| &held.entities);
            // What another source owns is not this one's, whatever was written before.
            let is_known = |key: &&EntityKey| !matches!(self.get(key), None | Some(Fate::Possible));
            let outcome = FileOutcome {
                version: version.clone(),
                accepted: BTreeSet::new(),
                possible: BTreeSet::new(),
                left: keys.filter(is_known).cloned().collect(),
                problems: BTreeSet::new(),
            };
            files.insert(path.clone(), outcome);
        }
        for declaration in &declared.head.valid {
            let key = declaration.entity.key();
            if let Some(file) = files.get_mut(declaration.source.path()) {
                match self.get(&key) {
                    Some(Fate::Accepted) => drop(file.accepted.insert(key)),
                    Some(Fate::Possible) => drop(file.possible.insert(key)),
                    _ => {}
                }
            }
        }
        for (path, problem) in &self.problems {
            if let Some(file) = files.get_mut(*path) {
                file.problems.insert(problem.clone());
            }
        }
        files
    }
}

/// What is wrong with the file at `path` as such.
fn invalid(declared: &Declared, path: &RepoPath) -> Vec<Problem> {
    let invalid = declared.head.invalid.iter();
    let here = invalid.filter(|invalid| invalid.location.path() == path);
    let problems = here.flat_map(|invalid| {
        invalid.codes.iter().map(|code| Problem {
            code: code.as_str().to_owned(),
            entity: invalid.key.clone(),
        })
    });
    problems.collect()
}
