//! JSON (RFC 8259) → nodes.
//!
//! A reader of its own, because a node needs its span and a mistake needs a message that helps. It
//! accepts exactly what `serde_json` does. Where it is plain what was meant (a missing comma, a
//! single quote) it reports the mistake and reads on, so that one run finds them all.

#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use super::character::name_of;
use super::findings::{Findings, brief};
use super::members::Members;
use super::{Documents, MAX_DEPTH, Member, Node, TOO_DEEP_HELP, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{SourceFile, Span};

pub(super) fn parse(source: &Arc<SourceFile>) -> Documents {
    let mut reader = JsonReader::new(source);
    let root = reader.document().ok().filter(|_| !reader.is_broken);
    reader.findings.into_documents(root.into_iter().collect())
}

/// What was read, unless a mistake ended the reading.
type Read<T> = Result<T, ParseStopped>;

/// Nothing after the last reported mistake can be made sense of.
struct ParseStopped;

/// Reads a text from its start to its end.
struct JsonReader<'a> {
    text: &'a str,
    /// Offset of the next byte to read, always on a character boundary.
    at: usize,
    /// Offsets of the brackets that are open.
    open: Vec<usize>,
    findings: Findings,
    /// Whether a mistake was passed over that makes this no JSON.
    is_broken: bool,
    has_reported_comment: bool,
}

/// What follows in an array or object.
enum Separator {
    Item,
    End,
}

impl<'a> JsonReader<'a> {
    fn new(source: &'a Arc<SourceFile>) -> Self {
        let text = source.text();
        let byte_order_mark = if text.starts_with('\u{FEFF}') {
            '\u{FEFF}'.len_utf8()
        } else {
            0
        };
        Self {
            text,
            at: byte_order_mark,
            open: Vec::new(),
            findings: Findings::new(source),
            is_broken: false,
            has_reported_comment: false,
        }
    }

    /// `document = blanks value blanks`
    fn document(&mut self) -> Read<Node> {
        self.skip_blanks();
        if self.peek().is_none() {
            let help = "write an entity, such as `{\"identifier\": \"my-service\"}`";
            let empty = self
                .mistake(Span::new(0, self.text.len()), "the file is empty")
                .help(help);
            return self.stop(empty);
        }
        let root = self.value(1)?;
        self.skip_blanks();
        match self.peek() {
            None => Ok(root),
            Some(found) => {
                let message = format!("found {} after the end of the value", name_of(found));
                let help = "a JSON file holds one value; put several entities into an array: \
                            `[{…}, {…}]`";
                self.stop(self.mistake(self.next_character(), message).help(help))
            }
        }
    }

