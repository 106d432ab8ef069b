//! Whatever happens to the names and the indentation of a file, Port keeps what the file does not
//! clearly give up.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use crate::catalog::rules::BlueprintRules;
use crate::catalog::testing::{blueprint, live};
use crate::text::{RepoPath, SourceFile};

/// The fields of an entity, each with its lines.
const FIELDS: [(&str, &str); 7] = [
    ("identifier", " e\n"),
    ("blueprint", " b\n"),
    ("title", " T\n"),
    ("icon", " I\n"),
    ("team", " [red]\n"),
    ("properties", "\n  a: x\n  c: y\n  d: {k: 1}\n"),
    ("relations", "\n  one: x\n  many: [y, z]\n"),
];

fn shape() -> Blueprint {
    let text = json!({"type": "string"});
    blueprint(json!({"properties": {"a": text, "c": text, "d": {"type": "object"}}}))
}

/// What can happen to a file by accident.
#[derive(Debug, Clone)]
enum Accident {
    /// Another name for a field.
    Renamed(usize, String),
    /// The fields below a field of their own.
    Wrapped(String),
    /// The children of a field at its own level.
    Outdented(usize, &'static str),
    /// A field among the children of the one before it.
    Indented(usize),
    /// One more field, and `null` for some that are there.
    Foreign(String, Vec<usize>),
}

fn slip() -> impl Strategy<Value = Accident> {
    let field = 0..FIELDS.len();
    prop_oneof![
        4 => (field.clone(), edits()).prop_map(|(at, edits)| Accident::Renamed(at, edited(FIELDS[at].0, &edits))),
        1 => (field.clone(), "[a-z]{1,12}").prop_map(|(at, name)| Accident::Renamed(at, name)),
        1 => "[a-z]{3,10}".prop_map(Accident::Wrapped),
        1 => (5..FIELDS.len(), prop::sample::select(vec!["", "\u{a0}\u{a0}"]))
            .prop_map(|(at, indentation)| Accident::Outdented(at, indentation)),
        1 => prop::sample::select(vec![5_usize, 6]).prop_map(Accident::Indented),
        1 => ("x[a-z]{2,12}", prop::collection::vec(2..FIELDS.len(), 0..4))
            .prop_map(|(name, cleared)| Accident::Foreign(name, cleared)),
    ]
}

/// One or two typos: a position, what happens there, and a character for it.
fn edits() -> impl Strategy<Value = Vec<(usize, u8, char)>> {
    let character = prop_oneof![prop::char::range('a', 'z'), Just('\u{a0}'), Just('_')];
    prop::collection::vec((0..12_usize, 0..6_u8, character), 1..3)
}

fn edited(name: &str, edits: &[(usize, u8, char)]) -> String {
    let mut name: Vec<char> = name.chars().collect();
    for &(at, kind, character) in edits {
        let at = at % name.len();
        match kind {
            0 => name.insert(at, character),
            1 => name[at] = character,
            2 => name[at] = name[at].to_ascii_uppercase(),
            3 if at > 0 => name.swap(at - 1, at),
            4 => name.push('s'),
            _ if name.len() > 1 => drop(name.remove(at)),
            _ => {}
        }
    }
    name.into_iter().collect()
}

impl Accident {
    fn text(&self) -> String {
        let line = |(name, rest): &(&str, &str)| format!("{name}:{rest}");
        let mut lines: Vec<_> = FIELDS.iter().map(line).collect();
        match self {
            Self::Renamed(at, name) => lines[*at] = format!("{name}:{}", FIELDS[*at].1),
            Self::Wrapped(name) => {
                let inner = lines.concat().replace('\n', "\n  ");
                return format!("{name}:\n  {}\n", inner.trim_end());
            }
            Self::Outdented(at, indentation) => {
                lines[*at] = lines[*at].replace("\n  ", &format!("\n{indentation}"));
            }
            Self::Indented(at) => {
                let inner = lines[*at].trim_end().replace('\n', "\n  ");
                let outer = if *at == 5 { 6 } else { 5 };
                lines[*at].clear();
                lines[outer] = format!("{}  {inner}\n", lines[outer]);
            }
            Self::Foreign(name, cleared) => {
                for &at in cleared {
                    lines[at] = format!("{}: null\n", FIELDS[at].0);
                }
                lines.push(format!("{name}: 1\n"));
            }
        }
        lines.concat()
    }

    /// Whether the file still says what it did, or something else on purpose.
    fn is_none(&self) -> bool {
        match self {
            Self::Renamed(_, name) => FIELDS.iter().any(|(field, _)| name == field),
            _ => false,
        }
    }
}

fn declared(text: &str) -> Declarations {
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(RepoPath::new("port.yml"), text)),
        default_blueprint: None,
    };
    declare(&[file], &BlueprintRules::parse("*").unwrap())
}

/// What Port holds once it took `sent`.
fn written(held: &Value, sent: &Value, mode: Merge) -> Value {
    let mut result = match mode {
        Merge::Merge => held.clone(),
        Merge::Replace => json!({"properties": {}, "relations": {}}),
    };
    for field in ["title", "icon", "team"] {
        if let Some(value) = sent.get(field) {
            result[field] = value.clone();
        }
    }
    for section in ["properties", "relations"] {
        let given = sent[section].as_object().cloned().unwrap_or_default();
        for (name, value) in given {
            result[section][name] = value;
        }
        let held: &mut Map<_, _> = result[section].as_object_mut().unwrap();
        held.retain(|_, value| !value.is_null());
    }
    result
}

fn is_known(entity: &Entity, shape: &Blueprint) -> bool {
    let mut properties = entity.properties.keys();
    let mut relations = entity.relations.keys();
    properties.all(|name| shape.property(name).is_some())
        && relations.all(|name| shape.relation(name).is_some())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn port_never_loses_what_git_did_not_give_up(
        slip in slip(),
        mode in prop::sample::select(vec![Merge::Merge, Merge::Replace]),
    ) {
        prop_assume!(!slip.is_none());
        let whole: String = FIELDS.iter().map(|(name, rest)| format!("{name}:{rest}")).collect();
        let base = &declared(&whole).valid[0].entity;
        let held = json!({
            "title": "T", "icon": "I", "team": ["red"],
            "properties": {"a": "x", "c": "y", "d": {"k": 1}},
            "relations": {"one": "x", "many": ["y", "z"]},
        });
        let text = slip.text();
        let head = declared(&text);
        for invalid in &head.invalid {
            let key = invalid.key.as_ref();
            prop_assert!(key.is_none_or(|key| *key == base.key()), "{} is not removed", base.key());
        }
        let shape = shape();
        let written_ones = head.valid.iter().filter(|one| is_known(&one.entity, &shape));
        for declaration in written_ones {
            prop_assert!(!head.diagnostics.is_empty(), "something is said of\n{text}");
            prop_assert_eq!(declaration.entity.key(), base.key());
            let known = live(held.clone());
            let known = Knowledge::Present(&known);
            let mode = mode.of(&declaration.entity);
            let merged = merge(&[base], &declaration.entity, known, Some(&shape), mode);
            let sent = serde_json::to_value(merged.entity).unwrap();
            prop_assert_eq!(written(&held, &sent, mode), held.clone(), "{}", text);
        }
    }
}
