//! Text of a file in the repository, and positions in it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The largest file that is read, in bytes: what Port takes in one request.
pub const MAX_BYTES: usize = 1024 * 1024;

/// `1 entity`, `2 entities`.
pub fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Path of a file in the repository, with `/` between its parts and no `/` at its start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RepoPath(Arc<str>);

impl RepoPath {
    /// The path as Git and GitHub's API spell it.
    pub fn new(path: impl Into<Arc<str>>) -> Self {
        Self(path.into())
    }

    /// The path as Git and GitHub's API spell it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A half-open range of bytes in a [`SourceFile`]; both ends lie on character boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte.
    pub end: usize,
}

impl Span {
    /// The span from byte `start` up to, not including, byte `end`.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end, "a span must not end before it starts");
        Self { start, end }
    }

    /// Whether `other` lies wholly inside this span.
    pub fn contains(self, other: Span) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// The span as a range of bytes, to index a string with.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A position as people and GitHub's annotations count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters (not bytes), from 1.
    pub column: usize,
}

/// Columns are counted from the last of these marks, which are so many bytes apart. A file can be
/// one line of a megabyte, with thousands of mistakes in it.
const MARK_EVERY: usize = 1024;

/// A file's path and text, with an index of its lines.
///
/// Lines end with LF or CRLF, as GitHub counts them.
#[derive(PartialEq, Eq)]
pub struct SourceFile {
    path: RepoPath,
    text: Box<str>,
    line_starts: Box<[usize]>,
    /// How many characters start before every [`MARK_EVERY`]th byte.
    marks: Box<[usize]>,
    /// Where what a mapping makes of the file comes from; `None` for a file that is no mapping's.
    origins: Option<Origins>,
}

/// Where the values come from that a mapping computes: they have no text of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// The mapping's file.
    pub mapping: Arc<SourceFile>,
    /// What each value was computed from, as far as that is known, in the file itself; and the
    /// expression, in the mapping.
    pub spans: Vec<(Span, Span)>,
}

impl SourceFile {
    /// Indexes `text`, the content of the file at `path`.
    pub fn new(path: RepoPath, text: impl Into<Box<str>>) -> Arc<Self> {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let marks = marks(&text);
        Arc::new(Self {
            path,
            text,
            line_starts,
            marks,
            origins: None,
        })
    }

    /// The same file, of which a mapping computes values: each of them gets a span of its own, see
    /// [`Self::computed`].
    pub fn mapped(&self, origins: Origins) -> Arc<Self> {
        Arc::new(Self {
            path: self.path.clone(),
            text: self.text.clone(),
            line_starts: self.line_starts.clone(),
            marks: self.marks.clone(),
            origins: Some(origins),
        })
    }

    /// The mapping that makes entities of the file, if one does.
    pub fn mapping(&self) -> Option<&Arc<Self>> {
        self.origins.as_ref().map(|origins| &origins.mapping)
    }

    /// Whether a mapping makes entities of the file.
    pub fn is_mapped(&self) -> bool {
        self.origins.is_some()
    }

    /// The span of the computed value with the number `index`: it lies after the text, since no text is
    /// the value's.
    pub fn computed(&self, index: usize) -> Span {
        let offset = self.text.len() + 1 + index;
        Span::new(offset, offset)
    }

    /// The span to show for `span`, and for a computed value the expression.
    pub fn resolve(&self, span: Span) -> (Span, Option<Location>) {
        let number = span.start.checked_sub(self.text.len() + 1);
        let found = self
            .origins
            .as_ref()
            .zip(number)
            .and_then(|(origins, number)| {
                let (from, by) = origins.spans.get(number)?;
                Some((*from, Some(Location::new(&origins.mapping, *by))))
            });
        found.unwrap_or((span, None))
    }

    /// A file whose content cannot be shown (too large, not text): its only position is its start.
    pub fn unreadable(path: RepoPath) -> Arc<Self> {
        Self::new(path, "")
    }

    /// Where the file lies in the repository.
    pub fn path(&self) -> &RepoPath {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text at `span`.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The line and column of a byte offset; an offset past the end counts as the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let line_start = self
            .line_starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or(0);
        Position {
            line,
            column: self.characters(offset) - self.characters(line_start) + 1,
        }
    }

