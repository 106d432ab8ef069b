//! The texts of files that properties name with `file://`.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::files::Files;
use crate::catalog::declare::{Declaration, Declarations};
use crate::catalog::reference::{MAX_BYTES, Referenced, references, resolve_all};
use crate::git::{BlobId, CommitSha};
use crate::github::{BlobContent, Side, WantedFile};
use crate::text::RepoPath;

/// Returns what is known about a path of a commit.
pub(crate) type SideAt<'a> = Box<dyn Fn(&RepoPath) -> Side + 'a>;

/// What a version declares, and where its texts are.
pub(crate) struct Revision<'a> {
    /// What it declares.
    pub(crate) declared: Declarations,
    /// The commit that has the texts.
    pub(crate) commit: &'a CommitSha,
    /// What is known about a path of that commit.
    pub(crate) side: SideAt<'a>,
}

/// Replaces each `file://` reference by the text of its file. If that cannot be read, the entity is
/// invalid. Returns the ids of the first revision's texts.
///
/// # Errors
/// If a request to GitHub fails.
pub(crate) async fn fill_in(
    files: Files<'_>,
    revisions: &mut [Revision<'_>],
) -> Result<BTreeMap<RepoPath, BlobId>, Error> {
    let wanted = |revision: &Revision<'_>| -> Vec<WantedFile> {
        let paths = paths_named(&revision.declared).into_iter();
        paths
            .map(|path| WantedFile {
                commit: revision.commit.clone(),
                side: (revision.side)(&path),
                path,
            })
            .collect()
    };
    let wanted: Vec<_> = revisions.iter().map(wanted).collect();
    let all = wanted.concat();
    let contents = files.repository.contents(&all, files.checkout).await?;
    let mut contents = contents.into_iter();
    let mut ids = BTreeMap::new();
    for (index, (revision, wanted)) in revisions.iter_mut().zip(wanted).enumerate() {
        let mut texts = BTreeMap::new();
        for (file, content) in wanted.into_iter().zip(contents.by_ref()) {
            if let (0, Some(blob)) = (index, content.blob) {
                ids.insert(file.path.clone(), blob);
            }
            texts.insert(file.path, referenced(content.content));
        }
        resolve_all(&mut revision.declared, |one| named_by(one, &texts));
    }
    Ok(ids)
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
        BlobContent::Absent | BlobContent::Missing => Referenced::Absent,
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
