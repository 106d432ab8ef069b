use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, Reset};
use port_gitops_sandbox::{PortSandbox, Sandbox, Switch};
use serde_json::{Value, json};

use crate::client::{Port, message, read};
use crate::support;

const TOKEN: &str = "/v1/auth/access_token";

async fn log_in(port: &Port, body: Value) -> (u16, Value) {
    read(port.plain("POST", TOKEN).json(&body).send().await.unwrap()).await
}

fn credentials() -> Value {
    json!({"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET})
}

async fn status_with(port: &Port, token: &str) -> u16 {
    let request = port.plain("GET", "/v1/blueprints").bearer_auth(token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn credentials_buy_a_token() {
    let port = Port::start();
    let (status, body) = log_in(&port, credentials()).await;
    assert_eq!(status, 200);
    let token = body["accessToken"].as_str().unwrap();
    assert_eq!(
        body,
        json!({"ok": true, "accessToken": token, "expiresIn": 10800, "tokenType": "Bearer"})
    );
    assert_eq!(status_with(&port, token).await, 200);
    let (_, again) = log_in(&port, credentials()).await;
    assert_eq!(again["accessToken"], token, "an active token comes back");
}

#[tokio::test]
async fn wrong_credentials_do_not() {
    let port = Port::start();
    let wrong = json!({"clientId": CLIENT_ID, "clientSecret": "other"});
    let (status, body) = log_in(&port, wrong).await;
    assert_eq!((status, message(&body).is_empty()), (401, false));
    let (status, body) = log_in(&port, json!({"clientId": CLIENT_ID})).await;
    assert_eq!(
        (status, message(&body)),
        (422, "body must have required property 'clientSecret'")
    );
    let (status, _) = log_in(
        &port,
        json!({"clientId": "a", "clientSecret": "b", "other": 1}),
    )
    .await;
    assert_eq!(status, 422);
    port.sandbox.set_credentials("a", "b");
    assert_eq!(log_in(&port, credentials()).await.0, 401);
    assert_eq!(
        log_in(&port, json!({"clientId": "a", "clientSecret": "b"}))
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn an_unknown_client_may_be_not_found_or_invalid() {
    let port = Port::start();
    let unknown = json!({"clientId": "nobody", "clientSecret": CLIENT_SECRET});
    for (switch, wanted) in [
        (Switch::UnknownClientIs404, 404),
        (Switch::UnknownClientIs422, 422),
    ] {
        port.sandbox.turn_on(switch);
        assert_eq!(log_in(&port, unknown.clone()).await.0, wanted);
        let wrong = json!({"clientId": CLIENT_ID, "clientSecret": "other"});
        assert_eq!(log_in(&port, wrong).await.0, 401);
        port.sandbox.turn_off(switch);
    }
    assert_eq!(log_in(&port, unknown).await.0, 401);
}

#[tokio::test]
async fn every_other_route_wants_a_valid_token() {
    let port = Port::start();
    for (method, path) in [
        ("GET", "/v1/blueprints"),
        ("GET", "/v1/blueprints/service"),
        ("POST", "/v1/blueprints"),
        ("PATCH", "/v1/blueprints/service"),
        ("PATCH", "/v1/blueprints/service/entities/a"),
        ("POST", "/v1/blueprints/service/entities"),
        ("POST", "/v1/blueprints/service/entities/bulk"),
        ("GET", "/v1/blueprints/service/entities/a"),
        ("DELETE", "/v1/blueprints/service/entities/a"),
        ("POST", "/v1/blueprints/service/bulk/entities/delete"),
        ("POST", "/v1/blueprints/service/entities/search"),
        ("GET", "/v1/blueprints/service/entities-count"),
        ("POST", "/v1/entities/search"),
    ] {
        let (status, body) = read(port.plain(method, path).send().await.unwrap()).await;
        assert_eq!(status, 401, "{method} {path}");
        message(&body);
    }
    assert_eq!(status_with(&port, "made-up").await, 401);
}

#[tokio::test]
async fn tokens_are_revoked_and_expire() {
    let port = Port::start();
    let first = port.sandbox.access_token();
    assert_eq!(status_with(&port, &first).await, 200);
    port.sandbox.revoke_token();
    assert_eq!(status_with(&port, &first).await, 401);

    port.sandbox.set_token_lifetime(Duration::ZERO);
    let second = port.sandbox.access_token();
    assert_ne!(first, second);
    assert_eq!(status_with(&port, &second).await, 401);
    let (_, body) = log_in(&port, credentials()).await;
    assert_ne!(body["accessToken"], second);
}

fn rates(headers: &reqwest::header::HeaderMap) -> [u64; 3] {
    ["limit", "remaining", "reset"].map(|name| {
        headers[format!("x-ratelimit-{name}")]
            .to_str()
            .unwrap()
            .parse()
            .unwrap()
    })
}

#[tokio::test]
async fn the_budget_is_told_with_every_answer() {
    let port = Port::start();
    let answer = port.request("GET", "/v1/blueprints").send().await.unwrap();
    let [limit, remaining, reset] = rates(answer.headers());
    assert_eq!((limit, remaining), (5000, 4999));
    assert!((295..=300).contains(&reset), "{reset}");
    assert_eq!(answer.headers()["x-ratelimit-period"], "300");
    let answer = port.plain("GET", "/nowhere").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);
    assert_eq!(rates(answer.headers())[1], 4998);
}

#[tokio::test]
async fn requests_past_the_budget_are_refused_until_it_is_whole_again() {
    let port = Port::start();
    port.sandbox.set_rate_limit(2, Duration::from_millis(700));
    port.sandbox.set_rate_limit_reset(Reset::EpochSeconds);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = port.request("GET", "/v1/blueprints").send().await.unwrap();
        let [_, remaining, reset] = rates(answer.headers());
        assert!(reset > 1_700_000_000, "{reset}");
        seen.push((answer.status().as_u16(), remaining));
    }
    assert_eq!(seen, [(200, 1), (200, 0), (429, 0)]);
    tokio::time::sleep(Duration::from_millis(750)).await;
    assert_eq!(port.get("/v1/blueprints").await.0, 200);
}

#[tokio::test]
async fn it_can_listen_on_all_addresses() {
    let sandbox = PortSandbox::start_on("0.0.0.0:0").unwrap();
    let url = format!("{}/v1/blueprints", sandbox.url());
    let answer = support::http()
        .build()
        .unwrap()
        .get(url)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 401);
}
