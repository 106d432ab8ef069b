//! What Port holds of an entity → the text of an entity file, as far as one can say it.
//!
//! A text counts only if this program reads it back, and finds nothing in it to change in Port. So nothing
//! here has to know what the reader, the blueprint or the plan refuses, and why: they say it themselves.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::yaml;
use crate::catalog::blueprint::{Blueprint, Blueprints, Property};
use crate::catalog::change::compare;
use crate::catalog::declare::{EntityFile, FileContent, declare};
use crate::catalog::difference::{Field, differences};
use crate::catalog::entity::{BlueprintId, Identifier};
use crate::catalog::live::LiveEntity;
use crate::catalog::merge::Merge;
use crate::catalog::reference;
use crate::catalog::rules::BlueprintRules;
use crate::catalog::validate::{Omission, validate};
use crate::diagnostic::Diagnostic;
use crate::document::{self, FileFormat};
use crate::text::{RepoPath, SourceFile};

/// What an entity's text depends on beside what Port holds.
#[derive(Debug)]
pub(super) struct ExportContext {
    /// All blueprints of the export.
    pub(super) blueprints: Blueprints,
    /// The ones that may be written.
    pub(super) writable: BlueprintRules,
    /// The language.
    pub(super) format: FileFormat,
}

/// Where an entity's text goes, as far as that says something of it.
#[derive(Debug, Clone)]
pub(super) struct TargetFile {
    /// The file, from the root of its repository.
    pub(super) path: RepoPath,
    /// The blueprint of entities there that name none.
    pub(super) default_blueprint: Option<BlueprintId>,
}

/// An entity as a file can say it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expressed {
    /// One document.
    pub(super) text: String,
    /// What the text leaves out, and why: text that follows a colon.
    pub(super) left_out: Vec<(Field, String)>,
}

/// One thing that Port holds of an entity.
#[derive(Debug, Clone)]
struct Fact<'l> {
    field: Field,
    value: Cow<'l, Value>,
}

struct Subject<'s> {
    blueprint: &'s BlueprintId,
    identifier: &'s Identifier,
    live: &'s LiveEntity,
    target: &'s TargetFile,
}

impl ExportContext {
    /// The text for an entity that Port holds.
    ///
    /// # Errors
    /// Why no file can declare it: text that follows a colon.
    pub(super) fn express(
        &self,
        blueprint: &BlueprintId,
        identifier: &Identifier,
        live: &LiveEntity,
        target: &TargetFile,
    ) -> Result<Expressed, String> {
        let subject = Subject {
            blueprint,
            identifier,
            live,
            target,
        };
        let mut facts = self.facts(&subject);
        let mut left_out = Vec::new();
        let mut text = self.text(&subject, &facts);
        if self.read_back(&subject, &text).is_err() {
            self.read_back(&subject, &self.text(&subject, &[]))?;
            facts.retain(|fact| {
                let alone = self.text(&subject, std::slice::from_ref(fact));
                match self.read_back(&subject, &alone) {
                    Ok(()) => true,
                    Err(reason) => {
                        left_out.push((fact.field.clone(), reason));
                        false
                    }
                }
            });
            text = self.text(&subject, &facts);
            self.read_back(&subject, &text)?;
        }
        Ok(Expressed { text, left_out })
    }

