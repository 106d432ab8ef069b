//! How messages say what a blueprint requires, and what to do about a value that does not fit.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::catalog::blueprint::ViolationKind;
use crate::catalog::entity::nearest;
use crate::document::character::{is_invisible, name_of};
use crate::document::{Node, Value};
use crate::text::SourceFile;

/// How many allowed values are worth listing.
const LISTED: usize = 12;

/// What is required, as text that follows a name, and what to do.
pub(super) fn requirement(
    kind: &ViolationKind,
    value: &Node,
    source: &Arc<SourceFile>,
) -> (String, Option<String>) {
    match kind {
        ViolationKind::Type(types) => {
            let requirement = format!("must be {}, found {}", alternatives(types), value.kind());
            let help = type_help(types, value, source.slice(value.span));
            let help = help.map(|help| match source.is_mapped() {
                true => "convert it in the mapping, with `| tostring` or `| tonumber`".to_owned(),
                false => help,
            });
            (requirement, help)
        }
        ViolationKind::Enum(allowed) => enum_words(allowed, value),
        ViolationKind::Format(format) => (format!("must be {}", format_words(format)), None),
        ViolationKind::Pattern(pattern) => (format!("must match the pattern `{pattern}`"), None),
        ViolationKind::MissingKey(key) => (format!("must have the key `{key}`"), None),
        ViolationKind::UnknownKeys(keys) => (
            format!("must not have the key `{}`", keys.join("`, `")),
            None,
        ),
        ViolationKind::Other(text) => (text.clone(), None),
    }
}

/// `a string or a number`
pub(super) fn alternatives(types: &[String]) -> String {
    let types: Vec<_> = types.iter().map(|name| with_article(name)).collect();
    types.join(" or ")
}

fn with_article(kind: &str) -> String {
    match kind {
        "object" | "array" | "integer" => format!("an {kind}"),
        "null" => kind.to_owned(),
        _ => format!("a {kind}"),
    }
}

fn type_help(types: &[String], value: &Node, text: &str) -> Option<String> {
    let wants = |kind: &str| types.iter().any(|wanted| wanted == kind);
    match &value.value {
        Value::Number(_) | Value::Bool(_) if wants("string") => {
            Some(format!("quote it: `\"{text}\"`"))
        }
        Value::String(inner)
            if wants("number") && inner.parse::<f64>().is_ok() && is_quotable(inner, text) =>
        {
            Some(format!("remove the quotes: `{inner}`"))
        }
        Value::String(inner) if wants("boolean") => match inner.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some("write `true`".to_owned()),
            "false" | "no" | "off" => Some("write `false`".to_owned()),
            _ => None,
        },
        Value::String(inner) if wants("array") && is_quotable(inner, text) => {
            Some(format!("write `[{inner}]`"))
        }
        _ => None,
    }
}

/// Whether a text is short enough for a hint, and stands in the entity file as it is.
fn is_quotable(inner: &str, text: &str) -> bool {
    const LONGEST: usize = 100;
    inner.len() <= LONGEST && !inner.contains('\n') && text.contains(inner)
}

fn enum_words(allowed: &[Json], value: &Node) -> (String, Option<String>) {
    let names: Vec<_> = allowed
        .iter()
        .map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
        .collect();
    let near = value
        .as_str()
        .and_then(|text| did_you_mean(text, names.iter().map(String::as_str)));
    let listed = few("the blueprint allows", names.iter().map(String::as_str));
    let help = match (near, listed) {
        (Some(near), Some(listed)) => Some(format!("{near} {listed}")),
        (near, listed) => near.or(listed),
    };
    (
        "must be one of the values that the blueprint allows".to_owned(),
        help,
    )
}

fn format_words(format: &str) -> String {
    match format {
        "url" => "a URL like `https://host/path`".to_owned(),
        "email" | "idn-email" => "an email address".to_owned(),
        "date-time" | "timer" => "a date and time like `2026-01-31T12:00:00Z`".to_owned(),
        "ipv4" => "an IPv4 address".to_owned(),
        "ipv6" => "an IPv6 address".to_owned(),
        other => format!("of the format `{other}`"),
    }
}

/// What to do about a name with a character that nobody sees.
pub(super) fn invisible(name: &str) -> Option<String> {
    let character = name.chars().find(|one| is_invisible(*one) && *one != ' ')?;
    let seen: String = name.chars().filter(|one| !is_invisible(*one)).collect();
    Some(format!("write `{seen}`, without {}", name_of(character)))
}

pub(super) fn did_you_mean<'c>(
    name: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Lists names, if they are few.
pub(super) fn few<'c>(intro: &str, names: impl Iterator<Item = &'c str>) -> Option<String> {
    let names: Vec<_> = names
        .take(LISTED + 1)
        .map(|name| format!("`{name}`"))
        .collect();
    (1..=LISTED)
        .contains(&names.len())
        .then(|| format!("{intro} {}", names.join(", ")))
}
