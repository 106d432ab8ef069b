//! The checks can fail: each kind of mistake is found.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::time::Duration;

use bytes::Bytes;
use port_gitops_contract::{Extent, Service, problems, specifications};
use port_gitops_sandbox::{Answer, Effect, Exchange, fault::Injected};
use serde_json::{Value, json};

const BULK: &str = "/v1/blueprints/service/entities/bulk";
const COMPARE: &str = "/repos/octo-org/catalog/compare/a...b";

fn exchange(method: &str, path_and_query: &str, body: &Value, answer: Option<Answer>) -> Exchange {
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    Exchange {
        sequence: 0,
        connection: 0,
        arrived: Duration::ZERO,
        answered: None,
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: [
            ("content-type", "application/json"),
            ("authorization", "Bearer x"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        body: match body {
            Value::Null => Bytes::new(),
            _ => body.to_string().into(),
        },
        answer,
        fault: None,
    }
}

/// Whether the one mistake of an exchange is found and told in words that hold `wanted`; no words
/// mean that there is no mistake.
#[track_caller]
fn expect(service: Service, exchange: &Exchange, wanted: &str) {
    if specifications::directory().is_none() {
        return;
    }
    let found = problems(service, std::slice::from_ref(exchange), Extent::Both);
    let found: Vec<_> = found.into_iter().collect();
    match wanted {
        "" => assert_eq!(found, Vec::<String>::new()),
        _ => assert!(found.len() == 1 && found[0].contains(wanted), "{found:#?}"),
    }
}

fn upsert(query: &str, body: &Value) -> Exchange {
    exchange("POST", &format!("{BULK}{query}"), body, None)
}

/// A bulk is as large as the document says, or as an earlier answer of the same route.
#[test]
fn bulks_of_an_announced_size() {
    if specifications::directory().is_none() {
        return;
    }
    let sent = |size: usize, second: u64| {
        let body = json!({"entities": vec![json!({"identifier": "a"}); size]});
        let arrived = Duration::from_secs(second);
        Exchange {
            arrived,
            ..upsert("?upsert=true", &body)
        }
    };
    let told = |size: u64, second: u64| {
        let body = json!({"ok": true, "entities": [], "errors": [], "maxBulkSize": size});
        Exchange {
            answer: Some(Answer::json(200, &body)),
            answered: Some(Duration::from_secs(second)),
            ..sent(1, second)
        }
    };
    for (exchanges, is_right) in [
        (vec![sent(20, 1)], true),
        (vec![sent(21, 1)], false),
        (vec![told(30, 1), sent(30, 2)], true),
        (vec![told(30, 1), sent(31, 2)], false),
        (vec![told(30, 3), sent(30, 2)], false),
        (vec![told(5, 1), sent(6, 2)], false),
        (vec![told(5, 1), told(7, 2), sent(6, 3)], true),
    ] {
        let found = problems(Service::Port, &exchanges, Extent::Both);
        assert_eq!(found.is_empty(), is_right, "{found:#?}");
    }
}

fn entities() -> Value {
    json!({"entities": [{"identifier": "a/b", "title": "A", "relations": {"r": null}}]})
}

#[test]
fn requests_to_port() {
    let expect = |exchange: &Exchange, wanted: &str| expect(Service::Port, exchange, wanted);
    expect(
        &upsert("?upsert=true&merge=false&run_id=1", &entities()),
        "",
    );
    expect(
        &upsert("?upsert=yes", &entities()),
        "parameter `upsert` must not be `yes`",
    );
    expect(
        &upsert("?upsert=true&mrege=true", &entities()),
        "`mrege` is unknown",
    );
    expect(
        &upsert("?merge=true", &entities()),
        "parameter `upsert` is missing",
    );
    expect(
        &upsert("?upsert=true&upsert=true", &entities()),
        "given 2 times",
    );
    expect(&upsert("?upsert=true", &Value::Null), "no body");
    expect(
        &upsert("?upsert=true", &json!({"entities": []})),
        "/entities",
    );
    expect(
        &upsert("?upsert=true", &json!({"entities": [{"titel": "A"}]})),
        "'titel'",
    );
    expect(
        &upsert("?upsert=true", &json!({"entities": [{"title": 1}]})),
        "/entities/0/title",
    );
    expect(
        &upsert(
            "?upsert=true",
            &json!({"entities": [{"identifier": "a b"}]}),
        ),
        "/identifier",
    );
    expect(
        &upsert("?upsert=true", &json!({"entities": [{"identifier": ".."}]})),
        "/identifier",
    );
    expect(
        &exchange("PUT", "/v1/blueprints/service/entities", &entities(), None),
        "operation is not documented",
    );
    expect(
        &exchange("GET", "/v1/blueprint/a", &Value::Null, None),
        "operation is not documented",
    );
    expect(
        &exchange("GET", "/v1/blueprints//entities-count", &Value::Null, None),
        "`blueprint_identifier`",
    );
    let mut anonymous = upsert("?upsert=true", &entities());
    anonymous.headers.truncate(1);
    expect(&anonymous, "no bearer token");
}

#[test]
fn a_misspelled_member_that_is_required_counts_twice() {
    if specifications::directory().is_none() {
        return;
    }
    let body = json!({"entites": [{"identifier": "a"}]});
    let found = problems(
        Service::Port,
        &[upsert("?upsert=true", &body)],
        Extent::Both,
    );
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn answers_of_port() {
    let answered = |status: u16, body: &Value| Exchange {
        answer: Some(Answer::json(status, body)),
        ..upsert("?upsert=true", &entities())
    };
    let expect = |exchange: &Exchange, wanted: &str| expect(Service::Port, exchange, wanted);
    let refusal = json!({"ok": false, "error": "e", "message": "m"});
    let done = json!({"ok": true, "errors": [], "entities": [
        {"identifier": "a", "index": 0, "created": true, "additionalData": {"x": 1}},
    ]});
    expect(&answered(207, &done), "");
    expect(&answered(404, &refusal), "");
    expect(&answered(429, &refusal), "");
    expect(&answered(418, &refusal), "status 418 is not documented");
    expect(
        &answered(429, &json!({"error": "e", "message": "m"})),
        "\"ok\" is a required property",
    );
    expect(
        &answered(200, &json!({"ok": true, "entities": []})),
        "\"errors\"",
    );
    let mut wrong = done.clone();
    wrong["entities"][0]["index"] = json!("0");
    expect(&answered(200, &wrong), "/entities/0/index");
    let fault = Some(Injected {
        kind: "answer",
        effect: Effect::None,
    });
    expect(
        &Exchange {
            fault,
            ..answered(418, &refusal)
        },
        "",
    );
    let text = Some(Answer::text(200, "text/html", "x"));
    expect(
        &Exchange {
            answer: text,
            ..answered(200, &done)
        },
        "`text/html` is not documented",
    );
}

#[test]
fn github_over_rest() {
    let get = |path: &str, answer: Option<Answer>| exchange("GET", path, &Value::Null, answer);
    let expect = |exchange: &Exchange, wanted: &str| expect(Service::GitHub, exchange, wanted);
    let refusal =
        json!({"message": "m", "documentation_url": "https://docs.github.com", "status": "401"});
    expect(&get(&format!("{COMPARE}?per_page=1"), None), "");
    expect(&get(&format!("/api/v3{COMPARE}"), None), "");
    expect(&get("/repos/o/r/branches/a/b", None), "");
    expect(
        &get(&format!("{COMPARE}?per_page=one"), None),
        "`per_page` must not be `one`",
    );
    expect(
        &get(&format!("{COMPARE}?perpage=1"), None),
        "`perpage` is unknown",
    );
    expect(
        &get("/repos/o/r/compares/a...b", None),
        "operation is not documented",
    );
    expect(&get(COMPARE, Some(Answer::json(401, &refusal))), "");
    expect(
        &get(COMPARE, Some(Answer::json(418, &refusal))),
        "status 418 is not documented",
    );
    expect(
        &get(COMPARE, Some(Answer::json(404, &json!({"massage": "m"})))),
        "'massage'",
    );
    let blob = |size: Value| {
        json!({
            "content": "", "encoding": "base64", "url": "https://example.com", "sha": "a",
            "size": size, "node_id": "a",
        })
    };
    let answer = |body: Value| Some(Answer::json(200, &body));
    expect(
        &get("/repos/o/r/git/blobs/a", answer(blob(json!(null)))),
        "",
    );
    expect(
        &get("/repos/o/r/git/blobs/a", answer(blob(json!("1")))),
        "/size",
    );
}

const QUERY: &str = "query($owner: String!, $oid: GitObjectID!) { repository(owner: $owner, \
    name: \"n\") { object(oid: $oid) { ... on Blob { text byteSize } } } }";

fn graphql(query: &str, variables: &Value, data: Option<Value>) -> Exchange {
    let answer = data.map(|data| Answer::json(200, &json!({ "data": data })));
    let body = json!({"query": query, "variables": variables});
    exchange("POST", "/graphql", &body, answer)
}

#[test]
fn graphql_queries() {
    let expect = |exchange: &Exchange, wanted: &str| expect(Service::GitHub, exchange, wanted);
    let variables = json!({"owner": "o", "oid": "a"});
    expect(&graphql(QUERY, &variables, None), "");
    let misspelled = QUERY.replace("byteSize", "byteSise");
    expect(&graphql(&misspelled, &variables, None), "byteSise");
    expect(
        &graphql(&QUERY.replace("String!", "Int!"), &variables, None),
        "owner",
    );
    expect(&graphql(QUERY, &json!({"owner": "o"}), None), "oid");
    expect(
        &graphql(QUERY, &json!({"owner": 1, "oid": "a"}), None),
        "owner",
    );
    expect(
        &graphql(QUERY, &json!({"owner": "o", "oid": "a", "x": 1}), None),
        "variable `x` is not declared",
    );
}

#[test]
fn graphql_answers() {
    let expect = |object: Value, wanted: &str| {
        let data = Some(json!({"repository": {"object": object}}));
        let variables = json!({"owner": "o", "oid": "a"});
        expect(Service::GitHub, &graphql(QUERY, &variables, data), wanted);
    };
    expect(json!({"text": null, "byteSize": 1}), "");
    expect(json!({}), "");
    expect(json!(null), "");
    expect(json!([]), "data.repository.object must be an object");
    expect(
        json!({"text": "a", "byteSize": null}),
        "byteSize must not be null",
    );
    expect(
        json!({"text": "a", "byteSize": "1"}),
        "byteSize must be a Int",
    );
    expect(
        json!({"text": "a", "byteSize": 1, "oid": "a"}),
        "oid was not asked for",
    );
}
