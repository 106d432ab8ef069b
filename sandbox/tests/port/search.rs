//! Which entities a query finds, and which parts of them are sent.

use serde_json::json;

use crate::Port;

fn stocked() -> Port {
    let port = Port::start();
    port.put("domain", &[json!({"identifier": "d", "title": "Orders"})]);
    let services = [
        json!({
            "identifier": "a", "title": "Alpha", "team": ["x", "y"],
            "properties": {"tier": "gold", "replicas": 1, "tags": ["t1", "t2"], "live": true},
            "relations": {"domain": "d"},
        }),
        json!({
            "identifier": "b", "title": "Beta",
            "properties": {"tier": "silver", "replicas": 5, "tags": ["t2"], "live": false},
            "relations": {"needs": ["a"]},
        }),
        json!({
            "identifier": "c", "properties": {"health": "good"}, "relations": {"needs": ["b"]},
        }),
    ];
    port.put("service", &services);
    port
}

#[tokio::test]
async fn rules() {
    let port = stocked();
    for (rule, found) in [
        (
            json!({"property": "$identifier", "operator": "=", "value": "a"}),
            "a",
        ),
        (
            json!({"property": "$identifier", "operator": "in", "value": ["a", "c", "z"]}),
            "ac",
        ),
        (
            json!({"property": "$identifier", "operator": "!=", "value": "a"}),
            "bc",
        ),
        (
            json!({"property": "$blueprint", "operator": "=", "value": "service"}),
            "abc",
        ),
        (
            json!({"property": "$title", "operator": "contains", "value": "ph"}),
            "a",
        ),
        (
            json!({"property": "$team", "operator": "contains", "value": "y"}),
            "a",
        ),
        (
            json!({"property": "$team", "operator": "containsAny", "value": ["z", "x"]}),
            "a",
        ),
        (
            json!({"property": "tier", "operator": "=", "value": null}),
            "c",
        ),
        (
            json!({"property": "tier", "operator": "in", "value": ["gold", "silver"]}),
            "ab",
        ),
        (
            json!({"property": "live", "operator": "=", "value": false}),
            "b",
        ),
        (
            json!({"property": "replicas", "operator": "=", "value": 1.0}),
            "a",
        ),
        (
            json!({"property": "tags", "operator": "contains", "value": "t2"}),
            "ab",
        ),
        (
            json!({"property": "tags", "operator": "contains", "value": ["t1", "t2"]}),
            "a",
        ),
        (
            json!({"property": "tags", "operator": "in", "value": ["t1"]}),
            "a",
        ),
        (
            json!({"operator": "relatedTo", "blueprint": "service", "value": "a", "direction": "downstream"}),
            "bc",
        ),
        (json!({"combinator": "or", "rules": []}), ""),
        (json!({"combinator": "and", "rules": []}), "abc"),
    ] {
        let query =
            json!({"query": {"combinator": "and", "rules": [rule]}, "include": ["$identifier"]});
        let entities: Vec<_> = found
            .chars()
            .map(|one| json!({"identifier": one}))
            .collect();
        let answer = json!({"ok": true, "entities": entities});
        port.answers(&format!(
            "POST service/entities/search {query} -> 200 {answer}"
        ))
        .await;
    }
}

#[tokio::test]
async fn rules_that_the_sandbox_does_not_know() {
    let port = stocked();
    for rule in [
        json!({"property": "tier", "operator": "resembles", "value": "gold"}),
        json!({"property": "tier", "operator": "=", "value": {"context": "user"}}),
        json!({"scorecard": "s", "operator": "=", "value": "gold"}),
    ] {
        let query = json!({"query": {"combinator": "and", "rules": [rule]}});
        let row = format!("POST service/entities/search {query} -> 422 does not know this rule");
        port.answers(&row).await;
    }
}

#[tokio::test]
async fn pages_and_parts() {
    let port = stocked();
    port.answers(
        r#"
        POST service/entities/search {"limit": 2, "include": ["$identifier"]} -> 200 {"entities":[{"identifier":"a"},{"identifier":"b"}],"next":"Yg==","ok":true}
        POST service/entities/search {"limit": 2, "include": ["$identifier"], "from": "Yg=="} -> 200 {"entities":[{"identifier":"c"}],"ok":true}
        POST service/entities/search {"limit": 3, "include": ["$identifier"]} -> 200 {"identifier":"c"}],"ok":true}
        POST service/entities/search {"limit": 1, "include": ["$identifier", "tier", "domain"]} -> 200 [{"identifier":"a","properties":{"tier":"gold"},"relations":{"domain":"d"}}]
        POST /v1/entities/search?include=identifier&include=properties.tier {"combinator": "and", "rules": [{"property": "tier", "operator": "=", "value": "gold"}]} -> 200 {"entities":[{"identifier":"a","properties":{"tier":"gold"}}],"matchingBlueprints":["service"],"ok":true}
        GET service/entities/c -> 200 "properties":{"health":"good"}
        GET service/entities/c?exclude_calculated_properties=true -> 200 {"entity":{"identifier":"c","properties":{},"relations":{"domain":null,"needs":["b"]},"team":[]},"ok":true}
        "#,
    )
    .await;
}

/// Those in an entity that is written are narrower than those of a search.
#[tokio::test]
async fn queries_in_entities() {
    let port = stocked();
    let same = |n: usize| json!({"identifier": format!("d{n}"), "title": "Same"});
    port.put("domain", &(0..101).map(same).collect::<Vec<_>>());
    for (relation, query, status) in [
        (
            "domain",
            json!({"property": "$title", "operator": "=", "value": "Orders"}),
            201,
        ),
        (
            "domain",
            json!({"property": "$title", "operator": "=", "value": "None"}),
            404,
        ),
        (
            "domain",
            json!({"property": "$title", "operator": "=", "value": "Same"}),
            422,
        ),
        (
            "domain",
            json!({"property": "$title", "operator": "beginsWith", "value": "O"}),
            422,
        ),
        (
            "needs",
            json!({"property": "tier", "operator": "=", "value": "gold"}),
            201,
        ),
        (
            "needs",
            json!({"property": "health", "operator": "=", "value": "x"}),
            422,
        ),
        ("needs", json!({"combinator": "nor", "rules": []}), 422),
    ] {
        let query = json!({"combinator": "and", "rules": [query]});
        let entity = json!({"identifier": "e", "relations": {relation: query}});
        let (got, body) = port.merge(entity).await;
        assert_eq!(got, status, "{body}");
    }
    let relations = port.sandbox.entity("service", "e").unwrap()["relations"].clone();
    assert_eq!(relations, json!({"domain": "d", "needs": ["a"]}));
    for (tier, answer) in [
        ("gold", "201 \"identifier\":\"a\""),
        ("tin", "404 its identifier"),
    ] {
        let rule = json!({"property": "tier", "operator": "=", "value": tier});
        let entity = json!({"identifier": {"combinator": "and", "rules": [rule]}});
        let row = format!("POST service/entities?upsert=true {entity} -> {answer}");
        port.answers(&row).await;
    }
}
