//! Entities and what changes in them, as the log shows them.

use super::console::label;
use super::delta::{self, Delta, Line, NOTHING, Step};
use super::log::{Log, visible};
use super::redact::Change;
use super::{EntityReport, State};
use crate::event::Mode;

/// What changes is shown of so many entities; the summary and the report hold more.
const DETAILED: usize = 200;
/// Fields of one entity that are shown.
const FIELDS: usize = 40;
/// Names are aligned up to this width.
const NAME_WIDTH: usize = 60;
const FIELD_WIDTH: usize = 40;

const RESET: &str = "\u{1b}[0m";

/// The colours that the log of a job shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Colour {
    Green,
    Yellow,
    Red,
    Dim,
}

impl Colour {
    fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Green => "\u{1b}[32m",
            Self::Yellow => "\u{1b}[33m",
            Self::Red => "\u{1b}[31m",
            Self::Dim => "\u{1b}[2m",
        };
        format!("{code}{text}{RESET}")
    }
}

/// The sign for what happens to an entity.
pub(super) fn sign(state: State) -> char {
    match state {
        State::Created => '+',
        State::Adopted | State::Updated => '~',
        State::Deleted => '-',
        State::Removed | State::Unchanged => ' ',
        State::Invalid
        | State::Failed
        | State::Unknown
        | State::NotWritten
        | State::Blocked
        | State::HeldBack
        | State::OwnedElsewhere => '!',
    }
}

/// Writes a line for each entity, and below it what changes.
pub(super) fn write(entities: &[&EntityReport], mode: Mode, log: &Log) {
    let labels = entities.iter().map(|one| label(one.state, mode).len());
    let names = entities.iter().map(|one| one.name().chars().count());
    let label_width = labels.max().unwrap_or(0);
    let name_width = names.max().unwrap_or(0).min(NAME_WIDTH);
    let mut detailed = 0;
    for entity in entities {
        let label = label(entity.state, mode);
        let location = entity.location.as_ref();
        let location = location.map(ToString::to_string).unwrap_or_default();
        let name = entity.name();
        let (name, location) = (visible(&name), visible(&location));
        let sign = match sign(entity.state) {
            '+' => Colour::Green.paint("+"),
            '~' => Colour::Yellow.paint("~"),
            '-' => Colour::Red.paint("-"),
            '!' => Colour::Red.paint("!"),
            other => other.to_string(),
        };
        log.rendered(&format!(
            "{sign} {label:label_width$}  {name:name_width$}  {}",
            Colour::Dim.paint(&location)
        ));
        if let Some(note) = &entity.note {
            log.line(format!("      {note}"));
        }
        if !entity.changes.is_empty() && detailed < DETAILED {
            detailed += 1;
            write_changes(&entity.changes, log);
        }
    }
}

fn write_changes(changes: &[Change], log: &Log) {
    let shown = &changes[..changes.len().min(FIELDS)];
    let names = shown
        .iter()
        .map(|one| one.field.to_string().chars().count());
    let width = names.max().unwrap_or(0).min(FIELD_WIDTH);
    for change in shown {
        let field = change.field.to_string();
        let field = visible(&field);
        match delta::of(change) {
            Delta::Value(step) => log.rendered(&format!("      {field:width$}  {}", words(&step))),
            Delta::Keys(keys) => {
                log.rendered(&format!("      {field}"));
                let width = keys.iter().map(|(path, _)| path.chars().count()).max();
                let width = width.unwrap_or(0).min(FIELD_WIDTH);
                for (path, step) in &keys {
                    let path = visible(path);
                    log.rendered(&format!("        {path:width$}  {}", words(step)));
                }
            }
            Delta::Text(lines) => {
                log.rendered(&format!("      {field}"));
                lines.iter().for_each(|line| write_line(line, log));
            }
        }
    }
    if changes.len() > FIELDS {
        log.line(format!("      … and {} more", changes.len() - FIELDS));
    }
}

/// `from → to`, or the one of them that there is.
fn words(step: &Step) -> String {
    match (&step.from, &step.to) {
        (None, None) => String::new(),
        (None, Some(to)) => Colour::Green.paint(&visible(to)),
        (Some(from), to) => {
            let to = to.as_deref().unwrap_or(NOTHING);
            let (from, to) = (visible(from), visible(to));
            format!(
                "{} → {}",
                Colour::Red.paint(&from),
                Colour::Green.paint(&to)
            )
        }
    }
}

fn write_line(line: &Line, log: &Log) {
    let text = |sign: char, text: &str| format!("        {sign} {}", visible(text));
    log.rendered(&match line {
        Line::Kept(kept) => Colour::Dim.paint(&text(' ', kept)),
        Line::Removed(removed) => Colour::Red.paint(&text('-', removed)),
        Line::Added(added) => Colour::Green.paint(&text('+', added)),
        Line::Skipped(count) => Colour::Dim.paint(&format!("          {}", delta::skipped(*count))),
    });
}
