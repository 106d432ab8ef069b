//! What may be shown of values.
//!
//! Reporters never see a difference itself, only what this module makes of it. So a value that is not
//! to be shown cannot slip into any of them.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::catalog::blueprint::{Blueprint, Blueprints, OfInvalid};
use crate::catalog::declare::Declaration;
use crate::catalog::difference::{Difference, Field};
use crate::catalog::entity::{BlueprintId, FIELDS};
use crate::catalog::rules::PropertyRules;
use crate::diagnostic::Diagnostic;
use crate::document::{self, Node};
use crate::text::{Location, RepoPath, SourceFile, Span};

/// What stands in the place of a value that is not shown.
pub const REDACTED: &str = "(value hidden)";

/// What is shorter is no secret, and would be found everywhere.
const SHORTEST_SECRET: usize = 4;

/// Which values are not shown.
#[derive(Debug, Clone, Copy)]
pub struct Redaction<'r> {
    /// The user's rules.
    pub properties: &'r PropertyRules,
    /// Blueprints, which may say that a property is a secret.
    pub blueprints: &'r Blueprints,
}

/// What a write changes in one field, as far as it may be shown.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownDifference {
    /// Which one.
    pub field: Field,
    /// What Port holds; `None` is nothing.
    pub from: Option<Shown>,
    /// What it will hold; `None` is nothing.
    pub to: Option<Shown>,
}

/// A value that may be shown, or the word that one is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// The value.
    Value(Value),
    /// It is not to be shown.
    Redacted,
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Redacted => serializer.serialize_str(REDACTED),
        }
    }
}

