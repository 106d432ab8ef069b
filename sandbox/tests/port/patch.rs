use serde_json::{Value, json};

use crate::client::{Port, code};

const PATH: &str = "/v1/blueprints/service/entities/a";

fn stocked() -> Port {
    let port = Port::start();
    port.put("domain", json!({"identifier": "d"}));
    port.put(
        "service",
        json!({
            "identifier": "a", "title": "A", "icon": "Git", "team": ["x"],
            "properties": {"tier": "gold", "live": true},
            "relations": {"domain": "d"},
        }),
    );
    port
}

fn entity(port: &Port) -> Value {
    port.sandbox.entity("service", "a").unwrap()
}

#[tokio::test]
async fn a_patch_clears_what_is_null() {
    let port = stocked();
    let nulls = json!({
        "title": null, "icon": null, "team": null,
        "properties": {"tier": null}, "relations": {"domain": null},
    });
    let (status, body) = port.patch(PATH, nulls).await;
    assert_eq!((status, &body["ok"]), (200, &json!(true)));
    let left = json!({"identifier": "a", "properties": {"live": true}, "relations": {}});
    assert_eq!(entity(&port), left);
}

#[tokio::test]
async fn a_patch_leaves_what_it_does_not_give() {
    let port = stocked();
    let body = json!({"identifier": "a", "title": "B", "properties": {"live": false}});
    assert_eq!(port.patch(PATH, body).await.0, 200);
    let expected = json!({
        "identifier": "a", "title": "B", "icon": "Git", "team": ["x"],
        "properties": {"tier": "gold", "live": false}, "relations": {"domain": "d"},
    });
    assert_eq!(entity(&port), expected);
}

#[tokio::test]
async fn a_patch_has_its_limits() {
    let port = stocked();
    let nobody = "/v1/blueprints/service/entities/nobody";
    let (status, body) = port.patch(nobody, json!({"title": "B"})).await;
    assert_eq!((status, code(&body)), (404, "not_found"));
    assert_eq!(port.patch(PATH, json!({"more": 1})).await.0, 422);
    assert_eq!(port.patch(PATH, json!({"title": 1})).await.0, 422);
    assert_eq!(port.patch(PATH, json!({"identifier": "b"})).await.0, 422);
    let wrong = json!({"properties": {"tier": "tin"}});
    let (status, body) = port.patch(PATH, wrong).await;
    assert_eq!((status, code(&body)), (422, "blueprint_schema_mismatch"));
}
