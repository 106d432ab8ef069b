//! What was read → what is to be done: changes are checked, compared with Port, and planned.

use std::collections::BTreeSet;

use crate::ask;
use crate::catalog::blueprint::{Blueprints, OfInvalid};
use crate::catalog::change::{AtBase, Basis, Change};
use crate::catalog::entity::EntityKey;
use crate::catalog::live::{Knowledge, Live};
use crate::catalog::merge::Merge;
use crate::catalog::plan::{Claims, Known, Plan, Policy, Pruning, Takeover, Unclaimed};
use crate::catalog::validate::{
    Validated, refuse_circles, refuse_dangling, refuse_taking_required, validate,
};
use crate::error::Error;
use crate::event::{Mode, Scope};
use crate::inputs::{MissingTargets, Prune};
use crate::port::{self, Ownership};
use crate::read::Declared;
use crate::record::{Ledger, Past, Wholeness};
use crate::report::console;
use crate::revisions::{Extent, Revisions};
use crate::session::Session;

/// Changes that can be written, as far as files and blueprints say.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) changes: Vec<Change>,
    pub(crate) blueprints: Blueprints,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) plan: Plan,
    pub(crate) blueprints: Blueprints,
    pub(crate) policy: Policy,
}

/// Checks what may be written against its blueprints. What is wrong is noted in `declared`.
pub(crate) async fn check(
    session: &Session<'_>,
    declared: &mut Declared,
    basis: Basis,
    ledger: &mut Ledger<'_>,
) -> Result<Checked, Error> {
    let changes = std::mem::take(&mut declared.changes);
    let has_candidates = changes.iter().any(|change| change.is_candidate(basis));
    let reading = async {
        let read = match session.port {
            // The record is opened meanwhile, but not for credentials that are refused.
            Some(port) if has_candidates && session.run.mode == Mode::Apply => {
                port.authenticate().await?;
                let opening = async { Ok(ledger.begin_to_compare().await?) };
                let (blueprints, ()) =
                    futures::try_join!(ask::blueprints(session, &changes, basis), opening)?;
                Ok(blueprints)
            }
            _ => ask::blueprints(session, &changes, basis).await,
        };
        let mut blueprints = read?;
        if let Some(port) = session.port {
            let invalid = declared.head.blueprints_of_invalid();
            port.add_blueprints_of_invalid(invalid, &mut blueprints)
                .await;
        }
        Ok(blueprints)
    };
    let read = session.unless_interrupted(reading).await;
    // Which values are secrets, blueprints say too.
    let unread = Blueprints {
        of_invalid: OfInvalid::Unknown,
        ..Blueprints::default()
    };
    declared.show(session, read.as_ref().unwrap_or(&unread));
    let blueprints = read?;
    let checked = validate(changes, basis, &blueprints, session.setup.omission());
    let changes = declared.take(checked, session, &blueprints);
    Ok(Checked {
        changes,
        blueprints,
    })
}

impl Declared {
    /// Shows what is wrong with the files as such.
    fn show(&mut self, session: &Session<'_>, blueprints: &Blueprints) {
        let redaction = session.redaction(blueprints);
        redaction.conceal(&mut self.head.diagnostics);
        console::write_diagnostics(&self.head.diagnostics, session.log);
    }

    /// Notes and shows what is wrong, and gives what is not.
    fn take(
        &mut self,
        mut validated: Validated,
        session: &Session<'_>,
        blueprints: &Blueprints,
    ) -> Vec<Change> {
        let redaction = session.redaction(blueprints);
        redaction.conceal(&mut validated.diagnostics);
        console::write_diagnostics(&validated.diagnostics, session.log);
        self.head.reject(validated.invalid, validated.diagnostics);
        validated.changes
    }
}

/// Decides what to do, and by which rules. Where Port's side counts, the ledger is opened first: what
/// another run writes from then on is noticed by a later one.
pub(crate) async fn plan(
    session: &Session<'_>,
    revisions: &Revisions,
    declared: &mut Declared,
    checked: Checked,
    ledger: &mut Ledger<'_>,
) -> Result<Decided, Error> {
    let Checked {
        mut changes,
        blueprints,
    } = checked;
    if revisions.basis == Basis::Live {
        ledger.begin_to_compare().await?;
    }
    let planning = Planning {
        session,
        revisions,
        past: ledger.past(),
        blueprints: &blueprints,
    };
    let asking = planning.ask(declared, &mut changes);
    let live: Live = session.unless_interrupted(asking).await?;
    let changes = planning.refuse(declared, changes, &live);
    let (plan, policy) = planning.weigh(declared, changes, live).await?;
    Ok(Decided {
        plan,
        blueprints,
        policy,
    })
}

/// What a plan rests on, beside what is declared and what Port has.
#[derive(Clone, Copy)]
struct Planning<'p> {
    session: &'p Session<'p>,
    revisions: &'p Revisions,
    past: Option<&'p Past>,
    blueprints: &'p Blueprints,
}

