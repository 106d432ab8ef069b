//! Checks what may be written against its blueprints.

use std::collections::BTreeSet;

use super::error::Error;
use super::pass::Pass;
use super::selection::{Against, Selection};
use super::session::Session;
use super::source::Source;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::BlueprintId;
use crate::catalog::validate::{self, check_flawed};
use crate::port::Port;

/// The blueprints of what the files held when they were applied last. Most likely they are needed.
pub(crate) fn likely_blueprints(sources: &[(&mut Source<'_>, Selection)]) -> BTreeSet<BlueprintId> {
    let of_state = sources
        .iter()
        .filter(|(_, selection)| matches!(selection.against, Against::State));
    let files = of_state.flat_map(|(source, selection)| {
        let paths = selection.files.keys();
        paths.filter_map(|path| source.state.file(path))
    });
    let versions = files.flat_map(|file| &file.versions);
    let keys = versions.flat_map(|held| &held.entities);
    keys.map(|key| key.blueprint.clone()).collect()
}

/// Checks every entity that may have to be written. Errors go to what is declared; the other changes
/// remain.
///
/// # Errors
/// If a request to Port fails.
pub(crate) async fn validate(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
    blueprints: &mut Blueprints,
) -> Result<(), Error> {
    let changes = passes.iter().flat_map(|pass| &pass.changes);
    let candidates = changes.filter(|change| change.is_candidate());
    let wanted: BTreeSet<_> = candidates
        .map(|change| &change.key.blueprint)
        .filter(|blueprint| !blueprints.covers(blueprint))
        .cloned()
        .collect();
    blueprints.add(fetch_blueprints(session.port, wanted).await?);
    if let Some(port) = session.port {
        let heads = passes.iter().map(|pass| &pass.declared.head);
        let invalid = heads
            .flat_map(|head| head.blueprints_of_invalid())
            .collect();
        port.add_blueprints_of_invalid(invalid, blueprints).await;
    }
    let omission = session.setup.omission();
    for pass in passes {
        let changes = std::mem::take(&mut pass.changes);
        let validated = validate::validate(changes, blueprints, omission);
        pass.keep_valid(validated);
        check_flawed(&mut pass.declared.head, blueprints, omission);
    }
    Ok(())
}

/// Reads blueprints from Port, if the run may use it.
///
/// # Errors
/// If a request to Port fails.
pub(crate) async fn fetch_blueprints(
    port: Option<&Port>,
    wanted: BTreeSet<BlueprintId>,
) -> Result<Blueprints, Error> {
    match port {
        Some(port) if !wanted.is_empty() => Ok(port.blueprints(wanted).await?),
        _ => Ok(Blueprints::default()),
    }
}
