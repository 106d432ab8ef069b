//! What is checked before anything is sent agrees with what the Port sandbox takes. The two share no
//! code. Port's specification says which keys a property's schema has, and not what they mean: that
//! is taken to be what JSON Schema says of them, as Port's answers are worded by Ajv.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

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

#[test]
fn values_of_properties() {
    let port = Port::start();
    let check = |schema: Value, values: &[(Value, Verdict)]| {
        let blueprint = json!({
            "identifier": "thing", "title": "Thing", "relations": {},
            "schema": {"properties": {"p": schema}, "required": []},
        });
        for (value, verdict) in values {
            let entity = json!({"identifier": "x", "properties": {"p": value}});
            check(&port, &blueprint, &entity, *verdict);
        }
    };
    // `null` clears a property of any type.
    check(
        json!({"type": "string"}),
        &[
            (json!("text"), Good),
            (json!(""), Good),
            (json!(null), Good),
            (json!(1), Bad),
            (json!(true), Bad),
            (json!(["text"]), Bad),
            (json!({}), Bad),
        ],
    );
    check(
        json!({"type": "number"}),
        &[
            (json!(1), Good),
            (json!(-1.5), Good),
            (json!(1e300), Good),
            (json!(null), Good),
            (json!("1"), Bad),
            (json!(false), Bad),
            (json!([1]), Bad),
        ],
    );
    check(
        json!({"type": "boolean"}),
        &[
            (json!(true), Good),
            (json!(false), Good),
            (json!("true"), Bad),
            (json!(1), Bad),
            (json!(0), Bad),
        ],
    );
    check(
        json!({"type": "object"}),
        &[
            (json!({}), Good),
            (json!({"any": [1, {"x": null}]}), Good),
            (json!([]), Bad),
            (json!("{}"), Bad),
            (json!(1), Bad),
        ],
    );
    check(
        json!({"type": "array"}),
        &[
            (json!([]), Good),
            (json!([1, "a", {}, [null]]), Good),
            (json!("a"), Bad),
            (json!({}), Bad),
        ],
    );
    check(
        json!({"type": "string", "enum": ["low", "high"]}),
        &[
            (json!("low"), Good),
            (json!("Low"), Bad),
            (json!(""), Bad),
            (json!(1), Bad),
        ],
    );
    // Numbers are equal by value: https://json-schema.org/draft-07/json-schema-validation#rfc.section.6.1.2
    check(
        json!({"type": "number", "enum": [1, 2.5]}),
        &[
            (json!(1), Good),
            (json!(1.0), Good),
            (json!(2.5), Good),
            (json!(2), Bad),
            (json!("1"), Bad),
        ],
    );
    // Lengths count characters, not bytes: section 6.3.1 there.
    check(
        json!({"type": "string", "minLength": 2, "maxLength": 3}),
        &[
            (json!("ab"), Good),
            (json!("äöü"), Good),
            (json!("🦀🦀🦀"), Good),
            (json!("ä"), Bad),
            (json!("abcd"), Bad),
        ],
    );
    // A pattern need not match the whole text: section 6.3.3.
    check(
        json!({"type": "string", "pattern": "[0-9]"}),
        &[(json!("a1b"), Good), (json!("ab"), Bad)],
    );
    check(
        json!({"type": "string", "pattern": "^(?!x)[a-z]+$"}),
        &[(json!("ax"), Good), (json!("xa"), Bad), (json!("A"), Bad)],
    );
    // The sandbox refuses all by a pattern that it cannot read; Port would not keep such a blueprint.
    check(
        json!({"type": "string", "pattern": "(["}),
        &[(json!("a"), LeftToPort)],
    );
    check(
        json!({"type": "number", "minimum": 1, "maximum": 9}),
        &[
            (json!(1), Good),
            (json!(9), Good),
            (json!(0.9), Bad),
            (json!(9.1), Bad),
        ],
    );
    check(
        json!({"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 9}),
        &[(json!(1.1), Good), (json!(1), Bad), (json!(9), Bad)],
    );
    check(
        json!({"type": "array", "minItems": 1, "maxItems": 2, "uniqueItems": true}),
        &[
            (json!([1]), Good),
            (json!([1, "1"]), Good),
            (json!([]), Bad),
            (json!([1, 2, 3]), Bad),
            (json!([1, 1.0]), Bad),
        ],
    );
    check(
        json!({"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
        &[
            (json!([]), Good),
            (json!(["a", "b", "a"]), Good),
            (json!(["a", "c"]), Bad),
            (json!(["a", null]), Bad),
        ],
    );
    check(
        json!({"type": "array", "items": {"type": "object", "required": ["a"]}}),
        &[
            (json!([{"a": 1}]), Good),
            (json!([{"a": 1}, {}]), Bad),
            (json!([1]), Bad),
        ],
    );
    let nested = json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "number"}}}},
    });
    check(
        nested,
        &[
            (json!({"a": {}}), Good),
            (json!({"a": {"b": 1, "c": "x"}}), Good),
            (json!({}), Bad),
            (json!({"a": {"b": "1"}}), Bad),
            (json!({"a": {}, "d": 1}), Bad),
            (json!({"a": null}), Bad),
        ],
    );
    check(
        json!({"type": "object", "additionalProperties": {"type": "number"}}),
        &[(json!({"a": 1}), Good), (json!({"a": "1"}), Bad)],
    );
}

