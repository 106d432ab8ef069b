//! The report as data.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::redact::Change;
use super::{Drift, Ending, EntityReport, Report};
use crate::diagnostic::Diagnostic;
use crate::source::Location;

/// Grows when a field goes or changes its meaning: `docs/report.md` is its documentation.
const VERSION: u32 = 1;

/// Writes the whole report, for people to read too.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &Report, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &whole(report))?;
    writeln!(out)
}

/// The report in one line of at most `max_bytes`; its lists are left out where they do not fit.
pub fn compact(report: &Report, max_bytes: usize) -> String {
    let mut value = whole(report);
    let text = value.to_string();
    if text.len() <= max_bytes {
        return text;
    }
    for entity in value["entities"].as_array_mut().into_iter().flatten() {
        entity["changes"] = Value::Null;
    }
    let text = value.to_string();
    if text.len() <= max_bytes {
        return text;
    }
    value["entities"] = Value::Null;
    let text = value.to_string();
    if text.len() <= max_bytes {
        return text;
    }
    value["diagnostics"] = Value::Null;
    value.to_string()
}

fn whole(report: &Report) -> Value {
    let run = &report.run;
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
        "entities": report.entities.iter().map(entity).collect::<Value>(),
        "diagnostics": report.diagnostics.iter().map(diagnostic).collect::<Value>(),
        "notices": report.notices,
        "cost": report.cost,
    })
}

fn entity(entity: &EntityReport) -> Value {
    json!({
        "blueprint": entity.key.as_ref().map(|key| key.blueprint.as_str()),
        "identifier": entity.key.as_ref().map(|key| &key.name),
        "state": entity.state,
        "note": entity.note,
        "changes": entity.changes.iter().map(change).collect::<Value>(),
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
