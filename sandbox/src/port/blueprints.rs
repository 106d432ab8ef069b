//! The blueprints of a small organisation, for tests and for the demo, and some of Port's own.

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

/// Scorecards, their rules and the rules' results, and AI agents, which are entities too. Port has more
/// properties that it computes:
/// <https://docs.port.io/scorecards/concepts-and-structure#blueprints-structure>,
/// <https://docs.port.io/ai-interfaces/ai-agents/build-an-ai-agent>.
pub fn ports_own() -> [Value; 4] {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let scorecard = json!({
        "properties": {
            "blueprint": {"type": "string", "format": "blueprints"},
            "levels": {"type": "array", "items": {"type": "object"}},
            "filter": {"type": "object"},
        },
        "required": ["blueprint", "levels"],
    });
    let rule = json!({
        "properties": {
            "level": {"type": "string"},
            "query": {"type": "object"},
            "rule_description": {"type": "string"},
        },
        "required": ["level", "query"],
    });
    let rule_result = json!({
        "properties": {
            "result": {"type": "string", "enum": ["Passed", "Not passed"]},
            "entity": {"type": "string"},
        },
        "required": [],
    });
    let ai_agent = json!({
        "properties": {
            "description": {"type": "string"},
            "status": {"type": "string"},
            "prompt": {"type": "string"},
            "allowed_blueprints": texts,
            "execution_mode": {"type": "string"},
            "conversation_starters": texts,
        },
        "required": [],
    });
    let to = |relation: &str, target: &str| json!({relation: {"target": target, "required": true, "many": false}});
    [
        ("_scorecard", scorecard, json!({})),
        ("_rule", rule, to("scorecard", "_scorecard")),
        ("_rule_result", rule_result, to("rule", "_rule")),
        ("_ai_agent", ai_agent, json!({})),
    ]
    .map(|(identifier, schema, relations)| {
        json!({
            "identifier": identifier, "title": identifier, "schema": schema, "relations": relations,
        })
    })
}
