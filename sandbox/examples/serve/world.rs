//! A repository on GitHub, a catalog in Port, and pushes between them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use port_gitops_sandbox::github::{Edition, PullRequest};
use port_gitops_sandbox::port::blueprints;
use port_gitops_sandbox::{Exchange, GitHubSandbox, PortSandbox, Sandbox, TestRepository};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The branch that pushes go to.
const BRANCH: &str = "main";

/// Everything that the process serves.
#[derive(Debug)]
pub(crate) struct World {
    repository: TestRepository,
    pub(crate) github: GitHubSandbox,
    pub(crate) port: PortSandbox,
    /// The payload of the latest event.
    pub(crate) event_file: PathBuf,
    /// How many there were.
    pull_requests: AtomicU64,
    started: SystemTime,
}

/// A commit that is pushed at once.
#[derive(Debug, Deserialize)]
pub(crate) struct Push {
    #[serde(default = "Push::usual_message")]
    message: String,
    /// The text of every file that changes; `None` removes it.
    files: BTreeMap<String, Option<String>>,
}

impl Push {
    fn usual_message() -> String {
        "Change the catalog".to_owned()
    }

    /// The service of README's quick start.
    pub(crate) fn first() -> Self {
        let file = ("port.yml".to_owned(), Some(SERVICE.to_owned()));
        Self {
            message: "Describe the notification service".to_owned(),
            files: BTreeMap::from([file]),
        }
    }
}

impl World {
    /// A repository with one commit and no entities, and a catalog with two blueprints.
    pub(crate) fn new(address: IpAddr, folder: &Path) -> Result<Self> {
        let repository = TestRepository::new()?;
        repository
            .write("README.md", "# The shop\n")
            .commit("Begin")?;
        let started = SystemTime::now();
        let github = GitHubSandbox::start_on((address, 0), Edition::Cloud, &repository)?;
        let port = PortSandbox::start_on((address, 0))?;
        port.add_blueprint(blueprints::domain());
        port.add_blueprint(blueprints::microservice());
        fs::create_dir_all(folder)?;
        Ok(Self {
            repository,
            github,
            port,
            event_file: folder.canonicalize()?.join("event.json"),
            pull_requests: AtomicU64::new(0),
            started,
        })
    }

    /// Commits and pushes; gives the event, which is also in its file then.
    pub(crate) fn push(&self, push: &Push) -> Result<Value> {
        let before = self.repository.head()?;
        self.stage(push);
        let after = self.repository.commit(&push.message)?;
        let event = self.github.push_event(BRANCH, &before, &after)?;
        fs::write(&self.event_file, event.to_string())?;
        Ok(event)
    }

    /// The same as a pull request from a new branch.
    pub(crate) fn pull_request(&self, push: &Push) -> Result<Value> {
        let number = self.pull_requests.fetch_add(1, Ordering::Relaxed) + 1;
        let branch = format!("change-{number}");
        self.repository.create_branch(&branch)?;
        self.stage(push);
        self.repository.commit(&push.message)?;
        self.repository.checkout(BRANCH)?;
        let pull_request = PullRequest::new(number, BRANCH, &branch);
        let event = self.github.pull_request_event(&pull_request)?;
        fs::write(&self.event_file, event.to_string())?;
        Ok(event)
    }

    fn stage(&self, push: &Push) {
        for (path, text) in &push.files {
            match text {
                Some(text) => self.repository.write(path, text),
                None => self.repository.remove(path),
            };
        }
    }

    /// The catalog's entities, each with its blueprint.
    pub(crate) fn entities(&self) -> Value {
        let entity = |(blueprint, _, entity): (String, String, Value)| {
            json!({
                "blueprint": blueprint,
                "entity": entity,
            })
        };
        self.port.entities().into_iter().map(entity).collect()
    }

    /// An API's journal, without headers and bodies.
    pub(crate) fn journal(&self, api: &dyn Sandbox) -> Value {
        let exchange = |exchange: &Exchange| {
            json!({
                "at": self.milliseconds(exchange.arrived),
                "method": exchange.method,
                "path": exchange.path,
                "query": exchange.query,
                "status": exchange.status(),
                "fault": exchange.fault,
            })
        };
        api.journal().iter().map(exchange).collect()
    }

    /// Milliseconds since 1970, of a moment in a journal.
    fn milliseconds(&self, moment: Duration) -> u128 {
        let since_1970 = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        (since_1970 + moment).as_millis()
    }
}

const SERVICE: &str = "\
identifier: notification-microservice
title: Notification Service
blueprint: microservice
properties:
  url: https://www.github.com/user/notification
";
