//! What a run reads from Git: entity files, and what they declare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::change::{AtBase, Change, Kind, compare};
use crate::catalog::declare::{Declaration, Declarations, Invalid, declare};
use crate::catalog::entity::{Entity, EntityKey};
use crate::diagnostic::Diagnostic;
use crate::error::Error;
use crate::files::{Files, entity_file};
use crate::git::CommitSha;
use crate::github::{Side, WantedFile};
use crate::record::Soundness;
use crate::references::{self, FilesNamed, Naming};
use crate::revisions::{Extent, Revisions};
use crate::source::RepoPath;

/// What the revisions declare.
#[derive(Debug)]
pub(crate) struct Declared {
    /// What happened to each entity.
    pub(crate) changes: Vec<Change>,
    /// What head declares in the files that are looked at.
    pub(crate) head: Declarations,
    /// What it declares in others, where these had to be read.
    pub(crate) others: Declarations,
    /// What earlier revisions declare soundly, which may be in the catalog.
    former: Former,
    /// Whether head no longer declares something of that.
    has_removals: bool,
    /// Whether Port's blueprints speak against something.
    agreement: Agreement,
    /// What else the user should know: sentences without a full stop.
    pub(crate) notices: Vec<String>,
}

/// Whether head is as Port's blueprints want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    /// As far as is known.
    Whole,
    /// It is not. What is refused now may be allowed once a blueprint is changed, of which Git says
    /// nothing.
    Lacking,
}

/// What earlier revisions declare soundly: which entities, and in which files.
#[derive(Debug, Default)]
struct Former {
    keys: BTreeSet<EntityKey>,
    paths: BTreeSet<RepoPath>,
    /// What base declares otherwise than the revisions from before head's mistakes, where there are any.
    unlike_before: BTreeMap<EntityKey, Arc<Declaration>>,
}

/// Files of one revision, and what is known of them.
type Sides = BTreeMap<RepoPath, Side>;

