//! A document's characters, as the parser reads them.
//!
//! The parser refuses some YAML that is valid, or that every other reader takes. Its input is the one
//! part of it that is ours, so these texts are shown to it in a form that it does take:
//!
//! - A tab after a key's `:` counts as a blank: <https://yaml.org/spec/1.2.2/#separation-spaces>.
//! - A closing bracket at the start of a line is shown one column further right. The parser takes it in
//!   its key's column after plain text, and refuses it there after a quote or another bracket.
//! - An escaped surrogate pair, which is JSON, is shown as the one escape that YAML has for the
//!   character: <https://yaml.org/spec/1.2.2/#12-yaml-relation-to-json> wants JSON to be YAML.
//!
//! Each depends on how the parser calls [`Input`], so its version is pinned.

use std::cell::{Cell, RefCell};
use std::str::Chars;

use saphyr_parser::input::{SkipTabs, is_blank_or_breakz, is_breakz, is_flow};
use saphyr_parser::{Input, Marker, StrInput};

use crate::text::Span;

/// How many characters the parser looks at in one go: what it does with a text.
const BUFFER: usize = 128;
/// The length of an escaped surrogate pair, `\ud83d\ude00`.
const PAIR: usize = 12;

/// Where in the text each character stands that the parser was given.
pub(super) struct Offsets {
    end: usize,
    /// The first character has no predecessor, so there is always one.
    runs: RefCell<Vec<CharacterRun>>,
}

/// From the character `index` on, each takes one byte.
struct CharacterRun {
    index: usize,
    offset: usize,
}

impl Offsets {
    /// Those of the document at `document`.
    pub(super) fn new(document: Span) -> Self {
        let first = CharacterRun {
            index: 0,
            offset: document.start,
        };
        Self {
            end: document.end,
            runs: RefCell::new(vec![first]),
        }
    }

    /// The offset in the whole text, in bytes, of what the parser found at `marker`.
    pub(super) fn of(&self, marker: &Marker) -> usize {
        let runs = self.runs.borrow();
        let index = marker.index();
        let later = runs.partition_point(|run| run.index <= index);
        let run = later.checked_sub(1).and_then(|last| runs.get(last));
        run.map_or(self.end, |run| run.offset + (index - run.index))
            .min(self.end)
    }

    /// The character `index` stands at `offset`.
    fn jump(&self, index: usize, offset: usize) {
        self.runs.borrow_mut().push(CharacterRun { index, offset });
    }
}

/// The characters of one document.
pub(super) struct Characters<'t> {
    text: &'t str,
    /// Where `text` starts in the whole text.
    start: usize,
    /// What of `text` was not read yet.
    rest: Chars<'t>,
    /// What is read before the text goes on, the first character last.
    ahead: Vec<char>,
    /// The next character of all these. The parser looks at each several times.
    next: Option<char>,
    /// How many characters were read.
    index: usize,
    /// How far the parser wants to look.
    lookahead: usize,
    /// Where a line starts, if the line break before it is between tokens.
    line: Cell<Option<usize>>,
    offsets: &'t Offsets,
}

impl<'t> Characters<'t> {
    /// Those of `text`, which stands at `start` in the whole text. Where they stand goes to `offsets`.
    pub(super) fn new(text: &'t str, start: usize, offsets: &'t Offsets) -> Self {
        let rest = text.chars();
        Self {
            text,
            start,
            next: rest.clone().next(),
            rest,
            ahead: Vec::new(),
            index: 0,
            lookahead: 0,
            line: Cell::new(None),
            offsets,
        }
    }

    fn rest(&self) -> &'t str {
        self.rest.as_str()
    }

    /// How much of the text was read.
    fn at(&self) -> usize {
        self.text.len() - self.rest().len()
    }

    fn pair(&self) -> Option<char> {
        let is_escape = self.next == Some('\\') && self.ahead.is_empty();
        is_escape.then(|| surrogate_pair(self.rest())).flatten()
    }

    /// Whether the `:` of a key was read last, and the key is on its line. Where it is not, a tab may
    /// stand for the indentation of a mapping that starts there.
    fn is_after_key(&self) -> bool {
        let read = self.text.get(..self.at()).unwrap_or_default();
        let key = read.trim_end_matches([':', '-', '?', ' ', '\t']);
        read.ends_with(':') && !key.is_empty() && !key.ends_with(['\n', '\r', '\u{FEFF}'])
    }

    fn is_at_closing_bracket(&self) -> bool {
        let rest = self.rest().trim_start_matches(' ');
        rest.starts_with([']', '}'])
    }

    fn find_next(&mut self) {
        let ahead = self.ahead.last().copied();
        self.next = ahead.or_else(|| self.rest.clone().next());
    }

    fn skip_ahead(&mut self) {
        self.ahead.pop();
        self.index += 1;
        if self.ahead.is_empty() {
            self.jump();
        }
        self.find_next();
    }

    fn jump(&self) {
        self.offsets.jump(self.index, self.start + self.at());
    }
}

