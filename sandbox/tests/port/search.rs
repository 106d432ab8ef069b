use serde_json::{Value, json};

use crate::client::{Port, message};

fn stocked() -> Port {
    let port = Port::start();
    port.put("domain", json!({"identifier": "d", "title": "Orders"}));
    port.put(
        "service",
        json!({
            "identifier": "a", "title": "Alpha", "team": ["x", "y"],
            "properties": {"tier": "gold", "replicas": 1, "tags": ["t1", "t2"], "live": true},
            "relations": {"domain": "d"},
        }),
    );
    port.put(
        "service",
        json!({
            "identifier": "b", "title": "Beta",
            "properties": {"tier": "silver", "replicas": 5, "tags": ["t2"], "live": false},
            "relations": {"needs": ["a"]},
        }),
    );
    port.put(
        "service",
        json!({"identifier": "c", "relations": {"needs": ["b"]}}),
    );
    port
}

fn names(body: &Value) -> String {
    let entities = body["entities"].as_array().unwrap().iter();
    entities
        .map(|one| one["identifier"].as_str().unwrap())
        .collect()
}

/// The services for which a rule holds.
async fn found(port: &Port, rule: Value) -> String {
    let query = json!({"query": {"combinator": "and", "rules": [rule]}});
    let (status, body) = port
        .post("/v1/blueprints/service/entities/search", query)
        .await;
    assert_eq!(status, 200, "{body}");
    names(&body)
}

#[tokio::test]
async fn rules_compare_properties() {
    let port = stocked();
    for (property, operator, value, expected) in [
        ("$identifier", "=", json!("a"), "a"),
        ("$identifier", "in", json!(["a", "c", "z"]), "ac"),
        ("$identifier", "!=", json!("a"), "bc"),
        ("$identifier", "notIn", json!(["a"]), "bc"),
        ("$blueprint", "=", json!("service"), "abc"),
        ("$title", "beginsWith", json!("Al"), "a"),
        ("$title", "endsWith", json!("ta"), "b"),
        ("$title", "contains", json!("ph"), "a"),
        ("$title", "doesNotContains", json!("ph"), "bc"),
        ("$team", "contains", json!("y"), "a"),
        ("$team", "containsAny", json!(["z", "x"]), "a"),
        ("$createdAt", ">", json!("2001-01-01T00:00:00.000Z"), "abc"),
        ("$updatedAt", "<", json!("2001-01-01T00:00:00.000Z"), ""),
        ("tier", "=", json!("gold"), "a"),
        ("tier", "=", json!(null), "c"),
        ("tier", "in", json!(["gold", "silver"]), "ab"),
        ("live", "=", json!(false), "b"),
        ("replicas", ">=", json!(5), "b"),
        ("replicas", "<", json!(5.0), "a"),
        ("replicas", "=", json!(1.0), "a"),
        ("replicas", "between", json!({"from": 1, "to": 4}), "a"),
        ("tags", "contains", json!("t2"), "ab"),
        ("tags", "contains", json!(["t1", "t2"]), "a"),
        ("tags", "in", json!(["t1"]), "a"),
        ("tags", "isEmpty", json!(null), "c"),
        ("tags", "isNotEmpty", json!(null), "ab"),
    ] {
        let rule = json!({"property": property, "operator": operator, "value": value});
        assert_eq!(found(&port, rule.clone()).await, expected, "{rule}");
    }
}

#[tokio::test]
async fn rules_follow_relations() {
    let port = stocked();
    let rule = json!({"relation": "domain", "operator": "=", "value": "d"});
    assert_eq!(found(&port, rule).await, "a");
    let rule = json!({
        "relation": "needs", "targetProperty": "$title", "operator": "contains", "value": "Beta",
    });
    assert_eq!(found(&port, rule).await, "c");
    let related = |direction: &str| {
        json!({
            "operator": "relatedTo", "blueprint": "service", "value": "b", "direction": direction,
        })
    };
    assert_eq!(found(&port, related("downstream")).await, "c");
    assert_eq!(found(&port, related("upstream")).await, "a");
}

