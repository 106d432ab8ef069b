//! What revisions declare → what changed, by entity and not by file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::declare::{Declaration, Declarations};
use super::entity::{Entity, EntityKey};

/// An entity that earlier revisions or head declare.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which one.
    pub key: EntityKey,
    /// What earlier revisions declare, base before those of attempts that did not end well.
    pub former: Vec<Arc<Declaration>>,
    /// What head declares.
    pub head: Option<Arc<Declaration>>,
    /// What base, which was applied as far as it was sound, made of the entity.
    pub at_base: AtBase,
}

/// What base made of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtBase {
    /// It was written as base declares it, and every other earlier revision declares it too.
    Kept,
    /// It was written as base declares it. A revision that does not declare it may have deleted it.
    Written,
    /// Base does not declare it, or so that it could not be written: with mistakes, or twice.
    NotWritten,
}

/// What Git says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Head declares it, no earlier revision does.
    Created,
    /// Head declares it differently from an earlier revision, or base's declaration was not written.
    Changed,
    /// All declare the same, perhaps in another form or another file.
    Unchanged,
    /// Head does not declare it.
    Removed,
}

/// What decides whether an entity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// What changed in Git: the catalog is known to be as an earlier revision declares.
    Git,
    /// What Port holds.
    Live,
}

impl Change {
    /// Whether the entity may have to be written.
    pub fn is_candidate(&self, basis: Basis) -> bool {
        match self.kind() {
            Kind::Created | Kind::Changed => true,
            Kind::Unchanged => basis == Basis::Live,
            Kind::Removed => false,
        }
    }

    /// What happened to the entity.
    pub fn kind(&self) -> Kind {
        let Some(head) = &self.head else {
            return Kind::Removed;
        };
        let differs = |former: &Arc<Declaration>| former.entity != head.entity;
        match self.former.as_slice() {
            [] => Kind::Created,
            former if former.iter().any(differs) => Kind::Changed,
            _ if self.at_base == AtBase::NotWritten => Kind::Changed,
            _ => Kind::Unchanged,
        }
    }

    /// The entities that earlier revisions declare.
    pub fn former_entities(&self) -> Vec<&Entity> {
        self.former.iter().map(|former| &former.entity).collect()
    }
}

/// Compares what earlier revisions declare, base first, with what head declares, by key. What comes
/// out is in head's order, and then what was removed.
///
/// What is invalid at head is neither changed nor removed, nor is what an earlier revision declares
/// in a file that cannot be read at head. What an earlier revision declares invalidly was never
/// written, so it counts as absent there. What it declares more than once may have been written in
/// each of these forms, as a run that looks at one of the files does not see the others.
pub fn compare(former: &[Declarations], head: &Declarations) -> Vec<Change> {
    let base = former.first().into_iter().flat_map(|base| &base.valid);
    let written: BTreeSet<_> = base.map(|declaration| declaration.entity.key()).collect();
    let mut by_key: BTreeMap<EntityKey, Vec<Arc<Declaration>>> = BTreeMap::new();
    let mut keys: Vec<BTreeSet<EntityKey>> = Vec::new();
    for revision in former {
        let declared = revision.valid.iter().chain(&revision.repeated);
        keys.push(declared.clone().map(|one| one.entity.key()).collect());
        for declaration in declared {
            let declarations = by_key.entry(declaration.entity.key()).or_default();
            declarations.push(Arc::clone(declaration));
        }
    }
    let at_base = |key: &EntityKey| {
        let is_kept = || keys.iter().all(|declared| declared.contains(key));
        match written.contains(key) {
            true if is_kept() => AtBase::Kept,
            true => AtBase::Written,
            false => AtBase::NotWritten,
        }
    };
    let declared = head.valid.iter().map(|declaration| {
        let key = declaration.entity.key();
        Change {
            former: by_key.remove(&key).unwrap_or_default(),
            at_base: at_base(&key),
            key,
            head: Some(Arc::clone(declaration)),
        }
    });
    let mut changes: Vec<_> = declared.collect();
    changes.extend(removed(by_key, head, at_base));
    changes
}

