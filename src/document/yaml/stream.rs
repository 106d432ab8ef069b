//! A stream → the texts of its documents.

use super::layout;
use crate::text::Span;

/// The spans of the documents in `text`, with their directives and markers; those with nothing
/// but blanks and comments are left out.
///
/// A line that starts with `---` or `...` is a marker wherever it stands, even inside of quotes or
/// brackets: <https://yaml.org/spec/1.2.2/#document-markers>. So no parser is needed to find them.
pub(super) fn documents(text: &str) -> Vec<Span> {
    let mut documents = Vec::new();
    let mut current = Current::new(0);
    for (start, line) in lines(text) {
        let kind = LineKind::of(line);
        let begins_anew = kind == LineKind::Start && current.reached >= DocumentPart::Content;
        if begins_anew {
            documents.extend(current.until(start));
            current = Current::new(start);
        }
        current.take(kind);
        if kind == LineKind::End {
            documents.extend(current.until(start + line.len()));
            current = Current::new(start + line.len());
        }
    }
    documents.extend(current.until(text.len()));
    documents
}

/// What stands after the directives of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    /// `---`, as it has to be.
    ByMarker,
    /// Something else.
    ByContent,
}

/// The spans of those directives of `document` that YAML does not have, without their parameters.
pub(super) fn unknown_directives(text: &str, document: Span) -> (Vec<Span>, Followed) {
    let mut names = Vec::new();
    for (at, line) in lines(text.get(document.range()).unwrap_or_default()) {
        match LineKind::of(line) {
            LineKind::Blank => {}
            LineKind::Directive => {
                // A byte order mark may stand before it.
                let percent = document.start + at + line.find('%').unwrap_or_default();
                let name = layout::word(text, percent);
                if !matches!(text.get(name.range()), Some("%YAML" | "%TAG")) {
                    names.push(name);
                }
            }
            LineKind::Start => return (names, Followed::ByMarker),
            LineKind::End | LineKind::Content => break,
        }
    }
    (names, Followed::ByContent)
}

/// How far a document has got.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum DocumentPart {
    Nothing,
    Directives,
    Content,
}

/// The document that is being cut out.
struct Current {
    start: usize,
    reached: DocumentPart,
}

impl Current {
    fn new(start: usize) -> Self {
        Self {
            start,
            reached: DocumentPart::Nothing,
        }
    }

    fn take(&mut self, line: LineKind) {
        let part = match line {
            LineKind::Blank => DocumentPart::Nothing,
            // After the start of a document, `%` is content.
            LineKind::Directive => DocumentPart::Directives,
            LineKind::Start | LineKind::End | LineKind::Content => DocumentPart::Content,
        };
        self.reached = self.reached.max(part);
    }

    fn until(&self, end: usize) -> Option<Span> {
        (self.reached > DocumentPart::Nothing).then(|| Span::new(self.start, end))
    }
}

/// What a line means to the stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineKind {
    /// Nothing, or a comment.
    Blank,
    /// `%…`
    Directive,
    /// `---`
    Start,
    /// `...`
    End,
    Content,
}

impl LineKind {
    fn of(line: &str) -> Self {
        // A byte order mark may stand before any document.
        let line = line.strip_prefix('\u{FEFF}').unwrap_or(line);
        let is_marker = |marker: &str| {
            line.strip_prefix(marker)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
        };
        let content = line
            .trim_start_matches([' ', '\t'])
            .trim_end_matches(['\n', '\r']);
        if is_marker("---") {
            Self::Start
        } else if is_marker("...") {
            Self::End
        } else if line.starts_with('%') {
            Self::Directive
        } else if content.is_empty() || content.starts_with('#') {
            Self::Blank
        } else {
            Self::Content
        }
    }
}

/// The lines of `text` with their offsets and line breaks. A lone CR ends a line in YAML too.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = match rest.find(['\n', '\r']) {
            Some(at) if rest.get(at..).is_some_and(|end| end.starts_with("\r\n")) => at + 2,
            Some(at) => at + 1,
            None => rest.len(),
        };
        let line = rest.get(..length).unwrap_or_default();
        let line_start = start;
        start += length;
        Some((line_start, line))
    })
}
