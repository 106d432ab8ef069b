//! What a run over many repositories found and did → its report.

use std::collections::BTreeSet;
use std::time::Instant;

use super::assemble;
use crate::git::RepoName;
use crate::report::fleet::{EntityFiles, FleetReport, RepositoryOutcome, RepositoryReport};
use crate::report::{Ending, Report, Since};
use crate::run::error::Error;
use crate::run::fleet::{Fleet, SkipReason, SkippedRepository};
use crate::run::round::Round;
use crate::run::session::Session;
use crate::run::source::Source;

/// What a plan is worth that is made without Port: without the states, every run is a first run.
const OFFLINE: &str =
    "made without access to Port: all entities are shown as new, and Port may still reject them";

/// Puts the report together. `notice` is what else there is to say.
pub(crate) fn assemble_fleet(
    session: &Session<'_>,
    fleet: Fleet<'_>,
    sources: Vec<Source<'_>>,
    notice: Option<String>,
    started: Instant,
) -> FleetReport {
    let setup = session.setup;
    let ending = ending(&fleet, &sources);
    let offline = session.port.is_none().then(|| OFFLINE.to_owned());
    let mut warnings = fleet.warnings.clone();
    warnings.extend(unmatched(&fleet, &sources));
    let mut repositories = Vec::new();
    let skipped = fleet.skipped.clone();
    for mut source in sources {
        source.warnings.clear();
        let name = source.origin.name.clone();
        let entity_files = entity_files(&source);
        let is_older = source
            .origin
            .id
            .is_some_and(|id| fleet.has_failed_before(id));
        let outcome = match source.failure.take() {
            None => {
                let last = source.rounds.last();
                let end_of_budget = last.and_then(Round::end_of_budget).map(ToString::to_string);
                done(assemble(session, source, started), end_of_budget)
            }
            Some(error) => failed(&error, is_older),
        };
        repositories.push(RepositoryReport {
            name,
            outcome,
            entity_files,
        });
    }
    let others = fleet.others.iter().map(|other| RepositoryReport {
        name: other.name.clone(),
        outcome: outcome(&fleet, other),
        entity_files: EntityFiles::Some,
    });
    repositories.extend(others);
    FleetReport {
        mode: session.run.mode,
        home: setup.runner.repository.clone(),
        server_url: setup.runner.server_url.clone(),
        repositories,
        skipped,
        warnings,
        warnings_before: setup.warnings,
        notices: offline.into_iter().chain(notice).collect(),
        ending,
        cost: super::cost(session, started),
    }
}

fn entity_files(source: &Source<'_>) -> EntityFiles {
    let mut rounds = source.rounds.iter();
    match source.state.is_empty() && rounds.all(|round| round.declared.versions.is_empty()) {
        true => EntityFiles::None,
        false => EntityFiles::Some,
    }
}

/// How the run ended: what concerns a single repository is in that one's report.
fn ending(fleet: &Fleet<'_>, sources: &[Source<'_>]) -> Ending {
    let mut endings = sources.iter().filter_map(|source| source.ending.as_ref());
    if endings.any(|ending| *ending == Ending::Interrupted) {
        return Ending::Interrupted;
    }
    // The plans are carried out together, so what stops one stops them all.
    let mut stopped = sources
        .iter()
        .map(|source| super::ending(&source.rounds))
        .filter(|ending| *ending != Ending::Complete);
    match stopped.next() {
        Some(stopped) => stopped,
        None => match nothing_was_possible(fleet, sources) {
            Some(reason) => Ending::Stopped(reason),
            None => Ending::Complete,
        },
    }
}

