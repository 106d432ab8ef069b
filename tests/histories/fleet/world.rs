//! The sandboxes of a fleet.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use port_gitops::environment::Environment;
use port_gitops_sandbox::{GitHubSandbox, ObjectId, PortSandbox, TestRepository};
use serde_json::json;
use tempfile::TempDir;

use super::{REPOSITORIES, Repo, Scope, Workflow};
use crate::runs::environment;

/// The repository whose workflow is the fleet's.
const HOME: &str = "acme/platform";

/// Repositories on GitHub and a catalog in Port, for several histories, each on branches of its own.
pub(crate) struct World {
    pub(crate) github: GitHubSandbox,
    pub(crate) port: PortSandbox,
    pub(crate) gits: Vec<TestRepository>,
    ids: Vec<u64>,
    home_head: ObjectId,
    folder: TempDir,
    events: AtomicUsize,
}

/// What a repository is called, before it is renamed or after that.
pub(crate) fn name(repo: Repo, is_renamed: bool) -> String {
    match is_renamed {
        true => format!("acme/new-{repo}"),
        false => format!("acme/r{repo}"),
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let mut gits = TestRepository::many(REPOSITORIES + 1).unwrap();
        let home = gits.remove(0);
        home.write("README.md", "# Home\n");
        let home_head = home.commit("Begin").unwrap();
        let github = GitHubSandbox::start(&home).unwrap();
        github.set_full_name(HOME);
        let all = gits.iter().enumerate();
        let ids = all.map(|(repo, git)| github.add_repository(&name(repo, false), git));
        Self {
            ids: ids.collect(),
            github,
            port: PortSandbox::start().unwrap(),
            gits,
            home_head,
            folder: tempfile::tempdir().unwrap(),
            events: AtomicUsize::new(0),
        }
    }

    /// What a repository's state is called.
    pub(crate) fn state(&self, repo: Repo) -> String {
        format!("github.com/{}", self.ids[repo])
    }

    /// The environment of a run, where the branch of each repository is called `branch` and the repository
    /// of the workflow, unless it is the fleet's, `name`.
    pub(crate) fn environment(
        &self,
        workflow: Workflow,
        scope: Scope,
        (branch, name): (&str, &str),
        prunes: bool,
    ) -> Environment {
        let (id, name, branch, head, repositories) = match workflow {
            Workflow::Fleet => {
                let id = self.github.repository_id();
                (id, HOME, "main", self.home_head.clone(), "acme/*")
            }
            Workflow::Own(repo) => {
                let head = self.gits[repo].head().unwrap();
                (self.ids[repo], name, branch, head, "")
            }
        };
        let full_ref = format!("refs/heads/{branch}");
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        let event = self.folder.path().join(number.to_string());
        let payload = json!({"ref": full_ref, "repository": {"default_branch": branch}});
        fs::write(&event, payload.to_string()).unwrap();
        let scope = match scope {
            Scope::Changed => "changed",
            Scope::All => "all",
        };
        let variables = [
            ("GITHUB_REPOSITORY", name.to_owned()),
            ("GITHUB_REPOSITORY_ID", id.to_string()),
            ("GITHUB_EVENT_NAME", "workflow_dispatch".to_owned()),
            ("GITHUB_REF", full_ref),
            ("GITHUB_SHA", head.to_string()),
            ("GITHUB_EVENT_PATH", event.display().to_string()),
            ("INPUT_FILES", "**/port.yml".to_owned()),
            ("INPUT_PRUNE", prunes.to_string()),
            ("INPUT_REPOSITORIES", repositories.to_owned()),
            ("INPUT_SCOPE", scope.to_owned()),
        ];
        environment(&self.github, &self.port, variables)
    }
}
