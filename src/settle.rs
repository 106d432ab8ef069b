//! A stale run does not win: what it wrote is brought to what the branch's tip declares.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::{Applied, DeletionOutcome, Outcome, apply};
use crate::ask;
use crate::catalog::change::{AtBase, Basis, Change};
use crate::catalog::declare::{Declaration, Declarations};
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::{Claims, Known, Plan, Policy, Pruning, Reason};
use crate::catalog::validate::validate;
use crate::error::Error;
use crate::files::Files;
use crate::git::{BranchName, CommitSha};
use crate::port::{Port, Rejection};
use crate::record::Ledger;
use crate::session::Session;
use crate::source::RepoPath;
use crate::tip::{self, Standing};

/// How often the branch may move while its latest content is written.
const MAX_ROUNDS: usize = 5;

/// Something that was written, or may have been.
struct Written {
    key: EntityKey,
    /// What it was written as; `None` if it was deleted.
    declaration: Option<std::sync::Arc<Declaration>>,
    /// Which file counted for it, if any did.
    path: Option<RepoPath>,
}

impl Written {
    /// Whether the file that counted for it is one of these.
    fn is_in(&self, files: &BTreeSet<RepoPath>) -> bool {
        self.path.as_ref().is_some_and(|path| files.contains(path))
    }

    /// Whether its file is one of these, or one whose text is a property of it.
    fn is_made_of(&self, newer: &BTreeSet<RepoPath>) -> bool {
        let declaration = self.declaration.as_ref();
        self.is_in(newer) || declaration.is_some_and(|declaration| declaration.is_in(newer))
    }

    /// Whether the branch may declare it otherwise by now, where these files are newer. What was deleted
    /// may have come back in any of them.
    fn may_differ(&self, newer: &BTreeSet<RepoPath>) -> bool {
        self.is_made_of(newer) || self.declaration.is_none() && !newer.is_empty()
    }
}

/// Whether a branch moved on while it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Its tip was head all the time.
    Rested,
    /// It was moved, or it is gone.
    MovedOn,
}

/// Reads the branch's tip after the last write and, where a file of what was written is newer there,
/// writes that instead, until the branch rests. What became of what was overtaken is noted in `applied`.
///
/// # Errors
/// If GitHub or Port cannot be asked, or the run is told to stop.
pub(crate) async fn settle(
    session: &Session<'_>,
    ledger: &Ledger<'_>,
    policy: &Policy,
    plan: &Plan,
    applied: &mut Applied,
) -> Result<Course, Error> {
    let (Some(branch), Some(port)) = (&session.run.branch, session.port) else {
        return Ok(Course::Rested);
    };
    let (mut at, mut course) = (session.run.head.clone(), Course::Rested);
    let mut written = written(plan, applied);
    for _ in 0..MAX_ROUNDS {
        let looking = look(session, branch, &at);
        let (tip, newer) = match session.unless_interrupted(looking).await? {
            Seen::Here => break,
            Seen::Gone => return Ok(Course::MovedOn),
            Seen::Moved(tip, newer) => (tip, newer),
        };
        course = Course::MovedOn;
        let reading = overtaken(session.setup.files(), &tip, &newer, &mut written);
        let Some(declared) = session.unless_interrupted(reading).await? else {
            break;
        };
        note(plan, applied, &written, |_| Correction::Unknown);
        let opening = open(ledger, &tip, written.len());
        session.unless_interrupted(opening).await?;
        let brought = bring(session, port, policy, &written, &declared).await?;
        note(plan, applied, &written, |key| brought.of(key));
        applied.stopped = brought.applied.stopped.clone();
        if applied.stopped.is_some() {
            break;
        }
        written = self::written(&brought.plan, &brought.applied);
        at = tip;
    }
    Ok(course)
}

/// Says that what was just written is brought to the content of `tip`.
async fn open(ledger: &Ledger<'_>, tip: &CommitSha, count: usize) -> Result<(), Error> {
    tracing::info!(
        "the branch has moved on to {}: {count} entities that were just written are brought to its content",
        tip.short()
    );
    Ok(ledger.begin_on(tip).await?)
}

/// Where a branch points, seen from a commit that was written.
enum Seen {
    /// To the commit.
    Here,
    /// To another one, with newer files.
    Moved(CommitSha, BTreeSet<RepoPath>),
    /// To nothing that can be compared.
    Gone,
}

async fn look(session: &Session<'_>, branch: &BranchName, at: &CommitSha) -> Result<Seen, Error> {
    let setup = session.setup;
    let standing = tip::find(&setup.repository, branch, at, None, setup.patience);
    Ok(match standing.await? {
        Standing::Here => Seen::Here,
        Standing::Later(tip, diff) | Standing::Elsewhere(tip, Some(diff)) => {
            Seen::Moved(tip, diff.paths())
        }
        Standing::Elsewhere(_, None) | Standing::Gone => Seen::Gone,
    })
}

