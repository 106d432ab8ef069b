//! Relations between entities that are written in the same run.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{PlannedWrite, RequiredCycle};
use crate::catalog::blueprint::{Blueprints, Presence};
use crate::catalog::entity::Entity;

/// A relation of one entity to another; both are given by index.
#[derive(Debug)]
pub(super) struct RelationEdge<'e> {
    pub(super) from: usize,
    pub(super) relation: &'e str,
    pub(super) to: usize,
    pub(super) presence: Presence,
}

impl RelationEdge<'_> {
    pub(super) fn is_loop(&self) -> bool {
        self.from == self.to
    }
}

/// All edges among `nodes`.
pub(super) fn find<'e>(
    nodes: &[PlannedWrite<'e>],
    blueprints: &Blueprints,
) -> Vec<RelationEdge<'e>> {
    let indices = super::by_identifier(nodes.iter().map(|(entity, _)| &entity.name));
    let mut edges = Vec::new();
    for (from, (entity, _)) in nodes.iter().enumerate() {
        for (relation, targets) in &entity.relations {
            let (blueprint, presence) = rule(entity, relation, blueprints);
            let is_target = |&&to: &&usize| {
                blueprint.is_none_or(|blueprint| nodes[to].0.blueprint.as_str() == blueprint)
            };
            let found = targets
                .targets()
                .iter()
                .filter_map(|target| indices.get(target))
                .flatten();
            edges.extend(found.filter(is_target).map(|&to| RelationEdge {
                from,
                relation,
                to,
                presence,
            }));
        }
    }
    edges
}

/// Where a relation leads, if that is known, and whether its entity must have it.
fn rule<'b>(
    entity: &Entity,
    relation: &str,
    blueprints: &'b Blueprints,
) -> (Option<&'b str>, Presence) {
    match blueprints.relation(entity, relation) {
        Some(rule) => (Some(&rule.target), rule.presence),
        None => (None, Presence::Optional),
    }
}

/// Each of `edges` as the cycle that it is part of. All of them are.
pub(super) fn cycles(edges: &[&RelationEdge<'_>]) -> Vec<RequiredCycle> {
    let mut targets: HashMap<usize, Vec<usize>> = HashMap::new();
    for edge in edges {
        targets.entry(edge.from).or_default().push(edge.to);
    }
    let mut seen = HashSet::new();
    edges
        .iter()
        .filter(|edge| seen.insert((edge.from, edge.relation)))
        .map(|edge| RequiredCycle {
            entity: edge.from,
            relation: edge.relation.to_owned(),
            way: way(edge.to, edge.from, &targets),
        })
        .collect()
}

/// A shortest way, with both of its ends.
fn way(from: usize, to: usize, targets: &HashMap<usize, Vec<usize>>) -> Vec<usize> {
    let mut came_from: HashMap<usize, usize> = HashMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            break;
        }
        for &next in targets.get(&at).into_iter().flatten() {
            if next != from && !came_from.contains_key(&next) {
                came_from.insert(next, at);
                queue.push_back(next);
            }
        }
    }
    let back = std::iter::successors(Some(to), |at| came_from.get(at).copied());
    let mut way: Vec<_> = back.collect();
    way.reverse();
    way
}
