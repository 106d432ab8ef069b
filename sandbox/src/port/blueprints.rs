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
    let tested = json!({
        "title": "Tested", "target": "_rule_result",
        "calculationSpec": {"func": "count", "calculationBy": "entities"},
    });
    let scorecard = json!({
        "identifier": "_scorecard",
        "title": "Scorecard",
        "schema": {
            "properties": {
                "blueprint": {"type": "string", "format": "blueprints"},
                "levels": {"type": "array", "items": {"type": "object"}},
                "filter": {"type": "object"},
            },
            "required": ["blueprint", "levels"],
        },
        "aggregationProperties": {"rules_tested": tested},
        "relations": {},
    });
    let rule = json!({
        "identifier": "_rule",
        "title": "Scorecard rule",
        "schema": {
            "properties": {
                "level": {"type": "string"},
                "query": {"type": "object"},
                "rule_description": {"type": "string"},
            },
            "required": ["level", "query"],
        },
        "aggregationProperties": {"entities_tested": tested},
        "relations": {"scorecard": {"target": "_scorecard", "required": true, "many": false}},
    });
    let rule_result = json!({
        "identifier": "_rule_result",
        "title": "Scorecard rule result",
        "schema": {
            "properties": {
                "result": {"type": "string", "enum": ["Passed", "Not passed"]},
                "entity": {"type": "string"},
            },
            "required": [],
        },
        "mirrorProperties": {"level": {"path": "rule.level"}},
        "relations": {"rule": {"target": "_rule", "required": true, "many": false}},
    });
    let ai_agent = json!({
        "identifier": "_ai_agent",
        "title": "AI Agent",
        "schema": {
            "properties": {
                "description": {"type": "string"},
                "status": {"type": "string"},
                "prompt": {"type": "string"},
                "allowed_blueprints": {"type": "array", "items": {"type": "string"}},
                "execution_mode": {"type": "string"},
                "conversation_starters": {"type": "array", "items": {"type": "string"}},
            },
            "required": [],
        },
        "relations": {},
    });
    [scorecard, rule, rule_result, ai_agent]
}
