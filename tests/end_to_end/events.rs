//! Each row of the table of events: what is done about it, and with what.

use std::env;
use std::fs;
use std::path::PathBuf;

use port_gitops::event::{Base, CatalogAccess, Decision, Event, EventContext, Mode, Reach, Scope};
use port_gitops::git::{BranchName, CommitSha};
use port_gitops::inputs::{ModeInput, ScopeInput};
use port_gitops_sandbox::github::PullRequest;
use port_gitops_sandbox::{ObjectId, Sandbox, Step};
use serde_json::Value;

use crate::scenes::report;
use crate::world::{World, assert_outputs, cannot_go_on, offline, patient, succeed, titled};

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
        succeed(&world.change("a=One"));
        let main = world.head();
        world.repository.create_branch("topic").unwrap();
        world.change("a=Two b=B");
        let topic = world.head();
        world.clear_journals();
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
        assert_outputs(&succeed(step), "created=1 updated=1 unchanged=0");
        assert_eq!(self.world.port_writes(), [""; 0]);
        self.world.assert_holds("a=One");
        self.world.port.clear_journal();
    }
}

/// From where it left the default branch: what the last push brought is not all that merging would bring. Another
/// event is planned where the mode is given. What is not merged is not applied even if somebody wants it.
#[test]
fn what_is_not_on_the_default_branch_is_planned() {
    let branches = Branches::new();
    let (zero, topic) = (branches.world.repository.zero_id(), &branches.topic);
    let pull = PullRequest::new(1, "main", "topic");
    let github = &branches.world.github;
    let group = github.merge_group_event("main", &branches.main, topic);
    let asked_for = |event: &str| branches.asked_for(event, "topic", topic);
    for (step, may_be_applied) in [
        (branches.push("topic", &zero, topic), true),
        (branches.push("topic", topic, topic), true),
        (branches.pull_request("pull_request", &pull), false),
        (branches.pull_request("pull_request_target", &pull), false),
        (branches.world.step("merge_group", &group.unwrap()), false),
        (asked_for("workflow_dispatch"), true),
        (asked_for("schedule"), true),
        (asked_for("repository_dispatch"), true),
        (asked_for("release").input("mode", "plan"), true),
    ] {
        branches.assert_planned(&step);
        if !may_be_applied {
            cannot_go_on(&step.input("mode", "apply"), &["`mode`", "not merged"]);
        }
    }
}

#[test]
fn a_branch_without_common_history_is_planned_as_new() {
    let world = World::new();
    world.repository.checkout_orphan("orphan");
    world.write("port.yml", &titled("a", "A"));
    let after = world.repository.commit("Begin anew").unwrap();
    let zero = world.repository.zero_id();
    let event = world.github.push_event("orphan", &zero, &after).unwrap();
    assert_outputs(&succeed(&world.step("push", &event)), "created=1");
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
        assert_eq!(result.output("updated"), updated);
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
    world.change("c=Theirs");
    world.repository.create_branch("later").unwrap();
    world.change("b=Ours");
    let pull = PullRequest::new(1, "main", "later");
    let mut payload = world.github.pull_request_event(&pull).unwrap();
    payload["pull_request"]["base"]["sha"] = branches.main.as_str().into();
    let head = payload["pull_request"]["head"]["sha"].as_str().unwrap();
    for is_late in [false, true] {
        if is_late {
            world.forget_for_a_moment(head);
        }
        let result = succeed(&patient(world.step("pull_request", &payload)));
        assert_outputs(&result, "created=1 updated=0 unchanged=0");
    }
}

#[test]
fn a_pull_request_that_is_merged_by_now_is_planned_as_it_was() {
    let branches = Branches::new();
    let pull = PullRequest::new(1, "main", "topic");
    let step = branches.pull_request("pull_request", &pull);
    let repository = &branches.world.repository;
    repository.checkout("main").unwrap();
    repository.reset_hard(&branches.topic).unwrap();
    branches.assert_planned(&step);
    repository.checkout("topic").unwrap();
    repository.delete_branch("main").unwrap();
    branches.assert_planned(&step);
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
        assert!(result.log.contains("Nothing to do: "));
    }
    let result = succeed(&branches.asked_for("issues", "main", &branches.main));
    assert!(result.log.contains("`mode`"));
    assert_eq!(branches.world.github.journal().len(), 0);
    assert_eq!(branches.world.port.journal().len(), 0);
}

#[test]
fn a_forgotten_secret_is_an_error_where_something_is_written_and_else_an_offline_plan() {
    let branches = Branches::new();
    let writing = [
        branches.push("main", &branches.main, &branches.main),
        branches.asked_for("schedule", "main", &branches.main),
        branches
            .push("topic", &branches.main, &branches.topic)
            .input("mode", "apply"),
    ];
    for step in writing {
        cannot_go_on(&offline(step), &["`client-id`", "`client-secret`"]);
    }
    let pull = PullRequest::new(1, "main", "topic");
    let planning = [
        branches.push("topic", &branches.main, &branches.topic),
        branches.asked_for("schedule", "topic", &branches.topic),
        branches.pull_request("pull_request", &pull),
    ];
    for step in planning {
        let result = succeed(&offline(step));
        assert!(result.log.contains("offline"));
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
        let expected = default_branch.as_str();
        assert_eq!(
            event.default_branch().map(BranchName::as_str),
            expected,
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
