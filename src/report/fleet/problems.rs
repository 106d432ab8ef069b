//! What is wrong in a fleet: what several repositories share is said once.

use std::collections::BTreeMap;

use super::{FleetReport, RepositoryOutcome, RepositoryReport};
use crate::diagnostic::{Diagnostic, Severity};
use crate::git::RepoName;
use crate::report::causes::{Cause, by_cause};
use crate::report::headline::ProblemCount;
use crate::report::{Report, Since};

/// So many repositories are named where several share something.
const NAMED: usize = 3;

/// A diagnostic, and the report of the repository that it is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportedDiagnostic<'r> {
    pub(super) diagnostic: &'r Diagnostic,
    pub(super) report: &'r Report,
}

impl<'r> From<ReportedDiagnostic<'r>> for &'r Diagnostic {
    fn from(reported: ReportedDiagnostic<'r>) -> Self {
        reported.diagnostic
    }
}

/// What is wrong with repositories as a whole. There is at least one.
#[derive(Debug)]
pub(super) struct Remark<'r> {
    pub(super) severity: Severity,
    /// A sentence without a full stop.
    pub(super) text: &'r str,
    pub(super) repositories: Vec<&'r RepoName>,
}

/// The first thing that is wrong with a repository.
pub(super) enum FirstProblem<'r> {
    /// With the repository as a whole: a sentence without a full stop.
    Reason(&'r str),
    /// With its files.
    Cause(Cause<&'r Diagnostic>, &'r Report),
}

impl<'r> Cause<ReportedDiagnostic<'r>> {
    /// The repositories that have it, each once.
    pub(super) fn repositories(&self) -> Vec<&'r RepoName> {
        let mut names: Vec<_> = self.all().map(|one| &one.report.run.repository).collect();
        names.dedup();
        names
    }
}

/// `octo/a, octo/b and 7 more`.
pub(super) fn named(repositories: &[&RepoName]) -> String {
    let names = repositories.iter().take(NAMED).map(ToString::to_string);
    let names = names.collect::<Vec<_>>().join(", ");
    match repositories.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

impl RepositoryReport {
    /// The first thing that is wrong, the gravest first.
    pub(super) fn first_problem(&self) -> Option<FirstProblem<'_>> {
        if let Some(reason) = self.reason() {
            return Some(FirstProblem::Reason(reason));
        }
        let report = self.report()?;
        let mut causes = [Severity::Error, Severity::Warning]
            .into_iter()
            .flat_map(|severity| by_cause(report.diagnostics_of(severity)));
        match causes.next() {
            Some(cause) => Some(FirstProblem::Cause(cause, report)),
            None => report.warnings.first().map(|one| FirstProblem::Reason(one)),
        }
    }

    /// What is wrong with it as a whole.
    fn remarks(&self) -> Vec<(Severity, &str)> {
        match &self.outcome {
            RepositoryOutcome::Failed(reason, Since::ThisRun) => vec![(Severity::Error, reason)],
            RepositoryOutcome::Failed(reason, Since::Before) => vec![(Severity::Warning, reason)],
            RepositoryOutcome::Done(report) => {
                let reason = self.reason().map(|reason| (Severity::Error, reason));
                let warnings = report.warnings.iter();
                let warnings = warnings.map(|one| (Severity::Warning, one.as_str()));
                reason.into_iter().chain(warnings).collect()
            }
            RepositoryOutcome::UpToDate | RepositoryOutcome::Left(_) => Vec::new(),
        }
    }
}

/// What is wrong in all repositories of a report.
pub(super) struct Problems<'r> {
    remarks: Vec<Remark<'r>>,
    causes: Vec<Cause<ReportedDiagnostic<'r>>>,
}

impl<'r> Problems<'r> {
    /// Finds them. Of what stopped the whole run each repository need not say that it stopped there too.
    pub(super) fn of(report: &'r FleetReport) -> Self {
        let repositories = report.sorted();
        let mut remarks = BTreeMap::new();
        for repository in &repositories {
            let is_own = |(_, text): &(Severity, &str)| Some(*text) != report.stopped();
            for remark in repository.remarks().into_iter().filter(is_own) {
                let names: &mut Vec<_> = remarks.entry(remark).or_default();
                names.push(&repository.name);
            }
        }
        let remarks = remarks.into_iter();
        let remarks = remarks.map(|((severity, text), repositories)| Remark {
            severity,
            text,
            repositories,
        });
        let reports = || repositories.iter().filter_map(|one| one.report());
        let of_severity = |severity| {
            by_cause(reports().flat_map(move |report| {
                let diagnostics = report.diagnostics_of(severity);
                diagnostics.map(move |diagnostic| ReportedDiagnostic { diagnostic, report })
            }))
        };
        Self {
            remarks: remarks.collect(),
            causes: Severity::ALL.into_iter().flat_map(of_severity).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.remarks.is_empty() && self.causes.is_empty()
    }

    /// How many there are of a severity.
    pub(super) fn count(&self, severity: Severity) -> ProblemCount {
        let repositories = self.remarks(severity).map(|one| one.repositories.len());
        let places = self.causes(severity).map(|one| one.others.len() + 1);
        ProblemCount {
            causes: self.remarks(severity).count() + self.causes(severity).count(),
            places: repositories.chain(places).sum(),
        }
    }

    /// Those with repositories as a whole, of a severity.
    pub(super) fn remarks(&self, severity: Severity) -> impl Iterator<Item = &Remark<'r>> {
        let remarks = self.remarks.iter();
        remarks.filter(move |one| one.severity == severity)
    }

    /// Those with files, of a severity.
    pub(super) fn causes(
        &self,
        severity: Severity,
    ) -> impl Iterator<Item = &Cause<ReportedDiagnostic<'r>>> {
        let causes = self.causes.iter();
        causes.filter(move |cause| cause.first.diagnostic.severity() == severity)
    }
}
