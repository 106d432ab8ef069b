//! Files of an export → the disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::arguments::{ExportArguments, Writing};
use super::collect::{Planned, Spool, Unplanned};
use super::notes::{Notes, shown};
use super::{Error, counted};
use crate::cli::files::{self, Unwritten};
use crate::document;

/// Where the files go.
#[derive(Debug)]
pub(super) struct ExportFolder {
    path: PathBuf,
    origin: FolderOrigin,
}

/// Whether the folder was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FolderOrigin {
    Found,
    Made,
}

impl ExportFolder {
    /// The folder at `path`; unless nothing is written, it is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, or something else is there.
    pub(super) fn open(path: &Path, writing: Writing) -> Result<Self, Unwritten> {
        let origin = match path.exists() {
            true => FolderOrigin::Found,
            false => FolderOrigin::Made,
        };
        if writing != Writing::DryRun {
            fs::create_dir_all(path).map_err(|error| Unwritten::new(path, error))?;
        }
        Ok(Self {
            path: path.to_owned(),
            origin,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes it away again, if it was not there before and is empty.
    pub(super) fn remove_if_new(&self) {
        if self.origin == FolderOrigin::Made {
            // It is not empty, or nobody misses it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// What became of the files.
#[derive(Debug, Default)]
pub(super) struct WriteSummary {
    written: usize,
    /// They were there, with the same text.
    unchanged: usize,
    lines: Vec<String>,
}

impl WriteSummary {
    /// What is printed in the end.
    pub(super) fn summary(
        &self,
        entities: usize,
        arguments: &ExportArguments,
        notes: &Notes,
    ) -> String {
        let mut text: String = self.lines.iter().map(|line| format!("{line}\n")).collect();
        let verb = match arguments.writing {
            Writing::DryRun => "Would write",
            Writing::New | Writing::Force => "Wrote",
        };
        text.push_str(&format!(
            "{verb} {} to {}",
            counted(self.written, "file", "files"),
            arguments.folder.display()
        ));
        if self.unchanged > 0 {
            text.push_str(&format!(", {} unchanged", self.unchanged));
        }
        text.push_str(&format!(" · {}", counted(entities, "entity", "entities")));
        if let Some(warnings) = notes.left_out() {
            text.push_str(&format!(" · {warnings}"));
        }
        text.push('\n');
        text
    }
}

/// Writes `files`, or without a spool only lists them. What is there already is looked at before the
/// first one is written.
///
/// # Errors
/// If something is there that may not be replaced, or a file cannot be written.
pub(super) fn write(
    files: &[Planned],
    folder: &ExportFolder,
    arguments: &ExportArguments,
    spool: Option<&mut Spool>,
) -> Result<WriteSummary, Error> {
    let Some(spool) = spool else {
        return Ok(listed(files, folder));
    };
    let mut text = |file: &Planned| {
        let text = file.text(spool)?;
        match text.len() > document::MAX_BYTES {
            true => Err(Error::from(Unplanned::TooLarge {
                path: file.path.clone(),
            })),
            false => Ok(text),
        }
    };
    let mut done = WriteSummary::default();
    let (mut new, mut existing) = (Vec::new(), Vec::new());
    let mut parent = Path::new("");
    for file in files {
        let path = Path::new(&file.path);
        let beside = path.parent().unwrap_or(parent);
        if beside != parent {
            parent = beside;
            refuse_links(&folder.path, parent)?;
        }
        let found = found(&folder.path.join(path), || text(file))?;
        // The text for one entity was read back, so it is not too large. A list may be.
        if file.is_list() && !matches!(found, ExistingFile::Same) {
            text(file)?;
        }
        match found {
            ExistingFile::Nothing => new.push(file),
            ExistingFile::Same => done.unchanged += 1,
            ExistingFile::Other if arguments.writing == Writing::Force => new.push(file),
            ExistingFile::Other => existing.push(shown(&file.path)),
        }
    }
    if !existing.is_empty() {
        return Err(Error::Existing(existing));
    }
    let mut made = PathBuf::new();
    for file in new {
        let path = folder.path.join(&file.path);
        if let Some(parent) = path.parent().filter(|parent| *parent != made) {
            fs::create_dir_all(parent).map_err(|error| Unwritten::new(parent, error))?;
            made = parent.to_owned();
        }
        files::replace(&path, text(file)?.as_bytes())?;
        done.written += 1;
    }
    Ok(done)
}

fn listed(files: &[Planned], folder: &ExportFolder) -> WriteSummary {
    let line = |file: &Planned| {
        let entities = match file.entities() {
            1 => String::new(),
            several => format!(" ({several} entities)"),
        };
        let exists = match folder.path.join(&file.path).symlink_metadata() {
            Ok(_) => " (is there already)",
            Err(_) => "",
        };
        format!("{}{entities}{exists}", shown(&file.path))
    };
    WriteSummary {
        written: files.len(),
        lines: files.iter().map(line).collect(),
        ..WriteSummary::default()
    }
}

/// What is at a path.
enum ExistingFile {
    Nothing,
    Same,
    Other,
}

fn found(path: &Path, text: impl FnOnce() -> Result<String, Error>) -> Result<ExistingFile, Error> {
    match fs::symlink_metadata(path) {
        Ok(kind) if kind.is_file() => {
            let text = text()?;
            let same = fs::read(path).is_ok_and(|old| old == text.as_bytes());
            Ok(if same {
                ExistingFile::Same
            } else {
                ExistingFile::Other
            })
        }
        Ok(_) => Ok(ExistingFile::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ExistingFile::Nothing),
        Err(error) => Err(Unwritten::new(path, error).into()),
    }
}

/// Makes sure that no folder from `folder` down to `below` is a link: that would lead to where Git does not
/// look.
fn refuse_links(folder: &Path, below: &Path) -> Result<(), Error> {
    let mut current = folder.to_owned();
    for name in below {
        current.push(name);
        if fs::symlink_metadata(&current).is_ok_and(|kind| kind.is_symlink()) {
            return Err(Error::Link(current.display().to_string()));
        }
    }
    Ok(())
}