impl Files<'_> {
    /// Reads the entity files that `revisions` differ in, or all of them, and says what happened to
    /// each entity. Where an entity is no longer declared, all of head's files are read: it may have
    /// moved.
    pub(crate) async fn declared(
        self,
        revisions: &Revisions,
        head: &CommitSha,
    ) -> Result<Declared, Error> {
        let naming = self.naming(revisions, head).await?;
        let is_listed = revisions.extent == Extent::All || !naming.is_empty();
        let wanted = self.wanted(revisions, head, naming).await?;
        let in_scope: BTreeSet<_> = wanted[0].1.keys().cloned().collect();
        tell_scope(in_scope.len(), revisions.extent);
        let listed = is_listed.then_some(head);
        let (mut former, files_named) = self.declarations(wanted, listed).await?;
        let mut head_declared = former.remove(0);

        let mut changes = compare(&former, &head_declared);
        let mut others = Declarations::default();
        let has_removals = changes.iter().any(|change| change.kind() == Kind::Removed);
        let unwritten = unwritten(&former, &head_declared);
        if (has_removals || !unwritten.is_empty()) && revisions.extent == Extent::Changed {
            others = self.others(head, &in_scope).await?;
            head_declared.reject_declared_elsewhere(&others);
            changes = compare(&former, &head_declared);
            find_elsewhere(&mut changes, unwritten, &others);
        }
        Ok(Declared {
            changes,
            head: head_declared,
            others,
            former: Former::of(revisions, &former),
            has_removals,
            agreement: Agreement::Whole,
            notices: self
                .unseen(revisions.extent, files_named)
                .into_iter()
                .collect(),
        })
    }

    /// What is read of each revision, head first.
    async fn wanted(
        self,
        revisions: &Revisions,
        head: &CommitSha,
        naming: Vec<Naming>,
    ) -> Result<Vec<(CommitSha, Sides)>, Error> {
        let mut at_head = self.at_head(revisions, head).await?;
        at_head.extend(
            naming
                .iter()
                .map(|one| (one.path.clone(), one.side.clone())),
        );
        let mut wanted = vec![(head.clone(), at_head)];
        for diff in &revisions.former {
            let Some(commit) = &diff.base else { continue };
            let files = diff.files.iter();
            let files = files.map(|file| (file.path.clone(), file.base.clone()));
            let mut files = self.with_entities(files);
            if wanted.len() == 1 && revisions.extent == Extent::Changed {
                // Where base is as head, another earlier revision may differ from both.
                for (path, side) in &wanted[0].1 {
                    let side = || side.clone();
                    files.entry(path.clone()).or_insert_with(side);
                }
            }
            for one in naming.iter().filter(|one| one.names_any_of(&diff.files)) {
                let side = || one.side.clone();
                files.entry(one.path.clone()).or_insert_with(side);
            }
            wanted.push((commit.clone(), files));
        }
        Ok(wanted)
    }

    /// Entity files that did not change but name files that did, where these can be found.
    async fn naming(self, revisions: &Revisions, head: &CommitSha) -> Result<Vec<Naming>, Error> {
        if revisions.extent == Extent::All {
            return Ok(Vec::new());
        }
        let files = revisions.former.iter().flat_map(|diff| &diff.files);
        let changed = files.map(|file| file.path.clone()).collect();
        references::naming(self, head, &changed).await
    }

    /// What a run of what changed cannot see without a checkout.
    fn unseen(self, extent: Extent, files_named: FilesNamed) -> Option<String> {
        let is_unseen =
            extent == Extent::Changed && files_named == FilesNamed::Some && self.checkout.is_none();
        is_unseen.then(|| {
            "entities name files with `file://`, and a push that changes nothing but those files is not seen: let `actions/checkout` run before this step, or run it on a schedule too".to_owned()
        })
    }

    /// What one revision declares in some files.
    pub(crate) async fn declarations_at(
        self,
        commit: &CommitSha,
        paths: impl IntoIterator<Item = RepoPath>,
    ) -> Result<Declarations, Error> {
        let sides = paths.into_iter().map(|path| (path, Side::Unknown));
        let wanted = vec![(commit.clone(), self.with_entities(sides))];
        let (mut declared, _) = self.declarations(wanted, None).await?;
        Ok(declared.pop().unwrap_or_default())
    }

    async fn at_head(self, revisions: &Revisions, head: &CommitSha) -> Result<Sides, Error> {
        if revisions.extent == Extent::All {
            return self.all(head).await;
        }
        let files = revisions.former.iter().flat_map(|diff| &diff.files);
        let files = files.map(|file| (file.path.clone(), file.head.clone()));
        Ok(self.with_entities(files))
    }

    async fn all(self, commit: &CommitSha) -> Result<Sides, Error> {
        let tree = self.repository.tree(commit).await?;
        let files = tree
            .iter()
            .map(|(path, file)| (path.clone(), Side::from(file)));
        Ok(self.with_entities(files))
    }

    fn with_entities(self, files: impl Iterator<Item = (RepoPath, Side)>) -> Sides {
        files
            .filter(|(path, _)| self.inputs.files.select(path).is_some())
            .collect()
    }

    /// What a revision declares in the files that are not `in_scope`.
    pub(crate) async fn others(
        self,
        head: &CommitSha,
        in_scope: &BTreeSet<RepoPath>,
    ) -> Result<Declarations, Error> {
        let mut files = self.all(head).await?;
        files.retain(|path, _| !in_scope.contains(path));
        tracing::info!(
            "{} read, as something is no longer declared where it was",
            entity_files(files.len(), "more ")
        );
        let wanted = vec![(head.clone(), files)];
        let (mut declared, _) = self.declarations(wanted, Some(head)).await?;
        Ok(declared.pop().unwrap_or_default())
    }

    /// Reads files of several revisions at once, and what they declare, a revision at a time. The tree
    /// of `listed` was listed before.
    async fn declarations(
        self,
        revisions: Vec<(CommitSha, Sides)>,
        listed: Option<&CommitSha>,
    ) -> Result<(Vec<Declarations>, FilesNamed), Error> {
        let wanted: Vec<_> = revisions
            .iter()
            .flat_map(|(commit, files)| {
                files.iter().map(move |(path, side)| WantedFile {
                    commit: commit.clone(),
                    path: path.clone(),
                    side: side.clone(),
                })
            })
            .collect();
        let contents = self.repository.contents(&wanted, self.checkout).await?;
        let mut files = wanted.into_iter().zip(contents);
        let declare = |(commit, paths): (CommitSha, Sides)| {
            let files = files.by_ref().take(paths.len());
            let files: Vec<_> = files
                .filter_map(|(wanted, content)| entity_file(wanted.path, content, self.inputs))
                .collect();
            (commit, declare(&files, &self.inputs.blueprints))
        };
        let mut declared: Vec<_> = revisions.into_iter().map(declare).collect();
        let named = references::fill_in(self, &mut declared, listed).await?;
        let declared = declared.into_iter().map(|(_, found)| found).collect();
        Ok((declared, named))
    }
}

impl Declared {
    /// Notes what is wrong by what Port says of blueprints and of what it holds.
    pub(crate) fn refuse(&mut self, invalid: Vec<Invalid>, diagnostics: Vec<Diagnostic>) {
        if !invalid.is_empty() {
            self.agreement = Agreement::Lacking;
        }
        self.head.reject(invalid, diagnostics);
    }

