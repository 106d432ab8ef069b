//! Writing entities, wave by wave.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use super::flight::{Bookkeeping, Flight, Gates};
use super::{Outcome, Stopped};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::{BlueprintId, Entity};
use crate::catalog::merge::Merge;
use crate::catalog::order::{Content, Schedule, Write};
use crate::catalog::plan::Upsert;
use crate::http::Delivery;
use crate::http::retry::MAX_TRIES;
use crate::port::wire::{self, Body};
use crate::port::{Answered, BatchResult, Port, Rejection, Scope, Written};

/// Writes that may travel together: of one blueprint, merged or not.
struct Parcel<'p> {
    blueprint: &'p BlueprintId,
    merge: Merge,
    writes: VecDeque<&'p Write>,
}

/// Writes that travel together.
struct Batch<'p> {
    blueprint: &'p BlueprintId,
    merge: Merge,
    writes: Vec<&'p Write>,
    body: Body,
}

/// What became of upserts.
pub(super) struct Upserts {
    /// An outcome for each.
    pub(super) outcomes: Vec<Outcome>,
    /// What Port calls each of those that it has written.
    pub(super) identifiers: Vec<Option<String>>,
    /// Why the rest was not tried, if so.
    pub(super) stopped: Option<Stopped>,
}

/// Writes `upserts`.
pub(super) async fn write(
    upserts: &[&Upsert],
    blueprints: &Blueprints,
    flight: &Flight<'_>,
) -> Upserts {
    let merge = flight.options.merge;
    let nodes: Vec<_> = upserts
        .iter()
        .map(|upsert| (&upsert.entity, upsert.action))
        .collect();
    let schedule = Schedule::new(&nodes, blueprints, merge);
    let mut books = Books {
        port: flight.port,
        upserts,
        merge,
        outcomes: vec![Outcome::NotSent; upserts.len()],
        first: vec![None; upserts.len()],
        parcels: VecDeque::new(),
        again: Vec::new(),
        rounds: 0,
        gates: Gates::default(),
        stopped: None,
    };
    for wave in &schedule.waves {
        books.write_wave(wave, flight).await;
        if books.stopped.is_some() {
            break;
        }
    }
    let identifier = |written: Option<Written>| written.map(|written| written.identifier);
    Upserts {
        outcomes: books.outcomes,
        identifiers: books.first.into_iter().map(identifier).collect(),
        stopped: books.stopped,
    }
}

struct Books<'p> {
    port: &'p Port,
    upserts: &'p [&'p Upsert],
    merge: Merge,
    outcomes: Vec<Outcome>,
    /// What the first write of each entity did, once it has been successful.
    first: Vec<Option<Written>>,
    /// What is still to be sent of this wave.
    parcels: VecDeque<Parcel<'p>>,
    /// What failed in passing and is to be sent again.
    again: Vec<&'p Write>,
    /// How often things may still be sent again in this wave.
    rounds: u32,
    gates: Gates<'p>,
    stopped: Option<Stopped>,
}

