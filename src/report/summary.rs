//! The report as the job's summary page, in GitHub's Markdown.
//!
//! [Adding a job summary](https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary)

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::causes::{Cause, by_cause, position};
use super::console::{OPEN_LINES, label};
use super::markdown::{badge, capitalised, diff_block, diff_lines, escape, linked, mark};
use super::{Ending, EntityReport, EntityState, Outcome, Report, RunFacts, graph, headline};
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::Mode;
use crate::text::counted;

/// GitHub drops a summary of more than 1 MiB as a whole.
pub(super) const MAX_BYTES: usize = 1000 * 1024;
/// More entities than these are folded.
const UNFOLDED: usize = 10;
/// So many entities share a block of what changes.
const BLOCK: usize = 20;
/// So many locations of one problem are linked.
const MAX_LOCATIONS: usize = 3;
/// Of what does not change so many are named: nobody looks for more, and the page has to be drawn.
const UNCHANGED: usize = 100;
/// So many entities are named where there are many, and in the table of problems.
const NAMED: usize = 3;

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
    let mut page = Page::new(out, bytes);
    page.heading(report)?;
    page.problems(report)?;
    page.notices(report.warnings.iter().chain(&report.notices))?;
    page.changes(report)?;
    page.unfinished(report)?;
    page.removed(report)?;
    page.graph(report)?;
    page.unchanged(report)?;
    page.footer(report, elsewhere)
}

/// Writes the page of a run that could not begin.
///
/// # Errors
/// If `out` cannot be written.
pub fn write_failure(problems: &[String], outcome: Outcome, mut out: impl Write) -> io::Result<()> {
    let heading = match outcome {
        Outcome::Cancelled => "cancelled before anything was written",
        Outcome::Success | Outcome::Failure => "the run could not go on; nothing was written",
    };
    writeln!(out, "## Port catalog: {heading}\n\n> [!CAUTION]")?;
    for problem in problems {
        writeln!(out, "> - {}", escape(problem))?;
    }
    Ok(())
}

fn of_state(state: EntityState, report: &Report) -> impl Iterator<Item = &EntityReport> {
    let entities = report.entities.iter();
    entities.filter(move |entity| entity.state == state)
}

/// A page, or a part of one, of limited size.
pub(super) struct Page<W> {
    pub(super) out: W,
    /// So many bytes are left.
    pub(super) left: usize,
    /// So many lines had no room.
    pub(super) omitted: usize,
}

impl<W: Write> Page<W> {
    /// An empty page with room for about `bytes`.
    pub(super) fn new(out: W, bytes: usize) -> Self {
        Self {
            out,
            left: bytes,
            omitted: 0,
        }
    }

    /// Writes a line if there is room for it; lines of a table and the like may be left out.
    pub(super) fn line(&mut self, line: &str) -> io::Result<()> {
        if !self.has_room(line) {
            self.omitted += 1;
            return Ok(());
        }
        self.left -= line.len() + 1;
        writeln!(self.out, "{line}")
    }

    pub(super) fn has_room(&self, line: &str) -> bool {
        line.len() < self.left
    }

    /// Writes a line that holds the page together, of which there are few.
    pub(super) fn frame(&mut self, line: &str) -> io::Result<()> {
        self.left = self.left.saturating_sub(line.len() + 1);
        writeln!(self.out, "{line}")
    }

    fn heading(&mut self, report: &Report) -> io::Result<()> {
        self.line(&format!("## {}\n", headline::heading(report)))?;
        self.line(&format!("{}\n", headline::meaning(report).join(" ")))?;
        if let Ending::Stopped(reason) = &report.ending {
            self.line(&format!("> [!CAUTION]\n> {}\n", escape(reason)))?;
        }
        Ok(())
    }

    fn problems(&mut self, report: &Report) -> io::Result<()> {
        if report.diagnostics.is_empty() {
            return Ok(());
        }
        self.line("| | Problem | Where |")?;
        self.line("| --- | --- | --- |")?;
        for severity in Severity::ALL {
            for cause in by_cause(report.diagnostics_of(severity)) {
                let row = problem(&cause, &report.run, |one| location(one, report));
                self.line(&row)?;
            }
        }
        self.line("")
    }

    /// What is written or deleted: the entities of each kind, and what changes in them as a diff, open
    /// while it is short.
    pub(super) fn changes(&mut self, report: &Report) -> io::Result<()> {
        let mut changed = Vec::new();
        for state in EntityState::CHANGES {
            let entities: Vec<_> = of_state(state, report).collect();
            if !entities.is_empty() {
                self.list(state, &entities, report)?;
            }
            changed.extend(entities);
        }
        self.diff("What changes", &changed, OPEN_LINES, report)
    }

