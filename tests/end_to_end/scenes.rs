//! Steps other than a push to the default branch.

use std::fs;

use port_gitops_sandbox::github::PullRequest;
use port_gitops_sandbox::{Matcher, RunnerCommand, Sandbox, Step, StepResult};
use serde_json::Value;

use crate::world::World;

/// The pull request that these tests are about.
pub(crate) const PULL: u64 = 7;

impl World {
    /// Writes one file and pushes it.
    pub(crate) fn push_file(&self, path: &str, text: &str) -> Step {
        self.repository.write(path, text);
        self.push("Change a file")
    }

    /// Goes to a new branch, for which a pull request is to be opened.
    pub(crate) fn begin_topic(&self) {
        self.repository.create_branch("topic").unwrap();
        self.repository.checkout("topic").unwrap();
    }

    /// The step of the pull request from that branch.
    pub(crate) fn pull_request(&self) -> Step {
        let pull = PullRequest::new(PULL, "main", "topic");
        let event = self.github.pull_request_event(&pull).unwrap();
        self.step("pull_request", &event)
    }

    /// The same from a fork.
    pub(crate) fn pull_request_from_fork(&self, event: &str) -> Step {
        let pull = PullRequest::new(PULL, "main", "topic").from_fork("someone/catalog");
        let payload = self.github.pull_request_event(&pull).unwrap();
        self.step(event, &payload)
    }

    /// The step of a nightly run of the default branch.
    pub(crate) fn nightly(&self) -> Step {
        let event = self.github.workflow_dispatch_event("main").unwrap();
        self.step("schedule", &event)
            .variable("GITHUB_REF", "refs/heads/main")
            .variable("GITHUB_SHA", self.repository.head().unwrap().as_str())
    }

    /// Puts a checkout of the current commit into the step's workspace.
    pub(crate) fn check_out(&self, step: Step) -> Step {
        let workspace = step.workspace();
        self.repository.export("HEAD", &workspace).unwrap();
        fs::create_dir_all(workspace.join(".git")).unwrap();
        step
    }

    /// What was sent to Port that could have written, as `METHOD path`.
    pub(crate) fn port_changes(&self) -> Vec<String> {
        let requests = self.port.requests(&Matcher::any());
        let writes = requests.iter().filter(|exchange| {
            let reads = exchange.method == "GET"
                || exchange.path.ends_with("/search")
                || exchange.path.ends_with("/access_token");
            !reads && exchange.query_value("validation_only") != Some("true")
        });
        writes
            .map(|exchange| format!("{} {}", exchange.method, exchange.path))
            .collect()
    }
}

/// The code that an annotation names.
pub(crate) fn code(annotation: &RunnerCommand) -> &str {
    let (_, rest) = annotation.data.rsplit_once("\n[").unwrap_or_default();
    rest.split(']').next().unwrap_or_default()
}

/// The report that a step left in its outputs.
pub(crate) fn report(result: &StepResult) -> Value {
    serde_json::from_str(result.output("report")).unwrap()
}

/// The log without colours.
pub(crate) fn plain(result: &StepResult) -> String {
    let mut plain = String::new();
    let mut parts = result.log.split('\u{1b}');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, text)| text));
    }
    plain
}

/// What became of each entity, as `state blueprint/identifier`, sorted.
pub(crate) fn states(result: &StepResult) -> Vec<String> {
    let report = report(result);
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let mut states: Vec<_> = report["entities"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let [state, blueprint, name] =
                ["state", "blueprint", "identifier"].map(|field| text(&one[field]));
            format!("{state} {blueprint}/{name}")
        })
        .collect();
    states.sort();
    states
}

/// Whether `needle` is anywhere that a user looks.
pub(crate) fn is_shown(result: &StepResult, needle: &str) -> bool {
    let outputs = result.outputs.values().map(String::as_str);
    outputs
        .chain([plain(result).as_str(), result.summary.as_str()])
        .any(|text| text.contains(needle))
}
