//! The program as docs/runners.md runs it where no container can be started. What `gh` downloads and
//! verifies takes the network, so `gh` is a stand-in here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use port_gitops_sandbox::github::GitHubSandbox;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{Sandbox, Step, StepResult};

use crate::world::{World, binary};

const GH: &str = r#"#!/bin/sh
echo "$*" >>"$CALLS"
case "$1 $2" in
  "release download") cp "$PROGRAM" "$7" && chmod -x "$7" ;;
  "attestation verify") exit "$VERIFIED" ;;
esac
"#;

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The step's variables and script, as the page shows them.
fn shown() -> (Vec<(String, String)>, String) {
    let page = include_str!("../../docs/runners.md");
    let (_, step) = page.split_once("        env:\n").unwrap();
    let (variables, script) = step.split_once("        run: |\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let variable = |line: &str| {
        let (name, value) = line.trim().split_once(": ").unwrap();
        let value = value.split(" #").next().unwrap();
        let value = match value {
            "${{ github.token }}" => GitHubSandbox::TOKEN,
            "${{ secrets.PORT_CLIENT_ID }}" => CLIENT_ID,
            "${{ secrets.PORT_CLIENT_SECRET }}" => CLIENT_SECRET,
            value => value,
        };
        (name.to_owned(), value.to_owned())
    };
    (variables.lines().map(variable).collect(), script.to_owned())
}

fn run(world: &World, verified: &str) -> (StepResult, String) {
    let (variables, script) = shown();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    write_program(Path::new(&path("gh")), GH);
    write_program(
        Path::new(&path("script")),
        &format!("#!/bin/bash -e\n{script}"),
    );
    let mut step: Step = world.push("Add an entity");
    for name in ["CLIENT-ID", "CLIENT-SECRET", "BASE-URL", "GITHUB-TOKEN"] {
        step = step.without(&format!("INPUT_{name}"));
    }
    step = step
        .variable("CALLS", path("calls"))
        .variable("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .variable("PROGRAM", binary().display().to_string())
        .variable("RUNNER_TEMP", folder.path().display().to_string())
        .variable("VERIFIED", verified)
        .variable("INPUT_BASE_URL", world.port.url());
    for (name, value) in variables {
        step = step.variable(&name, value);
    }
    let result = step.run(Path::new(&path("script"))).unwrap();
    (result, fs::read_to_string(path("calls")).unwrap())
}

#[test]
fn the_step_runs_the_program_that_it_has_verified() {
    let world = World::new();
    world.write_domain("port.yml", "a", "A");
    let (result, calls) = run(&world, "0");
    assert_eq!(result.status, 0, "{}{}", result.log, result.errors);
    assert_eq!(result.output("created"), "1");
    assert_eq!(world.title("domain", "a").as_deref(), Some("A"));
    let calls: Vec<_> = calls.lines().collect();
    assert!(calls[0].starts_with("release download v1.0.0 --repo OWNER/port-gitops"));
    assert!(calls[1].starts_with("attestation verify port-gitops-1.0.0-macos-arm64"));
}

#[test]
fn the_step_runs_nothing_that_it_cannot_verify() {
    let world = World::new();
    world.write_domain("port.yml", "a", "A");
    let (result, _) = run(&world, "1");
    assert_eq!((result.status, result.log.as_str()), (1, ""));
    assert_eq!(world.port.journal().len(), 0);
}
