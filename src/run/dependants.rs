//! What keeps Port from deleting what a plan deletes: entities that relate to it. Port refuses such a
//! deletion, and a plan that does not say so is followed by an apply that fails.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use super::apply::{Refusals, related};
use super::error::Error;
use super::files::Language;
use super::read::Declared;
use super::session::Session;
use super::source::Source;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::declare::{Declaration, Declarations, declare};
use crate::catalog::entity::{BlueprintId, EntityKey, EntityName, Identifier};
use crate::catalog::live::{Difference, Field};
use crate::catalog::plan::Plan;
use crate::catalog::validate::dangling_in;
use crate::github::{Side, WantedFile};
use crate::port::{CONCURRENT_REQUESTS, Dependant, ErrorCode, Port, Rejection};
use crate::text::RepoPath;

/// What stays and relates to what a plan deletes, by the deletion's index in the plan.
type Staying = BTreeMap<usize, Vec<Dependant>>;

/// Finds out which deletions of `plan` Port would refuse. Where a file of the source has the
/// relation, that is an error on its line, noted in `declared`; the other refusals are returned.
///
/// # Errors
/// If GitHub does not give a file, or Port does not give a blueprint.
pub(crate) async fn find(
    session: &Session<'_>,
    source: &Source<'_>,
    declared: &mut Declared,
    plan: &Plan,
    blueprints: &mut Blueprints,
) -> Result<Refusals, Error> {
    let Some(port) = session.port.filter(|_| !plan.deletions.is_empty()) else {
        return Ok(Refusals::default());
    };
    let mut staying = staying(port, plan).await;
    let keys: BTreeSet<_> = staying.values().flatten().filter_map(key).collect();
    let files = declaring(session, source, declared, &keys).await?;
    let wanted = files.sound().map(|one| one.entity.blueprint.clone());
    let wanted: BTreeSet<_> = wanted.filter(|one| !blueprints.covers(one)).collect();
    if !wanted.is_empty() {
        blueprints.add(port.blueprints(wanted).await?);
    }
    let deleted: BTreeSet<_> = plan.deletions.iter().map(|one| one.key.clone()).collect();
    let concerned = files.sound().filter(|one| keys.contains(&one.entity.key()));
    let concerned: Vec<&Declaration> = concerned.map(AsRef::as_ref).collect();
    let found = dangling_in(&concerned, &deleted, blueprints);
    let explained: BTreeSet<_> = found
        .invalid
        .iter()
        .filter_map(|one| one.key.clone())
        .collect();
    declared.head.reject(found.invalid, found.diagnostics);
    for dependants in staying.values_mut() {
        dependants.retain(|one| key(one).is_none_or(|key| !explained.contains(&key)));
    }
    staying.retain(|_, dependants| !dependants.is_empty());
    Ok(Refusals {
        upserts: BTreeMap::new(),
        deletions: staying.into_iter().map(refusal).collect(),
    })
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
/// relates to it once the plan is carried out.
async fn staying(port: &Port, plan: &Plan) -> Staying {
    let named = plan.deletions.iter().enumerate();
    let named =
        named.filter_map(|(index, one)| Some((index, &one.key, one.key.name.identifier()?)));
    let searches = stream::iter(named).map(async |(index, key, identifier)| {
        match port.dependants(&key.blueprint, identifier).await {
            Ok(mut found) => {
                found.retain(|one| stays(one, identifier, plan));
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

fn stays(dependant: &Dependant, target: &Identifier, plan: &Plan) -> bool {
    let Some(key) = key(dependant) else {
        return true;
    };
    let is_deleted = plan.deletions.iter().any(|one| one.key == key);
    let mut upserts = plan.upserts.iter().filter(|one| one.key == key);
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
    let name = EntityName::Identifier(Identifier::from_port(&dependant.identifier));
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
    let files = session.files();
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
        let file = files.entity_file(wanted.path, content.content, Language::Entities);
        read.extend(file.await?);
    }
    Ok(declare(&read, &files.inputs.blueprints))
}
