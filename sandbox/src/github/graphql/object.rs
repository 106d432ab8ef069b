//! Git objects: the interface, trees, blobs and entries of trees.

use std::sync::Arc;

use async_graphql::{Context, Error, ID, Interface, Object, Result};

use super::commit::CommitNode;
use super::query::Repository;
use super::scalar::{GitObjectId, Uri};
use super::{Nullable, world};
use crate::git::{self, GitError, Kind, Mode, ObjectId, TreeEntry};
use crate::github::hosted::Hosted;

/// How much of a blob Git looks at for a NUL byte before it calls it text.
const BINARY_PROBE: usize = 8_000;

#[derive(Interface)]
#[graphql(
    field(name = "abbreviated_oid", ty = "String"),
    field(name = "commit_url", ty = "Uri"),
    field(name = "id", ty = "ID"),
    field(name = "oid", ty = "GitObjectId"),
    field(name = "repository", ty = "Repository")
)]
pub(super) enum GitObject {
    Commit(CommitNode),
    Tree(TreeNode),
    Blob(BlobNode),
}

/// What was looked up, as a nullable field.
pub(super) fn found(
    of: &Arc<Hosted>,
    object: Result<Option<git::Object>, GitError>,
) -> Nullable<GitObject> {
    let object = object.map(|object| of_object(of.clone(), object?));
    object.map_err(Error::from).transpose()
}

/// Tags that are objects are not in this schema.
fn of_object(of: Arc<Hosted>, object: git::Object) -> Option<GitObject> {
    match object.kind {
        Kind::Commit => {
            git::Commit::parse(&object).map(|commit| GitObject::Commit(CommitNode(of, commit)))
        }
        Kind::Tree => Some(GitObject::Tree(TreeNode(of, object.id))),
        Kind::Blob => Some(GitObject::Blob(BlobNode(of, object))),
        Kind::Tag => None,
    }
}

pub(super) fn abbreviated(id: &ObjectId) -> String {
    id.chars().take(7).collect()
}

/// The address that every Git object has, though only a commit is to be seen there.
pub(super) fn commit_url(context: &Context<'_>, of: &Hosted, id: &ObjectId) -> Uri {
    Uri(world(context).links(of).web(&format!("/commit/{id}")))
}

pub(super) struct TreeNode(pub(super) Arc<Hosted>, pub(super) ObjectId);

#[Object(name = "Tree")]
impl TreeNode {
    async fn abbreviated_oid(&self) -> String {
        abbreviated(&self.1)
    }

    async fn commit_url(&self, context: &Context<'_>) -> Uri {
        commit_url(context, &self.0, &self.1)
    }

    async fn id(&self) -> ID {
        ID(format!("T_{}", self.1))
    }

    async fn oid(&self) -> GitObjectId {
        GitObjectId(self.1.to_string())
    }

    async fn repository(&self) -> Repository {
        Repository(self.0.clone())
    }

    /// Paths count from this tree: where it lies is not known.
    async fn entries(&self) -> Nullable<Vec<TreeEntryNode>> {
        let entries = self.0.git.tree(&self.1);
        let node = |entry: TreeEntry| TreeEntryNode {
            of: self.0.clone(),
            path: entry.name.clone(),
            entry,
        };
        Some(match entries {
            Ok(entries) => Ok(entries.into_iter().map(node).collect()),
            Err(error) => Err(error.into()),
        })
    }
}

pub(super) struct BlobNode(Arc<Hosted>, git::Object);

impl BlobNode {
    fn is_binary_data(&self) -> bool {
        self.1.data.iter().take(BINARY_PROBE).any(|byte| *byte == 0)
    }
}

#[Object(name = "Blob")]
impl BlobNode {
    async fn abbreviated_oid(&self) -> String {
        abbreviated(&self.1.id)
    }

    async fn commit_url(&self, context: &Context<'_>) -> Uri {
        commit_url(context, &self.0, &self.1.id)
    }

    async fn id(&self) -> ID {
        ID(format!("B_{}", self.1.id))
    }

    async fn oid(&self) -> GitObjectId {
        GitObjectId(self.1.id.to_string())
    }

    async fn repository(&self) -> Repository {
        Repository(self.0.clone())
    }

    async fn byte_size(&self) -> usize {
        self.1.data.len()
    }

    async fn is_binary(&self) -> Option<bool> {
        Some(self.is_binary_data())
    }

    async fn is_truncated(&self, context: &Context<'_>) -> Result<bool> {
        Ok(self.1.data.len() > world(context).settings.text_limit)
    }

    /// Cut at the limit, and back to the end of a character. Bytes that are not UTF-8 become
    /// U+FFFD; GitHub guesses an encoding there.
    async fn text(&self, context: &Context<'_>) -> Option<String> {
        if self.is_binary_data() {
            return None;
        }
        let text = String::from_utf8_lossy(&self.1.data);
        let limit = world(context).settings.text_limit;
        Some(text[..text.floor_char_boundary(limit)].to_owned())
    }
}

pub(super) struct TreeEntryNode {
    pub(super) of: Arc<Hosted>,
    pub(super) path: String,
    pub(super) entry: TreeEntry,
}

#[Object(name = "TreeEntry")]
impl TreeEntryNode {
    async fn mode(&self) -> i32 {
        self.entry.mode.number()
    }

    async fn name(&self) -> &str {
        &self.entry.name
    }

    async fn path(&self) -> Option<&str> {
        Some(&self.path)
    }

    async fn oid(&self) -> GitObjectId {
        GitObjectId(self.entry.id.to_string())
    }

    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        self.entry.mode.kind().name()
    }

    async fn repository(&self) -> Repository {
        Repository(self.of.clone())
    }

    async fn size(&self) -> Result<usize> {
        if self.entry.mode.kind() != Kind::Blob {
            return Ok(0);
        }
        let object = self.of.git.object(&self.entry.id)?;
        Ok(object.map_or(0, |object| object.data.len()))
    }

    /// A submodule's commit lies in another repository.
    async fn object(&self) -> Nullable<GitObject> {
        if self.entry.mode == Mode::Submodule {
            return None;
        }
        found(&self.of, self.of.git.object(&self.entry.id))
    }
}
