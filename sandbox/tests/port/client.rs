use crate::support;
use port_gitops_contract::{Extent, check_port};
use port_gitops_sandbox::{PortSandbox, Sandbox, Switch};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

/// Who the client says it is.
const AGENT: &str = "sandbox-tests/1 (here)";

/// A sandbox with the blueprints `service` and `domain`, and a client that is logged in.
pub(crate) struct Port {
    pub(crate) sandbox: PortSandbox,
    pub(crate) http: reqwest::Client,
}

impl Port {
    pub(crate) fn start() -> Self {
        let sandbox = PortSandbox::start().unwrap();
        // These tests say themselves what they turn on.
        for switch in Switch::ALL {
            sandbox.turn_off(*switch);
        }
        sandbox.add_blueprint(json!({"identifier": "domain", "title": "Domain"}));
        sandbox.add_blueprint(service());
        let http = support::http().user_agent(AGENT).build().unwrap();
        Self { sandbox, http }
    }

    /// A request without a token.
    pub(crate) fn plain(&self, method: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.sandbox.url());
        self.http
            .request(Method::from_bytes(method.as_bytes()).unwrap(), url)
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.plain(method, path)
            .bearer_auth(self.sandbox.access_token())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        read(self.request("GET", path).send().await.unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        read(self.request("DELETE", path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        read(self.request("POST", path).json(&body).send().await.unwrap()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        read(
            self.request("PATCH", path)
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// Upserts one entity, merged.
    pub(crate) async fn merge(&self, blueprint: &str, entity: Value) -> (u16, Value) {
        self.post(
            &format!("/v1/blueprints/{blueprint}/entities?upsert=true&merge=true"),
            entity,
        )
        .await
    }

    /// Puts an entity there without a request.
    pub(crate) fn put(&self, blueprint: &str, entity: Value) {
        self.sandbox
            .put_entity(blueprint, entity, "someone else")
            .unwrap();
    }
}

/// Every answer of every test has to be one that Port's specification allows.
impl Drop for Port {
    fn drop(&mut self) {
        check_port(&self.sandbox, Extent::Answers);
    }
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

/// The message of an error body, which has nothing but what is documented.
pub(crate) fn message(body: &Value) -> &str {
    assert_eq!(body["ok"], false);
    assert!(body["error"].is_string());
    assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
    body["message"].as_str().unwrap()
}

/// The code of an error body.
pub(crate) fn code(body: &Value) -> &str {
    message(body);
    body["error"].as_str().unwrap()
}

pub(crate) fn service() -> Value {
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

/// A blueprint whose one property and one relation are required.
pub(crate) fn strict() -> Value {
    json!({
        "identifier": "strict",
        "schema": {"properties": {"name": {"type": "string"}}, "required": ["name"]},
        "relations": {"domain": {"target": "domain", "many": false, "required": true}},
    })
}
