//! The entry points, the repository and its references.

use async_graphql::{Context, ID, Object, Result};

use super::object::{GitObject, found};
use super::scalar::{DateTime, GitObjectId, Uri};
use super::{Nullable, failure, world};
use crate::git::TestRepository;
use crate::github::model::REPOSITORY_ID;
use crate::github::rate::{Reading, Resource};
use crate::github::route::{Meant, meant};
use crate::github::timestamp;
use crate::switch::Switch;

pub(in crate::github) struct Query;

#[Object]
impl Query {
    /// Former names are followed, as GitHub does if not told otherwise.
    async fn repository(
        &self,
        context: &Context<'_>,
        owner: String,
        name: String,
    ) -> Nullable<Repository> {
        Some(match meant(&world(context).settings, &owner, &name) {
            Meant::This | Meant::Former => Ok(Repository),
            Meant::Other => Err(failure(
                "NOT_FOUND",
                format!("Could not resolve to a Repository with the name '{owner}/{name}'."),
            )),
        })
    }

    async fn rate_limit(&self, context: &Context<'_>) -> Option<RateLimit> {
        let mut limits = world(context).shared.limits();
        Some(RateLimit(limits.reading(Resource::Graphql)))
    }
}

pub(super) struct Repository;

#[Object]
impl Repository {
    async fn id(&self) -> ID {
        ID(format!("R_{REPOSITORY_ID}"))
    }

    async fn name<'a>(&self, context: &Context<'a>) -> &'a str {
        world(context).settings.name()
    }

    async fn name_with_owner<'a>(&self, context: &Context<'a>) -> &'a str {
        &world(context).settings.full_name
    }

    async fn url(&self, context: &Context<'_>) -> Uri {
        Uri(world(context).links.web(""))
    }

    async fn default_branch_ref(&self, context: &Context<'_>) -> Nullable<Ref> {
        default_branch(&world(context).shared.repository).transpose()
    }

    /// By a full name, else by that of a branch or a tag.
    #[graphql(name = "ref")]
    async fn reference(&self, context: &Context<'_>, qualified_name: String) -> Nullable<Ref> {
        reference(&world(context).shared.repository, &qualified_name).transpose()
    }

    /// By the full id, or by what `git rev-parse` understands.
    async fn object(
        &self,
        context: &Context<'_>,
        oid: Option<GitObjectId>,
        expression: Option<String>,
    ) -> Nullable<GitObject> {
        let world = world(context);
        let repository = &world.shared.repository;
        let object = match (&oid, &expression) {
            (Some(oid), _) => repository.object_by_id(&oid.0),
            (None, Some(expression)) => repository.object(expression),
            (None, None) => Ok(None),
        };
        if world
            .settings
            .switches
            .is_on(Switch::GraphQlHidesUnreachable)
        {
            // Also where a path follows the id.
            let name = oid.map(|oid| oid.0).or(expression).unwrap_or_default();
            let name = name.split(':').next().unwrap_or_default();
            match repository
                .is_full_id(name)
                .then(|| repository.is_reachable(name))
            {
                None | Some(Ok(true)) => {}
                Some(Ok(false)) => return None,
                Some(Err(error)) => return Some(Err(error.into())),
            }
        }
        found(object)
    }
}

fn default_branch(repository: &TestRepository) -> Result<Option<Ref>> {
    let name = format!("refs/heads/{}", repository.default_branch()?);
    Ok(repository.reference(&name)?.map(|_| Ref(name)))
}

fn reference(repository: &TestRepository, qualified_name: &str) -> Result<Option<Ref>> {
    for place in ["", "refs/heads/", "refs/tags/"] {
        let name = format!("{place}{qualified_name}");
        if repository.reference(&name)?.is_some() {
            return Ok(Some(Ref(name)));
        }
    }
    Ok(None)
}

/// A reference by its full name.
pub(super) struct Ref(String);

#[Object]
impl Ref {
    async fn id(&self) -> ID {
        ID(format!("REF_{}", self.0))
    }

    async fn name(&self) -> &str {
        self.0.splitn(3, '/').nth(2).unwrap_or(&self.0)
    }

    async fn prefix(&self) -> String {
        self.0
            .splitn(3, '/')
            .take(2)
            .flat_map(|part| [part, "/"])
            .collect()
    }

    async fn target(&self, context: &Context<'_>) -> Nullable<GitObject> {
        found(world(context).shared.repository.reference(&self.0))
    }
}

pub(super) struct RateLimit(Reading);

#[Object]
impl RateLimit {
    async fn cost(&self) -> i32 {
        1
    }

    async fn limit(&self) -> u64 {
        self.0.limit
    }

    async fn node_count(&self) -> i32 {
        0
    }

    async fn remaining(&self) -> u64 {
        self.0.remaining()
    }

    async fn reset_at(&self) -> DateTime {
        DateTime(timestamp::iso(self.0.reset))
    }

    async fn used(&self) -> u64 {
        self.0.used
    }
}
