//! What only the whole run shows: what one change does to another entity, or to what Port
//! holds.

use std::collections::BTreeSet;

use super::Validated;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::Change;
use crate::catalog::declare::{Declaration, Invalid, error_codes};
use crate::catalog::difference::Field;
use crate::catalog::entity::{EntityKey, Identifier};
use crate::catalog::live::Live;
use crate::catalog::merge::required_dropped;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Member, Node, Value};
use crate::text::Location;

/// Refuses relations to entities that are `deleted`.
pub fn refuse_dangling(
    changes: Vec<Change>,
    deleted: &BTreeSet<EntityKey>,
    blueprints: &Blueprints,
) -> Validated {
    refuse(changes, |_, declaration| {
        dangling(declaration, deleted, blueprints)
    })
}

/// The relations of `declarations` that lead to what is `removed`. The declarations need not be among a
/// run's changes.
pub fn dangling_in(
    declarations: &[&Declaration],
    removed: &BTreeSet<EntityKey>,
    blueprints: &Blueprints,
) -> Validated {
    let mut validated = Validated::default();
    for declaration in declarations {
        let found = dangling(declaration, removed, blueprints);
        if !found.is_empty() {
            validated.invalid.push(Invalid {
                key: Some(declaration.entity.key()),
                location: declaration.location(),
                codes: error_codes(&found),
            });
        }
        validated.diagnostics.extend(found);
    }
    validated
}

/// Refuses to take away what a blueprint requires. With `merge: true` a file may leave it out, as
/// somebody else may write it, but what only Git wrote would stay for ever.
pub fn refuse_dropping_required(
    changes: Vec<Change>,
    live: &Live,
    blueprints: &Blueprints,
) -> Validated {
    refuse(changes, |change, declaration| {
        let Some(blueprint) = blueprints.known.get(&change.key.blueprint) else {
            return Vec::new();
        };
        let former = change.former_entities();
        let live = live.get(&change.key);
        required_dropped(&former, &declaration.entity, live, blueprint)
            .iter()
            .map(|field| dropped_required(declaration, field))
            .collect()
    })
}

pub(super) fn refuse(
    changes: Vec<Change>,
    check: impl Fn(&Change, &Declaration) -> Vec<Diagnostic>,
) -> Validated {
    let mut validated = Validated::default();
    for change in changes {
        let declaration = change.head.clone();
        let found = declaration.as_ref().map(|head| check(&change, head));
        let found = found.unwrap_or_default();
        match declaration {
            Some(head) if !found.is_empty() => validated.invalid.push(Invalid {
                key: Some(change.key),
                location: head.location(),
                codes: error_codes(&found),
            }),
            _ => validated.changes.push(change),
        }
        validated.diagnostics.extend(found);
    }
    validated
}

fn dropped_required(declaration: &Declaration, field: &Field) -> Diagnostic {
    let blueprint = &declaration.entity.blueprint;
    let (code, what) = match field {
        Field::Relation(_) => (Code::InvalidRelation, "relation"),
        _ => (Code::MissingProperty, "property"),
    };
    let message = format!("`{field}` is no longer there, and `{blueprint}` requires this {what}");
    Diagnostic::new(code, declaration.location(), message)
        .label("this entity")
        .help("put it back, or change the blueprint first")
}

fn dangling(
    declaration: &Declaration,
    removed: &BTreeSet<EntityKey>,
    blueprints: &Blueprints,
) -> Vec<Diagnostic> {
    let Some(blueprint) = blueprints.known.get(&declaration.entity.blueprint) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, relation) in &declaration.entity.relations {
        let Some(rule) = blueprint.relation(name) else {
            continue;
        };
        let is_gone = |target: &Identifier| removed.contains(&rule.target_key(target));
        if !relation.targets().iter().any(is_gone) {
            continue;
        }
        let Some(member) = declaration.member("relations", name) else {
            continue;
        };
        let is_removed = |node: &&Node| {
            let target = node.as_str().and_then(|name| Identifier::parse(name).ok());
            target.as_ref().is_some_and(is_gone)
        };
        for target in targets(member).iter().filter(is_removed) {
            found.push(dangling_target(declaration, target));
        }
    }
    found
}

fn targets(member: &Member) -> &[Node] {
    match &member.value.value {
        Value::Array(items) => items,
        _ => std::slice::from_ref(&member.value),
    }
}

fn dangling_target(declaration: &Declaration, target: &Node) -> Diagnostic {
    let name = target.as_str().unwrap_or_default();
    let location = Location::new(&declaration.source, target.span);
    let message = format!("`{name}` is deleted by this change, as no file declares it any more");
    Diagnostic::new(Code::InvalidRelation, location, message)
        .label("will not be there")
        .help("take it out of the relation, or declare it again")
}