#[test]
fn formats_of_properties() {
    let port = Port::start();
    for (format, texts) in [
        (
            "url",
            vec![
                ("https://host/path?q#f", Good),
                ("http://10.0.0.1:80", Good),
                ("www.host", Bad),
                ("", Bad),
                // A URL by its own standard; what Port's pattern for `url` takes is not documented.
                ("mailto:me@host", LeftToPort),
            ],
        ),
        (
            "email",
            vec![
                ("me@host.io", Good),
                ("me@host", Good),
                ("me", Bad),
                ("@host", Bad),
                ("a b@host", Bad),
                ("a@b@host", LeftToPort),
            ],
        ),
        ("idn-email", vec![("mü@höst.io", Good), ("mü", Bad)]),
        (
            "date-time",
            vec![
                ("2026-01-31T12:00:00Z", Good),
                ("2026-01-31 12:00:00.123+01:00", Good),
                ("2026-01-31", Bad),
                ("2026-13-31T12:00:00Z", Bad),
                ("2026-01-31T25:00:00Z", Bad),
                ("tomorrow", Bad),
                // RFC 3339 wants a time zone; Port's own examples have times without.
                ("2026-01-31T12:00:00", LeftToPort),
            ],
        ),
        (
            "timer",
            vec![("2026-01-31T12:00:00Z", Good), ("5 minutes", Bad)],
        ),
        (
            "ipv4",
            vec![("10.0.0.1", Good), ("10.0.0.256", Bad), ("::1", Bad)],
        ),
        ("ipv6", vec![("2001:db8::1", Good), ("10.0.0.1", Bad)]),
        // Users are named by their addresses, but the specification does not say that only addresses do.
        ("user", vec![("me@host.io", Good), ("me", LeftToPort)]),
        ("team", vec![("platform", Good)]),
        ("markdown", vec![("# x", Good)]),
        // Text as it is stored; whether it can be read is not checked by anybody.
        ("yaml", vec![("a: b: c", Good)]),
        ("proto", vec![("x", Good)]),
        ("blueprints", vec![("x", Good)]),
        ("labeled-url", vec![("x", Good)]),
    ] {
        let blueprint = json!({
            "identifier": "thing", "title": "Thing", "relations": {},
            "schema": {"properties": {"p": {"type": "string", "format": format}}, "required": []},
        });
        for (text, verdict) in texts {
            let entity = json!({"identifier": "x", "properties": {"p": text}});
            check(&port, &blueprint, &entity, verdict);
        }
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
    for (properties, relations, verdict) in [
        (json!({"p": "a"}), json!({"one": "first"}), Good),
        (
            json!({"p": "a", "q": null}),
            json!({"one": "first", "many": null}),
            Good,
        ),
        (json!({"p": "a"}), json!({"one": "first", "many": []}), Good),
        (
            json!({"p": "a"}),
            json!({"one": "first", "many": ["first"]}),
            Good,
        ),
        (json!({}), json!({"one": "first"}), Bad),
        (json!({"q": 1}), json!({"one": "first"}), Bad),
        (json!({"p": null}), json!({"one": "first"}), Bad),
        (json!({"p": "a"}), json!({}), Bad),
        (json!({"p": "a"}), json!({"one": null}), Bad),
        (json!({"p": "a"}), json!({"one": ["first"]}), Bad),
        (
            json!({"p": "a"}),
            json!({"one": "first", "many": "first"}),
            Good,
        ),
        (
            json!({"p": "a"}),
            json!({"one": "first", "other": "first"}),
            Bad,
        ),
        (json!({"p": "a"}), json!({"one": 1}), Bad),
        (json!({"p": "a"}), json!({"one": "first", "many": [1]}), Bad),
        (json!({"p": "a", "other": 1}), json!({"one": "first"}), Bad),
        (
            json!({"p": "a", "one": "first"}),
            json!({"one": "first"}),
            Bad,
        ),
        (json!({"p": "a", "sum": "x"}), json!({"one": "first"}), Bad),
        (json!({"p": "a", "seen": "x"}), json!({"one": "first"}), Bad),
        (json!({"p": "a", "count": 1}), json!({"one": "first"}), Bad),
        // Only Port knows which entities there are.
        (json!({"p": "a"}), json!({"one": "nobody"}), LeftToPort),
    ] {
        let entity = json!({"identifier": "x", "properties": properties, "relations": relations});
        check(&port, &blueprint, &entity, verdict);
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
        let entity = json!({"identifier": identifier, "properties": {"p": "a"}, "relations": {"one": "first"}});
        check(&port, &blueprint, &entity, verdict);
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
    let values = [
        json!("a"),
        json!(1),
        json!(null),
        json!(true),
        json!(["a"]),
        json!([1]),
        json!({}),
    ];
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
        for value in &values {
            let rule = json!({"property": "p", "operator": operator, "value": value});
            let query = json!({"combinator": "and", "rules": [rule]});
            let entity = json!({"identifier": "x", "relations": {"many": query}});
            let takes = port.takes(&blueprint, &entity);
            assert_eq!(sent(&blueprint, &entity).is_some(), takes, "{entity}");
        }
    }
    for (query, verdict) in [
        (json!({"combinator": "or", "rules": []}), Good),
        (
            json!({"combinator": "or", "rules": [{"combinator": "and", "rules": []}]}),
            Good,
        ),
        (json!({"combinator": "xor", "rules": []}), Bad),
        (json!({"combinator": "or", "rules": [], "limit": 1}), Bad),
        (
            json!({"combinator": "or", "rules": [{"property": "p", "operator": "="}]}),
            Bad,
        ),
    ] {
        let entity = json!({"identifier": "x", "relations": {"many": query}});
        check(&port, &blueprint, &entity, verdict);
    }
}
