//! A second opinion on requests to Port: a mock server of somebody else's, which reads Port's
//! specification by itself and refuses what it does not allow. See `CONTRIBUTING.md`.

use std::env;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use port_gitops_sandbox::{Sandbox, Server};
use serde_json::{Value, json};

use crate::world::{World, run, succeed};

const VARIABLE: &str = "PORT_GITOPS_MOCK_URL";

/// Hands every request to the mock, and gives its answer back. But the blueprints that a mock makes
/// up allow nothing, so those are the sandbox's once the mock has accepted the request.
struct Front {
    client: reqwest::Client,
    mock: String,
    port: String,
    port_token: String,
}

impl Front {
    fn start(world: &World) -> Server {
        let mock = env::var(VARIABLE).unwrap_or_else(|_| panic!("{VARIABLE} names no mock server"));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let front = Arc::new(Self {
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            mock,
            port: world.port.url(),
            port_token: world.port.access_token(),
        });
        let answer = move |request| {
            let front = Arc::clone(&front);
            async move { front.answer(request).await }
        };
        Server::start("127.0.0.1:0", Router::new().fallback(answer)).unwrap()
    }

    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let to = |base: &str| format!("{base}{}", parts.uri);
        let forwarded = self
            .client
            .request(parts.method.clone(), to(&self.mock))
            .headers(parts.headers.clone())
            .body(body);
        let answer = forwarded.send().await.unwrap();
        let is_accepted = !answer.status().is_client_error();
        if parts.method == Method::GET && is_accepted {
            let ours = self
                .client
                .get(to(&self.port))
                .bearer_auth(&self.port_token);
            return passed_on(ours.send().await.unwrap()).await;
        }
        passed_on(answer).await
    }
}

async fn passed_on(answer: reqwest::Response) -> Response {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap();
    let body = Body::from(answer.bytes().await.unwrap());
    Response::builder().status(status).body(body).unwrap()
}

#[test]
#[ignore = "needs a mock server of Port's API"]
fn a_mock_of_port_accepts_every_request() {
    let world = World::new();
    let front = Front::start(&world);
    let url = front.url();
    world.repository.write(
        "port.yml",
        "{identifier: a, blueprint: domain, title: A, team: [x]}\n",
    );
    succeed(&world.push("Add one").input("base-url", url.as_str()));

    let entity = |n: usize| match n % 2 {
        0 => json!({"identifier": format!("d{n}"), "blueprint": "domain"}),
        _ => json!({
            "identifier": format!("s{n}"),
            "blueprint": "microservice",
            "properties": {"replicas": n, "language": null},
            "relations": {"domain": format!("d{}", n - 1), "dependsOn": []},
        }),
    };
    let entities = Value::from_iter((0..25).map(entity));
    world
        .repository
        .write("many/port.json", &entities.to_string());
    let step = world.push("Add many").input("base-url", url.as_str());
    let result = run(&step
        .input("create-missing-related-entities", "true")
        .input("run-id", "r_1"));
    // The mock makes its answers up, so they do not fit the entities. But it must not refuse.
    for error in result.commands("error") {
        let (message, _) = error.data.split_once('\n').unwrap_or((&error.data, ""));
        let is_made_up = message.ends_with("(200)") || message.ends_with("(0)");
        assert!(is_made_up);
    }
}
