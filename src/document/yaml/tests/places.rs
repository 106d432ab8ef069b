//! Where values stand.

use proptest::prelude::*;

use super::{read, shown};
use crate::document::testing::{any_json, nodes};
use crate::document::{Node, Value};

/// The texts of all nodes, outermost first.
fn places(text: &str) -> Vec<&str> {
    let documents = read(text);
    assert_eq!(shown(&documents), "", "{text:?}");
    documents
        .roots
        .iter()
        .flat_map(nodes)
        .map(|node| &text[node.span.range()])
        .collect()
}

#[test]
fn every_value_knows_its_place() {
    let cases: [(&str, &[&str]); 19] = [
        ("# c\n a  # d\n", &["a"]),
        ("a\n b # c", &["a\n b"]),
        (" 'it''s'  # c\n", &["'it''s'"]),
        (
            "[\"\\\"]\" , 'b' ] # c",
            &["[\"\\\"]\" , 'b' ]", "\"\\\"]\"", "'b'"],
        ),
        (
            "é: [ü , {ö : 1} ,]\n",
            &["é: [ü , {ö : 1} ,]", "[ü , {ö : 1} ,]", "ü", "{ö : 1}", "1"],
        ),
        ("{a: [1] , }", &["{a: [1] , }", "[1]", "1"]),
        (
            "a: 1  # c\n# d\n\nb:\n  c: 2 # e\n\n",
            &["a: 1  # c\n# d\n\nb:\n  c: 2", "1", "c: 2", "2"],
        ),
        (
            "a: # c\n- b\n-  - d\n",
            &["a: # c\n- b\n-  - d", "- b\n-  - d", "b", "- d", "d"],
        ),
        ("- # c\n- a\n- ", &["- # c\n- a\n-", "", "a", ""]),
        ("a: # c\nb:", &["a: # c\nb:", "", ""]),
        ("[a: b, c]", &["[a: b, c]", "a: b", "b", "c"]),
        (
            "a: | # c\n  b\n\nd: >-\n  e\n  f  \n",
            &[
                "a: | # c\n  b\n\nd: >-\n  e\n  f  ",
                "| # c\n  b",
                ">-\n  e\n  f  ",
            ],
        ),
        (
            "- |\n b\n- - >\n   c\n",
            &["- |\n b\n- - >\n   c", "|\n b", "- >\n   c", ">\n   c"],
        ),
        ("--- |\n b\n", &["|\n b"]),
        ("a: &x b\nc: *x\n", &["a: &x b\nc: *x", "b", "b"]),
        (
            "a: &x !!str 1\nb: !!str &y 2",
            &["a: &x !!str 1\nb: !!str &y 2", "!!str 1", "!!str &y 2"],
        ),
        (
            "a: &x\n  b: c\nd: &y\n- e\n",
            &["a: &x\n  b: c\nd: &y\n- e", "b: c", "c", "- e", "e"],
        ),
        ("a: &x # c\n  |\n  b\n", &["a: &x # c\n  |\n  b", "|\n  b"]),
        (
            "a: 1\r\nb:\r\n  - c\r\n",
            &["a: 1\r\nb:\r\n  - c", "1", "- c", "c"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(places(text), expected, "{text:?}");
    }
}

#[test]
fn keys_know_their_place() {
    let text = "'a' : &x {b: 1}\n? c\n: *x\n";
    let documents = read(text);
    let Value::Object(members) = &documents.roots[0].value else {
        panic!("a mapping is expected")
    };
    let keys: Vec<_> = members
        .iter()
        .map(|member| &text[member.key_span.range()])
        .collect();
    assert_eq!(keys, ["'a'", "c"]);
}

#[test]
fn what_is_merged_keeps_its_place() {
    let text = "- &a {x: 1}\n- {<<: *a}\n";
    let documents = read(text);
    let Value::Array(items) = &documents.roots[0].value else {
        panic!("a sequence is expected")
    };
    let merged = items[1].member("x").unwrap();
    assert_eq!(merged.key_span.range(), 6..7);
    assert_eq!(merged.value.span.range(), 9..10);
}

#[test]
fn columns_count_characters() {
    let documents = read("é: 🦀\nb: *ü\n");
    assert_eq!(shown(&documents).split(' ').next(), Some("2:4-2:6"));
}

/// Writes `value` as YAML, in the styles that `choices` say, indented by `indentation`.
fn write(
    value: &serde_json::Value,
    choices: &mut impl Iterator<Item = u8>,
    indentation: usize,
) -> String {
    let choice = choices.next().unwrap_or_default();
    let blanks = " ".repeat(indentation);
    let comment = if choice & 4 == 0 { "" } else { " # ü" };
    let line = if choice & 4 == 0 {
        String::new()
    } else {
        format!("\n{blanks}# ü")
    };
    match value {
        serde_json::Value::Array(items) if !items.is_empty() && choice & 3 != 0 => items
            .iter()
            .map(|item| {
                format!(
                    "{line}\n{blanks}- {}",
                    write(item, choices, indentation + 2)
                )
            })
            .collect(),
        serde_json::Value::Object(members) if !members.is_empty() && choice & 3 != 0 => members
            .iter()
            .map(|(key, item)| {
                let key = serde_json::to_string(key).unwrap();
                format!(
                    "{line}\n{blanks}{key}: {}",
                    write(item, choices, indentation + 2)
                )
            })
            .collect(),
        serde_json::Value::Array(items) => {
            let items = items
                .iter()
                .map(|item| format!("{item}{comment}\n{blanks}"));
            format!("[ {}]", items.collect::<Vec<_>>().join(", "))
        }
        serde_json::Value::String(text)
            if text.chars().all(|c| c.is_ascii_lowercase()) && !text.is_empty() =>
        {
            match choice & 3 {
                0 => format!("'{text}'{comment}"),
                1 => format!("!!str {text}{comment}"),
                2 => format!("|-{comment}\n{blanks}{text}"),
                _ => format!(">-\n{blanks}{text}\n\n"),
            }
        }
        other => format!("{other}{comment}"),
    }
}

/// What the text of `node` stands for when it is read alone, in the column where it is.
pub(super) fn read_alone(text: &str, node: &Node) -> serde_json::Value {
    let line_start = text[..node.span.start]
        .rfind('\n')
        .map_or(0, |line_break| line_break + 1);
    let column = text[line_start..node.span.start].chars().count();
    let alone = format!("{}{}", " ".repeat(column), &text[node.span.range()]);
    let documents = read(&alone);
    assert_eq!(shown(&documents), "", "{alone:?} in {text:?}");
    documents.roots[0].to_json()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_text_at_a_place_is_the_value(value in any_json(), choices in prop::collection::vec(any::<u8>(), 1..40)) {
        let text = write(&value, &mut choices.into_iter().cycle(), 0);
        let documents = read(&text);
        prop_assert_eq!(shown(&documents), "", "{:?}", text);
        let root = &documents.roots[0];
        let expected: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
        prop_assert_eq!(root.to_json(), expected, "{:?}", text);
        for node in nodes(root) {
            prop_assert_eq!(read_alone(&text, node), node.to_json(), "{:?}", text);
        }
    }

    #[test]
    fn json_is_yaml(value in any_json()) {
        let escape = |c: char| match c.is_ascii() {
            true => c.to_string(),
            false => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        };
        let text: String = serde_json::to_string_pretty(&value).unwrap().chars().map(escape).collect();
        for text in [text.clone(), text.replace("\n  ", "\n\t"), format!("a: {}", text.replace('\n', "\n "))] {
            let documents = read(&text);
            prop_assert_eq!(shown(&documents), "", "{:?}", text);
            let value: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
            let root = &documents.roots[0];
            let root = match text.starts_with("a: ") {
                true => root.get("a").unwrap(),
                false => root,
            };
            prop_assert_eq!(root.to_json(), value, "{:?}", text);
            for node in nodes(root) {
                let alone: serde_json::Value = serde_json::from_str(&text[node.span.range()]).unwrap();
                prop_assert_eq!(alone, node.to_json());
            }
        }
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,40}|([\\[\\]{}\"',:#&*!|>%@?<~a0 \n-]|\n  |- |: |---){0,40}") {
        let documents = read(&text);
        for diagnostic in &documents.diagnostics {
            prop_assert!(text.get(diagnostic.location().span.range()).is_some());
        }
        for node in documents.roots.iter().flat_map(nodes) {
            prop_assert!(text.get(node.span.range()).is_some());
        }
    }
}
