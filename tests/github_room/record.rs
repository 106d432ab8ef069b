//! Statuses as a record.

use port_gitops::git::BranchName;
use port_gitops::github::{Error, HistoryQuery, NewStatus, RecordedStatus, StatusState};
use port_gitops_sandbox::github::{Access, Edition, Permission, State};
use port_gitops_sandbox::{Answer, Fault, Sandbox, TestRepository};
use serde_json::json;

use crate::world::{World, sha};

const CONTEXT: &str = "port-gitops/0123456789ab";

fn main() -> BranchName {
    BranchName::new("main")
}

fn status(state: StatusState) -> NewStatus<'static> {
    NewStatus {
        state,
        context: CONTEXT,
        description: "2 created",
        target_url: Some("https://github.com/octo-org/catalog/actions/runs/1"),
    }
}

#[tokio::test]
async fn tip_history_and_statuses_cost_one_request() {
    let world = World::new();
    let one = world.commit("one");
    let two = world.commit("two");
    world.git.create_branch("feature/a#b%c").unwrap();
    let three = world.commit("three");
    world.git.checkout("main").unwrap();
    let other = world.commit("other");
    let mut newest = None;
    for state in [StatusState::Pending, StatusState::Success] {
        let set = world.room.set_status(&one, &status(state)).await.unwrap();
        let listed = world.room.statuses(&one, CONTEXT).await.unwrap();
        assert_eq!(listed[0], set);
        newest = Some(set.status);
    }
    world
        .github
        .add_status(two.as_str(), "another", State::Success);
    world.cost();

    let branch = BranchName::new("feature/a#b%c");
    let query = HistoryQuery {
        branch: &branch,
        head: &two,
        before: Some(&other),
        context: CONTEXT,
    };
    let history = world.room.history(query).await.unwrap();
    assert_eq!(world.cost(), 1);
    assert_eq!(history.tip.unwrap(), three);
    let commits = |entries: &[port_gitops::github::HistoryEntry]| {
        entries
            .iter()
            .map(|entry| entry.commit.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(commits(&history.head.entries), [two.clone(), one.clone()]);
    assert_eq!(commits(&history.before), [other, two, one]);
    assert_eq!(history.head.older, None);
    assert_eq!(history.head.entries[0].status, None);
    let RecordedStatus {
        description,
        created_at,
        ..
    } = newest.as_ref().unwrap();
    assert_eq!(description, "2 created");
    assert!(created_at.ends_with('Z'), "{created_at}");
    assert_eq!(history.head.entries[1].status, newest);
    assert_eq!(world.room.tip(&branch).await.unwrap(), Some(three));
    assert_eq!(
        world.room.tip(&BranchName::new("none")).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn old_history_comes_in_pages() {
    let world = World::new();
    let ids: Vec<_> = (0..230).map(|n| world.commit(&n.to_string())).collect();
    let head = ids.last().unwrap();
    let query = HistoryQuery {
        branch: &main(),
        head,
        before: None,
        context: CONTEXT,
    };
    world
        .room
        .set_status(&ids[5], &status(StatusState::Failure))
        .await
        .unwrap();
    let mut page = world.room.history(query).await.unwrap().head;
    let mut entries = page.entries;
    while let Some(cursor) = page.older {
        page = world.room.older(head, CONTEXT, &cursor).await.unwrap();
        entries.extend(page.entries);
    }
    let commits: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| entry.commit.clone())
        .collect();
    assert_eq!(commits, ids);
    let recorded: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.status.as_ref())
        .collect();
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].state, StatusState::Failure);
}

#[tokio::test]
async fn a_history_that_takes_too_long_comes_in_smaller_pages() {
    let world = World::new();
    let ids: Vec<_> = (0..60).map(|n| world.commit(&n.to_string())).collect();
    let head = ids.last().unwrap();
    let query = HistoryQuery {
        branch: &main(),
        head,
        before: None,
        context: CONTEXT,
    };
    world
        .github
        .inject(Fault::answer(Answer::status(502)).on("POST", "/graphql"));
    let page = world.room.history(query).await.unwrap().head;
    assert_eq!((page.entries.len(), world.cost()), (25, 2));
    let older = world.room.older(head, CONTEXT, &page.older.unwrap()).await;
    assert_eq!(older.unwrap().entries.len(), 35);
}

#[tokio::test]
async fn all_statuses_of_a_context_are_listed() {
    let world = World::new();
    let head = world.commit("one");
    for n in 0..120 {
        let (context, state) = match n {
            7 => ("PORT-GITOPS/0123456789AB", State::Error),
            60 => (CONTEXT, State::Pending),
            _ => ("other", State::Success),
        };
        world.github.add_status(head.as_str(), context, state);
    }
    let statuses = world.room.statuses(&head, CONTEXT).await.unwrap();
    let states: Vec<_> = statuses.iter().map(|listed| listed.status.state).collect();
    assert_eq!(states, [StatusState::Pending, StatusState::Error]);
    assert_eq!(world.cost(), 2);
}

#[tokio::test]
async fn a_long_description_is_cut() {
    let world = World::new();
    let head = world.commit("one");
    let description = "é".repeat(200);
    let long = NewStatus {
        description: &description,
        target_url: None,
        ..status(StatusState::Success)
    };
    world.room.set_status(&head, &long).await.unwrap();
    let set = &world.github.statuses(head.as_str())[0];
    assert_eq!(set.description.as_ref().unwrap().chars().count(), 140);
    assert_eq!(set.target_url, None);
}

