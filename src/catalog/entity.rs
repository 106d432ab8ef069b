//! Entities as Port takes them, parsed from nodes: what comes out is known to be well-formed.
//!
//! The rules are those of the request body of Port's [Create an entity][api].
//!
//! [api]: https://docs.port.io/api-reference/create-an-entity

mod read;
mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

pub use read::{Context, Flawed, read};
pub(crate) use read::{FIELDS, READ_ONLY_FIELDS, headline, nearest};
use values::canonical;
pub(crate) use values::property_values;

use crate::document::character::name_of;

const MAX_IDENTIFIER_CHARACTERS: usize = 1000;
const MAX_BLUEPRINT_CHARACTERS: usize = 100;

/// A blueprint's identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BlueprintId(Arc<str>);

impl BlueprintId {
    /// Takes what Port allows: letters of any script, digits and `@ _ . + : \ / -`, at most 100
    /// characters.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        check_name(name, MAX_BLUEPRINT_CHARACTERS, |one| !"='".contains(one))?;
        Ok(Self(name.into()))
    }

    /// Takes what Port says, whatever it is.
    pub fn from_port(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether Port computes the entities of this blueprint: the [results of a scorecard's rules][docs].
    ///
    /// [docs]: https://docs.port.io/scorecards/concepts-and-structure#core-limitations
    pub fn is_computed(&self) -> bool {
        *self.0 == *"_rule_result"
    }
}

impl fmt::Display for BlueprintId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An entity's identifier, unique within its blueprint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Identifier(Arc<str>);

impl Identifier {
    /// Takes what Port allows: letters of any script, digits and `@ _ . + : \ / = ' -`, at most
    /// 1,000 characters.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        check_name(name, MAX_IDENTIFIER_CHARACTERS, |_| true)?;
        Ok(Self(name.into()))
    }

    /// Takes what Port says, whatever it is: what is there has a name, by whichever rules it got it.
    pub fn from_port(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// `.` and `..` would be steps in a path.
    #[error("`.` and `..` are not allowed")]
    Dots,
    /// More characters than Port stores.
    #[error("it has {characters} characters, Port allows {allowed}")]
    TooLong {
        /// How many there are.
        characters: usize,
        /// How many there may be.
        allowed: usize,
    },
    /// A character that Port refuses.
    #[error("{} is not allowed", character_name(*.character))]
    Character {
        /// The first one.
        character: char,
        /// Its offset in the name, in bytes.
        offset: usize,
    },
}

fn character_name(character: char) -> String {
    match character {
        '\n' | '\r' => "a line break".to_owned(),
        other => name_of(other),
    }
}

/// The specification's pattern is `^(?!\.{1,2}$)[\p{L}0-9@_.+:\\/='-]+$`.
fn check_name(name: &str, allowed: usize, and: impl Fn(char) -> bool) -> Result<(), InvalidName> {
    match name {
        "" => return Err(InvalidName::Empty),
        "." | ".." => return Err(InvalidName::Dots),
        _ => {}
    }
    let is_allowed = |character: char| {
        let is_plain = character.is_ascii_alphanumeric() || r"@_.+:\/='-".contains(character);
        and(character) && (is_plain || (!character.is_ascii() && is_letter(character)))
    };
    if let Some((offset, character)) = name.char_indices().find(|&(_, c)| !is_allowed(c)) {
        return Err(InvalidName::Character { character, offset });
    }
    match name.chars().count() {
        characters if characters > allowed => Err(InvalidName::TooLong {
            characters,
            allowed,
        }),
        _ => Ok(()),
    }
}

/// Whether Unicode's general category is Letter; `char::is_alphabetic` would let marks in too.
fn is_letter(character: char) -> bool {
    #[expect(
        clippy::unwrap_used,
        reason = "the pattern is a constant that a test compiles"
    )]
    static LETTER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\p{L}$").unwrap());
    LETTER.is_match(character.encode_utf8(&mut [0; 4]))
}

/// What an entity is known by: a name, or a search query by which Port finds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum EntityName {
    /// The identifier itself.
    Identifier(Identifier),
    /// A [search query][docs] that must find one entity.
    ///
    /// [docs]: https://docs.port.io/build-your-software-catalog/customize-integrations/configure-mapping#mapping-entities-using-search-queries
    Query(Query),
}

impl EntityName {
    /// The identifier, if it is known without a search in Port.
    pub fn identifier(&self) -> Option<&Identifier> {
        match self {
            Self::Identifier(identifier) => Some(identifier),
            Self::Query(_) => None,
        }
    }
}

impl fmt::Display for EntityName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identifier(identifier) => identifier.fmt(formatter),
            Self::Query(query) => query.fmt(formatter),
        }
    }
}

/// A search query of the form `{combinator, rules}`, passed on to Port as it is.
///
/// Equal queries are equal texts: JSON with sorted keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query(Arc<str>);

impl Query {
    fn new(query: &Value) -> Self {
        Self(query.to_string().into())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The text was made from a JSON value, so it always parses.
        let query: Value = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        query.serialize(serializer)
    }
}

/// What makes an entity one: its blueprint and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EntityKey {
    /// The blueprint it is of.
    pub blueprint: BlueprintId,
    /// Its name within the blueprint.
    pub name: EntityName,
}

