//! Who owns what the sources of a run declare or remove.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apply::UpsertOutcome;
use super::error::Error;
use super::pass::Pass;
use super::round::RoundScope;
use super::session::Session;
use super::state::claims::{self, Claims};
use crate::catalog::change::Change;
use crate::catalog::declare::Invalid;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::{ClaimingSource, NoOpReason};
use crate::catalog::validate::Validated;
use crate::diagnostic::{Code, Diagnostic};
use crate::inputs::Prune;
use crate::text::Location;

/// So many names can be left out of a search.
const MAX_EXCEPTIONS: usize = 20;

/// What sources claim of the entities whose owners matter: sources outside the run as their states say,
/// those of the run as this run finds them.
///
/// # Errors
/// If a request to Port fails.
pub(super) async fn claims(
    session: &Session<'_>,
    passes: &[Pass<'_, '_>],
) -> Result<Vec<Claims>, Error> {
    let stores = passes.iter().filter_map(|pass| pass.source.store.as_ref());
    let names: BTreeSet<_> = stores.clone().map(|store| store.name.as_str()).collect();
    let keys = passes.iter().flat_map(|pass| keys(session, pass));
    let keys: BTreeSet<_> = keys.cloned().collect();
    let Some(store) = stores.clone().next() else {
        return Ok(Vec::new());
    };
    let except = names.iter().copied().take(MAX_EXCEPTIONS);
    let mut claims = store.claims(&keys, &except.collect::<Vec<_>>()).await?;
    claims.retain(|one| !names.contains(one.name.as_str()));
    claims.extend(passes.iter().filter_map(|pass| own(session, pass)));
    Ok(claims)
}

/// The entities of a source whose owners matter: those that are new here or about to be deleted. If the
/// run reads all files: any of them.
fn keys<'c>(session: &Session<'_>, pass: &'c Pass<'_, '_>) -> BTreeSet<&'c EntityKey> {
    let prunes = session.setup.inputs.prune == Prune::Delete;
    let owned = pass.source.found.entities();
    let is_wanted = |change: &&Change| match change.head {
        Some(_) => pass.extent == RoundScope::All || !owned.contains_key(&change.key),
        None => prunes,
    };
    let wanted = pass.changes.iter().filter(is_wanted);
    wanted.map(|change| &change.key).collect()
}

/// What a source of the run claims. What it no longer declares goes to any other owner, even a younger
/// one.
fn own(session: &Session<'_>, pass: &Pass<'_, '_>) -> Option<Claims> {
    let source = &pass.source;
    let dropped = pass.changes.iter().filter(|change| change.head.is_none());
    let dropped: BTreeSet<_> = dropped.map(|change| &change.key).collect();
    let owned = source.found.entities().into_keys();
    let owned: BTreeSet<_> = owned
        .filter(|key| !dropped.contains(*key))
        .cloned()
        .collect();
    let head = &pass.declared.head;
    // A file whose entities wait stays open, so a run that compares with the state has read it: only a
    // file that cannot be read may still declare what waits.
    let is_all_read = pass.is_of_state && head.invalid.iter().all(|one| one.key.is_some());
    let earlier = source.state.waiting.iter().filter(|_| !is_all_read);
    let waiting = declared(pass).chain(earlier.cloned());
    Some(Claims {
        name: source.store.as_ref()?.name.to_string(),
        title: source.title(session),
        since: source.state.since,
        waiting: waiting.filter(|key| !owned.contains(key)).collect(),
        owned,
    })
}

/// What a source declares in the files that this round reads, valid or not.
fn declared(pass: &Pass<'_, '_>) -> impl Iterator<Item = EntityKey> {
    let head = &pass.declared.head;
    let invalid = head.invalid.iter().filter_map(|one| one.key.clone());
    head.valid.iter().map(|one| one.entity.key()).chain(invalid)
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

/// Who else owns or waits for what a source declares or removes.
pub(super) fn owners(
    session: &Session<'_>,
    pass: &Pass<'_, '_>,
    claims: &[Claims],
) -> BTreeMap<EntityKey, ClaimingSource> {
    match own(session, pass) {
        Some(own) => claims::owners(&keys(session, pass), &own, claims),
        None => BTreeMap::new(),
    }
}

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
