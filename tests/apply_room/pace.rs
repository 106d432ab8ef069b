//! A budget of requests is not overdrawn.

use std::time::{Duration, Instant};

use port_gitops_sandbox::{PortSandbox, Sandbox, Switch};

use crate::world::{World, creating, entities, is_complete};

/// Port may give the moment of the reset or the seconds until then. 1,000 entities that need no order take 50 requests;
/// the budget is 20 for each period.
#[tokio::test]
async fn a_budget_is_waited_for_and_not_overdrawn() {
    let period = Duration::from_secs(3);
    for turn in [PortSandbox::turn_off, PortSandbox::turn_on] {
        let world = World::new();
        turn(&world.sandbox, Switch::ResetIsEpoch);
        world.sandbox.set_rate_limit(20, period);
        let started = Instant::now();
        assert!(is_complete(&world.apply(&creating(&entities(1_000))).await));
        let refused = world.sandbox.journal().into_iter();
        let refused = refused.filter(|one| one.status() == Some(429)).count();
        assert!(refused <= 2, "{refused} answers are 429");
        assert_eq!(world.writes().len(), 50 + refused);
        assert_eq!(world.sandbox.entities().len(), 1_000);
        // Two periods must pass; an announcement in whole seconds costs up to one more each.
        let elapsed = started.elapsed();
        assert!(
            elapsed >= period * 2 - Duration::from_secs(2),
            "{elapsed:?}"
        );
    }
}