/// Keeps of what was `written` what the tip may declare otherwise, as some files are `newer` there, and
/// gives what it declares of that; `None` if nothing is left.
async fn overtaken(
    files: Files<'_>,
    tip: &CommitSha,
    newer: &BTreeSet<RepoPath>,
    written: &mut Vec<Written>,
) -> Result<Option<Declarations>, Error> {
    if !written.iter().any(|written| written.may_differ(newer)) {
        return Ok(None);
    }
    let declared = declared_at(files, tip, newer, written).await?;
    let keys = keys(&declared, newer);
    // What its own file still declares, a newer one may declare too: that is the tip's mistake.
    let is_back = |written: &Written| written.declaration.is_none() && keys.contains(&written.key);
    written.retain(|written| written.is_made_of(newer) || is_back(written));
    Ok((!written.is_empty()).then_some(declared))
}

fn written(plan: &Plan, applied: &Applied) -> Vec<Written> {
    let upserts = plan.upserts.iter().zip(&applied.outcomes);
    let upserts = upserts
        .filter(|(_, outcome)| matches!(outcome, Outcome::Written(_) | Outcome::Unknown))
        .map(|(upsert, _)| Written {
            key: upsert.declaration.entity.key(),
            path: Some(upsert.declaration.source.path().clone()),
            declaration: Some(upsert.declaration.clone()),
        });
    let deletions = plan.deletions.iter().zip(&applied.deletions);
    let deletions = deletions
        .filter(|(_, outcome)| {
            matches!(outcome, DeletionOutcome::Deleted | DeletionOutcome::Unknown)
        })
        .map(|(deletion, _)| Written {
            key: deletion.key.clone(),
            path: deletion.location.as_ref().map(|at| at.path().clone()),
            declaration: None,
        });
    upserts.chain(deletions).collect()
}

/// What became of something that was brought to the tip's content.
#[derive(Debug, Clone)]
enum Correction {
    /// It is as the tip declares, or a mistake there keeps it as it is.
    Done,
    /// Port refused it.
    Refused(Rejection),
    /// It may be as it was.
    Unknown,
}

/// The tip's content of what was written, and what became of that.
struct Brought {
    plan: Plan,
    applied: Applied,
}

impl Brought {
    fn of(&self, key: &EntityKey) -> Correction {
        let upserts = self.plan.upserts.iter().zip(&self.applied.outcomes);
        let upserts = upserts.map(|(upsert, outcome)| {
            let correction = match outcome {
                Outcome::Written(_) | Outcome::Superseded => Correction::Done,
                Outcome::Rejected(rejection) => Correction::Refused(rejection.clone()),
                Outcome::NotSent | Outcome::Blocked(_) | Outcome::Unknown => Correction::Unknown,
            };
            (upsert.declaration.entity.key(), correction)
        });
        let deletions = self.plan.deletions.iter().zip(&self.applied.deletions);
        let deletions = deletions.map(|(deletion, outcome)| {
            let correction = match outcome {
                DeletionOutcome::Deleted
                | DeletionOutcome::HandedOver(_)
                | DeletionOutcome::Superseded => Correction::Done,
                DeletionOutcome::Rejected(rejection) => Correction::Refused(rejection.clone()),
                DeletionOutcome::HeldBack(_)
                | DeletionOutcome::NotSent
                | DeletionOutcome::Unknown => Correction::Unknown,
            };
            (deletion.key.clone(), correction)
        });
        let left = self.plan.untouched.iter();
        let left = left.filter(|left| matches!(left.reason, Reason::HeldBack(_)));
        let left = left.map(|left| (left.key.clone(), Correction::Unknown));
        let mut all = upserts.chain(deletions).chain(left);
        let found = all.find(|(found, _)| found == key);
        found.map_or(Correction::Done, |(_, correction)| correction)
    }
}

/// Notes what became of what was `written`, and then brought to the tip's content.
fn note(
    plan: &Plan,
    applied: &mut Applied,
    written: &[Written],
    correction: impl Fn(&EntityKey) -> Correction,
) {
    let keys: BTreeSet<_> = written.iter().map(|written| &written.key).collect();
    for (upsert, outcome) in plan.upserts.iter().zip(&mut applied.outcomes) {
        let key = upsert.declaration.entity.key();
        if keys.contains(&key) {
            *outcome = match correction(&key) {
                Correction::Done => Outcome::Superseded,
                Correction::Refused(rejection) => Outcome::Rejected(rejection),
                Correction::Unknown => Outcome::Unknown,
            };
        }
    }
    for (deletion, outcome) in plan.deletions.iter().zip(&mut applied.deletions) {
        if keys.contains(&deletion.key) {
            *outcome = match correction(&deletion.key) {
                Correction::Done => DeletionOutcome::Superseded,
                Correction::Refused(rejection) => DeletionOutcome::Rejected(rejection),
                Correction::Unknown => DeletionOutcome::Unknown,
            };
        }
    }
}

