//! Writing entities, wave by wave.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::flight::{Bookkeeping, Flight, Refusals};
use super::{Outcome, Stopped};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::{BlueprintId, Entity};
use crate::catalog::merge::Merge;
use crate::catalog::order::{Content, Schedule, Write};
use crate::catalog::plan::Upsert;
use crate::http::Delivery;
use crate::http::retry::{MAX_TRIES, is_passing};
use crate::port::wire::{self, Body};
use crate::port::{Answered, BatchResult, Rejection, Upserted};

/// Writes that travel together: of one blueprint, merged or not.
pub(super) struct Batch<'p> {
    blueprint: &'p BlueprintId,
    merge: Merge,
    writes: Vec<&'p Write>,
    body: Body,
}

/// Writes `upserts`. Gives an outcome for each, and why the rest was not tried, if so.
pub(super) async fn write(
    upserts: &[Upsert],
    blueprints: &Blueprints,
    flight: &Flight<'_>,
) -> (Vec<Outcome>, Option<Stopped>) {
    let merge = flight.options.merge;
    let nodes: Vec<_> = upserts
        .iter()
        .map(|upsert| (&upsert.entity, upsert.action))
        .collect();
    let schedule = Schedule::new(&nodes, blueprints, merge);
    let mut books = Books {
        upserts,
        merge,
        outcomes: vec![Outcome::NotSent; upserts.len()],
        first: vec![None; upserts.len()],
        again: Vec::new(),
        rounds: 0,
        refusals: Refusals::default(),
        stopped: None,
    };
    for wave in &schedule.waves {
        books.write_wave(wave, flight).await;
        if books.stopped.is_some() {
            break;
        }
    }
    (books.outcomes, books.stopped)
}

struct Books<'p> {
    upserts: &'p [Upsert],
    merge: Merge,
    outcomes: Vec<Outcome>,
    /// What the first write of each entity did, once it has been successful.
    first: Vec<Option<Upserted>>,
    /// What failed in passing and is to be sent again.
    again: Vec<&'p Write>,
    /// How often things may still be sent again in this wave.
    rounds: u32,
    refusals: Refusals,
    stopped: Option<Stopped>,
}

