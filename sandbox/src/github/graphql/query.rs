//! The entry points, the repository and its default branch.

use std::sync::Arc;

use async_graphql::{Context, Error, ID, Interface, Object, Result};

use super::object::{GitObject, GitObjectId, found};
use super::{Nullable, failure, settings};
use crate::github::hosted::{Attribute, Hosted, Meant};
use crate::github::route::refusal_of;
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
        Some(match settings(context).repositories.named(&full_name) {
            Meant::Present(hosted) | Meant::Former(hosted) => readable(hosted),
            Meant::Nobody => Err(failure(
                "NOT_FOUND",
                format!("Could not resolve to a Repository with the name '{full_name}'."),
            )),
        })
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
        let repositories = &settings(context).repositories;
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

pub(super) struct Repository(Arc<Hosted>);

#[Object]
impl Repository {
    async fn id(&self) -> ID {
        ID(self.0.node_id())
    }

    async fn name_with_owner(&self) -> &str {
        &self.0.full_name
    }

    async fn default_branch_ref(&self) -> Nullable<Ref> {
        default_branch(&self.0).transpose()
    }

    async fn object(&self, context: &Context<'_>, oid: GitObjectId) -> Nullable<GitObject> {
        let git = &self.0.git;
        let hides = settings(context)
            .switches
            .is_on(Switch::GraphQlHidesUnreachable);
        match hides.then(|| git.is_reachable(&oid.0)) {
            None | Some(Ok(true)) => found(&self.0, git.object_by_id(&oid.0)),
            Some(Ok(false)) => None,
            Some(Err(error)) => Some(Err(error.into())),
        }
    }
}

fn default_branch(of: &Arc<Hosted>) -> Result<Option<Ref>> {
    let name = format!("refs/heads/{}", of.git.default_branch()?);
    let reference = of.git.reference(&name)?;
    Ok(reference.map(|_| Ref(of.clone(), name)))
}

/// A reference by its full name.
pub(super) struct Ref(Arc<Hosted>, String);

#[Object]
impl Ref {
    async fn name(&self) -> &str {
        self.1.splitn(3, '/').nth(2).unwrap_or(&self.1)
    }

    async fn target(&self) -> Nullable<GitObject> {
        found(&self.0, self.0.git.reference(&self.1))
    }
}
