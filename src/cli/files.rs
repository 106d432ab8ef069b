//! Writing files so that none is ever there in part.

use std::fs::{self, OpenOptions};
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

/// A hidden name in the same folder, so that nothing has to be copied and no rule of Git's selects it.
fn beside(path: &Path) -> PathBuf {
    path.with_file_name(format!(".port-gitops-{}.tmp", std::process::id()))
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = match opened {
        // What a killed process of the same id has left.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            OpenOptions::new().write(true).create_new(true).open(path)?
        }
        opened => opened?,
    };
    file.write_all(content)
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
}
