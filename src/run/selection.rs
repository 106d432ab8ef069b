//! Which entity files a round reads.

use std::collections::BTreeMap;

use super::each::each;
use super::error::Error;
use super::mapping::{Home, LoadedMapping, load};
use super::round::RoundScope;
use super::session::Session;
use super::source::{Continuity, Source};
use super::state::FileState;
use super::state::files_to_read::files_to_read;
use super::unmatched::unmatched_lines;
use crate::catalog::mapping::Usable;
use crate::event::{Base, Scope};
use crate::git::{BlobId, BranchName, CommitSha};
use crate::github::{self, Ancestry, ChangedSince, Diff, Repository, Side, Tip};
use crate::text::RepoPath;

/// The selected files, and what they are compared with.
#[derive(Debug)]
pub(crate) struct Selection {
    /// The files, with what the commit has there.
    pub(crate) files: BTreeMap<RepoPath, Side>,
    /// What is known of the commit.
    pub(crate) tip: Tip,
    /// What the files are compared with.
    pub(crate) against: Against,
    /// Which files these are.
    pub(crate) extent: RoundScope,
    /// The mapping, if the inputs name one.
    pub(crate) mapping: Option<LoadedMapping>,
}

/// What files are compared with.
#[derive(Debug)]
pub(crate) enum Against {
    /// The versions that the state names.
    State,
    /// A commit: what it has at each path that differs.
    Commit(Option<CommitSha>, BTreeMap<RepoPath, Side>),
}

/// Which round of a run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoundKind {
    /// The first one.
    First,
    /// The branch has moved since.
    Later,
}

/// Selects the files of each source to read. A source of which GitHub does not say that leaves the
/// run.
pub(crate) async fn select<'s, 'p>(
    session: &Session<'_>,
    sources: Vec<&'s mut Source<'p>>,
    kind: RoundKind,
) -> Vec<(&'s mut Source<'p>, Selection)> {
    let sources = sources.into_iter().map(|source| (source, ())).collect();
    let selecting = each(sources, async |source: &mut Source<'p>, ()| {
        let mapping = match &source.origin.fleet_mapping {
            Some(fleet) => Some(fleet.mapping.clone()),
            None => load(source.files(session), &source.commit, Side::Unknown).await?,
        };
        source.note_mapping(mapping.as_ref());
        let selection = select_files(session, source, mapping, kind).await?;
        if kind == RoundKind::First {
            source.warnings = unmatched_lines(&session.setup.inputs.files, &selection.tip);
        }
        Ok(selection)
    });
    let selection = selecting.await.into_iter();
    selection
        .map(|(source, (), selection)| (source, selection))
        .collect()
}

async fn select_files(
    session: &Session<'_>,
    source: &mut Source<'_>,
    mapping: Option<LoadedMapping>,
    kind: RoundKind,
) -> Result<Selection, Error> {
    match (&session.run.scope, kind) {
        (Scope::Changed(Base::MergeBaseWith(other)), _) => {
            let repository = &source.origin.repository;
            let diff = repository.diff_from_merge_base(other, &source.commit);
            of_diff(session, source, mapping, diff.await?).await
        }
        (Scope::Changed(Base::PullRequest { into, opened_on }), _) => {
            let repository = &source.origin.repository;
            let diff = pull_request_diff(repository, &source.commit, into, opened_on).await?;
            of_diff(session, source, mapping, diff).await
        }
        // Without Port, what the push changed is all that is known.
        (Scope::Changed(Base::State), _) if session.port.is_none() => match before(source) {
            Some(before) => {
                let repository = &source.origin.repository;
                let diff = repository.diff_from_merge_base(before.as_str(), &source.commit);
                of_diff(session, source, mapping, diff.await?).await
            }
            None => all(session, source, mapping).await,
        },
        (Scope::Changed(Base::State), _) if source.continuity == Continuity::Same => {
            since_state(session, source, mapping).await
        }
        (_, RoundKind::Later) => since_state(session, source, mapping).await,
        _ => all(session, source, mapping).await,
    }
}

/// What the branch pointed to before the push.
fn before<'s>(source: &'s Source<'_>) -> Option<&'s CommitSha> {
    source.origin.push.as_ref()?.before.as_ref()
}

