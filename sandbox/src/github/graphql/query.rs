//! The entry points, the repository and its references.

use async_graphql::{Context, ID, Object, Result};

use super::object::{GitObject, of_object};
use super::scalar::{DateTime, GitObjectId, Uri};
use super::{World, failure};
use crate::github::model::REPOSITORY_ID;
use crate::github::rate::{Reading, Resource};
use crate::github::route::{Meant, meant};
use crate::github::timestamp;

pub(in crate::github) struct Query;

#[Object]
impl Query {
    /// Former names are followed, as GitHub does if not told otherwise.
    async fn repository(
        &self,
        context: &Context<'_>,
        owner: String,
        name: String,
    ) -> Result<Option<Repository>> {
        match meant(&context.data::<World>()?.settings, &owner, &name) {
            Meant::This | Meant::Former => Ok(Some(Repository)),
            Meant::Other => Err(failure(
                "NOT_FOUND",
                format!("Could not resolve to a Repository with the name '{owner}/{name}'."),
            )),
        }
    }

    async fn rate_limit(&self, context: &Context<'_>) -> Result<Option<RateLimit>> {
        let reading = context
            .data::<World>()?
            .shared
            .limits()
            .reading(Resource::Graphql);
        Ok(Some(RateLimit(reading)))
    }
}

pub(super) struct Repository;

#[Object]
impl Repository {
    async fn id(&self) -> ID {
        ID(format!("R_{REPOSITORY_ID}"))
    }

    async fn name(&self, context: &Context<'_>) -> Result<String> {
        Ok(context.data::<World>()?.settings.name().to_owned())
    }

    async fn name_with_owner(&self, context: &Context<'_>) -> Result<String> {
        Ok(context.data::<World>()?.settings.full_name.clone())
    }

    async fn url(&self, context: &Context<'_>) -> Result<Uri> {
        Ok(Uri(context.data::<World>()?.links.web("")))
    }

    async fn default_branch_ref(&self, context: &Context<'_>) -> Result<Option<Ref>> {
        let repository = &context.data::<World>()?.shared.repository;
        let name = format!("refs/heads/{}", repository.default_branch()?);
        Ok(repository.reference(&name)?.map(|_| Ref(name)))
    }

    /// By a full name, else by that of a branch or a tag.
    #[graphql(name = "ref")]
    async fn reference(
        &self,
        context: &Context<'_>,
        qualified_name: String,
    ) -> Result<Option<Ref>> {
        let repository = &context.data::<World>()?.shared.repository;
        for place in ["", "refs/heads/", "refs/tags/"] {
            let name = format!("{place}{qualified_name}");
            if repository.reference(&name)?.is_some() {
                return Ok(Some(Ref(name)));
            }
        }
        Ok(None)
    }

    /// By the full id, or by what `git rev-parse` understands.
    async fn object(
        &self,
        context: &Context<'_>,
        oid: Option<GitObjectId>,
        expression: Option<String>,
    ) -> Result<Option<GitObject>> {
        let repository = &context.data::<World>()?.shared.repository;
        let object = match (oid, expression) {
            (Some(oid), _) => repository.object_by_id(&oid.0)?,
            (None, Some(expression)) => repository.object(&expression)?,
            (None, None) => None,
        };
        Ok(object.and_then(of_object))
    }
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

    async fn target(&self, context: &Context<'_>) -> Result<Option<GitObject>> {
        let object = context
            .data::<World>()?
            .shared
            .repository
            .reference(&self.0)?;
        Ok(object.and_then(of_object))
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
