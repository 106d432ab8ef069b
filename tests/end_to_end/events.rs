//! Each row of the table of events: what is done about it, and with what.

use std::env;
use std::fs;
use std::path::PathBuf;

use port_gitops::event::{Base, CatalogAccess, Decision, Event, EventContext, Mode, Reach, Scope};
use port_gitops::git::{BranchName, CommitSha};
use port_gitops::inputs::{ModeInput, ScopeInput};
use port_gitops_sandbox::github::PullRequest;
use port_gitops_sandbox::{ObjectId, Sandbox, Step};
use serde_json::{Value, json};

use crate::scenes::{report, states};
use crate::world::{STATE, World, cannot_go_on, patient, run, succeed};

/// A catalog that holds `domain/a` as main declares it, and a branch `topic` on which the same file
/// has another title and a second file is new.
struct Branches {
    world: World,
    main: ObjectId,
    topic: ObjectId,
}

impl Branches {
    fn new() -> Self {
        let world = World::new();
        let repository = &world.repository;
        repository.write("a/port.yml", &domain("a", "One"));
        succeed(&world.push("Add a"));
        let main = repository.head().unwrap();
        repository.create_branch("topic").unwrap();
        repository.write("a/port.yml", &domain("a", "Two"));
        repository.write("b/port.yml", &domain("b", "B"));
        let topic = repository.commit("Change a and add b").unwrap();
        world.port.clear_journal();
        world.github.clear_journal();
        Self { world, main, topic }
    }

    /// A step of a run that says by variables what it is about.
    fn asked_for(&self, event: &str, branch: &str, sha: &ObjectId) -> Step {
        let payload = self.world.github.workflow_dispatch_event(branch).unwrap();
        self.world
            .step(event, &payload)
            .variable("GITHUB_REF", format!("refs/heads/{branch}"))
            .variable("GITHUB_SHA", sha.as_str())
    }

    fn push(&self, branch: &str, before: &str, after: &str) -> Step {
        let event = self.world.github.push_event(branch, before, after);
        self.world.step("push", &event.unwrap())
    }

    fn pull_request(&self, event: &str, pull: &PullRequest) -> Step {
        let payload = self.world.github.pull_request_event(pull).unwrap();
        self.world.step(event, &payload)
    }

    /// What a step shows of the change on the branch `topic`, without writing anything.
    fn assert_planned(&self, step: &Step) {
        let result = succeed(step);
        let counts = ["created", "updated", "unchanged"].map(|name| result.output(name));
        assert_eq!(counts, ["1", "1", "0"], "{}", result.log);
        self.assert_untouched();
        self.world.port.clear_journal();
    }

    fn assert_untouched(&self) {
        assert_eq!(self.world.port_writes(), [""; 0]);
        assert_eq!(self.world.title("domain", "a").unwrap(), "One");
    }
}

fn domain(name: &str, title: &str) -> String {
    format!("identifier: {name}\nblueprint: domain\ntitle: {title}\n")
}

#[test]
fn a_push_to_another_branch_is_planned_from_where_it_left_the_default_one() {
    let branches = Branches::new();
    let zero = branches.world.repository.zero_id();
    branches.assert_planned(&branches.push("topic", &zero, &branches.topic));
    // What the last push brought is not all that merging would bring.
    branches.assert_planned(&branches.push("topic", &branches.topic, &branches.topic));
}

#[test]
fn another_branch_that_is_applied_is_a_source_of_its_own() {
    let branches = Branches::new();
    let step = branches
        .push("topic", &branches.main, &branches.topic)
        .input("mode", "apply");
    let result = run(&step);
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        states(&result),
        ["created domain/b", "owned-elsewhere domain/a"]
    );
    let world = &branches.world;
    assert_eq!(world.title("domain", "a").unwrap(), "One");
    let own = world
        .port
        .entity("gitops_source", &format!("{STATE}/branch/topic"));
    let own = own.unwrap()["properties"].clone();
    assert_eq!(own["entities"], json!(["domain|b"]));
    assert_eq!(own["waiting"], json!(["domain|a"]));
    assert_eq!(own["branch"], "topic");
    assert_eq!(world.state_property("entities"), json!(["domain|a"]));
}

