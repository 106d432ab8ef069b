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
    // An entity that is declared again with an error stays in `removed`.
    state
        .removed
        .retain(|key, _| !fates.accepted.contains(key) && !fates.possible.contains(key));
    for (key, removal) in fates.removals {
        match removal {
            Removal::Gone => state.release(key),
            Removal::Stays(deletion) => {
                let path = fates.paths.get(key).cloned();
                let known = state.removed.get(key).map(|removed| removed.path.clone());
                state.release(key);
                if let Some(path) = path.or(known) {
                    let removed = Removed { path, deletion };
                    state.removed.insert(key.clone(), removed);
                }
            }
        }
    }
    for (key, drift) in fates.rewritten {
        match drift {
            Some(drift) => drop(state.rewritten.insert(key.clone(), drift)),
            None => drop(state.rewritten.remove(key)),
        }
    }
    // An entity that a file with an error may still declare keeps waiting.
    let invalid = declared.head.invalid.iter().map(|one| one.key.as_ref());
    let may_be_declared =
        |key: &EntityKey| invalid.clone().any(|one| one.is_none_or(|one| one == key));
    state
        .waiting
        .retain(|key| may_be_declared(key) && !fates.accepted.contains(key));
    state.waiting.extend(fates.waiting.into_iter().cloned());
}

/// What becomes of something that is no longer declared.
#[derive(Clone, Copy)]
enum Removal {
    /// The source no longer has to do with it.
    Gone,
    /// Port still holds it.
    Stays(DeletionState),
}

/// What became of each entity.
#[derive(Default)]
struct Fates<'p> {
    accepted: BTreeSet<&'p EntityKey>,
    possible: BTreeSet<&'p EntityKey>,
    waiting: BTreeSet<&'p EntityKey>,
    removals: BTreeMap<&'p EntityKey, Removal>,
    /// What was written although Git had not changed it.
    rewritten: BTreeMap<&'p EntityKey, Option<DriftDigest>>,
    /// Where what was removed had been declared.
    paths: BTreeMap<&'p EntityKey, RepoPath>,
    /// What kept entities from being written, by file.
    problems: Vec<(&'p RepoPath, Problem)>,
}

impl<'p> Fates<'p> {
    fn new(plan: &'p Plan, applied: Option<&Applied>) -> Self {
        let mut fates = Self::default();
        for untouched in &plan.untouched {
            let key = &untouched.key;
            if let Some(path) = &untouched.path {
                fates.paths.insert(key, path.clone());
            }
            match &untouched.reason {
                NoOpReason::Unchanged => {
                    fates.accepted.insert(key);
                    fates.rewritten.insert(key, None);
                }
                NoOpReason::KeptByPort(_) => drop(fates.accepted.insert(key)),
                NoOpReason::OwnedElsewhere(_) => {
                    fates.waiting.insert(key);
                    let path = untouched.location.as_ref().map(|location| location.path());
                    if let Some(path) = path {
                        fates.add_problem(path, Code::OwnedElsewhere.as_str(), key);
                    }
                }
                // Port creates nothing for a query, so nothing is this source's.
                NoOpReason::Removed if key.name.identifier().is_none() => {
                    fates.removals.insert(key, Removal::Gone);
                }
                NoOpReason::Removed => {
                    let removal = Removal::Stays(DeletionState::Pending);
                    fates.removals.insert(key, removal);
                }
                NoOpReason::HeldBack(_) => {
                    let removal = Removal::Stays(DeletionState::Prevented);
                    fates.removals.insert(key, removal);
                }
                NoOpReason::HandedOver(_) | NoOpReason::NeverWritten | NoOpReason::Deselected => {
                    fates.removals.insert(key, Removal::Gone);
                }
            }
        }
        for key in &plan.gone {
            fates.removals.insert(key, Removal::Gone);
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
                    self.accepted.insert(key);
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
            self.possible.insert(key);
            self.add_problem(path, code, key);
        }
    }

    fn add_deletions(&mut self, plan: &'p Plan, outcomes: &[DeletionOutcome]) {
        for (deletion, outcome) in plan.deletions.iter().zip(outcomes) {
            let key = &deletion.key;
            if let Some(path) = &deletion.path {
                self.paths.insert(key, path.clone());
            }
            let removal = match outcome {
                DeletionOutcome::Deleted => Removal::Gone,
                DeletionOutcome::Rejected(_) | DeletionOutcome::HeldBack(_) => {
                    Removal::Stays(DeletionState::Prevented)
                }
                DeletionOutcome::NotSent | DeletionOutcome::Unknown => {
                    Removal::Stays(DeletionState::Pending)
                }
            };
            self.removals.insert(key, removal);
        }
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
            let is_accounted = |key: &&EntityKey| {
                self.accepted.contains(key)
                    || self.removals.contains_key(key)
                    || self.waiting.contains(key)
            };
            let outcome = FileOutcome {
                version: version.clone(),
                accepted: BTreeSet::new(),
                possible: BTreeSet::new(),
                left: keys.filter(is_accounted).cloned().collect(),
                problems: BTreeSet::new(),
            };
            files.insert(path.clone(), outcome);
        }
        for declaration in &declared.head.valid {
            let key = declaration.entity.key();
            if let Some(file) = files.get_mut(declaration.source.path()) {
                if self.accepted.contains(&key) {
                    file.accepted.insert(key);
                } else if self.possible.contains(&key) {
                    file.possible.insert(key);
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
