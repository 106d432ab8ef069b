use serde_json::json;

use super::*;
use crate::catalog::live::Knowledge;
use crate::catalog::merge::merge;
use crate::catalog::testing::{blueprint, entity, live};

fn changes(sent: Value, held: Value, mode: Merge) -> Vec<String> {
    changes_in(&entity(sent), held, mode)
}

fn changes_in(sent: &Entity, held: Value, mode: Merge) -> Vec<String> {
    let blueprint = blueprint(json!({"properties": {
        "a": {"type": "string"}, "n": {"type": "number"}, "o": {"type": "object"}
    }}));
    let show = |value: &Option<Value>| value.as_ref().map_or("–".to_owned(), Value::to_string);
    differences(sent, &live(held), mode, Some(&blueprint))
        .iter()
        .map(|one| format!("{} {} {}", one.field, show(&one.from), show(&one.to)))
        .collect()
}

#[test]
fn what_port_does_not_keep_apart_is_no_difference() {
    let sent = json!({
        "team": ["b", "a"],
        "properties": {"n": 1.0, "a": null, "o": {"x": 1, "y": [2.0]}},
        "relations": {"one": null, "many": ["y", "x"]},
    });
    let held = json!({
        "title": "T", "icon": "I", "team": ["a", "b"],
        "properties": {"n": 1, "o": {"y": [2], "x": 1.0}, "other": 1},
        "relations": {"many": ["x", "y"], "one": null},
    });
    assert_eq!(changes(sent, held, Merge::Merge), [""; 0]);
}

#[test]
fn a_merge_changes_what_is_sent() {
    let sent = json!({
        "title": "New", "team": "a",
        "properties": {"a": "2026-01-01T00:00:00Z", "n": null},
        "relations": {"one": "x", "many": []},
    });
    let held = json!({
        "title": "Old",
        "properties": {"a": "2026-01-01T00:00:00.000Z", "n": 1},
        "relations": {"many": ["x"]},
    });
    let expected = [
        r#"title "Old" "New""#,
        r#"team – ["a"]"#,
        r#"properties.a "2026-01-01T00:00:00.000Z" "2026-01-01T00:00:00Z""#,
        "properties.n 1 –",
        r#"relations.many ["x"] –"#,
        r#"relations.one – "x""#,
    ];
    assert_eq!(changes(sent, held, Merge::Merge), expected);
}

#[test]
fn what_port_rounds_is_no_difference() {
    let of = |sent: Value, held: Value| {
        let mut declared = entity(json!({}));
        declared.properties.insert("n".to_owned(), sent);
        changes_in(&declared, json!({"properties": {"n": held}}), Merge::Merge).len()
    };
    let large = json!(9_007_199_254_740_993_i64);
    assert_eq!(of(large.clone(), json!(9_007_199_254_740_992_i64)), 0);
    assert_eq!(of(large.clone(), json!(9_007_199_254_740_992.0)), 0);
    assert_eq!(of(large, json!(9_007_199_254_740_990_i64)), 1);
    let huge = json!(18_446_744_073_709_551_615_u64);
    assert_eq!(of(huge, json!(1.8446744073709552e19)), 0);
}

#[test]
fn numbers_are_equal_in_git_as_they_are_in_port() {
    let of = |n: Value| entity(json!({"properties": {"n": n, "o": {"l": [n]}}}));
    assert_eq!(of(json!(1)), of(json!(1.0)));
    assert_ne!(of(json!(1)), of(json!(1.5)));
}

#[test]
fn a_default_that_port_put_there_is_no_difference() {
    let blueprint = blueprint(json!({"properties": {
        "a": {"type": "string", "default": "x"}, "n": {"type": "number", "default": 1},
    }}));
    let of = |sent: Value, held: Value| {
        let (sent, held) = (
            entity(json!({"properties": sent})),
            live(json!({"properties": held})),
        );
        differences(&sent, &held, Merge::Replace, Some(&blueprint)).len()
    };
    assert_eq!(of(json!({}), json!({"a": "x", "n": 1.0})), 0);
    assert_eq!(of(json!({}), json!({"a": "y"})), 1);
    assert_eq!(of(json!({"a": "y"}), json!({"a": "x"})), 1);
}

#[test]
fn an_inherited_team_is_ports_to_say() {
    let held = live(json!({"team": ["t"]}));
    for (ownership, count) in [
        (json!({"ownership": {"type": "Direct"}}), 1),
        (json!({}), 1),
        (
            json!({"ownership": {"type": "Inherited", "path": "one.two"}}),
            0,
        ),
        (json!({"teamInheritance": {"path": "one"}}), 0),
        (
            json!({"ownership": {"type": "Direct"}, "teamInheritance": {"path": "one"}}),
            1,
        ),
    ] {
        let mut shape = ownership.clone();
        shape["schema"] = json!({});
        let shape = Blueprint::from_json(shape).unwrap();
        let nothing = entity(json!({}));
        let replaced = differences(&nothing, &held, Merge::Replace, Some(&shape));
        assert_eq!(replaced.len(), count, "{ownership}");
        let former = entity(json!({"team": "t"}));
        let known = Knowledge::Present(&held);
        let merged = merge(&[&former], &nothing, known, Some(&shape), Merge::Merge);
        assert_eq!(merged.entity.team.is_stated(), count == 1, "{ownership}");
        assert_eq!(merged.uncleared, []);
    }
}

#[test]
fn a_replacement_clears_what_it_leaves_out() {
    let held = json!({
        "title": "T", "icon": "I", "team": ["t"],
        "properties": {"a": "x", "computed": 1},
        "relations": {"one": "x", "gone": "y", "many": []},
    });
    let expected = [
        r#"title "T" –"#,
        r#"icon "I" –"#,
        r#"team ["t"] –"#,
        r#"properties.a "x" –"#,
        r#"relations.one "x" –"#,
    ];
    assert_eq!(changes(json!({}), held, Merge::Replace), expected);
}

#[test]
fn an_identifier_for_a_title_is_none() {
    let held = json!({"title": "e"});
    assert_eq!(changes(json!({}), held, Merge::Replace), [""; 0]);
}

#[test]
fn a_query_without_an_answer_is_a_difference() {
    let query = json!({"combinator": "and", "rules": []});
    let sent = json!({"team": query, "relations": {"one": query}});
    let held = json!({"relations": {"one": "x"}});
    let text = r#""{\"combinator\":\"and\",\"rules\":[]}""#;
    assert_eq!(
        changes(sent, held, Merge::Merge),
        [
            format!("team – {text}"),
            format!(r#"relations.one "x" {text}"#)
        ]
    );
}

#[test]
fn without_port_it_is_base_that_head_differs_from() {
    let query = json!({"combinator": "and", "rules": []});
    let base = entity(json!({
        "title": "T", "team": query, "properties": {"a": "x", "n": 1},
        "relations": {"one": query, "many": ["x"]},
    }));
    let head = entity(json!({
        "team": query, "properties": {"a": "x", "n": 2, "o": {}},
        "relations": {"one": query, "many": ["y"]},
    }));
    let fields = declared_differences(&base, &head).into_iter();
    let fields: Vec<_> = fields.map(|one| one.field.to_string()).collect();
    let expected = ["title", "properties.n", "properties.o", "relations.many"];
    assert_eq!(fields, expected);
    assert!(declared_differences(&base, &base).is_empty());
}
