//! Values that are secrets by their names, and stand in Git for everybody to read.

use super::Declaration;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::hints::has_placeholder;
use crate::text::Location;

/// How names of secrets end, in lower case and without separators.
const ENDINGS: [&str; 8] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credentials",
];

/// Shorter values are no secrets.
const SHORTEST: usize = 8;

/// A warning of the first property that is called like a secret and has a value of its own.
pub(super) fn find(declaration: &Declaration) -> Option<Diagnostic> {
    let mut properties = declaration.entity.properties.iter();
    if !properties.any(|(name, value)| is_secret(name, value.as_str())) {
        return None;
    }
    let mut members = declaration.members("properties").iter();
    let member = members.find(|member| is_secret(&member.key, member.value.as_str()))?;
    let name = &member.key;
    let location = Location::new(&declaration.source, member.key_span);
    let message = format!("`{name}` looks like a secret, and is in Git in plain text");
    Some(
        Diagnostic::new(Code::PlainSecret, location, message)
            .label("everybody who can read the repository can read this")
            .help(format!(
                "keep it out of Git and replace it; `redact: {name}` keeps it out of the reports"
            )),
    )
}

fn is_secret(name: &str, value: Option<&str>) -> bool {
    // Few values look like secrets, and checking the value is cheaper than normalising the name.
    if !value.is_some_and(is_value) {
        return false;
    }
    let plain = |one: &char| one.is_alphanumeric();
    let name: String = name.to_lowercase().chars().filter(plain).collect();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether a text may be a secret, rather than words about one or a reference to where it is.
fn is_value(text: &str) -> bool {
    let is_word = !text.contains(char::is_whitespace) && !text.contains("://");
    is_word && text.chars().count() >= SHORTEST && !has_placeholder(text)
}
