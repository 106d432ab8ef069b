//! Entity × blueprint → diagnostics on the line of the mistake.

mod cycle;
#[cfg(test)]
mod tests;
mod whole_run;
mod wording;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::blueprint::{
    Blueprint, Blueprints, Cardinality, Ownership, Presence, Property, RelationRule, Violation,
    ViolationKind,
};
use super::change::Change;
use super::declare::{Declaration, Declarations, Invalid, error_codes};
use super::entity::{Clearing, Relation};
use super::reference::SCHEME;
use crate::diagnostic::{self, Code, Diagnostic};
use crate::document::{Node, Value};
use crate::text::{Location, RepoPath, Span};

pub use cycle::Cycles;
pub use whole_run::{dangling_in, refuse_dangling, refuse_dropping_required};
use wording::{alternatives, did_you_mean, few, invisible};

/// How many errors are reported of one entity.
const MAX_FINDINGS: usize = 100;

/// What it means that a file leaves out what the blueprint requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Omission {
    /// The entity may have it in Port already: that is Port's to judge.
    MayExist,
    /// The file replaces the entity, so it would be missing.
    IsMissing,
}

/// Changes that may be written, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Validated {
    /// What can be written, as far as is known, and what needs no writing.
    pub changes: Vec<Change>,
    /// Entities that cannot be written.
    pub invalid: Vec<Invalid>,
    /// What is wrong with them.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks every entity that may have to be written against its blueprint. An entity whose blueprint
/// was not read passes. In what comes out, relations to many name lists.
pub fn validate(changes: Vec<Change>, blueprints: &Blueprints, omission: Omission) -> Validated {
    let mut validated = Validated::default();
    for mut change in changes {
        let declared = change.head.clone();
        list_targets(&mut change, blueprints);
        let Some(declaration) = declared.filter(|_| change.is_candidate()) else {
            validated.changes.push(change);
            continue;
        };
        let diagnostics = check(&declaration, blueprints, omission);
        if diagnostics.iter().any(Diagnostic::is_error) {
            validated.invalid.push(Invalid {
                key: Some(declaration.entity.key()),
                location: declaration.location(),
                codes: error_codes(&diagnostics),
            });
        } else {
            validated.changes.push(change);
        }
        validated.diagnostics.extend(diagnostics);
    }
    validated
}

/// Checks against their blueprints the entities that have errors of their own, so that one run finds
/// all of them. An entity whose blueprint is not known passes.
pub fn check_flawed(declared: &mut Declarations, blueprints: &Blueprints, omission: Omission) {
    let mut found: BTreeMap<(RepoPath, usize), Vec<Diagnostic>> = BTreeMap::new();
    for flawed in &declared.flawed {
        let location = flawed.location();
        let position = (location.path().clone(), location.span.start);
        let known = blueprints.known.contains_key(&flawed.entity.blueprint);
        if known {
            // Two mappings of one file can show the same value.
            let found = found.entry(position).or_default();
            found.extend(check(flawed, blueprints, omission));
        }
    }
    for invalid in &mut declared.invalid {
        let position = (invalid.location.path().clone(), invalid.location.span.start);
        if let Some(found) = found.get(&position) {
            invalid.codes.extend(error_codes(found));
        }
    }
    declared.reject(Vec::new(), found.into_values().flatten().collect());
}

/// Has every relation to many in `change` name a list: what Port makes of a text there is not known.
fn list_targets(change: &mut Change, blueprints: &Blueprints) {
    let Some(blueprint) = blueprints.known.get(&change.key.blueprint) else {
        return;
    };
    for declaration in change.former.iter_mut().chain(&mut change.head) {
        let relations = &declaration.entity.relations;
        let alone = relations.iter().filter_map(|(name, relation)| {
            let rule = blueprint.relation(name)?;
            match relation {
                Relation::One(target) if rule.cardinality == Cardinality::Many => {
                    Some((name.clone(), Relation::Many(vec![target.clone()])))
                }
                _ => None,
            }
        });
        let alone: Vec<_> = alone.collect();
        if !alone.is_empty() {
            Arc::make_mut(declaration).entity.relations.extend(alone);
        }
    }
}

fn check(
    declaration: &Declaration,
    blueprints: &Blueprints,
    omission: Omission,
) -> Vec<Diagnostic> {
    let mut checker = Checker {
        declaration,
        diagnostics: Vec::new(),
    };
    let blueprint = &declaration.entity.blueprint;
    if blueprints.missing.contains(blueprint) {
        checker.unknown_blueprint(&blueprints.names);
    } else if let Some(blueprint) = blueprints.known.get(blueprint) {
        checker.team(blueprint);
        checker.properties(blueprint);
        checker.relations(blueprint);
        let clearing = declaration.entity.clearing;
        if omission == Omission::IsMissing && clearing == Clearing::Allowed {
            checker.omissions(blueprint);
        }
    }
    diagnostic::sort(&mut checker.diagnostics);
    checker.diagnostics
}

