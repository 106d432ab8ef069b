//! A mapping, and the files of a working tree that it selects.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{
    DeclaredBy, EntityFiles, ShownPaths, Unread, read, real_path, relative, slashed,
};
use crate::catalog::declare::{FileContent, UnreadableFile};
use crate::catalog::mapping::{self, Mapping};
use crate::cli::repository::{root_of, surroundings};
use crate::diagnostic::{Code, Diagnostic};
use crate::environment::Environment;
use crate::run::evaluator::{Mapper, NoWorker};
use crate::run::selected_twice;
use crate::text::{Location, RepoPath, SourceFile};

/// A mapping in a working tree.
#[derive(Debug)]
pub(super) struct WorkingTreeMapping {
    file: PathBuf,
    mapping: Mapping,
    mapper: Mapper,
}

impl WorkingTreeMapping {
    /// Reads the mapping in `file`, if there is to be one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(
        file: Option<&Path>,
        shown: ShownPaths,
        environment: &Environment,
    ) -> Result<Option<Self>, Unread> {
        let Some(file) = file else {
            return Ok(None);
        };
        let unread = |error| Unread::new(file, error);
        let here = Path::new(".").canonicalize().map_err(unread)?;
        let real = real_path(file).map_err(unread)?;
        let root = root_of(&real, &here);
        let path = match shown {
            ShownPaths::FromRoot => slashed(real.strip_prefix(&root).unwrap_or(&real)),
            ShownPaths::FromHere => relative(&real, &here),
        };
        let content = read(&real, RepoPath::new(path)).map_err(unread)?;
        Ok(Some(Self {
            mapping: read_mapping(content),
            mapper: Mapper::new(environment.program(), surroundings(&root)),
            file: real,
        }))
    }

    /// Whether `file` is the mapping.
    pub(super) fn is_itself(&self, file: &Path) -> bool {
        self.file == file
    }

    /// Whether it selects the file at `path` of the repository.
    pub(super) fn selects(&self, path: &RepoPath) -> bool {
        self.mapping.selects(path, self.mapper.repository())
    }

    /// Makes entities of the files that it selects. Gives what there is to say of the mapping itself;
    /// `is_whole` says whether all files that it may select were looked for.
    ///
    /// # Errors
    /// If its expressions cannot be evaluated at all.
    pub(super) async fn map(
        &self,
        found: &mut EntityFiles,
        is_whole: bool,
    ) -> Result<Vec<Diagnostic>, NoWorker> {
        let mut said = self.mapping.diagnostics.clone();
        let mut files = std::mem::take(&mut found.files);
        let mut is_used = false;
        for file in &mut files {
            let FileContent::Text(source) = &file.content else {
                continue;
            };
            let Some((declared_by, path)) = found.location(source.path()) else {
                continue;
            };
            is_used |= declared_by != DeclaredBy::Entities;
            let mapped = match declared_by {
                DeclaredBy::Entities => continue,
                DeclaredBy::Mapping => self.mapper.map(&self.mapping, source, path).await?,
                DeclaredBy::Both => selected_twice(&self.mapping, source, self.mapper.repository()),
            };
            file.content = FileContent::Mapped(Arc::new(mapped));
        }
        found.files = files;
        if is_whole && !is_used && !said.iter().any(Diagnostic::is_error) {
            said.push(self.mapping.selects_nothing());
        }
        Ok(said)
    }
}

fn read_mapping(content: FileContent) -> Mapping {
    let (path, problem) = match content {
        FileContent::Text(source) => return mapping::parse(&source),
        FileContent::Unreadable(path, UnreadableFile::Binary) => (path, "is not UTF-8 text"),
        FileContent::Unreadable(path, UnreadableFile::TooLarge) => (path, "is larger than 1 MiB"),
        FileContent::Unreadable(path, UnreadableFile::Symlink) => (path, "is a symbolic link"),
        FileContent::Mapped(mapped) => (mapped.source.path().clone(), "is a mapped file"),
    };
    let location = Location::start_of(&SourceFile::unreadable(path));
    let message = format!("the mapping {problem}");
    Mapping::unreadable(Diagnostic::new(Code::InvalidMapping, location, message))
}
