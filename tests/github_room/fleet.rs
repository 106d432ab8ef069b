//! Many repositories over one connection: which there are, and where their default branches are.

use std::time::Duration;

use futures::future::{join_all, poll_immediate};
use port_gitops::git::{BranchName, RepoName};
use port_gitops::github::{
    BlobContent, Error, ExclusionReason, GitHub, Head, ListedRepository, Side, WantedFile,
    WhenExhausted,
};
use port_gitops_contract::{Extent, check_github};
use port_gitops_sandbox::github::{Attribute, Resource, Throttle};
use port_gitops_sandbox::{Answer, Fault, GitHubSandbox, Sandbox, TestRepository};
use serde_json::json;
use tokio::time::timeout;

use crate::world::{connect, connect_for, sha, text, wanted};

/// Repositories `acme/0`, `acme/1` and so on, with one commit each.
pub(crate) struct Fleet {
    pub(crate) gits: Vec<TestRepository>,
    pub(crate) sandbox: GitHubSandbox,
    pub(crate) github: GitHub,
}

impl Fleet {
    pub(crate) fn new(count: usize) -> Self {
        let gits = TestRepository::many(count).unwrap();
        for (number, git) in gits.iter().enumerate() {
            git.write("number.yml", &number.to_string());
        }
        TestRepository::commit_all(&gits, "Begin").unwrap();
        let sandbox = GitHubSandbox::start(&gits[0]).unwrap();
        sandbox.set_full_name("acme/0");
        for (number, git) in gits.iter().enumerate().skip(1) {
            sandbox.add_repository(&format!("acme/{number}"), git);
        }
        let github = connect(&sandbox, GitHubSandbox::TOKEN);
        Self {
            gits,
            sandbox,
            github,
        }
    }

    fn inject(&self, fault: Fault) {
        self.sandbox.inject(fault);
    }

    /// A file of a repository, at its branch's tip.
    fn wanted(&self, number: usize, path: &str) -> WantedFile {
        let head = sha(&self.gits[number].head().unwrap());
        wanted(&head, path, Side::Unknown)
    }

    pub(crate) fn cost(&self) -> usize {
        let cost = self.sandbox.journal().len();
        self.sandbox.clear_journal();
        cost
    }

