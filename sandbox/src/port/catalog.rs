//! What the catalog holds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::failure::Failure;
use crate::switch::{Switch, Switches};

/// When all blueprints were made.
const CREATED_AT: &str = "2026-01-01T00:00:00.000Z";

/// A blueprint's identifier and an entity's.
pub(super) type Key = (String, String);

/// All blueprints and entities. It is copied for a request that only validates.
#[derive(Clone, Debug)]
pub(super) struct Catalog {
    pub(super) switches: Switches,
    pub(super) lag: Lag,
    blueprints: BTreeMap<String, Blueprint>,
    entities: BTreeMap<Key, Entity>,
    /// What to put back for searches that lag, oldest first.
    recent: Vec<Overwritten>,
}

/// How long searches do not see a write, if they lag.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lag {
    UntilLogin,
    For(Duration),
}

/// What an entity was before a write.
#[derive(Clone, Debug)]
struct Overwritten {
    at: Instant,
    key: Key,
    before: Option<Entity>,
}

/// A blueprint, kept as its JSON.
#[derive(Clone, Debug)]
pub(super) struct Blueprint {
    pub(super) json: Value,
}

/// Where a relation leads, by its blueprint.
pub(super) struct Relation<'a> {
    pub(super) target: &'a str,
    pub(super) many: bool,
    pub(super) required: bool,
}

/// An entity.
#[derive(Clone, Debug, Default)]
pub(super) struct Entity {
    pub(super) title: Option<String>,
    pub(super) icon: Option<String>,
    pub(super) team: Vec<String>,
    pub(super) properties: Map<String, Value>,
    pub(super) relations: Map<String, Value>,
}

impl Blueprint {
    /// Fills in what Port itself adds to a blueprint that is created.
    fn new(mut json: Value) -> Self {
        if let Some(object) = json.as_object_mut() {
            let title = object.get("identifier").cloned().unwrap_or_default();
            let defaults = [
                ("title", title),
                ("schema", json!({"properties": {}, "required": []})),
                ("relations", json!({})),
                ("mirrorProperties", json!({})),
                ("calculationProperties", json!({})),
                ("aggregationProperties", json!({})),
                ("createdBy", json!("sandbox")),
                ("updatedBy", json!("sandbox")),
                ("createdAt", json!(CREATED_AT)),
                ("updatedAt", json!(CREATED_AT)),
            ];
            for (key, value) in defaults {
                object.entry(key).or_insert(value);
            }
        }
        Self { json }
    }

    /// The JSON Schema of a property that users write.
    pub(super) fn property(&self, name: &str) -> Option<&Value> {
        self.json["schema"]["properties"].get(name)
    }

    /// Whether Port computes a property of this name.
    pub(super) fn is_calculated(&self, name: &str) -> bool {
        [
            "calculationProperties",
            "mirrorProperties",
            "aggregationProperties",
        ]
        .iter()
        .any(|kind| self.json[kind].get(name).is_some())
    }

    /// The relations that entities inherit their team through, if they do. Older blueprints say so
    /// in `teamInheritance`.
    pub(super) fn team_path(&self) -> Option<&str> {
        let ownership = &self.json["ownership"];
        let older = &self.json["teamInheritance"]["path"];
        match ownership["type"].as_str() {
            Some("Inherited") => ownership["path"].as_str(),
            Some(_) => None,
            None => older.as_str(),
        }
    }

    /// The names and defaults of the properties that have one.
    pub(super) fn defaults(&self) -> impl Iterator<Item = (&str, &Value)> {
        let properties = self.json["schema"]["properties"].as_object();
        let defaults = properties.into_iter().flatten();
        defaults.filter_map(|(name, schema)| Some((name.as_str(), schema.get("default")?)))
    }

    pub(super) fn is_required(&self, name: &str) -> bool {
        self.required_properties().any(|one| one == name)
    }

    pub(super) fn required_properties(&self) -> impl Iterator<Item = &str> {
        let required = self.json["schema"]["required"].as_array();
        required.into_iter().flatten().filter_map(Value::as_str)
    }

    pub(super) fn relation(&self, name: &str) -> Option<Relation<'_>> {
        let relation = self.json["relations"].get(name)?;
        Some(Relation {
            target: relation["target"].as_str().unwrap_or_default(),
            many: relation["many"].as_bool().unwrap_or_default(),
            required: relation["required"].as_bool().unwrap_or_default(),
        })
    }

    pub(super) fn relations(&self) -> impl Iterator<Item = (&str, Relation<'_>)> {
        let names = self.json["relations"].as_object().into_iter().flatten();
        names.filter_map(|(name, _)| Some((name.as_str(), self.relation(name)?)))
    }
}

