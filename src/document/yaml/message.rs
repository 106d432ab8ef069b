//! What is said about text that is no YAML, to people who know no parser.

mod rules;

use strsim::damerau_levenshtein;

use self::rules::{MessageRule, MessageSubject, RULES, UNKNOWN};
use super::input::surrogate_pair;
use super::layout;
use super::stream::Followed;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::character::name_of;
use crate::document::findings::{Findings, brief};
use crate::text::Span;

/// What the parser says of an alias without an anchor. It can read on after it.
pub(super) const UNKNOWN_ANCHOR: &str = "while parsing node, found unknown anchor";

/// What the parser says of more than 255 brackets in each other.
pub(super) const TOO_DEEP: &str = "recursion limit exceeded";

/// The first character in `document` that YAML allows nowhere, not even between quotes.
///
/// <https://yaml.org/spec/1.2.2/#51-character-set>. The parser takes a NUL for the end of the text
/// and lets the others pass.
pub(super) fn forbidden_character(
    text: &str,
    document: Span,
    findings: &Findings,
) -> Option<Diagnostic> {
    let is_forbidden = |c| matches!(c, '\0'..='\u{8}' | '\u{B}' | '\u{C}' | '\u{E}'..='\u{1F}');
    let (at, found) = text
        .get(document.range())?
        .char_indices()
        .find(|(_, c)| is_forbidden(*c))?;
    let start = document.start + at;
    let span = Span::new(start, start + found.len_utf8());
    let escape = format!("\\u{:04x}", u32::from(found));
    Some(
        findings
            .at(
                Code::Syntax,
                span,
                format!("YAML does not allow {}", name_of(found)),
            )
            .help(format!(
                "remove it, or write `{escape}` for it inside of double quotes"
            )),
    )
}

/// The directive at `name`, which YAML does not have.
pub(super) fn unknown_directive(
    text: &str,
    name: Span,
    followed: Followed,
    findings: &Findings,
) -> Diagnostic {
    let shown = brief(text.get(name.range()).unwrap_or_default());
    let message = format!("YAML has no directive `{shown}`");
    match followed {
        Followed::ByMarker => findings
            .at(Code::Syntax, name, format!("{message}: the line is ignored"))
            .warn()
            .help("remove the line; YAML has `%YAML 1.2` and `%TAG !handle! prefix`"),
        Followed::ByContent => findings.at(Code::Syntax, name, message).help(
            "put quotes around it if it is text, else remove the line; YAML has `%YAML 1.2` and `%TAG !handle! prefix`",
        ),
    }
}

/// An alias to the collection that it stands in.
pub(super) fn recursive_alias(alias: &str, span: Span, findings: &Findings) -> Diagnostic {
    findings
        .at(
            Code::Syntax,
            span,
            format!("`{}` stands for the value that it is in", brief(alias)),
        )
        .help("a value cannot hold itself; write out what is meant")
}

/// The alias whose name is at `name` has no anchor; `anchors` are those before it.
pub(super) fn unknown_alias(
    text: &str,
    name: Span,
    anchors: &[&str],
    findings: &Findings,
) -> Diagnostic {
    let span = Span::new(name.start.saturating_sub(1), name.end);
    let name = text.get(name.range()).unwrap_or_default();
    let message = format!("there is no anchor `&{}` before this alias", brief(name));
    let help = match nearest(name, anchors) {
        _ if name
            .strip_suffix(':')
            .is_some_and(|name| anchors.contains(&name)) =>
        {
            "put a space before the `:`, which can be part of a name".to_owned()
        }
        Some(anchor) => format!("did you mean `*{anchor}`?"),
        None => format!("put quotes around it if it is text: `\"*{}\"`", brief(name)),
    };
    findings.at(Code::Syntax, span, message).help(help)
}

/// The anchor that `name` is a misspelling of, if one is close enough.
fn nearest<'a>(name: &str, anchors: &[&'a str]) -> Option<&'a str> {
    // Comparing takes time by the product of the lengths.
    const LONGEST: usize = 64;
    let most = (name.len() / 3).max(1);
    let is_comparable = |anchor: &&&str| {
        name.len() <= LONGEST
            && anchor.len() <= LONGEST
            && anchor.len().abs_diff(name.len()) <= most
    };
    let distances = anchors
        .iter()
        .filter(is_comparable)
        .map(|anchor| (damerau_levenshtein(name, anchor), *anchor));
    distances
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, anchor)| anchor)
}

/// What the parser stumbled over.
pub(super) struct Stumble<'a> {
    /// The parser's message.
    pub(super) info: &'a str,
    /// Where it was.
    pub(super) at: usize,
    /// The innermost bracket that is open.
    pub(super) bracket: Option<usize>,
}

