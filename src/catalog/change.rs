//! What two revisions declare → what changed, by entity and not by file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::declare::{Completeness, Declaration, Declarations};
use super::entity::EntityKey;

/// What happened to an entity between base and head.
#[derive(Debug, Clone)]
pub enum Change {
    /// Head declares it, base does not.
    Created(Arc<Declaration>),
    /// Both declare it, differently.
    Changed {
        /// What base declares.
        base: Arc<Declaration>,
        /// What head declares.
        head: Arc<Declaration>,
    },
    /// Both declare the same, perhaps in another form or another file.
    Unchanged(Arc<Declaration>),
    /// Base declares it, head does not.
    Removed(Arc<Declaration>),
}

impl Change {
    /// What is to be written, if anything.
    pub fn written(&self) -> Option<&Arc<Declaration>> {
        match self {
            Self::Created(head) | Self::Changed { head, .. } => Some(head),
            Self::Unchanged(_) | Self::Removed(_) => None,
        }
    }
}

/// Compares what base declares with what head declares, by key.
///
/// What is invalid at head is neither changed nor removed. While head is only partly readable
/// nothing counts as removed. What base declares invalidly, or twice, was never written, so it
/// counts as absent there.
pub fn compare(base: Declarations, head: &Declarations) -> Vec<Change> {
    let mut base: BTreeMap<EntityKey, Arc<Declaration>> = base
        .valid
        .into_iter()
        .map(|declaration| (declaration.entity.key(), declaration))
        .collect();
    let mut changes: Vec<_> = head
        .valid
        .iter()
        .map(|declaration| match base.remove(&declaration.entity.key()) {
            None => Change::Created(Arc::clone(declaration)),
            Some(before) if before.entity == declaration.entity => {
                Change::Unchanged(Arc::clone(declaration))
            }
            Some(base) => Change::Changed {
                base,
                head: Arc::clone(declaration),
            },
        })
        .collect();
    if head.completeness == Completeness::Whole {
        let invalid: BTreeSet<_> = head
            .invalid
            .iter()
            .filter_map(|invalid| invalid.key.as_ref())
            .collect();
        base.retain(|key, _| !invalid.contains(key));
        changes.extend(base.into_values().map(Change::Removed));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::declare::{EntityFile, FileContent, declare};
    use crate::catalog::rules::BlueprintRules;
    use crate::source::{RepoPath, Source};

    fn declarations(files: &[(&str, &str)]) -> Declarations {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| EntityFile {
                content: FileContent::Text(Source::new(RepoPath::new(*path), *text)),
                default_blueprint: None,
            })
            .collect();
        declare(&files, &BlueprintRules::parse("*").unwrap())
    }

    fn changes(base: &[(&str, &str)], head: &[(&str, &str)]) -> Vec<String> {
        let changes = compare(declarations(base), &declarations(head));
        let describe = |change: &Change| match change {
            Change::Created(head) => format!("created {}", head.entity.key()),
            Change::Changed { head, .. } => format!("changed {}", head.entity.key()),
            Change::Unchanged(head) => format!("unchanged {}", head.entity.key()),
            Change::Removed(base) => format!("removed {}", base.entity.key()),
        };
        changes.iter().map(describe).collect()
    }

    const ONE: &str = r#"{"identifier": "a", "blueprint": "b", "properties": {"x": 1, "y": 2}}"#;

    #[test]
    fn form_and_place_do_not_matter() {
        let same = "# the same\nblueprint: b\nproperties: {y: 2, x: 0x1}\nidentifier: 'a'\n";
        assert_eq!(
            changes(&[("a.json", ONE)], &[("z/a.yml", same)]),
            ["unchanged b/a"]
        );
    }

    #[test]
    fn entities_are_created_changed_and_removed() {
        let base = "{identifier: a, blueprint: b}\n---\n{identifier: gone, blueprint: b}";
        let head = "{identifier: a, blueprint: b, title: A}\n---\n{identifier: new, blueprint: b}";
        assert_eq!(
            changes(&[("p.yml", base)], &[("p.yml", head)]),
            ["changed b/a", "created b/new", "removed b/gone"]
        );
    }

    #[test]
    fn nothing_is_removed_while_head_cannot_be_read() {
        assert_eq!(changes(&[("a.json", ONE)], &[("a.json", "{")]), [""; 0]);
        let invalid = r#"{"identifier": "a", "blueprint": "b", "title": 1}"#;
        assert_eq!(changes(&[("a.json", ONE)], &[("a.json", invalid)]), [""; 0]);
    }

    #[test]
    fn an_unreadable_base_is_absent() {
        assert_eq!(
            changes(&[("a.json", "{")], &[("a.json", ONE)]),
            ["created b/a"]
        );
    }
}
