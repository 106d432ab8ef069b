//! What `action.yml` and the documents say of inputs and outputs is what the program knows.

#![cfg(test)]

use std::fs;
use std::path::Path;

use port_gitops::diagnostic::Code;
use port_gitops::document::{self, Node, Value};
use port_gitops::inputs;
use port_gitops::text::{RepoPath, SourceFile};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn action() -> Node {
    yaml("action.yml")
}

fn yaml(path: &str) -> Node {
    let source = SourceFile::new(RepoPath::new(path), read(path));
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
    let action = action();
    let outputs = keys(action.get("outputs").unwrap());
    assert_eq!(table(&reference, "Outputs"), outputs);
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(table(&reference, "Diagnostics"), codes);
}

/// A frequent run must not cancel a full sync that waits for another run, and a plan waits for nothing.
#[test]
fn runs_that_apply_wait_and_plans_do_not() {
    for (path, is_plan) in [
        (SYNC.path, "startsWith(github.event_name, 'pull_request')"),
        (
            "docs/setup.md",
            "startsWith(github.event_name, 'pull_request')",
        ),
        (FLEET.path, "inputs.mode == 'plan'"),
    ] {
        let text = read(path);
        let (_, concurrency) = text.split_once("    concurrency:\n").unwrap();
        let mut lines = concurrency.lines();
        let group = lines.next().unwrap();
        assert!(group.contains(is_plan) && group.contains(" && github.run_id || github.ref }}"));
        let queue = lines.next().unwrap();
        let said = "queue: max";
        assert!(queue.trim_start().starts_with(said), "{path}: {queue}");
        let said = "cancel-in-progress";
        assert!(!text.contains(said), "{path}: it excludes `queue: max`");
    }
}

/// A workflow that others call. It passes the action's inputs through, but for a few.
struct Called {
    path: &'static str,
    job: &'static str,
    /// What it leaves out of the action's inputs.
    missing: &'static [&'static str],
    /// What its callers can set, and the action's inputs do not have.
    own: &'static [&'static str],
    /// What it gives to the action, where that is not the caller's input or secret of the same name.
    given: &'static [(&'static str, &'static str)],
}

const SYNC: Called = Called {
    path: ".github/workflows/sync.yml",
    job: "sync",
    missing: &["repositories", "shard"],
    own: &["runs-on"],
    given: &[("github-token", "${{ github.token }}")],
};

const FLEET: Called = Called {
    path: ".github/workflows/fleet.yml",
    job: "fleet",
    // A job's workspace ends with it, and a fleet has no pull request.
    missing: &["comment", "report-file"],
    own: &[
        "app-client-id",
        "app-private-key",
        "organization",
        "runs-on",
        "shards",
    ],
    given: &[
        ("github-token", "${{ steps.app.outputs.token }}"),
        ("shard", "${{ matrix.shard }}/${{ strategy.job-total }}"),
    ],
};

/// What a caller of a reusable workflow can set is what a step can.
#[test]
fn the_reusable_workflows_pass_everything_through() {
    for called in [SYNC, FLEET] {
        let workflow = yaml(called.path);
        let call = at(&workflow, &["on", "workflow_call"]);
        let Value::Array(steps) = &at(&workflow, &["jobs", called.job, "steps"]).value else {
            panic!("no steps");
        };
        let with = at(steps.last().unwrap(), &["with"]);
        let mut names = inputs::NAMES.to_vec();
        names.retain(|name| !called.missing.contains(name));
        assert_eq!(keys(with), names);

        let secrets = keys(at(call, &["secrets"]));
        let mut settable = called.own.to_vec();
        for name in names {
            let own = called.given.iter().find(|(given, _)| *given == name);
            if own.is_none() {
                settable.push(name);
            }
            let passed = match secrets.contains(&name) {
                true => format!("${{{{ secrets.{name} }}}}"),
                false => format!("${{{{ inputs.{name} }}}}"),
            };
            assert_eq!(text(with, name), own.map_or(&*passed, |(_, value)| value));
        }
        settable.sort_unstable();
        let mut declared = [keys(at(call, &["inputs"])), secrets].concat();
        declared.sort_unstable();
        assert_eq!(declared, settable, "{}", called.path);
    }
}

/// What a caller gets is what a step gets.
#[test]
fn the_reusable_workflow_passes_every_output() {
    let action = action();
    let workflow = yaml(SYNC.path);
    let call = at(&workflow, &["on", "workflow_call"]);
    let job = at(&workflow, &["jobs", "sync"]);
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
    for called in [SYNC, FLEET] {
        let workflow = yaml(called.path);
        let given = at(&workflow, &["on", "workflow_call", "inputs"]);
        for name in keys(given) {
            let default = |node: &Node| node.get("default").map(|value| value.to_json());
            let Some(here) = default(at(given, &[name])) else {
                continue;
            };
            let Some(input) = action.get("inputs").unwrap().get(name) else {
                assert!(called.own.contains(&name), "{name}");
                continue;
            };
            let there = default(input).unwrap_or_else(|| panic!("`{name}` has no default"));
            assert_eq!(here.to_string(), there.as_str().unwrap(), "{name}");
        }
    }
}
