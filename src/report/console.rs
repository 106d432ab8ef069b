//! The report as a person reads it in the job's log.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::annotations::Annotations;
use super::causes::{Cause, by_cause, position};
use super::log::{Log, visible};
use super::{Drift, EntityState, Outcome, Report, entities, headline};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::event::Mode;
use crate::text::Location;

/// Source lines are cut to this width around what they are shown for.
const WIDTH: usize = 140;
/// How many diagnostics are shown with their source; the summary and the report hold all.
const SHOWN_WITH_SOURCE: usize = 100;
/// How many diagnostics that share a cause are shown with their source.
const FRAMED_OF_A_CAUSE: usize = 3;
/// So many other locations of a cause are named.
const MAX_LOCATIONS: usize = 50;
/// What becomes of entities is not folded while it takes fewer lines.
pub(super) const OPEN_LINES: usize = 40;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColourMode {
    /// With the codes that terminals and GitHub's log understand.
    Always,
    /// Without.
    Never,
}

/// Writes diagnostics with the lines that they are about.
pub fn write_diagnostics(colour: ColourMode, diagnostics: &[Diagnostic], log: &Log) {
    let renderer = match colour {
        ColourMode::Always => Renderer::styled(),
        ColourMode::Never => Renderer::plain(),
    };
    let renderer = renderer.term_width(WIDTH);
    for diagnostic in diagnostics.iter().take(SHOWN_WITH_SOURCE) {
        log.rendered(&render(diagnostic, &renderer));
        log.rendered("");
    }
    let more = diagnostics.len().saturating_sub(SHOWN_WITH_SOURCE);
    if more > 0 {
        log.line(format!("… and {more} more"));
    }
}

/// Writes what the report's diagnostics say: of each its annotation, if there is room for it, and the
/// line that it is about. What many entities share is shown of the first few.
pub fn write_problems(report: &Report, annotations: &mut Annotations<'_>, log: &Log) {
    let renderer = Renderer::styled().term_width(WIDTH);
    let mut left = SHOWN_WITH_SOURCE;
    for severity in Severity::ALL {
        for cause in by_cause(report.diagnostics_of(severity)) {
            let framed = FRAMED_OF_A_CAUSE.min(left);
            for (index, diagnostic) in cause.all().enumerate() {
                let frame = match annotations.write(diagnostic) {
                    true => render_frame,
                    false => render,
                };
                if index < framed {
                    log.rendered(&frame(diagnostic, &renderer));
                    log.rendered("");
                }
            }
            left = left.saturating_sub(1 + cause.others.len());
            write_others(&cause, framed, log);
        }
    }
}

/// Writes the first diagnostics, at most `shown` of them, with the lines that they are about, and says how many more
/// there are. What many entities share is shown of the first few. Gives how many were shown.
pub(super) fn write_first_problems(report: &Report, shown: usize, log: &Log) -> usize {
    let renderer = Renderer::styled().term_width(WIDTH);
    let (mut left, mut more) = (shown, 0);
    let severities = Severity::ALL.into_iter();
    for cause in severities.flat_map(|severity| by_cause(report.diagnostics_of(severity))) {
        let framed = FRAMED_OF_A_CAUSE.min(left);
        if framed == 0 {
            more += 1 + cause.others.len();
            continue;
        }
        let mut written = 0;
        for diagnostic in cause.all().take(framed) {
            log.rendered(&render(diagnostic, &renderer));
            log.rendered("");
            written += 1;
        }
        left -= written;
        write_others(&cause, framed, log);
    }
    if more > 0 {
        log.line(format!("… and {more} more problems"));
    }
    shown - left
}

