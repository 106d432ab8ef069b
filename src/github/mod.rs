//! Git, read through GitHub's API. octocrab lives here and nowhere else.

mod api;
mod batch;
mod comments;
mod diff;
mod error;
mod files;
mod record;
mod tree;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::git::{BranchName, CommitSha, RepoName};
use api::Api;
use tree::Listings;

pub use api::Access;
pub use comments::{CommentKept, CommentPolicy};
pub use diff::{ChangedFile, Diff, Relation, Side};
pub use error::Error;
pub use files::{BlobContent, WantedFile};
pub use record::{
    Cursor, History, HistoryEntry, HistoryPage, HistoryQuery, ListedStatus, NewStatus,
    RecordedStatus, StatusState,
};
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
    api: Api,
    name: RepoName,
    actor: Actor,
    listings: Listings,
}

/// Who a token lets act, as far as [its form][docs] tells.
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
    /// Opens the repository called `name`. Nothing is sent yet.
    ///
    /// # Errors
    /// If GitHub's URLs or the token cannot stand in a request.
    pub fn open(access: Access<'_>, name: RepoName) -> Result<Self, Error> {
        Ok(Self {
            actor: Actor::of(access.token),
            api: Api::new(access)?,
            name,
            listings: Listings::default(),
        })
    }

    /// How many requests were sent.
    pub fn requests(&self) -> usize {
        self.api.requests()
    }

    /// Asks which branch is the default one.
    ///
    /// # Errors
    /// If GitHub does not answer or does not let the token read the repository.
    pub async fn default_branch(&self) -> Result<BranchName, Error> {
        let answer: RepositoryAnswer = self.get("").await?;
        Ok(BranchName::new(answer.default_branch))
    }

    /// Sends `body` to `path` below the repository's own route.
    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<T, Error> {
        self.api
            .post(&format!("/repos/{}{path}", self.name), body)
            .await
    }

    /// Asks which commit a branch, a tag or a commit's abbreviated id names.
    ///
    /// # Errors
    /// [`Error::NoSuchCommit`] if none; others if GitHub does not answer or does not let the token
    /// read.
    pub async fn resolve(&self, name: &str) -> Result<CommitSha, Error> {
        let path = format!("/commits/{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        let answer: CommitAnswer = self
            .get(&path)
            .await
            .map_err(|error: Error| error.about_commit(name))?;
        commit(&answer.sha, path)
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
