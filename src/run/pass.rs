//! One source's way through the stages of a round.

use std::cell::RefCell;
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::apply::{Applied, Refusals};
use super::conclude;
use super::error::Error;
use super::look::{Against, Extent, Looked};
use super::read::Declared;
use super::responsibility::Responsibility;
use super::source::{Continuity, Source};
use super::state::look::Tip;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Change;
use crate::catalog::plan::Plan;
use crate::catalog::validate::Validated;
use crate::git::CommitSha;
use crate::github;

/// How many sources a stage works on at the same time.
const CONCURRENT_SOURCES: usize = 16;

/// What a round found and did at one commit of a source.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) commit: CommitSha,
    pub(crate) declared: Declared,
    /// What was to be done.
    pub(crate) plan: Plan,
    /// The blueprints of the entities that the round is about.
    pub(crate) blueprints: Arc<Blueprints>,
    /// What Port would refuse, in a plan.
    pub(crate) refusals: Refusals,
    /// What became of the plan, if it was carried out.
    pub(crate) applied: Option<Applied>,
    /// Which of the problems the run fails for.
    pub(crate) responsibility: Responsibility,
    /// Whether all files were looked at.
    pub(crate) extent: Extent,
    /// Whether all files of the tip were listed, and not only those that differ.
    pub(crate) is_listed: bool,
}

/// What a round knows of one source so far. Each stage adds to it.
#[derive(Debug)]
pub(crate) struct Pass<'s, 'p> {
    pub(crate) source: &'s mut Source<'p>,
    /// Which files are looked at.
    pub(crate) extent: Extent,
    /// Whether all files of the tip were listed, and not only those that differ.
    pub(crate) is_listed: bool,
    /// Whether the files are compared with the versions that the state names.
    pub(crate) is_of_state: bool,
    /// What they declare.
    pub(crate) declared: Declared,
    /// What changed and is valid, as far as is known.
    pub(crate) changes: Vec<Change>,
    /// What is to be done.
    pub(crate) plan: Plan,
    /// What Port would refuse of it.
    pub(crate) refusals: Refusals,
    /// What became of it, if it was carried out.
    pub(crate) applied: Option<Applied>,
    /// Which problems the run fails for.
    pub(crate) responsibility: Responsibility,
}

impl<'s, 'p> Pass<'s, 'p> {
    /// A pass of a source whose files are read.
    pub(crate) fn new(source: &'s mut Source<'p>, looked: &Looked, declared: Declared) -> Self {
        Self {
            source,
            extent: looked.extent,
            is_listed: matches!(looked.tip, Tip::Listed(_)),
            is_of_state: matches!(looked.against, Against::State),
            declared,
            changes: Vec::new(),
            plan: Plan::default(),
            refusals: Refusals::default(),
            applied: None,
            responsibility: Responsibility::All,
        }
    }

    /// Notes in the source's state what is about to be written.
    pub(crate) fn begin(&mut self) {
        conclude::begin(&mut self.source.state, &self.declared, &self.plan);
        self.source.written.extend(self.plan.keys().cloned());
    }

    /// Notes in the source's state what became of the plan.
    pub(crate) fn conclude(&mut self) {
        let source = &mut *self.source;
        let applied = self.applied.as_ref();
        conclude::conclude(&mut source.state, &self.declared, &self.plan, applied);
        source.state.commit = Some(source.commit.clone());
        // Not for a first run: if a concurrent run had other inputs, `merge` emptied the digest, so
        // that the next run compares everything.
        if source.continuity == Continuity::OtherInputs {
            source.state.inputs = source.inputs.clone();
        }
    }

    /// Ends the pass: what it found and did is kept with the source.
    pub(crate) fn finish(self, blueprints: &Arc<Blueprints>) {
        self.source.rounds.push(Round {
            commit: self.source.commit.clone(),
            extent: self.extent,
            is_listed: self.is_listed,
            declared: self.declared,
            plan: self.plan,
            blueprints: Arc::clone(blueprints),
            refusals: self.refusals,
            applied: self.applied,
            responsibility: self.responsibility,
        });
    }

    /// Keeps the valid changes, and adds the errors to what is declared.
    pub(crate) fn keep_valid(&mut self, validated: Validated) {
        let Validated {
            changes,
            invalid,
            diagnostics,
        } = validated;
        self.changes = changes;
        self.declared.head.reject(invalid, diagnostics);
    }
}

/// Runs a stage for each source, several at the same time. A source for which it fails leaves the run.
/// Once GitHub's budget or the token has come to its end, so do the sources that have not begun.
pub(crate) async fn each<'s, 'p, K, T>(
    sources: Vec<(&'s mut Source<'p>, K)>,
    stage: impl AsyncFn(&mut Source<'p>, &K) -> Result<T, Error>,
) -> Vec<(&'s mut Source<'p>, K, T)> {
    let (stage, ended) = (&stage, &RefCell::new(None));
    let results = stream::iter(sources).map(|(source, known)| async move {
        let earlier: Option<github::Error> = ended.borrow().clone();
        let result = match earlier {
            Some(error) => Err(error.into()),
            None => stage(&mut *source, &known).await,
        };
        if let Some(error) = result.as_ref().err().and_then(Error::end_of_budget) {
            *ended.borrow_mut() = Some(error.clone());
        }
        (source, known, result)
    });
    let results: Vec<_> = results.buffered(CONCURRENT_SOURCES).collect().await;
    let sources = results
        .into_iter()
        .filter_map(|(source, known, result)| match result {
            Ok(found) => Some((source, known, found)),
            Err(error) => {
                source.failure = Some(error);
                None
            }
        });
    sources.collect()
}
