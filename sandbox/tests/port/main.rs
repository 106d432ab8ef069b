//! The Port sandbox, seen by an ordinary HTTP client: what it refuses, which a correct client never
//! meets, and what the switches change. What it does with correct requests is shown by the action's
//! own tests (`tests/apply_room`, `tests/end_to_end`, `tests/agreement.rs`).

#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod refusals;
mod search;
mod switches;

use port_gitops_contract::{Extent, check_port};
use port_gitops_sandbox::{PortSandbox, Sandbox, Switch};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A sandbox with the blueprints `service`, `domain` and `strict`, and a client for it.
struct Port {
    sandbox: PortSandbox,
    http: reqwest::Client,
}

impl Port {
    fn start() -> Self {
        let sandbox = PortSandbox::start().unwrap();
        // These tests say themselves what they turn on.
        for switch in Switch::ALL {
            sandbox.turn_off(*switch);
        }
        sandbox.add_blueprint(json!({"identifier": "domain", "title": "Domain"}));
        sandbox.add_blueprint(service());
        // Its one property and its one relation are required.
        sandbox.add_blueprint(json!({
            "identifier": "strict",
            "schema": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
            "relations": {"domain": {"target": "domain", "many": false, "required": true}},
        }));
        let http = support::http().build().unwrap();
        Self { sandbox, http }
    }

    /// A request without a token. A path without a slash at its start is below `/v1/blueprints/`.
    fn plain(&self, method: Method, path: &str) -> RequestBuilder {
        let start = match path.starts_with('/') {
            true => "",
            false => "/v1/blueprints/",
        };
        let url = format!("{}{start}{path}", self.sandbox.url());
        self.http.request(method, url)
    }

    /// Sends the requests of a table in their order. See [`support::Row`]; an error reads `code: message`.
    async fn answers(&self, table: &str) {
        for row in support::rows(table) {
            let request = self.plain(row.method.clone(), row.path);
            let request = request.bearer_auth(self.sandbox.access_token());
            let body = row.body.unwrap_or_default().to_owned();
            let (status, answer) = send(request.body(body)).await;
            let text = match (&answer["error"], &answer["message"]) {
                (Value::String(error), Value::String(message)) => format!("{error}: {message}"),
                _ => answer.to_string(),
            };
            row.check(status, &text);
        }
    }

    /// Upserts a service, merged.
    async fn merge(&self, entity: Value) -> (u16, Value) {
        let request = self.plain(Method::POST, "service/entities?upsert=true&merge=true");
        let token = self.sandbox.access_token();
        send(request.bearer_auth(token).json(&entity)).await
    }

    /// Puts entities there without a request, in the form `{"identifier": …}`.
    fn put(&self, blueprint: &str, entities: &[Value]) {
        for entity in entities {
            let put = self.sandbox.put_entity(blueprint, entity.clone());
            put.unwrap();
        }
    }

    /// The identifiers of all entities.
    fn names(&self) -> Vec<String> {
        let entities = self.sandbox.entities().into_iter();
        entities.map(|(_, identifier, _)| identifier).collect()
    }
}

/// Every answer of every test has to be one that Port's specification allows.
impl Drop for Port {
    fn drop(&mut self) {
        check_port(&self.sandbox, Extent::Answers);
    }
}

async fn send(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn service() -> Value {
    json!({
        "identifier": "service",
        "schema": {
            "properties": {
                "url": {"type": "string", "format": "url"},
                "tier": {"type": "string", "enum": ["gold", "silver"]},
                "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
                "replicas": {"type": "number", "minimum": 0},
                "tags": {"type": "array", "items": {"type": "string"}},
                "live": {"type": "boolean"},
                "owner": {"type": "object"},
            },
            "required": [],
        },
        "calculationProperties": {"health": {"calculation": ".x", "type": "string"}},
        "relations": {
            "domain": {"target": "domain", "many": false, "required": false},
            "needs": {"target": "service", "many": true, "required": false},
        },
    })
}
