//! Git objects: commits, trees, blobs and entries of trees.

use std::sync::Arc;

use async_graphql::{
    Error, InputValueError, InputValueResult, Interface, Object, Result, Scalar, ScalarType, Value,
};

use super::{Nullable, failure};
use crate::git::{self, GitError, Kind, ListedEntry, Mode, ObjectId};
use crate::github::hosted::Hosted;

/// How much of a blob Git looks at for a NUL byte before it calls it text.
const BINARY_PROBE: usize = 8_000;
/// GitHub cuts longer texts.
const MOST_TEXT: usize = 512_000;

/// A full Git object id.
pub(super) struct GitObjectId(pub(super) String);

#[Scalar(name = "GitObjectID")]
impl ScalarType for GitObjectId {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) if is_full_id(&text) => Ok(Self(text)),
            other => Err(InputValueError::custom(format!(
                "Could not coerce value {other} to GitObjectID"
            ))),
        }
    }

    /// So that a query with another is refused as a whole.
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if is_full_id(text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn is_full_id(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[derive(Interface)]
#[graphql(field(name = "oid", ty = "GitObjectId"))]
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
    let node = |object: git::Object| match object.kind {
        Kind::Commit => GitObject::Commit(CommitNode(of.clone(), object.id)),
        Kind::Tree => GitObject::Tree(TreeNode(object.id)),
        Kind::Blob => GitObject::Blob(BlobNode(object)),
    };
    let object = object.map(|object| object.map(node));
    object.map_err(Error::from).transpose()
}

pub(super) struct CommitNode(Arc<Hosted>, ObjectId);

#[Object(name = "Commit")]
impl CommitNode {
    async fn oid(&self) -> GitObjectId {
        GitObjectId(self.1.to_string())
    }

    /// Nothing at the path is an error beside the other fields' data, not a plain null.
    async fn file(&self, path: String) -> Nullable<TreeEntryNode> {
        match self.0.git.entry_at(&self.1, &path) {
            Ok(Some(entry)) => Some(Ok(TreeEntryNode(self.0.clone(), entry))),
            Ok(None) => {
                let text = format!("Could not resolve file for path '{path}'.");
                Some(Err(failure("NOT_FOUND", text)))
            }
            Err(error) => Some(Err(error.into())),
        }
    }
}

pub(super) struct TreeNode(ObjectId);

#[Object(name = "Tree")]
impl TreeNode {
    async fn oid(&self) -> GitObjectId {
        GitObjectId(self.0.to_string())
    }
}

pub(super) struct BlobNode(git::Object);

#[Object(name = "Blob")]
impl BlobNode {
    async fn oid(&self) -> GitObjectId {
        GitObjectId(self.0.id.to_string())
    }

    async fn byte_size(&self) -> usize {
        self.0.data.len()
    }

    async fn is_truncated(&self) -> bool {
        self.0.data.len() > MOST_TEXT
    }

    /// Nothing of a binary blob. Cut at the limit, and back to the end of a character. Bytes that
    /// are not UTF-8 become U+FFFD; GitHub guesses an encoding there.
    async fn text(&self) -> Option<String> {
        if self.0.data.iter().take(BINARY_PROBE).any(|byte| *byte == 0) {
            return None;
        }
        let text = String::from_utf8_lossy(&self.0.data);
        Some(text[..text.floor_char_boundary(MOST_TEXT)].to_owned())
    }
}

pub(super) struct TreeEntryNode(Arc<Hosted>, ListedEntry);

#[Object(name = "TreeEntry")]
impl TreeEntryNode {
    async fn mode(&self) -> i32 {
        self.1.mode.number()
    }

    async fn oid(&self) -> GitObjectId {
        GitObjectId(self.1.id.to_string())
    }

    /// A submodule's commit lies in another repository.
    async fn object(&self) -> Nullable<GitObject> {
        if self.1.mode == Mode::Submodule {
            return None;
        }
        found(&self.0, self.0.git.object(&self.1.id))
    }
}
