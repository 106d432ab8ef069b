//! The names of an entity's fields: which ones entities have, and what others were meant to be.

use std::collections::BTreeSet;

use super::{Clearing, EntityReader, Reported, nearest};
use crate::catalog::entity::{Entity, Relation, Stated, Team, property_values};
use crate::diagnostic::{Code, Severity};
use crate::document::character::{is_invisible, name_of};
use crate::document::{Member, Node, Value};
use crate::text::Span;

/// The fields that files have.
pub(crate) const FIELDS: [&str; 7] = [
    "identifier",
    "title",
    "blueprint",
    "icon",
    "team",
    "properties",
    "relations",
];

/// What Port adds to an entity when it shows one, with or without a `$`.
pub(crate) const READ_ONLY_FIELDS: [&str; 8] = [
    "createdAt",
    "createdBy",
    "updatedAt",
    "updatedBy",
    "scorecards",
    "datasource",
    "resolvedRelations",
    "identifierToTitle",
];

const BELONGS_BELOW: &str = "values of the blueprint's properties belong under `properties`, its relations under `relations`";

/// What a field's name says.
enum Meaning {
    Field,
    ReadOnly,
    /// It is no field, but most likely this one was meant.
    Misspelt(&'static str),
    /// It is no field, and whole fields may be in it.
    Nested,
    Unknown,
}

fn meaning(member: &Member) -> Meaning {
    let name = member.key.as_str();
    if FIELDS.contains(&name) {
        return Meaning::Field;
    }
    if READ_ONLY_FIELDS.contains(&name.strip_prefix('$').unwrap_or(name)) {
        return Meaning::ReadOnly;
    }
    let plain: String = name.chars().filter(|one| !is_invisible(*one)).collect();
    match (nearest(&plain.to_lowercase(), FIELDS), &member.value.value) {
        (Some(field), _) => Meaning::Misspelt(field),
        (None, Value::Object(_)) => Meaning::Nested,
        (None, _) => Meaning::Unknown,
    }
}

/// What the names of an entity's fields say of it as a whole.
pub(super) struct Names {
    /// The fields that are there under another name or at another level, so that they are not
    /// missing but unknown.
    pub(super) hidden: BTreeSet<&'static str>,
    /// The first field that is not understood.
    pub(super) unknown: Option<Span>,
    /// Whether one of them is an error.
    pub(super) outcome: Result<(), Reported>,
}

impl EntityReader<'_> {
    pub(super) fn check_field_names(&mut self, members: &[Member]) -> Names {
        let mut names = Names {
            hidden: BTreeSet::new(),
            unknown: None,
            outcome: Ok(()),
        };
        for member in members {
            let reported = match meaning(member) {
                Meaning::Field => continue,
                Meaning::ReadOnly => {
                    self.read_only(member);
                    continue;
                }
                Meaning::Misspelt(field) => {
                    names.hidden.insert(field);
                    Err(self.misspelt(member, field))
                }
                Meaning::Nested => {
                    let inner = FIELDS.into_iter().filter(|field| has(member, field));
                    names.hidden.extend(inner);
                    Err(self.nested(member))
                }
                Meaning::Unknown => {
                    self.unknown(member);
                    Ok(())
                }
            };
            names.unknown.get_or_insert(member.key_span);
            names.outcome = names.outcome.and(reported);
        }
        names
    }

    fn read_only(&mut self, member: &Member) {
        let message = format!("`{}` is set by Port and was left out", member.key);
        self.report(Code::ReadOnlyField, member.key_span, message, |d| {
            d.help("remove the line: it has no effect")
        });
    }

    fn misspelt(&mut self, member: &Member, field: &str) -> Reported {
        let message = format!("entities have no field `{}`", member.key);
        let blank = blank_help(&member.key, field);
        self.report(Code::UnknownField, member.key_span, message, |d| {
            d.label("unknown field")
                .help(blank.unwrap_or_else(|| format!("did you mean `{field}`?")))
        })
    }

    fn nested(&mut self, member: &Member) -> Reported {
        let name = &member.key;
        let message = format!("entities have no field `{name}`, and it holds an object");
        let help = match FIELDS.into_iter().any(|field| has(member, field)) {
            true => {
                format!("write the fields of the entity themselves, without `{name}` around them")
            }
            false => BELONGS_BELOW.to_owned(),
        };
        self.report(Code::UnknownField, member.key_span, message, |d| {
            d.label("unknown field").help(help)
        })
    }

    fn unknown(&mut self, member: &Member) {
        if self.is_full(Severity::Warning) {
            return;
        }
        let message = format!(
            "entities have no field `{}`: it is left out, and nothing of this entity is cleared in Port",
            member.key
        );
        let help = match member.key.chars().find(|one| is_invisible(*one)) {
            Some(blank) => format!("remove {}", blank_words(blank)),
            None => BELONGS_BELOW.to_owned(),
        };
        self.report(Code::UnknownField, member.key_span, message, |d| {
            d.warn().label("unknown field").help(help)
        });
    }

