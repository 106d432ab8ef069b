//! The folder of an export. Files appear there whole, and none stays if the export fails.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Error;
use super::arguments::Writing;
use crate::cli::files::{self, Unwritten};

/// Where the files go. Unless the export is [finished](Self::finish), what it has made is removed in the
/// end; what was there before stays.
#[derive(Debug)]
pub(super) struct ExportFolder {
    path: PathBuf,
    made: Mutex<Made>,
}

/// What an export has made so far.
#[derive(Debug, Default)]
struct Made {
    /// Each folder after the one that it is in.
    folders: Vec<PathBuf>,
    /// By what their paths would be if case did not count.
    files: BTreeMap<String, String>,
    /// The folder of the file that was written last.
    last: Option<PathBuf>,
}

/// Where the text of an entity is.
#[derive(Debug)]
pub(super) enum Placed {
    /// In the file of this path.
    File(String),
    /// It has to wait until everything is read.
    Waiting(String),
}

impl ExportFolder {
    /// The folder at `path`; unless nothing is written, it is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, or something else is there.
    pub(super) fn open(path: &Path, writing: Writing) -> Result<Self, Unwritten> {
        let is_there = path.exists();
        let mut made = Made::default();
        if writing != Writing::DryRun {
            fs::create_dir_all(path).map_err(|error| Unwritten::new(path, error))?;
            if !is_there {
                made.folders.push(path.to_owned());
            }
        }
        Ok(Self {
            path: path.to_owned(),
            made: Mutex::new(made),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file of one entity while others are still read. It waits if something is at `path`, or if
    /// the name of another file of the export differs in case only. What the export itself has written to
    /// `path` is older, and replaced.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn place(&self, path: String, text: String) -> Result<Placed, Error> {
        let mut made = self.made();
        let folded = path.to_lowercase();
        let is_free = match made.files.get(&folded) {
            Some(known) => *known == path,
            None => !is_there(&self.path.join(&path)),
        };
        if !is_free {
            return Ok(Placed::Waiting(text));
        }
        self.write_file(&mut made, &path, &text)?;
        made.files.insert(folded, path.clone());
        Ok(Placed::File(path))
    }

    /// Writes a file, whatever is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, path: &str, text: &str) -> Result<(), Error> {
        let is_new = !is_there(&self.path.join(path));
        let mut made = self.made();
        self.write_file(&mut made, path, text)?;
        if is_new {
            made.files.insert(path.to_lowercase(), path.to_owned());
        }
        Ok(())
    }

    /// Removes a file that the export has made.
    pub(super) fn remove(&self, path: &str) {
        if self.made().files.remove(&path.to_lowercase()).is_some() {
            // If it is not there, nobody misses it.
            let _ = fs::remove_file(self.path.join(path));
        }
    }

    /// Keeps what was made.
    pub(super) fn finish(&self) {
        *self.made() = Made::default();
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_file(&self, made: &mut Made, path: &str, text: &str) -> Result<(), Error> {
        let target = self.path.join(path);
        let parent = Path::new(path).parent().unwrap_or(Path::new(""));
        if made.last.as_deref() != Some(parent) {
            self.make_folders(made, parent)?;
            made.last = Some(parent.to_owned());
        }
        Ok(files::replace(&target, text.as_bytes())?)
    }

    /// Makes `below` and the folders that it is in, and follows no link: it would lead to where Git does not
    /// look.
    fn make_folders(&self, made: &mut Made, below: &Path) -> Result<(), Error> {
        let mut current = self.path.clone();
        for name in below {
            current.push(name);
            match fs::create_dir(&current) {
                Ok(()) => made.folders.push(current.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    refuse_link(&current)?
                }
                Err(error) => return Err(Unwritten::new(&current, error).into()),
            }
        }
        Ok(())
    }

    /// Makes sure that no folder from this one down to `below` is a link.
    ///
    /// # Errors
    /// If one is.
    pub(super) fn refuse_links(&self, below: &Path) -> Result<(), Error> {
        let mut current = self.path.clone();
        below.iter().try_for_each(|name| {
            current.push(name);
            refuse_link(&current)
        })
    }
}

impl Drop for ExportFolder {
    fn drop(&mut self) {
        let made = std::mem::take(&mut *self.made());
        // What cannot be removed is somebody else's by now.
        for path in made.files.values() {
            let _ = fs::remove_file(self.path.join(path));
        }
        for folder in made.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn refuse_link(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path).is_ok_and(|kind| kind.is_symlink()) {
        true => Err(Error::Link(path.display().to_string())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_file_may_be_at_waits() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("there.yml"), "old").unwrap();
        let folder = ExportFolder::open(root.path(), Writing::Force).unwrap();
        for (path, text, is_written) in [
            ("a/shop.yml", "1", true),
            ("a/Shop.yml", "2", false),
            ("there.yml", "3", false),
            ("a/shop.yml", "4", true),
        ] {
            let placed = folder.place(path.to_owned(), text.to_owned()).unwrap();
            assert_eq!(matches!(placed, Placed::File(_)), is_written, "{path}");
        }
        let text = |path: &str| fs::read_to_string(root.path().join(path)).unwrap();
        assert_eq!([text("a/shop.yml"), text("there.yml")], ["4", "old"]);
        drop(folder);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
