//! Both positions of each switch. Those of credentials are with these.

use std::time::Duration;

use port_gitops_sandbox::{Sandbox, Switch};
use serde_json::{Value, json};

use crate::{Port, service};

/// Writes to the service `a`, one after the other, with a switch on and off: `METHOD BODY` each.
/// Afterwards its properties are as said.
async fn properties(switch: Switch, writes: &[(&str, Value)], on: Value, off: Value) {
    let port = Port::start();
    let mut with_defaults = service();
    with_defaults["schema"]["properties"]["tier"]["default"] = json!("gold");
    with_defaults["schema"]["properties"]["code"]["default"] = json!("AB");
    with_defaults["schema"]["required"] = json!(["code"]);
    port.sandbox.add_blueprint(with_defaults);
    for (is_on, expected) in [(true, on), (false, off)] {
        match is_on {
            true => port.sandbox.turn_on(switch),
            false => port.sandbox.turn_off(switch),
        }
        port.sandbox.remove_entity("service", "a");
        for (query, properties) in writes {
            let entity = json!({"identifier": "a", "properties": properties});
            let row = format!("POST service/entities?upsert=true&{query} {entity} -> 201");
            port.answers(&row).await;
        }
        let entity = port.sandbox.entity("service", "a").unwrap();
        assert_eq!(entity["properties"], expected, "{switch:?} {is_on}");
    }
}

#[tokio::test]
async fn what_becomes_of_properties() {
    let (merge, replace) = ("merge=true", "merge=false");
    let base = || (merge, json!({"url": "https://a.b", "tier": "silver"}));
    let cleared = || [base(), (merge, json!({"url": null}))];
    let rest = || json!({"tier": "silver", "code": "AB"});
    let all = || json!({"tier": "silver", "code": "AB", "url": "https://a.b"});
    properties(Switch::NullsIgnored, &cleared(), all(), rest()).await;
    let stored = json!({"tier": "silver", "code": "AB", "url": null});
    properties(Switch::NullsStored, &cleared(), stored, rest()).await;

    let deep = [
        (replace, json!({"owner": {"x": {"y": 1}}})),
        (merge, json!({"owner": {"x": {"z": 2}}})),
    ];
    let with = |owner: Value| json!({"owner": owner, "tier": "gold", "code": "AB"});
    let (merged, replaced) = (json!({"x": {"y": 1, "z": 2}}), json!({"x": {"z": 2}}));
    properties(Switch::MergeIsDeep, &deep, with(merged), with(replaced)).await;

    let replaced = [base(), (replace, json!({"live": true}))];
    let required = json!({"live": true, "code": "AB"});
    let anew = json!({"live": true, "code": "AB", "tier": "gold"});
    properties(Switch::DefaultsAppliedAnew, &replaced, anew, required).await;
}

/// A table of requests for each position, with a domain `d`, and the services `a`, which belongs to it,
/// and `b`, which needs `a` and itself.
#[tokio::test]
async fn what_is_answered() {
    for (switch, on, off) in [
        (
            Switch::PatchNullsIgnored,
            r#"PATCH service/entities/a {"title": null, "team": null} -> 200 "team":["x"],"title":"A""#,
            r#"PATCH service/entities/a {"title": null, "team": null} -> 200 "team":[]"#,
        ),
        (
            Switch::NotFoundIsVague,
            r#"
            GET service/entities/z -> 404 not_found: A resource with the provided identifier was not found
            GET nowhere -> 404 not_found: A resource
            POST service/entities {"identifier": "c", "relations": {"domain": "z"}} -> 404 not_found: A resource
            "#,
            r#"GET service/entities/z -> 404 "z""#,
        ),
        (
            Switch::SingleTargetForMany,
            r#"POST service/entities {"identifier": "c", "relations": {"needs": "a"}} -> 201 "needs":["a"]"#,
            r#"POST service/entities {"identifier": "c", "relations": {"needs": "a"}} -> 422"#,
        ),
        (
            Switch::BulkDeletesPartly,
            r#"
            POST service/bulk/entities/delete {"entities": ["a", "z"]} -> 200 "deletedEntities":[]
            POST service/bulk/entities/delete {"entities": ["b", "z"]} -> 200 "deletedEntities":["b"]
            POST service/bulk/entities/delete {"entities": ["a"]} -> 200 "deletedEntities":["a"]
            "#,
            r#"
            POST service/bulk/entities/delete {"entities": ["b", "z"]} -> 404 "z"
            POST domain/bulk/entities/delete {"entities": ["d"]} -> 403 has_dependents
            POST service/bulk/entities/delete {"entities": ["a"]} -> 403 has_dependents: The entity has dependents
            POST service/bulk/entities/delete {"entities": ["a", "b"]} -> 200 "deletedEntities":["a","b"]
            "#,
        ),
    ] {
        for (is_on, table) in [(true, on), (false, off)] {
            let port = Port::start();
            port.put("domain", &[json!({"identifier": "d"})]);
            let of_d = json!({"domain": "d"});
            let a = json!({"identifier": "a", "title": "A", "team": ["x"], "relations": of_d});
            let b = json!({"identifier": "b", "relations": {"needs": ["a", "b"]}});
            port.put("service", &[a, b]);
            if is_on {
                port.sandbox.turn_on(switch);
            }
            port.answers(table).await;
        }
    }
}