impl Planning<'_> {
    /// Asks Port what it has of `changes`, and adds what seems to be this owner's and no file declares.
    async fn ask(&self, declared: &Declared, changes: &mut Vec<Change>) -> Result<Live, Error> {
        let session = self.session;
        add_unclaimed(session, declared, self.blueprints, changes).await?;
        let mut live = ask::live(session, changes, self.blueprints, self.revisions.basis).await?;
        add_claims(session, self.claims(), changes, &mut live).await?;
        Ok(live)
    }

    /// Takes out what cannot be written as Port is.
    fn refuse(
        &self,
        declared: &mut Declared,
        mut changes: Vec<Change>,
        live: &Live,
    ) -> Vec<Change> {
        let Self {
            session,
            blueprints,
            ..
        } = *self;
        if session.setup.inputs.merge == Merge::Merge {
            let validated = refuse_taking_required(changes, live, blueprints);
            changes = declared.take(validated, session, blueprints);
        }
        if session.setup.inputs.missing_targets == MissingTargets::Reject {
            let validated = refuse_circles(changes, self.revisions.basis, live, blueprints);
            changes = declared.take(validated, session, blueprints);
        }
        changes
    }

    /// Plans, and again where owners or relations speak against it.
    async fn weigh(
        &self,
        declared: &mut Declared,
        changes: Vec<Change>,
        mut live: Live,
    ) -> Result<(Plan, Policy), Error> {
        let Self {
            session,
            blueprints,
            ..
        } = *self;
        let decide = |changes: &[Change], live: &Live, declared: &Declared| {
            let policy = self.policy(declared);
            let known = Known { live, blueprints };
            (Plan::new(changes.to_vec(), known, &policy), policy)
        };
        let (mut plan, mut policy) = decide(&changes, &live, declared);
        let unsaid = unsaid(session, self.revisions.basis, &plan, &live);
        if add_owners(session, &unsaid, &mut live).await? {
            (plan, policy) = decide(&changes, &live, declared);
        }
        let count = changes.len();
        let validated = refuse_dangling(changes, &plan, blueprints);
        let changes = declared.take(validated, session, blueprints);
        if changes.len() < count {
            (plan, policy) = decide(&changes, &live, declared);
        }
        Ok((plan, policy))
    }

    /// What may be done, as far as it is known once everything was read.
    fn policy(&self, declared: &Declared) -> Policy {
        let inputs = &self.session.setup.inputs;
        let newer = self.revisions.tip.as_ref().map(|tip| tip.newer.clone());
        Policy {
            basis: self.revisions.basis,
            merge: inputs.merge,
            pruning: match inputs.prune {
                Prune::Keep => Pruning::Off,
                Prune::Delete => Pruning::On {
                    at_most: inputs.max_deletes,
                    obstacle: obstacle(self.session, self.revisions, declared),
                    unclaimed: self.unclaimed(),
                },
            },
            superseded: newer.unwrap_or_default(),
            owner: inputs.owner.clone(),
            takeover: match (self.session.run.mode, self.revisions.extent) {
                (Mode::Apply, Extent::Changed) => Takeover::OfChanges,
                (Mode::Apply, Extent::All) | (Mode::Plan, _) => Takeover::Never,
            },
            claims: self.claims(),
        }
    }

    /// Which earlier revisions are known to have been written: of attempts that is not known, base may
    /// have left something open, and of what is gone, and without a record, nothing is known. A plan
    /// takes it that all went well.
    fn claims(&self) -> Claims {
        let is_planned = self.session.run.mode == Mode::Plan;
        let is_whole = |past: &Past| {
            past.wholeness == Wholeness::Once
                && past.since.is_empty()
                && self.revisions.gone.is_empty()
        };
        match (self.past, self.revisions.basis) {
            (past, Basis::Git) if is_planned || past.is_some() => Claims::OfAll,
            (Some(past), Basis::Live) if is_whole(past) => Claims::OfBase,
            _ => Claims::OfNone,
        }
    }

    /// With other inputs, the files that declare an entity may just not be looked at any more: the first
    /// run only says what it would delete.
    fn unclaimed(&self) -> Unclaimed {
        let was_whole = self
            .past
            .is_some_and(|past| past.wholeness == Wholeness::Once);
        match self.revisions.extent {
            Extent::All if was_whole => Unclaimed::Delete,
            Extent::All | Extent::Changed => Unclaimed::List,
        }
    }
}

/// What another owner may have written last, where Port did not say so with the entity. A push takes
/// over what it writes, so there only deletions count.
fn unsaid(session: &Session<'_>, basis: Basis, plan: &Plan, live: &Live) -> Vec<EntityKey> {
    let compares = basis == Basis::Live || session.run.mode == Mode::Plan;
    let is_unsaid = |key: &EntityKey| {
        let known = live.get(key);
        matches!(known, Knowledge::Present(entity) if entity.datasource.is_none())
    };
    let upserts = plan.upserts.iter().filter(|_| compares);
    let upserts = upserts.map(|upsert| upsert.entity.key());
    let deletions = plan.deletions.iter().map(|deletion| deletion.key.clone());
    upserts.chain(deletions).filter(is_unsaid).collect()
}

