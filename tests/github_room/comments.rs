//! One comment, however often it is written and whatever goes wrong.

use std::sync::Arc;

use port_gitops::github::{CommentKept, CommentPolicy, Error};
use port_gitops_sandbox::github::{Access, Permission};
use port_gitops_sandbox::{Answer, Fault};
use serde_json::json;

use crate::world::World;

const MARKER: &str = "<!-- port-gitops:octo/shop/1234 -->";
const COMMENTS: &str = "*/issues/7/comments";

impl World {
    async fn keep(&self, text: &str) -> Result<CommentKept, Error> {
        let body = format!("{MARKER}\n{text}");
        let policy = CommentPolicy::CreateOrUpdate;
        self.room.keep_comment(7, MARKER, &body, policy).await
    }

    fn bodies(&self) -> Vec<String> {
        let comments = self.github.comments(7).into_iter();
        comments.map(|comment| comment.body).collect()
    }
}

/// Another run, which writes its comment just before this one's is taken.
fn another_run(world: &Arc<World>) -> Fault {
    let world = Arc::downgrade(world);
    let write = move || {
        let body = format!("{MARKER}\ntheirs");
        if let Some(world) = world.upgrade() {
            world.github.add_comment(7, "github-actions[bot]", &body);
        }
    };
    Fault::call(write).on("POST", COMMENTS)
}

#[tokio::test]
async fn one_comment_is_kept_up_to_date() {
    let world = World::new();
    world.github.add_comment(7, "octocat", "Nice!");
    world.github.add_comment(8, "octocat", MARKER);
    assert_eq!(world.keep("one").await.unwrap(), CommentKept::Created);
    assert_eq!(world.keep("two").await.unwrap(), CommentKept::Updated);
    assert_eq!(world.keep("two").await.unwrap(), CommentKept::Unchanged);
    let kept = format!("{MARKER}\ntwo");
    assert_eq!(world.bodies(), ["Nice!", &kept]);
}

#[tokio::test]
async fn it_is_found_again_in_a_long_discussion() {
    let world = World::new();
    for number in 0..250 {
        let text = format!("comment {number}");
        world.github.add_comment(7, "octocat", &text);
    }
    world.keep("one").await.unwrap();
    world.cost();
    assert_eq!(world.keep("two").await.unwrap(), CommentKept::Updated);
    assert_eq!(world.cost(), 3 + 1);
    assert_eq!(world.bodies().len(), 251);
}

#[tokio::test]
async fn with_nothing_to_tell_none_is_written() {
    let world = World::new();
    let keep = async || {
        let policy = CommentPolicy::UpdateOnly;
        let body = format!("{MARKER}\nNothing changes.");
        world.room.keep_comment(7, MARKER, &body, policy).await
    };
    assert_eq!(keep().await.unwrap(), CommentKept::NotNeeded);
    assert!(world.bodies().is_empty());
    world.keep("one").await.unwrap();
    assert_eq!(keep().await.unwrap(), CommentKept::Updated);
    assert_eq!(world.bodies().len(), 1);
}

/// Whoever reads one plan's source could write the first comment of another.
#[tokio::test]
async fn what_somebody_else_wrote_is_left_alone() {
    let world = World::new();
    let theirs = format!("{MARKER}\nNothing changes, I promise.");
    world.github.add_comment(7, "octocat", &theirs);
    let quoted = format!("> {MARKER}\n> one");
    world.github.add_comment(7, "octocat", &quoted);
    assert_eq!(world.keep("one").await.unwrap(), CommentKept::Created);
    assert_eq!(world.keep("two").await.unwrap(), CommentKept::Updated);
    let ours = format!("{MARKER}\ntwo");
    assert_eq!(world.bodies(), [theirs, quoted, ours]);
}

#[tokio::test]
async fn of_two_the_older_is_kept_up_to_date() {
    let world = World::new();
    for text in ["older", "newer"] {
        let body = format!("{MARKER}\n{text}");
        world.github.add_comment(7, "github-actions[bot]", &body);
    }
    assert_eq!(world.keep("two").await.unwrap(), CommentKept::Updated);
    assert_eq!(world.bodies().len(), 2);
    assert_eq!(world.bodies()[0], format!("{MARKER}\ntwo"));
}

#[tokio::test]
async fn the_younger_of_two_that_are_written_at_once_goes() {
    let world = Arc::new(World::new());
    world.inject(another_run(&world));
    assert_eq!(world.keep("one").await.unwrap(), CommentKept::Updated);
    assert_eq!(world.bodies(), [format!("{MARKER}\none")]);
    // List, create, list, update, delete.
    assert_eq!(world.cost(), 5);
    assert_eq!(world.keep("one").await.unwrap(), CommentKept::Unchanged);
    assert_eq!(world.cost(), 1);
}

/// The run that wrote the other one takes it away.
#[tokio::test]
async fn the_older_of_two_that_are_written_at_once_stays() {
    let world = Arc::new(World::new());
    world.inject(another_run(&world).after_effect());
    assert_eq!(world.keep("one").await.unwrap(), CommentKept::Created);
    let [ours, theirs] = ["one", "theirs"].map(|text| format!("{MARKER}\n{text}"));
    assert_eq!(world.bodies(), [ours, theirs]);
    assert_eq!(world.cost(), 3);
}

#[tokio::test]
async fn a_repository_that_was_renamed_keeps_its_comment() {
    let mut world = World::new();
    world.github.set_former_name("octo-org/former");
    world.reopen("octo-org/former");
    assert_eq!(world.keep("one").await.unwrap(), CommentKept::Created);
    assert_eq!(world.keep("two").await.unwrap(), CommentKept::Updated);
    assert_eq!(world.bodies(), [format!("{MARKER}\ntwo")]);
    // What is written beside it, as it was not seen, goes again.
    let list = Fault::answer(Answer::json(200, &json!([]))).on("GET", "*/issues/7/comments");
    world.inject(list);
    assert_eq!(world.keep("three").await.unwrap(), CommentKept::Updated);
    assert_eq!(world.bodies(), [format!("{MARKER}\nthree")]);
}

#[tokio::test]
async fn what_cannot_be_tidied_up_is_no_failure() {
    let world = World::new();
    let list = Fault::status(404).on("GET", COMMENTS).skip(1);
    world.inject(list);
    assert_eq!(world.keep("one").await.unwrap(), CommentKept::Created);
    assert_eq!(world.bodies().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_or_a_passing_refusal_does_not_make_a_second_comment() {
    for (fault, expected) in [
        (Fault::reset().after_effect(), CommentKept::Unchanged),
        (Fault::status(502), CommentKept::Created),
    ] {
        let world = World::new();
        world.inject(fault.on("POST", COMMENTS));
        assert_eq!(world.keep("one").await.unwrap(), expected);
        assert_eq!(world.bodies().len(), 1);
    }
}

#[tokio::test]
async fn a_missing_right_is_told_and_no_failure() {
    let world = World::new();
    let accepted = "X-Accepted-GitHub-Permissions: issues=write; pull_requests=write";
    for (access, accepted) in [
        (Access::Read, accepted),
        (Access::None, &accepted.replace("write", "read")),
    ] {
        world
            .github
            .set_permission(Permission::PullRequests, access);
        let CommentKept::NotAllowed(notice) = world.keep("one").await.unwrap() else {
            panic!("it is not allowed");
        };
        let said = "`permissions: pull-requests: write`";
        assert!(notice.contains(said), "{notice}");
        assert!(notice.contains(accepted), "{notice}");
    }
    assert!(world.bodies().is_empty());
}
