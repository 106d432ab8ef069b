//! The changed entities and their relations as a [Mermaid][docs] graph.
//!
//! [docs]: https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/creating-diagrams

use std::collections::BTreeMap;

use super::{EntityReport, Report, State};
use crate::catalog::entity::EntityName;

/// More than these cannot be read any more.
const MOST: usize = 40;
/// GitHub draws no larger graph, by far: it stops at 50,000 characters.
const MOST_BYTES: usize = 40_000;

/// The graph of what is written and deleted, if that is 2 to 40 entities and any relates to
/// anything. What they relate to and does not change itself is there too, where there is room.
pub(super) fn of(report: &Report) -> Option<String> {
    let is_changed = |entity: &&EntityReport| {
        matches!(
            entity.state,
            State::Created | State::Updated | State::Deleted
        )
    };
    let changed: Vec<_> = report.entities.iter().filter(is_changed).collect();
    if !(2..=MOST).contains(&changed.len()) {
        return None;
    }
    let mut graph = Graph::new(&changed);
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

struct Graph {
    /// Places of the changed entities, by blueprint and identifier.
    places: BTreeMap<(String, String), usize>,
    /// What does not change but is pointed to.
    others: Vec<String>,
    nodes: usize,
    edges: Vec<Edge>,
}

impl Graph {
    fn new(changed: &[&EntityReport]) -> Self {
        let place = |(index, entity): (usize, &&EntityReport)| {
            let key = entity.key.as_ref()?;
            let EntityName::Identifier(name) = &key.name else {
                return None;
            };
            let blueprint = key.blueprint.as_str().to_owned();
            Some(((blueprint, name.as_str().to_owned()), index))
        };
        Self {
            places: changed.iter().enumerate().filter_map(place).collect(),
            others: Vec::new(),
            nodes: changed.len(),
            edges: Vec::new(),
        }
    }

    fn add_links(&mut self, from: usize, entity: &EntityReport) {
        for link in &entity.links {
            let Some(blueprint) = &link.blueprint else {
                continue;
            };
            let key = (blueprint.clone(), link.target.as_str().to_owned());
            let to = match self.places.get(&key) {
                Some(place) => *place,
                None if self.nodes < MOST => {
                    let place = self.nodes;
                    self.others.push(format!("{blueprint}/{}", link.target));
                    self.places.insert(key, place);
                    self.nodes += 1;
                    place
                }
                None => continue,
            };
            self.edges.push(Edge {
                from,
                relation: link.relation.clone(),
                to,
            });
        }
    }

    fn write(&self, changed: &[&EntityReport]) -> Option<String> {
        if self.edges.is_empty() {
            return None;
        }
        let mut lines = vec!["```mermaid".to_owned(), "graph LR".to_owned()];
        for (index, entity) in changed.iter().enumerate() {
            let class = match entity.state {
                State::Created => "created",
                State::Deleted => "deleted",
                _ => "updated",
            };
            let name = label(&entity.name());
            lines.push(format!("  n{index}[\"{name}\"]:::{class}"));
        }
        for (index, name) in self.others.iter().enumerate() {
            let index = changed.len() + index;
            lines.push(format!("  n{index}(\"{}\"):::other", label(name)));
        }
        for Edge { from, relation, to } in &self.edges {
            lines.push(format!("  n{from} -->|\"{}\"| n{to}", label(relation)));
        }
        // These can be read on a white page and on a black one.
        for (class, style) in [
            ("created", "fill:#dafbe1,stroke:#1a7f37,color:#1f2328"),
            ("updated", "fill:#fff8c5,stroke:#9a6700,color:#1f2328"),
            ("deleted", "fill:#ffebe9,stroke:#cf222e,color:#1f2328"),
            (
                "other",
                "fill:#f6f8fa,stroke:#59636e,color:#59636e,stroke-dasharray:4",
            ),
        ] {
            lines.push(format!("  classDef {class} {style}"));
        }
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
    use super::*;

    #[test]
    fn labels_mean_nothing_to_mermaid() {
        assert_eq!(label("a/b-c_d.e"), "a/b-c_d.e");
        assert_eq!(label("a\"]:::x"), "a#34;#93;#58;#58;#58;x");
        assert_eq!(label(&"x".repeat(61)).chars().count(), 61);
    }
}