impl<'p> Books<'p> {
    /// Sends a wave, and what failed in passing again, alone with others of its kind.
    async fn write_wave(&mut self, wave: &'p [Write], flight: &Flight<'_>) {
        let mut writes = self.unblocked(wave);
        for round in 1..=MAX_TRIES {
            self.rounds = MAX_TRIES - round;
            let batches = self.batches(&writes);
            let send = async |batch: &Batch<'p>| {
                let Batch {
                    blueprint,
                    merge,
                    body,
                    ..
                } = batch;
                let port = flight.port;
                port.upsert(blueprint, body, *merge, flight.options).await
            };
            flight.run(batches, self, send).await;
            writes = std::mem::take(&mut self.again);
            if writes.is_empty() || self.stopped.is_some() {
                break;
            }
            flight.pause(round).await;
        }
    }

    /// Writes whose needs are met. The others' outcomes are noted.
    fn unblocked(&mut self, wave: &'p [Write]) -> Vec<&'p Write> {
        let mut unblocked = Vec::new();
        for write in wave {
            match write.needs.iter().find(|&&need| self.first[need].is_none()) {
                None => unblocked.push(write),
                // Its first write failed, and that has been noted.
                Some(&need) if need == write.entity => {}
                _ if write.is_second() && self.first[write.entity].is_none() => {}
                Some(&need) => {
                    let blocker = self.upserts[need].entity.key();
                    self.outcomes[write.entity] = Outcome::Blocked(blocker);
                }
            }
        }
        unblocked
    }

    fn batches(&self, writes: &[&'p Write]) -> Vec<Batch<'p>> {
        let mut kinds: BTreeMap<(&BlueprintId, Merge), Vec<&'p Write>> = BTreeMap::new();
        for &write in writes {
            let blueprint = &self.upserts[write.entity].entity.blueprint;
            let kind = (blueprint, self.merge_of(write));
            kinds.entry(kind).or_default().push(write);
        }
        kinds
            .into_values()
            .flat_map(|writes| self.pack(&writes))
            .collect()
    }

    /// Packs writes of one kind.
    fn pack(&self, writes: &[&'p Write]) -> Vec<Batch<'p>> {
        let bodies = wire::pack(writes.iter().map(|write| self.content(write)));
        let mut writes = writes.iter().copied();
        let batch = |body: Body| {
            let writes: Vec<_> = writes.by_ref().take(body.count()).collect();
            let first = writes.first()?;
            Some(Batch {
                blueprint: &self.upserts[first.entity].entity.blueprint,
                merge: self.merge_of(first),
                writes,
                body,
            })
        };
        bodies.into_iter().filter_map(batch).collect()
    }

    fn merge_of(&self, write: &Write) -> Merge {
        write.merge(self.merge.of(&self.upserts[write.entity].entity))
    }

    fn content(&self, write: &Write) -> Cow<'p, Entity> {
        let entity = &self.upserts[write.entity].entity;
        match &write.content {
            Content::Whole => Cow::Borrowed(entity),
            Content::Without(relations) => {
                let mut entity = entity.clone();
                entity.relations.retain(|name, _| !relations.contains(name));
                Cow::Owned(entity)
            }
        }
    }

    fn note(&mut self, write: &'p Write, result: Result<Upserted, Rejection>) {
        let outcome = &mut self.outcomes[write.entity];
        match (result, &write.content) {
            (Ok(upserted), content) => {
                let first = *self.first[write.entity].get_or_insert(upserted);
                *outcome = match content {
                    Content::Whole => Outcome::Written(first),
                    Content::Without(_) => Outcome::NotSent,
                };
            }
            (Err(rejection), _) if self.rounds > 0 && is_passing(rejection.status) => {
                *outcome = Outcome::NotSent;
                self.again.push(write);
            }
            (Err(rejection), _) => *outcome = Outcome::Rejected(rejection),
        }
    }

    /// A request that was refused as a whole: because of its size, or of one of its entities, in
    /// which case the others need not suffer.
    fn note_refusal(&mut self, batch: Batch<'p>, rejection: Rejection) -> Vec<Batch<'p>> {
        let is_divisible = matches!(rejection.status, 400 | 413 | 422) && batch.writes.len() > 1;
        if is_divisible {
            let (left, right) = batch.writes.split_at(batch.writes.len() / 2);
            return [self.pack(left), self.pack(right)]
                .into_iter()
                .flatten()
                .collect();
        }
        let what = format!("the upsert of {} `{}`", batch.writes.len(), batch.blueprint);
        if let Some(stopped) = self.refusals.count(&what, &rejection) {
            self.stopped.get_or_insert(stopped);
        }
        for write in batch.writes {
            self.outcomes[write.entity] = Outcome::Rejected(rejection.clone());
        }
        Vec::new()
    }
}

impl<'p> Bookkeeping for Books<'p> {
    type Job = Batch<'p>;
    type Answer = BatchResult;

    fn begin(&mut self, batch: &Batch<'p>) {
        for write in &batch.writes {
            self.outcomes[write.entity] = Outcome::Unknown;
        }
    }

    fn end(&mut self, batch: Batch<'p>, answer: BatchResult) -> Vec<Batch<'p>> {
        match answer {
            Ok(Answered::Each(results)) => {
                self.refusals.end();
                for (write, result) in batch.writes.into_iter().zip(results) {
                    self.note(write, result);
                }
                Vec::new()
            }
            Ok(Answered::Refused(rejection)) => self.note_refusal(batch, rejection),
            Err(error) => {
                if error.delivery() == Delivery::Unsent {
                    for write in batch.writes {
                        self.outcomes[write.entity] = Outcome::NotSent;
                    }
                }
                self.stopped.get_or_insert(error.into());
                Vec::new()
            }
        }
    }

    fn stopped(&mut self) -> &mut Option<Stopped> {
        &mut self.stopped
    }
}
