//! The report as data.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::redact::{Shown, ShownDifference};
use super::{Cost, Counts, Drift, Ending, EntityReport, EntityState, Outcome, Report};
use crate::catalog::difference::Field;
use crate::catalog::entity::EntityName;
use crate::diagnostic::Diagnostic;
use crate::git::BranchName;
use crate::text::Location;

/// Grows when a field goes or changes its meaning: `docs/report.md` is its documentation.
pub(super) const VERSION: u32 = 1;

/// How much of its lists a report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportDetail {
    /// All of it.
    Changes,
    /// Entities, but not what changes in them.
    Entities,
    /// Diagnostics, but no entities.
    Diagnostics,
    /// Counts alone.
    Counts,
}

impl ReportDetail {
    pub(super) const LESS_AND_LESS: [Self; 3] = [Self::Changes, Self::Entities, Self::Diagnostics];

    /// Whether a report cannot but be longer: each entity takes more than this. What would not fit is
    /// not made to find that out.
    pub(super) fn is_too_much(self, entities: usize, max_bytes: usize) -> bool {
        const BYTES_AN_ENTITY: usize = 100;
        let has_entities = matches!(self, Self::Changes | Self::Entities);
        has_entities && entities * BYTES_AN_ENTITY > max_bytes
    }
}

/// Writes the whole report, for people to read too.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &Report, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(
        &mut out,
        &document(report, ReportDetail::Changes, Some(report.cost)),
    )?;
    writeln!(out)
}

/// The report in one line of at most `max_bytes`; its lists are left out where they do not fit.
pub fn compact(report: &Report, max_bytes: usize) -> String {
    // Keys are texts and numbers finite, so this cannot fail.
    let text = |detail| {
        serde_json::to_string(&document(report, detail, Some(report.cost))).unwrap_or_default()
    };
    ReportDetail::LESS_AND_LESS
        .into_iter()
        .filter(|detail| !detail.is_too_much(report.entities.len(), max_bytes))
        .map(text)
        .find(|text| text.len() <= max_bytes)
        .unwrap_or_else(|| text(ReportDetail::Counts))
}

/// What the report looks like. It borrows what it is made of: of thousands of entities a copy would
/// take more memory than all the rest of a run.
#[derive(Serialize)]
pub(super) struct ReportJson<'r> {
    version: u32,
    mode: &'static str,
    repository: String,
    head: &'r str,
    branch: Option<&'r str>,
    outcome: Outcome,
    stopped: Option<&'r str>,
    drift: Option<bool>,
    counts: Counts,
    entities: Option<Vec<EntityJson<'r>>>,
    diagnostics: Option<Vec<Finding<'r>>>,
    notices: Vec<&'r str>,
    cost: Option<Cost>,
}

#[derive(Serialize)]
struct EntityJson<'r> {
    blueprint: Option<&'r str>,
    identifier: Option<&'r EntityName>,
    state: EntityState,
    note: Option<&'r str>,
    changes: Option<Vec<DifferenceJson<'r>>>,
    location: Option<LocationJson<'r>>,
}

#[derive(Serialize)]
struct DifferenceJson<'r> {
    #[serde(serialize_with = "as_text")]
    field: &'r Field,
    from: &'r Option<Shown>,
    to: &'r Option<Shown>,
}

/// A diagnostic, as the report holds it.
#[derive(Serialize)]
pub struct Finding<'r> {
    code: &'static str,
    severity: &'static str,
    message: &'r str,
    help: Option<&'r str>,
    location: LocationJson<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocationJson<'r> {
    path: &'r str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

fn as_text<S: Serializer>(field: &Field, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(field)
}

/// `cost` is what it cost, where that is known of this report alone.
pub(super) fn document(
    report: &Report,
    detail: ReportDetail,
    cost: Option<Cost>,
) -> ReportJson<'_> {
    let run = &report.run;
    let entities = || {
        report
            .entities
            .iter()
            .map(|one| EntityJson::of(one, detail))
    };
    let diagnostics = || report.diagnostics.iter().map(Finding::from);
    let notices = report.warnings.iter().chain(&report.notices);
    let (has_entities, has_diagnostics) = match detail {
        ReportDetail::Changes | ReportDetail::Entities => (true, true),
        ReportDetail::Diagnostics => (false, true),
        ReportDetail::Counts => (false, false),
    };
    ReportJson {
        version: VERSION,
        mode: run.mode.as_str(),
        repository: run.repository.to_string(),
        head: run.head.as_str(),
        branch: run.branch.as_ref().map(BranchName::as_str),
        outcome: report.outcome(),
        stopped: match &report.ending {
            Ending::Stopped(reason) => Some(reason),
            Ending::Complete | Ending::Interrupted => None,
        },
        drift: report.drift.map(|drift| drift == Drift::Found),
        counts: report.counts(),
        entities: has_entities.then(|| entities().collect()),
        diagnostics: has_diagnostics.then(|| diagnostics().collect()),
        notices: notices.map(String::as_str).collect(),
        cost,
    }
}

impl<'r> EntityJson<'r> {
    fn of(entity: &'r EntityReport, detail: ReportDetail) -> Self {
        let key = entity.key.as_ref();
        let changes = || entity.changes.iter().map(DifferenceJson::from).collect();
        Self {
            blueprint: key.map(|key| key.blueprint.as_str()),
            identifier: key.map(|key| &key.name),
            state: entity.state,
            note: entity.note.as_deref(),
            changes: (detail == ReportDetail::Changes).then(changes),
            location: entity.location.as_ref().map(LocationJson::from),
        }
    }
}

impl<'r> From<&'r ShownDifference> for DifferenceJson<'r> {
    fn from(ShownDifference { field, from, to }: &'r ShownDifference) -> Self {
        Self { field, from, to }
    }
}

impl<'r> From<&'r Diagnostic> for Finding<'r> {
    fn from(diagnostic: &'r Diagnostic) -> Self {
        Self {
            code: diagnostic.code.as_str(),
            severity: diagnostic.severity().as_str(),
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
            location: diagnostic.location().into(),
        }
    }
}

impl<'r> From<&'r Location> for LocationJson<'r> {
    fn from(location: &'r Location) -> Self {
        let (start, end) = (location.start(), location.end());
        Self {
            path: location.path().as_str(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
        }
    }
}
