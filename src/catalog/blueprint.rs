//! Blueprints: what entities may hold.
//!
//! [Setup a blueprint](https://docs.port.io/build-your-software-catalog/customize-integrations/configure-data-model/setup-blueprint/)

mod schema;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::entity::{BlueprintId, Entity, EntityKey, EntityName, Identifier};

use schema::ValueSchema;
pub(crate) use schema::is_secret;
pub use schema::{Violation, ViolationKind};

/// A blueprint, as far as it says what entities may hold.
#[derive(Debug)]
pub struct Blueprint {
    properties: BTreeMap<String, Property>,
    relations: BTreeMap<String, RelationRule>,
    /// Where the teams of its entities come from.
    pub ownership: Ownership,
}

/// Where the teams of a blueprint's entities come from: [Ownership][docs].
///
/// [docs]: https://docs.port.io/sso-rbac/rbac-overview/#ownership
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// From whoever writes the entities.
    Direct,
    /// From the entities that they relate to. Port computes them and takes none from others.
    Inherited {
        /// The relations that lead there, with dots between them.
        path: String,
    },
}

/// What a blueprint says of a property.
#[derive(Debug)]
pub enum Property {
    /// Entities hold it.
    Stored {
        /// What its values may be.
        schema: Box<ValueSchema>,
        /// Whether every entity has one.
        presence: Presence,
    },
    /// Port computes it, so nobody writes it.
    Computed(Computation),
}

/// How Port computes a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computation {
    /// From the entity's other properties.
    Calculation,
    /// From a related entity.
    Mirror,
    /// From many related entities.
    Aggregation,
}

impl Computation {
    /// What it is called, with its article.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calculation => "a calculation",
            Self::Mirror => "a mirror",
            Self::Aggregation => "an aggregation",
        }
    }
}

/// Whether every entity must have something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Required,
    /// It need not.
    Optional,
}

/// What a blueprint says of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationRule {
    /// The blueprint of the entities that it points to.
    pub target: String,
    /// How many it points to.
    pub cardinality: Cardinality,
    /// Whether every entity has it.
    pub presence: Presence,
}

impl RelationRule {
    /// The entity that the relation points to where it names `target`.
    pub fn target_key(&self, target: &Identifier) -> EntityKey {
        EntityKey {
            blueprint: BlueprintId::from_port(self.target.as_str()),
            name: EntityName::Identifier(target.clone()),
        }
    }
}

/// How many entities a relation points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    /// At most one.
    One,
    /// Any number.
    Many,
}

/// Whether the blueprints of entities with errors are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OfInvalid {
    /// They are, or nothing is read from Port.
    #[default]
    Known,
    /// Port gave no usable answer.
    Unknown,
}

/// The blueprints that a run needs.
#[derive(Debug, Default)]
pub struct Blueprints {
    /// Those that exist.
    pub known: BTreeMap<BlueprintId, Blueprint>,
    /// Those that were requested and do not exist.
    pub missing: BTreeSet<BlueprintId>,
    /// The names of all there are, where some are missing.
    pub names: Vec<String>,
    /// Whether those of entities with errors were read too, which say what is a secret.
    pub of_invalid: OfInvalid,
}

impl Blueprints {
    /// Whether `blueprint` was requested.
    pub fn covers(&self, blueprint: &BlueprintId) -> bool {
        self.known.contains_key(blueprint) || self.missing.contains(blueprint)
    }

    /// Adds what was read later.
    pub fn add(&mut self, more: Self) {
        self.known.extend(more.known);
        self.missing.extend(more.missing);
        if self.names.is_empty() {
            self.names = more.names;
        }
    }

