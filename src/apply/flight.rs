//! Requests under way: several at a time, until they are done or the run is told to stop.

use std::collections::VecDeque;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Stopped;
use crate::http::retry::{back_off, full_jitter, is_passing};
use crate::port::{self, Port, Rejection, WriteOptions};
use crate::shutdown::Shutdown;

/// How long requests under way may take to end once the run is told to stop. The runner waits 7.5
/// seconds between its first and its second signal.
const GRACE: Duration = Duration::from_secs(5);

/// So many requests in a row that fail to the last try, and Port is taken to be down.
const GIVE_UP_AFTER: usize = 3;

/// What all requests of an apply share.
pub(super) struct Flight<'a> {
    pub(super) port: &'a Port,
    pub(super) options: &'a WriteOptions,
    shutdown: &'a Shutdown,
    grace_ends: OnceCell<Instant>,
}

/// What keeps the books of one kind of request.
pub(super) trait Bookkeeping {
    /// A request to be.
    type Job;
    /// What comes of it.
    type Answer;

    /// Notes that a request goes: until its answer is there, nobody knows what Port made of it.
    fn begin(&mut self, job: &Self::Job);
    /// Notes an answer. Gives what is to be sent in the request's stead.
    fn end(&mut self, job: Self::Job, answer: Self::Answer) -> Vec<Self::Job>;
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

    /// Sends `jobs`, and whatever takes their place, until all are answered, the books have
    /// stopped, or the run is told to stop and the grace is over.
    pub(super) async fn run<L: Bookkeeping>(
        &self,
        jobs: Vec<L::Job>,
        books: &mut L,
        send: impl AsyncFn(&L::Job) -> L::Answer,
    ) {
        let answered = async |job: L::Job| {
            let answer = send(&job).await;
            (job, answer)
        };
        let mut grace_is_over = std::pin::pin!(self.grace_is_over());
        let mut waiting = VecDeque::from(jobs);
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < self.port.concurrency()
                && !waiting.is_empty()
                && self.may_send(books)
                && let Some(job) = waiting.pop_front()
            {
                books.begin(&job);
                under_way.push(answered(job));
            }
            tokio::select! {
                next = under_way.next() => match next {
                    Some((job, answer)) => waiting.extend(books.end(job, answer)),
                    None => break,
                },
                () = &mut grace_is_over => {
                    books.stopped().get_or_insert(Stopped::Interrupted);
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

    fn may_send(&self, books: &mut impl Bookkeeping) -> bool {
        if self.shutdown.is_requested() {
            books.stopped().get_or_insert(Stopped::Interrupted);
        }
        books.stopped().is_none()
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

/// Counts requests in a row that failed to the last try.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    failed: usize,
}

impl Refusals {
    /// Notes a success.
    pub(super) fn end(&mut self) {
        self.failed = 0;
    }

    /// Notes a refusal of a request as a whole; the error that ends the run when it is one too
    /// many.
    pub(super) fn count(&mut self, what: &str, rejection: &Rejection) -> Option<Stopped> {
        if !is_passing(rejection.status) {
            self.failed = 0;
            return None;
        }
        self.failed += 1;
        (self.failed >= GIVE_UP_AFTER).then(|| {
            Stopped::Port(port::Error::Refused {
                what: format!("{what}, and {} requests before it,", GIVE_UP_AFTER - 1),
                status: rejection.status,
                message: rejection.message.clone(),
            })
        })
    }
}
