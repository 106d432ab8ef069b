//! What is said about text that is no YAML, to people who know no parser.

use strsim::damerau_levenshtein;

use super::layout;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::findings::{Findings, brief, name_of};
use crate::source::Span;

/// What the parser says of an alias without an anchor. It can read on behind it.
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
            "put a blank before the `:`, which can be part of a name".to_owned()
        }
        Some(anchor) => format!("did you mean `*{anchor}`?"),
        None => format!("put quotes around it if it is text: `\"*{}\"`", brief(name)),
    };
    findings.at(Code::Syntax, span, message).help(help)
}

/// The anchor that `name` is a slip of the pen for, if one is close enough.
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
    /// The parser's words.
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

/// What a place that the parser names is about.
#[derive(Clone, Copy)]
enum Extent {
    Character,
    Word,
    /// The parser noticed it on the next line.
    LineBefore,
    /// An alias.
    Alias,
    /// The escape in the quoted scalar that starts there.
    Escape,
}

impl Extent {
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
            Self::Escape => unknown_escape(text, at).unwrap_or(layout::word(text, at)),
        }
    }
}

/// The first escape that YAML does not have, in the double-quoted scalar that starts at `start`.
fn unknown_escape(text: &str, start: usize) -> Option<Span> {
    let mut rest = text.get(start..)?.char_indices();
    while let Some((at, character)) = rest.next() {
        if character == '\\' {
            let (next, escaped) = rest.next()?;
            let digits = match escaped {
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

/// How one of the parser's errors is put.
struct Rule {
    /// A part of the parser's words.
    info: &'static str,
    extent: Extent,
    /// `{found}` is replaced by what stands there.
    message: &'static str,
    help: &'static str,
}

impl Rule {
    fn applies(&self, text: &str, info: &str, at: usize) -> bool {
        // The parser takes an alias behind a tag or anchor for what follows an empty value.
        let is_alias = || text.get(at..).is_some_and(|rest| rest.starts_with('*'));
        info.contains(self.info) && (!matches!(self.extent, Extent::Alias) || is_alias())
    }
}

const fn rule(
    info: &'static str,
    extent: Extent,
    message: &'static str,
    help: &'static str,
) -> Rule {
    Rule {
        info,
        extent,
        message,
        help,
    }
}

const SPACES: &str = "indent with spaces";
const SAME_COLUMN: &str = "let it start in the same column as its siblings";
const QUOTE: &str = "put quotes around it if it is text";

static UNKNOWN: Rule = rule("", Extent::Word, "this is not YAML: {info}", QUOTE);

/// The first rule whose `info` is part of what the parser says holds.
static RULES: &[Rule] = &[
    // Tabs
    rule("tab", Extent::Character, "a tab cannot indent YAML", SPACES),
    rule(
        "valid YAML whitespace",
        Extent::Character,
        "a tab cannot indent YAML",
        SPACES,
    ),
    // Quotes
    rule(
        "found unexpected end of stream",
        Extent::Character,
        "the quote is never closed",
        "add the closing quote",
    ),
    rule(
        "found unexpected document indicator",
        Extent::Character,
        "the quote is not closed before the document ends",
        "add the closing quote",
    ),
    rule(
        "invalid trailing content after double-quoted scalar",
        Extent::Word,
        "found {found} behind the closing quote",
        "put the whole value into quotes; a quote inside is written `\\\"` between double quotes \
         and `''` between single ones",
    ),
    rule(
        "unknown escape character",
        Extent::Escape,
        "{found} means nothing between double quotes",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    rule(
        "expected hexadecimal number",
        Extent::Escape,
        "the escape {found} is cut short",
        "`\\x` takes two hexadecimal digits, `\\u` four and `\\U` eight",
    ),
    rule(
        "invalid Unicode character escape code",
        Extent::Escape,
        "{found} is no character",
        "YAML has no surrogate pairs: write the character itself, or `\\U` and eight digits",
    ),
    rule(
        "indentation in quoted scalar",
        Extent::Character,
        "the quote is not closed where the indentation ends",
        "add the closing quote, or indent all lines of the text further than its key",
    ),
    // Indentation
    rule(
        "wrongly indented line in block scalar",
        Extent::Word,
        "the line is indented less than the text that it belongs to",
        "indent all lines below `|` or `>` alike",
    ),
    rule(
        "invalid indentation in flow construct",
        Extent::Word,
        "{found} is not indented enough to stand in the bracket above",
        "close the bracket, or indent the line further than the key of the bracket",
    ),
    rule(
        "invalid indentation",
        Extent::Word,
        "{found} is indented wrongly",
        SAME_COLUMN,
    ),
    rule(
        "did not find expected <document start>",
        Extent::Word,
        "found {found} behind the end of the value",
        SAME_COLUMN,
    ),
    // Mappings and sequences
    rule(
        "mapping values are not allowed",
        Extent::Character,
        "a `:` cannot stand here",
        "put quotes around the value if the `:` belongs to its text, else check the indentation",
    ),
    rule(
        "illegal placement of ':'",
        Extent::Character,
        "a `:` cannot stand here",
        "write a key and its `:` on one line; is a bracket above not closed?",
    ),
    rule(
        "simple key expect",
        Extent::LineBefore,
        "expected `:` behind the key {found}",
        "write `key: value`, or indent the line further if it belongs to the value above",
    ),
    rule(
        "did not find expected key",
        Extent::Alias,
        "an alias cannot have a tag or an anchor",
        "remove it",
    ),
    rule(
        "did not find expected key",
        Extent::Word,
        "expected a key, found {found}",
        SAME_COLUMN,
    ),
    rule(
        "did not find expected '-'",
        Extent::Word,
        "expected `-` before {found}",
        "start each item with `- ` in the same column",
    ),
    rule(
        "block sequence entries are not allowed",
        Extent::Character,
        "a list cannot start here",
        "start the list on a line of its own, or put quotes around the value if it is text",
    ),
    rule(
        "only valid inside a block",
        Extent::Character,
        "a `-` list cannot stand in brackets",
        "separate the items with `,`",
    ),
    rule(
        "plain scalar cannot start with '-'",
        Extent::Character,
        "a `-` cannot stand here",
        QUOTE,
    ),
    rule(
        "mapping keys are not allowed",
        Extent::Character,
        "a `?` cannot stand here",
        QUOTE,
    ),
    rule(
        "expected whitespace",
        Extent::Character,
        "expected a blank here",
        QUOTE,
    ),
    // Brackets
    rule(
        "expected ',' or",
        Extent::Word,
        "expected `,` or `{close}`, found {found}",
        "separate what is in the bracket with `,`, and close it",
    ),
    rule(
        "may not precede any of",
        Extent::Character,
        "expected a blank behind the `:`",
        "write `key: value`",
    ),
    rule(
        "misplaced bracket",
        Extent::Character,
        "{found} closes no bracket",
        "remove it, or put quotes around the value if it is text",
    ),
    rule(
        "did not find expected node content",
        Extent::Character,
        "expected a value, found {found}",
        "write the value; put quotes around it if it is text",
    ),
    rule(
        "unexpected end of plain scalar",
        Extent::Word,
        "expected a value, found {found}",
        QUOTE,
    ),
    rule(
        "unexpected character",
        Extent::Character,
        "text cannot start with {found}",
        QUOTE,
    ),
    // Comments and block scalars
    rule(
        "comments must be separated",
        Extent::Character,
        "a comment needs a blank before its `#`",
        "add the blank, or put quotes around the value if the `#` belongs to its text",
    ),
    rule(
        "comment intercepting",
        Extent::Word,
        "a comment cannot stand inside of text that goes on behind it",
        "put quotes around the text if the `#` belongs to it, else move the comment",
    ),
    rule(
        "while scanning a block scalar, did not find",
        Extent::Word,
        "text behind {found} has to start on the next line",
        "start a new line, or put quotes around the value",
    ),
    rule(
        "indicator equal to 0",
        Extent::Word,
        "{found} asks for an indentation of 0",
        "leave the digit out",
    ),
    // Anchors, tags and directives
    rule(
        "while scanning an anchor or alias",
        Extent::Character,
        "expected a name behind {found}",
        QUOTE,
    ),
    rule(
        "handle wasn't declared",
        Extent::Word,
        "the tag {found} is not known",
        "remove it, or put quotes around the value if it is text",
    ),
    rule(
        "before directive",
        Extent::Word,
        "found the directive {found} inside of a document",
        "end the document before it with `...`, or put quotes around the value if it is text",
    ),
    rule(
        "directive",
        Extent::Word,
        "found {found}, which is no directive that YAML has",
        "remove the line, or write `%YAML 1.2` and a line `---` below it",
    ),
    rule(
        "TAG",
        Extent::Word,
        "the directive {found} is not complete or given twice",
        "remove the line, or write `%TAG !handle! prefix`",
    ),
    rule(
        "tag",
        Extent::Word,
        "{found} is not a tag",
        "put quotes around the value if it is text",
    ),
    // Document markers
    rule(
        "after document end marker",
        Extent::Word,
        "found {found} behind `...`, which ends the document",
        "move it to the next line",
    ),
    rule(
        "byte order mark",
        Extent::Character,
        "a byte order mark (U+FEFF) stands inside of a document",
        "remove the character, which is invisible",
    ),
];
