//! Which revisions a run looks at: head, and those that the catalog may hold parts of.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};

use crate::catalog::change::Basis;
use crate::error::Error;
use crate::event::{Base, Mode, Run, Scope};
use crate::git::{BranchName, CommitSha};
use crate::github::{self, Diff, Relation, Repository};
use crate::record::{Chain, Past, Reading, Record, Wholeness};
use crate::source::RepoPath;
use crate::tip::{self, Patience, Standing};

/// Diffs that are asked for at the same time.
const CONCURRENT_DIFFS: usize = 4;

/// What a run looks at.
#[derive(Debug)]
pub(crate) struct Revisions {
    /// The earlier revisions and where head differs from them, base first.
    pub(crate) former: Vec<Diff>,
    /// Earlier revisions that are gone, so that nothing can be compared with them.
    pub(crate) gone: Vec<CommitSha>,
    /// Which of head's files are looked at.
    pub(crate) extent: Extent,
    /// What decides whether an entity is written.
    pub(crate) basis: Basis,
    /// Where the branch has gone since, if the run writes.
    pub(crate) tip: Option<Tip>,
    /// What the record says, if it can be read.
    pub(crate) reading: Option<Reading>,
}

/// Which of head's files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that differ from an earlier revision.
    Changed,
    /// All that hold entities.
    All,
}

/// What a branch points to.
#[derive(Debug)]
pub(crate) struct Tip {
    /// The commit.
    pub(crate) commit: CommitSha,
    /// Where it differs from head.
    pub(crate) newer: BTreeSet<RepoPath>,
}

/// What there is to look at.
#[derive(Debug)]
pub(crate) enum Found {
    /// These revisions.
    Revisions(Box<Revisions>),
    /// Nothing, for the reason given: a sentence without a full stop.
    Nothing(String),
}

/// What head is compared with, before it is.
struct Comparison {
    former: Former,
    extent: Extent,
    basis: Basis,
}

enum Former {
    Commits(Vec<CommitSha>),
    MergeBaseWith(String),
    PullRequest(BranchName, CommitSha),
}

/// Finds out what to look at. `record` is what says what was applied, where that counts. Where GitHub
/// does not know head or what the record shows, it is asked again: a copy that lags behind may not know
/// of a push yet. A name that the user gave is no such thing.
pub(crate) async fn find(
    repository: &Repository,
    run: &Run,
    record: Option<&Record<'_>>,
    patience: Patience,
) -> Result<Found, Error> {
    for pause in patience.pauses() {
        match look(repository, run, record, patience).await {
            Err(Error::GitHub(github::Error::NoSuchCommit { commit }))
                if CommitSha::parse(&commit).is_some() =>
            {
                tip::wait(&commit, pause).await;
            }
            found => return found,
        }
    }
    match look(repository, run, record, patience).await {
        Err(Error::GitHub(error)) if error.is_unknown(run.head.as_str()) => {
            replaced(repository, run).await?.ok_or(error.into())
        }
        found => found,
    }
}

/// What a run does whose head GitHub does not show, if something else took its place in the branch.
/// Where the branch points to what came before head, GitHub may not know of the push yet.
async fn replaced(repository: &Repository, run: &Run) -> Result<Option<Found>, Error> {
    let (Mode::Apply, Some(branch)) = (run.mode, &run.branch) else {
        return Ok(None);
    };
    let standing = tip::find(repository, branch, &run.head, None, Patience::NONE).await?;
    Ok(match standing {
        Standing::Elsewhere(tip, Some(diff)) if diff.relation != Relation::Behind => {
            Some(Found::Nothing(not_in(branch, &run.head, &tip)))
        }
        Standing::Gone => Some(Found::Nothing(gone(branch))),
        Standing::Elsewhere(..) | Standing::Here | Standing::Later(..) => None,
    })
}

