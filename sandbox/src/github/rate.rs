//! GitHub's limits:
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>.

use std::time::Duration;

use strum::Display;

use super::timestamp;
use crate::journal::Answer;

/// What `GITHUB_TOKEN` has an hour for a repository.
const LIMIT: u64 = 1_000;
/// What an app's installation has an hour at least, for each repository beyond so many besides, and at most.
const APP_LIMIT: (u64, u64, u64, u64) = (5_000, 50, 20, 12_500);
const WINDOW: u64 = 3_600;

/// The budgets, each counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display)]
#[strum(serialize_all = "lowercase")]
pub enum Resource {
    /// REST requests.
    Core,
    /// GraphQL points; every query costs one here.
    Graphql,
}

/// An answer that tells the client to slow down though its budget is not used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// The secondary limit: 403, also for GraphQL, with `retry-after` in whole seconds if given.
    Secondary {
        /// How long the client is told to wait.
        retry_after: Option<Duration>,
    },
    /// GraphQL's limit: 200 with an error of the type `RATE_LIMITED`. REST is not struck.
    GraphqlRateLimited,
}

/// Whether a request may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    Exhausted,
    Throttled(Throttle),
}

#[derive(Clone, Copy, Debug)]
struct Budget {
    used: u64,
    /// Seconds since 1970.
    reset: u64,
}

/// The state of all limits.
#[derive(Debug)]
pub(super) struct Limits {
    limit: u64,
    /// After how many requests the token ends, if it does.
    token: Option<usize>,
    core: Budget,
    graphql: Budget,
    throttles: Vec<(Throttle, usize)>,
}

/// A budget as it is told to the client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) limit: u64,
    pub(super) used: u64,
    pub(super) reset: u64,
    resource: Resource,
}

impl Limits {
    pub(super) fn new() -> Self {
        let budget = Budget {
            used: 0,
            reset: timestamp::now() + WINDOW,
        };
        Self {
            limit: LIMIT,
            token: None,
            core: budget,
            graphql: budget,
            throttles: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, resource: Resource, remaining: u64, reset_in: Duration) {
        let limit = self.limit;
        let budget = self.budget(resource);
        budget.used = limit.saturating_sub(remaining);
        budget.reset = timestamp::now() + reset_in.as_secs();
    }

    /// Budgets as an app's installation for so many repositories has them.
    pub(super) fn set_installation(&mut self, repositories: usize) {
        let (least, each, free, most) = APP_LIMIT;
        let more = (repositories as u64).saturating_sub(free) * each;
        self.limit = (least + more).min(most);
    }

    pub(super) fn end_token_after(&mut self, requests: usize) {
        self.token = Some(requests);
    }

    /// Whether the token has not ended. Counts one request.
    pub(super) fn use_token(&mut self) -> bool {
        match &mut self.token {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    pub(super) fn throttle(&mut self, throttle: Throttle, times: usize) {
        self.throttles.push((throttle, times));
    }

    /// Counts one request, unless it is refused.
    pub(super) fn take(&mut self, resource: Resource) -> Decision {
        if let Some(throttle) = self.next_throttle(resource) {
            return Decision::Throttled(throttle);
        }
        let limit = self.limit;
        let budget = self.budget(resource);
        if budget.used >= limit {
            return Decision::Exhausted;
        }
        budget.used += 1;
        Decision::Allowed
    }

    pub(super) fn reading(&mut self, resource: Resource) -> Reading {
        let Budget { used, reset } = *self.budget(resource);
        Reading {
            limit: self.limit,
            used,
            reset,
            resource,
        }
    }

    fn budget(&mut self, resource: Resource) -> &mut Budget {
        let budget = match resource {
            Resource::Core => &mut self.core,
            Resource::Graphql => &mut self.graphql,
        };
        let now = timestamp::now();
        if budget.reset <= now {
            *budget = Budget {
                used: 0,
                reset: now + WINDOW,
            };
        }
        budget
    }

    fn next_throttle(&mut self, resource: Resource) -> Option<Throttle> {
        let strikes = |throttle: &Throttle| {
            resource == Resource::Graphql || *throttle != Throttle::GraphqlRateLimited
        };
        let mut throttles = self.throttles.iter_mut();
        let (throttle, left) = throttles.find(|(one, left)| *left > 0 && strikes(one))?;
        *left -= 1;
        Some(*throttle)
    }
}

impl Reading {
    pub(super) fn remaining(self) -> u64 {
        self.limit - self.used
    }

    /// The same answer with the headers that every answer carries.
    pub(super) fn mark(self, answer: Answer) -> Answer {
        answer
            .with_header("x-ratelimit-limit", self.limit)
            .with_header("x-ratelimit-remaining", self.remaining())
            .with_header("x-ratelimit-reset", self.reset)
            .with_header("x-ratelimit-used", self.used)
            .with_header("x-ratelimit-resource", self.resource)
    }
}
