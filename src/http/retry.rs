//! What is worth another try, and when: one pure classification, one loop.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde::de::IgnoredAny;

use super::{Answer, TransportError};

const MAX_TRIES: u32 = 6;
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// How long a request may wait in all because the server asked it to.
const MAX_ASKED: Duration = Duration::from_secs(15 * 60);

/// What became of one try.
pub type Attempt = Result<Answer, TransportError>;

/// What to do about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Trying again would not change it.
    Final,
    /// Try again after a while of our own choice.
    BackOff,
    /// Try again after the time that the server asks for.
    WaitFor(Duration),
}

/// Decides whether another try could help; `now` is what dates in headers are compared with.
///
/// The rules: [Port's rate limits][port], [GitHub's][github].
///
/// [port]: https://docs.port.io/api-reference/rate-limits
/// [github]: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
pub fn judge(attempt: &Attempt, now: SystemTime) -> Verdict {
    let answer = match attempt {
        Ok(answer) => answer,
        Err(error) if error.is_final() => return Verdict::Final,
        Err(_) => return Verdict::BackOff,
    };
    let or_back_off = |wait: Option<Duration>| wait.map_or(Verdict::BackOff, Verdict::WaitFor);
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => {
            or_back_off(retry_after(answer, now).or_else(|| reset(answer, now)))
        }
        StatusCode::FORBIDDEN if retry_after(answer, now).is_some() || is_exhausted(answer) => {
            or_back_off(retry_after(answer, now).or_else(|| reset(answer, now)))
        }
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => or_back_off(retry_after(answer, now)),
        status if status.is_success() && !is_json(answer) => Verdict::BackOff,
        _ => Verdict::Final,
    }
}

/// A proxy's page or a body cut short also come with status 200.
fn is_json(answer: &Answer) -> bool {
    answer.json::<IgnoredAny>().is_ok()
}

fn retry_after(answer: &Answer, now: SystemTime) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(until(httpdate::parse_http_date(text).ok()?, now)),
    }
}

/// Epoch seconds, or seconds from now where the number is small.
fn reset(answer: &Answer, now: SystemTime) -> Option<Duration> {
    const EARLIEST_EPOCH: u64 = 1_000_000_000;
    match answer.header("x-ratelimit-reset")?.trim().parse().ok()? {
        seconds if seconds < EARLIEST_EPOCH => Some(Duration::from_secs(seconds)),
        epoch => Some(until(
            UNIX_EPOCH.checked_add(Duration::from_secs(epoch))?,
            now,
        )),
    }
}

fn until(moment: SystemTime, now: SystemTime) -> Duration {
    moment.duration_since(now).unwrap_or_default()
}

fn is_exhausted(answer: &Answer) -> bool {
    answer
        .header("x-ratelimit-remaining")
        .is_some_and(|remaining| remaining.trim() == "0")
}

/// Sends requests to one API, each as often as it takes, and counts them.
#[derive(Debug)]
pub struct Sender {
    api: &'static str,
    sent: AtomicUsize,
}

impl Sender {
    /// A sender to the API that people call `api`.
    pub fn new(api: &'static str) -> Self {
        Self {
            api,
            sent: AtomicUsize::new(0),
        }
    }

    /// How many requests were sent, repeated ones included.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Calls `attempt` until its answer is final or the tries are used up, and gives the last
    /// result. `what` names the request in the log.
    ///
    /// # Errors
    /// If the last try got no answer.
    pub async fn send(&self, what: &str, attempt: impl AsyncFn() -> Attempt) -> Attempt {
        let mut asked_in_all = Duration::ZERO;
        let mut tries = 0;
        loop {
            self.sent.fetch_add(1, Ordering::Relaxed);
            let started = Instant::now();
            let result = attempt().await;
            self.say_what(what, &result, started.elapsed());
            tries += 1;
            let wait = match judge(&result, SystemTime::now()) {
                Verdict::Final => return result,
                _ if tries == MAX_TRIES => return result,
                Verdict::BackOff => full_jitter(back_off(tries)),
                Verdict::WaitFor(asked) => {
                    asked_in_all += asked;
                    if asked_in_all > MAX_ASKED {
                        return result;
                    }
                    asked + full_jitter(FIRST_BACKOFF)
                }
            };
            self.say_why(what, &result, wait);
            tokio::time::sleep(wait).await;
        }
    }

    /// Calls `attempt` once: for a request that makes something anew and must not be repeated before
    /// it is known what became of it.
    ///
    /// # Errors
    /// If it got no answer.
    pub async fn send_once(&self, what: &str, attempt: impl Future<Output = Attempt>) -> Attempt {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let result = attempt.await;
        self.say_what(what, &result, started.elapsed());
        result
    }

    /// For those who look closely: each try and how long it took.
    fn say_what(&self, what: &str, result: &Attempt, elapsed: Duration) {
        let (api, milliseconds) = (self.api, elapsed.as_millis());
        match result {
            Ok(answer) => {
                tracing::debug!("{api}: {what}: {} in {milliseconds} ms", answer.status);
            }
            Err(error) => tracing::debug!("{api}: {what}: {error} in {milliseconds} ms"),
        }
    }