struct Checker<'a> {
    declaration: &'a Declaration,
    diagnostics: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn is_full(&self) -> bool {
        self.diagnostics.len() >= MAX_FINDINGS
    }

    fn report(
        &mut self,
        code: Code,
        span: Span,
        message: String,
        label: &str,
        help: Option<String>,
    ) {
        let location = Location::new(&self.declaration.source, span);
        let diagnostic = Diagnostic::new(code, location, message).label(label);
        self.diagnostics.push(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    fn unknown_blueprint(&mut self, names: &[String]) {
        let blueprint = self.declaration.entity.blueprint.as_str();
        let headline = self.declaration.location().span;
        let own = self.declaration.node().get("blueprint");
        let own = own.filter(|value| !value.is_null());
        let span = own.map_or(headline, |value| value.span);
        let message = format!("Port has no blueprint `{blueprint}`");
        let help = did_you_mean(blueprint, names.iter().map(String::as_str))
            .unwrap_or_else(|| "create the blueprint in Port first".to_owned());
        self.report(
            Code::UnknownBlueprint,
            span,
            message,
            "no such blueprint",
            Some(help),
        );
    }

    fn team(&mut self, blueprint: &Blueprint) {
        let Ownership::Inherited { path } = &blueprint.ownership else {
            return;
        };
        if !self.declaration.entity.team.is_stated() {
            return;
        }
        if let Some(member) = self.declaration.node().member("team") {
            let of = &self.declaration.entity.blueprint;
            let message = format!(
                "entities of `{of}` inherit their teams through `{path}`, so `team` cannot be written"
            );
            let help = "remove the line, and set the team of the entity that the path leads to";
            self.report(
                Code::InheritedTeam,
                member.key_span,
                message,
                "computed by Port",
                Some(help.to_owned()),
            );
        }
    }

    fn properties(&mut self, blueprint: &Blueprint) {
        let declaration = self.declaration;
        for (name, value) in &declaration.entity.properties {
            if self.is_full() {
                return;
            }
            match blueprint.property(name) {
                None => self.unknown_property(name, blueprint),
                Some(Property::Computed(computation)) => {
                    let message = format!(
                        "`{name}` is {} property, which Port computes by itself",
                        computation.as_str()
                    );
                    let help = Some("remove the line".to_owned());
                    self.report(
                        Code::CalculatedProperty,
                        self.key_span("properties", name),
                        message,
                        "cannot be written",
                        help,
                    );
                }
                Some(Property::Stored { presence, .. }) if value.is_null() => {
                    self.cleared("properties", name, *presence, Code::InvalidProperty);
                }
                Some(Property::Stored { schema, .. }) => {
                    let violations = schema.violations(value);
                    if violations.is_empty() && schema.is_markdown() {
                        self.markdown(name, value.as_str().unwrap_or_default());
                    }
                    for violation in violations {
                        self.violation(name, &violation);
                    }
                }
            }
        }
    }

    /// The value of a property or relation in the file; the entity as a whole if it has none.
    fn value(&self, section: &str, name: &str) -> &Node {
        let member = self.declaration.member(section, name);
        member.map_or(self.declaration.node(), |member| &member.value)
    }

    fn key_span(&self, section: &str, name: &str) -> Span {
        let member = self.declaration.member(section, name);
        member.map_or(self.declaration.location().span, |member| member.key_span)
    }

    /// A Markdown property whose text looks like the name of a Markdown file.
    fn markdown(&mut self, name: &str, text: &str) {
        let path = file_meant(text);
        let is_name = |path: &&str| {
            let is_path = !path.contains(|one: char| one.is_whitespace() || one == ':');
            let extension = path.rsplit_once('.').map(|(_, extension)| extension);
            is_path && extension.is_some_and(|extension| extension.eq_ignore_ascii_case("md"))
        };
        if let Some(path) = Some(path).filter(is_name) {
            let message = format!("`{name}` is the text `{text}`, not the text of that file");
            let span = self.value("properties", name).span;
            let location = Location::new(&self.declaration.source, span);
            let help = format!(
                "write `{SCHEME}./{path}` if the text of the file beside this one is meant"
            );
            self.diagnostics.push(
                Diagnostic::new(Code::InvalidFileReference, location, message)
                    .warn()
                    .label("a text")
                    .help(help),
            );
        }
    }

    fn unknown_property(&mut self, name: &str, blueprint: &Blueprint) {
        let of = &self.declaration.entity.blueprint;
        let help = match blueprint.relation(name) {
            Some(_) => Some(format!("`{name}` is a relation: put it under `relations`")),
            None => invisible(name)
                .or_else(|| did_you_mean(name, blueprint.stored_properties()))
                .or_else(|| few("its properties are", blueprint.stored_properties())),
        };
        let message = format!("the blueprint `{of}` has no property `{name}`");
        self.report(
            Code::UnknownProperty,
            self.key_span("properties", name),
            message,
            "unknown property",
            help,
        );
    }

    /// An explicit `null`.
    fn cleared(&mut self, section: &str, name: &str, presence: Presence, code: Code) {
        if presence == Presence::Required {
            let message = format!("`{name}` is required, so it cannot be cleared");
            let help = Some("write a value".to_owned());
            let span = self.value(section, name).span;
            self.report(code, span, message, "required", help);
        }
    }

    fn violation(&mut self, name: &str, violation: &Violation) {
        let value = self.value("properties", name);
        let (value, path) = resolve(value, name, &violation.pointer);
        let (requirement, help) =
            wording::requirement(&violation.kind, value, &self.declaration.source);
        let span = match &violation.kind {
            ViolationKind::UnknownKeys(keys) => keys
                .first()
                .and_then(|key| value.member(key))
                .map_or(value.span, |member| member.key_span),
            _ => value.span,
        };
        let message = format!("`{path}` {requirement}");
        let label = match &violation.kind {
            ViolationKind::Type(types) => format!("expected {}", alternatives(types)),
            ViolationKind::Enum(_) => "not one of them".to_owned(),
            _ => String::new(),
        };
        self.report(Code::InvalidProperty, span, message, &label, help);
    }

    fn relations(&mut self, blueprint: &Blueprint) {
        let declaration = self.declaration;
        for (name, relation) in &declaration.entity.relations {
            if self.is_full() {
                return;
            }
            match blueprint.relation(name) {
                None => self.unknown_relation(name, blueprint),
                Some(rule) if *relation == Relation::Null => {
                    self.cleared("relations", name, rule.presence, Code::InvalidRelation);
                }
                Some(rule) => self.cardinality(name, relation, rule),
            }
        }
    }

    fn unknown_relation(&mut self, name: &str, blueprint: &Blueprint) {
        let of = &self.declaration.entity.blueprint;
        let help = match blueprint.property(name) {
            Some(_) => Some(format!("`{name}` is a property: put it under `properties`")),
            None => invisible(name)
                .or_else(|| did_you_mean(name, blueprint.relation_names()))
                .or_else(|| few("its relations are", blueprint.relation_names())),
        };
        let message = format!("the blueprint `{of}` has no relation `{name}`");
        self.report(
            Code::UnknownRelation,
            self.key_span("relations", name),
            message,
            "unknown relation",
            help,
        );
    }

    fn cardinality(&mut self, name: &str, relation: &Relation, rule: &RelationRule) {
        let RelationRule {
            target,
            cardinality,
            ..
        } = rule;
        let report = |message| {
            let span = self.value("relations", name).span;
            let location = Location::new(&self.declaration.source, span);
            Diagnostic::new(Code::InvalidRelation, location, message)
        };
        let diagnostic = match (relation, cardinality) {
            (Relation::Many(_), Cardinality::One) => report(format!(
                "the relation `{name}` points to one `{target}`, found an array"
            ))
            .label("expected one identifier")
            .help("write the identifier alone, without brackets"),
            (Relation::One(one), Cardinality::Many) => report(format!(
                "the relation `{name}` points to many `{target}`, found a string: it is sent as an array"
            ))
            .warn()
            .label("expected an array")
            .help(format!("write `[{one}]`")),
            _ => return,
        };
        self.diagnostics.push(diagnostic);
    }

    fn omissions(&mut self, blueprint: &Blueprint) {
        let headline = self.declaration.location().span;
        let of = self.declaration.entity.blueprint.clone();
        let entity = &self.declaration.entity;
        // What cannot be read is there all the same.
        let is_missing = |section, name: &&str| self.declaration.member(section, name).is_none();
        let properties: Vec<_> = blueprint
            .required_properties()
            .filter(|name| !entity.properties.contains_key(*name))
            .filter(|name| is_missing("properties", name))
            .collect();
        let relations: Vec<_> = blueprint
            .required_relations()
            .filter(|name| !entity.relations.contains_key(*name))
            .filter(|name| is_missing("relations", name))
            .collect();
        for name in properties.into_iter().take(MAX_FINDINGS) {
            let message = format!("the property `{name}` is missing; `{of}` requires it");
            let help = Some(format!("add `{name}` under `properties`"));
            self.report(
                Code::MissingProperty,
                headline,
                message,
                "this entity",
                help,
            );
        }
        for name in relations.into_iter().take(MAX_FINDINGS) {
            let message = format!("the relation `{name}` is missing; `{of}` requires it");
            let help = Some(format!("add `{name}` under `relations`"));
            self.report(
                Code::InvalidRelation,
                headline,
                message,
                "this entity",
                help,
            );
        }
    }
}

/// What a JSON pointer leads to below a property, and the way there as people write it.
fn resolve<'n>(value: &'n Node, property: &str, pointer: &str) -> (&'n Node, String) {
    let mut path = property.to_owned();
    let mut node = value;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let next = match &node.value {
            Value::Array(items) => {
                path.push_str(&format!("[{step}]"));
                step.parse().ok().and_then(|index: usize| items.get(index))
            }
            _ => {
                path.push_str(&format!(".{step}"));
                node.get(&step)
            }
        };
        let Some(next) = next else { break };
        node = next;
    }
    (node, path)
}

/// The file that a text names in place of its own text, perhaps with a scheme that is none.
fn file_meant(text: &str) -> &str {
    let rest = text.strip_prefix("file:").unwrap_or(text);
    let rest = rest.trim_start_matches('/');
    rest.strip_prefix("./").unwrap_or(rest)
}
