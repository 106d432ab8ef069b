//! Properties that name files: their texts are read, and changes of nothing but these files noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::declare::{Declaration, Declarations, Invalid};
use crate::catalog::reference::{MAX_BYTES, Referenced, references, resolve};
use crate::error::Error;
use crate::git::CommitSha;
use crate::github::{BlobContent, Repository, Side, WantedFile};
use crate::source::RepoPath;

/// Puts the texts of files that properties name in their place; `declared` holds a revision with
/// each. Where one cannot be read the entity is invalid.
pub(crate) async fn fill_in(
    repository: &Repository,
    declared: &mut [(CommitSha, Declarations)],
) -> Result<(), Error> {
    let wanted: BTreeSet<_> = declared
        .iter()
        .flat_map(|(commit, declarations)| {
            let paths = paths_named(declarations);
            paths.into_iter().map(|path| (commit.clone(), path))
        })
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let files: Vec<_> = wanted
        .into_iter()
        .map(|(commit, path)| WantedFile {
            commit,
            path,
            side: Side::Unknown,
        })
        .collect();
    let contents = repository.contents(&files, None).await?;
    let mut texts: BTreeMap<CommitSha, BTreeMap<RepoPath, Referenced>> = BTreeMap::new();
    for (file, content) in files.into_iter().zip(contents) {
        let of_commit = texts.entry(file.commit).or_default();
        of_commit.insert(file.path, referenced(content));
    }
    for (commit, declarations) in declared {
        fill_in_all(declarations, texts.get(commit));
    }
    Ok(())
}

/// Every file that a property of a sound entity names.
pub(crate) fn paths_named(declarations: &Declarations) -> BTreeSet<RepoPath> {
    let valid = declarations.valid.iter();
    let references = valid.flat_map(|declaration| references(declaration));
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

fn fill_in_all(declarations: &mut Declarations, texts: Option<&BTreeMap<RepoPath, Referenced>>) {
    let none = BTreeMap::new();
    let texts = texts.unwrap_or(&none);
    let (mut invalid, mut diagnostics) = (Vec::new(), Vec::new());
    let mut fill = |declaration: Arc<Declaration>| match resolve(&declaration, texts) {
        Ok(resolved) if resolved.entity == declaration.entity => Some(declaration),
        Ok(resolved) => Some(Arc::new(resolved)),
        Err(found) => {
            invalid.push(Invalid {
                key: Some(declaration.entity.key()),
                location: declaration.location(),
            });
            diagnostics.extend(found);
            None
        }
    };
    let valid = std::mem::take(&mut declarations.valid);
    declarations.valid = valid.into_iter().filter_map(&mut fill).collect();
    declarations.reject(invalid, diagnostics);
}
