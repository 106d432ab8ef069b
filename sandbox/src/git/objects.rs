//! Git's objects, read through one long-lived `git cat-file --batch`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::command::Git;
use super::{GitError, ObjectFormat, ObjectId};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Blob,
    Tree,
    Commit,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Blob, Self::Tree, Self::Commit]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// An object with its content.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) data: Vec<u8>,
}

/// The kinds of entry that a tree can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    File,
    Executable,
    Symlink,
    Folder,
    Submodule,
}

impl Mode {
    pub(crate) fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Symlink => "120000",
            Self::Folder => "040000",
            Self::Submodule => "160000",
        }
    }

    pub(crate) fn number(self) -> i32 {
        i32::from_str_radix(self.octal(), 8).unwrap_or_default()
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::File | Self::Executable | Self::Symlink => Kind::Blob,
            Self::Folder => Kind::Tree,
            Self::Submodule => Kind::Commit,
        }
    }

    /// From octal digits, with or without a leading zero.
    pub(super) fn parse(octal: &str) -> Option<Self> {
        let octal = octal.trim_start_matches('0');
        [
            Self::File,
            Self::Executable,
            Self::Symlink,
            Self::Folder,
            Self::Submodule,
        ]
        .into_iter()
        .find(|mode| mode.octal().trim_start_matches('0') == octal)
    }
}

/// One entry of a tree.
#[derive(Clone, Debug)]
pub(crate) struct TreeEntry {
    pub(crate) mode: Mode,
    pub(crate) id: ObjectId,
}

/// Who did something to a commit, and when.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) name: String,
    pub(crate) email: String,
    /// Seconds since 1970.
    pub(crate) seconds: u64,
}

impl Signature {
    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once(" <")?;
        let (email, rest) = rest.split_once("> ")?;
        let seconds = rest.split(' ').next()?.parse().ok()?;
        Some(Self {
            name: name.to_owned(),
            email: email.to_owned(),
            seconds,
        })
    }
}

/// A commit, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) id: ObjectId,
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) author: Signature,
    pub(crate) committer: Signature,
    pub(crate) message: String,
}

impl Commit {
    pub(crate) fn parse(object: &Object) -> Option<Self> {
        let text = String::from_utf8_lossy(&object.data);
        let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
        let values = |key: &'static str| {
            head.lines()
                .filter_map(move |line| line.strip_prefix(key)?.strip_prefix(' '))
        };
        Some(Self {
            id: object.id.clone(),
            tree: ObjectId(values("tree").next()?.to_owned()),
            parents: values("parent").map(|id| ObjectId(id.to_owned())).collect(),
            author: Signature::parse(values("author").next()?)?,
            committer: Signature::parse(values("committer").next()?)?,
            message: message.trim_end_matches('\n').to_owned(),
        })
    }
}

/// The entry of this name in a tree object: `<mode> SP <name> NUL <id>`, one after the other.
pub(super) fn entry_named(
    mut data: &[u8],
    format: ObjectFormat,
    wanted: &str,
) -> Result<Option<TreeEntry>, GitError> {
    let position = |data: &[u8], wanted: u8| data.iter().position(|byte| *byte == wanted);
    while let Some(space) = position(data, b' ') {
        let (mode, rest) = (&data[..space], &data[space + 1..]);
        let end = position(rest, 0).unwrap_or(rest.len());
        let id = rest.get(end + 1..end + 1 + format.byte_length());
        let id = id.ok_or_else(|| GitError::Unexpected("a broken tree".to_owned()))?;
        if &rest[..end] == wanted.as_bytes() {
            let mode = String::from_utf8_lossy(mode);
            return Ok(Some(TreeEntry {
                mode: Mode::parse(&mode).ok_or_else(|| GitError::Unexpected(mode.into_owned()))?,
                id: ObjectId::from_bytes(id),
            }));
        }
        data = &rest[end + 1 + format.byte_length()..];
    }
    Ok(None)
}

/// The process that reads objects. It ends when its input is closed.
pub(super) struct CatFile {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl CatFile {
    pub(super) fn start(git: &Git) -> Result<Self, GitError> {
        let mut child = git
            .command(&["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take();
        let output = child
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no output"))?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// The object that an expression names; `None` if there is none, or more than one.
    pub(super) fn read(&mut self, expression: &str) -> Result<Option<Object>, GitError> {
        if expression.is_empty() || expression.contains(['\n', '\0']) {
            return Ok(None);
        }
        if let Some(input) = &mut self.input {
            input.write_all(format!("{expression}\n").as_bytes())?;
            input.flush()?;
        }
        let mut head = Vec::new();
        self.output.read_until(b'\n', &mut head)?;
        let head = String::from_utf8_lossy(&head);
        let Some((id, kind, size)) = found(head.trim_end()) else {
            return Ok(None);
        };
        let mut data = vec![0; size + 1];
        self.output.read_exact(&mut data)?;
        data.pop();
        Ok(Some(Object { id, kind, data }))
    }
}

fn found(head: &str) -> Option<(ObjectId, Kind, usize)> {
    let mut words = head.split(' ');
    let id = words.next()?;
    let kind = Kind::parse(words.next()?)?;
    let size = words.next()?.parse().ok()?;
    words
        .next()
        .is_none()
        .then(|| (ObjectId(id.to_owned()), kind, size))
}

impl Drop for CatFile {
    fn drop(&mut self) {
        self.input = None;
        // There is nobody to tell if the process is gone already.
        let _ = self.child.wait();
    }
}
