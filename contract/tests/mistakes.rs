//! The checks can fail: each kind of mistake is found.

#![cfg(test)]

use std::time::Duration;

use port_gitops_contract::{Extent, Service, problems, specifications};
use port_gitops_sandbox::{Answer, Exchange};
use serde_json::{Value, json};

const BULK: &str = "POST /v1/blueprints/service/entities/bulk?upsert=true";

/// The exchange of a request, `METHOD PATH[?QUERY] [BODY]`.
fn exchange(request: &str, answer: Option<Answer>) -> Exchange {
    let mut words = request.splitn(3, ' ');
    let (method, url) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let headers = [
        ("content-type", "application/json"),
        ("authorization", "Bearer x"),
    ];
    Exchange {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        body: words.next().unwrap_or_default().to_owned().into(),
        answer,
        ..Exchange::default()
    }
}

/// What is wrong with one exchange; nothing where there are no specifications.
fn found(service: Service, exchange: Exchange) -> Vec<String> {
    let found = problems(service, &[exchange], Extent::Both);
    found.into_iter().collect()
}

/// Whether the one mistake of an exchange is found and told in words that hold `wanted`; no words
/// mean that there is no mistake.
#[track_caller]
fn expect(service: Service, exchange: Exchange, wanted: &str) {
    if specifications::directory().is_none() {
        return;
    }
    let found = found(service, exchange);
    match wanted {
        "" => assert_eq!(found, Vec::<String>::new()),
        _ => assert!(found.len() == 1 && found[0].contains(wanted), "{found:#?}"),
    }
}

