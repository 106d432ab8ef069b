use port_gitops_sandbox::port::Failure;
use serde_json::{Value, json};

use crate::client::{Port, code, message};

const ONE: &str = "/v1/blueprints/service/entities";
const BULK: &str = "/v1/blueprints/service/entities/bulk";

fn properties(port: &Port, identifier: &str) -> Value {
    port.sandbox.entity("service", identifier).unwrap()["properties"].clone()
}

#[tokio::test]
async fn a_new_entity_is_created() {
    let port = Port::start();
    let entity = json!({
        "identifier": "a", "title": "A", "icon": "Git", "team": "x", "extra": 1,
        "properties": {"tier": "gold", "code": null},
    });
    let (status, body) = port.post(&format!("{ONE}?upsert=false"), entity).await;
    assert_eq!(status, 201);
    let stored = json!({
        "identifier": "a", "title": "A", "icon": "Git", "team": ["x"],
        "properties": {"tier": "gold"}, "relations": {"domain": null, "needs": []},
    });
    assert_eq!(body, json!({"ok": true, "entity": stored}));
}

#[tokio::test]
async fn an_existing_one_is_written_over_only_if_asked() {
    let port = Port::start();
    port.put("service", json!({"identifier": "a", "title": "old"}));
    let (status, body) = port
        .post(ONE, json!({"identifier": "a", "title": "new"}))
        .await;
    assert_eq!((status, code(&body)), (409, "identifier_taken"));
    assert_eq!(port.sandbox.entity("service", "a").unwrap()["title"], "old");
    let path = format!("{ONE}?upsert=true");
    let (status, _) = port
        .post(&path, json!({"identifier": "a", "title": "new"}))
        .await;
    assert_eq!(status, 201, "also for an update");
    assert_eq!(port.sandbox.entity("service", "a").unwrap()["title"], "new");
}

fn full() -> Value {
    json!({
        "identifier": "a", "title": "A", "icon": "Git", "team": ["x"],
        "properties": {"tier": "gold", "code": "AB", "health": "good"},
        "relations": {"domain": "d", "needs": ["a"]},
    })
}

#[tokio::test]
async fn a_merge_keeps_what_is_not_given_and_null_clears() {
    let port = Port::start();
    port.put("domain", json!({"identifier": "d"}));
    port.put("service", full());
    let entity = json!({
        "identifier": "a",
        "properties": {"tier": null, "live": true},
        "relations": {"domain": null},
    });
    let (status, _) = port.merge("service", entity).await;
    assert_eq!(status, 201);
    assert_eq!(
        port.sandbox.entity("service", "a").unwrap(),
        json!({
            "identifier": "a", "title": "A", "icon": "Git", "team": ["x"],
            "properties": {"code": "AB", "health": "good", "live": true},
            "relations": {"needs": ["a"]},
        })
    );
    port.merge(
        "service",
        json!({"identifier": "a", "team": [], "relations": {"needs": []}}),
    )
    .await;
    let entity = port.sandbox.entity("service", "a").unwrap();
    assert_eq!(
        (&entity["team"], &entity["relations"]),
        (&Value::Null, &json!({"needs": []}))
    );
}

#[tokio::test]
async fn a_replacement_keeps_only_what_port_computes() {
    let port = Port::start();
    port.put("domain", json!({"identifier": "d"}));
    port.put("service", full());
    let entity = json!({"identifier": "a", "properties": {"live": true}});
    let (status, _) = port
        .post(&format!("{ONE}?upsert=true&merge=false"), entity)
        .await;
    assert_eq!(status, 201);
    let left = json!({
        "identifier": "a", "properties": {"health": "good", "live": true}, "relations": {},
    });
    assert_eq!(port.sandbox.entity("service", "a").unwrap(), left);
}

#[tokio::test]
async fn a_validation_writes_nothing() {
    let port = Port::start();
    let path = format!("{ONE}?upsert=true&validation_only=true");
    assert_eq!(port.post(&path, json!({"identifier": "a"})).await.0, 201);
    let wrong = json!({"identifier": "a", "properties": {"tier": "tin"}});
    assert_eq!(port.post(&path, wrong).await.0, 422);
    let body = json!({"entities": [{"identifier": "a"}]});
    let (status, _) = port
        .post(&format!("{BULK}?upsert=true&validation_only=true"), body)
        .await;
    assert_eq!(status, 200);
    assert_eq!(port.sandbox.entities(), []);
}

