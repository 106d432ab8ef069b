//! Writing one entity.
//!
//! <https://docs.port.io/build-your-software-catalog/custom-integration/api/advanced>

use serde_json::{Map, Value};

use super::catalog::{Blueprint, Catalog, Entity, targets};
use super::failure::Failure;
use super::query;
use super::schema;
use super::wire::{Draft, Lookup, Team};
use crate::switch::Switch;

/// The query parameters of a write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) how: How,
    /// Relation targets that do not exist are created.
    pub(super) create_missing: bool,
}

/// What a write does if the entity exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It is refused.
    Create,
    /// What is not given goes.
    Replace,
    /// What is not given stays.
    Merge,
    /// The same, and an entity that does not exist is not created.
    Patch,
}

/// What a write did.
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
) -> Result<Written, Failure> {
    let shape = catalog.blueprint(blueprint)?.clone();
    let identifier = resolve(catalog, blueprint, &draft.identifier)?;
    let old = catalog.entity(blueprint, &identifier).cloned();
    match (options.how, &old) {
        (How::Create, Some(_)) => return Err(Failure::taken(&identifier)),
        (How::Patch, None) => return Err(catalog.no_entity(blueprint, &identifier)),
        _ => {}
    }
    let given = Given::resolve(catalog, &shape, draft)?;
    check_given(catalog, &shape, &given)?;
    check_kept(&shape, old.as_ref(), &given)?;
    let missing = missing_targets(catalog, &shape, &identifier, &given.relations, options)?;
    let mut entity = given.onto(catalog, &shape, old.as_ref(), options.how);
    check_required(&shape, &entity)?;
    for (blueprint, identifier) in missing {
        catalog.put(&blueprint, &identifier, Entity::default());
    }
    inherit_team(catalog, &shape, &mut entity);
    catalog.put(blueprint, &identifier, entity);
    Ok(Written {
        identifier,
        created: old.is_none(),
    })
}

/// What a draft wants to set, with queries resolved.
struct Given {
    title: Option<String>,
    icon: Option<String>,
    team: Option<Vec<String>>,
    properties: Map<String, Value>,
    relations: Map<String, Value>,
    cleared: Vec<&'static str>,
}

impl Given {
    fn resolve(catalog: &Catalog, shape: &Blueprint, draft: Draft) -> Result<Self, Failure> {
        let mut relations =
            query::related(catalog, shape, draft.relations.clone().unwrap_or_default())?;
        if catalog.is_on(Switch::SingleTargetForMany) {
            for (name, value) in &mut relations {
                if value.is_string() && shape.relation(name).is_some_and(|relation| relation.many) {
                    *value = Value::Array(vec![value.take()]);
                }
            }
        }
        Ok(Self {
            team: names(catalog, &draft)?,
            relations,
            properties: draft.properties.unwrap_or_default(),
            title: draft.title,
            icon: draft.icon,
            cleared: draft.cleared,
        })
    }

    /// The entity that it makes of an older one.
    fn onto(self, catalog: &Catalog, shape: &Blueprint, old: Option<&Entity>, how: How) -> Entity {
        let mut base = match old.cloned() {
            Some(old) if how == How::Replace => emptied(old, shape),
            Some(old) => old,
            None => Entity::default(),
        };
        let is_new = old.is_none();
        let all_defaults =
            is_new || how == How::Replace && catalog.is_on(Switch::DefaultsAppliedAnew);
        for (name, default) in shape.defaults() {
            let is_given = self.properties.contains_key(name) || base.properties.contains_key(name);
            if !is_given && (all_defaults || shape.is_required(name)) {
                base.properties.insert(name.to_owned(), default.clone());
            }
        }
        for (name, value) in self.properties {
            set_property(catalog, &mut base.properties, name, value, how);
        }
        for (name, value) in self.relations {
            match value {
                Value::Null => base.relations.remove(&name),
                value => base.relations.insert(name, value),
            };
        }
        if !catalog.is_on(Switch::PatchNullsIgnored) {
            for key in self.cleared {
                match key {
                    "title" => base.title = None,
                    "icon" => base.icon = None,
                    _ => base.team.clear(),
                }
            }
        }
        Entity {
            title: self.title.or(base.title),
            icon: self.icon.or(base.icon),
            team: self.team.unwrap_or(base.team),
            properties: base.properties,
            relations: base.relations,
        }
    }
}

fn set_property(
    catalog: &Catalog,
    onto: &mut Map<String, Value>,
    name: String,
    value: Value,
    how: How,
) {
    let merges = matches!(how, How::Merge | How::Patch);
    match value {
        Value::Null if merges && catalog.is_on(Switch::NullsIgnored) => {}
        Value::Null if !catalog.is_on(Switch::NullsStored) => {
            onto.remove(&name);
        }
        Value::Object(members) if merges && catalog.is_on(Switch::MergeIsDeep) => {
            let old = onto.remove(&name).unwrap_or_default();
            onto.insert(name, merged(old, members));
        }
        value => {
            onto.insert(name, value);
        }
    }
}

