//! Rate-limit headers → when the next request may go. Pure: what time it is comes in.

use std::time::Duration;

use tokio::time::Instant;

/// Requests under way at the same time.
pub const CONCURRENT_REQUESTS: usize = 8;

/// How long a run may wait in all because an API says so.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// Two announced resets that differ by less are the same, said in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// The budget that pays for a request. GitHub has one for each of its APIs, Port has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// REST.
    Rest,
    /// GraphQL.
    GraphQl,
}

impl Lane {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Rest => Self::GraphQl,
            Self::GraphQl => Self::Rest,
        }
    }
}

/// What an answer says of its budget.
#[derive(Debug, Clone, Copy)]
pub(super) struct BudgetReading {
    /// How many requests are left.
    pub(super) remaining: u64,
    /// How long until the budget is whole again.
    pub(super) reset: Duration,
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and counts as under way.
    Go,
    /// Those under way may use up the budget: check again when one of them is answered.
    AfterAnswer,
    /// Not before this moment.
    At(Instant),
}

/// Whether a wait is said for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    New,
    Known,
}

/// What is known of one budget.
#[derive(Debug, Default)]
struct Budget {
    under_way: u64,
    window: Option<Window>,
    held_until: Option<Instant>,
}

/// The period that a budget is for.
#[derive(Debug, Clone, Copy)]
struct Window {
    remaining: u64,
    ends: Instant,
}

/// When requests to one API may go.
#[derive(Debug)]
pub(super) struct Pace {
    rest: Budget,
    graphql: Budget,
    /// Clients that wait for the same reset must not come back together.
    jitter: Duration,
    concurrency: usize,
    slowed_down: Option<Instant>,
    waited: Duration,
    waiting_until: Option<Instant>,
}

impl Pace {
    pub(super) fn new(jitter: Duration) -> Self {
        Self {
            rest: Budget::default(),
            graphql: Budget::default(),
            jitter,
            concurrency: CONCURRENT_REQUESTS,
            slowed_down: None,
            waited: Duration::ZERO,
            waiting_until: None,
        }
    }

    pub(super) fn jitter(&self) -> Duration {
        self.jitter
    }

    pub(super) fn concurrency(&self) -> usize {
        self.concurrency
    }

    fn budget(&mut self, lane: Lane) -> &mut Budget {
        match lane {
            Lane::Rest => &mut self.rest,
            Lane::GraphQl => &mut self.graphql,
        }
    }

    /// Whether a request may go now. Requests under way count against what is left, since the last
    /// answer does not include them.
    pub(super) fn admit(&mut self, lane: Lane, now: Instant) -> Admission {
        let budget = self.budget(lane);
        if let Some(moment) = budget.held_until.filter(|&moment| now < moment) {
            return Admission::At(moment);
        }
        budget.window = budget.window.filter(|window| now < window.ends);
        match budget.window {
            Some(window) if window.remaining == 0 => Admission::At(window.ends),
            Some(window) if window.remaining <= budget.under_way => Admission::AfterAnswer,
            _ => {
                budget.under_way += 1;
                Admission::Go
            }
        }
    }

