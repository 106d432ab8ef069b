//! A property's schema, and what is wrong with a value by it.
//!
//! Port checks values with Ajv and formats of its own. Where it is not known how strict Port is,
//! the checks here are the more lenient ones: what passes here by mistake is refused by Port, but
//! what is refused here by mistake could never be written.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{Draft, ValidationError, Validator};
use serde_json::Value;
use url::Url;

/// How many violations of one value are reported. A hostile file could hold half a million.
const MAX_VIOLATIONS: usize = 100;

/// A schema, compiled when it is first needed.
#[derive(Debug)]
pub struct ValueSchema {
    schema: Value,
    compiled: OnceLock<Option<Validator>>,
}

/// Something wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The way from the property's value to what is wrong, as a JSON pointer.
    pub pointer: String,
    /// What is wrong.
    pub kind: ViolationKind,
}

/// What can be wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViolationKind {
    /// It is of another type; the types that it may be of.
    Type(Vec<String>),
    /// It is none of the allowed values.
    Enum(Vec<Value>),
    /// It has not the form of that name.
    Format(String),
    /// It does not match the pattern.
    Pattern(String),
    /// A key is missing.
    MissingKey(String),
    /// Keys that are not allowed.
    UnknownKeys(Vec<String>),
    /// Something else, as text that follows the property's name.
    Other(String),
}

impl ValueSchema {
    pub(super) fn new(schema: Value) -> Self {
        Self {
            schema,
            compiled: OnceLock::new(),
        }
    }

    /// The value where an entity is created without one: the [`default`][docs].
    ///
    /// [docs]: https://docs.port.io/build-your-software-catalog/customize-integrations/configure-data-model/setup-blueprint/properties/
    pub fn default_value(&self) -> Option<&Value> {
        self.schema.get("default").filter(|value| !value.is_null())
    }

    /// Whether values are secrets: see [`is_secret`].
    pub fn is_secret(&self) -> bool {
        is_secret(&self.schema)
    }

    /// Whether it can be compiled. One that cannot, say for its pattern, leaves every value to Port.
    pub fn is_sound(&self) -> bool {
        self.validator().is_some()
    }

    fn validator(&self) -> Option<&Validator> {
        self.compiled.get_or_init(|| compile(&self.schema)).as_ref()
    }

    /// Whether values are Markdown.
    pub fn is_markdown(&self) -> bool {
        self.schema["format"] == "markdown"
    }

    /// What is wrong with `value`, up to 100 violations. A schema that cannot be compiled, say for its
    /// pattern, leaves the value to Port.
    pub fn violations(&self, value: &Value) -> Vec<Violation> {
        // Most values are valid, and checking only that is much cheaper than collecting errors.
        let validator = self.validator().filter(|one| !one.is_valid(value));
        let errors = validator
            .into_iter()
            .flat_map(|validator| validator.iter_errors(value));
        errors
            .take(MAX_VIOLATIONS)
            .map(|error| violation(&error))
            .collect()
    }
}

/// Whether a schema's values are secrets. Port's blueprints have no such property today, but its inputs
/// of actions are marked with `encryption`: whatever says of itself that it is encrypted, secret or a
/// password is treated as a secret.
pub(crate) fn is_secret(schema: &Value) -> bool {
    let says_so = |key: &str| {
        let word = schema[key].as_str().unwrap_or_default();
        let word = word.to_ascii_lowercase();
        ["encrypt", "secret", "password", "aes"]
            .iter()
            .any(|sign| word.contains(sign))
    };
    schema
        .get("encryption")
        .is_some_and(|value| !value.is_null())
        || says_so("format")
        || says_so("spec")
}

fn compile(schema: &Value) -> Option<Validator> {
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(true)
        .with_format("date-time", is_date_time)
        .with_format("timer", is_date_time)
        .with_format("url", is_url)
        .with_format("email", is_email)
        .with_format("idn-email", is_email)
        .with_format("ipv4", |text: &str| text.parse::<Ipv4Addr>().is_ok())
        .with_format("ipv6", |text: &str| text.parse::<Ipv6Addr>().is_ok())
        .build(schema)
        .ok()
}

fn is_url(text: &str) -> bool {
    Url::parse(text).is_ok()
}

fn is_email(text: &str) -> bool {
    let (local, domain) = text.rsplit_once('@').unwrap_or_default();
    !local.is_empty() && !domain.is_empty() && !text.contains(char::is_whitespace)
}

/// `YYYY-MM-DD`, a `T` or blank, `HH:MM:SS`, and whatever follows: fractions and time zones come in
/// more forms than RFC 3339 has.
fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |from: usize, digits: usize| -> Option<u32> {
        let digits = text.get(from..from + digits)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let within = |from, digits, range: std::ops::RangeInclusive<u32>| {
        number(from, digits).is_some_and(|number| range.contains(&number))
    };
    let has = |at: usize, allowed: &[u8]| bytes.get(at).is_some_and(|byte| allowed.contains(byte));
    number(0, 4).is_some()
        && has(4, b"-")
        && within(5, 2, 1..=12)
        && has(7, b"-")
        && within(8, 2, 1..=31)
        && has(10, b"Tt ")
        && within(11, 2, 0..=23)
        && has(13, b":")
        && within(14, 2, 0..=59)
        && has(16, b":")
        && within(17, 2, 0..=60)
}

