//! Which entity files a run looks at.

use std::collections::BTreeMap;

use super::error::Error;
use super::session::Session;
use super::source::{Continuity, Source};
use super::state::look::{Tip, to_look_at};
use crate::event::{Base, Scope};
use crate::git::{BranchName, CommitSha};
use crate::github::{self, Diff, Relation, Repository, Side};
use crate::text::RepoPath;

/// The files to look at, and what they are compared with.
#[derive(Debug)]
pub(crate) struct Looked {
    /// The files, with what the commit has there.
    pub(crate) files: BTreeMap<RepoPath, Side>,
    /// What is known of the commit.
    pub(crate) tip: Tip,
    /// What the files are compared with.
    pub(crate) against: Against,
    /// Which files these are.
    pub(crate) extent: Extent,
}

/// What files are compared with.
#[derive(Debug)]
pub(crate) enum Against {
    /// The versions that the state names.
    State,
    /// A commit: what it has at each path that differs.
    Commit(Option<CommitSha>, BTreeMap<RepoPath, Side>),
}

/// Which files are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that differ or are open.
    Changed,
    /// All.
    All,
}

/// How often a run has looked at its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Round {
    /// This is the first time.
    First,
    /// The branch has moved since.
    Later,
}

/// Finds the files to look at.
///
/// # Errors
/// If GitHub cannot be asked.
pub(crate) async fn look(
    session: &Session<'_>,
    source: &Source<'_>,
    round: Round,
) -> Result<Looked, Error> {
    match (&session.run.scope, round) {
        (Scope::Changed(Base::MergeBaseWith(other)), _) => {
            let repository = &session.setup.repository;
            let diff = repository.diff_from_merge_base(other, &source.commit);
            Ok(of_diff(session, source, diff.await?))
        }
        (Scope::Changed(Base::PullRequest { into, opened_on }), _) => {
            let repository = &session.setup.repository;
            let diff = pull_request_diff(repository, &source.commit, into, opened_on).await?;
            Ok(of_diff(session, source, diff))
        }
        // Without Port, what the push changed is all that is known.
        (Scope::Changed(Base::State), _) if session.port.is_none() => match before(session) {
            Some(before) => {
                let repository = &session.setup.repository;
                let diff = repository.diff_from_merge_base(before.as_str(), &source.commit);
                Ok(of_diff(session, source, diff.await?))
            }
            None => all(session, source).await,
        },
        (Scope::Changed(Base::State), _) if source.continuity == Continuity::Same => {
            since_state(session, source).await
        }
        (_, Round::Later) => since_state(session, source).await,
        _ => all(session, source).await,
    }
}

/// What the branch pointed to before the push.
fn before<'s>(session: &Session<'s>) -> Option<&'s CommitSha> {
    session.run.push.as_ref()?.before.as_ref()
}

/// What differs from the state: by the commit that was applied last where GitHub compares with that,
/// else by all of the tip's files.
async fn since_state(session: &Session<'_>, source: &Source<'_>) -> Result<Looked, Error> {
    let repository = &session.setup.repository;
    let changed = match &source.state.commit {
        Some(commit) => repository.changed_since(commit, &source.commit).await?,
        None => None,
    };
    let tip = match changed {
        Some(files) => Tip::Changed(
            files
                .into_iter()
                .map(|file| (file.path, file.head))
                .collect(),
        ),
        None => Tip::Listed(repository.tree(&source.commit).await?),
    };
    let files = to_look_at(&source.state, &tip, |path| is_selected(session, path));
    Ok(Looked {
        files,
        tip,
        against: Against::State,
        extent: Extent::Changed,
    })
}

/// Every file that the inputs select, and what the state knows beside.
async fn all(session: &Session<'_>, source: &Source<'_>) -> Result<Looked, Error> {
    let tree = session.setup.repository.tree(&source.commit).await?;
    let known = source.state.files().keys();
    let mut files: BTreeMap<_, _> = known.map(|path| (path.clone(), Side::Absent)).collect();
    let selected = tree.iter().filter(|(path, _)| is_selected(session, path));
    files.extend(selected.map(|(path, file)| (path.clone(), Side::from(file))));
    Ok(Looked {
        files,
        tip: Tip::Listed(tree),
        against: Against::State,
        extent: Extent::All,
    })
}

/// What a branch or a pull request brings. An entity file whose text changed belongs to it too.
fn of_diff(session: &Session<'_>, source: &Source<'_>, diff: Diff) -> Looked {
    let (mut base, mut head) = (BTreeMap::new(), BTreeMap::new());
    for file in diff.files {
        base.insert(file.path.clone(), file.base);
        head.insert(file.path, file.head);
    }
    let differs = head.iter().filter(|(path, _)| is_selected(session, path));
    let mut files: BTreeMap<_, _> = differs
        .map(|(path, side)| (path.clone(), side.clone()))
        .collect();
    for (path, file) in source.state.files() {
        let mut texts = file.parts.iter().flat_map(|part| part.version.texts.keys());
        if !files.contains_key(path) && texts.any(|text| head.contains_key(text)) {
            files.insert(path.clone(), Side::Unknown);
        }
    }
    Looked {
        files,
        tip: Tip::Changed(head),
        against: Against::Commit(diff.base, base),
        extent: Extent::Changed,
    }
}

/// What a pull request brings: see [`Base::PullRequest`].
async fn pull_request_diff(
    repository: &Repository,
    head: &CommitSha,
    into: &BranchName,
    opened_on: &CommitSha,
) -> Result<Diff, github::Error> {
    match repository.diff_from_merge_base(into.as_str(), head).await {
        Ok(diff) if !matches!(diff.relation, Relation::Behind | Relation::Identical) => Ok(diff),
        // The branch may be gone, or hold the pull request already.
        Ok(_) | Err(github::Error::NoSuchCommit { .. }) => {
            let opened_on = opened_on.as_str();
            repository.diff_from_merge_base(opened_on, head).await
        }
        Err(error) => Err(error),
    }
}

fn is_selected(session: &Session<'_>, path: &RepoPath) -> bool {
    session.setup.inputs.files.select(path).is_some()
}
