mod stored;

use proptest::prelude::*;

use super::claims::{Claims, owners};
use super::codec::{self, SaveId, UnreadableState};
use super::files_to_read::files_to_read;
use super::*;
use crate::catalog::plan::{Claim, ClaimingSource};
use crate::git::FileMode;
use crate::github::{Side, Tip};

fn blob(digit: char) -> BlobId {
    BlobId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn version(digit: char) -> Version {
    Version {
        mapping: None,
        file: blob(digit),
        texts: BTreeMap::new(),
    }
}

fn key(name: &str) -> EntityKey {
    EntityKey::from_text(&format!("service|{name}")).unwrap()
}

fn keys(names: &str) -> BTreeSet<EntityKey> {
    names.split_whitespace().map(key).collect()
}

fn problem(name: &str) -> Problem {
    Problem {
        code: "wrong-type".to_owned(),
        entity: Some(key(name)),
    }
}

/// What a run has made of a file.
#[derive(Clone)]
struct Outcome {
    at_tip: FileAtTip,
    fates: BTreeMap<EntityKey, Fate>,
}

/// A file of which Port accepted `accepted` at version `digit` and may hold `possible`, while this source
/// released `left`.
fn outcome(digit: char, accepted: &str, possible: &str, left: &str) -> Outcome {
    let with = |names, fate: Fate| keys(names).into_iter().map(move |key| (key, fate.clone()));
    let fates = with(accepted, Fate::Accepted(None)).chain(with(possible, Fate::Possible));
    Outcome {
        at_tip: FileAtTip {
            version: Some(version(digit)),
            entities: keys(&format!("{accepted} {possible}")),
            problems: BTreeSet::new(),
        },
        fates: fates.chain(with(left, Fate::Released)).collect(),
    }
}

fn conclude(state: &mut State, path: &RepoPath, outcome: Outcome) {
    let Outcome { at_tip, fates } = outcome;
    state.conclude(BTreeMap::from([(path.clone(), at_tip)]), fates);
}

/// Notes that `names` of the file at `path` are about to be written at version `digit`.
fn begin(state: &mut State, path: &RepoPath, digit: char, names: &str) {
    for key in keys(names) {
        state.begin(path, &version(digit), key);
    }
}

/// A run in which nothing but this became of entities.
fn note(state: &mut State, names: &str, fate: &Fate) {
    let fates = keys(names).into_iter().map(|key| (key, fate.clone()));
    state.conclude(BTreeMap::new(), fates.collect());
}

fn removed(deletion: DeletionState) -> Removed {
    let path = path();
    Removed { path, deletion }
}

fn path() -> RepoPath {
    RepoPath::new("port.yml")
}

/// `1+ab 2?b`: version 1 was accepted with a and b, version 2 is possible with b.
fn show(state: &State) -> String {
    let Some(file) = state.file(&path()) else {
        return "unknown".to_owned();
    };
    let held = |held: &HeldVersion| {
        let sign = match held.proof {
            Proof::Accepted => '+',
            Proof::Possible => '?',
        };
        let names = held.entities.iter().map(|key| key.name.to_string());
        let digit = &held.version.file.as_str()[..1];
        format!("{digit}{sign}{}", names.collect::<String>())
    };
    let parts: Vec<_> = file.versions.iter().map(held).collect();
    let open = if file.is_open() { " open" } else { "" };
    format!("{}{open}", parts.join(" "))
}

#[test]
fn a_file_is_settled_once_port_has_accepted_everything_in_it() {
    let mut state = State::default();
    begin(&mut state, &path(), '1', "a b");
    assert_eq!(show(&state), "1?ab open");
    conclude(&mut state, &path(), outcome('1', "a", "b", ""));
    assert_eq!(show(&state), "1?b 1+a open");
    assert_eq!(state.status(), Status::Incomplete);
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    assert_eq!(show(&state), "1+ab");
    assert_eq!(state.status(), Status::Synced);
}

#[test]
fn an_entity_stays_at_the_versions_that_port_may_hold() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    begin(&mut state, &path(), '2', "a b");
    assert_eq!(show(&state), "1+ab 2?ab open", "a killed run leaves both");
    let mut refused = outcome('2', "a", "", "");
    refused.at_tip.problems.insert(problem("b"));
    conclude(&mut state, &path(), refused);
    assert_eq!(show(&state), "1+b 2?b 2+a open");
    conclude(&mut state, &path(), outcome('3', "a b", "", ""));
    assert_eq!(show(&state), "3+ab");
}

