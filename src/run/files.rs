//! How entity files are read: from where, and directly or through a mapping.

use std::sync::Arc;

use super::error::Error;
use super::evaluator::Mapper;
use crate::catalog::declare::{EntityFile, FileContent, UnreadableFile};
use crate::catalog::mapping::{Mapping, MappingResult};
use crate::diagnostic::{Code, Diagnostic};
use crate::git::CommitSha;
use crate::git::checkout::Checkout;
use crate::github::{BlobContent, Repository};
use crate::inputs::Inputs;
use crate::text::{Location, Origins, RepoPath, SourceFile};

/// What files are read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Files<'a> {
    /// GitHub.
    pub(crate) repository: &'a Repository,
    /// The workspace, if it holds the repository.
    pub(crate) checkout: Option<&'a Checkout>,
    /// Which files hold entities.
    pub(crate) inputs: &'a Inputs,
    /// What makes entities of other files.
    pub(crate) mapper: &'a Mapper,
    /// Where the mapping is, if that is another repository.
    pub(crate) mapping_home: Option<MappingHome<'a>>,
}

/// Another repository that a mapping is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MappingHome<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) commit: &'a CommitSha,
}

/// How the entities of a file are read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ReadAs<'a> {
    /// The file itself.
    Entities,
    /// A mapping.
    Mapping(&'a Mapping),
    /// Both, which is an error: the entities would be declared twice.
    Both(&'a Mapping),
    /// Not at all: the mapping that made them can no longer be used.
    Lost(&'a Mapping),
}

impl Files<'_> {
    /// What is in an entity file, if there is one and Git still has it.
    ///
    /// # Errors
    /// If a mapping's expressions cannot be evaluated at all.
    pub(crate) async fn entity_file(
        &self,
        path: RepoPath,
        content: BlobContent,
        read_as: ReadAs<'_>,
    ) -> Result<Option<EntityFile>, Error> {
        let selected = self.inputs.files.select(&path);
        let by_rule = selected.and_then(|selected| selected.blueprint);
        let default_blueprint = by_rule.or(self.inputs.blueprint.as_ref()).cloned();
        let content = match content {
            BlobContent::Absent | BlobContent::Missing => return Ok(None),
            BlobContent::Text(text) => self.content(SourceFile::new(path, text), read_as).await?,
            BlobContent::Binary => FileContent::Unreadable(path, UnreadableFile::Binary),
            BlobContent::TooLarge => FileContent::Unreadable(path, UnreadableFile::TooLarge),
            BlobContent::Symlink => FileContent::Unreadable(path, UnreadableFile::Symlink),
        };
        Ok(Some(EntityFile {
            content,
            default_blueprint,
        }))
    }

    async fn content(
        &self,
        source: Arc<SourceFile>,
        read_as: ReadAs<'_>,
    ) -> Result<FileContent, Error> {
        let mapped = match read_as {
            ReadAs::Entities => return Ok(FileContent::Text(source)),
            ReadAs::Mapping(mapping) => {
                let path = source.path();
                self.mapper.map(mapping, &source, path).await?
            }
            ReadAs::Both(mapping) => selected_twice(mapping, &source, self.mapper.repository()),
            ReadAs::Lost(mapping) => MappingResult::unusable(as_mapped(mapping, &source)),
        };
        Ok(FileContent::Mapped(Arc::new(mapped)))
    }
}

/// A file that the input `files` and a mapping select.
pub(crate) fn selected_twice(
    mapping: &Mapping,
    source: &SourceFile,
    repository: &str,
) -> MappingResult {
    let source = as_mapped(mapping, source);
    let message = "the input `files` and the mapping both select this file";
    let found = Diagnostic::new(Code::InvalidMapping, Location::start_of(&source), message)
        .related(mapping.selector_of(source.path(), repository), "the mapping does here")
        .help("exclude it with a `!` line in the input `files`, or make the path in the mapping narrower");
    MappingResult::lost(source, vec![found])
}

fn as_mapped(mapping: &Mapping, source: &SourceFile) -> Arc<SourceFile> {
    source.mapped(Origins {
        mapping: Arc::clone(mapping.source()),
        spans: Vec::new(),
    })
}
