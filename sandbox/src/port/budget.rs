//! The request budget, told in headers on every answer.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How `x-ratelimit-reset` tells when the budget is whole again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reset {
    /// Seconds from now.
    #[default]
    SecondsLeft,
    /// Seconds since 1970.
    EpochSeconds,
}

/// How many requests there may be in a period.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    period: Duration,
    enforcement: Enforcement,
    since: Instant,
    used: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enforcement {
    /// The headers only count down.
    Announced,
    /// Requests past the budget are refused.
    Enforced,
}

/// What a request gets from the budget.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) granted: bool,
    pub(super) headers: [(&'static str, u64); 4],
}

impl Budget {
    /// A budget that is announced but never refuses anything.
    pub(super) fn new() -> Self {
        Self {
            limit: 5000,
            period: Duration::from_secs(300),
            enforcement: Enforcement::Announced,
            since: Instant::now(),
            used: 0,
        }
    }

    /// A new budget that is enforced; its first period begins now.
    pub(super) fn enforce(&mut self, limit: u64, period: Duration) {
        let enforcement = Enforcement::Enforced;
        *self = Self {
            limit,
            period,
            enforcement,
            ..Self::new()
        };
    }

    /// Counts a request.
    pub(super) fn take(&mut self, reset: Reset) -> Share {
        if self.since.elapsed() >= self.period {
            self.since = Instant::now();
            self.used = 0;
        }
        let granted = self.used < self.limit || self.enforcement == Enforcement::Announced;
        self.used += u64::from(granted);
        let left = self.period.saturating_sub(self.since.elapsed());
        let reset = match reset {
            Reset::SecondsLeft => left,
            // A clock before 1970 is none to go by.
            Reset::EpochSeconds => {
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default()
                    + left
            }
        };
        let headers = [
            ("x-ratelimit-period", self.period.as_secs()),
            ("x-ratelimit-limit", self.limit),
            (
                "x-ratelimit-remaining",
                self.limit.saturating_sub(self.used),
            ),
            (
                "x-ratelimit-reset",
                reset.as_secs() + u64::from(reset.subsec_nanos() > 0),
            ),
        ];
        Share { granted, headers }
    }
}
