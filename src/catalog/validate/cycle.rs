//! New entities that require one another in a cycle, so that none can be written first.

use std::collections::HashMap;
use std::sync::Arc;

use super::Validated;
use super::whole_run::refuse;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{Change, ChangeKind};
use crate::catalog::declare::Declaration;
use crate::catalog::entity::EntityKey;
use crate::catalog::live::{Knowledge, Live};
use crate::catalog::order::{RequiredCycle, required_cycles};
use crate::catalog::plan::Action;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::Location;

/// New entities that require one another in a cycle, with an error at each relation that is part of
/// it.
#[derive(Debug)]
pub struct Cycles(HashMap<EntityKey, Vec<Diagnostic>>);

impl Cycles {
    /// Finds the cycles among `changes`.
    pub fn find<'c>(
        changes: impl Iterator<Item = &'c Change>,
        live: &Live,
        blueprints: &Blueprints,
    ) -> Self {
        Self(find(changes, live, blueprints))
    }

    /// Refuses those of `changes` that are in a cycle.
    pub fn refuse(&self, changes: Vec<Change>) -> Validated {
        refuse(changes, |change, _| {
            self.0.get(&change.key).cloned().unwrap_or_default()
        })
    }
}

fn find<'c>(
    changes: impl Iterator<Item = &'c Change>,
    live: &Live,
    blueprints: &Blueprints,
) -> HashMap<EntityKey, Vec<Diagnostic>> {
    let candidates = changes.filter(|change| change.is_candidate());
    let candidates: Vec<(&Arc<Declaration>, Action)> = candidates
        .filter_map(|change| Some((change.head.as_ref()?, action(change, live))))
        .collect();
    let nodes: Vec<_> = candidates
        .iter()
        .map(|(declaration, action)| (&declaration.entity, *action))
        .collect();
    let declarations: Vec<_> = candidates
        .iter()
        .map(|(declaration, _)| *declaration)
        .collect();
    let mut found: HashMap<EntityKey, Vec<Diagnostic>> = HashMap::new();
    for cycle in required_cycles(&nodes, blueprints) {
        let key = declarations[cycle.entity].entity.key();
        let diagnostic = diagnostic(&cycle, &declarations);
        found.entry(key).or_default().push(diagnostic);
    }
    found
}

/// Whether an entity is new: by Port where it was compared with Port, else by Git.
fn action(change: &Change, live: &Live) -> Action {
    match (live.get(&change.key), change.kind()) {
        (Knowledge::Present(_) | Knowledge::AsDeclared, _) => Action::Update,
        (Knowledge::Absent, _) | (Knowledge::Unknown, ChangeKind::Created) => Action::Create,
        (Knowledge::Unknown, _) => Action::Update,
    }
}

fn diagnostic(cycle: &RequiredCycle, declarations: &[&Arc<Declaration>]) -> Diagnostic {
    let declaration = declarations[cycle.entity];
    let location = match declaration.member("relations", &cycle.relation) {
        Some(member) => Location::new(&declaration.source, member.value.span),
        None => declaration.location(),
    };
    let key = |index: &usize| format!("`{}`", declarations[*index].entity.key());
    let way = std::iter::once(&cycle.entity).chain(&cycle.way);
    let way: Vec<_> = way.map(key).collect();
    let message = format!(
        "circular required relation `{}`: {}",
        cycle.relation,
        way.join(" → ")
    );
    Diagnostic::new(Code::RelationCycle, location, message)
        .label("none of these can be written first")
        .help("make one of these relations optional in its blueprint, or create one of the entities in Port first")
}
