//! What a run over many repositories did, and the ways to report it. Each repository that was looked at has a
//! [`Report`] of its own, just as after a plain run.

mod annotations;
pub(super) mod console;
mod headline;
pub mod json;
mod problems;
pub mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Cost, Counts, Drift, Ending, EntityState, Outcome, Report, Since};
use crate::diagnostic::Severity;
use crate::event::Mode;
use crate::git::RepoName;
pub use crate::github::ExclusionReason;

/// Everything that there is to report about a run over many repositories.
#[derive(Debug)]
pub struct FleetReport {
    /// Whether it wrote.
    pub mode: Mode,
    /// The repository whose workflow it is.
    pub home: RepoName,
    /// GitHub's website, without a `/` at its end.
    pub server_url: String,
    /// What became of each repository, in any order.
    pub repositories: Vec<RepositoryReport>,
    /// How many of the repositories that the inputs select are never looked at, and why.
    pub skipped: BTreeMap<ExclusionReason, usize>,
    /// What is wrong with the inputs: sentences without a full stop.
    pub warnings: Vec<String>,
    /// How many warnings the step showed before.
    pub warnings_before: usize,
    /// What else the user should know: sentences without a full stop.
    pub notices: Vec<String>,
    /// How the run ended. A repository that ended otherwise says so in its own report.
    pub ending: Ending,
    /// What the whole run cost.
    pub cost: Cost,
}

/// What became of one repository.
#[derive(Debug)]
pub struct RepositoryReport {
    /// Which one.
    pub name: RepoName,
    /// What became of it.
    pub outcome: RepositoryOutcome,
    /// Whether it declares anything.
    pub entity_files: EntityFiles,
}

/// Whether a repository has files that the inputs select.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntityFiles {
    /// It has, or had, or was not looked at.
    Some,
    /// It has none.
    None,
}

/// What became of a repository.
#[derive(Debug)]
pub enum RepositoryOutcome {
    /// Its head is what was applied last, so it was not looked at.
    UpToDate,
    /// It was looked at. What the run cost is not known of a single repository, so the report's cost is not shown.
    Done(Box<Report>),
    /// It could not be read or saved, or is gone: why, a sentence without a full stop. [`Since::Before`] is for what
    /// an earlier run met too.
    Failed(String, Since),
    /// The run did not come to it: why, a sentence without a full stop. The next run takes it up.
    Left(String),
}

/// A [`RepositoryOutcome`] in one word, in the order in which repositories of the same severity are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryState {
    /// It could not be read or saved, or is gone.
    Failed,
    /// Something that it declares is not in Port, or something that it no longer declares is.
    Incomplete,
    /// Something was written or deleted.
    Changed,
    /// It was looked at, and nothing had to be written.
    Unchanged,
    /// It was not looked at, since nothing has changed.
    UpToDate,
    /// The next run takes it up.
    Left,
}

impl RepositoryState {
    /// The words for it.
    fn words(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Incomplete => "incomplete",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::UpToDate => "up to date",
            Self::Left => "left for the next run",
        }
    }
}

impl RepositoryReport {
    /// The word for what became of it.
    pub fn state(&self) -> RepositoryState {
        match &self.outcome {
            RepositoryOutcome::Failed(..) => RepositoryState::Failed,
            RepositoryOutcome::Left(_) => RepositoryState::Left,
            RepositoryOutcome::UpToDate => RepositoryState::UpToDate,
            RepositoryOutcome::Done(report) => state(report),
        }
    }

    /// How much it matters what became of it: the run fails for an error. `None` if all is well, as it is with a
    /// repository that is left for the next run.
    ///
    /// A repository that cannot be read concerns only itself, and nobody else notices: the first run that finds it
    /// fails, and later ones warn.
    pub fn severity(&self) -> Option<Severity> {
        match &self.outcome {
            RepositoryOutcome::Failed(_, Since::ThisRun) => Some(Severity::Error),
            RepositoryOutcome::Failed(_, Since::Before) => Some(Severity::Warning),
            RepositoryOutcome::Done(report) => severity(report),
            RepositoryOutcome::UpToDate | RepositoryOutcome::Left(_) => None,
        }
    }

