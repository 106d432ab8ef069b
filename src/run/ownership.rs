//! Who owns what the sources of a run declare or remove.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::pass::Pass;
use super::round::Extent;
use super::session::Session;
use super::state::ownership::{self, Claims};
use crate::catalog::change::Change;
use crate::catalog::declare::Invalid;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::Owner;
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
        Some(_) => pass.extent == Extent::All || !owned.contains_key(&change.key),
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
    let invalid = head.invalid.iter().filter_map(|one| one.key.clone());
    let declared = head.valid.iter().map(|one| one.entity.key()).chain(invalid);
    let waiting = declared.chain(source.state.waiting.iter().cloned());
    Some(Claims {
        name: source.store.as_ref()?.name.to_string(),
        title: source.title(session),
        since: source.state.since,
        waiting: waiting.filter(|key| !owned.contains(key)).collect(),
        owned,
    })
}

/// Who else owns or waits for what a source declares or removes.
pub(super) fn owners(
    session: &Session<'_>,
    pass: &Pass<'_, '_>,
    claims: &[Claims],
) -> BTreeMap<EntityKey, Owner> {
    match own(session, pass) {
        Some(own) => ownership::owners(&keys(session, pass), &own, claims),
        None => BTreeMap::new(),
    }
}

/// Refuses what several sources of the run declare and none owns.
pub(super) fn refuse_contested(passes: &mut [Pass<'_, '_>], claims: &[Claims]) {
    if passes.len() < 2 {
        return;
    }
    let mut places: BTreeMap<EntityKey, Vec<(String, Location)>> = BTreeMap::new();
    for pass in &*passes {
        for head in pass
            .changes
            .iter()
            .filter_map(|change| change.head.as_ref())
        {
            let place = (pass.source.origin.name.to_string(), head.location());
            places.entry(head.entity.key()).or_default().push(place);
        }
    }
    let owned: BTreeSet<_> = claims.iter().flat_map(|one| &one.owned).collect();
    places.retain(|key, places| places.len() > 1 && !owned.contains(key));
    for pass in passes {
        let name = pass.source.origin.name.to_string();
        let mut validated = Validated::default();
        for change in std::mem::take(&mut pass.changes) {
            let contested = change.head.as_ref().zip(places.get(&change.key));
            let Some((head, places)) = contested else {
                validated.changes.push(change);
                continue;
            };
            validated.invalid.push(Invalid {
                key: Some(change.key.clone()),
                location: head.location(),
                codes: BTreeSet::from([Code::DuplicateEntity]),
            });
            let others = places.iter().filter(|(other, _)| *other != name);
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
        .help("keep one declaration: which of them Port should hold cannot be told")
}