/// The files that differ from the state.
async fn since_state(
    session: &Session<'_>,
    source: &mut Source<'_>,
    mut mapping: Option<LoadedMapping>,
) -> Result<Selection, Error> {
    let tip = tip_since_state(session, source, mapping.as_ref()).await?;
    let source = &*source;
    if let Some(mapping) = &mut mapping {
        let known = source.state.files().iter();
        let blob = |file: &FileState| file.versions.last().map(|held| held.version.file.clone());
        let known = known.map(|(path, file)| (path, tip.side(path, blob(file).as_ref())));
        let paths = tip.paths().into_iter();
        let here = known.chain(paths.map(|path| (path, tip.side(path, None))));
        require_files(source, mapping, here);
    }
    let selector = Selector::new(session, source, mapping.as_ref());
    let mut files = files_to_read(
        &source.state,
        &tip,
        |path| selector.selects(path),
        |path| selector.mapping_of(path),
    );
    // An unusable mapping is among the files even if it is missing, so that its errors are reported.
    let is_unusable =
        |mapping: &&LoadedMapping| mapping.home == Home::Same && mapping.usable == Usable::No;
    if let Some(mapping) = mapping.as_ref().filter(is_unusable) {
        files.insert(mapping.path.clone(), mapping.side());
    }
    Ok(Selection {
        files,
        tip,
        against: Against::State,
        extent: RoundScope::Changed,
        mapping,
    })
}

/// What is known of the tip: GitHub compares it with the last applied commit. If it cannot, or the
/// mapping changed, all files of the tip are listed.
async fn tip_since_state(
    session: &Session<'_>,
    source: &mut Source<'_>,
    mapping: Option<&LoadedMapping>,
) -> Result<Tip, Error> {
    let changed = match &source.state.commit {
        Some(commit) if mapping.is_none_or(|mapping| is_applied(mapping, source)) => {
            let repository = &source.origin.repository;
            repository.changed_since(commit, &source.commit).await?
        }
        _ => ChangedSince::Unknown,
    };
    if changed == ChangedSince::Behind && session.setup.inputs.fleet.is_some() {
        confirm_tip(source).await?;
    }
    Ok(match changed {
        ChangedSince::Files(files) => {
            let files = files.into_iter();
            Tip::Changed(files.map(|file| (file.path, file.head)).collect())
        }
        ChangedSince::Behind | ChangedSince::Unknown => {
            Tip::Listed(source.origin.repository.tree(&source.commit).await?)
        }
    })
}

/// Whether the mapping is the one that was applied last.
fn is_applied(mapping: &LoadedMapping, source: &Source<'_>) -> bool {
    match mapping.home {
        Home::Other => source.found.inputs == source.inputs,
        Home::Same => {
            let known = source.state.file(&mapping.path);
            let known = known.and_then(FileState::settled);
            known.map(|held| &held.version.file) == mapping.blob.as_ref()
        }
    }
}

/// Reads the tip once more, as it lies before what was applied last: a GitHub replica that lags may have
/// named it, and applying it would undo what was applied since.
async fn confirm_tip(source: &mut Source<'_>) -> Result<(), Error> {
    if let (Some(branch), Some(applied)) = (&source.origin.branch, &source.state.commit) {
        let tip = source.origin.repository.tip_after(branch, applied).await?;
        source.commit = tip.unwrap_or_else(|| source.commit.clone());
    }
    Ok(())
}

/// Every file that the inputs select, and what the state knows beside.
async fn all(
    session: &Session<'_>,
    source: &Source<'_>,
    mut mapping: Option<LoadedMapping>,
) -> Result<Selection, Error> {
    let tree = source.origin.repository.tree(&source.commit).await?;
    if let Some(mapping) = &mut mapping {
        let here = tree.iter().map(|(path, file)| (path, Side::from(file)));
        require_files(source, mapping, here);
    }
    let selector = Selector::new(session, source, mapping.as_ref());
    let known = source.state.files().keys();
    let mut files: BTreeMap<_, _> = known.map(|path| (path.clone(), Side::Absent)).collect();
    let selected = tree.iter().filter(|(path, _)| selector.selects(path));
    files.extend(selected.map(|(path, file)| (path.clone(), Side::from(file))));
    files.extend(
        mapping
            .as_ref()
            .filter(|mapping| mapping.home == Home::Same)
            .map(|mapping| (mapping.path.clone(), mapping.side())),
    );
    Ok(Selection {
        files,
        tip: Tip::Listed(tree),
        against: Against::State,
        extent: RoundScope::All,
        mapping,
    })
}

/// Says that the mapping selects nothing, if that is so.
fn require_files<'p>(
    source: &Source<'_>,
    mapping: &mut LoadedMapping,
    here: impl Iterator<Item = (&'p RepoPath, Side)>,
) {
    let repository = source.origin.mapper.repository();
    let mut here = here.filter(|(_, side)| *side != Side::Absent);
    if !here.any(|(path, _)| mapping.mapping.selects(path, repository)) {
        mapping.selects_nothing();
    }
}

