use super::*;
use crate::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use crate::text::RepoPath;

fn declared(text: &str) -> Declarations {
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(RepoPath::new("port.yml"), text)),
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
        content: FileContent::Text(SourceFile::new(
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

#[test]
fn integers_that_may_be_rounded_are_named() {
    let of = |number: &str| {
        let text = format!("identifier: a\nblueprint: b\nproperties: {{o: [{number}]}}\n");
        found(&text).len()
    };
    for exact in [
        "1",
        "-9007199254740992",
        "9007199254740992",
        "1e300",
        "9007199254740993.0",
    ] {
        assert_eq!(of(exact), 0, "{exact}");
    }
    for beyond in [
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551615",
        "100000000000000000000000",
        "0xFFFFFFFFFFFFFFFF",
        "0xFFFFFFFFFFFFFFFFFFFFE",
    ] {
        assert_eq!(of(beyond), 1, "{beyond}");
    }
    let text = "identifier: a\nblueprint: b\nproperties:\n  n: 9007199254740993\n";
    let expected =
        ["4:6 warning `9007199254740993` in `n` is an integer beyond 2^53, which Port may round"];
    assert_eq!(found(text), expected);
    assert_eq!(entity(text).properties["n"].to_string(), "9007199254740993");
}

/// What is wrong with a query that has this rule.
fn of_rule(rule: &str) -> Vec<String> {
    let text = format!(
        "identifier: a\nblueprint: b\nrelations:\n  r:\n    combinator: and\n    rules:\n      - {rule}\n"
    );
    let declared = declared(&text);
    let found = declared.diagnostics.iter();
    found
        .map(|one| {
            format!(
                "{}:{} {}",
                one.location().start().line,
                one.code,
                one.message
            )
        })
        .collect()
}

#[test]
fn rules_of_queries_are_those_of_ports_specification() {
    for rule in [
        "{property: $title, operator: '=', value: x}",
        "{property: a, operator: '=', value: 1.5}",
        "{property: a, operator: '=', value: null}",
        "{property: a, operator: in, value: [x, y]}",
        "{property: a, operator: containsAny, value: []}",
        "{property: a, operator: contains, value: x}",
        "{property: a, operator: contains, value: [x]}",
        "{property: a, operator: contains, value: null}",
        "{combinator: or, rules: []}",
        "{combinator: or, rules: [{property: a, operator: in, value: [x]}]}",
    ] {
        assert_eq!(of_rule(rule), [""; 0], "{rule}");
    }
    for (rule, expected) in [
        (
            "{property: a, operator: '!=', value: x}",
            "7:invalid-query Port takes no operator `!=` in an entity's search query",
        ),
        (
            "{property: a, operator: beginsWith, value: x}",
            "7:invalid-query Port takes no operator `beginsWith` in an entity's search query",
        ),
        (
            "{property: a, operator: '=', value: true}",
            "7:wrong-type the `value` of a rule with `=` must be a string, a number or null, found a boolean",
        ),
        (
            "{property: a, operator: '=', value: [x]}",
            "7:wrong-type the `value` of a rule with `=` must be a string, a number or null, found an array",
        ),
        (
            "{property: a, operator: in, value: x}",
            "7:wrong-type the `value` of a rule with `in` must be an array of strings, found a string",
        ),
        (
            "{property: a, operator: in, value: [1]}",
            "7:wrong-type the `value` of a rule with `in` must be an array of strings, found an array",
        ),
        (
            "{property: a, operator: contains, value: 1}",
            "7:wrong-type the `value` of a rule with `contains` must be a string, an array of strings or null, found a number",
        ),
        (
            "{property: a, operator: '='}",
            "7:invalid-query a rule of a search query needs a `value`",
        ),
        (
            "{operator: '=', value: x}",
            "7:invalid-query a rule of a search query needs a `property`",
        ),
        (
            "{property: a, value: x}",
            "7:invalid-query a rule of a search query needs an `operator`",
        ),
        (
            "{property: {path: a}, operator: '=', value: x}",
            "7:wrong-type the `property` of a rule must be a string, found an object",
        ),
        (
            "{property: a, operator: '=', value: x, not: true}",
            "7:invalid-query a rule of a search query has no `not`",
        ),
        (
            "{combinator: xor, rules: []}",
            "7:invalid-query the `combinator` of a search query must be `and` or `or`",
        ),
        (
            "{combinator: or, rules: {}}",
            "7:invalid-query the `rules` of a search query must be an array",
        ),
        (
            "{combinator: or, rules: [], limit: 1}",
            "7:invalid-query a search query has no `limit`",
        ),
        (
            "{combinator: or, rules: [{property: a, operator: '>', value: 1}]}",
            "7:invalid-query Port takes no operator `>` in an entity's search query",
        ),
        (
            "x",
            "7:wrong-type a rule of a search query must be an object, found a string",
        ),
    ] {
        assert_eq!(of_rule(rule), [expected], "{rule}");
    }
}

#[test]
fn every_query_is_checked() {
    let bad = "{combinator: and, rules: [{property: a, operator: '<', value: x}]}";
    for text in [
        format!("identifier: {bad}\nblueprint: b\n"),
        format!("identifier: a\nblueprint: b\nteam: {bad}\n"),
        format!("identifier: a\nblueprint: b\nrelations: {{r: {bad}}}\n"),
    ] {
        let declared = declared(&text);
        assert_eq!(declared.diagnostics.len(), 1);
        assert_eq!(declared.diagnostics[0].code, Code::InvalidQuery);
        assert_eq!(declared.invalid.len(), 1);
    }
}

fn only(text: &str) -> Diagnostic {
    let declared = declared(text);
    let [found] = &declared.diagnostics[..] else {
        panic!("one is expected of {text:?}: {:?}", declared.diagnostics)
    };
    found.clone()
}

#[test]
fn what_cannot_be_seen_in_a_name_is_named() {
    for (character, name) in [
        ('\u{200B}', "a zero-width space (U+200B)"),
        ('\u{AD}', "a soft hyphen (U+00AD)"),
        ('\u{2066}', "the invisible character U+2066"),
        ('\u{FE0F}', "the invisible character U+FE0F"),
    ] {
        let found = only(&format!("identifier: a{character}b\nblueprint: b\n"));
        assert_eq!(
            found.message,
            format!("this is not a valid identifier: {name} is not allowed")
        );
        let found = only(&format!(
            "identifier: a\nblueprint: b\nti{character}tle: x\n"
        ));
        let help = found.help.clone().unwrap();
        assert!(
            found.is_error() && help.contains(name) && help.contains("`title`"),
            "{help}"
        );
        let found = only(&format!("identifier: a\nblueprint: b\nx{character}y: z\n"));
        assert_eq!(found.help, Some(format!("remove {name} in its name")));
    }
}

#[test]
fn a_comment_in_place_of_a_value_is_warned_of() {
    for (line, comment) in [
        ("  slack: #shop", Some("#shop")),
        ("  slack: #shop # our channel", None),
        ("  slack: # none yet", None),
        ("  slack: ~ #x", None),
        ("  slack: a #x", None),
        ("  slack:\n    - x #y", None),
    ] {
        let declared = declared(&format!(
            "identifier: a\nblueprint: b\nproperties:\n{line}\n"
        ));
        let help = declared
            .diagnostics
            .first()
            .and_then(|one| one.help.clone());
        let expected = comment
            .map(|comment| format!("put quotes around it if it is the value: `\"{comment}\"`"));
        assert_eq!(help, expected, "{line}");
        assert_eq!(declared.valid.len(), 1);
    }
    let found = only("identifier: a\nblueprint: b\ntitle: #1\n");
    assert_eq!(found.location().start().line, 3);
}

#[test]
fn likely_slips_are_hinted_at() {
    let exclude = "such as `!**/skeleton/**`";
    for (text, hint) in [
        (
            "identifier:x\nblueprint: b\n",
            "put a space after the `:`: `identifier: …`",
        ),
        (
            "identifier:x\n",
            "put a space after the `:`: `identifier: …`",
        ),
        (
            "blueprint: b\nidentifier:x\ntitle: y\n",
            "put a space after the `:`: `identifier: …`",
        ),
        (
            "-identifier: x\n blueprint: b\n",
            "put a space after the `-`: `- identifier: …`",
        ),
        (
            "-identifier: x\n  blueprint: b\n",
            "put a space after the `-`: `- identifier: …`",
        ),
        (
            "blueprint: b\n-identifier: x\n",
            "put a space after the `-`: `- identifier: …`",
        ),
        ("identifier: {{ name }}\nblueprint: b\n", exclude),
        ("identifier: {{ name }}-x\nblueprint: b\n", exclude),
        ("identifier: ${{ values.name }}\nblueprint: b\n", exclude),
        ("{% if x %}\nidentifier: a\n", exclude),
        ("{{- if .Values.x }}\nidentifier: a\n{{- end }}\n", exclude),
    ] {
        let found = only(text);
        let help = found.help.unwrap_or_default();
        assert!(help.contains(hint), "{text:?}: {} ({help})", found.message);
    }
    for text in ["a: b: c\n", "u: http://x\nb: c: d\n", "a: @x\n"] {
        let help = only(text).help.unwrap();
        assert!(!help.contains("blank after"), "{text:?}: {help}");
    }
}

#[test]
fn a_merge_conflict_is_one_error() {
    let yaml = "identifier: a\nblueprint: b\nproperties:\n<<<<<<< HEAD\n  x: 1\n=======\n  x: 2\n>>>>>>> c\n---\nidentifier: d\n";
    let found = only(yaml);
    assert_eq!(
        found.message,
        "the file holds a merge conflict, so it was not read"
    );
    assert_eq!(found.location().start().line, 4);
    let text = "identifier: a\nblueprint: b\nproperties:\n  doc: |\n    <<<<<<< HEAD\n    x\n";
    assert!(declared(text).diagnostics.is_empty());
}

#[test]
fn what_is_lost_is_not_missing_too() {
    for text in [
        "identifier: *x\nblueprint: b\n",
        "identifier: a\nblueprint: *x\n",
        "identifier: a\nblueprint: b\nproperties: *x\n",
        "identifier: a\nblueprint: b\nteam: [*x]\nrelations: {}\n",
        "identifier: a\nblueprint: b\nrelations: {r: [*x]}\n",
        "<<: *x\ntitle: a\n",
        "- <<: {identifier: a}\n  <<: {blueprint: b}\n",
    ] {
        let found = only(text);
        assert!(
            matches!(found.code, Code::Syntax | Code::DuplicateKey),
            "{text:?}"
        );
        assert_eq!(declared(text).invalid.len(), 1, "{text:?}");
    }
    let other = "title: {x: 1, x: 2}\nblueprint: b\n";
    assert!(
        found(other).iter().any(|one| one.contains("no identifier")),
        "{:?}",
        found(other)
    );
}
