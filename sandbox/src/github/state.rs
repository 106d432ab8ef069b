//! What the sandbox knows beside the Git repository.

use parking_lot::Mutex;

use super::hosted::Repositories;
use super::rate::Limits;
use crate::switch::Switches;

/// Whose addresses the API has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// As `api.github.com`: `/repos/…` and `/graphql`.
    #[default]
    Cloud,
    /// As GitHub Enterprise Server: `/api/v3/repos/…` and `/api/graphql`.
    EnterpriseServer,
}

/// Rights that a workflow grants its token by itself:
/// <https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#permissions>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `contents`: everything in the Git repository.
    Contents,
    /// `pull-requests`, for comments.
    PullRequests,
}

impl Permission {
    /// What `X-Accepted-GitHub-Permissions` says of this permission.
    pub(super) fn accepted(self, access: Access) -> String {
        let access = match access {
            Access::Write => "write",
            Access::Read | Access::None => "read",
        };
        match self {
            Self::Contents => format!("contents={access}"),
            Self::PullRequests => format!("issues={access}; pull_requests={access}"),
        }
    }
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing can be read or written.
    None,
    /// It can be read.
    Read,
    /// It can be read and written.
    Write,
}

/// A comment on an issue or a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Counts the records of the sandbox, from 1.
    pub id: u64,
    /// The number of the issue or pull request.
    pub issue: u64,
    /// The login of who wrote it; `github-actions[bot]` for what came through the API.
    pub author: String,
    /// The text, in Markdown.
    pub body: String,
}

/// What a test can turn. A request sees one state of it from its beginning to its end.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) repositories: Repositories,
    pub(super) token: String,
    pub(super) switches: Switches,
    pub(super) contents: Access,
    pub(super) pull_requests: Access,
    /// The most entries of a recursive tree.
    pub(super) tree_limit: usize,
}

impl Settings {
    pub(super) fn access(&self, permission: Permission) -> Access {
        match permission {
            Permission::Contents => self.contents,
            Permission::PullRequests => self.pull_requests,
        }
    }
}

/// What clients wrote.
#[derive(Debug, Default)]
pub(super) struct Records {
    last: u64,
    /// How many repositories were added.
    pub(super) last_repository: u64,
    pub(super) comments: Vec<Comment>,
}

impl Records {
    /// The comments of an issue, oldest first.
    pub(super) fn comments_of(&self, issue: u64) -> impl Iterator<Item = &Comment> {
        self.comments.iter().filter(move |one| one.issue == issue)
    }

    /// The number of a new record.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// All that the routes work on.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) edition: Edition,
    pub(super) settings: Mutex<Settings>,
    pub(super) records: Mutex<Records>,
    pub(super) limits: Mutex<Limits>,
}

impl Shared {
    pub(super) fn new(edition: Edition, settings: Settings) -> Self {
        Self {
            edition,
            settings: Mutex::new(settings),
            records: Mutex::default(),
            limits: Mutex::new(Limits::new()),
        }
    }
}
