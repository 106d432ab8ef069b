//! The core schema: what a plain scalar's text stands for.
//!
//! <https://yaml.org/spec/1.2.2/#103-core-schema>

use serde_json::Number;

/// What the text of a plain scalar stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(Number),
    Float(Number),
    /// Infinity, not a number, or a number too large to distinguish from infinity.
    NotFinite,
    Text,
}

/// Resolves the text of a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "true" | "True" | "TRUE" => return Scalar::Bool(true),
        "false" | "False" | "FALSE" => return Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Scalar::NotFinite,
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let finite =
        |number: Option<Number>, kind: fn(Number) -> Scalar| number.map_or(Scalar::NotFinite, kind);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        Scalar::NotFinite
    } else if let Some(digits) = text.strip_prefix("0o").filter(|digits| is_octal(digits)) {
        finite(in_radix(digits, 8), Scalar::Integer)
    } else if let Some(digits) = text
        .strip_prefix("0x")
        .filter(|digits| is_hexadecimal(digits))
    {
        finite(in_radix(digits, 16), Scalar::Integer)
    } else if is_decimal(unsigned) {
        finite(decimal(text), Scalar::Integer)
    } else if is_float(unsigned) {
        finite(decimal(text), Scalar::Float)
    } else {
        Scalar::Text
    }
}

/// `[0-9]+`
fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[0-7]+`
fn is_octal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'))
}

/// `[0-9a-fA-F]+`
fn is_hexadecimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_mantissa = match whole {
        "" => is_decimal(fraction),
        _ => is_decimal(whole) && (fraction.is_empty() || is_decimal(fraction)),
    };
    is_mantissa
        && exponent.is_none_or(|exponent| {
            is_decimal(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        })
}

/// A decimal number as JSON would hold it: an integer where it fits, else a float.
fn decimal(text: &str) -> Option<Number> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let integer = text
        .parse()
        .map(u64::into)
        .or_else(|_| text.parse().map(i64::into));
    integer
        .or_else(|_| serde_json::from_str(text))
        .ok()
        .or_else(|| {
            // What JSON does not spell so: leading zeros, no digit beside the point.
            Number::from_f64(text.parse().ok()?)
        })
}

fn in_radix(digits: &str, radix: u32) -> Option<Number> {
    match u64::from_str_radix(digits, radix) {
        Ok(number) => Some(number.into()),
        Err(_) => Number::from_f64(digits.chars().fold(0.0, |sum, digit| {
            sum * f64::from(radix) + digit.to_digit(radix).map_or(0.0, f64::from)
        })),
    }
}
