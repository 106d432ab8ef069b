//! New entities that require one another in a circle, so that none can be written first.

use std::sync::Arc;

use super::blueprint::Blueprints;
use super::change::{Basis, Change, Kind};
use super::declare::Declaration;
use super::order::{RequiredCycle, required_cycles};
use super::plan::Action;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Location;

/// Finds the circles among `changes`, and says so at each relation that is part of one. Gives the
/// places of their entities with it.
///
/// Only where Git's word counts for which entities are new; where Port's does, Port has to refuse.
pub(super) fn find(
    changes: &[Change],
    basis: Basis,
    blueprints: &Blueprints,
) -> Vec<(usize, Diagnostic)> {
    if basis != Basis::Git {
        return Vec::new();
    }
    let candidates: Vec<(usize, &Arc<Declaration>, Action)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.is_candidate(basis))
        .filter_map(|(place, change)| {
            let action = match change.kind() {
                Kind::Created => Action::Create,
                _ => Action::Update,
            };
            Some((place, change.head.as_ref()?, action))
        })
        .collect();
    let nodes: Vec<_> = candidates
        .iter()
        .map(|(_, declaration, action)| (&declaration.entity, *action))
        .collect();
    let declarations: Vec<_> = candidates
        .iter()
        .map(|(_, declaration, _)| *declaration)
        .collect();
    required_cycles(&nodes, blueprints)
        .into_iter()
        .map(|cycle| {
            (
                candidates[cycle.entity].0,
                diagnostic(&cycle, &declarations),
            )
        })
        .collect()
}

fn diagnostic(cycle: &RequiredCycle, declarations: &[&Arc<Declaration>]) -> Diagnostic {
    let declaration = declarations[cycle.entity];
    let relation = declaration
        .node
        .get("relations")
        .and_then(|relations| relations.get(&cycle.relation));
    let location = match relation {
        Some(value) => Location::new(&declaration.source, value.span),
        None => declaration.location(),
    };
    let key = |place: &usize| format!("`{}`", declarations[*place].entity.key());
    let way: Vec<_> = cycle.way.iter().map(key).collect();
    let message = format!(
        "the relation `{}` is required and leads in a circle: {} needs {}",
        cycle.relation,
        key(&cycle.entity),
        way.join(", which needs ")
    );
    Diagnostic::new(Code::RelationCycle, location, message)
        .label("none of them can be written first")
        .help("make a relation of the circle optional in its blueprint, or create one of the entities in Port first")
}
