//! Diagnostics as annotations on the lines of the files.

use super::RunFacts;
use super::log::{Log, WorkflowCommand};
use crate::diagnostic::{Code, Diagnostic, Severity};

/// GitHub shows no more than this of each level a step.
const SHOWN_A_LEVEL: usize = 10;
/// The runner cuts what is longer, and with it what the end says. It counts in UTF-16 units.
const MAX_UNITS: usize = 4_096;

/// What the step annotates. The tenth of each level says how many more there are.
pub struct Annotations<'r> {
    run: Option<&'r RunFacts>,
    log: &'r Log,
    errors: Level,
    warnings: Level,
    notices: Level,
}

/// How many annotations of a level there are, and how many of them were written.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    all: usize,
    written: usize,
}

impl<'r> Annotations<'r> {
    /// Annotations of `diagnostics`, and of `errors` and `warnings` without a position, to be written
    /// one by one. With `run`, each leads to the documentation.
    pub fn new(
        diagnostics: &[Diagnostic],
        [errors, warnings]: [usize; 2],
        run: Option<&'r RunFacts>,
        log: &'r Log,
    ) -> Self {
        let count = |severity| {
            let diagnostics = diagnostics.iter();
            diagnostics.filter(|one| one.severity() == severity).count()
        };
        let level = |severity, others| Level {
            all: count(severity) + others,
            written: 0,
        };
        Self {
            run,
            log,
            errors: level(Severity::Error, errors),
            warnings: level(Severity::Warning, warnings),
            notices: level(Severity::Notice, 0),
        }
    }

    /// Annotations of so many errors, warnings and notices, none of which points to a line of this repository.
    pub(super) fn of_messages(counts: [usize; 3], log: &'r Log) -> Self {
        let [errors, warnings, notices] = counts.map(|all| Level { all, written: 0 });
        Self {
            run: None,
            log,
            errors,
            warnings,
            notices,
        }
    }

    /// Counts warnings that the step has shown before.
    pub fn after_warnings(mut self, shown: usize) -> Self {
        self.warnings.all += shown;
        self.warnings.written += shown;
        self
    }

    /// Writes the annotation of a diagnostic. Gives whether there was room for it.
    pub fn write(&mut self, diagnostic: &Diagnostic) -> bool {
        let Some(more) = self.take(diagnostic.severity()) else {
            return false;
        };
        let message = message(diagnostic, &diagnostic.message, self.run);
        let data = fitted(&message, more);
        self.log.command(&WorkflowCommand {
            name: diagnostic.severity().as_str(),
            properties: properties(diagnostic),
            data: &data,
        });
        true
    }

    /// Writes the annotation of something without a position. Gives whether there was room for it.
    pub fn write_message(&mut self, severity: Severity, message: &str) -> bool {
        self.write_titled(severity, "port-gitops".to_owned(), message)
    }

    /// Writes the annotation of a diagnostic in the files of another repository, to whose lines it cannot point.
    /// `text` says what is wrong and where. Gives whether there was room for it.
    pub(super) fn write_elsewhere(
        &mut self,
        diagnostic: &Diagnostic,
        text: &str,
        run: &RunFacts,
    ) -> bool {
        let message = message(diagnostic, text, Some(run));
        self.write_titled(diagnostic.severity(), title(diagnostic.code), &message)
    }

    fn write_titled(&mut self, severity: Severity, title: String, message: &str) -> bool {
        let Some(more) = self.take(severity) else {
            return false;
        };
        self.log.command(&WorkflowCommand {
            name: severity.as_str(),
            properties: vec![("title", title)],
            data: &fitted(message, more),
        });
        true
    }

    /// Takes one of the annotations that GitHub shows. Gives how many there are beyond, if it is the last.
    fn take(&mut self, severity: Severity) -> Option<usize> {
        let level = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Notice => &mut self.notices,
        };
        if level.written >= SHOWN_A_LEVEL {
            return None;
        }
        level.written += 1;
        Some(match level.written {
            SHOWN_A_LEVEL => level.all.saturating_sub(SHOWN_A_LEVEL),
            _ => 0,
        })
    }
}

/// Writes warnings without a position that come before the report. Gives how many it wrote.
pub fn write_warnings(warnings: &[String], log: &Log) -> usize {
    let mut annotations = Annotations::new(&[], [0, warnings.len()], None, log);
    let written = warnings
        .iter()
        .filter(|warning| annotations.write_message(Severity::Warning, warning));
    written.count()
}

/// Writes the annotations of `diagnostics`, which are in the order of files and lines: errors first.
pub fn write_diagnostics(diagnostics: &[Diagnostic], log: &Log) {
    let mut annotations = Annotations::new(diagnostics, [0, 0], None, log);
    for severity in Severity::ALL {
        for diagnostic in diagnostics.iter().filter(|one| one.severity() == severity) {
            annotations.write(diagnostic);
        }
    }
}

/// Where the annotation stands, and its title.
fn properties(diagnostic: &Diagnostic) -> Vec<(&'static str, String)> {
    let title = ("title", title(diagnostic.code));
    // Head no longer has the line.
    if diagnostic.code == Code::NotDeleted {
        return vec![title];
    }
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
    properties.push(title);
    properties
}

/// `Port: invalid property`.
fn title(code: Code) -> String {
    format!("Port: {}", code.as_str().replace('-', " "))
}

/// `text`, what to do, and the code with a link to what it means.
fn message(diagnostic: &Diagnostic, text: &str, run: Option<&RunFacts>) -> String {
    let mut message = text.to_owned();
    if let Some(help) = &diagnostic.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    let code = diagnostic.code;
    match run.and_then(|run| run.code_link(code)) {
        Some(link) => message.push_str(&format!("\n[{code}] {link}")),
        None => message.push_str(&format!("\n[{code}]")),
    }
    message
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
