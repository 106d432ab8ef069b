//! The sandboxes, and runs against them in this process.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use port_gitops::environment::Environment;
use port_gitops::shutdown::Shutdown;
use port_gitops::{Exit, run};
use port_gitops_sandbox::github::Resource;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{GitHubSandbox, ObjectId, PortSandbox, Sandbox, Switch, TestRepository};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime;
use tokio::sync::oneshot;

use crate::history::{Selection, Side};

/// The blueprint of states.
pub(crate) const STATES: &str = "gitops_source";

/// Two repositories on GitHub and a catalog in Port, for several histories, each on a branch of its own.
pub(crate) struct World {
    first: Home,
    second: Home,
    pub(crate) port: PortSandbox,
    folder: TempDir,
    events: AtomicUsize,
}

/// A repository.
pub(crate) struct Home {
    pub(crate) repository: TestRepository,
    pub(crate) github: GitHubSandbox,
    id: u64,
}

/// What starts a run.
pub(crate) enum Trigger {
    /// A push: what the branch pointed to before and after.
    Push(ObjectId, ObjectId),
    /// Somebody who wants this commit, the branch's tip, compared with Port.
    Dispatch(ObjectId),
}

/// What a workflow passes to its runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs {
    pub(crate) selection: Selection,
    pub(crate) prunes: bool,
}

/// What happened in a history, for people, and what was wrong first.
#[derive(Default)]
pub(crate) struct Story {
    lines: Vec<String>,
    problem: Option<String>,
}

impl Story {
    pub(crate) fn tell(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Only what is wrong first counts.
    pub(crate) fn complain(&mut self, checked: Result<(), String>) {
        if let Err(problem) = checked {
            self.lines.push(format!("WRONG: {problem}"));
            self.problem.get_or_insert(problem);
        }
    }

    pub(crate) fn is_wrong(&self) -> bool {
        self.problem.is_some()
    }

    /// What was wrong, and what happened.
    pub(crate) fn end(&self) -> Result<(), String> {
        match &self.problem {
            None => Ok(()),
            Some(problem) => Err(format!("{problem}\n{}", self.lines.join("\n"))),
        }
    }
}

/// Prepares the sandboxes for another history: an empty catalog, whose searches may lag, and an hour's requests to
/// GitHub.
pub(crate) fn begin_anew(github: &[&GitHubSandbox], port: &PortSandbox, lags: bool) {
    for github in github {
        for resource in [Resource::Core, Resource::Graphql] {
            github.set_budget(resource, 5_000, Duration::from_secs(3_600));
        }
    }
    for (blueprint, identifier, _) in port.entities() {
        port.remove_entity(&blueprint, &identifier);
    }
    match lags {
        true => port.turn_on(Switch::SearchLags),
        false => port.turn_off(Switch::SearchLags),
    }
}

/// How a run ended, and its log.
pub(crate) struct Ended {
    /// Nothing, if it was killed.
    pub(crate) exit: Option<Exit>,
    pub(crate) log: String,
}

impl Home {
    fn new(name: &str, id: u64) -> Self {
        let repository = TestRepository::new().unwrap();
        let github = GitHubSandbox::start(&repository).unwrap();
        github.set_full_name(name);
        Self {
            repository,
            github,
            id,
        }
    }

    /// What its state is called.
    pub(crate) fn state(&self) -> String {
        format!("github.com/{}", self.id)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            first: Home::new("octo-org/first", 1),
            second: Home::new("octo-org/second", 2),
            port: PortSandbox::start().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            events: AtomicUsize::new(0),
        }
    }

    pub(crate) fn home(&self, side: Side) -> &Home {
        match side {
            Side::First => &self.first,
            Side::Second => &self.second,
        }
    }

    /// Gives the one blueprint these properties.
    pub(crate) fn set_properties(&self, names: &[&str]) {
        let property = |name: &&str| ((*name).to_owned(), json!({"type": "string"}));
        let properties: Map<_, _> = names.iter().map(property).collect();
        self.port.add_blueprint(json!({
            "identifier": "thing",
            "title": "Thing",
            "schema": {"properties": properties, "required": []},
            "relations": {},
        }));
    }

    /// Replaces an entity by hand.
    pub(crate) fn put(&self, blueprint: &str, entity: Value) {
        self.port.put_entity(blueprint, entity).unwrap();
    }

