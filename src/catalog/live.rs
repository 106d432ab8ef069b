//! What Port holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::entity::{EntityKey, EntityName, Identifier};
use super::query_results::QueryResults;

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
}

/// What is known of the live catalog.
#[derive(Debug, Clone, Default)]
pub struct Live {
    entities: BTreeMap<EntityKey, Held>,
    /// What it is called that a query names.
    names: BTreeMap<EntityKey, Identifier>,
    /// What the queries of teams and relations find.
    pub query_results: QueryResults,
}

/// What Port holds of an entity that was fetched.
#[derive(Debug, Clone)]
enum Held {
    Nothing,
    AsDeclared,
    Entity(Box<LiveEntity>),
}

/// What is known of one entity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Knowledge<'l> {
    /// It was not fetched from Port.
    Unknown,
    /// Port does not have it.
    Absent,
    /// Port has it as head declares it, so that nothing has to be written. Its values are not kept:
    /// most of a repository's entities are like this.
    AsDeclared,
    /// Port has it.
    Present(&'l LiveEntity),
}

impl Live {
    /// Notes what Port said of `key`; `None` is that it has no such entity.
    pub fn insert(&mut self, key: EntityKey, entity: Option<LiveEntity>) {
        let held = entity.map_or(Held::Nothing, |entity| Held::Entity(Box::new(entity)));
        self.entities.insert(key, held);
    }

    /// Notes that Port has `key` as head declares it.
    pub fn insert_as_declared(&mut self, key: EntityKey) {
        self.entities.insert(key, Held::AsDeclared);
    }

    /// Notes that the query which is `key`'s name finds exactly one entity, called `name`.
    pub fn insert_found(&mut self, key: EntityKey, name: Identifier, entity: LiveEntity) {
        self.names.insert(key.clone(), name);
        self.insert(key, Some(entity));
    }

    /// The key that `key` stands for: what a query finds, as far as that is known, else itself.
    pub fn resolve(&self, key: &EntityKey) -> EntityKey {
        match self.names.get(key) {
            None => key.clone(),
            Some(name) => EntityKey {
                blueprint: key.blueprint.clone(),
                name: EntityName::Identifier(name.clone()),
            },
        }
    }

    /// What is known of `key`.
    pub fn get(&self, key: &EntityKey) -> Knowledge<'_> {
        match self.entities.get(key) {
            None => Knowledge::Unknown,
            Some(Held::Nothing) => Knowledge::Absent,
            Some(Held::AsDeclared) => Knowledge::AsDeclared,
            Some(Held::Entity(entity)) => Knowledge::Present(entity),
        }
    }
}