/// Checks a table of `WHAT => WANTED` lines.
#[track_caller]
fn expect_all(service: Service, table: &str, exchange: impl Fn(&str) -> Exchange) {
    for line in table.trim().lines() {
        let (what, wanted) = line.trim().split_once(" =>").unwrap();
        expect(service, exchange(what), wanted.trim());
    }
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
            ..exchange(&format!("{BULK} {body}"), None)
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

#[test]
fn requests_to_port() {
    let table = r#"
        POST BULK?upsert=true&merge=false&run_id=1 {"entities": [{"identifier": "a/b", "title": "A", "relations": {"r": null}}]} =>
        POST BULK?upsert=yes {"entities": [{"identifier": "a"}]} => parameter `upsert` must not be `yes`
        POST BULK?upsert=true&mrege=true {"entities": [{"identifier": "a"}]} => `mrege` is unknown
        POST BULK?merge=true {"entities": [{"identifier": "a"}]} => parameter `upsert` is missing
        POST BULK?upsert=true&upsert=true {"entities": [{"identifier": "a"}]} => given 2 times
        POST BULK?upsert=true => no body
        POST BULK?upsert=true {"entities": []} => /entities
        POST BULK?upsert=true {"entities": [{"titel": "A"}]} => 'titel'
        POST BULK?upsert=true {"entities": [{"title": 1}]} => /entities/0/title
        POST BULK?upsert=true {"entities": [{"identifier": "a b"}]} => /identifier
        POST BULK?upsert=true {"entities": [{"identifier": ".."}]} => /identifier
        PUT /v1/blueprints/service/entities {} => operation is not documented
        GET /v1/blueprint/a => operation is not documented
        GET /v1/blueprints//entities-count => `blueprint_identifier`
    "#
    .replace("BULK", "/v1/blueprints/service/entities/bulk");
    expect_all(Service::Port, &table, |request| exchange(request, None));
    let body = r#"{"entities": [{"identifier": "a"}]}"#;
    let mut anonymous = exchange(&format!("{BULK} {body}"), None);
    anonymous.headers.truncate(1);
    expect(Service::Port, anonymous, "no bearer token");
    // A misspelled member that is required counts twice.
    let misspelled = exchange(&format!("{BULK} {}", body.replace("ities", "ites")), None);
    let found = found(Service::Port, misspelled);
    assert!([0, 2].contains(&found.len()), "{found:#?}");
}

#[test]
fn answers_of_port() {
    let answered = |answer: Answer| {
        let request = format!(r#"{BULK} {{"entities": [{{"identifier": "a"}}]}}"#);
        exchange(&request, Some(answer))
    };
    let table = r#"
        207 {"ok": true, "errors": [], "entities": [{"identifier": "a", "index": 0, "created": true, "additionalData": {"x": 1}}]} =>
        200 {"ok": true, "errors": [], "entities": [{"identifier": "a", "index": "0", "created": true}]} => /entities/0/index
        200 {"ok": true, "entities": []} => "errors"
        404 {"ok": false, "error": "e", "message": "m"} =>
        429 {"ok": false, "error": "e", "message": "m"} =>
        429 {"error": "e", "message": "m"} => "ok" is a required property
        418 {"ok": false, "error": "e", "message": "m"} => status 418 is not documented
    "#;
    expect_all(Service::Port, table, |line| answered(answer(line)));
    let fault = Some("answer");
    let struck = Exchange {
        fault,
        ..answered(Answer::status(418))
    };
    expect(Service::Port, struck, "");
    let text = answered(Answer::text(200, "text/html", "x"));
    expect(Service::Port, text, "`text/html` is not documented");
}

/// An answer, `STATUS BODY`.
fn answer(line: &str) -> Answer {
    let (status, body) = line.split_once(' ').unwrap();
    let body = body.to_owned();
    Answer::text(status.parse().unwrap(), "application/json", body)
}

#[test]
fn github_over_rest() {
    let table = "
        GET /repos/o/r/compare/a...b?per_page=1 =>
        GET /api/v3/repos/o/r/compare/a...b =>
        GET /repos/o/r/branches/a/b =>
        GET /repos/o/r/compare/a...b?per_page=one => `per_page` must not be `one`
        GET /repos/o/r/compare/a...b?perpage=1 => `perpage` is unknown
        GET /repos/o/r/compares/a...b => operation is not documented
    ";
    expect_all(Service::GitHub, table, |request| exchange(request, None));
    let table = r#"
        401 {"message": "m", "documentation_url": "https://docs.github.com", "status": "401"} =>
        418 {"message": "m", "documentation_url": "https://docs.github.com", "status": "401"} => status 418 is not documented
        404 {"massage": "m"} => 'massage'
        200 {"content": "", "encoding": "base64", "url": "https://example.com", "sha": "a", "node_id": "a", "size": null} =>
        200 {"content": "", "encoding": "base64", "url": "https://example.com", "sha": "a", "node_id": "a", "size": "1"} => /size
    "#;
    expect_all(Service::GitHub, table, |line| {
        exchange("GET /repos/o/r/git/blobs/a", Some(answer(line)))
    });
}

const QUERY: &str = "query($owner: String!, $oid: GitObjectID!) { repository(owner: $owner, \
    name: \"n\") { object(oid: $oid) { ... on Blob { text byteSize } } } }";

fn graphql(query: &str, variables: &Value, data: Option<Value>) -> Exchange {
    let answer = data.map(|data| Answer::json(200, &json!({ "data": data })));
    let body = json!({"query": query, "variables": variables});
    exchange(&format!("POST /graphql {body}"), answer)
}

#[test]
fn graphql_queries() {
    let right = json!({"owner": "o", "oid": "a"});
    for (query, variables, wanted) in [
        (QUERY, right.clone(), ""),
        (
            &QUERY.replace("byteSize", "byteSise"),
            right.clone(),
            "byteSise",
        ),
        (&QUERY.replace("String!", "Int!"), right, "owner"),
        (QUERY, json!({"owner": "o"}), "oid"),
        (QUERY, json!({"owner": 1, "oid": "a"}), "owner"),
        (
            QUERY,
            json!({"owner": "o", "oid": "a", "x": 1}),
            "variable `x` is not declared",
        ),
    ] {
        expect(Service::GitHub, graphql(query, &variables, None), wanted);
    }
}

#[test]
fn graphql_answers() {
    let table = r#"
        {"text": null, "byteSize": 1} =>
        {} =>
        null =>
        [] => data.repository.object must be an object
        {"text": "a", "byteSize": null} => byteSize must not be null
        {"text": "a", "byteSize": "1"} => byteSize must be a Int
        {"text": "a", "byteSize": 1, "oid": "a"} => oid was not asked for
    "#;
    expect_all(Service::GitHub, table, |object| {
        let object: Value = serde_json::from_str(object).unwrap();
        let data = Some(json!({"repository": {"object": object}}));
        graphql(QUERY, &json!({"owner": "o", "oid": "a"}), data)
    });
}
