//! What a run reads from Git: entity files, and what they declare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::change::{AtBase, Change, Kind, compare};
use crate::catalog::declare::{Declarations, Invalid, Remedy, declare};
use crate::catalog::entity::EntityKey;
use crate::catalog::open::{Earlier, Open, Sight, witnesses};
use crate::error::Error;
use crate::files::{Files, entity_file};
use crate::git::CommitSha;
use crate::github::{Side, WantedFile};
use crate::inputs::Prune;
use crate::record::{Past, Wholeness};
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
    /// The earlier revisions, of which something may be in the catalog: base first.
    earlier: Vec<Earlier>,
    /// Whether head no longer declares something of that.
    has_removals: bool,
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
        tell_scope(in_scope.len(), revisions.extent);
        let listed = is_listed.then_some(head);
        let (mut former, files_named) = self.declarations(wanted, listed).await?;
        let mut head_declared = former.remove(0);

        let told = self.told(revisions, &former);
        let compare = |head: &Declarations| {
            let mut changes = compare(&former, head);
            changes.retain(|change| change.head.is_some() || !told.contains(&change.key));
            changes
        };
        let mut changes = compare(&head_declared);
        let mut others = Declarations::default();
        let has_removals = changes.iter().any(|change| change.kind() == Kind::Removed);
        let unwritten = unwritten(&former, &head_declared);
        if (has_removals || !unwritten.is_empty()) && revisions.extent == Extent::Changed {
            others = self.others(head, &in_scope).await?;
            head_declared.reject_declared_elsewhere(&others);
            changes = compare(&head_declared);
            find_elsewhere(&mut changes, unwritten, &others);
            add_namesakes(&mut changes, &others);
        }
        Ok(Declared {
            changes,
            head: head_declared,
            others,
            earlier: earlier(revisions, former),
            has_removals,
            notices: self
                .unseen(revisions.extent, files_named)
                .into_iter()
                .collect(),
        })
    }

    /// What was removed before base, and told of then: revisions that are named to later runs for
    /// something else still declare it. Where it is to be deleted it may not have been yet.
    fn told(self, revisions: &Revisions, former: &[Declarations]) -> BTreeSet<EntityKey> {
        let reading = revisions.reading.as_ref();
        let named = reading.map_or(&[][..], |reading| &reading.past.since);
        if named.is_empty() || self.inputs.prune == Prune::Delete {
            return BTreeSet::new();
        }
        let there = revisions
            .former
            .iter()
            .filter_map(|diff| diff.base.as_ref());
        let (named, others): (Vec<_>, Vec<_>) = there
            .zip(former)
            .partition(|(commit, _)| named.contains(commit));
        let others = || others.iter().map(|(_, declared)| declared);
        let sound = others().flat_map(|one| one.sound());
        let mut known: BTreeSet<_> = sound.map(|one| one.entity.key()).collect();
        for invalid in others().flat_map(|one| &one.invalid) {
            match &invalid.key {
                Some(key) => drop(known.insert(key.clone())),
                None => return BTreeSet::new(),
            }
        }
        let named = named.iter().flat_map(|(_, declared)| declared.sound());
        let keys = named.map(|declaration| declaration.entity.key());
        keys.filter(|key| !known.contains(key)).collect()
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
    /// The entities that are not in the catalog as head declares them because of mistakes, but may be
    /// there in an earlier form, or come to be there without a change of their files.
    pub(crate) fn mistaken(&self) -> Vec<Open> {
        let known = self.known();
        let mut gone: Vec<_> = known.keys().collect();
        let head: BTreeSet<_> = self.head.sound().map(|one| one.entity.key()).collect();
        gone.retain(|key| self.has_removals && !head.contains(key));
        let of = |invalid: &Invalid| {
            let path = invalid.location.path();
            let keys: Vec<_> = match (&invalid.key, invalid.remedy) {
                (Some(key), Remedy::Elsewhere) => vec![key],
                (Some(key), Remedy::ItsFile) => known
                    .get_key_value(key)
                    .map(|(key, _)| key)
                    .into_iter()
                    .collect(),
                // It may have moved here.
                (None, _) if self.has_removals => gone.clone(),
                (None, _) => {
                    let here = known.iter().filter(|(_, paths)| paths.contains(path));
                    here.map(|(key, _)| key).collect()
                }
            };
            let open = |key: &EntityKey| Open {
                key: key.clone(),
                paths: vec![path.clone()],
            };
            keys.into_iter().map(open).collect::<Vec<_>>()
        };
        self.head.invalid.iter().flat_map(of).collect()
    }

    /// What earlier revisions declare, and in which files.
    fn known(&self) -> BTreeMap<EntityKey, BTreeSet<&RepoPath>> {
        let mut known: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for declaration in self.earlier.iter().flat_map(|one| one.declared.sound()) {
            let paths = known.entry(declaration.entity.key()).or_default();
            paths.insert(declaration.source.path());
        }
        known
    }

    /// Whether something open is declared in a file that was only read because that of another removal
    /// or mistake made it count: no commit that is named to later runs makes them read that file. What is
    /// declared twice is mended in a file that changes.
    pub(crate) fn is_elsewhere(&self, open: &[Open]) -> bool {
        let of_files = self.head.invalid.iter();
        let of_files = of_files.filter(|invalid| invalid.remedy == Remedy::ItsFile);
        let of_files: BTreeSet<_> = of_files.filter_map(|one| one.key.as_ref()).collect();
        let others = self.others.sound();
        let others: BTreeSet<_> = others
            .map(|one| (one.entity.key(), one.source.path()))
            .collect();
        let open = open.iter().filter(|open| !of_files.contains(&open.key));
        let mut places = open.flat_map(|open| {
            let places = open.paths.iter();
            places.map(|path| (open.key.clone(), path))
        });
        places.any(|place| others.contains(&place))
    }

    /// See [`witnesses`].
    pub(crate) fn witnesses(&self, open: &[Open], past: &Past) -> Vec<CommitSha> {
        let sight = match past.wholeness {
            Wholeness::Once => Sight::Differences,
            Wholeness::Never => Sight::Everything,
        };
        witnesses(open, &self.head, &self.earlier, &past.since, sight)
    }
}

