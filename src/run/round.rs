//! What a round found and did at one commit of a source.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apply::{Applied, DeletionOutcome, Refusals, UpsertOutcome};
use super::state::{DeletionState, Problem, State, Version};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Earlier;
use crate::catalog::declare::Declarations;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::Plan;
use crate::git::CommitSha;
use crate::port;
use crate::text::RepoPath;

/// What a round found and did at one commit of a source.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) commit: CommitSha,
    pub(crate) declared: Declared,
    /// What was to be done.
    pub(crate) plan: Arc<Plan>,
    /// The blueprints of the entities that the round is about.
    pub(crate) blueprints: Arc<Blueprints>,
    /// What Port would refuse, in a plan.
    pub(crate) refusals: Refusals,
    /// What became of the plan, if it was carried out.
    pub(crate) applied: Option<Applied>,
    /// Which of the problems the run fails for.
    pub(crate) responsibility: Responsibility,
    /// Which files were read.
    pub(crate) extent: RoundScope,
    /// Whether all files of the tip were listed, and not only those that differ.
    pub(crate) is_listed: bool,
}

/// What a run's files declare.
#[derive(Debug)]
pub(crate) struct Declared {
    /// What the commit declares in the files that were read.
    pub(crate) head: Declarations,
    /// The versions of which something may be in Port.
    pub(crate) earlier: Vec<Earlier>,
    /// The files that were read, each with its version; `None` where the commit has no such file.
    pub(crate) versions: BTreeMap<RepoPath, Option<Version>>,
    /// The files whose entities are compared with Port.
    pub(crate) open: BTreeSet<RepoPath>,
}

/// Which files a round reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoundScope {
    /// Those that differ or are open.
    Changed,
    /// All.
    All,
}

/// Which problems a run fails for.
#[derive(Debug)]
pub(crate) enum Responsibility {
    /// All of them.
    All,
    /// Those that are new, and those in these files; the state says which are not new.
    New {
        pushed: BTreeSet<RepoPath>,
        found: Box<State>,
    },
}

impl Round {
    /// The error, if not everything was written since Port's budget was nearly used up.
    pub(crate) fn end_of_budget(&self) -> Option<&port::Error> {
        let applied = self.applied.as_ref()?;
        let is_left = applied.outcomes.contains(&UpsertOutcome::NotSent)
            || applied.deletions.contains(&DeletionOutcome::NotSent);
        let stopped = applied.stopped.as_ref().filter(|_| is_left)?;
        stopped.end_of_budget()
    }
}

impl Responsibility {
    /// Whether the run fails for a problem of the file at `path`.
    pub(crate) fn covers(&self, path: &RepoPath, code: &str, key: Option<&EntityKey>) -> bool {
        let Self::New { pushed, found } = self else {
            return true;
        };
        let problem = Problem::new(code, key);
        let file = found.file(path);
        pushed.contains(path) || !file.is_some_and(|file| file.problems.contains(&problem))
    }

    /// Whether the run fails because `key` was not deleted.
    pub(crate) fn covers_deletion(&self, key: &EntityKey) -> bool {
        let Self::New { pushed, found } = self else {
            return true;
        };
        let older = found.removed.get(key);
        let older = older.filter(|removed| removed.deletion == DeletionState::Prevented);
        older.is_none_or(|removed| pushed.contains(&removed.path))
    }
}