/// The files that a branch or a pull request changes. Entity files whose `file://` texts changed
/// count too and, if the mapping changed, all files that the old or the new one selects.
async fn of_diff(
    session: &Session<'_>,
    source: &Source<'_>,
    mut mapping: Option<LoadedMapping>,
    diff: Diff,
) -> Result<Selection, Error> {
    let (mut base, mut head) = (BTreeMap::new(), BTreeMap::new());
    for file in diff.files {
        base.insert(file.path.clone(), file.base);
        head.insert(file.path, file.head);
    }
    if let Some(mapping) = &mut mapping {
        let sides = (&mut base, &mut head);
        add_mapped(session, source, mapping, diff.base.as_ref(), sides).await?;
    }
    let selector = Selector::new(session, source, mapping.as_ref());
    let differs = head.iter().filter(|(path, _)| selector.selects(path));
    let mut files: BTreeMap<_, _> = differs
        .map(|(path, side)| (path.clone(), side.clone()))
        .collect();
    for (path, file) in source.state.files() {
        let mut texts = file
            .versions
            .iter()
            .flat_map(|held| held.version.texts.keys());
        if !files.contains_key(path) && texts.any(|text| head.contains_key(text)) {
            files.insert(path.clone(), Side::Unknown);
        }
    }
    Ok(Selection {
        files,
        tip: Tip::Changed(head),
        against: Against::Commit(diff.base, base),
        extent: RoundScope::Changed,
        mapping,
    })
}

/// Adds the files that a changed mapping selects or has selected, and finds out what it was before.
async fn add_mapped(
    session: &Session<'_>,
    source: &Source<'_>,
    mapping: &mut LoadedMapping,
    commit: Option<&CommitSha>,
    (base, head): (&mut BTreeMap<RepoPath, Side>, &mut BTreeMap<RepoPath, Side>),
) -> Result<(), Error> {
    let repository = source.origin.mapper.repository();
    let side = base.get(&mapping.path).cloned();
    let before = match (commit, &side) {
        (Some(commit), Some(side)) => load(source.files(session), commit, side.clone()).await?,
        (Some(_), None) => Some(mapping.clone()),
        (None, _) => None,
    };
    let mut mapped = head
        .iter()
        .filter(|(path, _)| mapping.mapping.selects(path, repository));
    let is_there = |(_, side): (_, &Side)| *side != Side::Absent;
    let may_be_last = mapped.clone().next().is_some() && !mapped.any(is_there);
    if side.is_some() || may_be_last {
        let tree = source.origin.repository.tree(&source.commit).await?;
        let here = tree.iter().map(|(path, file)| (path, Side::from(file)));
        require_files(source, mapping, here);
        for (path, file) in tree.iter().filter(|_| side.is_some()) {
            let selects = |one: &LoadedMapping| one.mapping.selects(path, repository);
            if !head.contains_key(path)
                && (selects(mapping) || before.as_ref().is_some_and(selects))
            {
                base.insert(path.clone(), Side::from(file));
                head.insert(path.clone(), Side::from(file));
            }
        }
    }
    mapping.before = before.map(Box::new);
    Ok(())
}

/// What a pull request brings: see [`Base::PullRequest`].
async fn pull_request_diff(
    repository: &Repository,
    head: &CommitSha,
    into: &BranchName,
    opened_on: &CommitSha,
) -> Result<Diff, github::Error> {
    match repository.diff_from_merge_base(into.as_str(), head).await {
        Ok(diff) if !matches!(diff.relation, Ancestry::Behind | Ancestry::Identical) => Ok(diff),
        // The branch may be gone, or hold the pull request already.
        Ok(_) | Err(github::Error::NoSuchCommit { .. }) => {
            let opened_on = opened_on.as_str();
            repository.diff_from_merge_base(opened_on, head).await
        }
        Err(error) => Err(error),
    }
}

/// Says which files a commit's entities are in.
struct Selector<'a> {
    session: &'a Session<'a>,
    source: &'a Source<'a>,
    mapping: Option<&'a LoadedMapping>,
}

impl<'a> Selector<'a> {
    fn new(
        session: &'a Session<'a>,
        source: &'a Source<'a>,
        mapping: Option<&'a LoadedMapping>,
    ) -> Self {
        Self {
            session,
            source,
            mapping,
        }
    }

    /// Whether the run reads the file at `path`; it always reads the mapping.
    fn selects(&self, path: &RepoPath) -> bool {
        let files = &self.session.setup.inputs.files;
        let repository = self.source.origin.mapper.repository();
        let is_mapped = self.mapping.is_some_and(|mapping| {
            let before = mapping.before.as_ref();
            let was = before.is_some_and(|one| one.mapping.selects(path, repository));
            was || mapping.is_at(path) || mapping.maps(path, repository, &self.source.state)
        });
        is_mapped || files.select(path).is_some()
    }

    /// The version of the mapping, for a file that is mapped.
    fn mapping_of(&self, path: &RepoPath) -> Option<BlobId> {
        let repository = self.source.origin.mapper.repository();
        let maps = |mapping: &&LoadedMapping| mapping.maps(path, repository, &self.source.state);
        self.mapping.filter(maps)?.blob.clone()
    }
}