    /// What is known of the relation called `name` of an entity.
    pub fn relation(&self, entity: &Entity, name: &str) -> Option<&RelationRule> {
        self.known.get(&entity.blueprint)?.relation(name)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    schema: WireSchema,
    #[serde(default)]
    relations: BTreeMap<String, WireRelation>,
    #[serde(default)]
    calculation_properties: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    mirror_properties: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    aggregation_properties: BTreeMap<String, IgnoredAny>,
    ownership: Option<WireOwnership>,
    /// What blueprints had before `ownership`.
    team_inheritance: Option<WireTeamInheritance>,
}

#[derive(Deserialize)]
struct WireOwnership {
    r#type: String,
    #[serde(default)]
    path: String,
}

#[derive(Deserialize)]
struct WireTeamInheritance {
    path: String,
}

#[derive(Deserialize)]
struct WireSchema {
    #[serde(default)]
    properties: BTreeMap<String, Value>,
    #[serde(default)]
    required: Vec<String>,
}

#[derive(Deserialize)]
struct WireRelation {
    target: String,
    #[serde(default)]
    many: bool,
    #[serde(default)]
    required: bool,
}

fn ownership(
    ownership: Option<WireOwnership>,
    inheritance: Option<WireTeamInheritance>,
) -> Ownership {
    match (ownership, inheritance) {
        (Some(WireOwnership { r#type, path }), _) if r#type == "Inherited" => {
            Ownership::Inherited { path }
        }
        (None, Some(WireTeamInheritance { path })) => Ownership::Inherited { path },
        (Some(_), _) | (None, None) => Ownership::Direct,
    }
}

fn presence(is_required: bool) -> Presence {
    if is_required {
        Presence::Required
    } else {
        Presence::Optional
    }
}

impl Blueprint {
    /// Reads a blueprint as Port's [Get a blueprint][docs] gives it.
    ///
    /// [docs]: https://docs.port.io/api-reference/get-a-blueprint
    ///
    /// # Errors
    /// If it has another form.
    pub fn from_json(blueprint: Value) -> Result<Self, serde_json::Error> {
        let wire: Wire = serde_json::from_value(blueprint)?;
        let required: BTreeSet<_> = wire.schema.required.into_iter().collect();
        let computed = |names: BTreeMap<String, IgnoredAny>, computation| {
            names
                .into_keys()
                .map(move |name| (name, Property::Computed(computation)))
        };
        let stored = wire.schema.properties.into_iter().map(|(name, schema)| {
            let presence = presence(required.contains(&name));
            let schema = Box::new(ValueSchema::new(schema));
            (name, Property::Stored { schema, presence })
        });
        let properties = stored
            .chain(computed(
                wire.calculation_properties,
                Computation::Calculation,
            ))
            .chain(computed(wire.mirror_properties, Computation::Mirror))
            .chain(computed(
                wire.aggregation_properties,
                Computation::Aggregation,
            ))
            .collect();
        let relation = |(name, relation): (String, WireRelation)| {
            let rule = RelationRule {
                target: relation.target,
                cardinality: if relation.many {
                    Cardinality::Many
                } else {
                    Cardinality::One
                },
                presence: presence(relation.required),
            };
            (name, rule)
        };
        let relations = wire.relations.into_iter().map(relation).collect();
        Ok(Self {
            properties,
            relations,
            ownership: ownership(wire.ownership, wire.team_inheritance),
        })
    }

    /// Whether Port computes the teams of its entities, so that nobody can write or clear them.
    pub fn inherits_teams(&self) -> bool {
        self.ownership != Ownership::Direct
    }

    /// What it says of the property called `name`.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.get(name)
    }

    /// Whether values of the property called `name` are secrets.
    pub fn is_secret(&self, name: &str) -> bool {
        match self.properties.get(name) {
            Some(Property::Stored { schema, .. }) => schema.is_secret(),
            Some(Property::Computed(_)) | None => false,
        }
    }

    /// What the property called `name` holds where an entity is created without it.
    pub fn default_value(&self, name: &str) -> Option<&Value> {
        match self.properties.get(name)? {
            Property::Stored { schema, .. } => schema.default_value(),
            Property::Computed(_) => None,
        }
    }

    /// What it says of the relation called `name`.
    pub fn relation(&self, name: &str) -> Option<&RelationRule> {
        self.relations.get(name)
    }

    /// All its properties, in the order of their names.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &Property)> {
        let properties = self.properties.iter();
        properties.map(|(name, property)| (name.as_str(), property))
    }

    /// The names of the properties that entities hold.
    pub fn stored_properties(&self) -> impl Iterator<Item = &str> {
        let stored =
            |(_, property): &(&String, &Property)| matches!(property, Property::Stored { .. });
        self.properties
            .iter()
            .filter(stored)
            .map(|(name, _)| name.as_str())
    }

    /// The names of the relations.
    pub fn relation_names(&self) -> impl Iterator<Item = &str> {
        self.relations.keys().map(String::as_str)
    }

    /// The names of the properties that every entity must have and nobody but its writers gives it.
    pub fn required_properties(&self) -> impl Iterator<Item = &str> {
        self.properties
            .iter()
            .filter_map(|(name, property)| match property {
                Property::Stored {
                    presence: Presence::Required,
                    schema,
                } if schema.default_value().is_none() => Some(name.as_str()),
                _ => None,
            })
    }

    /// The names of the relations that every entity must have.
    pub fn required_relations(&self) -> impl Iterator<Item = &str> {
        let required = |(_, rule): &(&String, &RelationRule)| rule.presence == Presence::Required;
        self.relations
            .iter()
            .filter(required)
            .map(|(name, _)| name.as_str())
    }
}
