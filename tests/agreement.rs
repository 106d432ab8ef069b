//! What is checked before anything is sent agrees with what the Port sandbox takes. The two share no
//! code. Port's specification says which keys a property's schema has, and not what they mean: that
//! is taken to be what JSON Schema says of them, as Port's answers are worded by Ajv.

#![cfg(test)]

use port_gitops::catalog::blueprint::{Blueprint, Blueprints};
use port_gitops::catalog::change::compare;
use port_gitops::catalog::declare::{EntityFile, FileContent, declare};
use port_gitops::catalog::entity::BlueprintId;
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::catalog::validate::{Omission, validate};
use port_gitops::text::{RepoPath, SourceFile};
use port_gitops_sandbox::{PortSandbox, Sandbox};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Both take it.
    Good,
    /// Both refuse it.
    Bad,
    /// It is sent, and Port refuses it: the specification does not say how strict Port is, and what
    /// would be refused here by mistake could never be written.
    LeftToPort,
}
use Verdict::{Bad, Good, LeftToPort};

/// The sandbox, and a client of its own for it.
struct Port {
    sandbox: PortSandbox,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Port {
    fn start() -> Self {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            sandbox: PortSandbox::start().unwrap(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
        }
    }

    /// Whether Port writes `entity` in place of what it has.
    fn takes(&self, blueprint: &Value, entity: &Value) -> bool {
        self.sandbox.add_blueprint(blueprint.clone());
        let path = "/v1/blueprints/thing/entities?upsert=true&merge=false";
        let request = self
            .http
            .post(format!("{}{path}", self.sandbox.url()))
            .bearer_auth(self.sandbox.access_token())
            .json(entity);
        let status = self.runtime.block_on(request.send()).unwrap().status();
        assert!(
            status.is_success() || matches!(status.as_u16(), 403 | 404 | 422),
            "{status}"
        );
        status.is_success()
    }
}

/// What is sent of `entity`, in a file that replaces what is in Port, if it has no errors.
fn sent(blueprint: &Value, entity: &Value) -> Option<Value> {
    let id = BlueprintId::parse("thing").unwrap();
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(
            RepoPath::new("port.json"),
            entity.to_string(),
        )),
        default_blueprint: Some(id.clone()),
    };
    let head = declare(&[file], &BlueprintRules::parse("*").unwrap());
    let blueprints = Blueprints {
        known: [(id, Blueprint::from_json(blueprint.clone()).unwrap())].into(),
        ..Blueprints::default()
    };
    let changes = compare(&[], &head, &std::collections::BTreeSet::new());
    let validated = validate(changes, &blueprints, Omission::IsMissing);
    let head = validated.changes.first()?.head.as_ref()?;
    Some(serde_json::to_value(&head.entity).unwrap())
}

fn check(port: &Port, blueprint: &Value, entity: &Value, verdict: Verdict) {
    let sent = sent(blueprint, entity);
    let found = match (
        sent.is_some(),
        port.takes(blueprint, sent.as_ref().unwrap_or(entity)),
    ) {
        (true, true) => Some(Good),
        (false, false) => Some(Bad),
        (true, false) => Some(LeftToPort),
        (false, true) => None,
    };
    assert_eq!(found, Some(verdict), "{blueprint}\n{entity}");
}

/// Checks a table of properties' schemas, of values that both take and of values that both refuse.
fn check_values(table: Value) {
    let port = Port::start();
    for row in table.as_array().unwrap() {
        let blueprint = json!({
            "identifier": "thing", "title": "Thing", "relations": {},
            "schema": {"properties": {"p": row[0]}, "required": []},
        });
        for (column, verdict) in [(1, Good), (2, Bad)] {
            for value in row[column].as_array().unwrap() {
                let entity = json!({"identifier": "x", "properties": {"p": value}});
                check(&port, &blueprint, &entity, verdict);
            }
        }
    }
}