/// Why nothing could be done about any repository, if so.
fn nothing_was_possible(fleet: &Fleet<'_>, sources: &[Source<'_>]) -> Option<String> {
    let of_others = fleet.others.iter().map(|other| match &other.reason {
        SkipReason::UpToDate { .. } | SkipReason::DeclaresNothing(_) | SkipReason::Left(_) => None,
        SkipReason::Unreadable(reason) => Some(reason.clone()),
    });
    let of_sources = sources.iter().map(|source| {
        let failure = source.failure.as_ref();
        let failure = failure.filter(|error| !error.is_left_to_next_run());
        failure.map(ToString::to_string)
    });
    let reasons: Option<Vec<_>> = of_others.chain(of_sources).collect();
    let first = reasons?.into_iter().next()?;
    Some(format!(
        "nothing could be done about any repository: {first}"
    ))
}

fn outcome(fleet: &Fleet<'_>, other: &SkippedRepository) -> RepositoryOutcome {
    match &other.reason {
        SkipReason::UpToDate { .. } | SkipReason::DeclaresNothing(_) => RepositoryOutcome::UpToDate,
        SkipReason::Left(reason) => RepositoryOutcome::Left(reason.clone()),
        SkipReason::Unreadable(reason) => {
            let since = since(fleet.has_failed_before(other.id));
            RepositoryOutcome::Failed(reason.clone(), since)
        }
    }
}

/// What became of a repository that was looked at. With `end_of_budget`, only a part of it was written, or
/// nothing.
fn done(mut report: Report, end_of_budget: Option<String>) -> RepositoryOutcome {
    match end_of_budget {
        Some(reason) if report.entities.is_empty() && report.diagnostics.is_empty() => {
            return RepositoryOutcome::Left(reason);
        }
        Some(reason) => report.notices.push(format!(
            "some of its entities are left for the next run: {reason}"
        )),
        None => {}
    }
    RepositoryOutcome::Done(Box::new(report))
}

fn failed(error: &Error, is_older: bool) -> RepositoryOutcome {
    match error.is_left_to_next_run() {
        true => RepositoryOutcome::Left(error.to_string()),
        false => RepositoryOutcome::Failed(error.to_string(), since(is_older)),
    }
}

fn since(is_older: bool) -> Since {
    match is_older {
        true => Since::Before,
        false => Since::ThisRun,
    }
}

/// Lines of the input `files` that match no file in any repository, where all files of all were listed.
fn unmatched(fleet: &Fleet<'_>, sources: &[Source<'_>]) -> Vec<String> {
    let is_listed = |source: &Source<'_>| source.rounds.iter().any(|round| round.is_listed);
    if !fleet.others.is_empty() || !sources.iter().all(is_listed) {
        return Vec::new();
    }
    // What may help differs from one repository to another.
    let line = |warning: &str| warning.split("; ").next().unwrap_or_default().to_owned();
    let mut of_each = sources.iter().map(|source| -> BTreeSet<String> {
        source
            .warnings
            .iter()
            .map(|warning| line(warning))
            .collect()
    });
    let first = of_each.next().unwrap_or_default();
    let in_all = of_each.fold(first, |all, one| all.intersection(&one).cloned().collect());
    in_all
        .into_iter()
        .map(|warning| format!("{warning} in any repository"))
        .collect()
}

/// The repositories that have problems, a line of Markdown each: without values.
pub(crate) fn fleet_problems(
    session: &Session<'_>,
    fleet: &Fleet<'_>,
    sources: &[Source<'_>],
) -> Vec<String> {
    let server = &session.setup.runner.server_url;
    let line = |name: &RepoName, what: &str| format!("[{name}]({server}/{name}): {what}");
    let of_sources = sources.iter().filter_map(|source| {
        let name = &source.origin.name;
        if let Some(error) = &source.failure {
            return Some(line(name, &error.to_string()));
        }
        let count = super::problems(&source.rounds).len();
        (count > 0).then(|| line(name, &crate::text::counted(count, "problem", "problems")))
    });
    let of_others = fleet.others.iter().filter_map(|other| match &other.reason {
        SkipReason::UpToDate { .. } | SkipReason::DeclaresNothing(_) => None,
        SkipReason::Unreadable(reason) | SkipReason::Left(reason) => {
            Some(line(&other.name, reason))
        }
    });
    of_sources.chain(of_others).collect()
}
