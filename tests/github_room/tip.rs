//! Which commit a branch is at, and who is allowed to know.

use port_gitops::git::{BranchName, CommitSha};
use port_gitops::github::{CommentKept, CommentPolicy, Error};
use port_gitops_sandbox::github::{Access, Edition, Permission};
use port_gitops_sandbox::{Answer, Fault, GitHubSandbox, Sandbox, TestRepository};
use serde_json::json;

use crate::world::{World, gone};

const REFERENCE: &str = "*/git/ref/heads/*";

fn main() -> BranchName {
    BranchName::new("main")
}

/// A replica that still has the branch at `commit`.
fn lagging(commit: &CommitSha) -> Fault {
    let object = json!({"type": "commit", "sha": commit.as_str(), "url": "https://example.com"});
    let body = json!({
        "ref": "refs/heads/main", "node_id": "x", "url": "https://example.com", "object": object,
    });
    Fault::answer(Answer::json(200, &body)).on("GET", REFERENCE)
}

#[tokio::test]
async fn a_branch_of_any_name_is_found_and_a_missing_one_is_not() {
    let world = World::new();
    let one = world.commit("one");
    world.git.create_branch("feature/a#b%c").unwrap();
    let two = world.commit("two");
    for (branch, expected) in [
        ("main", Some(&one)),
        ("feature/a#b%c", Some(&two)),
        ("none", None),
    ] {
        let tip = world.room.tip(&BranchName::new(branch)).await.unwrap();
        assert_eq!(tip.as_ref(), expected, "{branch}");
    }
}

#[tokio::test]
async fn a_tip_that_lies_before_the_push_is_requested_again() {
    let world = World::new();
    let one = world.commit("one");
    let two = world.commit("two");
    let (room, main) = (&world.room, main());
    let tip = room.tip_after(&main, &two).await.unwrap();
    assert_eq!(tip.as_ref(), Some(&two));
    assert_eq!(world.cost(), 1);
    world.inject(lagging(&one).times(2));
    let tip = room.tip_after(&main, &two).await.unwrap();
    assert_eq!(tip.as_ref(), Some(&two));
    assert_eq!(world.cost(), 2 + 2 + 1, "each of the old ones is compared");
    // A branch that was set back stays so.
    world.git.reset_hard(one.as_str()).unwrap();
    assert_eq!(room.tip_after(&main, &two).await.unwrap(), Some(one));
    assert_eq!(world.cost(), 4 * 2);
}

#[tokio::test]
async fn a_tip_that_is_newer_or_on_another_line_is_used_at_once() {
    let world = World::new();
    let one = world.commit("one");
    let two = world.commit("two");
    let (room, main) = (&world.room, main());
    let tip = room.tip_after(&main, &one).await.unwrap();
    assert_eq!(tip.as_ref(), Some(&two));
    assert_eq!(world.cost(), 2);
    world.git.reset_hard(one.as_str()).unwrap();
    let forced = world.commit("forced");
    assert_eq!(room.tip_after(&main, &two).await.unwrap(), Some(forced));
    assert_eq!(world.cost(), 2);
}

#[tokio::test]
async fn a_branch_that_is_gone_has_no_tip() {
    let world = World::new();
    let one = world.commit("one");
    let branch = BranchName::new("gone");
    assert_eq!(world.room.tip_after(&branch, &one).await.unwrap(), None);
    assert_eq!(world.cost(), 4 * 2, "each time with the repository itself");
}

#[tokio::test]
async fn a_missing_permission_is_told_apart() {
    let world = World::new();
    let head = world.commit("one");
    world
        .github
        .set_permission(Permission::Contents, Access::None);
    let (room, main) = (&world.room, main());
    let errors = [
        room.tip(&main).await.unwrap_err(),
        room.tree(&head).await.unwrap_err(),
        room.diff_from_merge_base("main", &head).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, Error::Forbidden { .. }), "{error:?}");
        let accepted = "X-Accepted-GitHub-Permissions: contents=read";
        assert!(error.to_string().contains(accepted), "{error}");
    }
}

#[tokio::test]
async fn a_commit_that_is_gone_is_told_apart() {
    let world = World::new();
    world.commit("one");
    let gone = gone();
    let error = world.room.tree(&gone).await.unwrap_err();
    assert!(
        matches!(&error, Error::NoSuchCommit { commit } if commit == gone.as_str()),
        "{error}"
    );
}

#[tokio::test]
async fn a_renamed_repository_is_read_and_written() {
    for edition in [Edition::Cloud, Edition::EnterpriseServer] {
        let mut world = World::of(TestRepository::new().unwrap(), edition);
        let base = world.commit("one");
        world.git.write("a.yml", "a");
        let head = world.commit("two");
        let id = world.room.id().await.unwrap();
        world.github.set_former_name("octo-org/former");
        world.reopen("octo-org/former");
        let room = &world.room;
        assert_eq!(room.id().await.unwrap(), id);
        assert_eq!(room.tip(&main()).await.unwrap(), Some(head.clone()));
        assert_eq!(world.diff(&base, &head).await.files.len(), 1);
        assert_eq!(room.tree(&head).await.unwrap().len(), 1);
        let kept = room.keep_comment(7, "<!-- x -->", "<!-- x -->", CommentPolicy::CreateOrUpdate);
        assert_eq!(kept.await.unwrap(), CommentKept::Created);
        assert_eq!(world.github.comments(7).len(), 1);
        let redirects = world.github.journal();
        let statuses = redirects.iter().filter_map(|exchange| exchange.status());
        let statuses: Vec<_> = statuses.collect();
        assert!(
            statuses.contains(&307) && statuses.contains(&301),
            "{statuses:?}"
        );
    }
}

#[tokio::test]
async fn a_comment_never_goes_to_another_server() {
    let world = World::new();
    let other = GitHubSandbox::start(&world.git).unwrap();
    world.commit("one");
    let elsewhere =
        Answer::status(307).with_header("location", format!("{}/repositories/1", other.url()));
    world.inject(Fault::answer(elsewhere).on("POST", "*/comments"));
    let kept = world
        .room
        .keep_comment(7, "x", "x", CommentPolicy::CreateOrUpdate);
    assert!(kept.await.is_err());
    assert_eq!(other.journal().len(), 0);
}
