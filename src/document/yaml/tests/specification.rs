//! The examples of the specification; `specification.txt` says what has to become of each.

use super::{read, shown};
use crate::document::Node;

struct Example<'t> {
    name: &'t str,
    text: String,
    expected: Expected<'t>,
}

enum Expected<'t> {
    /// JSON texts, one after the other.
    Values(&'t str),
    /// The codes of what is reported.
    Refused(Vec<&'t str>),
}

fn example(section: &'static str) -> Example<'static> {
    let (name, rest) = section.split_once('\n').unwrap();
    let is_verdict = |line: &&str| line.starts_with(">>>") || line.starts_with("!!!");
    let verdict = rest.lines().find(is_verdict).unwrap();
    let (text, _) = rest.split_once(verdict).unwrap();
    let expected = match verdict.split_at(3) {
        (">>>", values) => Expected::Values(values),
        (_, refusal) => {
            let (codes, _reason) = refusal.split_once(": ").unwrap();
            Expected::Refused(codes.split_whitespace().collect())
        }
    };
    Example {
        name,
        text: text
            .replace('→', "\t")
            .replace('·', " ")
            .replace('⇔', "\u{FEFF}"),
        expected,
    }
}

#[test]
fn the_examples_of_the_specification_are_read() {
    let sections = include_str!("specification.txt").split("\n=== ").skip(1);
    let mut wrong = Vec::new();
    let mut count = 0;
    for Example {
        name,
        text,
        expected,
    } in sections.map(example)
    {
        count += 1;
        let documents = read(&text);
        let values: Vec<_> = documents.roots.iter().map(Node::to_json).collect();
        let codes: Vec<_> = documents
            .diagnostics
            .iter()
            .filter(|d| d.is_error())
            .map(|d| d.code.as_str())
            .collect();
        let is_right = match &expected {
            Expected::Values(expected) => {
                let expected: Result<Vec<serde_json::Value>, _> =
                    serde_json::Deserializer::from_str(expected)
                        .into_iter()
                        .collect();
                codes.is_empty() && values == expected.unwrap()
            }
            Expected::Refused(expected) => codes == *expected,
        };
        if !is_right {
            wrong.push(format!("{name}: {values:?}\n{}", shown(&documents)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(count, 122);
}