/// Says what the parser means about `document` in `text`.
pub(super) fn explain(
    text: &str,
    document: Span,
    stumble: &Stumble<'_>,
    findings: &Findings,
) -> Diagnostic {
    let content = text.get(document.range()).unwrap_or_default().trim_end();
    let end = document.start + content.len();
    let at = stumble.at.min(end);
    let mut rules = RULES.iter();
    let rule = rules
        .find(|rule| rule.applies(text, stumble.info, at))
        .unwrap_or(&UNKNOWN);
    let span = rule.extent.span(text, at);
    let found = match text.get(span.range()).unwrap_or_default() {
        "" if at == end => "the end of the document".to_owned(),
        "" => "the end of the line".to_owned(),
        word => format!("`{}`", brief(word)),
    };
    let is_brace = stumble
        .bracket
        .is_some_and(|at| text.as_bytes().get(at) == Some(&b'{'));
    let message = rule
        .message
        .replace("{found}", &found)
        .replace("{close}", if is_brace { "}" } else { "]" })
        .replace("{info}", stumble.info);
    let diagnostic = findings.at(Code::Syntax, span, message).help(rule.help);
    match stumble.bracket {
        Some(at) => diagnostic.related(findings.location(Span::new(at, at + 1)), "opened here"),
        None => diagnostic,
    }
}

impl MessageRule {
    fn applies(&self, text: &str, info: &str, at: usize) -> bool {
        // The parser takes an alias after a tag or anchor for what follows an empty value.
        let is_alias = || text.get(at..).is_some_and(|rest| rest.starts_with('*'));
        info.contains(self.info) && (!matches!(self.extent, MessageSubject::Alias) || is_alias())
    }
}

impl MessageSubject {
    fn span(self, text: &str, at: usize) -> Span {
        let before = text.get(..at).unwrap_or_default();
        match self {
            Self::Word | Self::Alias => layout::word(text, at),
            Self::Character => {
                let word = layout::word(text, at);
                let first = text.get(word.range()).and_then(|word| word.chars().next());
                Span::new(at, at + first.map_or(0, char::len_utf8))
            }
            Self::LineBefore => {
                let end = before.trim_end().len();
                let line = before.get(..end).unwrap_or_default();
                let start = line
                    .rfind(['\n', '\r'])
                    .map_or(0, |line_break| line_break + 1);
                let indentation = line.get(start..).map_or(0, |line| {
                    line.len() - line.trim_start_matches([' ', '\t']).len()
                });
                Span::new(start + indentation, end)
            }
            Self::Tab => tab(text, at).unwrap_or(layout::word(text, at)),
            Self::Escape => unknown_escape(text, at).unwrap_or(layout::word(text, at)),
        }
    }
}

/// The tab that the parser means at `at`: there, before it on its line, or at the start of a line
/// after it.
fn tab(text: &str, at: usize) -> Option<Span> {
    let (before, after) = text.split_at_checked(at)?;
    let blanks = before.trim_end_matches([' ', '\t']).len();
    let in_blanks = before.get(blanks..).and_then(|blanks| blanks.rfind('\t'));
    let start = match (after.starts_with('\t'), in_blanks) {
        (true, _) => at,
        (false, Some(tab)) => blanks + tab,
        (false, None) => at + tab_after_indentation(after)?,
    };
    Some(Span::new(start, start + 1))
}

/// Where a later line of `text` is indented with a tab.
fn tab_after_indentation(text: &str) -> Option<usize> {
    let breaks = text.match_indices(['\n', '\r']);
    let mut lines = breaks.filter_map(|(at, _)| Some((at + 1, text.get(at + 1..)?)));
    lines.find_map(|(at, line)| {
        let content = line.trim_start_matches(' ');
        let is_blank = || {
            content
                .trim_start_matches([' ', '\t'])
                .starts_with(['\n', '\r'])
        };
        (content.starts_with('\t') && !is_blank()).then(|| at + line.len() - content.len())
    })
}

/// The first escape that YAML does not have, in the double-quoted scalar that starts at `start`.
fn unknown_escape(text: &str, start: usize) -> Option<Span> {
    let mut rest = text.get(start..)?.char_indices();
    while let Some((at, character)) = rest.next() {
        if character == '\\' {
            let (next, escaped) = rest.next()?;
            let digits = match escaped {
                'u' if text.get(start + at..).and_then(surrogate_pair).is_some() => {
                    rest.nth(9)?;
                    continue;
                }
                'x' => 2,
                'u' => 4,
                'U' => 8,
                _ if "0abtnvfre \"/\\N_LP\t\n\r".contains(escaped) => continue,
                _ => return Some(Span::new(start + at, start + next + escaped.len_utf8())),
            };
            let code = text.get(start + next + 1..).unwrap_or_default();
            let length = code
                .bytes()
                .take(digits)
                .take_while(u8::is_ascii_hexdigit)
                .count();
            let number = code
                .get(..length)
                .and_then(|code| u32::from_str_radix(code, 16).ok());
            if length < digits || number.and_then(char::from_u32).is_none() {
                return Some(Span::new(start + at, start + next + 1 + length));
            }
        }
    }
    None
}
