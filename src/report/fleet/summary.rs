//! The report on a fleet as the job's summary page.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::headline::{heading, meaning, not_looked_at, result_of};
use super::problems::{FirstProblem, Problems, Remark, ReportedDiagnostic};
use super::{FleetReport, RepositoryReport, RepositoryState, console};
use crate::diagnostic::Severity;
use crate::git::RepoName;
use crate::report::causes::Cause;
use crate::report::console::OPEN_LINES;
use crate::report::markdown::{badge, capitalised, diff_lines, escape, mark};
use crate::report::summary::{Elsewhere, MAX_BYTES, Page, location, locations, problem};
use crate::report::{EntityReport, EntityState, Report};
use crate::text::counted;

/// So many repositories have an open row, and so many more a folded one.
const OPEN_ROWS: usize = 50;
const FOLDED_ROWS: usize = 450;
/// So many problems have a row that are first found in one repository.
const PROBLEMS_OF_ONE: usize = 50;
/// So large may be what changes in one repository.
const SECTION_BYTES: usize = 64 * 1024;

/// Writes the page. What would make it too large is left out, and the page says so.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &FleetReport, out: impl Write) -> io::Result<()> {
    let problems = Problems::of(report);
    let mut page = Page::new(out, MAX_BYTES);
    page.line(&format!("## {}\n", heading(report, &problems)))?;
    let meaning = meaning(report, &problems);
    if !meaning.is_empty() {
        page.line(&format!("{}\n", meaning.join(" ")))?;
    }
    if let Some(reason) = report.stopped() {
        page.line(&format!("> [!CAUTION]\n> {}\n", escape(reason)))?;
    }
    page.repositories(report)?;
    page.all_problems(report, &problems)?;
    page.notices(report.warnings.iter().chain(&report.notices))?;
    page.sections(report)?;
    page.omissions(Elsewhere::Nowhere)?;
    page.frame(&format!("<sub>{}</sub>", report.cost.words()))
}

impl<W: Write> Page<W> {
    /// A line for each repository that was looked at, and a few for all others.
    fn repositories(&mut self, report: &FleetReport) -> io::Result<()> {
        let mut listed = report.sorted();
        listed.retain(|one| console::is_listed(one));
        let (open, folded) = listed.split_at(listed.len().min(OPEN_ROWS));
        self.table(open, report)?;
        if !folded.is_empty() {
            let count = counted(folded.len(), "more repository", "more repositories");
            self.frame(&format!("<details><summary>{count}</summary>\n"))?;
            self.table(&folded[..folded.len().min(FOLDED_ROWS)], report)?;
            if let more @ 1.. = folded.len().saturating_sub(FOLDED_ROWS) {
                self.frame(&format!("… and {more} more\n"))?;
            }
            self.frame("</details>\n")?;
        }
        for sentence in not_looked_at(report) {
            self.line(&format!("{}.\n", escape(&capitalised(&sentence))))?;
        }
        Ok(())
    }

    fn table(&mut self, repositories: &[&RepositoryReport], fleet: &FleetReport) -> io::Result<()> {
        if repositories.is_empty() {
            return Ok(());
        }
        self.line("| | Repository | Commit | Result | First problem |")?;
        self.line("| --- | --- | --- | --- | --- |")?;
        for repository in repositories {
            self.line(&row(repository, fleet))?;
        }
        self.line("")
    }

    /// What is wrong in any repository. One with very many problems must leave room for the others.
    fn all_problems(&mut self, report: &FleetReport, problems: &Problems<'_>) -> io::Result<()> {
        if problems.is_empty() {
            return Ok(());
        }
        self.line("| | Problem | Where |")?;
        self.line("| --- | --- | --- |")?;
        let mut rows: BTreeMap<String, usize> = BTreeMap::new();
        for severity in Severity::ALL {
            for remark in problems.remarks(severity) {
                self.line(&remark_row(remark, report))?;
            }
            for cause in problems.causes(severity) {
                let first = cause.first.report.run.repository.to_string();
                let rows = rows.entry(first).or_default();
                *rows += 1;
                if *rows <= PROBLEMS_OF_ONE {
                    self.line(&cause_row(cause, report))?;
                }
            }
        }
        self.line("")?;
        for (repository, rows) in rows {
            if let more @ 1.. = rows.saturating_sub(PROBLEMS_OF_ONE) {
                let more = counted(more, "more problem", "more problems");
                self.line(&format!("{} has {more}.\n", escape(&repository)))?;
            }
        }
        Ok(())
    }

