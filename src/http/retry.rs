//! The one retry loop, for both APIs: it tries, waits and paces.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::pace::{Admission, BudgetReading, News, Pace};
use super::retry_rules::{self, Retry};
use super::{Answer, Delivery, TransportError};
use crate::shutdown::Shutdown;

pub use super::pace::Lane;
pub use super::retry_rules::{Attempt, IsOwn, Service, is_passing, retry_after_attempt};

/// How often a request is sent at most.
pub const MAX_TRIES: u32 = 6;
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// GitHub wants a minute at least where it does not say how long.
const SLOW_DOWN: Duration = Duration::from_secs(60);

/// What may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// The request does the same however often it is sent.
    Safe,
    /// The request makes something anew each time, so it is sent again only if the server is
    /// certain to have done nothing.
    OnlyIfUnsent,
}

/// What happens to a request for which the API's budget does not suffice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenExhausted {
    /// It waits until the budget is renewed, as long as that is not too long in all.
    #[default]
    Wait,
    /// It fails, unless the wait is about a minute: [`TransportErrorKind::BudgetExhausted`].
    ///
    /// [`TransportErrorKind::BudgetExhausted`]: super::TransportErrorKind::BudgetExhausted
    Fail,
}

/// Whether a request may use what is kept of the budget where requests fail instead of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// It leaves that to others.
    Keep,
    /// It is needed to finish what was begun.
    Use,
}

/// How many requests are kept for finishing what was begun, unless [`Sender::keep`] says otherwise.
const KEPT: u64 = 50;
/// What one who does not wait waits all the same: a minute, and what is added for clocks and jitter.
const BEARABLE_WAIT: Duration = Duration::from_secs(65);

/// A request, as far as sending it again goes.
#[derive(Debug, Clone, Copy)]
pub struct Request<'w> {
    /// What it is called in the log.
    pub what: &'w str,
    /// What may be sent again.
    pub repeat: Repeat,
    /// Which budget pays for it.
    pub lane: Lane,
    /// How far it may use that up.
    pub reserve: Reserve,
    /// Whether an answer is the API's own: others are tried again.
    pub is_own: IsOwn,
}

impl<'w> From<&'w str> for Request<'w> {
    fn from(what: &'w str) -> Self {
        Self {
            what,
            repeat: Repeat::Safe,
            lane: Lane::Rest,
            reserve: Reserve::Keep,
            is_own: retry_rules::is_json_if_successful,
        }
    }
}

impl Request<'_> {
    /// The same, with another test of whether an answer is the API's own.
    pub fn answered_by(self, is_own: IsOwn) -> Self {
        Self { is_own, ..self }
    }

    /// The same, paid for by GraphQL's budget.
    pub fn graphql(self) -> Self {
        Self {
            lane: Lane::GraphQl,
            ..self
        }
    }

    /// The same, using what is kept of the budget if so said.
    pub fn reserve(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }

    /// The same, sent again only if the server is certain to have done nothing.
    pub fn once(self) -> Self {
        Self {
            repeat: Repeat::OnlyIfUnsent,
            ..self
        }
    }
}

/// What time it is. It moves with tokio's clock, which tests move as they like.
#[derive(Debug, Clone, Copy)]
struct Clock {
    started: Instant,
    started_at: SystemTime,
}

impl Clock {
    fn new(started_at: SystemTime) -> Self {
        Self {
            started: Instant::now(),
            started_at,
        }
    }

    fn now(&self) -> SystemTime {
        self.started_at + self.started.elapsed()
    }
}

/// Sends requests to one API, each as often as it takes, none sooner than the API wants, and counts
/// them.
#[derive(Debug)]
pub struct Sender {
    service: Service,
    clock: Clock,
    sent: AtomicUsize,
    pace: Mutex<Pace>,
    answered: Notify,
    when_exhausted: WhenExhausted,
    kept: AtomicU64,
    shutdown: Option<Shutdown>,
}

/// Counts a request as under way until it is dropped.
struct UnderWay<'s> {
    sender: &'s Sender,
    lane: Lane,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.sender.pace().ended(self.lane);
        self.sender.answered.notify_waiters();
    }
}

impl Sender {
    /// A sender to an API.
    pub fn new(service: Service) -> Self {
        Self {
            service,
            clock: Clock::new(SystemTime::now()),
            sent: AtomicUsize::new(0),
            pace: Mutex::new(Pace::new(full_jitter(FIRST_BACKOFF))),
            answered: Notify::new(),
            when_exhausted: WhenExhausted::Wait,
            kept: AtomicU64::new(KEPT),
            shutdown: None,
        }
    }

