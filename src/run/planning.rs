//! Decides what to do, from what changed in Git, what Port holds and what other sources own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::Error;
use super::ownership;
use super::pass::Pass;
use super::round::Declared;
use super::session::Session;
use super::shared_entities;
use super::source::Continuity;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{self, Basis, Change, Proof};
use crate::catalog::declare::Invalid;
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::live::{Knowledge, Live, LiveEntity};
use crate::catalog::merge::{Merge, drops_fields};
use crate::catalog::plan::{
    Action, Obstacle, Plan, PlanContext, Policy, Pruning, is_in_port, limit_deletions,
};
use crate::catalog::query_results::{BlueprintQuery, blueprint_queries};
use crate::catalog::validate::{Cycles, refuse_dangling, refuse_dropping_required};
use crate::event::Mode;
use crate::inputs::{MissingTargets, Prune};
use crate::text::RepoPath;

/// Finds what changed between the files' earlier versions and the tip, and what earlier runs found
/// removed and did not delete.
pub(crate) fn find_changes(session: &Session<'_>, passes: &mut [Pass<'_, '_>]) {
    for pass in passes {
        pass.changes = changes(session, pass);
    }
}

fn changes(session: &Session<'_>, pass: &Pass<'_, '_>) -> Vec<Change> {
    let Pass {
        source, declared, ..
    } = pass;
    let mut changes = change::compare(&declared.earlier, &declared.head, &declared.open);
    if session.setup.inputs.prune == Prune::Keep || !pass.is_of_state {
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

/// Plans what to do about the changes of all sources, as one plan. Errors that follow from what Port
/// holds, or from each other's changes, go to what is declared.
///
/// # Errors
/// If a request to Port fails.
pub(crate) async fn plan(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
    blueprints: &Blueprints,
) -> Result<(), Error> {
    let (live, claims) = futures::try_join!(
        live(session, passes, blueprints),
        ownership::claims(session, passes)
    )?;
    shared_entities::refuse_contested(passes, &claims);
    refuse(session, passes, &live, blueprints);
    let decide = |pass: &mut Pass<'_, '_>| {
        let owners = ownership::owners(session, pass, &claims);
        let known = PlanContext {
            live: &live,
            blueprints,
            owners: &owners,
            rewritten: &pass.source.state.rewritten,
            takeover: match pass.source.store {
                Some(_) => Action::Adopt,
                None => Action::Update,
            },
        };
        let policy = policy(session, pass);
        pass.plan = Arc::new(Plan::new(pass.changes.clone(), known, &policy));
    };
    passes.iter_mut().for_each(decide);
    let deleted = deleted(passes);
    for pass in &mut *passes {
        let count = pass.changes.len();
        let changes = std::mem::take(&mut pass.changes);
        pass.keep_valid(refuse_dangling(changes, &deleted, blueprints));
        if pass.changes.len() < count {
            decide(pass);
        }
    }
    let plans = passes.iter_mut().map(|pass| Arc::make_mut(&mut pass.plan));
    limit_deletions(plans, session.setup.inputs.max_deletes);
    Ok(())
}

/// What the plans delete.
fn deleted(passes: &[Pass<'_, '_>]) -> BTreeSet<EntityKey> {
    let deletions = passes.iter().flat_map(|pass| &pass.plan.deletions);
    deletions.map(|deletion| deletion.key.clone()).collect()
}

/// Removes the changes that cannot be written, given what Port holds.
fn refuse(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
    live: &Live,
    blueprints: &Blueprints,
) {
    let inputs = &session.setup.inputs;
    if inputs.merge == Merge::Merge {
        for pass in &mut *passes {
            let changes = std::mem::take(&mut pass.changes);
            pass.keep_valid(refuse_dropping_required(changes, live, blueprints));
        }
    }
    if inputs.missing_targets == MissingTargets::Reject {
        let changes = passes.iter().flat_map(|pass| &pass.changes);
        let cycles = Cycles::find(changes, live, blueprints);
        for pass in passes {
            let changes = std::mem::take(&mut pass.changes);
            pass.keep_valid(cycles.refuse(changes));
        }
    }
}

/// Fetches what Port holds of the entities for which it matters. In a plan: all that may be
/// written, to show what changes. In an apply: those that Git alone does not decide, and those that
/// lost a value or are removed.
async fn live(
    session: &Session<'_>,
    passes: &[Pass<'_, '_>],
    blueprints: &Blueprints,
) -> Result<Live, Error> {
    let mut keys: BTreeSet<&EntityKey> = BTreeSet::new();
    let mut written: Vec<&EntityKey> = Vec::new();
    for pass in passes {
        let own = wanted(session, &pass.changes);
        let is_written = |key: &&EntityKey| pass.source.written.contains(*key);
        written.extend(own.iter().copied().filter(is_written));
        keys.extend(own);
    }
    let Some(port) = session.port.filter(|_| !keys.is_empty()) else {
        return Ok(Live::default());
    };
    let changes = || passes.iter().flat_map(|pass| &pass.changes);
    // Several sources may declare one entity.
    let mut by_key: BTreeMap<&EntityKey, Vec<&Change>> = BTreeMap::new();
    for change in changes().filter(|change| keys.contains(&change.key)) {
        by_key.entry(&change.key).or_default().push(change);
    }
    let merge = session.setup.inputs.merge;
    let is_as_declared = |key: &EntityKey, live: &LiveEntity| {
        let blueprint = blueprints.known.get(&key.blueprint);
        let changes = by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        changes
            .iter()
            .all(|change| is_in_port(change, live, blueprint, merge))
    };
    let mut live = port.live(keys, blueprints, is_as_declared).await?;
    // A search may not find yet what this run wrote at an earlier tip.
    for key in written {
        if let Some(identifier) = key.name.identifier() {
            let found = port.entity(&key.blueprint, identifier.as_str()).await?;
            live.insert(key.clone(), found);
        }
    }
    let queries = open_queries(changes(), &live, blueprints, session.run.mode);
    live.query_results = port.query_results(queries).await?;
    Ok(live)
}

/// Those of a source's changes for which it matters what Port holds.
fn wanted<'c>(session: &Session<'_>, changes: &'c [Change]) -> Vec<&'c EntityKey> {
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
            let drops = || drops_fields(&change.former_entities(), &head.entity);
            inputs.merge == Merge::Merge && drops()
        }
    };
    let changes = changes.iter().filter(is_wanted);
    changes.map(|change| &change.key).collect()
}

