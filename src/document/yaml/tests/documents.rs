//! Streams of several documents, and the limits of a file.

use std::fmt::Write;

use serde_json::json;

use super::{read, shown, values};
use crate::diagnostic::Code;
use crate::document::testing::nodes;
use crate::document::{MAX_ALIASED_NODES, MAX_BYTES, MAX_DEPTH, Node, Value};

#[test]
fn a_stream_holds_any_number_of_documents() {
    let cases = [
        ("", vec![]),
        ("# nothing\n\n", vec![]),
        ("---\n", vec![]),
        ("---\n---\n# c\n...\n", vec![]),
        ("null", vec![json!(null)]),
        ("--- ~\n", vec![json!(null)]),
        ("a: 1\n---\nb: 2\n", vec![json!({"a": 1}), json!({"b": 2})]),
        (
            "--- a\n--- 'b'\n---\tc\n",
            vec![json!("a"), json!("b"), json!("c")],
        ),
        ("---\r\na\r\n---\r\nb\r\n", vec![json!("a"), json!("b")]),
        ("---\ra\r---\rb\r", vec![json!("a"), json!("b")]),
        ("a\n...\nb\n", vec![json!("a"), json!("b")]),
        (
            "# c\n%YAML 1.2\n---\na\n...\n# c\n%YAML 1.2\n---\nb\n",
            vec![json!("a"), json!("b")],
        ),
        ("---a\n", vec![json!("---a")]),
        ("a: |\n --- b\n", vec![json!({"a": "--- b\n"})]),
        ("--- |\na\n---\nb\n", vec![json!("a\n"), json!("b")]),
        (
            "\u{FEFF}---\na\n...\n\u{FEFF}---\nb\n",
            vec![json!("a"), json!("b")],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(values(text), expected, "{text:?}");
    }
}

#[test]
fn a_broken_document_does_not_hide_the_others() {
    let broken = [
        "a: 'x",
        "a: \"x",
        "[1,",
        "{",
        "a: b: c",
        "a:\n\tb: c",
        "a: *x\nb: ]",
        "\0",
        "- a\nb",
        "!<",
        "&",
    ];
    for broken in broken {
        let text = format!("first: é\n---\n{broken}\n---\nlast: *none\n---\nlast: 2\n");
        let documents = read(&text);
        let roots: Vec<_> = documents.roots.iter().map(Node::to_json).collect();
        let expected = [
            json!({"first": "é"}),
            json!({"last": null}),
            json!({"last": 2}),
        ];
        assert_eq!(roots, expected, "{broken:?}");
        let (last, before) = documents.diagnostics.split_last().unwrap();
        assert!(!before.is_empty(), "{broken:?}");
        for diagnostic in before {
            let line = diagnostic.location().start().line;
            assert!((3..=4).contains(&line), "{broken:?}: {}", shown(&documents));
        }
        assert_eq!(
            documents.roots[1].span.range(),
            text.find("last").unwrap()..text.find("\n---\nlast: 2").unwrap()
        );
        assert_eq!(&text[last.location().span.range()], "*none");
    }
}

#[test]
fn anchors_and_directives_are_of_one_document() {
    let documents = read("%TAG !e! tag:yaml.org,2002:\n--- &a !e!str 1\n--- *a\n--- !e!str 1\n");
    assert_eq!(documents.roots.len(), 2);
    assert_eq!(documents.diagnostics.len(), 2, "{}", shown(&documents));
}

/// Ignoring them is what the specification requires, and warning too.
#[test]
fn unknown_directives_are_warned_of() {
    let text = "%É ü\n%YAML 1.2\n%FOO x\n---\né: [ü]\n...\n%FOO\n--- b\n";
    let documents = read(text);
    let values: Vec<_> = documents.roots.iter().map(Node::to_json).collect();
    assert_eq!(values, [json!({"é": ["ü"]}), json!("b")]);
    assert_eq!(documents.diagnostics.len(), 3);
    assert!(documents.diagnostics.iter().all(|one| !one.is_error()));
    assert_eq!(&text[documents.roots[0].span.range()], "é: [ü]");
}

/// A file without roots and without errors would declare nothing, so its entities would be removed.
#[test]
fn any_number_of_warnings_leaves_the_documents() {
    let documents = read(&format!("{}---\na: 1\n", "%FOO\n".repeat(1000)));
    assert_eq!(documents.diagnostics.len(), 100);
    assert_eq!(documents.roots.len(), 1);
}

#[test]
fn nesting_has_a_limit() {
    let flow = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let block = |levels: usize| "- ".repeat(levels - 1) + "a";
    for text in [flow(MAX_DEPTH), block(MAX_DEPTH)] {
        assert_eq!(values(&text).len(), 1);
    }
    for text in [
        flow(MAX_DEPTH + 1),
        flow(1000),
        block(MAX_DEPTH + 1),
        block(10_000),
    ] {
        let documents = read(&format!("{text}\n--- a"));
        assert_eq!(documents.roots.len(), 1);
        assert_eq!(documents.diagnostics.len(), 1);
        assert_eq!(documents.diagnostics[0].code, Code::TooDeep);
    }
}

#[test]
fn aliases_do_not_get_around_the_limit_of_nesting() {
    let mut text = "- &a0 []\n".to_owned();
    for level in 1..200 {
        writeln!(text, "- &a{level} [*a{}]", level - 1).unwrap();
    }
    let documents = read(&text);
    assert_eq!(documents.diagnostics[0].code, Code::TooDeep);
    // The sequence that holds all of them is a level too.
    let line = documents.diagnostics[0].location().start().line;
    assert_eq!(line, MAX_DEPTH);
}

#[test]
fn aliases_stand_for_so_many_values() {
    let file =
        |aliases: usize| format!("- &a [{}]\n{}", "b,".repeat(999), "- *a\n".repeat(aliases));
    assert_eq!(values(&file(MAX_ALIASED_NODES / 1000)).len(), 1);
    // The limit is one of the file, not of a document.
    let documents = read(&format!("{}---\n{}", file(60), file(41)));
    assert_eq!(documents.diagnostics.len(), 1, "{}", shown(&documents));
    assert_eq!(documents.diagnostics[0].code, Code::TooLarge);
    assert_eq!(
        documents.diagnostics[0].location().start().line,
        62 + 1 + 41
    );
}

#[test]
fn aliases_stand_for_so_much_text() {
    let documents = read(&format!(
        "- &a {}\n{}",
        "b".repeat(500_000),
        "- *a\n".repeat(20)
    ));
    assert_eq!(documents.diagnostics[0].code, Code::TooLarge);
}

#[test]
fn aliases_stand_for_so_much_text_in_keys() {
    let long = "k".repeat(400_000);
    for text in [
        format!("- &a {{{long}: 1}}\n{}", "- *a\n".repeat(40)),
        format!("- &a {long}\n{}", "- {*a : 1}\n".repeat(40)),
    ] {
        let documents = read(&text);
        assert_eq!(documents.diagnostics[0].code, Code::TooLarge);
        let keys = nodes(&documents.roots[0])
            .into_iter()
            .filter(|node| matches!(&node.value, Value::Object(members) if !members.is_empty()));
        assert!((15..=21).contains(&keys.count()));
    }
}

#[test]
fn a_billion_laughs_are_not_heard() {
    let mut text = "a0: &a0 lol\n".to_owned();
    for level in 1..30 {
        writeln!(
            text,
            "a{level}: &a{level} [{}]",
            format!("*a{}, ", level - 1).repeat(9)
        )
        .unwrap();
    }
    let documents = read(&text);
    assert!(
        documents
            .diagnostics
            .iter()
            .all(|diagnostic| diagnostic.code == Code::TooLarge)
    );
    assert!(!documents.diagnostics.is_empty());
}

#[test]
fn hostile_text_is_read_in_time() {
    let units = [
        "[",
        "{",
        "[]",
        "{},",
        "[a: b],",
        "? ",
        "- ",
        "-\n",
        ": ",
        "a: ",
        "a:\n",
        "&a ",
        "!",
        "!!str ",
        "%",
        "%a\n",
        "*a ",
        "\"",
        "'",
        "|\n",
        " ",
        "\t",
        "\n",
        "\r",
        "\0",
        "a ",
        "a\n",
        "---\n",
        "...\n",
        "#",
        "<<: ",
        "é ",
        "\u{FEFF}",
        "a:\t",
        "]\n",
        "\"x\"\n],[\n",
        "\\ud83d\\ude00",
    ];
    for prefix in ["", "[", "a: ", "\""] {
        for unit in units {
            let mut text = prefix.to_owned();
            text.push_str(&unit.repeat(MAX_BYTES / 32 / unit.len()));
            let documents = read(&text);
            assert!(documents.roots.len() <= 1, "{prefix:?} {unit:?}");
        }
    }
}

#[test]
fn a_file_full_of_mistakes_yields_nothing() {
    let documents = read(&format!("sound: 1\n---\n{}", "a: 1\n".repeat(1000)));
    assert_eq!(documents.diagnostics.len(), 100);
    assert!(documents.roots.is_empty());
}
