//! What may be shown of values.
//!
//! Reporters never see a difference itself, only what this module makes of it. So a value that is not
//! to be shown cannot slip into any of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::BlueprintId;
use crate::catalog::live::{Difference, Field};
use crate::catalog::rules::PropertyRules;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{self, Node};
use crate::source::{Location, RepoPath, Source, Span};

/// What stands in the place of a value that is not shown.
pub const REDACTED: &str = "(redacted)";

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
pub struct Change {
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
    pub fn show(&self, blueprint: &BlueprintId, differences: &[Difference]) -> Vec<Change> {
        let show = |difference: &Difference| {
            let is_hidden = match &difference.field {
                Field::Property(name) => self.hides(blueprint, name),
                Field::Title | Field::Icon | Field::Team | Field::Relation(_) => false,
            };
            let shown = |value: &Value| match is_hidden {
                true => Shown::Redacted,
                false => Shown::Value(value.clone()),
            };
            Change {
                field: difference.field.clone(),
                from: difference.from.as_ref().map(shown),
                to: difference.to.as_ref().map(shown),
            }
        };
        differences.iter().map(show).collect()
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
    /// the files that they show. Of a file that cannot be read whole no line is shown at all.
    pub fn conceal(&self, diagnostics: &mut [Diagnostic]) {
        let is_needed = !self.properties.is_empty() || !self.blueprints.known.is_empty();
        if !is_needed {
            return;
        }
        let mut concealed = BTreeMap::new();
        for diagnostic in diagnostics {
            let related = diagnostic.related.iter_mut();
            let mut secrets = Vec::new();
            for label in std::iter::once(&mut diagnostic.primary).chain(related) {
                let Concealed {
                    source,
                    secrets: found,
                } = concealed
                    .entry(label.location.path().clone())
                    .or_insert_with(|| self.conceal_source(&label.location.source));
                // The same path may stand for another revision's file.
                if source.text().len() == label.location.source.text().len() {
                    label.location = Location::new(source, label.location.span);
                }
                secrets.extend(found.iter().cloned());
            }
            let diagnostic_texts = [Some(&mut diagnostic.message), diagnostic.help.as_mut()];
            let texts = diagnostic_texts.into_iter().flatten();
            for text in texts.chain([&mut diagnostic.primary.text]) {
                for secret in &secrets {
                    *text = text.replace(secret.as_str(), REDACTED);
                }
            }
        }
    }

    /// Takes the values that are not shown out of a text about an entity in `source`.
    pub fn conceal_text(&self, source: &Arc<Source>, text: &str) -> String {
        let secrets = self.conceal_source(source).secrets;
        secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), REDACTED)
        })
    }

    fn conceal_source(&self, source: &Arc<Source>) -> Concealed {
        let documents = document::parse(source);
        let is_broken = documents.diagnostics.iter().any(|one| {
            one.is_error() && one.code != Code::DuplicateKey && one.code != Code::TooLarge
        });
        let mut spans = Vec::new();
        if is_broken && !self.properties.is_empty() {
            spans.push(Span::new(0, source.text().len()));
        }
        for root in &documents.roots {
            match &root.value {
                document::Value::Array(items) => {
                    items.iter().for_each(|item| self.find(item, &mut spans));
                }
                _ => self.find(root, &mut spans),
            }
        }
        let secrets = spans.iter().flat_map(|span| words(source.slice(*span)));
        Concealed {
            secrets: secrets.collect(),
            source: masked(source, &spans),
        }
    }

    /// The places of an entity's values that are not shown.
    fn find(&self, entity: &Node, spans: &mut Vec<Span>) {
        if let Some(document::Value::Object(members)) =
            entity.get("properties").map(|node| &node.value)
        {
            let hidden = members
                .iter()
                .filter(|member| self.hides_anywhere(&member.key));
            spans.extend(hidden.map(|member| member.value.span));
        }
    }
}

struct Concealed {
    source: Arc<Source>,
    /// Texts that must not be quoted.
    secrets: Vec<String>,
}

/// A value's text as it stands in the file and without its quotes. What is very short is no secret,
/// and would be found everywhere.
fn words(text: &str) -> Vec<String> {
    const SHORTEST: usize = 4;
    let bare = text.trim_matches(['"', '\'']);
    let mut words = vec![text.to_owned()];
    if bare != text {
        words.push(bare.to_owned());
    }
    words.retain(|word| word.len() >= SHORTEST);
    words
}

/// The same text with a `*` for each byte within `spans`, so that every place stays where it is.
fn masked(source: &Arc<Source>, spans: &[Span]) -> Arc<Source> {
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
    Source::new(path, text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::blueprint::Blueprint;

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
        assert_eq!(json, "\"(redacted)\"");
    }

    fn concealed(text: &str, message: &str) -> (String, String) {
        let source = Source::new(RepoPath::new("port.yml"), text);
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
        assert_eq!(message, "must not be `(redacted)`");
    }

    #[test]
    fn of_a_broken_file_nothing_is_shown() {
        let (text, _) = concealed("token: hunter2: x\n", "it is broken");
        assert_eq!(text, "****** ******** *\n");
    }
}