    /// What is not as Git wants it: the problems above say why, so this is folded.
    pub(super) fn unfinished(&mut self, report: &Report) -> io::Result<()> {
        let is_unfinished = |one: &&EntityReport| one.state.is_unfinished();
        let all: Vec<_> = report.entities.iter().filter(is_unfinished).collect();
        if all.is_empty() {
            return Ok(());
        }
        let mut listed = Vec::new();
        let states: BTreeSet<_> = all.iter().map(|entity| entity.state).collect();
        for state in states {
            let entities = all.iter().filter(|one| one.state == state).copied();
            let entities: Vec<_> = entities.collect();
            if entities.len() > NAMED || !entities.iter().all(|one| is_named(one, report)) {
                listed.push((state, entities));
            }
        }
        let declared = all.iter().filter(|one| !one.changes.is_empty()).copied();
        let declared: Vec<_> = declared.collect();
        match (listed.as_slice(), declared.is_empty()) {
            ([], true) => return Ok(()),
            ([(state, entities)], true) => return self.list(*state, entities, report),
            _ => {}
        }
        let title = match report.run.mode {
            Mode::Plan => "Held until fixed",
            Mode::Apply => "Not applied",
        };
        let count = counted(all.len(), "entity", "entities");
        self.frame(&format!("<details><summary>{title}: {count}</summary>\n"))?;
        for (state, entities) in listed {
            self.list(state, &entities, report)?;
        }
        self.diff("What was declared", &declared, OPEN_LINES, report)?;
        self.frame("</details>\n")
    }

    /// The entities of a state: in a line, or folded where they are many.
    fn list(
        &mut self,
        state: EntityState,
        entities: &[&EntityReport],
        report: &Report,
    ) -> io::Result<()> {
        if entities.len() <= UNFOLDED {
            let (badge, title) = title(state, entities, report);
            let names = entities.iter().map(|one| linked(one, report));
            let names = names.collect::<Vec<_>>().join(" · ");
            return self.line(&format!("{badge} **{title}** · {names}\n"));
        }
        self.fold(state, entities, report)?;
        for entity in entities {
            self.line(&format!("- {}", linked(entity, report)))?;
        }
        self.frame("\n</details>\n")
    }

    /// What changes in `entities`, in blocks of a few: one that does not fit is left out as a whole.
    fn diff(
        &mut self,
        title: &str,
        entities: &[&EntityReport],
        open: usize,
        report: &Report,
    ) -> io::Result<()> {
        let blocks = entities.chunks(BLOCK);
        let mut blocks = blocks
            .map(|some| diff_lines(some, report.run.mode))
            .peekable();
        let Some(first) = blocks.peek() else {
            return Ok(());
        };
        let (lines, block) = (first.len(), diff_block(first));
        if !self.has_room(&block) {
            self.omitted += blocks.map(|lines| lines.len()).sum::<usize>();
            return Ok(());
        }
        if entities.len() <= BLOCK && lines < open {
            return self.line(&format!("{block}\n"));
        }
        let count = counted(entities.len(), "entity", "entities");
        self.frame(&format!("<details><summary>{title}: {count}</summary>\n"))?;
        for lines in blocks {
            self.line(&format!("{}\n", diff_block(&lines)))?;
        }
        self.frame("</details>\n")
    }

    /// What Git no longer declares and stays, by reason.
    pub(super) fn removed(&mut self, report: &Report) -> io::Result<()> {
        let mut by_note: BTreeMap<Option<&str>, Vec<&EntityReport>> = BTreeMap::new();
        for entity in of_state(EntityState::Removed, report) {
            by_note
                .entry(entity.note.as_deref())
                .or_default()
                .push(entity);
        }
        let all: Vec<_> = by_note.values().flatten().copied().collect();
        if all.is_empty() {
            return Ok(());
        }
        let is_short = all.len() <= UNFOLDED;
        let separator = if is_short { " · " } else { "\n- " };
        let groups = by_note.into_iter().map(|(note, entities)| {
            let names = entities.into_iter().map(|one| linked(one, report));
            let names = names.collect::<Vec<_>>().join(separator);
            match note {
                Some(note) => format!("{names} ({})", escape(note)),
                None => names,
            }
        });
        let groups = groups.collect::<Vec<_>>().join(separator);
        if is_short {
            let (badge, title) = title(EntityState::Removed, &all, report);
            return self.line(&format!("{badge} **{title}** · {groups}\n"));
        }
        self.fold(EntityState::Removed, &all, report)?;
        self.line(&format!("- {groups}"))?;
        self.frame("\n</details>\n")
    }

