//! Histories, walked in this process: one of Git's own for each would be most of what a test with many
//! runs costs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Commit, GitError, ObjectId, TestRepository};

/// What a walk needs of commits. An id stands for the same commit for ever, so they are read once.
#[derive(Default)]
pub(super) struct Steps(Mutex<BTreeMap<ObjectId, Arc<Step>>>);

struct Step {
    parents: Vec<ObjectId>,
    /// Seconds since 1970.
    committed: u64,
}

impl TestRepository {
    /// Commits reachable from `tip` but not from `without`, both full ids, in the order of
    /// `git rev-list`: newest first.
    pub(crate) fn history(
        &self,
        tip: &str,
        without: Option<&str>,
    ) -> Result<Vec<ObjectId>, GitError> {
        let mut history = self.walk(tip)?;
        if let Some(without) = without {
            let without: BTreeSet<_> = self.walk(without)?.into_iter().collect();
            history.retain(|commit| !without.contains(commit));
        }
        Ok(history)
    }

    /// The nearest common ancestor of two revisions; `None` if they have none.
    pub(crate) fn merge_base(&self, one: &str, other: &str) -> Result<Option<ObjectId>, GitError> {
        let (one, other) = (self.commit_id(one)?, self.commit_id(other)?);
        let of_other: BTreeSet<_> = self.walk(&other)?.into_iter().collect();
        let mut common = self.walk(&one)?;
        common.retain(|commit| of_other.contains(commit));
        let mut below = BTreeSet::new();
        for commit in &common {
            below.extend(self.step(commit)?.parents.iter().cloned());
        }
        Ok(common.into_iter().find(|commit| !below.contains(commit)))
    }

    fn walk(&self, tip: &str) -> Result<Vec<ObjectId>, GitError> {
        let mut history = Vec::new();
        let mut seen = BTreeSet::new();
        let mut ahead = BinaryHeap::new();
        let tip = ObjectId(tip.to_owned());
        let step = self.step(&tip)?;
        seen.insert(tip.clone());
        ahead.push((step.committed, Reverse(0), tip));
        while let Some((_, _, commit)) = ahead.pop() {
            for parent in &self.step(&commit)?.parents {
                if seen.insert(parent.clone()) {
                    let committed = self.step(parent)?.committed;
                    ahead.push((committed, Reverse(seen.len()), parent.clone()));
                }
            }
            history.push(commit);
        }
        Ok(history)
    }

    fn step(&self, id: &ObjectId) -> Result<Arc<Step>, GitError> {
        let mut steps = self.0.store.steps.0.lock();
        if let Some(step) = steps.get(id) {
            return Ok(Arc::clone(step));
        }
        let object = self.object_by_id(id)?;
        let commit = object.as_ref().and_then(Commit::parse);
        let commit = commit.ok_or_else(|| GitError::NoSuchRevision(id.to_string()))?;
        let step = Arc::new(Step {
            parents: commit.parents,
            committed: commit.committer.seconds,
        });
        steps.insert(id.clone(), Arc::clone(&step));
        Ok(step)
    }
}
