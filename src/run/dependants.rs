//! What keeps Port from deleting what a plan deletes: entities that relate to it. Port refuses such a
//! deletion, and a plan that does not say so is followed by an apply that fails.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use super::apply::related;
use super::error::Error;
use super::files::ReadAs;
use super::pass::Pass;
use super::round::Declared;
use super::session::Session;
use super::source::Source;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::declare::{Declaration, Declarations, declare};
use crate::catalog::difference::{Difference, Field};
use crate::catalog::entity::{BlueprintId, EntityKey, EntityName, Identifier};
use crate::catalog::plan::Plan;
use crate::catalog::validate::dangling_in;
use crate::event::Mode;
use crate::github::{Side, WantedFile};
use crate::port::{CONCURRENT_REQUESTS, Dependant, ErrorCode, Port, Rejection};
use crate::text::RepoPath;

/// What stays and relates to what a plan deletes, by the deletion's index in the plan.
type Staying = BTreeMap<usize, Vec<Dependant>>;

/// Finds out which deletions of a plan Port would refuse. Where a file of the source has the relation,
/// that is an error on its line; the other refusals are noted.
///
/// # Errors
/// If GitHub does not give a file, or Port does not give a blueprint.
pub(crate) async fn check_deletions(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
    blueprints: &mut Blueprints,
) -> Result<(), Error> {
    let Some(port) = session.port.filter(|_| session.run.mode == Mode::Plan) else {
        return Ok(());
    };
    let plans: Vec<_> = passes.iter().map(|pass| &*pass.plan).collect();
    let mut staying_of_each = Vec::new();
    for plan in &plans {
        staying_of_each.push(staying(port, plan, &plans).await);
    }
    let deleted = plans.iter().flat_map(|plan| &plan.deletions);
    let deleted: BTreeSet<_> = deleted.map(|one| one.key.clone()).collect();
    for (pass, staying) in passes.iter_mut().zip(staying_of_each) {
        if !staying.is_empty() {
            explain(session, port, pass, staying, &deleted, blueprints).await?;
        }
    }
    Ok(())
}

/// Notes why the deletions that `staying` names are refused.
async fn explain(
    session: &Session<'_>,
    port: &Port,
    pass: &mut Pass<'_, '_>,
    mut staying: Staying,
    deleted: &BTreeSet<EntityKey>,
    blueprints: &mut Blueprints,
) -> Result<(), Error> {
    let keys: BTreeSet<_> = staying.values().flatten().filter_map(key).collect();
    let files = declaring(session, pass.source, &pass.declared, &keys).await?;
    let wanted = files.sound().map(|one| one.entity.blueprint.clone());
    let wanted: BTreeSet<_> = wanted.filter(|one| !blueprints.covers(one)).collect();
    if !wanted.is_empty() {
        blueprints.add(port.blueprints(wanted).await?);
    }
    let concerned = files.sound().filter(|one| keys.contains(&one.entity.key()));
    let concerned: Vec<&Declaration> = concerned.map(AsRef::as_ref).collect();
    let found = dangling_in(&concerned, deleted, blueprints);
    let explained: BTreeSet<_> = found
        .invalid
        .iter()
        .filter_map(|one| one.key.clone())
        .collect();
    pass.declared.head.reject(found.invalid, found.diagnostics);
    for dependants in staying.values_mut() {
        dependants.retain(|one| key(one).is_none_or(|key| !explained.contains(&key)));
    }
    staying.retain(|_, dependants| !dependants.is_empty());
    pass.refusals.deletions = staying.into_iter().map(refusal).collect();
    Ok(())
}

fn refusal((index, dependants): (usize, Vec<Dependant>)) -> (usize, Rejection) {
    let rejection = Rejection {
        code: ErrorCode::HasDependents,
        status: 403,
        message: related(&dependants),
    };
    (index, rejection)
}

/// Asks Port what relates to each entity that is deleted, and leaves out what goes too or no longer
/// relates to it once the plans are carried out.
async fn staying(port: &Port, plan: &Plan, plans: &[&Plan]) -> Staying {
    let named = plan.deletions.iter().enumerate();
    let named =
        named.filter_map(|(index, one)| Some((index, &one.key, one.key.name.identifier()?)));
    let searches = stream::iter(named).map(async |(index, key, identifier)| {
        match port.dependants(&key.blueprint, identifier).await {
            Ok(mut found) => {
                found.retain(|one| stays(one, identifier, plans));
                (index, found)
            }
            Err(error) => {
                tracing::warn!("it is not known what relates to `{key}`: {error}");
                (index, Vec::new())
            }
        }
    });
    let found: Vec<_> = searches.buffered(CONCURRENT_REQUESTS).collect().await;
    found
        .into_iter()
        .filter(|(_, found)| !found.is_empty())
        .collect()
}

fn stays(dependant: &Dependant, target: &Identifier, plans: &[&Plan]) -> bool {
    let Some(key) = key(dependant) else {
        return true;
    };
    let mut deletions = plans.iter().flat_map(|plan| &plan.deletions);
    let is_deleted = deletions.any(|one| one.key == key);
    let upserts = plans.iter().flat_map(|plan| &plan.upserts);
    let mut upserts = upserts.filter(|one| one.key == key);
    let leaves = |one: &Difference| {
        let is_relation = matches!(one.field, Field::Relation(_));
        is_relation && one.from.as_ref().is_some_and(|from| names(from, target))
    };
    !is_deleted && !upserts.any(|one| one.differences.iter().any(leaves))
}

/// Whether a relation's value leads to `target`.
fn names(value: &serde_json::Value, target: &Identifier) -> bool {
    match value {
        serde_json::Value::Array(items) => items.iter().any(|item| names(item, target)),
        value => value.as_str() == Some(target.as_str()),
    }
}

fn key(dependant: &Dependant) -> Option<EntityKey> {
    let blueprint = BlueprintId::parse(dependant.blueprint.as_ref()?).ok()?;
    let name = EntityName::Identifier(Identifier::from_port(dependant.identifier.as_str()));
    Some(EntityKey { blueprint, name })
}

/// What is declared in the entity files that brought `keys` to Port and that the run did not look
/// at.
async fn declaring(
    session: &Session<'_>,
    source: &Source<'_>,
    declared: &Declared,
    keys: &BTreeSet<EntityKey>,
) -> Result<Declarations, Error> {
    let known = source.state.entities().into_iter();
    let paths = known.filter(|(key, _)| keys.contains(*key));
    let paths: BTreeSet<&RepoPath> = paths.flat_map(|(_, paths)| paths).collect();
    let files = source.files(session);
    let unread = paths.into_iter().filter(|path| {
        !declared.versions.contains_key(*path) && files.inputs.files.select(path).is_some()
    });
    let wanted: Vec<_> = unread
        .map(|path| WantedFile {
            commit: source.commit.clone(),
            path: path.clone(),
            side: Side::Unknown,
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Declarations::default());
    }
    let contents = files.repository.contents(&wanted, files.checkout).await?;
    let mut read = Vec::new();
    for (wanted, content) in wanted.into_iter().zip(contents) {
        let file = files.entity_file(wanted.path, content.content, ReadAs::Entities);
        read.extend(file.await?);
    }
    Ok(declare(&read, &files.inputs.blueprints))
}
