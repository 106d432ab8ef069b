//! Writing entities, wave by wave.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use super::flight::{Flight, Gates, RequestQueue};
use super::{Stopped, UpsertOutcome};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::{BlueprintId, Entity};
use crate::catalog::merge::Merge;
use crate::catalog::order::{Schedule, Write, WriteContent};
use crate::catalog::plan::Upsert;
use crate::http::Delivery;
use crate::http::retry::MAX_TRIES;
use crate::port::wire::{self, Body};
use crate::port::{
    BulkAnswer, BulkResult, Port, RefusalScope, Rejection, Written, counted_entities,
};

/// Writes that may travel together: of one blueprint, merged or not.
struct WriteGroup<'p> {
    blueprint: &'p BlueprintId,
    merge: Merge,
    writes: VecDeque<&'p Write>,
}

/// Writes that travel together.
struct UpsertBatch<'p> {
    blueprint: &'p BlueprintId,
    merge: Merge,
    writes: Vec<&'p Write>,
    body: Body,
}

/// What became of upserts.
pub(super) struct Upserts {
    /// An outcome for each.
    pub(super) outcomes: Vec<UpsertOutcome>,
    /// What Port calls each of those that it has written.
    pub(super) identifiers: Vec<Option<String>>,
    /// Why the rest was not tried, if so.
    pub(super) stopped: Option<Stopped>,
}

/// Writes `upserts`. After each answer that does not end it all, `noted` gets what has become of them so
/// far.
pub(super) async fn write(
    upserts: &[&Upsert],
    blueprints: &Blueprints,
    flight: &Flight<'_>,
    noted: &mut dyn FnMut(&[UpsertOutcome]),
) -> Upserts {
    let merge = flight.options.merge;
    let nodes: Vec<_> = upserts
        .iter()
        .map(|upsert| (&upsert.entity, upsert.action))
        .collect();
    let schedule = Schedule::new(&nodes, blueprints, merge);
    let mut queue = UpsertQueue {
        port: flight.port,
        upserts,
        merge,
        outcomes: vec![UpsertOutcome::NotSent; upserts.len()],
        first: vec![None; upserts.len()],
        groups: VecDeque::new(),
        again: Vec::new(),
        rounds: 0,
        gates: Gates::default(),
        stopped: None,
        noted,
    };
    for wave in &schedule.waves {
        queue.write_wave(wave, flight).await;
        if queue.stopped.is_some() {
            break;
        }
    }
    let identifier = |written: Option<Written>| written.map(|written| written.identifier);
    Upserts {
        outcomes: queue.outcomes,
        identifiers: queue.first.into_iter().map(identifier).collect(),
        stopped: queue.stopped,
    }
}

struct UpsertQueue<'p, 'n> {
    port: &'p Port,
    upserts: &'p [&'p Upsert],
    merge: Merge,
    outcomes: Vec<UpsertOutcome>,
    /// What the first write of each entity did, once it has been successful.
    first: Vec<Option<Written>>,
    /// What is still to be sent of this wave.
    groups: VecDeque<WriteGroup<'p>>,
    /// What failed in passing and is to be sent again.
    again: Vec<&'p Write>,
    /// How often things may still be sent again in this wave.
    rounds: u32,
    gates: Gates<'p>,
    stopped: Option<Stopped>,
    noted: &'n mut dyn FnMut(&[UpsertOutcome]),
}

