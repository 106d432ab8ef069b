use std::collections::BTreeSet;

use super::*;
use crate::catalog::declare::{EntityFile, FileContent, declare};
use crate::catalog::plan::{Obstacle, Untouched};
use crate::catalog::rules::BlueprintRules;
use crate::git::BlobId;
use crate::text::SourceFile;

const VALID: &str = "{identifier: a, blueprint: b}";
const INVALID: &str = "{identifier: a, blueprint: b, title: 1}";
const UNREADABLE: &str = "{";

fn path() -> RepoPath {
    RepoPath::new("port.yml")
}

fn key(name: &str) -> EntityKey {
    EntityKey::from_text(&format!("b|{name}")).unwrap()
}

/// What a run has read whose only file is this one.
fn declared(text: &str) -> Declared {
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(path(), text)),
        default_blueprint: None,
    };
    let version = Version {
        file: BlobId::parse(&"1".repeat(40)).unwrap(),
        mapping: None,
        texts: BTreeMap::new(),
    };
    Declared {
        head: declare(&[file], &BlueprintRules::parse("*").unwrap()),
        earlier: Vec::new(),
        versions: BTreeMap::from([(path(), Some(version))]),
        open: BTreeSet::new(),
    }
}

/// A plan that leaves one entity as it is.
fn plan(key: EntityKey, declared: &Declared, reason: NoOpReason) -> Plan {
    let untouched = Untouched {
        key,
        location: declared.head.valid.first().map(|one| one.location()),
        path: Some(path()),
        reason,
    };
    Plan {
        untouched: vec![untouched],
        ..Plan::default()
    }
}

fn owned_elsewhere() -> NoOpReason {
    NoOpReason::OwnedElsewhere("octo/other".to_owned())
}

#[test]
fn an_entity_waits_while_a_file_with_an_error_may_declare_it() {
    let other = INVALID.replace(": a,", ": x,");
    for (text, reason, is_waiting) in [
        ("", None, false),
        (VALID, Some(owned_elsewhere()), true),
        (INVALID, None, true),
        (&other, None, false),
        (UNREADABLE, None, true),
        (UNREADABLE, Some(NoOpReason::Unchanged), false),
    ] {
        let declared = declared(text);
        let plan = reason.map(|reason| plan(key("a"), &declared, reason));
        let mut state = State::default();
        state.waiting.insert(key("a"));
        after_writing(&mut state, &declared, &plan.unwrap_or_default(), None);
        assert_eq!(state.waiting.contains(&key("a")), is_waiting, "{text:?}");
    }
}

#[test]
fn what_is_removed_is_remembered_unless_a_query_named_it() {
    let query = r#"{"combinator":"and","rules":[]}"#;
    let held_back = NoOpReason::HeldBack(Obstacle {
        reason: String::new(),
        help: String::new(),
    });
    for (name, reason, expected) in [
        ("a", NoOpReason::Removed, Some(DeletionState::Pending)),
        ("a", held_back, Some(DeletionState::Prevented)),
        ("a", NoOpReason::NeverWritten, None),
        (query, NoOpReason::Removed, None),
    ] {
        let (declared, mut state) = (declared(""), State::default());
        let plan = plan(key(name), &declared, reason);
        after_writing(&mut state, &declared, &plan, None);
        let removed = state.removed.get(&key(name));
        assert_eq!(removed.map(|removed| removed.deletion), expected, "{name}");
    }
}

#[test]
fn the_problems_of_a_file_are_those_of_its_text_and_of_its_entities() {
    let elsewhere = Problem::new("owned-elsewhere", Some(&key("a")));
    let wrong = Problem::new("wrong-type", Some(&key("a")));
    for (text, reason, expected) in [
        (VALID, NoOpReason::Unchanged, None),
        (VALID, owned_elsewhere(), Some(elsewhere)),
        (INVALID, NoOpReason::Removed, Some(wrong)),
    ] {
        let (declared, mut state) = (declared(text), State::default());
        let plan = plan(key("a"), &declared, reason);
        after_writing(&mut state, &declared, &plan, None);
        let found = state.file(&path()).unwrap().problems.iter();
        assert_eq!(
            found.collect::<Vec<_>>(),
            Vec::from_iter(&expected),
            "{text}"
        );
    }
}
