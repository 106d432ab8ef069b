//! What is wrong in a fleet as annotations. They cannot point into other repositories, so each has a link to the line.

use std::collections::BTreeMap;

use super::problems::{Problems, Remark, ReportedDiagnostic, named};
use super::{FleetReport, headline};
use crate::diagnostic::{Code, Severity};
use crate::report::annotations::Annotations;
use crate::report::causes::{Cause, position};
use crate::report::log::Log;

/// Writes annotations, and what else the user should know. Warnings about inputs that have no annotation get a line.
pub(super) fn write(report: &FleetReport, problems: &Problems<'_>, log: &Log) {
    let drift = headline::drift_found(report);
    let count = |severity, others| problems.count(severity).causes + others;
    let annotations = Annotations::of_messages(
        [
            count(Severity::Error, usize::from(report.stopped().is_some())),
            count(Severity::Warning, report.warnings.len()),
            count(Severity::Notice, usize::from(drift.is_some())),
        ],
        log,
    );
    let mut annotations = annotations.after_warnings(report.warnings_before);
    for warning in &report.warnings {
        if !annotations.write_message(Severity::Warning, warning) {
            log.line(format!("warning: {warning}"));
        }
    }
    for notice in &report.notices {
        log.line(notice);
    }
    if let Some(drift) = drift {
        annotations.write_message(Severity::Notice, &drift);
    }
    if let Some(reason) = report.stopped() {
        annotations.write_message(Severity::Error, reason);
    }
    for severity in Severity::ALL {
        for Remark {
            repositories, text, ..
        } in problems.remarks(severity)
        {
            annotations.write_message(severity, &format!("{}: {text}", named(repositories)));
        }
        for cause in spread(problems.causes(severity)) {
            let ReportedDiagnostic { diagnostic, report } = cause.first;
            annotations.write_elsewhere(diagnostic, &text(cause), &report.run);
        }
    }
}

/// The first cause of each repository, then the second of each, and so on: one with very many mistakes must leave room
/// for the others. What only waits for another entity stays last.
fn spread<'p, 'r: 'p>(
    causes: impl Iterator<Item = &'p Cause<ReportedDiagnostic<'r>>>,
) -> Vec<&'p Cause<ReportedDiagnostic<'r>>> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut causes: Vec<_> = causes.collect();
    causes.sort_by_cached_key(|cause| {
        let ReportedDiagnostic { diagnostic, report } = cause.first;
        let count = counts.entry(report.run.repository.to_string()).or_default();
        *count += 1;
        (diagnostic.code == Code::Blocked, *count)
    });
    causes
}

/// What is wrong, in which repositories, and a link to the first line.
fn text(cause: &Cause<ReportedDiagnostic<'_>>) -> String {
    let ReportedDiagnostic { diagnostic, report } = cause.first;
    let (names, message) = (named(&cause.repositories()), cause.message());
    let location = position(diagnostic);
    match report.link_of(diagnostic) {
        Some(link) => format!("{names}: {message}\n{location} {link}"),
        None => format!("{names}: {message}\n{location}"),
    }
}
