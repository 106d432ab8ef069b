use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::catalog::blueprint::Ownership;
use crate::catalog::testing::{blueprint, entity, live};

fn shape() -> Blueprint {
    blueprint(json!({
        "properties": {
            "a": {"type": "string"}, "c": {"type": "string"}, "d": {"type": "object"},
            "must": {"type": "string"},
        },
        "required": ["must"],
    }))
}

fn sent(former: Value, head: Value, held: Value) -> Value {
    let merged = merge(
        &[&entity(former)],
        &entity(head),
        Knowledge::Present(&live(held)),
        Some(&shape()),
        Merge::Merge,
    );
    serde_json::to_value(merged.entity).unwrap()
}

#[test]
fn what_git_took_away_is_cleared_where_it_still_is() {
    let former = json!({
        "team": "t",
        "properties": {"a": "x", "c": "old", "d": {"n": 1}, "gone": "x"},
        "relations": {"one": "x", "many": ["x", "y"]},
    });
    let held = json!({
        "team": ["t"],
        "properties": {"a": "x", "c": "new", "d": {"n": 1.0}, "gone": "x"},
        "relations": {"one": "x", "many": ["y", "x"]},
    });
    let expected = json!({
        "identifier": "e",
        "properties": {"a": null, "d": null},
        "relations": {"one": null, "many": []},
    });
    assert_eq!(sent(former, json!({}), held), expected);
}

#[test]
fn what_someone_else_wrote_stays() {
    let former = json!({
        "team": ["t"], "properties": {"a": "x", "d": {"n": 1}}, "relations": {"many": ["x"]}
    });
    let held = json!({
        "team": ["t", "u"],
        "properties": {"a": "y", "d": {"n": 1, "m": 2}},
        "relations": {"many": ["x", "y"]},
    });
    assert_eq!(sent(former, json!({}), held), json!({"identifier": "e"}));
}

#[test]
fn an_explicit_null_is_sent_as_it_is() {
    let head = json!({"properties": {"a": null}, "relations": {"one": null}});
    let expected =
        json!({"identifier": "e", "properties": {"a": null}, "relations": {"one": null}});
    assert_eq!(sent(json!({}), head, json!({})), expected);
    // Nothing was there to take away.
    let former = entity(json!({"properties": {"a": null}, "relations": {"one": null}}));
    assert!(!drops_fields(&[&former], &entity(json!({}))));
    let former = entity(json!({"properties": {"a": "x"}}));
    assert!(drops_fields(&[&former], &entity(json!({}))));
}

#[test]
fn any_former_revision_may_have_written_it() {
    let one = entity(json!({"properties": {"a": "1"}}));
    let two = entity(json!({"properties": {"a": "2"}}));
    let head = entity(json!({}));
    for (held, is_cleared) in [("1", true), ("2", true), ("3", false)] {
        let held = live(json!({"properties": {"a": held}}));
        let merged = merge(
            &[&one, &two],
            &head,
            Knowledge::Present(&held),
            Some(&shape()),
            Merge::Merge,
        );
        assert_eq!(merged.entity.properties.contains_key("a"), is_cleared);
    }
}

#[test]
fn without_knowledge_or_need_head_is_sent() {
    let former = entity(json!({"properties": {"a": "x"}}));
    let head = entity(json!({}));
    let held = live(json!({"properties": {"a": "x"}}));
    let shape = shape();
    for (knowledge, blueprint, mode) in [
        (Knowledge::Unknown, Some(&shape), Merge::Merge),
        (Knowledge::Absent, Some(&shape), Merge::Merge),
        (Knowledge::Present(&held), None, Merge::Merge),
        (Knowledge::Present(&held), Some(&shape), Merge::Replace),
    ] {
        let merged = merge(&[&former], &head, knowledge, blueprint, mode);
        assert_eq!(merged.entity, head);
    }
}

#[test]
fn inherited_teams_are_not_cleared() {
    let former = entity(json!({"team": "t", "properties": {"a": "x"}}));
    let held = live(json!({"team": ["t"], "properties": {"a": "x"}}));
    let mut shape = shape();
    let path = "one".to_owned();
    shape.ownership = Ownership::Inherited { path };
    let knowledge = Knowledge::Present(&held);
    let head = entity(json!({}));
    let merged = merge(&[&former], &head, knowledge, Some(&shape), Merge::Merge);
    let expected = entity(json!({"properties": {"a": null}}));
    assert_eq!(merged.entity, expected);
}

