//! Base × head × live → what is sent of an entity.
//!
//! Git and other tools write to the same entity. What head declares is sent, and what the file never
//! mentioned is left alone. What Git took away is cleared, but only while Port still holds what Git
//! had put there: otherwise somebody else owns it now.

use super::blueprint::{Blueprint, Cardinality, Presence, Property};
use super::difference::{Field, is_same, is_same_relation, is_same_team};
use super::entity::{Clearing, Entity, Relation, Stated, Team};
use super::live::{Knowledge, LiveEntity};

/// What a write does with what the file does not mention: the input `merge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Merge {
    /// It stays as it is.
    Merge,
    /// The file replaces the entity.
    Replace,
}

impl Merge {
    /// How `entity` is written where the run's input says this: an entity that may clear nothing is
    /// merged in any case.
    pub fn of(self, entity: &Entity) -> Self {
        match entity.clearing {
            Clearing::Allowed => self,
            Clearing::HeldBack => Self::Merge,
        }
    }
}

/// The outcome of a three-way merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// What is sent.
    pub entity: Entity,
    /// What Git took away and Port still holds all the same: what a search query had found, which
    /// cannot be told from what somebody else wrote.
    pub uncleared: Vec<Field>,
}

/// Merges what `head` declares with what is `live`.
///
/// `former` is what earlier revisions declared: the base, and in a recovery also attempts that did
/// not complete. What they declared and head does not is cleared where the live value is one of
/// theirs and `blueprint` still has it, but not where it is required: see [`required_dropped`].
/// While nothing is known of the live entity, nothing is cleared but what `head` says is to be.
pub fn merge(
    former: &[&Entity],
    head: &Entity,
    live: Knowledge<'_>,
    blueprint: Option<&Blueprint>,
    mode: Merge,
) -> Merged {
    let mut merged = Merged {
        entity: head.clone(),
        uncleared: Vec::new(),
    };
    if let (Knowledge::Present(live), Merge::Merge) = (live, mode) {
        for field in dropped_fields(former, head) {
            if field == Field::Team && blueprint.is_some_and(Blueprint::inherits_teams) {
                continue;
            }
            match whose(&field, former, live) {
                ValueOwner::Git if is_clearable(&field, blueprint) => {
                    clear(&mut merged.entity, &field, blueprint);
                }
                ValueOwner::Unclear => merged.uncleared.push(field),
                ValueOwner::Git | ValueOwner::SomeoneElse => {}
            }
        }
    }
    leave_what_is_clear(&mut merged.entity, former, live);
    merged
}

/// Which of title, icon and team `entity` clears. No request that writes an entity takes `null` for
/// them, so they are cleared afterwards.
pub fn cleared(entity: &Entity) -> Vec<Field> {
    let Entity {
        title, icon, team, ..
    } = entity;
    let fields = [
        (Field::Title, *title == Stated::Cleared),
        (Field::Icon, *icon == Stated::Cleared),
        (Field::Team, *team == Stated::Cleared),
    ];
    let fields = fields.into_iter().filter(|(_, is_cleared)| *is_cleared);
    fields.map(|(field, _)| field).collect()
}

/// Whether Port has a value in `field`, one of title, icon and team, of the entity called `identifier`.
pub fn is_held(field: &Field, live: &LiveEntity, identifier: Option<&str>) -> bool {
    match field {
        // Where no title is given, Port may show the identifier instead.
        Field::Title => live.title.is_some() && live.title.as_deref() != identifier,
        Field::Icon => live.icon.is_some(),
        Field::Team => !live.team.is_empty(),
        Field::Property(_) | Field::Relation(_) => false,
    }
}

/// Clears no title, icon or team that is clear already, as that costs requests of its own.
fn leave_what_is_clear(entity: &mut Entity, former: &[&Entity], live: Knowledge<'_>) {
    let identifier = entity
        .name
        .identifier()
        .map(|name| name.as_str().to_owned());
    for field in cleared(entity) {
        let was_cleared = |former: &&Entity| cleared(former).contains(&field);
        let is_clear = match live {
            Knowledge::Present(live) => !is_held(&field, live, identifier.as_deref()),
            Knowledge::Absent | Knowledge::AsDeclared => true,
            Knowledge::Unknown => !former.is_empty() && former.iter().all(was_cleared),
        };
        match field {
            Field::Title if is_clear => entity.title = Stated::LeftOut,
            Field::Icon if is_clear => entity.icon = Stated::LeftOut,
            Field::Team if is_clear => entity.team = Stated::LeftOut,
            _ => {}
        }
    }
}

/// Whether `head` drops anything, so that live has to be read before merging.
pub fn drops_fields(former: &[&Entity], head: &Entity) -> bool {
    !dropped_fields(former, head).is_empty()
}

/// What Git dropped though `blueprint` requires it, unless another source owns it meanwhile. It stays
/// in Port until the file has it again.
pub fn required_dropped(
    former: &[&Entity],
    head: &Entity,
    live: Knowledge<'_>,
    blueprint: &Blueprint,
) -> Vec<Field> {
    let is_ours = |field: &Field| match live {
        Knowledge::Unknown | Knowledge::Absent | Knowledge::AsDeclared => true,
        Knowledge::Present(live) => whose(field, former, live) == ValueOwner::Git,
    };
    let mut fields = dropped_fields(former, head);
    fields.retain(|field| is_required(field, blueprint) && is_ours(field));
    fields
}

