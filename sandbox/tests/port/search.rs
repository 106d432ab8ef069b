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
    let table = r#"
        {"property": "$identifier", "operator": "=", "value": "a"} -> a
        {"property": "$identifier", "operator": "in", "value": ["a", "c", "z"]} -> ac
        {"property": "$identifier", "operator": "!=", "value": "a"} -> bc
        {"property": "$blueprint", "operator": "=", "value": "service"} -> abc
        {"property": "$title", "operator": "contains", "value": "ph"} -> a
        {"property": "$team", "operator": "contains", "value": "y"} -> a
        {"property": "$team", "operator": "containsAny", "value": ["z", "x"]} -> a
        {"property": "tier", "operator": "=", "value": null} -> c
        {"property": "tier", "operator": "in", "value": ["gold", "silver"]} -> ab
        {"property": "live", "operator": "=", "value": false} -> b
        {"property": "replicas", "operator": "=", "value": 1.0} -> a
        {"property": "tags", "operator": "contains", "value": "t2"} -> ab
        {"property": "tags", "operator": "contains", "value": ["t1", "t2"]} -> a
        {"property": "tags", "operator": "in", "value": ["t1"]} -> a
        {"operator": "relatedTo", "blueprint": "service", "value": "a", "direction": "downstream"} -> bc
        {"combinator": "or", "rules": []} ->
        {"combinator": "and", "rules": []} -> abc
    "#;
    for line in table.trim().lines() {
        let (rule, found) = line.trim().split_once(" ->").unwrap();
        let found = found.trim().chars();
        let entities: Vec<_> = found.map(|one| json!({"identifier": one})).collect();
        let answer = json!({"ok": true, "entities": entities});
        let query = format!(r#"{{"combinator": "and", "rules": [{rule}]}}"#);
        let body = format!(r#"{{"query": {query}, "include": ["$identifier"]}}"#);
        port.answers(&format!(
            "POST service/entities/search {body} -> 200 {answer}"
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
    let table = r#"
        domain {"property": "$title", "operator": "=", "value": "Orders"} -> 201
        domain {"property": "$title", "operator": "=", "value": "None"} -> 404
        domain {"property": "$title", "operator": "=", "value": "Same"} -> 422
        domain {"property": "$title", "operator": "beginsWith", "value": "O"} -> 422
        needs {"property": "tier", "operator": "=", "value": "gold"} -> 201
        needs {"property": "health", "operator": "=", "value": "x"} -> 422
        needs {"combinator": "nor", "rules": []} -> 422
    "#;
    for line in table.trim().lines() {
        let (relation, rule) = line.trim().split_once(' ').unwrap();
        let (rule, status) = rule.split_once(" -> ").unwrap();
        let query = format!(r#"{{"combinator": "and", "rules": [{rule}]}}"#);
        let entity = format!(r#"{{"identifier": "e", "relations": {{"{relation}": {query}}}}}"#);
        let row = format!("POST service/entities?upsert=true&merge=true {entity} -> {status}");
        port.answers(&row).await;
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
