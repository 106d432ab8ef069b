//! Property values against a blueprint's property schemas.
//!
//! The checks are written anew here and share nothing with those of the action, so that one can
//! show the other's mistakes.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use fancy_regex::{Error, Regex};
use serde_json::{Map, Value};

/// What is wrong with a value, each as a path and Ajv's words for it.
pub(super) fn check(schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut complaints = Complaints {
        path,
        list: Vec::new(),
    };
    if !schema["type"]
        .as_str()
        .is_none_or(|wanted| has_type(value, wanted))
    {
        complaints.add(format!(
            "must be {}",
            schema["type"].as_str().unwrap_or_default()
        ));
        return complaints.list;
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|allowed| !allowed.iter().any(|one| same(one, value)))
    {
        complaints.add("must be equal to one of the allowed values");
    }
    match value {
        Value::String(text) => string(schema, text, &mut complaints),
        Value::Number(number) => {
            numeric(schema, number.as_f64().unwrap_or_default(), &mut complaints);
        }
        Value::Array(items) => array(schema, items, &mut complaints),
        Value::Object(members) => object(schema, members, &mut complaints),
        _ => {}
    }
    complaints.list
}

struct Complaints<'a> {
    path: &'a str,
    list: Vec<String>,
}

impl Complaints<'_> {
    fn add(&mut self, text: impl AsRef<str>) {
        self.list.push(format!("{} {}", self.path, text.as_ref()));
    }
}

fn has_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => true,
    }
}

/// Whether two values are equal in JSON's sense, in which `1` is `1.0`.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn string(schema: &Value, text: &str, complaints: &mut Complaints<'_>) {
    let length = text.chars().count() as u64;
    if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
        complaints.add(format!("must NOT have fewer than {least} characters"));
    }
    if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
        complaints.add(format!("must NOT have more than {most} characters"));
    }
    if let Some(pattern) = schema["pattern"]
        .as_str()
        .filter(|pattern| !fits(&Regex::new(pattern), text))
    {
        complaints.add(format!("must match pattern \"{pattern}\""));
    }
    if let Some(format) = schema["format"]
        .as_str()
        .filter(|format| !is_format(format, text))
    {
        complaints.add(format!("must match format \"{format}\""));
    }
}

fn numeric(schema: &Value, number: f64, complaints: &mut Complaints<'_>) {
    type Test = fn(&f64, &f64) -> bool;
    let bounds: [(&str, &str, Test); 4] = [
        ("minimum", ">=", f64::ge),
        ("maximum", "<=", f64::le),
        ("exclusiveMinimum", ">", f64::gt),
        ("exclusiveMaximum", "<", f64::lt),
    ];
    for (key, sign, holds) in bounds {
        if let Some(bound) = schema[key].as_f64().filter(|bound| !holds(&number, bound)) {
            complaints.add(format!("must be {sign} {bound}"));
        }
    }
}

fn array(schema: &Value, items: &[Value], complaints: &mut Complaints<'_>) {
    let length = items.len() as u64;
    if let Some(least) = schema["minItems"].as_u64().filter(|least| length < *least) {
        complaints.add(format!("must NOT have fewer than {least} items"));
    }
    if let Some(most) = schema["maxItems"].as_u64().filter(|most| length > *most) {
        complaints.add(format!("must NOT have more than {most} items"));
    }
    let repeated = |at: usize| items[..at].iter().any(|one| same(one, &items[at]));
    if schema["uniqueItems"] == true && (0..items.len()).any(repeated) {
        complaints.add("must NOT have duplicate items");
    }
    if schema["items"].is_object() {
        for (at, item) in items.iter().enumerate() {
            let path = format!("{}/{at}", complaints.path);
            complaints.list.extend(check(&schema["items"], item, &path));
        }
    }
}

fn object(schema: &Value, members: &Map<String, Value>, complaints: &mut Complaints<'_>) {
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !members.contains_key(name) {
            complaints.add(format!("must have required property '{name}'"));
        }
    }
    for (name, value) in members {
        let own = &schema["properties"][name];
        let schema = if own.is_object() {
            own
        } else {
            &schema["additionalProperties"]
        };
        if *schema == false {
            complaints.add("must NOT have additional properties");
        }
        let path = format!("{}/{name}", complaints.path);
        complaints.list.extend(check(schema, value, &path));
    }
}

/// A pattern that is compiled once.
pub(super) type Pattern = LazyLock<Result<Regex, Error>>;

/// Whether a text fits. A pattern that cannot be read refuses everything, so that no test passes on
/// its account.
pub(super) fn fits(pattern: &Result<Regex, Error>, text: &str) -> bool {
    let pattern = pattern.as_ref();
    pattern.is_ok_and(|pattern| pattern.is_match(text).unwrap_or_default())
}

static DATE_TIME: Pattern = LazyLock::new(|| {
    Regex::new(
        r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):?[0-5]\d)$",
    )
});
static URL: Pattern = LazyLock::new(|| Regex::new(r"^(?i)[a-z][a-z0-9+.-]*://[^\s/?#]+[^\s]*$"));
static EMAIL: Pattern = LazyLock::new(|| Regex::new(r"^[^\s@]+@[^\s@.]+(\.[^\s@.]+)*$"));

/// The formats of Port's property types; those without a syntax of their own take any text.
fn is_format(format: &str, text: &str) -> bool {
    match format {
        "date-time" | "timer" => fits(&DATE_TIME, text),
        "url" => fits(&URL, text),
        "email" | "idn-email" | "user" => fits(&EMAIL, text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        _ => true,
    }
}
