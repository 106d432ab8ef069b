//! A budget of requests is not overdrawn.

use std::time::{Duration, Instant};

use port_gitops_sandbox::Sandbox;
use port_gitops_sandbox::port::Reset;

use crate::world::{World, creating, entities, is_complete};

/// 5,000 entities without order are 250 requests; the budget is 100 in `period`.
async fn keeps_to(period: Duration, reset: Reset) {
    let world = World::new();
    let plan = creating(&entities(5000));
    world.sandbox.set_rate_limit_reset(reset);
    world.sandbox.set_rate_limit(100, period);
    let started = Instant::now();
    assert!(is_complete(&world.apply(&plan).await));
    let journal = world.sandbox.journal();
    let refused = journal
        .iter()
        .filter(|one| one.status() == Some(429))
        .count();
    assert!(refused <= 2, "{refused} answers are 429");
    assert_eq!(world.writes().len(), 250 + refused);
    assert_eq!(world.sandbox.entities().len(), 5000);
    // Two periods must pass; an announcement in whole seconds costs up to one more each.
    let elapsed = started.elapsed();
    assert!(
        elapsed >= period * 2 - Duration::from_secs(2),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn a_budget_whose_reset_is_said_in_seconds() {
    keeps_to(Duration::from_secs(5), Reset::SecondsLeft).await;
}

#[tokio::test]
async fn a_budget_whose_reset_is_said_as_a_moment() {
    keeps_to(Duration::from_secs(5), Reset::EpochSeconds).await;
}

#[tokio::test]
#[ignore = "takes 20 seconds of waiting"]
async fn a_budget_of_100_in_10_seconds() {
    keeps_to(Duration::from_secs(10), Reset::SecondsLeft).await;
}
