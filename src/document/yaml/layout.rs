//! Where things stand in YAML text.
//!
//! The parser says where a token was found, but not always where the value is: the token of a
//! quoted string or bracket takes the comment after it along, that of a block scalar starts
//! after its indicator, and that of a `-` after the blanks. What lies between two values is
//! simple, so it is looked at again here. All offsets are bytes in the whole text.

use crate::text::Span;

/// The offset of what follows at or after `at`, past blanks, line breaks and comments.
pub(super) fn skip_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let content = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{FEFF}']);
        at += rest.len() - content.len();
        if !content.starts_with('#') {
            return at;
        }
        at += content.find(['\n', '\r']).unwrap_or(content.len());
    }
}

/// The offset after `indicator` if it follows at or after `at`, else `at`.
pub(super) fn after(text: &str, at: usize, indicator: u8) -> usize {
    let next = skip_blanks(text, at);
    if text.as_bytes().get(next) == Some(&indicator) {
        next + 1
    } else {
        at
    }
}

/// The offset of the block scalar whose indicators and blanks start at `at`.
pub(super) fn block_scalar_start(text: &str, mut at: usize) -> usize {
    loop {
        at = skip_blanks(text, at);
        match text.as_bytes().get(at) {
            Some(b'-' | b':' | b'?') => at += 1,
            _ => return at,
        }
    }
}

/// The end of the block scalar that the parser found at `span`: where its last line of content
/// ends, without the line breaks after it.
pub(super) fn block_scalar_end(text: &str, span: Span) -> usize {
    let token = text.get(span.range()).unwrap_or_default();
    let content = token.trim_end_matches([' ', '\t', '\n', '\r']).len();
    let blanks = token.get(content..).unwrap_or_default();
    span.start + content + blanks.find(['\n', '\r']).unwrap_or(blanks.len())
}

/// The end of the quoted scalar whose opening quote stands at `start`.
pub(super) fn quoted_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let quote = bytes.get(start);
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        let is_quote = Some(byte) == quote;
        let is_escape = match quote {
            Some(b'"') => *byte == b'\\',
            _ => is_quote && bytes.get(at + 1) == quote,
        };
        match (is_escape, is_quote) {
            (true, _) => at += 2,
            (false, true) => return at + 1,
            (false, false) => at += 1,
        }
    }
    text.len()
}

/// A node's tag and anchor.
#[derive(Default)]
pub(super) struct NodeProperties {
    /// The span of the tag.
    pub(super) tag: Option<Span>,
    /// The span of the anchor's name, without `&`.
    pub(super) anchor: Option<Span>,
    /// The offset after both.
    pub(super) end: usize,
}

/// Which properties a node has.
#[derive(Clone, Copy)]
pub(super) struct Announced {
    pub(super) tag: bool,
    pub(super) anchor: bool,
}

/// The properties that are written at `at`, in either order.
pub(super) fn properties(text: &str, at: usize, announced: Announced) -> NodeProperties {
    let mut found = NodeProperties {
        end: at,
        ..NodeProperties::default()
    };
    loop {
        let start = skip_blanks(text, found.end);
        match text.as_bytes().get(start) {
            Some(b'!') if announced.tag && found.tag.is_none() => {
                found.end = tag_end(text, start);
                found.tag = Some(Span::new(start, found.end));
            }
            Some(b'&') if announced.anchor && found.anchor.is_none() => {
                found.end = name(text, start + 1).end;
                found.anchor = Some(Span::new(start + 1, found.end));
            }
            _ => return found,
        }
    }
}

fn tag_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    match rest.starts_with("!<").then(|| rest.find('>')).flatten() {
        Some(bracket) => start + bracket + 1,
        None => name(text, start).end,
    }
}

/// The span of the anchor's name that starts at `at`.
pub(super) fn name(text: &str, at: usize) -> Span {
    let rest = text.get(at..).unwrap_or_default();
    let ends = |c| {
        matches!(
            c,
            ' ' | '\t' | '\n' | '\r' | '\u{FEFF}' | ',' | '[' | ']' | '{' | '}'
        )
    };
    Span::new(at, at + rest.find(ends).unwrap_or(rest.len()))
}

/// The word at `at`: up to the next blank, and at least one character if there is one.
pub(super) fn word(text: &str, at: usize) -> Span {
    let rest = text.get(at..).unwrap_or_default();
    let length = match rest.find(char::is_whitespace) {
        Some(0) if rest.starts_with(['\n', '\r']) => 0,
        Some(0) => rest.chars().next().map_or(0, char::len_utf8),
        Some(length) => length,
        None => rest.len(),
    };
    Span::new(at, at + length)
}
