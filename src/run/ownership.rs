//! Who owns what the sources of a run declare or remove.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::pass::Pass;
use super::round::RoundScope;
use super::session::Session;
use super::state::claims::{self, Claims};
use crate::catalog::change::Change;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::ClaimingSource;
use crate::inputs::Prune;

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
    let owned = owned.filter(|key| !dropped.contains(*key)).cloned();
    let owned: BTreeSet<_> = owned.collect();
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
pub(super) fn declared(pass: &Pass<'_, '_>) -> impl Iterator<Item = EntityKey> {
    let head = &pass.declared.head;
    let invalid = head.invalid.iter().filter_map(|one| one.key.clone());
    head.valid.iter().map(|one| one.entity.key()).chain(invalid)
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
