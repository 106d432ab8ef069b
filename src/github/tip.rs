//! The files of a commit, as far as they are known: of a branch's tip, or of a pull request's head.

use std::collections::BTreeMap;

use super::{Side, Tree};
use crate::git::BlobId;
use crate::text::RepoPath;

/// What is known of a commit's files.
#[derive(Debug)]
pub enum Tip {
    /// The files that differ from the commit that it is compared with.
    Changed(BTreeMap<RepoPath, Side>),
    /// All of its files.
    Listed(Tree),
}

impl Tip {
    /// What the tip has at `path`; `known` is the blob there in the commit that it is compared
    /// with.
    pub fn side(&self, path: &RepoPath, known: Option<&BlobId>) -> Side {
        match self {
            Self::Listed(tree) => tree.get(path).map_or(Side::Absent, Side::from),
            Self::Changed(changed) => match (changed.get(path), known) {
                (Some(side), _) => side.clone(),
                (None, Some(blob)) => Side::File {
                    mode: None,
                    blob: blob.clone(),
                },
                (None, None) => Side::Unknown,
            },
        }
    }

    /// Whether the tip has `blob` at `path`, given that the commit that it is compared with has it there.
    pub fn has(&self, path: &RepoPath, blob: &BlobId) -> bool {
        matches!(self.side(path, Some(blob)), Side::File { blob: now, .. } if now == *blob)
    }

    /// Every path that is known to be there, or to differ.
    pub fn paths(&self) -> Vec<&RepoPath> {
        match self {
            Self::Changed(changed) => changed.keys().collect(),
            Self::Listed(tree) => tree.iter().map(|(path, _)| path).collect(),
        }
    }
}