/// The queries whose answers say whether an entity that is there changes.
fn open_queries<'c>(
    changes: impl Iterator<Item = &'c Change>,
    live: &Live,
    blueprints: &Blueprints,
    mode: Mode,
) -> BTreeSet<BlueprintQuery> {
    let counts = |change: &&Change| {
        let is_there = matches!(live.get(&change.key), Knowledge::Present(_));
        is_there && (change.basis == Basis::Live || mode == Mode::Plan)
    };
    let heads = changes.filter(counts);
    let heads = heads.filter_map(|change| change.head.as_ref());
    heads
        .flat_map(|head| {
            let blueprint = blueprints.known.get(&head.entity.blueprint);
            blueprint_queries(&head.entity, blueprint)
        })
        .collect()
}

/// What may be done, as far as it is known once everything was checked.
fn policy(session: &Session<'_>, pass: &Pass<'_, '_>) -> Policy {
    let (inputs, declared) = (&session.setup.inputs, &pass.declared);
    let pruning = match (inputs.prune, pass.source.continuity) {
        (_, Continuity::OtherInputs) => Pruning::Release,
        (Prune::Keep, _) => Pruning::Off,
        (Prune::Delete, _) => Pruning::On {
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
fn unreadable(declared: &Declared) -> Option<Obstacle> {
    let mut unreadable = declared.head.invalid.iter().filter(|one| one.key.is_none());
    let first = unreadable.next()?;
    let more = match unreadable.count() {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let location = &first.location;
    Some(Obstacle {
        reason: format!("{location} cannot be read{more}, and may declare the entity"),
        help: format!("fix the error at {location} first"),
    })
}

fn invalid_files(declared: &Declared) -> BTreeMap<RepoPath, Obstacle> {
    let invalid = declared.head.invalid.iter();
    let obstacle = |invalid: &Invalid| {
        let obstacle = Obstacle {
            reason: "the file that declared it has errors".to_owned(),
            help: format!("fix the error at {} first", invalid.location),
        };
        (invalid.location.path().clone(), obstacle)
    };
    invalid.map(obstacle).collect()
}