#[test]
fn the_tip_is_applied_whichever_commit_started_the_run() {
    let branches = Branches::new();
    let repository = &branches.world.repository;
    repository.checkout("main").unwrap();
    repository.reset_hard("topic").unwrap();
    let tip = branches.topic.as_str();
    let steps = [
        branches.push("main", &branches.main, &branches.main),
        branches.asked_for("schedule", "main", &branches.main),
    ];
    for (step, updated) in steps.iter().zip(["1", "0"]) {
        let result = succeed(step);
        assert_eq!(result.output("updated"), updated, "{}", result.log);
        assert_eq!(report(&result)["head"], tip);
    }
    assert_eq!(branches.world.state_property("commit"), tip);
}

/// GitHub says of the base where it was as the pull request was opened.
#[test]
fn a_pull_request_does_not_show_what_its_base_brought_along_meanwhile() {
    let branches = Branches::new();
    let world = &branches.world;
    world.repository.checkout("main").unwrap();
    world.repository.write("c/port.yml", &domain("c", "Theirs"));
    world.repository.commit("Add c").unwrap();
    world.repository.create_branch("later").unwrap();
    world.repository.write("b/port.yml", &domain("b", "Ours"));
    world.repository.commit("Add b").unwrap();
    let pull = PullRequest::new(1, "main", "later");
    let mut payload = world.github.pull_request_event(&pull).unwrap();
    payload["pull_request"]["base"]["sha"] = branches.main.as_str().into();
    let head = payload["pull_request"]["head"]["sha"].as_str().unwrap();
    for is_late in [false, true] {
        if is_late {
            world.forget_for_a_moment(head);
        }
        let result = succeed(&patient(world.step("pull_request", &payload)));
        let counts = ["created", "updated", "unchanged"].map(|name| result.output(name));
        assert_eq!(counts, ["1", "0", "0"], "{}", result.log);
    }
}

#[test]
fn a_pull_request_that_is_merged_by_now_is_planned_as_it_was() {
    let branches = Branches::new();
    let pull = PullRequest::new(1, "main", "topic");
    let step = branches.pull_request("pull_request", &pull);
    branches.world.repository.checkout("main").unwrap();
    branches
        .world
        .repository
        .reset_hard(&branches.topic)
        .unwrap();
    branches.assert_planned(&step);
    branches.world.repository.checkout("topic").unwrap();
    branches.world.repository.delete_branch("main").unwrap();
    branches.assert_planned(&step);
}

#[test]
fn a_pull_request_is_planned() {
    let branches = Branches::new();
    let pull = PullRequest::new(1, "main", "topic");
    for event in ["pull_request", "pull_request_target"] {
        branches.assert_planned(&branches.pull_request(event, &pull));
    }
}

#[test]
fn what_is_not_merged_is_not_applied() {
    let branches = Branches::new();
    let pull = PullRequest::new(1, "main", "topic");
    let github = &branches.world.github;
    let group = github
        .merge_group_event("main", &branches.main, &branches.topic)
        .unwrap();
    let review = |event: &str| {
        let step = branches.asked_for(event, "main", &branches.topic);
        step.variable("GITHUB_REF", "refs/pull/1/merge")
    };
    let steps = [
        branches.pull_request("pull_request", &pull),
        branches.pull_request("pull_request_target", &pull),
        branches.world.step("merge_group", &group),
        review("pull_request_review"),
        review("pull_request_review_comment"),
    ];
    for step in steps {
        cannot_go_on(&step.input("mode", "apply"), &["`mode`", "not merged"]);
    }
    assert_eq!(branches.world.port.journal().len(), 0);
}

