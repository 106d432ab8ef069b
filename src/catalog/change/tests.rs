use super::*;
use crate::catalog::declare::{EntityFile, FileContent, declare};
use crate::catalog::rules::BlueprintRules;
use crate::text::SourceFile;

const ONE: &str = r#"{"identifier": "a", "blueprint": "b", "properties": {"x": 1, "y": 2}}"#;

fn declarations(files: &[(&str, &str)]) -> Declarations {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| EntityFile {
            content: FileContent::Text(SourceFile::new(RepoPath::new(*path), *text)),
            default_blueprint: None,
        })
        .collect();
    declare(&files, &BlueprintRules::parse("*").unwrap())
}

/// A version of a file that was accepted whole.
fn settled(path: &str, text: &str) -> Earlier {
    let declared = declarations(&[(path, text)]).valid;
    Earlier {
        path: RepoPath::new(path),
        entities: declared.iter().map(|one| one.entity.key()).collect(),
        proof: Proof::Accepted,
        declared,
    }
}

fn held(path: &str, text: &str, proof: Proof) -> Earlier {
    Earlier {
        proof,
        ..settled(path, text)
    }
}

fn describe(change: &Change) -> String {
    let kind = format!("{:?}", change.kind()).to_lowercase();
    let basis = format!("{:?}", change.basis).to_lowercase();
    let skipped = match change.is_candidate() {
        true => "",
        false => ", skipped",
    };
    format!("{kind} {} by {basis}{skipped}", change.key)
}

fn changes(earlier: &[Earlier], head: &[(&str, &str)]) -> Vec<String> {
    let changes = compare(earlier, &declarations(head), &BTreeSet::new());
    changes.iter().map(describe).collect()
}

#[test]
fn form_and_place_do_not_matter() {
    let same = "# the same\nblueprint: b\nproperties: {y: 2, x: 0x1}\nidentifier: 'a'\n";
    assert_eq!(
        changes(&[settled("a.json", ONE)], &[("z/a.yml", same)]),
        ["unchanged b/a by git, skipped"]
    );
}

#[test]
fn entities_are_created_changed_and_removed() {
    let base = "{identifier: a, blueprint: b}\n---\n{identifier: gone, blueprint: b}";
    let head = "{identifier: a, blueprint: b, title: A}\n---\n{identifier: new, blueprint: b}";
    assert_eq!(
        changes(&[settled("p.yml", base)], &[("p.yml", head)]),
        [
            "changed b/a by git",
            "created b/new by live",
            "removed b/gone by live, skipped"
        ]
    );
}

#[test]
fn an_open_file_is_compared_with_port() {
    // Also where the entity moved from an open file, or into one.
    for (before, now, open, expected) in [
        ("p.json", "p.json", "p.json", "unchanged b/a by live"),
        ("p.json", "q.json", "p.json", "unchanged b/a by live"),
        ("p.json", "q.json", "q.json", "unchanged b/a by live"),
        (
            "p.json",
            "q.json",
            "r.json",
            "unchanged b/a by git, skipped",
        ),
    ] {
        for proof in [Proof::Accepted, Proof::Possible] {
            let head = declarations(&[(now, ONE)]);
            let open = BTreeSet::from([RepoPath::new(open)]);
            let found = compare(&[held(before, ONE, proof)], &head, &open);
            assert_eq!(describe(&found[0]), expected, "{before} {now} {open:?}");
            assert_eq!(found[0].proof, proof);
        }
    }
}

#[test]
fn a_version_that_git_no_longer_has_is_compared_with_port() {
    let gone = Earlier {
        declared: Vec::new(),
        ..settled("p.json", ONE)
    };
    assert_eq!(
        changes(&[gone], &[("p.json", ONE)]),
        ["created b/a by live"]
    );
}

#[test]
fn only_what_may_be_in_port_counts_of_a_version() {
    let refused = Earlier {
        entities: BTreeSet::new(),
        ..settled("p.json", ONE)
    };
    assert_eq!(changes(&[refused], &[]), [""; 0]);
}

#[test]
fn every_version_counts() {
    let other = "{identifier: a, blueprint: b, title: A}";
    let earlier = [
        held("p.yml", ONE, Proof::Accepted),
        held("p.yml", other, Proof::Possible),
    ];
    let found = compare(&earlier, &declarations(&[("p.yml", ONE)]), &BTreeSet::new());
    assert_eq!(
        (found[0].kind(), found[0].former.len()),
        (ChangeKind::Changed, 2)
    );
    let removed = compare(&earlier, &declarations(&[]), &BTreeSet::new());
    assert_eq!(
        removed[0].proof,
        Proof::Accepted,
        "Port accepted one of them"
    );
    assert_eq!(removed[0].former_path, Some(RepoPath::new("p.yml")));
}

#[test]
fn what_cannot_be_read_at_head_is_not_removed() {
    let earlier = || [settled("a.json", ONE)];
    assert_eq!(changes(&earlier(), &[("a.json", "{")]), [""; 0]);
    let invalid = r#"{"identifier": "a", "blueprint": "b", "title": 1}"#;
    assert_eq!(changes(&earlier(), &[("a.json", invalid)]), [""; 0]);
    assert_eq!(
        changes(&earlier(), &[("b.json", "{")]),
        ["removed b/a by live, skipped"],
        "whether it may be deleted is the plan's to decide"
    );
}