#[test]
fn a_file_that_is_gone_is_forgotten_once_its_entities_are() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    let gone = |left: &str| Outcome {
        at_tip: FileAtTip::default(),
        ..outcome('1', "", "", left)
    };
    conclude(&mut state, &path(), gone("a"));
    assert_eq!(show(&state), "1+b 1? open");
    conclude(&mut state, &path(), gone("b"));
    assert_eq!(show(&state), "unknown");
    assert!(state.is_empty());
}

#[test]
fn what_an_earlier_version_is_left_with_keeps_a_file_open() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    conclude(&mut state, &path(), outcome('2', "", "", "a"));
    assert_eq!(show(&state), "1+b 1? open");
    conclude(&mut state, &path(), outcome('2', "", "", "b"));
    assert_eq!(show(&state), "2+");
}

#[test]
fn a_file_is_open_while_what_it_declared_is_deleted() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    state.begin_deletion(&key("a"));
    assert_eq!(show(&state), "1+ab 1? open");
    state.begin_deletion(&key("b"));
    assert_eq!(show(&state), "1+ab 1? open");
    assert_eq!(round_trip(&state), state);
    conclude(&mut state, &path(), outcome('2', "b", "", "a"));
    assert_eq!(show(&state), "2+b");
}

#[test]
fn a_file_that_declares_nothing_is_known_and_nothing_to_remember() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "", "", ""));
    assert_eq!(show(&state), "1+");
    assert!(state.is_empty());
    let mut invalid = outcome('2', "", "", "");
    invalid.at_tip.problems.insert(problem("a"));
    conclude(&mut state, &path(), invalid);
    assert_eq!(show(&state), " open");
    assert!(!state.is_empty());
}

/// A change to a state, and whether something holds of it then.
type Case = (fn(&mut State), bool);

#[test]
fn what_is_removed_or_waits_is_something_to_remember() {
    let cases: [Case; 5] = [
        (|_| {}, true),
        (
            |state| state.commit = CommitSha::parse(&"a".repeat(40)),
            true,
        ),
        (|state| state.inputs = "digest".to_owned(), true),
        (|state| state.waiting = keys("a"), false),
        (
            |state| {
                drop(
                    state
                        .removed
                        .insert(key("a"), removed(DeletionState::Pending)),
                )
            },
            false,
        ),
    ];
    for (index, (vary, is_empty)) in cases.into_iter().enumerate() {
        let mut state = State::default();
        vary(&mut state);
        assert_eq!(state.is_empty(), is_empty, "case {index}");
    }
}

#[test]
fn another_commit_or_workflow_alone_is_not_saved() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a", "", ""));
    let cases: [Case; 9] = [
        (|_| {}, true),
        (
            |state| state.commit = CommitSha::parse(&"a".repeat(40)),
            true,
        ),
        (|state| state.workflow = "other".to_owned(), true),
        (|state| state.inputs = "other".to_owned(), false),
        (|state| state.since = 1, false),
        (|state| state.waiting = keys("b"), false),
        (
            |state| {
                drop(
                    state
                        .removed
                        .insert(key("b"), removed(DeletionState::Pending)),
                )
            },
            false,
        ),
        (
            |state| {
                let drift = serde_json::from_str(r#""0""#).unwrap();
                state.rewritten.insert(key("a"), drift);
            },
            false,
        ),
        (
            |state| conclude(state, &path(), outcome('2', "a", "", "")),
            false,
        ),
    ];
    for (index, (vary, is_same)) in cases.into_iter().enumerate() {
        let mut other = state.clone();
        vary(&mut other);
        let found = state.is_same_apart_from_run(&other);
        assert_eq!(found, is_same, "case {index}");
    }
}

