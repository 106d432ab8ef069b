//! What is refused, with the code and the message, and what an answer says of many entities.

use std::time::Duration;

use port_gitops_sandbox::port::{Failure, Permission};
use port_gitops_sandbox::{Sandbox, Switch};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Port, send, service};

#[tokio::test]
async fn credentials() {
    let port = Port::start();
    port.answers(
        r#"
        POST /v1/auth/access_token {"clientId": "sandbox-client-id", "clientSecret": "sandbox-client-secret"} -> 200 "expiresIn":10800
        POST /v1/auth/access_token {"clientId": "sandbox-client-id", "clientSecret": "x"} -> 401 unauthorized: Invalid client id
        POST /v1/auth/access_token {"clientId": "sandbox-client-id"} -> 422 body must have required property 'clientSecret'
        POST /v1/auth/access_token {"clientId": "x", "clientSecret": "x", "more": 1} -> 422 must NOT have additional properties: "more"
        "#,
    )
    .await;
    let unknown =
        r#"POST /v1/auth/access_token {"clientId": "x", "clientSecret": "sandbox-client-secret"}"#;
    let wrong = r#"POST /v1/auth/access_token {"clientId": "sandbox-client-id", "clientSecret": "x"} -> 401"#;
    for (switch, status) in [
        (Switch::UnknownClientIs404, 404),
        (Switch::UnknownClientIs422, 422),
    ] {
        port.sandbox.turn_on(switch);
        port.answers(&format!("{unknown} -> {status}\n{wrong}"))
            .await;
        port.sandbox.turn_off(switch);
    }
    port.answers(&format!("{unknown} -> 401")).await;
}

