//! An organisation of many repositories, one of which runs the fleet.

use std::sync::Arc;

use port_gitops_contract::{Extent, check_github, check_port};
use port_gitops_sandbox::port::{Failure, blueprints};
use port_gitops_sandbox::{GitHubSandbox, PortSandbox, Sandbox, Step, TestRepository};
use serde_json::Value;

use crate::world::{assert_holds, connected, titled};

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
        self.git(name).commit("Declare").unwrap();
    }

    /// Commits that such a file goes.
    pub(crate) fn remove(&self, name: &str, identifier: &str) {
        let git = self.git(name).remove(&format!("{identifier}.entity.yml"));
        git.commit("Remove").unwrap();
    }

    /// Commits a file.
    pub(crate) fn push(&self, name: &str, path: &str, text: &str) {
        self.git(name)
            .write(path, text)
            .commit("Change a file")
            .unwrap();
    }

    /// Gives the entities `e0`, `e1` and so on of the repositories with these numbers another title.
    pub(crate) fn retitle<const N: usize>(&self, numbers: [usize; N], title: &str) {
        for number in numbers {
            self.declare(&format!("r{number}"), &format!("e{number}"), title);
        }
    }

    /// The same without a commit. [`Self::commit_all`] makes one in each repository, at once.
    pub(crate) fn stage(&self, name: &str, identifier: &str, title: &str) {
        let path = format!("{identifier}.entity.yml");
        self.git(name).write(&path, &titled(identifier, title));
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
        let step = connected(&self.github, &self.port, event, &payload);
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
        connected(&self.github, &self.port, "push", &event.unwrap())
            .variable("GITHUB_REPOSITORY", full_name)
            .variable("GITHUB_REPOSITORY_ID", id.to_string())
            .variable("GITHUB_WORKFLOW_REF", workflow)
    }

    /// What the state of a repository's default branch is called.
    pub(crate) fn state_name(&self, name: &str) -> String {
        let (full_name, _) = self.entry(name);
        format!("github.com/{}", self.github.id_of(full_name).unwrap())
    }

    /// That state, as Port holds it.
    pub(crate) fn state(&self, name: &str) -> Option<Value> {
        let (full_name, _) = self.entry(name);
        let id = self.github.id_of(full_name)?;
        self.port
            .entity("gitops_source", &format!("github.com/{id}"))
    }

    /// A property of it.
    pub(crate) fn state_property(&self, name: &str, property: &str) -> Value {
        self.state(name).unwrap()["properties"][property].clone()
    }

    /// A property of the fleet's own entity.
    pub(crate) fn own(&self, property: &str) -> Value {
        let own = self
            .port
            .entity("gitops_source", "github.com/fleet/1296269");
        own.unwrap()["properties"][property].clone()
    }

    /// Lets Port refuse a repository's state so many times.
    pub(crate) fn refuse_state(&self, name: &str, times: usize) {
        let refusal = Failure::new(422, "invalid_request", "Not today");
        let state = self.state_name(name);
        self.port.refuse("gitops_source", &state, refusal, times);
    }

    /// Makes sure of the titles of domains in Port: `e0=Title`, and `e0=-` if it is not there.
    #[track_caller]
    pub(crate) fn assert_holds(&self, domains: &str) {
        assert_holds(&self.port, domains);
    }

    /// Makes sure that the states of repositories say so.
    #[track_caller]
    pub(crate) fn assert_status(&self, names: &[&str], status: &str) {
        for name in names {
            assert_eq!(self.state_property(name, "status"), status, "{name}");
        }
    }

    pub(crate) fn clear_journals(&self) {
        self.github.clear_journal();
        self.port.clear_journal();
    }
}

/// As with one repository: every exchange has to be what the services' specifications say.
impl Drop for Fleet {
    fn drop(&mut self) {
        check_port(&self.port, Extent::Both);
        check_github(&self.github, Extent::Both);
    }
}