impl<'p> UpsertQueue<'p, '_> {
    /// Sends a wave, and what failed in passing again, alone with others of its kind.
    async fn write_wave(&mut self, wave: &'p [Write], flight: &Flight<'_>) {
        let mut writes = self.unblocked(wave);
        for round in 1..=MAX_TRIES {
            self.rounds = MAX_TRIES - round;
            self.groups = self.groups(&writes);
            let send = async |batch: &UpsertBatch<'p>| {
                let UpsertBatch {
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
                    self.outcomes[write.entity] = UpsertOutcome::Blocked(blocker);
                }
            }
        }
        unblocked
    }

    fn groups(&self, writes: &[&'p Write]) -> VecDeque<WriteGroup<'p>> {
        let mut kinds: BTreeMap<(&BlueprintId, bool), WriteGroup<'p>> = BTreeMap::new();
        for &write in writes {
            let blueprint = &self.upserts[write.entity].entity.blueprint;
            let merge = self.merge_of(write);
            let group = kinds.entry((blueprint, merge == Merge::Merge));
            let group = group.or_insert_with(|| WriteGroup {
                blueprint,
                merge,
                writes: VecDeque::new(),
            });
            group.writes.push_back(write);
        }
        kinds.into_values().collect()
    }

    fn merge_of(&self, write: &Write) -> Merge {
        write.merge(self.merge.of(&self.upserts[write.entity].entity))
    }

    fn content(&self, write: &Write) -> Cow<'p, Entity> {
        let entity = &self.upserts[write.entity].entity;
        match &write.content {
            WriteContent::Whole => Cow::Borrowed(entity),
            WriteContent::Without(relations) => {
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
            RefusalScope::Passing if self.rounds > 0 => {
                *outcome = UpsertOutcome::NotSent;
                self.again.push(write);
            }
            RefusalScope::Run => {
                *outcome = UpsertOutcome::NotSent;
                let stopped = Stopped::because_of("an upsert", &rejection);
                self.stopped.get_or_insert(stopped);
            }
            _ => *outcome = UpsertOutcome::Rejected(rejection),
        }
    }

    fn note_written(&mut self, write: &Write, written: Written) {
        let first = self.first[write.entity].get_or_insert(written).upserted;
        self.outcomes[write.entity] = match write.content {
            WriteContent::Whole => UpsertOutcome::Written(first),
            WriteContent::Without(_) => UpsertOutcome::NotSent,
        };
    }

    /// A request that was refused as a whole: because of its size, or of one of its entities, in
    /// which case the others need not suffer; or for a reason that concerns all.
    fn note_refusal(&mut self, batch: UpsertBatch<'p>, rejection: &Rejection) {
        let what = format!(
            "the upsert of {}",
            counted_entities(batch.writes.len(), batch.blueprint)
        );
        if let Some(stopped) = self.gates.note(batch.blueprint, &what, rejection) {
            self.stopped.get_or_insert(stopped);
        }
        let scope = rejection.code.scope();
        if matches!(scope, RefusalScope::Entity | RefusalScope::Size) && batch.writes.len() > 1 {
            let mut left = VecDeque::from(batch.writes);
            let right = left.split_off(left.len() / 2);
            for writes in [right, left] {
                self.groups.push_front(WriteGroup {
                    blueprint: batch.blueprint,
                    merge: batch.merge,
                    writes,
                });
            }
            return;
        }
        let outcome = match scope {
            RefusalScope::Run => UpsertOutcome::NotSent,
            _ => UpsertOutcome::Rejected(rejection.clone()),
        };
        for write in batch.writes {
            self.outcomes[write.entity] = outcome.clone();
        }
    }

    /// Takes what is not sent any more off the list.
    fn drop_refused(&mut self) {
        let Self {
            groups,
            gates,
            outcomes,
            ..
        } = self;
        groups.retain(|group| {
            let Some(refusal) = gates.refusal(group.blueprint) else {
                return true;
            };
            for write in &group.writes {
                outcomes[write.entity] = UpsertOutcome::Rejected(refusal.clone());
            }
            false
        });
    }
}

impl<'p> RequestQueue for UpsertQueue<'p, '_> {
    type Batch = UpsertBatch<'p>;
    type BatchResult = BulkResult;

    fn next(&mut self) -> Option<UpsertBatch<'p>> {
        self.drop_refused();
        let gates = &self.gates;
        let mut groups = self.groups.iter();
        let next = groups.position(|group| gates.may_pass(group.blueprint))?;
        let mut group = self.groups.remove(next)?;
        let contents = group.writes.iter().map(|write| self.content(write));
        let body = wire::pack_first(contents, self.port.upsert_limit())?;
        let writes: Vec<_> = group.writes.drain(..body.count()).collect();
        for write in &writes {
            self.outcomes[write.entity] = UpsertOutcome::Unknown;
        }
        let WriteGroup {
            blueprint, merge, ..
        } = group;
        self.gates.begin(blueprint);
        if !group.writes.is_empty() {
            self.groups.insert(next, group);
        }
        Some(UpsertBatch {
            blueprint,
            merge,
            writes,
            body,
        })
    }

    fn end(&mut self, batch: UpsertBatch<'p>, answer: BulkResult) {
        match answer {
            Ok(BulkAnswer::Each(results)) => {
                self.gates.open(batch.blueprint);
                for (write, result) in batch.writes.into_iter().zip(results) {
                    self.note(write, result);
                }
            }
            Ok(BulkAnswer::Refused(rejection)) => self.note_refusal(batch, &rejection),
            Err(error) => {
                if error.delivery() == Delivery::Unsent {
                    for write in batch.writes {
                        self.outcomes[write.entity] = UpsertOutcome::NotSent;
                    }
                }
                self.stopped.get_or_insert(error.into());
            }
        }
        if self.stopped.is_none() {
            (self.noted)(&self.outcomes);
        }
    }

    fn stopped(&mut self) -> &mut Option<Stopped> {
        &mut self.stopped
    }
}
