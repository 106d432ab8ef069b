use port_gitops_sandbox::port::Permission;
use serde_json::{Value, json};

use crate::client::{Port, code};

const ALL: &str = "/v1/blueprints";

fn state() -> Value {
    json!({
        "identifier": "gitops_source",
        "title": "GitOps source",
        "schema": {
            "properties": {
                "status": {"type": "string", "enum": ["synced", "incomplete"]},
                "applied_at": {"type": "string", "format": "date-time"},
                "entity_count": {"type": "number"},
                "entities": {"type": "array", "items": {"type": "string"}},
                "open": {"type": "object"},
                "is_fleet": {"type": "boolean"},
            },
        },
        "relations": {"domain": {"target": "domain", "required": false, "many": false}},
    })
}

#[tokio::test]
async fn a_blueprint_is_created_once() {
    let port = Port::start();
    let (status, body) = port
        .post(&format!("{ALL}?create_catalog_page=false"), state())
        .await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(body["blueprint"]["identifier"], "gitops_source");
    assert_eq!(port.get(&format!("{ALL}/gitops_source")).await.1, body);
    assert_eq!(port.sandbox.catalog_pages(), [""; 0]);
    let (status, body) = port.post(ALL, state()).await;
    assert_eq!((status, code(&body)), (409, "identifier_taken"));

    let mut other = state();
    other["identifier"] = json!("other");
    assert_eq!(port.post(ALL, other).await.0, 201);
    assert_eq!(port.sandbox.catalog_pages(), ["other"]);
}

#[tokio::test]
async fn what_is_no_blueprint_is_refused() {
    let port = Port::start();
    for (pointer, value, expected) in [
        ("/identifier", json!("it's"), 422),
        ("/title", json!(""), 422),
        ("/schema", json!({}), 422),
        ("/schema/properties/status/type", json!("text"), 422),
        ("/schema/properties/applied_at/format", json!("date"), 422),
        ("/relations/domain/target", json!("nowhere"), 404),
        ("/relations/domain/target", json!("gitops_source"), 201),
    ] {
        let mut blueprint = state();
        *blueprint.pointer_mut(pointer).unwrap() = value;
        let (status, body) = port.post(ALL, blueprint).await;
        assert_eq!(status, expected, "{pointer}: {body}");
    }
}

#[tokio::test]
async fn its_properties_are_checked_on_writes() {
    let port = Port::start();
    port.post(ALL, state()).await;
    for (name, value, expected) in [
        ("status", json!("synced"), 201),
        ("status", json!("done"), 422),
        ("applied_at", json!("2026-08-01T10:00:00Z"), 201),
        ("applied_at", json!("yesterday"), 422),
        ("entity_count", json!(3), 201),
        ("entity_count", json!("3"), 422),
        ("entities", json!(["a|b"]), 201),
        ("entities", json!("a|b"), 422),
        ("entities", json!([1]), 422),
        ("open", json!({"a": []}), 201),
        ("open", json!([]), 422),
        ("is_fleet", json!(true), 201),
        ("is_fleet", json!("yes"), 422),
        ("unknown", json!(1), 422),
    ] {
        let entity = json!({"identifier": "a", "properties": {name: value}});
        let (status, body) = port.merge("gitops_source", entity).await;
        assert_eq!(status, expected, "{name}: {body}");
        if status == 422 {
            assert_eq!(code(&body), "blueprint_schema_mismatch");
        }
    }
}

#[tokio::test]
async fn a_blueprint_is_changed_field_by_field() {
    let port = Port::start();
    let path = format!("{ALL}/gitops_source");
    assert_eq!(port.patch(&path, json!({"title": "x"})).await.0, 404);
    port.post(ALL, state()).await;
    let schema = json!({"properties": {"status": {"type": "number"}}});
    let (status, body) = port.patch(&path, json!({"schema": schema})).await;
    assert_eq!((status, &body["blueprint"]["schema"]), (200, &schema));
    assert_eq!(body["blueprint"]["title"], "GitOps source");
    assert!(body["blueprint"]["relations"]["domain"].is_object());
    let whole = json!({"identifier": "gitops_source", "title": "T", "schema": schema});
    let put = port
        .request("PUT", &path)
        .json(&whole)
        .send()
        .await
        .unwrap();
    assert_eq!(put.status().as_u16(), 200);
    let blueprint = port.sandbox.blueprint("gitops_source").unwrap();
    assert_eq!(blueprint["relations"], json!({}));
    assert_eq!(port.patch(&path, json!({"title": ""})).await.0, 422);
}

#[tokio::test]
async fn creating_and_changing_need_permissions() {
    let port = Port::start();
    port.sandbox.deny(Permission::CreateBlueprints);
    let (status, body) = port.post(ALL, state()).await;
    assert_eq!((status, code(&body)), (403, "missing_permissions"));
    port.sandbox.allow(&Permission::CreateBlueprints);
    assert_eq!(port.post(ALL, state()).await.0, 201);
    let change = Permission::ChangeBlueprint("gitops_source".into());
    port.sandbox.deny(change);
    let path = format!("{ALL}/gitops_source");
    let (status, body) = port.patch(&path, json!({"title": "T"})).await;
    assert_eq!((status, code(&body)), (403, "missing_permissions"));
    let read = Permission::ReadBlueprint("gitops_source".into());
    port.sandbox.deny(read);
    assert_eq!(port.get(&path).await.0, 403);
    let (_, body) = port.get(ALL).await;
    assert_eq!(body["blueprints"].as_array().unwrap().len(), 2);
}