#[tokio::test]
async fn a_bulk_says_what_became_of_each() {
    let port = Port::start();
    port.put("service", json!({"identifier": "b"}));
    let path = format!("{BULK}?upsert=true&merge=true");
    let (status, body) = port
        .post(
            &path,
            json!({"entities": [{"identifier": "a"}, {"identifier": "b"}]}),
        )
        .await;
    assert_eq!(status, 200);
    let entities = json!([
        {"created": true, "identifier": "a", "index": 0},
        {"created": false, "identifier": "b", "index": 1},
    ]);
    assert_eq!(
        body,
        json!({"ok": true, "entities": entities, "errors": []})
    );
}

#[tokio::test]
async fn a_bulk_writes_what_it_can() {
    let port = Port::start();
    let path = format!("{BULK}?upsert=true&merge=true");
    let wrong = json!({"identifier": "c", "properties": {"tier": 1}});
    let lost = json!({"identifier": "e", "relations": {"domain": "nowhere"}});
    let (status, body) = port
        .post(
            &path,
            json!({"entities": [wrong, {"identifier": "d"}, lost]}),
        )
        .await;
    assert_eq!((status, &body["ok"]), (207, &json!(false)));
    assert_eq!(
        body["entities"],
        json!([{"created": true, "identifier": "d", "index": 1}])
    );
    let errors = body["errors"].as_array().unwrap();
    let brief: Vec<_> = errors
        .iter()
        .map(|one| (&one["index"], &one["statusCode"], &one["error"]))
        .collect();
    assert_eq!(
        json!(brief),
        json!([[0, 422, "blueprint_schema_mismatch"], [2, 404, "not_found"]]),
        "{errors:?}"
    );
    assert_eq!(port.sandbox.entities().len(), 1);
}

#[tokio::test]
async fn a_bulk_has_its_limits() {
    let port = Port::start();
    let many = |count: usize| {
        let entities: Vec<_> = (0..count)
            .map(|at| json!({"identifier": format!("e{at}")}))
            .collect();
        json!({"entities": entities})
    };
    let path = format!("{BULK}?upsert=true");
    assert_eq!(port.post(&path, many(20)).await.0, 200);
    let (status, body) = port.post(&path, many(21)).await;
    assert_eq!(
        (status, message(&body)),
        (422, "body/entities must NOT have more than 20 items")
    );
    assert_eq!(port.post(&path, many(0)).await.0, 422);
    port.sandbox.set_max_bulk_upsert(30);
    assert_eq!(port.post(&path, many(21)).await.0, 422, "nobody knows yet");
    assert_eq!(port.post(&path, many(1)).await.1["maxBulkSize"], 30);
    assert_eq!(port.post(&path, many(30)).await.0, 200);
    assert_eq!(port.post(&path, many(31)).await.0, 422);
    assert_eq!(
        port.post(&path, json!({"entities": [], "more": 1})).await.0,
        422
    );
}

#[tokio::test]
async fn a_body_may_be_one_mebibyte() {
    let port = Port::start();
    let body = |size: usize| {
        let empty = json!({"identifier": "a", "properties": {"owner": {"x": ""}}});
        let padding = "x".repeat(size - empty.to_string().len());
        json!({"identifier": "a", "properties": {"owner": {"x": padding}}})
    };
    assert_eq!(port.merge("service", body(1024 * 1024)).await.0, 201);
    let (status, answer) = port.merge("service", body(1024 * 1024 + 1)).await;
    assert_eq!((status, message(&answer).contains("1MiB")), (413, true));
    let huge = port
        .post(&format!("{BULK}?upsert=true"), body(3 * 1024 * 1024))
        .await;
    assert_eq!(huge.0, 413);
}

#[tokio::test]
async fn a_malformed_request_is_refused_whole() {
    let port = Port::start();
    let path = format!("{BULK}?upsert=true");
    for (entity, complaint) in [
        (
            json!({"identifier": 7}),
            "body/entities/1/identifier must be string",
        ),
        (
            json!({}),
            "body/entities/1 must have required property 'identifier'",
        ),
        (
            json!({"identifier": "x", "title": null}),
            "body/entities/1/title must be string",
        ),
        (
            json!({"identifier": "x", "team": null}),
            "body/entities/1/team must match exactly one schema in oneOf",
        ),
        (
            json!({"identifier": "x", "title": 1}),
            "body/entities/1/title must be string",
        ),
        (
            json!({"identifier": "x", "properties": []}),
            "body/entities/1/properties must be object",
        ),
        (json!([]), "body/entities/1 must be object"),
    ] {
        let (status, body) = port
            .post(&path, json!({"entities": [{"identifier": "good"}, entity]}))
            .await;
        assert_eq!((status, message(&body)), (422, complaint));
    }
    let answer = port
        .request("POST", ONE)
        .body("{\"identifier\"")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 422);
    let (status, body) = port
        .post(&format!("{ONE}?upsert=yes"), json!({"identifier": "a"}))
        .await;
    assert_eq!(
        (status, message(&body)),
        (422, "querystring/upsert must be boolean")
    );
    assert_eq!(port.sandbox.entities(), []);
}