/// Finds out which of `keys` another owner wrote last. Gives whether there is any.
async fn add_owners(
    session: &Session<'_>,
    keys: &[EntityKey],
    live: &mut Live,
) -> Result<bool, Error> {
    let Some(port) = session.port.filter(|_| !keys.is_empty()) else {
        return Ok(false);
    };
    let asking = async {
        Ok(port
            .owned_elsewhere(keys, &session.setup.inputs.owner)
            .await)
    };
    match session.unless_interrupted(asking).await? {
        Ok(owners) => {
            let has_others = !owners.is_empty();
            for (key, owner) in owners {
                live.note_owner(&key, owner.as_deref());
            }
            Ok(has_others)
        }
        // Rules on who wrote an entity are in no specification: without them nothing is lost.
        Err(error @ port::Error::Refused { .. }) => {
            tracing::warn!("it is not known whether others wrote some of these: {error}");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Finds out which entities are this owner's that may have to be deleted, where Git does not prove it
/// and Port did not say so with the entity.
async fn add_claims(
    session: &Session<'_>,
    claims: Claims,
    changes: &[Change],
    live: &mut Live,
) -> Result<(), Error> {
    let inputs = &session.setup.inputs;
    let is_open = |change: &&Change| {
        let known = live.get(&change.key);
        let is_unsaid = matches!(known, Knowledge::Present(entity) if entity.datasource.is_none());
        change.head.is_none() && is_unsaid && !claims.prove(change)
    };
    let open: Vec<_> = changes.iter().filter(is_open).map(|one| &one.key).collect();
    let Some(port) = session
        .port
        .filter(|_| inputs.prune == Prune::Delete && !open.is_empty())
    else {
        return Ok(());
    };
    let owned = match port.owned_among(open.iter().copied(), &inputs.owner).await {
        Ok(owned) => owned,
        // Rules on who wrote an entity are in no specification: without them nothing is known.
        Err(error @ port::Error::Refused { .. }) => {
            tracing::warn!("it is not known which of these this owner wrote: {error}");
            None
        }
        Err(error) => return Err(error.into()),
    };
    let Some(owned) = owned else {
        return Ok(());
    };
    let (own, others): (Vec<_>, Vec<_>) = open
        .into_iter()
        .cloned()
        .partition(|key| owned.contains(key));
    for key in &own {
        live.note_owner(key, Some(&inputs.owner));
    }
    for key in &others {
        live.note_other(key);
    }
    // Of these, some may be another repository's by now.
    add_owners(session, &others, live).await?;
    Ok(())
}

/// Entities that seem to be this owner's, though no known revision declares them.
async fn add_unclaimed(
    session: &Session<'_>,
    declared: &Declared,
    blueprints: &Blueprints,
    changes: &mut Vec<Change>,
) -> Result<(), Error> {
    let inputs = &session.setup.inputs;
    let (Some(port), Prune::Delete, Scope::All) = (session.port, inputs.prune, &session.run.scope)
    else {
        return Ok(());
    };
    let owned = match port.owned(&inputs.owner).await? {
        Ownership::Known(owned) => owned,
        Ownership::Unproven(reason) => {
            tracing::warn!(
                "what no file declares is not looked for, as it is not sure whose it is: {reason}"
            );
            return Ok(());
        }
    };
    let mut claimed: BTreeSet<_> = changes.iter().map(|change| change.key.clone()).collect();
    let invalid = declared.head.invalid.iter();
    claimed.extend(invalid.filter_map(|invalid| invalid.key.clone()));
    if inputs.missing_targets == MissingTargets::Create {
        claimed.extend(targets(changes, blueprints));
    }
    let is_unclaimed =
        |key: &EntityKey| inputs.blueprints.allow(&key.blueprint) && !claimed.contains(key);
    let unclaimed = owned.into_iter().filter(is_unclaimed);
    changes.extend(unclaimed.map(|key| Change {
        key,
        former: Vec::new(),
        head: None,
        at_base: AtBase::NotWritten,
    }));
    Ok(())
}

/// What is declared by being related to: Port may have created it on this owner's behalf.
fn targets(changes: &[Change], blueprints: &Blueprints) -> Vec<EntityKey> {
    let mut keys = Vec::new();
    for head in changes.iter().filter_map(|change| change.head.as_ref()) {
        for (name, relation) in &head.entity.relations {
            let Some(rule) = blueprints.relation(&head.entity, name) else {
                continue;
            };
            let targets = relation.targets().iter();
            keys.extend(targets.map(|target| rule.target_key(target)));
        }
    }
    keys
}

/// What speaks against every deletion.
fn obstacle(session: &Session<'_>, revisions: &Revisions, declared: &Declared) -> Option<String> {
    let mut invalid = declared.head.invalid.iter().chain(&declared.others.invalid);
    if let Some(first) = invalid.next() {
        let more = invalid.count();
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more places"),
        };
        return Some(format!(
            "there are mistakes at {}{more}, and what is meant there may be the same entity",
            first.location
        ));
    }
    let tip = revisions.tip.as_ref()?;
    (session.run.mode == Mode::Apply && tip.commit != session.run.head).then(|| {
        format!(
            "the branch has moved on to {}, whose run decides",
            tip.commit.short()
        )
    })
}
