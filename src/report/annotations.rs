//! Diagnostics as annotations on the lines of the files.

use super::log::{Command, Log};
use super::{Ending, Report};
use crate::diagnostic::{Diagnostic, Severity};

/// GitHub shows no more than this of each level a step.
const SHOWN_A_LEVEL: usize = 10;

/// Writes the report's annotations: errors first, each level in the order of files and lines. The
/// last one that is shown says how many more there are.
pub fn write(report: &Report, log: &Log) {
    let stopped = match &report.ending {
        Ending::Stopped(reason) => Some(reason),
        Ending::Complete | Ending::Interrupted => None,
    };
    if let Some(reason) = stopped {
        write_error(reason, log);
    }
    let before = Before {
        errors: usize::from(stopped.is_some()),
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
    let shown = warnings.len().min(SHOWN_A_LEVEL.saturating_sub(before));
    let more = warnings.len() - shown;
    for (index, warning) in warnings.iter().take(shown).enumerate() {
        let more = if index + 1 == shown { more } else { 0 };
        write_without_position(Severity::Warning, &with_more(warning.clone(), more), log);
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

/// Writes an error that has no position in a file.
pub fn write_error(message: &str, log: &Log) {
    write_without_position(Severity::Error, message, log);
}

fn write_without_position(severity: Severity, message: &str, log: &Log) {
    let properties = vec![("title", "port-gitops".to_owned())];
    log.command(&Command {
        name: severity.as_str(),
        properties,
        data: message,
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
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    with_more(message, more)
}

fn with_more(mut message: String, more: usize) -> String {
    if more > 0 {
        message.push_str(&format!(
            "\n({more} more in the log and in the job summary)"
        ));
    }
    message
}
