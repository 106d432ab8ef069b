//! The plan is made and carried out, and the record says so before and after.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::{Applied, DeletionOutcome, Outcome, Stopped, apply};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Basis;
use crate::catalog::entity::EntityKey;
use crate::catalog::open::Open;
use crate::catalog::plan::{Plan, Policy, Reason, Untouched};
use crate::decide;
use crate::error::Error;
use crate::event::{Mode, Scope};
use crate::git::CommitSha;
use crate::port::{Port, Rejection};
use crate::read::Declared;
use crate::record::{Cause, Ending, Ledger, Rest};
use crate::report::Drift;
use crate::revisions::Revisions;
use crate::session::Session;
use crate::settle::{Course, settle};
use crate::source::Location;
use crate::tip::{self, Standing};
use crate::verdict;

/// How long the record's last word may take once the run was told to stop. With what requests under
/// way may take, that stays below the 7.5 seconds between the runner's two signals.
const LAST_WORD: Duration = Duration::from_millis(1500);

/// What a run did.
#[derive(Debug)]
pub(crate) struct Done {
    /// What was to be done.
    pub(crate) plan: Plan,
    /// By which rules.
    policy: Policy,
    /// The blueprints of what it is about.
    pub(crate) blueprints: Blueprints,
    /// What Port would refuse, by its place in the plan, if it was only asked.
    pub(crate) verdicts: BTreeMap<usize, Rejection>,
    /// What became of it, if it was tried.
    pub(crate) applied: Option<Applied>,
    /// Whether the branch moved on meanwhile.
    course: Course,
    /// Why that is not known: a sentence without a full stop.
    pub(crate) unsettled: Option<String>,
}

/// Checks, plans, and where the run writes, applies; then the record says how it ended.
///
/// # Errors
/// If GitHub or Port cannot be asked; what was written until then is in the record as unfinished.
pub(crate) async fn check_plan_apply(
    session: &Session<'_>,
    revisions: &Revisions,
    declared: &mut Declared,
    mut ledger: Ledger<'_>,
) -> Result<Done, Error> {
    let result = work(session, revisions, declared, &mut ledger).await;
    let (ending, counts) = match &result {
        Ok(done) => (done.ending(session, declared, &ledger), done.counts()),
        Err(_) => (Ending::Incomplete, "the run could not go on".to_owned()),
    };
    let changed_nothing = result.as_ref().is_ok_and(Done::changed_nothing);
    if changed_nothing && ending != Ending::Incomplete {
        ledger.pass_on_beginning();
    }
    if let Err(reason) = last_word(session, &mut ledger, ending, &counts).await {
        tracing::warn!(
            "how the run ended could not be recorded, so the next one compares with Port: {reason}"
        );
    }
    result
}

async fn work(
    session: &Session<'_>,
    revisions: &Revisions,
    declared: &mut Declared,
    ledger: &mut Ledger<'_>,
) -> Result<Done, Error> {
    let checked = decide::check(session, declared, revisions.basis, ledger).await?;
    let decided = decide::plan(session, revisions, declared, checked, ledger).await?;
    session.log.line(format!("plan: {}", decided.plan));
    let mut done = Done {
        plan: decided.plan,
        policy: decided.policy,
        blueprints: decided.blueprints,
        verdicts: BTreeMap::new(),
        applied: None,
        course: Course::Rested,
        unsettled: None,
    };
    match (session.port, session.run.mode) {
        _ if done.plan.is_empty() => {}
        (Some(port), Mode::Apply) => {
            let tip = revisions.tip.as_ref().map(|tip| &tip.commit);
            done.carry_out(session, port, tip, ledger).await?;
        }
        (Some(port), Mode::Plan) => {
            let asking = verdict::ask(session, port, &done.plan, &done.blueprints);
            done.verdicts = session.unless_interrupted(asking).await?;
        }
        (None, _) => {}
    }
    Ok(done)
}

