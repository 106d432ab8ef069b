//! Two runs that saved the state of one source at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{FileState, State};
use crate::catalog::change::Proof;

/// Merges the states that two runs made of `base`. Files that either changed become open, with the
/// versions of both, since only Port knows which it holds.
pub(crate) fn merge_states(base: &State, own: State, other: State) -> State {
    let mut merged = own.clone();
    let is_first = base.files.is_empty() && base.inputs.is_empty();
    if own.inputs != other.inputs || (own.inputs != base.inputs && !is_first) {
        // What a run with new inputs released is open again below. An empty digest matches no inputs: the
        // next run looks at everything and deletes nothing.
        merged.inputs.clear();
    }
    let states = [base, &other, &own];
    let paths: BTreeSet<_> = states.iter().flat_map(|state| state.files.keys()).collect();
    for path in paths {
        let known = states.map(|state| state.file(path));
        if known.iter().all(|file| *file == known[0]) {
            continue;
        }
        let mut file = FileState::default();
        for known in known.into_iter().flatten() {
            for held in &known.versions {
                for key in &held.entities {
                    file.add(&held.version, key.clone(), Proof::Possible);
                }
            }
            file.problems.extend(known.problems.iter().cloned());
        }
        file.limit();
        merged.files.insert(path.clone(), Arc::new(file));
    }
    let declared: BTreeSet<_> = merged.entities().into_keys().cloned().collect();
    merged.removed.extend(other.removed);
    // An entity that one run still declares may have been written after the other removed it.
    merged.removed.retain(|key, _| !declared.contains(key));
    merged.waiting.extend(other.waiting);
    merged
}