impl Input for Characters<'_> {
    #[inline]
    fn lookahead(&mut self, count: usize) {
        self.lookahead = self.lookahead.max(count);
    }

    fn buflen(&self) -> usize {
        self.lookahead
    }

    fn bufmaxlen(&self) -> usize {
        BUFFER
    }

    fn raw_read_ch(&mut self) -> char {
        let character = self.peek();
        self.skip();
        character
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        let character = self.peek_opt()?;
        if is_breakz(character) || character == '\u{FEFF}' {
            return None;
        }
        self.skip();
        Some(character)
    }

    #[inline]
    fn skip(&mut self) {
        if !self.ahead.is_empty() {
            return self.skip_ahead();
        }
        if let Some(character) = self.rest.next() {
            self.index += 1;
            if !character.is_ascii() {
                self.jump();
            }
        }
        self.next = self.rest.clone().next();
    }

    /// Only the two characters of an escape between double quotes are skipped at once.
    fn skip_n(&mut self, count: usize) {
        match self.pair().filter(|_| count == 2) {
            Some(character) => {
                self.index += count;
                self.rest = self.rest().get(PAIR..).unwrap_or_default().chars();
                let escape = format!("{:08x}", u32::from(character));
                self.ahead = escape.chars().rev().collect();
                self.find_next();
            }
            None => (0..count).for_each(|_| self.skip()),
        }
    }

    #[inline]
    fn peek(&self) -> char {
        self.peek_opt().unwrap_or('\0')
    }

    fn peek_nth(&self, n: usize) -> char {
        if n == 1 && self.pair().is_some() {
            return 'U';
        }
        // Nearly all of a text is ASCII, and this is called for each of its characters.
        let ascii = self.rest().as_bytes().get(..=n).filter(|to| to.is_ascii());
        if let ([.., byte], true) = (ascii.unwrap_or_default(), self.ahead.is_empty()) {
            return char::from(*byte);
        }
        let ahead = self.ahead.iter().rev().copied();
        ahead.chain(self.rest.clone()).nth(n).unwrap_or('\0')
    }

    /// The same as the default, which reads the next character even where it does not need it.
    #[inline]
    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        match self.peek() {
            ':' => {
                let after = self.peek_nth(1);
                !(is_blank_or_breakz(after) || (in_flow && is_flow(after)))
            }
            '\u{FEFF}' => false,
            character => !(in_flow && is_flow(character)),
        }
    }

    #[inline]
    fn peek_opt(&self) -> Option<char> {
        self.next
    }

    fn look_ch(&mut self) -> char {
        self.lookahead(1);
        let line = self.line.take();
        if line == Some(self.at()) && self.ahead.is_empty() && self.is_at_closing_bracket() {
            self.ahead.push(' ');
            self.find_next();
        }
        self.peek()
    }

    /// Line breaks within text are read in another way, so this one is between tokens.
    fn next_2_are(&self, first: char, second: char) -> bool {
        let is_crlf = self.rest().starts_with("\r\n");
        let length = if is_crlf { 2 } else { 1 };
        self.line.set(Some(self.at() + length));
        self.peek() == first && self.peek_nth(1) == second
    }

    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        let is_after_key = self.is_after_key();
        let (count, result) = StrInput::new(self.rest()).skip_ws_to_eol(skip_tabs);
        (0..count).for_each(|_| self.skip());
        let result = result.map(|found| {
            let has_blank = found.has_valid_yaml_ws() || is_after_key;
            SkipTabs::Result(found.found_tabs(), has_blank)
        });
        (count, result)
    }
}

/// The character that the escaped surrogate pair at the start of `text` stands for.
pub(super) fn surrogate_pair(text: &str) -> Option<char> {
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = is_number.then(|| u16::from_str_radix(digits, 16).ok());
        number.flatten()
    };
    let units = [unit(text)?, unit(text.get(PAIR / 2..)?)?];
    let is_high = (0xD800..0xDC00).contains(&units[0]);
    let character = char::decode_utf16(units).next()?;
    character.ok().filter(|_| is_high)
}