#[tokio::test]
async fn a_missing_permission_is_told_apart() {
    let world = World::new();
    let head = world.commit("one");
    world
        .github
        .add_status(head.as_str(), CONTEXT, State::Success);
    let query = HistoryQuery {
        branch: &main(),
        head: &head,
        before: None,
        context: CONTEXT,
    };
    world
        .github
        .set_permission(Permission::Statuses, Access::Read);
    assert!(world.room.history(query).await.is_ok());
    let refused = world
        .room
        .set_status(&head, &status(StatusState::Success))
        .await;
    assert!(
        matches!(refused, Err(Error::Forbidden { .. })),
        "{refused:?}"
    );

    world
        .github
        .set_permission(Permission::Statuses, Access::None);
    let refused = world.room.history(query).await;
    assert!(
        matches!(refused, Err(Error::Forbidden { .. })),
        "{refused:?}"
    );
    let refused = world.room.statuses(&head, CONTEXT).await;
    assert!(
        matches!(refused, Err(Error::Forbidden { .. })),
        "{refused:?}"
    );

    world
        .github
        .set_permission(Permission::Statuses, Access::Write);
    for status in [403, 404] {
        world
            .github
            .inject(Fault::status(status).on("POST", "/graphql"));
        let refused = world.room.history(query).await;
        assert!(
            matches!(refused, Err(Error::Forbidden { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn who_may_not_even_know_of_the_route_is_refused_too() {
    let world = World::new();
    let head = world.commit("one");
    let hidden = Answer::json(404, &json!({"message": "Not Found", "status": "404"}));
    world
        .github
        .inject(Fault::answer(hidden).on("POST", "*/statuses/*"));
    let refused = world
        .room
        .set_status(&head, &status(StatusState::Success))
        .await;
    assert!(
        matches!(refused, Err(Error::Forbidden { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_commit_that_is_gone_is_told_apart() {
    let world = World::new();
    let head = world.commit("one");
    let gone = port_gitops::git::CommitSha::parse(&"1".repeat(40)).unwrap();
    let is_gone =
        |error: &Error| matches!(error, Error::NoSuchCommit { commit } if commit == gone.as_str());
    let (room, branch) = (&world.room, main());
    let ask = HistoryQuery {
        branch: &branch,
        head: &gone,
        before: None,
        context: CONTEXT,
    };
    assert!(is_gone(&room.history(ask).await.unwrap_err()));
    let ask = HistoryQuery {
        branch: &branch,
        head: &head,
        before: Some(&gone),
        context: CONTEXT,
    };
    let history = room.history(ask).await.unwrap();
    assert_eq!((history.head.entries.len(), history.before.len()), (1, 0));
    assert!(is_gone(&room.statuses(&gone, CONTEXT).await.unwrap_err()));
    assert!(is_gone(
        &room
            .set_status(&gone, &status(StatusState::Success))
            .await
            .unwrap_err()
    ));
    assert!(is_gone(&room.tree(&gone).await.unwrap_err()));
    assert!(is_gone(&room.diff(&gone, &head).await.unwrap_err()));
    assert!(is_gone(&room.diff(&head, &gone).await.unwrap_err()));
    assert!(is_gone(
        &room
            .diff_from_merge_base(gone.as_str(), &head)
            .await
            .unwrap_err()
    ));
}

#[tokio::test]
async fn a_renamed_repository_is_read_and_written() {
    for edition in [Edition::Cloud, Edition::EnterpriseServer] {
        let mut world = World::of(TestRepository::new().unwrap(), edition);
        let base = world.commit("one");
        world.git.write("a.yml", "a");
        let head = world.commit("two");
        world.github.set_former_name("octo-org/former");
        world.reopen("octo-org/former");
        let room = &world.room;
        room.set_status(&head, &status(StatusState::Success))
            .await
            .unwrap();
        assert_eq!(world.github.statuses(head.as_str()).len(), 1);
        assert_eq!(room.statuses(&head, CONTEXT).await.unwrap().len(), 1);
        assert_eq!(room.tip(&main()).await.unwrap(), Some(head.clone()));
        let query = HistoryQuery {
            branch: &main(),
            head: &head,
            before: None,
            context: CONTEXT,
        };
        assert_eq!(room.history(query).await.unwrap().head.entries.len(), 2);
        assert_eq!(room.diff(&base, &head).await.unwrap().files.len(), 1);
        assert_eq!(room.tree(&head).await.unwrap().len(), 1);
        let redirects = world.github.journal();
        let statuses: Vec<_> = redirects
            .iter()
            .filter_map(|exchange| exchange.status())
            .collect();
        assert!(
            statuses.contains(&307) && statuses.contains(&301),
            "{statuses:?}"
        );
    }
}

#[tokio::test]
async fn a_status_never_goes_to_another_server() {
    let world = World::new();
    let other = World::new();
    let head = world.commit("one");
    let elsewhere = Answer::status(307)
        .with_header("location", format!("{}/repositories/1", other.github.url()));
    world
        .github
        .inject(Fault::answer(elsewhere).on("POST", "*/statuses/*"));
    assert!(
        world
            .room
            .set_status(&head, &status(StatusState::Success))
            .await
            .is_err()
    );
    assert_eq!(other.github.journal().len(), 0);
}

#[tokio::test]
async fn a_history_with_merges_holds_both_lines() {
    let world = World::new();
    let one = world.commit("one");
    world.git.create_branch("topic").unwrap();
    let topic = world.commit("topic");
    world.git.checkout("main").unwrap();
    let two = world.commit("two");
    let merged = sha(&world.git.merge("topic", "merge").unwrap());
    let query = HistoryQuery {
        branch: &main(),
        head: &merged,
        before: None,
        context: CONTEXT,
    };
    let history = world.room.history(query).await.unwrap();
    let commits: Vec<_> = history
        .head
        .entries
        .into_iter()
        .map(|entry| entry.commit)
        .collect();
    assert_eq!(commits, [merged, two, topic, one]);
}