/// Names where a cause is that was shown `framed` times.
fn write_others(cause: &Cause<&Diagnostic>, framed: usize, log: &Log) {
    let others: Vec<_> = cause.all().skip(framed).collect();
    let Some(first) = others.first() else {
        return;
    };
    let named = others.iter().take(MAX_LOCATIONS);
    let named: Vec<_> = named.map(|one| position(one)).collect();
    let more = match others.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    log.line(format!(
        "[{}] also at {}{more}\n",
        first.code,
        named.join(", ")
    ));
}

/// Writes what becomes of each entity: open while it is short.
pub fn write_entities(report: &Report, log: &Log) {
    let changed = report.entities.iter();
    let changed: Vec<_> = changed
        .filter(|one| one.state != EntityState::Unchanged)
        .collect();
    if changed.is_empty() {
        return;
    }
    let write = || entities::write(&changed, report.run.mode, log);
    match entities::lines(&changed) < OPEN_LINES {
        true => write(),
        false => log.group(&format!("Entities: {}", changed.len()), write),
    }
    log.line("");
}

/// Writes what is wrong with the inputs and has no annotation, and what else the user should know.
pub fn write_notices(report: &Report, annotations: &mut Annotations<'_>, log: &Log) {
    for warning in &report.warnings {
        if !annotations.write_message(Severity::Warning, warning) {
            log.line(format!("warning: {warning}"));
        }
    }
    if report.drift == Some(Drift::Found) {
        let drift = match report.run.mode {
            Mode::Plan => {
                "Port differs from Git (nothing was written): run an apply to restore Git's values, or change Git"
            }
            Mode::Apply => "Port differed from Git",
        };
        annotations.write_message(Severity::Notice, drift);
    }
    for notice in &report.notices {
        log.line(notice);
    }
    if !report.notices.is_empty() {
        log.line("");
    }
}

/// Writes the last line: the result, requests, time.
pub fn write_ending(report: &Report, log: &Log) {
    let unchanged = report.counts().get(&EntityState::Unchanged).copied();
    let unchanged = unchanged.map_or(String::new(), |count| format!(", {count} unchanged"));
    let colour = match headline::is_drift_report(report) {
        true if report.outcome() == Outcome::Success => entities::Colour::Yellow,
        _ => outcome_colour(report.outcome()),
    };
    let verb = verb(report.run.mode);
    let result = format!("{verb}: {}{unchanged}", headline::result(report));
    log.rendered(&format!(
        "{} · {}",
        colour.paint(&result),
        report.cost.words()
    ));
}

/// What the run was, as a noun.
pub(super) fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Plan => "Plan",
        Mode::Apply => "Apply",
    }
}

pub(super) fn outcome_colour(outcome: Outcome) -> entities::Colour {
    match outcome {
        Outcome::Success => entities::Colour::Green,
        Outcome::Failure => entities::Colour::Red,
        Outcome::Cancelled => entities::Colour::Yellow,
    }
}

/// The words for a state, which in a plan is only expected.
pub(super) fn label(state: EntityState, mode: Mode) -> &'static str {
    match (mode, state) {
        (Mode::Plan, EntityState::Created) => "to create",
        (Mode::Plan, EntityState::Adopted) => "to adopt",
        (Mode::Plan, EntityState::Updated) => "to update",
        (Mode::Plan, EntityState::Deleted) => "to delete",
        _ => state.as_str(),
    }
}

fn render(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let title = level(diagnostic)
        .primary_title(visible(&diagnostic.message).into_owned())
        .id(diagnostic.code.as_str());
    let mut group = with_locations(Group::with_title(title), diagnostic);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help).into_owned()));
    }
    renderer.render(&[group])
}

/// The lines alone: the annotation just before says the rest.
fn render_frame(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    renderer.render(&[with_locations(
        Group::with_level(level(diagnostic)),
        diagnostic,
    )])
}

fn level(diagnostic: &Diagnostic) -> Level<'static> {
    match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Notice => Level::NOTE,
    }
}

