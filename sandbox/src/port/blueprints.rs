//! The blueprints of a small organisation, for tests and for the demo.

use serde_json::{Value, json};

/// What services belong to.
pub fn domain() -> Value {
    json!({
        "identifier": "domain",
        "title": "Domain",
        "schema": {"properties": {"owner": {"type": "string"}}, "required": []},
        "relations": {},
    })
}

/// A service, of a domain and in need of other services.
pub fn microservice() -> Value {
    json!({
        "identifier": "microservice",
        "title": "Microservice",
        "schema": {
            "properties": {
                "url": {"type": "string", "format": "url"},
                "language": {"type": "string", "enum": ["Go", "Rust", "Python"]},
                "replicas": {"type": "number"},
            },
            "required": [],
        },
        "relations": {
            "domain": {"target": "domain", "required": false, "many": false},
            "dependsOn": {"target": "microservice", "required": false, "many": true},
        },
    })
}
