//! One source's way through the stages of a round.

use std::sync::Arc;

use super::apply::{Applied, Refusals};
use super::new_state;
use super::round::{Declared, Responsibility, Round, RoundScope};
use super::selection::{Against, Selection};
use super::source::{Continuity, Source};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Change;
use crate::catalog::plan::Plan;
use crate::catalog::validate::Validated;
use crate::github::Tip;

/// What a round knows of one source so far. Each stage adds to it.
#[derive(Debug)]
pub(crate) struct Pass<'s, 'p> {
    pub(crate) source: &'s mut Source<'p>,
    /// Which files the round reads.
    pub(crate) extent: RoundScope,
    /// Whether all files of the tip were listed, and not only those that differ.
    pub(crate) is_listed: bool,
    /// Whether the files are compared with the versions that the state names.
    pub(crate) is_of_state: bool,
    /// What they declare.
    pub(crate) declared: Declared,
    /// What changed and is valid, as far as is known.
    pub(crate) changes: Vec<Change>,
    /// What is to be done.
    pub(crate) plan: Arc<Plan>,
    /// What Port would refuse of it.
    pub(crate) refusals: Refusals,
    /// What became of it, if it was carried out.
    pub(crate) applied: Option<Applied>,
    /// Which problems the run fails for.
    pub(crate) responsibility: Responsibility,
}

impl<'s, 'p> Pass<'s, 'p> {
    /// A pass of a source whose files are read.
    pub(crate) fn new(
        source: &'s mut Source<'p>,
        selection: &Selection,
        declared: Declared,
    ) -> Self {
        Self {
            source,
            extent: selection.extent,
            is_listed: matches!(selection.tip, Tip::Listed(_)),
            is_of_state: matches!(selection.against, Against::State),
            declared,
            changes: Vec::new(),
            plan: Arc::default(),
            refusals: Refusals::default(),
            applied: None,
            responsibility: Responsibility::All,
        }
    }

    /// Notes in the source's state what is about to be written.
    pub(crate) fn note_plan(&mut self) {
        new_state::before_writing(&mut self.source.state, &self.declared, &self.plan);
        self.source.written.extend(self.plan.keys().cloned());
    }

    /// Notes in the source's state what became of the plan.
    pub(crate) fn note_outcomes(&mut self) {
        let source = &mut *self.source;
        let applied = self.applied.as_ref();
        new_state::after_writing(&mut source.state, &self.declared, &self.plan, applied);
        source.state.commit = Some(source.commit.clone());
        // Not for a first run: if a concurrent run had other inputs, `merge_states` emptied the digest, so
        // that the next run compares everything.
        if source.continuity == Continuity::OtherInputs {
            source.state.inputs = source.inputs.clone();
        }
    }

    /// Ends the pass: what it found and did is kept with the source, which is returned.
    pub(crate) fn record_round(self, blueprints: &Arc<Blueprints>) -> &'s mut Source<'p> {
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
        self.source
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
