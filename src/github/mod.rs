//! Git, read through GitHub's API. octocrab lives here and nowhere else.

mod api;
mod batch;
mod comments;
mod connection;
mod diff;
mod error;
mod files;
mod heads;
mod listing;
mod loader;
mod tip;
mod tree;

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::git::{BranchName, CommitSha, RepoName};
use crate::http::stale_answers::{Look, Patience};
use api::Api;
use loader::Loader;
use tree::Listings;

pub use crate::http::retry::WhenExhausted;
pub use api::Access;
pub use comments::{CommentKept, CommentPolicy};
pub use connection::GitHub;
pub use diff::{Ancestry, ChangedFile, ChangedSince, Diff, Side};
pub use error::Error;
pub use files::{BlobContent, GitFile, WantedFile};
pub use heads::Head;
pub use listing::{ExclusionReason, ListedRepository, NodeId};
pub use tip::Tip;
pub use tree::{Tree, TreeFile};

/// A branch's name with its slashes.
const REFERENCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// A repository on GitHub: the operations that a run needs.
#[derive(Debug)]
pub struct Repository {
    api: Arc<Api>,
    name: RepoName,
    actor: Actor,
    listings: Listings,
    loader: Arc<Loader>,
    patience: Patience,
}

/// Who a token lets act, as far as [its form][docs] shows.
///
/// [docs]: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Actor {
    /// An app: `github-actions`, or another.
    Bot,
    /// Whoever it may be.
    Unknown,
}

impl Actor {
    fn of(token: &SecretString) -> Self {
        match token.expose_secret().starts_with("ghs_") {
            true => Self::Bot,
            false => Self::Unknown,
        }
    }
}

#[derive(Deserialize)]
struct RepositoryAnswer {
    id: u64,
    default_branch: String,
}

#[derive(Deserialize)]
struct CommitAnswer {
    sha: String,
}

#[derive(Deserialize)]
struct GitReference {
    object: CommitAnswer,
}

impl Repository {
    /// The default branch.
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read the repository.
    pub async fn default_branch(&self) -> Result<BranchName, Error> {
        let answer: RepositoryAnswer = self.get("").await?;
        Ok(BranchName::new(answer.default_branch))
    }

    /// The number that stays the repository's when it is renamed or transferred.
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read the repository.
    pub async fn id(&self) -> Result<u64, Error> {
        let answer: RepositoryAnswer = self.get("").await?;
        Ok(answer.id)
    }

    /// Reads which commit a branch is at, after a push of `pushed`. A tip that lies before that commit
    /// is read again for a while: GitHub answers from several copies, and one of them may not know of
    /// the push yet. `None` if there is no such branch.
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read.
    pub async fn tip_after(
        &self,
        branch: &BranchName,
        pushed: &CommitSha,
    ) -> Result<Option<CommitSha>, Error> {
        let looking = async || match self.look_at_tip(branch, pushed).await {
            Ok(look) => look.map(Ok),
            Err(error) => Look::Good(Err(error)),
        };
        self.patience.look(pushed.as_str(), looking).await
    }

    async fn look_at_tip(
        &self,
        branch: &BranchName,
        pushed: &CommitSha,
    ) -> Result<Look<Option<CommitSha>>, Error> {
        let tip = self.tip(branch).await?;
        let Some(commit) = &tip else {
            return Ok(Look::Stale(tip));
        };
        if commit == pushed {
            return Ok(Look::Good(tip));
        }
        Ok(match self.relation(pushed, commit).await? {
            None | Some(Ancestry::Behind) => Look::Stale(tip),
            Some(_) => Look::Good(tip),
        })
    }

    /// Reads which commit a branch is at; `None` if there is no such branch. See [the page][docs].
    ///
    /// [docs]: https://docs.github.com/en/rest/git/refs#get-a-reference
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read.
    pub async fn tip(&self, branch: &BranchName) -> Result<Option<CommitSha>, Error> {
        let name = utf8_percent_encode(branch.as_str(), REFERENCE);
        let path = format!("/git/ref/heads/{name}");
        match self.get(&path).await {
            Ok(GitReference { object }) => commit(&object.sha, path).map(Some),
            Err(error) => match error.about_commit(branch.as_str()) {
                // What the token does not see looks the same as what is gone.
                Error::NoSuchCommit { .. } => self.default_branch().await.map(|_| None),
                error => Err(error),
            },
        }
    }

    /// Reads `path` below the repository's own route.
    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.api.get(&format!("/repos/{}{path}", self.name)).await
    }
}

fn commit(sha: &str, path: String) -> Result<CommitSha, Error> {
    CommitSha::parse(sha).ok_or_else(|| Error::UnknownForm {
        path,
        reason: format!("`{sha}` is not a commit's id"),
    })
}

/// A full name in an answer about `what`.
fn name(full_name: &str, what: &str) -> Result<RepoName, Error> {
    RepoName::parse(full_name).ok_or_else(|| Error::UnknownForm {
        path: what.to_owned(),
        reason: format!("`{full_name}` is not a repository's name"),
    })
}