#[tokio::test]
async fn rules_nest() {
    let port = stocked();
    let rule = |tier: &str| json!({"property": "tier", "operator": "=", "value": tier});
    let either = json!({"combinator": "or", "rules": [rule("gold"), rule("silver")]});
    assert_eq!(found(&port, either).await, "ab");
    let both = json!({"combinator": "and", "rules": [rule("gold"), rule("silver")]});
    assert_eq!(found(&port, both).await, "");
}

#[tokio::test]
async fn what_it_does_not_know_is_refused() {
    let port = stocked();
    for rule in [
        json!({"property": "tier", "operator": "resembles", "value": "gold"}),
        json!({"property": "tier", "operator": "=", "value": {"context": "user"}}),
        json!({"scorecard": "s", "operator": "=", "value": "gold"}),
    ] {
        let query = json!({"query": {"combinator": "and", "rules": [rule]}});
        let (status, body) = port
            .post("/v1/blueprints/service/entities/search", query)
            .await;
        assert_eq!((status, message(&body).is_empty()), (422, false));
    }
    for body in [
        json!({"limit": 0}),
        json!({"limit": 1001}),
        json!({"from": "?"}),
        json!({"include": "x"}),
        json!({"more": 1}),
        json!({"query": {"combinator": "xor", "rules": []}}),
    ] {
        let (status, _) = port
            .post("/v1/blueprints/service/entities/search", body)
            .await;
        assert_eq!(status, 422);
    }
}

#[tokio::test]
async fn a_search_comes_in_pages() {
    let port = stocked();
    let path = "/v1/blueprints/service/entities/search";
    let (_, first) = port.post(path, json!({"limit": 2})).await;
    assert_eq!(names(&first), "ab");
    let (_, second) = port
        .post(path, json!({"limit": 2, "from": first["next"]}))
        .await;
    assert_eq!(names(&second), "c");
    assert_eq!(second.get("next"), None);
    let (_, whole) = port.post(path, json!({"limit": 3})).await;
    assert_eq!(
        whole.get("next"),
        None,
        "the last page is full, but it is the last"
    );
}

#[tokio::test]
async fn parts_are_named_without_paths() {
    let port = stocked();
    let query = json!({"combinator": "and", "rules": [
        {"property": "$identifier", "operator": "=", "value": "a"},
    ]});
    let body = json!({"query": query, "include": ["$identifier", "tier", "domain"]});
    let (_, answer) = port
        .post("/v1/blueprints/service/entities/search", body)
        .await;
    let entity = json!({
        "identifier": "a", "properties": {"tier": "gold"}, "relations": {"domain": "d"},
    });
    assert_eq!(answer, json!({"ok": true, "entities": [entity]}));
    let body = json!({"query": query, "exclude": ["tier", "tags", "live", "$title", "$team"]});
    let (_, answer) = port
        .post("/v1/blueprints/service/entities/search", body)
        .await;
    let entity = json!({
        "identifier": "a", "properties": {"replicas": 1}, "relations": {"domain": "d", "needs": []},
    });
    assert_eq!(answer["entities"], json!([entity]));
}

#[tokio::test]
async fn all_blueprints_can_be_searched() {
    let port = stocked();
    let rule = json!({"property": "$createdAt", "operator": "!=", "value": "never"});
    let query = json!({"combinator": "and", "rules": [rule]});
    let (status, body) = port
        .post("/v1/entities/search?include=identifier", query)
        .await;
    assert_eq!(status, 200);
    let entities: Vec<_> = ["d", "a", "b", "c"]
        .iter()
        .map(|one| json!({"identifier": one}))
        .collect();
    let expected =
        json!({"ok": true, "entities": entities, "matchingBlueprints": ["domain", "service"]});
    assert_eq!(body, expected);
    assert_eq!(
        port.post("/v1/entities/search", json!({"combinator": "and"}))
            .await
            .0,
        422
    );
}
