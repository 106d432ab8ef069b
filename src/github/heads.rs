//! Where the default branches of many repositories are, in few requests.

use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::GraphQlError;
use super::files::CONCURRENT_REQUESTS;
use super::{Error, GitHub, ListedRepository, commit, name};
use crate::git::{BranchName, CommitSha, RepoName};
use crate::http::retry::Reserve;

/// `nodes` takes no more ids than this.
const REPOSITORIES_A_QUERY: usize = 100;

/// By id, and not by `repository(owner:, name:)` under an alias each: an id stays when the repository is
/// renamed, and never means another one that took over the name. The text is also the same for any number.
const QUERY: &str = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Repository { nameWithOwner defaultBranchRef { name target { oid } } } } }";

/// What stands in for a path in errors.
const WHAT: &str = "a query for default branches";

/// Where a repository's default branch is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// At a commit.
    At {
        /// What the repository is called now.
        name: RepoName,
        /// The default branch.
        branch: BranchName,
        /// Its tip.
        commit: CommitSha,
    },
    /// The default branch has no commit.
    Empty {
        /// What the repository is called now.
        name: RepoName,
    },
    /// The repository was deleted, or the token does not see it any more.
    Gone,
    /// GitHub refuses to show it to this token.
    Unreadable {
        /// GitHub's own message.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RepositoryNode {
    name_with_owner: String,
    default_branch_ref: Option<BranchRef>,
}

#[derive(Deserialize)]
struct BranchRef {
    name: String,
    target: RefTarget,
}

#[derive(Deserialize)]
struct RefTarget {
    oid: String,
}

#[derive(Deserialize)]
struct Data {
    nodes: Vec<Value>,
}

impl GitHub {
    /// Reads where the default branches are, in the order given. Costs a request for each 100.
    /// A repository that is gone or that the token may not read concerns only itself. This is also how a
    /// run finds out at its end whether they have moved, so it may use what is kept of the budget.
    ///
    /// # Errors
    /// If GitHub does not answer, or does not accept the token.
    pub async fn heads(&self, repositories: &[ListedRepository]) -> Result<Vec<Head>, Error> {
        let heads: Vec<Vec<Head>> = stream::iter(repositories.chunks(REPOSITORIES_A_QUERY))
            .map(|chunk| self.heads_in_parts(chunk))
            .buffered(CONCURRENT_REQUESTS)
            .try_collect()
            .await?;
        Ok(heads.into_iter().flatten().collect())
    }

    /// Requests half as many, as long as GitHub says that it is too much.
    async fn heads_in_parts(&self, repositories: &[ListedRepository]) -> Result<Vec<Head>, Error> {
        let mut heads = Vec::with_capacity(repositories.len());
        let mut parts = vec![repositories];
        while let Some(part) = parts.pop() {
            match self.heads_at_once(part).await {
                Err(Error::QueryTooHeavy(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                result => heads.extend(result?),
            }
        }
        Ok(heads)
    }

    async fn heads_at_once(&self, repositories: &[ListedRepository]) -> Result<Vec<Head>, Error> {
        let ids: Vec<_> = repositories
            .iter()
            .map(|one| one.node_id.as_str())
            .collect();
        let (data, errors) = self
            .api
            .graphql(QUERY, &json!({ "ids": ids }), Reserve::Use)
            .await?;
        let Data { nodes } = serde_json::from_value(data).map_err(|reason| unknown(&reason))?;
        if nodes.len() != repositories.len() {
            return Err(unknown(&"it is about another number of repositories"));
        }
        let head = |(index, node): (usize, Value)| {
            let path = ["nodes".into(), index.into()];
            let error = errors.iter().find(|error| error.is_below(&path));
            head(node, error)
        };
        nodes.into_iter().enumerate().map(head).collect()
    }
}

fn head(node: Value, error: Option<&GraphQlError>) -> Result<Head, Error> {
    match error {
        Some(error) if error.is_not_found() => return Ok(Head::Gone),
        Some(error) => {
            let message = error.message().to_owned();
            return Ok(Head::Unreadable { message });
        }
        None if node.is_null() => return Ok(Head::Gone),
        None => {}
    }
    let node: RepositoryNode = serde_json::from_value(node).map_err(|reason| unknown(&reason))?;
    let name = name(&node.name_with_owner, WHAT)?;
    Ok(match node.default_branch_ref {
        Some(reference) => Head::At {
            name,
            branch: BranchName::new(reference.name),
            commit: commit(&reference.target.oid, WHAT.to_owned())?,
        },
        None => Head::Empty { name },
    })
}

fn unknown(reason: &dyn std::fmt::Display) -> Error {
    Error::UnknownForm {
        path: WHAT.to_owned(),
        reason: reason.to_string(),
    }
}
