//! Statuses and comments.

use port_gitops_sandbox::Sandbox;
use port_gitops_sandbox::github::State;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::World;

async fn status(world: &World, sha: &str, body: Value) -> Value {
    world
        .send(Method::POST, &format!("/statuses/{sha}"), body)
        .await
        .ok()
}

#[tokio::test]
async fn the_newest_status_of_each_context_counts() {
    let world = World::new();
    let head = world.repository.write("a", "1").commit("one").unwrap();
    let combined = async || world.get(&format!("/commits/{head}/status")).await.ok();
    assert_eq!(combined().await["state"], "pending");
    assert_eq!(combined().await["total_count"], 0);

    let target = "https://github.com/octo-org/catalog/actions/runs/1";
    let pending = json!({"state": "pending", "context": "sync/1", "target_url": target});
    let made = status(&world, &head, pending).await;
    assert_eq!(
        (&made["state"], &made["target_url"]),
        (&json!("pending"), &json!(target))
    );
    assert_eq!(
        (&made["description"], &made["creator"]["type"]),
        (&Value::Null, &json!("Bot"))
    );
    status(
        &world,
        &head,
        json!({"state": "success", "context": "Sync/1", "description": "2"}),
    )
    .await;
    status(&world, &head, json!({"state": "success"})).await;
    let body = combined().await;
    assert_eq!(
        (&body["state"], &body["total_count"]),
        (&json!("success"), &json!(2))
    );
    assert_eq!(body["statuses"][0]["context"], "default");
    assert_eq!(
        body["statuses"][1]["description"], "2",
        "contexts have no case"
    );
    assert_eq!(body["sha"], head.as_str());

    let all = world.get("/commits/main/statuses?per_page=2").await;
    let states: Vec<_> = all
        .ok()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].clone())
        .collect();
    assert_eq!(states, [3, 2], "newest first");
    assert!(all.header("link").unwrap().contains("rel=\"next\""));
    status(&world, &head, json!({"state": "error", "context": "other"})).await;
    assert_eq!(combined().await["state"], "failure");

    let kept = world.github.statuses(&head);
    assert_eq!(kept.len(), 4);
    assert_eq!(
        (kept[0].state, kept[0].context.as_str()),
        (State::Error, "other")
    );
    assert_eq!(kept[3].target_url.as_deref(), Some(target));
}

#[tokio::test]
async fn statuses_are_checked() {
    let world = World::new();
    let head = world.repository.write("a", "1").commit("one").unwrap();
    let path = format!("/statuses/{head}");
    let longest = json!({"state": "success", "description": "ä".repeat(140)});
    world.send(Method::POST, &path, longest).await.ok();
    let longer = json!({"state": "success", "description": "x".repeat(141)});
    let refused = world.send(Method::POST, &path, longer).await;
    assert_eq!(refused.refused(422), "Validation Failed");
    let error = &refused.json()["errors"][0];
    assert_eq!(
        (&error["resource"], &error["field"]),
        (&json!("Status"), &json!("description"))
    );
    world
        .send(Method::POST, &path, json!({"state": "done"}))
        .await
        .refused(422);
    world
        .send(Method::POST, &path, json!({}))
        .await
        .refused(422);
    let good = json!({"state": "success"});
    for sha in ["main", &"1".repeat(40), &world.repository.zero_id()] {
        let message = world
            .send(Method::POST, &format!("/statuses/{sha}"), good.clone())
            .await
            .refused(422);
        assert_eq!(message, format!("No commit found for SHA: {sha}"));
    }
    world.get("/commits/none/status").await.refused(404);
    world.get("/commits/none/statuses").await.refused(404);
    let url = world.url(&path);
    let text = world
        .request(Method::POST, &url)
        .body("{")
        .send()
        .await
        .unwrap();
    assert_eq!(text.status(), 400);
    assert_eq!(world.github.statuses(&head).len(), 1);
}

#[tokio::test]
async fn a_context_takes_a_thousand_statuses() {
    let world = World::new();
    let head = world.repository.write("a", "1").commit("one").unwrap();
    for _ in 0..1000 {
        world.github.add_status(&head, "sync", State::Pending);
    }
    let path = format!("/statuses/{head}");
    let body = |context: &str| json!({"state": "success", "context": context});
    world
        .send(Method::POST, &path, body("sync"))
        .await
        .refused(422);
    world.send(Method::POST, &path, body("other")).await.ok();
}

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
