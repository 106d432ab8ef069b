//! The entity files that a round selects → what they declare, now and in earlier versions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::each::each;
use super::error::Error;
use super::files::{Files, ReadAs};
use super::mapping::{LoadedMapping, load_versions};
use super::pass::Pass;
use super::round::{Declared, RoundScope};
use super::selection::{Against, Selection};
use super::session::Session;
use super::source::{Continuity, Source};
use super::state::{HeldVersion, Version};
use super::texts;
use crate::catalog::change::{Earlier, Proof};
use crate::catalog::declare::{Declaration, Declarations, EntityFile, declare};
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::mapping::{Mapping, Usable};
use crate::git::{BlobId, CommitSha, FileMode};
use crate::github::{self, BlobContent, GitFile, Side, WantedFile};
use crate::inputs::Prune;
use crate::text::RepoPath;

/// A version of a file that is compared with the commit's.
struct Former {
    file: WantedFile,
    read_as: FormerReadAs,
    texts: TextLocations,
    entities: Option<BTreeSet<EntityKey>>,
    proof: Proof,
}

/// How the entities of an earlier version are read.
#[derive(Clone)]
enum FormerReadAs {
    /// The file itself.
    Entities,
    /// This version of the mapping.
    Mapping(BlobId),
    /// Nothing: it was no entity file.
    None,
}

/// What each file declares.
type ByFile = BTreeMap<RepoPath, Vec<Arc<Declaration>>>;

/// Where a version's texts are.
enum TextLocations {
    /// Under these ids.
    Known(BTreeMap<RepoPath, BlobId>),
    /// Wherever the commit has them.
    At(CommitSha),
}

/// Reads the files of each source that the round has chosen, and what they are compared with. A source whose
/// files GitHub does not give leaves the run.
pub(crate) async fn read<'s, 'p>(
    session: &Session<'_>,
    sources: Vec<(&'s mut Source<'p>, Selection)>,
) -> Vec<Pass<'s, 'p>> {
    let reading = each(
        sources,
        async |source: &mut Source<'p>, selection: &Selection| {
            read_source(source.files(session), source, selection).await
        },
    );
    let passes = reading.await.into_iter();
    passes
        .map(|(source, selection, declared)| Pass::new(source, &selection, declared))
        .collect()
}

async fn read_source(
    files: Files<'_>,
    source: &Source<'_>,
    selection: &Selection,
) -> Result<Declared, Error> {
    let mut reader = VersionReader {
        files,
        source,
        selection,
        sides: selection.files.clone(),
        read: BTreeMap::new(),
        mappings: BTreeMap::new(),
    };
    let mut former = reader.former(selection.files.keys());
    let mut former_files = reader.fetch(&former).await?;
    let mut head = reader.declare_head();
    let beside = reader.beside(&head);
    if !beside.is_empty() {
        let more = reader.former(beside.keys());
        reader.sides.extend(beside);
        former_files.extend(reader.fetch(&more).await?);
        former.extend(more);
        head = reader.declare_head();
    }
    let mut revisions = vec![texts::Revision {
        declared: head,
        commit: &source.commit,
        side: Box::new(|path| reader.text_side(path)),
    }];
    let former_revisions = former.iter().zip(former_files);
    revisions.extend(former_revisions.map(|(former, file)| reader.revision(former, file)));
    let ids = texts::fill_in(files, &mut revisions).await?;
    let mut declared = revisions.into_iter().map(|revision| revision.declared);
    let mut head = declared.next().unwrap_or_default();
    let former_declared: Vec<_> = declared.collect();
    let versions = reader.versions(&head, &ids);
    let open = reader.open();
    let head_files = by_file(&head);
    let earlier = former
        .into_iter()
        .zip(former_declared)
        .map(|(former, declared)| reader.earlier(former, declared, &head_files));
    let earlier: Vec<_> = earlier.collect();
    reader.pass_over_foreign(&mut head, &earlier);
    Ok(Declared {
        earlier,
        open,
        versions,
        head,
    })
}

