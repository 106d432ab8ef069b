//! Decides what to do, from what changed in Git, what Port holds and what other sources own.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::look::{Against, Extent, Looked};
use super::read::Declared;
use super::session::Session;
use super::source::{Continuity, Source};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{Basis, Change, Proof, compare};
use crate::catalog::declare::Invalid;
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::live::{Knowledge, Live};
use crate::catalog::merge::{Merge, takes_away};
use crate::catalog::plan::{Action, Known, Owner, Plan, Policy, Pruning};
use crate::catalog::question::{Question, questions};
use crate::catalog::validate::{
    Validated, refuse_circles, refuse_dangling, refuse_taking_required,
};
use crate::event::Mode;
use crate::inputs::{MissingTargets, Prune};
use crate::text::RepoPath;

/// What changed between the files' earlier versions and the tip, and what earlier runs found
/// removed and did not delete.
pub(crate) fn changes(
    session: &Session<'_>,
    source: &Source<'_>,
    looked: &Looked,
    declared: &Declared,
) -> Vec<Change> {
    let mut changes = compare(&declared.earlier, &declared.head, &declared.open);
    let is_of_state = matches!(looked.against, Against::State);
    if session.setup.inputs.prune == Prune::Keep || !is_of_state {
        return changes;
    }
    let known: BTreeSet<_> = changes.iter().map(|change| change.key.clone()).collect();
    let invalid = declared.head.invalid.iter();
    let invalid: BTreeSet<_> = invalid.filter_map(|invalid| invalid.key.as_ref()).collect();
    let removed = source.state.removed.iter();
    let removed = removed.filter(|(key, _)| !known.contains(*key) && !invalid.contains(key));
    changes.extend(removed.map(|(key, removed)| Change {
        key: key.clone(),
        former: Vec::new(),
        head: None,
        basis: Basis::Live,
        proof: Proof::Accepted,
        former_path: Some(removed.path.clone()),
    }));
    changes
}

/// Plans what to do about `changes`. Errors that follow from what Port holds go to `declared`.
///
/// # Errors
/// If a request to Port fails.
pub(crate) async fn plan(
    session: &Session<'_>,
    source: &Source<'_>,
    looked: &Looked,
    declared: &mut Declared,
    changes: Vec<Change>,
    blueprints: &Blueprints,
) -> Result<Plan, Error> {
    let (live, owners) = futures::try_join!(
        live(session, source, &changes, blueprints),
        owners(session, source, looked, &changes)
    )?;
    let changes = refuse(session, declared, changes, &live, blueprints);
    let known = Known {
        live: &live,
        blueprints,
        owners: &owners,
        rewritten: &source.state.rewritten,
        takeover: match source.store {
            Some(_) => Action::Adopt,
            None => Action::Update,
        },
    };
    let policy = |declared: &Declared| policy(session, source, declared);
    let plan = Plan::new(changes.clone(), known, &policy(declared));
    let count = changes.len();
    let validated = refuse_dangling(changes, &plan, blueprints);
    let changes = keep_valid(declared, validated);
    match changes.len() == count {
        true => Ok(plan),
        false => Ok(Plan::new(changes, known, &policy(declared))),
    }
}

/// Adds the errors to `declared`, and returns the valid changes.
fn keep_valid(declared: &mut Declared, validated: Validated) -> Vec<Change> {
    declared
        .head
        .reject(validated.invalid, validated.diagnostics);
    validated.changes
}

/// Removes the changes that cannot be written, given what Port holds.
fn refuse(
    session: &Session<'_>,
    declared: &mut Declared,
    mut changes: Vec<Change>,
    live: &Live,
    blueprints: &Blueprints,
) -> Vec<Change> {
    let inputs = &session.setup.inputs;
    if inputs.merge == Merge::Merge {
        let validated = refuse_taking_required(changes, live, blueprints);
        changes = keep_valid(declared, validated);
    }
    if inputs.missing_targets == MissingTargets::Reject {
        let validated = refuse_circles(changes, live, blueprints);
        changes = keep_valid(declared, validated);
    }
    changes
}

