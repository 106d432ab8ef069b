//! The graph → nodes: schema, tags, aliases and merge keys.

use serde_json::Number;

use super::compose::{GraphNode, Id, NodeContent, NodeGraph};
use super::scalar::{self, Scalar};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::findings::{Findings, brief};
use crate::document::members::{DuplicateKey, Members};
use crate::document::{MAX_ALIASED_NODES, MAX_DEPTH, Member, Node, TOO_DEEP_HELP, Value};
use crate::text::Span;

/// How much text a file's aliases may stand for in all, in bytes: few aliases of a long text
/// would fill the memory too.
const MAX_ALIASED_BYTES: usize = 8 * crate::document::MAX_BYTES;

/// What a file's aliases have expanded to so far.
#[derive(Default)]
pub(super) struct AliasBudget {
    nodes: usize,
    bytes: usize,
}

impl AliasBudget {
    fn is_exceeded(&self) -> bool {
        self.nodes > MAX_ALIASED_NODES || self.bytes > MAX_ALIASED_BYTES
    }

    fn spend(&mut self, entry: &GraphNode) {
        self.nodes += 1;
        if let NodeContent::Scalar { text, .. } = &entry.content {
            self.bytes += text.len();
        }
    }

    fn spend_key(&mut self, text: &str) {
        self.bytes += text.len();
    }
}

/// The value of the whole `graph`.
pub(super) fn construct(
    graph: &NodeGraph,
    findings: &mut Findings,
    budget: &mut AliasBudget,
) -> Node {
    Constructor {
        graph,
        findings,
        budget,
        alias: None,
    }
    .node(graph.root, 1)
}

struct Constructor<'a> {
    graph: &'a NodeGraph,
    findings: &'a mut Findings,
    budget: &'a mut AliasBudget,
    /// The outermost of the aliases that are being expanded.
    alias: Option<Span>,
}

impl<'a> Constructor<'a> {
    fn node(&mut self, id: Id, depth: usize) -> Node {
        let graph = self.graph;
        let entry = graph.entry(id);
        if self
            .alias
            .is_some_and(|alias| self.is_too_much(alias, entry, depth))
        {
            return Node {
                span: entry.span,
                value: Value::Null,
            };
        }
        let value = match &entry.content {
            NodeContent::Alias(target) => return self.expand(entry.span, *target, depth),
            NodeContent::Nothing => Value::Null,
            NodeContent::Scalar { text, is_plain } => self.scalar(entry, text, *is_plain),
            NodeContent::Sequence(items) => {
                self.check_collection(entry, Tag::Sequence);
                Value::Array(
                    items
                        .iter()
                        .map(|item| self.node(*item, depth + 1))
                        .collect(),
                )
            }
            NodeContent::Mapping(children) => {
                self.check_collection(entry, Tag::Mapping);
                self.mapping(children, depth)
            }
        };
        Node {
            span: entry.span,
            value,
        }
    }

    /// The value that the alias at `span` stands for, at the span of its anchor.
    fn expand(&mut self, span: Span, target: Id, depth: usize) -> Node {
        let outer = self.alias;
        self.alias = outer.or(Some(span));
        let node = self.node(target, depth);
        self.alias = outer;
        node
    }

    /// Whether `entry` is one too many of what the file's aliases stand for.
    fn is_too_much(&mut self, alias: Span, entry: &GraphNode, depth: usize) -> bool {
        self.budget.spend(entry);
        if depth > MAX_DEPTH {
            self.report_too_deep(alias);
        } else if self.budget.is_exceeded() {
            self.report_too_large(alias);
        } else {
            return false;
        }
        true
    }

    fn report_too_deep(&mut self, alias: Span) {
        let message = format!("with this alias, values are nested more than {MAX_DEPTH} deep");
        self.report_alias(Code::TooDeep, alias, message, TOO_DEEP_HELP);
    }

    fn report_too_large(&mut self, alias: Span) {
        let message = "the aliases of this file stand for too much".to_owned();
        let help = format!(
            "all aliases of a file together may stand for {MAX_ALIASED_NODES} values and 8 MiB of \
             text; write fewer, or split the file"
        );
        self.report_alias(Code::TooLarge, alias, message, help);
    }