    /// Whether head's mistakes keep the catalog from being as head declares, now or once Port's
    /// blueprints are others.
    pub(crate) fn soundness(&self) -> Soundness {
        let hides = |invalid: &Invalid| match &invalid.key {
            Some(key) => self.former.keys.contains(key),
            None => self.has_removals || self.former.paths.contains(invalid.location.path()),
        };
        let valid = self.head.valid.iter().chain(&self.head.repeated);
        let declared: BTreeMap<_, _> = valid.map(|one| (one.entity.key(), &one.entity)).collect();
        let hides_base = |invalid: &Invalid| match &invalid.key {
            Some(key) => {
                let at_base = self.former.unlike_before.get(key);
                at_base.is_some_and(|at_base| declared.get(key) != Some(&&at_base.entity))
            }
            None => {
                let mut keys = self.former.unlike_before.keys();
                keys.any(|key| !declared.contains_key(key))
            }
        };
        let mut invalid = self.head.invalid.iter();
        if invalid.clone().any(hides_base) {
            Soundness::UnsettledSinceBase
        } else if self.agreement == Agreement::Lacking || invalid.any(hides) {
            Soundness::Unsettled
        } else {
            Soundness::Settled
        }
    }
}

impl Former {
    /// Of `declared` at each of the earlier `revisions` that is still there.
    fn of(revisions: &Revisions, declared: &[Declarations]) -> Self {
        let mut former = Self::default();
        for declaration in declared.iter().flat_map(all) {
            former.keys.insert(declaration.entity.key());
            former.paths.insert(declaration.source.path().clone());
        }
        if let Some(reading) = &revisions.reading {
            let since = &reading.past.since;
            let commits = revisions
                .former
                .iter()
                .filter_map(|diff| diff.base.as_ref());
            let before = commits
                .zip(declared)
                .filter(|(commit, _)| since.contains(commit))
                .map(|(_, declared)| declared);
            former.unlike_before = unlike_before(declared.first(), before);
        }
        former
    }
}

/// What base declares otherwise than all revisions from `before`, if there are any.
fn unlike_before<'d>(
    base: Option<&Declarations>,
    before: impl Iterator<Item = &'d Declarations>,
) -> BTreeMap<EntityKey, Arc<Declaration>> {
    let mut before = before.peekable();
    let base = base.filter(|_| before.peek().is_some());
    let mut known: BTreeMap<EntityKey, Vec<&Entity>> = BTreeMap::new();
    for declaration in before.flat_map(all) {
        let entities = known.entry(declaration.entity.key()).or_default();
        entities.push(&declaration.entity);
    }
    let keyed = base.into_iter().flat_map(all).map(|declaration| {
        let key = declaration.entity.key();
        (key, Arc::clone(declaration))
    });
    let is_known = |key: &EntityKey, entity: &Entity| {
        let known = known.get(key);
        known.is_some_and(|known| known.contains(&entity))
    };
    keyed
        .filter(|(key, declaration)| !is_known(key, &declaration.entity))
        .collect()
}

/// What a revision declares soundly, be it more than once.
fn all(declared: &Declarations) -> impl Iterator<Item = &Arc<Declaration>> {
    declared.valid.iter().chain(&declared.repeated)
}

/// `1 entity file is`, `2 more entity files are`.
fn entity_files(count: usize, more: &str) -> String {
    match count {
        1 => format!("1 {more}entity file is"),
        count => format!("{count} {more}entity files are"),
    }
}

/// What earlier revisions declare with mistakes or twice, so that it was not written, and head no
/// longer declares in the same files.
fn unwritten(former: &[Declarations], head: &Declarations) -> BTreeSet<EntityKey> {
    let valid = head.valid.iter().map(|found| found.entity.key());
    let invalid = head.invalid.iter().filter_map(|found| found.key.clone());
    let declared: BTreeSet<_> = valid.chain(invalid).collect();
    let former = former.iter().flat_map(|revision| &revision.invalid);
    let keys = former.filter_map(|invalid| invalid.key.clone());
    keys.filter(|key| !declared.contains(key)).collect()
}

/// What is gone from the files that changed may be declared in one that did not. Then earlier
/// revisions declared it twice, so it was not written as the other file has it.
fn find_elsewhere(
    changes: &mut Vec<Change>,
    unwritten: BTreeSet<EntityKey>,
    others: &Declarations,
) {
    let elsewhere: BTreeMap<_, _> = others
        .valid
        .iter()
        .map(|declaration| (declaration.entity.key(), declaration))
        .collect();
    for change in changes.iter_mut().filter(|change| change.head.is_none()) {
        change.head = elsewhere.get(&change.key).map(|found| (*found).clone());
        change.at_base = AtBase::NotWritten;
    }
    let known: BTreeSet<_> = changes.iter().map(|change| change.key.clone()).collect();
    let unknown = unwritten.into_iter().filter(|key| !known.contains(key));
    changes.extend(unknown.filter_map(|key| {
        Some(Change {
            head: Some(Arc::clone(elsewhere.get(&key)?)),
            key,
            former: Vec::new(),
            at_base: AtBase::NotWritten,
        })
    }));
}

fn tell_scope(count: usize, extent: Extent) {
    match (count, extent) {
        (0, Extent::All) => {
            tracing::info!("no file here is an entity file: the input `files` says which are");
        }
        _ => tracing::info!("{} looked at", entity_files(count, "")),
    }
}