#[test]
fn of_too_many_versions_the_oldest_but_one_is_dropped() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a", "", ""));
    for digit in "23456789abc".chars() {
        begin(&mut state, &path(), digit, "a");
    }
    assert_eq!(show(&state), "1+a 4?a 5?a 6?a 7?a 8?a 9?a a?a b?a c?a open");
}

#[test]
fn what_is_released_is_nowhere() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    state
        .removed
        .insert(key("c"), removed(DeletionState::Prevented));
    assert_eq!(state.status(), Status::Incomplete);
    note(&mut state, "a c", &Fate::Released);
    assert_eq!(show(&state), "1+b");
    assert_eq!(state.status(), Status::Synced);
}

/// What is remembered of an entity: `h`eld by a file, `r`emoved, `w`aiting, written `again`.
fn remembered(state: &State, name: &str) -> String {
    let key = key(name);
    let parts = [
        (state.entities().contains_key(&key), "h"),
        (state.removed.contains_key(&key), "r"),
        (state.waiting.contains(&key), "w"),
        (state.rewritten.contains_key(&key), "a"),
    ];
    let parts = parts.into_iter().filter(|(is_there, _)| *is_there);
    parts.map(|(_, letter)| letter).collect()
}

#[test]
fn what_became_of_an_entity_decides_what_is_remembered() {
    let drift: DriftDigest = serde_json::from_str(r#""0""#).unwrap();
    let pending = removed(DeletionState::Pending);
    let mut before = State::default();
    conclude(&mut before, &path(), outcome('1', "a b", "", ""));
    before.rewritten.insert(key("a"), drift.clone());
    before.removed.insert(key("a"), pending.clone());
    // Where the file that declared it was read and does not do so any more, and where it was not read.
    for (fate, read, unread) in [
        (Fate::Accepted(None), "", "h"),
        (Fate::Accepted(Some(drift)), "a", "ha"),
        (Fate::Possible, "h", "h"),
        (Fate::Waiting, "w", "hw"),
        (Fate::Released, "", ""),
        (Fate::Removed(pending), "r", "r"),
    ] {
        let mut state = before.clone();
        note(&mut state, "a", &fate);
        assert_eq!(remembered(&state, "a"), unread, "{fate:?}");
        assert_eq!(remembered(&state, "b"), "h", "{fate:?}");
        let mut state = before.clone();
        let at_tip = outcome('2', "", "", "").at_tip;
        let fates = BTreeMap::from([(key("a"), fate.clone())]);
        conclude(&mut state, &path(), Outcome { at_tip, fates });
        assert_eq!(remembered(&state, "a"), read, "{fate:?}");
        assert_eq!(remembered(&state, "b"), "h", "{fate:?}");
    }
}

#[test]
fn runs_that_overlap_leave_open_what_either_changed() {
    let other_path = RepoPath::new("other.yml");
    let quiet = RepoPath::new("quiet.yml");
    let mut base = State::default();
    for path in [&path(), &other_path, &quiet] {
        conclude(
            &mut base,
            path,
            outcome('1', path.as_str().split('.').next().unwrap(), "", ""),
        );
    }
    let (mut own, mut other) = (base.clone(), base.clone());
    conclude(&mut own, &path(), outcome('2', "port", "", ""));
    conclude(&mut other, &path(), outcome('3', "port", "", ""));
    conclude(&mut other, &other_path, outcome('3', "other", "", ""));
    let merged = merge_states(&base, own, other);
    assert_eq!(show(&merged), "1?port 3?port 2?port open");
    assert!(merged.file(&other_path).unwrap().is_open());
    assert!(!merged.file(&quiet).unwrap().is_open());
}

#[test]
fn runs_that_overlap_with_other_inputs_leave_none() {
    let with = |inputs: &str| State {
        inputs: inputs.to_owned(),
        ..State::default()
    };
    assert_eq!(merge_states(&with("a"), with("a"), with("a")).inputs, "a");
    assert_eq!(merge_states(&with("a"), with("a"), with("b")).inputs, "");
    // Both had new inputs, and what they released is open again.
    assert_eq!(merge_states(&with("a"), with("b"), with("b")).inputs, "");
    let first = State::default();
    assert_eq!(merge_states(&first, with("a"), with("a")).inputs, "a");
}

#[test]
fn what_one_run_declares_is_not_removed_by_another() {
    let mut base = State::default();
    conclude(&mut base, &path(), outcome('1', "a", "", ""));
    let (mut own, other) = (base.clone(), base.clone());
    conclude(&mut own, &path(), outcome('2', "", "", "a"));
    own.removed
        .insert(key("a"), removed(DeletionState::Pending));
    let merged = merge_states(&base, own, other);
    assert_eq!(show(&merged), "1?a open");
    assert!(merged.removed.is_empty());
}

/// What is read of `port.yml` with `text.md`, where the tip has these blobs.
fn to_read(state: &State, tip: &Tip) -> Vec<String> {
    let selected = |path: &RepoPath| path.as_str().ends_with(".yml");
    let files = files_to_read(state, tip, selected, |_| None);
    files.keys().map(ToString::to_string).collect()
}

fn changed(files: &[(&str, char)]) -> Tip {
    let side = |digit: char| match digit {
        '-' => Side::Absent,
        digit => Side::File {
            mode: Some(FileMode::Regular),
            blob: blob(digit),
        },
    };
    let files = files.iter();
    Tip::Changed(
        files
            .map(|(path, digit)| (RepoPath::new(*path), side(*digit)))
            .collect(),
    )
}

#[test]
fn files_are_read_whose_version_is_another_or_that_are_open() {
    let mut state = State::default();
    let mut with_text = outcome('1', "a", "", "");
    with_text.at_tip.version.as_mut().unwrap().texts =
        BTreeMap::from([(RepoPath::new("t.md"), blob('5'))]);
    conclude(&mut state, &path(), with_text);
    for (files, expected) in [
        (&[][..], &[][..]),
        (&[("readme.md", '1')], &[]),
        (&[("port.yml", '2')], &["port.yml"]),
        (&[("port.yml", '-')], &["port.yml"]),
        (&[("port.yml", '1')], &[]),
        (&[("t.md", '6')], &["port.yml"]),
        (&[("t.md", '-')], &["port.yml"]),
        (&[("t.md", '5')], &[]),
        (&[("new.yml", '1')], &["new.yml"]),
        (&[("gone.yml", '-')], &[]),
    ] {
        assert_eq!(to_read(&state, &changed(files)), expected, "{files:?}");
    }
    begin(&mut state, &path(), '1', "b");
    assert_eq!(to_read(&state, &changed(&[])), ["port.yml"]);
}

#[test]
fn with_a_file_come_those_that_share_an_entity_with_it() {
    let mut state = State::default();
    for (name, entities) in [("a.yml", "a"), ("b.yml", "b"), ("c.yml", "c")] {
        conclude(
            &mut state,
            &RepoPath::new(name),
            outcome('1', entities, "", ""),
        );
    }
    begin(&mut state, &path(), '2', "a");
    begin(&mut state, &RepoPath::new("a.yml"), '3', "b");
    let read = to_read(&state, &changed(&[]));
    assert_eq!(read, ["a.yml", "b.yml", "port.yml"]);
}

fn round_trip(state: &State) -> State {
    let (read, save) = codec::decode(&properties(state)).unwrap();
    assert_eq!(save, SaveId::of("1"));
    read
}

fn properties(state: &State) -> serde_json::Map<String, serde_json::Value> {
    let mut properties = codec::encode(state, &SaveId::of("1"));
    if let Some(commit) = &state.commit {
        properties.insert("commit".to_owned(), commit.as_str().into());
    }
    properties
}

prop_compose! {
    fn any_state()(
        files in proptest::collection::btree_map("[a-z/]{1,12}", (
            proptest::collection::vec((0..9u8, "[a-zA-Z0-9'=/]{1,5}( [a-z]{1,5}){0,3}", any::<bool>()), 0..4),
            any::<bool>(),
        ), 0..8),
        deletions in proptest::collection::btree_map("[a-z0-9]{1,9}", any::<bool>(), 0..4),
        waiting in "([a-z]{1,4} ){0,3}",
        inputs in "[0-9a-f]{12}",
    ) -> State {
        let mut state = State { inputs, waiting: keys(&waiting), since: 7, ..State::default() };
        for (path, (parts, is_wrong)) in files {
            let path = RepoPath::new(path);
            for (digit, names, is_accepted) in parts {
                let mut version = version(char::from(b'0' + digit));
                version.mapping = (digit % 3 > 0).then(|| blob(char::from(b'0' + digit % 3)));
                let names = keys(&names.replace('\'', "x"));
                let file = state.file_mut(&path);
                let proof = if is_accepted { Proof::Accepted } else { Proof::Possible };
                for key in names {
                    file.add(&version, key, proof);
                }
            }
            if is_wrong {
                state.file_mut(&path).problems.insert(problem("x"));
            }
        }
        let is_known = |file: &FileState| !file.versions.is_empty() || !file.problems.is_empty();
        state.files.retain(|_, file| is_known(file));
        for (name, is_prevented) in deletions {
            let deletion = if is_prevented { DeletionState::Prevented } else { DeletionState::Pending };
            state.removed.insert(key(&name), removed(deletion));
        }
        state
    }
}

proptest! {
    #[test]
    fn a_state_is_read_as_it_was_written(state in any_state()) {
        prop_assert_eq!(round_trip(&state), state);
    }
}

#[test]
fn lists_may_be_shortened_and_not_lengthened() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    state
        .removed
        .insert(key("c"), removed(DeletionState::Pending));
    state.waiting = keys("d");
    let mut shortened = properties(&state);
    for (name, list) in [
        ("entities", vec!["service|b", "service|z"]),
        ("removed", vec!["service|z"]),
        ("waiting", vec![]),
    ] {
        shortened.insert(name.to_owned(), list.into());
    }
    let (read, _) = codec::decode(&shortened).unwrap();
    assert_eq!(show(&read), "1+b");
    assert!(read.removed.is_empty() && read.waiting.is_empty());
}

