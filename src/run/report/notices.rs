//! What the user should know beside what became of each entity.

use crate::catalog::difference::Field;
use crate::catalog::plan::{NoOpReason, Plan, Untouched, Upsert};
use crate::run::apply::Applied;

/// So many entities are named in one notice.
const NAMED: usize = 10;

/// The notices of a run: sentences without a full stop.
pub(super) fn of(plan: &Plan, applied: Option<&Applied>) -> Vec<String> {
    let mut notices = Vec::new();
    notices.extend(removed(plan));
    notices.extend(named_no_more(plan));
    notices.extend(deselected(plan));
    notices.extend(plan.untouched.iter().filter_map(kept_by_port));
    notices.extend(plan.upserts.iter().filter_map(uncleared));
    notices.extend(applied.iter().flat_map(|applied| kept(plan, applied)));
    notices
}

fn removed(plan: &Plan) -> Option<String> {
    let removed = plan.untouched_by(&NoOpReason::Removed);
    let names = keys(removed.filter(|one| !is_named_by_query(one)))?;
    Some(format!(
        "Git no longer declares {names}, and Port keeps what was removed, as `prune: true` is not set"
    ))
}

fn named_no_more(plan: &Plan) -> Option<String> {
    let removed = plan.untouched_by(&NoOpReason::Removed);
    let names = keys(removed.filter(|one| is_named_by_query(one)))?;
    Some(format!(
        "Git no longer has the query {names}; what that found stays in Port, as it was there before"
    ))
}

fn is_named_by_query(untouched: &Untouched) -> bool {
    untouched.key.name.identifier().is_none()
}

fn kept_by_port(untouched: &Untouched) -> Option<String> {
    let NoOpReason::KeptByPort(fields) = &untouched.reason else {
        return None;
    };
    let fields: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
    Some(format!(
        "Port keeps {} of `{}` as it is: the previous run wrote what Git declares, and Port shows the same difference again, so it is not written again; declare it as Port shows it, or find out who changes it back",
        fields.join(", "),
        untouched.key
    ))
}

fn deselected(plan: &Plan) -> Option<String> {
    let names = keys(plan.untouched_by(&NoOpReason::Deselected))?;
    Some(format!(
        "the inputs no longer select {names}; this source no longer owns them, and they stay in Port"
    ))
}

fn uncleared(upsert: &Upsert) -> Option<String> {
    let key = upsert.entity.key();
    let fields = list(&upsert.uncleared)?;
    Some(format!(
        "Git no longer declares {fields} of `{key}`, which a query had set, so what Port holds now may come from elsewhere and is kept: clear it in Port if nobody else wrote it"
    ))
}

/// What Port was to clear and did not.
fn kept(plan: &Plan, applied: &Applied) -> Vec<String> {
    let kept = applied.kept.iter().filter_map(|(&index, fields)| {
        let (key, fields) = (plan.upserts.get(index)?.entity.key(), list(fields)?);
        Some(format!(
            "Port keeps {fields} of `{key}`, though this run cleared it: clear it in Port"
        ))
    });
    kept.collect()
}

fn list(fields: &[Field]) -> Option<String> {
    let names: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn keys<'p>(untouched: impl Iterator<Item = &'p Untouched>) -> Option<String> {
    few(untouched.map(|one| format!("`{}`", one.key)).collect())
}

/// The first names, and how many more there are.
fn few(all: Vec<String>) -> Option<String> {
    if all.is_empty() {
        return None;
    }
    let more = all.len().saturating_sub(NAMED);
    let named = all[..all.len() - more].join(", ");
    Some(match more {
        0 => named,
        more => format!("{named} and {more} more"),
    })
}
