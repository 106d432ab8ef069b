//! The changed entities and their relations as a [Mermaid][docs] graph.
//!
//! [docs]: https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/creating-diagrams

use std::collections::{BTreeMap, BTreeSet};

use super::{EntityReport, EntityState, Report};
use crate::catalog::entity::EntityName;

/// More than these cannot be read any more.
const MOST: usize = 40;
/// What does not change is drawn one by one up to so many targets of a relation.
const FEW: usize = 4;
/// GitHub draws no larger graph, by far: it stops at 50,000 characters.
const MOST_BYTES: usize = 40_000;

/// How a kind of node looks: what can be read on a white page and on a black one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Created,
    Updated,
    Deleted,
    Problem,
    Other,
}

impl Class {
    fn of(state: EntityState) -> Option<Self> {
        Some(match state {
            EntityState::Created => Self::Created,
            EntityState::Adopted | EntityState::Updated => Self::Updated,
            EntityState::Deleted => Self::Deleted,
            EntityState::Removed | EntityState::Unchanged => return None,
            _ => Self::Problem,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Problem => "problem",
            Self::Other => "unchanged",
        }
    }

    fn style(self) -> &'static str {
        match self {
            Self::Created => "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
            Self::Updated => "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
            Self::Deleted => "fill:#eaeef2,stroke:#59636e,color:#1f2328,stroke-dasharray:4",
            Self::Problem => "fill:#cf222e,stroke:#82071e,color:#ffffff",
            Self::Other => "fill:#ffffff,stroke:#d1d9e0,color:#59636e",
        }
    }
}

/// The graph of what is written or deleted or has a problem, if that is 2 to 40 entities and any
/// relates to anything. What they relate to and does not change itself is there too, where there is room.
pub(super) fn of(report: &Report) -> Option<String> {
    let is_changed =
        |entity: &&EntityReport| entity.key.is_some() && Class::of(entity.state).is_some();
    let changed: Vec<_> = report.entities.iter().filter(is_changed).collect();
    if !(2..=MOST).contains(&changed.len()) {
        return None;
    }
    let mut graph = RelationGraph::new(&changed);
    for (index, entity) in changed.iter().enumerate() {
        graph.add_links(index, entity);
    }
    let text = graph.write(&changed)?;
    (text.len() <= MOST_BYTES).then_some(text)
}

struct Edge {
    from: usize,
    relation: String,
    to: usize,
}

struct RelationGraph {
    /// Indices of the changed entities, by blueprint and identifier.
    indices: BTreeMap<(String, String), usize>,
    /// What does not change but is pointed to.
    others: Vec<String>,
    nodes: usize,
    edges: Vec<Edge>,
}

impl RelationGraph {
    fn new(changed: &[&EntityReport]) -> Self {
        let index = |(index, entity): (usize, &&EntityReport)| {
            let key = entity.key.as_ref()?;
            let EntityName::Identifier(name) = &key.name else {
                return None;
            };
            let blueprint = key.blueprint.as_str().to_owned();
            Some(((blueprint, name.as_str().to_owned()), index))
        };
        Self {
            indices: changed.iter().enumerate().filter_map(index).collect(),
            others: Vec::new(),
            nodes: changed.len(),
            edges: Vec::new(),
        }
    }

    fn add_links(&mut self, from: usize, entity: &EntityReport) {
        let relations: BTreeSet<_> = entity.links.iter().map(|link| &link.relation).collect();
        for relation in relations {
            let links = entity
                .links
                .iter()
                .filter(|link| link.relation == *relation);
            let keys = links.filter_map(|link| {
                let blueprint = link.blueprint.as_ref()?;
                Some((blueprint.clone(), link.target.as_str().to_owned()))
            });
            let (known, others): (Vec<_>, Vec<_>) =
                keys.partition(|key| self.indices.contains_key(key));
            let others = match others.as_slice() {
                [(blueprint, _), ..] if others.len() > FEW => {
                    let name = format!("{} of {blueprint}", others.len());
                    self.other(name).into_iter().collect()
                }
                _ => others
                    .into_iter()
                    .filter_map(|key| self.unchanged(key))
                    .collect::<Vec<_>>(),
            };
            let known = known
                .iter()
                .filter_map(|key| self.indices.get(key).copied());
            let edges = known.chain(others).map(|to| Edge {
                from,
                relation: relation.clone(),
                to,
            });
            self.edges.extend(edges);
        }
    }

    /// The index of what does not change, where there is room for it.
    fn unchanged(&mut self, key: (String, String)) -> Option<usize> {
        let index = self.other(format!("{}/{}", key.0, key.1))?;
        self.indices.insert(key, index);
        Some(index)
    }

