//! What the sandbox knows beside the Git repository.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use super::rate::Limits;
use super::timestamp;
use crate::git::TestRepository;
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
    /// `statuses`
    Statuses,
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
            Self::Statuses => format!("statuses={access}"),
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

/// The state of a commit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not decided yet.
    Pending,
    /// All is well.
    Success,
    /// It went wrong.
    Failure,
    /// It could not be decided.
    Error,
}

impl State {
    /// As the REST API writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Error => "error",
        }
    }
}

/// A commit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitStatus {
    /// Counts the records of the sandbox, from 1.
    pub id: u64,
    /// The commit that it is attached to.
    pub sha: String,
    /// What tells statuses of one commit apart.
    pub context: String,
    /// How it went.
    pub state: State,
    /// At most 140 characters.
    pub description: Option<String>,
    /// Where more is to be found.
    pub target_url: Option<String>,
}

impl CommitStatus {
    /// Contexts are compared without regard to case.
    pub(super) fn is_of(&self, context: &str) -> bool {
        self.context.to_lowercase() == context.to_lowercase()
    }

    pub(super) fn created_at(&self) -> String {
        timestamp::iso(timestamp::of_record(self.id))
    }
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
    /// The number of the record that changed it last; its own if it was never changed.
    pub(super) updated: u64,
}

/// What a test can turn. A request sees one state of it from its beginning to its end.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) full_name: String,
    pub(super) former_name: Option<String>,
    pub(super) token: String,
    pub(super) switches: Switches,
    pub(super) contents: Access,
    pub(super) statuses: Access,
    pub(super) pull_requests: Access,
    /// The most entries of a recursive tree.
    pub(super) tree_limit: usize,
    /// The most bytes of a blob's text in GraphQL.
    pub(super) text_limit: usize,
}

impl Settings {
    pub(super) fn access(&self, permission: Permission) -> Access {
        match permission {
            Permission::Contents => self.contents,
            Permission::Statuses => self.statuses,
            Permission::PullRequests => self.pull_requests,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.full_name.split_once('/').map_or("", |(_, name)| name)
    }

    pub(super) fn owner(&self) -> &str {
        self.full_name
            .split_once('/')
            .map_or(&self.full_name, |(owner, _)| owner)
    }
}

/// What clients wrote.
#[derive(Debug, Default)]
pub(super) struct Records {
    last: u64,
    pub(super) statuses: Vec<CommitStatus>,
    pub(super) comments: Vec<Comment>,
}

impl Records {
    /// The number of a new record.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The statuses of a commit, newest first.
    pub(super) fn statuses_of(&self, sha: &str) -> Vec<CommitStatus> {
        self.statuses
            .iter()
            .rev()
            .filter(|status| status.sha == sha)
            .cloned()
            .collect()
    }

    /// The newest status of each context, by context.
    pub(super) fn latest_of(&self, sha: &str) -> Vec<CommitStatus> {
        let mut latest = self.statuses_of(sha);
        // The sort is stable, so the newest of a context stays its first.
        latest.sort_by_key(|status| status.context.to_lowercase());
        latest.dedup_by(|later, first| later.is_of(&first.context));
        latest
    }
}

/// The state of all contexts together:
/// <https://docs.github.com/rest/commits/statuses#get-the-combined-status-for-a-specific-reference>.
pub(super) fn combined(latest: &[CommitStatus]) -> State {
    let any = |states: &[State]| latest.iter().any(|status| states.contains(&status.state));
    if any(&[State::Failure, State::Error]) {
        State::Failure
    } else if latest.is_empty() || any(&[State::Pending]) {
        State::Pending
    } else {
        State::Success
    }
}

/// All that the routes work on.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) repository: TestRepository,
    pub(super) edition: Edition,
    settings: Mutex<Settings>,
    records: Mutex<Records>,
    limits: Mutex<Limits>,
}

impl Shared {
    pub(super) fn new(repository: TestRepository, edition: Edition, settings: Settings) -> Self {
        Self {
            repository,
            edition,
            settings: Mutex::new(settings),
            records: Mutex::default(),
            limits: Mutex::new(Limits::new()),
        }
    }

    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limits(&self) -> MutexGuard<'_, Limits> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
