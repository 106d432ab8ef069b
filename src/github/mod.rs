//! Git, read through GitHub's API. octocrab lives here and nowhere else.

mod api;
mod diff;
mod files;

use serde::Deserialize;

use crate::git::{BranchName, RepoName};
use api::Api;

pub use api::{Access, Error};
pub use diff::Diff;
pub use files::{BaseAndHead, BlobContent, Wanted};

/// A repository on GitHub: the operations that a run needs.
#[derive(Debug)]
pub struct Repository {
    api: Api,
    name: RepoName,
}

#[derive(Deserialize)]
struct RepositoryAnswer {
    default_branch: String,
}

impl Repository {
    /// Opens the repository called `name`. Nothing is sent yet.
    ///
    /// # Errors
    /// If GitHub's URLs or the token cannot stand in a request.
    pub fn open(access: Access<'_>, name: RepoName) -> Result<Self, Error> {
        Ok(Self {
            api: Api::new(access)?,
            name,
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

    /// Reads `path` below the repository's own route.
    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.api.get(&format!("/repos/{}{path}", self.name)).await
    }
}
