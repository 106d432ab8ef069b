//! The GitHub sandbox, asked over HTTP: what it refuses, which a correct client never meets. What
//! it does with correct requests is shown by the action's own tests (`tests/github_room`,
//! `tests/end_to_end`).

#![cfg(test)]

mod support;

use std::time::Duration;

use port_gitops_contract::{Extent, check_github};
use port_gitops_sandbox::github::{Access, Edition, Permission, Resource, Throttle};
use port_gitops_sandbox::{Answer, GitHubSandbox, Sandbox, Switch, TestRepository};
use serde_json::{Value, json};

struct World {
    repository: TestRepository,
    github: GitHubSandbox,
    client: reqwest::Client,
}

impl World {
    fn new() -> Self {
        Self::of(Edition::Cloud)
    }

    fn of(edition: Edition) -> Self {
        let repository = TestRepository::new().unwrap();
        let redirect = reqwest::redirect::Policy::none();
        let client = support::http()
            .user_agent("sandbox-tests")
            .redirect(redirect);
        Self {
            github: GitHubSandbox::start_on("127.0.0.1:0", edition, &repository).unwrap(),
            client: client.build().unwrap(),
            repository,
        }
    }

    /// Sends the requests of a table in their order. See [`support::Row`]. A path that begins with
    /// `./` is below `/repos/octo-org/catalog/`.
    async fn answers(&self, table: &str) {
        self.answers_to(&format!("Bearer {}", GitHubSandbox::TOKEN), table)
            .await;
    }

    async fn answers_to(&self, authorization: &str, table: &str) {
        for row in support::rows(table) {
            let path = row.path.replace("./", "/repos/octo-org/catalog/");
            let url = format!("{}{path}", self.github.server().url());
            let mut request = self.client.request(row.method.clone(), url);
            if !authorization.is_empty() {
                request = request.header("authorization", authorization);
            }
            let request = request.body(row.body.unwrap_or_default().to_owned());
            let response = request.send().await.unwrap();
            row.check(response.status().as_u16(), &response.text().await.unwrap());
        }
    }

    /// The last answer.
    fn told(&self) -> Answer {
        self.github.journal().pop().unwrap().answer.unwrap()
    }
}

/// Every answer of every test has to be one that GitHub's specifications allow.
impl Drop for World {
    fn drop(&mut self) {
        check_github(&self.github, Extent::Answers);
    }
}

const QUERY: &str = r#"POST /graphql {"query": "{ repository(owner: \"octo-org\", name: \"catalog\") { nameWithOwner } }"}"#;

