//! The parser's events → a graph with spans.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::input::{Characters, Offsets};
use super::layout::{self, Announced, NodeProperties};
use super::message;
use super::stream::{self, Followed};
use crate::diagnostic::Code;
use crate::document::findings::Findings;
use crate::document::{MAX_DEPTH, TOO_DEEP_HELP};
use crate::text::Span;

/// One document as it is written: aliases are not followed, scalars not resolved.
pub(super) struct NodeGraph {
    entries: Vec<GraphNode>,
    pub(super) root: Id,
}

/// Names an [`GraphNode`] of a [`NodeGraph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(usize);

/// A node of the graph.
pub(super) struct GraphNode {
    /// From the tag, if there is one, to the end of the value. For an alias, the alias.
    pub(super) span: Span,
    /// The tag in full, such as `tag:yaml.org,2002:str`.
    pub(super) tag: Option<Box<str>>,
    pub(super) content: NodeContent,
}

/// What a node is.
pub(super) enum NodeContent {
    /// Boxed, as a file can hold half a million of them and the parser leaves room after each.
    Scalar {
        text: Box<str>,
        is_plain: bool,
    },
    Sequence(Vec<Id>),
    /// Keys and values in turn.
    Mapping(Vec<Id>),
    Alias(Id),
    /// An alias of which was reported that it leads nowhere.
    Nothing,
}

impl NodeGraph {
    pub(super) fn entry(&self, id: Id) -> &GraphNode {
        &self.entries[id.0]
    }
}

/// Composes the document at `document` in `text`. `None` if it is empty or broken.
pub(super) fn compose(text: &str, document: Span, findings: &mut Findings) -> Option<NodeGraph> {
    if let Some(diagnostic) = message::forbidden_character(text, document, findings) {
        findings.push(diagnostic);
        return None;
    }
    let input = without_unknown_directives(text, document, findings)?;
    let offsets = Offsets::new(document);
    let mut parser = Parser::new(Characters::new(&input, document.start, &offsets));
    let mut composer = Composer::new(text, document, &offsets, findings);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => composer.take(event, span).ok()?,
            Err(error) => composer.recover(&error).ok()?,
        }
    }
    composer.finish()
}

/// The text of `document`, in which directives that YAML does not have are comments. `None` if a
/// directive is where it cannot stand.
///
/// <https://yaml.org/spec/1.2.2/#681-directives>: they are ignored, with a warning.
fn without_unknown_directives<'t>(
    text: &'t str,
    document: Span,
    findings: &mut Findings,
) -> Option<Cow<'t, str>> {
    let mut input = Cow::Borrowed(text.get(document.range()).unwrap_or_default());
    let (names, followed) = stream::unknown_directives(text, document);
    for name in names {
        let diagnostic = message::unknown_directive(text, name, followed, findings);
        findings.push(diagnostic);
        if followed == Followed::ByContent {
            return None;
        }
        let percent = name.start - document.start;
        input.to_mut().replace_range(percent..=percent, "#");
    }
    Some(input)
}

/// The document cannot be read on; why is reported.
struct Broken;

/// A collection whose end was not reached yet.
struct OpenCollection {
    id: Id,
    shape: CollectionStyle,
    children: Vec<Id>,
}

/// How a collection is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CollectionStyle {
    /// In brackets, the first at this offset.
    Flow(usize),
    /// A block, or a single pair in a flow sequence: it ends where its last value does.
    Bare,
}

/// The kinds of collections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CollectionKind {
    Sequence,
    Mapping,
}

struct Composer<'a> {
    text: &'a str,
    document: Span,
    offsets: &'a Offsets,
    findings: &'a mut Findings,
    entries: Vec<GraphNode>,
    root: Option<Id>,
    open: Vec<OpenCollection>,
    /// The entries of anchors, by the parser's number for them.
    anchors: HashMap<usize, Id>,
    anchor_names: Vec<&'a str>,
    /// Offset after the last value or opening bracket.
    cursor: usize,
}

