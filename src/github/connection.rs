//! One connection to GitHub, for as many repositories as a run has.

use std::sync::Arc;

use super::api::{Access, Api};
use super::loader::Loader;
use super::tree::Listings;
use super::{Actor, Error, Repository};
use crate::git::RepoName;
use crate::http::stale_answers::Patience;

/// GitHub, as one token sees it. All repositories share its budget, its pace and its count of requests.
#[derive(Debug)]
pub struct GitHub {
    pub(super) api: Arc<Api>,
    pub(super) actor: Actor,
    loader: Arc<Loader>,
    patience: Patience,
}

impl GitHub {
    /// Opens the connection. Nothing is sent yet.
    ///
    /// # Errors
    /// If GitHub's URLs or the token cannot stand in a request.
    pub fn open(access: Access<'_>) -> Result<Self, Error> {
        Ok(Self {
            actor: Actor::of(access.token),
            patience: access.patience,
            loader: Arc::default(),
            api: Arc::new(Api::new(access)?),
        })
    }

    /// How many requests were sent, for all repositories together.
    pub fn requests(&self) -> usize {
        self.api.requests()
    }

    /// The repository called `name`. Nothing is sent yet, so it need not exist.
    pub fn repository(&self, name: RepoName) -> Repository {
        Repository {
            api: Arc::clone(&self.api),
            name,
            actor: self.actor,
            listings: Listings::default(),
            loader: Arc::clone(&self.loader),
            patience: self.patience,
        }
    }
}