    /// `value = object | array | string | number | true | false | null`
    fn value(&mut self, depth: usize) -> Read<Node> {
        let start = self.at;
        if depth > MAX_DEPTH {
            return self.stop(self.too_deep());
        }
        if self.findings.is_full() {
            return Err(ParseStopped);
        }
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Value::String(self.string()?),
            Some('\'') => Value::String(self.single_quoted()?),
            Some('0'..='9' | '-' | '+' | '.') => self.number(),
            Some(c) if is_word(c) => self.word()?,
            _ => return self.stop(self.unexpected("a value")),
        };
        Ok(Node {
            span: Span::new(start, self.at),
            value,
        })
    }

    /// `array = "[" [ value { "," value } ] "]"`
    fn array(&mut self, depth: usize) -> Read<Value> {
        let mut items = Vec::new();
        self.enter();
        while let Separator::Item = self.next_item(']', items.is_empty())? {
            items.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    /// `object = "{" [ member { "," member } ] "}"`
    fn object(&mut self, depth: usize) -> Read<Value> {
        let mut members = Members::default();
        let mut is_first = true;
        self.enter();
        while let Separator::Item = self.next_item('}', is_first)? {
            let member = self.member(depth)?;
            if let Err(duplicate) = members.insert(member) {
                self.findings.push_duplicate_key(&duplicate);
            }
            is_first = false;
        }
        Ok(Value::Object(members.into_vec()))
    }

    /// `member = string ":" value`
    fn member(&mut self, depth: usize) -> Read<Member> {
        let start = self.at;
        let key = match self.peek() {
            Some('"') => self.string()?,
            Some('\'') => self.single_quoted()?,
            Some(c) if is_word(c) || c == '-' => self.unquoted_key(),
            _ => return self.stop(self.unexpected("a key in double quotes")),
        };
        let key_span = Span::new(start, self.at);
        self.skip_blanks();
        if self.peek() != Some(':') {
            let expected = format!("`:` after the key `{}`", brief(&key));
            return self.stop(self.unexpected(&expected));
        }
        self.at += 1;
        self.skip_blanks();
        Ok(Member {
            key,
            key_span,
            value: self.value(depth + 1)?,
        })
    }

    fn unquoted_key(&mut self) -> String {
        let start = self.at;
        let key = self.take_while(|c| is_word(c) || c == '-');
        let message = format!("the key `{}` is not in double quotes", brief(key));
        let help = format!("write `\"{}\"`", brief(key));
        self.pass_over(Span::new(start, self.at), message, help);
        key.to_owned()
    }

    /// Steps after the bracket that stands here.
    fn enter(&mut self) {
        self.open.push(self.at);
        self.at += 1;
    }

    /// Steps over the comma to the next item, or over the closing bracket.
    fn next_item(&mut self, close: char, is_first: bool) -> Read<Separator> {
        let behind_last = self.at;
        self.skip_blanks();
        let mut comma = None;
        while self.peek() == Some(',') {
            if is_first || comma.is_some() {
                let help = "remove the comma, or write the value";
                self.pass_over(
                    self.next_character(),
                    "there is no value before this `,`",
                    help,
                );
            }
            comma = Some(self.next_character());
            self.at += 1;
            self.skip_blanks();
        }
        match self.peek() {
            Some(found) if found == close => {
                if let Some(comma) = comma.filter(|_| !is_first) {
                    let message = format!("there is a `,` before the closing `{close}`");
                    self.pass_over(comma, message, "remove the trailing comma");
                }
                self.at += 1;
                self.open.pop();
                Ok(Separator::End)
            }
            _ if is_first || comma.is_some() => Ok(Separator::Item),
            Some('"' | '{' | '[' | '0'..='9') => {
                let message = format!("expected `,` or `{close}` here");
                self.pass_over(
                    Span::new(behind_last, behind_last),
                    message,
                    "add the comma",
                );
                Ok(Separator::Item)
            }
            _ => self.stop(self.no_comma(behind_last, close)),
        }
    }

    /// Skips white space, and comments, which are a mistake.
    fn skip_blanks(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            let rest = self.rest();
            let length = if rest.starts_with("//") || rest.starts_with('#') {
                rest.find(['\n', '\r']).unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            } else {
                return;
            };
            if !self.has_reported_comment {
                self.has_reported_comment = true;
                let span = Span::new(self.at, self.at + length);
                let help = "remove the comments, or make it a YAML file";
                self.pass_over(span, "JSON has no comments", help);
            }
            self.at += length;
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// The span of the next character; empty at the end of the text.
    fn next_character(&self) -> Span {
        Span::new(self.at, self.at + self.peek().map_or(0, char::len_utf8))
    }

    /// Reports a mistake after which reading goes on.
    fn pass_over(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.is_broken = true;
        self.findings.push(self.mistake(span, message).help(help));
    }

    /// Reports a mistake that ends the reading.
    fn stop<T>(&mut self, diagnostic: Diagnostic) -> Read<T> {
        self.findings.push(diagnostic);
        Err(ParseStopped)
    }

    fn mistake(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.findings.at(Code::Syntax, span, message)
    }

    fn too_deep(&self) -> Diagnostic {
        let message = format!("values are nested more than {MAX_DEPTH} levels deep");
        self.findings
            .at(Code::TooDeep, self.next_character(), message)
            .help(TOO_DEEP_HELP)
    }

    /// Something else than `expected` stands here.
    fn unexpected(&self, expected: &str) -> Diagnostic {
        let found = self
            .peek()
            .map_or("the end of the file".to_owned(), name_of);
        let message = format!("expected {expected}, found {found}");
        let diagnostic = self.mistake(self.next_character(), message);
        let diagnostic = match (self.peek(), self.open.last()) {
            (None | Some(']' | '}'), Some(&open)) => {
                let bracket = self.findings.location(Span::new(open, open + 1));
                diagnostic.related(bracket, "opened here")
            }
            _ => diagnostic,
        };
        match self.peek() {
            Some('“' | '”' | '„' | '‘' | '’' | '`') => {
                diagnostic.help("strings stand in straight double quotes: `\"text\"`")
            }
            _ => diagnostic,
        }
    }

    /// Neither a comma nor the closing bracket stands here.
    fn no_comma(&self, behind_last: usize, close: char) -> Diagnostic {
        let diagnostic = self.unexpected(&format!("`,` or `{close}`"));
        let follows_quote = behind_last == self.at
            && self
                .text
                .get(..self.at)
                .is_some_and(|read| read.ends_with('"'));
        match self.peek() {
            Some(c) if is_word(c) && follows_quote => {
                diagnostic.help("write `\\\"` for a quote inside a string")
            }
            None => diagnostic.help(format!("close the bracket with `{close}`")),
            _ => diagnostic,
        }
    }
}

/// Whether `character` can be part of a bare word, which JSON has three of.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$')
}