fn violation(error: &ValidationError<'_>) -> Violation {
    let pointer = error.instance_path().as_str().to_owned();
    let kind = match error.kind() {
        ValidationErrorKind::Type { kind } => ViolationKind::Type(types(kind)),
        ValidationErrorKind::Enum { options } => {
            ViolationKind::Enum(options.as_array().cloned().unwrap_or_default())
        }
        ValidationErrorKind::Constant { expected_value } => {
            ViolationKind::Enum(vec![expected_value.as_ref().clone()])
        }
        ValidationErrorKind::Format { format } => ViolationKind::Format(format.clone()),
        ValidationErrorKind::Pattern { pattern } => ViolationKind::Pattern(pattern.clone()),
        ValidationErrorKind::Required { property } => {
            ViolationKind::MissingKey(property.as_str().unwrap_or_default().to_owned())
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            ViolationKind::UnknownKeys(unexpected.clone())
        }
        other => ViolationKind::Other(bound(other)),
    };
    Violation { pointer, kind }
}

fn types(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(several) => several.iter().map(|one| one.to_string()).collect(),
    }
}

fn bound(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as ErrorKind;
    match kind {
        ErrorKind::MinLength { limit } => {
            format!("must have at least {}", count(*limit, "character"))
        }
        ErrorKind::MaxLength { limit } => {
            format!("must have at most {}", count(*limit, "character"))
        }
        ErrorKind::MinItems { limit } => format!("must have at least {}", count(*limit, "item")),
        ErrorKind::MaxItems { limit } => format!("must have at most {}", count(*limit, "item")),
        ErrorKind::MinProperties { limit } => {
            format!("must have at least {}", count(*limit, "key"))
        }
        ErrorKind::MaxProperties { limit } => format!("must have at most {}", count(*limit, "key")),
        ErrorKind::Minimum { limit } => format!("must be at least {limit}"),
        ErrorKind::Maximum { limit } => format!("must be at most {limit}"),
        ErrorKind::ExclusiveMinimum { limit } => format!("must be more than {limit}"),
        ErrorKind::ExclusiveMaximum { limit } => format!("must be less than {limit}"),
        ErrorKind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        ErrorKind::UniqueItems => "must not hold the same item twice".to_owned(),
        other => format!("does not fit the blueprint (its `{}`)", other.keyword()),
    }
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds(schema: Value, value: Value) -> Vec<ViolationKind> {
        let violations = ValueSchema::new(schema).violations(&value);
        violations
            .into_iter()
            .map(|violation| violation.kind)
            .collect()
    }

    #[test]
    fn formats_refuse_only_what_port_refuses_for_sure() {
        for (format, good, bad) in [
            ("url", "https://host/path", "www.host"),
            ("email", "me@host", "me"),
            ("date-time", "2026-02-28 10:00:00.5+0100", "28.2.2026"),
            ("timer", "2026-02-28T10:00:00Z", "tomorrow"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "10.0.0.1"),
        ] {
            let schema = json!({"type": "string", "format": format});
            assert_eq!(kinds(schema.clone(), json!(good)), [], "{format}");
            let expected = ViolationKind::Format(format.to_owned());
            assert_eq!(kinds(schema, json!(bad)), [expected], "{format}");
        }
        for format in [
            "markdown",
            "yaml",
            "user",
            "team",
            "proto",
            "labeled-url",
            "hologram",
        ] {
            assert_eq!(
                kinds(json!({"type": "string", "format": format}), json!("x")),
                []
            );
        }
    }

    #[test]
    fn secrets_say_so() {
        for (schema, is_secret) in [
            (json!({"type": "string", "encryption": "aes256-gcm"}), true),
            (json!({"type": "string", "format": "encrypted-text"}), true),
            (json!({"type": "string", "spec": "aes256-gcm"}), true),
            (json!({"type": "string", "format": "url"}), false),
            (json!({"type": "string", "spec": "async-api"}), false),
        ] {
            assert_eq!(
                ValueSchema::new(schema.clone()).is_secret(),
                is_secret,
                "{schema}"
            );
        }
    }

    #[test]
    fn the_place_of_a_nested_mistake_is_known() {
        let schema = json!({
            "type": "array",
            "items": {"type": "object", "properties": {"a/b": {"type": "number"}}},
        });
        let violations = ValueSchema::new(schema).violations(&json!([{}, {"a/b": "x"}]));
        assert_eq!(violations[0].pointer, "/1/a~1b");
    }

    #[test]
    fn a_schema_that_cannot_be_compiled_is_left_to_port() {
        assert_eq!(
            kinds(json!({"type": "string", "pattern": "("}), json!(7)),
            []
        );
    }

    #[test]
    fn a_schema_reaches_for_nothing_outside_of_itself() {
        assert_eq!(
            kinds(json!({"$ref": "https://example.com/schema.json"}), json!(7)),
            []
        );
    }
}
