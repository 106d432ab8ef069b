//! Writing files so that none is ever there in part.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub(crate) struct Unwritten {
    path: PathBuf,
    error: io::Error,
}

impl Unwritten {
    pub(crate) fn new(path: &Path, error: io::Error) -> Self {
        Self {
            path: path.to_owned(),
            error,
        }
    }
}

/// Writes `content` into a new file beside `path`, and then gives it that name. A symbolic link that is
/// there is replaced, not followed.
///
/// # Errors
/// If that is not possible. Then `path` is as it was.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Unwritten> {
    let beside = beside(path);
    let written = write_new(&beside, content).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        // The first error says more.
        let _ = fs::remove_file(&beside);
        Unwritten::new(path, error)
    })
}

/// What became of a file that may only be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Creation {
    /// It was created.
    Done,
    /// Something else is there, and stays.
    Occupied,
}

/// Like [`replace`], but replaces nothing.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<Creation, Unwritten> {
    let beside = beside(path);
    let created = write_new(&beside, content).and_then(|()| publish(&beside, path));
    // Once it has its own name, it needs no other.
    let _ = fs::remove_file(&beside);
    created.map_err(|error| Unwritten::new(path, error))
}

fn publish(beside: &Path, path: &Path) -> io::Result<Creation> {
    let occupied = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
    match fs::hard_link(beside, path) {
        Ok(()) => Ok(Creation::Done),
        Err(error) if occupied(&error) => Ok(Creation::Occupied),
        // Not every file system has links.
        Err(_) if fs::symlink_metadata(path).is_ok() => Ok(Creation::Occupied),
        Err(_) => fs::rename(beside, path).map(|()| Creation::Done),
    }
}

/// An empty file in `folder` that is gone when the process ends, however that is.
///
/// # Errors
/// If no file can be written there.
pub(crate) fn nameless(folder: &Path) -> Result<File, Unwritten> {
    let path = beside(&folder.join("nameless"));
    let opened = open_new(&path).and_then(|file| fs::remove_file(&path).map(|()| file));
    opened.map_err(|error| Unwritten::new(folder, error))
}

/// A hidden name in the same folder, so that nothing has to be copied and no rule of Git's selects it.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".port-gitops-{}.tmp", std::process::id()))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    open_new(path)?.write_all(content)
}

fn open_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    match options.open(path) {
        // What a killed process of the same id has left.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            options.open(path)
        }
        opened => opened,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_replaced_and_a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");

        let occupied = folder.path().join("occupied");
        fs::create_dir(&occupied).unwrap();
        replace(&occupied, b"new").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn what_is_only_created_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [free, held, link] = ["free", "held", "link"].map(|name| folder.path().join(name));
        fs::write(&held, "old").unwrap();
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        // What a killed process has left is no obstacle.
        fs::write(beside(&free), "left").unwrap();
        for (path, expected) in [
            (&free, Creation::Done),
            (&free, Creation::Occupied),
            (&held, Creation::Occupied),
            (&link, Creation::Occupied),
        ] {
            assert_eq!(create(path, b"new").unwrap(), expected);
        }
        assert_eq!(fs::read_to_string(&free).unwrap(), "new");
        assert_eq!(fs::read_to_string(&held).unwrap(), "old");
        nameless(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
