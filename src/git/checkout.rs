//! A checkout in the workspace, from which a file is read instead of from GitHub.
//!
//! Earlier steps of the job can have written anything there, so nothing of it is believed but the
//! bytes of a regular file whose [Git id][docs] is the wanted one. Git's own files are not read.
//!
//! [docs]: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_object_storage

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use crate::git::{BlobId, hexadecimal};
use crate::text::{MAX_BYTES, RepoPath};

/// A folder that seems to hold a checkout.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout in `workspace`; `None` where nothing suggests one.
    pub fn open(workspace: &Path) -> Option<Self> {
        let is_there = fs::symlink_metadata(workspace.join(".git")).is_ok();
        is_there.then(|| Self {
            root: workspace.to_owned(),
        })
    }

    /// The content of the file at `path`, if that is exactly `blob`; `None` for anything else: no
    /// such file, another content (also with other line ends), more than [`MAX_BYTES`], a symbolic
    /// link on the way.
    pub fn read(&self, path: &RepoPath, blob: &BlobId) -> Option<Vec<u8>> {
        let bytes = read_limited(self.find(path)?)?;
        has_id(&bytes, blob).then_some(bytes)
    }

    /// The files among those that `is_wanted` whose text holds `needle`, as far as the workspace
    /// shows: Git itself is not used. No link is followed, and what `.gitignore` names is left
    /// out: earlier steps put whole package trees there.
    pub fn files_with(
        &self,
        needle: &str,
        is_wanted: impl Fn(&RepoPath) -> bool,
    ) -> BTreeSet<RepoPath> {
        let walk = WalkBuilder::new(&self.root)
            .hidden(false)
            .ignore(false)
            .parents(false)
            .git_global(false)
            .follow_links(false)
            .filter_entry(|entry| {
                entry.depth() == 0 || is_plain(&entry.file_name().to_string_lossy())
            })
            .build();
        let files = walk
            .flatten()
            .filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
        let paths = files.filter_map(|entry| {
            let path = entry.path().strip_prefix(&self.root).ok()?.to_str()?;
            Some(RepoPath::new(path))
        });
        let holds = |path: &RepoPath| {
            let text = self.find(path).and_then(read_limited);
            text.is_some_and(|text| holds(&text, needle.as_bytes()))
        };
        paths
            .filter(|path| is_wanted(path) && holds(path))
            .collect()
    }

    /// Opens a regular file below the root, looking at every step of the way there.
    fn find(&self, path: &RepoPath) -> Option<File> {
        let mut current = self.root.clone();
        let mut names = path.as_str().split('/').peekable();
        while let Some(name) = names.next() {
            if !is_plain(name) {
                return None;
            }
            current.push(name);
            let kind = fs::symlink_metadata(&current).ok()?.file_type();
            let is_as_wanted = match names.peek() {
                Some(_) => kind.is_dir(),
                None => kind.is_file(),
            };
            if !is_as_wanted {
                return None;
            }
        }
        // What was a file a moment ago can be something else by now.
        let file = File::open(current).ok()?;
        file.metadata().ok()?.is_file().then_some(file)
    }
}

/// The file's bytes, if there are at most [`MAX_BYTES`].
fn read_limited(file: File) -> Option<Vec<u8>> {
    let limit = u64::try_from(MAX_BYTES).ok()?;
    let size = file.metadata().ok()?.len().min(limit);
    // A run holds the texts of thousands of files: each takes as much memory as it is long.
    let mut bytes = Vec::with_capacity(usize::try_from(size).ok()?);
    file.take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() <= MAX_BYTES).then_some(bytes)
}

fn holds(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

/// A name that stays where it is, and is not one of Git's own.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.eq_ignore_ascii_case(".git") && !name.contains('\0')
}