    /// How many characters start before `offset`.
    fn characters(&self, offset: usize) -> usize {
        let mark = offset / MARK_EVERY;
        let counted = self.marks.get(mark).copied().unwrap_or_default();
        let bytes = self.text.as_bytes().get(mark * MARK_EVERY..offset);
        counted + starts(bytes.unwrap_or_default())
    }
}

fn marks(text: &str) -> Box<[usize]> {
    let mut count = 0;
    let chunks = text.as_bytes().chunks(MARK_EVERY).map(|chunk| {
        count += starts(chunk);
        count
    });
    std::iter::once(0).chain(chunks).collect()
}

/// How many characters start in `bytes`, a part of a text in UTF-8.
fn starts(bytes: &[u8]) -> usize {
    let is_start = |byte: &&u8| **byte & 0b1100_0000 != 0b1000_0000;
    bytes.iter().filter(is_start).count()
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Source({}, {} bytes)",
            self.path,
            self.text.len()
        )
    }
}

/// A span in a certain file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub source: Arc<SourceFile>,
    /// Which part of the file.
    pub span: Span,
}

impl Location {
    /// The location of `span` in `source`.
    pub fn new(source: &Arc<SourceFile>, span: Span) -> Self {
        Self {
            source: Arc::clone(source),
            span,
        }
    }

    /// The start of a file: for what concerns the file as a whole.
    pub fn start_of(source: &Arc<SourceFile>) -> Self {
        Self::new(source, Span::new(0, 0))
    }

    /// The file's path.
    pub fn path(&self) -> &RepoPath {
        self.source.path()
    }

    /// Line and column of the first character.
    pub fn start(&self) -> Position {
        let (span, _) = self.source.resolve(self.span);
        self.source.position(span.start)
    }

    /// Line and column after the last character.
    pub fn end(&self) -> Position {
        let (span, _) = self.source.resolve(self.span);
        self.source.position(span.end)
    }
}

impl fmt::Display for Location {
    /// `path:line:column`, the form that editors and terminals make a link of.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.start();
        write!(formatter, "{}:{line}:{column}", self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(text: &str, offset: usize) -> (usize, usize) {
        let Position { line, column } = SourceFile::new(RepoPath::new("f"), text).position(offset);
        (line, column)
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(position("", 0), (1, 1));
        assert_eq!(position("ab\ncd", 0), (1, 1));
        assert_eq!(position("ab\ncd", 2), (1, 3));
        assert_eq!(position("ab\ncd", 3), (2, 1));
        assert_eq!(position("ab\r\ncd", 5), (2, 2));
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        assert_eq!(position("é🦀x", "é🦀".len()), (1, 3));
    }

    #[test]
    fn columns_are_right_in_long_lines() {
        let text = format!("a\n{}", "é🦀x".repeat(1000));
        let source = SourceFile::new(RepoPath::new("f"), text.as_str());
        for (index, (offset, _)) in text[2..].char_indices().enumerate() {
            let Position { line, column } = source.position(2 + offset);
            assert_eq!((line, column), (2, index + 1));
        }
        assert_eq!(source.position(text.len()).column, 3001);
    }

    #[test]
    fn a_computed_value_is_where_it_comes_from() {
        let mapping = SourceFile::new(RepoPath::new("m"), "a\n.b");
        let (from, by) = (Span::new(1, 2), Span::new(2, 4));
        let origins = Origins {
            mapping: Arc::clone(&mapping),
            spans: vec![(from, by)],
        };
        let source = SourceFile::new(RepoPath::new("f"), "\nx").mapped(origins);
        let span = source.computed(0);
        assert_eq!(
            source.resolve(span),
            (from, Some(Location::new(&mapping, by)))
        );
        assert_eq!(source.slice(span), "");
        assert_eq!(Location::new(&source, span).to_string(), "f:2:1");
        assert_eq!(source.resolve(from), (from, None));
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        assert_eq!(position("ab\n", 99), (2, 1));
    }
}