fn with_locations<'d>(group: Group<'d>, diagnostic: &'d Diagnostic) -> Group<'d> {
    let group = group.elements(snippet(&diagnostic.primary, AnnotationKind::Primary));
    let related = diagnostic.related.iter();
    related.fold(group, |group, label| {
        group.elements(snippet(label, AnnotationKind::Context))
    })
}

/// The first line of a location, marked. A file can be one very long line, and a location can be a whole
/// file, so only the part of the line around the location's start is passed on.
fn snippet(label: &Label, kind: AnnotationKind) -> Vec<Element<'_>> {
    let Location { source, span } = &label.location;
    let text = source.text();
    let path = visible(source.path().as_str()).into_owned();
    if text.is_empty() {
        return vec![Origin::path(path).into()];
    }
    let Excerpt { range, is_whole } = excerpt(text, span.start);
    let within = |offset: usize| offset.clamp(range.start, range.end) - range.start;
    let mut annotation = kind.span(within(span.start)..within(span.end));
    if !label.text.is_empty() {
        annotation = annotation.label(visible(&label.text).into_owned());
    }
    let start = label.location.start();
    let snippet = Snippet::source(text.get(range.clone()).unwrap_or_default())
        .line_start(start.line)
        .annotation(annotation);
    if is_whole {
        return vec![snippet.path(path).into()];
    }
    // The column in the excerpt is not that in the file.
    let origin = Origin::path(path)
        .line(start.line)
        .char_column(start.column);
    vec![origin.into(), snippet.into()]
}

/// A part of a line.
struct Excerpt {
    range: Range<usize>,
    /// Whether the line starts there.
    is_whole: bool,
}

/// The line around `at`, or as much of it as could be shown.
fn excerpt(text: &str, at: usize) -> Excerpt {
    // Twice the width, in characters that take the most bytes.
    const REACH: usize = 8 * WIDTH;
    let earliest = text.floor_char_boundary(at.saturating_sub(REACH));
    let latest = text.floor_char_boundary(at.saturating_add(REACH));
    let line_break = text.get(earliest..at).and_then(|before| before.rfind('\n'));
    let start = line_break.map_or(earliest, |line_break| earliest + line_break + 1);
    let end = text
        .get(at..latest)
        .and_then(|after| after.find('\n'))
        .map_or(latest, |line_break| at + line_break);
    let line = text.get(start..end).unwrap_or_default();
    Excerpt {
        range: start..start + line.trim_end_matches('\r').len(),
        is_whole: line_break.is_some() || start == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::text::{RepoPath, SourceFile, Span};

    fn shown(text: &str, span: Span) -> String {
        let source = SourceFile::new(RepoPath::new("port.json"), text);
        let location = Location::new(&source, span);
        let diagnostic = Diagnostic::new(Code::Syntax, location, "wrong").label("here");
        render(&diagnostic, &Renderer::plain().term_width(WIDTH))
    }

    #[test]
    fn a_position_in_a_long_line_is_shown_with_what_is_around_it() {
        for blank in ["\"é\",", "1,"] {
            let before = blank.repeat(300_000);
            let text = format!("[\n[{before}wrong{before}]");
            let at = 3 + before.len();
            let shown = shown(&text, Span::new(at, at + 5));
            let column = 2 + before.chars().count();
            assert!(
                shown.contains(&format!("--> port.json:2:{column}\n")),
                "{shown}"
            );
            assert!(shown.contains("^^^^^ here"), "{shown}");
            assert!(shown.contains(&format!("{blank}wrong{blank}")), "{shown}");
            assert!(shown.len() < 2000, "{shown}");
        }
    }

    #[test]
    fn a_span_of_many_lines_is_shown_by_its_first() {
        let text = "a: [1,\r\n 2]\n";
        let shown = shown(text, Span::new(3, text.len() - 1));
        assert!(shown.contains("1 | a: [1,\n  |    ^^^ here"), "{shown}");
        assert!(!shown.contains("2]"), "{shown}");
    }
}