    /// Where the default branch `main` of a repository is now.
    fn at(&self, number: usize, full_name: &str) -> Head {
        Head::At {
            name: name(full_name),
            branch: BranchName::new("main"),
            commit: sha(&self.gits[number].head().unwrap()),
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        check_github(&self.sandbox, Extent::Both);
    }
}

fn name(full_name: &str) -> RepoName {
    RepoName::parse(full_name).unwrap()
}

fn names(listed: &[ListedRepository]) -> Vec<String> {
    listed.iter().map(|one| one.name.to_string()).collect()
}

#[tokio::test]
async fn a_thousand_repositories_cost_ten_requests_to_list_and_ten_for_their_heads() {
    let fleet = Fleet::new(1_000);
    let listed = fleet.github.repositories().await.unwrap();
    assert_eq!(fleet.cost(), 10);
    let expected: Vec<_> = (0..1_000).map(|number| format!("acme/{number}")).collect();
    assert_eq!(names(&listed), expected);
    let heads = fleet.github.heads(&listed).await.unwrap();
    assert_eq!(fleet.cost(), 10);
    assert_eq!(fleet.github.requests(), 20);
    for (number, name) in expected.iter().enumerate() {
        assert_eq!(heads[number], fleet.at(number, name));
    }
}

#[tokio::test]
async fn the_list_says_what_is_left_out() {
    let fleet = Fleet::new(4);
    let attributes = [Attribute::Archived, Attribute::Disabled, Attribute::Fork];
    for (attribute, name) in attributes.into_iter().zip(["acme/1", "acme/2", "acme/3"]) {
        fleet.sandbox.mark(name, attribute);
    }
    let listed = fleet.github.repositories().await.unwrap();
    let skipped: Vec<_> = listed.iter().map(|one| one.skipped).collect();
    use ExclusionReason::{Archived, Disabled, Fork};
    assert_eq!(skipped, [None, Some(Archived), Some(Disabled), Some(Fork)]);
}

#[tokio::test]
async fn a_repository_that_cannot_be_read_concerns_only_itself() {
    let fleet = Fleet::new(5);
    let empty = TestRepository::new().unwrap();
    fleet.sandbox.add_repository("acme/empty", &empty);
    let listed = fleet.github.repositories().await.unwrap();
    fleet.sandbox.delete("acme/1");
    fleet.sandbox.rename("acme/2", "acme/renamed");
    fleet.sandbox.add_repository("acme/2", &empty);
    fleet.sandbox.mark("acme/3", Attribute::Refused);
    fleet.gits[4].write("a.yml", "a").commit("Move").unwrap();
    let heads = fleet.github.heads(&listed).await.unwrap();
    let unreadable = &heads[3];
    let expected = [
        fleet.at(0, "acme/0"),
        Head::Gone,
        fleet.at(2, "acme/renamed"),
        unreadable.clone(),
        fleet.at(4, "acme/4"),
        Head::Empty {
            name: name("acme/empty"),
        },
    ];
    assert_eq!(heads, expected);
    let says_why = |message: &str| message.contains("IP allow list");
    assert!(matches!(unreadable, Head::Unreadable { message } if says_why(message)));
    // What was listed by its former name is read all the same.
    let renamed = fleet.github.repository(name("acme/4"));
    fleet.sandbox.rename("acme/4", "acme/other");
    assert_eq!(renamed.id().await.unwrap(), listed[4].id);
}

#[tokio::test]
async fn a_query_that_is_too_heavy_is_halved() {
    let fleet = Fleet::new(3);
    let listed = fleet.github.repositories().await.unwrap();
    fleet.cost();
    let too_heavy = Answer::json(502, &json!({"message": "Timeout"}));
    fleet.inject(Fault::answer(too_heavy).on("POST", "/graphql"));
    let heads = fleet.github.heads(&listed).await.unwrap();
    assert_eq!(heads.len(), 3);
    assert_eq!(heads[2], fleet.at(2, "acme/2"));
    assert_eq!(fleet.cost(), 3);
}

#[tokio::test]
async fn a_user_has_a_list_too() {
    let fleet = Fleet::new(201);
    fleet.sandbox.set_token("github_pat_sandbox");
    let github = connect(&fleet.sandbox, "github_pat_sandbox");
    let listed = github.repositories().await.unwrap();
    assert_eq!(fleet.cost(), 3);
    assert_eq!(listed.len(), 201);
    let last = github.heads(&listed[200..]).await.unwrap();
    assert_eq!(last, [fleet.at(200, "acme/200")]);
}

#[tokio::test]
async fn a_token_that_may_not_list_is_told_which_would() {
    let fleet = Fleet::new(1);
    for status in [403, 404] {
        let refusal = json!({
            "message": "Resource not accessible by integration", "status": status.to_string(),
            "documentation_url": "https://docs.github.com",
        });
        let fault = Fault::answer(Answer::json(status, &refusal));
        fleet.inject(fault.on("GET", "/installation/repositories"));
        let error = fleet.github.repositories().await.unwrap_err();
        assert!(matches!(error, Error::CannotList { .. }), "{error:?}");
        assert!(error.to_string().contains("an app's installation token"));
    }
}

/// What each of these repositories has at `path`, requested at the same time; `None` where that failed.
async fn read(fleet: &Fleet, numbers: &[usize], path: &str) -> Vec<Option<BlobContent>> {
    let reads = numbers.iter().map(async |&number| {
        let repository = fleet.github.repository(name(&format!("acme/{number}")));
        let file = fleet.wanted(number, path);
        let contents = repository.contents(&[file], None).await;
        contents.ok().map(|mut contents| contents.remove(0).content)
    });
    join_all(reads).await
}

fn number(number: usize) -> Option<BlobContent> {
    Some(text(&number.to_string()))
}

#[tokio::test]
async fn contents_of_many_repositories_come_in_common_queries() {
    let fleet = Fleet::new(150);
    let numbers: Vec<_> = (0..150).collect();
    let contents = read(&fleet, &numbers, "number.yml").await;
    assert_eq!(fleet.cost(), 2);
    let expected: Vec<_> = numbers.into_iter().map(number).collect();
    assert_eq!(contents, expected);
}

#[tokio::test]
async fn contents_fail_only_where_a_repository_is_gone_or_refused() {
    let fleet = Fleet::new(4);
    fleet.sandbox.delete("acme/1");
    fleet.sandbox.mark("acme/2", Attribute::Refused);
    let contents = read(&fleet, &[0, 1, 2, 3], "number.yml").await;
    assert_eq!(contents, [number(0), None, None, number(3)]);
    let absent = read(&fleet, &[0, 3], "none.yml").await;
    assert_eq!(
        absent,
        [Some(BlobContent::Absent), Some(BlobContent::Absent)]
    );
}

#[tokio::test]
async fn a_repository_whose_file_is_too_heavy_is_read_without_graphql_alone() {
    let fleet = Fleet::new(4);
    let too_heavy = Answer::json(502, &json!({"message": "Timeout"}));
    // All four, the first two, the first.
    let fault = Fault::answer(too_heavy).on("POST", "/graphql").times(3);
    fleet.inject(fault);
    let contents = read(&fleet, &[0, 1, 2, 3], "number.yml").await;
    assert_eq!(contents, [0, 1, 2, 3].map(number));
    let trees = fleet.sandbox.requests_to("GET", "*/git/trees/*");
    assert_eq!((fleet.cost(), trees.len()), (3 + 2 + 2, 1));
}

#[tokio::test]
async fn a_query_goes_on_when_the_one_who_began_it_gives_up() {
    let fleet = Fleet::new(2);
    let slow = Fault::delay(Duration::from_millis(50)).on("POST", "/graphql");
    fleet.inject(slow.always());
    for pause in [None, Some(Duration::from_millis(20))] {
        let (mut first, mut second) = (
            Box::pin(read(&fleet, &[0], "number.yml")),
            Box::pin(read(&fleet, &[1], "number.yml")),
        );
        assert!(poll_immediate(&mut first).await.is_none());
        assert!(poll_immediate(&mut second).await.is_none());
        // So long the first one waits for others, or for the answer to both.
        if let Some(pause) = pause {
            assert!(timeout(pause, &mut first).await.is_err());
        }
        drop(first);
        let second = timeout(Duration::from_secs(10), second).await;
        assert_eq!(second.unwrap(), [number(1)]);
    }
}

fn is_exhausted<T>(result: Result<T, Error>, seconds: u64) -> bool {
    let about = |resets_in: Duration| resets_in.as_secs().abs_diff(seconds) < 5;
    matches!(result, Err(Error::BudgetExhausted { resets_in }) if about(resets_in))
}

#[tokio::test]
async fn a_fleet_keeps_what_it_needs_to_finish() {
    let fleet = Fleet::new(1);
    let listed = fleet.github.repositories().await.unwrap();
    for (remaining, reset, is_enough) in [(60, 600, true), (30, 600, false), (30, 40, true)] {
        for resource in [Resource::Core, Resource::Graphql] {
            let reset_in = Duration::from_secs(reset);
            fleet.sandbox.set_budget(resource, remaining, reset_in);
        }
        let github = connect_for(&fleet.sandbox, GitHubSandbox::TOKEN, WhenExhausted::Fail);
        // The answers show how much is left.
        github.heads(&listed).await.unwrap();
        github.repositories().await.unwrap();
        fleet.cost();
        let repository = github.repository(name("acme/0"));
        let file = fleet.wanted(0, "x.yml");
        let contents = repository.contents(&[file], None).await;
        let id = repository.id().await;
        if is_enough {
            assert!(contents.is_ok() && id.is_ok(), "{contents:?} {id:?}");
            continue;
        }
        assert!(is_exhausted(contents, reset) && is_exhausted(id, reset));
        assert_eq!(fleet.cost(), 0);
        github.heads(&listed).await.unwrap();
    }
}

#[tokio::test]
async fn a_fleet_does_not_wait_for_minutes() {
    let mut fleet = Fleet::new(1);
    fleet.github = connect_for(&fleet.sandbox, GitHubSandbox::TOKEN, WhenExhausted::Fail);
    let listed = fleet.github.repositories().await.unwrap();
    let retry_after = Some(Duration::from_secs(120));
    let throttle = Throttle::Secondary { retry_after };
    fleet.sandbox.throttle(throttle, 1);
    assert!(is_exhausted(fleet.github.repositories().await, 120));
    fleet.cost();
    assert!(is_exhausted(fleet.github.repositories().await, 120));
    assert!(is_exhausted(fleet.github.heads(&listed).await, 120));
    assert_eq!(fleet.cost(), 0, "GitHub wants to be left alone");
}

#[tokio::test]
async fn a_token_that_ends_is_told_from_a_wrong_one() {
    let fleet = Fleet::new(1);
    let wrong = connect(&fleet.sandbox, "ghs_other");
    let error = wrong.repositories().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    let listed = fleet.github.repositories().await.unwrap();
    fleet.sandbox.end_token_after(0);
    let repository = fleet.github.repository(name("acme/0"));
    let file = fleet.wanted(0, "x.yml");
    for error in [
        fleet.github.heads(&listed).await.unwrap_err(),
        repository.id().await.unwrap_err(),
        repository.contents(&[file], None).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::TokenEnded { .. }), "{error:?}");
    }
}
