//! The report as the job's summary page, in GitHub's Markdown.
//!
//! [Adding a job summary](https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary)

use std::io::{self, Write};

use super::console::label;
use super::markdown::{badge, capitalised, diff_block, escape, fields, linked, mark};
use super::{Drift, Ending, EntityReport, Report, State, graph};
use crate::diagnostic::Severity;
use crate::event::Mode;

/// GitHub drops a summary of more than 1 MiB as a whole.
const MAX_BYTES: usize = 1000 * 1024;
/// More entities than these are folded.
const UNFOLDED: usize = 10;
/// So many entities share a block of what changes.
const BLOCK: usize = 20;
/// Of what does not change so many are named: nobody looks for more, and the page has to be drawn.
const UNCHANGED: usize = 100;

/// Where the whole of a page that has to be short can be seen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Elsewhere<'a> {
    /// Nowhere.
    Nowhere,
    /// At this address.
    At(&'a str),
}

/// Writes the page. What would make it too large is left out, and the page says so.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(report: &Report, out: impl Write) -> io::Result<()> {
    write_within(report, out, MAX_BYTES, Elsewhere::Nowhere)
}

/// Writes the page in about `bytes`: a few kilobytes of headings and the like come on top.
pub(super) fn write_within(
    report: &Report,
    out: impl Write,
    bytes: usize,
    elsewhere: Elsewhere<'_>,
) -> io::Result<()> {
    let mut page = Page {
        out,
        left: bytes,
        omitted: 0,
    };
    page.heading(report)?;
    page.counts(report)?;
    page.problems(report)?;
    page.notices(report)?;
    page.entities(report)?;
    page.graph(report)?;
    page.unchanged(report)?;
    page.footer(report, elsewhere)
}

/// Writes the page of a run that could not begin.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_failure(problems: &[String], mut out: impl Write) -> io::Result<()> {
    writeln!(out, "## port-gitops: failure\n\n> [!CAUTION]")?;
    for problem in problems {
        writeln!(out, "> - {}", escape(problem))?;
    }
    Ok(())
}

/// Whether what is folded is shown at first.
#[derive(Debug, Clone, Copy)]
enum Fold {
    Open,
    Closed,
}

fn of_state(state: State, report: &Report) -> impl Iterator<Item = &EntityReport> {
    let entities = report.entities.iter();
    entities.filter(move |entity| entity.state == state)
}

/// What there is to say before any number.
fn in_a_word(report: &Report) -> Option<&'static str> {
    let is_unchanged = |entity: &EntityReport| entity.state == State::Unchanged;
    Some(match (report.drift, report.run.mode) {
        (Some(Drift::Found), Mode::Plan) => "Port differs from what Git declares.",
        (Some(Drift::Found), Mode::Apply) => "Port differed from what Git declares.",
        (Some(Drift::None), _) => "Port is as Git declares.",
        (None, _) if !report.entities.iter().all(is_unchanged) => return None,
        (None, Mode::Plan) => "No entity changes.",
        (None, Mode::Apply) => "No entity changed.",
    })
}

struct Page<W> {
    out: W,
    left: usize,
    omitted: usize,
}

impl<W: Write> Page<W> {
    /// Writes a line if there is room for it; lines of a table and the like may be left out.
    fn line(&mut self, line: &str) -> io::Result<()> {
        if !self.has_room(line) {
            self.omitted += 1;
            return Ok(());
        }
        self.left -= line.len() + 1;
        writeln!(self.out, "{line}")
    }

    fn has_room(&self, line: &str) -> bool {
        line.len() < self.left
    }

    /// Writes a line that holds the page together, of which there are few.
    fn frame(&mut self, line: &str) -> io::Result<()> {
        self.left = self.left.saturating_sub(line.len() + 1);
        writeln!(self.out, "{line}")
    }

    fn heading(&mut self, report: &Report) -> io::Result<()> {
        let what = match report.run.mode {
            Mode::Plan => "plan",
            Mode::Apply => "apply",
        };
        self.line(&format!(
            "## port-gitops: {what}, {}",
            report.outcome().as_str()
        ))?;
        self.line("")?;
        if let Ending::Stopped(reason) = &report.ending {
            self.line(&format!("> [!CAUTION]\n> {}", escape(reason)))?;
            self.line("")?;
        }
        Ok(())
    }

    fn counts(&mut self, report: &Report) -> io::Result<()> {
        let counts = report.counts();
        if let Some(words) = in_a_word(report) {
            self.line(words)?;
            self.line("")?;
        }
        if counts.is_empty() {
            return Ok(());
        }
        let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let mode = report.run.mode;
        self.line(&row(counts
            .keys()
            .map(|&state| label(state, mode).to_owned())
            .collect()))?;
        self.line(&row(counts.keys().map(|_| "---:".to_owned()).collect()))?;
        self.line(&row(counts.values().map(ToString::to_string).collect()))
    }

