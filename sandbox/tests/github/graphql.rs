//! The GraphQL API.

use port_gitops_sandbox::github::Edition;
use port_gitops_sandbox::{ObjectFormat, Switch, TestRepository};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{World, send};

/// What is asked of the repository, with variables `$head` and `$path`; with `$probe` also for the
/// file there.
async fn ask(world: &World, fields: &str, variables: Value) -> Value {
    let query = format!(
        "query($head: GitObjectID, $path: String = \"\", $probe: Boolean = false) {{
            repository(owner: \"octo-org\", name: \"catalog\") {{ 
                probe: object(oid: $head) {{ ... on Commit {{ file(path: $path) @include(if: $probe) {{ name }} }} }} 
                {fields} 
            }} 
        }}"
    );
    let body = world.graphql(&query, variables).await;
    assert_eq!(body.get("errors"), None, "{body}");
    body["data"]["repository"].clone()
}

#[tokio::test]
async fn contents_of_many_files_with_aliases_variables_and_fragments() {
    let world = World::new();
    let git = &world.repository;
    let base = git.write("a.yml", "a: 1\n").commit("base").unwrap();
    git.write("a.yml", "a: ä\n")
        .write("deep/b.yml", "b")
        .set_executable("deep/b.yml");
    let head = git
        .symlink("link", "a.yml")
        .submodule("module", &"1".repeat(40))
        .commit("head")
        .unwrap();
    let query = "
        query($base: GitObjectID!, $head: GitObjectID!, $p0: String!, $p1: String!) {
          repository(owner: \"octo-org\", name: \"catalog\") {
            base: object(oid: $base) { ...files }
            head: object(oid: $head) { ...files ... on Commit {
                link: file(path: \"link\") { mode type object { __typename oid } }
                module: file(path: \"module\") { mode type size oid object { oid } }
                folder: file(path: \"deep\") { mode type size path object { __typename ... on Tree { entries { name mode } } } }
                none: file(path: \"a.yml/x\") { mode }
            } }
          }
        }
        fragment files on Commit {
          f0: file(path: $p0) { ...entry }
          f1: file(path: $p1) { ...entry }
        }
        fragment entry on TreeEntry {
          mode oid path name type size object { ... on Blob { text isBinary isTruncated byteSize } }
        }";
    let variables =
        json!({"base": base.as_str(), "head": head.as_str(), "p0": "a.yml", "p1": "deep/b.yml"});
    let body = world.graphql(query, variables).await;
    // What is not there is null, and an error beside it.
    let errors = body["errors"].as_array().unwrap().iter();
    let errors: Vec<_> = errors
        .map(|error| json!([error["type"], error["path"], error["message"]]))
        .collect();
    let missing = |path: &str| format!("Could not resolve file for path '{path}'.");
    assert_eq!(
        errors,
        [
            json!([
                "NOT_FOUND",
                ["repository", "base", "f1"],
                missing("deep/b.yml")
            ]),
            json!([
                "NOT_FOUND",
                ["repository", "head", "none"],
                missing("a.yml/x")
            ]),
        ]
    );
    let data = &body["data"]["repository"];
    assert_eq!(data["base"]["f1"], Value::Null);
    assert_eq!(data["base"]["f0"]["object"]["text"], "a: 1\n");
    let a = &data["head"]["f0"];
    assert_eq!(
        (&a["mode"], &a["size"], &a["type"]),
        (&json!(33188), &json!(6), &json!("blob"))
    );
    assert_eq!(
        a["object"],
        json!({"text": "a: ä\n", "isBinary": false, "isTruncated": false, "byteSize": 6})
    );
    let b = &data["head"]["f1"];
    assert_eq!(
        (&b["mode"], &b["name"], &b["path"]),
        (&json!(33261), &json!("b.yml"), &json!("deep/b.yml"))
    );
    let link = &data["head"]["link"];
    assert_eq!(
        (&link["mode"], &link["object"]["__typename"]),
        (&json!(40960), &json!("Blob"))
    );
    let module =
        json!({"mode": 57344, "type": "commit", "size": 0, "oid": "1".repeat(40), "object": null});
    assert_eq!(data["head"]["module"], module);
    let folder = &data["head"]["folder"];
    assert_eq!(
        (&folder["mode"], &folder["type"], &folder["size"]),
        (&json!(16384), &json!("tree"), &json!(0))
    );
    let entries = json!([{"name": "b.yml", "mode": 33261}]);
    assert_eq!(
        folder["object"],
        json!({"__typename": "Tree", "entries": entries})
    );
    assert_eq!(data["head"]["none"], Value::Null);
}

#[tokio::test]
async fn binary_and_large_blobs() {
    let world = World::new();
    let git = &world.repository;
    git.write_bytes("binary", b"a\0b")
        .write_bytes("latin", b"caf\xe9\n");
    git.write("limit", &"x".repeat(512_000))
        .write("large", &format!("{}ä", "x".repeat(511_999)));
    git.write("empty", "").commit("one").unwrap();
    let fields = "
        binary: object(expression: \"main:binary\") { ...blob }
        latin: object(expression: \"main:latin\") { ...blob }
        limit: object(expression: \"main:limit\") { ...blob }
        large: object(expression: \"HEAD:large\") { ...blob }
        empty: object(expression: \"main:empty\") { ...blob }";
    let query = format!(
        "{{ repository(owner: \"octo-org\", name: \"catalog\") {{ {fields} }} }}
         fragment blob on GitObject {{ oid ... on Blob {{ text isBinary isTruncated byteSize }} }}"
    );
    let body = world.graphql(&query, json!({})).await;
    let data = &body["data"]["repository"];
    let facts = |name: &str| {
        let blob = &data[name];
        (
            blob["isBinary"].as_bool(),
            blob["isTruncated"].as_bool(),
            blob["byteSize"].as_u64(),
        )
    };
    assert_eq!(facts("binary"), (Some(true), Some(false), Some(3)));
    assert_eq!(data["binary"]["text"], Value::Null);
    assert_eq!(facts("latin"), (Some(false), Some(false), Some(5)));
    assert_eq!(data["latin"]["text"], "caf\u{fffd}\n");
    assert_eq!(facts("limit"), (Some(false), Some(false), Some(512_000)));
    assert_eq!(data["limit"]["text"].as_str().unwrap().len(), 512_000);
    assert_eq!(facts("large"), (Some(false), Some(true), Some(512_001)));
    assert_eq!(
        data["large"]["text"].as_str().unwrap().len(),
        511_999,
        "no half character"
    );
    assert_eq!(data["empty"]["text"], "");

    world.github.set_text_limit(4);
    let cut = ask(
        &world,
        "object(expression: \"main:limit\") { ... on Blob { text isTruncated } }",
        json!({}),
    )
    .await;
    assert_eq!(cut["object"], json!({"text": "xxxx", "isTruncated": true}));
}

#[tokio::test]
async fn objects_and_references() {
    let world = World::new();
    let git = &world.repository;
    let one = git.write("a", "1").commit("one").unwrap();
    git.tag("v1", &one).unwrap();
    git.create_branch("feature/x").unwrap();
    let two = git.write("a", "2").commit("two\n\nbody").unwrap();
    let fields = "
        known: object(oid: $head) { __typename oid abbreviatedOid ... on Commit {
            message messageHeadline committedDate tree { oid } } }
        unknown: object(oid: \"1111111111111111111111111111111111111111\") { oid }
        expression: object(expression: \"feature/x~1\") { oid }
        nothing: object(expression: \"none\") { oid }
        defaultBranchRef { name prefix target { oid } }
        full: ref(qualifiedName: \"refs/heads/feature/x\") { name target { ... on Commit { oid } } }
        short: ref(qualifiedName: \"feature/x\") { name }
        tag: ref(qualifiedName: \"v1\") { name prefix }
        none: ref(qualifiedName: \"nope\") { name }
        nameWithOwner";
    let data = ask(&world, fields, json!({"head": two.as_str()})).await;
    let known = &data["known"];
    assert_eq!(
        (&known["__typename"], &known["oid"]),
        (&json!("Commit"), &json!(two.as_str()))
    );
    assert_eq!(
        (&known["message"], &known["messageHeadline"]),
        (&json!("two\n\nbody"), &json!("two"))
    );
    assert_eq!(known["committedDate"], "2026-01-01T00:01:00Z");
    assert_eq!(
        (&data["unknown"], &data["nothing"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(data["expression"]["oid"], one.as_str());
    let main = json!({"name": "main", "prefix": "refs/heads/", "target": {"oid": one.as_str()}});
    assert_eq!(data["defaultBranchRef"], main);
    assert_eq!(
        data["full"],
        json!({"name": "feature/x", "target": {"oid": two.as_str()}})
    );
    assert_eq!(data["short"]["name"], "feature/x");
    assert_eq!(data["tag"], json!({"name": "v1", "prefix": "refs/tags/"}));
    assert_eq!(data["none"], Value::Null);
    assert_eq!(data["nameWithOwner"], "octo-org/catalog");
}

#[tokio::test]
async fn errors_come_with_status_200() {
    let world = World::new();
    world.repository.write("a", "1").commit("one").unwrap();
    let unknown = world
        .graphql(
            "{ repository(owner: \"octo-org\", name: \"other\") { name } }",
            json!({}),
        )
        .await;
    assert_eq!(unknown["data"], json!({"repository": null}));
    let error = &unknown["errors"][0];
    assert_eq!(
        (&error["type"], &error["path"]),
        (&json!("NOT_FOUND"), &json!(["repository"]))
    );
    assert_eq!(
        error["message"],
        "Could not resolve to a Repository with the name 'octo-org/other'."
    );
    assert!(error["locations"][0]["line"].is_u64());
    assert_eq!(error.get("extensions"), None);

    for query in [
        "{ nothing }",
        "{",
        "{ repository(owner: 1, name: \"x\") { name } }",
        "{ repository(owner: \"octo-org\", name: \"catalog\") { object(oid: \"main\") { oid } } }",
    ] {
        let body = world.graphql(query, json!({})).await;
        assert!(!body["errors"].as_array().unwrap().is_empty(), "{query}");
        assert_eq!(body.get("data"), None, "{query}");
    }
    let query = "query($id: GitObjectID!) { repository(owner: \"octo-org\", name: \"catalog\") {
        object(oid: $id) { oid } } }";
    let body = world.graphql(query, json!({"id": "main"})).await;
    assert!(!body["errors"].as_array().unwrap().is_empty());
    let broken = world
        .request(Method::POST, &world.github.graphql_url())
        .body("{");
    assert_eq!(send(broken).await.refused(400), "Problems parsing JSON");
}

#[tokio::test]
async fn a_former_name_is_followed() {
    let world = World::new();
    world.github.set_former_name("octo-org/old");
    let body = world
        .graphql(
            "{ repository(owner: \"octo-org\", name: \"old\") { nameWithOwner } }",
            json!({}),
        )
        .await;
    assert_eq!(
        body["data"]["repository"]["nameWithOwner"],
        "octo-org/catalog"
    );
}

#[tokio::test]
async fn sha256_ids_are_taken() {
    let repository = TestRepository::create("main", ObjectFormat::Sha256).unwrap();
    let world = World::of(repository, Edition::Cloud);
    let head = world.repository.write("a/b", "1").commit("one").unwrap();
    let data = ask(
        &world,
        "defaultBranchRef { target { oid } }",
        json!({"head": head.as_str(), "path": "a/b", "probe": true}),
    )
    .await;
    assert_eq!(data["defaultBranchRef"]["target"]["oid"], head.as_str());
    assert_eq!(data["probe"]["file"]["name"], "b");
    world
        .get(&format!("/git/trees/{head}?recursive=1"))
        .await
        .ok();
}

#[tokio::test]
async fn objects_that_nothing_reaches_can_be_hidden() {
    let world = World::new();
    let git = &world.repository;
    let kept = git.write("a", "kept").commit("one").unwrap();
    let commit = git.write("a", "lost").commit("two").unwrap();
    let tree = world.get("/git/trees/main").await.ok();
    let blob = tree["tree"][0]["sha"].as_str().unwrap().to_owned();
    let query = "query ($blob: GitObjectID!, $path: String!) { \
        repository(owner: \"octo-org\", name: \"catalog\") { \
        byId: object(oid: $blob) { oid } byPath: object(expression: $path) { oid } } }";
    let variables = json!({"blob": blob, "path": format!("{commit}:a")});
    let ask = || world.graphql(query, variables.clone());
    world.github.turn_on(Switch::GraphQlHidesUnreachable);
    let shown = json!({"byId": {"oid": blob}, "byPath": {"oid": blob}});
    assert_eq!(ask().await["data"]["repository"], shown);

    git.reset_hard(&kept).unwrap();
    let hidden = json!({"byId": null, "byPath": null});
    assert_eq!(ask().await["data"]["repository"], hidden);
    let rest = world.get(&format!("/git/blobs/{blob}")).await.ok();
    assert_eq!(rest["size"], 4);
    world.github.turn_off(Switch::GraphQlHidesUnreachable);
    assert_eq!(ask().await["data"]["repository"], shown);
}
