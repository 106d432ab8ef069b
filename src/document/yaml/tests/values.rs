//! What YAML stands for.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, shown, value};
use crate::document::testing::any_json;

#[test]
fn plain_scalars_follow_the_core_schema() {
    let cases = [
        ("~", json!(null)),
        ("null", json!(null)),
        ("Null", json!(null)),
        ("NULL", json!(null)),
        ("nULL", json!("nULL")),
        ("true", json!(true)),
        ("True", json!(true)),
        ("FALSE", json!(false)),
        ("tRue", json!("tRue")),
        ("yes", json!("yes")),
        ("No", json!("No")),
        ("on", json!("on")),
        ("y", json!("y")),
        ("0", json!(0)),
        ("-12", json!(-12)),
        ("+12", json!(12)),
        ("007", json!(7)),
        ("0o17", json!(15)),
        ("0o18", json!("0o18")),
        ("0x1F", json!(31)),
        ("0xG", json!("0xG")),
        ("-0x1F", json!("-0x1F")),
        ("0b1", json!("0b1")),
        ("1_000", json!("1_000")),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", json!(18446744073709551616.0)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("0x10000000000000000", json!(18446744073709551616.0)),
        ("1.5", json!(1.5)),
        ("1.", json!(1.0)),
        (".5", json!(0.5)),
        ("-.5e-1", json!(-0.05)),
        ("+1e3", json!(1000.0)),
        ("012.5", json!(12.5)),
        ("1e", json!("1e")),
        (".", json!(".")),
        ("e5", json!("e5")),
        ("1.2.3", json!("1.2.3")),
        ("1:30", json!("1:30")),
        ("2001-12-14", json!("2001-12-14")),
        ("'1'", json!("1")),
        ("\"true\"", json!("true")),
        ("''", json!("")),
        ("'it''s'", json!("it's")),
        (
            "\"\\x41\\u00e9\\U0001F600\\n\\/\\e\"",
            json!("Aé😀\n/\u{1B}"),
        ),
        ("\"a\n  b\n\n  c\\\n  d\"", json!("a b\ncd")),
        ("a\n  b\n\n  c", json!("a b\nc")),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn tags_decide_what_a_scalar_is() {
    let cases = [
        ("!!str 5", json!("5")),
        ("!!str", json!("")),
        ("! 5", json!("5")),
        ("!!int \"5\"", json!(5)),
        ("!!int 0x10", json!(16)),
        ("!!float 5", json!(5.0)),
        ("!!bool 'true'", json!(true)),
        ("!!null", json!(null)),
        ("!!map {a: 1}", json!({"a": 1})),
        ("!!seq\n- a", json!(["a"])),
        ("! [a]", json!(["a"])),
        ("!<tag:yaml.org,2002:str> 5", json!("5")),
        ("%TAG !y! tag:yaml.org,2002:\n---\n!y!str 5", json!("5")),
        ("!!map\n!!str a: !!str 1", json!({"a": "1"})),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn collections_come_in_many_forms() {
    let cases = [
        ("a: 1\nb:\n  c: 2\n", json!({"a": 1, "b": {"c": 2}})),
        (
            "- a\n-\n- - b\n  - c\n-  d: 1\n   e: 2\n",
            json!(["a", null, ["b", "c"], {"d": 1, "e": 2}]),
        ),
        ("a:\n- 1\n- 2\nb:\n  - 3\n", json!({"a": [1, 2], "b": [3]})),
        ("a:\nb: # nothing\n", json!({"a": null, "b": null})),
        (
            "[a, [b], {c: d}, e: f, ]",
            json!(["a", ["b"], {"c": "d"}, {"e": "f"}]),
        ),
        (
            "{a, b: , c: [1,\n 2], 'd':e, }",
            json!({"a": null, "b": null, "c": [1, 2], "d": "e"}),
        ),
        ("? a\n: b\n? c\n", json!({"a": "b", "c": null})),
        (
            "a: |\n  one\n   two\n\nb: >-\n  one\n  two\n\n",
            json!({"a": "one\n two\n", "b": "one two"}),
        ),
        (
            "a: |2\n   b\nc: |+\n  d\n\n",
            json!({"a": " b\n", "c": "d\n\n"}),
        ),
        ("a: http://x.io:80/#b\n", json!({"a": "http://x.io:80/#b"})),
        ("a: b#c # d\n", json!({"a": "b#c"})),
        ("{\n\t\"a\": [\n\t\t1\n\t]\n}\n", json!({"a": [1]})),
        ("a: 1\r\nb:\r\n  - c\r\n", json!({"a": 1, "b": ["c"]})),
        ("\u{FEFF}a: é\n", json!({"a": "é"})),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

#[test]
fn keys_are_text_as_it_is_written() {
    let text = "1: a\n0x10: b\ntrue: c\n~: d\n1.50: e\n!!str 2: f\n.inf: g\n'<<': h\n: i\n";
    let expected = json!({
        "1": "a", "0x10": "b", "true": "c", "~": "d", "1.50": "e", "2": "f", ".inf": "g", "<<": "h", "": "i",
    });
    assert_eq!(value(text), expected);
    assert_eq!(value("- &k 0x10\n- {*k : v}"), json!([16, {"0x10": "v"}]));
}

#[test]
fn aliases_repeat_what_their_anchor_names() {
    let text = "a: &x [1, &y {b: 2}]\nc: *x\nd: *y\ne: &x 3\nf: *x\n";
    let expected = json!({"a": [1, {"b": 2}], "c": [1, {"b": 2}], "d": {"b": 2}, "e": 3, "f": 3});
    assert_eq!(value(text), expected);
}

#[test]
fn merge_keys_fill_in_what_is_missing() {
    let cases = [
        (
            "- &a {x: 1, y: 2}\n- {<<: *a, y: 3}",
            json!([{"x": 1, "y": 2}, {"x": 1, "y": 3}]),
        ),
        (
            "- &a {x: 1, y: 2}\n- {y: 3, <<: *a}",
            json!([{"x": 1, "y": 2}, {"x": 1, "y": 3}]),
        ),
        (
            "- &a {x: 1}\n- &b {x: 2, y: 2}\n- <<: [*a, *b, {z: 3}]\n",
            json!([{"x": 1}, {"x": 2, "y": 2}, {"x": 1, "y": 2, "z": 3}]),
        ),
        (
            "- &a {x: 1}\n- &b {<<: *a, y: 2}\n- {<<: *b}\n",
            json!([{"x": 1}, {"x": 1, "y": 2}, {"x": 1, "y": 2}]),
        ),
        ("{<<: {}, a: 1}", json!({"a": 1})),
        ("{<<: [], a: <<}", json!({"a": "<<"})),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_is_yaml(value in any_json(), is_pretty: bool) {
        // YAML has no unescaped byte order marks and no DEL or the like in plain text; between
        // quotes, JSON and YAML allow the same.
        let text = if is_pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let documents = read(&text);
        prop_assert_eq!(shown(&documents), "", "{:?}", text);
        let expected: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(documents.roots[0].to_json(), expected, "{:?}", text);
    }
}

#[test]
fn a_tab_separates_a_key_from_its_value() {
    let cases = [
        ("a:\tb", json!({"a": "b"})),
        ("a:\t-1", json!({"a": -1})),
        (
            "é:\t \tb\n'c':\t[d]\ne :\tf",
            json!({"é": "b", "c": ["d"], "e": "f"}),
        ),
        ("{a:\tb, c:\t-d}", json!({"a": "b", "c": "-d"})),
        ("a:\t|\n b\tc\n", json!({"a": "b\tc\n"})),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text:?}");
    }
}

/// Whether it is accepted must not depend on what stands last in it.
#[test]
fn a_bracket_may_be_closed_in_the_column_of_its_key() {
    for last in ["x", "\"x\"", "'x'", "[]", "{y: 'z'}", "x, # c", "\"x\" # c"] {
        for indentation in ["", "  "] {
            let text = format!(
                "k:\n{indentation}- a: [\n{indentation}    {last}\n{indentation}  ]\n{indentation}  b: 1\n"
            );
            let root = value(&text);
            assert_eq!(root["k"][0]["b"], json!(1), "{text:?}");
            assert_eq!(
                root["k"][0]["a"].as_array().map(Vec::len),
                Some(1),
                "{text:?}"
            );
        }
    }
    assert_eq!(value("a: {\n}\nb: [\r\n]"), json!({"a": {}, "b": []}));
    assert_eq!(
        value("a: [[\"b\"\n]\n]\nc: 1"),
        json!({"a": [["b"]], "c": 1})
    );
    assert_eq!(
        value("a: |\n  [\n  ]\nb: \"c\n  ]\""),
        json!({"a": "[\n]\n", "b": "c ]"})
    );
    assert_eq!(value("a: |\n\n  ]\n  b\n"), json!({"a": "\n]\nb\n"}));
    assert_eq!(value("--- |\n]\n  ]\n"), json!("]\n  ]\n"));
}

/// JSON is YAML, and JSON has no other way to write U+1F600 as ASCII.
#[test]
fn escaped_surrogate_pairs_are_one_character() {
    let cases = [
        (
            r#"{"a": "\ud83d\ude00!", "b": ["\uD83D\uDE00\ud83d\ude00"]}"#,
            json!({"a": "😀!", "b": ["😀😀"]}),
        ),
        (r"'\ud83d\ude00'", json!(r"\ud83d\ude00")),
        (r"\ud83d\ude00", json!(r"\ud83d\ude00")),
        ("|-\n  \\ud83d\\ude00", json!(r"\ud83d\ude00")),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), expected, "{text:?}");
    }
}
