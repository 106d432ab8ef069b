//! What was read → what is to be done: changes are checked, compared with Port, and planned.

use std::collections::BTreeSet;

use crate::ask;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::change::{Basis, Change};
use crate::catalog::live::Live;
use crate::catalog::plan::{Known, Plan, Policy, Pruning, Unclaimed};
use crate::catalog::validate::validate;
use crate::error::Error;
use crate::event::{Mode, Scope};
use crate::inputs::Prune;
use crate::port::Ownership;
use crate::read::Declared;
use crate::record::Ledger;
use crate::report::console;
use crate::report::redact::Redaction;
use crate::revisions::{Extent, Revisions};
use crate::session::Session;

/// Changes that can be written, as far as files and blueprints say.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) changes: Vec<Change>,
    pub(crate) blueprints: Blueprints,
}

/// Checks what may be written against its blueprints. What is wrong is noted in `declared`.
pub(crate) async fn check(
    session: &Session<'_>,
    declared: &mut Declared,
    basis: Basis,
) -> Result<Checked, Error> {
    let changes = std::mem::take(&mut declared.changes);
    let reading = ask::blueprints(session, &changes, basis);
    let blueprints = session.unless_interrupted(reading).await?;
    let mut checked = validate(changes, basis, &blueprints, session.setup.omission());
    let redaction = Redaction {
        properties: &session.setup.inputs.redact,
        blueprints: &blueprints,
    };
    redaction.conceal(&mut checked.diagnostics);
    console::write_diagnostics(&checked.diagnostics, session.log);
    declared.head.reject(checked.invalid, checked.diagnostics);
    Ok(Checked {
        changes: checked.changes,
        blueprints,
    })
}

/// Decides what to do. Where Port's side counts, the ledger is opened first: what another run writes
/// from then on is noticed by a later one.
pub(crate) async fn plan(
    session: &Session<'_>,
    mut changes: Vec<Change>,
    blueprints: &Blueprints,
    policy: &Policy,
    ledger: &mut Ledger<'_>,
) -> Result<Plan, Error> {
    if policy.basis == Basis::Live {
        ledger.begin().await?;
    }
    let work = async {
        add_unclaimed(session, policy, &mut changes).await?;
        ask::live(session, &changes, blueprints, policy.basis).await
    };
    let live: Live = session.unless_interrupted(work).await?;
    let known = Known {
        live: &live,
        blueprints,
    };
    Ok(Plan::new(changes, known, policy))
}

/// Entities that seem to be this owner's, though no known revision declares them.
async fn add_unclaimed(
    session: &Session<'_>,
    policy: &Policy,
    changes: &mut Vec<Change>,
) -> Result<(), Error> {
    let (Some(port), Pruning::On { .. }, Scope::All) =
        (session.port, &policy.pruning, &session.run.scope)
    else {
        return Ok(());
    };
    let declared: BTreeSet<_> = changes.iter().map(|change| change.key.clone()).collect();
    let owned = match port.owned(&session.setup.inputs.owner).await? {
        Ownership::Known(owned) => owned,
        Ownership::Unproven(reason) => {
            tracing::warn!(
                "what no file declares is not looked for, as it is not sure whose it is: {reason}"
            );
            return Ok(());
        }
    };
    let keys = owned.into_iter().map(|owned| owned.key);
    let unclaimed = keys.filter(|key| !declared.contains(key));
    changes.extend(unclaimed.map(|key| Change {
        key,
        former: Vec::new(),
        head: None,
    }));
    Ok(())
}

/// What may be done, as far as it is known once everything was read.
pub(crate) fn policy(session: &Session<'_>, revisions: &Revisions, declared: &Declared) -> Policy {
    let inputs = &session.setup.inputs;
    let newer = revisions.tip.as_ref().map(|tip| tip.newer.clone());
    Policy {
        basis: revisions.basis,
        merge: inputs.merge,
        pruning: match inputs.prune {
            Prune::Keep => Pruning::Off,
            Prune::Delete => Pruning::On {
                at_most: inputs.max_deletes,
                obstacle: obstacle(session, revisions, declared),
                unclaimed: unclaimed(revisions),
            },
        },
        superseded: newer.unwrap_or_default(),
        owner: inputs.owner.clone(),
    }
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

/// With other inputs, the files that declare an entity may just not be looked at any more: the first
/// run only says what it would delete.
fn unclaimed(revisions: &Revisions) -> Unclaimed {
    let base = revisions
        .reading
        .as_ref()
        .and_then(|reading| reading.past.base.as_ref());
    match (revisions.extent, base) {
        (Extent::All, Some(_)) => Unclaimed::Delete,
        _ => Unclaimed::List,
    }
}
