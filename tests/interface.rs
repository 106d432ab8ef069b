//! What `action.yml` and the documents say of inputs and outputs is what the program knows.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::fs;
use std::path::Path;

use port_gitops::diagnostic::Code;
use port_gitops::document::{self, Node, Value};
use port_gitops::event::Mode;
use port_gitops::git::{CommitSha, RepoName};
use port_gitops::inputs;
use port_gitops::report::{Cost, Ending, Report, RunFacts, outputs};
use port_gitops::text::{RepoPath, Source};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn action() -> Node {
    yaml("action.yml")
}

fn yaml(path: &str) -> Node {
    let source = Source::new(RepoPath::new(path), read(path));
    let documents = document::parse(&source);
    assert!(
        documents.diagnostics.is_empty(),
        "{:#?}",
        documents.diagnostics
    );
    documents.roots.into_iter().next().unwrap()
}

fn keys(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Object(members) => members.iter().map(|member| member.key.as_str()).collect(),
        _ => panic!("not a mapping"),
    }
}

fn at<'n>(node: &'n Node, path: &[&str]) -> &'n Node {
    path.iter().fold(node, |node, key| {
        node.get(key).unwrap_or_else(|| panic!("no `{key}`"))
    })
}

fn text<'n>(node: &'n Node, key: &str) -> &'n str {
    at(node, &[key]).as_str().unwrap()
}

/// The first cell's code of each row of the table below a heading.
fn table(markdown: &str, heading: &str) -> Vec<String> {
    let section = markdown.split_once(&format!("## {heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
    rows.flat_map(|row| row.split('|').next().unwrap().split(','))
        .filter_map(|cell| Some(cell.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned()))
        .collect()
}

#[test]
fn the_action_declares_just_the_inputs_that_are_read() {
    assert_eq!(keys(action().get("inputs").unwrap()), inputs::NAMES);
}

#[test]
fn every_input_and_output_is_described() {
    let action = action();
    for section in ["inputs", "outputs"] {
        let section = action.get(section).unwrap();
        for key in keys(section) {
            let description = section.get(key).unwrap().get("description");
            assert!(
                description
                    .and_then(Node::as_str)
                    .is_some_and(|d| d.len() > 10),
                "{key}"
            );
        }
    }
}

#[test]
fn the_reference_lists_every_input_output_and_code() {
    let reference = read("docs/reference.md");
    assert_eq!(table(&reference, "Inputs"), inputs::NAMES);
    assert_eq!(
        table(&reference, "Outputs"),
        keys(action().get("outputs").unwrap())
    );
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(table(&reference, "Diagnostics"), codes);
}

#[test]
fn a_run_writes_just_the_outputs_that_the_action_declares() {
    let report = Report {
        run: RunFacts {
            mode: Mode::Apply,
            repository: RepoName::parse("octo-org/catalog").unwrap(),
            head: CommitSha::parse(&"1".repeat(40)).unwrap(),
            branch: None,
            server_url: "https://github.com".to_owned(),
            pull_request: None,
            port_url: None,
            documentation_url: None,
        },
        entities: Vec::new(),
        diagnostics: Vec::new(),
        warnings: Vec::new(),
        warnings_before: 0,
        notices: Vec::new(),
        drift: None,
        ending: Ending::Complete,
        cost: Cost::default(),
    };
    let mut written = Vec::new();
    outputs::write(&report, &mut written).unwrap();
    let written = String::from_utf8(written).unwrap();
    let names = written.lines().map(|line| line.split_once('=').unwrap().0);
    let action = action();
    assert_eq!(
        names.collect::<Vec<_>>(),
        keys(action.get("outputs").unwrap())
    );
    assert!(written.contains(&format!("\ncommit={}\n", "1".repeat(40))));
}

/// A push must not cancel a full sync that waits for another run, and a plan waits for nothing.
#[test]
fn runs_that_apply_wait_and_plans_do_not() {
    let is_plan = "startsWith(github.event_name, 'pull_request')";
    for path in [".github/workflows/sync.yml", "docs/setup.md"] {
        let text = read(path);
        let (_, concurrency) = text.split_once("    concurrency:\n").unwrap();
        let mut lines = concurrency.lines();
        let group = lines.next().unwrap();
        assert!(group.contains(is_plan) && group.contains("&& github.run_id || github.ref }}"));
        let queue = lines.next().unwrap();
        assert!(
            queue.trim_start().starts_with("queue: max"),
            "{path}: {queue}"
        );
        assert!(
            !text.contains("cancel-in-progress"),
            "{path}: it excludes `queue: max`"
        );
    }
}

/// The inputs of a run over many repositories, which has a workflow of its own.
const FLEET: [&str; 2] = ["repositories", "shard"];

/// What a caller of the reusable workflow can set and get is what a step can. The secrets have their
/// own section there, and the token is the caller's.
#[test]
fn the_reusable_workflow_passes_everything_through() {
    let action = action();
    let workflow = yaml(".github/workflows/sync.yml");
    let call = at(&workflow, &["on", "workflow_call"]);
    let job = at(&workflow, &["jobs", "sync"]);
    let Value::Array(steps) = &at(job, &["steps"]).value else {
        panic!("no steps");
    };

    let names = inputs::NAMES.into_iter();
    let names: Vec<_> = names.filter(|name| !FLEET.contains(name)).collect();
    let with = at(&steps[0], &["with"]);
    assert_eq!(keys(with), names);
    let secrets = keys(at(call, &["secrets"]));
    for &name in &names {
        let context = match name {
            "github-token" => "github.token".to_owned(),
            secret if secrets.contains(&secret) => format!("secrets.{secret}"),
            input => format!("inputs.{input}"),
        };
        assert_eq!(text(with, name), format!("${{{{ {context} }}}}"));
    }
    let mut settable = keys(at(call, &["inputs"]));
    settable.retain(|name| *name != "runs-on");
    settable.extend(secrets);
    settable.push("github-token");
    settable.sort_unstable();
    let mut all = names;
    all.sort_unstable();
    assert_eq!(settable, all);

    let outputs = keys(action.get("outputs").unwrap());
    assert_eq!(keys(at(call, &["outputs"])), outputs);
    assert_eq!(keys(at(job, &["outputs"])), outputs);
    for name in outputs {
        let value = text(at(call, &["outputs", name]), "value");
        assert_eq!(value, format!("${{{{ jobs.sync.outputs.{name} }}}}"));
        let value = text(at(job, &["outputs"]), name);
        assert_eq!(value, format!("${{{{ steps.sync.outputs.{name} }}}}"));
    }
}

/// A default that the action has and the called workflow repeats must be the same.
#[test]
fn the_reusable_workflows_defaults_are_the_actions() {
    let action = action();
    let workflow = yaml(".github/workflows/sync.yml");
    let given = at(&workflow, &["on", "workflow_call", "inputs"]);
    for name in keys(given) {
        let default = |node: &Node| node.get("default").map(|value| value.to_json());
        let Some(here) = default(at(given, &[name])) else {
            continue;
        };
        let Some(input) = action.get("inputs").unwrap().get(name) else {
            assert_eq!(name, "runs-on");
            continue;
        };
        let there = default(input).unwrap_or_else(|| panic!("`{name}` has no default"));
        assert_eq!(here.to_string(), there.as_str().unwrap(), "{name}");
    }
}
