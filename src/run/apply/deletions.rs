//! Deleting entities: what relates to others goes before them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use futures::{StreamExt, stream};

use super::flight::{Flight, Gates, RequestQueue};
use super::{DeletionOutcome, Joined, Stopped, UpsertOutcome};
use crate::catalog::entity::{BlueprintId, EntityKey, Identifier};
use crate::catalog::order::{self, DeletionWave};
use crate::catalog::plan::{Deletion, Obstacle, RelationTarget};
use crate::http::Delivery;
use crate::port::{
    self, CONCURRENT_REQUESTS, Dependant, ErrorCode, Port, RefusalScope, Rejection,
    counted_entities,
};

/// So many dependants of an entity are named.
const NAMED: usize = 10;

/// Deletions that travel together, by their indices in [`DeletionQueue::deletions`].
#[derive(Clone)]
struct DeletionBatch<'p> {
    blueprint: &'p BlueprintId,
    indices: Vec<usize>,
    /// Whether those that are gone already were taken out.
    lookup: Lookup,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookup {
    Open,
    Done,
}

/// What became of a batch.
enum DeletionResult {
    /// Port deleted it.
    Deleted {
        /// But for those that it still has.
        kept: Vec<usize>,
        /// But perhaps for these, as they could not be looked up.
        unknown: Vec<usize>,
        error: Option<port::Error>,
    },
    /// Port refused it.
    Refused {
        rejection: Rejection,
        /// Those that are not in Port all the same.
        gone: Vec<usize>,
        lookup: Lookup,
    },
    /// It is not known.
    Lost(port::Error),
}

/// Deletes what `plans` say, given what became of its upserts. Gives an outcome for each, and why
/// the rest was not tried, if so.
pub(super) async fn delete(
    plans: &Joined<'_>,
    upserts: &[UpsertOutcome],
    flight: &Flight<'_>,
) -> (Vec<DeletionOutcome>, Option<Stopped>) {
    let mut outcomes = vec![DeletionOutcome::NotSent; plans.deletions.len()];
    let named = deletable(plans, &mut outcomes);
    let relations: Vec<_> = named
        .iter()
        .map(|(_, deletion, _)| (&deletion.key, &deletion.targets[..]))
        .collect();
    let mut queue = DeletionQueue {
        deletions: named
            .iter()
            .map(|(_, deletion, name)| (*deletion, *name))
            .collect(),
        dependants: dependants(&relations),
        outcomes: named
            .iter()
            .map(|(index, ..)| guard(&plans.successors[*index], plans, upserts))
            .collect(),
        batches: VecDeque::new(),
        port: flight.port,
        gates: Gates::default(),
        stopped: None,
    };
    for wave in order::deletion_waves(&relations) {
        queue.delete_wave(&wave, flight).await;
        if queue.stopped.is_some() {
            break;
        }
    }
    if queue.stopped.is_none() {
        queue.name_dependants(flight.port).await;
    }
    for ((index, ..), outcome) in named.iter().zip(queue.outcomes) {
        outcomes[*index] = outcome;
    }
    (outcomes, queue.stopped)
}

/// The deletions to be tried, with their indices in the plans; why the others are not is noted.
fn deletable<'p>(
    plans: &Joined<'p>,
    outcomes: &mut [DeletionOutcome],
) -> Vec<(usize, &'p Deletion, &'p Identifier)> {
    let mut named = Vec::new();
    for ((index, deletion), outcome) in plans.deletions.iter().copied().enumerate().zip(outcomes) {
        match deletion.key.name.identifier() {
            Some(identifier) => named.push((index, deletion, identifier)),
            None => {
                *outcome = DeletionOutcome::HeldBack(Obstacle {
                    reason: "a query names it, and only an identifier can be deleted".to_owned(),
                    help: "delete it in Port".to_owned(),
                });
            }
        }
    }
    named
}

/// By index: what relates to it.
fn dependants(relations: &[(&EntityKey, &[RelationTarget])]) -> Vec<Vec<usize>> {
    let mut dependants = vec![Vec::new(); relations.len()];
    for (target, dependant) in order::dependants(relations) {
        dependants[target].push(dependant);
    }
    dependants
}

