//! Integers that do not survive a program that keeps all numbers as floating-point numbers.

use serde_json::Number;

use super::EntityReader;
use crate::catalog::entity::values::LARGEST_EXACT;
use crate::diagnostic::{Code, Severity};
use crate::document::{Member, Node, Value};

impl EntityReader<'_> {
    /// Warns of integers in a property's value that Port may round, as JavaScript does.
    pub(super) fn check_numbers(&mut self, property: &Member) {
        self.check_value(&property.key, &property.value);
    }

    fn check_value(&mut self, property: &str, node: &Node) {
        if self.is_full(Severity::Warning) {
            return;
        }
        match &node.value {
            Value::Number(number) => self.check_number(property, node, number),
            Value::Array(items) => items
                .iter()
                .for_each(|item| self.check_value(property, item)),
            Value::Object(members) => members
                .iter()
                .for_each(|member| self.check_value(property, &member.value)),
            _ => {}
        }
    }

    fn check_number(&mut self, property: &str, node: &Node, number: &Number) {
        // What a mapping computes has no text of its own.
        let text = match self.source.slice(node.span) {
            "" => number.to_string(),
            text => text.to_owned(),
        };
        let is_beyond = match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.unsigned_abs() > LARGEST_EXACT,
            (None, Some(number)) => number > LARGEST_EXACT,
            // Of an integer with still more digits, only the text is exact.
            (None, None) => text.starts_with("0x") || !text.contains(['.', 'e', 'E']),
        };
        if !is_beyond {
            return;
        }
        let message =
            format!("`{text}` in `{property}` is an integer beyond 2^53, which Port may round");
        self.report(Code::LargeInteger, node.span, message, |d| {
            d.label("may be rounded").help(
                "if it is an identifier, make the property a string in the blueprint and quote the value",
            )
        });
    }
}