fn removed(
    former: BTreeMap<EntityKey, Vec<Arc<Declaration>>>,
    head: &Declarations,
    at_base: impl Fn(&EntityKey) -> AtBase,
) -> impl Iterator<Item = Change> {
    let (mut keys, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for invalid in &head.invalid {
        match &invalid.key {
            Some(key) => drop(keys.insert(key)),
            None => drop(paths.insert(invalid.location.path())),
        }
    }
    former.into_iter().filter_map(move |(key, former)| {
        let is_readable = former
            .iter()
            .all(|declaration| !paths.contains(declaration.source.path()));
        (is_readable && !keys.contains(&key)).then(|| Change {
            at_base: at_base(&key),
            key,
            former,
            head: None,
        })
    })
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
        let changes = compare(&[declarations(base)], &declarations(head));
        let describe = |change: &Change| {
            let kind = format!("{:?}", change.kind()).to_lowercase();
            format!("{kind} {}", change.key)
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
    fn what_cannot_be_read_at_head_is_not_removed() {
        assert_eq!(changes(&[("a.json", ONE)], &[("a.json", "{")]), [""; 0]);
        let invalid = r#"{"identifier": "a", "blueprint": "b", "title": 1}"#;
        assert_eq!(changes(&[("a.json", ONE)], &[("a.json", invalid)]), [""; 0]);
        let (gone, broken) = (&[("a.json", ONE)], &[("b.json", "{")]);
        assert_eq!(
            changes(gone, broken),
            ["removed b/a"],
            "whether it may be deleted is the plan's to decide"
        );
    }

    #[test]
    fn every_earlier_revision_counts() {
        let revisions = |texts: &[&str]| -> Vec<_> {
            let revision = |text: &&str| declarations(&[("p.yml", text)]);
            texts.iter().map(revision).collect()
        };
        let kind = |former: &[&str], head: &str| {
            let changes = compare(&revisions(former), &declarations(&[("p.yml", head)]));
            changes.iter().map(Change::kind).collect::<Vec<_>>()
        };
        let (a, b) = (
            "{identifier: a, blueprint: b}",
            "{identifier: a, blueprint: b, title: A}",
        );
        assert_eq!(kind(&[a, a], a), [Kind::Unchanged]);
        assert_eq!(
            kind(&[a, b], a),
            [Kind::Changed],
            "a half-run may have written it"
        );
        assert_eq!(kind(&["", b], ""), [Kind::Removed]);
        assert_eq!(
            kind(&["{", a], a),
            [Kind::Changed],
            "base could not be read, so what it holds was not written"
        );
    }

    #[test]
    fn what_another_revision_does_not_declare_may_have_been_deleted() {
        let one = "{identifier: a, blueprint: b}";
        let base = || declarations(&[("p.yml", one)]);
        let twice = || declarations(&[("p.yml", one), ("q.yml", one)]);
        let none = || declarations(&[]);
        let at_base = |former: &[Declarations]| compare(former, &none())[0].at_base;
        assert_eq!(at_base(&[base()]), AtBase::Kept);
        assert_eq!(at_base(&[base(), twice()]), AtBase::Kept);
        assert_eq!(at_base(&[base(), twice(), none()]), AtBase::Written);
        assert_eq!(at_base(&[twice(), none()]), AtBase::NotWritten);
    }

    #[test]
    fn what_base_declares_twice_may_be_there_in_each_form() {
        let (one, other) = (
            "{identifier: a, blueprint: b}",
            "{identifier: a, blueprint: b, title: A}",
        );
        let base = declarations(&[("p.yml", one), ("q.yml", other)]);
        let change = &compare(&[base], &declarations(&[("p.yml", one)]))[0];
        assert_eq!((change.kind(), change.former.len()), (Kind::Changed, 2));
        assert_eq!(
            changes(&[("p.yml", one), ("q.yml", one)], &[("p.yml", one)]),
            ["changed b/a"]
        );
        assert_eq!(
            changes(&[("p.yml", one), ("q.yml", one)], &[]),
            ["removed b/a"]
        );
    }

    #[test]
    fn an_unreadable_base_is_absent() {
        assert_eq!(
            changes(&[("a.json", "{")], &[("a.json", ONE)]),
            ["created b/a"]
        );
    }
}