#[tokio::test]
async fn large_strings_can_be_refused() {
    let port = Port::start();
    let text = "x".repeat(32 * 1024 + 1);
    let entity = |value: Value| json!({"identifier": "a", "properties": value});
    let large = [json!({"owner": {"x": [text]}}), json!({"tags": [text]})];
    for value in &large {
        assert_eq!(port.merge(entity(value.clone())).await.0, 201);
    }
    port.sandbox.turn_on(Switch::LargeStringsRefused);
    for value in large {
        let (status, body) = port.merge(entity(value)).await;
        let expected = (422, &json!("blueprint_schema_mismatch"));
        assert_eq!((status, &body["error"]), expected);
    }
    let many = json!({"tags": vec![&text[1..]; 3]});
    assert_eq!(port.merge(entity(many)).await.0, 201);
}

#[tokio::test]
async fn searches_can_lag() {
    let port = Port::start();
    let found = async |names: &[&str]| {
        let entities: Vec<_> = names.iter().map(|one| json!({"identifier": one})).collect();
        let answer = json!({"ok": true, "entities": entities});
        let search = r#"POST service/entities/search {"include": ["$identifier"]}"#;
        port.answers(&format!("{search} -> 200 {answer}")).await;
    };
    let write = async |name: &str| port.merge(json!({"identifier": name})).await;
    port.sandbox.turn_on(Switch::SearchLags);
    write("b").await;
    found(&[]).await;
    let log_in = r#"POST /v1/auth/access_token {"clientId": "sandbox-client-id", "clientSecret": "sandbox-client-secret"} -> 200"#;
    port.answers(log_in).await;
    // The next run finds it.
    found(&["b"]).await;
    port.sandbox.remove_entity("service", "b");

    port.sandbox.set_search_lag(Duration::from_secs(3600));
    // What a test puts there is seen at once.
    port.put("service", &[json!({"identifier": "old"})]);
    write("a").await;
    found(&["old"]).await;
    port.answers("GET service/entities/a -> 200").await;
    let delete = r#"POST service/bulk/entities/delete {"entities": ["old"]} -> 200"#;
    port.answers(delete).await;
    found(&["old"]).await;
    port.sandbox.set_search_lag(Duration::ZERO);
    found(&["a"]).await;
}

#[tokio::test]
async fn the_reset_can_be_a_point_in_time() {
    let port = Port::start();
    for (is_on, expected) in [(false, 295..=300), (true, 1_700_000_000..=u64::MAX)] {
        if is_on {
            port.sandbox.turn_on(Switch::ResetIsEpoch);
        }
        port.answers("GET service -> 200").await;
        let answer = port.sandbox.journal().pop().unwrap().answer.unwrap();
        let reset = answer.header("x-ratelimit-reset").unwrap().parse();
        assert!(expected.contains(&reset.unwrap()), "{answer:?}");
    }
}
