//! Node → entity, or diagnostics that say why not.

mod fields;
mod numbers;
mod query;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Map;

use super::{
    BlueprintId, Clearing, Entity, EntityKey, EntityName, Identifier, InvalidName, Query, Relation,
    Stated, Team, canonical, property_values,
};
use crate::catalog::rules::BlueprintRules;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::document::hints::{TEMPLATE, has_placeholder};
use crate::document::{Member, Node, Value};
use crate::text::{Location, SourceFile, Span};
use fields::Names;

pub(crate) use fields::{FIELDS, READ_ONLY_FIELDS};

const AN_OBJECT: &str = "an object";

const ALLOWED_CHARACTERS: &str =
    r"use letters, digits and the characters `@ _ . + : \ / = ' -` only";

const ALLOWED_IN_BLUEPRINTS: &str =
    r"use letters, digits and the characters `@ _ . + : \ / -` only";

/// How many errors, and how many other findings, are reported of one entity. Nobody reads more, and
/// a hostile file could hold half a million.
const MAX_FINDINGS: usize = 100;

/// The longest name for which similar ones are looked for, in bytes: comparing takes time and memory
/// by the product of the lengths.
const LONGEST_COMPARED: usize = 256;

/// What an entity's meaning depends on beside its text.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The blueprint of an entity that names none.
    pub default_blueprint: Option<&'a BlueprintId>,
    /// The blueprints that may be written.
    pub writable: &'a BlueprintRules,
}

/// Reads the entity that `node` declares in `source`.
///
/// What is wrong with it is added to `diagnostics`: up to 100 errors, and as many other findings.
///
/// # Errors
/// If any of that is an error: what is known of the entity.
pub fn read(
    node: &Node,
    source: &Arc<SourceFile>,
    context: Context<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Entity, Flawed> {
    let mut reader = EntityReader {
        source,
        diagnostics,
        errors: 0,
        others: 0,
    };
    let Value::Object(members) = &node.value else {
        reader.not_an_entity(node);
        return Err(Flawed::default());
    };
    let names = reader.check_field_names(members);

    // Every field is read before any failure counts, so that all mistakes are found at once.
    let name = reader.name(node, &names);
    let blueprint = reader.blueprint(node, context, &names);
    let title = reader.text(node, "title");
    let icon = reader.text(node, "icon");
    let team = reader.team(node);
    let properties = reader.properties(node);
    let relations = reader.relations(node);
    let empty = reader.empty_section(node);
    reader.check_comments(node);

    let clearing = match names.unknown.or(empty) {
        Some(_) => Clearing::HeldBack,
        None => Clearing::Allowed,
    };
    let Some(blueprint) = blueprint else {
        return Err(Flawed::default());
    };
    let is_sound = name.is_some()
        && title.is_ok()
        && icon.is_ok()
        && team.is_ok()
        && properties.is_ok()
        && relations.is_ok()
        && names.outcome.is_ok();
    let nameless = || EntityName::Identifier(Identifier::from_port(""));
    let mut entity = Entity {
        blueprint,
        name: name.clone().unwrap_or_else(nameless),
        title: title.unwrap_or_default(),
        icon: icon.unwrap_or_default(),
        team: team.unwrap_or_default(),
        properties: properties.unwrap_or_default(),
        relations: relations.unwrap_or_else(|Partial(relations)| relations),
        clearing: Clearing::Allowed,
    };
    if !is_sound {
        entity.clearing = clearing;
        return Err(Flawed {
            key: name.map(|_| entity.key()),
            outline: Some(Box::new(entity)),
        });
    }
    if let Some(cause) = names.unknown.or(empty) {
        reader.hold_back(node, &mut entity, cause);
    }
    Ok(entity)
}

/// What is known of an entity with errors.
#[derive(Debug, Default)]
pub struct Flawed {
    /// Which one it is.
    pub key: Option<EntityKey>,
    /// What of it can be read, if its blueprint is known: enough to hold it against the blueprint.
    pub outline: Option<Box<Entity>>,
}

/// The span to show for an entity as a whole: its identifier's value, else its first key.
pub(crate) fn headline(node: &Node) -> Span {
    match &node.value {
        Value::Object(members) => node
            .get("identifier")
            .map(|identifier| identifier.span)
            .or_else(|| members.first().map(|member| member.key_span))
            .unwrap_or(node.span),
        _ => node.span,
    }
}

/// An error that has been reported.
struct Reported;

/// An error that has been reported, and what could be read all the same.
struct Partial<T>(T);

/// A field's value, if the file has one.
type FieldResult<T> = Result<Option<T>, Reported>;

struct EntityReader<'a> {
    source: &'a Arc<SourceFile>,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// How many errors were reported.
    errors: usize,
    /// How many warnings and notices were reported.
    others: usize,
}

