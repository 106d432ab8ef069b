use super::*;
use crate::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use crate::source::RepoPath;

fn declared(text: &str) -> Declarations {
    let file = EntityFile {
        content: FileContent::Text(Source::new(RepoPath::new("port.yml"), text)),
        default_blueprint: None,
    };
    declare(&[file], &BlueprintRules::parse("*").unwrap())
}

/// Findings as `line:column severity message`.
fn found(text: &str) -> Vec<String> {
    let declared = declared(text);
    let found = declared.diagnostics.iter().map(|one| {
        let at = one.location().start();
        let severity = one.severity().as_str();
        format!("{}:{} {severity} {}", at.line, at.column, one.message)
    });
    found.collect()
}

fn entity(text: &str) -> Entity {
    declared(text).valid[0].entity.clone()
}

#[test]
fn a_field_that_is_nearly_one_is_an_error() {
    for (field, meant) in [
        ("propertes", "properties"),
        ("Properties", "properties"),
        ("properties\u{a0}", "properties"),
        ("\u{a0}\u{a0}properties", "properties"),
        ("PROPERTY", "properties"),
        ("relation", "relations"),
        ("teams", "team"),
        ("Title", "title"),
        ("icons", "icon"),
        ("$team", "team"),
    ] {
        let text = format!("identifier: a\nblueprint: b\n{field}: x\n");
        let declared = declared(&text);
        let [error] = &declared.diagnostics[..] else {
            panic!("one is expected: {:?}", declared.diagnostics)
        };
        assert!(error.is_error(), "{field}");
        assert_eq!(error.location().start().line, 3);
        let help = error.help.clone().unwrap();
        assert!(help.contains(&format!("`{meant}`")), "{field}: {help}");
        assert_eq!(help.contains("U+00A0"), field.contains('\u{a0}'));
        let key = declared.invalid[0].key.as_ref().unwrap();
        assert_eq!(key.to_string(), "b/a");
    }
}

#[test]
fn a_field_that_holds_fields_is_an_error() {
    let text = "identifier: a\nblueprint: b\nmetadata:\n  x: 1\n";
    let expected = ["3:1 error entities have no field `metadata`, and it holds an object"];
    assert_eq!(found(text), expected);
    let text = "apiVersion: v1\nspec:\n  identifier: a\n  blueprint: b\n  properties: {x: 1}\n";
    let declared = declared(text);
    let errors: Vec<_> = declared
        .diagnostics
        .iter()
        .filter(|one| one.is_error())
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(
        errors[0].help.as_deref(),
        Some("write the fields of the entity themselves, without `spec` around them")
    );
    assert!(
        declared.invalid[0].key.is_none(),
        "nobody knows which one it is"
    );
}

#[test]
fn a_misspelt_name_is_one_error_and_of_no_known_entity() {
    for text in [
        "identifer: a\nblueprint: b\n",
        "identifier: a\nbluprint: b\n",
        "Identifier: a\nblueprint: b\n",
    ] {
        let declared = declared(text);
        assert_eq!(declared.diagnostics.len(), 1, "{:?}", declared.diagnostics);
        assert!(declared.invalid[0].key.is_none());
    }
    let file = EntityFile {
        content: FileContent::Text(Source::new(
            RepoPath::new("port.yml"),
            "identifier: a\nBlueprint: b\n",
        )),
        default_blueprint: BlueprintId::parse("other").ok(),
    };
    let declared = declare(&[file], &BlueprintRules::parse("*").unwrap());
    assert!(declared.invalid[0].key.is_none(), "it is not `other/a`");
}

#[test]
fn an_entity_with_an_unknown_field_clears_nothing() {
    let text = "\
identifier: a
blueprint: b
owner: me
title: null
team: []
properties: {x: 1, y: null}
relations: {r: null, s: [], t: [u]}
";
    let held_back = |field: &str| {
        format!("warning `{field}` is not cleared while a field of the entity is not understood")
    };
    let expected = [
        "3:1 warning entities have no field `owner`: it is left out, and nothing of this entity is cleared in Port".to_owned(),
        format!("4:8 {}", held_back("title")),
        format!("5:7 {}", held_back("team")),
        format!("6:23 {}", held_back("properties.y")),
        format!("7:16 {}", held_back("relations.r")),
        format!("7:25 {}", held_back("relations.s")),
    ];
    assert_eq!(found(text), expected);
    let entity = entity(text);
    assert_eq!(entity.clearing, Clearing::HeldBack);
    let sent = serde_json::json!({
        "identifier": "a", "properties": {"x": 1}, "relations": {"t": ["u"]}
    });
    assert_eq!(serde_json::to_value(entity).unwrap(), sent);
}

#[test]
fn a_wrong_indentation_clears_nothing() {
    for text in [
        "identifier: a\nblueprint: b\nproperties:\nurl: x\n",
        "identifier: a\nblueprint: b\nproperties:\n\u{a0}\u{a0}url: x\n",
        "identifier: a\nblueprint: b\nproperties:\ntitle: x\n",
        "identifier: a\nblueprint: b\nrelations:\n",
    ] {
        assert_eq!(entity(text).clearing, Clearing::HeldBack, "{text}");
        assert!(found(text).iter().all(|one| one.contains("is cleared")));
    }
    for text in [
        "identifier: a\nblueprint: b\n",
        "identifier: a\nblueprint: b\nproperties: {}\nrelations: {}\n",
        "identifier: a\nblueprint: b\nupdatedAt: yesterday\n",
    ] {
        assert_eq!(entity(text).clearing, Clearing::Allowed, "{text}");
    }
}
