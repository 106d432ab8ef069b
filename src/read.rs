//! What a run reads from Git: entity files, and what they declare.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::change::{Change, Kind, compare};
use crate::catalog::declare::{Declarations, declare};
use crate::error::Error;
use crate::files::{Files, entity_file};
use crate::git::CommitSha;
use crate::github::{Side, WantedFile};
use crate::references::{self, FilesNamed, Naming};
use crate::revisions::{Extent, Revisions};
use crate::source::RepoPath;

/// How many earlier revisions are read in search of one in which a file was sound.
const MAX_OLDER: usize = 5;

/// What the revisions declare.
#[derive(Debug)]
pub(crate) struct Declared {
    /// What happened to each entity.
    pub(crate) changes: Vec<Change>,
    /// What head declares in the files that are looked at.
    pub(crate) head: Declarations,
    /// What it declares in others, where these had to be read.
    pub(crate) others: Declarations,
    /// What else the user should know: sentences without a full stop.
    pub(crate) notices: Vec<String>,
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
        tracing::info!("{} entity files are looked at", in_scope.len());
        let listed = is_listed.then_some(head);
        let (mut former, files_named) = self.declarations(wanted, listed).await?;
        let mut head_declared = former.remove(0);
        self.add_older(&mut former, &revisions.older).await?;

        let mut changes = compare(&former, &head_declared);
        let mut others = Declarations::default();
        let has_removals = changes.iter().any(|change| change.kind() == Kind::Removed);
        if has_removals && revisions.extent == Extent::Changed {
            others = self.others(head, &in_scope).await?;
            head_declared.reject_declared_elsewhere(&others);
            changes = compare(&former, &head_declared);
            find_elsewhere(&mut changes, &others);
        }
        Ok(Declared {
            changes,
            head: head_declared,
            others,
            notices: self
                .unseen(revisions.extent, files_named)
                .into_iter()
                .collect(),
        })
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

    /// What is read of each revision, head first.
    async fn wanted(
        self,
        revisions: &Revisions,
        head: &CommitSha,
        naming: Vec<Naming>,
    ) -> Result<Vec<(CommitSha, Sides)>, Error> {
        let mut wanted = vec![(head.clone(), self.at_head(revisions, head).await?)];
        for diff in &revisions.former {
            let Some(base) = &diff.base else { continue };
            let files = diff.files.iter();
            let files = files.map(|file| (file.path.clone(), file.base.clone()));
            let mut sides = self.with_entities(files);
            let changed: BTreeSet<_> = diff.files.iter().map(|file| &file.path).collect();
            for one in &naming {
                let names_changed = one.named.iter().any(|path| changed.contains(path));
                if names_changed && !changed.contains(&one.path) {
                    sides.insert(one.path.clone(), one.side.clone());
                }
            }
            wanted.push((base.clone(), sides));
        }
        let named = naming.into_iter().map(|one| (one.path, one.side));
        wanted[0].1.extend(named);
        Ok(wanted)
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

    async fn others(
        self,
        head: &CommitSha,
        in_scope: &BTreeSet<RepoPath>,
    ) -> Result<Declarations, Error> {
        let mut files = self.all(head).await?;
        files.retain(|path, _| !in_scope.contains(path));
        tracing::info!(
            "{} more entity files are read, as something is no longer declared where it was",
            files.len()
        );
        let wanted = vec![(head.clone(), files)];
        let (mut declared, _) = self.declarations(wanted, Some(head)).await?;
        Ok(declared.pop().unwrap_or_default())
    }

    /// What base holds in a file with mistakes was never written: what the last sound version of that
    /// file declares was.
    async fn add_older(
        self,
        former: &mut Vec<Declarations>,
        older: &[CommitSha],
    ) -> Result<(), Error> {
        let Some(base) = former.first() else {
            return Ok(());
        };
        let mut unsound = unsound_files(base);
        for commit in older.iter().take(MAX_OLDER) {
            if unsound.is_empty() {
                break;
            }
            let declarations = self.declarations_at(commit, unsound).await?;
            unsound = unsound_files(&declarations);
            former.push(declarations);
        }
        Ok(())
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

fn unsound_files(declarations: &Declarations) -> BTreeSet<RepoPath> {
    let invalid = declarations.invalid.iter();
    invalid
        .map(|invalid| invalid.location.path().clone())
        .collect()
}

/// What is gone from the files that changed may be declared in one that did not.
fn find_elsewhere(changes: &mut [Change], others: &Declarations) {
    let elsewhere: BTreeMap<_, _> = others
        .valid
        .iter()
        .map(|declaration| (declaration.entity.key(), declaration))
        .collect();
    for change in changes.iter_mut().filter(|change| change.head.is_none()) {
        change.head = elsewhere.get(&change.key).map(|found| (*found).clone());
    }
}