    fn problems(&mut self, report: &Report) -> io::Result<()> {
        if report.diagnostics.is_empty() {
            return Ok(());
        }
        self.line("\n### Problems\n")?;
        self.line("| | Problem | Where |")?;
        self.line("| --- | --- | --- |")?;
        for severity in [Severity::Error, Severity::Warning, Severity::Notice] {
            for diagnostic in report.diagnostics_of(severity) {
                let help = diagnostic
                    .help
                    .as_deref()
                    .map(|help| format!("<br>{}", escape(help)));
                self.line(&format!(
                    "| {} `{}` | {}{} | [{}]({}) |",
                    mark(severity),
                    diagnostic.code,
                    escape(&diagnostic.message),
                    help.unwrap_or_default(),
                    escape(&diagnostic.location().to_string()),
                    report.link(diagnostic.location()),
                ))?;
            }
        }
        Ok(())
    }

    fn entities(&mut self, report: &Report) -> io::Result<()> {
        let counts = report.counts();
        for &state in counts.keys().filter(|state| **state != State::Unchanged) {
            let entities: Vec<_> = of_state(state, report).collect();
            self.entities_of(state, &entities, report)?;
        }
        Ok(())
    }

    /// What does not change comes last, and may be much.
    fn unchanged(&mut self, report: &Report) -> io::Result<()> {
        let count = of_state(State::Unchanged, report).count();
        if count == 0 {
            return Ok(());
        }
        self.fold(State::Unchanged, count, Fold::Closed, report)?;
        for entity in of_state(State::Unchanged, report).take(UNCHANGED) {
            self.line(&format!("- {}", linked(entity, report)))?;
        }
        if count > UNCHANGED {
            self.frame(&format!("- … and {} more", count - UNCHANGED))?;
        }
        self.frame("\n</details>")
    }

    fn fold(&mut self, state: State, count: usize, fold: Fold, report: &Report) -> io::Result<()> {
        let mode = report.run.mode;
        let open = match fold {
            Fold::Closed => "",
            Fold::Open => " open",
        };
        let (badge, title) = (badge(state, mode), capitalised(label(state, mode)));
        self.frame(&format!(
            "\n<details{open}><summary>{badge} {title}: {count}</summary>\n"
        ))
    }

    fn entities_of(
        &mut self,
        state: State,
        entities: &[&EntityReport],
        report: &Report,
    ) -> io::Result<()> {
        let fold = match entities.len() {
            ..=UNFOLDED => Fold::Open,
            _ => Fold::Closed,
        };
        self.fold(state, entities.len(), fold, report)?;
        let says_more =
            |entity: &&EntityReport| entity.note.is_some() || !entity.changes.is_empty();
        if entities.iter().any(says_more) {
            self.line("| Entity | What |")?;
            self.line("| --- | --- |")?;
            for entity in entities {
                let what = match &entity.note {
                    Some(note) => escape(note),
                    None => fields(entity),
                };
                self.line(&format!("| {} | {what} |", linked(entity, report)))?;
            }
            self.changes(entities)?;
        } else {
            for entity in entities {
                self.line(&format!("- {}", linked(entity, report)))?;
            }
        }
        self.frame("\n</details>")
    }

    /// What changes, in blocks of a few entities: one that does not fit is left out as a whole.
    fn changes(&mut self, entities: &[&EntityReport]) -> io::Result<()> {
        let changed: Vec<_> = entities
            .iter()
            .copied()
            .filter(|entity| !entity.changes.is_empty())
            .collect();
        let blocks = changed.chunks(BLOCK).map(diff_block);
        let mut blocks = blocks.peekable();
        if blocks.peek().is_none_or(|first| !self.has_room(first)) {
            self.omitted += blocks.len();
            return Ok(());
        }
        self.frame("\n<details><summary>What changes</summary>\n")?;
        for block in blocks {
            self.line(&format!("{block}\n"))?;
        }
        self.frame("</details>")
    }

    fn graph(&mut self, report: &Report) -> io::Result<()> {
        match graph::of(report) {
            Some(graph) => self.line(&format!(
                "\n<details><summary>How they relate</summary>\n\n{graph}\n\n</details>"
            )),
            None => Ok(()),
        }
    }

    fn notices(&mut self, report: &Report) -> io::Result<()> {
        let notices: Vec<_> = report.warnings.iter().chain(&report.notices).collect();
        if !notices.is_empty() {
            self.line("\n> [!NOTE]")?;
        }
        for notice in notices {
            self.line(&format!("> - {}", escape(&capitalised(notice))))?;
        }
        Ok(())
    }

    fn footer(&mut self, report: &Report, elsewhere: Elsewhere<'_>) -> io::Result<()> {
        let head = &report.run.head;
        let commit = format!(
            "{}/{}/commit/{head}",
            report.run.server_url, report.run.repository
        );
        if self.omitted > 0 {
            let rest = match elsewhere {
                Elsewhere::Nowhere => "which GitHub would not show".to_owned(),
                Elsewhere::At(address) => format!("which [the job's summary]({address}) shows"),
            };
            self.frame(&format!("\n… and {} more lines, {rest}.", self.omitted))?;
        }
        self.frame(&format!(
            "\n<sub>[`{}`]({commit}) · {}</sub>",
            head.short(),
            report.cost.words()
        ))
    }
}