    fn say_why(&self, what: &str, result: &Attempt, wait: Duration) {
        let (api, seconds) = (self.api, wait.as_secs_f32());
        match result {
            Ok(answer) if answer.status.is_success() => {
                tracing::warn!("{api} did not answer {what} with JSON; again in {seconds:.1} s");
            }
            Ok(answer) => {
                tracing::warn!(
                    "{api} answered {what} with {}; again in {seconds:.1} s",
                    answer.status
                );
            }
            Err(error) => tracing::warn!("{what}: {error}; again in {seconds:.1} s"),
        }
    }
}

fn back_off(tries: u32) -> Duration {
    FIRST_BACKOFF
        .saturating_mul(2_u32.saturating_pow(tries - 1))
        .min(MAX_BACKOFF)
}

/// Anything up to `longest`: clients that failed together must not come back together.
fn full_jitter(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &'static str) -> Attempt {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            )
        });
        Ok(Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::from_iter(headers),
            body: body.into(),
        })
    }

    fn verdict(status: u16, headers: &[(&'static str, &str)]) -> Verdict {
        judge(
            &answer(status, headers, "{}"),
            UNIX_EPOCH + Duration::from_secs(NOW),
        )
    }

    fn seconds(seconds: u64) -> Verdict {
        Verdict::WaitFor(Duration::from_secs(seconds))
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert_eq!(verdict(status, &[]), Verdict::BackOff, "{status}");
        }
        for status in [200, 201, 207, 301, 400, 401, 403, 404, 409, 413, 422, 501] {
            assert_eq!(verdict(status, &[]), Verdict::Final, "{status}");
        }
        assert_eq!(
            judge(&answer(200, &[], "<html>"), UNIX_EPOCH),
            Verdict::BackOff
        );
        assert_eq!(
            judge(&answer(404, &[], "<html>"), UNIX_EPOCH),
            Verdict::Final
        );
    }

    #[test]
    fn the_server_says_when() {
        assert_eq!(verdict(429, &[("retry-after", "7")]), seconds(7));
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(NOW + 9));
        assert_eq!(verdict(503, &[("retry-after", &date)]), seconds(9));
        let past = httpdate::fmt_http_date(UNIX_EPOCH);
        assert_eq!(verdict(503, &[("retry-after", &past)]), seconds(0));
        assert_eq!(verdict(429, &[("x-ratelimit-reset", "30")]), seconds(30));
        let epoch = (NOW + 12).to_string();
        assert_eq!(verdict(429, &[("x-ratelimit-reset", &epoch)]), seconds(12));
        assert_eq!(
            verdict(503, &[("x-ratelimit-reset", "30")]),
            Verdict::BackOff
        );
        assert_eq!(verdict(429, &[("retry-after", "soon")]), Verdict::BackOff);
    }

    #[test]
    fn a_403_is_only_passing_when_it_is_about_rates() {
        assert_eq!(
            verdict(403, &[("x-ratelimit-remaining", "17")]),
            Verdict::Final
        );
        assert_eq!(verdict(403, &[("retry-after", "60")]), seconds(60));
        let exhausted = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "40")];
        assert_eq!(verdict(403, &exhausted), seconds(40));
    }

    async fn send(attempts: Vec<Attempt>) -> (Attempt, usize) {
        let sender = Sender::new("Port");
        let attempts = RefCell::new(VecDeque::from(attempts));
        let result = sender
            .send("a request", async || {
                attempts.borrow_mut().pop_front().expect("one more try")
            })
            .await;
        assert!(attempts.borrow().is_empty(), "not all attempts were made");
        (result, sender.sent())
    }

    #[tokio::test(start_paused = true)]
    async fn a_passing_fault_passes() {
        let busy = || answer(503, &[], "");
        let (result, sent) = send(vec![busy(), busy(), answer(200, &[], "{}")]).await;
        assert_eq!(result.unwrap().status, 200);
        assert_eq!(sent, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn tries_and_waits_are_bounded() {
        let (result, sent) = send((0..6).map(|_| answer(502, &[], "")).collect()).await;
        assert_eq!(result.unwrap().status, 502);
        assert_eq!(sent, 6);

        let asks = |seconds: &str| answer(429, &[("retry-after", seconds)], "");
        let (result, sent) = send(vec![asks("800"), asks("200")]).await;
        assert_eq!(result.unwrap().status, 429);
        assert_eq!(sent, 2);
    }

    /// A server that accepts and never answers holds a request up for this long and no longer.
    #[tokio::test(start_paused = true)]
    async fn silence_is_bounded() {
        const SILENCE: Duration = Duration::from_secs(30);
        let started = tokio::time::Instant::now();
        let silent = async || {
            tokio::time::sleep(SILENCE).await;
            Err(TransportError::timeout("port.test"))
        };
        let sender = Sender::new("Port");
        sender.send("a request", silent).await.unwrap_err();
        assert_eq!(sender.sent(), 6);
        let waits = Duration::from_millis(500 + 1_000 + 2_000 + 4_000 + 8_000);
        assert!(started.elapsed() <= SILENCE * MAX_TRIES + waits + Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_asks_for_is_obeyed() {
        let started = tokio::time::Instant::now();
        send(vec![
            answer(429, &[("retry-after", "120")], ""),
            answer(200, &[], "{}"),
        ])
        .await
        .0
        .unwrap();
        assert!(started.elapsed() >= Duration::from_secs(120));
        assert!(started.elapsed() < Duration::from_secs(121));
    }
}