#[test]
fn the_author_of_a_fork_does_not_query_the_catalog() {
    let branches = Branches::new();
    let pull = PullRequest::new(1, "main", "topic").from_fork("mallory/catalog");
    for event in ["pull_request", "pull_request_target"] {
        let result = succeed(&branches.pull_request(event, &pull));
        assert!(result.log.contains("offline"), "{}", result.log);
        assert_eq!(branches.world.port.journal().len(), 0);
    }
}

#[test]
fn a_merge_group_is_planned() {
    let branches = Branches::new();
    let github = &branches.world.github;
    let event = github
        .merge_group_event("main", &branches.main, &branches.topic)
        .unwrap();
    branches.assert_planned(&branches.world.step("merge_group", &event));
}

#[test]
fn runs_that_someone_asks_for_repair_drift_on_the_default_branch() {
    let branches = Branches::new();
    let port = &branches.world.port;
    for event in ["workflow_dispatch", "schedule", "repository_dispatch"] {
        let drifted = json!({"identifier": "a", "title": format!("Before the {event}")});
        port.put_entity("domain", drifted, "somebody").unwrap();
        let result = succeed(&branches.asked_for(event, "main", &branches.main));
        assert_eq!(result.output("updated"), "1", "{event}: {}", result.log);
        assert_eq!(branches.world.title("domain", "a").unwrap(), "One");
    }
}

#[test]
fn runs_that_someone_asks_for_plan_other_branches() {
    let branches = Branches::new();
    for event in ["workflow_dispatch", "schedule", "repository_dispatch"] {
        branches.assert_planned(&branches.asked_for(event, "topic", &branches.topic));
    }
}

#[test]
fn deleted_refs_tags_and_other_events_need_nothing() {
    let branches = Branches::new();
    let zero = branches.world.repository.zero_id();
    let steps = [
        branches.push("main", &branches.main, &zero),
        branches.push("refs/tags/v1", &zero, &branches.topic),
        branches.push("refs/tags/v1", &branches.topic, &zero),
        branches.asked_for("issues", "main", &branches.main),
    ];
    for step in steps {
        let result = succeed(&step);
        assert!(result.log.contains("Nothing to do: "), "{}", result.log);
    }
    let result = succeed(&branches.asked_for("issues", "main", &branches.main));
    assert!(result.log.contains("`mode`"), "{}", result.log);
    assert_eq!(branches.world.github.journal().len(), 0);
    assert_eq!(branches.world.port.journal().len(), 0);
}

#[test]
fn another_event_is_acted_on_where_the_mode_is_given() {
    let branches = Branches::new();
    let step = branches.asked_for("release", "topic", &branches.topic);
    branches.assert_planned(&step.input("mode", "plan"));
}

#[test]
fn explicit_inputs_win_over_the_event() {
    let branches = Branches::new();
    let topic = || branches.push("topic", &branches.main, &branches.topic);
    let result = succeed(&topic().input("scope", "all"));
    assert_eq!(result.output("updated"), "1", "{}", result.log);
    branches.assert_planned(&topic().input("scope", "changed"));

    branches.world.repository.checkout("main").unwrap();
    branches.world.repository.reset_hard("topic").unwrap();
    let main = || branches.push("main", &branches.main, &branches.topic);
    branches.assert_planned(&main().input("mode", "plan"));
    let night = || branches.asked_for("schedule", "main", &branches.topic);
    branches.assert_planned(&night().input("mode", "plan").input("scope", "changed"));
    let result = succeed(&night().input("scope", "changed"));
    let counts = ["created", "updated", "drift"].map(|name| result.output(name));
    assert_eq!(counts, ["1", "1", ""], "{}", result.log);
}

#[test]
fn a_forgotten_secret_is_an_error_where_something_is_written_and_else_an_offline_plan() {
    let branches = Branches::new();
    let bare = |step: Step| {
        step.without("INPUT_CLIENT-ID")
            .without("INPUT_CLIENT-SECRET")
    };
    let writing = [
        branches.push("main", &branches.main, &branches.main),
        branches.asked_for("schedule", "main", &branches.main),
        branches
            .push("topic", &branches.main, &branches.topic)
            .input("mode", "apply"),
    ];
    for step in writing {
        cannot_go_on(&bare(step), &["`client-id`", "`client-secret`"]);
    }
    let pull = PullRequest::new(1, "main", "topic");
    let planning = [
        branches.push("topic", &branches.main, &branches.topic),
        branches.asked_for("schedule", "topic", &branches.topic),
        branches.pull_request("pull_request", &pull),
    ];
    for step in planning {
        let result = succeed(&bare(step));
        assert!(result.log.contains("offline"), "{}", result.log);
    }
    assert_eq!(branches.world.port.journal().len(), 0);
}