struct VersionReader<'r> {
    files: Files<'r>,
    source: &'r Source<'r>,
    selection: &'r Selection,
    /// The selected files, with what the commit has there.
    sides: BTreeMap<RepoPath, Side>,
    /// What was read at these paths.
    read: BTreeMap<RepoPath, ReadFile>,
    /// Earlier versions of the mapping.
    mappings: BTreeMap<BlobId, Arc<Mapping>>,
}

/// What the commit has at a path.
struct ReadFile {
    blob: Option<BlobId>,
    mapping: Option<BlobId>,
    file: Option<EntityFile>,
}

impl VersionReader<'_> {
    /// Everything that the files at `paths` are compared with.
    fn former<'p>(&self, paths: impl Iterator<Item = &'p RepoPath>) -> Vec<Former> {
        match &self.selection.against {
            Against::State => self.of_state(paths),
            Against::Commit(None, _) => Vec::new(),
            Against::Commit(Some(commit), sides) => self.of_commit(paths, commit, sides),
        }
    }

    /// Each file as a commit has it; `sides` is what is known of that.
    fn of_commit<'p>(
        &self,
        paths: impl Iterator<Item = &'p RepoPath>,
        commit: &CommitSha,
        sides: &BTreeMap<RepoPath, Side>,
    ) -> Vec<Former> {
        let former = |path: &RepoPath| Former {
            file: WantedFile {
                commit: commit.clone(),
                path: path.clone(),
                side: sides.get(path).cloned().unwrap_or(Side::Unknown),
            },
            read_as: self.read_as_before(path),
            texts: TextLocations::At(commit.clone()),
            entities: None,
            proof: Proof::Accepted,
        };
        paths.map(former).collect()
    }

    /// How the file at `path` is read at the commit that a plan compares with.
    fn read_as_before(&self, path: &RepoPath) -> FormerReadAs {
        let repository = self.files.mapper.repository();
        let mapping = self.selection.mapping.as_ref();
        let before = mapping.and_then(|mapping| mapping.before.as_deref());
        let maps = |before: &&LoadedMapping| before.mapping.selects(path, repository);
        let is_mapping = mapping.is_some_and(|mapping| mapping.is_at(path));
        match before.filter(maps).and_then(|before| before.blob.clone()) {
            Some(blob) => FormerReadAs::Mapping(blob),
            None if !is_mapping && self.files.inputs.files.select(path).is_some() => {
                FormerReadAs::Entities
            }
            None => FormerReadAs::None,
        }
    }

    /// How the file at `path` is read at the tip; `None` if it holds no entities.
    fn read_as(&self, path: &RepoPath) -> Option<ReadAs<'_>> {
        let by_files = self.files.inputs.files.select(path).is_some();
        let Some(loaded) = &self.selection.mapping else {
            return by_files.then_some(ReadAs::Entities);
        };
        let is_mapped = loaded.maps(path, self.files.mapper.repository(), &self.source.state);
        let mapping = &loaded.mapping;
        match (is_mapped, by_files, loaded.usable) {
            _ if loaded.is_at(path) => None,
            (true, _, Usable::No) => Some(ReadAs::Lost(mapping)),
            (true, true, Usable::Yes) => Some(ReadAs::Both(mapping)),
            (true, false, Usable::Yes) => Some(ReadAs::Mapping(mapping)),
            (false, true, _) => Some(ReadAs::Entities),
            (false, false, _) => None,
        }
    }

    /// The version of the mapping that a file of the commit is of.
    fn mapping_of(&self, path: &RepoPath) -> Option<&BlobId> {
        let loaded = self.selection.mapping.as_ref()?;
        let is_mapped = loaded.maps(path, self.files.mapper.repository(), &self.source.state);
        loaded.blob.as_ref().filter(|_| is_mapped)
    }

    /// Whether the inputs name the file at `path` as the mapping.
    fn is_mapping(&self, path: &RepoPath) -> bool {
        self.files.mapping_home.is_none() && self.files.inputs.mapping.as_ref() == Some(path)
    }

    /// Reads the earlier versions of the mapping that `former` are of.
    async fn load_mappings(&mut self, former: &[Former]) -> Result<(), Error> {
        if let Some(loaded) = &self.selection.mapping {
            for one in [Some(loaded), loaded.before.as_deref()]
                .into_iter()
                .flatten()
            {
                let blob = one.blob.clone();
                let known = blob.map(|blob| (blob, Arc::clone(&one.mapping)));
                self.mappings.extend(known);
            }
        }
        let blobs = former.iter().filter_map(|former| match &former.read_as {
            FormerReadAs::Mapping(blob) => Some(blob.clone()),
            FormerReadAs::Entities | FormerReadAs::None => None,
        });
        let unread: BTreeSet<_> = blobs
            .filter(|blob| !self.mappings.contains_key(blob))
            .collect();
        if !unread.is_empty() {
            let loading = load_versions(self.files, &self.source.commit, unread);
            self.mappings.extend(loading.await?);
        }
        Ok(())
    }

    /// What is in an earlier version of a file.
    async fn former_file(
        &self,
        former: &Former,
        content: BlobContent,
    ) -> Result<Option<EntityFile>, Error> {
        let read_as = match &former.read_as {
            FormerReadAs::None => return Ok(None),
            FormerReadAs::Entities => ReadAs::Entities,
            FormerReadAs::Mapping(blob) => match self.mappings.get(blob) {
                Some(mapping) => ReadAs::Mapping(mapping),
                // Git no longer has it.
                None => return Ok(None),
            },
        };
        let path = former.file.path.clone();
        self.files.entity_file(path, content, read_as).await
    }

    fn of_state<'p>(&self, paths: impl Iterator<Item = &'p RepoPath>) -> Vec<Former> {
        let mut former = Vec::new();
        for path in paths {
            let file = self.source.state.file(path).into_iter();
            let versions = file.flat_map(|file| &file.versions);
            former.extend(versions.map(|held| self.of_version(path, held)));
        }
        former
    }

    fn of_version(&self, path: &RepoPath, held: &HeldVersion) -> Former {
        Former {
            file: WantedFile {
                commit: self.source.commit.clone(),
                path: path.clone(),
                side: Side::File {
                    mode: Some(FileMode::Regular),
                    blob: held.version.file.clone(),
                },
            },
            read_as: match &held.version.mapping {
                // The mapping itself declares nothing.
                _ if self.is_mapping(path) => FormerReadAs::None,
                Some(blob) => FormerReadAs::Mapping(blob.clone()),
                None => FormerReadAs::Entities,
            },
            texts: TextLocations::Known(held.version.texts.clone()),
            entities: Some(held.entities.clone()),
            proof: held.proof,
        }
    }

    /// Reads what the commit has at the paths that were not read yet, and `former` in their order;
    /// `None` for what the commit has too.
    async fn fetch(&mut self, former: &[Former]) -> Result<Vec<Option<EntityFile>>, Error> {
        self.load_mappings(former).await?;
        let unread = self.sides.iter();
        let unread = unread.filter(|(path, _)| !self.read.contains_key(*path));
        let head: Vec<_> = unread
            .map(|(path, side)| WantedFile {
                commit: self.source.commit.clone(),
                path: path.clone(),
                side: side.clone(),
            })
            .collect();
        let others = former.iter().filter(|former| !self.is_head(former));
        let mut wanted = head.clone();
        wanted.extend(others.map(|former| former.file.clone()));
        let Files {
            repository,
            checkout,
            ..
        } = self.files;
        let mut contents = repository.contents(&wanted, checkout).await?.into_iter();
        for (wanted, content) in head.into_iter().zip(contents.by_ref()) {
            if content.content == BlobContent::Missing {
                // To treat a file of the commit as removed would delete what it declares.
                let path = wanted.path.to_string();
                return Err(github::Error::MissingContent { path }.into());
            }
            let read = self.read_head(&wanted.path, content).await?;
            self.read.insert(wanted.path, read);
        }
        let mut files = Vec::with_capacity(former.len());
        for former in former {
            let content = (!self.is_head(former)).then(|| contents.next()).flatten();
            files.push(match content {
                Some(content) => self.former_file(former, content.content).await?,
                None => None,
            });
        }
        Ok(files)
    }

    async fn read_head(&self, path: &RepoPath, content: GitFile) -> Result<ReadFile, Error> {
        let mapping = self.selection.mapping.as_ref();
        let is_mapping = mapping.is_some_and(|mapping| mapping.is_at(path));
        let file = match self.read_as(path) {
            Some(read_as) => {
                let reading = self
                    .files
                    .entity_file(path.clone(), content.content, read_as);
                reading.await?
            }
            None => None,
        };
        let is_selected = is_mapping || self.read_as(path).is_some();
        Ok(ReadFile {
            blob: content.blob.filter(|_| is_selected),
            mapping: self.mapping_of(path).cloned(),
            file,
        })
    }

    /// Whether the commit is known to have the same file: then it is not read twice.
    fn is_head(&self, former: &Former) -> bool {
        let head = self.sides.get(&former.file.path);
        let is_same = match (head, &former.file.side) {
            (Some(Side::File { blob: head, .. }), Side::File { blob, .. }) => head == blob,
            _ => false,
        };
        let mapping = self.mapping_of(&former.file.path);
        is_same
            && match &former.read_as {
                FormerReadAs::Mapping(blob) => mapping == Some(blob),
                FormerReadAs::Entities => mapping.is_none(),
                FormerReadAs::None => false,
            }
    }

    fn declare_head(&self) -> Declarations {
        let files = self.read.values().filter_map(|read| read.file.clone());
        let files: Vec<_> = files.collect();
        let mut head = declare(&files, &self.files.inputs.blueprints);
        if let Some(mapping) = &self.selection.mapping {
            let is_mapped =
                |path: &RepoPath| mapping.is_at(path) || self.mapping_of(path).is_some();
            if self.sides.keys().any(is_mapped) {
                head.add_mapping(&mapping.diagnostics);
            }
        }
        head
    }

    /// Unchanged files that are needed too: they declare an entity that a selected file declares,
    /// or have a query that may name an entity about to be deleted.
    fn beside(&self, head: &Declarations) -> BTreeMap<RepoPath, Side> {
        let entities = self.source.state.entities();
        let declared: BTreeSet<_> = head.sound().map(|one| one.entity.key()).collect();
        let deleted_of = self.deleted_of(&declared);
        let counts = |key: &EntityKey| {
            let is_query = key.name.identifier().is_none();
            declared.contains(key) || (is_query && deleted_of.contains(&key.blueprint))
        };
        let found = entities.into_iter().filter(|(key, _)| counts(key));
        let paths = found.flat_map(|(_, paths)| paths);
        let unread = paths.filter(|path| !self.sides.contains_key(*path));
        unread
            .map(|path| (path.clone(), self.unchanged_side(path)))
            .collect()
    }

    /// The blueprints of what is deleted if these files declare `declared`, and nothing else.
    fn deleted_of(&self, declared: &BTreeSet<EntityKey>) -> BTreeSet<&BlueprintId> {
        if self.files.inputs.prune == Prune::Keep {
            return BTreeSet::new();
        }
        let state = &self.source.state;
        let files = self.sides.keys().filter_map(|path| state.file(path));
        let versions = files.flat_map(|file| &file.versions);
        let known = versions.flat_map(|held| &held.entities);
        let deleted = known.chain(state.removed.keys());
        deleted
            .filter(|key| !declared.contains(*key))
            .map(|key| &key.blueprint)
            .collect()
    }

    /// What the tip has at the path of a known file that is not selected.
    fn unchanged_side(&self, path: &RepoPath) -> Side {
        let file = self.source.state.file(path);
        let settled = file.and_then(|file| file.settled());
        match (&self.selection.against, settled) {
            (Against::State, Some(held)) => self.selection.tip.side(path, Some(&held.version.file)),
            _ => self.text_side(path),
        }
    }

    /// What the commit has at a path that is not selected, as far as it is known.
    fn text_side(&self, path: &RepoPath) -> Side {
        match self.selection.tip.side(path, None) {
            // A comparison does not distinguish links from files.
            Side::File { mode: None, .. } => Side::Unknown,
            side => side,
        }
    }

    /// The version of each file, with the ids of the texts that `found` names.
    fn versions(
        &self,
        head: &Declarations,
        found: &BTreeMap<RepoPath, BlobId>,
    ) -> BTreeMap<RepoPath, Option<Version>> {
        let mut texts: BTreeMap<&RepoPath, BTreeMap<RepoPath, BlobId>> = BTreeMap::new();
        for declaration in head.sound() {
            let known = declaration.texts.iter();
            let known = known.filter_map(|path| Some((path.clone(), found.get(path)?.clone())));
            texts
                .entry(declaration.source.path())
                .or_default()
                .extend(known);
        }
        let version = |(path, read): (&RepoPath, &ReadFile)| {
            let version = read.blob.clone().map(|file| Version {
                file,
                mapping: read.mapping.clone(),
                texts: texts.remove(path).unwrap_or_default(),
            });
            (path.clone(), version)
        };
        self.read.iter().map(version).collect()
    }

    /// Whether a version declares what the commit declares: it is the same file, and names no texts.
    fn declares_as_head(&self, former: &Former) -> bool {
        let names_none = matches!(&former.texts, TextLocations::Known(texts) if texts.is_empty());
        names_none && self.is_head(former)
    }

    /// What a version of a file declares, before its texts are filled in.
    fn revision<'a>(&self, former: &'a Former, file: Option<EntityFile>) -> texts::Revision<'a>
    where
        Self: 'a,
    {
        let path = &former.file.path;
        let file = match self.is_head(former) {
            true => self.read.get(path).and_then(|read| read.file.clone()),
            false => file,
        };
        let file = file.filter(|_| !self.declares_as_head(former));
        let (commit, side): (_, texts::SideAt<'a>) = match &former.texts {
            TextLocations::Known(texts) => (
                &former.file.commit,
                Box::new(|path| known_side(texts, path)),
            ),
            TextLocations::At(commit) => (commit, Box::new(|_| Side::Unknown)),
        };
        texts::Revision {
            declared: declare(file.as_slice(), &self.files.inputs.blueprints),
            commit,
            side,
        }
    }

    /// What a version declares of the entities that may be in Port as it declares them.
    fn earlier(&self, former: Former, declared: Declarations, head: &ByFile) -> Earlier {
        let path = &former.file.path;
        let declared = match self.declares_as_head(&former) {
            true => head.get(path).cloned().unwrap_or_default(),
            false => declared.valid,
        };
        let keys = || declared.iter().map(|one| one.entity.key()).collect();
        Earlier {
            path: path.clone(),
            entities: former.entities.clone().unwrap_or_else(keys),
            proof: former.proof,
            declared,
        }
    }

    /// Passes over files that only the default rules select and that are not meant for Port. A file
    /// that declared entities before is never passed over: they would be deleted.
    fn pass_over_foreign(&self, head: &mut Declarations, earlier: &[Earlier]) {
        let are_default = self.files.inputs.files.are_default();
        let declaring = earlier.iter().filter(|one| !one.entities.is_empty());
        let declaring: BTreeSet<_> = declaring.map(|one| &one.path).collect();
        head.pass_over(|path| are_default && !declaring.contains(path));
    }

    /// The files whose entities are compared with Port: the open ones, or all of them.
    fn open(&self) -> BTreeSet<RepoPath> {
        let is_same = self.source.continuity == Continuity::Same;
        let is_open = |path: &RepoPath| {
            let file = self.source.state.file(path);
            file.is_some_and(|file| file.is_open())
        };
        let by_state = matches!(self.selection.against, Against::State);
        let all = by_state && (self.selection.extent == RoundScope::All || !is_same);
        let paths = self.sides.keys();
        paths
            .filter(|path| all || (by_state && is_open(path)))
            .cloned()
            .collect()
    }
}

fn by_file(head: &Declarations) -> ByFile {
    let mut files = ByFile::new();
    for declaration in head.sound() {
        let path = declaration.source.path().clone();
        files.entry(path).or_default().push(Arc::clone(declaration));
    }
    files
}

fn known_side(texts: &BTreeMap<RepoPath, BlobId>, path: &RepoPath) -> Side {
    match texts.get(path) {
        Some(blob) => Side::File {
            mode: Some(FileMode::Regular),
            blob: blob.clone(),
        },
        None => Side::Absent,
    }
}
