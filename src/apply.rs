//! Plan → outcomes: the plan's entities are written, targets of relations first.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::catalog::entity::{BlueprintId, Entity, EntityKey};
use crate::catalog::order;
use crate::catalog::plan::Plan;
use crate::port::wire::{self, Body};
use crate::port::{
    self, BatchResult, CONCURRENT_REQUESTS, Port, Rejection, UpsertOptions, Upserted,
};
use crate::shutdown::Shutdown;

/// How long requests under way may take to end once the run is told to stop. The runner waits 7.5
/// seconds between its first and its second signal.
const GRACE: Duration = Duration::from_secs(5);

/// What became of an upsert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in Port.
    Written(Upserted),
    /// Port refused it.
    Rejected(Rejection),
    /// It is not in Port: the run ended before.
    NotSent,
    /// It was not sent, as what it needs could not be written: that entity.
    Blocked(EntityKey),
    /// It was written, and then brought to what the branch's tip declares.
    Superseded,
    /// It was sent, but no answer came: it may be in Port or not.
    Unknown,
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionOutcome {
    /// It is not in Port.
    Deleted,
    /// Port keeps it.
    Rejected(Rejection),
    /// It was not tried, for the reason given: a sentence without a full stop.
    HeldBack(String),
    /// It is in Port: the run ended before.
    NotSent,
    /// It was sent, but no answer came: it may be in Port or not.
    Unknown,
    /// It was deleted, and then brought to what the branch's tip declares.
    Superseded,
}

/// What became of a plan.
#[derive(Debug)]
pub struct Applied {
    /// An outcome for each of the plan's upserts, in their order.
    pub outcomes: Vec<Outcome>,
    /// An outcome for each of the plan's deletions, in their order.
    pub deletions: Vec<DeletionOutcome>,
    /// Why the rest was not tried, if so.
    pub stopped: Option<Stopped>,
}

/// Why an apply ended before its end.
#[derive(Debug, Clone)]
pub enum Stopped {
    /// Port cannot be worked with.
    Port(port::Error),
    /// The run was told to stop.
    Interrupted,
}

/// Entities of one blueprint that travel together.
struct Batch<'p> {
    blueprint: &'p BlueprintId,
    /// Their places in the plan.
    upserts: Vec<usize>,
    body: Body,
}

/// Writes everything that `plan` says. One entity's failure does not keep the others from being
/// written; Port being unreachable, or a request to stop, does.
pub async fn apply(
    plan: &Plan,
    port: &Port,
    options: &UpsertOptions,
    shutdown: &Shutdown,
) -> Applied {
    let entities: Vec<_> = plan.upserts.iter().map(|upsert| &upsert.entity).collect();
    let mut applied = Applied {
        outcomes: vec![Outcome::NotSent; entities.len()],
        deletions: vec![DeletionOutcome::NotSent; plan.deletions.len()],
        stopped: None,
    };
    if let Err(error) = port.authenticate().await {
        applied.stopped = Some(Stopped::Port(error));
        return applied;
    }
    for wave in order::waves(&entities) {
        let batches = batches(&entities, &wave);
        applied.write_wave(batches, port, options, shutdown).await;
        if applied.stopped.is_some() {
            break;
        }
    }
    applied
}

fn batches<'p>(entities: &[&'p Entity], wave: &[usize]) -> Vec<Batch<'p>> {
    let mut by_blueprint: BTreeMap<&BlueprintId, Vec<usize>> = BTreeMap::new();
    for &index in wave {
        by_blueprint
            .entry(&entities[index].blueprint)
            .or_default()
            .push(index);
    }
    let mut batches = Vec::new();
    for (blueprint, indices) in by_blueprint {
        let bodies = wire::pack(indices.iter().map(|&index| entities[index]));
        let mut indices = indices.into_iter();
        batches.extend(bodies.into_iter().map(|body| {
            let upserts = indices.by_ref().take(body.count()).collect();
            Batch {
                blueprint,
                upserts,
                body,
            }
        }));
    }
    batches
}

impl Applied {
    /// Whether all of the plan was done.
    pub fn is_complete(&self) -> bool {
        let is_written = |outcome: &Outcome| matches!(outcome, Outcome::Written(_));
        let is_deleted = |outcome: &DeletionOutcome| *outcome == DeletionOutcome::Deleted;
        self.stopped.is_none()
            && self.outcomes.iter().all(is_written)
            && self.deletions.iter().all(is_deleted)
    }

    async fn write_wave(
        &mut self,
        batches: Vec<Batch<'_>>,
        port: &Port,
        options: &UpsertOptions,
        shutdown: &Shutdown,
    ) {
        let send = async |batch: Batch<'_>| {
            let result = port.upsert(batch.blueprint, &batch.body, options).await;
            (batch.upserts, result)
        };
        let mut grace_is_over = std::pin::pin!(async {
            shutdown.requested().await;
            tokio::time::sleep(GRACE).await;
        });
        let mut waiting = batches.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < CONCURRENT_REQUESTS && self.may_send(shutdown) {
                let Some(batch) = waiting.next() else { break };
                self.mark_sent(&batch);
                under_way.push(send(batch));
            }
            tokio::select! {
                answered = under_way.next() => match answered {
                    Some((upserts, result)) => self.record(&upserts, result),
                    None => break,
                },
                () = &mut grace_is_over => break,
            }
        }
    }

    fn may_send(&mut self, shutdown: &Shutdown) -> bool {
        if shutdown.is_requested() {
            self.stopped.get_or_insert(Stopped::Interrupted);
        }
        self.stopped.is_none()
    }

    /// Until its answer is there, nobody knows what Port made of it.
    fn mark_sent(&mut self, batch: &Batch<'_>) {
        for &index in &batch.upserts {
            self.outcomes[index] = Outcome::Unknown;
        }
    }

    fn record(&mut self, upserts: &[usize], result: BatchResult) {
        match result {
            Ok(results) => {
                for (&index, result) in upserts.iter().zip(results) {
                    self.outcomes[index] = match result {
                        Ok(upserted) => Outcome::Written(upserted),
                        Err(rejection) => Outcome::Rejected(rejection),
                    };
                }
            }
            Err(error) => {
                if let port::Error::Unauthorized { .. } = error {
                    for &index in upserts {
                        self.outcomes[index] = Outcome::NotSent;
                    }
                }
                self.stopped.get_or_insert(Stopped::Port(error));
            }
        }
    }
}
