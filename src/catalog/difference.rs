//! Where what is declared differs from what Port holds: field by field.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::blueprint::{Blueprint, Property};
use super::entity::{Entity, Relation, Stated, Team};
use super::live::LiveEntity;
use super::merge::Merge;

/// A part of an entity that can differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The title.
    Title,
    /// The icon.
    Icon,
    /// The teams.
    Team,
    /// A property.
    Property(String),
    /// A relation.
    Relation(String),
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title => formatter.write_str("title"),
            Self::Icon => formatter.write_str("icon"),
            Self::Team => formatter.write_str("team"),
            Self::Property(name) => write!(formatter, "properties.{name}"),
            Self::Relation(name) => write!(formatter, "relations.{name}"),
        }
    }
}

/// What a write changes in one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Which one.
    pub field: Field,
    /// What Port holds; `None` is nothing.
    pub from: Option<Value>,
    /// What it will hold; `None` is nothing.
    pub to: Option<Value>,
}

/// What writing `sent` changes in `live`, in the order title, icon, team, properties, relations.
///
/// A spelling that Port does not keep apart is no difference: `null` and nothing, `1` and `1.0`, the
/// order of teams and of a relation's targets. The text of a date is, as Port keeps it.
///
/// Only Port knows what a search query finds. So a query that no [`QueryResults`] have filled in counts
/// as a difference, with the query itself as what the field will be.
///
/// [`QueryResults`]: super::query_results::QueryResults
///
/// With [`Merge::Replace`] what `sent` leaves out goes too, of properties and relations as far as
/// `blueprint` says that entities hold them; but not a property's default, which Port may put there anew.
/// Teams that entities inherit are Port's to say.
pub fn differences(
    sent: &Entity,
    live: &LiveEntity,
    mode: Merge,
    blueprint: Option<&Blueprint>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    text_difference(Field::Title, &sent.title, &live.title, mode, &mut found);
    text_difference(Field::Icon, &sent.icon, &live.icon, mode, &mut found);
    // Where no title is given, Port may show the identifier instead.
    let is_identifier = |value: &Value| {
        let identifier = sent.name.identifier();
        identifier.is_some_and(|identifier| value.as_str() == Some(identifier.as_str()))
    };
    found.retain(|difference| {
        difference.field != Field::Title
            || difference.to.is_some()
            || !difference.from.as_ref().is_some_and(is_identifier)
    });
    if !blueprint.is_some_and(Blueprint::inherits_teams) {
        found.extend(team_difference(sent, live, mode));
    }
    property_differences(sent, live, &mut found);
    relation_differences(sent, live, &mut found);
    if mode == Merge::Replace {
        omissions(sent, live, blueprint, &mut found);
    }
    found.sort_by(|one, other| one.field.cmp(&other.field));
    found
}

/// What changes from `base`, as it was declared, to `head`: all that can be said of a change while
/// nothing is fetched from Port.
pub fn declared_differences(base: &Entity, head: &Entity) -> Vec<Difference> {
    let relation = |(name, relation): (&String, &Relation)| {
        relation_value(relation).map(|value| (name.clone(), value))
    };
    let assumed = LiveEntity {
        title: base.title.value().cloned(),
        icon: base.icon.value().cloned(),
        team: match base.team.value() {
            None => Vec::new(),
            Some(Team::One(name)) => vec![name.clone()],
            Some(Team::Many(names)) => names.clone(),
            Some(Team::Query(query)) => vec![query.to_string()],
        },
        properties: base.properties.clone(),
        relations: base.relations.iter().filter_map(relation).collect(),
    };
    let mut found = differences(head, &assumed, Merge::Replace, None);
    let is_query = |team: &Stated<Team>| matches!(team, Stated::Value(Team::Query(_)));
    found.retain(|difference| match difference.field {
        Field::Team if is_query(&base.team) || is_query(&head.team) => base.team != head.team,
        _ => difference.from != difference.to,
    });
    found
}

fn text_difference(
    field: Field,
    sent: &Stated<String>,
    live: &Option<String>,
    mode: Merge,
    found: &mut Vec<Difference>,
) {
    let stays = !sent.is_stated() && mode == Merge::Merge;
    let (from, to) = (live.as_ref(), sent.value());
    if !stays && from != to {
        let value = |text: &String| Value::from(text.as_str());
        found.push(Difference {
            field,
            from: from.map(value),
            to: to.map(value),
        });
    }
}

