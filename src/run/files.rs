//! Where entity files are read from, and as what.

use crate::catalog::declare::{EntityFile, FileContent, Unreadable};
use crate::git::checkout::Checkout;
use crate::github::{BlobContent, Repository};
use crate::inputs::Inputs;
use crate::text::{RepoPath, Source};

/// What files are read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    /// GitHub.
    pub(crate) repository: &'a Repository,
    /// The workspace, if it holds the repository.
    pub(crate) checkout: Option<&'a Checkout>,
    /// Which files hold entities.
    pub(crate) inputs: &'a Inputs,
}

/// What is in an entity file, if there is one and Git still has it.
pub(crate) fn entity_file(
    path: RepoPath,
    content: BlobContent,
    inputs: &Inputs,
) -> Option<EntityFile> {
    let selected = inputs.files.select(&path);
    let by_rule = selected.and_then(|selected| selected.blueprint);
    let default_blueprint = by_rule.or(inputs.blueprint.as_ref()).cloned();
    let content = match content {
        BlobContent::Absent | BlobContent::Missing => return None,
        BlobContent::Text(text) => FileContent::Text(Source::new(path, text)),
        BlobContent::Binary => FileContent::Unreadable(path, Unreadable::Binary),
        BlobContent::TooLarge => FileContent::Unreadable(path, Unreadable::TooLarge),
        BlobContent::Symlink => FileContent::Unreadable(path, Unreadable::Symlink),
    };
    Some(EntityFile {
        content,
        default_blueprint,
    })
}
