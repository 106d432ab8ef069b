//! Two runs that saved the state of one source at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{FileState, State};
use crate::catalog::change::Proof;
use crate::text::RepoPath;

/// Merges the states that two runs made of `base`. Files that either changed become open, with the
/// versions of both, since only Port knows which it holds.
pub(crate) fn merge_states(base: &State, own: State, other: State) -> State {
    let touched = |state: &State| -> BTreeSet<RepoPath> {
        let paths = state.files.keys().chain(base.files.keys());
        paths
            .filter(|path| state.file(path) != base.file(path))
            .cloned()
            .collect()
    };
    let mut touched_paths = touched(&own);
    touched_paths.extend(touched(&other));
    let mut merged = own.clone();
    let is_first = base.files.is_empty() && base.inputs.is_empty();
    if own.inputs != other.inputs || (own.inputs != base.inputs && !is_first) {
        // What a run with new inputs released is open again below. An empty digest matches no inputs: the
        // next run looks at everything and deletes nothing.
        merged.inputs.clear();
    }
    for path in touched_paths {
        let mut file = FileState::default();
        for state in [base, &other, &own] {
            let Some(known) = state.file(&path) else {
                continue;
            };
            for held in &known.versions {
                file.add(held.version.clone(), held.entities.clone(), Proof::Possible);
            }
            file.problems.extend(known.problems.iter().cloned());
        }
        file.limit();
        merged.files.insert(path, Arc::new(file));
    }
    let declared: BTreeSet<_> = merged.entities().into_keys().cloned().collect();
    let removed = [&own, &other].map(|state| state.removed.clone());
    merged.removed = removed.into_iter().flatten().collect();
    // An entity that one run still declares may have been written after the other removed it.
    merged.removed.retain(|key, _| !declared.contains(key));
    merged.waiting.extend(other.waiting);
    merged
}
