//! The report as a person reads it in the job's log.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::log::{Log, visible};
use super::{Ending, Report, State, entities};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::event::Mode;
use crate::source::Location;

/// Source lines are cut to this width around what they are shown for.
const WIDTH: usize = 140;
/// How many diagnostics are shown with their source; the summary and the report hold all.
const SHOWN_WITH_SOURCE: usize = 100;

/// Writes diagnostics with the lines that they are about.
pub fn write_diagnostics(diagnostics: &[Diagnostic], log: &Log) {
    let renderer = Renderer::styled().term_width(WIDTH);
    for diagnostic in diagnostics.iter().take(SHOWN_WITH_SOURCE) {
        log.rendered(&render(diagnostic, &renderer));
        log.rendered("");
    }
    let more = diagnostics.len().saturating_sub(SHOWN_WITH_SOURCE);
    if more > 0 {
        log.line(format!("… and {more} more"));
    }
}

/// Writes what became of each entity, what the user should know, and how it all ended.
pub fn write_entities(report: &Report, log: &Log) {
    let changed: Vec<_> = report
        .entities
        .iter()
        .filter(|entity| entity.state != State::Unchanged)
        .collect();
    if !changed.is_empty() {
        let title = format!("Entities: {}", changed.len());
        log.group(&title, || entities::write(&changed, report.run.mode, log));
    }
    for notice in &report.notices {
        log.line(notice);
    }
}

/// Writes the last line: counts, requests, time.
pub fn write_ending(report: &Report, log: &Log) {
    let verb = match (&report.ending, report.run.mode) {
        (Ending::Stopped(_), _) => "Stopped",
        (Ending::Interrupted, _) => "Interrupted",
        (Ending::Complete, Mode::Plan) => "Plan",
        (Ending::Complete, Mode::Apply) => "Done",
    };
    if let Ending::Stopped(reason) = &report.ending {
        log.line(format!("error: {reason}"));
    }
    let counts: Vec<_> = report
        .counts()
        .into_iter()
        .map(|(state, count)| format!("{count} {}", label(state, report.run.mode)))
        .collect();
    let counts = if counts.is_empty() {
        "nothing to write".to_owned()
    } else {
        counts.join(", ")
    };
    log.line(format!("{verb}: {counts} · {}", report.cost.words()));
}

/// The words for a state, which in a plan is only expected.
pub(super) fn label(state: State, mode: Mode) -> &'static str {
    match (mode, state) {
        (Mode::Plan, State::Created) => "to create",
        (Mode::Plan, State::Updated) => "to update",
        (Mode::Plan, State::Deleted) => "to delete",
        _ => state.as_str(),
    }
}

fn render(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Notice => Level::NOTE,
    };
    let title = level
        .primary_title(visible(&diagnostic.message).into_owned())
        .id(diagnostic.code.as_str());
    let mut group =
        Group::with_title(title).element(snippet(&diagnostic.primary, AnnotationKind::Primary));
    for label in &diagnostic.related {
        group = group.element(snippet(label, AnnotationKind::Context));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help).into_owned()));
    }
    renderer.render(&[group])
}

/// The first line of a place, marked. A file can be one very long line, or a place a whole file, so
/// only that line is handed on.
fn snippet(label: &Label, kind: AnnotationKind) -> Element<'_> {
    let Location { source, span } = &label.location;
    let path = visible(source.path().as_str()).into_owned();
    let text = source.text();
    if text.is_empty() {
        return Origin::path(path).into();
    }
    let line_start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[span.start..]
        .find('\n')
        .map_or(text.len(), |at| span.start + at);
    let line = text[line_start..line_end].trim_end_matches('\r');
    let start = (span.start - line_start).min(line.len());
    let end = span.end.saturating_sub(line_start).clamp(start, line.len());
    let mut annotation = kind.span(start..end);
    if !label.text.is_empty() {
        annotation = annotation.label(visible(&label.text).into_owned());
    }
    Snippet::source(line)
        .line_start(label.location.start().line)
        .path(path)
        .annotation(annotation)
        .into()
}
