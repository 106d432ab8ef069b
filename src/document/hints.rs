//! What the mistakes in a file most likely are, where its text shows it.

use std::sync::Arc;

use super::{Documents, FileFormat};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Location, SourceFile, Span};

/// What to do about a file that is a template of one.
pub(crate) const TEMPLATE: &str = "put quotes around the placeholder if it is meant as text; if the file is a \
                                   template, exclude its folder with a `!` line in the input `files`, such as \
                                   `!**/skeleton/**`";

/// Says what the mistakes in `documents` most likely are. Of a file with a merge conflict nothing else
/// is said, and nothing is read.
pub(super) fn add(source: &Arc<SourceFile>, format: FileFormat, documents: &mut Documents) {
    let is_syntax = |one: &Diagnostic| one.is_error() && one.code == Code::Syntax;
    if !documents.diagnostics.iter().any(Diagnostic::is_error) {
        return;
    }
    let has_syntax_errors = documents.diagnostics.iter().any(is_syntax);
    if let Some(conflict) = conflict(source).filter(|_| has_syntax_errors) {
        *documents = Documents {
            roots: Vec::new(),
            diagnostics: vec![conflict],
        };
        return;
    }
    for diagnostic in &mut documents.diagnostics {
        let is_collection = diagnostic.code == Code::WrongType;
        if !diagnostic.is_error() || !(is_syntax(diagnostic) || is_collection) {
            continue;
        }
        let at = diagnostic.location().span.start;
        let line = line_at(source.text(), at);
        let hint = match has_placeholder(source.slice(line)) {
            true => Some(TEMPLATE.to_owned()),
            false if format == FileFormat::Yaml && is_syntax(diagnostic) => {
                missing_blank(source, line, at)
            }
            false => None,
        };
        diagnostic.help = hint.or(diagnostic.help.take());
    }
}

/// The first line of a conflict that Git left in the file.
///
/// <https://git-scm.com/docs/git-merge#_how_conflicts_are_presented>
fn conflict(source: &Arc<SourceFile>) -> Option<Diagnostic> {
    let text = source.text();
    let mut starts = text.match_indices("<<<<<<< ").map(|(at, _)| at);
    let is_first =
        |at: &usize| *at == 0 || text.get(..*at).is_some_and(|text| text.ends_with('\n'));
    let span = line_at(text, starts.find(is_first)?);
    let location = Location::new(source, span);
    let message = "the file holds a merge conflict, so it was not read";
    let help =
        "keep one of the two sides, and remove the lines with `<<<<<<<`, `=======` and `>>>>>>>`";
    Some(Diagnostic::new(Code::Syntax, location, message).help(help))
}

/// The line at the offset `at`, without its line break.
fn line_at(text: &str, at: usize) -> Span {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let breaks = ['\n', '\r'];
    let start = before.rfind(breaks).map_or(0, |line_break| line_break + 1);
    let length = after.find(breaks).unwrap_or(after.len());
    Span::new(start, before.len() + length)
}

/// Whether a text holds what Helm, Cookiecutter, Jinja and Backstage put values into.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// What to do about a key without a blank after its `:`, or a list item without one after its `-`, on
/// the `line` of a mistake at `at` or on the line before it.
fn missing_blank(source: &Arc<SourceFile>, line: Span, at: usize) -> Option<String> {
    let before = source.text().get(..line.start)?.trim_end();
    let line_before = line_at(source.text(), before.len());
    let is_first = source
        .slice(Span::new(line.start, at.max(line.start)))
        .trim()
        .is_empty();
    let lines = match is_first {
        // The mistake is the whole line.
        true => [Some(line), None],
        false => [Some(line_before).filter(|_| !before.is_empty()), Some(line)],
    };
    lines
        .into_iter()
        .flatten()
        .find_map(|line| blank_in(source.slice(line)))
}

fn blank_in(line: &str) -> Option<String> {
    let line = line.trim();
    let item = line.strip_prefix("- ").unwrap_or(line).trim_start();
    let key = item.strip_prefix('-').unwrap_or(item);
    let (name, value) = key.split_once(':')?;
    let is_name = |name: &str| {
        let is_word = name
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '_');
        is_word && name.starts_with(|first: char| first.is_ascii_alphabetic())
    };
    let is_apart = value.is_empty() || value.starts_with([' ', '\t']);
    match (item == key, is_apart) {
        _ if !is_name(name) => None,
        (false, true) => Some(format!("put a space after the `-`: `- {name}: …`")),
        (true, false) if !value.starts_with('/') => {
            Some(format!("put a space after the `:`: `{name}: …`"))
        }
        _ => None,
    }
}
