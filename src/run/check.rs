//! Checks what may be written against its blueprints.

use std::collections::BTreeSet;

use super::error::Error;
use super::look::{Against, Looked};
use super::read::Declared;
use super::session::Session;
use super::source::Source;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Change;
use crate::catalog::entity::BlueprintId;
use crate::catalog::validate::{check_flawed, validate};
use crate::port::Port;

/// The blueprints of what the files held when they were applied last: most likely they are needed, and
/// reading them while the files are read saves the time of a request.
pub(crate) async fn likely_blueprints(
    session: &Session<'_>,
    source: &Source<'_>,
    looked: &Looked,
) -> Result<Blueprints, Error> {
    let Against::State = looked.against else {
        return Ok(Blueprints::default());
    };
    let files = looked
        .files
        .keys()
        .filter_map(|path| source.state.file(path));
    let parts = files.flat_map(|file| &file.parts);
    let keys = parts.flat_map(|part| &part.entities);
    let wanted = keys.map(|key| key.blueprint.clone()).collect();
    fetch_blueprints(session.port, wanted).await
}

/// Checks every entity that may have to be written. Errors go to `declared`; the other changes are
/// returned.
///
/// # Errors
/// If a request to Port fails.
pub(crate) async fn check(
    session: &Session<'_>,
    declared: &mut Declared,
    changes: Vec<Change>,
    blueprints: &mut Blueprints,
) -> Result<Vec<Change>, Error> {
    let candidates = changes.iter().filter(|change| change.is_candidate());
    let wanted: BTreeSet<_> = candidates
        .map(|change| change.key.blueprint.clone())
        .filter(|blueprint| !blueprints.covers(blueprint))
        .collect();
    blueprints.add(fetch_blueprints(session.port, wanted).await?);
    if let Some(port) = session.port {
        let invalid = declared.head.blueprints_of_invalid();
        port.add_blueprints_of_invalid(invalid, blueprints).await;
    }
    let validated = validate(changes, blueprints, session.setup.omission());
    declared
        .head
        .reject(validated.invalid, validated.diagnostics);
    check_flawed(&mut declared.head, blueprints, session.setup.omission());
    Ok(validated.changes)
}

async fn fetch_blueprints(
    port: Option<&Port>,
    wanted: BTreeSet<BlueprintId>,
) -> Result<Blueprints, Error> {
    match port {
        Some(port) if !wanted.is_empty() => Ok(port.blueprints(wanted).await?),
        _ => Ok(Blueprints::default()),
    }
}
