//! Comments.

use port_gitops_sandbox::Sandbox;
use reqwest::Method;
use serde_json::json;

use crate::client::World;

#[tokio::test]
async fn comments_are_listed_made_and_changed() {
    let world = World::new();
    let human = world.github.add_comment(7, "octocat", "LGTM");
    let made = world
        .send(Method::POST, "/issues/7/comments", json!({"body": "plan"}))
        .await;
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!(
        (&made["body"], &made["user"]["login"]),
        (&json!("plan"), &json!("github-actions[bot]"))
    );
    world
        .send(
            Method::POST,
            "/issues/8/comments",
            json!({"body": "elsewhere"}),
        )
        .await
        .ok();

    let path = format!("/issues/comments/{}", made["id"]);
    let changed = world
        .send(Method::PATCH, &path, json!({"body": "new plan"}))
        .await
        .ok();
    assert_eq!(
        (&changed["id"], &changed["body"]),
        (&made["id"], &json!("new plan"))
    );
    assert_eq!(changed["created_at"], made["created_at"]);
    assert_ne!(changed["updated_at"], made["updated_at"]);

    let list = world.get("/issues/7/comments?per_page=1").await;
    assert_eq!(list.ok()[0]["id"], human);
    assert!(
        list.header("link")
            .unwrap()
            .contains("page=2>; rel=\"next\"")
    );
    let second = world.get("/issues/7/comments?per_page=1&page=2").await.ok();
    assert_eq!(
        (second.as_array().unwrap().len(), &second[0]["body"]),
        (1, &json!("new plan"))
    );
    let bodies: Vec<String> = world
        .github
        .comments(7)
        .into_iter()
        .map(|one| one.body)
        .collect();
    assert_eq!(bodies, ["LGTM", "new plan"]);

    world
        .send(Method::PATCH, "/issues/comments/999", json!({"body": "x"}))
        .await
        .refused(404);
    for body in [
        json!({"body": ""}),
        json!({}),
        json!({"body": "x".repeat(65_537)}),
    ] {
        world
            .send(Method::POST, "/issues/7/comments", body)
            .await
            .refused(422);
    }
    world
        .send(
            Method::POST,
            "/issues/7/comments",
            json!({"body": "x".repeat(65_536)}),
        )
        .await
        .ok();
    world.get("/issues/x/comments").await.refused(404);
    assert_eq!(world.github.requests_to("PATCH", "*").len(), 2);
}