    /// The environment of a run.
    pub(crate) fn environment(
        &self,
        side: Side,
        branch: &str,
        trigger: &Trigger,
        inputs: Inputs,
    ) -> Environment {
        let home = self.home(side);
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        let event = self.folder.path().join(number.to_string());
        let full_ref = format!("refs/heads/{branch}");
        let repository = json!({"default_branch": branch});
        let (name, head, payload) = match trigger {
            Trigger::Push(before, after) => {
                let (before, after) = (before.as_str(), after.as_str());
                let payload = json!({
                    "ref": full_ref, "before": before, "after": after, "repository": repository,
                });
                ("push", after, payload)
            }
            Trigger::Dispatch(head) => {
                let payload = json!({"ref": full_ref, "repository": repository});
                ("workflow_dispatch", head.as_str(), payload)
            }
        };
        fs::write(&event, payload.to_string()).unwrap();
        let files = match inputs.selection {
            Selection::All => "**/port.yml",
            Selection::AllButTheLast => "**/port.yml\n!2/port.yml",
        };
        let variables = [
            ("GITHUB_REPOSITORY", home.github.full_name()),
            ("GITHUB_REPOSITORY_ID", home.id.to_string()),
            ("GITHUB_EVENT_NAME", name.to_owned()),
            ("GITHUB_REF", full_ref),
            ("GITHUB_SHA", head.to_owned()),
            ("GITHUB_EVENT_PATH", event.display().to_string()),
            ("INPUT_FILES", files.to_owned()),
            ("INPUT_PRUNE", inputs.prunes.to_string()),
        ];
        environment(&home.github, &self.port, variables)
    }
}

/// The environment of a run in the sandboxes, with these variables.
pub(crate) fn environment<const N: usize>(
    github: &GitHubSandbox,
    port: &PortSandbox,
    variables: [(&str, String); N],
) -> Environment {
    let common = [
        ("GITHUB_API_URL", github.url()),
        ("GITHUB_GRAPHQL_URL", github.graphql_url()),
        ("PORT_GITOPS_PATIENCE", "0".to_owned()),
        ("INPUT_GITHUB-TOKEN", GitHubSandbox::TOKEN.to_owned()),
        ("INPUT_CLIENT-ID", CLIENT_ID.to_owned()),
        ("INPUT_CLIENT-SECRET", CLIENT_SECRET.to_owned()),
        ("INPUT_BASE-URL", port.url()),
        ("INPUT_MAX-DELETES", "1000".to_owned()),
    ];
    let all = common.into_iter().chain(variables);
    Environment::new(all.map(|(name, value)| (name.to_owned(), value)))
}

impl Trigger {
    /// The run that it starts, for people.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Push(_, after) => format!("run of {:.7}", after.as_str()),
            Self::Dispatch(head) => format!("full run of {:.7}", head.as_str()),
        }
    }
}

/// The stack of a process's main thread. Without optimisation, the run of a fleet needs more than other
/// threads have.
const STACK: usize = 8 * 1024 * 1024;

/// Runs the action until it ends or is killed, in a thread of its own.
pub(crate) fn run_until_killed(
    environment: Environment,
    shutdown: Shutdown,
    killed: oneshot::Receiver<()>,
) -> Ended {
    let log = Shared::default();
    let running = || run_here(environment, log.clone(), shutdown, killed);
    let exit = thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        thread.spawn_scoped(scope, running).unwrap().join().unwrap()
    });
    let text = log.0.lock().unwrap();
    Ended {
        exit,
        log: String::from_utf8_lossy(&text).into_owned(),
    }
}

fn run_here(
    environment: Environment,
    log: Shared,
    shutdown: Shutdown,
    killed: oneshot::Receiver<()>,
) -> Option<Exit> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // With the runtime go the connections, as with a process.
    runtime.block_on(async {
        let death = async {
            if killed.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            exit = run(environment, log, shutdown) => Some(exit),
            () = death => None,
        }
    })
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A log without what only developers read, as part of a story.
pub(crate) fn indented(log: &str) -> String {
    let lines = log.lines().filter(|line| !line.starts_with("::debug"));
    lines.map(|line| format!("    {line}\n")).collect()
}
