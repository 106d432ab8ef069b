//! The repository, its references and its commits.

use port_gitops_sandbox::github::Edition;
use port_gitops_sandbox::{ObjectFormat, Sandbox, TestRepository};
use reqwest::Method;
use serde_json::json;

use crate::client::{World, send};

#[tokio::test]
async fn the_repository_has_its_name_and_default_branch() {
    let repository = TestRepository::create("trunk", ObjectFormat::Sha1).unwrap();
    let world = World::of(repository, Edition::Cloud);
    let body = world.get("").await.ok();
    assert_eq!(body["full_name"], "octo-org/catalog");
    assert_eq!(
        (&body["name"], &body["owner"]["login"]),
        (&json!("catalog"), &json!("octo-org"))
    );
    assert_eq!(body["default_branch"], "trunk");
    world.repository.set_default_branch("main").unwrap();
    assert_eq!(world.get("").await.ok()["default_branch"], "main");
}

#[tokio::test]
async fn other_repositories_and_routes_are_not_found() {
    let world = World::new();
    let other = format!("{}/repos/octo-org/other", world.github.url());
    assert_eq!(
        send(world.request(Method::GET, &other)).await.refused(404),
        "Not Found"
    );
    world.get("/nothing").await.refused(404);
    world.send(Method::DELETE, "", json!({})).await.refused(404);
    let cased = format!("{}/repos/Octo-Org/CATALOG", world.github.url());
    send(world.request(Method::GET, &cased)).await.ok();
    world.github.set_full_name("someone/else");
    world.get("").await.refused(404);
    let renamed = format!("{}/repos/someone/else", world.github.url());
    assert_eq!(
        send(world.request(Method::GET, &renamed)).await.ok()["full_name"],
        "someone/else"
    );
}

#[tokio::test]
async fn a_former_name_is_redirected() {
    let world = World::new();
    let head = world.repository.write("a", "1").commit("one").unwrap();
    world.github.set_former_name("octo-org/old");
    let base = world.github.url();
    let old = format!("{base}/repos/octo-org/old/commits/heads%2Fmain?per_page=1");
    let reply = send(world.request(Method::GET, &old)).await;
    assert_eq!(reply.status, 301);
    assert_eq!(reply.json()["message"], "Moved Permanently");
    let location = reply.header("location").unwrap();
    assert_eq!(
        location,
        format!("{base}/repositories/1296269/commits/heads%2Fmain?per_page=1")
    );
    assert_eq!(
        send(world.request(Method::GET, location)).await.ok()["sha"],
        head.as_str()
    );

    let comments = format!("{base}/repos/octo-org/old/issues/7/comments");
    let request = world
        .request(Method::POST, &comments)
        .json(&json!({"body": "plan"}));
    let reply = send(request).await;
    assert_eq!(reply.status, 307);
    assert!(world.github.comments(7).is_empty());
    let root = format!("{base}/repos/octo-org/old");
    let reply = send(world.request(Method::GET, &root)).await;
    assert_eq!(
        reply.header("location"),
        Some(format!("{base}/repositories/1296269").as_str())
    );
}

#[tokio::test]
async fn references_branches_and_tags() {
    let world = World::new();
    let git = &world.repository;
    let one = git.write("a", "1").commit("one").unwrap();
    git.tag("v1", &one).unwrap();
    git.create_branch("feature/ü").unwrap();
    let two = git.write("a", "2").commit("two").unwrap();

    let reference = world.get("/git/ref/heads/main").await.ok();
    assert_eq!(reference["ref"], "refs/heads/main");
    assert_eq!(reference["object"]["sha"], one.as_str());
    assert_eq!(reference["object"]["type"], "commit");
    assert_eq!(
        world.get("/git/ref/tags/v1").await.ok()["object"]["sha"],
        one.as_str()
    );
    for path in [
        "/git/ref/heads/feature/%C3%BC",
        "/git/ref/heads%2Ffeature%2F%C3%BC",
    ] {
        assert_eq!(world.get(path).await.ok()["object"]["sha"], two.as_str());
    }
    world.get("/git/ref/heads/feature").await.refused(404);
    world.get("/git/ref/main").await.refused(404);

    let branch = world.get("/branches/feature%2F%C3%BC").await.ok();
    assert_eq!(
        (&branch["name"], &branch["commit"]["sha"]),
        (&json!("feature/ü"), &json!(two.as_str()))
    );
    assert_eq!(
        world.get("/branches/v1").await.refused(404),
        "Branch not found"
    );

    git.reset_hard(&one).unwrap();
    let moved = world.get("/branches/feature/%C3%BC").await.ok();
    assert_eq!(
        moved["commit"]["sha"],
        one.as_str(),
        "a force-push shows at once"
    );
}

