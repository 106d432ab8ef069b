//! What a run leaves undone, and which earlier revisions tell what the catalog may hold there.

use std::collections::{BTreeMap, BTreeSet};

use super::declare::{Declaration, Declarations};
use super::entity::{Entity, EntityKey};
use crate::git::CommitSha;
use crate::source::RepoPath;

/// An entity of which the catalog may hold something else than head declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Which one.
    pub key: EntityKey,
    /// The files that declare it.
    pub paths: Vec<RepoPath>,
}

impl Open {
    /// An entity that head declares, and that is not written so.
    pub fn declared(declaration: &Declaration) -> Self {
        let path = declaration.source.path().clone();
        let texts = declaration.texts.iter().cloned();
        Self {
            key: declaration.entity.key(),
            paths: std::iter::once(path).chain(texts).collect(),
        }
    }
}

/// An earlier revision that head was compared with.
#[derive(Debug)]
pub struct Earlier {
    /// The revision.
    pub commit: CommitSha,
    /// The files in which head differs.
    pub changed: BTreeSet<RepoPath>,
    /// What it declares in the files that were looked at.
    pub declared: Declarations,
}

/// What later runs look at because of the revisions that are named to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Files in which their head differs from one of them.
    Differences,
    /// All entity files.
    Everything,
}

/// Which of the `earlier` revisions have to be named, so that a later run that builds on `head` looks at
/// everything that is `open`, and knows each form in which the catalog may hold it. Those that are
/// `named` already stay so, as long as they tell something of that.
pub fn witnesses(
    open: &[Open],
    head: &Declarations,
    earlier: &[Earlier],
    named: &[CommitSha],
    sight: Sight,
) -> Vec<CommitSha> {
    let mut shown = Shown {
        forms: forms(head),
        changed: BTreeSet::new(),
        sight,
    };
    let (named, others): (Vec<_>, Vec<_>) = earlier
        .iter()
        .partition(|revision| named.contains(&revision.commit));
    let mut witnesses = Vec::new();
    for revision in named.into_iter().chain(others) {
        let forms = forms(&revision.declared);
        let tells_more = |open: &Open| shown.lacks(open, revision, &forms);
        if open.iter().any(tells_more) {
            shown.add(revision);
            witnesses.push(revision.commit.clone());
        }
    }
    witnesses
}

/// In which forms a revision declares each entity.
type Forms<'d> = BTreeMap<EntityKey, Vec<&'d Entity>>;

fn forms(declared: &Declarations) -> Forms<'_> {
    let mut forms = Forms::new();
    for declaration in declared.sound() {
        let entity = &declaration.entity;
        forms.entry(entity.key()).or_default().push(entity);
    }
    forms
}

/// What a later run will see.
struct Shown<'d> {
    forms: Forms<'d>,
    changed: BTreeSet<&'d RepoPath>,
    sight: Sight,
}

impl<'d> Shown<'d> {
    fn add(&mut self, revision: &'d Earlier) {
        for (key, entities) in forms(&revision.declared) {
            self.forms.entry(key).or_default().extend(entities);
        }
        self.changed.extend(&revision.changed);
    }

    /// Whether the revision brings a file of the entity into sight, or a form of it, that is not there.
    fn lacks(&self, open: &Open, revision: &Earlier, forms: &Forms<'_>) -> bool {
        let is_out_of_sight = || {
            let mut paths = open.paths.iter();
            self.sight == Sight::Differences && !paths.any(|path| self.changed.contains(path))
        };
        let mut paths = open.paths.iter();
        let brings_file = paths.any(|path| revision.changed.contains(path)) && is_out_of_sight();
        let known = self.forms.get(&open.key);
        let is_known = |form: &&Entity| known.is_some_and(|known| known.contains(form));
        let forms = forms.get(&open.key);
        brings_file || forms.is_some_and(|forms| !forms.iter().all(is_known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::declare::{EntityFile, FileContent, declare};
    use crate::catalog::rules::BlueprintRules;
    use crate::source::Source;

    fn declared(text: &str) -> Declarations {
        let file = EntityFile {
            content: FileContent::Text(Source::new(RepoPath::new("p.yml"), text)),
            default_blueprint: None,
        };
        declare(&[file], &BlueprintRules::parse("*").unwrap())
    }

    fn commit(digit: char) -> CommitSha {
        CommitSha::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn earlier(digit: char, text: &str, is_changed: bool) -> Earlier {
        let path = is_changed.then(|| RepoPath::new("p.yml"));
        Earlier {
            commit: commit(digit),
            changed: path.into_iter().collect(),
            declared: declared(text),
        }
    }

    fn named(head: &str, earlier: &[Earlier], named: &[char], sight: Sight) -> String {
        let key = declared(ONE).valid[0].entity.key();
        let open = Open {
            key,
            paths: vec![RepoPath::new("p.yml")],
        };
        let named: Vec<_> = named.iter().map(|digit| commit(*digit)).collect();
        let found = witnesses(&[open], &declared(head), earlier, &named, sight);
        found.iter().map(|commit| &commit.as_str()[..1]).collect()
    }

    const ONE: &str = "{identifier: a, blueprint: b}";
    const OTHER: &str = "{identifier: a, blueprint: b, title: A}";
    const MISTAKEN: &str = "{identifier: a, blueprint: b, title: 5}";

    #[test]
    fn a_form_that_is_hidden_needs_a_witness() {
        let revisions = [earlier('1', ONE, true)];
        assert_eq!(named(MISTAKEN, &revisions, &[], Sight::Differences), "1");
        assert_eq!(named(MISTAKEN, &revisions, &[], Sight::Everything), "1");
        assert_eq!(named(MISTAKEN, &revisions, &['1'], Sight::Differences), "1");
    }

    #[test]
    fn what_nothing_else_brings_into_sight_needs_one_too() {
        let revisions = [earlier('1', "", true), earlier('2', "", true)];
        assert_eq!(named(ONE, &revisions, &[], Sight::Differences), "1");
        assert_eq!(named(ONE, &revisions, &['2'], Sight::Differences), "2");
        assert_eq!(named(ONE, &revisions, &[], Sight::Everything), "");
        let same = [earlier('1', ONE, false)];
        assert_eq!(named(ONE, &same, &[], Sight::Differences), "");
    }

    #[test]
    fn every_form_needs_one() {
        let revisions = [
            earlier('1', ONE, true),
            earlier('2', OTHER, true),
            earlier('3', ONE, true),
            earlier('4', MISTAKEN, true),
        ];
        assert_eq!(named(MISTAKEN, &revisions, &[], Sight::Differences), "12");
        assert_eq!(named(OTHER, &revisions, &[], Sight::Differences), "1");
        assert_eq!(
            named(MISTAKEN, &revisions, &['3'], Sight::Differences),
            "32"
        );
        assert_eq!(
            named(OTHER, &revisions[..3], &['2', '3'], Sight::Everything),
            "3",
            "what is named stays so only while it tells something"
        );
    }
}
