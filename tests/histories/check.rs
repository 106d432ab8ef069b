//! Many random histories, and the shortest one that goes wrong.

use std::cell::{Cell, RefCell};
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use proptest::prelude::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// What is random follows from it, so that the same histories are played wherever nothing else is said.
const SEED: u64 = 12;
/// Players at the same time. Their number is part of what makes histories the same.
const THREADS: u32 = 2;
/// How many shorter histories are tried in place of one that fails.
const MAX_SHORTER: u32 = 1_000;
/// What a sandbox remembers of former histories makes it slow.
const HISTORIES_A_WORLD: usize = 20;

/// A kind of histories.
pub(crate) struct Kind<S, W, P> {
    /// How many histories each test plays; `PORT_GITOPS_HISTORIES` says another number.
    pub(crate) count: u32,
    pub(crate) history: fn() -> S,
    /// The sandboxes that some histories share.
    pub(crate) world: fn() -> W,
    /// Plays a history, in a branch that is called so. Fails with what is wrong, and what happened.
    pub(crate) play: P,
}

/// Plays random histories. What is random follows from a seed, which is shown; `PORT_GITOPS_SEED` sets
/// it. With the same seed and number of histories the same are played; one that fails is made as short
/// as it can be, and shown with the log of each of its runs.
pub(crate) fn check<S, W, P>(kind: &Kind<S, W, P>)
where
    S: Strategy,
    P: Fn(&Arc<W>, String, &S::Value) -> Result<(), String> + Sync,
{
    let seed = number("PORT_GITOPS_SEED").unwrap_or(SEED);
    let histories = number("PORT_GITOPS_HISTORIES").map_or(kind.count, |count| count as u32);
    eprintln!("PORT_GITOPS_SEED={seed} PORT_GITOPS_HISTORIES={histories}, {THREADS} threads");
    let started = Instant::now();
    let problems: Vec<_> = thread::scope(|scope| {
        let play = |thread| scope.spawn(move || kind.play(seed, thread, histories / THREADS));
        let workers: Vec<_> = (0..THREADS).map(play).collect();
        let problems = workers
            .into_iter()
            .filter_map(|worker| worker.join().unwrap());
        problems.collect()
    });
    eprintln!("{histories} histories took {:?}", started.elapsed());
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is no number")))
}

impl<S, W, P> Kind<S, W, P>
where
    S: Strategy,
    P: Fn(&Arc<W>, String, &S::Value) -> Result<(), String>,
{
    fn play(&self, seed: u64, thread: u32, histories: u32) -> Option<String> {
        let config = Config {
            cases: histories,
            failure_persistence: None,
            max_shrink_iters: MAX_SHORTER,
            ..Config::default()
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..12].copy_from_slice(&thread.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let played = AtomicUsize::new(0);
        let has_failed = Cell::new(false);
        let new_world = || Arc::new((self.world)());
        let world = RefCell::new(new_world());
        let result = TestRunner::new_with_rng(config, rng).run(&(self.history)(), |history| {
            let number = played.fetch_add(1, Ordering::Relaxed);
            if number % HISTORIES_A_WORLD == HISTORIES_A_WORLD - 1 {
                world.replace(new_world());
            }
            let played = (self.play)(&world.borrow(), format!("history-{number}"), &history);
            played.map_err(|problem| {
                if !has_failed.replace(true) {
                    eprintln!("history {number} fails, and is made shorter now: {history:?}");
                }
                TestCaseError::fail(problem)
            })
        });
        match result {
            Ok(()) => None,
            Err(TestError::Fail(reason, history)) => Some(format!("{history:?}\n{reason}")),
            Err(TestError::Abort(reason)) => Some(reason.to_string()),
        }
    }
}
