//! Writing one entity.
//!
//! <https://docs.port.io/build-your-software-catalog/custom-integration/api/advanced>

use serde_json::{Map, Value};

use super::catalog::{Blueprint, Catalog, Entity, targets};
use super::failure::Failure;
use super::query;
use super::schema;
use super::wire::{Draft, Lookup, Team};

/// The query parameters of an upsert.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    /// An entity that exists is written over, and not refused.
    pub(super) upsert: bool,
    /// What is given is set, the rest stays.
    pub(super) merge: bool,
    /// Relation targets that do not exist are created.
    pub(super) create_missing: bool,
}

/// What an upsert did.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) identifier: String,
    pub(super) created: bool,
}

/// Writes an entity, or says why not and changes nothing.
pub(super) fn upsert(
    catalog: &mut Catalog,
    blueprint: &str,
    draft: Draft,
    options: Options,
    writer: &str,
) -> Result<Written, Failure> {
    let shape = catalog.blueprint(blueprint)?.clone();
    let identifier = resolve(catalog, blueprint, &draft.identifier)?;
    let old = catalog.entity(blueprint, &identifier).cloned();
    if old.is_some() && !options.upsert {
        let message = format!("Entity with identifier \"{identifier}\" already exists");
        return Err(Failure::new(409, "identifier_taken", message));
    }
    let created = old.is_none();
    let base = match old {
        Some(old) if options.merge => old,
        Some(old) => emptied(old, &shape),
        None => Entity::new(writer),
    };
    let given = Given::resolve(catalog, &shape, draft)?;
    check_given(&shape, &given)?;
    let missing = missing_targets(catalog, &shape, &identifier, &given.relations, options)?;
    let mut entity = given.onto(base);
    entity.stamp(writer);
    check_required(&shape, &entity)?;
    for (blueprint, identifier) in missing {
        catalog.put(&blueprint, &identifier, Entity::new(writer));
    }
    catalog.put(blueprint, &identifier, entity);
    Ok(Written {
        identifier,
        created,
    })
}

/// What a draft wants to set, with queries resolved.
struct Given {
    title: Option<String>,
    icon: Option<String>,
    team: Option<Vec<String>>,
    properties: Map<String, Value>,
    relations: Map<String, Value>,
}

impl Given {
    fn resolve(catalog: &Catalog, shape: &Blueprint, draft: Draft) -> Result<Self, Failure> {
        Ok(Self {
            team: names(catalog, &draft)?,
            relations: query::related(catalog, shape, draft.relations.unwrap_or_default())?,
            properties: draft.properties.unwrap_or_default(),
            title: draft.title,
            icon: draft.icon,
        })
    }

    fn onto(self, mut base: Entity) -> Entity {
        let set = |onto: &mut Map<String, Value>, given: Map<String, Value>| {
            for (key, value) in given {
                match value {
                    Value::Null => onto.remove(&key),
                    value => onto.insert(key, value),
                };
            }
        };
        set(&mut base.properties, self.properties);
        set(&mut base.relations, self.relations);
        base.title = self.title.or(base.title);
        base.icon = self.icon.or(base.icon);
        base.team = self.team.unwrap_or(base.team);
        base
    }
}

/// What a replaced entity keeps: what is not a writer's to say.
fn emptied(old: Entity, shape: &Blueprint) -> Entity {
    let mut properties = old.properties;
    properties.retain(|name, _| shape.is_calculated(name));
    Entity {
        properties,
        created_at: old.created_at,
        ..Entity::default()
    }
}

fn resolve(catalog: &Catalog, blueprint: &str, lookup: &Lookup) -> Result<String, Failure> {
    match lookup {
        Lookup::Identifier(identifier) => Ok(identifier.clone()),
        Lookup::Query(query) => query::find_one(catalog, blueprint, query, "its identifier"),
    }
}

fn names(catalog: &Catalog, draft: &Draft) -> Result<Option<Vec<String>>, Failure> {
    match &draft.team {
        None => Ok(None),
        Some(Team::Names(names)) => Ok(Some(names.clone())),
        Some(Team::Query(query)) => query::find(catalog, "_team", query).map(Some),
    }
}

fn check_given(shape: &Blueprint, given: &Given) -> Result<(), Failure> {
    let mut complaints = Vec::new();
    for (name, value) in &given.properties {
        match shape.property(name) {
            None => complaints.push(format!(
                "/properties must NOT have additional properties: \"{name}\""
            )),
            Some(_) if value.is_null() => {}
            Some(property) => {
                complaints.extend(schema::check(
                    property,
                    value,
                    &format!("/properties/{name}"),
                ));
            }
        }
    }
    for (name, value) in &given.relations {
        match shape.relation(name) {
            None => complaints.push(format!(
                "/relations must NOT have additional properties: \"{name}\""
            )),
            Some(relation) if relation.many && value.is_string() => {
                complaints.push(format!("/relations/{name} must be array"));
            }
            Some(relation) if !relation.many && value.is_array() => {
                complaints.push(format!("/relations/{name} must be string"));
            }
            Some(_) => {}
        }
    }
    refuse(complaints)
}

fn check_required(shape: &Blueprint, entity: &Entity) -> Result<(), Failure> {
    let properties = shape
        .required_properties()
        .filter(|name| !entity.properties.contains_key(*name));
    let relations = shape.relations().filter(|(name, relation)| {
        let leads = entity
            .relations
            .get(*name)
            .is_some_and(|to| targets(to).next().is_some());
        relation.required && !leads
    });
    let missing = |place: &str, name: &str| format!("{place} must have required property '{name}'");
    let complaints = properties
        .map(|name| missing("/properties", name))
        .chain(relations.map(|(name, _)| missing("/relations", name)))
        .collect();
    refuse(complaints)
}

fn refuse(complaints: Vec<String>) -> Result<(), Failure> {
    if complaints.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid(complaints.join(", ")))
    }
}

/// The relation targets to create. An entity may point at itself before it is there.
fn missing_targets(
    catalog: &Catalog,
    shape: &Blueprint,
    identifier: &str,
    relations: &Map<String, Value>,
    options: Options,
) -> Result<Vec<(String, String)>, Failure> {
    let mut missing = Vec::new();
    for (name, relation) in shape.relations() {
        let target = relation.target;
        for to in relations.get(name).into_iter().flat_map(targets) {
            let itself = shape.json["identifier"] == target && to == identifier;
            if itself || catalog.entity(target, to).is_some() {
                continue;
            }
            // Port never creates users and teams on the side.
            if !options.create_missing || target.starts_with('_') {
                return Err(Failure::not_found(format!(
                    "Relation target of \"{name}\" was not found: entity with identifier \"{to}\" of blueprint \"{target}\""
                )));
            }
            catalog.blueprint(target)?;
            missing.push((target.to_owned(), to.to_owned()));
        }
    }
    Ok(missing)
}