impl<'p> Books<'p> {
    /// Sends a wave, and what failed in passing again, alone with others of its kind.
    async fn write_wave(&mut self, wave: &'p [Write], flight: &Flight<'_>) {
        let mut writes = self.unblocked(wave);
        for round in 1..=MAX_TRIES {
            self.rounds = MAX_TRIES - round;
            self.parcels = self.parcels(&writes);
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
            flight.run(self, send).await;
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

    fn parcels(&self, writes: &[&'p Write]) -> VecDeque<Parcel<'p>> {
        let mut kinds: BTreeMap<(&BlueprintId, bool), Parcel<'p>> = BTreeMap::new();
        for &write in writes {
            let blueprint = &self.upserts[write.entity].entity.blueprint;
            let merge = self.merge_of(write);
            let parcel = kinds.entry((blueprint, merge == Merge::Merge));
            let parcel = parcel.or_insert_with(|| Parcel {
                blueprint,
                merge,
                writes: VecDeque::new(),
            });
            parcel.writes.push_back(write);
        }
        kinds.into_values().collect()
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

    fn note(&mut self, write: &'p Write, result: Result<Written, Rejection>) {
        let rejection = match result {
            Ok(written) => return self.note_written(write, written),
            Err(rejection) => rejection,
        };
        let outcome = &mut self.outcomes[write.entity];
        match rejection.code.scope_of_item() {
            Scope::Passing if self.rounds > 0 => {
                *outcome = Outcome::NotSent;
                self.again.push(write);
            }
            Scope::Run => {
                *outcome = Outcome::NotSent;
                let stopped = Stopped::because_of("an upsert", &rejection);
                self.stopped.get_or_insert(stopped);
            }
            _ => *outcome = Outcome::Rejected(rejection),
        }
    }

    fn note_written(&mut self, write: &Write, written: Written) {
        let first = self.first[write.entity].get_or_insert(written).upserted;
        self.outcomes[write.entity] = match write.content {
            Content::Whole => Outcome::Written(first),
            Content::Without(_) => Outcome::NotSent,
        };
    }

    /// A request that was refused as a whole: because of its size, or of one of its entities, in
    /// which case the others need not suffer; or for a reason that concerns all.
    fn note_refusal(&mut self, batch: Batch<'p>, rejection: &Rejection) {
        let what = format!("the upsert of {} `{}`", batch.writes.len(), batch.blueprint);
        if let Some(stopped) = self.gates.note(batch.blueprint, &what, rejection) {
            self.stopped.get_or_insert(stopped);
        }
        let scope = rejection.code.scope();
        if matches!(scope, Scope::Entity | Scope::Size) && batch.writes.len() > 1 {
            let mut left = VecDeque::from(batch.writes);
            let right = left.split_off(left.len() / 2);
            for writes in [right, left] {
                self.parcels.push_front(Parcel {
                    blueprint: batch.blueprint,
                    merge: batch.merge,
                    writes,
                });
            }
            return;
        }
        let outcome = match scope {
            Scope::Run => Outcome::NotSent,
            _ => Outcome::Rejected(rejection.clone()),
        };
        for write in batch.writes {
            self.outcomes[write.entity] = outcome.clone();
        }
    }

    /// Takes what is not sent any more off the list.
    fn drop_refused(&mut self) {
        let Self {
            parcels,
            gates,
            outcomes,
            ..
        } = self;
        parcels.retain(|parcel| {
            let Some(refusal) = gates.refusal(parcel.blueprint) else {
                return true;
            };
            for write in &parcel.writes {
                outcomes[write.entity] = Outcome::Rejected(refusal.clone());
            }
            false
        });
    }
}

impl<'p> Bookkeeping for Books<'p> {
    type Job = Batch<'p>;
    type Answer = BatchResult;

    fn next(&mut self) -> Option<Batch<'p>> {
        self.drop_refused();
        let gates = &self.gates;
        let mut parcels = self.parcels.iter();
        let next = parcels.position(|parcel| gates.may_pass(parcel.blueprint))?;
        let mut parcel = self.parcels.remove(next)?;
        let contents = parcel.writes.iter().map(|write| self.content(write));
        let body = wire::pack_first(contents, self.port.upsert_limit())?;
        let writes: Vec<_> = parcel.writes.drain(..body.count()).collect();
        for write in &writes {
            self.outcomes[write.entity] = Outcome::Unknown;
        }
        let Parcel {
            blueprint, merge, ..
        } = parcel;
        self.gates.begin(blueprint);
        if !parcel.writes.is_empty() {
            self.parcels.insert(next, parcel);
        }
        Some(Batch {
            blueprint,
            merge,
            writes,
            body,
        })
    }

    fn end(&mut self, batch: Batch<'p>, answer: BatchResult) {
        match answer {
            Ok(Answered::Each(results)) => {
                self.gates.open(batch.blueprint);
                for (write, result) in batch.writes.into_iter().zip(results) {
                    self.note(write, result);
                }
            }
            Ok(Answered::Refused(rejection)) => self.note_refusal(batch, &rejection),
            Err(error) => {
                if error.delivery() == Delivery::Unsent {
                    for write in batch.writes {
                        self.outcomes[write.entity] = Outcome::NotSent;
                    }
                }
                self.stopped.get_or_insert(error.into());
            }
        }
    }

    fn stopped(&mut self) -> &mut Option<Stopped> {
        &mut self.stopped
    }
}