impl Redaction<'_> {
    /// What may be shown of the differences of an entity of `blueprint`.
    pub fn show(
        &self,
        blueprint: &BlueprintId,
        differences: &[Difference],
    ) -> Vec<ShownDifference> {
        let show = |difference: &Difference| {
            let is_hidden = match &difference.field {
                Field::Property(name) => self.hides(blueprint, name),
                Field::Title | Field::Icon | Field::Team | Field::Relation(_) => false,
            };
            let shown = |value: &Value| match is_hidden {
                true => Shown::Redacted,
                false => Shown::Value(self.without_hidden_keys(value)),
            };
            let from = difference.from.as_ref().map(shown);
            let to = difference.to.as_ref().map(shown);
            // Of what differs nothing is left to show.
            let (from, to) = match from == to {
                true => (from.map(|_| Shown::Redacted), to.map(|_| Shown::Redacted)),
                false => (from, to),
            };
            ShownDifference {
                field: difference.field.clone(),
                from,
                to,
            }
        };
        differences.iter().map(show).collect()
    }

    /// An object can hold what is not shown under a key of its own.
    fn without_hidden_keys(&self, value: &Value) -> Value {
        let member = |(key, value): (&String, &Value)| {
            let value = match self.properties.is_match(key) {
                true => Value::from(REDACTED),
                false => self.without_hidden_keys(value),
            };
            (key.clone(), value)
        };
        match value {
            Value::Object(members) => Value::Object(members.iter().map(member).collect()),
            Value::Array(items) => {
                let items = items.iter();
                items.map(|item| self.without_hidden_keys(item)).collect()
            }
            other => other.clone(),
        }
    }

    fn hides(&self, blueprint: &BlueprintId, name: &str) -> bool {
        let shape = self.blueprints.known.get(blueprint);
        self.properties.is_match(name) || shape.is_some_and(|shape| shape.is_secret(name))
    }

    fn hides_anywhere(&self, name: &str) -> bool {
        let is_secret = || {
            self.blueprints
                .known
                .values()
                .any(|shape| shape.is_secret(name))
        };
        self.properties.is_match(name) || is_secret()
    }

    /// Takes the values that are not shown out of what `diagnostics` say, and out of the lines of
    /// the files that they show. Of a file that cannot be parsed no line is shown at all while
    /// anything is a secret, and nothing is quoted.
    pub fn conceal(&self, diagnostics: &mut [Diagnostic]) {
        if !self.hides_something() {
            return;
        }
        // A path can stand for files of several revisions.
        let mut concealed = BTreeMap::new();
        for diagnostic in diagnostics {
            let mut found = Vec::new();
            let related = diagnostic.related.iter_mut();
            for label in std::iter::once(&mut diagnostic.primary).chain(related) {
                let source = Arc::clone(&label.location.source);
                let (_, one) = concealed.entry(Arc::as_ptr(&source)).or_insert_with(|| {
                    (Arc::clone(&source), Rc::new(self.conceal_source(&source)))
                });
                label.location = Location::new(&one.source, label.location.span);
                found.push(Rc::clone(one));
            }
            let texts = [
                Some(&mut diagnostic.message),
                diagnostic.help.as_mut(),
                diagnostic.cause.as_mut(),
            ];
            let texts = texts.into_iter().flatten();
            for text in texts.chain([&mut diagnostic.primary.text]) {
                for concealed in &found {
                    *text = concealed.without_secrets(text);
                }
            }
        }
    }

    /// Takes the values that are not shown out of a text about what `declaration` declares.
    pub fn conceal_text(&self, declaration: &Declaration, text: &str) -> String {
        if !self.hides_something() {
            return text.to_owned();
        }
        let mut hidden = Vec::new();
        self.find(declaration.node(), &mut hidden);
        without(&secrets(&hidden, &declaration.source), text)
    }

    fn hides_something(&self) -> bool {
        let has_secrets =
            |shape: &Blueprint| shape.stored_properties().any(|name| shape.is_secret(name));
        !self.properties.is_empty()
            || self.blueprints.of_invalid == OfInvalid::Unknown
            || self.blueprints.known.values().any(has_secrets)
    }

    fn conceal_source(&self, source: &Arc<SourceFile>) -> Concealed {
        let documents = document::parse(source);
        // Where in a mapped file a property's value comes from, only the mapping knows.
        let is_broken =
            source.is_mapped() || documents.diagnostics.iter().any(Diagnostic::is_error);
        let mut hidden = Vec::new();
        for root in &documents.roots {
            match &root.value {
                document::Value::Array(items) => {
                    items.iter().for_each(|item| self.find(item, &mut hidden));
                }
                _ => self.find(root, &mut hidden),
            }
            if root.get("resources").is_some() {
                self.find_in_mapping(root, &mut hidden);
            }
        }
        let spans: Vec<_> = match is_broken {
            true => vec![Span::new(0, source.text().len())],
            false => hidden.iter().map(|node| node.span).collect(),
        };
        Concealed {
            secrets: secrets(&hidden, source),
            source: masked(source, &spans),
            broken: is_broken.then(|| Arc::clone(source)),
        }
    }

    /// The values of an entity that are not shown.
    fn find<'n>(&self, entity: &'n Node, hidden: &mut Vec<&'n Node>) {
        let properties = entity.get("properties").map(|node| &node.value);
        let Some(document::Value::Object(members)) = properties else {
            return;
        };
        for member in members {
            match self.hides_anywhere(&member.key) {
                true => hidden.push(&member.value),
                false => self.find_keys(&member.value, hidden),
            }
        }
    }

    /// The same of every entity in a mapping: an expression can be a secret as it stands.
    fn find_in_mapping<'n>(&self, node: &'n Node, hidden: &mut Vec<&'n Node>) {
        self.find(node, hidden);
        match &node.value {
            document::Value::Array(items) => {
                items
                    .iter()
                    .for_each(|item| self.find_in_mapping(item, hidden));
            }
            document::Value::Object(members) => {
                let values = members.iter().map(|member| &member.value);
                values.for_each(|value| self.find_in_mapping(value, hidden));
            }
            _ => {}
        }
    }

    fn find_keys<'n>(&self, node: &'n Node, hidden: &mut Vec<&'n Node>) {
        match &node.value {
            document::Value::Array(items) => {
                items.iter().for_each(|item| self.find_keys(item, hidden));
            }
            document::Value::Object(members) => {
                for member in members {
                    match self.properties.is_match(&member.key) {
                        true => hidden.push(&member.value),
                        false => self.find_keys(&member.value, hidden),
                    }
                }
            }
            _ => {}
        }
    }
}

