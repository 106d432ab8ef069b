//! The data of an answer, held against the selections of its query.

use std::collections::BTreeMap;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Field, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use serde_json::Value;

use crate::openapi::Problems;
use crate::specifications;

/// What is wrong with the data that answers a document's one operation.
pub(super) fn check(document: &ExecutableDocument, data: &Value) -> Problems {
    let walk = Walk {
        schema: specifications::graphql(),
        document,
    };
    match document.operations.get(None) {
        Ok(operation) => {
            let selections = &operation.selection_set;
            walk.object(&selections.ty, &[selections], data, "data")
        }
        Err(error) => vec![error.message().to_string()],
    }
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
}

type Fields<'a> = BTreeMap<&'a str, Vec<&'a Field>>;

impl<'a> Walk<'a> {
    fn value(&self, ty: &Type, fields: &[&'a Field], value: &Value, path: &str) -> Problems {
        match (ty, value) {
            (Type::NonNullNamed(_) | Type::NonNullList(_), Value::Null) => {
                vec![format!("{path} must not be null")]
            }
            (_, Value::Null) => Problems::new(),
            (Type::List(item) | Type::NonNullList(item), Value::Array(items)) => {
                let one = |(at, value)| self.value(item, fields, value, &format!("{path}[{at}]"));
                items.iter().enumerate().flat_map(one).collect()
            }
            (Type::List(_) | Type::NonNullList(_), _) => vec![format!("{path} must be a list")],
            (Type::Named(name) | Type::NonNullNamed(name), _) => {
                self.named(name, fields, value, path)
            }
        }
    }

    fn named(&self, name: &str, fields: &[&'a Field], value: &Value, path: &str) -> Problems {
        let is_sound = match &self.schema.types[name] {
            ExtendedType::Scalar(_) => is_scalar(name, value),
            ExtendedType::Enum(values) => value
                .as_str()
                .is_some_and(|value| values.values.contains_key(value)),
            _ => {
                let sets: Vec<_> = fields.iter().map(|field| &field.selection_set).collect();
                return self.object(name, &sets, value, path);
            }
        };
        let problem = || format!("{path} must be a {name}, not {value}");
        (!is_sound).then(problem).into_iter().collect()
    }

    /// An answer need not say which type of an interface it holds: any that it fits will do.
    fn object(&self, name: &str, sets: &[&'a SelectionSet], value: &Value, path: &str) -> Problems {
        let possible = self.schema.types.iter().filter(|(possible, definition)| {
            definition.is_object()
                && (possible.as_str() == name || self.schema.is_subtype(name, possible))
        });
        possible
            .map(|(concrete, _)| self.concrete(concrete, sets, value, path))
            .min_by_key(Vec::len)
            .unwrap_or_else(|| vec![format!("{path}: no type is a {name}")])
    }

    fn concrete(
        &self,
        name: &str,
        sets: &[&'a SelectionSet],
        value: &Value,
        path: &str,
    ) -> Problems {
        let Some(members) = value.as_object() else {
            return vec![format!("{path} must be an object")];
        };
        let mut fields = Fields::new();
        for set in sets {
            self.collect(name, set, &mut fields);
        }
        let unasked = members
            .keys()
            .filter(|key| !fields.contains_key(key.as_str()));
        let mut problems: Problems = unasked
            .map(|key| format!("{path}.{key} was not asked for"))
            .collect();
        for (key, fields) in fields {
            let path = format!("{path}.{key}");
            problems.extend(match members.get(key) {
                None => vec![format!("{path} is missing")],
                Some(value) if key == "__typename" && value != name => {
                    vec![format!("{path} must be {name}")]
                }
                Some(value) => self.value(fields[0].ty(), &fields, value, &path),
            });
        }
        problems
    }

    /// What is asked of an object of type `name`. Directives are not known here: with `@include` a
    /// field would count as missing, so a query that uses one does not pass unseen.
    fn collect(&self, name: &str, set: &'a SelectionSet, fields: &mut Fields<'a>) {
        let applies = |to: &str| to == name || self.schema.is_subtype(to, name);
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    fields.entry(field.response_key()).or_default().push(field);
                }
                Selection::InlineFragment(inline) => {
                    if inline.type_condition.as_deref().is_none_or(applies) {
                        self.collect(name, &inline.selection_set, fields);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = &self.document.fragments[&spread.fragment_name];
                    if applies(fragment.type_condition()) {
                        self.collect(name, &fragment.selection_set, fields);
                    }
                }
            }
        }
    }
}

/// GitHub's own scalars are text. See <https://docs.github.com/en/graphql/reference/scalars>.
fn is_scalar(name: &str, value: &Value) -> bool {
    let text = value.as_str();
    match name {
        "Int" => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        "GitObjectID" => text.is_some_and(|text| {
            [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        }),
        "URI" => text.is_some_and(|text| text.contains(':')),
        "DateTime" | "GitTimestamp" => {
            text.is_some_and(|text| text.len() >= 20 && text.as_bytes()[10] == b'T')
        }
        _ => text.is_some(),
    }
}