impl<'a> Composer<'a> {
    fn new(
        text: &'a str,
        document: Span,
        offsets: &'a Offsets,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            text,
            document,
            offsets,
            findings,
            entries: Vec::new(),
            root: None,
            open: Vec::new(),
            anchors: HashMap::new(),
            anchor_names: Vec::new(),
            cursor: document.start,
        }
    }

    fn take(&mut self, event: Event<'_>, span: saphyr_parser::Span) -> Result<(), Broken> {
        let token = Span::new(self.offsets.of(&span.start), self.offsets.of(&span.end));
        match event {
            Event::DocumentStart(true) => self.cursor = token.end,
            Event::Scalar(text, style, anchor, tag) => {
                let properties = self.properties(token.start, anchor, tag.is_some());
                let span = self.scalar_span(token, &text, style, &properties);
                let is_plain = style == ScalarStyle::Plain;
                let content = NodeContent::Scalar {
                    text: text.into_owned().into_boxed_str(),
                    is_plain,
                };
                self.add(span, &properties, tag.as_deref(), anchor, content)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.enter(CollectionKind::Sequence, token, anchor, tag.as_deref())?;
            }
            Event::MappingStart(anchor, tag) => {
                self.enter(CollectionKind::Mapping, token, anchor, tag.as_deref())?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(token.start),
            Event::Alias(anchor) => self.alias(token, anchor)?,
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Option<NodeGraph> {
        let graph = NodeGraph {
            root: self.root?,
            entries: self.entries,
        };
        let root = graph.entry(graph.root);
        let is_empty = matches!(&root.content, NodeContent::Scalar { text, is_plain: true } if text.is_empty());
        (!is_empty || root.tag.is_some()).then_some(graph)
    }

    fn properties(&mut self, at: usize, anchor: usize, has_tag: bool) -> NodeProperties {
        let announced = Announced {
            tag: has_tag,
            anchor: anchor > 0,
        };
        let properties = layout::properties(self.text, at, announced);
        let name = properties
            .anchor
            .and_then(|name| self.text.get(name.range()));
        self.anchor_names.extend(name);
        properties
    }

    /// Where the value of a scalar stands, without its tag and anchor.
    fn scalar_span(
        &self,
        token: Span,
        text: &str,
        style: ScalarStyle,
        properties: &NodeProperties,
    ) -> Span {
        let has_properties = properties.end > token.start;
        let after_properties = layout::skip_blanks(self.text, properties.end);
        match style {
            ScalarStyle::Plain if text.is_empty() && has_properties => {
                Span::new(properties.end, properties.end)
            }
            ScalarStyle::Plain if text.is_empty() => {
                let offset = self.omitted();
                Span::new(offset, offset)
            }
            ScalarStyle::Plain => Span::new(after_properties.min(token.end), token.end),
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                let end = layout::quoted_end(self.text, after_properties);
                Span::new(after_properties, end)
            }
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let from = if has_properties {
                    properties.end
                } else {
                    self.cursor
                };
                let start = layout::block_scalar_start(self.text, from);
                let whole = Span::new(start, token.end.max(start));
                Span::new(start, layout::block_scalar_end(self.text, whole))
            }
        }
    }

    /// Where a value that is left out would stand: right after its indicator.
    fn omitted(&self) -> usize {
        match self
            .open
            .last()
            .map(|open| (self.kind(open), open.children.len() % 2))
        {
            None => self.cursor,
            Some((CollectionKind::Sequence, _)) => layout::after(self.text, self.cursor, b'-'),
            Some((CollectionKind::Mapping, 0)) => {
                let comma = layout::after(self.text, self.cursor, b',');
                layout::after(self.text, comma, b'?')
            }
            Some((CollectionKind::Mapping, _)) => layout::after(self.text, self.cursor, b':'),
        }
    }

    fn kind(&self, open: &OpenCollection) -> CollectionKind {
        match self.entries[open.id.0].content {
            NodeContent::Mapping(_) => CollectionKind::Mapping,
            _ => CollectionKind::Sequence,
        }
    }

    /// A collection begins, of which the parser gave the first `token`.
    fn enter(
        &mut self,
        kind: CollectionKind,
        token: Span,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Broken> {
        let properties = self.properties(token.start, anchor, tag.is_some());
        let after_properties = layout::skip_blanks(self.text, properties.end);
        // The token of a block collection is empty, or ends where the collection starts.
        let is_flow = token.end > after_properties
            && matches!(
                self.text.as_bytes().get(after_properties),
                Some(b'[' | b'{')
            );
        let (shape, start) = match kind {
            _ if is_flow => (CollectionStyle::Flow(after_properties), after_properties),
            _ if properties.end == token.start => {
                (CollectionStyle::Bare, self.bare_start(kind, token))
            }
            CollectionKind::Mapping => (CollectionStyle::Bare, token.end),
            CollectionKind::Sequence => (CollectionStyle::Bare, after_properties),
        };
        let content = match kind {
            CollectionKind::Sequence => NodeContent::Sequence(Vec::new()),
            CollectionKind::Mapping => NodeContent::Mapping(Vec::new()),
        };
        let span = Span::new(start, start);
        let id = self.add(span, &properties, tag, anchor, content)?;
        self.cursor = if is_flow { start + 1 } else { start };
        self.open.push(OpenCollection {
            id,
            shape,
            children: Vec::new(),
        });
        Ok(())
    }

    /// Where a collection without brackets and properties starts.
    fn bare_start(&self, kind: CollectionKind, token: Span) -> usize {
        match self
            .open
            .last()
            .map(|parent| (self.kind(parent), parent.children.len() % 2))
        {
            // A sequence that is indented no further than its key has its token after the `-`.
            Some((CollectionKind::Mapping, index)) if kind == CollectionKind::Sequence => {
                let indicator = if index == 0 { b'?' } else { b':' };
                let after = layout::after(self.text, self.cursor, indicator);
                layout::skip_blanks(self.text, after)
            }
            _ => token.start,
        }
    }

    /// The innermost open collection ends; its closing bracket, if it has one, stands at `at` or
    /// after the comma there.
    fn leave(&mut self, at: usize) {
        let Some(open) = self.open.pop() else { return };
        if let CollectionStyle::Flow(_) = open.shape {
            let bracket = layout::skip_blanks(self.text, layout::after(self.text, at, b','));
            self.cursor = bracket + 1;
        }
        let entry = &mut self.entries[open.id.0];
        entry.span.end = self.cursor.max(entry.span.start);
        if let NodeContent::Sequence(children) | NodeContent::Mapping(children) = &mut entry.content
        {
            *children = open.children;
        }
    }

    fn alias(&mut self, token: Span, anchor: usize) -> Result<(), Broken> {
        let target = self.anchors.get(&anchor).copied();
        let is_enclosing = |id| self.open.iter().any(|open| open.id == id);
        let content = match target {
            Some(id) if is_enclosing(id) => {
                let name = self.text.get(token.range()).unwrap_or_default();
                let diagnostic = message::recursive_alias(name, token, self.findings);
                self.findings.push(diagnostic);
                NodeContent::Nothing
            }
            Some(id) => NodeContent::Alias(id),
            None => NodeContent::Nothing,
        };
        self.add(
            token,
            &NodeProperties {
                end: token.start,
                ..NodeProperties::default()
            },
            None,
            0,
            content,
        )?;
        Ok(())
    }

    /// Adds an entry for the value at `span` to the collection that it is in.
    fn add(
        &mut self,
        span: Span,
        properties: &NodeProperties,
        tag: Option<&Tag>,
        anchor: usize,
        content: NodeContent,
    ) -> Result<Id, Broken> {
        if self.open.len() >= MAX_DEPTH {
            return self.too_deep(span.start);
        }
        self.cursor = span.end;
        let start = properties
            .tag
            .map_or(span.start, |tag| tag.start.min(span.start));
        let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix).into_boxed_str());
        let id = Id(self.entries.len());
        self.entries.push(GraphNode {
            span: Span::new(start, span.end),
            tag,
            content,
        });
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(id),
            None => self.root = Some(id),
        }
        Ok(id)
    }

    fn too_deep<T>(&mut self, at: usize) -> Result<T, Broken> {
        let message = format!("values are nested more than {MAX_DEPTH} levels deep");
        let diagnostic = self.findings.at(Code::TooDeep, Span::new(at, at), message);
        self.findings.push(diagnostic.help(TOO_DEEP_HELP));
        Err(Broken)
    }

    /// Reports what the parser stumbled over. After an unknown alias it can read on.
    fn recover(&mut self, error: &ScanError) -> Result<(), Broken> {
        let at = self.offsets.of(error.marker());
        if error.info() == message::UNKNOWN_ANCHOR {
            let name = layout::name(self.text, at + 1);
            let diagnostic =
                message::unknown_alias(self.text, name, &self.anchor_names, self.findings);
            self.findings.push(diagnostic);
            let nothing = NodeProperties {
                end: at,
                ..NodeProperties::default()
            };
            let span = Span::new(at, name.end);
            self.add(span, &nothing, None, 0, NodeContent::Nothing)?;
            return if self.findings.is_full() {
                Err(Broken)
            } else {
                Ok(())
            };
        }
        if error.info() == message::TOO_DEEP {
            return self.too_deep(at);
        }
        let bracket = self.open.iter().rev().find_map(|open| match open.shape {
            CollectionStyle::Flow(bracket) => Some(bracket),
            CollectionStyle::Bare => None,
        });
        let stumble = message::Stumble {
            info: error.info(),
            at,
            bracket,
        };
        let diagnostic = message::explain(self.text, self.document, &stumble, self.findings);
        self.findings.push(diagnostic);
        Err(Broken)
    }
}
