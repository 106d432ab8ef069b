//! Relations → waves: what must be written before what.

use std::collections::HashMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::entity::{Entity, Identifier};

/// Sorts entities into waves, so that every relation's target that is among them is in an earlier
/// wave, or in the same one where relations form a cycle.
///
/// Takes the entities, gives their indices. A relation does not say its target's blueprint, so any
/// entity of that identifier counts as the target; that may order more than needed, never less.
pub fn waves(entities: &[&Entity]) -> Vec<Vec<usize>> {
    let graph = needs(entities);
    let mut wave_of = vec![0; entities.len()];
    let mut waves: Vec<Vec<usize>> = Vec::new();
    // Tarjan's algorithm gives the components in reverse topological order: targets first.
    for component in tarjan_scc(&graph) {
        let wave = component
            .iter()
            .flat_map(|&node| graph.neighbors(node))
            .filter(|target| !component.contains(target))
            .map(|target| wave_of[target.index()] + 1)
            .max()
            .unwrap_or(0);
        for node in component {
            wave_of[node.index()] = wave;
            if waves.len() <= wave {
                waves.resize_with(wave + 1, Vec::new);
            }
            waves[wave].push(node.index());
        }
    }
    for wave in &mut waves {
        wave.sort_unstable();
    }
    waves
}

/// An edge from each entity to every one that it needs. Node indices are the entities' indices.
fn needs(entities: &[&Entity]) -> DiGraph<(), ()> {
    let mut graph = DiGraph::with_capacity(entities.len(), 0);
    let mut by_identifier: HashMap<&Identifier, Vec<NodeIndex>> = HashMap::new();
    for entity in entities {
        let node = graph.add_node(());
        if let Some(identifier) = entity.name.identifier() {
            by_identifier.entry(identifier).or_default().push(node);
        }
    }
    for (index, entity) in entities.iter().enumerate() {
        let node = NodeIndex::new(index);
        let targets = entity
            .relations
            .values()
            .flat_map(|relation| relation.targets());
        for &target in targets
            .filter_map(|target| by_identifier.get(target))
            .flatten()
        {
            if target != node {
                graph.update_edge(node, target, ());
            }
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::entity::{BlueprintId, EntityName, Relation};
    use super::*;

    fn entity(name: &str, targets: &[&str]) -> Entity {
        let identifier = |name: &str| Identifier::parse(name).unwrap();
        let targets = targets.iter().map(|target| identifier(target)).collect();
        Entity {
            blueprint: BlueprintId::parse("service").unwrap(),
            name: EntityName::Identifier(identifier(name)),
            title: None,
            icon: None,
            team: None,
            properties: serde_json::Map::new(),
            relations: BTreeMap::from([("needs".to_owned(), Relation::Many(targets))]),
        }
    }

    fn waves_of(entities: &[Entity]) -> Vec<Vec<usize>> {
        waves(&entities.iter().collect::<Vec<_>>())
    }

    #[test]
    fn nothing_needs_nothing() {
        assert_eq!(waves_of(&[]), [[0; 0]; 0]);
        assert_eq!(
            waves_of(&[entity("a", &[]), entity("b", &["elsewhere"])]),
            [[0, 1]]
        );
    }

    #[test]
    fn targets_go_first() {
        let entities = [
            entity("a", &["b", "c"]),
            entity("b", &["c"]),
            entity("c", &[]),
        ];
        assert_eq!(waves_of(&entities), [[2], [1], [0]]);
    }

    #[test]
    fn a_cycle_shares_a_wave() {
        let entities = [
            entity("a", &["b"]),
            entity("b", &["a"]),
            entity("c", &["a"]),
            entity("d", &["d"]),
        ];
        assert_eq!(waves_of(&entities), [vec![0, 1, 3], vec![2]]);
    }
}
