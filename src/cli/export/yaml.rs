//! Values → YAML that reads back as exactly the same values, here and with other readers.
//!
//! A text is plain only where every schema of YAML, 1.1 with its `yes` and its dates included, reads it as
//! text. Whatever is in doubt is in double quotes.

use serde_json::{Map, Value};

/// How long a line of text may be before it becomes a block, in characters.
const LONG: usize = 80;

/// Writes the members of a mapping, a line each or several, at `indent` blanks.
pub(super) fn mapping<'m>(
    members: impl IntoIterator<Item = (&'m str, &'m Value)>,
    indent: usize,
    out: &mut String,
) {
    for (index, (key, value)) in members.into_iter().enumerate() {
        // The first one may stand after the `- ` of its list.
        if index > 0 || !out.ends_with("- ") {
            pad(indent, out);
        }
        match is_plain(key) {
            true => out.push_str(key),
            false => quoted(key, out),
        }
        out.push(':');
        after_indicator(value, indent, out);
    }
}

/// Writes what follows a `:` or a `-`, with the line's end.
fn after_indicator(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                pad(indent + 2, out);
                out.push('-');
                list_item(item, indent + 2, out);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            out.push('\n');
            mapping(sorted(members), indent + 2, out);
        }
        scalar => {
            out.push(' ');
            self::scalar(scalar, indent, out);
            out.push('\n');
        }
    }
}

fn list_item(item: &Value, indent: usize, out: &mut String) {
    match item {
        Value::Object(members) if !members.is_empty() => {
            out.push(' ');
            mapping(sorted(members), indent + 2, out);
        }
        other => after_indicator(other, indent, out),
    }
}

/// The same in every build: whether a map keeps the order in which it was made depends on features.
fn sorted(members: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut sorted: Vec<_> = members
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    sorted.sort_by_key(|(key, _)| *key);
    sorted
}

fn scalar(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::String(text) if is_block(text) => block(text, indent + 2, out),
        Value::String(text) if is_plain(text) => out.push_str(text),
        Value::String(text) => quoted(text, out),
        // `null`, `true`, `1.5`, `[]` and `{}` are JSON.
        other => out.push_str(&other.to_string()),
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Plain text that some YAML readers take for something else.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Whether a text needs no quotes: it begins as words and paths do, not as numbers, dates or
/// indicators.
fn is_plain(text: &str) -> bool {
    let is_first = |first: char| first.is_alphabetic() || matches!(first, '_' | '/' | '$' | '(');
    let is_inner = |one: char| one == ' ' || one.is_ascii_graphic() || one.is_alphanumeric();
    text.starts_with(is_first)
        && text.chars().all(is_inner)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a text is one to read over several lines, and keeps every character there.
fn is_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let is_long = body.contains(' ') && body.chars().count() > LONG;
    let is_kept = |one: char| one == '\n' || one == '\t' || !is_escaped(one);
    (is_long || body.contains('\n'))
        && !body.starts_with(char::is_whitespace)
        && !body.ends_with('\n')
        && body.chars().all(is_kept)
        // An editor would take trailing blanks away.
        && !body.lines().any(|line| line.ends_with(char::is_whitespace))
}

fn block(text: &str, indent: usize, out: &mut String) {
    let (header, body) = match text.strip_suffix('\n') {
        Some(body) => ("|", body),
        None => ("|-", text),
    };
    out.push_str(header);
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
    }
}

/// Whether a character is not to be seen, or moves what is seen around it.
fn is_escaped(one: char) -> bool {
    one.is_control()
        || matches!(one,
            '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

fn quoted(text: &str, out: &mut String) {
    let has_escape = |one: char| matches!(one, '"' | '\\') || is_escaped(one);
    out.push('"');
    let mut rest = text;
    while let Some((at, one)) = rest.char_indices().find(|&(_, one)| has_escape(one)) {
        out.push_str(&rest[..at]);
        rest = &rest[at + one.len_utf8()..];
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // All of these have at most four digits.
            one => out.push_str(&format!("\\u{:04x}", u32::from(one))),
        }
    }
    out.push_str(rest);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(value: &Value) -> String {
        let mut out = String::new();
        mapping(sorted(value.as_object().unwrap()), 0, &mut out);
        out
    }

    #[test]
    fn values_are_written_as_people_write_them() {
        let value = json!({
            "a_number": 1.5,
            "b_list": ["a", {"k": 1, "l": [true]}, ["x", []], {}, "two\nlines\n"],
            "c_text": "# Shop\n\nSells *things*.",
            "d_url": "https://host/a?b=c#d",
            "e_long": "x".repeat(50) + " " + &"y".repeat(50),
            "f": null,
            "g h": "Größe (in m)",
        });
        let expected = "\
a_number: 1.5
b_list:
  - a
  - k: 1
    l:
      - true
  -
    - x
    - []
  - {}
  - |
    two
    lines
c_text: |-
  # Shop

  Sells *things*.
d_url: https://host/a?b=c#d
e_long: |-
  xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
f: null
g h: Größe (in m)
";
        assert_eq!(written(&value), expected);
    }

    #[test]
    fn what_would_be_read_as_something_else_is_quoted() {
        for text in [
            "",
            "007",
            "1.5",
            ".5",
            "yes",
            "No",
            "null",
            "~",
            "2024-01-01",
            "1:30",
            "0x1f",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "@a",
            "*a",
            "&a",
            "!a",
            "%a",
            "`a`",
            "a ",
            " a",
            "a:",
            "[a]",
            "{a}",
            "'a'",
            "\"a\"",
            "|",
            ">",
            "?",
            "=",
            "<<",
            "---",
            "🦀",
            "a\tb",
            "a\u{202e}b",
            "\u{feff}a",
            "a\u{7f}",
            "a\n ",
        ] {
            let line = written(&json!({"k": text}));
            assert!(line.starts_with("k: \""), "{line}");
        }
    }
}
