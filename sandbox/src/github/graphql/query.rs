//! The entry points, the repository and its references.

use std::sync::Arc;

use async_graphql::{Context, Error, ID, Interface, Object, Result};

use super::object::{GitObject, found};
use super::scalar::{DateTime, GitObjectId, Uri};
use super::{Nullable, failure, world};
use crate::github::hosted::{Attribute, Hosted, Meant};
use crate::github::rate::{Reading, Resource};
use crate::github::route::refusal_of;
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
        let full_name = format!("{owner}/{name}");
        Some(
            match world(context).settings.repositories.named(&full_name) {
                Meant::Present(hosted) | Meant::Former(hosted) => readable(hosted),
                Meant::Nobody => Err(failure(
                    "NOT_FOUND",
                    format!("Could not resolve to a Repository with the name '{full_name}'."),
                )),
            },
        )
    }

    /// Of more than 100 none.
    async fn nodes(&self, context: &Context<'_>, ids: Vec<ID>) -> Result<Vec<Nullable<Node>>> {
        const MOST: usize = 100;
        if ids.len() > MOST {
            let message = format!(
                "You may not provide more than {MOST} node ids; you provided {}.",
                ids.len()
            );
            return Err(failure("ARGUMENT_LIMIT", message));
        }
        let repositories = &world(context).settings.repositories;
        let node = |id: &ID| match repositories.by_node_id(id) {
            Some(hosted) => readable(hosted).map(Node::Repository),
            None => Err(failure(
                "NOT_FOUND",
                format!(
                    "Could not resolve to a node with the global id of '{}'.",
                    &**id
                ),
            )),
        };
        Ok(ids.iter().map(|id| Some(node(id))).collect())
    }

    async fn rate_limit(&self, context: &Context<'_>) -> Option<RateLimit> {
        let mut limits = world(context).shared.limits();
        Some(RateLimit(limits.reading(Resource::Graphql)))
    }
}

fn readable(hosted: &Arc<Hosted>) -> Result<Repository, Error> {
    match hosted.is(Attribute::Refused) {
        true => Err(failure("FORBIDDEN", refusal_of(hosted))),
        false => Ok(Repository(hosted.clone())),
    }
}

/// Whatever has an id. Only repositories are looked up by it.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID"))]
pub(super) enum Node {
    Repository(Repository),
}

pub(super) struct Repository(pub(super) Arc<Hosted>);

#[Object]
impl Repository {
    pub(super) async fn id(&self) -> ID {
        ID(self.0.node_id())
    }

    async fn name(&self) -> &str {
        self.0.name()
    }

    async fn name_with_owner(&self) -> &str {
        &self.0.full_name
    }

    async fn url(&self, context: &Context<'_>) -> Uri {
        Uri(world(context).links(&self.0).web(""))
    }

    async fn default_branch_ref(&self) -> Nullable<Ref> {
        default_branch(&self.0).transpose()
    }

    /// By a full name, else by that of a branch or a tag.
    #[graphql(name = "ref")]
    async fn reference(&self, qualified_name: String) -> Nullable<Ref> {
        reference(&self.0, &qualified_name).transpose()
    }

    /// By the full id, or by what `git rev-parse` understands.
    async fn object(
        &self,
        context: &Context<'_>,
        oid: Option<GitObjectId>,
        expression: Option<String>,
    ) -> Nullable<GitObject> {
        let world = world(context);
        let repository = &self.0.git;
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
        found(&self.0, object)
    }
}

fn default_branch(of: &Arc<Hosted>) -> Result<Option<Ref>> {
    let name = format!("refs/heads/{}", of.git.default_branch()?);
    let reference = of.git.reference(&name)?;
    Ok(reference.map(|_| Ref(of.clone(), name)))
}

fn reference(of: &Arc<Hosted>, qualified_name: &str) -> Result<Option<Ref>> {
    for place in ["", "refs/heads/", "refs/tags/"] {
        let name = format!("{place}{qualified_name}");
        if of.git.reference(&name)?.is_some() {
            return Ok(Some(Ref(of.clone(), name)));
        }
    }
    Ok(None)
}

/// A reference by its full name.
pub(super) struct Ref(Arc<Hosted>, String);

#[Object]
impl Ref {
    async fn id(&self) -> ID {
        ID(format!("REF_{}", self.1))
    }

    async fn name(&self) -> &str {
        self.1.splitn(3, '/').nth(2).unwrap_or(&self.1)
    }

    async fn prefix(&self) -> String {
        self.1
            .splitn(3, '/')
            .take(2)
            .flat_map(|part| [part, "/"])
            .collect()
    }

    async fn target(&self) -> Nullable<GitObject> {
        found(&self.0, self.0.git.reference(&self.1))
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
