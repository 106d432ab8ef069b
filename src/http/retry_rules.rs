//! What is worth another try: one pure classification for both APIs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Answer, TransportError, TransportErrorKind};

/// What became of one try.
pub type Attempt = Result<Answer, TransportError>;

/// Whose rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Port.
    Port,
    /// GitHub, REST and GraphQL.
    GitHub,
}

impl Service {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Port => "Port",
            Self::GitHub => "GitHub",
        }
    }
}

/// What to do about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Trying again would not change it.
    Never,
    /// Try again after a while of our own choice.
    BackOff,
    /// Try again after the time that the server names.
    WaitFor(Duration),
    /// Try again after a minute at least, and longer each time: the server wants patience
    /// without saying how much.
    SlowDown,
}

/// Whether an answer is the API's own, and not the page of a gateway or a sign-in.
pub type IsOwn = fn(&Answer) -> bool;

/// Decides whether another try could help. An answer that is not the API's own (`is_own`) may be
/// followed by one that is; `now` is what dates in headers are compared with.
///
/// The rules: [Port's rate limits][port], GitHub's for [REST][rest] and for [GraphQL][graphql].
/// Port has no 403 that passes by itself.
///
/// [port]: https://docs.port.io/api-reference/rate-limits
/// [rest]: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
/// [graphql]: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api#exceeding-the-rate-limit
pub fn retry_after_attempt(
    service: Service,
    attempt: &Attempt,
    is_own: IsOwn,
    now: SystemTime,
) -> Retry {
    let answer = match attempt {
        Ok(answer) => answer,
        Err(error) if error.is_final() => return Retry::Never,
        Err(_) => return Retry::BackOff,
    };
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => match service {
            Service::Port => retry_after(answer, now)
                .or_else(|| reset(answer, now))
                .map_or(Retry::BackOff, Retry::WaitFor),
            Service::GitHub => limited(answer, now),
        },
        StatusCode::FORBIDDEN if service == Service::GitHub && is_about_rates(answer) => {
            limited(answer, now)
        }
        status if is_passing(status.as_u16()) => {
            retry_after(answer, now).map_or(Retry::BackOff, Retry::WaitFor)
        }
        _ if !is_own(answer) => Retry::BackOff,
        StatusCode::OK if service == Service::GitHub => retry_after_graphql(answer, now),
        _ => Retry::Never,
    }
}

/// Whether a status, of an answer or of an item of one, may be another one soon.
pub fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// Whether the server is certain to have done nothing: there was no connection, or it said that
/// there were too many requests.
pub(super) fn is_without_effect(attempt: &Attempt) -> bool {
    match attempt {
        Ok(answer) => matches!(
            answer.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN
        ),
        Err(error) => matches!(
            error.kind,
            TransportErrorKind::Connect
                | TransportErrorKind::Certificate(_)
                | TransportErrorKind::Tls
                | TransportErrorKind::Proxy(_)
        ),
    }
}

/// How long GitHub wants to be left alone, once it has said that it does.
fn limited(answer: &Answer, now: SystemTime) -> Retry {
    let until_reset = || match is_exhausted(answer) {
        true => reset(answer, now),
        false => None,
    };
    retry_after(answer, now)
        .or_else(until_reset)
        .map_or(Retry::SlowDown, Retry::WaitFor)
}

fn is_about_rates(answer: &Answer) -> bool {
    #[derive(Deserialize)]
    struct Refused {
        message: String,
    }
    let speaks_of_rates = || {
        let refused = answer.json::<Refused>();
        refused.is_ok_and(|refused| is_about_limits(&refused.message))
    };
    answer.header("retry-after").is_some() || is_exhausted(answer) || speaks_of_rates()
}

/// GitHub's own messages: "You have exceeded a secondary rate limit", "API rate limit exceeded for …".
fn is_about_limits(message: &str) -> bool {
    message.to_ascii_lowercase().contains("rate limit")
}