struct Concealed {
    source: Arc<SourceFile>,
    /// Texts that must not be quoted.
    secrets: BTreeSet<String>,
    /// The file as it is, if it cannot be parsed, so that all of it may be a secret.
    broken: Option<Arc<SourceFile>>,
}

impl Concealed {
    fn without_secrets(&self, text: &str) -> String {
        let text = without(&self.secrets, text);
        match &self.broken {
            Some(source) => match source.mapping() {
                Some(mapping) => without_values(&text, mapping.text()),
                None => without_quotes(&text, source.text()),
            },
            None => text,
        }
    }
}

/// The text without what it quotes of `file`. Fields' own names are no secrets.
fn without_quotes(text: &str, file: &str) -> String {
    let is_in_file = |part: &str| part.len() >= SHORTEST_SECRET && file.contains(part);
    // What is quoted may be cut, and have a sign before it that the file has elsewhere.
    let has_word = |part: &str| {
        let mut words = part.split(|one: char| !one.is_alphanumeric());
        words.any(|word| is_in_file(word) && !FIELDS.contains(&word))
    };
    let parts = text.split('`').enumerate().map(|(at, part)| {
        // With a backtick in it, a quote is between quotes.
        let is_quote = at % 2 == 1;
        match is_quote && has_word(part) || !is_quote && is_in_file(part.trim()) {
            true => REDACTED,
            false => part,
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// The text without what it quotes, unless the mapping has the word: what a mapping computes need not be
/// in its file.
fn without_values(text: &str, mapping: &str) -> String {
    let parts = text.split('`').enumerate().map(|(at, part)| {
        let is_quote = at % 2 == 1;
        match is_quote && !mapping.contains(part) {
            true => REDACTED,
            false => part,
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// The texts of values: as they stand in the file, and without quotes and escapes. What is very short
/// is no secret, and would be found everywhere.
fn secrets(hidden: &[&Node], source: &SourceFile) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for node in hidden {
        let text = source.slice(node.span);
        secrets.extend([text, text.trim_matches(['"', '\''])].map(str::to_owned));
        add_texts(node, &mut secrets);
    }
    secrets.retain(|secret| secret.len() >= SHORTEST_SECRET);
    secrets
}

fn add_texts(node: &Node, texts: &mut BTreeSet<String>) {
    match &node.value {
        document::Value::String(text) => {
            texts.insert(text.clone());
            texts.insert(text.trim().to_owned());
        }
        document::Value::Array(items) => items.iter().for_each(|item| add_texts(item, texts)),
        document::Value::Object(members) => members
            .iter()
            .for_each(|member| add_texts(&member.value, texts)),
        _ => {}
    }
}

/// The text without any of `secrets`: longer ones go first, as they can hold others.
fn without(secrets: &BTreeSet<String>, text: &str) -> String {
    let mut secrets: Vec<_> = secrets.iter().filter(|one| text.contains(*one)).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let replace = |text: String, secret: &String| text.replace(secret.as_str(), REDACTED);
    secrets.into_iter().fold(text.to_owned(), replace)
}

/// The same text with a `*` for each byte within `spans`, so that every position stays the same.
fn masked(source: &Arc<SourceFile>, spans: &[Span]) -> Arc<SourceFile> {
    if spans.is_empty() {
        return Arc::clone(source);
    }
    let mut bytes = source.text().as_bytes().to_vec();
    for span in spans {
        for byte in bytes.get_mut(span.range()).into_iter().flatten() {
            if !byte.is_ascii_whitespace() {
                *byte = b'*';
            }
        }
    }
    // Whole characters are replaced, as spans lie on their boundaries.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let path: RepoPath = source.path().clone();
    SourceFile::new(path, text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::testing::declaration;
    use crate::diagnostic::Code;

    fn blueprints() -> Blueprints {
        let shape = json!({"schema": {"properties": {
            "key": {"type": "string", "encryption": "aes256-gcm"}, "url": {"type": "string"}
        }}});
        let mut blueprints = Blueprints::default();
        let identifier = BlueprintId::parse("b").unwrap();
        let blueprint = Blueprint::from_json(shape).unwrap();
        blueprints.known.insert(identifier, blueprint);
        blueprints
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        let rules = PropertyRules::parse("*token*").unwrap();
        let blueprints = blueprints();
        let redaction = Redaction {
            properties: &rules,
            blueprints: &blueprints,
        };
        let difference = |name: &str| Difference {
            field: Field::Property(name.to_owned()),
            from: None,
            to: Some(json!({"a": "hunter2"})),
        };
        let changes = redaction.show(
            &BlueprintId::parse("b").unwrap(),
            &["api_token", "key", "url"].map(difference),
        );
        let is_shown: Vec<_> = changes
            .iter()
            .map(|change| format!("{change:?}").contains("hunter2"))
            .collect();
        assert_eq!(is_shown, [false, false, true]);
        assert_eq!(changes[0].from, None);
        let json = serde_json::to_string(&changes[0].to).unwrap();
        assert_eq!(json, "\"(value hidden)\"");
    }

    #[test]
    fn an_object_can_hold_a_secret() {
        let rules = PropertyRules::parse("*token*").unwrap();
        let blueprints = Blueprints::default();
        let redaction = Redaction {
            properties: &rules,
            blueprints: &blueprints,
        };
        let blueprint = BlueprintId::parse("b").unwrap();
        let change = |from: Value, to: Value| {
            let difference = Difference {
                field: Field::Property("config".to_owned()),
                from: Some(from),
                to: Some(to),
            };
            redaction.show(&blueprint, &[difference]).remove(0)
        };
        let held = |token: &str, size: u8| json!({"a": [{"token": token, "size": size}]});
        let changed = change(held("hunter1", 1), held("hunter2", 2));
        let shown = |size| Some(Shown::Value(held(REDACTED, size)));
        assert_eq!((changed.from, changed.to), (shown(1), shown(2)));
        let changed = change(held("hunter1", 1), held("hunter2", 1));
        assert_eq!(changed.from, Some(Shown::Redacted));
        assert_eq!(changed.to, Some(Shown::Redacted));
    }

    fn concealed(text: &str, message: &str) -> (String, String) {
        let source = SourceFile::new(RepoPath::new("port.yml"), text);
        let location = Location::start_of(&source);
        let diagnostic = Diagnostic::new(Code::InvalidProperty, location, message).help(message);
        let rules = PropertyRules::parse("*token*").unwrap();
        let redaction = Redaction {
            properties: &rules,
            blueprints: &Blueprints::default(),
        };
        let mut diagnostics = [diagnostic];
        redaction.conceal(&mut diagnostics);
        let [diagnostic] = diagnostics;
        assert_eq!(
            diagnostic.help.as_deref(),
            Some(diagnostic.message.as_str())
        );
        let text = diagnostic.location().source.text().to_owned();
        (text, diagnostic.message)
    }

    #[test]
    fn lines_and_messages_are_free_of_secrets() {
        let text = "identifier: a\nproperties:\n  token: \"hünter2\"\n  url: x\n";
        let (text, message) = concealed(text, "must not be `hünter2`");
        assert_eq!(
            text,
            "identifier: a\nproperties:\n  token: **********\n  url: x\n"
        );
        assert_eq!(message, "must not be `(value hidden)`");
    }

    #[test]
    fn a_secret_is_known_in_whatever_form() {
        for (value, quoted) in [
            (r#""hunt\u0065r2""#, "hunter2"),
            ("{token: hunter2}", "hunter2"),
            ("[hunter2, hunter3]", "hunter3"),
            ("|\n    hunter2\n    hunter3\n", "hunter2\nhunter3\n"),
            ("|\n    hunter2\n    hunter3\n", "hunter2\nhunter3"),
        ] {
            for name in ["token", "config: {token: 1}\n  token"] {
                let text = format!("identifier: a\nproperties:\n  {name}: {value}\n");
                let (text, message) = concealed(&text, &format!("not `{quoted}`"));
                assert_eq!(message, "not `(value hidden)`");
                assert!(!text.contains("hunt"), "{text}");
            }
        }
        let nested = "identifier: a\nproperties: {config: [{token: hunter2}]}\n";
        let (text, message) = concealed(nested, "not `hunter2`");
        assert_eq!(message, "not `(value hidden)`");
        assert!(text.contains("config") && !text.contains("hunt"), "{text}");
    }

    #[test]
    fn the_text_of_a_file_is_a_secret_too() {
        let rules = PropertyRules::parse("*token*").unwrap();
        let redaction = Redaction {
            properties: &rules,
            blueprints: &Blueprints::default(),
        };
        let mut declaration = declaration(json!({"properties": {"token": "file://token"}}));
        let path = declaration.source.path().clone();
        let text = crate::catalog::reference::Referenced::Text("hunter2\n".to_owned());
        let texts = BTreeMap::from([(RepoPath::new("token"), text)]);
        declaration = crate::catalog::reference::resolve(&declaration, &path, &texts).unwrap();
        let text = redaction.conceal_text(&declaration, "`hunter2` is too short");
        assert_eq!(text, "`(value hidden)` is too short");
    }

    #[test]
    fn of_a_property_that_is_there_twice_nothing_is_shown() {
        let text = "identifier: a\nproperties:\n  token: hunter1\n  token: hunter2\n";
        let (text, _) = concealed(text, "there are two");
        assert!(!text.contains("hunter"), "{text}");
    }

    #[test]
    fn of_a_broken_file_nothing_is_shown_and_nothing_quoted() {
        for (quote, expected) in [
            ("it is broken", "it is broken"),
            ("put `\"hunter2: x\"` there", "put `(value hidden)` there"),
            (
                "`hunter2…` is cut, not `properties`",
                "`(value hidden)` is cut, not `properties`",
            ),
            ("`*hunter2` and `x` are", "`(value hidden)` and `x` are"),
        ] {
            let (text, message) = concealed("token: hunter2: x\nproperties: {\n", quote);
            assert_eq!(text, "****** ******** *\n*********** *\n");
            assert_eq!(message, expected);
        }
    }

    #[test]
    fn of_a_broken_file_nothing_is_shown_where_a_blueprint_has_secrets_or_is_not_known() {
        let shown = |blueprints: &Blueprints| {
            let source = SourceFile::new(RepoPath::new("port.yml"), "key: hunter2: x\n");
            let location = Location::start_of(&source);
            let mut diagnostics = [Diagnostic::new(Code::Syntax, location, "no `hunter2`")];
            let redaction = Redaction {
                properties: &PropertyRules::default(),
                blueprints,
            };
            redaction.conceal(&mut diagnostics);
            let text = diagnostics[0].location().source.text().to_owned();
            text + &diagnostics[0].message
        };
        let unknown = Blueprints {
            of_invalid: OfInvalid::Unknown,
            ..Blueprints::default()
        };
        assert!(!shown(&blueprints()).contains("hunter2"));
        assert!(!shown(&unknown).contains("hunter2"));
        assert!(shown(&Blueprints::default()).contains("hunter2"));
    }
}
