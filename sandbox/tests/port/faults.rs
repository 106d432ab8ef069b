use std::sync::Arc;
use std::time::Duration;

use port_gitops_sandbox::{Fault, Sandbox, foreign};
use reqwest::redirect::Policy;
use serde_json::json;

use crate::client::Port;

const BULK: &str = "/v1/blueprints/service/entities/bulk?upsert=true";

#[tokio::test]
async fn a_write_can_take_effect_and_its_answer_be_lost() {
    let port = Port::start();
    port.sandbox
        .inject(Fault::reset().on("POST", "*/entities/bulk").after_effect());
    let body = json!({"entities": [{"identifier": "a"}]});
    let lost = port.request("POST", BULK).json(&body).send().await;
    assert!(lost.is_err());
    assert!(port.sandbox.entity("service", "a").is_some());
    let (status, answer) = port.post(BULK, body).await;
    assert_eq!(
        (status, &answer["entities"][0]["created"]),
        (200, &json!(false))
    );
    let journal = port.sandbox.requests_to("POST", "*/entities/bulk");
    let kinds: Vec<_> = journal
        .iter()
        .map(|one| one.fault.as_ref().map(|fault| fault.kind))
        .collect();
    assert_eq!(kinds, [Some("reset"), None]);
}

#[tokio::test]
async fn a_write_can_be_cut_off_before_it_takes_effect() {
    let port = Port::start();
    port.sandbox.inject(Fault::status(503));
    assert_eq!(
        port.merge("service", json!({"identifier": "a"})).await.0,
        503
    );
    assert_eq!(port.sandbox.entities(), []);
}

#[tokio::test]
async fn another_server_can_answer() {
    let port = Port::start();
    let http = crate::support::http().redirect(Policy::none());
    let http = http.build().unwrap();
    for status in [200, 302, 503] {
        let answer = foreign::redirect(status, "/login");
        port.sandbox.inject(Fault::answer(answer));
        let url = format!("{}{BULK}", port.sandbox.url());
        let answer = http.post(url).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["location"], "/login");
        let text = answer.text().await.unwrap();
        assert!(text.contains("<title>Redirecting</title>"), "{text}");
    }
}

#[tokio::test]
async fn the_world_can_change_in_the_middle() {
    let port = Arc::new(Port::start());
    let token = port.sandbox.access_token();
    let outer = Arc::downgrade(&port);
    let revoke = move || outer.upgrade().unwrap().sandbox.revoke_token();
    port.sandbox
        .inject(Fault::call(revoke).skip(1).after_effect());
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let request = port.plain("GET", "/v1/blueprints").bearer_auth(&token);
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 401]);
}

#[tokio::test]
async fn requests_at_the_same_time_are_seen_to_be() {
    let port = Port::start();
    port.sandbox.set_latency(Duration::from_millis(100));
    tokio::join!(
        port.get("/v1/blueprints"),
        port.get("/v1/blueprints"),
        port.get("/v1/blueprints")
    );
    port.get("/v1/blueprints").await;
    assert_eq!(port.sandbox.peak_concurrency(), 3);
    port.sandbox.clear_journal();
    port.get("/v1/blueprints").await;
    assert_eq!(port.sandbox.peak_concurrency(), 1);
}
