//! Requests under way: several at a time, until they are done or the run is told to stop.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Stopped;
use crate::catalog::entity::BlueprintId;
use crate::http::retry::{back_off, full_jitter};
use crate::port::{Port, RefusalScope, Rejection, WriteOptions};
use crate::shutdown::Shutdown;

/// How long requests under way may take to end once the run is told to stop. The runner waits 7.5
/// seconds between its first and its second signal.
const GRACE: Duration = Duration::from_secs(5);

/// So many requests in a row that fail to the last try, and Port counts as down.
const GIVE_UP_AFTER: usize = 3;

/// What all requests of an apply share.
pub(super) struct Flight<'a> {
    pub(super) port: &'a Port,
    pub(super) options: &'a WriteOptions,
    shutdown: &'a Shutdown,
    grace_ends: OnceCell<Instant>,
}

/// The requests of one kind that are still to be sent, and what became of the others.
pub(super) trait RequestQueue {
    /// What is sent with one request.
    type Batch;
    /// What comes of it.
    type BatchResult;

    /// The next request to send, if there is one now. Until its answer is noted, nobody knows what Port
    /// made of it.
    fn next(&mut self) -> Option<Self::Batch>;
    /// Notes an answer.
    fn end(&mut self, batch: Self::Batch, answer: Self::BatchResult);
    /// Why nothing more is to be sent, if so.
    fn stopped(&mut self) -> &mut Option<Stopped>;
}

impl<'a> Flight<'a> {
    pub(super) fn new(port: &'a Port, options: &'a WriteOptions, shutdown: &'a Shutdown) -> Self {
        Self {
            port,
            options,
            shutdown,
            grace_ends: OnceCell::new(),
        }
    }

    /// Sends the batches of `queue` until all are answered, the queue has stopped, or the run is told to
    /// stop and the grace is over.
    pub(super) async fn run<Q: RequestQueue>(
        &self,
        queue: &mut Q,
        send: impl AsyncFn(&Q::Batch) -> Q::BatchResult,
    ) {
        let answered = async |batch: Q::Batch| {
            let answer = send(&batch).await;
            (batch, answer)
        };
        let mut grace_is_over = std::pin::pin!(self.grace_is_over());
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.port.concurrency()
                && self.may_send(queue)
                && let Some(batch) = queue.next()
            {
                under_way.push(answered(batch));
            }
            tokio::select! {
                next = under_way.next() => match next {
                    Some((batch, answer)) => queue.end(batch, answer),
                    None => break,
                },
                () = &mut grace_is_over => {
                    queue.stopped().get_or_insert(Stopped::Interrupted);
                    break;
                }
            }
        }
    }

    /// Waits before what failed in passing is sent again, for the `round`th time. Ends at once when
    /// the run is told to stop.
    pub(super) async fn pause(&self, round: u32) {
        tokio::select! {
            () = tokio::time::sleep(full_jitter(back_off(round))) => {}
            () = self.shutdown.requested() => {}
        }
    }

    fn may_send(&self, queue: &mut impl RequestQueue) -> bool {
        if self.shutdown.is_requested() {
            queue.stopped().get_or_insert(Stopped::Interrupted);
        }
        queue.stopped().is_none()
    }

    async fn grace_is_over(&self) {
        self.shutdown.requested().await;
        let ends = self
            .grace_ends
            .get_or_init(async || Instant::now() + GRACE)
            .await;
        tokio::time::sleep_until(*ends).await;
    }
}

/// What is known of writing to each blueprint. The first request to one goes alone: if it is refused
/// for a reason that concerns all of them, the others need not be sent.
#[derive(Debug, Default)]
pub(super) struct Gates<'p> {
    gates: BTreeMap<&'p BlueprintId, Gate>,
    failed: usize,
}

#[derive(Debug)]
enum Gate {
    /// The first request is under way.
    Trying,
    /// Port takes requests to the blueprint.
    Open,
    /// Port refuses all of them.
    Shut(Rejection),
}

impl<'p> Gates<'p> {
    /// Whether a request to `blueprint` may go now.
    pub(super) fn may_pass(&self, blueprint: &BlueprintId) -> bool {
        matches!(self.gates.get(blueprint), None | Some(Gate::Open))
    }

    /// Why nothing goes to `blueprint` any more, if so.
    pub(super) fn refusal(&self, blueprint: &BlueprintId) -> Option<&Rejection> {
        match self.gates.get(blueprint)? {
            Gate::Shut(rejection) => Some(rejection),
            Gate::Trying | Gate::Open => None,
        }
    }

    /// Notes that a request to `blueprint` goes.
    pub(super) fn begin(&mut self, blueprint: &'p BlueprintId) {
        self.gates.entry(blueprint).or_insert(Gate::Trying);
    }

    /// Notes that Port looked at the entities of a request to `blueprint`.
    pub(super) fn open(&mut self, blueprint: &'p BlueprintId) {
        self.failed = 0;
        if self.refusal(blueprint).is_none() {
            self.gates.insert(blueprint, Gate::Open);
        }
    }

    /// Notes a refusal of a request as a whole, called `what`; the error that ends the run, if it does.
    pub(super) fn note(
        &mut self,
        blueprint: &'p BlueprintId,
        what: &str,
        rejection: &Rejection,
    ) -> Option<Stopped> {
        match rejection.code.scope() {
            RefusalScope::Entity | RefusalScope::Size => self.open(blueprint),
            RefusalScope::Blueprint => {
                self.failed = 0;
                let shut = Gate::Shut(rejection.clone());
                self.gates.insert(blueprint, shut);
            }
            RefusalScope::Run => return Some(Stopped::because_of(what, rejection)),
            RefusalScope::Passing => {
                self.gates.remove(blueprint);
                return self.count(what, rejection);
            }
        }
        None
    }

    /// Counts requests in a row that failed to the last try.
    fn count(&mut self, what: &str, rejection: &Rejection) -> Option<Stopped> {
        self.failed += 1;
        let what = format!("{what}, and {} requests before it,", GIVE_UP_AFTER - 1);
        (self.failed >= GIVE_UP_AFTER).then(|| Stopped::because_of(&what, rejection))
    }
}
