//! The end of a round: the branch's tip and the state are fetched once more, and the state is saved.

use futures::{StreamExt, stream};

use super::apply::Applied;
use super::error::Error;
use super::find::is_outage;
use super::fleet_states;
use super::report;
use super::save_states;
use super::session::Session;
use super::source::Source;
use super::state::store::Stored;
use crate::event::Mode;
use crate::git::CommitSha;
use crate::port::{CONCURRENT_REQUESTS, Reserve};
use crate::report::Ending;

/// How often a run applies its branch's tip while the branch keeps moving. In a fleet, a source whose
/// branch moves waits for the next run.
const MAX_ROUNDS: usize = 5;

/// What to do about a source after a round.
enum AfterRound {
    /// Apply this tip too.
    Apply(CommitSha),
    /// Save the state; Port holds this one now.
    Save(Option<Stored>),
    /// Save the commit, for the next run to see that it need not look: nothing else has changed.
    SaveCommit,
    /// Nothing is to be saved, or nothing can be.
    Nothing,
}

/// Saves the state of each source if it changed, and ends the work on it. A source whose branch has a
/// new tip stays open, at that commit.
pub(super) async fn end_round(session: &Session<'_>, sources: Vec<&mut Source<'_>>) {
    let looking = stream::iter(sources).map(async |source| {
        let next = next(session, source).await;
        (source, next)
    });
    let looking = looking.buffered(CONCURRENT_REQUESTS);
    let (mut ended, mut quiet) = (Vec::new(), Vec::new());
    for (source, next) in looking.collect::<Vec<_>>().await {
        match next {
            Ok(AfterRound::Apply(tip)) => {
                session.log.line(format!(
                    "the branch moved to {} during this run; applying that commit too",
                    tip.short()
                ));
                source.commit = tip;
            }
            Ok(AfterRound::Save(latest)) => {
                source.merge_if_overtaken(latest);
                ended.push(source);
            }
            Ok(AfterRound::SaveCommit) => quiet.push(source),
            Ok(AfterRound::Nothing) => source.end(),
            Err(error) => source.end_unsaved(error),
        }
    }
    fleet_states::save_commits(session, quiet).await;
    save_states::after_writing(session, ended).await;
}

/// Fetches the branch's tip and the state once more.
async fn next(session: &Session<'_>, source: &Source<'_>) -> Result<AfterRound, Error> {
    let last = source
        .rounds
        .last()
        .and_then(|round| round.applied.as_ref());
    let can_save = last.is_none_or(Applied::can_save);
    if session.run.mode == Mode::Plan || !can_save {
        return Ok(AfterRound::Nothing);
    }
    let is_fleet = session.setup.inputs.fleet.is_some();
    if source.is_quiet() {
        // Where the tip had to be listed, the next run can compare with it.
        let is_listed = source.rounds.iter().any(|round| round.is_listed);
        match (source.has_new_commit(), is_listed) {
            (true, true) => {}
            (true, false) if is_fleet => return Ok(AfterRound::SaveCommit),
            _ => return Ok(AfterRound::Nothing),
        }
    }
    let is_over = last.is_some_and(|applied| applied.stopped.is_some());
    let is_last = is_over || is_fleet || source.rounds.len() >= MAX_ROUNDS;
    let looking = async {
        let origin = &source.origin;
        match origin.branch.as_ref().filter(|_| !is_last) {
            // A GitHub replica that lags may name an older tip; applying that would undo this run's
            // writes.
            Some(branch) => {
                let tip = origin.repository.tip_after(branch, &source.commit);
                Ok::<_, Error>(tip.await?)
            }
            None => Ok(None),
        }
    };
    let loading = async {
        match &source.store {
            Some(store) => Ok(store.load(Reserve::Use).await?),
            None => Ok(None),
        }
    };
    let both = async { futures::try_join!(looking, loading) };
    let (tip, latest) = session.unless_interrupted(both).await?;
    Ok(match tip.filter(|tip| *tip != source.commit) {
        Some(tip) => AfterRound::Apply(tip),
        None => AfterRound::Save(latest),
    })
}

impl Source<'_> {
    /// Whether the run has more to do with it.
    pub(super) fn is_unfinished(&self) -> bool {
        self.ending.is_none() && self.failure.is_none()
    }

    /// Whether nothing was written, and Port holds this state but for its commit. What a killed run left
    /// as `applying` is saved once more, even if nothing else changes.
    fn is_quiet(&self) -> bool {
        let has_written = self.rounds.iter().any(|round| round.applied.is_some());
        let is_left_applying = self.stored.as_ref().is_some_and(Stored::is_applying);
        !has_written && !is_left_applying && self.is_stored(&self.state)
    }

    fn has_new_commit(&self) -> bool {
        let stored = self.stored.as_ref();
        stored.is_some_and(|stored| stored.state.commit != self.state.commit)
    }

    /// Ends as the rounds did.
    pub(super) fn end(&mut self) {
        self.ending = Some(report::ending(&self.rounds));
    }

    /// Ends although the state could not be saved.
    pub(super) fn end_unsaved(&mut self, error: Error) {
        self.ending = Some(match error {
            Error::Interrupted => Ending::Interrupted,
            // The next run can finish after an outage, but not with a state that Port refuses.
            Error::State(error) if !is_outage(&error) && !error.is_end_of_budget() => {
                Ending::Stopped(error.to_string())
            }
            // The state still lists what was written as possibly in Port, so nothing is lost.
            error => {
                self.notices.push(format!(
                    "the state could not be saved, so the next run compares what this one wrote with Port: {error}"
                ));
                report::ending(&self.rounds)
            }
        });
    }

    /// Ends with the rounds so far, as `error` stops the next one.
    pub(super) fn stop(&mut self, error: &Error) {
        if let Some(last) = self.rounds.last() {
            self.commit = last.commit.clone();
        }
        self.ending = Some(match error {
            Error::Interrupted => Ending::Interrupted,
            error => Ending::Stopped(error.to_string()),
        });
    }
}
