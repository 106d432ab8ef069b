//! Generated documents in many styles, read as libyaml reads them.
//!
//! libyaml is a parser of YAML 1.1, so what 1.2 reads otherwise is not generated: numbers with
//! leading zeros or underscores, keys that are no text, U+0085, U+2028 and U+2029 (line breaks in
//! 1.1), DEL (not allowed there), `{a:b}` and tabs between tokens. Numbers are short, as both
//! readers round long ones in their own ways. Keys are not given twice, which both refuse.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use serde::Deserialize;

use super::places::read_alone;
use super::{read, shown, value, values};
use crate::document::testing::nodes;
use crate::document::{Member, Node, Value};

#[derive(Debug, Clone)]
enum Generated {
    /// A plain scalar that may stand for something else than text.
    Plain(&'static str),
    Text(String),
    Sequence(Vec<Generated>),
    /// The members, and perhaps what is merged into them.
    Mapping(BTreeMap<String, Generated>, Option<GeneratedMerge>),
    /// One of the anchored values, if there are any.
    Alias(usize),
}

/// Which of the anchored mappings are merged.
#[derive(Debug, Clone)]
enum GeneratedMerge {
    One(usize),
    Both(usize, usize),
}

const PLAIN: [&str; 28] = [
    "~",
    "null",
    "Null",
    "NULL",
    "true",
    "True",
    "FALSE",
    "0",
    "-0",
    "12",
    "+12",
    "-7",
    "0x1F",
    "0o17",
    "1.5",
    "-0.25",
    "1e3",
    "2.5E-2",
    "yes",
    "No",
    "on",
    "y",
    "1.2.3",
    "1:30",
    "2001-12-14",
    "a:b",
    "http://x.io/#y",
    "!!str 7",
];

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z]{1,5}( [a-zé]{1,4}){0,3}",
        1 => select(PLAIN.as_slice()).prop_map(str::to_owned),
        2 => "[ -~é🦀\n]{0,10}",
        2 => prop::collection::vec("[ -]{0,2}[a-z#:'\"\\[{&*!|>%@`,?-]{0,5}", 1..5)
            .prop_map(|lines| lines.join("\n")),
        1 => "[\\x00-\\x7e]{0,4}",
    ]
}

fn any_tree() -> impl Strategy<Value = Generated> {
    let leaf = prop_oneof![
        2 => select(PLAIN.as_slice()).prop_map(Generated::Plain),
        5 => any_text().prop_map(Generated::Text),
        1 => any::<usize>().prop_map(Generated::Alias),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Generated::Sequence),
            any_mapping(inner),
        ]
    })
}

fn any_mapping(inner: impl Strategy<Value = Generated>) -> impl Strategy<Value = Generated> {
    let merge = prop_oneof![
        4 => Just(None),
        1 => any::<usize>().prop_map(|one| Some(GeneratedMerge::One(one))),
        1 => any::<(usize, usize)>().prop_map(|(one, two)| Some(GeneratedMerge::Both(one, two))),
    ];
    (
        prop::collection::btree_map("k[a-c]{1,2}", inner, 0..4),
        merge,
    )
        .prop_map(|(members, merge)| Generated::Mapping(members, merge))
}

/// Writes trees, in the styles that the choices say.
struct Writer<C> {
    choices: C,
    /// How many mappings are anchored, as `m0`, `m1`, …
    mappings: usize,
}

impl<C: Iterator<Item = u8>> Writer<C> {
    fn choose(&mut self, among: u8) -> u8 {
        self.choices.next().unwrap_or_default() % among
    }