    /// Reports what is wrong with what an alias stands for, once.
    fn report_alias(&mut self, code: Code, alias: Span, message: String, help: impl Into<String>) {
        if !self.findings.include(alias) {
            self.findings
                .push(self.findings.at(code, alias, message).help(help));
        }
    }

    /// Reports `diagnostic`, unless the value was looked at already where its anchor stands.
    fn report(&mut self, diagnostic: Diagnostic) {
        if self.alias.is_none() {
            self.findings.push(diagnostic);
        }
    }

    fn report_at(&mut self, span: Span, message: String, help: impl Into<String>) {
        self.report(self.findings.at(Code::WrongType, span, message).help(help));
    }

    fn scalar(&mut self, entry: &GraphNode, text: &str, is_plain: bool) -> Value {
        let resolved = match (self.tag(entry), is_plain) {
            (Some(tag), _) => tag.resolve(text),
            (None, true) => Some(scalar::resolve(text)),
            (None, false) => Some(Scalar::Text),
        };
        match resolved {
            Some(Scalar::Null) => Value::Null,
            Some(Scalar::Bool(value)) => Value::Bool(value),
            Some(Scalar::Integer(number) | Scalar::Float(number)) => Value::Number(number),
            Some(Scalar::Text) => Value::String(text.to_owned()),
            Some(Scalar::NotFinite) => {
                let message = format!("Port cannot hold the number `{}`", brief(text));
                self.report_at(entry.span, message, "put quotes around it if it is text");
                Value::Null
            }
            None => {
                self.report_mismatch(entry);
                Value::String(text.to_owned())
            }
        }
    }

    /// The tag of `entry`. One that is not known is reported and counts as none.
    fn tag(&mut self, entry: &GraphNode) -> Option<Tag> {
        let name = entry.tag.as_deref()?;
        let tag = Tag::of(name);
        if tag.is_none() {
            let message = format!("the tag `{}` is not known", brief(&shorthand(name)));
            self.report_at(
                entry.span,
                message,
                format!("the known tags are {KNOWN_TAGS}"),
            );
        }
        tag
    }

    fn check_collection(&mut self, entry: &GraphNode, kind: Tag) {
        if self
            .tag(entry)
            .is_some_and(|tag| tag != kind && tag != Tag::NonSpecific)
        {
            self.report_mismatch(entry);
        }
    }

    fn report_mismatch(&mut self, entry: &GraphNode) {
        let tag = shorthand(entry.tag.as_deref().unwrap_or_default());
        let message = format!("the value is not what its tag `{tag}` says");
        self.report_at(entry.span, message, "change the value, or remove the tag");
    }

    fn mapping(&mut self, children: &'a [Id], depth: usize) -> Value {
        let mut members = Members::with_capacity(children.len() / 2);
        let mut merge: Option<(Span, Id, Node)> = None;
        for pair in children.chunks_exact(2) {
            let &[key, value_id] = pair else { continue };
            let value = self.node(value_id, depth + 1);
            let key_span = self.graph.entry(key).span;
            if self.is_merge_key(key) {
                match &merge {
                    Some((first, ..)) => self.report_second_merge(*first, key_span),
                    None => merge = Some((key_span, value_id, value)),
                }
            } else if let Some(key) = self.key(key) {
                let member = Member {
                    key,
                    key_span,
                    value,
                };
                if let Err(duplicate) = members.insert(member) {
                    self.report_duplicate(&duplicate);
                }
            }
        }
        if let Some((_, id, value)) = merge {
            self.merge(&mut members, self.graph.entry(id).span, value);
        }
        Value::Object(members.into_vec())
    }

    /// The text of a key: that of a scalar as it is written, whatever it would stand for as value.
    fn key(&mut self, id: Id) -> Option<String> {
        let graph = self.graph;
        let entry = graph.entry(id);
        let target = match entry.content {
            NodeContent::Alias(target) => graph.entry(target),
            _ => entry,
        };
        match &target.content {
            NodeContent::Scalar { text, is_plain } => {
                if entry.tag.is_some() {
                    self.scalar(entry, text, *is_plain);
                }
                self.is_affordable(entry, text).then(|| text.to_string())
            }
            NodeContent::Sequence(_) | NodeContent::Mapping(_) => {
                let message = "a key has to be text, this one is a collection".to_owned();
                let help = "put quotes around it if it is text, such as the template `\"{{ … }}\"`";
                self.report_at(entry.span, message, help);
                None
            }
            NodeContent::Alias(_) | NodeContent::Nothing => None,
        }
    }

