//! What a run asks Port before it writes: blueprints, and entities.

use std::collections::BTreeSet;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{Basis, Change};
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::live::{Knowledge, Live};
use crate::catalog::merge::takes_away;
use crate::catalog::question::{Question, questions};
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
///
/// Where what Port holds is shown or decides, what queries find counts too.
pub(crate) async fn live(
    session: &Session<'_>,
    changes: &[Change],
    blueprints: &Blueprints,
    basis: Basis,
) -> Result<Live, Error> {
    let (prune, mode) = (session.setup.inputs.prune, session.run.mode);
    let removed_of = match prune {
        Prune::Delete => blueprints_of(changes.iter().filter(|change| change.head.is_none())),
        Prune::Keep => BTreeSet::new(),
    };
    let names_removed =
        |key: &EntityKey| key.name.identifier().is_none() && removed_of.contains(&key.blueprint);
    let is_asked = |change: &&Change| match (&change.head, basis, mode) {
        (None, ..) => prune == Prune::Delete || mode == Mode::Plan,
        (Some(_), Basis::Live, _) => true,
        (Some(_), Basis::Git, _) if names_removed(&change.key) => true,
        (Some(_), Basis::Git, Mode::Plan) => change.is_candidate(basis),
        (Some(head), Basis::Git, Mode::Apply) => {
            let takes = || takes_away(&change.former_entities(), &head.entity);
            session.setup.inputs.merge == Merge::Merge && takes()
        }
    };
    let keys: Vec<_> = changes
        .iter()
        .filter(is_asked)
        .map(|change| &change.key)
        .collect();
    let Some(port) = session.port.filter(|_| !keys.is_empty()) else {
        return Ok(Live::default());
    };
    let mut live = port.live(keys, blueprints).await?;
    if basis == Basis::Live || mode == Mode::Plan {
        live.answers = port.answers(open(changes, &live, blueprints)).await?;
    }
    Ok(live)
}

/// The queries whose answers say whether an entity that is there changes.
fn open(changes: &[Change], live: &Live, blueprints: &Blueprints) -> BTreeSet<Question> {
    let is_there = |change: &&Change| matches!(live.get(&change.key), Knowledge::Present(_));
    let asking = changes.iter().filter(is_there);
    let heads = asking.filter_map(|change| change.head.as_ref());
    heads
        .flat_map(|head| {
            let blueprint = blueprints.known.get(&head.entity.blueprint);
            questions(&head.entity, blueprint)
        })
        .collect()
}

fn blueprints_of<'c>(changes: impl Iterator<Item = &'c Change>) -> BTreeSet<BlueprintId> {
    changes.map(|change| change.key.blueprint.clone()).collect()
}
