//! The plan is made and carried out, and the record says so before and after.

use std::time::Duration;

use crate::apply::{Applied, DeletionOutcome, Outcome, apply};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::plan::{Plan, Policy, Reason};
use crate::decide::{self, Checked};
use crate::error::Error;
use crate::event::Mode;
use crate::read::Files;
use crate::record::{Ending, Ledger};
use crate::session::Session;
use crate::settle::settle;

/// How long the record's last word may take once the run was told to stop. With what requests under
/// way may take, that stays below the 7.5 seconds between the runner's two signals.
const LAST_WORD: Duration = Duration::from_millis(1500);

/// What a run did.
#[derive(Debug)]
pub(crate) struct Done {
    /// What was to be done.
    pub(crate) plan: Plan,
    /// The blueprints of what it is about.
    pub(crate) blueprints: Blueprints,
    /// What became of it, if it was tried.
    pub(crate) applied: Option<Applied>,
    /// Why it is not known whether the branch moved on meanwhile: a sentence without a full stop.
    pub(crate) unsettled: Option<String>,
}

/// Plans, and where the run writes, applies; then the record says how it ended.
///
/// # Errors
/// If GitHub or Port cannot be asked; what was written until then is in the record as unfinished.
pub(crate) async fn plan_and_apply(
    session: &Session<'_>,
    files: Files<'_>,
    checked: Checked,
    policy: &Policy,
    mut ledger: Ledger<'_>,
) -> Result<Done, Error> {
    let result = work(session, files, checked, policy, &mut ledger).await;
    let (ending, counts) = match &result {
        Ok(done) => (done.ending(session, policy), done.counts()),
        Err(_) => (Ending::Incomplete, "the run could not go on".to_owned()),
    };
    if let Err(reason) = last_word(session, &mut ledger, ending, &counts).await {
        tracing::warn!(
            "how the run ended could not be recorded, so the next one compares with Port: {reason}"
        );
    }
    result
}

async fn work(
    session: &Session<'_>,
    files: Files<'_>,
    checked: Checked,
    policy: &Policy,
    ledger: &mut Ledger<'_>,
) -> Result<Done, Error> {
    let Checked {
        changes,
        blueprints,
    } = checked;
    let plan = decide::plan(session, changes, &blueprints, policy, ledger).await?;
    session.log.line(format!("plan: {plan}"));
    let mut done = Done {
        plan,
        blueprints,
        applied: None,
        unsettled: None,
    };
    let Some(port) = session.port.filter(|_| session.run.mode == Mode::Apply) else {
        return Ok(done);
    };
    if done.plan.is_empty() {
        return Ok(done);
    }
    session
        .unless_interrupted(async { Ok(ledger.begin().await?) })
        .await?;
    let options = session.setup.upsert_options();
    let mut applied = apply(
        &done.plan,
        &done.blueprints,
        port,
        &options,
        session.shutdown,
    )
    .await;
    if applied.stopped.is_none() {
        let settling = settle(session, files, policy, &done.plan, &mut applied);
        if let Err(error) = session.unless_interrupted(settling).await {
            done.unsettled = Some(format!(
                "it is not known whether the branch moved on while this run wrote: {error}"
            ));
        }
    }
    done.applied = Some(applied);
    Ok(done)
}

async fn last_word(
    session: &Session<'_>,
    ledger: &mut Ledger<'_>,
    ending: Ending,
    counts: &str,
) -> Result<(), String> {
    let end = ledger.end(ending, counts);
    let patience = async {
        session.shutdown.requested().await;
        tokio::time::sleep(LAST_WORD).await;
    };
    tokio::select! {
        result = end => result.map_err(|error| error.to_string()),
        () = patience => Err("the run was told to stop".to_owned()),
    }
}

impl Done {
    /// Whether the catalog is as head declares, except for what is invalid there.
    fn ending(&self, session: &Session<'_>, policy: &Policy) -> Ending {
        let is_left = |reason: &Reason| {
            matches!(
                reason,
                Reason::HeldBack(_) | Reason::Superseded | Reason::OwnedElsewhere(_)
            )
        };
        let is_stale = !policy.superseded.is_empty();
        let is_whole = !self.plan.untouched.iter().any(|left| is_left(&left.reason));
        let is_written = match &self.applied {
            Some(applied) => applied.is_complete(),
            None => self.plan.is_empty() && session.run.mode == Mode::Apply,
        };
        if is_whole && is_written && !is_stale && self.unsettled.is_none() {
            Ending::Complete
        } else {
            Ending::Incomplete
        }
    }

    /// What was done, in a few words.
    fn counts(&self) -> String {
        let Some(applied) = &self.applied else {
            return "nothing to write".to_owned();
        };
        let is_written = |outcome: &&Outcome| matches!(outcome, Outcome::Written(_));
        let written = applied.outcomes.iter().filter(is_written).count();
        let is_deleted = |outcome: &&DeletionOutcome| **outcome == DeletionOutcome::Deleted;
        let deleted = applied.deletions.iter().filter(is_deleted).count();
        let left = applied.outcomes.len() + applied.deletions.len() - written - deleted;
        format!("{written} written, {deleted} deleted, {left} not")
    }
}
