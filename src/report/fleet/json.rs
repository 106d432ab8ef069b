//! The report on a fleet as data.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{ExclusionReason, FleetReport, RepositoryReport, RepositoryState};
use crate::diagnostic::Severity;
use crate::report::json::{self, ReportDetail};
use crate::report::{Cost, Counts, Drift, Outcome};

/// How much a document holds.
#[derive(Debug, Clone, Copy)]
enum FleetReportDetail {
    /// All repositories.
    All(ReportDetail),
    /// Those that something is wrong with or that changed, with counts.
    News,
    /// The same, without their reports.
    Reasons,
    /// No repositories.
    Counts,
}

/// Writes the whole report, for people to read too.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &FleetReport, mut out: impl Write) -> io::Result<()> {
    let document = document(report, FleetReportDetail::All(ReportDetail::Changes));
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)
}

/// The report in one line of at most `max_bytes`. Where it would be longer, first the reports' lists are left out,
/// then the repositories that there is no news of, then the reports, and then all repositories.
pub fn compact(report: &FleetReport, max_bytes: usize) -> String {
    let entities = report.reports().map(|one| one.entities.len()).sum();
    // Keys are texts and numbers finite, so this cannot fail.
    let text = |extent| serde_json::to_string(&document(report, extent)).unwrap_or_default();
    let details = ReportDetail::LESS_AND_LESS
        .into_iter()
        .chain([ReportDetail::Counts]);
    details
        .filter(|detail| !detail.is_too_much(entities, max_bytes))
        .map(FleetReportDetail::All)
        .chain([FleetReportDetail::News, FleetReportDetail::Reasons])
        .map(text)
        .find(|text| text.len() <= max_bytes)
        .unwrap_or_else(|| text(FleetReportDetail::Counts))
}

/// What the report looks like.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FleetReportJson<'r> {
    version: u32,
    mode: &'static str,
    home: String,
    outcome: Outcome,
    stopped: Option<&'r str>,
    drift: Option<bool>,
    counts: Counts,
    repository_counts: BTreeMap<RepositoryState, usize>,
    repositories: Option<Vec<RepositoryJson<'r>>>,
    skipped: &'r BTreeMap<ExclusionReason, usize>,
    notices: Vec<&'r str>,
    cost: Cost,
}

#[derive(Serialize)]
struct RepositoryJson<'r> {
    repository: String,
    state: RepositoryState,
    severity: Option<&'static str>,
    reason: Option<&'r str>,
    report: Option<json::ReportJson<'r>>,
}

fn document(report: &FleetReport, extent: FleetReportDetail) -> FleetReportJson<'_> {
    let notices = report.warnings.iter().chain(&report.notices);
    FleetReportJson {
        version: json::VERSION,
        mode: report.mode.as_str(),
        home: report.home.to_string(),
        outcome: report.outcome(),
        stopped: report.stopped(),
        drift: report.drift().map(|drift| drift == Drift::Found),
        counts: report.counts(),
        repository_counts: report.repository_counts(),
        repositories: repositories(report, extent),
        skipped: &report.skipped,
        notices: notices.map(String::as_str).collect(),
        cost: report.cost,
    }
}

fn repositories(
    report: &FleetReport,
    extent: FleetReportDetail,
) -> Option<Vec<RepositoryJson<'_>>> {
    let (detail, is_short) = match extent {
        FleetReportDetail::All(detail) => (Some(detail), false),
        FleetReportDetail::News => (Some(ReportDetail::Counts), true),
        FleetReportDetail::Reasons => (None, true),
        FleetReportDetail::Counts => return None,
    };
    let sorted = report.sorted().into_iter();
    let listed = sorted.filter(|one| !is_short || is_news(one));
    Some(listed.map(|one| repository(one, detail)).collect())
}

/// Whether something is wrong or was written.
fn is_news(repository: &RepositoryReport) -> bool {
    repository.severity().is_some() || repository.state() == RepositoryState::Changed
}

fn repository(repository: &RepositoryReport, detail: Option<ReportDetail>) -> RepositoryJson<'_> {
    let report = repository.report().zip(detail);
    RepositoryJson {
        repository: repository.name.to_string(),
        state: repository.state(),
        severity: repository.severity().map(Severity::as_str),
        reason: repository.reason(),
        // Requests serve many repositories at once.
        report: report.map(|(report, detail)| json::document(report, detail, None)),
    }
}
