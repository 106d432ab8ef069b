//! Both positions of each switch. Those of deletions and of access are with these.

use std::time::Duration;

use port_gitops_sandbox::Switch;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use serde_json::{Value, json};

use crate::client::{Port, code, message};

const SERVICES: &str = "/v1/blueprints/service/entities";

fn properties(port: &Port) -> Value {
    port.sandbox.entity("service", "a").unwrap()["properties"].clone()
}

async fn found(port: &Port) -> usize {
    let (_, body) = port.post(&format!("{SERVICES}/search"), json!({})).await;
    body["entities"].as_array().unwrap().len()
}

#[tokio::test]
async fn searches_can_lag() {
    let port = Port::start();
    port.sandbox.turn_on(Switch::SearchLags);
    port.merge("service", json!({"identifier": "b"})).await;
    assert_eq!(found(&port).await, 0);
    let credentials = json!({"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET});
    port.post("/v1/auth/access_token", credentials).await;
    assert_eq!(found(&port).await, 1, "the next run finds it");
    port.sandbox.remove_entity("service", "b");

    port.sandbox.set_search_lag(Duration::from_secs(3600));
    port.put("service", json!({"identifier": "old"}));
    assert_eq!(
        found(&port).await,
        1,
        "what a test puts there is seen at once"
    );
    for _ in 0..2 {
        port.merge("service", json!({"identifier": "a"})).await;
    }
    assert_eq!(found(&port).await, 1);
    assert_eq!(port.get(&format!("{SERVICES}/a")).await.0, 200);
    assert_eq!(port.delete(&format!("{SERVICES}/old")).await.0, 200);
    assert_eq!(found(&port).await, 1, "the deleted one is still found");
    port.sandbox.set_search_lag(Duration::ZERO);
    assert_eq!(found(&port).await, 1);
    let (_, body) = port.post(&format!("{SERVICES}/search"), json!({})).await;
    assert_eq!(body["entities"][0]["identifier"], "a");
}

#[tokio::test]
async fn large_strings_can_be_refused() {
    let port = Port::start();
    let text = "x".repeat(32 * 1024 + 1);
    let entity = |value: Value| json!({"identifier": "a", "properties": value});
    let large = [json!({"owner": {"x": [text]}}), json!({"tags": [text]})];
    for value in &large {
        assert_eq!(port.merge("service", entity(value.clone())).await.0, 201);
    }
    port.sandbox.turn_on(Switch::LargeStringsRefused);
    for value in large {
        let (status, body) = port.merge("service", entity(value)).await;
        assert_eq!((status, code(&body)), (422, "blueprint_schema_mismatch"));
    }
    let many = json!({"tags": vec![&text[1..]; 3]});
    assert_eq!(port.merge("service", entity(many)).await.0, 201);
}

#[tokio::test]
async fn nulls_clear_or_do_not() {
    let port = Port::start();
    let given = |value: Value| json!({"identifier": "a", "properties": {"code": value}});
    for (switch, expected) in [
        (Switch::NullsIgnored, json!({"code": "AB"})),
        (Switch::NullsStored, json!({"code": null})),
    ] {
        port.merge("service", given(json!("AB"))).await;
        port.sandbox.turn_on(switch);
        assert_eq!(port.merge("service", given(Value::Null)).await.0, 201);
        assert_eq!(properties(&port), expected);
        port.sandbox.turn_off(switch);
    }
    port.merge("service", given(Value::Null)).await;
    assert_eq!(properties(&port), json!({}));
}

#[tokio::test]
async fn a_merge_can_go_into_objects() {
    let port = Port::start();
    let given = |value: Value| json!({"identifier": "a", "properties": {"owner": value}});
    port.merge("service", given(json!({"x": {"y": 1}}))).await;
    port.sandbox.turn_on(Switch::MergeIsDeep);
    port.merge("service", given(json!({"x": {"z": 2}}))).await;
    assert_eq!(properties(&port), json!({"owner": {"x": {"y": 1, "z": 2}}}));
    port.sandbox.turn_off(Switch::MergeIsDeep);
    port.merge("service", given(json!({"x": 3}))).await;
    assert_eq!(properties(&port), json!({"owner": {"x": 3}}));
}

#[tokio::test]
async fn defaults_come_with_creations_and_perhaps_with_replacements() {
    let port = Port::start();
    port.sandbox.add_blueprint(json!({
        "identifier": "service",
        "schema": {
            "properties": {
                "tier": {"type": "string", "default": "gold"},
                "name": {"type": "string", "default": "none"},
            },
            "required": ["name"],
        },
    }));
    let path = format!("{SERVICES}?upsert=true&merge=false");
    let bare = json!({"identifier": "a"});
    assert_eq!(port.post(&path, bare.clone()).await.0, 201);
    assert_eq!(properties(&port), json!({"tier": "gold", "name": "none"}));
    port.post(&path, bare.clone()).await;
    assert_eq!(properties(&port), json!({"name": "none"}));
    port.sandbox.turn_on(Switch::DefaultsAppliedAnew);
    port.post(&path, bare).await;
    assert_eq!(properties(&port), json!({"tier": "gold", "name": "none"}));
}

#[tokio::test]
async fn a_patch_can_ignore_nulls() {
    let port = Port::start();
    port.put(
        "service",
        json!({"identifier": "a", "title": "A", "team": ["x"]}),
    );
    port.sandbox.turn_on(Switch::PatchNullsIgnored);
    let nulls = json!({"title": null, "team": null});
    let (status, body) = port.patch(&format!("{SERVICES}/a"), nulls).await;
    assert_eq!((status, &body["entity"]["title"]), (200, &json!("A")));
}

#[tokio::test]
async fn what_is_not_found_may_not_be_said() {
    let port = Port::start();
    let mut messages = Vec::new();
    port.sandbox.turn_on(Switch::NotFoundIsVague);
    for path in [
        &format!("{SERVICES}/a"),
        "/v1/blueprints/nowhere/entities/a",
    ] {
        let (status, body) = port.get(path).await;
        assert_eq!((status, code(&body)), (404, "not_found"));
        messages.push(message(&body).to_owned());
    }
    let lost = json!({"identifier": "a", "relations": {"domain": "nowhere"}});
    messages.push(message(&port.merge("service", lost).await.1).to_owned());
    messages.dedup();
    assert_eq!(
        messages,
        ["A resource with the provided identifier was not found"]
    );
}

#[tokio::test]
async fn one_target_may_do_for_many() {
    let port = Port::start();
    let entity = json!({"identifier": "a", "relations": {"needs": "a"}});
    assert_eq!(port.merge("service", entity.clone()).await.0, 422);
    port.sandbox.turn_on(Switch::SingleTargetForMany);
    let (status, body) = port.merge("service", entity).await;
    assert_eq!(
        (status, &body["entity"]["relations"]["needs"]),
        (201, &json!(["a"]))
    );
}

#[tokio::test]
async fn the_reset_can_be_a_point_in_time() {
    let port = Port::start();
    port.sandbox.turn_on(Switch::ResetIsEpoch);
    let answer = port.request("GET", "/v1/blueprints").send().await.unwrap();
    let reset: u64 = answer.headers()["x-ratelimit-reset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(reset > 1_700_000_000, "{reset}");
}