    /// Whether the key at `entry` may be repeated, if an alias has it stand for `text` again.
    fn is_affordable(&mut self, entry: &GraphNode, text: &str) -> bool {
        let alias = match entry.content {
            NodeContent::Alias(_) => Some(self.alias.unwrap_or(entry.span)),
            _ => self.alias,
        };
        let Some(alias) = alias else { return true };
        self.budget.spend_key(text);
        if self.budget.is_exceeded() {
            self.report_too_large(alias);
        }
        !self.budget.is_exceeded()
    }

    fn report_duplicate(&mut self, duplicate: &DuplicateKey) {
        if self.alias.is_none() {
            self.findings.push_duplicate_key(duplicate);
        }
    }

    fn is_merge_key(&self, id: Id) -> bool {
        let entry = self.graph.entry(id);
        entry.tag.is_none()
            && matches!(&entry.content, NodeContent::Scalar { text, is_plain: true } if &**text == "<<")
    }

    fn report_second_merge(&mut self, first: Span, second: Span) {
        let diagnostic = self
            .findings
            .at(Code::DuplicateKey, second, "the key `<<` is given twice")
            .label("again here")
            .related(self.findings.location(first), "first here")
            .help("merge several mappings with one key: `<<: [*first, *second]`");
        self.report(diagnostic);
    }

    /// Adds those members of the merge value that are not there yet; what stands first wins.
    ///
    /// <https://yaml.org/type/merge.html>
    fn merge(&mut self, members: &mut Members, span: Span, value: Node) {
        match value.value {
            Value::Object(merged) => members.extend_missing(merged),
            Value::Array(items) => {
                for item in items {
                    match item.value {
                        Value::Object(merged) => members.extend_missing(merged),
                        _ => self.report_merge(item.span),
                    }
                }
            }
            _ => self.report_merge(span),
        }
    }

    fn report_merge(&mut self, span: Span) {
        if !self.findings.include(span) {
            let message = "`<<` merges mappings, and this is none".to_owned();
            self.report_at(
                span,
                message,
                "write `<<: *anchor`, or `<<: [*first, *second]`",
            );
        }
    }
}

/// The tags that JSON has values for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    Null,
    Bool,
    Integer,
    Float,
    Text,
    Sequence,
    Mapping,
    /// `!` alone: a scalar is text, a collection what it is.
    NonSpecific,
}

const PREFIX: &str = "tag:yaml.org,2002:";
const KNOWN_TAGS: &str = "`!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!map` and `!!seq`";

/// A tag's full name as it is mostly written.
fn shorthand(name: &str) -> String {
    name.strip_prefix(PREFIX)
        .map_or(name.to_owned(), |suffix| format!("!!{suffix}"))
}

impl Tag {
    /// The tag with this full name.
    fn of(name: &str) -> Option<Self> {
        if name == "!" {
            return Some(Self::NonSpecific);
        }
        match name.strip_prefix(PREFIX)? {
            "null" => Some(Self::Null),
            "bool" => Some(Self::Bool),
            "int" => Some(Self::Integer),
            "float" => Some(Self::Float),
            "str" => Some(Self::Text),
            "seq" => Some(Self::Sequence),
            "map" => Some(Self::Mapping),
            _ => None,
        }
    }

    /// What a scalar with this tag stands for, unless its text does not fit.
    fn resolve(self, text: &str) -> Option<Scalar> {
        let resolved = scalar::resolve(text);
        match (self, &resolved) {
            (Self::Text | Self::NonSpecific, _) => Some(Scalar::Text),
            (Self::Null, Scalar::Null)
            | (Self::Bool, Scalar::Bool(_))
            | (Self::Integer, Scalar::Integer(_))
            | (Self::Float, Scalar::Float(_) | Scalar::NotFinite) => Some(resolved),
            (Self::Float, Scalar::Integer(number)) => {
                Number::from_f64(number.as_f64()?).map(Scalar::Float)
            }
            _ => None,
        }
    }
}
