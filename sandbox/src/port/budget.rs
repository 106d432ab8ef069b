//! The request budget, told in headers on every answer.

use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::switch::{Switch, Switches};

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
    pub(super) fn take(&mut self, switches: &Switches) -> Share {
        if self.since.elapsed() >= self.period {
            self.since = Instant::now();
            self.used = 0;
        }
        let granted = self.used < self.limit || self.enforcement == Enforcement::Announced;
        self.used += u64::from(granted);
        let left = self.period.saturating_sub(self.since.elapsed());
        let reset = match switches.is_on(Switch::ResetIsEpoch) {
            false => left,
            // A clock before 1970 is none to go by.
            true => left + UNIX_EPOCH.elapsed().unwrap_or_default(),
        };
        let reset = reset.as_secs() + u64::from(reset.subsec_nanos() > 0);
        let remaining = self.limit.saturating_sub(self.used);
        let headers = [
            ("x-ratelimit-period", self.period.as_secs()),
            ("x-ratelimit-limit", self.limit),
            ("x-ratelimit-remaining", remaining),
            ("x-ratelimit-reset", reset),
        ];
        Share { granted, headers }
    }
}
