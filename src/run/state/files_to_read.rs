//! Which files a round reads: those that are open, and those whose version at the tip is not the
//! settled one.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileState, State};
use crate::git::BlobId;
use crate::github::{Side, Tip};
use crate::text::RepoPath;

/// The files to read, with what the tip has there: those that are open or changed, and those
/// that share an entity with one of them, since only Port knows which of these it holds. Files of
/// the tip count if the inputs select them (`is_selected`), files of the state always. `mapping`
/// gives the mapping's version for a mapped file.
pub(crate) fn files_to_read(
    state: &State,
    tip: &Tip,
    is_selected: impl Fn(&RepoPath) -> bool,
    mapping: impl Fn(&RepoPath) -> Option<BlobId>,
) -> BTreeMap<RepoPath, Side> {
    let known = |path: &RepoPath| state.file(path).and_then(FileState::settled);
    let side = |path: &RepoPath| tip.side(path, known(path).map(|held| &held.version.file));
    let is_current = |path: &RepoPath| match known(path).map(|held| &held.version) {
        Some(version) => {
            let mut texts = version.texts.iter();
            tip.has(path, &version.file)
                && version.mapping == mapping(path)
                && texts.all(|(path, blob)| tip.has(path, blob))
        }
        None => state.file(path).is_none() && side(path) == Side::Absent,
    };
    let mut paths: BTreeSet<RepoPath> = state.files().keys().cloned().collect();
    let selected = tip.paths().into_iter().filter(|path| is_selected(path));
    paths.extend(selected.cloned());
    paths.retain(|path| !is_current(path));
    let paths = state.sharing(paths).into_iter();
    paths.map(|path| (path.clone(), side(&path))).collect()
}
