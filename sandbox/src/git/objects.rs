//! Git's objects, read through one long-lived `git cat-file --batch`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use strum::{EnumString, IntoStaticStr};

use super::command::Git;
use super::{GitError, ObjectId};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Kind {
    Blob,
    Tree,
    Commit,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}

/// An object with its content.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) data: Vec<u8>,
}

/// The mode of a tree's entry, which Git writes in octal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
pub(crate) enum Mode {
    #[strum(serialize = "100644")]
    File,
    #[strum(serialize = "100755")]
    Executable,
    #[strum(serialize = "120000")]
    Symlink,
    #[strum(serialize = "040000")]
    Folder,
    #[strum(serialize = "160000")]
    Submodule,
}

impl Mode {
    pub(crate) fn octal(self) -> &'static str {
        self.into()
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
        let output = child.stdout.take();
        let output = output.ok_or_else(|| io::Error::other("no output"))?;
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
    let kind = words.next()?.parse().ok()?;
    let size = words.next()?.parse().ok()?;
    let object = (ObjectId(id.to_owned()), kind, size);
    words.next().is_none().then_some(object)
}

impl Drop for CatFile {
    fn drop(&mut self) {
        self.input = None;
        // There is nobody to tell if the process is gone already.
        let _ = self.child.wait();
    }
}
