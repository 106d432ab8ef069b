use serde_json::json;

use crate::client::{Port, message};

#[tokio::test]
async fn blueprints_are_given_whole() {
    let port = Port::start();
    let (status, body) = port.get("/v1/blueprints/service").await;
    assert_eq!(status, 200);
    let blueprint = &body["blueprint"];
    assert_eq!(blueprint["relations"]["domain"]["target"], "domain");
    for required in [
        "identifier",
        "title",
        "createdBy",
        "updatedBy",
        "createdAt",
        "updatedAt",
    ] {
        assert!(blueprint[required].is_string(), "{required}");
    }
    let (_, all) = port.get("/v1/blueprints").await;
    assert_eq!(all["blueprints"].as_array().unwrap().len(), 2);
    assert_eq!(&all["blueprints"][1], blueprint);
}

#[tokio::test]
async fn an_unknown_blueprint_is_not_found_anywhere() {
    let port = Port::start();
    for path in ["", "/entities/a", "/entities-count"] {
        let (status, body) = port.get(&format!("/v1/blueprints/nope{path}")).await;
        assert_eq!(
            (status, message(&body).contains("\"nope\"")),
            (404, true),
            "{path}"
        );
    }
    for (path, body) in [
        ("entities", json!({"identifier": "a"})),
        ("entities/bulk", json!({"entities": [{"identifier": "a"}]})),
        ("entities/search", json!({})),
        ("bulk/entities/delete", json!({"entities": ["a"]})),
    ] {
        let (status, _) = port
            .post(&format!("/v1/blueprints/nope/{path}"), body)
            .await;
        assert_eq!(status, 404, "{path}");
    }
    assert_eq!(port.delete("/v1/blueprints/nope/entities/a").await.0, 404);
}

#[tokio::test]
async fn an_entity_is_given_with_documented_fields_only() {
    let port = Port::start();
    port.put(
        "service",
        json!({"identifier": "a", "title": "A", "properties": {"tier": "gold"}}),
    );
    let (status, body) = port.get("/v1/blueprints/service/entities/a").await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({"ok": true, "entity": {
            "identifier": "a",
            "title": "A",
            "team": [],
            "properties": {"tier": "gold"},
            "relations": {"domain": null, "needs": []},
        }})
    );
    let (status, body) = port.get("/v1/blueprints/service/entities/b").await;
    assert_eq!((status, message(&body).contains("\"b\"")), (404, true));
}

#[tokio::test]
async fn parts_can_be_chosen() {
    let port = Port::start();
    let entity = json!({
        "identifier": "a",
        "properties": {"tier": "gold", "code": "AB", "health": "good"},
    });
    port.put("service", entity);
    let read = async |query: &str| {
        port.get(&format!("/v1/blueprints/service/entities/a?{query}"))
            .await
            .1["entity"]
            .clone()
    };
    assert_eq!(
        read("include=identifier&include=properties.tier").await,
        json!({"identifier": "a", "properties": {"tier": "gold"}})
    );
    assert_eq!(
        read("exclude=properties.tier&exclude=relations&exclude=team").await,
        json!({"identifier": "a", "properties": {"code": "AB", "health": "good"}})
    );
    assert_eq!(
        read("include[]=properties&exclude_calculated_properties=true").await,
        json!({"properties": {"tier": "gold", "code": "AB"}})
    );
}

#[tokio::test]
async fn path_segments_are_decoded_once() {
    let port = Port::start();
    port.put("service", json!({"identifier": "ä:b"}));
    port.put("service", json!({"identifier": "team/a"}));
    let (status, body) = port.get("/v1/blueprints/service/entities/team%2Fa").await;
    assert_eq!(
        (status, &body["entity"]["identifier"]),
        (200, &json!("team/a"))
    );
    assert_eq!(
        port.get("/v1/blueprints/service/entities/%C3%A4%3Ab")
            .await
            .0,
        200
    );
    assert_eq!(
        port.get("/v1/blueprints/service/entities/team/a").await.0,
        404
    );
    assert_eq!(
        port.get("/v1/blueprints/service/entities/team%252Fa")
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn entities_are_counted() {
    let port = Port::start();
    port.put("service", json!({"identifier": "a"}));
    port.put("domain", json!({"identifier": "b"}));
    let (_, body) = port.get("/v1/blueprints/service/entities-count").await;
    assert_eq!(body, json!({"ok": true, "count": 1}));
}

#[test]
fn tests_look_and_change_without_requests() {
    let port = Port::start();
    port.put(
        "service",
        json!({"identifier": "b", "team": "x", "relations": {"needs": ["b"]}}),
    );
    port.put("domain", json!({"identifier": "a"}));
    let b = json!({
        "identifier": "b", "team": ["x"], "properties": {}, "relations": {"needs": ["b"]},
    });
    let a = json!({"identifier": "a", "properties": {}, "relations": {}});
    let all = [
        ("domain".into(), "a".into(), a),
        ("service".into(), "b".into(), b),
    ];
    assert_eq!(port.sandbox.entities(), all);
    assert!(port.sandbox.remove_entity("domain", "a"));
    assert!(!port.sandbox.remove_entity("domain", "a"));
    assert_eq!(port.sandbox.entity("domain", "a"), None);
    port.sandbox.remove_blueprint("service");
    assert_eq!(port.sandbox.entities(), []);
    assert!(
        port.sandbox
            .put_entity("domain", json!({"identifier": "a b"}), "")
            .is_err()
    );
}