#[test]
fn what_a_query_found_cannot_be_compared() {
    let query = json!({"combinator": "and", "rules": []});
    let former = entity(json!({
        "team": query, "relations": {"one": query, "many": query}
    }));
    let head = entity(json!({}));
    for (held, expected) in [
        (
            json!({"team": ["t"], "relations": {"one": "x", "many": null}}),
            &[Field::Team, Field::Relation("one".to_owned())][..],
        ),
        (json!({}), &[]),
    ] {
        let held = live(held);
        let knowledge = Knowledge::Present(&held);
        let merged = merge(&[&former], &head, knowledge, Some(&shape()), Merge::Merge);
        assert_eq!(merged.entity, head);
        assert_eq!(merged.uncleared, expected);
    }
}

#[test]
fn title_icon_and_team_are_cleared_where_port_holds_them() {
    let merged = |former: &[&Entity], head: &Entity, live: Knowledge<'_>| {
        cleared(&merge(former, head, live, Some(&shape()), Merge::Merge).entity)
    };
    let all = json!({"title": "T", "icon": "I", "team": "t"});
    let former = entity(all);
    let held = live(json!({"title": "T", "icon": "other", "team": ["t"]}));
    let clear = live(json!({"title": "e"}));
    let (left_out, null) = (
        entity(json!({})),
        entity(json!({"title": null, "icon": null, "team": null})),
    );
    let every = [Field::Title, Field::Icon, Field::Team];
    let ours = [Field::Title, Field::Team];
    let present = Knowledge::Present(&held);
    assert_eq!(merged(&[&former], &left_out, present), ours);
    assert_eq!(merged(&[&former], &left_out, Knowledge::Unknown), []);
    let icon = live(json!({"icon": "I"}));
    let present_icon = Knowledge::Present(&icon);
    assert_eq!(merged(&[&former], &left_out, present_icon), [Field::Icon]);
    // Whoever says so means it, whatever is there.
    assert_eq!(merged(&[&former], &null, present), every);
    assert_eq!(merged(&[], &null, present), every);
    assert_eq!(merged(&[&former], &null, Knowledge::Unknown), every);
    // There is nothing to clear, or it was cleared before.
    assert_eq!(merged(&[&former], &null, Knowledge::Absent), []);
    assert_eq!(merged(&[&former], &null, Knowledge::Present(&clear)), []);
    assert_eq!(merged(&[&null], &null, Knowledge::Unknown), []);
}

#[test]
fn what_is_required_stays_and_is_named() {
    let former = entity(json!({"properties": {"must": "x", "a": "x"}}));
    let head = entity(json!({}));
    let ours = live(json!({"properties": {"must": "x"}}));
    let theirs = live(json!({"properties": {"must": "y"}}));
    let must = [Field::Property("must".to_owned())];
    for (knowledge, expected) in [
        (Knowledge::Unknown, &must[..]),
        (Knowledge::Present(&ours), &must[..]),
        (Knowledge::Present(&theirs), &[]),
    ] {
        let named = required_dropped(&[&former], &head, knowledge, &shape());
        assert_eq!(named, expected);
        let merged = merge(&[&former], &head, knowledge, Some(&shape()), Merge::Merge);
        assert!(!merged.entity.properties.contains_key("must"));
    }
}

/// What Port makes of a request that merges.
fn apply(held: &Map<String, Value>, sent: &Map<String, Value>) -> Map<String, Value> {
    let mut result = held.clone();
    for (name, value) in sent {
        result.insert(name.clone(), value.clone());
    }
    result.retain(|_, value| !value.is_null());
    result
}

fn properties() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        Just(json!("x")),
        Just(json!("y")),
        Just(json!({"k": 1})),
        Just(Value::Null)
    ];
    let pair = (prop::sample::select(vec!["a", "c", "d", "gone"]), value);
    prop::collection::vec(pair, 0..5).prop_map(|pairs| {
        let named = pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        named.collect()
    })
}

proptest! {
    #[test]
    fn others_keep_what_they_wrote_and_git_clears_what_it_removed(
        base in properties(),
        held in properties(),
        head in properties(),
    ) {
        let merged = merge(
            &[&entity(json!({"properties": base}))],
            &entity(json!({"properties": head})),
            Knowledge::Present(&live(json!({"properties": held}))),
            Some(&shape()),
            Merge::Merge,
        );
        let result = apply(&held, &merged.entity.properties);
        for name in ["a", "c", "d", "gone"] {
            let value = |of: &Map<String, Value>| of.get(name).filter(|v| !v.is_null()).cloned();
            let was_ours = value(&base).is_some() && value(&base) == value(&held);
            let expected = match head.get(name) {
                Some(declared) => Some(declared.clone()).filter(|declared| !declared.is_null()),
                None if was_ours && name != "gone" => None,
                None => value(&held),
            };
            prop_assert_eq!(value(&result), expected, "{}", name);
        }
    }
}
