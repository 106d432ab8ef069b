mod suite;

use proptest::prelude::*;
use serde_json::json;

use crate::diagnostic::Code;
use crate::document::testing::{any_json, documents, nodes, shown};
use crate::document::{Documents, FileFormat, MAX_BYTES, MAX_DEPTH};

fn read(text: &str) -> Documents {
    documents(FileFormat::Json, text)
}

/// `line:column-line:column code: message` of the only diagnostic.
fn mistake(text: &str) -> String {
    let documents = read(text);
    assert_eq!(
        documents.diagnostics.len(),
        1,
        "{text:?}: {}",
        shown(&documents)
    );
    assert!(documents.roots.is_empty(), "{text:?}");
    let diagnostic = shown(&documents);
    diagnostic
        .split(" (help")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn every_value_knows_its_place() {
    let text = r#" {"a": [1, "é"], "b" : {"c": null}} "#;
    let documents = read(text);
    assert_eq!(shown(&documents), "");
    let places: Vec<_> = nodes(&documents.roots[0])
        .iter()
        .map(|node| &text[node.span.range()])
        .collect();
    let expected = [
        text.trim(),
        r#"[1, "é"]"#,
        "1",
        r#""é""#,
        r#"{"c": null}"#,
        "null",
    ];
    assert_eq!(places, expected);
    let member = documents.roots[0].member("b").unwrap();
    assert_eq!(&text[member.key_span.range()], r#""b""#);
}

#[test]
fn a_byte_order_mark_is_skipped_and_counted() {
    let documents = read("\u{FEFF}true");
    assert_eq!(documents.roots[0].span.range(), 3..7);
}

#[test]
fn escapes_are_resolved() {
    let text = r#"["\"\\\/\b\f\n\r\t", "\u00e9\uD83D\uDE00\u0000", "\uffff"]"#;
    let expected = json!(["\"\\/\u{8}\u{C}\n\r\t", "é😀\0", "\u{FFFF}"]);
    assert_eq!(read(text).roots[0].to_json(), expected);
}

#[test]
fn numbers_are_those_of_serde_json() {
    for text in [
        "0",
        "-0",
        "-0.0",
        "1E+2",
        "1e-400",
        "18446744073709551616",
        "9007199254740993",
    ] {
        let expected: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(read(text).roots[0].to_json(), expected, "{text}");
    }
}

#[test]
fn mistakes_are_named_where_they_are() {
    let cases = [
        ("", "1:1-1:1 syntax: the file is empty"),
        (" \n", "1:1-2:1 syntax: the file is empty"),
        ("\u{FEFF}", "1:1-1:2 syntax: the file is empty"),
        (
            "[1, 2",
            "1:6-1:6 syntax: expected `,` or `]`, found the end of the file",
        ),
        (
            "[1,",
            "1:4-1:4 syntax: expected a value, found the end of the file",
        ),
        (
            "{\"a\":",
            "1:6-1:6 syntax: expected a value, found the end of the file",
        ),
        (
            "{\"a\"",
            "1:5-1:5 syntax: expected `:` after the key `a`, found the end of the file",
        ),
        (
            "{\"a\" 1}",
            "1:6-1:7 syntax: expected `:` after the key `a`, found `1`",
        ),
        ("[1}", "1:3-1:4 syntax: expected `,` or `]`, found `}`"),
        ("]", "1:1-1:2 syntax: expected a value, found `]`"),
        (
            "{1: 2}",
            "1:2-1:3 syntax: the key `1` is not in double quotes",
        ),
        (
            "{a-b: 2}",
            "1:2-1:5 syntax: the key `a-b` is not in double quotes",
        ),
        (
            "{[]: 2}",
            "1:2-1:3 syntax: expected a key in double quotes, found `[`",
        ),
        (
            "[1, 2,]",
            "1:6-1:7 syntax: there is a `,` before the closing `]`",
        ),
        (
            "{\"a\": 1,}",
            "1:8-1:9 syntax: there is a `,` before the closing `}`",
        ),
        ("[,1]", "1:2-1:3 syntax: there is no value before this `,`"),
        (
            "[1,,2]",
            "1:4-1:5 syntax: there is no value before this `,`",
        ),
        ("[1 2]", "1:3-1:3 syntax: expected `,` or `]` here"),
        (
            "{\"a\": 1\n\"b\": 2}",
            "1:8-1:8 syntax: expected `,` or `}` here",
        ),
        ("['a']", "1:2-1:5 syntax: the string is in single quotes"),
        (
            "['a",
            "1:2-1:3 syntax: the string has no closing quote on its line",
        ),
        (
            "[\n \"a\n\"]",
            "2:2-2:3 syntax: the string has no closing quote on its line",
        ),
        (
            "\"a\\",
            "1:1-1:2 syntax: the string has no closing quote on its line",
        ),
        (
            "\"a\tb\"",
            "1:3-1:4 syntax: a tab stands in a string as it is",
        ),
        (
            "\"\u{1}\"",
            "1:2-1:3 syntax: the character U+0001 stands in a string as it is",
        ),
        (
            "\"\\x\"",
            "1:2-1:4 syntax: `\\` before `x` means nothing in JSON",
        ),
        (
            "\"\\u12g4\"",
            "1:2-1:6 syntax: the `\\u` escape is cut short",
        ),
        (
            "\"\\u+123\"",
            "1:2-1:4 syntax: the `\\u` escape is cut short",
        ),
        (
            "\"\\ud800\"",
            "1:2-1:8 syntax: the escape is half of a surrogate pair",
        ),
        (
            "\"\\ud800\\u0041\"",
            "1:2-1:8 syntax: the escape is half of a surrogate pair",
        ),
        (
            "\"\\udc00\"",
            "1:2-1:8 syntax: the escape is half of a surrogate pair",
        ),
        ("007", "1:1-1:4 syntax: the number `007` has leading zeros"),
        ("00", "1:1-1:3 syntax: the number `00` has leading zeros"),
        ("+1", "1:1-1:3 syntax: a number has no `+` in front"),
        (".5", "1:1-1:3 syntax: `.5` has no digit before its point"),
        ("5.", "1:1-1:3 syntax: `5.` has no digit after its point"),
        ("1.2.3", "1:1-1:6 syntax: `1.2.3` is not a number"),
        ("0x1F", "1:1-1:5 syntax: `0x1F` is not a number"),
        ("-", "1:1-1:2 syntax: `-` is not a number"),
        ("1e999", "1:1-1:6 syntax: the number `1e999` is too large"),
        ("NaN", "1:1-1:4 syntax: JSON has no `NaN`"),
        ("-Infinity", "1:1-1:10 syntax: JSON has no `-Infinity`"),
        ("True", "1:1-1:5 syntax: JSON has no `True`"),
        ("[None]", "1:2-1:6 syntax: JSON has no `None`"),
        ("yes", "1:1-1:4 syntax: expected a value, found `yes`"),
        ("// a\n1", "1:1-1:5 syntax: JSON has no comments"),
        (
            "[1, /* a\n */ 2 // b\n]",
            "1:5-2:4 syntax: JSON has no comments",
        ),
        ("# a\r\n1", "1:1-1:4 syntax: JSON has no comments"),
        (
            "{} {}",
            "1:4-1:5 syntax: found `{` after the end of the value",
        ),
        (
            "[1]\0",
            "1:4-1:5 syntax: found the character U+0000 after the end of the value",
        ),
        (
            "\u{A0}1",
            "1:1-1:2 syntax: expected a value, found a no-break space (U+00A0)",
        ),
        (
            "{“a”: 1}",
            "1:2-1:3 syntax: expected a key in double quotes, found the typographic quote `“`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistake(text), expected, "{text:?}");
    }
}

#[test]
fn a_quote_inside_of_a_string_is_explained() {
    let found = shown(&read(r#"{"a": "say "hi" now"}"#));
    assert!(
        found.ends_with(r#"(help: write `\"` for a quote inside a string)"#),
        "{found}"
    );
}

#[test]
fn an_open_bracket_is_pointed_at() {
    let documents = read("{\"a\": [1, 2");
    let related = &documents.diagnostics[0].related;
    assert_eq!(related[0].location.span.range(), 6..7);
    assert_eq!(related[0].text, "opened here");
}

#[test]
fn reading_goes_on_after_a_small_mistake() {
    let documents = read("{a: 'b', \"c\": 01, \"d\": [1 2,,3,],}");
    assert_eq!(documents.diagnostics.len(), 7, "{}", shown(&documents));
    assert!(documents.roots.is_empty());
}

#[test]
fn the_first_of_two_equal_keys_is_kept() {
    let documents = read(r#"{"a": 1, "b": 2, "\u0061": 3}"#);
    assert_eq!(documents.roots[0].to_json(), json!({"a": 1, "b": 2}));
    let [diagnostic] = documents.diagnostics.as_slice() else {
        panic!("one is expected")
    };
    assert_eq!(diagnostic.code, Code::DuplicateKey);
    assert_eq!(diagnostic.location().span.range(), 17..25);
    assert_eq!(diagnostic.related[0].location.span.range(), 1..4);
    assert_eq!(diagnostic.related[0].text, "first here");
}

#[test]
fn nesting_has_a_limit() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert_eq!(shown(&read(&nested(MAX_DEPTH))), "");
    let documents = read(&nested(MAX_DEPTH + 1));
    assert!(documents.roots.is_empty());
    assert_eq!(documents.diagnostics[0].code, Code::TooDeep);
    assert_eq!(documents.diagnostics[0].location().span.start, MAX_DEPTH);
}

#[test]
fn hostile_text_is_read_in_time() {
    for unit in [
        "[", "{", "[]", "{\"a\":", "\"", "\\", ",", "[,", "0", "/", "/*", "#\n", "\0", "é",
    ] {
        for prefix in ["", "[", "\"", "{\"a\":["] {
            let mut text = prefix.to_owned();
            text.push_str(&unit.repeat(MAX_BYTES / 16 / unit.len()));
            let documents = read(&text);
            assert!(!documents.diagnostics.is_empty(), "{prefix:?} {unit:?}");
            assert!(documents.roots.is_empty(), "{prefix:?} {unit:?}");
        }
    }
}

#[test]
fn a_file_full_of_mistakes_yields_nothing() {
    let documents = read(&format!("{{{}\"b\": 1}}", "\"a\": 1,".repeat(1000)));
    assert_eq!(documents.diagnostics.len(), 100);
    assert!(documents.roots.is_empty());
}

/// Text that is JSON, or close to it.
fn almost_json() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        "[\\[\\]{},:\"\\\\ \n\t0-9eE.+-]",
        "\"[a-c\\\\u0d8/\"]{0,6}\"",
        "-?[0-9.eE+-]{1,6}",
        prop::sample::select(vec![
            "true",
            "null",
            "[1,2]",
            "{\"a\":1}",
            "\"\\ud83d\\ude00\"",
            "é"
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_serde_json_writes_is_read(value in any_json(), is_pretty: bool) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let documents = read(&text);
        prop_assert_eq!(shown(&documents), "");
        prop_assert_eq!(documents.roots[0].to_json(), serde_json::from_str::<serde_json::Value>(&text).unwrap());
    }

    #[test]
    fn the_text_at_a_place_is_the_value(value in any_json()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        for node in nodes(&read(&text).roots[0]) {
            let again = read(&text[node.span.range()]);
            prop_assert_eq!(again.roots[0].to_json(), node.to_json());
        }
    }

    #[test]
    fn exactly_what_serde_json_accepts_is_accepted(text in almost_json()) {
        let documents = read(&text);
        let is_accepted = documents.diagnostics.iter().all(|d| d.code == Code::DuplicateKey);
        match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(value) => {
                prop_assert!(is_accepted, "{text:?}: {}", shown(&documents));
                if documents.diagnostics.is_empty() {
                    prop_assert_eq!(documents.roots[0].to_json(), value);
                }
            }
            Err(error) => prop_assert!(!is_accepted, "{text:?}: {error}"),
        }
    }

    #[test]
    fn any_text_is_survived(text in "\\PC{0,40}|[\\[{\"',:\\\\/*\n a0-]{0,40}") {
        for diagnostic in read(&text).diagnostics {
            prop_assert!(text.get(diagnostic.location().span.range()).is_some());
        }
    }
}
