//! The report as data.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::redact::Change;
use super::{Drift, Ending, EntityReport, Report};
use crate::diagnostic::Diagnostic;
use crate::source::Location;

/// Grows when a field goes or changes its meaning: `docs/report.md` is its documentation.
const VERSION: u32 = 1;

/// How much of its lists a report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// All of it.
    Changes,
    /// Entities, but not what changes in them.
    Entities,
    /// Diagnostics, but no entities.
    Diagnostics,
    /// Counts alone.
    Counts,
}

impl Detail {
    const LESS_AND_LESS: [Self; 3] = [Self::Changes, Self::Entities, Self::Diagnostics];

    /// Whether a report cannot but be longer: each entity takes more than this. What would not fit is
    /// not made to find that out.
    fn is_too_much(self, report: &Report, max_bytes: usize) -> bool {
        const BYTES_AN_ENTITY: usize = 100;
        let has_entities = matches!(self, Self::Changes | Self::Entities);
        has_entities && report.entities.len() * BYTES_AN_ENTITY > max_bytes
    }
}

/// Writes the whole report, for people to read too.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &Report, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &value(report, Detail::Changes))?;
    writeln!(out)
}

/// The report in one line of at most `max_bytes`; its lists are left out where they do not fit.
pub fn compact(report: &Report, max_bytes: usize) -> String {
    Detail::LESS_AND_LESS
        .into_iter()
        .filter(|detail| !detail.is_too_much(report, max_bytes))
        .map(|detail| value(report, detail).to_string())
        .find(|text| text.len() <= max_bytes)
        .unwrap_or_else(|| value(report, Detail::Counts).to_string())
}

fn value(report: &Report, detail: Detail) -> Value {
    let run = &report.run;
    let entities = || {
        let entities = report.entities.iter();
        entities.map(|one| entity(one, detail)).collect::<Value>()
    };
    let diagnostics = || report.diagnostics.iter().map(diagnostic).collect::<Value>();
    let (entities, diagnostics) = match detail {
        Detail::Changes | Detail::Entities => (entities(), diagnostics()),
        Detail::Diagnostics => (Value::Null, diagnostics()),
        Detail::Counts => (Value::Null, Value::Null),
    };
    json!({
        "version": VERSION,
        "mode": run.mode.as_str(),
        "repository": run.repository.to_string(),
        "head": run.head.as_str(),
        "branch": run.branch.as_ref().map(|branch| branch.as_str()),
        "outcome": report.outcome(),
        "stopped": match &report.ending {
            Ending::Stopped(reason) => Some(reason),
            Ending::Complete | Ending::Interrupted => None,
        },
        "drift": report.drift.map(|drift| drift == Drift::Found),
        "counts": report.counts(),
        "entities": entities,
        "diagnostics": diagnostics,
        "notices": report.notices,
        "cost": report.cost,
    })
}

fn entity(entity: &EntityReport, detail: Detail) -> Value {
    let changes = match detail {
        Detail::Changes => entity.changes.iter().map(change).collect::<Value>(),
        _ => Value::Null,
    };
    json!({
        "blueprint": entity.key.as_ref().map(|key| key.blueprint.as_str()),
        "identifier": entity.key.as_ref().map(|key| &key.name),
        "state": entity.state,
        "note": entity.note,
        "changes": changes,
        "location": entity.location.as_ref().map(location),
    })
}

fn change(change: &Change) -> Value {
    json!({
        "field": change.field.to_string(),
        "from": change.from,
        "to": change.to,
    })
}

/// A diagnostic, as the report holds it.
pub fn diagnostic(diagnostic: &Diagnostic) -> Value {
    json!({
        "code": diagnostic.code.as_str(),
        "severity": diagnostic.severity().as_str(),
        "message": diagnostic.message,
        "help": diagnostic.help,
        "location": location(diagnostic.location()),
    })
}

fn location(location: &Location) -> Value {
    let (start, end) = (location.start(), location.end());
    json!({
        "path": location.path().as_str(),
        "line": start.line,
        "column": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}