    /// Its report, if it was looked at.
    pub fn report(&self) -> Option<&Report> {
        match &self.outcome {
            RepositoryOutcome::Done(report) => Some(report),
            RepositoryOutcome::UpToDate
            | RepositoryOutcome::Failed(..)
            | RepositoryOutcome::Left(_) => None,
        }
    }

    /// Why it is as it is, where its report does not say it: a sentence without a full stop.
    pub fn reason(&self) -> Option<&str> {
        match &self.outcome {
            RepositoryOutcome::Failed(reason, _) | RepositoryOutcome::Left(reason) => Some(reason),
            RepositoryOutcome::Done(report) => match &report.ending {
                Ending::Stopped(reason) => Some(reason),
                Ending::Complete | Ending::Interrupted => None,
            },
            RepositoryOutcome::UpToDate => None,
        }
    }
}

fn state(report: &Report) -> RepositoryState {
    let states: Vec<_> = report.counts().into_keys().collect();
    let is_complete = report.ending == Ending::Complete;
    match () {
        () if !is_complete || states.iter().any(|state| state.is_unfinished()) => {
            RepositoryState::Incomplete
        }
        () if states
            .iter()
            .any(|state| EntityState::CHANGES.contains(state)) =>
        {
            RepositoryState::Changed
        }
        () => RepositoryState::Unchanged,
    }
}

/// Notices are no problem.
fn severity(report: &Report) -> Option<Severity> {
    let mode = report.run.mode;
    let of_entities = report.entities.iter().filter_map(|one| one.severity(mode));
    let of_diagnostics = report.diagnostics.iter().map(|one| one.severity());
    let mut all = of_entities.chain(of_diagnostics);
    match report.outcome() {
        Outcome::Failure => Some(Severity::Error),
        Outcome::Success | Outcome::Cancelled => {
            let is_warned = !report.warnings.is_empty() || all.any(|one| one != Severity::Notice);
            is_warned.then_some(Severity::Warning)
        }
    }
}

impl FleetReport {
    /// The word for how the run went. It fails for problems that it is the first to find: of entities, as each
    /// report says, and of repositories ([`RepositoryReport::severity`]).
    pub fn outcome(&self) -> Outcome {
        let is_error = |one: &RepositoryReport| one.severity() == Some(Severity::Error);
        match self.ending {
            Ending::Interrupted => Outcome::Cancelled,
            Ending::Stopped(_) => Outcome::Failure,
            Ending::Complete if self.repositories.iter().any(is_error) => Outcome::Failure,
            Ending::Complete => Outcome::Success,
        }
    }

    /// How many entities of all repositories are in each state.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for (state, count) in self.reports().flat_map(Report::counts) {
            *counts.entry(state).or_default() += count;
        }
        counts
    }

    /// Whether Port differed from what any of the repositories declares, where all their files were looked at.
    pub fn drift(&self) -> Option<Drift> {
        let drifts: Vec<_> = self.reports().filter_map(|report| report.drift).collect();
        match drifts.contains(&Drift::Found) {
            true => Some(Drift::Found),
            false => drifts.first().copied(),
        }
    }

    /// How many repositories are in each state. Those that are skipped are in none.
    pub fn repository_counts(&self) -> BTreeMap<RepositoryState, usize> {
        let mut counts = BTreeMap::new();
        for repository in &self.repositories {
            *counts.entry(repository.state()).or_default() += 1;
        }
        counts
    }

    /// Why the whole run could not go on.
    fn stopped(&self) -> Option<&str> {
        match &self.ending {
            Ending::Stopped(reason) => Some(reason),
            Ending::Complete | Ending::Interrupted => None,
        }
    }

    /// The reports of the repositories that were looked at.
    fn reports(&self) -> impl Iterator<Item = &Report> {
        self.repositories
            .iter()
            .filter_map(RepositoryReport::report)
    }

    /// The repositories: failures first, then warnings, then changes, then the others, each by name.
    fn sorted(&self) -> Vec<&RepositoryReport> {
        let mut sorted: Vec<_> = self.repositories.iter().collect();
        sorted.sort_by_cached_key(|one| {
            let severity = one.severity();
            (
                severity.is_none(),
                severity,
                one.state(),
                one.name.to_string(),
            )
        });
        sorted
    }
}
