//! Relations → waves: what must be written before what, and what must be written twice.
//!
//! Port refuses a relation to an entity that it does not have. So an entity's targets go first; and
//! where relations form a cycle, entities go twice: first without those relations, then whole.

mod edges;
mod fill;

use std::collections::{BTreeSet, HashMap};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::blueprint::{Blueprints, Presence};
use super::entity::{Entity, EntityKey, EntityName, Identifier};
use super::merge::Merge;
use super::plan::{Action, RelationTarget};
use edges::RelationEdge;

pub use fill::MAX_ENTITIES;

/// An entity that is to be written, and whether Git has it that it exists.
pub type PlannedWrite<'e> = (&'e Entity, Action);

/// What a write sends of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteContent {
    /// All of it.
    Whole,
    /// All but these relations, which another write adds when their targets are there. It has to be
    /// merged, so that what it leaves out stays as it is.
    Without(BTreeSet<String>),
}

/// One write of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The entity's index in the input.
    pub entity: usize,
    /// What is sent.
    pub content: WriteContent,
    /// Entities whose first write must have been successful, by index; the entity's own
    /// among them if this is its second write.
    pub needs: Vec<usize>,
}

impl Write {
    /// How this write treats what it does not mention, where the whole entity is written with
    /// `merge`.
    pub fn merge(&self, merge: Merge) -> Merge {
        match self.content {
            WriteContent::Whole => merge,
            WriteContent::Without(_) => Merge::Merge,
        }
    }

    /// Whether it completes what an earlier write began.
    pub fn is_second(&self) -> bool {
        self.needs.contains(&self.entity)
    }
}

/// Writes in waves: what a write needs is in an earlier wave.
#[derive(Debug, Default)]
pub struct Schedule {
    /// The waves. Within one, writes are in the order of their entities.
    pub waves: Vec<Vec<Write>>,
}

/// A relation that can never be written: its blueprint requires it, and so it is part of a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredCycle {
    /// The entity's index in the input.
    pub entity: usize,
    /// The relation's name.
    pub relation: String,
    /// The indexes of the entities on the way back to it, beginning with the relation's target.
    pub way: Vec<usize>,
}

