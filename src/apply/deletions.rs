//! Deleting entities: what relates to others goes before them.

use std::collections::BTreeMap;

use super::flight::{Bookkeeping, Flight, Refusals};
use super::{DeletionOutcome, Outcome, Stopped};
use crate::catalog::entity::{BlueprintId, EntityKey, Identifier};
use crate::catalog::order::{self, DeletionWave};
use crate::catalog::plan::{Deletion, Plan, Target};
use crate::http::Delivery;
use crate::port::{self, MAX_DELETIONS, Rejection};

const GONE: u16 = 404;

/// Deletions that travel together, by their places in [`Books::deletions`].
pub(super) struct Batch<'p> {
    blueprint: &'p BlueprintId,
    places: Vec<usize>,
}

/// Deletes what `plan` says, given what became of its upserts. Gives an outcome for each, and why
/// the rest was not tried, if so.
pub(super) async fn delete(
    plan: &Plan,
    upserts: &[Outcome],
    flight: &Flight<'_>,
) -> (Vec<DeletionOutcome>, Option<Stopped>) {
    let mut outcomes = vec![DeletionOutcome::NotSent; plan.deletions.len()];
    let named = deletable(plan, &mut outcomes);
    let relations: Vec<_> = named
        .iter()
        .map(|(_, deletion, _)| (&deletion.key, &deletion.targets[..]))
        .collect();
    let mut books = Books {
        deletions: named
            .iter()
            .map(|(_, deletion, name)| (*deletion, *name))
            .collect(),
        dependants: dependants(&relations),
        outcomes: named
            .iter()
            .map(|(_, deletion, _)| guard(deletion, plan, upserts))
            .collect(),
        refusals: Refusals::default(),
        stopped: None,
    };
    for wave in order::deletion_waves(&relations) {
        books.delete_wave(&wave, flight).await;
        if books.stopped.is_some() {
            break;
        }
    }
    for ((place, ..), outcome) in named.iter().zip(books.outcomes) {
        outcomes[*place] = outcome;
    }
    (outcomes, books.stopped)
}

/// The deletions to be tried, with their places in the plan; why the others are not is noted.
fn deletable<'p>(
    plan: &'p Plan,
    outcomes: &mut [DeletionOutcome],
) -> Vec<(usize, &'p Deletion, &'p Identifier)> {
    let mut named = Vec::new();
    for ((place, deletion), outcome) in plan.deletions.iter().enumerate().zip(outcomes) {
        match deletion.key.name.identifier() {
            Some(identifier) => named.push((place, deletion, identifier)),
            None => {
                let reason = "a query names it, and only an identifier can be deleted";
                *outcome = DeletionOutcome::HeldBack(reason.to_owned());
            }
        }
    }
    named
}

/// By place: what relates to it.
fn dependants(relations: &[(&EntityKey, &[Target])]) -> Vec<Vec<usize>> {
    let mut dependants = vec![Vec::new(); relations.len()];
    for (target, dependant) in order::dependants(relations) {
        dependants[target].push(dependant);
    }
    dependants
}

/// Nothing is deleted before what its file declares in its stead is there.
fn guard(deletion: &Deletion, plan: &Plan, upserts: &[Outcome]) -> DeletionOutcome {
    let is_missing = |place: &&usize| !matches!(upserts.get(**place), Some(Outcome::Written(_)));
    match deletion.successors.iter().find(is_missing) {
        None => DeletionOutcome::NotSent,
        Some(&place) => {
            let successor = plan.upserts.get(place).map(|upsert| upsert.entity.key());
            let successor = successor.map(|key| format!("`{key}`")).unwrap_or_default();
            DeletionOutcome::HeldBack(format!(
                "{successor}, which its file now declares, was not written"
            ))
        }
    }
}

struct Books<'p> {
    deletions: Vec<(&'p Deletion, &'p Identifier)>,
    dependants: Vec<Vec<usize>>,
    outcomes: Vec<DeletionOutcome>,
    refusals: Refusals,
    stopped: Option<Stopped>,
}

impl<'p> Books<'p> {
    async fn delete_wave(&mut self, wave: &DeletionWave, flight: &Flight<'_>) {
        let plain = self.unblocked(&wave.plain);
        let mut entangled = self.unblocked(&wave.entangled);
        let all = [plain, entangled.clone()].concat();
        self.delete(&all, flight).await;
        // Of a circle, each that goes may set another free.
        loop {
            let kept = self.kept(&entangled);
            if kept.is_empty() || kept.len() == entangled.len() || self.stopped.is_some() {
                break;
            }
            self.delete(&kept, flight).await;
            entangled = kept;
        }
    }

