//! Which files a run looks at: those that are open, and those whose version at the tip is not the
//! settled one.

use std::collections::{BTreeMap, BTreeSet};

use super::State;
use crate::git::BlobId;
use crate::github::{Side, Tree};
use crate::source::RepoPath;

/// What is known of a branch's tip.
#[derive(Debug)]
pub(crate) enum Tip {
    /// Where it differs from the commit that was applied last.
    Changed(BTreeMap<RepoPath, Side>),
    /// All of its files.
    Listed(Tree),
}

impl Tip {
    /// What the tip has at `path`; `known` is what the commit that was applied last had there.
    pub(crate) fn side(&self, path: &RepoPath, known: Option<&BlobId>) -> Side {
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

    fn paths(&self) -> Vec<&RepoPath> {
        match self {
            Self::Changed(changed) => changed.keys().collect(),
            Self::Listed(tree) => tree.iter().map(|(path, _)| path).collect(),
        }
    }
}

/// The files to look at, with what the tip has there. Files that the inputs do not select
/// (`is_selected`) are left out.
pub(crate) fn to_look_at(
    state: &State,
    tip: &Tip,
    is_selected: impl Fn(&RepoPath) -> bool,
) -> BTreeMap<RepoPath, Side> {
    let mut paths: BTreeSet<&RepoPath> = state.files().keys().collect();
    paths.extend(tip.paths().into_iter().filter(|path| is_selected(path)));
    let mut files = BTreeMap::new();
    for path in paths {
        let file = state.file(path);
        let settled = file.and_then(|file| file.settled());
        let side = tip.side(path, settled.map(|part| &part.version.file));
        let is_current = match (settled, &side) {
            (Some(part), Side::File { blob, .. }) => {
                let version = &part.version;
                version.is_at(blob, |text| match tip.side(text, version.texts.get(text)) {
                    Side::File { blob, .. } => Some(blob),
                    Side::Absent | Side::Unknown => None,
                })
            }
            _ => false,
        };
        if !is_current && (file.is_some() || side != Side::Absent) {
            files.insert(path.clone(), side);
        }
    }
    files
}
