//! What is staged, and the stream that makes a commit of it.
//!
//! One `git fast-import` a commit, whatever the number of files: see
//! <https://git-scm.com/docs/git-fast-import>.

use super::{GitError, Mode, ObjectId, TestRepository, TreeEntry};

pub(super) enum Staged {
    Content {
        path: String,
        mode: Mode,
        bytes: Vec<u8>,
    },
    Submodule {
        path: String,
        commit: String,
    },
    Executable {
        path: String,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
}

/// Staging. Nothing is checked before the commit; changes apply in the order in which they came.
impl TestRepository {
    /// Stages a text file, new or changed.
    pub fn write(&self, path: &str, text: &str) -> &Self {
        self.write_bytes(path, text.as_bytes())
    }

    /// Stages a file of any bytes.
    pub fn write_bytes(&self, path: &str, bytes: &[u8]) -> &Self {
        let path = path.to_owned();
        self.stage(Staged::Content {
            path,
            mode: Mode::File,
            bytes: bytes.to_owned(),
        })
    }

    /// Stages a symbolic link.
    pub fn symlink(&self, path: &str, target: &str) -> &Self {
        let (path, bytes) = (path.to_owned(), target.as_bytes().to_owned());
        self.stage(Staged::Content {
            path,
            mode: Mode::Symlink,
            bytes,
        })
    }

    /// Stages a submodule at a commit of another repository (a full id).
    pub fn submodule(&self, path: &str, commit: &str) -> &Self {
        self.stage(Staged::Submodule {
            path: path.to_owned(),
            commit: commit.to_owned(),
        })
    }

    /// Makes a file executable.
    pub fn set_executable(&self, path: &str) -> &Self {
        self.stage(Staged::Executable {
            path: path.to_owned(),
        })
    }

    /// Stages the removal of a file or of a whole folder.
    pub fn remove(&self, path: &str) -> &Self {
        self.stage(Staged::Remove {
            path: path.to_owned(),
        })
    }

    /// Stages the move of a file or of a whole folder.
    pub fn rename(&self, from: &str, to: &str) -> &Self {
        self.stage(Staged::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }

    fn stage(&self, change: Staged) -> &Self {
        let mut builder = self.builder();
        match (change, builder.staged.last_mut()) {
            (Staged::Executable { path: wanted }, Some(Staged::Content { path, mode, .. }))
                if *path == wanted =>
            {
                *mode = Mode::Executable;
            }
            (change, _) => builder.staged.push(change),
        }
        drop(builder);
        self
    }
}

pub(super) struct Commit<'a> {
    /// By which Git tells its id, from 1.
    pub(super) mark: usize,
    /// The full name of the branch.
    pub(super) reference: &'a str,
    /// Seconds since 1970.
    pub(super) clock: u64,
    pub(super) message: &'a str,
    pub(super) parent: Option<&'a ObjectId>,
    pub(super) staged: &'a [Staged],
}

impl Commit<'_> {
    /// The commands for `git fast-import`, which answers with the new commit's id. `entry` looks
    /// up a path in the parent.
    pub(super) fn stream(
        &self,
        entry: impl Fn(&str) -> Result<Option<TreeEntry>, GitError>,
    ) -> Result<Vec<u8>, GitError> {
        let person = format!("Sandbox <sandbox@example.com> {} +0000", self.clock);
        let mut stream = format!(
            "commit {}\nmark :{}\nauthor {person}\ncommitter {person}\n",
            self.reference, self.mark
        )
        .into_bytes();
        data(&mut stream, self.message.as_bytes());
        if let Some(parent) = self.parent {
            line(&mut stream, &format!("from {parent}"));
        }
        for (index, change) in self.staged.iter().enumerate() {
            let known = |path: &str| {
                self.staged[..index]
                    .iter()
                    .any(|earlier| earlier.makes(path))
            };
            append(&mut stream, change, &entry, known)?;
        }
        line(&mut stream, &format!("\nget-mark :{}", self.mark));
        Ok(stream)
    }
}

impl Staged {
    fn makes(&self, wanted: &str) -> bool {
        match self {
            Self::Content { path, .. } | Self::Submodule { path, .. } => path == wanted,
            Self::Rename { to, .. } => to == wanted,
            Self::Executable { .. } | Self::Remove { .. } => false,
        }
    }
}

fn append(
    stream: &mut Vec<u8>,
    change: &Staged,
    entry: impl Fn(&str) -> Result<Option<TreeEntry>, GitError>,
    known: impl Fn(&str) -> bool,
) -> Result<(), GitError> {
    match change {
        Staged::Content { path, mode, bytes } => {
            line(
                stream,
                &format!("M {} inline {}", mode.octal(), quote(path)),
            );
            data(stream, bytes);
        }
        Staged::Submodule { path, commit } => {
            line(
                stream,
                &format!("M {} {commit} {}", Mode::Submodule.octal(), quote(path)),
            );
        }
        Staged::Executable { path } => {
            let blob = entry(path)?
                .ok_or_else(|| GitError::NoSuchPath(path.clone()))?
                .id;
            line(
                stream,
                &format!("M {} {blob} {}", Mode::Executable.octal(), quote(path)),
            );
        }
        Staged::Remove { path } => {
            if !known(path) && entry(path)?.is_none() {
                return Err(GitError::NoSuchPath(path.clone()));
            }
            line(stream, &format!("D {}", quote(path)));
        }
        Staged::Rename { from, to } => {
            line(stream, &format!("R {} {}", quote(from), quote(to)));
        }
    }
    Ok(())
}

fn line(stream: &mut Vec<u8>, text: &str) {
    stream.extend_from_slice(text.as_bytes());
    stream.push(b'\n');
}

fn data(stream: &mut Vec<u8>, bytes: &[u8]) {
    line(stream, &format!("data {}", bytes.len()));
    stream.extend_from_slice(bytes);
    stream.push(b'\n');
}

fn quote(path: &str) -> String {
    let escaped = path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}
