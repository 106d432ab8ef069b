//! Files of an export → the disk.

use std::fs;
use std::io;
use std::path::Path;

use super::arguments::{ExportArguments, Writing};
use super::collect::{Planned, Spool, Unplanned};
use super::folder::ExportFolder;
use super::notes::{Notes, shown};
use super::{Error, counted};
use crate::cli::files::Unwritten;
use crate::document;
use crate::shutdown::Shutdown;

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

/// Writes those of `files` that are not in the folder yet; without a spool, only lists them. Checks all existing
/// files before it writes one.
///
/// # Errors
/// If something is there that may not be replaced, a file cannot be written, or the export is told to stop.
pub(super) fn write(
    files: &[Planned],
    folder: &ExportFolder,
    writing: Writing,
    spool: Option<&mut Spool>,
    shutdown: &Shutdown,
) -> Result<WriteSummary, Error> {
    let Some(spool) = spool else {
        return Ok(listed(files, folder));
    };
    let mut text = |file: &Planned| {
        let text = file.text(spool, folder)?;
        match text.len() > document::MAX_BYTES {
            true => Err(Error::from(Unplanned::TooLarge {
                path: file.path.clone(),
            })),
            false => Ok(text),
        }
    };
    let mut done = WriteSummary::default();
    let (mut outstanding, mut existing) = (Vec::new(), Vec::new());
    let mut parent = Path::new("");
    for file in files {
        let path = Path::new(&file.path);
        if file.is_written() {
            done.written += 1;
            continue;
        }
        let beside = path.parent().unwrap_or(parent);
        if beside != parent {
            parent = beside;
            folder.refuse_links(parent)?;
        }
        let found = found(&folder.path().join(path), || text(file))?;
        // The text for one entity was read back, so it is not too large. A list may be.
        if file.is_list() && !matches!(found, ExistingFile::Same) {
            text(file)?;
        }
        match found {
            ExistingFile::Same => done.unchanged += 1,
            ExistingFile::Other if writing != Writing::Force => existing.push(shown(&file.path)),
            found => outstanding.push((file, found)),
        }
    }
    if !existing.is_empty() {
        return Err(Error::Existing(existing));
    }
    for (file, found) in outstanding {
        if shutdown.is_requested() {
            return Err(Error::Interrupted);
        }
        let text = text(file)?;
        match found {
            ExistingFile::Other => folder.replace(&file.path, &text)?,
            ExistingFile::Nothing | ExistingFile::Same => folder.create(&file.path, &text)?,
        }
        done.written += 1;
    }
    for path in files.iter().filter_map(Planned::former_path) {
        folder.remove(path);
    }
    Ok(done)
}

fn listed(files: &[Planned], folder: &ExportFolder) -> WriteSummary {
    let line = |file: &Planned| {
        let entities = match file.entities() {
            1 => String::new(),
            several => format!(" ({several} entities)"),
        };
        let exists = match folder.path().join(&file.path).symlink_metadata() {
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
        Ok(kind) if kind.is_dir() => Err(Error::Folder(path.display().to_string())),
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