/// Nothing is deleted before what its file now declares instead is there.
fn guard(successors: &[usize], plans: &Joined<'_>, upserts: &[UpsertOutcome]) -> DeletionOutcome {
    let is_missing =
        |index: &&usize| !matches!(upserts.get(**index), Some(UpsertOutcome::Written(_)));
    match successors.iter().find(is_missing) {
        None => DeletionOutcome::NotSent,
        Some(&index) => {
            let successor = plans.upserts.get(index).map(|upsert| upsert.entity.key());
            let successor = successor.map(|key| format!("`{key}`")).unwrap_or_default();
            DeletionOutcome::HeldBack(Obstacle {
                reason: format!("{successor}, which the same file now declares, was not written"),
                help: format!("fix {successor} first"),
            })
        }
    }
}

struct DeletionQueue<'p> {
    port: &'p Port,
    deletions: Vec<(&'p Deletion, &'p Identifier)>,
    dependants: Vec<Vec<usize>>,
    outcomes: Vec<DeletionOutcome>,
    /// What is still to be sent: of each, as much goes with a request as Port takes.
    batches: VecDeque<DeletionBatch<'p>>,
    gates: Gates<'p>,
    stopped: Option<Stopped>,
}

impl<'p> DeletionQueue<'p> {
    async fn delete_wave(&mut self, wave: &DeletionWave, flight: &Flight<'_>) {
        let plain = self.unblocked(&wave.plain);
        let mut entangled = self.unblocked(&wave.entangled);
        let all = [plain, entangled.clone()].concat();
        self.delete(&all, flight).await;
        // Of a cycle, each that goes may set another free.
        loop {
            let kept = self.kept(&entangled);
            if kept.is_empty() || kept.len() == entangled.len() || self.stopped.is_some() {
                break;
            }
            self.delete(&kept, flight).await;
            entangled = kept;
        }
    }