/// Fetches what Port holds of the entities for which it matters. In a plan: all that may be
/// written, to show what changes. In an apply: those that Git alone does not decide, and those that
/// lost a value or are removed.
async fn live(
    session: &Session<'_>,
    source: &Source<'_>,
    changes: &[Change],
    blueprints: &Blueprints,
) -> Result<Live, Error> {
    let (inputs, mode) = (&session.setup.inputs, session.run.mode);
    let prunes = inputs.prune == Prune::Delete;
    let removed_of: BTreeSet<&BlueprintId> = changes
        .iter()
        .filter(|change| change.head.is_none() && prunes)
        .map(|change| &change.key.blueprint)
        .collect();
    let names_removed =
        |key: &EntityKey| key.name.identifier().is_none() && removed_of.contains(&key.blueprint);
    let is_wanted = |change: &&Change| match (&change.head, change.basis, mode) {
        (None, ..) => prunes || mode == Mode::Plan || change.proof == Proof::Possible,
        (Some(_), Basis::Live, _) => true,
        (Some(_), Basis::Git, _) if names_removed(&change.key) => true,
        (Some(_), Basis::Git, Mode::Plan) => change.is_candidate(),
        (Some(head), Basis::Git, Mode::Apply) => {
            let takes = || takes_away(&change.former_entities(), &head.entity);
            inputs.merge == Merge::Merge && takes()
        }
    };
    let keys: Vec<_> = changes
        .iter()
        .filter(is_wanted)
        .map(|change| &change.key)
        .collect();
    let Some(port) = session.port.filter(|_| !keys.is_empty()) else {
        return Ok(Live::default());
    };
    let written = keys.iter().filter(|key| source.written.contains(**key));
    let written: Vec<_> = written.map(|key| (*key).clone()).collect();
    let mut live = port.live(keys, blueprints).await?;
    // A search may not find yet what this run wrote at an earlier tip.
    for key in written {
        if let Some(identifier) = key.name.identifier() {
            let found = port.entity(&key.blueprint, identifier.as_str()).await?;
            live.insert(key, found);
        }
    }
    live.answers = port
        .answers(open_questions(changes, &live, blueprints, mode))
        .await?;
    Ok(live)
}

/// The queries whose answers say whether an entity that is there changes.
fn open_questions(
    changes: &[Change],
    live: &Live,
    blueprints: &Blueprints,
    mode: Mode,
) -> BTreeSet<Question> {
    let counts = |change: &&Change| {
        let is_there = matches!(live.get(&change.key), Knowledge::Present(_));
        is_there && (change.basis == Basis::Live || mode == Mode::Plan)
    };
    let heads = changes.iter().filter(counts);
    let heads = heads.filter_map(|change| change.head.as_ref());
    heads
        .flat_map(|head| {
            let blueprint = blueprints.known.get(&head.entity.blueprint);
            questions(&head.entity, blueprint)
        })
        .collect()
}

/// Which other sources own or wait for the entities that are new here or about to be deleted. If
/// the run reads all files: for any entity.
async fn owners(
    session: &Session<'_>,
    source: &Source<'_>,
    looked: &Looked,
    changes: &[Change],
) -> Result<BTreeMap<EntityKey, Owner>, Error> {
    let Some(store) = &source.store else {
        return Ok(BTreeMap::new());
    };
    let prunes = session.setup.inputs.prune == Prune::Delete;
    let owned: BTreeSet<_> = source.found.entities().into_keys().collect();
    let needs_owner = |change: &&Change| match change.head {
        Some(_) => looked.extent == Extent::All || !owned.contains(&change.key),
        None => prunes,
    };
    let keys = changes.iter().filter(needs_owner);
    let keys = keys.map(|change| change.key.clone()).collect();
    // An entity that is no longer declared here goes to any other owner, even a younger one.
    let dropped = changes.iter().filter(|change| change.head.is_none());
    let dropped: BTreeSet<_> = dropped.map(|change| &change.key).collect();
    let owns = |key: &EntityKey| owned.contains(key) && !dropped.contains(key);
    Ok(store.owners(&keys, owns, source.state.since).await?)
}

/// What may be done, as far as it is known once everything was checked.
fn policy(session: &Session<'_>, source: &Source<'_>, declared: &Declared) -> Policy {
    let inputs = &session.setup.inputs;
    let pruning = match (inputs.prune, source.continuity) {
        (_, Continuity::OtherInputs) => Pruning::Release,
        (Prune::Keep, _) => Pruning::Off,
        (Prune::Delete, _) => Pruning::On {
            at_most: inputs.max_deletes,
            obstacle: unreadable(declared),
            open: invalid_files(declared),
        },
    };
    Policy {
        merge: inputs.merge,
        pruning,
    }
}

/// Why nothing may be deleted: a file cannot be read, and may declare the entity.
fn unreadable(declared: &Declared) -> Option<String> {
    let mut unreadable = declared.head.invalid.iter().filter(|one| one.key.is_none());
    let first = unreadable.next()?;
    let more = match unreadable.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Some(format!(
        "{0} cannot be read{more}, and may declare the entity; fix the error at {0} first",
        first.location
    ))
}

fn invalid_files(declared: &Declared) -> BTreeMap<RepoPath, String> {
    let invalid = declared.head.invalid.iter();
    let reason = |invalid: &Invalid| {
        let reason = format!(
            "the file that declared it has errors; fix the error at {} first",
            invalid.location
        );
        (invalid.location.path().clone(), reason)
    };
    invalid.map(reason).collect()
}
