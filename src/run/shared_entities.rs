//! Entities that several sources of one run declare, or hand over to each other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apply::UpsertOutcome;
use super::ownership::declared;
use super::pass::Pass;
use super::state::claims::Claims;
use crate::catalog::declare::Invalid;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::NoOpReason;
use crate::catalog::validate::Validated;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::Location;

/// Refuses what several sources of the run declare and none owns.
pub(super) fn refuse_contested(passes: &mut [Pass<'_, '_>], claims: &[Claims]) {
    if passes.len() < 2 {
        return;
    }
    let mut declarations: BTreeMap<EntityKey, Vec<(String, Location)>> = BTreeMap::new();
    for pass in &*passes {
        for head in pass
            .changes
            .iter()
            .filter_map(|change| change.head.as_ref())
        {
            let declaration = (pass.source.origin.name.to_string(), head.location());
            declarations
                .entry(head.entity.key())
                .or_default()
                .push(declaration);
        }
    }
    let owned: BTreeSet<_> = claims.iter().flat_map(|one| &one.owned).collect();
    declarations.retain(|key, declarations| declarations.len() > 1 && !owned.contains(key));
    for pass in passes {
        let name = pass.source.origin.name.to_string();
        let mut validated = Validated::default();
        for change in std::mem::take(&mut pass.changes) {
            let contested = change.head.as_ref().zip(declarations.get(&change.key));
            let Some((head, declarations)) = contested else {
                validated.changes.push(change);
                continue;
            };
            validated.invalid.push(Invalid {
                key: Some(change.key.clone()),
                location: head.location(),
                codes: BTreeSet::from([Code::DuplicateEntity]),
            });
            let others = declarations.iter().filter(|(other, _)| *other != name);
            let found = contested_at(head.location(), &change.key, others);
            validated.diagnostics.push(found);
        }
        pass.keep_valid(validated);
    }
}

fn contested_at<'o>(
    location: Location,
    key: &EntityKey,
    others: impl Iterator<Item = &'o (String, Location)>,
) -> Diagnostic {
    let others: Vec<_> = others
        .map(|(repository, location)| format!("{repository} at {location}"))
        .collect();
    let message = format!("`{key}` is also declared in {}", others.join(", "));
    Diagnostic::new(Code::DuplicateEntity, location, message)
        .label("declared here")
        .help("keep one declaration and remove the other")
}

/// What all sources of the run declare in the files that this round reads.
pub(super) fn all_declared(passes: &[Pass<'_, '_>]) -> BTreeSet<EntityKey> {
    passes.iter().flat_map(declared).collect()
}

/// Once the plans are carried out: takes out of a source's plan what it was to hand over to another one of
/// the run that did not take it over, because of an error. As if both were files of one repository, the
/// file that declared it stays open, and the next run decides anew. `declared` is what any source of the
/// run declares, `taken` what any of them has [taken over](taken_over).
pub(super) fn keep_what_is_not_taken_over(
    pass: &mut Pass<'_, '_>,
    declared: &BTreeSet<EntityKey>,
    taken: &BTreeSet<EntityKey>,
) {
    if hands_over(pass) {
        let plan = Arc::make_mut(&mut pass.plan);
        plan.untouched.retain(|one| match one.reason {
            NoOpReason::HandedOver(_) => taken.contains(&one.key) || !declared.contains(&one.key),
            _ => true,
        });
    }
}

/// Whether a source is to hand anything over.
pub(super) fn hands_over(pass: &Pass<'_, '_>) -> bool {
    let mut untouched = pass.plan.untouched.iter();
    untouched.any(|one| matches!(one.reason, NoOpReason::HandedOver(_)))
}

/// What a source declares and its state holds or waits for from now on.
pub(super) fn taken_over<'a>(pass: &'a Pass<'_, '_>) -> impl Iterator<Item = &'a EntityKey> {
    let outcomes = pass.applied.iter().flat_map(|applied| &applied.outcomes);
    let upserts = pass.plan.upserts.iter().zip(outcomes);
    let written = upserts.filter(|(_, outcome)| !matches!(outcome, UpsertOutcome::Blocked(_)));
    let is_taken = |reason: &NoOpReason| {
        matches!(
            reason,
            NoOpReason::Unchanged | NoOpReason::KeptByPort(_) | NoOpReason::OwnedElsewhere(_)
        )
    };
    let untouched = pass.plan.untouched.iter();
    let untouched = untouched.filter(move |one| is_taken(&one.reason));
    let written = written.map(|(upsert, _)| &upsert.key);
    written.chain(untouched.map(|one| &one.key))
}
