//! Text in GitHub's Markdown, in which nothing that comes from files is obeyed.

use super::console::label;
use super::delta::{self, Delta, DiffLine, ValueChange};
use super::entities::sign;
use super::log::visible;
use super::{EntityReport, EntityState, Report};
use crate::diagnostic::Severity;
use crate::event::Mode;

/// Any text as Markdown that shows just that text, except that pairs of backticks, by which our own
/// words mark code, do so here too.
pub(super) fn escape(text: &str) -> String {
    let segments: Vec<_> = text.split('`').collect();
    let is_paired = segments.len() % 2 == 1;
    let mut escaped = String::with_capacity(text.len());
    for (index, segment) in segments.iter().enumerate() {
        match index {
            0 => {}
            _ if !is_paired => escaped.push_str("&#96;"),
            _ if index % 2 == 1 => escaped.push_str("<code>"),
            _ => escaped.push_str("</code>"),
        }
        escape_plain(segment, &mut escaped);
    }
    escaped
}

/// An entity is never read as HTML or Markdown. A mention is made of the finished page's text, so it
/// needs something between the `@` and the name.
fn escape_plain(text: &str, escaped: &mut String) {
    for character in text.chars() {
        match character {
            '@' => escaped.push_str("@&#8203;"),
            '\n' => escaped.push_str("<br>"),
            '.' | ',' | ':' | ';' | '/' | '-' | '(' | ')' | '=' | '?' | '\'' | '"' | '%' | '+' => {
                escaped.push(character);
            }
            character if character.is_ascii_punctuation() => {
                escaped.push_str(&format!("&#{};", character as u32));
            }
            character if character.is_control() => escaped.push(' '),
            character => escaped.push(character),
        }
    }
}

/// Entities and what changes in them, as lines of a diff, which GitHub colours.
pub(super) fn diff_lines(entities: &[&EntityReport], mode: Mode) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_block = false;
    for entity in entities {
        let was_block = std::mem::replace(&mut is_block, !entity.changes.is_empty());
        if !lines.is_empty() && (was_block || is_block) {
            lines.push(String::new());
        }
        let mark = match sign(entity, mode) {
            '~' => '!',
            sign => sign,
        };
        let label = label(entity.state, mode);
        lines.push(format!("{mark} {} ({label})", visible(&entity.name())));
        let first = lines.len();
        entity
            .changes
            .iter()
            .for_each(|change| add_change(change, &mut lines));
        // GitHub colours a sign at the beginning of a line: what was not written must not look as if it was.
        if entity.state.is_unfinished() {
            lines[first..]
                .iter_mut()
                .for_each(|line| line.insert_str(0, "  "));
        }
    }
    lines
}

/// Lines of a diff as a block.
pub(super) fn diff_block(lines: &[String]) -> String {
    let text = lines.join("\n");
    let fence = fence(&text);
    format!("{fence}diff\n{text}\n{fence}")
}

fn add_change(change: &super::redact::ShownDifference, lines: &mut Vec<String>) {
    let field = change.field.to_string();
    match delta::of(change) {
        Delta::Hidden => lines.push(format!("!   {}: {}", visible(&field), delta::hidden())),
        Delta::Value(step) => add_step(&field, &step, lines),
        Delta::Keys(keys) => {
            for (path, step) in keys {
                add_step(&format!("{field}{path}"), &step, lines);
            }
        }
        Delta::Text(text) => {
            lines.push(format!("    {}:", visible(&field)));
            lines.extend(text.iter().map(|line| match line {
                DiffLine::Kept(text) => format!("      {}", visible(text)),
                DiffLine::Removed(text) => format!("-     {}", visible(text)),
                DiffLine::Added(text) => format!("+     {}", visible(text)),
                DiffLine::Skipped(count) => format!("      {}", delta::skipped(*count)),
                DiffLine::CutOff(count) => format!("      {}", delta::cut_off(*count)),
            }));
        }
    }
}

fn add_step(field: &str, step: &ValueChange, lines: &mut Vec<String>) {
    let mut add = |sign: char, value: &str| {
        let line = format!("{sign}   {field}: {value}");
        lines.push(visible(&line).into_owned());
    };
    match (&step.from, &step.to) {
        (None, None) => lines.push(format!("    {}", visible(field))),
        (from, to) => {
            from.iter().for_each(|from| add('-', from));
            to.iter().for_each(|to| add('+', to));
        }
    }
}

/// More backticks than anywhere in the text, so that it cannot end its block.
fn fence(text: &str) -> String {
    let mut longest = 0;
    for run in text.split(|letter| letter != '`') {
        longest = longest.max(run.len());
    }
    "`".repeat((longest + 1).max(3))
}

/// An entity with a link to its line, where head has it, and to its page in Port, where it is there.
pub(super) fn linked(entity: &EntityReport, report: &Report) -> String {
    let name = escape(&entity.name());
    let name = match entity.location.as_ref().filter(|_| !entity.is_removed) {
        Some(location) => format!("[{name}]({})", report.link(location)),
        None => name,
    };
    match report.port_link(entity) {
        Some(link) => format!("{name} ([Port]({link}))"),
        None => name,
    }
}

pub(super) fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "❌",
        Severity::Warning => "⚠️",
        Severity::Notice => "ℹ️",
    }
}

/// The sign for what happens to an entity.
pub(super) fn badge(state: EntityState, severity: Option<Severity>) -> &'static str {
    match (severity, state) {
        (Some(severity), _) => mark(severity),
        (None, EntityState::Created) => "🟢",
        (None, EntityState::Adopted | EntityState::Updated) => "🟡",
        (None, EntityState::Deleted) => "🔴",
        (None, _) => "⚪",
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_and_not_obeyed() {
        assert_eq!(escape("<b>|*x*\n"), "&#60;b&#62;&#124;&#42;x&#42;<br>");
        assert_eq!(escape("@octocat"), "@&#8203;octocat");
        assert_eq!(escape("[a](http://x)"), "&#91;a&#93;(http://x)");
    }

    #[test]
    fn pairs_of_backticks_are_code() {
        assert_eq!(escape("add `a_b` here"), "add <code>a&#95;b</code> here");
        assert_eq!(escape("a ` b"), "a &#96; b");
    }

    #[test]
    fn a_text_cannot_end_its_block() {
        assert_eq!(fence("a ``` b ```` c"), "`````");
        assert_eq!(fence("plain"), "```");
    }
}
