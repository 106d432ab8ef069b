//! The report as a person reads it in the job's log.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::log::{Log, visible};
use super::{Ending, Report, State, entities};
use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::event::Mode;
use crate::text::Location;

/// Source lines are cut to this width around what they are shown for.
const WIDTH: usize = 140;
/// How many diagnostics are shown with their source; the summary and the report hold all.
const SHOWN_WITH_SOURCE: usize = 100;

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// With the codes that terminals and GitHub's log understand.
    Always,
    /// Without.
    Never,
}

/// Writes diagnostics with the lines that they are about.
pub fn write_diagnostics(diagnostics: &[Diagnostic], log: &Log) {
    write_diagnostics_in(Colour::Always, diagnostics, log);
}

/// The same, with or without colour.
pub fn write_diagnostics_in(colour: Colour, diagnostics: &[Diagnostic], log: &Log) {
    let renderer = match colour {
        Colour::Always => Renderer::styled(),
        Colour::Never => Renderer::plain(),
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
    for warning in &report.warnings {
        log.line(format!("warning: {warning}"));
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
        (Mode::Plan, State::Adopted) => "to adopt",
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
        Group::with_title(title).elements(snippet(&diagnostic.primary, AnnotationKind::Primary));
    for label in &diagnostic.related {
        group = group.elements(snippet(label, AnnotationKind::Context));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(visible(help).into_owned()));
    }
    renderer.render(&[group])
}

/// The first line of a place, marked. A file can be one very long line, or a place a whole file, so
/// only the part of the line around the place's start is handed on.
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
    let place = Origin::path(path)
        .line(start.line)
        .char_column(start.column);
    vec![place.into(), snippet.into()]
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
        .and_then(|behind| behind.find('\n'))
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
    use crate::text::{RepoPath, Source, Span};

    fn shown(text: &str, span: Span) -> String {
        let source = Source::new(RepoPath::new("port.json"), text);
        let place = Location::new(&source, span);
        let diagnostic = Diagnostic::new(Code::Syntax, place, "wrong").label("here");
        render(&diagnostic, &Renderer::plain().term_width(WIDTH))
    }

    #[test]
    fn the_place_in_a_long_line_is_shown_with_what_is_around_it() {
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
    fn a_place_of_many_lines_is_shown_by_its_first() {
        let text = "a: [1,\r\n 2]\n";
        let shown = shown(text, Span::new(3, text.len() - 1));
        assert!(shown.contains("1 | a: [1,\n  |    ^^^ here"), "{shown}");
        assert!(!shown.contains("2]"), "{shown}");
    }
}