#[tokio::test]
async fn requests_without_a_valid_token() {
    let port = Port::start();
    for (method, path) in [
        (Method::GET, "/v1/blueprints"),
        (Method::POST, "/v1/blueprints"),
        (Method::GET, "service"),
        (Method::PATCH, "service"),
        (Method::POST, "service/entities"),
        (Method::POST, "service/entities/bulk"),
        (Method::GET, "service/entities/a"),
        (Method::PATCH, "service/entities/a"),
        (Method::POST, "service/entities/search"),
        (Method::POST, "service/bulk/entities/delete"),
        (Method::POST, "/v1/entities/search"),
    ] {
        for token in ["", "Bearer made-up"] {
            let request = port.plain(method.clone(), path);
            let (status, _) = send(request.header("authorization", token)).await;
            assert_eq!(status, 401, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn requests_past_the_budget() {
    let port = Port::start();
    port.sandbox.set_rate_limit(2, Duration::from_millis(700));
    port.answers("GET service -> 200\nGET /nowhere -> 404\nGET service -> 429 too_many_requests")
        .await;
    let remaining = |answer: &port_gitops_sandbox::Exchange| {
        let answer = answer.answer.as_ref().unwrap();
        let header = |name| answer.header(name).unwrap().to_owned();
        (header("x-ratelimit-remaining"), header("x-ratelimit-limit"))
    };
    let told: Vec<_> = port.sandbox.journal().iter().map(remaining).collect();
    let expected = ["1", "0", "0"].map(|left| (left.to_owned(), "2".to_owned()));
    assert_eq!(told, expected);
    tokio::time::sleep(Duration::from_millis(750)).await;
    port.answers("GET service -> 200").await;
}

#[tokio::test]
async fn what_is_not_there() {
    let port = Port::start();
    port.put("service", &[json!({"identifier": "team/a"})]);
    port.answers(
        r#"
        GET nope -> 404 not_found: Blueprint with identifier "nope" was not found
        GET nope/entities/a -> 404 "nope"
        PATCH nope {"title": "T"} -> 404 "nope"
        POST nope/entities {"identifier": "a"} -> 404 "nope"
        POST nope/entities/bulk {"entities": [{"identifier": "a"}]} -> 404 "nope"
        POST nope/entities/search {} -> 404 "nope"
        POST nope/bulk/entities/delete {"entities": ["a"]} -> 404 "nope"
        GET service/entities/b -> 404 Entity with identifier "b" of blueprint "service" was not found
        GET service/entities/team%2Fa -> 200 "identifier":"team/a"
        GET service/entities/team/a -> 404 Route GET:/v1/blueprints/service/entities/team/a not found
        GET service/entities/team%252Fa -> 404 "team%2Fa"
        DELETE service/entities/team%2Fa -> 404 Route DELETE
        PATCH service/entities/b {"title": "B"} -> 404 "b"
        "#,
    )
    .await;
}

#[tokio::test]
async fn blueprints() {
    let port = Port::start();
    port.sandbox.add_blueprint(json!({"identifier": "other"}));
    port.answers(
        r#"
        POST /v1/blueprints {"identifier": "it's", "title": "T", "schema": {"properties": {}}} -> 422 body/identifier must match pattern
        POST /v1/blueprints {"identifier": "a", "title": "", "schema": {"properties": {}}} -> 422 body/title must be string
        POST /v1/blueprints {"identifier": "a", "title": "T", "schema": {}} -> 422 body/schema/properties must be object
        POST /v1/blueprints {"identifier": "a", "title": "T", "schema": {"properties": {"p": {"type": "text"}}}} -> 422 body/schema/properties/p must
        POST /v1/blueprints {"identifier": "a", "title": "T", "schema": {"properties": {"p": {"type": "string", "format": "date"}}}} -> 422 body/schema/properties/p must
        POST /v1/blueprints {"identifier": "a", "title": "T", "schema": {"properties": {}}, "relations": {"r": {"target": "nowhere"}}} -> 404 "nowhere" was not found
        POST /v1/blueprints {"identifier": "a", "title": "T", "schema": {"properties": {}}, "relations": {"r": {"target": "a", "many": false, "required": false}}} -> 201
        POST /v1/blueprints {"identifier": "a", "title": "T", "schema": {"properties": {}}} -> 409 identifier_taken
        POST /v1/blueprints?create_catalog_page=false {"identifier": "b", "title": "T", "schema": {"properties": {}}} -> 201
        PATCH a {"title": "U"} -> 200 "relations":{"r":{"many":false,"required":false,"target":"a"}},"schema":{"properties":{}},"title":"U"
        PATCH a {"title": ""} -> 422
        PATCH a {"identifier": "c"} -> 422
        "#,
    )
    .await;
    assert_eq!(port.sandbox.catalog_pages(), ["a"]);
}

#[tokio::test]
async fn malformed_requests() {
    let port = Port::start();
    port.put("service", &[json!({"identifier": "a"})]);
    port.answers(
        r#"
        POST service/entities {"identifier" -> 422 Body is not valid JSON
        POST service/entities?upsert=yes {"identifier": "a"} -> 422 querystring/upsert must be boolean
        POST service/entities/bulk {"entities": [{"identifier": "x"}, {"identifier": 7}]} -> 422 body/entities/1/identifier must be string
        POST service/entities/bulk {"entities": [{"identifier": "x"}, {}]} -> 422 body/entities/1 must have required property 'identifier'
        POST service/entities/bulk {"entities": [{"identifier": "x"}, []]} -> 422 body/entities/1 must be object
        POST service/entities/bulk {"entities": [], "more": 1} -> 422 must NOT have additional properties: "more"
        POST service/entities/bulk {"entities": []} -> 422 must NOT have fewer than 1 items
        POST service/entities {"identifier": "x", "title": null} -> 422 body/title must be string
        POST service/entities {"identifier": "x", "team": null} -> 422 body/team must match exactly one schema in oneOf
        POST service/entities {"identifier": "x", "properties": []} -> 422 body/properties must be object
        POST service/entities {"identifier": "x", "relations": {"domain": 1}} -> 422 body/relations/domain must match a schema in anyOf
        POST service/entities {"identifier": "x", "relations": {"needs": ["a", "b c"]}} -> 422 body/relations/needs/1 must match pattern
        PATCH service/entities/a {"more": 1} -> 422 must NOT have additional properties: "more"
        PATCH service/entities/a {"title": 1} -> 422 body/title must be string
        PATCH service/entities/a {"identifier": "b"} -> 422
        PATCH service/entities/a {"properties": {"tier": "tin"}} -> 422 blueprint_schema_mismatch
        POST service/bulk/entities/delete {"entities": []} -> 422 must NOT have fewer than 1 items
        POST service/bulk/entities/delete {"entities": [1]} -> 422 body/entities/0 must be string
        POST service/bulk/entities/delete?delete_dependents=true {"entities": ["a"]} -> 422
        POST service/entities/search {"limit": 0} -> 422 body/limit must be a number from 1 to 1000
        POST service/entities/search {"limit": 1001} -> 422 body/limit
        POST service/entities/search {"from": "?"} -> 422 body/from
        POST service/entities/search {"include": "x"} -> 422 body/include
        POST service/entities/search {"more": 1} -> 422 "more"
        POST service/entities/search {"query": {"combinator": "xor", "rules": []}} -> 422 query/combinator
        POST /v1/entities/search {"combinator": "and"} -> 422 'rules'
        "#,
    )
    .await;
    for identifier in ["", ".", "..", "a b", "a#b", "a%2Fb", &"x".repeat(1001)] {
        let (status, body) = port.merge(json!({"identifier": identifier})).await;
        let message = body["message"].as_str().unwrap();
        let is_about_it = message.starts_with("body/identifier must ");
        assert!(status == 422 && is_about_it, "{identifier}: {message}");
    }
    assert_eq!(port.names(), ["a"]);
    for identifier in ["...", "a@_.+:\\/='-9", "Größe", &"x".repeat(1000)] {
        assert_eq!(port.merge(json!({"identifier": identifier})).await.0, 201);
    }
}

/// The action finds the position of a mistake by Port's words for it.
#[tokio::test]
async fn values_that_do_not_fit_the_blueprint() {
    let port = Port::start();
    let table = r#"
        {"url": "x"} -> url must match format "url"
        {"tier": "tin"} -> tier must be equal to one of the allowed values
        {"code": "abc"} -> code must match pattern "^[A-Z]{2}$"
        {"replicas": "3"} -> replicas must be number
        {"replicas": -1} -> replicas must be >= 0
        {"tags": ["a", 1]} -> tags/1 must be string
    "#;
    for line in table.trim().lines() {
        let (properties, complaint) = line.trim().split_once(" -> ").unwrap();
        let properties: Value = serde_json::from_str(properties).unwrap();
        let entity = json!({"identifier": "a", "properties": properties});
        let (_, body) = port.merge(entity).await;
        assert_eq!(body["message"], format!("/properties/{complaint}"));
    }
    port.answers(
        r#"
        POST service/entities {"identifier": "a", "properties": {"nope": 1}} -> 422 blueprint_schema_mismatch: /properties must NOT have additional properties: "nope"
        POST service/entities {"identifier": "a", "properties": {"health": "x"}} -> 422 /properties must NOT have additional properties: "health"
        POST service/entities {"identifier": "a", "properties": {"live": 1, "tier": "x"}} -> 422 boolean, /properties/tier must
        POST service/entities {"identifier": "a", "relations": {"nope": "a"}} -> 422 /relations must NOT have additional properties: "nope"
        POST service/entities {"identifier": "a", "relations": {"needs": "a"}} -> 422 /relations/needs must be array
        POST service/entities {"identifier": "a", "relations": {"domain": ["d"]}} -> 422 relation_many_violation: Relation "domain" cannot
        POST service/entities {"identifier": "a", "relations": {"domain": "d"}} -> 404 not_found: Relation target of "domain" was not found: entity with identifier "d" of blueprint "domain"
        POST strict/entities {"identifier": "a"} -> 422 blueprint_schema_mismatch: /properties must have required property 'name'
        POST strict/entities {"identifier": "a", "properties": {"name": "n"}} -> 422 required_relation: Relation "domain" is required
        "#,
    )
    .await;
    assert_eq!(port.names(), [""; 0]);
    port.put("domain", &[json!({"identifier": "d"})]);
    port.answers(
        r#"
        POST strict/entities {"identifier": "a", "properties": {"name": "n"}, "relations": {"domain": "d"}} -> 201
        POST strict/entities?upsert=true&merge=true {"identifier": "a", "title": "A"} -> 201
        POST strict/entities?upsert=true&merge=true {"identifier": "a", "properties": {"name": null}} -> 422
        POST strict/entities?upsert=true&merge=true {"identifier": "a", "relations": {"domain": null}} -> 403 required_relation
        "#,
    )
    .await;
}

#[tokio::test]
async fn requests_that_are_too_large() {
    let port = Port::start();
    let sized = |size: usize| {
        let empty = json!({"identifier": "a", "properties": {"owner": {"x": ""}}});
        let padding = "x".repeat(size - empty.to_string().len());
        json!({"identifier": "a", "properties": {"owner": {"x": padding}}})
    };
    const MEBIBYTE: usize = 1024 * 1024;
    assert_eq!(port.merge(sized(MEBIBYTE)).await.0, 201);
    for size in [MEBIBYTE + 1, 3 * MEBIBYTE] {
        assert_eq!(port.merge(sized(size)).await.0, 413);
    }
    let names = |count: usize| (0..count).map(|at| format!("e{at}"));
    let upsert = |count| {
        let entities: Vec<_> = names(count)
            .map(|name| json!({"identifier": name}))
            .collect();
        let body = json!({"entities": entities});
        format!("POST service/entities/bulk?upsert=true {body}")
    };
    let delete = |count| {
        let body = json!({"entities": names(count).collect::<Vec<_>>()});
        format!("POST service/bulk/entities/delete {body}")
    };
    let too_many = "422 body/entities must NOT have more than";
    port.answers(&format!(
        "{} -> {too_many} 20 items\n{} -> 200",
        upsert(21),
        upsert(20)
    ))
    .await;
    port.sandbox.set_max_bulk_upsert(30);
    // Nobody can know of it before an answer has told it.
    port.answers(&format!("{} -> {too_many} 20", upsert(21)))
        .await;
    port.answers(&format!("{} -> 200 \"maxBulkSize\":30", upsert(1)))
        .await;
    port.answers(&format!(
        "{} -> 200\n{} -> {too_many} 30",
        upsert(30),
        upsert(31)
    ))
    .await;
    port.answers(&format!("{} -> {too_many} 100", delete(101)))
        .await;
    port.sandbox.set_max_bulk_delete(2);
    port.answers(&format!("{} -> 200 \"maxBulkSize\":2", delete(1)))
        .await;
    port.answers(&format!("{} -> {too_many} 2", delete(3)))
        .await;
}

#[tokio::test]
async fn what_the_credentials_may_not_do() {
    let port = Port::start();
    let entities = [json!({"identifier": "a"}), json!({"identifier": "b"})];
    port.put("service", &entities);
    port.put("domain", &[json!({"identifier": "d"})]);
    port.sandbox.hide_entity("service", "a");
    port.answers(
        r#"
        GET service/entities/a -> 404 not_found
        POST service/entities/search {} -> 200 {"entities":[{"identifier":"b"
        POST service/entities {"identifier": "a"} -> 409 identifier_taken
        "#,
    )
    .await;
    let service = || "service".to_owned();
    port.sandbox.deny(Permission::WriteEntities(service()));
    port.answers(
        r#"
        POST service/entities {"identifier": "c"} -> 403 missing_permissions
        POST service/entities/bulk {"entities": [{"identifier": "c"}]} -> 403 missing_permissions
        PATCH service/entities/b {"title": "B"} -> 403 missing_permissions
        POST service/bulk/entities/delete {"entities": ["b"]} -> 403 missing_permissions
        POST domain/entities {"identifier": "c"} -> 201
        GET service/entities/b -> 200
        "#,
    )
    .await;
    port.sandbox.deny(Permission::ReadEntities(service()));
    port.sandbox.deny(Permission::ReadBlueprint(service()));
    port.sandbox.deny(Permission::ChangeBlueprint(service()));
    port.sandbox.deny(Permission::CreateBlueprints);
    port.answers(
        r#"
        GET service/entities/b -> 403 missing_permissions
        POST service/entities/search {} -> 403 missing_permissions
        POST /v1/entities/search?include=identifier {"combinator": "and", "rules": []} -> 200 {"entities":[{"identifier":"c"},{"identifier":"d"}]
        GET service -> 403 missing_permissions
        GET /v1/blueprints -> 200 {"blueprints":[{"aggregationProperties":{},"calculationProperties":{},"createdAt":"2026-01-01T00:00:00.000Z","createdBy":"sandbox","identifier":"domain"
        PATCH service {"title": "T"} -> 403 missing_permissions
        POST /v1/blueprints {"identifier": "a", "title": "T", "schema": {"properties": {}}} -> 403 missing_permissions
        "#,
    )
    .await;
    port.sandbox.finish_run("r1");
    port.answers(
        r#"
        POST domain/entities/bulk?run_id=r1 {"entities": [{"identifier": "e"}]} -> 400 run_exhausted
        POST domain/entities/bulk?run_id=r2 {"entities": [{"identifier": "e"}]} -> 200
        "#,
    )
    .await;
}

#[tokio::test]
async fn writes_of_many_and_of_related_entities() {
    let port = Port::start();
    let with_health = json!({"identifier": "b", "title": "B", "properties": {"health": "good"}});
    port.put("service", &[with_health]);
    port.sandbox.add_blueprint(json!({"identifier": "_user"}));
    port.sandbox.add_blueprint(json!({
        "identifier": "page",
        "relations": {"author": {"target": "_user", "many": false, "required": false}},
    }));
    port.answers(
        r#"
        POST service/entities/bulk?upsert=true {"entities": [{"identifier": "a"}, {"identifier": "b"}]} -> 200 {"entities":[{"created":true,"identifier":"a","index":0},{"created":false,"identifier":"b","index":1}],"errors":[],"ok":true}
        POST service/entities/bulk?upsert=true {"entities": [{"identifier": "c", "relations": {"needs": ["d"]}}, {"identifier": "d", "relations": {"needs": ["d"]}}]} -> 207 {"entities":[{"created":true,"identifier":"d","index":1}],"errors":[{"error":"not_found","identifier":"c","index":0,
        GET service/entities/b -> 200 {"entity":{"identifier":"b","properties":{"health":"good"},"relations"
        POST service/entities/bulk {"entities": [{"identifier": "d"}]} -> 207 "statusCode":409
        POST service/entities?validation_only=true {"identifier": "e"} -> 201
        POST service/entities/bulk?validation_only=true {"entities": [{"identifier": "e"}]} -> 200 "created":true
        GET service/entities/e -> 404
        POST service/entities?create_missing_related_entities=true {"identifier": "e", "relations": {"domain": "x"}} -> 201
        GET domain/entities/x -> 200
        POST page/entities?create_missing_related_entities=true {"identifier": "p", "relations": {"author": "me"}} -> 404
        "#,
    )
    .await;
}

#[tokio::test]
async fn an_inherited_team_is_not_given() {
    let port = Port::start();
    let mut inheriting = service();
    inheriting["ownership"] = json!({"type": "Inherited", "path": "domain"});
    port.sandbox.add_blueprint(inheriting);
    port.put("domain", &[json!({"identifier": "d", "team": ["x"]})]);
    port.answers(
        r#"
        POST service/entities {"identifier": "a", "team": ["y"]} -> 422 team_inheritance_enabled
        POST service/entities {"identifier": "a", "relations": {"domain": "d"}} -> 201 "team":["x"]
        PATCH service/entities/a {"team": null} -> 422 team_inheritance_enabled
        "#,
    )
    .await;
}

#[tokio::test]
async fn one_entity_so_many_times() {
    let port = Port::start();
    let busy = Failure::new(429, "too_many_requests", "slow down");
    port.sandbox.refuse("service", "b", busy, 2);
    port.answers(
        r#"
        POST service/entities/bulk?upsert=true {"entities": [{"identifier": "a"}, {"identifier": "b"}]} -> 207 "statusCode":429
        POST service/entities?upsert=true {"identifier": "b"} -> 429 too_many_requests: slow down
        POST service/entities?upsert=true {"identifier": "b"} -> 201
        "#,
    )
    .await;
}
