//! Clearing titles, icons and teams: no request that writes an entity can.

use std::collections::{BTreeMap, VecDeque};

use super::flight::{Bookkeeping, Flight, Gates};
use super::upserts::Upserts;
use super::{Outcome, Stopped};
use crate::catalog::entity::BlueprintId;
use crate::catalog::live::Field;
use crate::catalog::merge::{cleared, is_held};
use crate::catalog::plan::Upsert;
use crate::http::Delivery;
use crate::port::{self, Rejection, Scope};

/// What is to be cleared of one entity.
struct Clearing<'p> {
    /// The upsert's place.
    place: usize,
    blueprint: &'p BlueprintId,
    identifier: String,
    fields: Vec<Field>,
}

/// The fields that Port keeps all the same; or why it does not clear any.
type Answer = Result<Result<Vec<Field>, Rejection>, port::Error>;

/// Clears what `upserts`, as far as they were written, say is to be cleared, and reads it back. What
/// Port does not clear has failed, and what was not tried is not written. Gives the fields that Port
/// says are cleared, and that still have a value.
pub(super) async fn clear(
    upserts: &[&Upsert],
    written: &mut Upserts,
    flight: &Flight<'_>,
) -> BTreeMap<usize, Vec<Field>> {
    let mut clearings = VecDeque::new();
    for (place, upsert) in upserts.iter().enumerate() {
        let fields = cleared(&upsert.entity);
        let identifier = written.identifiers[place].clone();
        if let (false, Some(identifier), Outcome::Written(_)) =
            (fields.is_empty(), identifier, &written.outcomes[place])
        {
            clearings.push_back(Clearing {
                place,
                blueprint: &upsert.entity.blueprint,
                identifier,
                fields,
            });
        }
    }
    let mut books = Books {
        outcomes: written.outcomes.clone(),
        clearings,
        kept: BTreeMap::new(),
        gates: Gates::default(),
        written,
    };
    let send = async |one: &Clearing<'_>| clear_one(flight, one).await;
    flight.run(&mut books, send).await;
    let Books {
        outcomes,
        clearings,
        kept,
        ..
    } = books;
    written.outcomes = outcomes;
    for left in clearings {
        written.outcomes[left.place] = Outcome::NotSent;
    }
    kept
}

async fn clear_one(flight: &Flight<'_>, one: &Clearing<'_>) -> Answer {
    let Clearing {
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

struct Books<'p, 'w> {
    clearings: VecDeque<Clearing<'p>>,
    outcomes: Vec<Outcome>,
    kept: BTreeMap<usize, Vec<Field>>,
    gates: Gates<'p>,
    written: &'w mut Upserts,
}

impl<'p> Bookkeeping for Books<'p, '_> {
    type Job = Clearing<'p>;
    type Answer = Answer;

    fn next(&mut self) -> Option<Clearing<'p>> {
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
            outcomes[one.place] = Outcome::Rejected(refusal.clone());
            false
        });
        let next = clearings
            .iter()
            .position(|one| gates.may_pass(one.blueprint))?;
        let one = clearings.remove(next)?;
        gates.begin(one.blueprint);
        outcomes[one.place] = Outcome::Unknown;
        Some(one)
    }

    fn end(&mut self, one: Clearing<'p>, answer: Answer) {
        let outcome = match answer {
            Ok(Ok(kept)) => {
                self.gates.open(one.blueprint);
                if !kept.is_empty() {
                    self.kept.insert(one.place, kept);
                }
                self.written.outcomes[one.place].clone()
            }
            Ok(Err(rejection)) => {
                let what = format!("the change of `{}/{}`", one.blueprint, one.identifier);
                if let Some(stopped) = self.gates.note(one.blueprint, &what, &rejection) {
                    self.written.stopped.get_or_insert(stopped);
                }
                match rejection.code.scope() {
                    Scope::Run => Outcome::NotSent,
                    _ => Outcome::Rejected(rejection),
                }
            }
            Err(error) => {
                let outcome = match error.delivery() {
                    Delivery::Unsent => Outcome::NotSent,
                    Delivery::Unknown => Outcome::Unknown,
                };
                self.written.stopped.get_or_insert(error.into());
                outcome
            }
        };
        self.outcomes[one.place] = outcome;
    }

    fn stopped(&mut self) -> &mut Option<Stopped> {
        &mut self.written.stopped
    }
}
