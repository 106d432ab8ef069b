//! Commits.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};

use super::object::{TreeEntryNode, TreeNode, abbreviated, commit_url};
use super::query::Repository;
use super::scalar::{DateTime, GitObjectId, Uri};
use super::{Nullable, failure};
use crate::git::Commit;
use crate::github::hosted::Hosted;
use crate::github::timestamp;

pub(super) struct CommitNode(pub(super) Arc<Hosted>, pub(super) Commit);

#[Object(name = "Commit")]
impl CommitNode {
    pub(super) async fn abbreviated_oid(&self) -> String {
        abbreviated(&self.1.id)
    }

    pub(super) async fn commit_url(&self, context: &Context<'_>) -> Uri {
        commit_url(context, &self.0, &self.1.id)
    }

    pub(super) async fn id(&self) -> ID {
        ID(format!("C_{}", self.1.id))
    }

    pub(super) async fn oid(&self) -> GitObjectId {
        GitObjectId(self.1.id.to_string())
    }

    pub(super) async fn repository(&self) -> Repository {
        Repository(self.0.clone())
    }

    async fn authored_date(&self) -> DateTime {
        DateTime(timestamp::iso(self.1.author.seconds))
    }

    async fn committed_date(&self) -> DateTime {
        DateTime(timestamp::iso(self.1.committer.seconds))
    }

    async fn message(&self) -> &str {
        &self.1.message
    }

    async fn message_headline(&self) -> &str {
        self.1.message.lines().next().unwrap_or_default()
    }

    async fn tree(&self) -> TreeNode {
        TreeNode(self.0.clone(), self.1.tree.clone())
    }

    /// Nothing at the path is an error beside the other fields' data, not a plain null.
    async fn file(&self, path: String) -> Nullable<TreeEntryNode> {
        match self.0.git.entry_at(&self.1.tree, &path) {
            Ok(Some(entry)) => Some(Ok(TreeEntryNode {
                of: self.0.clone(),
                path,
                entry,
            })),
            Ok(None) => {
                let text = format!("Could not resolve file for path '{path}'.");
                Some(Err(failure("NOT_FOUND", text)))
            }
            Err(error) => Some(Err(error.into())),
        }
    }
}