#[tokio::test]
async fn a_write_can_be_refused_for_one_entity() {
    let port = Port::start();
    let busy = Failure::new(429, "too_many_requests", "slow down");
    port.sandbox.refuse("service", "b", busy, 2);
    let path = format!("{BULK}?upsert=true");
    let both = json!({"entities": [{"identifier": "a"}, {"identifier": "b"}]});
    let (status, body) = port.post(&path, both.clone()).await;
    assert_eq!(
        (status, &body["errors"][0]["statusCode"]),
        (207, &json!(429))
    );
    assert_eq!(
        port.merge("service", json!({"identifier": "b"})).await.0,
        429
    );
    assert_eq!(port.post(&path, both).await.0, 200);
}

#[tokio::test]
async fn additional_data_comes_with_bulks() {
    let port = Port::start();
    port.sandbox
        .set_additional_data("service", json!({"secret": "s"}));
    let (_, body) = port
        .post(
            &format!("{BULK}?upsert=true"),
            json!({"entities": [{"identifier": "a"}]}),
        )
        .await;
    assert_eq!(
        body["entities"][0]["additionalData"],
        json!({"secret": "s"})
    );
}

#[tokio::test]
async fn queries_find_identifiers_teams_and_targets() {
    let port = Port::start();
    port.sandbox.add_blueprint(json!({"identifier": "_team"}));
    port.put("_team", json!({"identifier": "blue", "title": "Blue"}));
    port.put("domain", json!({"identifier": "d", "title": "Orders"}));
    port.put(
        "service",
        json!({"identifier": "a", "properties": {"code": "AB"}}),
    );
    let query = |property: &str, value: &str| {
        let rule = json!({"property": property, "operator": "=", "value": value});
        json!({"combinator": "and", "rules": [rule]})
    };
    let entity = json!({
        "identifier": query("code", "AB"),
        "team": query("$title", "Blue"),
        "properties": {"tier": "gold"},
        "relations": {"domain": query("$title", "Orders"), "needs": query("code", "AB")},
    });
    let (status, body) = port.merge("service", entity).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(
        properties(&port, "a"),
        json!({"code": "AB", "tier": "gold"})
    );
    let entity = port.sandbox.entity("service", "a").unwrap();
    assert_eq!(entity["team"], json!(["blue"]));
    assert_eq!(entity["relations"], json!({"domain": "d", "needs": ["a"]}));
    let (status, _) = port
        .merge("service", json!({"identifier": query("code", "ZZ")}))
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn queries_of_entities_are_narrower_than_searches() {
    let port = Port::start();
    for n in 0..101 {
        port.put(
            "domain",
            json!({"identifier": format!("d{n}"), "title": "Same"}),
        );
    }
    port.put("domain", json!({"identifier": "one", "title": "One"}));
    let query = |property: &str, operator: &str, value: Value| {
        let rule = json!({"property": property, "operator": operator, "value": value});
        json!({"combinator": "and", "rules": [rule]})
    };
    for (relation, query, expected) in [
        ("domain", query("$title", "=", json!("One")), 201),
        ("domain", query("$title", "=", json!("None")), 404),
        ("domain", query("$title", "=", json!("Same")), 422),
        ("domain", query("$title", "beginsWith", json!("O")), 422),
        ("needs", query("code", "=", json!("ZZ")), 201),
        ("needs", json!({"combinator": "nor", "rules": []}), 422),
    ] {
        let entity = json!({"identifier": "a", "relations": {relation: query}});
        let (status, body) = port.merge("service", entity).await;
        assert_eq!(status, expected, "{body}");
    }
    let relations = port.sandbox.entity("service", "a").unwrap()["relations"].clone();
    assert_eq!(relations, json!({"domain": "one", "needs": []}));
}
