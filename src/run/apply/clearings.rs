//! Clearing titles, icons and teams: no request that writes an entity can.

use std::collections::{BTreeMap, VecDeque};

use super::flight::{Flight, Gates, RequestQueue};
use super::upserts::Upserts;
use super::{Stopped, UpsertOutcome};
use crate::catalog::difference::Field;
use crate::catalog::entity::BlueprintId;
use crate::catalog::merge::{cleared, is_held};
use crate::catalog::plan::Upsert;
use crate::http::Delivery;
use crate::port::{self, RefusalScope, Rejection};

/// What is to be cleared of one entity.
struct ClearRequest<'p> {
    /// The upsert's index.
    index: usize,
    blueprint: &'p BlueprintId,
    identifier: String,
    fields: Vec<Field>,
}

/// The fields that Port keeps all the same; or why it does not clear any.
type ClearingResult = Result<Result<Vec<Field>, Rejection>, port::Error>;

/// Clears what `upserts`, as far as they were written, say is to be cleared, and reads it back. What
/// Port does not clear has failed, and what was not tried is not written. Gives the fields that Port
/// says are cleared, and that still have a value.
pub(super) async fn clear(
    upserts: &[&Upsert],
    written: &mut Upserts,
    flight: &Flight<'_>,
) -> BTreeMap<usize, Vec<Field>> {
    let mut clearings = VecDeque::new();
    for (index, upsert) in upserts.iter().enumerate() {
        let fields = cleared(&upsert.entity);
        let identifier = written.identifiers[index].clone();
        if let (false, Some(identifier), UpsertOutcome::Written(_)) =
            (fields.is_empty(), identifier, &written.outcomes[index])
        {
            clearings.push_back(ClearRequest {
                index,
                blueprint: &upsert.entity.blueprint,
                identifier,
                fields,
            });
        }
    }
    let mut queue = ClearingQueue {
        outcomes: written.outcomes.clone(),
        clearings,
        kept: BTreeMap::new(),
        gates: Gates::default(),
        written,
    };
    let send = async |one: &ClearRequest<'_>| clear_one(flight, one).await;
    flight.run(&mut queue, send).await;
    let ClearingQueue {
        outcomes,
        clearings,
        kept,
        ..
    } = queue;
    written.outcomes = outcomes;
    for left in clearings {
        written.outcomes[left.index] = UpsertOutcome::NotSent;
    }
    kept
}

async fn clear_one(flight: &Flight<'_>, one: &ClearRequest<'_>) -> ClearingResult {
    let ClearRequest {
        blueprint,
        identifier,
        fields,
        ..
    } = one;
    let (port, run_id) = (flight.port, flight.options.run_id.as_deref());
    if let Err(rejection) = port.clear(blueprint, identifier, fields, run_id).await? {
        return Ok(Err(rejection));
    }
    let live = match port.entity(blueprint, identifier).await {
        Ok(live) => live,
        Err(error @ port::Error::Refused { .. }) => {
            tracing::warn!("what was cleared cannot be read back: {error}");
            None
        }
        Err(error) => return Err(error),
    };
    let mut kept = fields.clone();
    kept.retain(|field| {
        let live = live.as_ref();
        live.is_some_and(|live| is_held(field, live, Some(identifier)))
    });
    Ok(Ok(kept))
}

struct ClearingQueue<'p, 'w> {
    clearings: VecDeque<ClearRequest<'p>>,
    outcomes: Vec<UpsertOutcome>,
    kept: BTreeMap<usize, Vec<Field>>,
    gates: Gates<'p>,
    written: &'w mut Upserts,
}

impl<'p> RequestQueue for ClearingQueue<'p, '_> {
    type Batch = ClearRequest<'p>;
    type BatchResult = ClearingResult;

    fn next(&mut self) -> Option<ClearRequest<'p>> {
        let Self {
            clearings,
            gates,
            outcomes,
            ..
        } = self;
        clearings.retain(|one| {
            let Some(refusal) = gates.refusal(one.blueprint) else {
                return true;
            };
            outcomes[one.index] = UpsertOutcome::Rejected(refusal.clone());
            false
        });
        let next = clearings
            .iter()
            .position(|one| gates.may_pass(one.blueprint))?;
        let one = clearings.remove(next)?;
        gates.begin(one.blueprint);
        outcomes[one.index] = UpsertOutcome::Unknown;
        Some(one)
    }

    fn end(&mut self, one: ClearRequest<'p>, answer: ClearingResult) {
        let outcome = match answer {
            Ok(Ok(kept)) => {
                self.gates.open(one.blueprint);
                if !kept.is_empty() {
                    self.kept.insert(one.index, kept);
                }
                self.written.outcomes[one.index].clone()
            }
            Ok(Err(rejection)) => {
                let what = format!("the change of `{}/{}`", one.blueprint, one.identifier);
                if let Some(stopped) = self.gates.note(one.blueprint, &what, &rejection) {
                    self.written.stopped.get_or_insert(stopped);
                }
                match rejection.code.scope() {
                    RefusalScope::Run => UpsertOutcome::NotSent,
                    _ => UpsertOutcome::Rejected(rejection),
                }
            }
            Err(error) => {
                let outcome = match error.delivery() {
                    Delivery::Unsent => UpsertOutcome::NotSent,
                    Delivery::Unknown => UpsertOutcome::Unknown,
                };
                self.written.stopped.get_or_insert(error.into());
                outcome
            }
        };
        self.outcomes[one.index] = outcome;
    }

    fn stopped(&mut self) -> &mut Option<Stopped> {
        &mut self.written.stopped
    }
}
