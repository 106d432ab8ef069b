//! The step's outputs.
//!
//! [Setting an output parameter](https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-output-parameter)

use std::io::{self, Write};

use super::fleet::{self, FleetReport};
use super::json;
use super::{Counts, Drift, EntityState, Outcome, Report};

/// The report's list of entities is left out of the output where it would be larger, in bytes:
/// Linux takes no larger variable.
const MAX_REPORT_BYTES: usize = 96 * 1024;

/// Writes `name=value` lines.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &Report, mut out: impl Write) -> io::Result<()> {
    write_outcome(report.outcome(), &mut out)?;
    write_counts(&report.counts(), &mut out)?;
    let drift = report.drift.map_or("", Drift::as_str);
    writeln!(out, "drift={drift}")?;
    writeln!(out, "commit={}", report.run.head)?;
    // Compact JSON has no line breaks, so it needs no delimiter.
    writeln!(out, "report={}", json::compact(report, MAX_REPORT_BYTES))
}

/// Writes the outputs of a run over many repositories: its counts are sums, and no commit is the run's.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_fleet(report: &FleetReport, mut out: impl Write) -> io::Result<()> {
    write_outcome(report.outcome(), &mut out)?;
    write_counts(&report.counts(), &mut out)?;
    let drift = report.drift().map_or("", Drift::as_str);
    writeln!(out, "drift={drift}\ncommit=")?;
    let json = fleet::json::compact(report, MAX_REPORT_BYTES);
    writeln!(out, "report={json}")
}

/// Writes the outputs of a run that had nothing to do.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_nothing(mut out: impl Write) -> io::Result<()> {
    write_outcome(Outcome::Success, &mut out)?;
    write_counts(&Counts::new(), &mut out)
}

fn write_counts(counts: &Counts, out: &mut impl Write) -> io::Result<()> {
    let count = |states: &[EntityState]| -> usize {
        states.iter().filter_map(|state| counts.get(state)).sum()
    };
    let outputs = [
        ("created", count(&[EntityState::Created])),
        (
            "updated",
            count(&[EntityState::Adopted, EntityState::Updated]),
        ),
        ("unchanged", count(&[EntityState::Unchanged])),
        ("deleted", count(&[EntityState::Deleted])),
        ("invalid", count(&[EntityState::Invalid])),
        (
            "failed",
            count(&[
                EntityState::Failed,
                EntityState::Unknown,
                EntityState::NotWritten,
                EntityState::HeldBack,
                EntityState::OwnedElsewhere,
            ]),
        ),
        ("blocked", count(&[EntityState::Blocked])),
    ];
    for (name, count) in outputs {
        writeln!(out, "{name}={count}")?;
    }
    Ok(())
}

/// Writes the outcome alone: for a run that ended before there was anything to count.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_outcome(outcome: Outcome, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "outcome={}", outcome.as_str())
}
