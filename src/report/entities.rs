//! Entities and what changes in them, as the log shows them.

use super::console::label;
use super::delta::{self, Delta, DiffLine, ValueChange};
use super::log::{Log, visible};
use super::redact::ShownDifference;
use super::{EntityReport, EntityState};
use crate::diagnostic::Severity;
use crate::event::Mode;

/// What changes is shown of so many entities; the summary and the report hold more.
const DETAILED: usize = 200;
/// Fields of one entity that are shown.
const FIELDS: usize = 40;
/// Names are aligned up to this width.
const NAME_WIDTH: usize = 60;
const FIELD_WIDTH: usize = 40;

const RESET: &str = "\u{1b}[0m";

/// The colours that the log of a job shows: those of `terraform plan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Green,
    Yellow,
    Red,
    Dim,
}

impl Colour {
    pub(super) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Green => "\u{1b}[32m",
            Self::Yellow => "\u{1b}[33m",
            Self::Red => "\u{1b}[31m",
            Self::Dim => "\u{1b}[2m",
        };
        format!("{code}{text}{RESET}")
    }
}

/// Whether changes have their colours: those that were not made must not look as if they were.
#[derive(Debug, Clone, Copy)]
enum Tone {
    Made,
    NotMade,
}

impl Tone {
    fn paint(self, colour: Colour, text: &str) -> String {
        match self {
            Self::Made => colour.paint(text),
            Self::NotMade => Colour::Dim.paint(text),
        }
    }

    fn sign(self, sign: char) -> String {
        let colour = match sign {
            '+' => Colour::Green,
            '~' | '⚠' => Colour::Yellow,
            '-' | '✗' => Colour::Red,
            other => return other.to_string(),
        };
        self.paint(colour, &sign.to_string())
    }
}

/// The sign for what happens to an entity.
pub(super) fn sign(entity: &EntityReport, mode: Mode) -> char {
    match (entity.severity(mode), entity.state) {
        (Some(Severity::Error), _) => '✗',
        (Some(Severity::Warning | Severity::Notice), _) => '⚠',
        (None, EntityState::Created) => '+',
        (None, EntityState::Adopted | EntityState::Updated) => '~',
        (None, EntityState::Deleted) => '-',
        (None, _) => ' ',
    }
}

/// How many lines [`write()`] takes for `entities`.
pub(super) fn lines(entities: &[&EntityReport]) -> usize {
    let of_change = |change: &ShownDifference| match delta::of(change) {
        Delta::Value(_) | Delta::Hidden => 1,
        Delta::Keys(keys) => 1 + keys.len(),
        Delta::Text(lines) => 1 + lines.len(),
    };
    let of_entity = |entity: &&EntityReport| {
        let changes = entity.changes.iter().take(FIELDS);
        1 + usize::from(shown_note(entity).is_some()) + changes.map(of_change).sum::<usize>()
    };
    entities.iter().map(of_entity).sum()
}

/// Why something is left as it is. What is wrong with an entity is said beside its line.
fn shown_note(entity: &EntityReport) -> Option<&String> {
    entity
        .note
        .as_ref()
        .filter(|_| entity.state == EntityState::Removed)
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
        // Head no longer has the line of what was removed.
        let location = entity.location.as_ref();
        let location = location.map(|location| match entity.is_removed {
            true => location.path().to_string(),
            false => location.to_string(),
        });
        let location = location.unwrap_or_default();
        let name = entity.name();
        let (name, location) = (visible(&name), visible(&location));
        log.rendered(&format!(
            "{} {label:label_width$}  {name:name_width$}  {}",
            Tone::Made.sign(sign(entity, mode)),
            Colour::Dim.paint(&location)
        ));
        if let Some(note) = shown_note(entity) {
            log.line(format!("      {note}"));
        }
        if !entity.changes.is_empty() && detailed < DETAILED {
            detailed += 1;
            let tone = match entity.state.is_unfinished() {
                true => Tone::NotMade,
                false => Tone::Made,
            };
            write_changes(&entity.changes, tone, log);
        }
    }
}

fn write_changes(changes: &[ShownDifference], tone: Tone, log: &Log) {
    let shown = &changes[..changes.len().min(FIELDS)];
    let names = shown
        .iter()
        .map(|one| one.field.to_string().chars().count());
    let width = names.max().unwrap_or(0).min(FIELD_WIDTH);
    for change in shown {
        write_change(change, width, tone, log);
    }
    if changes.len() > FIELDS {
        log.line(format!("      … and {} more", changes.len() - FIELDS));
    }
}

fn write_change(change: &ShownDifference, width: usize, tone: Tone, log: &Log) {
    let field = change.field.to_string();
    let field = visible(&field);
    let sign = tone.sign(step_sign(change.from.is_some(), change.to.is_some()));
    match delta::of(change) {
        Delta::Hidden => log.rendered(&format!("    {sign} {field:width$}  {}", delta::hidden())),
        Delta::Value(step) => log.rendered(&format!(
            "    {sign} {field:width$}  {}",
            words(&step, tone)
        )),
        Delta::Keys(keys) => {
            log.rendered(&format!("    {sign} {field}"));
            let width = keys.iter().map(|(path, _)| path.chars().count()).max();
            let width = width.unwrap_or(0).min(FIELD_WIDTH);
            for (path, step) in &keys {
                let sign = tone.sign(step_sign(step.from.is_some(), step.to.is_some()));
                let path = visible(path);
                log.rendered(&format!(
                    "      {sign} {path:width$}  {}",
                    words(step, tone)
                ));
            }
        }
        Delta::Text(lines) => {
            log.rendered(&format!("    {sign} {field}"));
            lines.iter().for_each(|line| write_line(line, tone, log));
        }
    }
}

/// The sign for what happens to a value.
fn step_sign(was: bool, will_be: bool) -> char {
    match (was, will_be) {
        (false, true) => '+',
        (true, false) => '-',
        (true, true) => '~',
        (false, false) => ' ',
    }
}

/// `from → to`, or the one of them that there is.
fn words(step: &ValueChange, tone: Tone) -> String {
    match (&step.from, &step.to) {
        (None, None) => String::new(),
        (None, Some(to)) => tone.paint(Colour::Green, &visible(to)),
        (Some(from), None) => tone.paint(Colour::Red, &visible(from)),
        (Some(from), Some(to)) => format!(
            "{} → {}",
            tone.paint(Colour::Red, &visible(from)),
            tone.paint(Colour::Green, &visible(to))
        ),
    }
}

fn write_line(line: &DiffLine, tone: Tone, log: &Log) {
    let text = |sign: char, text: &str| format!("        {sign} {}", visible(text));
    log.rendered(&match line {
        DiffLine::Kept(kept) => Colour::Dim.paint(&text(' ', kept)),
        DiffLine::Removed(removed) => tone.paint(Colour::Red, &text('-', removed)),
        DiffLine::Added(added) => tone.paint(Colour::Green, &text('+', added)),
        DiffLine::Skipped(count) => {
            Colour::Dim.paint(&format!("          {}", delta::skipped(*count)))
        }
        DiffLine::CutOff(count) => {
            Colour::Dim.paint(&format!("          {}", delta::cut_off(*count)))
        }
    });
}