/// The earlier revisions that are still there, and what was read of each.
fn earlier(revisions: &Revisions, declared: Vec<Declarations>) -> Vec<Earlier> {
    let there = revisions.former.iter().filter_map(|diff| {
        let changed = diff.files.iter().map(|file| file.path.clone());
        Some((diff.base.clone()?, changed.collect()))
    });
    let earlier = |((commit, changed), declared)| Earlier {
        commit,
        changed,
        declared,
    };
    there.zip(declared).map(earlier).collect()
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
        if let Some(found) = elsewhere.get(&change.key) {
            change.head = Some(Arc::clone(found));
            change.at_base = AtBase::NotWritten;
        }
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

/// A file that did not change may name by a query what is gone. So it counts as declared, unchanged.
fn add_namesakes(changes: &mut Vec<Change>, others: &Declarations) {
    let removed = changes.iter().filter(|change| change.head.is_none());
    let removed_of: BTreeSet<_> = removed.map(|change| &change.key.blueprint).collect();
    let known: BTreeSet<_> = changes.iter().map(|change| &change.key).collect();
    let is_namesake = |key: &EntityKey| {
        let is_query = key.name.identifier().is_none();
        is_query && removed_of.contains(&key.blueprint) && !known.contains(key)
    };
    let namesakes = others.valid.iter().filter_map(|found| {
        let key = found.entity.key();
        is_namesake(&key).then(|| Change {
            key,
            former: vec![Arc::clone(found)],
            head: Some(Arc::clone(found)),
            at_base: AtBase::Written,
        })
    });
    let namesakes: Vec<_> = namesakes.collect();
    changes.extend(namesakes);
}

fn tell_scope(count: usize, extent: Extent) {
    match (count, extent) {
        (0, Extent::All) => {
            tracing::info!("no file here is an entity file: the input `files` says which are");
        }
        _ => tracing::info!("{} looked at", entity_files(count, "")),
    }
}
