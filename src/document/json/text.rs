//! What JSON spells with letters: strings, numbers and words.

use serde::de::IgnoredAny;
use serde_json::Number;

use super::{JsonReader, Read, is_word};
use crate::document::Value;
use crate::document::character::name_of;
use crate::document::findings::brief;
use crate::text::Span;

/// What stands for an escape that means nothing.
const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

impl JsonReader<'_> {
    /// `string = '"' { character | escape } '"'`
    pub(super) fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|c| c >= ' ' && c != '"' && c != '\\'));
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()),
                None | Some('\n' | '\r') => return self.unclosed_string(start, '"'),
                Some(control) => {
                    text.push(control);
                    self.control_character(control);
                }
            }
        }
    }

    /// A string in single quotes, which is none, up to the next quote on the line.
    pub(super) fn single_quoted(&mut self) -> Read<String> {
        let start = self.at;
        self.at += 1;
        let text = self.take_while(|c| c >= ' ' && c != '\'');
        if self.peek() != Some('\'') {
            return self.unclosed_string(start, '\'');
        }
        self.at += 1;
        let help = "put it into double quotes";
        self.pass_over(
            Span::new(start, self.at),
            "the string is in single quotes",
            help,
        );
        Ok(text.to_owned())
    }

    fn unclosed_string<T>(&mut self, start: usize, quote: char) -> Read<T> {
        let message = "the string has no closing quote on its line";
        let help = if quote == '"' {
            "add the closing `\"`; a line break in a string is written `\\n`"
        } else {
            "put it into double quotes"
        };
        self.stop(
            self.mistake(Span::new(start, start + 1), message)
                .help(help),
        )
    }

    fn control_character(&mut self, control: char) {
        let escape = match control {
            '\t' => "\\t".to_owned(),
            _ => format!("\\u{:04x}", u32::from(control)),
        };
        let message = format!("{} stands in a string as it is", name_of(control));
        self.pass_over(
            self.next_character(),
            message,
            format!("write `{escape}` for it"),
        );
        self.at += 1;
    }

    /// `escape = "\" ( '"' | "\" | "/" | "b" | "f" | "n" | "r" | "t" | unicode )`
    fn escape(&mut self) -> char {
        let start = self.at;
        self.at += 1;
        let meaning = match self.peek() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{C}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode_escape(),
            // The string ends here, and that is what gets reported.
            None | Some('\n' | '\r') => return REPLACEMENT,
            Some(other) => {
                let span = Span::new(start, self.at + other.len_utf8());
                let message = format!("`\\` before {} means nothing in JSON", name_of(other));
                self.pass_over(span, message, "write `\\\\` for a backslash");
                REPLACEMENT
            }
        };
        self.at = self.next_character().end;
        meaning
    }

    /// `unicode = "u" 4*hex`, twice for a character that UTF-16 writes as a surrogate pair.
    fn unicode_escape(&mut self) -> char {
        let start = self.at - 1;
        let Some(first) = self.code_unit(start) else {
            self.at += 1;
            self.take_while(|c| c.is_ascii_hexdigit());
            let help = "`\\u` takes four hexadecimal digits, such as `\\u00e9`";
            self.pass_over(
                Span::new(start, self.at),
                "the `\\u` escape is cut short",
                help,
            );
            return REPLACEMENT;
        };
        self.at = start + 6;
        let second = self.code_unit(self.at);
        let units = [first, second.unwrap_or_default()];
        match char::decode_utf16(units).next() {
            Some(Ok(character)) => {
                self.at += if character > '\u{FFFF}' { 6 } else { 0 };
                character
            }
            _ => {
                let help = "characters past U+FFFF take two: `\\ud83d\\ude00` is 😀";
                let message = "the escape is half of a surrogate pair";
                self.pass_over(Span::new(start, self.at), message, help);
                REPLACEMENT
            }
        }
    }

    /// The UTF-16 code unit that `\uXXXX` at byte `at` stands for.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hexadecimal
            .then(|| u16::from_str_radix(digits, 16).ok())
            .flatten()
    }

    /// `number = ["-"] digits-without-leading-zero ["." digits] [("e" | "E") ["+" | "-"] digits]`
    pub(super) fn number(&mut self) -> Value {
        let start = self.at;
        let text = self.take_while(|c| is_word(c) || matches!(c, '+' | '-' | '.'));
        match serde_json::from_str::<Number>(text) {
            Ok(number) => Value::Number(number),
            Err(_) => {
                let (message, help) = number_mistake(text);
                self.pass_over(Span::new(start, self.at), message, help);
                Value::Null
            }
        }
    }

    /// `true`, `false` or `null`
    pub(super) fn word(&mut self) -> Read<Value> {
        let start = self.at;
        let word = self.take_while(is_word);
        let span = Span::new(start, self.at);
        match word {
            "true" => return Ok(Value::Bool(true)),
            "false" => return Ok(Value::Bool(false)),
            "null" => return Ok(Value::Null),
            _ => {}
        }
        let meant = match word.to_ascii_lowercase().as_str() {
            "true" => "true",
            "false" => "false",
            "null" | "none" | "nil" | "undefined" => "null",
            "nan" | "inf" | "infinity" => {
                let message = format!("JSON has no `{word}`");
                self.pass_over(span, message, "use `null`, or leave the key out");
                return Ok(Value::Null);
            }
            _ => {
                let message = format!("expected a value, found `{}`", brief(word));
                let help = "put text into double quotes";
                return self.stop(self.mistake(span, message).help(help));
            }
        };
        self.pass_over(
            span,
            format!("JSON has no `{word}`"),
            format!("write `{meant}`"),
        );
        Ok(Value::Null)
    }
}

/// Why `text` is no number, and what to write.
fn number_mistake(text: &str) -> (String, String) {
    let shown = brief(text);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let quote = format!("write `\"{shown}\"` if it is text");
    if is_number(text) {
        return (format!("the number `{shown}` is too large"), quote);
    }
    if let Some(rest) = digits.strip_prefix('+').filter(|rest| is_number(rest)) {
        return (
            "a number has no `+` in front".to_owned(),
            format!("write `{}`", brief(rest)),
        );
    }
    if matches!(digits, "Infinity" | "NaN" | "inf") {
        return (
            format!("JSON has no `{shown}`"),
            "use `null`, or leave the key out".to_owned(),
        );
    }
    let plain = digits.trim_start_matches('0');
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        let number = if plain.is_empty() { "0" } else { plain };
        let help = format!("write `{}`, or `\"{shown}\"` if it is text", brief(number));
        return (format!("the number `{shown}` has leading zeros"), help);
    }
    if digits.starts_with('.') && is_number(&format!("0{digits}")) {
        return (
            format!("`{shown}` has no digit before its point"),
            "write a `0` there".to_owned(),
        );
    }
    if digits.ends_with('.') && is_number(&format!("{digits}0")) {
        return (
            format!("`{shown}` has no digit after its point"),
            "write a `0` there".to_owned(),
        );
    }
    (format!("`{shown}` is not a number"), quote)
}

/// Whether `text` has the form of a number, however large.
fn is_number(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}
