//! A real Git repository in a temporary directory, built without a work tree.

mod command;
mod diff;
mod objects;
mod read;
mod share;
mod stage;
mod walk;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::{fmt, fs, io};

use parking_lot::{Mutex, MutexGuard};
use strum::IntoStaticStr;
use tempfile::TempDir;

use self::command::Git;
pub(crate) use self::diff::{ChangeKind, FileChange};
use self::objects::CatFile;
pub(crate) use self::objects::{Commit, Kind, Mode, Object, Signature};
pub(crate) use self::read::ListedEntry;
use self::read::Listing;
use self::share::Share;
use self::walk::Steps;

/// Why Git could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// The `git` program could not be started or talked to.
    #[error("git could not be run: {0}")]
    Io(#[from] io::Error),
    /// A command ended with a failure.
    #[error("git {command} failed: {stderr}")]
    Failed {
        /// The command and its arguments.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// A branch or commit is not there.
    #[error("there is no revision {0:?}")]
    NoSuchRevision(String),
    /// Git answered in a way that is not understood.
    #[error("git answered {0:?}")]
    Unexpected(String),
}

/// The id of a Git object: 40 hexadecimal digits, or 64 in a SHA-256 repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(String);

impl ObjectId {
    /// The id as hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for ObjectId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The hash that names a repository's objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum ObjectFormat {
    /// 40 hexadecimal digits.
    #[default]
    Sha1,
    /// 64 hexadecimal digits.
    Sha256,
}

impl ObjectFormat {
    fn name(self) -> &'static str {
        self.into()
    }

    fn byte_length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// A bare Git repository in a temporary directory that goes with its last handle.
///
/// Changes are staged in memory ([`Self::write`] and others) and become a commit on the current
/// branch with [`Self::commit`]. Names and dates are fixed, so the same calls give the same ids.
/// Nothing of the user's configuration is read. Clones are handles to the same repository.
///
/// A revision is whatever `git rev-parse` takes for a commit: an id, a branch, `main~2`. Methods
/// fail with [`GitError::NoSuchRevision`] where there is none, and with another [`GitError`] where
/// `git` itself fails.
#[derive(Clone)]
pub struct TestRepository(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    share: Share,
    builder: Mutex<Builder>,
}

/// A directory, in which more than one repository can be.
struct Store {
    // Dropped first: its process works in the directory.
    objects: Mutex<Option<CatFile>>,
    steps: Steps,
    listings: Mutex<HashMap<ObjectId, Listing>>,
    git: Git,
    format: ObjectFormat,
    _directory: TempDir,
}

struct Builder {
    branch: String,
    /// Commands for `git fast-import`.
    staged: Vec<u8>,
    /// Seconds since 1970 of the last commit.
    clock: u64,
}

/// 2026-01-01T00:00:00Z.
const FIRST_COMMIT: u64 = 1_767_225_600;
const SECONDS_BETWEEN_COMMITS: u64 = 60;

impl TestRepository {
    /// An empty SHA-1 repository whose default and current branch is `main`.
    pub fn new() -> Result<Self, GitError> {
        Self::create("main", ObjectFormat::Sha1)
    }

    /// An empty repository with this default branch, which is also the current one.
    pub fn create(default_branch: &str, format: ObjectFormat) -> Result<Self, GitError> {
        let directory = tempfile::Builder::new()
            .prefix("sandbox-")
            .suffix(".git")
            .tempdir()?;
        let git = Git::new(directory.path());
        git.run(&[
            "init",
            "--quiet",
            "--bare",
            "--template=",
            &format!("--object-format={}", format.name()),
            &format!("--initial-branch={default_branch}"),
        ])?;
        let store = Store {
            objects: Mutex::new(None),
            steps: Steps::default(),
            listings: Mutex::default(),
            git,
            format,
            _directory: directory,
        };
        Ok(Self::over(Arc::new(store), default_branch, Share::All))
    }

    fn over(store: Arc<Store>, branch: &str, share: Share) -> Self {
        let builder = Builder {
            branch: branch.to_owned(),
            staged: Vec::new(),
            clock: FIRST_COMMIT - SECONDS_BETWEEN_COMMITS,
        };
        Self(Arc::new(Inner {
            store,
            share,
            builder: Mutex::new(builder),
        }))
    }

    /// The repository's Git directory.
    pub fn path(&self) -> &Path {
        self.0.store.git.directory()
    }

    /// The id that stands for "no object" in events.
    pub fn zero_id(&self) -> ObjectId {
        ObjectId("00".repeat(self.0.store.format.byte_length()))
    }

    /// Commits what is staged, if anything, to the current branch. One minute lies between commits.
    pub fn commit(&self, message: &str) -> Result<ObjectId, GitError> {
        let ids = Self::import(std::slice::from_ref(self), message)?;
        let id = ids.into_iter().next();
        id.ok_or_else(|| GitError::Unexpected("no commit".to_owned()))
    }

    /// Commits what is staged in some repositories of one directory.
    fn import(repositories: &[Self], message: &str) -> Result<Vec<ObjectId>, GitError> {
        let Some(first) = repositories.first() else {
            return Ok(Vec::new());
        };
        let mut builders: Vec<_> = repositories.iter().map(Self::builder).collect();
        let mut stream = Vec::new();
        for (index, (repository, builder)) in repositories.iter().zip(&mut builders).enumerate() {
            stream.extend(repository.stream(builder, index + 1, message)?);
        }
        stream.extend(b"done\n");
        let arguments = ["fast-import", "--quiet", "--done"];
        let output = first.0.store.git.run_with(&arguments, &stream)?;
        let ids: Vec<_> = output.lines().map(|id| ObjectId(id.to_owned())).collect();
        for ((repository, builder), id) in repositories.iter().zip(&mut builders).zip(&ids) {
            repository.0.share.record(id);
            builder.clock += SECONDS_BETWEEN_COMMITS;
        }
        Ok(ids)
    }

    /// The commands that make a commit of what is staged, and answer with its id.
    fn stream(
        &self,
        builder: &mut Builder,
        mark: usize,
        message: &str,
    ) -> Result<Vec<u8>, GitError> {
        let branch = format!("refs/heads/{}", builder.branch);
        let branch = self.0.share.reference(&branch);
        let clock = builder.clock + SECONDS_BETWEEN_COMMITS;
        let person = format!("Sandbox <sandbox@example.com> {clock} +0000");
        let tip = self.branch_tip(&builder.branch)?;
        let from = tip.map(|tip| format!("from {tip}\n")).unwrap_or_default();
        let head = format!(
            "commit {branch}\nmark :{mark}\nauthor {person}\ncommitter {person}\n\
             data {}\n{message}\n{from}",
            message.len()
        );
        let staged = std::mem::take(&mut builder.staged);
        let end = format!("\nget-mark :{mark}\n");
        Ok([head.as_bytes(), &staged, end.as_bytes()].concat())
    }

    /// The commit at the tip of the current branch.
    pub fn head(&self) -> Result<ObjectId, GitError> {
        let branch = self.branch();
        self.branch_tip(&branch)?
            .ok_or(GitError::NoSuchRevision(branch))
    }

    /// The name of the current branch.
    pub fn branch(&self) -> String {
        self.builder().branch.clone()
    }

    /// Makes a branch at the current one's tip and goes there. What is staged comes along.
    pub fn create_branch(&self, name: &str) -> Result<(), GitError> {
        let head = self.head()?;
        self.update_ref(&format!("refs/heads/{name}"), &head)?;
        self.builder().branch = name.to_owned();
        Ok(())
    }

    /// Goes to a branch that is there. What is staged comes along.
    pub fn checkout(&self, branch: &str) -> Result<(), GitError> {
        self.branch_tip(branch)?
            .ok_or_else(|| GitError::NoSuchRevision(branch.to_owned()))?;
        self.builder().branch = branch.to_owned();
        Ok(())
    }

    /// Goes to a new branch whose first commit will have no parent and only what is staged.
    pub fn checkout_orphan(&self, branch: &str) {
        self.builder().branch = branch.to_owned();
    }

    /// Moves the current branch to a commit, as a force-push does, and drops what is staged.
    pub fn reset_hard(&self, revision: &str) -> Result<(), GitError> {
        let id = self.commit_id(revision)?;
        let mut builder = self.builder();
        builder.staged.clear();
        self.update_ref(&format!("refs/heads/{}", builder.branch), &id)
    }

    /// Deletes a branch; its commits stay.
    pub fn delete_branch(&self, name: &str) -> Result<(), GitError> {
        let name = self.0.share.reference(&format!("refs/heads/{name}"));
        self.0.store.git.run(&["update-ref", "-d", &name])?;
        Ok(())
    }

    /// Writes a revision's files into a directory, as a checkout does (without `.git`).
    pub fn export(&self, revision: &str, directory: &Path) -> Result<(), GitError> {
        let id = self.commit_id(revision)?;
        fs::create_dir_all(directory)?;
        let work_tree = format!("--work-tree={}", directory.display());
        let git = &self.0.store.git;
        git.run(&[&work_tree, "read-tree", &id])?;
        git.run(&[&work_tree, "checkout-index", "--all", "--force"])?;
        Ok(())
    }

    /// The branch that `HEAD` names: what GitHub calls the default branch.
    pub fn default_branch(&self) -> Result<String, GitError> {
        if let Share::Part(part) = &self.0.share {
            return Ok(part.default_branch.lock().clone());
        }
        let name = self.0.store.git.run(&["symbolic-ref", "HEAD"])?;
        Ok(name.trim().trim_start_matches("refs/heads/").to_owned())
    }

    /// Makes another branch the default; it need not exist yet.
    pub fn set_default_branch(&self, name: &str) -> Result<(), GitError> {
        if let Share::Part(part) = &self.0.share {
            name.clone_into(&mut part.default_branch.lock());
            return Ok(());
        }
        let name = format!("refs/heads/{name}");
        self.0.store.git.run(&["symbolic-ref", "HEAD", &name])?;
        Ok(())
    }

    fn update_ref(&self, name: &str, id: &str) -> Result<(), GitError> {
        let name = self.0.share.reference(name);
        self.0.store.git.run(&["update-ref", &name, id])?;
        Ok(())
    }

    fn branch_tip(&self, branch: &str) -> Result<Option<ObjectId>, GitError> {
        let object = self.object(&format!("refs/heads/{branch}^{{commit}}"))?;
        Ok(object.map(|object| object.id))
    }

    fn commit_id(&self, revision: &str) -> Result<ObjectId, GitError> {
        self.object(&format!("{revision}^{{commit}}"))?
            .map(|object| object.id)
            .ok_or_else(|| GitError::NoSuchRevision(revision.to_owned()))
    }

    fn builder(&self) -> MutexGuard<'_, Builder> {
        self.0.builder.lock()
    }
}

impl fmt::Debug for TestRepository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("TestRepository")
            .field(&self.path())
            .finish()
    }
}