/// Payloads as GitHub sends them are read where they are, beside the project.
fn real_payloads() -> Option<Vec<(String, String)>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/events");
    let given = env::var_os("PORT_GITOPS_EVENTS").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| beside.into());
    if !folder.is_dir() {
        eprintln!(
            "SKIPPED: GitHub's own payloads are not in {}; PORT_GITOPS_EVENTS names their folder",
            folder.display()
        );
        return None;
    }
    let mut payloads = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        payloads.push((name, fs::read_to_string(path).unwrap()));
    }
    payloads.sort();
    Some(payloads)
}

#[test]
fn payloads_as_github_sends_them_are_understood() {
    let Some(payloads) = real_payloads() else {
        return;
    };
    assert!(!payloads.is_empty());
    for (file, text) in payloads {
        let (name, _) = file.rsplit_once('-').unwrap();
        let payload: Value = serde_json::from_str(&text).unwrap();
        let event = Event::parse(name, &text).unwrap();
        let default_branch = &payload["repository"]["default_branch"];
        assert_eq!(
            event.default_branch().map(BranchName::as_str),
            default_branch.as_str(),
            "{file}"
        );
        let sha = "a".repeat(40);
        let decided = event
            .decide(EventContext {
                mode: ModeInput::Auto,
                scope: ScopeInput::Auto,
                reach: Reach::Repository,
                default_branch: &BranchName::new(default_branch.as_str().unwrap_or("main")),
                full_ref: Some("refs/heads/master"),
                sha: Some(&sha),
            })
            .unwrap();
        assert_sensible(&file, name, &payload, decided);
    }
}

/// What each of the payloads asks for. Of pushes GitHub shows only some of tags.
fn assert_sensible(file: &str, name: &str, payload: &Value, decided: Decision) {
    let text = |path: &str| payload.pointer(path).and_then(Value::as_str).unwrap();
    let run = match decided {
        Decision::Run(run) => run,
        Decision::Nothing(reason) => {
            assert_eq!(name, "push", "{file}: {reason}");
            assert!(text("/ref").starts_with("refs/tags/"), "{file}: {reason}");
            return;
        }
    };
    let merge_base = |with: &str| Scope::Changed(Base::MergeBaseWith(with.to_owned()));
    match name {
        "pull_request" => {
            assert_eq!(run.mode, Mode::Plan, "{file}");
            assert_eq!(run.catalog, CatalogAccess::WithCredentials, "{file}");
            let base = Base::PullRequest {
                into: BranchName::new(text("/pull_request/base/ref")),
                opened_on: CommitSha::parse(text("/pull_request/base/sha")).unwrap(),
            };
            assert_eq!(run.scope, Scope::Changed(base));
            assert_eq!(run.commit.as_str(), text("/pull_request/head/sha"));
            assert_eq!(run.pull_request, payload["number"].as_u64());
        }
        "merge_group" => {
            assert_eq!(run.mode, Mode::Plan, "{file}");
            assert_eq!(run.scope, merge_base(text("/merge_group/base_sha")));
            assert_eq!(run.commit.as_str(), text("/merge_group/head_sha"));
        }
        "workflow_dispatch" | "repository_dispatch" => {
            let is_default = payload["repository"]["default_branch"] == "master";
            let mode = if is_default { Mode::Apply } else { Mode::Plan };
            assert_eq!((run.mode, run.scope), (mode, Scope::All), "{file}");
        }
        other => panic!("{file}: what `{other}` asks for is not known here"),
    }
}
