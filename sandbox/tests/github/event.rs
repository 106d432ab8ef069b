//! Events for a workflow.

use port_gitops_sandbox::GitError;
use port_gitops_sandbox::github::PullRequest;
use serde_json::{Value, json};

use crate::client::World;

#[test]
fn pushes_know_how_they_move_a_branch() {
    let world = World::new();
    let git = &world.repository;
    let zeros = git.zero_id();
    let one = git.write("a", "1").commit("one").unwrap();
    git.commit("two").unwrap();
    let three = git.commit("three").unwrap();
    let flags =
        |event: &Value| ["created", "deleted", "forced"].map(|key| event[key].as_bool().unwrap());

    let event = world.github.push_event("main", &one, &three).unwrap();
    assert_eq!(flags(&event), [false, false, false]);
    assert_eq!(
        (&event["ref"], &event["after"]),
        (&json!("refs/heads/main"), &json!(three.as_str()))
    );
    let messages: Vec<_> = event["commits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["message"])
        .collect();
    assert_eq!(messages, ["two", "three"]);
    assert_eq!(event["head_commit"]["id"], three.as_str());
    assert_eq!(event["head_commit"].get("added"), None);
    let repository = &event["repository"];
    assert_eq!(repository["full_name"], "octo-org/catalog");
    assert_eq!(repository["default_branch"], "main");
    assert_eq!(
        repository["html_url"],
        "https://github.com/octo-org/catalog"
    );
    assert_eq!(
        (&event["pusher"]["name"], &event["sender"]["login"]),
        (&json!("octocat"), &json!("octocat"))
    );
    assert_eq!(
        event["compare"],
        format!(
            "https://github.com/octo-org/catalog/compare/{}...{}",
            &one[..12],
            &three[..12]
        )
    );

    let created = world.github.push_event("main", &zeros, &three).unwrap();
    assert_eq!(flags(&created), [true, false, false]);
    let deleted = world.github.push_event("main", &three, &zeros).unwrap();
    assert_eq!(flags(&deleted), [false, true, false]);
    assert_eq!(
        (&deleted["head_commit"], &deleted["commits"]),
        (&Value::Null, &json!([]))
    );
    git.reset_hard(&one).unwrap();
    let four = git.commit("four").unwrap();
    assert_eq!(
        flags(&world.github.push_event("main", &three, &four).unwrap()),
        [false, false, true]
    );
    let gone = "1".repeat(40);
    assert_eq!(
        flags(&world.github.push_event("main", &gone, &four).unwrap()),
        [false, false, true]
    );
    assert_eq!(
        world
            .github
            .push_event("refs/tags/v1", &zeros, &one)
            .unwrap()["ref"],
        "refs/tags/v1"
    );
    assert!(world.github.push_event("main", &one, &gone).is_err());
}

#[test]
fn pull_requests_have_two_sides() {
    let world = World::new();
    let git = &world.repository;
    let base = git.write("a", "1").commit("one").unwrap();
    git.create_branch("feature/x").unwrap();
    let head = git.write("a", "2").commit("two").unwrap();
    let event = world
        .github
        .pull_request_event(&PullRequest::new(3, "main", "feature/x"))
        .unwrap();
    assert_eq!(
        (&event["action"], &event["number"]),
        (&json!("opened"), &json!(3))
    );
    let pull = &event["pull_request"];
    assert_eq!(
        (&pull["base"]["ref"], &pull["base"]["sha"]),
        (&json!("main"), &json!(base.as_str()))
    );
    assert_eq!(
        (&pull["head"]["ref"], &pull["head"]["sha"]),
        (&json!("feature/x"), &json!(head.as_str()))
    );
    assert_eq!(pull["head"]["repo"]["full_name"], "octo-org/catalog");
    assert_eq!(event["repository"]["default_branch"], "main");

    let fork = PullRequest::new(4, "main", "feature/x")
        .from_fork("mallory/catalog")
        .action("synchronize");
    let event = world.github.pull_request_event(&fork).unwrap();
    let pull = &event["pull_request"];
    assert_eq!(event["action"], "synchronize");
    assert_eq!(pull["head"]["repo"]["full_name"], "mallory/catalog");
    assert_eq!(
        (&pull["head"]["repo"]["fork"], &pull["head"]["label"]),
        (&json!(true), &json!("mallory:feature/x"))
    );
    assert_eq!(pull["base"]["repo"]["full_name"], "octo-org/catalog");
    let missing = world
        .github
        .pull_request_event(&PullRequest::new(5, "main", "none"));
    assert!(matches!(missing, Err(GitError::NoSuchRevision(name)) if name == "none"));
}

#[test]
fn merge_groups_and_runs_started_by_hand() {
    let world = World::new();
    let base = world.repository.write("a", "1").commit("one").unwrap();
    let head = world.repository.commit("two").unwrap();
    let group = world
        .github
        .merge_group_event("main", &base, &head)
        .unwrap();
    let inside = &group["merge_group"];
    assert_eq!(
        (&inside["base_sha"], &inside["head_sha"]),
        (&json!(base.as_str()), &json!(head.as_str()))
    );
    assert_eq!(inside["base_ref"], "refs/heads/main");
    let by_hand = world.github.workflow_dispatch_event("main").unwrap();
    assert_eq!(
        (&by_hand["ref"], &by_hand["repository"]["name"]),
        (&json!("refs/heads/main"), &json!("catalog"))
    );
}
