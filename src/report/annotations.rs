//! Diagnostics as annotations on the lines of the files.

use super::log::{Command, Log};
use super::{Ending, Report, State};
use crate::diagnostic::{Diagnostic, Severity};

/// GitHub shows no more than this of each level a step.
const SHOWN_A_LEVEL: usize = 10;

/// The runner cuts what is longer, and with it what the end says. It counts in UTF-16 units.
const MAX_UNITS: usize = 4_096;

/// Writes the report's annotations: errors first, each level in the order of files and lines. The
/// last one that is shown says how many more there are.
pub fn write(report: &Report, log: &Log) {
    let stopped = match &report.ending {
        Ending::Stopped(reason) => Some(reason),
        Ending::Complete | Ending::Interrupted => None,
    };
    if let Some(reason) = stopped {
        write_without_position(Severity::Error, reason, 0, log);
    }
    let held_back = held_back(report);
    if let Some(message) = &held_back {
        write_without_position(Severity::Error, message, 0, log);
    }
    let before = Before {
        errors: usize::from(stopped.is_some()) + usize::from(held_back.is_some()),
        warnings: report.warnings_before
            + write_warnings(&report.warnings, report.warnings_before, log),
    };
    write_levels(&report.diagnostics, before, log);
}

/// How many annotations the step has shown already.
#[derive(Clone, Copy, Default)]
struct Before {
    errors: usize,
    warnings: usize,
}

/// Writes warnings that have no position in a file, after `before` others. Gives how many it wrote.
pub fn write_warnings(warnings: &[String], before: usize, log: &Log) -> usize {
    write_messages(Severity::Warning, warnings, before, log)
}

/// Writes errors that have no position in a file, and are all that the step shows.
pub fn write_errors(errors: &[String], log: &Log) {
    write_messages(Severity::Error, errors, 0, log);
}

fn write_messages(severity: Severity, messages: &[String], before: usize, log: &Log) -> usize {
    let shown = messages.len().min(SHOWN_A_LEVEL.saturating_sub(before));
    let more = messages.len() - shown;
    for (index, message) in messages.iter().take(shown).enumerate() {
        let more = if index + 1 == shown { more } else { 0 };
        write_without_position(severity, message, more, log);
    }
    shown
}

/// Writes the annotations of `diagnostics`, which are in the order of files and lines.
pub fn write_diagnostics(diagnostics: &[Diagnostic], log: &Log) {
    write_levels(diagnostics, Before::default(), log);
}

fn write_levels(diagnostics: &[Diagnostic], before: Before, log: &Log) {
    for severity in [Severity::Error, Severity::Warning, Severity::Notice] {
        let shown = match severity {
            Severity::Error => SHOWN_A_LEVEL - before.errors,
            Severity::Warning => SHOWN_A_LEVEL.saturating_sub(before.warnings),
            Severity::Notice => SHOWN_A_LEVEL,
        };
        let level: Vec<_> = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity() == severity)
            .collect();
        let more = level.len().saturating_sub(shown);
        for (index, diagnostic) in level.into_iter().take(shown).enumerate() {
            let is_last = index + 1 == shown;
            write_one(diagnostic, if is_last { more } else { 0 }, log);
        }
    }
}

/// What was not deleted has no position at head, so there is one annotation for all of it.
fn held_back(report: &Report) -> Option<String> {
    let mut entities = report
        .entities
        .iter()
        .filter(|entity| entity.state == State::HeldBack);
    let first = entities.next()?;
    let others = match entities.count() {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let (name, note) = (first.name(), first.note.as_deref());
    let reason = note.unwrap_or("something prevents it");
    Some(format!("`{name}`{others} not deleted: {reason}"))
}

fn write_without_position(severity: Severity, message: &str, more: usize, log: &Log) {
    let properties = vec![("title", "port-gitops".to_owned())];
    log.command(&Command {
        name: severity.as_str(),
        properties,
        data: &fitted(message, more),
    });
}

fn write_one(diagnostic: &Diagnostic, more: usize, log: &Log) {
    let location = diagnostic.location();
    let (start, end) = (location.start(), location.end());
    let mut properties = vec![
        ("file", location.path().to_string()),
        ("line", start.line.to_string()),
        ("endLine", end.line.to_string()),
    ];
    // GitHub takes columns only for what lies within one line.
    if start.line == end.line {
        properties.push(("col", start.column.to_string()));
        properties.push(("endColumn", end.column.to_string()));
    }
    properties.push(("title", diagnostic.code.to_string()));
    let data = message(diagnostic, more);
    log.command(&Command {
        name: diagnostic.severity().as_str(),
        properties,
        data: &data,
    });
}

fn message(diagnostic: &Diagnostic, more: usize) -> String {
    match &diagnostic.help {
        Some(help) => fitted(&format!("{}\nhelp: {help}", diagnostic.message), more),
        None => fitted(&diagnostic.message, more),
    }
}

/// `message`, and how many `more` there are. Where that is too long, the message is shortened.
fn fitted(message: &str, more: usize) -> String {
    let end = match more {
        0 => String::new(),
        more => format!("\n({more} more in the log and in the job summary)"),
    };
    let room = MAX_UNITS - end.encode_utf16().count();
    if message.encode_utf16().count() <= room {
        return format!("{message}{end}");
    }
    let mut left = room - 1;
    let fits = |letter: &char| {
        let units = letter.len_utf16();
        let fits = units <= left;
        left = left.saturating_sub(units);
        fits
    };
    let shortened: String = message.chars().take_while(fits).collect();
    format!("{shortened}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_shortened_and_never_what_the_end_says() {
        let more = "\n(3 more in the log and in the job summary)";
        for (message, more, expected) in [
            ("é".repeat(4_096), 0, "é".repeat(4_096)),
            ("é".repeat(4_097), 0, format!("{}…", "é".repeat(4_095))),
            ("🦀".repeat(2_049), 0, format!("{}…", "🦀".repeat(2_047))),
            (
                "x".repeat(4_096),
                3,
                format!("{}…{more}", "x".repeat(4_095 - more.len())),
            ),
        ] {
            assert_eq!(fitted(&message, more), expected);
        }
    }
}
