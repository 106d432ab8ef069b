//! What a run asks Port before it writes: blueprints, and entities.

use std::collections::BTreeSet;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{Basis, Change};
use crate::catalog::live::Live;
use crate::catalog::merge::takes_away;
use crate::error::Error;
use crate::event::Mode;
use crate::inputs::{Merge, Prune};
use crate::session::Session;

/// The blueprints of what may be written; none if Port is not asked.
pub(crate) async fn blueprints(
    session: &Session<'_>,
    changes: &[Change],
    basis: Basis,
) -> Result<Blueprints, Error> {
    let candidates = changes.iter().filter(|change| change.is_candidate(basis));
    let blueprints: BTreeSet<_> = candidates
        .map(|change| change.key.blueprint.clone())
        .collect();
    match session.port {
        Some(port) if !blueprints.is_empty() => Ok(port.blueprints(blueprints).await?),
        _ => Ok(Blueprints::default()),
    }
}

/// What Port holds of the entities for which that counts: of all that may be written in a plan, which
/// shows what it changes, and where Git alone does not say what to write. An apply of what changed in
/// Git asks only where something was taken away.
pub(crate) async fn live(
    session: &Session<'_>,
    changes: &[Change],
    blueprints: &Blueprints,
    basis: Basis,
) -> Result<Live, Error> {
    let (inputs, mode) = (&session.setup.inputs, session.run.mode);
    let is_asked = |change: &&Change| match (&change.head, basis, mode) {
        (None, ..) => inputs.prune == Prune::Delete || mode == Mode::Plan,
        (Some(_), Basis::Live, _) => true,
        (Some(_), Basis::Git, Mode::Plan) => change.is_candidate(basis),
        (Some(head), Basis::Git, Mode::Apply) => {
            inputs.merge == Merge::Merge && takes_away(&change.former_entities(), &head.entity)
        }
    };
    let keys: Vec<_> = changes
        .iter()
        .filter(is_asked)
        .map(|change| &change.key)
        .collect();
    match session.port {
        Some(port) if !keys.is_empty() => Ok(port.live(keys, blueprints).await?),
        _ => Ok(Live::default()),
    }
}