/// A JSON merge patch (RFC 7396).
fn merged(old: Value, members: Map<String, Value>) -> Value {
    let Value::Object(mut old) = old else {
        return members.into();
    };
    for (name, value) in members {
        match value {
            Value::Null => {
                old.remove(&name);
            }
            Value::Object(members) => {
                let inner = old.remove(&name).unwrap_or_default();
                old.insert(name, merged(inner, members));
            }
            value => {
                old.insert(name, value);
            }
        }
    }
    old.into()
}

/// What a replaced entity keeps: what is not a writer's to say.
fn emptied(old: Entity, shape: &Blueprint) -> Entity {
    let mut properties = old.properties;
    properties.retain(|name, _| shape.is_calculated(name));
    Entity {
        properties,
        team: match shape.team_path() {
            Some(_) => old.team,
            None => Vec::new(),
        },
        ..Entity::default()
    }
}

/// Gives an entity the team of the entity that the relations of its blueprint's `ownership.path`
/// lead to; where they lead nowhere, its team stays.
fn inherit_team(catalog: &Catalog, shape: &Blueprint, entity: &mut Entity) {
    let Some(path) = shape.team_path() else {
        return;
    };
    let (mut shape, mut at) = (shape, &*entity);
    for name in path.split('.') {
        let relation = shape.relation(name);
        let Some((relation, to)) = relation.zip(at.relations.get(name).and_then(Value::as_str))
        else {
            return;
        };
        let next = catalog.blueprint(relation.target).ok();
        let Some(next) = next.zip(catalog.entity(relation.target, to)) else {
            return;
        };
        (shape, at) = next;
    }
    entity.team = at.team.clone();
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

fn check_given(catalog: &Catalog, shape: &Blueprint, given: &Given) -> Result<(), Failure> {
    let has_team = given.team.is_some() || given.cleared.contains(&"team");
    if let Some(path) = shape.team_path().filter(|_| has_team) {
        let message = format!("The team is inherited through \"{path}\"");
        return Err(Failure::new(422, "team_inheritance_enabled", message));
    }
    let mut complaints = Vec::new();
    for (name, value) in &given.properties {
        match shape.property(name) {
            None => complaints.push(format!(
                "/properties must NOT have additional properties: \"{name}\""
            )),
            Some(_) if value.is_null() => {}
            Some(property) => {
                let path = format!("/properties/{name}");
                complaints.extend(schema::check(property, value, &path));
                if catalog.is_on(Switch::LargeStringsRefused) && longest(value) > LARGE_STRING {
                    complaints.push(format!(
                        "{path} must NOT have more than {LARGE_STRING} bytes"
                    ));
                }
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
            Some(_) => {}
        }
    }
    refuse(complaints)?;
    let is_single = |name: &str| shape.relation(name).is_some_and(|relation| !relation.many);
    let mut given = given.relations.iter();
    match given.find(|(name, value)| value.is_array() && is_single(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("Relation \"{name}\" cannot contain more than one entity");
            Err(Failure::new(422, "relation_many_violation", message))
        }
    }
}

/// What [`Switch::LargeStringsRefused`] still takes.
const LARGE_STRING: usize = 32 * 1024;

/// The bytes of the longest string in a value.
fn longest(value: &Value) -> usize {
    let inner: Vec<&Value> = match value {
        Value::String(text) => return text.len(),
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => return 0,
    };
    inner.into_iter().map(longest).max().unwrap_or_default()
}

/// A required relation cannot be taken away from an entity that has it.
fn check_kept(shape: &Blueprint, old: Option<&Entity>, given: &Given) -> Result<(), Failure> {
    let goes = |name: &str| {
        given.relations.get(name).is_some_and(Value::is_null)
            && old.is_some_and(|old| old.relations.contains_key(name))
    };
    let mut relations = shape.relations();
    match relations.find(|(name, relation)| relation.required && goes(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let message =
                format!("Relation \"{name}\" cannot be deleted because it is a required relation");
            Err(Failure::new(403, "required_relation", message))
        }
    }
}

fn check_required(shape: &Blueprint, entity: &Entity) -> Result<(), Failure> {
    let is_missing = |name: &&str| entity.properties.get(*name).is_none_or(Value::is_null);
    let properties = shape.required_properties().filter(is_missing);
    let missing = |name: &str| format!("/properties must have required property '{name}'");
    refuse(properties.map(missing).collect())?;
    let is_missing = |name: &str| {
        let value = entity.relations.get(name);
        value.into_iter().flat_map(targets).next().is_none()
    };
    let mut relations = shape.relations();
    match relations.find(|(name, relation)| relation.required && is_missing(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("Relation \"{name}\" is required");
            Err(Failure::new(422, "required_relation", message))
        }
    }
}

fn refuse(complaints: Vec<String>) -> Result<(), Failure> {
    match complaints.is_empty() {
        true => Ok(()),
        false => Err(Failure::mismatch(complaints.join(", "))),
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
                return Err(catalog.not_found(format!(
                    "Relation target of \"{name}\" was not found: entity with identifier \"{to}\" of blueprint \"{target}\""
                )));
            }
            catalog.blueprint(target)?;
            missing.push((target.to_owned(), to.to_owned()));
        }
    }
    Ok(missing)
}
