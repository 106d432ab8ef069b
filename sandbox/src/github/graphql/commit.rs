//! Commits and lists of commits.

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::object::{TreeEntryNode, TreeNode, abbreviated, commit_url};
use super::query::Repository;
use super::scalar::{DateTime, GitObjectId, Uri};
use super::status::Status;
use super::{Nullable, failure, world};
use crate::git::{Commit, GitError, ObjectId, TestRepository};
use crate::github::state::{Access, Permission};
use crate::github::timestamp;

/// "Values of first and last must be within 1-100."
const LARGEST_PAGE: i32 = 100;

pub(super) struct CommitNode(pub(super) Commit);

#[Object(name = "Commit")]
impl CommitNode {
    pub(super) async fn abbreviated_oid(&self) -> String {
        abbreviated(&self.0.id)
    }

    pub(super) async fn commit_url(&self, context: &Context<'_>) -> Uri {
        commit_url(context, &self.0.id)
    }

    pub(super) async fn id(&self) -> ID {
        ID(format!("C_{}", self.0.id))
    }

    pub(super) async fn oid(&self) -> GitObjectId {
        GitObjectId(self.0.id.to_string())
    }

    pub(super) async fn repository(&self) -> Repository {
        Repository
    }

    async fn authored_date(&self) -> DateTime {
        DateTime(timestamp::iso(self.0.author.seconds))
    }

    async fn committed_date(&self) -> DateTime {
        DateTime(timestamp::iso(self.0.committer.seconds))
    }

    async fn message(&self) -> &str {
        &self.0.message
    }

    async fn message_headline(&self) -> &str {
        self.0.message.lines().next().unwrap_or_default()
    }

    async fn tree(&self) -> TreeNode {
        TreeNode(self.0.tree.clone())
    }

    /// Nothing at the path is an error beside the other fields' data, not a plain null.
    async fn file(&self, context: &Context<'_>, path: String) -> Nullable<TreeEntryNode> {
        let repository = &world(context).shared.repository;
        match repository.entry_at(&self.0.tree, &path) {
            Ok(Some(entry)) => Some(Ok(TreeEntryNode { path, entry })),
            Ok(None) => {
                let text = format!("Could not resolve file for path '{path}'.");
                Some(Err(failure("NOT_FOUND", text)))
            }
            Err(error) => Some(Err(error.into())),
        }
    }

    async fn history(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<CommitHistoryConnection> {
        let repository = &world(context).shared.repository;
        let page = Page::new("history", &self.0.id, first, after)?;
        let mut history = repository.history(&self.0.id, None)?;
        let total = history.len();
        history.drain(..page.skip.min(total));
        history.truncate(page.count);
        let nodes = nodes(repository, history)?;
        let page_info = page.info(nodes.len(), total);
        Ok(CommitHistoryConnection {
            nodes: Some(nodes),
            page_info,
            total_count: total,
        })
    }

    async fn parents(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<CommitConnection> {
        let repository = &world(context).shared.repository;
        let page = Page::new("parents", &self.0.id, first, after)?;
        let total = self.0.parents.len();
        let ids = self
            .0
            .parents
            .iter()
            .skip(page.skip)
            .take(page.count)
            .cloned()
            .collect();
        let nodes = nodes(repository, ids)?;
        let page_info = page.info(nodes.len(), total);
        Ok(CommitConnection {
            nodes: Some(nodes),
            page_info,
            total_count: total,
        })
    }

    /// `None` where the commit has no status.
    async fn status(&self, context: &Context<'_>) -> Nullable<Status> {
        let world = world(context);
        if world.settings.access(Permission::Statuses) < Access::Read {
            let text = "Resource not accessible by integration";
            return Some(Err(failure("FORBIDDEN", text)));
        }
        let latest = world.shared.records().latest_of(&self.0.id);
        let commit = self.0.id.clone();
        (!latest.is_empty()).then(|| Ok(Status { commit, latest }))
    }
}

fn nodes(
    repository: &TestRepository,
    ids: Vec<ObjectId>,
) -> Result<Vec<Option<CommitNode>>, GitError> {
    ids.iter()
        .map(|id| Ok(repository.commit_at(id)?.map(CommitNode)))
        .collect()
}

#[derive(SimpleObject)]
pub(super) struct CommitHistoryConnection {
    nodes: Option<Vec<Option<CommitNode>>>,
    page_info: PageInfo,
    total_count: usize,
}

#[derive(SimpleObject)]
pub(super) struct CommitConnection {
    nodes: Option<Vec<Option<CommitNode>>>,
    page_info: PageInfo,
    total_count: usize,
}

#[derive(SimpleObject)]
pub(super) struct PageInfo {
    end_cursor: Option<String>,
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
}

/// The part of a list that is asked for. A cursor is, as GitHub's, the commit where the list starts
/// and the number of the item in it, from 0.
struct Page<'a> {
    start: &'a ObjectId,
    skip: usize,
    count: usize,
}

impl<'a> Page<'a> {
    fn new(
        field: &str,
        start: &'a ObjectId,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Self> {
        let first = first.ok_or_else(|| {
            let text = format!(
                "You must provide a `first` or `last` value to properly paginate the `{field}` \
                 connection."
            );
            failure("MISSING_PAGINATION_BOUNDARIES", text)
        })?;
        if first > LARGEST_PAGE {
            let text = format!(
                "Requesting {first} records on the `{field}` connection exceeds the `first` limit \
                 of {LARGEST_PAGE} records."
            );
            return Err(failure("EXCESSIVE_PAGINATION", text));
        }
        let count = usize::try_from(first)
            .map_err(|_| failure("INVALID_PAGINATION", "`first` cannot be negative."))?;
        let skip = match after {
            None => 0,
            Some(cursor) => position(&cursor, start).map(|at| at + 1).ok_or_else(|| {
                let text = format!("`{cursor}` does not appear to be a valid cursor.");
                failure("INVALID_CURSOR_ARGUMENTS", text)
            })?,
        };
        Ok(Self { start, skip, count })
    }

    fn info(&self, shown: usize, total: usize) -> PageInfo {
        let cursor = |at: usize| (shown > 0).then(|| format!("{} {at}", self.start));
        let end = self.skip + shown;
        PageInfo {
            end_cursor: cursor(end.saturating_sub(1)),
            has_next_page: end < total,
            has_previous_page: self.skip > 0,
            start_cursor: cursor(self.skip),
        }
    }
}

fn position(cursor: &str, start: &ObjectId) -> Option<usize> {
    let (id, at) = cursor.split_once(' ')?;
    (id == start.as_str()).then(|| at.parse().ok()).flatten()
}
