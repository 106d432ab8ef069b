//! Creates a file in the workspace.
//!
//! The workspace holds whatever a pull request put there, and a container runs as root. So nothing
//! is written through a symbolic link of the workspace, which may lead anywhere; and what is
//! written belongs to the workspace's owner, since a later checkout on a self-hosted runner cannot
//! remove root's files (<https://github.com/actions/runner/issues/434>).

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, fchown, lchown};
use std::path::{Component, Path};

/// Creates or replaces the file at `path`, which is relative to `workspace` and has no `..`, with
/// the folders that it needs.
///
/// The workspace itself may be reached through links: the runner names it.
///
/// # Errors
/// If the file or a folder above it is a symbolic link, or cannot be created.
pub(super) fn create(workspace: &Path, path: &Path) -> io::Result<File> {
    let owner = FileOwner::of(&fs::metadata(workspace)?);
    let is_name = |part: &Component<'_>| matches!(part, Component::Normal(_));
    let mut names = path.components().filter(is_name).peekable();
    let mut current = workspace.to_owned();
    while let Some(name) = names.next() {
        current.push(name);
        let is_folder = names.peek().is_some();
        match fs::symlink_metadata(&current) {
            Ok(found) if found.is_symlink() => return Err(link(workspace, &current)),
            Ok(_) if is_folder => {}
            // It may have a second name outside, as a hard link.
            Ok(_) => fs::remove_file(&current)?,
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Err(_) if is_folder => {
                fs::create_dir(&current)?;
                owner.take_folder(&current);
            }
            Err(_) => {}
        }
    }
    // A new file is never a link that somebody put there in between.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&current)?;
    owner.take(&file);
    Ok(file)
}

fn link(workspace: &Path, path: &Path) -> io::Error {
    let name = path.strip_prefix(workspace).unwrap_or(path).display();
    io::Error::other(format!(
        "`{name}` is a symbolic link, and nothing is written through links of the workspace: remove \
         it from the repository, or choose another path"
    ))
}

/// Who owns the workspace.
#[derive(Debug, Clone, Copy)]
struct FileOwner {
    user: u32,
    group: u32,
}

impl FileOwner {
    fn of(workspace: &Metadata) -> Self {
        Self {
            user: workspace.uid(),
            group: workspace.gid(),
        }
    }

    /// Only root can give files away. Anybody else owns what they create, and the report is good
    /// all the same.
    fn take(self, file: &File) {
        let _ = fchown(file, Some(self.user), Some(self.group));
    }

    fn take_folder(self, folder: &Path) {
        let _ = lchown(folder, Some(self.user), Some(self.group));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(workspace: &Path, path: &str, text: &str) -> Result<(), String> {
        let file = create(workspace, Path::new(path));
        let mut file = file.map_err(|error| error.to_string())?;
        file.write_all(text.as_bytes()).unwrap();
        Ok(())
    }

    #[test]
    fn files_are_created_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let read = |path: &str| fs::read_to_string(folder.path().join(path)).unwrap();
        write(folder.path(), "report.json", "a longer text").unwrap();
        write(folder.path(), "./report.json", "short").unwrap();
        assert_eq!(read("report.json"), "short");
        write(folder.path(), "out/deep/report.json", "1").unwrap();
        write(folder.path(), "out/deep/report.json", "2").unwrap();
        assert_eq!(read("out/deep/report.json"), "2");
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (workspace, outside) = (
            folder.path().join("workspace"),
            folder.path().join("outside"),
        );
        fs::create_dir(&workspace).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("event.json"), "kept").unwrap();
        symlink("../outside/event.json", workspace.join("report.json")).unwrap();
        symlink("../outside/new.json", workspace.join("dangling.json")).unwrap();
        symlink(&outside, workspace.join("out")).unwrap();
        symlink("/", workspace.join("root")).unwrap();
        for (path, link) in [
            ("report.json", "report.json"),
            ("dangling.json", "dangling.json"),
            ("out/event.json", "out"),
            ("out/new/report.json", "out"),
            ("root/tmp/report.json", "root"),
        ] {
            let error = write(&workspace, path, "lost").unwrap_err();
            assert!(
                error.starts_with(&format!("`{link}` is a symbolic link")),
                "{error}"
            );
        }
        let left: Vec<_> = fs::read_dir(&outside).unwrap().collect();
        assert_eq!(left.len(), 1);
        assert_eq!(
            fs::read_to_string(outside.join("event.json")).unwrap(),
            "kept"
        );
    }

    #[test]
    fn a_second_name_of_a_file_keeps_its_text() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other"), "kept").unwrap();
        fs::hard_link(
            folder.path().join("other"),
            folder.path().join("report.json"),
        )
        .unwrap();
        write(folder.path(), "report.json", "new").unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join("other")).unwrap(),
            "kept"
        );
    }

    #[test]
    fn the_workspace_may_be_a_link_itself() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        symlink("real", folder.path().join("workspace")).unwrap();
        write(&folder.path().join("workspace"), "report.json", "1").unwrap();
        assert!(folder.path().join("real/report.json").is_file());
    }

    #[test]
    fn what_is_written_belongs_to_the_owner_of_the_workspace() {
        let folder = tempfile::tempdir().unwrap();
        // Only root can do so; the owner is whoever runs the test otherwise.
        let _ = lchown(folder.path(), Some(4321), Some(4322));
        write(folder.path(), "out/report.json", "1").unwrap();
        let owner = |path: &str| {
            let metadata = fs::metadata(folder.path().join(path)).unwrap();
            (metadata.uid(), metadata.gid())
        };
        assert_eq!(owner("out"), owner("."));
        assert_eq!(owner("out/report.json"), owner("."));
    }
}
