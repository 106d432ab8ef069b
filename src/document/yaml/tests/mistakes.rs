//! What is said of YAML that is wrong.

use serde_json::json;

use super::{read, shown};
use crate::diagnostic::Code;

/// `line:column-line:column code: message` of the only diagnostic.
fn mistake(text: &str) -> String {
    let documents = read(text);
    assert_eq!(
        documents.diagnostics.len(),
        1,
        "{text:?}: {}",
        shown(&documents)
    );
    assert!(documents.diagnostics[0].help.is_some(), "{text:?}");
    let diagnostic = shown(&documents);
    diagnostic
        .split(" (help")
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn syntax_errors_are_put_in_plain_words() {
    let cases = [
        ("a: b: c", "1:5-1:6 syntax: a `:` is not allowed here"),
        ("é: b: c", "1:5-1:6 syntax: a `:` is not allowed here"),
        ("a:\n\tb: c", "2:1-2:2 syntax: a tab cannot indent YAML"),
        ("a:\n\t- b", "2:1-2:2 syntax: a tab cannot indent YAML"),
        ("- \t- a", "1:3-1:4 syntax: a tab cannot indent YAML"),
        (
            "é\n---\n-\t - a",
            "3:2-3:3 syntax: a tab cannot indent YAML",
        ),
        ("? a\n:\tb: c", "2:2-2:3 syntax: a tab cannot indent YAML"),
        ("a: b\n  c\n\td", "3:1-3:2 syntax: a tab cannot indent YAML"),
        (
            "a: 'x\nb: y\n",
            "1:4-1:5 syntax: the quote is not closed where the indentation ends",
        ),
        ("a: \"x\n", "1:4-1:5 syntax: the quote is never closed"),
        ("a: \"x\n---\n", "1:4-1:5 syntax: the quote is never closed"),
        (
            "a: \"x\" y",
            "1:8-1:9 syntax: found `y` after the closing quote",
        ),
        (
            "a: \"\\q\"",
            "1:5-1:7 syntax: `\\q` means nothing between double quotes",
        ),
        (
            "a: \"x\\u12\"",
            "1:6-1:10 syntax: the escape `\\u12` is cut short",
        ),
        (
            "a: \"\\ud83d\\ude00\\ud83d\"",
            "1:17-1:23 syntax: `\\ud83d` is no character",
        ),
        (
            "a: \"\\ude00\\ud83d\"",
            "1:5-1:11 syntax: `\\ude00` is no character",
        ),
        (
            "a: [1, 2\n",
            "1:9-1:9 syntax: expected `,` or `]`, found the end of the document",
        ),
        (
            "{a: 1",
            "1:6-1:6 syntax: expected `,` or `}`, found the end of the document",
        ),
        (
            "a: [1, 2\nb: 3",
            "2:2-2:3 syntax: a `:` is not allowed here",
        ),
        ("a: ]", "1:4-1:5 syntax: `]` closes no bracket"),
        ("[a, , b]", "1:5-1:6 syntax: expected a value, found `,`"),
        ("a: - b", "1:4-1:5 syntax: a list cannot start here"),
        (
            "[- a]",
            "1:2-1:3 syntax: a `-` list is not allowed in brackets",
        ),
        ("a: @x", "1:4-1:5 syntax: text cannot start with `@`"),
        ("a: `x`", "1:4-1:5 syntax: text cannot start with ```"),
        (
            "a: 1\nb\nc: 2",
            "2:1-2:2 syntax: expected `:` after the key `b`",
        ),
        (
            "a:\n  b: 1\n c: 2",
            "3:2-3:4 syntax: expected a key, found `c:`",
        ),
        (
            "  a: 1\nb: 2",
            "2:1-2:3 syntax: expected the end of the document, found `b:`",
        ),
        ("- a\n b: 1", "2:3-2:4 syntax: a `:` is not allowed here"),
        (
            "a: | b",
            "1:4-1:5 syntax: text after `|` has to start on the next line",
        ),
        (
            "a: [x]#y",
            "1:7-1:8 syntax: a comment needs a space before its `#`",
        ),
        (
            "a: *x",
            "1:4-1:6 syntax: there is no anchor `&x` before this alias",
        ),
        (
            "a: &x [*x]",
            "1:8-1:10 syntax: `*x` stands for the value that it is in",
        ),
        (
            "a: &x 1\nb: !!int *x",
            "2:10-2:12 syntax: an alias cannot have a tag or an anchor",
        ),
        (
            "# c\n%é x\n---\na",
            "2:1-2:3 syntax: YAML has no directive `%é`: the line is ignored",
        ),
        (
            "\u{FEFF}%YAML 1.2\n%FOO\n---\na",
            "2:1-2:5 syntax: YAML has no directive `%FOO`: the line is ignored",
        ),
        ("%FOO\na: b", "1:1-1:5 syntax: YAML has no directive `%FOO`"),
        (
            "a: [\"x\",\n\"y\"]",
            "2:1-2:5 syntax: `\"y\"]` is indented wrongly",
        ),
        (
            "a: [b,\nc]",
            "2:1-2:3 syntax: `c]` is not indented enough to stand in the bracket above",
        ),
        (" a: [\"b\"\n]", "2:1-2:2 syntax: `]` is indented wrongly"),
        ("a: x\n]", "2:1-2:2 syntax: `]` closes no bracket"),
        ("a: & b", "1:4-1:5 syntax: expected a name after `&`"),
        ("a: !e!x b", "1:4-1:8 syntax: the tag `!e!x` is not known"),
        (
            "a: 1\n%YAML 1.2\n",
            "2:1-2:6 syntax: found the directive `%YAML` inside of a document",
        ),
        (
            "%YAML\n---\n",
            "1:1-1:6 syntax: the directive `%YAML` is incomplete, unknown or given twice",
        ),
        (
            "a\n... b",
            "2:5-2:6 syntax: found `b` after `...`, which ends the document",
        ),
        (
            "a: \u{1}",
            "1:4-1:5 syntax: YAML does not allow the character U+0001",
        ),
        (
            "a: \u{FEFF}b",
            "1:4-1:5 syntax: a byte order mark (U+FEFF) stands inside of a document",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistake(text), expected, "{text:?}");
    }
}

#[test]
fn values_that_json_cannot_hold_are_refused() {
    let cases = [
        (
            "a: .inf",
            "1:4-1:8 wrong-type: Port cannot hold the number `.inf`",
        ),
        (
            "a: -.Inf",
            "1:4-1:9 wrong-type: Port cannot hold the number `-.Inf`",
        ),
        (
            "a: .nan",
            "1:4-1:8 wrong-type: Port cannot hold the number `.nan`",
        ),
        (
            "a: 1e999",
            "1:4-1:9 wrong-type: Port cannot hold the number `1e999`",
        ),
        (
            "a: !!float .inf",
            "1:4-1:16 wrong-type: Port cannot hold the number `.inf`",
        ),
        (
            "a: !!int x",
            "1:4-1:11 wrong-type: the value is not what its tag `!!int` says",
        ),
        (
            "a: !!int 1.5",
            "1:4-1:13 wrong-type: the value is not what its tag `!!int` says",
        ),
        (
            "a: !!bool yes",
            "1:4-1:14 wrong-type: the value is not what its tag `!!bool` says",
        ),
        (
            "a: !!null x",
            "1:4-1:12 wrong-type: the value is not what its tag `!!null` says",
        ),
        (
            "a: !!str [x]",
            "1:4-1:13 wrong-type: the value is not what its tag `!!str` says",
        ),
        (
            "a: !!map x",
            "1:4-1:11 wrong-type: the value is not what its tag `!!map` says",
        ),
        (
            "!!set {a}",
            "1:1-1:10 wrong-type: the tag `!!set` is not known",
        ),
        (
            "a: !Ref b",
            "1:4-1:10 wrong-type: the tag `!Ref` is not known",
        ),
        (
            "!!int x: 1",
            "1:1-1:8 wrong-type: the value is not what its tag `!!int` says",
        ),
        (
            "? [a]\n: b",
            "1:3-1:6 wrong-type: a key has to be text, this one is a collection",
        ),
        (
            "a: {{ b }}",
            "1:5-1:10 wrong-type: a key has to be text, this one is a collection",
        ),
        (
            "<<: 1",
            "1:5-1:6 wrong-type: `<<` merges mappings, and this is none",
        ),
        (
            "<<: [{}, x]",
            "1:10-1:11 wrong-type: `<<` merges mappings, and this is none",
        ),
        (
            "- &a x\n- <<: *a",
            "2:7-2:9 wrong-type: `<<` merges mappings, and this is none",
        ),
        (
            "<<: *x",
            "1:5-1:7 syntax: there is no anchor `&x` before this alias",
        ),
        (
            "<<: {}\n<<: {}",
            "2:1-2:3 duplicate-key: the key `<<` is given twice",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(mistake(text), expected, "{text:?}");
        assert_eq!(read(text).roots.len(), 1, "{text:?}");
    }
}

#[test]
fn the_nearest_anchor_is_offered() {
    let help = |text: &str| read(text).diagnostics[0].help.clone().unwrap();
    assert_eq!(
        help("a: &defaults 1\nb: *default"),
        "did you mean `*defaults`?"
    );
    assert_eq!(
        help("a: &x 1\nb: {*x: 1}"),
        "put a space before the `:`, which can be part of a name"
    );
    assert_eq!(
        help("host: *.x.io"),
        "put quotes around it if it is text: `\"*.x.io\"`"
    );
    assert_eq!(
        help("a: &other 1\nb: *.x.io"),
        "put quotes around it if it is text: `\"*.x.io\"`"
    );
}

#[test]
fn the_first_of_two_equal_keys_is_kept() {
    let documents = read("a: 1\nb: 2\n'a': 3\n");
    assert_eq!(documents.roots[0].to_json(), json!({"a": 1, "b": 2}));
    let [diagnostic] = documents.diagnostics.as_slice() else {
        panic!("one is expected")
    };
    assert_eq!(diagnostic.code, Code::DuplicateKey);
    assert_eq!(diagnostic.location().span.range(), 10..13);
    assert_eq!(diagnostic.related[0].location.span.range(), 0..1);
    assert_eq!(diagnostic.related[0].text, "first here");
}

#[test]
fn an_open_bracket_is_pointed_at() {
    for (text, bracket, close) in [("- a\n- [b: c\n", 6, ']'), ("{a: [1], b: 2\n", 0, '}')] {
        let diagnostic = &read(text).diagnostics[0];
        assert_eq!(
            diagnostic.related[0].location.span.range(),
            bracket..bracket + 1
        );
        assert!(
            diagnostic
                .message
                .starts_with(&format!("expected `,` or `{close}`"))
        );
    }
}

#[test]
fn a_mistake_at_an_anchor_is_reported_once() {
    let documents = read("a: &x {b: 1, b: .nan}\nc: *x\nd: {<<: *x}\n");
    assert_eq!(documents.diagnostics.len(), 2, "{}", shown(&documents));
}