    fn comment(&mut self) -> &'static str {
        ["", "", " # ü: [", "  #"][usize::from(self.choose(4))]
    }

    /// A value in brackets, or a scalar that may stand in them. Its lines are indented.
    fn flow(&mut self, tree: &Generated, indentation: usize) -> String {
        let pad = " ".repeat(indentation);
        let gap = match self.choose(4) {
            0 => format!("{}\n{pad}", self.comment()),
            _ => " ".to_owned(),
        };
        match tree {
            Generated::Plain(plain) => (*plain).to_owned(),
            Generated::Text(text) => self.quoted(text, indentation),
            Generated::Alias(index) => self.alias(*index),
            Generated::Sequence(items) => {
                let items: Vec<_> = items
                    .iter()
                    .map(|item| self.flow(item, indentation))
                    .collect();
                format!("[{gap}{} ]", items.join(&format!(" ,{gap}")))
            }
            Generated::Mapping(members, merge) => {
                let mut pairs: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", self.flow(value, indentation)))
                    .collect();
                pairs.extend(self.merge(merge.as_ref()));
                format!("{{{gap}{} }}", pairs.join(&format!(",{gap}")))
            }
        }
    }

    fn alias(&self, index: usize) -> String {
        match self.mappings {
            0 => "~".to_owned(),
            count => format!("*m{}", index % count),
        }
    }

    fn merge(&self, merge: Option<&GeneratedMerge>) -> Option<String> {
        match merge.filter(|_| self.mappings > 0)? {
            GeneratedMerge::One(one) => Some(format!("<<: {}", self.alias(*one))),
            GeneratedMerge::Both(one, two) => {
                Some(format!("<<: [{}, {}]", self.alias(*one), self.alias(*two)))
            }
        }
    }

    /// Text on one line or, folded, on several.
    fn quoted(&mut self, text: &str, indentation: usize) -> String {
        let fold = format!("\n{}", " ".repeat(indentation));
        let has_plain_lines = text
            .split('\n')
            .all(|line| !line.is_empty() && line == line.trim());
        let is_word =
            text.bytes().all(|b| b.is_ascii_lowercase() || b == b' ') && text.starts_with('q');
        let is_printable = !text.contains(|c: char| c.is_control() && c != '\n');
        match self.choose(5) {
            0 if is_word => text.trim().replacen(' ', &fold, 1),
            1 if has_plain_lines && is_printable => {
                let folded = text.replace('\'', "''").replace('\n', &format!("\n{fold}"));
                format!("'{folded}'")
            }
            2 if has_plain_lines && !text.contains("  ") => {
                // The first line break stands for a blank.
                let json = serde_json::Value::from(text).to_string();
                let mut words = json.splitn(2, ' ');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |folded, rest| format!("{folded}{fold}{rest}"))
            }
            3 if text.len() > 1
                && text.is_ascii()
                && is_printable
                && !text.contains(['\\', '"', '\n']) =>
            {
                // An escaped line break stands for nothing; a blank after it is escaped too.
                let (before, after) = text.split_at(text.len() / 2);
                let escape = if after.starts_with(' ') { "\\" } else { "" };
                format!("\"{before}\\{fold}{escape}{after}\"")
            }
            _ => serde_json::Value::from(text).to_string(),
        }
    }

    /// What stands after `key:` or `-` whose own lines are indented so.
    fn block(&mut self, tree: &Generated, indentation: usize) -> String {
        let inner = indentation + 1 + usize::from(self.choose(3));
        match tree {
            Generated::Text(text) if self.choose(2) == 0 => self
                .block_scalar(text, inner - indentation, inner)
                .unwrap_or_else(|| format!(" {}\n", self.quoted(text, inner))),
            Generated::Sequence(items) if !items.is_empty() && self.choose(4) > 0 => {
                format!("{}\n{}", self.comment(), self.items(items, inner))
            }
            Generated::Mapping(members, merge) if !members.is_empty() && self.choose(4) > 0 => {
                format!(
                    "{}\n{}",
                    self.comment(),
                    self.members(members, merge.as_ref(), inner)
                )
            }
            other => format!(" {}{}\n", self.flow(other, inner), self.comment()),
        }
    }

    fn items(&mut self, items: &[Generated], indentation: usize) -> String {
        let pad = " ".repeat(indentation);
        let mut text = String::new();
        for item in items {
            match item {
                // Compact: the first line of the collection is that of its `-`.
                Generated::Sequence(nested) if !nested.is_empty() && self.choose(3) == 0 => {
                    let nested = self.items(nested, indentation + 2);
                    text.push_str(&format!("{pad}- {}", nested.trim_start_matches(' ')));
                }
                Generated::Mapping(members, merge)
                    if !members.is_empty() && self.choose(3) == 0 =>
                {
                    let members = self.members(members, merge.as_ref(), indentation + 2);
                    text.push_str(&format!("{pad}- {}", members.trim_start_matches(' ')));
                }
                other => text.push_str(&format!("{pad}-{}", self.block(other, indentation))),
            }
        }
        text
    }

    fn members(
        &mut self,
        members: &BTreeMap<String, Generated>,
        merge: Option<&GeneratedMerge>,
        indentation: usize,
    ) -> String {
        let pad = " ".repeat(indentation);
        let mut text = String::new();
        for (key, value) in members {
            let key = match self.choose(5) {
                0 => format!("'{key}' "),
                1 => format!("\"{key}\""),
                2 => format!("? {key}\n{pad}"),
                _ => key.clone(),
            };
            text.push_str(&format!("{pad}{key}:{}", self.block(value, indentation)));
        }
        if let Some(merge) = self.merge(merge) {
            text.push_str(&format!("{pad}{merge}\n"));
        }
        text
    }

    /// Text after `|` or `>`, where it can be written so. `step` is the indentation of the text
    /// within its parent, `indentation` that within the file.
    fn block_scalar(&mut self, text: &str, step: usize, indentation: usize) -> Option<String> {
        let content = text.trim_end_matches('\n');
        let is_printable = !content.contains(|c: char| c.is_control() && c != '\n');
        let has_blank_lines = content
            .split('\n')
            .any(|line| !line.is_empty() && line.trim().is_empty());
        if content.is_empty() || !is_printable || has_blank_lines {
            return None;
        }
        let chomping = match text.len() - content.len() {
            0 => "-",
            1 => "",
            _ => "+",
        };
        let indicator = match content.starts_with([' ', '\n']) {
            true => step.to_string(),
            false => String::new(),
        };
        let can_fold = content
            .split('\n')
            .all(|line| !line.starts_with(' ') && !line.is_empty());
        let pad = " ".repeat(indentation);
        let indented = |line: &str| match line {
            "" => String::new(),
            line => format!("{pad}{line}"),
        };
        let (style, separator) = match can_fold && self.choose(2) == 0 {
            true => ('>', "\n\n"),
            false => ('|', "\n"),
        };
        let lines: Vec<_> = content.split('\n').map(indented).collect();
        let blank_lines = "\n".repeat((text.len() - content.len()).saturating_sub(1));
        let (comment, lines) = (self.comment(), lines.join(separator));
        Some(format!(
            " {style}{indicator}{chomping}{comment}\n{lines}\n{blank_lines}"
        ))
    }

    /// A document: a mapping, of which `shared` holds the anchored values.
    fn document(&mut self, shared: &[Generated], tree: &Generated) -> String {
        let mut text = "shared:\n".to_owned();
        for (index, tree) in shared.iter().enumerate() {
            let anchor = match self.choose(3) {
                0 => format!("&m{index} !!map"),
                1 => format!("!!map &m{index}"),
                _ => format!("&m{index}"),
            };
            text.push_str(&format!("- {anchor} {}\n", self.flow(tree, 3)));
            self.mappings = index + 1;
        }
        text.push_str(&format!("value:{}", self.block(tree, 0)));
        text
    }
}

