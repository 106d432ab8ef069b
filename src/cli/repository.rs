//! Where in a repository a file is.

use std::path::{Path, PathBuf};

/// Whether `folder` is a working tree's root. One of several has a file `.git` where a clone has a folder.
pub(crate) fn is_repository(folder: &Path) -> bool {
    folder.join(".git").exists()
}

/// The nearest folder above `path` that is a repository; without one the current folder, `here`, or else
/// the file's own. Both are absolute and without symbolic links.
pub(crate) fn root_of(place: &Path, here: &Path) -> PathBuf {
    let repository = place.ancestors().find(|folder| is_repository(folder));
    match repository {
        Some(root) => root.to_owned(),
        None if place.starts_with(here) => here.to_owned(),
        None if place.is_dir() => place.to_owned(),
        None => place.parent().unwrap_or(place).to_owned(),
    }
}