/// Opens the record. Where head is what was applied last, runs of a force-push that ended before may not
/// have seen that word, so the branch is looked at once more.
async fn begin(
    session: &Session<'_>,
    tip: Option<&CommitSha>,
    ledger: &mut Ledger<'_>,
) -> Result<Course, Error> {
    ledger.begin().await?;
    let (Some(branch), Some(tip), true) = (&session.run.branch, tip, ledger.is_again()) else {
        return Ok(Course::Rested);
    };
    let setup = session.setup;
    let standing = tip::find(&setup.repository, branch, tip, None, setup.patience);
    Ok(match standing.await? {
        Standing::Here => Course::Rested,
        _ => Course::MovedOn,
    })
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
    async fn carry_out(
        &mut self,
        session: &Session<'_>,
        port: &Port,
        tip: Option<&CommitSha>,
        ledger: &mut Ledger<'_>,
    ) -> Result<(), Error> {
        let beginning = begin(session, tip, ledger);
        if session.unless_interrupted(beginning).await? == Course::MovedOn {
            tracing::warn!("the branch was moved before anything was written: its own runs decide");
            self.applied = Some(Applied::superseded(&self.plan));
            self.course = Course::MovedOn;
            return Ok(());
        }
        let options = session.setup.write_options();
        let (plan, shutdown) = (&self.plan, session.shutdown);
        let mut applied = apply(plan, &self.blueprints, port, &options, shutdown).await;
        if applied.stopped.is_none() {
            self.settle(session, &mut applied, ledger).await;
        }
        self.applied = Some(applied);
        Ok(())
    }

    /// Sees to it that neither the branch nor another run was faster.
    async fn settle(
        &mut self,
        session: &Session<'_>,
        applied: &mut Applied,
        ledger: &mut Ledger<'_>,
    ) {
        let looking = async { Ok(ledger.look_around().await?) };
        let (course, company) = futures::join!(
            settle(session, ledger, &self.policy, &self.plan, applied),
            session.unless_interrupted(looking)
        );
        let reason = match course.and_then(|course| Ok((course, company?))) {
            Ok((course, company)) => {
                self.course = course;
                return ledger.note(company);
            }
            Err(Error::Interrupted) => {
                applied.stopped = Some(Stopped::Interrupted);
                "the run was told to stop".to_owned()
            }
            Err(error) => error.to_string(),
        };
        self.unsettled = Some(format!(
            "it is not known whether the branch moved on while this run wrote, so the next one compares with Port: {reason}"
        ));
    }

    /// Whether head is as base, as far as the catalog goes.
    fn changed_nothing(&self) -> bool {
        self.applied.is_none() && self.policy.basis == Basis::Git
    }

    /// Whether the catalog is as head declares, or what is open.
    fn ending(&self, session: &Session<'_>, declared: &Declared, ledger: &Ledger<'_>) -> Ending {
        // What a newer run did meanwhile is known to commits before head only.
        let is_stale = !self.policy.superseded.is_empty() || self.course == Course::MovedOn;
        let is_known = match &self.applied {
            Some(applied) => applied.is_known(),
            None => self.plan.is_empty() && session.run.mode == Mode::Apply,
        };
        let Some(past) = ledger.past().filter(|_| is_known && !is_stale) else {
            return Ending::Incomplete;
        };
        if self.unsettled.is_some() {
            return Ending::Incomplete;
        }
        let (mut open, failures) = (declared.mistaken(), self.failures());
        let cause = match failures.as_slice() {
            [] if open.is_empty() => return Ending::Complete,
            [] => Cause::Mistakes,
            _ => Cause::Failures,
        };
        open.extend(failures);
        if declared.is_elsewhere(&open) {
            return Ending::Incomplete;
        }
        let witnesses = declared.witnesses(&open, past);
        Ending::Apart(Rest { cause, witnesses })
    }

    /// What could not be written or deleted, though it should be.
    fn failures(&self) -> Vec<Open> {
        let gone = |key: &EntityKey, location: &Option<Location>| Open {
            key: key.clone(),
            paths: location.iter().map(|at| at.path().clone()).collect(),
        };
        let is_left = |left: &&Untouched| {
            matches!(left.reason, Reason::HeldBack(_) | Reason::OwnedElsewhere(_))
        };
        let left = self.plan.untouched.iter().filter(is_left);
        let mut open: Vec<_> = left.map(|left| gone(&left.key, &left.location)).collect();
        let Some(applied) = &self.applied else {
            return open;
        };
        let upserts = self.plan.upserts.iter().zip(&applied.outcomes);
        open.extend(
            upserts
                .filter(|(_, outcome)| !matches!(outcome, Outcome::Written(_)))
                .map(|(upsert, _)| Open::declared(&upsert.declaration)),
        );
        let deletions = self.plan.deletions.iter().zip(&applied.deletions);
        open.extend(
            deletions
                .filter(|(_, outcome)| {
                    !matches!(
                        outcome,
                        DeletionOutcome::Deleted | DeletionOutcome::HandedOver(_)
                    )
                })
                .map(|(deletion, _)| gone(&deletion.key, &deletion.location)),
        );
        open
    }

    /// Whether Port was as Git declares, if the run looked at all of both.
    pub(crate) fn drift(&self, session: &Session<'_>) -> Option<Drift> {
        if session.port.is_none() || session.run.scope != Scope::All {
            return None;
        }
        let mut left = self.plan.untouched.iter();
        let is_no_drift = |left: &Untouched| {
            matches!(
                left.reason,
                Reason::Unchanged | Reason::HandedOver(_) | Reason::NeverClaimed
            )
        };
        let is_as_declared = self.plan.is_empty() && left.all(is_no_drift);
        Some(if is_as_declared {
            Drift::None
        } else {
            Drift::Found
        })
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