fn any_document() -> impl Strategy<Value = String> {
    let shared = prop::collection::vec(any_mapping(any_tree()), 0..3);
    let choices = prop::collection::vec(any::<u8>(), 1..60);
    (shared, any_tree(), choices).prop_map(|(shared, tree, choices)| {
        let choices = choices.into_iter().cycle();
        Writer {
            choices,
            mappings: 0,
        }
        .document(&shared, &tree)
    })
}

fn as_libyaml_reads(text: &str) -> Result<Vec<serde_json::Value>, yaml_serde::Error> {
    yaml_serde::Deserializer::from_str(text)
        .map(|document| {
            let mut value = yaml_serde::Value::deserialize(document)?;
            merge(&mut value)?;
            Ok(serde_json::to_value(value).unwrap())
        })
        .collect()
}

/// Merges from the inside out. Theirs merges from the outside in, and so leaves what a merged
/// mapping merges in its turn.
fn merge(value: &mut yaml_serde::Value) -> Result<(), yaml_serde::Error> {
    match value {
        yaml_serde::Value::Sequence(items) => items.iter_mut().try_for_each(merge)?,
        yaml_serde::Value::Mapping(members) => {
            members.iter_mut().try_for_each(|(_, value)| merge(value))?;
        }
        _ => {}
    }
    value.apply_merge()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 300,
        ..ProptestConfig::default()
    })]

    #[test]
    fn libyaml_reads_the_same(documents in prop::collection::vec(any_document(), 1..3), has_crlf: bool) {
        let mut text = documents.join("---\n");
        if has_crlf {
            text = text.replace('\n', "\r\n");
        }
        let expected = as_libyaml_reads(&text);
        prop_assert!(expected.is_ok(), "{}\n{:?}", text, expected);
        prop_assert_eq!(values(&text), expected.unwrap(), "{}", text);
    }

    #[test]
    fn the_text_at_a_place_is_the_value(text in any_document()) {
        let documents = read(&text);
        prop_assert_eq!(shown(&documents), "", "{}", text);
        for node in nodes(&documents.roots[0]) {
            if let Value::Object(members) = &node.value {
                for Member { key, key_span, .. } in members {
                    prop_assert_eq!(value(&text[key_span.range()]), key.as_str(), "{}", text);
                }
            }
            if can_stand_alone(&text, node) {
                prop_assert_eq!(read_alone(&text, node), node.to_json(), "{}", text);
            }
        }
    }
}

/// Whether the text of `node` means the same where nothing is around it. Collections may hold
/// aliases, nothing at all is no document, the digit of a block scalar counts from its parent, and the
/// empty lines that one keeps at its end are not in its place.
fn can_stand_alone(text: &str, node: &Node) -> bool {
    let own = &text[node.span.range()];
    let depends_on_its_place = own.starts_with(['|', '>'])
        && own[1..].starts_with(|c: char| c.is_ascii_digit() || c == '+');
    let is_scalar = !matches!(node.value, Value::Array(_) | Value::Object(_));
    is_scalar && !own.is_empty() && !depends_on_its_place
}
