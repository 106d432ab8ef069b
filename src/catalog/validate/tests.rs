use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::catalog::change::{ChangeKind, Earlier, Proof, compare};
use crate::catalog::declare::{EntityFile, FileContent, declare};
use crate::catalog::entity::BlueprintId;
use crate::catalog::rules::BlueprintRules;
use crate::catalog::testing::blueprint;
use crate::text::SourceFile;

fn declared(text: &str) -> Declarations {
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(RepoPath::new("a/port.yml"), text)),
        default_blueprint: BlueprintId::parse("b").ok(),
    };
    declare(&[file], &BlueprintRules::parse("*").unwrap())
}

fn blueprints() -> Blueprints {
    let properties = json!({
        "readme": {"type": "string", "format": "markdown"},
        "count": {"type": "number"},
        "text": {"type": "string"},
    });
    let id = BlueprintId::parse("b").unwrap();
    Blueprints {
        known: [(id, blueprint(json!({"properties": properties})))].into(),
        ..Blueprints::default()
    }
}

/// What is found in an entity with these lines, as `severity message (help)`.
fn found(lines: &str) -> Vec<String> {
    let head = declared(&format!("identifier: a\n{lines}"));
    let changes = compare(&[], &head, &BTreeSet::new());
    let found = validate(changes, &blueprints(), Omission::MayExist).diagnostics;
    let shown = found.iter().map(|one| {
        let help = one.help.as_deref().unwrap_or_default();
        format!("{} {} ({help})", one.severity().as_str(), one.message)
    });
    shown.collect()
}

/// What Port makes of a text where a list should be is not known.
#[test]
fn a_relation_to_many_is_sent_as_a_list() {
    let expected = "warning the relation `many` points to many `b`, found a string: it is sent as an array (write `[x]`)";
    assert_eq!(found("relations: {many: x, one: y}\n"), [expected]);
    let text = "identifier: a\nrelations: {many: x, one: y}\n";
    let (former, head) = (declared(text), declared(text));
    let earlier = Earlier {
        path: RepoPath::new("a/port.yml"),
        entities: former.valid.iter().map(|one| one.entity.key()).collect(),
        proof: Proof::Accepted,
        declared: former.valid,
    };
    let changes = compare(&[earlier], &head, &BTreeSet::new());
    let validated = validate(changes, &blueprints(), Omission::MayExist);
    let change = &validated.changes[0];
    assert_eq!(change.kind(), ChangeKind::Unchanged);
    let entity = &change.head.as_ref().unwrap().entity;
    let sent = serde_json::to_value(&entity.relations).unwrap();
    assert_eq!(sent, json!({"many": ["x"], "one": "y"}));
}

#[test]
fn the_name_of_a_markdown_file_is_probably_meant_as_its_text() {
    let warning = |text: &str| {
        format!(
            "warning `readme` is the text `{text}`, not the text of that file (write `file://./README.md` if the text of the file beside this one is meant)"
        )
    };
    for text in [
        "README.md",
        "./README.md",
        "file:README.md",
        "file:///README.md",
    ] {
        assert_eq!(
            found(&format!("properties: {{readme: '{text}'}}\n")),
            [warning(text)]
        );
    }
    for lines in [
        "properties: {readme: 'See README.md'}\n",
        "properties: {readme: '# Shop'}\n",
        "properties: {readme: 'https://x/README.md'}\n",
        "properties: {text: README.md}\n",
    ] {
        assert_eq!(found(lines), [""; 0], "{lines}");
    }
}

#[test]
fn what_cannot_be_seen_in_a_name_is_named() {
    let found = found("properties: {\"te\u{200B}xt\": x}\nrelations: {\"one\u{AD}\": x}\n");
    assert!(
        found[0].ends_with("(write `text`, without a zero-width space (U+200B))"),
        "{found:?}"
    );
    assert!(
        found[1].ends_with("(write `one`, without a soft hyphen (U+00AD))"),
        "{found:?}"
    );
}

#[test]
fn one_run_finds_everything() {
    let text = "\
- identifier: a b
  properties: {count: x}
- identifier: c
  title: 1
  relations: {none: d}
- identifier: *e
  properties: {count: x}
- properties: {count: x}
";
    let mut head = declared(text);
    let invalid = head.invalid.len();
    check_flawed(&mut head, &blueprints(), Omission::MayExist);
    let found: Vec<_> = head
        .diagnostics
        .iter()
        .map(|one| format!("{} {}", one.location().start().line, one.code))
        .collect();
    let expected = [
        "1 invalid-identifier",
        "2 invalid-property",
        "4 wrong-type",
        "5 unknown-relation",
        "6 syntax",
        "8 missing-identifier",
        "8 invalid-property",
    ];
    assert_eq!(found, expected);
    assert_eq!(head.invalid.len(), invalid);
    assert!(head.invalid[0].codes.contains(&Code::InvalidProperty));
}

/// What is there and cannot be read is wrong, and not missing.
#[test]
fn a_field_that_cannot_be_read_is_not_missing() {
    let shape = json!({
        "schema": {"properties": {"text": {"type": "string"}}, "required": ["text"]},
        "relations": {"one": {"target": "b", "required": true}},
    });
    let id = BlueprintId::parse("b").unwrap();
    let blueprints = Blueprints {
        known: [(id, Blueprint::from_json(shape).unwrap())].into(),
        ..Blueprints::default()
    };
    let mut head = declared("identifier: a\nrelations: {one: 5}\n");
    check_flawed(&mut head, &blueprints, Omission::IsMissing);
    let found: Vec<_> = head.diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(found, [Code::MissingProperty, Code::WrongType]);
}
