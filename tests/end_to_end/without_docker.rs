//! The program as docs/runners.md runs it where no container can be started. What `gh` downloads and
//! verifies takes the network, so `gh` is a stand-in here.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use port_gitops_sandbox::github::GitHubSandbox;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{Sandbox, StepResult};

use crate::world::{World, binary};

const GH: &str = r#"#!/bin/sh
case "$1 $2 $3" in
  "release download v1.0.0") [ "$7" = port-gitops-1.0.0-macos-arm64 ] && cp "$PROGRAM" "$7" ;;
  "attestation verify port-gitops-1.0.0-macos-arm64") exit "$VERIFIED" ;;
  *) exit 2 ;;
esac
"#;

fn run(world: &World, verified: &str) -> StepResult {
    let page = include_str!("../../docs/runners.md");
    let (_, step) = page.split_once("        env:\n").unwrap();
    let (variables, script) = step.split_once("        run: |\n").unwrap();
    let (script, _) = script.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scripts = [
        ("gh", GH.to_owned()),
        ("script", format!("#!/bin/bash -e\n{script}")),
    ];
    for (name, text) in scripts {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    world.write_domain("port.yml", "a", "A");
    let mut step = world
        .push("Add an entity")
        .variable("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .variable("PROGRAM", binary().display().to_string())
        .variable("RUNNER_TEMP", folder.path().display().to_string())
        .variable("VERIFIED", verified)
        .variable("INPUT_BASE_URL", world.port.url());
    for input in ["CLIENT-ID", "CLIENT-SECRET", "BASE-URL", "GITHUB-TOKEN"] {
        step = step.without(&format!("INPUT_{input}"));
    }
    for line in variables.lines() {
        let (name, value) = line.trim().split_once(": ").unwrap();
        let value = match value.split(" #").next().unwrap() {
            "${{ github.token }}" => GitHubSandbox::TOKEN,
            "${{ secrets.PORT_CLIENT_ID }}" => CLIENT_ID,
            "${{ secrets.PORT_CLIENT_SECRET }}" => CLIENT_SECRET,
            value => value,
        };
        step = step.variable(name, value);
    }
    step.run(&folder.path().join("script")).unwrap()
}

#[test]
fn the_step_runs_the_program_only_if_it_is_verified() {
    let world = World::new();
    let result = run(&world, "1");
    assert_eq!((result.status, result.log.as_str()), (1, ""));
    assert_eq!(world.port.journal().len(), 0);
    let result = run(&World::new(), "0");
    assert_eq!(result.status, 0);
    assert_eq!(result.output("created"), "1");
}
