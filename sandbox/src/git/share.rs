//! Many small repositories in one directory: a directory and a process for each of a thousand would take
//! minutes to make. Git's own [namespaces] keep their references apart.
//!
//! [namespaces]: https://git-scm.com/docs/gitnamespaces

use std::borrow::Cow;
use std::collections::HashSet;

use parking_lot::Mutex;

use super::{GitError, Kind, Object, ObjectId, TestRepository};

/// Which part of a directory is a repository.
pub(super) enum Share {
    All,
    Part(Part),
}

/// Folders and files are found by their id wherever they came from; commits only where they were made.
pub(super) struct Part {
    /// What stands before the names of references.
    prefix: String,
    pub(super) default_branch: Mutex<String>,
    commits: Mutex<HashSet<ObjectId>>,
}

impl Part {
    pub(super) fn new(number: usize, default_branch: &str) -> Self {
        Self {
            prefix: format!("refs/namespaces/{number}/"),
            default_branch: Mutex::new(default_branch.to_owned()),
            commits: Mutex::default(),
        }
    }

    /// Branches may be named alone, tags may not.
    fn expression(&self, expression: &str) -> String {
        let end = expression.find(['^', '~', ':']).unwrap_or(expression.len());
        let (name, operators) = expression.split_at(end);
        let is_id = name.len() >= 7 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let prefix = &self.prefix;
        match name {
            _ if is_id => expression.to_owned(),
            "HEAD" => format!(
                "{prefix}refs/heads/{}{operators}",
                self.default_branch.lock()
            ),
            name if name.starts_with("refs/") => format!("{prefix}{expression}"),
            name => format!("{prefix}refs/heads/{name}{operators}"),
        }
    }
}

impl Share {
    /// What Git calls the reference that this repository calls `name`.
    pub(super) fn reference(&self, name: &str) -> String {
        match self {
            Self::All => name.to_owned(),
            Self::Part(part) => format!("{}{name}", part.prefix),
        }
    }

    /// What Git understands where `expression` is meant in this repository.
    pub(super) fn expression<'e>(&self, expression: &'e str) -> Cow<'e, str> {
        match self {
            Self::All => expression.into(),
            Self::Part(part) => part.expression(expression).into(),
        }
    }

    pub(super) fn record(&self, commit: &ObjectId) {
        if let Self::Part(part) = self {
            part.commits.lock().insert(commit.clone());
        }
    }

    /// Whether this repository has an object that its directory has.
    pub(super) fn has(&self, object: &Object) -> bool {
        match self {
            Self::Part(part) if object.kind == Kind::Commit => {
                part.commits.lock().contains(&object.id)
            }
            _ => true,
        }
    }
}

impl TestRepository {
    /// So many empty repositories with a default branch `main` each. They are as good as any, and cheap.
    pub fn many(count: usize) -> Result<Vec<Self>, GitError> {
        let store = Self::new()?.0.store.clone();
        let one = |number| {
            let one = Self::over(
                store.clone(),
                "main",
                Share::Part(Part::new(number, "main")),
            );
            // So that the same first commit of two of them has two ids.
            one.builder().clock += number as u64;
            one
        };
        Ok((0..count).map(one).collect())
    }

    /// Commits what is staged in repositories that [`Self::many`] made together.
    pub fn commit_all(repositories: &[Self], message: &str) -> Result<Vec<ObjectId>, GitError> {
        let mut commits = Vec::with_capacity(repositories.len());
        // Git's answer has to fit into a pipe.
        for some in repositories.chunks(500) {
            commits.extend(Self::import(some, message)?);
        }
        Ok(commits)
    }
}