impl Overwritten {
    fn is_unseen(&self, lag: Lag) -> bool {
        match lag {
            Lag::UntilLogin => true,
            Lag::For(lag) => self.at.elapsed() < lag,
        }
    }
}

impl Catalog {
    pub(super) fn new(switches: Switches) -> Self {
        Self {
            switches,
            lag: Lag::UntilLogin,
            blueprints: BTreeMap::new(),
            entities: BTreeMap::new(),
            recent: Vec::new(),
        }
    }

    pub(super) fn is_on(&self, switch: Switch) -> bool {
        self.switches.is_on(switch)
    }

    pub(super) fn not_found(&self, message: String) -> Failure {
        match self.is_on(Switch::NotFoundIsVague) {
            true => Failure::not_found("A resource with the provided identifier was not found"),
            false => Failure::not_found(message),
        }
    }

    pub(super) fn no_entity(&self, blueprint: &str, identifier: &str) -> Failure {
        self.not_found(format!(
            "Entity with identifier \"{identifier}\" of blueprint \"{blueprint}\" was not found"
        ))
    }

    pub(super) fn add_blueprint(&mut self, json: Value) {
        let identifier = json["identifier"].as_str().unwrap_or_default().to_owned();
        self.blueprints.insert(identifier, Blueprint::new(json));
    }

    pub(super) fn blueprint(&self, identifier: &str) -> Result<&Blueprint, Failure> {
        self.blueprints.get(identifier).ok_or_else(|| {
            self.not_found(format!(
                "Blueprint with identifier \"{identifier}\" was not found"
            ))
        })
    }

    pub(super) fn blueprints(&self) -> impl Iterator<Item = &Blueprint> {
        self.blueprints.values()
    }

    pub(super) fn entity(&self, blueprint: &str, identifier: &str) -> Option<&Entity> {
        self.entities
            .get(&(blueprint.to_owned(), identifier.to_owned()))
    }

    pub(super) fn entities(&self) -> impl Iterator<Item = (&Key, &Entity)> {
        self.entities.iter()
    }

    /// The entities of one blueprint, by identifier.
    pub(super) fn entities_of(&self, blueprint: &str) -> impl Iterator<Item = (&Key, &Entity)> {
        self.entities
            .iter()
            .filter(move |((of, _), _)| of == blueprint)
    }

    /// Writes an entity as a request does.
    pub(super) fn put(&mut self, blueprint: &str, identifier: &str, entity: Entity) {
        self.overwrite((blueprint.to_owned(), identifier.to_owned()), Some(entity));
    }

    /// Puts an entity where also searches see it at once.
    pub(super) fn place(&mut self, blueprint: &str, identifier: &str, entity: Entity) {
        let key = (blueprint.to_owned(), identifier.to_owned());
        self.recent.retain(|write| write.key != key);
        self.entities.insert(key, entity);
    }

