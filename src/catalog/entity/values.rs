//! The values of properties, so that equal ones are equal in every comparison.

use serde_json::{Map, Number, Value};

use super::Clearing;
use crate::document::Member;

/// Up to here, numbers with a fraction and integers are the same numbers: 2^53, the largest integer
/// of [JavaScript][safe] without a gap below it.
///
/// [safe]: https://developer.mozilla.org/docs/Web/JavaScript/Reference/Global_Objects/Number/MAX_SAFE_INTEGER
pub(super) const LARGEST_EXACT: u64 = 1 << 53;

/// The values of an entity's properties as they are sent. Without `null`s if nothing may be cleared.
pub(crate) fn property_values(members: &[Member], clearing: Clearing) -> Map<String, Value> {
    let is_kept = |member: &&Member| clearing == Clearing::Allowed || !member.value.is_null();
    let values = members.iter().filter(is_kept);
    values
        .map(|member| (member.key.clone(), canonical(member.value.to_json())))
        .collect()
}

/// The same value with every whole number as an integer: `1.0` is `1`.
pub(super) fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(&number).unwrap_or(number)),
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members
                .map(|(key, value)| (key, canonical(value)))
                .collect()
        }
        other => other,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a whole number up to 2^53 is the same as an integer"
)]
fn whole(number: &Number) -> Option<Number> {
    let value = number.as_f64().filter(|_| number.is_f64())?;
    let is_whole = value.fract() == 0.0 && value.abs() <= LARGEST_EXACT as f64;
    is_whole.then(|| Number::from(value as i64))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_numbers_are_integers() {
        let given = json!({"a": [1.0, -0.0, 1.5, 2e3, 1e300, "1.0"], "b": {"c": -7.0}, "d": 9007199254740993_i64});
        let expected = r#"{"a":[1,0,1.5,2000,1e+300,"1.0"],"b":{"c":-7},"d":9007199254740993}"#;
        assert_eq!(canonical(given).to_string(), expected);
    }
}
