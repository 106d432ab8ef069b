//! What `action.yml` and the documents say of inputs and outputs is what the program knows.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::fs;
use std::path::Path;

use port_gitops::diagnostic::Code;
use port_gitops::document::{self, Node, Value};
use port_gitops::inputs;
use port_gitops::source::{RepoPath, Source};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn action() -> Node {
    let source = Source::new(RepoPath::new("action.yml"), read("action.yml"));
    let documents = document::parse(&source);
    assert!(
        documents.diagnostics.is_empty(),
        "{:#?}",
        documents.diagnostics
    );
    documents.roots.into_iter().next().unwrap()
}

fn keys(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Object(members) => members.iter().map(|member| member.key.as_str()).collect(),
        _ => panic!("not a mapping"),
    }
}

/// The first cell's code of each row of the table below a heading.
fn table(markdown: &str, heading: &str) -> Vec<String> {
    let section = markdown.split_once(&format!("## {heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    rows.flat_map(|row| row.split('|').next().unwrap().split(','))
        .filter_map(|cell| Some(cell.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned()))
        .collect()
}

#[test]
fn the_action_declares_just_the_inputs_that_are_read() {
    assert_eq!(keys(action().get("inputs").unwrap()), inputs::NAMES);
}

#[test]
fn every_input_and_output_is_described() {
    let action = action();
    for section in ["inputs", "outputs"] {
        let section = action.get(section).unwrap();
        for key in keys(section) {
            let description = section.get(key).unwrap().get("description");
            assert!(
                description
                    .and_then(Node::as_str)
                    .is_some_and(|d| d.len() > 10),
                "{key}"
            );
        }
    }
}

#[test]
fn the_readme_lists_every_input_output_and_code() {
    let readme = read("README.md");
    assert_eq!(table(&readme, "Inputs"), inputs::NAMES);
    assert_eq!(
        table(&readme, "Outputs"),
        keys(action().get("outputs").unwrap())
    );
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(table(&readme, "Troubleshooting"), codes);
}
