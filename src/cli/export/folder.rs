//! The folder of an export. Files appear there whole, and none stays if the export fails.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Error;
use super::arguments::Writing;
use super::counted;
use super::notes::shown;
use crate::cli::files::{self, Creation, Unwritten};

/// Where the files go. Unless the export [finishes](Self::finish), everything that it has created is removed
/// when this is dropped. Files that were there before stay.
#[derive(Debug)]
pub(super) struct ExportFolder {
    path: PathBuf,
    made: Mutex<Made>,
}

/// What an export has made so far.
#[derive(Debug, Default)]
struct Made {
    /// Parents before what they contain.
    folders: Vec<PathBuf>,
    /// Paths, by their lower-case form.
    files: BTreeMap<String, String>,
    /// The folder of the file that was written last.
    last: Option<PathBuf>,
}

/// Where the text of an entity is.
#[derive(Debug)]
pub(super) enum Placed {
    /// In the file of this path.
    File(String),
    /// Not in a file yet: what becomes of it is decided once everything is read.
    Waiting(String),
}

impl ExportFolder {
    /// The folder at `path`; unless nothing is written, it is made if it is not there.
    ///
    /// # Errors
    /// If it cannot be made, or something else is there.
    pub(super) fn open(path: &Path, writing: Writing) -> Result<Self, Unwritten> {
        let mut made = Made::default();
        if writing != Writing::DryRun {
            let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
            let missing = path.ancestors().take_while(is_missing);
            made.folders = missing.map(Path::to_owned).collect();
            made.folders.reverse();
        }
        // What was made of it is removed even if the rest cannot be made.
        let folder = Self {
            path: path.to_owned(),
            made: Mutex::new(made),
        };
        if writing != Writing::DryRun {
            fs::create_dir_all(path).map_err(|error| Unwritten::new(path, error))?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file of one entity while others are still read. If `path` exists, or differs from the path of
    /// another exported file only in case, the text waits. A file that this export has written there is older,
    /// and is replaced.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn place(&self, path: String, text: String) -> Result<Placed, Error> {
        let mut made = self.made();
        let folded = path.to_lowercase();
        match made.files.get(&folded) {
            Some(known) if *known == path => {
                files::replace(&self.path.join(&path), text.as_bytes())?;
            }
            Some(_) => return Ok(Placed::Waiting(text)),
            None => match self.create_file(&mut made, &path, &text)? {
                Creation::Done => {}
                Creation::Occupied => return Ok(Placed::Waiting(text)),
            },
        }
        Ok(Placed::File(path))
    }

    /// Writes a file where nothing is.
    ///
    /// # Errors
    /// If something else has appeared there, or the file cannot be written.
    pub(super) fn create(&self, path: &str, text: &str) -> Result<(), Error> {
        match self.create_file(&mut self.made(), path, text)? {
            Creation::Done => Ok(()),
            Creation::Occupied => Err(Error::Existing(vec![shown(path)])),
        }
    }

    /// Replaces a file. That is not undone.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn replace(&self, path: &str, text: &str) -> Result<(), Error> {
        Ok(files::replace(&self.path.join(path), text.as_bytes())?)
    }

    /// Removes a file that the export has written, and the folders made for it.
    pub(super) fn remove(&self, path: &str) {
        let mut made = self.made();
        if made.files.remove(&path.to_lowercase()).is_none() {
            return;
        }
        let file = self.path.join(path);
        // It may be gone already, and a folder may hold other files.
        let _ = fs::remove_file(&file);
        for folder in file.ancestors().skip(1) {
            let is_own = made.folders.iter().any(|own| own == folder);
            if folder == self.path || !is_own || fs::remove_dir(folder).is_err() {
                break;
            }
        }
        made.last = None;
    }

    /// Keeps what was made.
    pub(super) fn finish(&self) {
        *self.made() = Made::default();
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn create_file(&self, made: &mut Made, path: &str, text: &str) -> Result<Creation, Error> {
        let parent = Path::new(path).parent().unwrap_or(Path::new(""));
        if made.last.as_deref() != Some(parent) {
            self.make_folders(made, parent)?;
            made.last = Some(parent.to_owned());
        }
        let created = files::create(&self.path.join(path), text.as_bytes())?;
        if created == Creation::Done {
            made.files.insert(path.to_lowercase(), path.to_owned());
        }
        Ok(created)
    }

    /// Makes `below` and the folders that it is in. Refuses symbolic links, since Git does not follow them.
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
        let is_left = |path: &&String| match fs::remove_file(self.path.join(path)) {
            Ok(()) => false,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        let left = made.files.values().filter(is_left).count();
        if left > 0 {
            let files = counted(left, "file", "files");
            let folder = self.path.display();
            // If standard error is closed, nobody reads this.
            let _ = writeln!(
                io::stderr(),
                "warning: {files} could not be removed from {folder}"
            );
        }
        for folder in made.folders.iter().rev() {
            // A folder that holds other files stays.
            let _ = fs::remove_dir(folder);
        }
    }
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
    fn a_text_waits_if_its_file_exists_or_differs_from_another_only_in_case() {
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
