//! Random graphs of entities: each target first, as few requests as that allows, and in the end the
//! catalog that was declared.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use port_gitops::catalog::plan::Plan;
use port_gitops::inputs::Merge;
use port_gitops::run::apply::UpsertOutcome;
use port_gitops_sandbox::Sandbox;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::{World, creating, entities, is_complete};

/// A blueprint and a number, which is the name.
type Key = (&'static str, usize);

/// Which entities there are, and to which each relates.
#[derive(Debug, Clone)]
struct Graph(Vec<(Key, BTreeSet<Key>)>);

fn blueprint(is_x: bool) -> &'static str {
    if is_x { "x" } else { "y" }
}

fn graphs() -> impl Strategy<Value = Graph> {
    // Numbers are shared by both blueprints, so that names alone do not tell entities apart.
    let key = |count: usize| (any::<bool>(), 0..count).prop_map(|(is_x, n)| (blueprint(is_x), n));
    (1_usize..40).prop_flat_map(move |count| {
        let keys = prop::collection::btree_set(key(count), 1..=count);
        let edges = prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
            0..count * 2,
        );
        (keys, edges).prop_map(|(keys, edges)| {
            let keys: Vec<_> = keys.into_iter().collect();
            let mut graph: Vec<_> = keys.iter().map(|key| (*key, BTreeSet::new())).collect();
            for (from, to) in edges {
                graph[from.index(keys.len())].1.insert(*to.get(&keys));
            }
            Graph(graph)
        })
    })
}

fn name((blueprint, number): Key) -> String {
    // Half of the names are the same in both blueprints.
    match number % 2 {
        0 => format!("e{number}"),
        _ => format!("{blueprint}{number}"),
    }
}

fn declared((key, targets): &(Key, BTreeSet<Key>)) -> Value {
    let of = |blueprint: &str| -> Vec<String> {
        let of_it = targets.iter().filter(|target| target.0 == blueprint);
        of_it.map(|target| name(*target)).collect()
    };
    let mut relations = serde_json::Map::new();
    for blueprint in ["x", "y"] {
        let targets = of(blueprint);
        if !targets.is_empty() {
            relations.insert(blueprint.to_owned(), json!(targets));
        }
    }
    json!({"identifier": name(*key), "blueprint": key.0, "properties": {"text": "a"}, "relations": relations})
}

impl Graph {
    fn plan(&self) -> Plan {
        creating(&self.0.iter().map(declared).collect::<Vec<_>>())
    }

    fn targets(&self) -> HashMap<Key, &BTreeSet<Key>> {
        self.0
            .iter()
            .map(|(key, targets)| (*key, targets))
            .collect()
    }

    /// What can be reached from `key` in one step or more.
    fn reach(&self, key: Key) -> HashSet<Key> {
        let targets = self.targets();
        let (mut seen, mut waiting) = (HashSet::new(), vec![key]);
        while let Some(at) = waiting.pop() {
            for &next in targets[&at] {
                if seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        seen
    }

    /// The most requests that the order may cost: ⌈n/20⌉ for each blueprint in each wave, where
    /// each write is in the earliest wave that it can be in. Found by going round until nothing
    /// changes, which is slow but plain.
    fn bound(&self, merge: Merge) -> usize {
        let reach: HashMap<Key, HashSet<Key>> = self
            .0
            .iter()
            .map(|(key, _)| (*key, self.reach(*key)))
            .collect();
        let in_cycle = |from: Key, to: Key| reach[&to].contains(&from);
        let is_cut = |from: Key, blueprint: &str| {
            let mut targets = self.targets()[&from]
                .iter()
                .filter(|target| target.0 == blueprint);
            targets.any(|target| in_cycle(from, *target))
        };
        let mut first: HashMap<Key, usize> = self.0.iter().map(|(key, _)| (*key, 0)).collect();
        loop {
            let mut has_changed = false;
            for (key, targets) in &self.0 {
                let needed = targets.iter().filter(|target| !is_cut(*key, target.0));
                let wave = needed.map(|target| first[target] + 1).max().unwrap_or(0);
                has_changed |= first.insert(*key, wave) != Some(wave);
            }
            if !has_changed {
                break;
            }
        }
        let mut counts: BTreeMap<(usize, &str, bool), usize> = BTreeMap::new();
        for (key, targets) in &self.0 {
            let is_twice = ["x", "y"].iter().any(|blueprint| is_cut(*key, blueprint));
            let is_apart = is_twice && merge == Merge::Replace;
            *counts.entry((first[key], key.0, is_apart)).or_default() += 1;
            if is_twice {
                let waves = targets.iter().chain([key]).map(|target| first[target] + 1);
                let wave = waves.max();
                *counts.entry((wave.unwrap(), key.0, false)).or_default() += 1;
            }
        }
        counts.values().map(|count| count.div_ceil(20)).sum()
    }
}

async fn holds(graph: &Graph, merge: Merge) {
    let mut world = World::new();
    world.merge = merge;
    let applied = world.apply(&graph.plan()).await;
    let is_written = |outcome: &UpsertOutcome| matches!(outcome, UpsertOutcome::Written(_));
    assert!(
        applied.outcomes.iter().all(is_written),
        "{:?}",
        applied.outcomes
    );
    assert!(is_complete(&applied));

    let bound = graph.bound(merge);
    let writes = world.writes().len();
    assert!(writes <= bound, "{writes} requests, {bound} would do");

    // The sandbox refuses what relates to nobody, but lets an entity relate to itself at once.
    let mut there: HashSet<(String, String)> = HashSet::new();
    for exchange in world.sandbox.journal() {
        let Some(path) = exchange.path.strip_prefix("/v1/blueprints/") else {
            continue;
        };
        let blueprint = &path[..1];
        let body = exchange.json().unwrap();
        let entities = body["entities"].as_array().cloned();
        let entities = entities.unwrap_or_else(|| vec![body.clone()]);
        for entity in &entities {
            for (of, targets) in entity["relations"].as_object().into_iter().flatten() {
                for target in targets.as_array().unwrap() {
                    let target = (of.clone(), target.as_str().unwrap().to_owned());
                    assert!(there.contains(&target), "{target:?} is not there yet");
                }
            }
        }
        // Only what an earlier request wrote is certain to be there.
        let names = entities.iter().map(|entity| entity["identifier"].as_str());
        there.extend(names.map(|name| (blueprint.to_owned(), name.unwrap().to_owned())));
    }

    let mut expected: Vec<Value> = graph.0.iter().map(declared).collect();
    expected.sort_by_key(|entity| ["blueprint", "identifier"].map(|key| entity[key].to_string()));
    let in_catalog = world.sandbox.entities().into_iter();
    let in_catalog = in_catalog.map(|(blueprint, _, mut entity)| {
        entity["blueprint"] = json!(blueprint);
        entity
    });
    assert_eq!(in_catalog.collect::<Vec<_>>(), expected);
}

#[test]
fn any_graph_is_written_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let merges = prop::sample::select(vec![Merge::Merge, Merge::Replace]);
    let result = runner.run(&(graphs(), merges), |(graph, merge)| {
        runtime.block_on(holds(&graph, merge));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[tokio::test]
async fn many_without_order_are_as_few_requests_as_can_be() {
    let world = World::new();
    world.sandbox.set_latency(Duration::from_millis(50));
    assert!(is_complete(&world.apply(&creating(&entities(410))).await));
    assert_eq!(world.writes().len(), 21);
    assert!(world.sandbox.peak_concurrency() <= 8);
    assert!(world.sandbox.peak_concurrency() > 1);
}
