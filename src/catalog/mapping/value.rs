//! What expressions give → the nodes of entities, which remember where they come from.

use std::sync::Arc;

use super::file::{Bindings, Evaluation, Limit};
use super::jq::PathStep;
use super::{ExpressionId, ExpressionKind, Mapping, TemplateField, ValueTemplate};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Member, Node, Value};
use crate::text::{Location, Origins, SourceFile, Span};

/// What a mapping makes of a file.
#[derive(Debug, Clone)]
pub struct MappingResult {
    /// The file, which knows where computed values come from.
    pub source: Arc<SourceFile>,
    /// What may be entities.
    pub candidates: Vec<Candidate>,
    /// What is wrong with the file as a whole, or with the mapping for it.
    pub errors: Vec<Diagnostic>,
    /// Whether the mapping can be used for it: what keeps it from that is said once, in the mapping.
    pub usable: Usable,
}

/// Whether a mapping can be used for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usable {
    /// It can.
    Yes,
    /// It has a mistake.
    No,
}

/// What may be an entity.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its fields.
    pub node: Node,
    /// What is wrong with some of them.
    pub errors: Vec<Diagnostic>,
}

impl MappingResult {
    /// A file of which it is not known what the mapping makes of it.
    pub fn unusable(source: Arc<SourceFile>) -> Self {
        Self {
            usable: Usable::No,
            ..Self::lost(source, Vec::new())
        }
    }

    /// A file of which nothing is known but what is wrong with it.
    pub fn lost(source: Arc<SourceFile>, errors: Vec<Diagnostic>) -> Self {
        Self {
            source,
            candidates: Vec::new(),
            errors,
            usable: Usable::Yes,
        }
    }
}

/// What an expression gives.
pub(super) enum Evaluated {
    /// A part of the file.
    There(Node),
    /// A value that is nowhere in the file.
    Computed(serde_json::Value),
}

/// Makes entities of one file.
pub(super) struct Maker<'m> {
    pub(super) mapping: &'m Mapping,
    pub(super) source: Arc<SourceFile>,
    pub(super) spans: Vec<(Span, Span)>,
}

impl Maker<'_> {
    /// What the template of an entity gives.
    pub(super) fn candidate(
        &mut self,
        template: &ValueTemplate,
        scope: &Bindings<'_>,
    ) -> Candidate {
        let mut errors = Vec::new();
        let ValueTemplate::Object(span, fields) = template else {
            let node = self.computed(serde_json::Value::Null, Span::new(0, 0), scope);
            return Candidate { node, errors };
        };
        let mut members = Vec::new();
        for field in fields {
            let is_section = ["properties", "relations"].contains(&field.key.as_str());
            let value = match &field.value {
                ValueTemplate::Object(span, fields) if is_section => {
                    Some(self.section(*span, fields, scope, &mut errors))
                }
                value => self.value(value, &field.key, scope, &mut errors),
            };
            match value {
                None => {}
                Some(value) if value.is_null() => {
                    errors.extend(self.missing(field, &value));
                }
                Some(value) => members.push(self.member(field, value, scope)),
            }
        }
        let span = self.computed_span(scope.from(), *span);
        let value = Value::Object(members);
        Candidate {
            node: Node { span, value },
            errors,
        }
    }

    /// Properties or relations: one that is `null` is left out.
    fn section(
        &mut self,
        span: Span,
        fields: &[TemplateField],
        scope: &Bindings<'_>,
        errors: &mut Vec<Diagnostic>,
    ) -> Node {
        let mut members = Vec::new();
        for field in fields {
            let value = self.value(&field.value, &field.key, scope, errors);
            if let Some(value) = value.filter(|value| !value.is_null()) {
                members.push(self.member(field, value, scope));
            }
        }
        Node {
            span: self.computed_span(scope.from(), span),
            value: Value::Object(members),
        }
    }

    /// A `null` where there must be a name is never silence.
    fn missing(&self, field: &TemplateField, value: &Node) -> Option<Diagnostic> {
        let code = match field.key.as_str() {
            "identifier" => Code::MissingIdentifier,
            "blueprint" => Code::MissingBlueprint,
            _ => return None,
        };
        let (from, by) = self.shown(value.span);
        let location = Location::new(&self.source, from);
        let message = format!("the mapping gives `null` for `{}`", field.key);
        let help = "if this is not an entity, leave it out: a file by `selector.query`, an item by `select(…)` in `itemsToParse`";
        let by = by.unwrap_or_else(|| self.mapping.location(field.key_span));
        let found = Diagnostic::new(code, location, message).related(by, "mapped here");
        Some(found.help(help))
    }

    fn member(&mut self, field: &TemplateField, value: Node, scope: &Bindings<'_>) -> Member {
        let from = match self.shown(value.span) {
            (from, None) => from,
            (_, Some(_)) => scope.from(),
        };
        Member {
            key: field.key.clone(),
            key_span: self.computed_span(from, field.key_span),
            value,
        }
    }

    /// A value with expressions in it; `None` if one of them fails, which is said.
    fn value(
        &mut self,
        template: &ValueTemplate,
        name: &str,
        scope: &Bindings<'_>,
        errors: &mut Vec<Diagnostic>,
    ) -> Option<Node> {
        match template {
            ValueTemplate::Value(id) => match self.mapping.evaluate(*id, scope) {
                Ok(Evaluated::There(node)) => Some(node),
                Ok(Evaluated::Computed(value)) => {
                    let span = self.mapping.expression(*id).span;
                    Some(self.computed(value, span, scope))
                }
                Err(reason) => {
                    errors.push(self.failed(*id, name, &reason, scope));
                    None
                }
            },
            ValueTemplate::Array(span, items) => {
                let items = items.iter();
                let items: Vec<_> = items
                    .filter_map(|item| self.value(item, name, scope, errors))
                    .collect();
                Some(Node {
                    span: self.computed_span(scope.from(), *span),
                    value: Value::Array(items),
                })
            }
            ValueTemplate::Object(span, fields) => {
                let mut members = Vec::new();
                for field in fields {
                    if let Some(value) = self.value(&field.value, &field.key, scope, errors) {
                        members.push(self.member(field, value, scope));
                    }
                }
                Some(Node {
                    span: self.computed_span(scope.from(), *span),
                    value: Value::Object(members),
                })
            }
        }
    }

    /// What to say of an expression that gives nothing.
    pub(super) fn failed(
        &self,
        id: ExpressionId,
        name: &str,
        reason: &str,
        scope: &Bindings<'_>,
    ) -> Diagnostic {
        let location = Location::new(&self.source, scope.from());
        let by = self.mapping.location(self.mapping.expression(id).span);
        let message = format!("the mapping's expression for `{name}` fails here: {reason}");
        let found = Diagnostic::new(Code::InvalidMapping, location, message);
        found.related(by, "this expression")
    }

    /// A node whose every part was computed by the expression at `by`.
    fn computed(&mut self, value: serde_json::Value, by: Span, scope: &Bindings<'_>) -> Node {
        let span = self.computed_span(scope.from(), by);
        node(value, span)
    }

    fn computed_span(&mut self, from: Span, by: Span) -> Span {
        self.spans.push((from, by));
        self.source.computed(self.spans.len() - 1)
    }

    /// What a span that this maker has given stands for.
    fn shown(&self, span: Span) -> (Span, Option<Location>) {
        let first = self.source.computed(0).start;
        let number = span.start.checked_sub(first);
        match number.and_then(|number| self.spans.get(number)) {
            Some((from, by)) => (*from, Some(self.mapping.location(*by))),
            None => (span, None),
        }
    }

    /// The file with all that is known of where its values come from.
    pub(super) fn finish(self) -> Arc<SourceFile> {
        self.source.mapped(Origins {
            mapping: Arc::clone(self.mapping.source()),
            spans: self.spans,
        })
    }
}

