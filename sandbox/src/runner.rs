//! A workflow's step, started and read as GitHub's runner does it.
//!
//! The rules: [variables][variables], [commands][commands].
//!
//! [variables]: https://docs.github.com/en/actions/reference/workflows-and-actions/variables
//! [commands]: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{GitHubSandbox, Sandbox};

/// A step that has not run yet.
#[derive(Debug)]
pub struct Step {
    folder: TempDir,
    variables: BTreeMap<String, String>,
}

/// What is left of a step that ran.
#[derive(Debug, Clone)]
pub struct StepResult {
    /// The exit status; -1 where a signal ended it.
    pub status: i32,
    /// All that it printed, with the commands.
    pub log: String,
    /// What it printed on standard error.
    pub errors: String,
    /// The commands that the runner read.
    pub commands: Vec<RunnerCommand>,
    /// The step's outputs.
    pub outputs: BTreeMap<String, String>,
    /// The job's summary.
    pub summary: String,
}

/// A command that the runner read in a step's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerCommand {
    /// `error`, `add-mask`, …
    pub name: String,
    /// Its properties, unescaped.
    pub properties: BTreeMap<String, String>,
    /// Its data, unescaped.
    pub data: String,
}

impl Step {
    /// A step of a workflow that an event triggered, in the repository that `github` serves. Like
    /// the runner, it passes nothing of this process's own environment.
    ///
    /// # Errors
    ///
    /// The step's files cannot be made.
    pub fn new(github: &GitHubSandbox, event: &str, payload: &Value) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let workspace = folder.path().join("workspace");
        fs::create_dir(&workspace)?;
        let file = |name: &str, content: &str| -> io::Result<String> {
            let path = folder.path().join(name);
            fs::write(&path, content)?;
            Ok(path.display().to_string())
        };
        let (name, payload) = (github.full_name(), payload.to_string());
        let workflow = format!("{name}/.github/workflows/port.yml@refs/heads/main");
        let payload = file("event.json", &payload)?;
        let variables = [
            ("CI", "true".to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_API_URL", github.url()),
            ("GITHUB_GRAPHQL_URL", github.graphql_url()),
            ("GITHUB_SERVER_URL", "https://github.com".to_owned()),
            ("GITHUB_REPOSITORY", name),
            ("GITHUB_REPOSITORY_ID", github.repository_id().to_string()),
            ("GITHUB_WORKFLOW_REF", workflow),
            ("GITHUB_EVENT_NAME", event.to_owned()),
            ("GITHUB_EVENT_PATH", payload),
            ("GITHUB_OUTPUT", file("output", "")?),
            ("GITHUB_STEP_SUMMARY", file("summary.md", "")?),
            ("GITHUB_WORKSPACE", workspace.display().to_string()),
            ("GITHUB_RUN_ID", "1".to_owned()),
            ("INPUT_GITHUB-TOKEN", GitHubSandbox::TOKEN.to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Ok(Self {
            folder,
            variables: variables.into(),
        })
    }

    /// Gives the step an input of the workflow's `with:`.
    pub fn input(self, name: &str, value: impl Into<String>) -> Self {
        let variable = format!("INPUT_{}", name.to_uppercase());
        self.variable(&variable, value)
    }

    /// Gives the step a variable.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// Takes a variable away.
    pub fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// The step's environment.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Where the workflow's files are.
    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// A process of `program` with the step's environment, not started yet.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.workspace())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `program` as the step's action.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn run(&self, program: &Path) -> io::Result<StepResult> {
        let output = self.command(program).output()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let status = output.status.code().unwrap_or(-1);
        self.result(status, text(&output.stdout), text(&output.stderr))
    }

    /// Reads what a step that ended with `status` left after.
    ///
    /// # Errors
    ///
    /// The step's files cannot be read.
    pub fn result(&self, status: i32, log: String, errors: String) -> io::Result<StepResult> {
        let read = |name: &str| fs::read_to_string(self.folder.path().join(name));
        Ok(StepResult {
            status,
            commands: log
                .split(['\n', '\r'])
                .filter_map(RunnerCommand::parse)
                .collect(),
            log,
            errors,
            outputs: parse_outputs(&read("output")?),
            summary: read("summary.md")?,
        })
    }
}

impl StepResult {
    /// The commands of one name.
    pub fn commands(&self, name: &str) -> Vec<&RunnerCommand> {
        let commands = self.commands.iter();
        commands.filter(|command| command.name == name).collect()
    }

    /// An output, or nothing.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).map_or("", String::as_str)
    }

    /// The log as it is shown: masked, and without the commands that only the runner reads.
    pub fn shown(&self) -> String {
        let is_hidden = |line: &&str| {
            let command = RunnerCommand::parse(line);
            !command.is_some_and(|command| matches!(command.name.as_str(), "add-mask" | "debug"))
        };
        let shown: Vec<_> = self.log.lines().filter(is_hidden).collect();
        let mut shown = shown.join("\n");
        for secret in self.commands("add-mask") {
            shown = shown.replace(&secret.data, "***");
        }
        shown
    }
}

impl RunnerCommand {
    /// Reads a line as the runner does: blanks at its start do not count, and the older form
    /// `##[name]` counts wherever it stands.
    pub fn parse(line: &str) -> Option<Self> {
        let (head, data) = match line.trim_start().strip_prefix("::") {
            Some(rest) => rest.split_once("::")?,
            None => line.split_once("##[")?.1.split_once(']')?,
        };
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let properties = properties
            .split(',')
            .filter_map(|property| property.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), unescape_property(value)))
            .collect();
        Some(Self {
            name: name.to_owned(),
            properties,
            data: unescape(data),
        })
    }

    /// A property's value, or nothing.
    pub fn property(&self, name: &str) -> &str {
        self.properties.get(name).map_or("", String::as_str)
    }
}

fn unescape(text: &str) -> String {
    text.replace("%0D", "\r")
        .replace("%0A", "\n")
        .replace("%25", "%")
}

fn unescape_property(text: &str) -> String {
    unescape(&text.replace("%3A", ":").replace("%2C", ","))
}

/// `name=value` lines, and values of several lines between delimiters: `name<<END`.
fn parse_outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, delimiter)) = line.split_once("<<")
            && !name.contains('=')
        {
            let value: Vec<_> = lines
                .by_ref()
                .take_while(|line| *line != delimiter)
                .collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else if let Some((name, value)) = line.split_once('=') {
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}
