//! The report on a fleet as a person reads it in the job's log.

use super::headline::{not_looked_at, result, result_of};
use super::problems::{FirstProblem, Problems};
use super::{FleetReport, RepositoryReport, RepositoryState, annotations};
use crate::diagnostic::Severity;
use crate::event::Mode;
use crate::report::causes::position;
use crate::report::console::{OPEN_LINES, outcome_colour, verb, write_first_problems};
use crate::report::entities::{self, Colour};
use crate::report::log::{Log, visible};
use crate::report::markdown::capitalised;
use crate::report::{EntityReport, EntityState, Report};
use crate::text::counted;

/// Names are aligned up to this width.
const NAME_WIDTH: usize = 60;
/// A line says so much of a problem, in characters.
const PROBLEM_WIDTH: usize = 160;
/// How many diagnostics of one repository are shown with their source, and how many of all.
const SHOWN_OF_ONE: usize = 50;
const SHOWN_OF_ALL: usize = 500;
/// So many entities of one repository have a line.
const ENTITIES: usize = 100;

/// Writes a line for each repository, then what there is to say of each, and then what is wrong with any: people look
/// at a log's end.
pub(in crate::report) fn write(report: &FleetReport, log: &Log) {
    let problems = Problems::of(report);
    write_repositories(report, log);
    write_details(report, log);
    annotations::write(report, &problems, log);
    write_ending(report, &problems, log);
}

/// Writes a line for each repository that was looked at, failures first; those that nothing is wrong with are folded
/// where there are many. Of the others only their number is worth a line.
fn write_repositories(report: &FleetReport, log: &Log) {
    let sorted = report.sorted();
    let listed = sorted.iter().filter(|one| is_listed(one));
    let listed: Vec<_> = listed.copied().collect();
    let names = listed.iter().map(|one| one.name.to_string().len());
    let width = names.max().unwrap_or(0).min(NAME_WIDTH);
    let is_of_a_kind = |one: &&RepositoryReport, other: &&RepositoryReport| {
        let kind = |one: &RepositoryReport| one.severity().is_none().then(|| one.state());
        kind(one) == kind(other)
    };
    for kind in listed.chunk_by(is_of_a_kind) {
        let write = || kind.iter().for_each(|one| log.rendered(&line(one, width)));
        match kind {
            [first, ..] if first.severity().is_none() && listed.len() > OPEN_LINES => {
                let count = counted(kind.len(), "repository", "repositories");
                let state = match (report.mode, first.state()) {
                    (Mode::Plan, RepositoryState::Changed) => "to change",
                    (_, state) => state.words(),
                };
                log.group(&format!("{count} {state}"), write);
            }
            _ => write(),
        }
    }
    for sentence in not_looked_at(report) {
        log.line(capitalised(&sentence));
    }
    log.line("");
}

/// Whether a repository has a line of its own.
pub(super) fn is_listed(repository: &RepositoryReport) -> bool {
    let state = repository.state();
    !matches!(state, RepositoryState::UpToDate | RepositoryState::Left)
}

fn line(repository: &RepositoryReport, width: usize) -> String {
    let report = repository.report();
    let commit = report.map_or("", |report| report.run.head.short());
    let name = repository.name.to_string();
    let problem = repository.first_problem().map(|problem| {
        let problem = match problem {
            FirstProblem::Reason(reason) => reason.to_owned(),
            FirstProblem::Cause(cause, _) => {
                format!("{}: {}", position(cause.first), cause.message())
            }
        };
        Colour::Dim.paint(&format!(" · {}", visible(&one_line(&problem))))
    });
    format!(
        "{} {name:width$}  {commit:7}  {}{}",
        sign(repository),
        result_of(repository),
        problem.unwrap_or_default()
    )
}

fn sign(repository: &RepositoryReport) -> String {
    match (repository.severity(), repository.state()) {
        (Some(Severity::Error), _) => Colour::Red.paint("✗"),
        (Some(_), _) => Colour::Yellow.paint("⚠"),
        (None, RepositoryState::Changed) => Colour::Green.paint("✓"),
        (None, _) => " ".to_owned(),
    }
}

/// The first line of a text, shortened.
fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(PROBLEM_WIDTH).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Writes a group for each repository that there is more to say of than fits into a line.
fn write_details(report: &FleetReport, log: &Log) {
    let mut left = SHOWN_OF_ALL;
    for repository in report.sorted() {
        let Some(report) = repository.report().filter(|one| has_details(one)) else {
            continue;
        };
        let title = format!("{}: {}", repository.name, result_of(repository));
        left -= log.group(&title, || write_report(report, SHOWN_OF_ONE.min(left), log));
    }
}

fn has_details(report: &Report) -> bool {
    let is_news = |one: &EntityReport| one.state != EntityState::Unchanged;
    let has_remarks = !report.warnings.is_empty() || !report.notices.is_empty();
    has_remarks || !report.diagnostics.is_empty() || report.entities.iter().any(is_news)
}

/// Writes what a plain run would, with at most `shown` diagnostics. Gives how many there were.
fn write_report(report: &Report, shown: usize, log: &Log) -> usize {
    let news = report.entities.iter();
    let news: Vec<_> = news
        .filter(|one| one.state != EntityState::Unchanged)
        .collect();
    let listed = &news[..news.len().min(ENTITIES)];
    entities::write(listed, report.run.mode, log);
    if news.len() > listed.len() {
        log.line(format!("… and {} more entities", news.len() - listed.len()));
    }
    for warning in &report.warnings {
        log.line(format!("warning: {warning}"));
    }
    for notice in &report.notices {
        log.line(notice);
    }
    if !report.diagnostics.is_empty() {
        log.line("");
    }
    write_first_problems(report, shown, log)
}

/// Writes the last line: the result, requests, time.
fn write_ending(report: &FleetReport, problems: &Problems<'_>, log: &Log) {
    let unchanged = report.counts().get(&EntityState::Unchanged).copied();
    let unchanged = unchanged.map_or(String::new(), |count| format!(", {count} unchanged"));
    let verb = verb(report.mode);
    let repositories = counted(report.repositories.len(), "repository", "repositories");
    let result = format!(
        "{verb} of {repositories}: {}{unchanged}",
        result(report, problems)
    );
    log.rendered(&format!(
        "{} · {}",
        outcome_colour(report.outcome()).paint(&result),
        report.cost.words()
    ));
}