    /// Whether `properties` or `relations` is there and empty: what belongs to it may be anywhere
    /// else, with a wrong indentation.
    pub(super) fn empty_section(&mut self, node: &Node) -> Option<Span> {
        let mut found = None;
        for section in ["properties", "relations"] {
            let Some(member) = node.member(section).filter(|one| one.value.is_null()) else {
                continue;
            };
            let message =
                format!("`{section}` is empty, so nothing of this entity is cleared in Port");
            self.report(Code::WrongType, member.key_span, message, |d| {
                d.warn().label("nothing below it").help(format!(
                    "indent what belongs to it; if nothing does, remove the line or write `{section}: {{}}`"
                ))
            });
            found.get_or_insert(member.key_span);
        }
        found
    }

    /// Warns of values that are comments, such as the channel in `slack: #shop`: they are null.
    pub(super) fn check_comments(&mut self, node: &Node) {
        let fields = members_of(node).iter();
        let below = ["properties", "relations"].map(|section| members(node, section));
        for member in fields.chain(below.into_iter().flatten()) {
            if let Some(comment) = self.comment_in_place_of_value(member) {
                let message = format!(
                    "`{}` is null: `{comment}` after it is a comment",
                    member.key
                );
                let help = format!("put quotes around it if it is the value: `\"{comment}\"`");
                self.report(Code::WrongType, member.key_span, message, |d| {
                    d.warn().label("no value").help(help)
                });
            }
        }
    }

    /// The comment on the line of a key without a value, if it begins like a word.
    fn comment_in_place_of_value(&self, member: &Member) -> Option<String> {
        const LONGEST: usize = 40;
        let span = member.value.span;
        if !member.value.is_null() || span.start != span.end {
            return None;
        }
        let after = self.source.text().get(member.key_span.end..)?;
        let comment = after.lines().next()?.trim_start().strip_prefix(':')?.trim();
        let word = comment.strip_prefix('#')?;
        let is_word = word.starts_with(char::is_alphanumeric) && !word.contains('"');
        (is_word && word.len() <= LONGEST && !word.contains(' ')).then(|| comment.to_owned())
    }

    /// Takes out of `entity` what would clear something in Port, because of the field at `cause`.
    pub(super) fn hold_back(&mut self, node: &Node, entity: &mut Entity, cause: Span) {
        entity.clearing = Clearing::HeldBack;
        for field in ["title", "icon", "team"] {
            if let Some(value) = node.get(field).filter(|value| is_nothing(value)) {
                self.held_back(field, value.span, cause);
            }
        }
        for text in [&mut entity.title, &mut entity.icon] {
            if *text == Stated::Cleared {
                *text = Stated::LeftOut;
            }
        }
        let none = Stated::Value(Team::Many(Vec::new()));
        if entity.team == Stated::Cleared || entity.team == none {
            entity.team = Stated::LeftOut;
        }
        let properties = members(node, "properties");
        entity.properties = property_values(properties, Clearing::HeldBack);
        for member in properties {
            if member.value.is_null() {
                self.held_back(
                    &format!("properties.{}", member.key),
                    member.value.span,
                    cause,
                );
            }
        }
        for member in members(node, "relations") {
            if is_nothing(&member.value) {
                self.held_back(
                    &format!("relations.{}", member.key),
                    member.value.span,
                    cause,
                );
            }
        }
        let is_something = |relation: &Relation| {
            *relation != Relation::Null && *relation != Relation::Many(Vec::new())
        };
        entity
            .relations
            .retain(|_, relation| is_something(relation));
    }

    fn held_back(&mut self, field: &str, span: Span, cause: Span) {
        let cause = self.location(cause);
        let message =
            format!("`{field}` is not cleared while a field of the entity is not understood");
        self.report(Code::UnknownField, span, message, |d| {
            d.warn()
                .label("held back")
                .related(cause, "because of this")
                .help("correct that field or remove it")
        });
    }
}

fn has(member: &Member, field: &str) -> bool {
    member.value.member(field).is_some()
}

fn members<'n>(node: &'n Node, section: &str) -> &'n [Member] {
    node.get(section).map_or(&[], members_of)
}

fn members_of(node: &Node) -> &[Member] {
    match &node.value {
        Value::Object(members) => members,
        _ => &[],
    }
}

/// Whether a team, a relation or a text says that there is none.
fn is_nothing(value: &Node) -> bool {
    match &value.value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn blank_help(name: &str, field: &str) -> Option<String> {
    if name.strip_prefix('-') == Some(field) {
        return Some(format!("put a space after the `-`: `- {field}: …`"));
    }
    let blank = name.chars().find(|one| is_invisible(*one))?;
    Some(format!("write `{field}`, without {}", blank_words(blank)))
}

fn blank_words(blank: char) -> String {
    match blank {
        '\u{a0}' => "the no-break spaces (U+00A0), which only look like an indentation".to_owned(),
        ' ' => "the spaces in its name".to_owned(),
        other => format!("{} in its name", name_of(other)),
    }
}