#[tokio::test]
async fn commits_by_any_name() {
    let world = World::new();
    let git = &world.repository;
    let one = git.write("a", "1\n").commit("one").unwrap();
    let two = git.write("b", "1\n2\n").commit("two").unwrap();
    git.tag("v1", &one).unwrap();
    git.create_branch("release/status").unwrap();
    for name in [
        "main",
        "heads/main",
        "refs/heads/main",
        &two,
        &two[..7],
        "HEAD",
        "release%2Fstatus",
    ] {
        let body = world.get(&format!("/commits/{name}")).await.ok();
        assert_eq!(body["sha"], two.as_str(), "{name}");
        assert_eq!(body["parents"][0]["sha"], one.as_str());
        assert_eq!(body["files"][0]["filename"], "b");
        assert_eq!(body["stats"]["total"], 2);
        assert_eq!(body["commit"]["committer"]["date"], "2026-01-01T00:01:00Z");
    }
    let root = world.get("/commits/tags/v1").await.ok();
    assert_eq!(root["files"][0]["status"], "added");
    let short = world
        .get_as("/commits/main", "application/vnd.github.sha")
        .await;
    assert_eq!(short.text, two.as_str());
    for name in ["none", "main~1", "..", &"1".repeat(40), &two[..5]] {
        let message = world
            .get(&format!("/commits/{}", name.replace("..", "%2E%2Ex")))
            .await
            .refused(422);
        assert!(
            message.starts_with("No commit found for SHA: "),
            "{message}"
        );
    }
    let commit = world.get(&format!("/git/commits/{two}")).await.ok();
    assert_eq!(
        (&commit["message"], &commit["parents"][0]["sha"]),
        (&json!("two"), &json!(one.as_str()))
    );
    world.get("/git/commits/main").await.refused(404);
    let tree = commit["tree"]["sha"].as_str().unwrap();
    world
        .get(&format!("/git/commits/{tree}"))
        .await
        .refused(404);
}

#[tokio::test]
async fn history_is_paged_with_links() {
    let world = World::new();
    for number in 1..=5 {
        world.repository.commit(&number.to_string()).unwrap();
    }
    let reply = world.get("/commits?sha=main&per_page=2&page=2").await;
    let messages: Vec<_> = reply
        .ok()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["commit"]["message"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(messages, ["3", "2"]);
    let base = world.url("/commits");
    let link = |page: u32, relation: &str| {
        format!("<{base}?sha=main&per_page=2&page={page}>; rel=\"{relation}\"")
    };
    let links = [
        link(1, "prev"),
        link(3, "next"),
        link(3, "last"),
        link(1, "first"),
    ]
    .join(", ");
    assert_eq!(reply.header("link"), Some(links.as_str()));
    assert_eq!(world.get("/commits").await.header("link"), None);
}

#[tokio::test]
async fn an_empty_repository_is_a_conflict() {
    let world = World::new();
    for path in ["/commits", "/commits/main", "/git/trees/main"] {
        assert_eq!(
            world.get(path).await.refused(409),
            "Git Repository is empty."
        );
    }
}

#[tokio::test]
async fn enterprise_server_has_other_addresses() {
    let world = World::of(TestRepository::new().unwrap(), Edition::EnterpriseServer);
    let head = world.repository.write("a", "1").commit("one").unwrap();
    assert!(world.github.url().ends_with("/api/v3"));
    assert!(world.github.graphql_url().ends_with("/api/graphql"));
    let body = world.get("/branches/main").await.ok();
    assert_eq!(body["commit"]["sha"], head.as_str());
    assert!(
        body["commit"]["url"]
            .as_str()
            .unwrap()
            .starts_with(&world.url("/commits/"))
    );
    let host = world.github.url().replace("/api/v3", "");
    for path in ["/repos/octo-org/catalog", "/graphql", "/api/v3/graphql"] {
        let reply = send(world.request(Method::GET, &format!("{host}{path}"))).await;
        reply.refused(404);
    }
    let data = world
        .graphql(
            "{ repository(owner: \"octo-org\", name: \"catalog\") { name } }",
            json!({}),
        )
        .await;
    assert_eq!(data, json!({"data": {"repository": {"name": "catalog"}}}));
}

#[tokio::test]
async fn an_organization_lists_its_own_repositories() {
    let world = World::new();
    for name in ["octo-org/other", "someone/else"] {
        world.github.add_repository(name, &world.repository);
    }
    let list = |path: &str| {
        let url = format!("{}{path}", world.github.url());
        send(world.request(Method::GET, &url))
    };
    let page = list("/orgs/Octo-Org/repos?per_page=1&page=2").await;
    assert!(page.header("link").unwrap().contains("rel=\"prev\""));
    assert_eq!(page.ok()[0]["full_name"], "octo-org/other");
    list("/orgs/nobody/repos").await.refused(404);
    list("/user/repos").await.refused(403);
}