    /// What does not change comes last, and may be much.
    fn unchanged(&mut self, report: &Report) -> io::Result<()> {
        let count = of_state(EntityState::Unchanged, report).count();
        if count == 0 {
            return Ok(());
        }
        let unchanged: Vec<_> = of_state(EntityState::Unchanged, report).collect();
        self.fold(EntityState::Unchanged, &unchanged, report)?;
        for entity in unchanged.into_iter().take(UNCHANGED) {
            self.line(&format!("- {}", linked(entity, report)))?;
        }
        if count > UNCHANGED {
            self.frame(&format!("- … and {} more", count - UNCHANGED))?;
        }
        self.frame("\n</details>\n")
    }

    fn fold(
        &mut self,
        state: EntityState,
        entities: &[&EntityReport],
        report: &Report,
    ) -> io::Result<()> {
        let names = entities.iter().take(NAMED).map(|one| escape(&one.name()));
        let names = names.collect::<Vec<_>>().join(", ");
        let more = match entities.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (badge, title) = title(state, entities, report);
        self.frame(&format!(
            "<details><summary>{badge} {title} · {names}{more}</summary>\n"
        ))
    }

    fn graph(&mut self, report: &Report) -> io::Result<()> {
        match graph::of(report) {
            Some(graph) => self.line(&format!(
                "<details><summary>How they relate</summary>\n\n{graph}\n\n</details>\n"
            )),
            None => Ok(()),
        }
    }

    pub(super) fn notices<'t>(
        &mut self,
        notices: impl Iterator<Item = &'t String>,
    ) -> io::Result<()> {
        let mut notices = notices.peekable();
        if notices.peek().is_none() {
            return Ok(());
        }
        self.line("> [!NOTE]")?;
        for notice in notices {
            self.line(&format!("> - {}", escape(&capitalised(notice))))?;
        }
        self.line("")
    }

    /// Says how much there was no room for, and where it is.
    pub(super) fn omissions(&mut self, elsewhere: Elsewhere<'_>) -> io::Result<()> {
        if self.omitted == 0 {
            return Ok(());
        }
        let rest = match elsewhere {
            Elsewhere::Nowhere => "which GitHub would not show".to_owned(),
            Elsewhere::At(address) => format!("which [the job's summary]({address}) shows"),
        };
        self.frame(&format!("… and {} more lines, {rest}.\n", self.omitted))
    }

    fn footer(&mut self, report: &Report, elsewhere: Elsewhere<'_>) -> io::Result<()> {
        let head = &report.run.head;
        let commit = report.run.commit_link();
        self.omissions(elsewhere)?;
        self.frame(&format!(
            "<sub>[`{}`]({commit}) · {}</sub>",
            head.short(),
            report.cost.words()
        ))
    }
}

/// The badge and the words for the entities of a state, and how many there are.
fn title(
    state: EntityState,
    entities: &[&EntityReport],
    report: &Report,
) -> (&'static str, String) {
    let mode = report.run.mode;
    let severities = entities.iter().filter_map(|one| one.severity(mode));
    let title = capitalised(label(state, mode));
    (
        badge(state, severities.min()),
        format!("{title}: {}", entities.len()),
    )
}

/// Whether the table of problems names the entity, or leads to its file if it is invalid.
fn is_named(entity: &EntityReport, report: &Report) -> bool {
    let name = format!("`{}`", entity.name());
    let path = entity.location.as_ref().map(|location| location.path());
    report.diagnostics.iter().any(|one| {
        let is_of_file =
            entity.state == EntityState::Invalid && Some(one.location().path()) == path;
        is_of_file || one.message.contains(&name)
    })
}

/// A row of the table of problems. `run` knows the documentation, and `location` says where a diagnostic is.
pub(super) fn problem<'d, D: Copy + Into<&'d Diagnostic>>(
    cause: &Cause<D>,
    run: &RunFacts,
    location: impl Fn(D) -> String,
) -> String {
    let first: &Diagnostic = cause.first.into();
    let help = first.help.as_deref();
    let help = help.map(|help| format!("<br>**Next:** {}", escape(help)));
    let code = match run.code_link(first.code) {
        Some(link) => format!("[`{}`]({link})", first.code),
        None => format!("`{}`", first.code),
    };
    format!(
        "| {} {code} | {}{} | {} |",
        mark(first.severity()),
        escape(&cause.message()),
        help.unwrap_or_default(),
        locations(cause.all().map(location), 1 + cause.others.len()),
    )
}

/// The first few of `count` locations, and how many more there are.
pub(super) fn locations(locations: impl Iterator<Item = String>, count: usize) -> String {
    let mut locations: Vec<_> = locations.take(MAX_LOCATIONS).collect();
    if count > MAX_LOCATIONS {
        locations.push(format!("and {} more", count - MAX_LOCATIONS));
    }
    locations.join("<br>")
}

/// Where a diagnostic is, with a link to the line.
pub(super) fn location(diagnostic: &Diagnostic, report: &Report) -> String {
    let location = escape(&position(diagnostic));
    match report.link_of(diagnostic) {
        Some(link) => format!("[{location}]({link})"),
        None => location,
    }
}