    /// The same, with another treatment of requests for which the budget does not suffice.
    pub fn when_exhausted(self, when_exhausted: WhenExhausted) -> Self {
        Self {
            when_exhausted,
            ..self
        }
    }

    /// Keeps so many requests of the budget for those with [`Reserve::Use`] from now on, where requests fail
    /// instead of waiting.
    pub fn keep(&self, requests: u64) {
        self.kept.store(requests, Ordering::Relaxed);
    }

    /// The same, sending nothing any more and ending all waits once `shutdown` is requested.
    pub fn stop_on(self, shutdown: Shutdown) -> Self {
        Self {
            shutdown: Some(shutdown),
            ..self
        }
    }

    /// How many requests were sent, repeated ones included.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many requests there may be under way at the same time: fewer once the API was too busy.
    pub fn concurrency(&self) -> usize {
        self.pace().concurrency()
    }

    /// Calls `attempt` until its answer is final or the tries are used up, and gives the last
    /// result. `request` says what the log calls it, and whether it may be sent again.
    ///
    /// # Errors
    /// If the last try got no answer, the API wants to be left alone for too long, or the run is
    /// told to stop. The error knows whether the request can have had an effect.
    pub async fn send<'w>(
        &self,
        request: impl Into<Request<'w>>,
        attempt: impl AsyncFn() -> Attempt,
    ) -> Attempt {
        let request = request.into();
        let mut delivery = Delivery::Unsent;
        let mut tries = 0;
        loop {
            let under_way = self.admit(request.lane, request.reserve).await;
            let under_way = under_way.map_err(|error| error.with_delivery(delivery))?;
            let started = Instant::now();
            let result = attempt().await;
            self.read_pace(request.lane, &result, started);
            drop(under_way);
            self.say_what(request.what, &result, started.elapsed());
            tries += 1;
            if !retry_rules::is_without_effect(&result) {
                delivery = Delivery::Unknown;
            }
            let result = result.map_err(|error| error.with_delivery(delivery));
            let may_repeat = request.repeat == Repeat::Safe || delivery == Delivery::Unsent;
            if tries == MAX_TRIES || !may_repeat {
                return result;
            }
            let retry =
                retry_after_attempt(self.service, &result, request.is_own, self.clock.now());
            match self.wait(request, &result, retry, tries).await {
                Ok(TryAgain::Yes) => {}
                Ok(TryAgain::No) => return result,
                Err(error) => return Err(error.with_delivery(delivery)),
            }
        }
    }

    /// Waits until a request may go, and counts it.
    async fn admit(&self, lane: Lane, reserve: Reserve) -> Result<UnderWay<'_>, TransportError> {
        loop {
            if self.shutdown.as_ref().is_some_and(Shutdown::is_requested) {
                return Err(TransportError::interrupted(self.service.name()));
            }
            let kept = match reserve {
                Reserve::Keep => self.kept.load(Ordering::Relaxed),
                Reserve::Use => 0,
            };
            let shortage = self.pace().shortage(lane, kept, Instant::now());
            if let Some(wait) = shortage.filter(|wait| self.is_unbearable(*wait)) {
                return Err(TransportError::budget_exhausted(self.service.name(), wait));
            }
            let mut answered = std::pin::pin!(self.answered.notified());
            answered.as_mut().enable();
            let admission = self.pace().admit(lane, Instant::now());
            match admission {
                Admission::Go => {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    return Ok(UnderWay { sender: self, lane });
                }
                Admission::AfterAnswer => self.unless_stopped(answered).await?,
                Admission::At(moment) => {
                    self.hold(lane, moment, "has no requests left in its budget")?;
                    self.unless_stopped(tokio::time::sleep_until(moment))
                        .await?;
                }
            }
        }
    }

    /// Waits as the classification says, or makes all requests wait.
    async fn wait(
        &self,
        request: Request<'_>,
        result: &Attempt,
        retry: Retry,
        tries: u32,
    ) -> Result<TryAgain, TransportError> {
        let wait = match retry {
            Retry::Never => return Ok(TryAgain::No),
            Retry::BackOff => {
                let wait = full_jitter(back_off(tries));
                self.say_why(request.what, result, wait);
                self.unless_stopped(tokio::time::sleep(wait)).await?;
                return Ok(TryAgain::Yes);
            }
            Retry::WaitFor(wait) => wait,
            Retry::SlowDown => SLOW_DOWN.saturating_mul(2_u32.saturating_pow(tries - 1)),
        };
        let wait = wait + self.pace().jitter();
        let why = match result {
            // GraphQL's limits come with 200, which by itself would explain nothing.
            Ok(answer) if !answer.status.is_success() => {
                format!("answered {} with {}", request.what, answer.status)
            }
            _ => format!("answered {}: rate limit reached", request.what),
        };
        let moment = Instant::now() + wait;
        let held = self.hold(request.lane, moment, &why);
        if self.service == Service::GitHub && is_of_both_lanes(retry, result) {
            self.hold(request.lane.other(), moment, &why)?;
        }
        held.map(|()| TryAgain::Yes)
    }

    fn is_unbearable(&self, wait: Duration) -> bool {
        self.when_exhausted == WhenExhausted::Fail && wait > BEARABLE_WAIT
    }

    /// Lets nothing go before `moment`, unless that is too long in all.
    fn hold(&self, lane: Lane, moment: Instant, why: &str) -> Result<(), TransportError> {
        let now = Instant::now();
        let name = self.service.name();
        let wait = moment.saturating_duration_since(now);
        if self.is_unbearable(wait) {
            self.pace().refuse_until(lane, moment);
            return Err(TransportError::budget_exhausted(name, wait));
        }
        match self.pace().hold(lane, moment, now) {
            Ok(News::New) => {
                let seconds = moment.duration_since(now).as_secs_f32();
                tracing::warn!("{name} {why}; waiting {seconds:.1} s");
                Ok(())
            }
            Ok(News::Known) => Ok(()),
            Err(wait) if self.when_exhausted == WhenExhausted::Fail => {
                Err(TransportError::budget_exhausted(name, wait))
            }
            Err(wait) => Err(TransportError::rate_limit(name, wait)),
        }
    }

    async fn unless_stopped(&self, wait: impl Future<Output = ()>) -> Result<(), TransportError> {
        let Some(shutdown) = &self.shutdown else {
            wait.await;
            return Ok(());
        };
        tokio::select! {
            () = wait => Ok(()),
            () = shutdown.requested() => Err(TransportError::interrupted(self.service.name())),
        }
    }

    fn read_pace(&self, lane: Lane, result: &Attempt, started: Instant) {
        let Ok(answer) = result else { return };
        let now = Instant::now();
        let mut pace = self.pace();
        if matches!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            pace.slow_down(started, now);
        }
        let reset = retry_rules::reset(answer, self.clock.now());
        if let (Some(remaining), Some(reset)) = (retry_rules::remaining(answer), reset) {
            let lane = match answer.header("x-ratelimit-resource") {
                Some("graphql") => Lane::GraphQl,
                Some("core") => Lane::Rest,
                _ => lane,
            };
            let reading = BudgetReading { remaining, reset };
            pace.note(lane, reading, now);
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For those who look closely: each try and how long it took.
    fn say_what(&self, what: &str, result: &Attempt, elapsed: Duration) {
        let (service, milliseconds) = (self.service.name(), elapsed.as_millis());
        match result {
            Ok(answer) => {
                tracing::debug!("{service}: {what}: {} in {milliseconds} ms", answer.status);
            }
            Err(error) => tracing::debug!("{service}: {what}: {error} in {milliseconds} ms"),
        }
    }

    fn say_why(&self, what: &str, result: &Attempt, wait: Duration) {
        let (service, seconds) = (self.service.name(), wait.as_secs_f32());
        match result {
            Ok(answer) if answer.status.is_success() => {
                tracing::warn!(
                    "{service} did not answer {what} as it should; again in {seconds:.1} s"
                );
            }
            Ok(answer) => {
                tracing::warn!(
                    "{service} answered {what} with {}; again in {seconds:.1} s",
                    answer.status
                );
            }
            Err(error) => tracing::warn!("{what}: {error}; again in {seconds:.1} s"),
        }
    }
}

/// Whether GitHub's limit is a [secondary one][docs], which counts requests of all kinds together: it is
/// recognised by its header, or by the lack of a time at which it ends.
///
/// [docs]: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
fn is_of_both_lanes(retry: Retry, result: &Attempt) -> bool {
    let is_said = |answer: &Answer| answer.header("retry-after").is_some();
    retry == Retry::SlowDown || result.as_ref().is_ok_and(is_said)
}

/// Whether to try again.
enum TryAgain {
    Yes,
    No,
}

/// How long to wait after so many tries, at most.
pub fn back_off(tries: u32) -> Duration {
    FIRST_BACKOFF
        .saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)))
        .min(MAX_BACKOFF)
}

/// Anything up to `longest`: clients that failed together must not come back together.
pub fn full_jitter(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests;
