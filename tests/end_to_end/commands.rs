//! Commands beside the action, started as at a terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use port_gitops_contract::{Extent, check_port};
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{Exchange, Matcher, PortSandbox, Sandbox};
use tempfile::TempDir;

use crate::world::binary;

/// A folder, and the Port that its commands ask.
pub(crate) struct Desk {
    pub(crate) port: PortSandbox,
    folder: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Desk {
    /// An empty catalog without blueprints, and a repository without files.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        Self {
            port: PortSandbox::start().unwrap(),
            folder,
        }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// `port-gitops` with these arguments and Port's credentials, and nothing else of this process's
    /// environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .env_clear()
            .env("PORT_CLIENT_ID", CLIENT_ID)
            .env("PORT_CLIENT_SECRET", CLIENT_SECRET)
            .env("PORT_BASE_URL", self.port.url())
            .current_dir(self.folder.path())
            .args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        finish(self.command(arguments))
    }

    /// Runs what must succeed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Finished {
        let finished = self.run(arguments);
        assert_eq!(finished.status, 0);
        finished
    }

    /// The requests to Port, as `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let all = self.port.requests(&Matcher::any());
        let line = |one: &Exchange| format!("{} {}", one.method, one.path);
        all.iter().map(line).collect()
    }
}

pub(crate) fn finish(mut command: Command) -> Finished {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Finished {
        status: output.status.code().unwrap(),
        out: text(&output.stdout),
        errors: text(&output.stderr),
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        check_port(&self.port, Extent::Both);
    }
}

#[test]
fn a_mistyped_command_is_named_with_the_one_that_was_meant() {
    let desk = Desk::new();
    for (given, expected) in [
        (
            "shcema",
            "there is no command `shcema`; did you mean `schema`?",
        ),
        (
            "exprot",
            "there is no command `exprot`; did you mean `export`?",
        ),
        (
            "chekc",
            "there is no command `chekc`; did you mean `check`?",
        ),
        (
            "frobnicate",
            "there is no command `frobnicate`, only `check`, `schema`, `export`",
        ),
        ("--frob", "there is no option `--frob`"),
    ] {
        let finished = desk.run(&[given]);
        assert_eq!(finished.status, 2);
        let expected = format!("error: {expected}\nTry `port-gitops --help`.\n");
        assert_eq!(finished.errors, expected);
    }
}

#[test]
fn help_names_every_command_and_every_option() {
    let desk = Desk::new();
    let version = concat!("port-gitops ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(desk.succeed(&["--version"]).out, version);
    for (arguments, expected) in [
        (&["--help"][..], &["check", "schema", "export"][..]),
        (
            &["check", "-h"],
            &["--files", "--blueprint ", "--blueprints", "--format"],
        ),
        (
            &["schema", "-h"],
            &["--output", "--check", "--partial", "--blueprints"],
        ),
        (
            &["export", "-h"],
            &[
                "--blueprint ",
                "--query",
                "--path",
                "--files",
                "--force",
                "--dry-run",
            ],
        ),
    ] {
        let help = desk.succeed(arguments).out;
        assert!(help.starts_with(version), "{help}");
        for word in expected {
            assert!(help.contains(word), "{word} is not in {help}");
        }
    }
}

#[test]
fn without_credentials_or_with_wrong_ones_it_says_so() {
    let desk = Desk::new();
    for arguments in [&["schema"][..], &["export", "catalog"]] {
        let mut command = desk.command(arguments);
        command.env_remove("PORT_CLIENT_ID");
        let finished = finish(command);
        assert_eq!(finished.status, 2);
        assert!(finished.errors.contains("PORT_CLIENT_ID"));

        let mut command = desk.command(arguments);
        command
            .env_remove("PORT_CLIENT_ID")
            .env_remove("PORT_CLIENT_SECRET");
        let finished = finish(command);
        assert_eq!(finished.status, 2);
        let expected = "error: there are no credentials for Port: set PORT_CLIENT_ID";
        assert!(finished.errors.starts_with(expected));

        let mut command = desk.command(arguments);
        command.env("PORT_CLIENT_SECRET", "wrong");
        let finished = finish(command);
        assert_eq!(finished.status, 2);
        assert!(finished.errors.contains("does not accept the credentials"));
        assert!(
            finished
                .errors
                .contains("check `PORT_CLIENT_ID` and `PORT_CLIENT_SECRET`")
        );
        assert!(!finished.errors.contains("wrong"));
    }
    assert!(!desk.path("catalog").exists());
}
