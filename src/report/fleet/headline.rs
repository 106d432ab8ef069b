//! The result of a fleet's run in a few words, and what follows from it.

use std::collections::BTreeMap;

use super::problems::{Problems, named};
use super::{
    EntityFiles, ExclusionReason, FleetReport, RepositoryOutcome, RepositoryReport, RepositoryState,
};
use crate::diagnostic::Severity;
use crate::event::Mode;
use crate::report::headline::{after, parts_of, result as result_of_report};
use crate::report::{Drift, EntityState, Report};
use crate::text::counted;

/// `1 to create, 1 problem to fix, 12 repositories left for the next run`.
pub(super) fn result(report: &FleetReport, problems: &Problems<'_>) -> String {
    let count = |severity| problems.count(severity);
    let mut parts = parts_of(&report.counts(), count, report.mode);
    if let Some(left) = report.repository_counts().get(&RepositoryState::Left) {
        let left = counted(*left, "repository", "repositories");
        parts.push(format!("{left} left for the next run"));
    }
    let result = match parts.is_empty() {
        true => "no changes".to_owned(),
        false => parts.join(", "),
    };
    after(&report.ending, result)
}

/// The result of one repository.
pub(super) fn result_of(repository: &RepositoryReport) -> String {
    match &repository.outcome {
        RepositoryOutcome::Done(report)
            if repository.entity_files == EntityFiles::None && report.entities.is_empty() =>
        {
            after(&report.ending, "no entity files".to_owned())
        }
        RepositoryOutcome::Done(report) => result_of_report(report),
        RepositoryOutcome::UpToDate
        | RepositoryOutcome::Failed(..)
        | RepositoryOutcome::Left(_) => repository.state().words().to_owned(),
    }
}

/// The first line of the summary.
pub(super) fn heading(report: &FleetReport, problems: &Problems<'_>) -> String {
    let result = result(report, problems);
    match (report.mode, drifted(report)) {
        (Mode::Plan, 1..) => format!("Port differs from Git {}: {result}", within(report)),
        _ => {
            let count = counted(report.repositories.len(), "repository", "repositories");
            format!("Port catalog of {count}: {result}")
        }
    }
}

/// A sentence without a full stop about drift, where all files were looked at.
pub(super) fn drift(report: &FleetReport) -> Option<String> {
    Some(match (report.drift()?, report.mode) {
        (Drift::Found, Mode::Plan) => format!("Port differs from Git {}", within(report)),
        (Drift::Found, Mode::Apply) => format!("Port differed from Git {}", within(report)),
        (Drift::None, _) => "Port matches Git".to_owned(),
    })
}

/// The same where Port differed: that is worth a notice.
pub(super) fn drift_found(report: &FleetReport) -> Option<String> {
    drift(report).filter(|_| report.drift() == Some(Drift::Found))
}

/// `in 3 repositories`.
fn within(report: &FleetReport) -> String {
    let count = counted(drifted(report), "repository", "repositories");
    format!("in {count}")
}

fn drifted(report: &FleetReport) -> usize {
    let has_drift = |one: &&Report| one.drift == Some(Drift::Found);
    report.reports().filter(has_drift).count()
}

/// Sentences in Markdown on what the result means and what happens next.
pub(super) fn meaning(report: &FleetReport, problems: &Problems<'_>) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(drift) = drift(report) {
        sentences.push(format!("{drift}."));
    }
    let next = match report.mode {
        Mode::Plan => Some("This is a plan: nothing was written."),
        Mode::Apply => next_step(report, problems),
    };
    sentences.extend(next.map(str::to_owned));
    sentences
}

/// What to do about what was not written.
fn next_step(report: &FleetReport, problems: &Problems<'_>) -> Option<&'static str> {
    // What the run did not come to needs no help.
    let is_wrong = |state: &EntityState| {
        state.is_unfinished() && !matches!(state, EntityState::NotWritten | EntityState::Unknown)
    };
    let counts = report.repository_counts();
    if problems.count(Severity::Error).causes > 0 || report.counts().keys().any(is_wrong) {
        return Some("Fix what is listed below; the next run applies the rest.");
    }
    let is_incomplete = [RepositoryState::Incomplete, RepositoryState::Left]
        .iter()
        .any(|state| counts.contains_key(state));
    is_incomplete.then_some("The next run applies the rest.")
}

/// What there is to say of repositories that were not looked at: sentences without a full stop. Those that are left
/// come first, by reason.
pub(super) fn not_looked_at(report: &FleetReport) -> Vec<String> {
    let mut left: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for repository in report.sorted() {
        if let RepositoryOutcome::Left(reason) = &repository.outcome {
            left.entry(reason).or_default().push(&repository.name);
        }
    }
    let left = left.into_iter().map(|(reason, names)| {
        let count = counted(names.len(), "repository is", "repositories are");
        format!(
            "{count} left for the next run: {reason} ({})",
            named(&names)
        )
    });
    let mut others = Vec::new();
    if let Some(count) = report.repository_counts().get(&RepositoryState::UpToDate) {
        let count = counted(*count, "repository is", "repositories are");
        others.push(format!("{count} up to date"));
    }
    if !report.skipped.is_empty() {
        let skipped = report.skipped.iter();
        let skipped = skipped.map(|(reason, count)| reason.words(*count));
        let skipped = skipped.collect::<Vec<_>>().join(", ");
        others.push(format!("skipped: {skipped}"));
    }
    let others = (!others.is_empty()).then(|| others.join("; "));
    left.chain(others).collect()
}

impl ExclusionReason {
    fn words(self, count: usize) -> String {
        match self {
            Self::Archived => format!("{count} archived"),
            Self::Disabled => format!("{count} disabled"),
            Self::Empty => format!("{count} empty"),
            Self::Fork => counted(count, "fork", "forks"),
        }
    }
}