    /// What Port holds, in the order in which a file says it.
    fn facts<'l>(&self, subject: &Subject<'l>) -> Vec<Fact<'l>> {
        let live = subject.live;
        let mut facts = Vec::new();
        let mut add = |field, value| facts.push(Fact { field, value });
        // Where no title was given, Port may show the identifier instead.
        let title = live
            .title
            .as_deref()
            .filter(|title| *title != subject.identifier.as_str());
        if let Some(title) = title {
            add(Field::Title, Cow::Owned(title.into()));
        }
        if let Some(icon) = &live.icon {
            add(Field::Icon, Cow::Owned(icon.as_str().into()));
        }
        let shape = self.blueprints.known.get(subject.blueprint);
        if !live.team.is_empty() && !shape.is_some_and(Blueprint::inherits_teams) {
            add(Field::Team, Cow::Owned(live.team.clone().into()));
        }
        // They are not requested, and must not be shown if they come nevertheless.
        let is_hidden = |name: &str| {
            shape.is_some_and(|shape| {
                let is_computed = matches!(shape.property(name), Some(Property::Computed(_)));
                is_computed || shape.is_secret(name)
            })
        };
        for (name, value) in sorted(&live.properties) {
            if !value.is_null() && !is_hidden(name) {
                add(Field::Property(name.clone()), Cow::Borrowed(value));
            }
        }
        for (name, value) in sorted(&live.relations) {
            let is_none = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if !is_none {
                add(Field::Relation(name.clone()), Cow::Borrowed(value));
            }
        }
        facts
    }

    fn text(&self, subject: &Subject<'_>, facts: &[Fact<'_>]) -> String {
        let identifier = Value::from(subject.identifier.as_str());
        let blueprint = Value::from(subject.blueprint.as_str());
        let mut members = vec![("identifier", &identifier)];
        if subject.target.default_blueprint.as_ref() != Some(subject.blueprint) {
            members.push(("blueprint", &blueprint));
        }
        let (mut properties, mut relations) = (Vec::new(), Vec::new());
        for Fact { field, value } in facts {
            let value = value.as_ref();
            match field {
                Field::Title => members.push(("title", value)),
                Field::Icon => members.push(("icon", value)),
                Field::Team => members.push(("team", value)),
                Field::Property(name) => properties.push((name.as_str(), value)),
                Field::Relation(name) => relations.push((name.as_str(), value)),
            }
        }
        let sections = [("properties", properties), ("relations", relations)];
        let sections = sections.into_iter().filter(|(_, of)| !of.is_empty());
        match self.format {
            FileFormat::Yaml => {
                let mut text = String::new();
                yaml::mapping(members, 0, &mut text);
                for (name, section) in sections {
                    text.push_str(name);
                    text.push_str(":\n");
                    yaml::mapping(section, 2, &mut text);
                }
                text
            }
            FileFormat::Json => {
                let object = |section: Vec<(&str, &Value)>| -> Value {
                    let members = section.into_iter();
                    let members = members.map(|(name, value)| (name.to_owned(), value.clone()));
                    Value::Object(members.collect())
                };
                let members = members.into_iter();
                let members = members.map(|(name, value)| (name, value.clone()));
                let sections = sections.map(|(name, section)| (name, object(section)));
                json(members.chain(sections))
            }
        }
    }

    /// Whether the text declares the entity, and nothing that Port holds otherwise.
    ///
    /// # Errors
    /// Why not.
    fn read_back(&self, subject: &Subject<'_>, text: &str) -> Result<(), String> {
        let Subject {
            blueprint,
            identifier,
            live,
            target,
        } = subject;
        if text.len() > document::MAX_BYTES {
            return Err("it is larger than 1 MiB".to_owned());
        }
        let file = EntityFile {
            content: FileContent::Text(SourceFile::new(target.path.clone(), text)),
            default_blueprint: target.default_blueprint.clone(),
        };
        let declared = declare(&[file], &self.writable);
        first_error(&declared.diagnostics)?;
        let [declaration] = declared.valid.as_slice() else {
            return Err("it does not read back as one entity".to_owned());
        };
        let entity = &declaration.entity;
        if entity.properties.values().any(reference::holds_reference) {
            return Err("a text that begins with `file://` stands for a file's text".to_owned());
        }
        let is_same =
            entity.blueprint == **blueprint && entity.name.identifier() == Some(*identifier);
        let shape = self.blueprints.known.get(*blueprint);
        if !is_same || !differences(entity, live, Merge::Merge, shape).is_empty() {
            return Err("it does not read back as the same value".to_owned());
        }
        let changes = compare(&[], &declared, &BTreeSet::new());
        first_error(&validate(changes, &self.blueprints, Omission::MayExist).diagnostics)
    }
}

fn first_error(diagnostics: &[Diagnostic]) -> Result<(), String> {
    match diagnostics.iter().find(|one| one.is_error()) {
        Some(error) => Err(error.message.clone()),
        None => Ok(()),
    }
}

fn sorted(members: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    sorted
}

/// An object as JSON, its members in this order.
fn json<'n>(members: impl Iterator<Item = (&'n str, Value)>) -> String {
    let members = members.map(|(name, mut value)| {
        value.sort_all_objects();
        // A text has no line breaks of its own in JSON.
        format!(
            "  \"{name}\": {}",
            format!("{value:#}").replace('\n', "\n  ")
        )
    });
    format!("{{\n{}\n}}\n", members.collect::<Vec<_>>().join(",\n"))
}

/// The text of a file with these documents.
pub(super) fn joined(documents: &[String], format: FileFormat, is_list: bool) -> String {
    match (documents, format) {
        (documents, FileFormat::Yaml) => documents.join("---\n"),
        ([one], FileFormat::Json) if !is_list => one.clone(),
        (documents, FileFormat::Json) => {
            let items = documents
                .iter()
                .map(|one| format!("  {}", one.trim_end().replace('\n', "\n  ")));
            format!("[\n{}\n]\n", items.collect::<Vec<_>>().join(",\n"))
        }
    }
}
