//! Scalars of GitHub's schema.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// A full Git object id.
pub(super) struct GitObjectId(pub(super) String);

#[Scalar(name = "GitObjectID")]
impl ScalarType for GitObjectId {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) if is_full_id(&text) => Ok(Self(text)),
            other => Err(InputValueError::custom(format!(
                "Could not coerce value {other} to GitObjectID"
            ))),
        }
    }

    /// So that a query with another is refused as a whole.
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if is_full_id(text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn is_full_id(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An instant, as ISO 8601.
pub(super) struct DateTime(pub(super) String);

#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self).map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// An address.
pub(super) struct Uri(pub(super) String);

#[Scalar(name = "URI")]
impl ScalarType for Uri {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self).map_err(InputValueError::propagate)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

fn text(value: Value) -> InputValueResult<String> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other)),
    }
}