    /// Takes an entity away, also from searches.
    pub(super) fn take(&mut self, blueprint: &str, identifier: &str) -> Option<Entity> {
        let key = (blueprint.to_owned(), identifier.to_owned());
        self.recent.retain(|write| write.key != key);
        self.entities.remove(&key)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Key) -> bool) {
        self.entities.retain(|key, _| keep(key));
    }

    fn overwrite(&mut self, key: Key, entity: Option<Entity>) {
        let before = match entity {
            Some(entity) => self.entities.insert(key.clone(), entity),
            None => self.entities.remove(&key),
        };
        if self.is_on(Switch::SearchLags) {
            let at = Instant::now();
            let lag = self.lag;
            self.recent.retain(|write| write.is_unseen(lag));
            self.recent.push(Overwritten { at, key, before });
        }
    }

    /// A client logs in: what was written by others before it can be found.
    pub(super) fn log_in(&mut self) {
        if matches!(self.lag, Lag::UntilLogin) {
            self.recent.clear();
        }
    }

    /// The catalog without the writes that searches do not see yet.
    pub(super) fn as_indexed(&self) -> Cow<'_, Self> {
        let unseen = |write: &&Overwritten| write.is_unseen(self.lag);
        let unseen: Vec<_> = self.recent.iter().filter(unseen).collect();
        if unseen.is_empty() || !self.is_on(Switch::SearchLags) {
            return Cow::Borrowed(self);
        }
        let mut entities = self.entities.clone();
        for write in unseen.into_iter().rev() {
            match &write.before {
                Some(before) => entities.insert(write.key.clone(), before.clone()),
                None => entities.remove(&write.key),
            };
        }
        Cow::Owned(Self {
            switches: self.switches.clone(),
            lag: self.lag,
            blueprints: self.blueprints.clone(),
            entities,
            recent: Vec::new(),
        })
    }

    /// The entities with a relation to this one, without itself.
    pub(super) fn dependents(&self, key: &Key) -> Vec<Key> {
        let points_here = |of: &Key, entity: &Entity| {
            self.blueprints.get(&of.0).is_some_and(|blueprint| {
                blueprint.relations().any(|(name, relation)| {
                    relation.target == key.0
                        && entity
                            .relations
                            .get(name)
                            .is_some_and(|to| targets(to).any(|to| to == key.1))
                })
            })
        };
        let others = self.entities.iter().filter(|(of, _)| *of != key);
        others
            .filter(|(of, entity)| points_here(of, entity))
            .map(|(of, _)| of.clone())
            .collect()
    }

    /// Deletes entities of one blueprint, and says which: all of them, or none if one is unknown
    /// or has dependants that stay.
    pub(super) fn delete(
        &mut self,
        blueprint: &str,
        identifiers: Vec<String>,
    ) -> Result<Vec<String>, Failure> {
        self.blueprint(blueprint)?;
        let key = |one: &String| (blueprint.to_owned(), one.clone());
        let doomed: Vec<Key> = identifiers.iter().map(key).collect();
        if let Some((_, unknown)) = doomed.iter().find(|key| !self.entities.contains_key(*key)) {
            return Err(self.no_entity(blueprint, unknown));
        }
        if !doomed.iter().all(|key| self.is_free(key, &doomed)) {
            return Err(Failure::has_dependents());
        }
        for key in doomed {
            self.overwrite(key, None);
        }
        Ok(identifiers)
    }

    /// Whether all dependants of an entity are doomed too.
    fn is_free(&self, key: &Key, doomed: &[Key]) -> bool {
        let others = self.dependents(key);
        others.iter().all(|other| doomed.contains(other))
    }

    /// Deletes those of them that are there and have no dependants that stay, and says which.
    pub(super) fn delete_what_can_be(
        &mut self,
        blueprint: &str,
        mut identifiers: Vec<String>,
    ) -> Result<Vec<String>, Failure> {
        loop {
            let key = |one: &String| (blueprint.to_owned(), one.clone());
            let doomed: Vec<_> = identifiers.iter().map(key).collect();
            identifiers.retain(|one| {
                self.entities.contains_key(&key(one)) && self.is_free(&key(one), &doomed)
            });
            if identifiers.len() == doomed.len() {
                return self.delete(blueprint, identifiers);
            }
        }
    }
}

/// The identifiers in a relation's value.
pub(super) fn targets(value: &Value) -> impl Iterator<Item = &str> {
    let many = value.as_array().into_iter().flatten();
    let many = many.filter_map(Value::as_str);
    value.as_str().into_iter().chain(many)
}

impl Entity {
    /// The entity as Port sends it. Port names every relation of the blueprint, `null` or `[]`
    /// where it leads nowhere.
    pub(super) fn wire(&self, identifier: &str, blueprint: &Blueprint) -> Map<String, Value> {
        let mut relations = self.relations.clone();
        for (name, relation) in blueprint.relations() {
            let nowhere = if relation.many {
                json!([])
            } else {
                Value::Null
            };
            relations.entry(name).or_insert(nowhere);
        }
        let mut wire = self.plain(identifier);
        wire.insert("team".into(), json!(self.team));
        wire.insert("relations".into(), relations.into());
        wire
    }

    /// The entity without anything that is not set.
    pub(super) fn plain(&self, identifier: &str) -> Map<String, Value> {
        let mut plain = Map::new();
        plain.insert("identifier".into(), identifier.into());
        for (key, value) in [("title", &self.title), ("icon", &self.icon)] {
            if let Some(value) = value {
                plain.insert(key.into(), value.as_str().into());
            }
        }
        if !self.team.is_empty() {
            plain.insert("team".into(), json!(self.team));
        }
        plain.insert("properties".into(), self.properties.clone().into());
        plain.insert("relations".into(), self.relations.clone().into());
        plain
    }
}
