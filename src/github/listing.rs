//! Which repositories a token sees.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::files::CONCURRENT_REQUESTS;
use super::{Actor, Error, GitHub, api};
use crate::git::RepoName;

/// The largest page that GitHub gives.
const PAGE: usize = 100;

/// A repository's id for GraphQL, which REST gives too. See [global node IDs][docs].
///
/// [docs]: https://docs.github.com/en/graphql/guides/using-global-node-ids
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct NodeId(String);

impl NodeId {
    /// The id as GitHub writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A repository that the token sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRepository {
    /// The number that stays the repository's when it is renamed or transferred.
    pub id: u64,
    /// The same for GraphQL.
    pub node_id: NodeId,
    /// What it was called when it was listed.
    pub name: RepoName,
    /// Why a fleet leaves it out, as far as the list says so.
    pub skipped: Option<ExclusionReason>,
}

/// Why a fleet leaves a repository out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExclusionReason {
    /// Its owner made it read-only.
    Archived,
    /// GitHub has disabled it.
    Disabled,
    /// It has no commit. Only [`GitHub::heads`] shows this: a `size` of 0 is also that of a small one.
    Empty,
    /// It is a fork.
    Fork,
}

#[derive(Deserialize)]
struct RepositoryItem {
    id: u64,
    node_id: NodeId,
    full_name: String,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    fork: bool,
}

#[derive(Deserialize)]
struct InstallationPage {
    total_count: usize,
    repositories: Vec<RepositoryItem>,
}

impl GitHub {
    /// Lists every repository that the token sees, each once, in GitHub's order: those of the app's
    /// [installation], or those to which a [user] has explicit access. Costs a request for each 100.
    ///
    /// [installation]: https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation
    /// [user]: https://docs.github.com/en/rest/repos/repos#list-repositories-for-the-authenticated-user
    ///
    /// # Errors
    /// [`Error::CannotList`] if the token may list no repositories; others if GitHub does not answer.
    pub async fn repositories(&self) -> Result<Vec<ListedRepository>, Error> {
        let listed = match self.actor {
            Actor::Bot => self.of_installation().await,
            Actor::Unknown => self.of_user().await,
        };
        let items = listed.map_err(|error| match error {
            Error::Forbidden { message, .. } | Error::NotFound { message, .. } => {
                Error::CannotList { message }
            }
            error => error,
        })?;
        // While one page after the other is read, a repository can move to the next page.
        let mut seen = HashSet::new();
        let once = items.into_iter().filter(|item| seen.insert(item.id));
        once.map(ListedRepository::try_from).collect()
    }

    async fn of_installation(&self) -> Result<Vec<RepositoryItem>, Error> {
        let page = async |number: usize| -> Result<InstallationPage, Error> {
            let path = format!("/installation/repositories?per_page={PAGE}&page={number}");
            self.api.get(&path).await
        };
        let first = page(1).await?;
        let pages = first.total_count.div_ceil(PAGE);
        let others: Vec<InstallationPage> = stream::iter(2..=pages)
            .map(page)
            .buffered(CONCURRENT_REQUESTS)
            .try_collect()
            .await?;
        let pages = std::iter::once(first).chain(others);
        Ok(pages.flat_map(|page| page.repositories).collect())
    }

    /// How many pages there are is not always known, so each one names the [next].
    ///
    /// [next]: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    async fn of_user(&self) -> Result<Vec<RepositoryItem>, Error> {
        let mut items = Vec::new();
        let mut next = Some(format!("/user/repos?per_page={PAGE}"));
        while let Some(path) = next {
            let answer = self.api.get_answer(&path).await?;
            items.extend(api::read::<Vec<RepositoryItem>>(&answer, &path)?);
            next = self.api.next_page(&answer);
        }
        Ok(items)
    }
}

impl TryFrom<RepositoryItem> for ListedRepository {
    type Error = Error;

    fn try_from(item: RepositoryItem) -> Result<Self, Error> {
        let skipped = match &item {
            RepositoryItem { archived: true, .. } => Some(ExclusionReason::Archived),
            RepositoryItem { disabled: true, .. } => Some(ExclusionReason::Disabled),
            RepositoryItem { fork: true, .. } => Some(ExclusionReason::Fork),
            _ => None,
        };
        Ok(Self {
            id: item.id,
            node_id: item.node_id,
            name: super::name(&item.full_name, "the list of repositories")?,
            skipped,
        })
    }
}