#[derive(Deserialize)]
struct GraphQlErrors {
    #[serde(default)]
    errors: Vec<GraphQlErrorKind>,
}

#[derive(Deserialize)]
struct GraphQlErrorKind {
    r#type: Option<String>,
    #[serde(default)]
    message: String,
}

impl GraphQlErrorKind {
    /// The primary limit is of the type `RATE_LIMITED` or, as seen since 2026, `RATE_LIMIT`.
    fn is_about_primary_limit(&self) -> bool {
        let kind = self.r#type.as_deref();
        matches!(kind, Some("RATE_LIMITED" | "RATE_LIMIT"))
    }

    /// The secondary limit has no type of its own, so that its message has to do. That of a `NOT_FOUND`
    /// holds what was requested, which can be a file of any name.
    fn is_about_another_limit(&self) -> bool {
        self.r#type.as_deref() != Some("NOT_FOUND") && is_about_limits(&self.message)
    }

    /// GitHub's own message for a query that took too long or met a fault of GitHub's.
    fn is_passing(&self) -> bool {
        self.message
            .starts_with("Something went wrong while executing your query")
    }
}

/// GraphQL's errors come with status 200. A REST answer is none of this form.
fn retry_after_graphql(answer: &Answer, now: SystemTime) -> Retry {
    let Ok(GraphQlErrors { errors }) = answer.json() else {
        return Retry::Never;
    };
    if errors.iter().any(GraphQlErrorKind::is_about_primary_limit) {
        // The budget may be said to be not quite used up, as the query would cost more than is left.
        return retry_after(answer, now)
            .or_else(|| reset(answer, now))
            .map_or(Retry::SlowDown, Retry::WaitFor);
    }
    // The reset of the budget says nothing of the secondary limit, which shows only in its message.
    if errors.iter().any(GraphQlErrorKind::is_about_another_limit) {
        return limited(answer, now);
    }
    match errors.iter().any(GraphQlErrorKind::is_passing) {
        true => Retry::BackOff,
        false => Retry::Never,
    }
}

/// A proxy's page or a body cut short also come with status 200.
pub(super) fn is_json_if_successful(answer: &Answer) -> bool {
    !answer.status.is_success()
        || answer.body.is_empty() && answer.status == StatusCode::NO_CONTENT
        || answer.json::<IgnoredAny>().is_ok()
}

/// Longer than any run waits, and short enough to be added to any moment.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

fn retry_after(answer: &Answer, now: SystemTime) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => until(httpdate::parse_http_date(text).ok()?, now),
    };
    Some(wait.min(LONGEST_WAIT))
}

/// How long until the budget is whole again, as far as an answer says: epoch seconds, or seconds
/// from now where the number is small.
pub(super) fn reset(answer: &Answer, now: SystemTime) -> Option<Duration> {
    const EARLIEST_EPOCH: u64 = 1_000_000_000;
    // A moment is by the server's clock, in whole seconds, and the runner's may be ahead of it. Who
    // comes too early is refused again, and GitHub bans who does that often.
    const MARGIN: Duration = Duration::from_secs(1);
    match answer.header("x-ratelimit-reset")?.trim().parse().ok()? {
        seconds if seconds < EARLIEST_EPOCH => Some(Duration::from_secs(seconds)),
        epoch => {
            let moment = UNIX_EPOCH.checked_add(Duration::from_secs(epoch))?;
            Some(until(moment, now).min(LONGEST_WAIT) + MARGIN)
        }
    }
}

/// How many requests are left of the budget, as far as an answer says.
pub(super) fn remaining(answer: &Answer) -> Option<u64> {
    answer.header("x-ratelimit-remaining")?.trim().parse().ok()
}

fn until(moment: SystemTime, now: SystemTime) -> Duration {
    moment.duration_since(now).unwrap_or_default()
}

fn is_exhausted(answer: &Answer) -> bool {
    remaining(answer) == Some(0)
}

#[cfg(test)]
pub(super) mod tests;