    async fn delete(&mut self, indices: &[usize], flight: &Flight<'_>) {
        let mut by_blueprint: BTreeMap<&BlueprintId, Vec<usize>> = BTreeMap::new();
        for &index in indices {
            let blueprint = &self.deletions[index].0.key.blueprint;
            by_blueprint.entry(blueprint).or_default().push(index);
        }
        let batches = by_blueprint
            .into_iter()
            .map(|(blueprint, indices)| DeletionBatch {
                blueprint,
                indices,
                lookup: Lookup::Open,
            });
        self.batches = batches.collect();
        let deletions = self.deletions.clone();
        let send = async |batch: &DeletionBatch<'p>| {
            let names: Vec<_> = batch
                .indices
                .iter()
                .map(|&index| (index, deletions[index].1))
                .collect();
            let sent = send(flight, batch, &names);
            sent.await.unwrap_or_else(DeletionResult::Lost)
        };
        flight.run(self, send).await;
    }

    /// Those that nothing prevents. What is to stay keeps what it relates to.
    fn unblocked(&mut self, indices: &[usize]) -> Vec<usize> {
        let mut unblocked = Vec::new();
        for &index in indices {
            let stays = |&&dependant: &&usize| {
                matches!(
                    self.outcomes[dependant],
                    DeletionOutcome::HeldBack(_) | DeletionOutcome::Rejected(_)
                )
            };
            let dependant = self.dependants[index].iter().find(stays).copied();
            if let Some(dependant) = dependant
                && self.outcomes[index] == DeletionOutcome::NotSent
            {
                let key = &self.deletions[dependant].0.key;
                self.outcomes[index] = DeletionOutcome::HeldBack(Obstacle {
                    reason: format!("`{key}`, which relates to it, was not deleted"),
                    help: format!("delete `{key}` first, or change its relation"),
                });
            }
            if self.outcomes[index] == DeletionOutcome::NotSent {
                unblocked.push(index);
            }
        }
        unblocked
    }

    fn kept(&self, indices: &[usize]) -> Vec<usize> {
        let is_kept = |index: &usize| match &self.outcomes[*index] {
            DeletionOutcome::Rejected(rejection) => may_be_needed(rejection),
            _ => false,
        };
        indices.iter().copied().filter(is_kept).collect()
    }

    fn note_refusal(
        &mut self,
        batch: DeletionBatch<'p>,
        rejection: &Rejection,
        gone: &[usize],
        lookup: Lookup,
    ) {
        for &index in gone {
            self.outcomes[index] = DeletionOutcome::Deleted;
        }
        let what = format!(
            "the deletion of {}",
            counted_entities(batch.indices.len(), batch.blueprint)
        );
        if let Some(stopped) = self.gates.note(batch.blueprint, &what, rejection) {
            self.stopped.get_or_insert(stopped);
        }
        let mut left = batch.indices;
        left.retain(|index| !gone.contains(index));
        let scope = rejection.code.scope();
        let is_divisible =
            matches!(scope, RefusalScope::Entity | RefusalScope::Size) && left.len() > 1;
        // What was not found is out of it now.
        let is_complete = rejection.code == ErrorCode::NotFound && !gone.is_empty();
        let again = |indices: &[usize]| DeletionBatch {
            blueprint: batch.blueprint,
            indices: indices.to_vec(),
            lookup,
        };
        if is_complete && !left.is_empty() {
            self.batches.push_front(again(&left));
        } else if is_divisible {
            let (first, second) = left.split_at(left.len() / 2);
            self.batches.push_front(again(second));
            self.batches.push_front(again(first));
        } else {
            let outcome = match scope {
                RefusalScope::Run => DeletionOutcome::NotSent,
                _ => DeletionOutcome::Rejected(rejection.clone()),
            };
            for index in left {
                self.outcomes[index] = outcome.clone();
            }
        }
    }

    fn note_deleted(&mut self, batch: &DeletionBatch<'p>, kept: &[usize], unknown: &[usize]) {
        self.gates.open(batch.blueprint);
        let message = "Port's answer does not say that it was deleted, and it is still there";
        let unconfirmed = Rejection::unconfirmed(200, message);
        for &index in &batch.indices {
            self.outcomes[index] = match index {
                index if kept.contains(&index) => DeletionOutcome::Rejected(unconfirmed.clone()),
                index if unknown.contains(&index) => DeletionOutcome::Unknown,
                _ => DeletionOutcome::Deleted,
            };
        }
    }

    /// Takes what is not sent any more off the list.
    fn drop_refused(&mut self) {
        let Self {
            batches,
            gates,
            outcomes,
            ..
        } = self;
        batches.retain(|batch| {
            let Some(refusal) = gates.refusal(batch.blueprint) else {
                return true;
            };
            for &index in &batch.indices {
                outcomes[index] = match refusal.code {
                    ErrorCode::MissingBlueprint => DeletionOutcome::Deleted,
                    _ => DeletionOutcome::Rejected(refusal.clone()),
                };
            }
            false
        });
    }

    /// Finds out what relates to the entities that Port keeps for that reason: it does not say so.
    async fn name_dependants(&mut self, port: &Port) {
        let deletions = &self.deletions;
        let outcomes = self.outcomes.iter_mut().enumerate();
        let kept = outcomes.filter_map(|(index, outcome)| match outcome {
            DeletionOutcome::Rejected(rejection) if may_be_needed(rejection) => {
                Some((index, rejection))
            }
            _ => None,
        });
        let naming = stream::iter(kept).map(async |(index, rejection)| {
            let (deletion, identifier) = deletions[index];
            let dependants = port.dependants(&deletion.key.blueprint, identifier).await;
            match dependants.as_deref() {
                Ok([]) => {}
                Ok(dependants) => {
                    rejection.code = ErrorCode::HasDependents;
                    rejection.message = related(dependants);
                }
                Err(error) => tracing::warn!(
                    "it is not known what relates to `{}`: {error}",
                    deletion.key
                ),
            }
        });
        naming
            .buffer_unordered(CONCURRENT_REQUESTS)
            .collect::<()>()
            .await;
    }
}

/// Deletions under way: which of them are meant is said by their identifiers.
struct Sent<'s> {
    port: &'s Port,
    blueprint: &'s BlueprintId,
    names: &'s [(usize, &'s Identifier)],
}

/// Sends a batch, and finds out what became of those that the answer does not mention. Port says that it
/// deletes all or none, and was seen to delete some.
async fn send(
    flight: &Flight<'_>,
    batch: &DeletionBatch<'_>,
    names: &[(usize, &Identifier)],
) -> Result<DeletionResult, port::Error> {
    let sent = Sent {
        port: flight.port,
        blueprint: batch.blueprint,
        names,
    };
    let identifiers = sent.identifiers(|_| true);
    let run_id = flight.options.run_id.as_deref();
    let deleting = sent.port.delete(sent.blueprint, &identifiers, run_id);
    Ok(match deleting.await? {
        Ok(confirmed) => sent.done(&confirmed).await,
        Err(rejection) => sent.refused(rejection, batch.lookup).await,
    })
}

