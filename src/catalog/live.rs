//! What Port holds, and where it differs from what is declared.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::entity::EntityKey;

/// An entity as Port holds it, without what Port computes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveEntity {
    /// How people call it.
    pub title: Option<String>,
    /// One of Port's icons.
    pub icon: Option<String>,
    /// The teams that own it.
    pub team: Vec<String>,
    /// Values by the blueprint's property names.
    pub properties: Map<String, Value>,
    /// Targets by the blueprint's relation names: a text, a list of texts, or `null`.
    pub relations: Map<String, Value>,
    /// Who wrote it last, as far as Port says so: the User-Agent of that request.
    pub datasource: Option<String>,
}

/// What is known of the live catalog.
#[derive(Debug, Clone, Default)]
pub struct Live {
    entities: BTreeMap<EntityKey, Option<LiveEntity>>,
}

/// What is known of one entity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Knowledge<'l> {
    /// Port was not asked.
    Unknown,
    /// Port does not have it.
    Absent,
    /// Port has it.
    Present(&'l LiveEntity),
}

impl Live {
    /// Notes what Port said of `key`; `None` is that it has no such entity.
    pub fn insert(&mut self, key: EntityKey, entity: Option<LiveEntity>) {
        self.entities.insert(key, entity);
    }

    /// What is known of `key`.
    pub fn get(&self, key: &EntityKey) -> Knowledge<'_> {
        match self.entities.get(key) {
            None => Knowledge::Unknown,
            Some(None) => Knowledge::Absent,
            Some(Some(entity)) => Knowledge::Present(entity),
        }
    }
}

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