/// What the tip declares in files that are `newer` there, or made of such. Where what was `written` from
/// one of them is not there any more, another of the tip's files may have it.
async fn declared_at(
    files: Files<'_>,
    tip: &CommitSha,
    newer: &BTreeSet<RepoPath>,
    written: &[Written],
) -> Result<Declarations, Error> {
    let is_made_of_newer = |written: &&Written| written.is_made_of(newer);
    let made_of_newer = written.iter().filter(is_made_of_newer);
    let mut paths: BTreeSet<_> = made_of_newer.filter_map(|one| one.path.clone()).collect();
    paths.extend(newer.iter().cloned());
    let mut declared = files.declarations_at(tip, paths.iter().cloned()).await?;
    let keys = keys(&declared, &paths);
    let is_gone = |written: &Written| written.is_in(&paths) && !keys.contains(&written.key);
    if written.iter().any(is_gone) {
        let others = files.others(tip, &paths).await?;
        declared.valid.extend(others.valid);
        declared.invalid.extend(others.invalid);
    }
    Ok(declared)
}

/// What is declared in these files, all or in part.
fn keys(declared: &Declarations, files: &BTreeSet<RepoPath>) -> BTreeSet<EntityKey> {
    let valid = declared.valid.iter();
    let found = valid.filter(|found| found.is_in(files));
    found.map(|found| found.entity.key()).collect()
}

/// Writes what `tip` declares of entities that were written otherwise.
async fn bring(
    session: &Session<'_>,
    port: &Port,
    policy: &Policy,
    written: &[Written],
    tip: &Declarations,
) -> Result<Brought, Error> {
    let asking = async {
        let changes = changes(written, tip);
        let blueprints = ask::blueprints(session, &changes, Basis::Live).await?;
        let checked = validate(changes, Basis::Live, &blueprints, session.setup.omission());
        let live = ask::live(session, &checked.changes, &blueprints, Basis::Live).await?;
        Ok((checked.changes, blueprints, live))
    };
    let (changes, blueprints, live) = session.unless_interrupted(asking).await?;
    let known = Known {
        live: &live,
        blueprints: &blueprints,
    };
    let policy = Policy {
        basis: Basis::Live,
        superseded: BTreeSet::new(),
        pruning: pruning(policy, tip),
        // It was this run that wrote it.
        claims: Claims::OfAll,
        ..policy.clone()
    };
    let plan = Plan::new(changes, known, &policy);
    let options = session.setup.write_options();
    let applied = apply(&plan, &blueprints, port, &options, session.shutdown).await;
    Ok(Brought { plan, applied })
}

/// What spoke against deletions as the run began was said of head. Here it is the tip that counts, and
/// nothing goes but what this run itself has just written.
fn pruning(policy: &Policy, tip: &Declarations) -> Pruning {
    match &policy.pruning {
        Pruning::On {
            at_most, unclaimed, ..
        } if tip.is_sound() => Pruning::On {
            at_most: *at_most,
            obstacle: None,
            unclaimed: *unclaimed,
        },
        // What is gone may be what is mistaken.
        Pruning::On { .. } | Pruning::Off => Pruning::Off,
    }
}

fn changes(written: &[Written], tip: &Declarations) -> Vec<Change> {
    let invalid: BTreeSet<_> = tip
        .invalid
        .iter()
        .filter_map(|invalid| invalid.key.as_ref())
        .collect();
    let unreadable: BTreeSet<_> = tip
        .invalid
        .iter()
        .filter(|invalid| invalid.key.is_none())
        .map(|invalid| invalid.location.path().clone())
        .collect();
    let declared: BTreeMap<_, _> = tip
        .valid
        .iter()
        .map(|declaration| (declaration.entity.key(), declaration))
        .collect();
    written
        .iter()
        .filter(|written| !invalid.contains(&written.key) && !written.is_in(&unreadable))
        .map(|written| Change {
            key: written.key.clone(),
            former: written.declaration.iter().cloned().collect(),
            at_base: AtBase::NotWritten,
            head: declared.get(&written.key).map(|found| (*found).clone()),
        })
        .collect()
}