impl EntityReader<'_> {
    fn report(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        with: impl FnOnce(Diagnostic) -> Diagnostic,
    ) -> Reported {
        let diagnostic = with(Diagnostic::new(code, self.location(span), message));
        if !self.is_full(diagnostic.severity()) {
            *self.reported(diagnostic.severity()) += 1;
            self.diagnostics.push(diagnostic);
        }
        Reported
    }

    fn location(&self, span: Span) -> Location {
        Location::new(self.source, span)
    }

    /// Whether enough was reported of findings that matter so much.
    fn is_full(&mut self, severity: Severity) -> bool {
        *self.reported(severity) >= MAX_FINDINGS
    }

    fn reported(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning | Severity::Notice => &mut self.others,
        }
    }

    fn not_an_entity(&mut self, node: &Node) {
        let text = node.as_str().unwrap_or_default();
        let field = FIELDS.into_iter().find(|field| {
            text.strip_prefix(field)
                .is_some_and(|rest| rest.starts_with(':'))
        });
        let help = match field {
            Some(field) => format!("put a space after the `:`: `{field}: …`"),
            None => "write `identifier: …` and the entity's other fields here, or exclude the file with a `!` line in the input `files`".to_owned(),
        };
        self.report(
            Code::NotAnEntity,
            node.span,
            format!("an entity must be an object, found {}", node.kind()),
            |diagnostic| diagnostic.label("not an entity").help(help),
        );
    }

    fn name(&mut self, node: &Node, names: &Names) -> Option<EntityName> {
        let Some(value) = node.get("identifier").filter(|value| !value.is_null()) else {
            if names.hidden.contains("identifier") {
                return None;
            }
            let span = node
                .member("identifier")
                .map_or(headline(node), |member| member.key_span);
            let mut help =
                "add `identifier`, a name that is unique among the blueprint's entities".to_owned();
            if node.get("blueprint").is_none() {
                let path = self.source.path();
                help.push_str(&format!(
                    "; if the file is not meant for Port, exclude it with the line `!{path}` in the input `files`"
                ));
            }
            let message = "the entity has no identifier";
            self.report(Code::MissingIdentifier, span, message, |d| {
                d.label("no `identifier` here").help(help)
            });
            return None;
        };
        match &value.value {
            Value::Object(_) => self.query(value, "identifier").ok().map(EntityName::Query),
            Value::String(text) => self
                .identifier(text, value.span)
                .ok()
                .map(EntityName::Identifier),
            _ => {
                self.wrong_type(value, "`identifier`", "a string");
                None
            }
        }
    }

    fn identifier(&mut self, text: &str, span: Span) -> Result<Identifier, Reported> {
        Identifier::parse(text).map_err(|reason| self.invalid_name("identifier", &reason, span))
    }

    fn invalid_name(&mut self, what: &str, reason: &InvalidName, span: Span) -> Reported {
        let message = format!("this is not a valid {what}: {reason}");
        let allowed = match what {
            _ if has_placeholder(self.source.slice(span)) => TEMPLATE,
            "blueprint" => ALLOWED_IN_BLUEPRINTS,
            _ => ALLOWED_CHARACTERS,
        };
        self.report(
            Code::InvalidIdentifier,
            span,
            message,
            |diagnostic| match reason {
                InvalidName::Character { .. } => diagnostic.label(reason.to_string()).help(allowed),
                _ => diagnostic.label(reason.to_string()),
            },
        )
    }

    /// The blueprint, if it is known which one it is and it may be written.
    fn blueprint(
        &mut self,
        node: &Node,
        context: Context<'_>,
        names: &Names,
    ) -> Option<BlueprintId> {
        let own = self.text_member(node, "blueprint").ok()?;
        if own.is_none() && names.hidden.contains("blueprint") {
            return None;
        }
        let (blueprint, span) = match (own, context.default_blueprint) {
            (Some((text, span)), _) => {
                let blueprint = BlueprintId::parse(text)
                    .map_err(|reason| self.invalid_name("blueprint", &reason, span))
                    .ok()?;
                (blueprint, span)
            }
            (None, Some(default)) => (default.clone(), headline(node)),
            (None, None) => {
                self.missing_blueprint(node);
                return None;
            }
        };
        if context.writable.allow(&blueprint) {
            return Some(blueprint);
        }
        self.forbidden_blueprint(&blueprint, span);
        None
    }

    fn forbidden_blueprint(&mut self, blueprint: &BlueprintId, span: Span) {
        let (message, label, help) = match blueprint.is_computed() {
            true => (
                format!("Port computes the entities of the blueprint `{blueprint}`"),
                "computed by Port",
                "remove the entity; what can be declared are scorecards and their rules, in `_scorecard` and `_rule`",
            ),
            false => (
                format!("this repository may not write entities of the blueprint `{blueprint}`"),
                "not writable from here",
                "if it should, name the blueprint in the action's input `blueprints`",
            ),
        };
        self.report(Code::ForbiddenBlueprint, span, message, |d| {
            d.label(label).help(help)
        });
    }

    fn missing_blueprint(&mut self, node: &Node) {
        let message = "nothing says which blueprint the entity is of";
        let help = match self.source.is_mapped() {
            true => "add `blueprint` to the mapping, or set the input `blueprint`",
            false => {
                "add `blueprint: …` here, or `=> BLUEPRINT` to the file's line in the input `files`, or set the input `blueprint`"
            }
        };
        self.report(Code::MissingBlueprint, headline(node), message, |d| {
            d.help(help)
        });
    }

    /// A field that holds text, if it does and that is not `null`.
    fn text_member<'n>(&mut self, node: &'n Node, field: &str) -> FieldResult<(&'n str, Span)> {
        match node.get(field) {
            None => Ok(None),
            Some(value) if value.is_null() => Ok(None),
            Some(Node {
                span,
                value: Value::String(text),
            }) => Ok(Some((text, *span))),
            Some(value) => Err(self.wrong_type(value, &format!("`{field}`"), "a string")),
        }
    }

    fn text(&mut self, node: &Node, field: &str) -> Result<Stated<String>, Reported> {
        let text = self.text_member(node, field)?;
        Ok(match (text, node.get(field)) {
            (Some((text, _)), _) => Stated::Value(text.to_owned()),
            (None, Some(_)) => Stated::Cleared,
            (None, None) => Stated::LeftOut,
        })
    }

    fn team(&mut self, node: &Node) -> Result<Stated<Team>, Reported> {
        let Some(value) = node.get("team") else {
            return Ok(Stated::LeftOut);
        };
        match &value.value {
            Value::Null => Ok(Stated::Cleared),
            Value::String(name) => Ok(Stated::Value(Team::One(name.clone()))),
            Value::Array(items) => {
                let names = self.all(items, |reader, item| match item.as_str() {
                    Some(name) => Ok(name.to_owned()),
                    None => Err(reader.wrong_type(item, "each team in `team`", "a string")),
                })?;
                Ok(Stated::Value(Team::Many(names)))
            }
            Value::Object(_) => Ok(Stated::Value(Team::Query(self.query(value, "team")?))),
            _ => Err(self.wrong_type(value, "`team`", "a string, an array of strings or a query")),
        }
    }

    fn properties(&mut self, node: &Node) -> Result<Map<String, serde_json::Value>, Reported> {
        match node.get("properties").map(|value| (&value.value, value)) {
            None | Some((Value::Null, _)) => Ok(Map::new()),
            Some((Value::Object(members), _)) => {
                members.iter().for_each(|member| self.check_numbers(member));
                Ok(property_values(members, Clearing::Allowed))
            }
            Some((_, value)) => Err(self.wrong_type(value, "`properties`", AN_OBJECT)),
        }
    }

    fn relations(
        &mut self,
        node: &Node,
    ) -> Result<BTreeMap<String, Relation>, Partial<BTreeMap<String, Relation>>> {
        let mut relations = BTreeMap::new();
        match node.get("relations").map(|value| (&value.value, value)) {
            None | Some((Value::Null, _)) => Ok(relations),
            Some((Value::Object(members), _)) => {
                for member in members {
                    if let Ok(relation) = self.relation(member) {
                        relations.insert(member.key.clone(), relation);
                    }
                }
                match relations.len() == members.len() {
                    true => Ok(relations),
                    false => Err(Partial(relations)),
                }
            }
            Some((_, value)) => {
                self.wrong_type(value, "`relations`", AN_OBJECT);
                Err(Partial(relations))
            }
        }
    }

    fn relation(&mut self, member: &Member) -> Result<Relation, Reported> {
        let value = &member.value;
        match &value.value {
            Value::Null => Ok(Relation::Null),
            Value::String(target) => Ok(Relation::One(self.identifier(target, value.span)?)),
            Value::Array(items) => {
                let what = format!("each target of `{}`", member.key);
                let targets = self.all(items, |reader, item| match item.as_str() {
                    Some(target) => reader.identifier(target, item.span),
                    None => Err(reader.wrong_type(item, &what, "a string")),
                })?;
                Ok(Relation::Many(targets))
            }
            Value::Object(_) => Ok(Relation::Query(self.query(value, &member.key)?)),
            _ => {
                let what = format!("the relation `{}`", member.key);
                Err(self.wrong_type(
                    value,
                    &what,
                    "an identifier, an array of identifiers or a query",
                ))
            }
        }
    }

    /// Reads every item before the first failure counts.
    fn all<I, T>(
        &mut self,
        items: &[I],
        read: impl Fn(&mut Self, &I) -> Result<T, Reported>,
    ) -> Result<Vec<T>, Reported> {
        let results: Vec<_> = items.iter().map(|item| read(self, item)).collect();
        results.into_iter().collect()
    }

    fn wrong_type(&mut self, value: &Node, what: &str, needed: &str) -> Reported {
        if self.is_full(Severity::Error) {
            return Reported;
        }
        let message = format!("{what} must be {needed}, found {}", value.kind());
        let text = self.source.slice(value.span).to_owned();
        let is_scalar = matches!(value.value, Value::Number(_) | Value::Bool(_));
        let is_mapped = self.source.is_mapped();
        self.report(Code::WrongType, value.span, message, |diagnostic| {
            let diagnostic = diagnostic.label(format!("expected {needed}"));
            match is_scalar && needed != AN_OBJECT {
                true if is_mapped => {
                    diagnostic.help("make it a text in the mapping, with `| tostring`")
                }
                true => diagnostic.help(format!("quote it: `\"{text}\"`")),
                false => diagnostic,
            }
        })
    }
}

/// The candidate that `name` most likely stands for, if any is close enough to be a typo.
pub(crate) fn nearest<'c>(
    name: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let most = |candidate: &str| candidate.len().max(3) / 3;
    let is_comparable = |candidate: &&str| {
        candidate.len() <= LONGEST_COMPARED
            && name.len() <= LONGEST_COMPARED
            && name.chars().count().abs_diff(candidate.chars().count()) <= most(candidate)
    };
    candidates
        .into_iter()
        .filter(is_comparable)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= most(candidate))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