    async fn delete(&mut self, places: &[usize], flight: &Flight<'_>) {
        let mut by_blueprint: BTreeMap<&BlueprintId, Vec<usize>> = BTreeMap::new();
        for &place in places {
            let blueprint = &self.deletions[place].0.key.blueprint;
            by_blueprint.entry(blueprint).or_default().push(place);
        }
        let batches = by_blueprint.into_iter().flat_map(|(blueprint, places)| {
            let batch = |places: &[usize]| Batch {
                blueprint,
                places: places.to_vec(),
            };
            places.chunks(MAX_DELETIONS).map(batch).collect::<Vec<_>>()
        });
        let batches = batches.collect();
        let deletions = self.deletions.clone();
        let send = async |batch: &Batch<'p>| {
            let names: Vec<_> = batch
                .places
                .iter()
                .map(|&place| deletions[place].1)
                .collect();
            let run_id = flight.options.run_id.as_deref();
            flight.port.delete(batch.blueprint, &names, run_id).await
        };
        flight.run(batches, self, send).await;
    }

    /// Those that nothing speaks against. What is to stay keeps what it relates to.
    fn unblocked(&mut self, places: &[usize]) -> Vec<usize> {
        let mut unblocked = Vec::new();
        for &place in places {
            let stays = |&&dependant: &&usize| {
                matches!(
                    self.outcomes[dependant],
                    DeletionOutcome::HeldBack(_) | DeletionOutcome::Rejected(_)
                )
            };
            let dependant = self.dependants[place].iter().find(stays).copied();
            if let Some(dependant) = dependant
                && self.outcomes[place] == DeletionOutcome::NotSent
            {
                let key = &self.deletions[dependant].0.key;
                let reason = format!("`{key}`, which relates to it, was not deleted");
                self.outcomes[place] = DeletionOutcome::HeldBack(reason);
            }
            if self.outcomes[place] == DeletionOutcome::NotSent {
                unblocked.push(place);
            }
        }
        unblocked
    }

    fn kept(&self, places: &[usize]) -> Vec<usize> {
        let is_kept = |place: &usize| {
            let outcome = &self.outcomes[*place];
            matches!(outcome, DeletionOutcome::Rejected(rejection) if is_about_an_entity(rejection))
        };
        places.iter().copied().filter(is_kept).collect()
    }

    fn note_refusal(&mut self, batch: Batch<'p>, rejection: Rejection) -> Vec<Batch<'p>> {
        if let ([_, _, ..], true) = (&batch.places[..], is_about_an_entity(&rejection)) {
            let (left, right) = batch.places.split_at(batch.places.len() / 2);
            return [left, right]
                .map(|places| Batch {
                    blueprint: batch.blueprint,
                    places: places.to_vec(),
                })
                .into();
        }
        let what = format!(
            "the deletion of {} `{}`",
            batch.places.len(),
            batch.blueprint
        );
        if let Some(stopped) = self.refusals.count(&what, &rejection) {
            self.stopped.get_or_insert(stopped);
        }
        for place in batch.places {
            self.outcomes[place] = match rejection.status {
                GONE => DeletionOutcome::Deleted,
                _ => DeletionOutcome::Rejected(rejection.clone()),
            };
        }
        Vec::new()
    }
}

/// Whether the request as a whole was refused because of one of its entities, or of its size.
fn is_about_an_entity(rejection: &Rejection) -> bool {
    matches!(rejection.status, 400 | GONE | 409 | 413 | 422)
}

impl<'p> Bookkeeping for Books<'p> {
    type Job = Batch<'p>;
    type Answer = Result<Result<(), Rejection>, port::Error>;

    fn begin(&mut self, batch: &Batch<'p>) {
        for &place in &batch.places {
            self.outcomes[place] = DeletionOutcome::Unknown;
        }
    }

    fn end(&mut self, batch: Batch<'p>, answer: Self::Answer) -> Vec<Batch<'p>> {
        let outcome = match answer {
            Ok(Err(rejection)) => return self.note_refusal(batch, rejection),
            Ok(Ok(())) => {
                self.refusals.end();
                DeletionOutcome::Deleted
            }
            Err(error) => {
                let outcome = match error.delivery() {
                    Delivery::Unsent => DeletionOutcome::NotSent,
                    Delivery::Unknown => DeletionOutcome::Unknown,
                };
                self.stopped.get_or_insert(error.into());
                outcome
            }
        };
        for place in batch.places {
            self.outcomes[place] = outcome.clone();
        }
        Vec::new()
    }

    fn stopped(&mut self) -> &mut Option<Stopped> {
        &mut self.stopped
    }
}