impl Schedule {
    /// Orders the writes of `nodes`, with as few waves as their relations allow, and as few
    /// requests as those waves allow: an entity that can wait does so where a request of a later
    /// wave has room for it. `merge` is how whole entities are written.
    ///
    /// A relation's target is looked for in the blueprint that the relation leads to, where
    /// `blueprints` know it, else in all.
    pub fn new(nodes: &[PlannedWrite<'_>], blueprints: &Blueprints, merge: Merge) -> Self {
        let plan = Ways::new(nodes, blueprints);
        let mut staged = plan.stage();
        fill::fill(&mut staged, nodes, merge);
        let length = staged.iter().map(|(wave, _)| wave + 1).max().unwrap_or(0);
        let mut waves: Vec<Vec<Write>> = vec![Vec::new(); length];
        for (wave, write) in staged {
            waves[wave].push(write);
        }
        for wave in &mut waves {
            wave.sort_by_key(|write| write.entity);
        }
        Self { waves }
    }
}

/// Finds the relations that Port would refuse in any order: required ones that form a cycle of
/// entities of which none exists.
pub fn required_cycles(nodes: &[PlannedWrite<'_>], blueprints: &Blueprints) -> Vec<RequiredCycle> {
    Ways::new(nodes, blueprints).cycles
}

/// Which edges an order follows, and which it has to cut.
struct Ways {
    /// By entity: the targets that must be there before its first write.
    followed: Vec<Vec<usize>>,
    /// By entity: the relations that its first write leaves out, and all of its targets.
    cut: Vec<(BTreeSet<String>, Vec<usize>)>,
    cycles: Vec<RequiredCycle>,
}

impl Ways {
    fn new(nodes: &[PlannedWrite<'_>], blueprints: &Blueprints) -> Self {
        let edges = edges::find(nodes, blueprints);
        let component = components(nodes.len(), edges.iter());
        // What exists already can point at itself at once.
        let is_in_cycle = |edge: &&RelationEdge<'_>| match edge.is_loop() {
            true => nodes[edge.from].1 == Action::Create,
            false => component[edge.from] == component[edge.to],
        };
        let mut cut: Vec<(BTreeSet<String>, Vec<usize>)> = vec![Default::default(); nodes.len()];
        let optional = |edge: &&RelationEdge<'_>| edge.presence == Presence::Optional;
        for edge in edges.iter().filter(is_in_cycle).filter(optional) {
            cut[edge.from].0.insert(edge.relation.to_owned());
        }
        for edge in edges.iter().filter(|edge| !edge.is_loop()) {
            cut[edge.from].1.push(edge.to);
        }
        // Whether Port lets an entity point at itself before it is there is for Port to say, where
        // there is no other way.
        let kept = edges
            .iter()
            .filter(|edge| !edge.is_loop() && !cut[edge.from].0.contains(edge.relation));
        let (mut followed, stuck) = untangle(nodes.len(), kept.collect());
        // What exists already can be pointed to at once, where there is no other way.
        let is_new = |edge: &&RelationEdge<'_>| nodes[edge.to].1 == Action::Create;
        let (freed, stuck) = untangle(nodes.len(), stuck.into_iter().filter(is_new).collect());
        followed.extend(freed);
        Self {
            followed: targets(nodes.len(), &followed),
            cycles: edges::cycles(&stuck),
            cut,
        }
    }

    /// Each write with the earliest wave that it can be in.
    fn stage(&self) -> Vec<(usize, Write)> {
        let edges = self
            .followed
            .iter()
            .enumerate()
            .flat_map(|(from, targets)| targets.iter().map(move |&to| (from, to)));
        let graph = graph(self.followed.len(), edges);
        let mut wave_of = vec![0; self.followed.len()];
        let after = |wave_of: &[usize], targets: &[usize]| {
            let waves = targets.iter().map(|&target| wave_of[target] + 1);
            waves.max().unwrap_or(0)
        };
        // Targets first, and no component has more than one entity: cycles are cut.
        for entity in kosaraju_scc(&graph).into_iter().flatten() {
            wave_of[entity.index()] = after(&wave_of, &self.followed[entity.index()]);
        }
        let mut staged = Vec::new();
        for (entity, (cut, targets)) in self.cut.iter().enumerate() {
            let first = Write {
                entity,
                content: match cut.is_empty() {
                    true => WriteContent::Whole,
                    false => WriteContent::Without(cut.clone()),
                },
                needs: self.followed[entity].clone(),
            };
            staged.push((wave_of[entity], first));
            if !cut.is_empty() {
                let mut needs = targets.clone();
                needs.push(entity);
                needs.sort_unstable();
                needs.dedup();
                let second = Write {
                    entity,
                    content: WriteContent::Whole,
                    needs,
                };
                staged.push((after(&wave_of, &second.needs), second));
            }
        }
        staged
    }
}

/// Parts edges into those that form no cycle and those that do.
fn untangle<'l, 'e>(
    count: usize,
    edges: Vec<&'l RelationEdge<'e>>,
) -> (LinkList<'l, 'e>, LinkList<'l, 'e>) {
    let component = components(count, edges.iter().copied());
    edges
        .into_iter()
        .partition(|edge| component[edge.from] != component[edge.to])
}

type LinkList<'l, 'e> = Vec<&'l RelationEdge<'e>>;

/// By entity: the indexes that its edges lead to, each once.
fn targets(count: usize, edges: &[&RelationEdge<'_>]) -> Vec<Vec<usize>> {
    let mut targets = vec![BTreeSet::new(); count];
    for edge in edges {
        targets[edge.from].insert(edge.to);
    }
    targets
        .into_iter()
        .map(|targets| targets.into_iter().collect())
        .collect()
}

/// By node: the strongly connected component that it is in.
fn components<'l, 'e: 'l>(
    count: usize,
    edges: impl Iterator<Item = &'l RelationEdge<'e>>,
) -> Vec<usize> {
    let graph = graph(count, edges.map(|edge| (edge.from, edge.to)));
    let mut component_of = vec![0; count];
    for (component, members) in kosaraju_scc(&graph).into_iter().enumerate() {
        for member in members {
            component_of[member.index()] = component;
        }
    }
    component_of
}

fn graph(count: usize, edges: impl Iterator<Item = (usize, usize)>) -> DiGraph<(), ()> {
    let mut graph = DiGraph::with_capacity(count, 0);
    for _ in 0..count {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    graph
}

/// Sorts what is to be deleted into waves, so that whatever relates to an entity goes in an earlier
/// wave than the entity itself; or in the same one where relations form a cycle.
///
/// Takes of each its key and what it relates to, and gives their indexes. Where a target's blueprint is
/// not known, any entity of that identifier counts as the target.
pub fn deletion_waves(deletions: &[(&EntityKey, &[RelationTarget])]) -> Vec<DeletionWave> {
    let edges: Vec<_> = dependants(deletions);
    let graph = graph(deletions.len(), edges.iter().copied());
    let mut waves: Vec<DeletionWave> = Vec::new();
    let mut wave_of = vec![0; deletions.len()];
    for component in kosaraju_scc(&graph) {
        let wave = component
            .iter()
            .flat_map(|&node| graph.neighbors(node))
            .filter(|node| !component.contains(node))
            .map(|node| wave_of[node.index()] + 1)
            .max()
            .unwrap_or(0);
        if waves.len() <= wave {
            waves.resize_with(wave + 1, DeletionWave::default);
        }
        let members = component.iter().map(|node| node.index());
        for member in members.clone() {
            wave_of[member] = wave;
        }
        match component.len() {
            1 => waves[wave].plain.extend(members),
            _ => waves[wave].entangled.extend(members),
        }
    }
    for wave in &mut waves {
        wave.plain.sort_unstable();
        wave.entangled.sort_unstable();
    }
    waves
}

/// What is deleted at the same time, by index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeletionWave {
    /// Nothing in the wave relates to these.
    pub plain: Vec<usize>,
    /// These relate to one another in a cycle.
    pub entangled: Vec<usize>,
}

/// The indexes of `names` by identifier; a query has none.
fn by_identifier<'n>(
    names: impl Iterator<Item = &'n EntityName>,
) -> HashMap<&'n Identifier, Vec<usize>> {
    let mut indices: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, name) in names.enumerate() {
        if let Some(identifier) = name.identifier() {
            indices.entry(identifier).or_default().push(index);
        }
    }
    indices
}

/// Pairs of indexes: an entity and one that relates to it.
pub fn dependants(deletions: &[(&EntityKey, &[RelationTarget])]) -> Vec<(usize, usize)> {
    let indices = by_identifier(deletions.iter().map(|(key, _)| &key.name));
    let mut pairs = Vec::new();
    for (dependant, (_, targets)) in deletions.iter().enumerate() {
        for target in *targets {
            let named = indices.get(&target.identifier).into_iter().flatten();
            let meant = named.filter(|&&index| {
                index != dependant && target.may_be_of(&deletions[index].0.blueprint)
            });
            pairs.extend(meant.map(|&index| (index, dependant)));
        }
    }
    pairs
}

#[cfg(test)]
mod tests;
