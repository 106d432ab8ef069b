//! An organisation of many repositories, one of which runs the fleet.

use std::sync::Arc;

use port_gitops_contract::{Extent, check_github, check_port};
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, blueprints};
use port_gitops_sandbox::{GitHubSandbox, PortSandbox, Sandbox, Step, TestRepository};
use serde_json::Value;

/// The repository whose workflow runs the fleet.
pub(crate) const HOME: &str = "acme/platform";

pub(crate) struct Fleet {
    pub(crate) github: Arc<GitHubSandbox>,
    pub(crate) port: Arc<PortSandbox>,
    repositories: Vec<(String, TestRepository)>,
}

impl Fleet {
    /// [`HOME`] and the repositories that are called so (`acme/NAME`), each with one commit and without
    /// entities, and an empty catalog with two blueprints. A thousand of them take a second.
    pub(crate) fn new<S: AsRef<str>>(names: &[S]) -> Self {
        let gits = TestRepository::many(names.len() + 1).unwrap();
        for git in &gits {
            git.write("README.md", "# A repository\n");
        }
        TestRepository::commit_all(&gits, "Begin").unwrap();
        let names = names.iter().map(|name| format!("acme/{}", name.as_ref()));
        let names = [HOME.to_owned()].into_iter().chain(names);
        let repositories: Vec<_> = names.zip(gits).collect();
        let github = Arc::new(GitHubSandbox::start(&repositories[0].1).unwrap());
        github.set_full_name(HOME);
        for (name, git) in &repositories[1..] {
            github.add_repository(name, git);
        }
        let port = Arc::new(PortSandbox::start().unwrap());
        port.add_blueprint(blueprints::domain());
        port.add_blueprint(blueprints::microservice());
        Self {
            github,
            port,
            repositories,
        }
    }

    /// The repositories `acme/r0`, `acme/r1` and so on beside [`HOME`], so many.
    pub(crate) fn of(count: usize) -> Self {
        let names: Vec<_> = (0..count).map(|number| format!("r{number}")).collect();
        Self::new(&names)
    }

    /// The same, each of which declares an entity: `domain/e0` and so on.
    pub(crate) fn declaring(count: usize) -> Self {
        let fleet = Self::of(count);
        for number in 0..count {
            fleet.stage(&format!("r{number}"), &format!("e{number}"), "One");
        }
        fleet.commit_all("Declare");
        fleet
    }

    /// The repository that was called `name`, or `acme/NAME`, at the beginning.
    pub(crate) fn git(&self, name: &str) -> &TestRepository {
        let (_, git) = self.entry(name);
        git
    }

    fn entry(&self, name: &str) -> &(String, TestRepository) {
        let is_meant = |(full_name, _): &&(String, TestRepository)| {
            full_name == name || full_name.strip_prefix("acme/") == Some(name)
        };
        self.repositories.iter().find(is_meant).unwrap()
    }

    /// Commits a file that declares an entity of the blueprint `domain`, whose title is `title`.
    pub(crate) fn declare(&self, name: &str, identifier: &str, title: &str) {
        self.stage(name, identifier, title);
        self.git(name)
            .commit(&format!("Declare {identifier}"))
            .unwrap();
    }

    /// The same without a commit. [`Self::commit_all`] makes one in each repository, at once.
    pub(crate) fn stage(&self, name: &str, identifier: &str, title: &str) {
        let text = format!("identifier: {identifier}\nblueprint: domain\ntitle: {title}\n");
        self.git(name)
            .write(&format!("{identifier}.entity.yml"), &text);
    }

    /// Commits what is staged, in each repository but the one that runs the fleet.
    pub(crate) fn commit_all(&self, message: &str) {
        let others = self.repositories[1..].iter();
        let others: Vec<_> = others.map(|(_, git)| git.clone()).collect();
        TestRepository::commit_all(&others, message).unwrap();
    }

    /// The fleet's run over all of `acme`.
    pub(crate) fn step(&self, event: &str) -> Step {
        let payload = self.github.workflow_dispatch_event("main").unwrap();
        let step = self.connected(event, &payload);
        step.input("repositories", "acme/*")
            .variable("GITHUB_REF", "refs/heads/main")
            .variable("GITHUB_SHA", self.git(HOME).head().unwrap().as_str())
    }

    /// The step of a repository's own workflow, after the push that made its newest commit.
    pub(crate) fn own_step(&self, name: &str) -> Step {
        let (full_name, git) = self.entry(name);
        let head = git.head().unwrap();
        let event = self
            .github
            .push_event_of(full_name, "main", &git.zero_id(), &head);
        let id = self.github.id_of(full_name).unwrap();
        let workflow = format!("{full_name}/.github/workflows/port.yml@refs/heads/main");
        self.connected("push", &event.unwrap())
            .variable("GITHUB_REPOSITORY", full_name)
            .variable("GITHUB_REPOSITORY_ID", id.to_string())
            .variable("GITHUB_WORKFLOW_REF", workflow)
    }

    fn connected(&self, event: &str, payload: &Value) -> Step {
        Step::new(&self.github, event, payload)
            .unwrap()
            .input("client-id", CLIENT_ID)
            .input("client-secret", CLIENT_SECRET)
            .input("base-url", self.port.url())
            .variable("PORT_GITOPS_PATIENCE", "0")
    }

    /// The state of a repository's default branch, as Port holds it.
    pub(crate) fn state(&self, name: &str) -> Option<Value> {
        let (full_name, _) = self.entry(name);
        let id = self.github.id_of(full_name)?;
        self.port
            .entity("gitops_source", &format!("github.com/{id}"))
    }
}

/// As with one repository: every exchange has to be what the services' specifications say.
impl Drop for Fleet {
    fn drop(&mut self) {
        check_port(&self.port, Extent::Both);
        check_github(&self.github, Extent::Both);
    }
}