    /// How long a request that leaves so many others would have to wait; `None` if it may go, or if one
    /// of those under way will show.
    pub(super) fn shortage(&mut self, lane: Lane, kept: u64, now: Instant) -> Option<Duration> {
        let budget = self.budget(lane);
        let least = match kept {
            0 => 0,
            kept => kept + budget.under_way,
        };
        let is_short = |window: &Window| window.remaining <= least;
        let reset = budget.window.filter(is_short).map(|window| window.ends);
        let moment = reset.max(budget.held_until)?;
        Some(moment.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    /// Lets nothing go before `moment`, for requests that do not wait.
    pub(super) fn refuse_until(&mut self, lane: Lane, moment: Instant) {
        let budget = self.budget(lane);
        budget.held_until = budget.held_until.max(Some(moment));
    }

    /// A request is no longer under way.
    pub(super) fn ended(&mut self, lane: Lane) {
        let budget = self.budget(lane);
        budget.under_way = budget.under_way.saturating_sub(1);
    }

    /// Takes in what an answer says. Answers overtake one another, so within one period the least
    /// that is left counts.
    pub(super) fn note(&mut self, lane: Lane, reading: BudgetReading, now: Instant) {
        let said = Window {
            remaining: reading.remaining,
            ends: now + reading.reset + self.jitter,
        };
        let budget = self.budget(lane);
        budget.window = match budget.window {
            Some(known) if known.ends > said.ends + ROUNDING => Some(known),
            Some(known) if said.ends <= known.ends + ROUNDING => Some(Window {
                remaining: known.remaining.min(said.remaining),
                ends: known.ends.max(said.ends),
            }),
            _ => Some(said),
        };
    }

    /// Lets nothing go before `moment`. What several requests wait for at the same time counts
    /// once.
    ///
    /// # Errors
    /// How long the wait would be, where that is too long in all.
    pub(super) fn hold(
        &mut self,
        lane: Lane,
        moment: Instant,
        now: Instant,
    ) -> Result<News, Duration> {
        let from = self.waiting_until.map_or(now, |until| until.max(now));
        let more = moment.saturating_duration_since(from);
        if self.waited + more > MAX_WAIT {
            return Err(moment.saturating_duration_since(now));
        }
        let budget = self.budget(lane);
        budget.held_until = budget.held_until.max(Some(moment));
        if more.is_zero() {
            return Ok(News::Known);
        }
        self.waited += more;
        self.waiting_until = Some(moment);
        Ok(News::New)
    }

    /// Halves the concurrency: once for all requests that went before it was last halved.
    pub(super) fn slow_down(&mut self, sent: Instant, now: Instant) {
        if self.slowed_down.is_none_or(|moment| sent > moment) {
            self.concurrency = (self.concurrency / 2).max(1);
            self.slowed_down = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn reading(remaining: u64, reset: u64) -> BudgetReading {
        BudgetReading {
            remaining,
            reset: SECOND * u32::try_from(reset).unwrap(),
        }
    }

    fn pace() -> (Pace, Instant) {
        (Pace::new(Duration::ZERO), Instant::now())
    }

    #[test]
    fn what_is_under_way_counts_against_what_is_left() {
        let (mut pace, now) = pace();
        assert_eq!(pace.admit(Lane::Rest, now), Admission::Go);
        pace.note(Lane::Rest, reading(2, 10), now);
        assert_eq!(pace.admit(Lane::Rest, now), Admission::Go);
        assert_eq!(pace.admit(Lane::Rest, now), Admission::AfterAnswer);
        assert_eq!(pace.admit(Lane::GraphQl, now), Admission::Go);
        pace.ended(Lane::Rest);
        assert_eq!(pace.admit(Lane::Rest, now), Admission::Go);
    }

    #[test]
    fn a_budget_runs_short_before_it_is_used_up() {
        let (mut pace, now) = pace();
        pace.note(Lane::Rest, reading(12, 90), now);
        assert_eq!(pace.shortage(Lane::Rest, 10, now), None);
        for _ in 0..2 {
            assert_eq!(pace.admit(Lane::Rest, now), Admission::Go);
        }
        assert_eq!(pace.shortage(Lane::Rest, 10, now), Some(SECOND * 90));
        assert_eq!(pace.shortage(Lane::Rest, 0, now), None);
        assert_eq!(pace.shortage(Lane::GraphQl, 10, now), None);
        assert_eq!(pace.shortage(Lane::Rest, 10, now + SECOND * 90), None);
        pace.refuse_until(Lane::GraphQl, now + SECOND * 300);
        assert_eq!(pace.shortage(Lane::GraphQl, 0, now), Some(SECOND * 300));
    }

    #[test]
    fn a_used_up_budget_is_waited_for() {
        let (mut pace, now) = pace();
        pace.note(Lane::Rest, reading(0, 10), now);
        let ends = now + SECOND * 10;
        assert_eq!(pace.admit(Lane::Rest, now), Admission::At(ends));
        assert_eq!(pace.admit(Lane::Rest, ends), Admission::Go);
    }

    #[test]
    fn answers_that_overtake_one_another_do_not_raise_the_budget() {
        let (mut pace, now) = pace();
        pace.note(Lane::Rest, reading(0, 10), now);
        pace.note(Lane::Rest, reading(3, 10), now);
        assert_eq!(
            pace.admit(Lane::Rest, now),
            Admission::At(now + SECOND * 10)
        );
        pace.note(Lane::Rest, reading(99, 20), now);
        assert_eq!(pace.admit(Lane::Rest, now), Admission::Go);
        pace.note(Lane::Rest, reading(0, 10), now);
        assert_eq!(pace.admit(Lane::Rest, now), Admission::Go);
    }

    #[test]
    fn waits_count_once_and_are_bounded() {
        let (mut pace, now) = pace();
        let after = |seconds: u32| now + SECOND * seconds;
        assert_eq!(pace.hold(Lane::Rest, after(600), now), Ok(News::New));
        assert_eq!(pace.hold(Lane::Rest, after(600), now), Ok(News::Known));
        assert_eq!(pace.admit(Lane::Rest, now), Admission::At(after(600)));
        assert_eq!(pace.admit(Lane::GraphQl, now), Admission::Go);
        assert_eq!(pace.hold(Lane::Rest, after(900), now), Ok(News::New));
        assert_eq!(pace.hold(Lane::Rest, after(901), now), Err(SECOND * 901));
        assert_eq!(pace.hold(Lane::Rest, after(1001), after(1000)), Err(SECOND));
    }

    #[test]
    fn requests_that_fail_together_halve_once() {
        let (mut pace, now) = pace();
        assert_eq!(pace.concurrency(), 8);
        for _ in 0..8 {
            pace.slow_down(now, now + SECOND);
        }
        assert_eq!(pace.concurrency(), 4);
        for second in [2, 4, 6, 8] {
            let sent = now + SECOND * second;
            pace.slow_down(sent, sent + SECOND);
        }
        assert_eq!(pace.concurrency(), 1);
    }
}
