//! The sandboxes, and runs against them in this process.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use port_gitops::environment::Environment;
use port_gitops::shutdown::Shutdown;
use port_gitops::{Exit, run};
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{GitHubSandbox, ObjectId, PortSandbox, Sandbox, TestRepository};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime;
use tokio::sync::oneshot;

use crate::play::Deletions;

/// A repository on GitHub and a catalog in Port, for several histories, each on a branch of its own.
pub(crate) struct World {
    pub(crate) repository: TestRepository,
    pub(crate) github: GitHubSandbox,
    pub(crate) port: PortSandbox,
    folder: TempDir,
    events: AtomicUsize,
}

/// What starts a run.
pub(crate) enum Trigger {
    /// A push: what the branch pointed to before and after.
    Push(ObjectId, ObjectId),
    /// Somebody who wants this commit, the branch's tip, compared with Port.
    Dispatch(ObjectId),
}

/// How a run ended, and what it said.
pub(crate) struct Ended {
    /// Nothing, if it was killed.
    pub(crate) exit: Option<Exit>,
    pub(crate) log: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let repository = TestRepository::new().unwrap();
        let github = GitHubSandbox::start(&repository).unwrap();
        let port = PortSandbox::start().unwrap();
        Self {
            repository,
            github,
            port,
            folder: tempfile::tempdir().unwrap(),
            events: AtomicUsize::new(0),
        }
    }

    /// Gives the one blueprint these properties.
    pub(crate) fn set_properties(&self, names: &[&str]) {
        let property = |name: &&str| ((*name).to_owned(), json!({"type": "string"}));
        let properties: serde_json::Map<_, _> = names.iter().map(property).collect();
        self.port.add_blueprint(json!({
            "identifier": "thing",
            "title": "Thing",
            "schema": {"properties": properties, "required": []},
            "relations": {},
        }));
    }

    /// The environment of a run.
    pub(crate) fn environment(
        &self,
        branch: &str,
        trigger: &Trigger,
        deletions: Deletions,
    ) -> Environment {
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
        let prune = match deletions {
            Deletions::Kept => "false",
            Deletions::Made => "true",
        };
        let variables = [
            ("GITHUB_API_URL", self.github.url()),
            ("GITHUB_GRAPHQL_URL", self.github.graphql_url()),
            ("GITHUB_REPOSITORY", self.github.full_name()),
            ("PORT_GITOPS_PATIENCE", "0".to_owned()),
            ("GITHUB_EVENT_NAME", name.to_owned()),
            ("GITHUB_REF", full_ref),
            ("GITHUB_SHA", head.to_owned()),
            ("GITHUB_EVENT_PATH", event.display().to_string()),
            ("INPUT_GITHUB-TOKEN", GitHubSandbox::TOKEN.to_owned()),
            ("INPUT_CLIENT-ID", CLIENT_ID.to_owned()),
            ("INPUT_CLIENT-SECRET", CLIENT_SECRET.to_owned()),
            ("INPUT_BASE-URL", self.port.url()),
            ("INPUT_PRUNE", prune.to_owned()),
            ("INPUT_MAX-DELETES", "1000".to_owned()),
        ];
        Environment::new(variables.map(|(name, value)| (name.to_owned(), value)))
    }
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

/// Runs the action until it ends or is killed.
pub(crate) fn run_until_killed(
    environment: Environment,
    shutdown: Shutdown,
    killed: oneshot::Receiver<()>,
) -> Ended {
    let log = Shared::default();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let exit = runtime.block_on(async {
        let death = async {
            if killed.await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            exit = run(environment, log.clone(), shutdown) => Some(exit),
            () = death => None,
        }
    });
    // With it go the connections, as with a process.
    drop(runtime);
    let text = log.0.lock().unwrap();
    Ended {
        exit,
        log: String::from_utf8_lossy(&text).into_owned(),
    }
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