async fn look(
    repository: &Repository,
    run: &Run,
    record: Option<&Record<'_>>,
    patience: Patience,
) -> Result<Found, Error> {
    let guess = async { Ok(guess(repository, run, record).await) };
    let (reading, guess) = futures::try_join!(read_record(run, record), guess)?;
    let tip = match (run.mode, &run.branch) {
        (Mode::Apply, Some(branch)) => {
            let known = reading.as_ref().map(|reading| reading.tip.clone());
            match tip_since(repository, &run.head, branch, known, patience).await? {
                Ok(tip) => Some(tip),
                Err(reason) => return Ok(Found::Nothing(reason)),
            }
        }
        _ => None,
    };
    let past = reading.as_ref().map(|reading| &reading.past);
    let comparison = Comparison::find(repository, &run.scope, past).await?;
    // It may be known by now.
    let guess = guess.filter(|(_, diff)| !is_about(diff, &run.head));
    let (former, gone) = diffs(repository, &run.head, &comparison.former, guess).await?;
    let shown = reading.as_ref().map_or(&[][..], |reading| &reading.shown);
    if let Some(commit) = gone.iter().find(|commit| shown.contains(commit)) {
        let commit = commit.to_string();
        return Err(github::Error::NoSuchCommit { commit }.into());
    }
    for commit in &gone {
        tracing::warn!(
            "{} is gone, so nothing can be compared with it: all entity files are looked at",
            commit.short()
        );
    }
    // Without one of them nothing less will do.
    let extent = match gone.as_slice() {
        [] => comparison.extent,
        _ => Extent::All,
    };
    let basis = match extent {
        Extent::Changed => comparison.basis,
        Extent::All => Basis::Live,
    };
    Ok(Found::Revisions(Box::new(Revisions {
        former,
        gone,
        extent,
        basis,
        tip,
        reading,
    })))
}

/// A comparison that was asked for before it was known to be needed.
type Guess = Option<(CommitSha, Result<Diff, github::Error>)>;

fn is_about(diff: &Result<Diff, github::Error>, commit: &CommitSha) -> bool {
    matches!(diff, Err(error) if error.is_unknown(commit.as_str()))
}

/// What was applied last mostly is what was there before: comparing with that while the record is
/// read saves the time of a request.
async fn guess(repository: &Repository, run: &Run, record: Option<&Record<'_>>) -> Guess {
    let (before, _) = before(run).zip(record)?;
    Some((before.clone(), repository.diff(before, &run.head).await))
}

/// What the branch pointed to before the event, where that counts.
fn before(run: &Run) -> Option<&CommitSha> {
    match &run.scope {
        Scope::Changed(Base::Record { before }) => before.as_ref(),
        _ => None,
    }
}

