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
        port.add_blueprint(json!({
            "identifier": "thing",
            "title": "Thing",
            "schema": {
                "properties": {"p": {"type": "string"}, "q": {"type": "string"}},
                "required": [],
            },
            "relations": {},
        }));
        Self {
            repository,
            github,
            port,
            folder: tempfile::tempdir().unwrap(),
            events: AtomicUsize::new(0),
        }
    }

    /// The environment of a run that a push triggers.
    pub(crate) fn environment(
        &self,
        branch: &str,
        before: &ObjectId,
        after: &ObjectId,
        deletions: Deletions,
    ) -> Environment {
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        let event = self.folder.path().join(number.to_string());
        let payload = json!({
            "ref": format!("refs/heads/{branch}"),
            "before": before.as_str(),
            "after": after.as_str(),
            "repository": {"default_branch": branch},
        });
        fs::write(&event, payload.to_string()).unwrap();
        let prune = match deletions {
            Deletions::Kept => "false",
            Deletions::Made => "true",
        };
        let variables = [
            ("GITHUB_API_URL", self.github.url()),
            ("GITHUB_GRAPHQL_URL", self.github.graphql_url()),
            ("GITHUB_REPOSITORY", self.github.full_name()),
            ("GITHUB_EVENT_NAME", "push".to_owned()),
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