#[test]
fn values_of_properties() {
    let nested = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "number"}}}},
    });
    check_values(json!([
        // `null` clears a property of any type.
        [{"type": "string"}, ["text", "", null], [1, true, ["text"], {}]],
        [{"type": "number"}, [1, -1.5, 1e300, null], ["1", false, [1]]],
        [{"type": "boolean"}, [true, false], ["true", 1, 0]],
        [{"type": "object"}, [{}, {"any": [1, {"x": null}]}], [[], "{}", 1]],
        [{"type": "array"}, [[], [1, "a", {}, [null]]], ["a", {}]],
        [{"type": "string", "enum": ["low", "high"]}, ["low"], ["Low", "", 1]],
        // Numbers are equal by value: https://json-schema.org/draft-07/json-schema-validation#rfc.section.6.1.2
        [{"type": "number", "enum": [1, 2.5]}, [1, 1.0, 2.5], [2, "1"]],
        // Lengths count characters, not bytes: section 6.3.1 there.
        [{"type": "string", "minLength": 2, "maxLength": 3}, ["ab", "äöü", "🦀🦀🦀"], ["ä", "abcd"]],
        // A pattern need not match the whole text: section 6.3.3.
        [{"type": "string", "pattern": "[0-9]"}, ["a1b"], ["ab"]],
        [{"type": "string", "pattern": "^(?!x)[a-z]+$"}, ["ax"], ["xa", "A"]],
        [{"type": "number", "minimum": 1, "maximum": 9}, [1, 9], [0.9, 9.1]],
        [{"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 9}, [1.1], [1, 9]],
        [{"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": true}, [[1], [1, "1"]], [[], [1, 2, 3], [1, 1.0]]],
        [{"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, [[], ["a", "b", "a"]], [["a", "c"], ["a", null]]],
        [{"type": "array", "items": {"type": "object", "required": ["a"]}}, [[{"a": 1}]], [[{"a": 1}, {}], [1]]],
        [nested, [{"a": {}}, {"a": {"b": 1, "c": "x"}}], [{}, {"a": {"b": "1"}}, {"a": {}, "d": 1}, {"a": null}]],
        [{"type": "object", "additionalProperties": {"type": "number"}}, [{"a": 1}], [{"a": "1"}]],
    ]));
}

#[test]
fn formats_of_properties() {
    let formats = json!([
        [
            "url",
            ["https://host/path?q#f", "http://10.0.0.1:80"],
            ["www.host", ""]
        ],
        [
            "email",
            ["me@host.io", "me@host"],
            ["me", "@host", "a b@host"]
        ],
        ["idn-email", ["mü@höst.io"], ["mü"]],
        [
            "date-time",
            ["2026-01-31T12:00:00Z", "2026-01-31 12:00:00.123+01:00"],
            ["2026-01-31", "tomorrow"]
        ],
        [
            "date-time",
            [],
            ["2026-13-31T12:00:00Z", "2026-01-31T25:00:00Z"]
        ],
        ["timer", ["2026-01-31T12:00:00Z"], ["5 minutes"]],
        ["ipv4", ["10.0.0.1"], ["10.0.0.256", "::1"]],
        ["ipv6", ["2001:db8::1"], ["10.0.0.1"]],
        ["user", ["me@host.io"], []],
        ["team", ["platform"], []],
        // Text as it is stored; whether it can be read is not checked by anybody.
        ["markdown", ["# x"], []],
        ["yaml", ["a: b: c"], []],
        ["proto", ["x"], []],
        ["blueprints", ["x"], []],
        ["labeled-url", ["x"], []],
    ]);
    let rows = formats.as_array().unwrap().iter();
    let schema = |format: &Value| json!({"type": "string", "format": format});
    check_values(
        rows.map(|row| json!([schema(&row[0]), row[1], row[2]]))
            .collect(),
    );
}

#[test]
fn what_is_left_to_port() {
    let port = Port::start();
    for (rule, value, text) in [
        // A URL by its own standard; what Port's pattern for `url` takes is not documented.
        ("format", "url", "mailto:me@host"),
        ("format", "email", "a@b@host"),
        // RFC 3339 wants a time zone; Port's own examples have times without.
        ("format", "date-time", "2026-01-31T12:00:00"),
        // Users are named by their addresses, but the specification does not say that only addresses do.
        ("format", "user", "me"),
        // The sandbox refuses all by a pattern that it cannot read; Port would not keep such a blueprint.
        ("pattern", "([", "a"),
    ] {
        let blueprint = json!({
            "identifier": "thing", "title": "Thing", "relations": {},
            "schema": {"properties": {"p": {"type": "string", rule: value}}, "required": []},
        });
        let entity = json!({"identifier": "x", "properties": {"p": text}});
        check(&port, &blueprint, &entity, LeftToPort);
    }
}

#[test]
fn names_relations_and_what_is_required() {
    let port = Port::start();
    let blueprint = json!({
        "identifier": "thing", "title": "Thing",
        "schema": {"properties": {"p": {"type": "string"}, "q": {"type": "number"}}, "required": ["p"]},
        "calculationProperties": {"sum": {"type": "string", "calculation": ".identifier"}},
        "mirrorProperties": {"seen": {"path": "one.$title"}},
        "aggregationProperties": {"count": {"target": "thing", "type": "number"}},
        "relations": {
            "one": {"target": "thing", "required": true, "many": false},
            "many": {"target": "thing", "required": false, "many": true},
        },
    });
    let first =
        json!({"identifier": "first", "properties": {"p": "a"}, "relations": {"one": "first"}});
    check(&port, &blueprint, &first, Good);
    let check_part = |section: &str, value: Value, verdict| {
        let mut entity = first.clone();
        entity["identifier"] = json!("x");
        entity[section] = value;
        check(&port, &blueprint, &entity, verdict);
    };
    for (properties, verdict) in [
        (json!({"p": "a", "q": null}), Good),
        (json!({}), Bad),
        (json!({"q": 1}), Bad),
        (json!({"p": null}), Bad),
        (json!({"p": "a", "other": 1}), Bad),
        (json!({"p": "a", "one": "first"}), Bad),
        (json!({"p": "a", "sum": "x"}), Bad),
        (json!({"p": "a", "seen": "x"}), Bad),
        (json!({"p": "a", "count": 1}), Bad),
    ] {
        check_part("properties", properties, verdict);
    }
    for (relations, verdict) in [
        (json!({"one": "first", "many": null}), Good),
        (json!({"one": "first", "many": []}), Good),
        (json!({"one": "first", "many": ["first"]}), Good),
        (json!({"one": "first", "many": "first"}), Good),
        (json!({}), Bad),
        (json!({"one": null}), Bad),
        (json!({"one": ["first"]}), Bad),
        (json!({"one": 1}), Bad),
        (json!({"one": "first", "other": "first"}), Bad),
        (json!({"one": "first", "many": [1]}), Bad),
        // Only Port knows which entities there are.
        (json!({"one": "nobody"}), LeftToPort),
    ] {
        check_part("relations", relations, verdict);
    }
    let long = "x".repeat(1000);
    for (identifier, verdict) in [
        ("a", Good),
        ("Größe", Good),
        ("a@b.c/d:e+f\\g=h-i_j", Good),
        ("...", Good),
        (long.as_str(), Good),
        ("", Bad),
        (".", Bad),
        ("..", Bad),
        ("a b", Bad),
        ("a#b", Bad),
        ("a\n", Bad),
        ("🦀", Bad),
        (&format!("{long}x"), Bad),
    ] {
        check_part("identifier", json!(identifier), verdict);
    }
}

#[test]
fn defaults_apostrophes_and_inherited_teams() {
    let port = Port::start();
    let mut blueprint = json!({
        "identifier": "thing", "title": "Thing", "relations": {},
        "schema": {
            "properties": {"p": {"type": "string", "default": "a"}, "q": {"type": "string"}},
            "required": ["p"],
        },
    });
    for (entity, verdict) in [
        (json!({"identifier": "joe's", "team": "t"}), Good),
        (json!({"identifier": "x", "properties": {"q": "b"}}), Good),
        (json!({"identifier": "x", "properties": {"p": null}}), Bad),
        (json!({"identifier": "joe\"s"}), Bad),
    ] {
        check(&port, &blueprint, &entity, verdict);
    }
    blueprint["ownership"] = json!({"type": "Inherited", "path": "owner"});
    for (entity, verdict) in [
        (json!({"identifier": "x"}), Good),
        (json!({"identifier": "x", "team": "t"}), Bad),
        (json!({"identifier": "x", "team": []}), Bad),
    ] {
        check(&port, &blueprint, &entity, verdict);
    }
}

#[test]
fn rules_of_search_queries() {
    let port = Port::start();
    let blueprint = json!({
        "identifier": "thing", "title": "Thing",
        "schema": {"properties": {"p": {"type": "string"}}, "required": []},
        "relations": {"many": {"target": "thing", "required": false, "many": true}},
    });
    let values = json!(["a", 1, null, true, ["a"], [1], {}]);
    let operators = [
        "=",
        "in",
        "contains",
        "containsAny",
        "!=",
        "beginsWith",
        "between",
        "isEmpty",
    ];
    for operator in operators {
        for value in values.as_array().unwrap() {
            let rule = json!({"property": "p", "operator": operator, "value": value});
            let query = json!({"combinator": "and", "rules": [rule]});
            let entity = json!({"identifier": "x", "relations": {"many": query}});
            let takes = port.takes(&blueprint, &entity);
            assert_eq!(sent(&blueprint, &entity).is_some(), takes, "{entity}");
        }
    }
    let query = |combinator: &str, rules: Value| json!({"combinator": combinator, "rules": rules});
    for (query, verdict) in [
        (query("or", json!([])), Good),
        (query("or", json!([query("and", json!([]))])), Good),
        (query("xor", json!([])), Bad),
        (json!({"combinator": "or", "rules": [], "limit": 1}), Bad),
        (
            query("or", json!([{"property": "p", "operator": "="}])),
            Bad,
        ),
    ] {
        let entity = json!({"identifier": "x", "relations": {"many": query}});
        check(&port, &blueprint, &entity, verdict);
    }
}
