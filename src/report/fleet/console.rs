//! The report on a fleet as a person reads it in the job's log.

use super::FleetReport;
use crate::report::log::Log;

/// Writes a line for each repository that there is a reason to name.
pub(in crate::report) fn write_repositories(report: &FleetReport, log: &Log) {
    for repository in report.sorted() {
        if let Some(reason) = repository.reason() {
            log.line(format!("{}: {reason}", repository.name));
        }
    }
}

/// Writes the last line: requests, time.
pub(in crate::report) fn write_ending(report: &FleetReport, log: &Log) {
    log.line(report.cost.words());
}
