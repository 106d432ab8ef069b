//! What the user should know beside what became of each entity.

use std::collections::BTreeMap;

use super::{EntityReport, State};
use crate::catalog::live::Field;
use crate::catalog::plan::{Plan, Reason, Untouched, Upsert};

/// So many entities are named in one notice.
const NAMED: usize = 10;

/// The notices of a run: sentences without a full stop.
pub(super) fn of(plan: &Plan, entities: &[EntityReport]) -> Vec<String> {
    let mut notices = Vec::new();
    notices.extend(removed(plan));
    notices.extend(named_no_more(plan));
    notices.extend(deselected(plan));
    notices.extend(held_back(entities));
    notices.extend(plan.upserts.iter().filter_map(uncleared));
    notices
}

fn removed(plan: &Plan) -> Option<String> {
    let removed = plan.untouched_by(&Reason::Removed);
    let names = keys(removed.filter(|one| !is_named_by_query(one)))?;
    Some(format!(
        "Git no longer declares {names}; what it no longer declares stays in Port, unless `prune: true` is set"
    ))
}

fn named_no_more(plan: &Plan) -> Option<String> {
    let removed = plan.untouched_by(&Reason::Removed);
    let names = keys(removed.filter(|one| is_named_by_query(one)))?;
    Some(format!(
        "Git no longer has the query {names}; what that found stays in Port, as it was there before"
    ))
}

fn is_named_by_query(untouched: &Untouched) -> bool {
    untouched.key.name.identifier().is_none()
}

fn deselected(plan: &Plan) -> Option<String> {
    let names = keys(plan.untouched_by(&Reason::Deselected))?;
    Some(format!(
        "the inputs no longer select {names}; this source no longer owns them, and they stay in Port"
    ))
}

/// One for each reason.
fn held_back(entities: &[EntityReport]) -> impl Iterator<Item = String> {
    let mut by_reason: BTreeMap<&str, Vec<&EntityReport>> = BTreeMap::new();
    for entity in entities.iter().filter(|one| one.state == State::HeldBack) {
        let reason = entity.note.as_deref().unwrap_or("deletion was blocked");
        by_reason.entry(reason).or_default().push(entity);
    }
    by_reason.into_iter().filter_map(|(reason, entities)| {
        let (stay, them) = match entities.len() {
            1 => ("stays", "it"),
            _ => ("stay", "them"),
        };
        let names = names(entities.into_iter())?;
        Some(format!(
            "{names} {stay} in Port though Git no longer declares {them}: {reason}; the next run tries again"
        ))
    })
}

fn uncleared(upsert: &Upsert) -> Option<String> {
    let key = upsert.entity.key();
    let (texts, found): (Vec<_>, Vec<_>) = upsert
        .uncleared
        .iter()
        .partition(|field| matches!(field, Field::Title | Field::Icon));
    let list = |fields: &[&Field]| -> String {
        let names: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
        names.join(", ")
    };
    let mut parts = Vec::new();
    if !texts.is_empty() {
        parts.push(format!(
            "Git no longer declares {} of `{key}`, but a merge cannot clear it: write another text, or clear it in Port",
            list(&texts)
        ));
    }
    if !found.is_empty() {
        parts.push(format!(
            "Git no longer declares {} of `{key}`, but a query had found its value, so it is not known whose it is: clear it in Port if nobody else wrote it",
            list(&found)
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn keys<'p>(untouched: impl Iterator<Item = &'p Untouched>) -> Option<String> {
    few(untouched.map(|one| format!("`{}`", one.key)).collect())
}

fn names<'e>(entities: impl Iterator<Item = &'e EntityReport>) -> Option<String> {
    few(entities
        .map(|entity| format!("`{}`", entity.name()))
        .collect())
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