fn team_difference(sent: &Entity, live: &LiveEntity, mode: Merge) -> Option<Difference> {
    let to = match (&sent.team, mode) {
        (Stated::LeftOut, Merge::Merge) => return None,
        (Stated::LeftOut | Stated::Cleared, _) => None,
        (Stated::Value(team), _) if is_same_team(team, &live.team) => return None,
        (Stated::Value(Team::Query(query)), _) => Some(Value::from(query.to_string())),
        (Stated::Value(Team::One(name)), _) => Some(Value::from(vec![name.as_str()])),
        (Stated::Value(Team::Many(names)), _) => Some(Value::from(names.as_slice())),
    };
    let from = Some(Value::from(live.team.as_slice())).filter(|_| !live.team.is_empty());
    let to = to.filter(|value| !is_nothing(value));
    (from.is_some() || to.is_some()).then_some(Difference {
        field: Field::Team,
        from,
        to,
    })
}

fn property_differences(sent: &Entity, live: &LiveEntity, found: &mut Vec<Difference>) {
    for (name, value) in &sent.properties {
        let held = live.properties.get(name).filter(|held| !held.is_null());
        let value = Some(value).filter(|value| !value.is_null());
        let is_equal = match (value, held) {
            (Some(value), Some(held)) => is_same(value, held),
            (None, None) => true,
            _ => false,
        };
        if !is_equal {
            found.push(Difference {
                field: Field::Property(name.clone()),
                from: held.cloned(),
                to: value.cloned(),
            });
        }
    }
}

fn relation_differences(sent: &Entity, live: &LiveEntity, found: &mut Vec<Difference>) {
    for (name, relation) in &sent.relations {
        let held = live.relations.get(name).filter(|held| !is_nothing(held));
        if !is_same_relation(relation, held) {
            found.push(Difference {
                field: Field::Relation(name.clone()),
                from: held.cloned(),
                to: relation_value(relation),
            });
        }
    }
}

/// What a replacing write takes away by leaving it out.
fn omissions(
    sent: &Entity,
    live: &LiveEntity,
    blueprint: Option<&Blueprint>,
    found: &mut Vec<Difference>,
) {
    let is_stored = |name: &str| blueprint.is_none_or(|blueprint| stores_property(blueprint, name));
    let is_relation =
        |name: &str| blueprint.is_none_or(|blueprint| blueprint.relation(name).is_some());
    let gone = |field: Field, from: &Value| Difference {
        field,
        from: Some(from.clone()),
        to: None,
    };
    let is_default = |name: &str, held: &Value| {
        let default = blueprint.and_then(|blueprint| blueprint.default_value(name));
        default.is_some_and(|default| is_same(default, held))
    };
    for (name, held) in &live.properties {
        let is_gone = !held.is_null() && !sent.properties.contains_key(name);
        if is_gone && is_stored(name) && !is_default(name, held) {
            found.push(gone(Field::Property(name.clone()), held));
        }
    }
    for (name, held) in &live.relations {
        if !is_nothing(held) && !sent.relations.contains_key(name) && is_relation(name) {
            found.push(gone(Field::Relation(name.clone()), held));
        }
    }
}

pub(super) fn stores_property(blueprint: &Blueprint, name: &str) -> bool {
    matches!(blueprint.property(name), Some(Property::Stored { .. }))
}

fn relation_value(relation: &Relation) -> Option<Value> {
    let name = |target: &super::entity::Identifier| Value::from(target.as_str());
    match relation {
        Relation::Null => None,
        Relation::One(target) => Some(name(target)),
        Relation::Many(targets) if targets.is_empty() => None,
        Relation::Many(targets) => Some(targets.iter().map(name).collect()),
        Relation::Query(query) => Some(Value::from(query.to_string())),
    }
}

/// Whether a relation's value, or a team's, says that there is none.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Whether both are the same value to Port: numbers by size, objects whatever the order of keys. Integers
/// beyond 2^53 are the same if they are rounded to the same number, as Port may have done.
pub(crate) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let equal = |(key, one): (&String, &Value)| {
                other.get(key).is_some_and(|other| is_same(one, other))
            };
            one.len() == other.len() && one.iter().all(equal)
        }
        _ => one == other,
    }
}

/// Whether the declared teams are those that Port holds; a query is none of them.
pub(super) fn is_same_team(declared: &Team, live: &[String]) -> bool {
    let live: BTreeSet<_> = live.iter().collect();
    match declared {
        Team::One(name) => live == BTreeSet::from([name]),
        Team::Many(names) => live == names.iter().collect(),
        Team::Query(_) => false,
    }
}

/// Whether the declared targets are those that Port holds; a query is none of them.
pub(super) fn is_same_relation(declared: &Relation, live: Option<&Value>) -> bool {
    if let Relation::Query(_) = declared {
        return false;
    }
    let targets: BTreeSet<_> = declared.targets().iter().map(|one| one.as_str()).collect();
    let live: BTreeSet<_> = match live {
        None | Some(Value::Null) => BTreeSet::new(),
        Some(Value::String(one)) => BTreeSet::from([one.as_str()]),
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        Some(_) => return false,
    };
    targets == live
}

#[cfg(test)]
mod tests;
