//! Whatever Git declares and whatever Port holds: what a plan says is what happens, then Port is as
//! declared, and the next plan is empty.

#![cfg(test)]

mod facts;
mod state;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use port_gitops::catalog::change::Basis;
use port_gitops::catalog::merge::Merge;
use port_gitops::catalog::plan::Pruning;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use facts::{cleared_before, expected, facts, kept};
use state::{EntityState, NAMES, Voice, as_held, blend, is_same, state};
use world::{Step, World};

/// What Git declares at first, then, and at last, and what others write before and in between.
#[derive(Debug, Clone)]
struct Story {
    merge: Merge,
    pruning: Pruning,
    live: EntityState,
    base: EntityState,
    head: EntityState,
    by_hand: EntityState,
    next: EntityState,
    /// What another source owns: at first, and then.
    others: [BTreeSet<&'static str>; 2],
}

const PRUNING: Pruning = Pruning::On {
    obstacle: None,
    open: BTreeMap::new(),
};

impl Story {
    async fn check(&self) {
        let world = World::new(self.merge, self.pruning.clone(), &self.live);
        let step = |base, refused, head, others, basis| Step {
            base,
            refused,
            head,
            others,
            basis,
        };
        let first = &world.held(&self.others[0]);
        let nobody = &BTreeSet::new();
        self.go(
            &world,
            &step(&self.base, nobody, &self.head, first, Basis::Live),
        )
        .await;
        world.assert_nothing_left(&self.head, first).await;
        world.put_by_hand(&self.by_hand);
        let then = &world.held(&self.others[1]);
        // Of what others do a run of what changed in Git sees little; the next full one corrects it.
        for (base, refused, basis) in [
            (&self.head, first, Basis::Git),
            (&self.next, then, Basis::Live),
        ] {
            let step = step(base, refused, &self.next, then, basis);
            self.go(&world, &step).await;
        }
        world.assert_nothing_left(&self.next, then).await;
    }

    async fn go(&self, world: &World, step: &Step<'_>) {
        let held = world.entities();
        let (base, head) = (step.accepted(), step.head);
        let plan = world.plan(step).await;
        world.carry_out(&plan, step).await;
        let now = world.entities();

        let is_doomed = |name: &&str| {
            let is_removed = base.contains_key(*name) && !head.contains_key(*name);
            is_removed && self.prunes() && !step.others.contains(name)
        };
        let doomed = NAMES.into_iter().filter(is_doomed);
        let doomed: BTreeSet<_> = doomed.map(str::to_owned).collect();
        let mut all = held.clone();
        all.extend(now.clone());
        let kept = kept(&all, &doomed);
        for name in NAMES {
            let (was, is) = (base.get(name), head.get(name));
            let (before, after) = (held.get(name), now.get(name));
            let is_compared = step.is_compared(name);
            match is {
                Some(_) if !is_compared && is_same(was, is) => {
                    assert_eq!(before, after, "{name} did not change in Git");
                }
                Some(_) if is_compared && step.others.contains(name) => {
                    assert_eq!(before, after, "{name} is another source's");
                }
                Some(is) => {
                    let mut expected = expected(self.merge, was, is, before);
                    let mut found = after.map(facts).unwrap();
                    if !is_compared {
                        for field in cleared_before(was, is) {
                            expected.remove(field);
                            found.remove(field);
                        }
                    }
                    assert_eq!(found, expected, "{name}");
                }
                None if doomed.contains(name) && !kept.contains(name) => {
                    assert_eq!(after, None, "{name} is gone from Git");
                }
                None => assert_eq!(before, after, "{name}"),
            }
        }
    }

    fn prunes(&self) -> bool {
        self.pruning != Pruning::Off
    }
}

prop_compose! {
    fn story()(
        merge in select(vec![Merge::Merge, Merge::Replace]),
        pruning in prop_oneof![4 => Just(PRUNING), 1 => Just(Pruning::Off)],
        [base, head, next] in [(); 3].map(|()| state(Voice::Git)),
        [live, by_hand] in [(); 2].map(|()| state(Voice::Other)),
        how in any::<[[u8; NAMES.len()]; 4]>(),
        others in [(); 2].map(|()| subsequence(NAMES.to_vec(), 0..=2)),
    ) -> Story {
        let live = as_held(blend(&base, &live, how[0]));
        let head = blend(&base, &head, how[1]);
        let by_hand = as_held(blend(&head, &by_hand, how[2]));
        let next = blend(&head, &next, how[3]);
        let others = others.map(BTreeSet::from_iter);
        Story { merge, pruning, live, base, head, by_hand, next, others }
    }
}

/// More stories than 128 are told where `PROPTEST_CASES` says so.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 128;
    }
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_plan_comes_true_and_then_nothing_is_left(story in story()) {
        tell(&story);
    }
}

fn tell(story: &Story) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(story.check());
}

fn story_of(live: EntityState, base: EntityState) -> Story {
    Story {
        merge: Merge::Merge,
        pruning: PRUNING,
        live,
        base,
        head: EntityState::new(),
        by_hand: EntityState::new(),
        next: EntityState::new(),
        others: [BTreeSet::new(), BTreeSet::new()],
    }
}

/// Port deletes a circle in one request or not at all, and a request is about one blueprint.
#[test]
fn a_circle_of_two_blueprints_stays() {
    let service = json!({"properties": {}, "relations": {"job": "e0"}});
    let job = json!({"properties": {"a": "x"}, "relations": {"one": "e0"}});
    let circle: EntityState = [("service/e0", service), ("job/e0", job)].into();
    tell(&story_of(circle.clone(), circle));
}

/// `service/e2` has to stay, and so has its target `service/e1`; `job/e1` is only called the same.
#[test]
fn what_stays_keeps_no_namesake_of_its_target() {
    let plain = json!({"properties": {}, "relations": {}});
    let related = |to: &str| json!({"properties": {"a": "x"}, "relations": {"one": to}});
    let live = [
        ("job/e0", related("e2")),
        ("job/e1", related("t0")),
        ("service/e1", plain.clone()),
        (
            "service/e2",
            json!({"properties": {}, "relations": {"one": "e1"}}),
        ),
    ];
    let base = [("job/e1", related("t0")), ("service/e2", plain)];
    tell(&story_of(live.into(), base.into()));
}