impl<'s> Sent<'s> {
    fn identifiers(&self, is_meant: impl Fn(&str) -> bool) -> Vec<&'s Identifier> {
        let names = self.names.iter().map(|(_, identifier)| *identifier);
        names.filter(|name| is_meant(name.as_str())).collect()
    }

    fn indices(&self, is_meant: impl Fn(&str) -> bool) -> Vec<usize> {
        let meant = self
            .names
            .iter()
            .filter(|(_, name)| is_meant(name.as_str()));
        meant.map(|(index, _)| *index).collect()
    }

    /// Looks up what is not `confirmed` to be deleted.
    async fn done(&self, confirmed: &BTreeSet<String>) -> DeletionResult {
        let is_open = |name: &str| !confirmed.contains(name);
        let open = self.identifiers(is_open);
        let surviving = match open.is_empty() {
            true => Ok(BTreeSet::new()),
            false => self.port.surviving(self.blueprint, &open).await,
        };
        let (kept, unknown, error) = match surviving {
            Ok(kept) => (self.indices(|name| kept.contains(name)), Vec::new(), None),
            Err(error) => (Vec::new(), self.indices(is_open), Some(error)),
        };
        DeletionResult::Deleted {
            kept,
            unknown,
            error,
        }
    }

    /// Looks up which of them are gone though they were refused, unless `lookup` is done.
    async fn refused(&self, rejection: Rejection, lookup: Lookup) -> DeletionResult {
        let (port, blueprint) = (self.port, self.blueprint);
        let may_be_gone = rejection.code.scope() == RefusalScope::Entity && lookup == Lookup::Open;
        let (gone, lookup) = match (rejection.code, self.names) {
            (ErrorCode::MissingBlueprint, _) => (self.indices(|_| true), lookup),
            (ErrorCode::NotFound, [(_, name)]) => {
                let found = port.entity(blueprint, name.as_str()).await;
                (self.indices(|_| matches!(found, Ok(None))), lookup)
            }
            (_, [_, _, ..]) if may_be_gone => {
                // Without an answer, each is found out about when it is sent by itself.
                let identifiers = self.identifiers(|_| true);
                let found = port.found(blueprint, &identifiers).await;
                let is_gone = |name: &str| found.as_ref().is_ok_and(|found| !found.contains(name));
                (self.indices(is_gone), Lookup::Done)
            }
            _ => (Vec::new(), lookup),
        };
        DeletionResult::Refused {
            rejection,
            gone,
            lookup,
        }
    }
}

/// Whether an entity may be kept because others relate to it. Where Port deletes the others of a
/// request, it does not say why it keeps one.
fn may_be_needed(rejection: &Rejection) -> bool {
    matches!(
        rejection.code,
        ErrorCode::HasDependents | ErrorCode::Unconfirmed
    )
}

/// What keeps an entity.
pub(crate) fn related(dependants: &[Dependant]) -> String {
    let named: Vec<_> = dependants.iter().take(NAMED).collect();
    let names: Vec<_> = named.iter().map(|name| format!("`{name}`")).collect();
    let more = match dependants.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names.join(", ");
    format!("other entities relate to it: {names}{more}")
}

impl<'p> RequestQueue for DeletionQueue<'p> {
    type Batch = DeletionBatch<'p>;
    type BatchResult = DeletionResult;

    fn next(&mut self) -> Option<DeletionBatch<'p>> {
        self.drop_refused();
        let gates = &self.gates;
        let mut batches = self.batches.iter();
        let next = batches.position(|batch| gates.may_pass(batch.blueprint))?;
        let mut batch = self.batches.remove(next)?;
        let names = batch.indices.iter().map(|&index| self.deletions[index].1);
        let most = self.port.deletable(names);
        if batch.indices.len() > most {
            let rest = DeletionBatch {
                indices: batch.indices.split_off(most),
                ..batch
            };
            self.batches.insert(next, rest);
        }
        for &index in &batch.indices {
            self.outcomes[index] = DeletionOutcome::Unknown;
        }
        self.gates.begin(batch.blueprint);
        Some(batch)
    }

    fn end(&mut self, batch: DeletionBatch<'p>, answer: DeletionResult) {
        match answer {
            DeletionResult::Deleted {
                kept,
                unknown,
                error,
            } => {
                self.note_deleted(&batch, &kept, &unknown);
                if let Some(error) = error {
                    self.stopped.get_or_insert(error.into());
                }
            }
            DeletionResult::Refused {
                rejection,
                gone,
                lookup,
            } => self.note_refusal(batch, &rejection, &gone, lookup),
            DeletionResult::Lost(error) => {
                if error.delivery() == Delivery::Unsent {
                    for index in batch.indices {
                        self.outcomes[index] = DeletionOutcome::NotSent;
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
