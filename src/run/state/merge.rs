//! Two runs that saved the state of one source at the same time.

use std::collections::BTreeSet;

use super::{FileState, State};
use crate::catalog::change::Proof;
use crate::text::RepoPath;

/// Puts together what this run and another one made of `base`. What either changed stays open, with
/// the versions of both: which of them Port holds, only Port knows.
pub(crate) fn merge(base: &State, own: State, other: State) -> State {
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
    if own.inputs != other.inputs {
        // No inputs are these, so that the next run looks at everything and deletes nothing.
        merged.inputs.clear();
    }
    for path in touched_paths {
        let mut file = FileState::default();
        for state in [base, &other, &own] {
            let Some(known) = state.file(&path) else {
                continue;
            };
            for part in &known.parts {
                file.add(part.version.clone(), part.entities.clone(), Proof::Possible);
            }
            file.problems.extend(known.problems.iter().cloned());
        }
        file.limit();
        merged.files.insert(path, file);
    }
    let declared: BTreeSet<_> = merged.entities().into_keys().cloned().collect();
    let removed = [&own, &other].map(|state| state.removed.clone());
    merged.removed = removed.into_iter().flatten().collect();
    // What one of the two still declares may have been written after the other let go of it.
    merged.removed.retain(|key, _| !declared.contains(key));
    merged.waiting.extend(other.waiting);
    merged
}