/// Reads the record where one counts and the token may.
async fn read_record(run: &Run, record: Option<&Record<'_>>) -> Result<Option<Reading>, Error> {
    let (Some(record), Some(branch)) = (record, &run.branch) else {
        return Ok(None);
    };
    match record.read(branch, &run.head, before(run)).await {
        Ok(reading) => Ok(Some(reading)),
        Err(error @ github::Error::Forbidden { .. }) => {
            tracing::warn!(
                "what was applied before cannot be read, so this run looks at the event's own commits only, and a change that an earlier run failed to write is not taken up again: give the job `permissions: statuses: write` ({error})"
            );
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Where the branch has gone since head, or why head does not count any more; `known` is the branch's
/// tip if it was read already.
async fn tip_since(
    repository: &Repository,
    head: &CommitSha,
    branch: &BranchName,
    known: Option<Option<CommitSha>>,
    patience: Patience,
) -> Result<Result<Tip, String>, Error> {
    let (commit, newer) = match tip::find(repository, branch, head, known, patience).await? {
        Standing::Here => (head.clone(), BTreeSet::new()),
        Standing::Later(tip, diff) => (tip, diff.paths()),
        Standing::Elsewhere(tip, _) => return Ok(Err(not_in(branch, head, &tip))),
        Standing::Gone => return Ok(Err(gone(branch))),
    };
    Ok(Ok(Tip { commit, newer }))
}

fn not_in(branch: &BranchName, head: &CommitSha, tip: &CommitSha) -> String {
    let (head, tip) = (head.short(), tip.short());
    format!("{head} is no longer in the branch `{branch}`, whose tip is {tip}")
}

fn gone(branch: &BranchName) -> String {
    format!("the branch `{branch}` is gone")
}

impl Comparison {
    async fn find(
        repository: &Repository,
        scope: &Scope,
        past: Option<&Past>,
    ) -> Result<Self, Error> {
        Ok(match (scope, past) {
            (Scope::All, past) => Self::all(past),
            (Scope::Changed(Base::Record { .. }), Some(past)) if past.base.is_none() => {
                tracing::info!(
                    "nothing was applied with these inputs yet: all entity files are looked at"
                );
                Self::all(Some(past))
            }
            (Scope::Changed(Base::Record { .. }), Some(past)) => Self::recorded(past),
            (Scope::Changed(Base::Record { before: None }), None) => Self::all(None),
            (
                Scope::Changed(
                    Base::Record {
                        before: Some(commit),
                    }
                    | Base::Commit(commit),
                ),
                _,
            ) => Self::since(Former::Commits(vec![commit.clone()])),
            (Scope::Changed(Base::Named(name)), _) => {
                Self::since(Former::Commits(vec![repository.resolve(name).await?]))
            }
            (Scope::Changed(Base::MergeBaseWith(other)), _) => {
                Self::since(Former::MergeBaseWith(other.clone()))
            }
            (Scope::Changed(Base::PullRequest { into, opened_on }), _) => {
                Self::since(Former::PullRequest(into.clone(), opened_on.clone()))
            }
        })
    }

    fn since(former: Former) -> Self {
        Self {
            former,
            extent: Extent::Changed,
            basis: Basis::Git,
        }
    }

    fn all(past: Option<&Past>) -> Self {
        Self {
            extent: Extent::All,
            basis: Basis::Live,
            ..past.map_or_else(|| Self::since(Former::Commits(Vec::new())), Self::recorded)
        }
    }

    /// Where an attempt may have left something behind, or what a mistake kept from being written is not
    /// known any more, only Port knows what is there.
    fn recorded(past: &Past) -> Self {
        let Past {
            base,
            since,
            attempts,
            chain,
            wholeness,
            ..
        } = past;
        if !attempts.is_empty() {
            tracing::info!(
                "{} earlier runs did not end well or were replaced: what they touched is compared with Port",
                attempts.len()
            );
        }
        let mut commits: Vec<CommitSha> = Vec::new();
        for commit in base.iter().chain(since).chain(attempts) {
            if !commits.contains(commit) {
                commits.push(commit.clone());
            }
        }
        Self {
            former: Former::Commits(commits),
            extent: match (chain, wholeness) {
                (Chain::Whole, Wholeness::Once) => Extent::Changed,
                (Chain::Cut, _) | (_, Wholeness::Never) => Extent::All,
            },
            basis: if attempts.is_empty() && since.is_empty() {
                Basis::Git
            } else {
                Basis::Live
            },
        }
    }
}

/// What a pull request brings: see [`Base::PullRequest`].
async fn pull_request_diff(
    repository: &Repository,
    head: &CommitSha,
    into: &BranchName,
    opened_on: &CommitSha,
) -> Result<Diff, Error> {
    match repository.diff_from_merge_base(into.as_str(), head).await {
        Ok(diff) if !matches!(diff.relation, Relation::Behind | Relation::Identical) => Ok(diff),
        // Head is there, whatever a copy of GitHub that lags behind says of it.
        Err(error) if !error.is_unknown(into.as_str()) => Err(error.into()),
        Ok(_) | Err(_) => {
            let opened_on = opened_on.as_str();
            Ok(repository.diff_from_merge_base(opened_on, head).await?)
        }
    }
}

/// Compares head with each earlier revision. Gives those that are gone too.
async fn diffs(
    repository: &Repository,
    head: &CommitSha,
    former: &Former,
    guess: Guess,
) -> Result<(Vec<Diff>, Vec<CommitSha>), Error> {
    let diff = match former {
        Former::Commits(commits) => return diffs_from(repository, head, commits, guess).await,
        Former::MergeBaseWith(other) => repository.diff_from_merge_base(other, head).await?,
        Former::PullRequest(into, opened_on) => {
            pull_request_diff(repository, head, into, opened_on).await?
        }
    };
    Ok((vec![diff], Vec::new()))
}

/// Compares head with each of `commits`.
async fn diffs_from(
    repository: &Repository,
    head: &CommitSha,
    commits: &[CommitSha],
    guess: Guess,
) -> Result<(Vec<Diff>, Vec<CommitSha>), Error> {
    let (guessed, mut answer) = guess.unzip();
    let asked: Vec<_> = commits
        .iter()
        .filter(|commit| guessed.as_ref() != Some(commit))
        .collect();
    let mut answers = stream::iter(asked)
        .map(|commit| repository.diff(commit, head))
        .buffered(CONCURRENT_DIFFS);
    let (mut diffs, mut gone) = (Vec::new(), Vec::new());
    for commit in commits {
        let answer = match answer.take_if(|_| guessed.as_ref() == Some(commit)) {
            Some(guessed) => Some(guessed),
            None => answers.next().await,
        };
        match answer {
            Some(Ok(diff)) => diffs.push(diff),
            Some(Err(error)) if error.is_unknown(commit.as_str()) => gone.push(commit.clone()),
            Some(Err(error)) => return Err(error.into()),
            None => {}
        }
    }
    Ok((diffs, gone))
}