/// Other sources compare identifiers with the list, and a query has none.
#[test]
fn a_query_is_held_and_not_listed() {
    let mut state = State::default();
    let mut outcome = outcome('1', "a", "", "");
    let query = EntityKey::from_text(r#"service|{"combinator":"and","rules":[]}"#);
    outcome.at_tip.entities.extend(query.clone());
    outcome
        .fates
        .extend(query.map(|key| (key, Fate::Accepted(None))));
    conclude(&mut state, &path(), outcome);
    assert_eq!(state.entities().len(), 2);
    assert_eq!(
        properties(&state)["entities"],
        serde_json::json!(["service|a"])
    );
    assert_eq!(round_trip(&state), state);
}

#[test]
fn what_was_edited_or_is_newer_is_not_read() {
    let mut state = State::default();
    conclude(&mut state, &path(), outcome('1', "a b", "", ""));
    let good = properties(&state);
    let edit = |name: &str, change: &dyn Fn(String) -> serde_json::Value| {
        let mut edited = good.clone();
        let text = edited[name][0].as_str().unwrap().to_owned();
        edited.insert(name.to_owned(), change(text));
        codec::decode(&edited).unwrap_err()
    };
    let is_damaged = |error: UnreadableState| matches!(error, UnreadableState::Damaged(_));
    for name in ["settled", "open"] {
        assert!(is_damaged(edit(name, &|_| serde_json::Value::Null)));
        assert!(is_damaged(edit(name, &|_| vec![""].into())));
        assert!(is_damaged(edit(name, &|text| vec![
            text[..text.len() - 8].to_owned()
        ]
        .into())));
        let flipped = |text: String| {
            let mut bytes = text.into_bytes();
            bytes[30] = if bytes[30] == b'A' { b'B' } else { b'A' };
            vec![String::from_utf8(bytes).unwrap()].into()
        };
        assert!(is_damaged(edit(name, &flipped)));
        let form = |form: &str| {
            let form = format!("{form}:");
            edit(name, &|text| vec![text.replacen("1:", &form, 1)].into())
        };
        assert_eq!(form("2"), UnreadableState::Newer(2));
        assert!(is_damaged(form("0")) && is_damaged(form("x")));
    }
    let other = codec::encode(&state, &SaveId::of("2"));
    let mut mixed = good.clone();
    mixed.insert("open".to_owned(), other["open"].clone());
    assert!(is_damaged(codec::decode(&mixed).unwrap_err()));
}

#[test]
fn a_large_state_fits_into_strings_that_port_stores() {
    let mut state = State::default();
    for file in 0..2000_u32 {
        let names: Vec<_> = (0..5)
            .map(|n| format!("service-{:05}", file * 5 + n))
            .collect();
        let mut outcome = outcome('1', &names.join(" "), "", "");
        let digest = ring::digest::digest(&ring::digest::SHA256, &file.to_be_bytes());
        let id: String = digest.as_ref()[..20]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        outcome.at_tip.version.as_mut().unwrap().file = BlobId::parse(&id).unwrap();
        let path = RepoPath::new(format!("services/{file}/port.yml"));
        conclude(&mut state, &path, outcome);
    }
    let properties = properties(&state);
    let size = serde_json::to_string(&properties).unwrap().len();
    assert!(size <= 600_000, "{size} bytes");
    let strings = properties["settled"].as_array().unwrap();
    assert!(
        strings
            .iter()
            .all(|one| one.as_str().unwrap().len() <= 30 * 1024)
    );
    assert_eq!(round_trip(&state), state);
}

#[test]
fn a_status_has_a_name() {
    for (name, status) in [
        ("synced", Some(Status::Synced)),
        ("incomplete", Some(Status::Incomplete)),
        ("applying", Some(Status::Applying)),
        ("other", None),
    ] {
        let properties = serde_json::Map::from_iter([("status".to_owned(), name.into())]);
        assert_eq!(codec::status(&properties), status);
    }
}

/// What the source `name` owns and waits for.
fn claims(name: &str, since: u64, owned: &str, waiting: &str) -> Claims {
    Claims {
        name: name.to_owned(),
        title: format!("title of {name}"),
        since,
        owned: keys(owned),
        waiting: keys(waiting),
    }
}

#[test]
fn an_entity_is_owned_by_whoever_had_it_first() {
    let (no_claim, owner, waits) = (
        claims("none", 1, "x", "x"),
        claims("owner", 8, "e", ""),
        claims("waits", 2, "", "e"),
    );
    for (own, others, expected) in [
        ("", vec![], None),
        ("", vec![no_claim], None),
        ("", vec![owner.clone()], Some(("owner", Claim::Owned))),
        ("", vec![waits.clone()], Some(("waits", Claim::Waiting))),
        // An owner counts before one that waits, and then the older one.
        (
            "",
            vec![waits.clone(), owner.clone()],
            Some(("owner", Claim::Owned)),
        ),
        (
            "",
            vec![owner.clone(), claims("old", 7, "e", "e")],
            Some(("old", Claim::Owned)),
        ),
        // Where both own it, the older one does, and of two of the same second the first by name.
        ("e", vec![owner.clone()], None),
        (
            "e",
            vec![claims("old", 4, "e", "")],
            Some(("old", Claim::Owned)),
        ),
        (
            "e",
            vec![claims("a", 5, "e", "")],
            Some(("a", Claim::Owned)),
        ),
        ("e", vec![claims("z", 5, "e", "")], None),
        ("e", vec![owner, waits], Some(("waits", Claim::Waiting))),
        // A source is not another one.
        ("", vec![claims("own", 5, "e", "")], None),
    ] {
        let found = owners(
            &BTreeSet::from([&key("e")]),
            &claims("own", 5, own, ""),
            &others,
        );
        let expected = expected.map(|(name, claim)| {
            let source = format!("title of {name}");
            (key("e"), ClaimingSource { source, claim })
        });
        assert_eq!(found, expected.into_iter().collect(), "{own} {others:?}");
    }
}
