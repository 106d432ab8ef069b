//! Commands beside the action, started as at a terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use port_gitops_contract::{Extent, check_port};
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, blueprints};
use port_gitops_sandbox::{Exchange, Matcher, PortSandbox, Sandbox};
use serde_json::{Value, json};
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

impl Finished {
    pub(crate) fn last_line(&self) -> &str {
        self.out.lines().last().unwrap_or_default()
    }

    /// What it printed as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
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

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts an entity into Port.
    pub(crate) fn put(&self, blueprint: &str, entity: Value) {
        self.port.put_entity(blueprint, entity).unwrap();
    }

    /// Adds the blueprints of a shop to Port, and two that nobody writes.
    pub(crate) fn with_blueprints(self) -> Self {
        self.port.add_blueprint(blueprints::domain());
        self.port.add_blueprint(blueprints::microservice());
        for identifier in ["_user", "gitops_source"] {
            self.port.add_blueprint(json!({"identifier": identifier}));
        }
        self
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

    /// The same without credentials.
    pub(crate) fn offline(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        for variable in ["PORT_CLIENT_ID", "PORT_CLIENT_SECRET", "PORT_BASE_URL"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs what must succeed.
    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Finished {
        let finished = self.run(arguments);
        assert_eq!(finished.status, 0);
        finished
    }

    /// Runs what must not begin, and say why in words that hold `needle`.
    #[track_caller]
    pub(crate) fn cannot_go_on(&self, arguments: &[&str], needle: &str) {
        let finished = self.run(arguments);
        assert_eq!((finished.status, finished.out.as_str()), (2, ""));
        assert!(finished.errors.contains(needle), "`{needle}` is not said");
    }

    /// The requests to Port, as `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        let all = self.port.requests(&Matcher::any());
        let line = |one: &Exchange| format!("{} {}", one.method, one.path);
        all.iter().map(line).collect()
    }
}

/// Runs a command to its end. What it printed is shown with a test that fails.
pub(crate) fn finish(mut command: Command) -> Finished {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let finished = Finished {
        status: output.status.code().unwrap(),
        out: text(&output.stdout),
        errors: text(&output.stderr),
    };
    println!("{}{}", finished.out, finished.errors);
    finished
}

impl Drop for Desk {
    fn drop(&mut self) {
        check_port(&self.port, Extent::Both);
    }
}

#[test]
fn help_names_every_command_and_every_option() {
    let desk = Desk::new();
    let version = concat!("port-gitops ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(desk.succeed(&["--version"]).out, version);
    for (arguments, expected) in [
        ("--help", "check schema export"),
        ("check -h", "--files --blueprint --blueprints --format"),
        ("schema -h", "--output --check --partial --blueprints"),
        (
            "export -h",
            "--blueprint --query --path --files --force --dry-run",
        ),
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let help = desk.succeed(&arguments).out;
        assert!(help.starts_with(version));
        for word in expected.split(' ') {
            assert!(help.contains(&format!("{word} ")), "{word}");
        }
    }
}

#[test]
fn without_credentials_or_with_wrong_ones_it_says_so() {
    let desk = Desk::new();
    for arguments in [&["schema"][..], &["export", "catalog"]] {
        let mut half = desk.command(arguments);
        half.env_remove("PORT_CLIENT_ID");
        let mut wrong = desk.command(arguments);
        wrong.env("PORT_CLIENT_SECRET", "wrong");
        for (command, said) in [
            (half, "PORT_CLIENT_ID"),
            (
                desk.offline(arguments),
                "error: there are no credentials for Port: set PORT_CLIENT_ID",
            ),
            (wrong, "check `PORT_CLIENT_ID` and `PORT_CLIENT_SECRET`"),
        ] {
            let finished = finish(command);
            assert_eq!(finished.status, 2);
            assert!(finished.errors.contains(said), "{said}");
            assert!(!finished.errors.contains("wrong"));
        }
    }
    assert!(!desk.path("catalog").exists());
}