impl EntityKey {
    /// The key as one text: `blueprint|identifier`. Neither can hold a `|`.
    pub fn to_text(&self) -> String {
        format!("{}|{}", self.blueprint, self.name)
    }

    /// Reads what [`Self::to_text`] gives.
    ///
    /// # Errors
    /// If one of the two names is not allowed.
    pub fn from_text(text: &str) -> Result<Self, InvalidName> {
        let (blueprint, name) = text.split_once('|').ok_or(InvalidName::Empty)?;
        let blueprint = BlueprintId::parse(blueprint)?;
        let name = match name.starts_with('{') {
            true => EntityName::Query(Query(name.into())),
            false => EntityName::Identifier(Identifier::parse(name)?),
        };
        Ok(Self { blueprint, name })
    }
}

impl From<EntityKey> for String {
    fn from(key: EntityKey) -> Self {
        key.to_text()
    }
}

impl TryFrom<String> for EntityKey {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::from_text(&text)
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.blueprint, self.name)
    }
}

/// The teams that own an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Team {
    /// One team's name.
    One(String),
    /// Several teams' names.
    Many(Vec<String>),
    /// A search query for teams.
    Query(Query),
}

/// Where a relation points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Relation {
    /// Nowhere, explicitly: `null` clears the relation.
    Null,
    /// One entity.
    One(Identifier),
    /// Several entities.
    Many(Vec<Identifier>),
    /// Whatever a search query finds.
    Query(Query),
}

impl Relation {
    /// The identifiers that it names.
    pub fn targets(&self) -> &[Identifier] {
        match self {
            Self::One(target) => std::slice::from_ref(target),
            Self::Many(targets) => targets,
            Self::Null | Self::Query(_) => &[],
        }
    }
}

/// What a write of an entity may clear in Port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clearing {
    /// What its file sets to `null`, and what it no longer declares.
    Allowed,
    /// Nothing. The file has fields that were not understood, and what it seems to leave out may be
    /// what they were meant to be.
    HeldBack,
}

/// A field that a file may set, clear or leave out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stated<T> {
    /// The file does not mention it.
    #[default]
    LeftOut,
    /// It should be empty: the file says `null`, or no longer has the line.
    Cleared,
    /// It should have this value.
    Value(T),
}

impl<T> Stated<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::LeftOut | Self::Cleared => None,
        }
    }

    /// Whether the file says anything of it.
    pub fn is_stated(&self) -> bool {
        !matches!(self, Self::LeftOut)
    }

    fn has_no_value(&self) -> bool {
        self.value().is_none()
    }
}

impl<T: Serialize> Serialize for Stated<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// An entity as a file declares it.
///
/// Serialises to what Port takes in a request that writes all of it: what the file leaves out is left
/// out, and so is a title, icon or team that it clears, as that takes [another request][clear].
///
/// [clear]: crate::port::Port::clear
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entity {
    /// The blueprint, which a request names in its path.
    #[serde(skip)]
    pub blueprint: BlueprintId,
    /// The name within the blueprint.
    #[serde(rename = "identifier")]
    pub name: EntityName,
    /// How people call it.
    #[serde(skip_serializing_if = "Stated::has_no_value")]
    pub title: Stated<String>,
    /// One of Port's icons.
    #[serde(skip_serializing_if = "Stated::has_no_value")]
    pub icon: Stated<String>,
    /// Who owns it.
    #[serde(skip_serializing_if = "Stated::has_no_value")]
    pub team: Stated<Team>,
    /// Values by the blueprint's property names.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
    /// Targets by the blueprint's relation names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub relations: BTreeMap<String, Relation>,
    /// What a write may clear. Where that is nothing, no field here is `null` or an empty list of
    /// teams or targets.
    #[serde(skip)]
    pub clearing: Clearing,
}

impl Entity {
    /// Whether anything is declared but that it is there.
    pub fn has_content(&self) -> bool {
        let has_text = [&self.title, &self.icon]
            .iter()
            .any(|text| text.is_stated());
        let has_text = has_text || self.team.is_stated();
        has_text || !self.properties.is_empty() || !self.relations.is_empty()
    }

    /// What makes it the entity that it is.
    pub fn key(&self) -> EntityKey {
        EntityKey {
            blueprint: self.blueprint.clone(),
            name: self.name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_ports_pattern() {
        for good in [
            "a",
            "007",
            "a/b\\c",
            "größe",
            "日本",
            "@_.+:='-",
            "...",
            &"x".repeat(1000),
        ] {
            assert!(Identifier::parse(good).is_ok(), "{good}");
        }
        assert_eq!(Identifier::parse(""), Err(InvalidName::Empty));
        assert_eq!(Identifier::parse(".."), Err(InvalidName::Dots));
        assert_eq!(
            Identifier::parse("é a"),
            Err(InvalidName::Character {
                character: ' ',
                offset: 2
            })
        );
        for bad in [
            "a b",
            "a*",
            "a\n",
            "a#b",
            "é\u{301}",
            "٣",
            "Ⅷ",
            &"x".repeat(1001),
        ] {
            assert!(Identifier::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn blueprints_are_stricter() {
        assert!(BlueprintId::parse("a/b").is_ok());
        assert!(BlueprintId::parse("a=b").is_err());
        assert!(BlueprintId::parse("a'b").is_err());
        assert!(BlueprintId::parse(&"x".repeat(101)).is_err());
    }
}
