//! Values that remember where they stand.

use serde_json::{Map, Number};

use crate::text::Span;

/// A value of a document and its span.
///
/// What comes from a YAML alias (`*name`) keeps the span of its anchor's definition, so that a
/// diagnostic points at the text that has to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// From the first to the last character of the value, quotes and brackets included.
    pub span: Span,
    /// The value.
    pub value: Value,
}

/// What JSON can hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A finite number.
    Number(Number),
    /// Text, with escapes resolved.
    String(String),
    /// A sequence.
    Array(Vec<Node>),
    /// A mapping: members in the order of the file, keys unique.
    Object(Vec<Member>),
}

/// A key of a mapping and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The key, with escapes resolved.
    pub key: String,
    /// The key's span, quotes included.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.member(key).map(|member| &member.value)
    }

    /// The member named `key`, if this is a mapping that has it.
    pub fn member(&self, key: &str) -> Option<&Member> {
        match &self.value {
            Value::Object(members) => members.iter().find(|member| member.key == key),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    /// What the value is, as text that follows "found": `a string`.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }

    /// The value alone, as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => serde_json::Value::Bool(*value),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::String(text) => serde_json::Value::String(text.clone()),
            Value::Array(items) => items.iter().map(Node::to_json).collect(),
            Value::Object(members) => serde_json::Value::Object(to_json_map(members)),
        }
    }

    /// Whether `span` lies in the text of this value or of any value in it, wherever an alias
    /// took that from.
    pub fn covers(&self, span: Span) -> bool {
        self.span.contains(span)
            || match &self.value {
                Value::Array(items) => items.iter().any(|item| item.covers(span)),
                Value::Object(members) => members
                    .iter()
                    .any(|member| member.key_span.contains(span) || member.value.covers(span)),
                _ => false,
            }
    }
}

/// The members of a mapping alone, as JSON.
pub fn to_json_map(members: &[Member]) -> Map<String, serde_json::Value> {
    members
        .iter()
        .map(|member| (member.key.clone(), member.value.to_json()))
        .collect()
}