    /// What changes in each repository, and what else there is to say of it: open while all of it is short.
    fn sections(&mut self, fleet: &FleetReport) -> io::Result<()> {
        let attribute = match is_short(fleet) {
            true => " open",
            false => "",
        };
        for repository in fleet.sorted() {
            let Some(report) = repository.report() else {
                continue;
            };
            let mut section = Page::new(Vec::new(), SECTION_BYTES);
            section.notices(report.warnings.iter().chain(&report.notices))?;
            section.changes(report)?;
            section.unfinished(report)?;
            section.removed(report)?;
            if section.out.is_empty() {
                continue;
            }
            section.omissions(Elsewhere::Nowhere)?;
            let (name, result) = (&repository.name, result_of(repository));
            let text = String::from_utf8_lossy(&section.out);
            let section = format!(
                "<details{attribute}><summary><b>{name}</b> · {result}</summary>\n\n{}\n\n</details>\n",
                text.trim_end()
            );
            match self.has_room(&section) {
                true => self.line(&section)?,
                false => self.omitted += section.lines().count(),
            }
        }
        Ok(())
    }
}

/// Whether what changes in all repositories takes few lines.
fn is_short(fleet: &FleetReport) -> bool {
    let is_news = |one: &&EntityReport| one.state != EntityState::Unchanged;
    let news = |report: &Report| report.entities.iter().filter(is_news).count();
    let count: usize = fleet.reports().map(news).sum();
    let lines = |report: &Report| {
        let news: Vec<_> = report.entities.iter().filter(is_news).collect();
        diff_lines(&news, fleet.mode).len()
    };
    count < OPEN_LINES && fleet.reports().map(lines).sum::<usize>() < OPEN_LINES
}

fn row(repository: &RepositoryReport, fleet: &FleetReport) -> String {
    let report = repository.report();
    let commit = report.map_or(String::new(), |report| {
        format!(
            "[`{}`]({})",
            report.run.head.short(),
            report.run.commit_link()
        )
    });
    let problem = match repository.first_problem() {
        None => String::new(),
        Some(FirstProblem::Reason(reason)) => escape(reason),
        Some(FirstProblem::Cause(cause, report)) => {
            format!(
                "{}<br>{}",
                escape(&cause.message()),
                location(cause.first, report)
            )
        }
    };
    format!(
        "| {} | {} | {commit} | {} | {problem} |",
        sign(repository),
        linked(&repository.name, fleet),
        result_of(repository),
    )
}

/// The sign for what became of a repository: for its first change, if nothing is wrong.
fn sign(repository: &RepositoryReport) -> &'static str {
    if let Some(severity) = repository.severity() {
        return mark(severity);
    }
    match (repository.state(), repository.report()) {
        (RepositoryState::Changed, Some(report)) => {
            let mut states = report.counts().into_keys();
            let first = states.find(|state| EntityState::CHANGES.contains(state));
            badge(first.unwrap_or(EntityState::Unchanged), None)
        }
        _ => badge(EntityState::Unchanged, None),
    }
}

fn linked(repository: &RepoName, fleet: &FleetReport) -> String {
    let name = escape(&repository.to_string());
    format!("[{name}]({}/{repository})", fleet.server_url)
}

/// A row about repositories as a whole.
fn remark_row(remark: &Remark<'_>, fleet: &FleetReport) -> String {
    let all = &remark.repositories;
    let repositories = all.iter().map(|name| linked(name, fleet));
    format!(
        "| {} | {} | {} |",
        mark(remark.severity),
        escape(remark.text),
        locations(repositories, all.len())
    )
}

/// A row about files.
fn cause_row(cause: &Cause<ReportedDiagnostic<'_>>, fleet: &FleetReport) -> String {
    problem(
        cause,
        &cause.first.report.run,
        |one: ReportedDiagnostic<'_>| {
            let repository = linked(&one.report.run.repository, fleet);
            format!("{repository}: {}", location(one.diagnostic, one.report))
        },
    )
}