/// The fields that have a value in one of `former` and are not mentioned in `head`, in order; none
/// where `head` may clear nothing.
fn dropped_fields(former: &[&Entity], head: &Entity) -> Vec<Field> {
    let mut fields = Vec::new();
    if head.clearing == Clearing::HeldBack {
        return fields;
    }
    for entity in former {
        if entity.title.value().is_some() && !head.title.is_stated() {
            fields.push(Field::Title);
        }
        if entity.icon.value().is_some() && !head.icon.is_stated() {
            fields.push(Field::Icon);
        }
        if entity.team.value().is_some() && !head.team.is_stated() {
            fields.push(Field::Team);
        }
        let properties = entity.properties.iter();
        let gone = properties
            .filter(|(name, value)| !value.is_null() && !head.properties.contains_key(*name));
        fields.extend(gone.map(|(name, _)| Field::Property(name.clone())));
        let relations = entity.relations.iter();
        let gone = relations.filter(|(name, relation)| {
            **relation != Relation::Null && !head.relations.contains_key(*name)
        });
        fields.extend(gone.map(|(name, _)| Field::Relation(name.clone())));
    }
    fields.sort();
    fields.dedup();
    fields
}

/// Who put the value there that Port holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueOwner {
    Git,
    SomeoneElse,
    /// It may be what a query of Git's found.
    Unclear,
}

fn whose(field: &Field, former: &[&Entity], live: &LiveEntity) -> ValueOwner {
    let (is_ours, is_unclear) = match field {
        Field::Title => {
            let titles = former.iter().map(|entity| &entity.title);
            (is_among(&live.title, titles), false)
        }
        Field::Icon => {
            let icons = former.iter().map(|entity| &entity.icon);
            (is_among(&live.icon, icons), false)
        }
        Field::Team => {
            let teams = || former.iter().filter_map(|entity| entity.team.value());
            let is_ours = teams().any(|team| is_same_team(team, &live.team));
            let has_query = teams().any(|team| matches!(team, Team::Query(_)));
            (is_ours, has_query && !live.team.is_empty())
        }
        Field::Property(name) => {
            let held = live.properties.get(name);
            let mut declared = former
                .iter()
                .filter_map(|entity| entity.properties.get(name));
            let is_held = |value: &serde_json::Value| held.is_some_and(|held| is_same(value, held));
            (declared.any(is_held), false)
        }
        Field::Relation(name) => {
            let held = live.relations.get(name);
            let declared = || {
                former
                    .iter()
                    .filter_map(|entity| entity.relations.get(name))
            };
            let is_ours = declared().any(|relation| is_same_relation(relation, held));
            let has_query = declared().any(|relation| matches!(relation, Relation::Query(_)));
            (
                is_ours,
                has_query && held.is_some_and(|held| !held.is_null()),
            )
        }
    };
    match (is_ours, is_unclear) {
        (true, _) => ValueOwner::Git,
        (false, true) => ValueOwner::Unclear,
        (false, false) => ValueOwner::SomeoneElse,
    }
}

fn is_among<'e>(
    held: &Option<String>,
    mut declared: impl Iterator<Item = &'e Stated<String>>,
) -> bool {
    held.is_some() && declared.any(|text| text.value() == held.as_ref())
}

fn is_clearable(field: &Field, blueprint: Option<&Blueprint>) -> bool {
    let presence = match field {
        Field::Title | Field::Icon | Field::Team => return true,
        Field::Property(_) | Field::Relation(_) => blueprint.and_then(|of| presence(field, of)),
    };
    presence == Some(Presence::Optional)
}

fn is_required(field: &Field, blueprint: &Blueprint) -> bool {
    presence(field, blueprint) == Some(Presence::Required)
}

/// Whether every entity must have the field; `None` if the blueprint has no such field.
fn presence(field: &Field, blueprint: &Blueprint) -> Option<Presence> {
    match field {
        Field::Title | Field::Icon | Field::Team => Some(Presence::Optional),
        Field::Property(name) => match blueprint.property(name)? {
            Property::Stored { presence, .. } => Some(*presence),
            Property::Computed(_) => None,
        },
        Field::Relation(name) => Some(blueprint.relation(name)?.presence),
    }
}

fn clear(entity: &mut Entity, field: &Field, blueprint: Option<&Blueprint>) {
    match field {
        Field::Title => entity.title = Stated::Cleared,
        Field::Icon => entity.icon = Stated::Cleared,
        Field::Team => entity.team = Stated::Cleared,
        Field::Property(name) => {
            entity
                .properties
                .insert(name.clone(), serde_json::Value::Null);
        }
        Field::Relation(name) => {
            let rule = blueprint.and_then(|blueprint| blueprint.relation(name));
            // Port itself shows `[]` where a relation to many leads nowhere.
            let nowhere = match rule.map(|rule| rule.cardinality) {
                Some(Cardinality::Many) => Relation::Many(Vec::new()),
                Some(Cardinality::One) | None => Relation::Null,
            };
            entity.relations.insert(name.clone(), nowhere);
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod misspelt;
