//! Tokens, permissions and limits.

use std::time::Duration;

use port_gitops_sandbox::github::{Access, Permission, Resource, Throttle};
use port_gitops_sandbox::{Fault, GitHubSandbox, Matcher, Sandbox};
use reqwest::Method;
use serde_json::json;

use crate::client::{Reply, World, send};
use crate::support;

const QUERY: &str = "{ rateLimit { limit remaining used cost } }";

async fn graphql(world: &World) -> Reply {
    let body = json!({"query": QUERY});
    send(
        world
            .request(Method::POST, &world.github.graphql_url())
            .json(&body),
    )
    .await
}

fn header(reply: &Reply, name: &str) -> u64 {
    reply
        .header(&format!("x-ratelimit-{name}"))
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_token_is_needed() {
    let world = World::new();
    let url = world.url("");
    let none = send(world.bare().get(&url)).await;
    assert_eq!(none.refused(401), "Requires authentication");
    assert_eq!(
        none.header("x-ratelimit-limit"),
        Some("1000"),
        "also on errors"
    );
    for wrong in [
        "Bearer wrong",
        "Basic Z2hzX3NhbmRib3g=",
        "ghs_sandbox",
        "Bearer ",
    ] {
        let reply = send(world.bare().get(&url).header("authorization", wrong)).await;
        assert_eq!(reply.refused(401), "Bad credentials");
    }
    for right in [
        "Bearer ghs_sandbox",
        "token ghs_sandbox",
        "bearer ghs_sandbox",
    ] {
        send(world.bare().get(&url).header("authorization", right))
            .await
            .ok();
    }
    let query = world
        .bare()
        .post(world.github.graphql_url())
        .json(&json!({"query": QUERY}));
    assert_eq!(send(query).await.refused(401), "Requires authentication");
    world.github.set_token("another");
    assert_eq!(world.get("").await.refused(401), "Bad credentials");
}

#[tokio::test]
async fn a_user_agent_is_needed() {
    let world = World::new();
    let client = support::http().build().unwrap();
    let reply = send(client.get(world.url("")).bearer_auth(GitHubSandbox::TOKEN)).await;
    assert_eq!(reply.status, 403);
    assert!(reply.text.contains("administrative rules"));
}

#[tokio::test]
async fn permissions_can_be_taken_away() {
    let world = World::new();
    world.repository.write("a", "1").commit("one").unwrap();
    let accepted = |reply: &Reply| {
        reply
            .header("x-accepted-github-permissions")
            .map(str::to_owned)
    };
    world
        .github
        .set_permission(Permission::Contents, Access::None);
    let refused = world.get("/contents/a").await;
    refused.refused(403);
    assert_eq!(accepted(&refused).as_deref(), Some("contents=read"));
    world.get("").await.ok();

    world
        .github
        .set_permission(Permission::PullRequests, Access::Read);
    world.get("/issues/1/comments").await.ok();
    world
        .send(Method::POST, "/issues/1/comments", json!({"body": "x"}))
        .await
        .refused(403);
    world
        .send(Method::PATCH, "/issues/comments/1", json!({"body": "x"}))
        .await
        .refused(403);
    world
        .github
        .set_permission(Permission::PullRequests, Access::None);
    world.get("/issues/1/comments").await.refused(403);
}

#[tokio::test]
async fn every_answer_tells_the_budget() {
    let world = World::new();
    let first = world.get("").await;
    assert_eq!(first.header("x-ratelimit-resource"), Some("core"));
    assert_eq!(
        (header(&first, "limit"), header(&first, "remaining")),
        (1000, 999)
    );
    let second = world.get("/nothing").await;
    assert_eq!(
        (header(&second, "used"), header(&second, "remaining")),
        (2, 998)
    );
    assert_eq!(header(&second, "reset"), header(&first, "reset"));
    let query = graphql(&world).await;
    assert_eq!(query.header("x-ratelimit-resource"), Some("graphql"));
    assert_eq!(header(&query, "remaining"), 999, "a budget of its own");
    let inside = json!({"limit": 1000, "remaining": 999, "used": 1, "cost": 1});
    assert_eq!(query.ok(), json!({"data": {"rateLimit": inside}}));

    let url = format!("{}/rate_limit", world.github.url());
    let overview = send(world.request(Method::GET, &url)).await;
    assert_eq!(header(&overview, "used"), 2, "asking costs nothing");
    let body = overview.ok();
    assert_eq!(body["resources"]["core"]["remaining"], 998);
    assert_eq!(body["resources"]["graphql"]["used"], 1);
    assert_eq!(body["rate"], body["resources"]["core"]);
}

#[tokio::test]
async fn a_budget_is_used_up_and_renewed() {
    let world = World::new();
    world
        .github
        .set_budget(Resource::Core, 1, Duration::from_secs(2));
    assert_eq!(header(&world.get("").await, "remaining"), 0);
    let refused = world.get("").await;
    assert!(refused.refused(403).starts_with("API rate limit exceeded"));
    assert_eq!(
        (header(&refused, "remaining"), header(&refused, "used")),
        (0, 1000)
    );
    assert_eq!(refused.header("retry-after"), None);
    assert!(graphql(&world).await.ok().get("errors").is_none());
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(header(&world.get("").await, "remaining"), 999);

    world
        .github
        .set_budget(Resource::Graphql, 0, Duration::from_secs(60));
    let refused = graphql(&world).await;
    assert_eq!(header(&refused, "remaining"), 0);
    assert_eq!(refused.ok()["errors"][0]["type"], "RATE_LIMITED");
    world.get("").await.ok();
}

#[tokio::test]
async fn secondary_limits_come_with_or_without_a_wait() {
    let world = World::new();
    let wait = Some(Duration::from_secs(7));
    world
        .github
        .throttle(Throttle::Secondary { retry_after: wait }, 1);
    world
        .github
        .throttle(Throttle::Secondary { retry_after: None }, 2);
    let refused = world.get("").await;
    assert!(
        refused
            .refused(403)
            .starts_with("You have exceeded a secondary rate limit")
    );
    assert_eq!(refused.header("retry-after"), Some("7"));
    assert_eq!(
        header(&refused, "remaining"),
        1000,
        "the budget is not touched"
    );
    let refused = world.get("").await;
    refused.refused(403);
    assert_eq!(refused.header("retry-after"), None);
    graphql(&world).await.refused(403);
    world.get("").await.ok();
}

#[tokio::test]
async fn graphql_is_limited_with_status_200() {
    let world = World::new();
    world.github.throttle(Throttle::GraphqlRateLimited, 1);
    world.get("").await.ok();
    let limited = graphql(&world).await.ok();
    assert_eq!(limited["errors"][0]["type"], "RATE_LIMITED");
    assert_eq!(limited.get("data"), None);
    assert_eq!(graphql(&world).await.ok()["data"]["rateLimit"]["cost"], 1);
}

#[tokio::test]
async fn requests_are_kept_and_faults_strike() {
    let world = World::new();
    world
        .github
        .inject(Fault::status(502).on("GET", "/repos/*/branches/*"));
    assert_eq!(world.get("/branches/main").await.status, 502);
    assert_eq!(
        world.get("/branches/main").await.refused(404),
        "Branch not found"
    );
    assert_eq!(world.github.pending_faults(), 0);
    let kept = world
        .github
        .requests(&Matcher::new("GET", "*/branches/main"));
    let statuses: Vec<_> = kept.iter().map(|exchange| exchange.status()).collect();
    assert_eq!(statuses, [Some(502), Some(404)]);
}