impl Mapping {
    /// The first value of an expression, or `null`.
    pub(super) fn evaluate(
        &self,
        id: ExpressionId,
        scope: &Bindings<'_>,
    ) -> Result<Evaluated, String> {
        match &self.expression(id).kind {
            ExpressionKind::Constant(value) => Ok(Evaluated::Computed(value.clone())),
            ExpressionKind::Path(steps) => follow(steps, scope),
            ExpressionKind::Filter(filter) => match scope.answer(*filter) {
                Some(Evaluation::Values(values)) => Ok(Evaluated::Computed(
                    values.first().cloned().unwrap_or_default(),
                )),
                Some(Evaluation::Failed(reason)) => Err(reason.clone()),
                Some(Evaluation::Stopped(limit)) => Err(limit.to_string()),
                None => Err(Limit::Run.to_string()),
            },
            ExpressionKind::Flawed => Err("it cannot be read".to_owned()),
        }
    }
}

/// Goes a way into what expressions see, by jq's rules.
pub(super) fn follow(steps: &[PathStep], scope: &Bindings<'_>) -> Result<Evaluated, String> {
    let steps = match steps {
        [PathStep::Key(file), rest @ ..] if file == "file" => rest,
        steps => steps,
    };
    let Some((PathStep::Key(first), rest)) = steps.split_first() else {
        return Err("cannot index an object with a number".to_owned());
    };
    let (start, is_there) = scope.root(first);
    let Some(start) = start else {
        return Ok(Evaluated::Computed(serde_json::Value::Null));
    };
    Ok(match walk(start, rest)? {
        Some(node) if is_there => Evaluated::There(node.clone()),
        Some(node) => Evaluated::Computed(node.to_json()),
        None => Evaluated::Computed(serde_json::Value::Null),
    })
}

fn walk<'n>(start: &'n Node, steps: &[PathStep]) -> Result<Option<&'n Node>, String> {
    let mut node = start;
    for step in steps {
        let next = match (&node.value, step) {
            (Value::Null, _) => None,
            (Value::Object(_), PathStep::Key(key)) => node.get(key),
            (Value::Array(items), PathStep::Index(index)) => {
                let from_end = items.len().checked_sub(index.unsigned_abs());
                match usize::try_from(*index) {
                    Ok(index) => items.get(index),
                    Err(_) => from_end.and_then(|index| items.get(index)),
                }
            }
            (_, PathStep::Key(key)) => {
                return Err(format!("cannot index {} with `{key}`", node.kind()));
            }
            (_, PathStep::Index(_)) => {
                return Err(format!("cannot index {} with a number", node.kind()));
            }
        };
        match next {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}

/// A value as a node, all of it at one span.
pub(super) fn node(value: serde_json::Value, span: Span) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Number(number),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| node(item, span)).collect())
        }
        serde_json::Value::Object(members) => {
            let member = |(key, value)| Member {
                key,
                key_span: span,
                value: node(value, span),
            };
            Value::Object(members.into_iter().map(member).collect())
        }
    };
    Node { span, value }
}