#[tokio::test]
async fn a_token_and_a_name_are_needed() {
    let world = World::new();
    for (authorization, answer) in [
        ("", "401 Requires authentication"),
        ("Bearer wrong", "401 Bad credentials"),
        ("Basic Z2hzX3NhbmRib3g=", "401 Bad credentials"),
        ("ghs_sandbox", "401 Bad credentials"),
        ("Bearer ghs_sandbox", "200"),
        ("token ghs_sandbox", "200"),
    ] {
        let table = format!("GET /repos/octo-org/catalog -> {answer}\n{QUERY} -> {answer}");
        world.answers_to(authorization, &table).await;
    }
    world.github.set_token("another");
    world
        .answers("GET /repos/octo-org/catalog -> 401 Bad credentials")
        .await;
    // Another kind of token than that of an app's installation.
    world
        .answers_to(
            "Bearer another",
            "GET /installation/repositories -> 403\nGET /user/repos -> 200",
        )
        .await;
    let nameless = support::http().build().unwrap();
    let answer = nameless.get(world.github.url()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
}

#[tokio::test]
async fn enterprise_server_has_other_addresses() {
    let world = World::of(Edition::EnterpriseServer);
    let query = |path: &str| QUERY.replace("/graphql", path);
    let table = format!(
        "GET /api/v3/repos/octo-org/catalog -> 200\nGET /repos/octo-org/catalog -> 404 Not Found\n\
         {} -> 200\n{} -> 404\n{} -> 404",
        query("/api/graphql"),
        query("/graphql"),
        query("/api/v3/graphql"),
    );
    world.answers(&table).await;
}

#[tokio::test]
async fn what_is_not_there() {
    let world = World::new();
    let git = &world.repository;
    let one = git.write("a", "1").commit("one").unwrap();
    git.create_branch("feature/ü").unwrap();
    git.write("a", "2").commit("two").unwrap();
    git.checkout_orphan("other");
    let empty = git.commit("nothing").unwrap();
    let (gone, zeros) = ("1".repeat(40), git.zero_id());
    let table = format!(
        r#"
        GET /repos/octo-org/other -> 404 Not Found
        GET /repos/Octo-Org/CATALOG -> 200
        GET ./nothing -> 404 Not Found
        DELETE /repos/octo-org/catalog -> 404 Not Found
        GET ./git/ref/heads/feature/%C3%BC -> 200
        GET ./git/ref/heads%2Ffeature%2F%C3%BC -> 200
        GET ./git/ref/heads/feature -> 404 Not Found
        GET ./git/ref/main -> 404 Not Found
        GET ./git/commits/main -> 404 Not Found
        GET ./git/commits/{gone} -> 404 Not Found
        GET ./git/trees/{one} -> 200
        GET ./git/trees/{gone} -> 404 Not Found
        GET ./git/trees/{empty} -> 404 Not Found
        GET ./git/blobs/{gone} -> 404 Not Found
        GET ./git/blobs/{one} -> 404 Not Found
        GET ./git/blobs/main -> 422 exactly 40 characters
        GET ./compare/main...feature/ü?per_page=1 -> 200 "status":"ahead"
        GET ./compare/main...feature%2F%C3%BC?per_page=1 -> 200 "ahead_by":1
        GET ./compare/main...{empty} -> 404 No common ancestor between main and
        GET ./compare/{zeros}...main -> 404 Not Found
        GET ./compare/main...{gone} -> 404 Not Found
        GET ./compare/main...none -> 404 Not Found
        GET ./compare/main -> 404 Not Found
        GET ./compare/main~1...main -> 404 Not Found
        "#
    );
    world.answers(&table).await;
    world.github.set_full_name("someone/else");
    world
        .answers("GET /repos/octo-org/catalog -> 404\nGET /repos/someone/else -> 200")
        .await;
}

#[tokio::test]
async fn a_comparison_has_pages_of_commits_and_300_files() {
    let world = World::new();
    let git = &world.repository;
    let base = git.write("a gone file", "1").commit("base").unwrap();
    let blob = "56a6051ca2b02b04ef92d5150c9ef600403cb1de";
    git.remove("a gone file");
    for number in 0..301 {
        git.write(&format!("f{number:03}"), "");
    }
    for message in ["one", "two", "three"] {
        git.commit(message).unwrap();
    }
    for (page, messages) in [(1, &["one", "two"][..]), (2, &["three"]), (3, &[])] {
        let row = format!("GET ./compare/{base}...main?per_page=2&page={page} -> 200");
        world.answers(&row).await;
        let body = world.told().body_json().unwrap();
        let commits = body["commits"].as_array().unwrap().iter();
        let found: Vec<_> = commits.map(|one| &one["commit"]["message"]).collect();
        assert_eq!(found, messages);
        let files = body["files"].as_array().map(Vec::len);
        assert_eq!(files, (page == 1).then_some(300));
        if page == 1 {
            assert_eq!(body["files"][0]["sha"], blob, "that of base");
        }
    }
}

#[tokio::test]
async fn comments() {
    let world = World::new();
    let human = world.github.add_comment(7, "octocat", "LGTM");
    let (most, too_many) = ("x".repeat(65_536), "x".repeat(65_537));
    let table = format!(
        r#"
        POST ./issues/7/comments {{"body": "plan"}} -> 201 "github-actions[bot]"
        POST ./issues/8/comments {{"body": "{most}"}} -> 201
        POST ./issues/7/comments {{"body": "{too_many}"}} -> 422 body is too long
        POST ./issues/7/comments {{"body": ""}} -> 422 can't be blank
        POST ./issues/7/comments {{}} -> 422 Invalid request
        POST ./issues/7/comments {{ -> 400 Problems parsing JSON
        PATCH ./issues/comments/999 {{"body": "x"}} -> 404
        GET ./issues/x/comments -> 404
        GET ./issues/7/comments?per_page=1&page=2 -> 200 "body":"plan"
        GET ./issues/7/comments?per_page=1 -> 200 "id":{human}
        "#
    );
    world.answers(&table).await;
    let link = world.told().header("link").unwrap().to_owned();
    let url = format!(
        "{}/repos/octo-org/catalog/issues/7/comments",
        world.github.url()
    );
    let page = |relation| format!("<{url}?per_page=1&page=2>; rel=\"{relation}\"");
    assert_eq!(link, format!("{}, {}", page("next"), page("last")));
}

#[tokio::test]
async fn what_the_token_may_not_do() {
    let world = World::new();
    world
        .github
        .set_permission(Permission::Contents, Access::None);
    world
        .github
        .set_permission(Permission::PullRequests, Access::Read);
    world
        .answers(
            r#"
            GET /repos/octo-org/catalog -> 200
            GET ./issues/1/comments -> 200
            POST ./issues/1/comments {"body": "x"} -> 403 Resource not accessible by integration
            PATCH ./issues/comments/1 {"body": "x"} -> 403
            DELETE ./issues/comments/1 -> 403
            GET ./git/ref/heads/main -> 403 Resource not accessible by integration
            GET /user/repos -> 403
            "#,
        )
        .await;
    world
        .github
        .set_permission(Permission::PullRequests, Access::None);
    world.answers("GET ./issues/1/comments -> 403").await;
}

#[tokio::test]
async fn budgets_that_are_used_up() {
    let world = World::new();
    let rest = "GET /repos/octo-org/catalog";
    world
        .github
        .set_budget(Resource::Core, 1, Duration::from_secs(2));
    let table = format!("{rest} -> 200\n{rest} -> 403 API rate limit exceeded\n{QUERY} -> 200");
    world.answers(&table).await;
    tokio::time::sleep(Duration::from_millis(2100)).await;
    world.answers(&format!("{rest} -> 200")).await;
    assert_eq!(world.told().header("x-ratelimit-remaining"), Some("999"));
    world
        .github
        .set_budget(Resource::Graphql, 0, Duration::from_secs(60));
    world
        .answers(&format!("{QUERY} -> 200 RATE_LIMITED\n{rest} -> 200"))
        .await;
    assert_eq!(world.told().header("x-ratelimit-used"), Some("2"));
    // Neither costs any of the budget.
    world.github.throttle(Throttle::GraphqlRateLimited, 1);
    world
        .github
        .throttle(Throttle::Secondary { retry_after: None }, 1);
    world
        .answers(&format!("{rest} -> 403 secondary rate limit"))
        .await;
    assert_eq!(world.told().header("x-ratelimit-used"), Some("2"));
}

#[tokio::test]
async fn queries_that_are_not_valid() {
    let world = World::new();
    for query in [
        "{ nothing }",
        "{",
        "{ repository(owner: 1, name: \"x\") { nameWithOwner } }",
        "{ repository(owner: \"octo-org\", name: \"catalog\") { object(oid: \"main\") { oid } } }",
        "query($ids: [ID!]!) { nodes(ids: $ids) { id } }",
    ] {
        let ids: Vec<_> = (0..101).collect();
        let body = json!({"query": query, "variables": {"ids": ids}});
        world
            .answers(&format!("POST /graphql {body} -> 200 errors"))
            .await;
        let answer = world.told().body_json().unwrap();
        assert_eq!(answer.get("data"), None, "{query}");
    }
    world
        .answers("POST /graphql { -> 400 Problems parsing JSON\nGET /graphql -> 404")
        .await;
}

/// A client that trusts the text alone would not notice what of it is missing.
#[tokio::test]
async fn blobs_that_are_not_given_whole() {
    let world = World::new();
    let git = &world.repository;
    let long = format!("{}ä", "x".repeat(511_999));
    git.write_bytes("binary", b"a\0b").write("long", &long);
    let head = git.write_bytes("latin", b"caf\xe9").commit("one").unwrap();
    world.github.set_former_name("octo-org/old");
    let query = "query($oid: GitObjectID!, $path: String!) { \
        repository(owner: \"octo-org\", name: \"old\") { object(oid: $oid) { \
        ... on Commit { file(path: $path) { object { ... on Blob { text isTruncated byteSize } } } } } } }";
    let blobs = json!([
        ["binary", null, false, 3],
        ["latin", "caf\u{fffd}", false, 4],
        ["long", long[..511_999], true, 512_001],
    ]);
    for blob in blobs.as_array().unwrap() {
        let path = &blob[0];
        let blob = json!({"text": blob[1], "isTruncated": blob[2], "byteSize": blob[3]});
        let body = json!({"query": query, "variables": {"oid": head.as_str(), "path": path}});
        world.answers(&format!("POST /graphql {body} -> 200")).await;
        let answer = world.told().body_json().unwrap();
        let found = &answer["data"]["repository"]["object"]["file"]["object"];
        assert_eq!(*found, blob, "{path}");
    }
    let variables = json!({"oid": head.as_str(), "path": "latin/x"});
    let body = json!({"query": query, "variables": variables});
    let row = format!("POST /graphql {body} -> 200 Could not resolve file for path 'latin/x'.");
    world.answers(&row).await;
    let error = &world.told().body_json().unwrap()["errors"][0];
    let place = json!(["repository", "object", "file"]);
    let expected = (&json!("NOT_FOUND"), &place);
    assert_eq!((&error["type"], &error["path"]), expected);
    // REST breaks lines after 60 characters, and at the end.
    git.write("short", &"x".repeat(90)).commit("two").unwrap();
    let blob = "GET ./git/blobs/2ec9701a2602627bdc77b2865acfcf8d2ef8f5a1 -> 200";
    let line = "eHh4".repeat(15) + "\\n";
    world
        .answers(&format!("{blob} \"content\":\"{line}{line}\""))
        .await;
}

#[tokio::test]
async fn objects_that_nothing_reaches_can_be_hidden() {
    let world = World::new();
    let git = &world.repository;
    let kept = git.write("a", "kept").commit("one").unwrap();
    let lost = git.write("a", "lost").commit("two").unwrap();
    let query = "query($oid: GitObjectID!) { repository(owner: \"octo-org\", name: \"catalog\") { \
        object(oid: $oid) { oid } } }";
    let body = json!({"query": query, "variables": {"oid": lost.as_str()}});
    let shows = async |object: Value| {
        let data = json!({"data": {"repository": {"object": object}}});
        world
            .answers(&format!("POST /graphql {body} -> 200 {data}"))
            .await;
    };
    let shown = json!({"oid": lost.as_str()});
    world.github.turn_on(Switch::GraphQlHidesUnreachable);
    shows(shown.clone()).await;
    git.reset_hard(&kept).unwrap();
    shows(Value::Null).await;
    world
        .answers(&format!("GET ./git/commits/{lost} -> 200"))
        .await;
    world.github.turn_off(Switch::GraphQlHidesUnreachable);
    shows(shown).await;
}
