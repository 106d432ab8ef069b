use port_gitops_sandbox::Switch;
use serde_json::{Value, json};

use crate::client::{Port, code, message};

const BULK: &str = "/v1/blueprints/service/bulk/entities/delete";

/// `a` is needed by `b`, which is needed by `c`; `self` needs itself.
fn chain() -> Port {
    let port = Port::start();
    port.put("service", json!({"identifier": "a"}));
    port.put(
        "service",
        json!({"identifier": "b", "relations": {"needs": ["a"]}}),
    );
    port.put(
        "service",
        json!({"identifier": "c", "relations": {"needs": ["b"]}}),
    );
    port.put(
        "service",
        json!({"identifier": "self", "relations": {"needs": ["self"]}}),
    );
    port
}

fn left(port: &Port) -> String {
    port.sandbox
        .entities()
        .into_iter()
        .map(|(_, identifier, _)| identifier + " ")
        .collect()
}

async fn bulk(port: &Port, query: &str, entities: &[&str]) -> (u16, Value) {
    port.post(&format!("{BULK}?{query}"), json!({"entities": entities}))
        .await
}

#[tokio::test]
async fn one_is_deleted() {
    let port = chain();
    let path = "/v1/blueprints/service/entities/";
    let (status, body) = port
        .delete(&format!("{path}c?delete_dependents=false"))
        .await;
    assert_eq!((status, body), (200, json!({"ok": true})));
    assert_eq!(port.delete(&format!("{path}c")).await.0, 404);
    assert_eq!(port.delete(&format!("{path}self")).await.0, 200);
    assert_eq!(left(&port), "a b ");
}

#[tokio::test]
async fn one_with_dependants_stays_unless_they_go_too() {
    let port = chain();
    let path = "/v1/blueprints/service/entities/a";
    let (status, body) = port.delete(path).await;
    assert_eq!((status, code(&body)), (403, "has_dependents"));
    assert!(!message(&body).contains("\"b\""), "it names nobody");
    assert_eq!(left(&port), "a b c self ");
    assert_eq!(
        port.delete(&format!("{path}?delete_dependents=true"))
            .await
            .0,
        200
    );
    assert_eq!(left(&port), "self ");
}

#[tokio::test]
async fn a_bulk_goes_as_a_whole_or_not_at_all() {
    let port = chain();
    assert_eq!(
        bulk(&port, "delete_dependents=false", &["c", "a"]).await.0,
        403
    );
    assert_eq!(
        bulk(&port, "delete_dependents=false", &["c", "nobody"])
            .await
            .0,
        404
    );
    assert_eq!(left(&port), "a b c self ");
    let (status, body) = bulk(&port, "delete_dependents=false", &["c", "self"]).await;
    assert_eq!(
        (status, body),
        (200, json!({"ok": true, "deletedEntities": ["c", "self"]}))
    );
    assert_eq!(left(&port), "a b ");
}

#[tokio::test]
async fn a_bulk_can_delete_what_it_can() {
    let port = chain();
    port.sandbox.turn_on(Switch::BulkDeletesPartly);
    let (status, body) = bulk(&port, "", &["c", "a", "nobody"]).await;
    assert_eq!((status, &body["deletedEntities"]), (200, &json!(["c"])));
    assert_eq!(left(&port), "a b self ");
    let (_, body) = bulk(&port, "", &["a", "b", "self"]).await;
    assert_eq!(body["deletedEntities"], json!(["a", "b", "self"]));
}

#[tokio::test]
async fn dependants_that_go_too_do_not_count() {
    let port = chain();
    assert_eq!(bulk(&port, "", &["a", "b", "c"]).await.0, 200);
    assert_eq!(left(&port), "self ");
}

#[tokio::test]
async fn a_dependant_of_another_blueprint_counts() {
    let port = Port::start();
    port.put("domain", json!({"identifier": "d"}));
    port.put(
        "service",
        json!({"identifier": "a", "relations": {"domain": "d"}}),
    );
    let (status, body) = port.delete("/v1/blueprints/domain/entities/d").await;
    assert_eq!((status, code(&body)), (403, "has_dependents"));
}

#[tokio::test]
async fn a_bulk_takes_a_hundred() {
    let port = Port::start();
    let names: Vec<_> = (0..101).map(|at| format!("e{at}")).collect();
    for name in &names {
        port.put("service", json!({"identifier": name}));
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    assert_eq!(bulk(&port, "", &names).await.0, 422);
    assert_eq!(bulk(&port, "", &names[..100]).await.0, 200);
    assert_eq!(bulk(&port, "", &[]).await.0, 422);
    assert_eq!(left(&port), "e100 ");
    port.sandbox.set_max_bulk_delete(2);
    let (status, body) = bulk(&port, "", &["e100"]).await;
    assert_eq!((status, &body["maxBulkSize"]), (200, &json!(2)));
    assert_eq!(bulk(&port, "", &names[..3]).await.0, 422);
}