/// Whether Git would call these bytes so; the id's length shows which hash it is.
fn has_id(bytes: &[u8], blob: &BlobId) -> bool {
    let algorithm = match blob.as_str().len() {
        40 => &SHA1_FOR_LEGACY_USE_ONLY,
        _ => &SHA256,
    };
    let mut context = Context::new(algorithm);
    context.update(format!("blob {}\0", bytes.len()).as_bytes());
    context.update(bytes);
    hexadecimal(context.finish().as_ref()) == blob.as_str()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// `printf hello | git hash-object --stdin`, in both formats.
    const HELLO: &str = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";
    const HELLO_SHA_256: &str = "8aec4e4876f854f688d0ebfc8f37598f38e5fd6903cccc850ca36591175aeb60";

    fn workspace() -> (tempfile::TempDir, Checkout) {
        let directory = tempfile::tempdir().unwrap();
        assert!(Checkout::open(directory.path()).is_none());
        fs::create_dir(directory.path().join(".git")).unwrap();
        fs::create_dir(directory.path().join("folder")).unwrap();
        for name in ["file", "folder/file", ".git/file"] {
            fs::write(directory.path().join(name), "hello").unwrap();
        }
        let checkout = Checkout::open(directory.path()).unwrap();
        (directory, checkout)
    }

    fn read(checkout: &Checkout, path: &str, blob: &str) -> Option<Vec<u8>> {
        checkout.read(&RepoPath::new(path), &BlobId::parse(blob).unwrap())
    }

    #[test]
    fn a_file_is_believed_only_by_its_id() {
        let (directory, checkout) = workspace();
        for blob in [HELLO, HELLO_SHA_256] {
            assert_eq!(read(&checkout, "file", blob).unwrap(), b"hello");
            assert_eq!(read(&checkout, "folder/file", blob).unwrap(), b"hello");
            assert_eq!(read(&checkout, "none", blob), None);
            assert_eq!(read(&checkout, "folder", blob), None);
        }
        assert_eq!(read(&checkout, "file", &"0".repeat(40)), None);
        fs::write(directory.path().join("file"), "hello\r\n").unwrap();
        assert_eq!(read(&checkout, "file", HELLO), None);
    }

    #[test]
    fn nothing_leads_out_of_the_workspace() {
        let (directory, checkout) = workspace();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("file"), "hello").unwrap();
        let link = |to: &Path, name| symlink(to, directory.path().join(name)).unwrap();
        link(&outside.path().join("file"), "link");
        link(outside.path(), "way");
        link(Path::new("file"), "within");
        let name = outside.path().file_name().unwrap().to_str().unwrap();
        let parent = format!("../{name}/file");
        let absolute = outside.path().join("file");
        let paths = [
            "link",
            "way/file",
            "within",
            &parent,
            absolute.to_str().unwrap(),
            "folder/../file",
            "./file",
            "folder//file",
            ".git/file",
            ".GIT/file",
            "",
            "file\0",
        ];
        for path in paths {
            assert_eq!(read(&checkout, path, HELLO), None, "{path}");
        }
    }

    #[test]
    fn files_are_found_by_what_they_hold() {
        let (directory, checkout) = workspace();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("file"), "hello").unwrap();
        symlink(outside.path(), directory.path().join("way")).unwrap();
        symlink("file", directory.path().join("link")).unwrap();
        for (name, text) in [
            (".hidden", "oh, hello"),
            ("other", "good-bye"),
            (".gitignore", "skipped\n"),
            ("skipped", "hello"),
        ] {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let found = checkout.files_with("hello", |path| path.as_str() != "file");
        let found: Vec<_> = found.iter().map(RepoPath::as_str).collect();
        assert_eq!(found, [".hidden", "folder/file"]);
    }

    #[test]
    fn a_file_that_is_too_large_is_left_to_git_hub() {
        let (directory, checkout) = workspace();
        let bytes = vec![b'x'; MAX_BYTES + 1];
        fs::write(directory.path().join("file"), &bytes).unwrap();
        let mut context = Context::new(&SHA256);
        context.update(format!("blob {}\0", bytes.len()).as_bytes());
        context.update(&bytes);
        let id = hexadecimal(context.finish().as_ref());
        assert_eq!(read(&checkout, "file", &id), None);
    }
}
