//! Where the demo plays: a GitHub API and a Port API on this machine, and the action between them.

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use port_gitops::environment::Environment;
use port_gitops::shutdown::shutdown;
use port_gitops::{Exit, run};
use port_gitops_sandbox::github::PullRequest;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{GitHubSandbox, PortSandbox, Sandbox, Step, StepResult, TestRepository};
use serde_json::Value;

/// The number of the pull request.
const PULL: u64 = 1;

/// The blueprint of states.
const STATES: &str = "gitops_source";

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A repository on GitHub and a catalog in Port.
pub(crate) struct Stage {
    pub(crate) repository: TestRepository,
    github: GitHubSandbox,
    port: PortSandbox,
    pushed: String,
}

impl Stage {
    /// An empty repository, and an empty catalog with these blueprints.
    pub(crate) fn new(blueprints: impl IntoIterator<Item = Value>) -> Result<Self> {
        let repository = TestRepository::new()?;
        let github = GitHubSandbox::start(&repository)?;
        let port = PortSandbox::start()?;
        for blueprint in blueprints {
            port.add_blueprint(blueprint);
        }
        let pushed = repository.zero_id().to_string();
        Ok(Self {
            repository,
            github,
            port,
            pushed,
        })
    }

    /// Commits what is staged, pushes it, and shows what the action makes of it.
    pub(crate) async fn push(&mut self, message: &str, inputs: &[(&str, &str)]) -> Result<()> {
        let commit = self.repository.commit(message)?.to_string();
        let event = self.github.push_event("main", &self.pushed, &commit)?;
        self.pushed = commit;
        let result = self.run("push", &event, inputs).await?;
        show(&format!("git push: {message}"), &result)
    }

    /// Commits what is staged on the branch `topic`, and shows what the action makes of its pull request.
    pub(crate) async fn pull_request(
        &mut self,
        message: &str,
        inputs: &[(&str, &str)],
    ) -> Result<StepResult> {
        self.repository.commit(message)?;
        let pull = PullRequest::new(PULL, "main", "topic");
        let event = self.github.pull_request_event(&pull)?;
        let inputs = [inputs, &[("comment", "true")]].concat();
        let result = self.run("pull_request", &event, &inputs).await?;
        show(&format!("pull request: {message}"), &result)?;
        Ok(result)
    }

    /// The comment on the pull request.
    pub(crate) fn comment(&self) -> Option<String> {
        let mut comments = self.github.comments(PULL).into_iter();
        comments.next().map(|comment| comment.body)
    }

    async fn run(&self, name: &str, event: &Value, inputs: &[(&str, &str)]) -> Result<StepResult> {
        let step = Step::new(&self.github, name, event)?
            .input("client-id", CLIENT_ID)
            .input("client-secret", CLIENT_SECRET)
            .input("base-url", self.port.url());
        let step = inputs
            .iter()
            .fold(step, |step, (name, value)| step.input(name, *value));
        run_action(&step).await
    }

    pub(crate) fn show_catalog(&self) -> Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "{}", heading("The catalog in Port"))?;
        let row = |out: &mut dyn Write, cells: [&str; 4]| {
            let [blueprint, identifier, title, rest] = cells;
            writeln!(out, "{blueprint:14} {identifier:14} {title:12} {rest}")
        };
        row(
            &mut out,
            [
                "BLUEPRINT",
                "IDENTIFIER",
                "TITLE",
                "PROPERTIES AND RELATIONS",
            ],
        )?;
        let entities = self.port.entities();
        let (states, entities): (Vec<_>, Vec<_>) = entities
            .into_iter()
            .partition(|(blueprint, ..)| blueprint == STATES);
        for (blueprint, identifier, entity) in entities {
            let title = entity["title"].as_str().unwrap_or_default();
            let rest = [&entity["properties"], &entity["relations"]]
                .map(shortened)
                .join(" ");
            row(&mut out, [&blueprint, &identifier, title, &rest])?;
        }
        for (_, _, state) in states {
            show_state(&mut out, &state)?;
        }
        Ok(())
    }
}

/// Shows what people see of a repository's state.
fn show_state(out: &mut impl Write, state: &Value) -> Result<()> {
    write!(out, "{}", heading("The state of the repository in Port"))?;
    for name in ["repository", "branch", "commit", "status", "entity_count"] {
        let value = &state["properties"][name];
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "{name:14} {text}")?;
    }
    let problems = state["properties"]["problems"].as_str().unwrap_or_default();
    for problem in problems.lines() {
        writeln!(out, "{:14} {problem}", "problem")?;
    }
    Ok(())
}

/// Only what is set.
fn shortened(values: &Value) -> String {
    let is_set =
        |value: &&Value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty());
    let set = values
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| is_set(value));
    set.map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs the action in this process, with the environment that the runner would give it.
async fn run_action(step: &Step) -> Result<StepResult> {
    let log = Shared::default();
    let environment = Environment::new(step.variables().clone());
    let (_trigger, shutdown) = shutdown();
    let status = match run(environment, log.clone(), shutdown).await {
        Exit::Success => 0,
        Exit::Failure => 1,
        Exit::CannotGoOn => 2,
        Exit::Interrupted => 130,
    };
    Ok(step.result(status, log.text(), String::new())?)
}

fn show(message: &str, result: &StepResult) -> Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{}", heading(message))?;
    for line in result.shown().lines() {
        match (line.strip_prefix("::group::"), as_annotation(line)) {
            (Some(title), _) => writeln!(out, "▼ {title}")?,
            (None, Some(annotation)) => writeln!(out, "{annotation}")?,
            (None, None) if line.starts_with("::endgroup::") => {}
            (None, None) => writeln!(out, "{line}")?,
        }
    }
    writeln!(
        out,
        "  exit status {}, outcome={}",
        result.status,
        result.output("outcome")
    )?;
    writeln!(out, "\n  The job's summary:")?;
    for line in result.summary.lines().filter(|line| !line.is_empty()) {
        writeln!(out, "  │ {line}")?;
    }
    Ok(())
}

/// How the runner's log shows the command of an annotation: `Error: the message`.
fn as_annotation(line: &str) -> Option<String> {
    let levels = [
        ("::error ", "Error"),
        ("::warning ", "Warning"),
        ("::notice ", "Notice"),
    ];
    let (rest, word) = levels
        .iter()
        .find_map(|(command, word)| Some((line.strip_prefix(command)?, word)))?;
    let message = rest
        .split_once("::")?
        .1
        .replace("%0A", "\n")
        .replace("%25", "%");
    Some(format!("{word}: {message}"))
}

pub(crate) fn heading(text: &str) -> String {
    format!(
        "\n━━━ {text} {}\n",
        "━".repeat(70_usize.saturating_sub(text.chars().count()))
    )
}

/// Keeps what is written, for whoever has a clone.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
