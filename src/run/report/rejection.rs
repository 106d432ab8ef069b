//! What Port refuses, brought back to the line that it refuses.
//!
//! Port's messages are not specified. They name a property or relation by a JSON pointer as Ajv
//! does, or name things in quotes; where neither is found, the entity as a whole is shown.

use crate::catalog::declare::Declaration;
use crate::catalog::entity::EntityKey;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Node, Value};
use crate::port::{ErrorCode, Rejection};
use crate::text::{Location, Span};

/// The diagnostic for an entity that Port refused, and for as many `others` of its blueprint that it
/// refused for the same reason.
pub(super) fn diagnostic(
    declaration: &Declaration,
    rejection: &Rejection,
    others: usize,
) -> Diagnostic {
    let Rejection {
        code: reason,
        status,
        message,
    } = rejection;
    let target = (*reason == ErrorCode::NotFound)
        .then(|| named_target(declaration, message))
        .flatten();
    let (code, span) = match target {
        Some(target) => (Code::MissingRelationTarget, Some(target)),
        None => (Code::RejectedByPort, named_member(declaration, message)),
    };
    let location = match span {
        Some(span) => Location::new(&declaration.source, span),
        None => declaration.location(),
    };
    let key = declaration.entity.key();
    let others = match others {
        0 => String::new(),
        others => format!(" and {others} more of `{}`", key.blueprint),
    };
    let text = format!("Port rejected `{key}`{others}: {message} ({status})");
    let shared = format!("Port rejected them: {message} ({status})");
    let diagnostic = Diagnostic::new(code, location, text).shared(shared);
    let diagnostic = diagnostic.label(match code {
        Code::MissingRelationTarget => "Port does not have this",
        _ => "Port rejects this",
    });
    match reason.help() {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// The diagnostic for an entity that was not sent, as `by` could not be written.
pub(super) fn blocked(declaration: &Declaration, by: &EntityKey) -> Diagnostic {
    let target = by.name.to_string();
    let span = targets(declaration)
        .find(|node| node.as_str() == Some(&target))
        .map(|node| node.span);
    let location = match span {
        Some(span) => Location::new(&declaration.source, span),
        None => declaration.location(),
    };
    let key = declaration.entity.key();
    let text = format!("`{key}` was not sent, as `{by}`, which it needs, could not be written");
    let shared = format!("not sent, as `{by}`, which they need, could not be written");
    Diagnostic::new(Code::Blocked, location, text)
        .shared(shared)
        .label("could not be written")
        .help(format!("fix `{by}` first; the next run then writes both"))
}

/// The relation target that the message quotes.
fn named_target(declaration: &Declaration, message: &str) -> Option<Span> {
    let named = |target: &&Node| target.as_str().is_some_and(|name| quotes(message, name));
    targets(declaration).find(named).map(|target| target.span)
}

/// What the relations point to.
fn targets(declaration: &Declaration) -> impl Iterator<Item = &Node> {
    let relations = declaration.members("relations").iter();
    relations.flat_map(|member| match &member.value.value {
        Value::Array(items) => items.as_slice(),
        _ => std::slice::from_ref(&member.value),
    })
}

/// The property or relation that the message points to or quotes.
fn named_member(declaration: &Declaration, message: &str) -> Option<Span> {
    let in_section = |section| {
        declaration
            .members(section)
            .iter()
            .map(move |member| (section, member))
    };
    let all: Vec<_> = in_section("properties")
        .chain(in_section("relations"))
        .collect();
    let pointed = all
        .iter()
        .find(|(section, member)| points_to(message, &format!("/{section}/{}", member.key)));
    let quoted = || all.iter().find(|(_, member)| quotes(message, &member.key));
    pointed.or_else(quoted).map(|(_, member)| member.value.span)
}

fn quotes(message: &str, name: &str) -> bool {
    ['"', '\'', '`']
        .iter()
        .any(|quote| message.contains(&format!("{quote}{name}{quote}")))
}

/// Whether the pointer ends where the message's word does: `/properties/a` is not in `/properties/ab`.
fn points_to(message: &str, pointer: &str) -> bool {
    message.match_indices(pointer).any(|(at, _)| {
        let next = message[at + pointer.len()..].chars().next();
        next.is_none_or(|next| !next.is_alphanumeric() && !matches!(next, '_' | '-'))
    })
}