    fn other(&mut self, name: String) -> Option<usize> {
        if self.nodes == MOST {
            return None;
        }
        self.others.push(name);
        self.nodes += 1;
        Some(self.nodes - 1)
    }

    fn write(&self, changed: &[&EntityReport]) -> Option<String> {
        if self.edges.is_empty() {
            return None;
        }
        let mut lines = vec!["```mermaid".to_owned(), "graph LR".to_owned()];
        let mut classes = BTreeSet::new();
        let ends = self.edges.iter().flat_map(|edge| [edge.from, edge.to]);
        let linked: BTreeSet<_> = ends.collect();
        let is_linked = |(index, _): &(usize, _)| linked.contains(index);
        for (index, entity) in changed.iter().enumerate().filter(is_linked) {
            let class = Class::of(entity.state).unwrap_or(Class::Other);
            classes.insert(class);
            let (name, class) = (label(&entity.name()), class.name());
            lines.push(format!("  n{index}[\"{name}\"]:::{class}"));
        }
        for (index, name) in self.others.iter().enumerate() {
            let index = changed.len() + index;
            classes.insert(Class::Other);
            lines.push(format!("  n{index}(\"{}\"):::unchanged", label(name)));
        }
        for Edge { from, relation, to } in &self.edges {
            lines.push(format!("  n{from} -->|\"{}\"| n{to}", label(relation)));
        }
        lines.push("  subgraph legend [Legend]".to_owned());
        let names = classes.iter().map(|class| class.name());
        lines.extend(names.map(|name| format!("    {name}_[\"{name}\"]:::{name}")));
        lines.push("  end".to_owned());
        let styles = classes.iter();
        lines.extend(styles.map(|class| format!("  classDef {} {}", class.name(), class.style())));
        lines.push("```".to_owned());
        Some(lines.join("\n"))
    }
}

/// A text that Mermaid shows as it is: whatever could mean something to it is written as a code.
fn label(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut label = String::new();
    for character in text.chars().take(LONGEST) {
        match character {
            character if character.is_alphanumeric() => label.push(character),
            '/' | '-' | '_' | '.' | ' ' => label.push(character),
            character => label.push_str(&format!("#{};", character as u32)),
        }
    }
    if text.chars().count() > LONGEST {
        label.push('…');
    }
    label
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::catalog::entity::Identifier;
    use crate::catalog::testing;
    use crate::event::Mode;
    use crate::git::{CommitSha, RepoName};
    use crate::report::{ComparedWith, Cost, Ending, RelationLink, RunFacts};

    fn updated(name: &str, targets: &[String]) -> EntityReport {
        let entity = testing::entity(serde_json::json!({"identifier": name}));
        let link = |target: &String| RelationLink {
            relation: "needs".to_owned(),
            blueprint: Some(entity.blueprint.as_str().to_owned()),
            target: Identifier::parse(target).unwrap(),
        };
        EntityReport {
            links: targets.iter().map(link).collect(),
            ..EntityReport::new(Some(entity.key()), EntityState::Updated, None)
        }
    }

    fn graph(entities: Vec<EntityReport>) -> String {
        let report = Report {
            run: RunFacts {
                mode: Mode::Plan,
                compared_with: ComparedWith::Port,
                repository: RepoName::parse("octo/shop").unwrap(),
                head: CommitSha::parse(&"c0ffee12".repeat(5)).unwrap(),
                branch: None,
                server_url: String::new(),
                pull_request: None,
                port_url: None,
                documentation_url: None,
            },
            entities,
            diagnostics: Vec::new(),
            warnings: Vec::new(),
            warnings_before: 0,
            notices: Vec::new(),
            drift: None,
            ending: Ending::Complete,
            cost: Cost {
                elapsed: Duration::ZERO,
                ..Cost::default()
            },
        };
        of(&report).unwrap()
    }

    #[test]
    fn many_targets_that_do_not_change_are_one() {
        let mut targets: Vec<_> = (0..9).map(|number| format!("library-{number}")).collect();
        targets.push("b".to_owned());
        let graph = graph(vec![updated("a", &targets), updated("b", &targets[..2])]);
        for (text, count) in [
            (":::unchanged", 4),
            ("9 of ", 1),
            ("/library-0", 1),
            (" --> ", 0),
        ] {
            assert_eq!(graph.matches(text).count(), count, "{text}: {graph}");
        }
        assert_eq!(graph.matches("-->|").count(), 4, "{graph}");
    }

    #[test]
    fn labels_mean_nothing_to_mermaid() {
        assert_eq!(label("a/b-c_d.e"), "a/b-c_d.e");
        assert_eq!(label("a\"]:::x"), "a#34;#93;#58;#58;#58;x");
        assert_eq!(label(&"x".repeat(61)).chars().count(), 61);
    }
}
