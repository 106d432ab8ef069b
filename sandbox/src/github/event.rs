//! Events as a workflow finds them in `GITHUB_EVENT_PATH`:
//! <https://docs.github.com/webhooks/webhook-events-and-payloads>.

use std::sync::Arc;

use serde_json::{Value, json};

use super::hosted::{Hosted, Meant};
use super::model::Links;
use super::{GitHubSandbox, call};
use crate::git::{Commit, GitError};
use crate::server::Sandbox;

/// Who pushes and opens pull requests.
const ACTOR: &str = "octocat";

/// An open pull request, as events describe it.
#[derive(Clone, Debug)]
pub struct PullRequest {
    number: u64,
    base: String,
    head: String,
    fork: Option<String>,
}

impl PullRequest {
    /// A pull request between two branches.
    pub fn new(number: u64, base: &str, head: &str) -> Self {
        let (base, head) = (base.to_owned(), head.to_owned());
        Self {
            number,
            base,
            head,
            fork: None,
        }
    }

    /// Its head belongs to another repository: `owner/name`. Its commits are looked up in the
    /// repository that is shown, as GitHub has those of a fork there too.
    #[must_use]
    pub fn from_fork(self, full_name: &str) -> Self {
        Self {
            fork: Some(full_name.to_owned()),
            ..self
        }
    }
}

/// Events.
impl GitHubSandbox {
    /// A push that moves a branch (or a full reference name) from one commit to another. Either
    /// may be all zeros: the branch is created or deleted. Of the commits it has only the last.
    ///
    /// # Errors
    ///
    /// Git fails.
    pub fn push_event(&self, branch: &str, before: &str, after: &str) -> Result<Value, GitError> {
        self.push(&self.first(), branch, before, after)
    }

    /// The same for the repository that is called so.
    ///
    /// # Errors
    ///
    /// As [`Self::push_event`]; also if there is no such repository.
    pub fn push_event_of(
        &self,
        full_name: &str,
        branch: &str,
        before: &str,
        after: &str,
    ) -> Result<Value, GitError> {
        let repositories = self.shared.settings.lock().repositories.clone();
        match repositories.named(full_name) {
            Meant::Present(hosted) => self.push(hosted, branch, before, after),
            _ => Err(GitError::NoSuchRevision(full_name.to_owned())),
        }
    }

    fn push(
        &self,
        hosted: &Hosted,
        branch: &str,
        before: &str,
        after: &str,
    ) -> Result<Value, GitError> {
        let git = &hosted.git;
        let zero = git.zero_id();
        let (created, deleted) = (*zero == *before, *zero == *after);
        let links = self.links(hosted);
        let head = match deleted {
            true => None,
            false => git
                .commit_at(after)?
                .map(|head| pushed_commit(&links, &head)),
        };
        let reference = if branch.starts_with("refs/") {
            branch.to_owned()
        } else {
            format!("refs/heads/{branch}")
        };
        let event = json!({
            "ref": reference,
            "before": before,
            "after": after,
            "created": created,
            "deleted": deleted,
            "commits": head.iter().collect::<Vec<_>>(),
            "head_commit": head,
            "pusher": {"name": ACTOR, "email": format!("{ACTOR}@example.com")},
        });
        self.event(hosted, event)
    }

    /// A pull request that was opened.
    ///
    /// # Errors
    ///
    /// One of its branches is not there, or Git fails.
    pub fn pull_request_event(&self, pull: &PullRequest) -> Result<Value, GitError> {
        let first = self.first();
        let repository = self.repository_json(&first)?;
        let mut head_repository = repository.clone();
        if let Some(fork) = &pull.fork {
            let (owner, name) = fork.split_once('/').unwrap_or((fork, ""));
            head_repository["id"] = json!(1_296_270);
            head_repository["full_name"] = json!(fork);
            head_repository["name"] = json!(name);
            head_repository["owner"] = self.links(&first).user(owner);
            head_repository["fork"] = json!(true);
        }
        let links = self.links(&first);
        let number = pull.number;
        let base = self.side(&pull.base, repository)?;
        let head = self.side(&pull.head, head_repository)?;
        let event = json!({
            "action": "opened",
            "number": number,
            "pull_request": {
                "id": number,
                "number": number,
                "state": "open",
                "title": format!("Merge {} into {}", pull.head, pull.base),
                "url": links.api(&format!("/pulls/{number}")),
                "html_url": links.web(&format!("/pull/{number}")),
                "user": links.user(ACTOR),
                "base": base,
                "head": head,
            },
        });
        self.event(&first, event)
    }

    /// A run that somebody started by hand on a branch.
    ///
    /// # Errors
    ///
    /// Git fails.
    pub fn workflow_dispatch_event(&self, branch: &str) -> Result<Value, GitError> {
        self.event(
            &self.first(),
            json!({
                "inputs": null,
                "ref": format!("refs/heads/{branch}"),
                "workflow": ".github/workflows/catalog.yml",
            }),
        )
    }

    /// A merge group that a merge queue wants checked.
    ///
    /// # Errors
    ///
    /// `head` is not there, or Git fails.
    pub fn merge_group_event(
        &self,
        branch: &str,
        base: &str,
        head: &str,
    ) -> Result<Value, GitError> {
        let commit = self.repository().commit_at(head)?;
        let commit = commit.ok_or_else(|| GitError::NoSuchRevision(head.to_owned()))?;
        self.event(
            &self.first(),
            json!({
                "action": "checks_requested",
                "merge_group": {
                    "base_ref": format!("refs/heads/{branch}"),
                    "base_sha": base,
                    "head_ref": format!("refs/heads/gh-readonly-queue/{branch}/pr-1-{base}"),
                    "head_sha": head,
                    "head_commit": pushed_commit(&self.links(&self.first()), &commit),
                },
            }),
        )
    }

    fn first(&self) -> Arc<Hosted> {
        self.shared.settings.lock().repositories.first().clone()
    }

    fn links(&self, hosted: &Hosted) -> Links {
        call::links(self.shared.edition, &self.server().url(), hosted)
    }

    fn repository_json(&self, hosted: &Hosted) -> Result<Value, GitError> {
        let default_branch = hosted.git.default_branch()?;
        Ok(self.links(hosted).full_repository(hosted, &default_branch))
    }

    /// What every event carries.
    fn event(&self, hosted: &Hosted, mut event: Value) -> Result<Value, GitError> {
        event["repository"] = self.repository_json(hosted)?;
        event["sender"] = self.links(hosted).user(ACTOR);
        Ok(event)
    }

    fn side(&self, branch: &str, repository: Value) -> Result<Value, GitError> {
        let commit = self.repository().named_commit(branch)?;
        let commit = commit.ok_or_else(|| GitError::NoSuchRevision(branch.to_owned()))?;
        Ok(json!({
            "label": format!("{}:{branch}", repository["owner"]["login"].as_str().unwrap_or_default()),
            "ref": branch,
            "sha": commit.id.as_str(),
            "user": repository["owner"],
            "repo": repository,
        }))
    }
}

fn pushed_commit(links: &Links, commit: &Commit) -> Value {
    json!({
        "id": commit.id.as_str(),
        "message": commit.message,
        "timestamp": super::timestamp::iso(commit.committer.seconds),
        "url": links.web(&format!("/commit/{}", commit.id)),
    })
}
