//! Fewer requests: what can wait fills up the requests of later waves.

use std::collections::BTreeMap;

use super::{Merge, PlannedWrite, Write};
use crate::catalog::entity::BlueprintId;

/// How many entities one request takes: [Create multiple entities][docs].
///
/// [docs]: https://docs.port.io/api-reference/create-multiple-entities
pub const MAX_ENTITIES: usize = 20;

/// What can share a request.
type RequestGroup<'e> = (&'e BlueprintId, Merge);

/// Moves writes to later waves where that saves a request. Nothing that needs them moves.
pub(super) fn fill(staged: &mut [(usize, Write)], nodes: &[PlannedWrite<'_>], merge: Merge) {
    let Some(last) = staged.iter().map(|(wave, _)| *wave).max() else {
        return;
    };
    let latest = latest(staged, nodes.len(), last);
    let mut by_kind: BTreeMap<RequestGroup<'_>, Vec<usize>> = BTreeMap::new();
    for (index, (_, write)) in staged.iter().enumerate() {
        let entity = nodes[write.entity].0;
        let kind = (&entity.blueprint, write.merge(merge.of(entity)));
        by_kind.entry(kind).or_default().push(index);
    }
    for indices in by_kind.into_values() {
        fill_kind(staged, &indices, &latest, last);
    }
}

/// By write: the last wave that it can be in, as the waves are.
fn latest(staged: &[(usize, Write)], entities: usize, last: usize) -> Vec<usize> {
    let mut needed_in = vec![last + 1; entities];
    for (wave, write) in staged {
        for &need in &write.needs {
            needed_in[need] = needed_in[need].min(*wave);
        }
    }
    let of = |(_, write): &(usize, Write)| match write.is_second() {
        true => last,
        false => needed_in[write.entity] - 1,
    };
    staged.iter().map(of).collect()
}

fn fill_kind(staged: &mut [(usize, Write)], indices: &[usize], latest: &[usize], last: usize) {
    let mut by_wave = vec![Vec::new(); last + 1];
    for &index in indices {
        by_wave[staged[index].0].push(index);
    }
    for wave in 0..last {
        let mut waiting = by_wave[wave].clone();
        let surplus = waiting.len() % MAX_ENTITIES;
        if surplus == 0 {
            continue;
        }
        waiting.sort_by_key(|&index| latest[index]);
        let moves = moves(&waiting, surplus, wave, &by_wave, latest);
        if moves.len() < surplus {
            continue;
        }
        for (index, to) in moves {
            staged[index].0 = to;
            by_wave[to].push(index);
        }
    }
}

/// Where up to `surplus` writes of `wave` find room in requests that there are anyway. `waiting` is
/// sorted by how long they can wait.
fn moves(
    waiting: &[usize],
    surplus: usize,
    wave: usize,
    by_wave: &[Vec<usize>],
    latest: &[usize],
) -> Vec<(usize, usize)> {
    let mut waiting = waiting.iter().copied().peekable();
    let mut moves = Vec::new();
    for (to, there) in by_wave.iter().enumerate().skip(wave + 1) {
        // Who cannot wait so long stays.
        while waiting.next_if(|&index| latest[index] < to).is_some() {}
        if waiting.peek().is_none() {
            break;
        }
        let room = (MAX_ENTITIES - there.len() % MAX_ENTITIES) % MAX_ENTITIES;
        let moved = room.min(surplus - moves.len());
        moves.extend(waiting.by_ref().take(moved).map(|index| (index, to)));
    }
    moves
}
