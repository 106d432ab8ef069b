//! Properties that name files: their texts are read, and changes of nothing but these files noticed.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::declare::{Declaration, Declarations, declare};
use crate::catalog::reference::{MAX_BYTES, Referenced, SCHEME, references, resolve_all};
use crate::error::Error;
use crate::files::{Files, entity_file};
use crate::git::CommitSha;
use crate::github::{BlobContent, ChangedFile, Side, Tree, WantedFile};
use crate::source::RepoPath;

/// Whether any entity names files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilesNamed {
    /// None does.
    None,
    /// One does, or more.
    Some,
}

/// Puts the texts of files that properties name in their place; `declared` holds a revision with
/// each. Where one cannot be read the entity is invalid.
pub(crate) async fn fill_in(
    files: Files<'_>,
    declared: &mut [(CommitSha, Declarations)],
    listed: Option<&CommitSha>,
) -> Result<FilesNamed, Error> {
    let wanted: BTreeSet<_> = declared
        .iter()
        .flat_map(|(commit, declarations)| {
            let paths = paths_named(declarations);
            paths.into_iter().map(|path| (commit.clone(), path))
        })
        .collect();
    let tree = match listed {
        Some(commit) if !wanted.is_empty() => files.repository.tree(commit).await?,
        _ => Tree::default(),
    };
    let side = |commit: &CommitSha, path: &RepoPath| match tree.get(path) {
        Some(file) if listed == Some(commit) => Side::from(file),
        _ => Side::Unknown,
    };
    let wanted: Vec<_> = wanted
        .into_iter()
        .map(|(commit, path)| WantedFile {
            side: side(&commit, &path),
            commit,
            path,
        })
        .collect();
    let contents = files.repository.contents(&wanted, files.checkout).await?;
    let named = match wanted.is_empty() {
        true => FilesNamed::None,
        false => FilesNamed::Some,
    };
    let mut texts: BTreeMap<CommitSha, BTreeMap<RepoPath, Referenced>> = BTreeMap::new();
    for (file, content) in wanted.into_iter().zip(contents) {
        let of_commit = texts.entry(file.commit).or_default();
        of_commit.insert(file.path, referenced(content));
    }
    for (commit, declarations) in declared {
        let texts = texts.remove(commit).unwrap_or_default();
        resolve_all(declarations, |declaration| named_by(declaration, &texts));
    }
    Ok(named)
}

/// What head has of entity files that did not change and name a file that did, with the paths that
/// each names. Only a checkout shows them without reading every entity file; what it holds is
/// believed as far as Git's ids agree.
pub(crate) async fn naming(
    files: Files<'_>,
    head: &CommitSha,
    changed: &BTreeSet<RepoPath>,
) -> Result<Vec<Naming>, Error> {
    let is_entity_file = |path: &RepoPath| files.inputs.files.select(path).is_some();
    let is_other = |path: &RepoPath| is_entity_file(path) && !changed.contains(path);
    let Some(checkout) = files.checkout else {
        return Ok(Vec::new());
    };
    if changed.iter().all(is_entity_file) {
        return Ok(Vec::new());
    }
    let candidates = checkout.files_with(SCHEME, is_other);
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let tree = files.repository.tree(head).await?;
    let wanted: Vec<_> = candidates
        .into_iter()
        .filter_map(|path| {
            Some(WantedFile {
                commit: head.clone(),
                side: Side::from(tree.get(&path)?),
                path,
            })
        })
        .collect();
    let contents = files.repository.contents(&wanted, Some(checkout)).await?;
    let mut naming = Vec::new();
    for (file, content) in wanted.into_iter().zip(contents) {
        let entity_file = entity_file(file.path.clone(), content, files.inputs);
        let declared = declare(entity_file.as_slice(), &files.inputs.blueprints);
        let mut named = paths_named(&declared);
        named.retain(|path| changed.contains(path));
        if !named.is_empty() {
            naming.push(Naming {
                path: file.path,
                side: file.side,
                named,
            });
        }
    }
    Ok(naming)
}

/// An entity file, and changed files that it names.
#[derive(Debug)]
pub(crate) struct Naming {
    pub(crate) path: RepoPath,
    pub(crate) side: Side,
    named: BTreeSet<RepoPath>,
}

impl Naming {
    /// Whether one of the files that it names is among these.
    pub(crate) fn names_any_of(&self, files: &[ChangedFile]) -> bool {
        files.iter().any(|file| self.named.contains(&file.path))
    }
}

/// Every file that a property of a sound entity names.
fn paths_named(declarations: &Declarations) -> BTreeSet<RepoPath> {
    let valid = declarations.valid.iter();
    let references = valid.flat_map(|one| references(one, one.source.path()));
    references.map(|reference| reference.path).collect()
}

fn referenced(content: BlobContent) -> Referenced {
    match content {
        BlobContent::Text(text) if text.len() > MAX_BYTES => Referenced::TooLarge,
        BlobContent::Text(text) => Referenced::Text(text),
        BlobContent::Absent => Referenced::Absent,
        BlobContent::Binary => Referenced::Binary,
        BlobContent::TooLarge => Referenced::TooLarge,
        BlobContent::Symlink => Referenced::Symlink,
    }
}

/// Where an entity is declared, and what is at each path that it names.
fn named_by(
    declaration: &Declaration,
    texts: &BTreeMap<RepoPath, Referenced>,
) -> (RepoPath, BTreeMap<RepoPath, Referenced>) {
    let at = declaration.source.path();
    let named = references(declaration, at).into_iter();
    let found = named.filter_map(|one| {
        let text = texts.get(&one.path)?.clone();
        Some((one.path, text))
    });
    (at.clone(), found.collect())
}
