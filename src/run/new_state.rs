//! What becomes of the state: what is about to be written, and what Port accepted. Pure.

use std::collections::BTreeMap;

use super::round::Declared;
use super::state::{DeletionState, Fate, FileAtTip, Problem, Removed, State, Version};
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::{NoOpReason, Plan};
use crate::diagnostic::Code;
use crate::run::apply::{Applied, DeletionOutcome, UpsertOutcome};
use crate::text::RepoPath;

/// The code of an entity that was not sent, or of which no answer came.
pub(crate) const NOT_WRITTEN: &str = "not-written";

/// Notes in `state` what is about to be written.
pub(super) fn before_writing(state: &mut State, declared: &Declared, plan: &Plan) {
    for upsert in &plan.upserts {
        let path = upsert.declaration.source.path();
        if let Some(Some(version)) = declared.versions.get(path) {
            state.begin(path, version, upsert.key.clone());
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
    let PlanOutcome { fates, problems } = PlanOutcome::new(state, plan, applied);
    let at_tip = |version: &Option<Version>| FileAtTip {
        version: version.clone(),
        ..FileAtTip::default()
    };
    let files = declared.versions.iter();
    let files = files.map(|(path, version)| (path.clone(), at_tip(version)));
    let mut files: BTreeMap<_, _> = files.collect();
    for declaration in &declared.head.valid {
        if let Some(file) = files.get_mut(declaration.source.path()) {
            file.entities.insert(declaration.entity.key());
        }
    }
    for (path, problem) in problems.into_iter().chain(invalid(declared)) {
        if let Some(file) = files.get_mut(path) {
            file.problems.insert(problem);
        }
    }
    // An entity that a file with an error may still declare keeps waiting.
    let invalid = declared.head.invalid.iter().map(|one| one.key.as_ref());
    let may_be_declared =
        |key: &EntityKey| invalid.clone().any(|one| one.is_none_or(|one| one == key));
    let is_accepted = |key: &EntityKey| matches!(fates.get(key), Some(Fate::Accepted(_)));
    state
        .waiting
        .retain(|key| may_be_declared(key) && !is_accepted(key));
    state.conclude(files, fates);
}

/// A problem of the file at a path.
type FileProblem<'p> = (&'p RepoPath, Problem);

/// What became of a plan.
#[derive(Default)]
struct PlanOutcome<'p> {
    /// What became of each entity, without those that are blocked: nothing changes for them.
    fates: BTreeMap<EntityKey, Fate>,
    /// What kept entities from being written.
    problems: Vec<FileProblem<'p>>,
}

impl<'p> PlanOutcome<'p> {
    fn new(state: &State, plan: &'p Plan, applied: Option<&Applied>) -> Self {
        let mut outcome = Self::default();
        for untouched in &plan.untouched {
            let (key, path) = (&untouched.key, untouched.path.as_ref());
            let fate = match &untouched.reason {
                NoOpReason::Unchanged => Fate::Accepted(None),
                NoOpReason::KeptByPort(_) => Fate::Accepted(state.rewritten.get(key).cloned()),
                NoOpReason::OwnedElsewhere(_) => {
                    if let Some(location) = &untouched.location {
                        outcome.add_problem(location.path(), Code::OwnedElsewhere.as_str(), key);
                    }
                    Fate::Waiting
                }
                // Port creates nothing for a query, so nothing is this source's.
                NoOpReason::Removed if key.name.identifier().is_none() => Fate::Released,
                NoOpReason::Removed => removed(path, DeletionState::Pending),
                NoOpReason::HeldBack(_) => removed(path, DeletionState::Prevented),
                NoOpReason::HandedOver(_) | NoOpReason::NeverWritten | NoOpReason::Deselected => {
                    Fate::Released
                }
            };
            outcome.fates.insert(key.clone(), fate);
        }
        let gone = plan.gone.iter().map(|key| (key.clone(), Fate::Released));
        outcome.fates.extend(gone);
        if let Some(applied) = applied {
            outcome.add_upserts(plan, &applied.outcomes);
            outcome.add_deletions(plan, &applied.deletions);
        }
        outcome
    }

    fn add_upserts(&mut self, plan: &'p Plan, outcomes: &[UpsertOutcome]) {
        for (upsert, outcome) in plan.upserts.iter().zip(outcomes) {
            let (fate, code) = match outcome {
                UpsertOutcome::Written(_) => (Some(Fate::Accepted(upsert.drift.clone())), None),
                // Of a cycle, a first request may have gone through.
                UpsertOutcome::Rejected(_) => {
                    (Some(Fate::Possible), Some(Code::RejectedByPort.as_str()))
                }
                UpsertOutcome::Blocked(_) => (None, Some(Code::Blocked.as_str())),
                UpsertOutcome::NotSent | UpsertOutcome::Unknown => {
                    (Some(Fate::Possible), Some(NOT_WRITTEN))
                }
            };
            self.fates
                .extend(fate.map(|fate| (upsert.key.clone(), fate)));
            if let Some(code) = code {
                self.add_problem(upsert.declaration.source.path(), code, &upsert.key);
            }
        }
    }

    fn add_deletions(&mut self, plan: &Plan, outcomes: &[DeletionOutcome]) {
        for (deletion, outcome) in plan.deletions.iter().zip(outcomes) {
            let path = deletion.path.as_ref();
            let fate = match outcome {
                DeletionOutcome::Deleted => Fate::Released,
                DeletionOutcome::Rejected(_) | DeletionOutcome::HeldBack(_) => {
                    removed(path, DeletionState::Prevented)
                }
                DeletionOutcome::NotSent | DeletionOutcome::Unknown => {
                    removed(path, DeletionState::Pending)
                }
            };
            self.fates.insert(deletion.key.clone(), fate);
        }
    }

    fn add_problem(&mut self, path: &'p RepoPath, code: &str, key: &EntityKey) {
        self.problems.push((path, Problem::new(code, Some(key))));
    }
}

/// The fate of an entity that the file at `path` declared before.
fn removed(path: Option<&RepoPath>, deletion: DeletionState) -> Fate {
    let removed = |path| Fate::Removed(Removed { path, deletion });
    // If no file did, nothing is this source's.
    path.cloned().map_or(Fate::Released, removed)
}

/// What is wrong with the files as such.
fn invalid(declared: &Declared) -> impl Iterator<Item = FileProblem<'_>> {
    declared.head.invalid.iter().flat_map(|invalid| {
        let problem = |code: &Code| Problem::new(code.as_str(), invalid.key.as_ref());
        let path = invalid.location.path();
        invalid.codes.iter().map(move |code| (path, problem(code)))
    })
}

#[cfg(test)]
mod tests;
