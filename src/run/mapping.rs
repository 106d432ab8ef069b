//! The mapping as a commit has it, and which files it selects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::Error;
use super::files::{Files, MappingHome};
use super::state::State;
use crate::catalog::mapping::{self, Mapping, Usable};
use crate::diagnostic::{Code, Diagnostic};
use crate::git::{BlobId, CommitSha, FileMode};
use crate::github::{BlobContent, Repository, Side, WantedFile};
use crate::text::{Location, RepoPath, SourceFile};

/// A mapping that was read.
#[derive(Debug, Clone)]
pub(crate) struct LoadedMapping {
    /// Where it is.
    pub(crate) path: RepoPath,
    /// In which repository.
    pub(crate) home: Home,
    /// Its id; `None` if there is no such file.
    pub(crate) blob: Option<BlobId>,
    /// What it says.
    pub(crate) mapping: Arc<Mapping>,
    /// Whether it is known which files it selects. If not, the files that were mapped before count
    /// as selected, each with an error.
    pub(crate) usable: Usable,
    /// The one that a plan compares with.
    pub(crate) before: Option<Box<LoadedMapping>>,
    /// What there is to say of it.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// In which repository a mapping is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// In that of the files.
    Same,
    /// In the one whose workflow runs a fleet.
    Other,
}

/// The mapping of a fleet, and where it was read.
#[derive(Debug)]
pub(crate) struct FleetMapping {
    pub(crate) mapping: LoadedMapping,
    pub(crate) repository: Repository,
    pub(crate) commit: CommitSha,
}

impl FleetMapping {
    /// Where it is.
    pub(crate) fn home(&self) -> MappingHome<'_> {
        MappingHome {
            repository: &self.repository,
            commit: &self.commit,
        }
    }
}

/// Reads the mapping that the inputs name, as `commit` has it; `side` is what is known of that.
///
/// # Errors
/// If a request to GitHub fails.
pub(crate) async fn load(
    files: Files<'_>,
    commit: &CommitSha,
    side: Side,
) -> Result<Option<LoadedMapping>, Error> {
    let Some(path) = &files.inputs.mapping else {
        return Ok(None);
    };
    let wanted = WantedFile {
        commit: commit.clone(),
        path: path.clone(),
        side,
    };
    let contents = files.repository.contents(&[wanted], files.checkout).await?;
    let content = contents.into_iter().next();
    let blob = content.as_ref().and_then(|content| content.blob.clone());
    let mapping = match content.map(|content| content.content) {
        Some(content) => read(path, content),
        None => Mapping::unreadable(Mapping::missing(path)),
    };
    let usable = match mapping.is_unreadable() {
        true => Usable::No,
        false => Usable::Yes,
    };
    Ok(Some(LoadedMapping {
        path: path.clone(),
        home: Home::Same,
        blob,
        diagnostics: mapping.diagnostics.clone(),
        mapping: Arc::new(mapping),
        usable,
        before: None,
    }))
}

/// Reads the versions of mappings that the state names; without those that Git no longer has.
///
/// # Errors
/// If a request to GitHub fails.
pub(crate) async fn load_versions(
    files: Files<'_>,
    commit: &CommitSha,
    blobs: BTreeSet<BlobId>,
) -> Result<BTreeMap<BlobId, Arc<Mapping>>, Error> {
    let path = files.inputs.mapping.clone();
    let path = path.unwrap_or_else(|| RepoPath::new("mapping"));
    let commit = files.mapping_home.map_or(commit, |home| home.commit);
    let wanted = |blob: &BlobId| WantedFile {
        commit: commit.clone(),
        path: path.clone(),
        side: Side::File {
            mode: Some(FileMode::Regular),
            blob: blob.clone(),
        },
    };
    let wanted: Vec<_> = blobs.iter().map(wanted).collect();
    let contents = match files.mapping_home {
        Some(home) => home.repository.contents(&wanted, None),
        None => files.repository.contents(&wanted, files.checkout),
    };
    let contents = contents.await?;
    let known = blobs.into_iter().zip(contents);
    let known = known.filter(|(_, content)| content.content != BlobContent::Missing);
    Ok(known
        .map(|(blob, content)| (blob, Arc::new(read(&path, content.content))))
        .collect())
}

fn read(path: &RepoPath, content: BlobContent) -> Mapping {
    let problem = match content {
        BlobContent::Text(text) => return mapping::parse(&SourceFile::new(path.clone(), text)),
        BlobContent::Absent | BlobContent::Missing => {
            return Mapping::unreadable(Mapping::missing(path));
        }
        BlobContent::Binary => "is not UTF-8 text",
        BlobContent::TooLarge => "is larger than 1 MiB",
        BlobContent::Symlink => "is a symbolic link, which is not followed",
    };
    let source = SourceFile::unreadable(path.clone());
    let message = format!("the mapping {problem}");
    let location = Location::start_of(&source);
    Mapping::unreadable(Diagnostic::new(Code::InvalidMapping, location, message))
}

impl LoadedMapping {
    /// Whether the file at `path` in the repository of the files is the mapping.
    pub(crate) fn is_at(&self, path: &RepoPath) -> bool {
        self.home == Home::Same && self.path == *path
    }

    /// Whether the file at `path` is mapped; `state` says what was mapped before.
    pub(crate) fn maps(&self, path: &RepoPath, repository: &str, state: &State) -> bool {
        match self.usable {
            Usable::Yes => self.mapping.selects(path, repository),
            Usable::No => {
                let before = self.before.as_ref();
                let was = before.is_some_and(|before| before.maps(path, repository, state));
                !self.is_at(path) && (was || is_mapped(state, path))
            }
        }
    }

    /// What the commit has at its path.
    pub(crate) fn side(&self) -> Side {
        match &self.blob {
            Some(blob) => Side::File {
                mode: None,
                blob: blob.clone(),
            },
            None => Side::Absent,
        }
    }

    /// Notes that it selects no file. That is probably a mistake, so nothing is deleted.
    pub(crate) fn selects_nothing(&mut self) {
        // In a fleet it need not select something everywhere.
        if self.usable == Usable::No || self.home == Home::Other {
            return;
        }
        self.usable = Usable::No;
        self.diagnostics.push(self.mapping.selects_nothing());
    }
}

/// Whether a version of the file that the state names was mapped.
fn is_mapped(state: &State, path: &RepoPath) -> bool {
    let parts = state.file(path).map(|file| file.versions.as_slice());
    let mut parts = parts.unwrap_or_default().iter();
    parts.any(|part| part.version.mapping.is_some())
}
