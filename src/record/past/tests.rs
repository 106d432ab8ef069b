use super::*;

fn sha(digit: char) -> CommitSha {
    CommitSha::parse(&digit.to_string().repeat(40)).unwrap()
}

fn said(begun: &str) -> String {
    let words = Words {
        begun: Some(begun.to_owned()),
        ..Words::default()
    };
    words.to_string()
}

fn entry(digit: char, status: Option<(StatusState, &str, &str)>) -> HistoryEntry {
    HistoryEntry {
        commit: sha(digit),
        status: status.map(|(state, created_at, begun)| RecordedStatus {
            state,
            description: said(begun),
            created_at: created_at.to_owned(),
        }),
    }
}

const EARLY: &str = "2026-01-01T10:00:00Z";
const LATER: &str = "2026-01-01T10:05:00Z";
const NEXT_DAY: &str = "2026-01-02T10:05:00Z";

fn done(digit: char, begun: &str) -> HistoryEntry {
    entry(digit, Some((StatusState::Success, begun, begun)))
}

fn attempts(history: &[HistoryEntry]) -> Vec<CommitSha> {
    read(history).attempts
}

#[test]
fn the_base_is_the_nearest_complete_commit() {
    let history = [
        entry('a', None),
        done('b', LATER),
        entry('c', None),
        done('d', EARLY),
    ];
    let past = read(&history);
    assert_eq!(past.base, Some(sha('b')));
    assert_eq!(past.attempts, []);
    assert_eq!(read(&[entry('a', None)]), Past::default());
}

#[test]
fn attempts_since_the_base_count() {
    let failed = |digit| entry(digit, Some((StatusState::Failure, EARLY, EARLY)));
    let pending = entry('e', Some((StatusState::Pending, EARLY, EARLY)));
    let history = [failed('a'), pending, done('b', LATER), failed('c')];
    assert_eq!(attempts(&history), [sha('a'), sha('e')]);
    assert_eq!(attempts(&[failed('a'), failed('c')]), [sha('a'), sha('c')]);
}

#[test]
fn an_older_attempt_counts_while_it_may_have_written_after_the_base() {
    let ended = |time| entry('c', Some((StatusState::Failure, time, EARLY)));
    assert_eq!(attempts(&[done('b', LATER), ended(LATER)]), [sha('c')]);
    assert_eq!(attempts(&[done('b', LATER), ended(EARLY)]), []);
    let silent = || entry('c', Some((StatusState::Pending, EARLY, EARLY)));
    assert_eq!(attempts(&[done('b', LATER), silent()]), [sha('c')]);
    assert_eq!(attempts(&[done('b', NEXT_DAY), silent()]), []);
}

fn marked(digit: char, time: &str, begun: &str, next: char) -> HistoryEntry {
    let words = Words::parse(&said(begun)).with_next(&sha(next));
    let mut entry = done(digit, time);
    if let Some(status) = &mut entry.status {
        status.description = words.to_string();
    }
    entry
}

#[test]
fn what_base_builds_on_is_settled() {
    let ground = marked('c', LATER, EARLY, 'b');
    assert_eq!(attempts(&[done('b', LATER), ground.clone()]), []);
    let same = entry('a', Some((StatusState::Success, NEXT_DAY, LATER)));
    assert_eq!(attempts(&[same, done('b', LATER), ground]), []);
}

#[test]
fn the_ground_is_where_something_was_written_last() {
    let wrote_nothing = |digit| entry(digit, Some((StatusState::Success, LATER, EARLY)));
    let marked_later = marked('c', NEXT_DAY, EARLY, 'f');
    let history = [wrote_nothing('a'), wrote_nothing('b'), marked_later];
    let past = read(&history);
    assert_eq!(
        past.base,
        Some(sha('a')),
        "it is as good as what it builds on"
    );
    assert_eq!(past.ground, Some(sha('c')));
    assert_eq!(past.attempts, []);
}

#[test]
fn a_base_that_was_attempted_again_is_an_attempt_too() {
    let past = read(&[marked('b', LATER, EARLY, 'b')]);
    assert_eq!((past.base, past.attempts), (Some(sha('b')), vec![sha('b')]));
    let again = marked('c', EARLY, EARLY, 'c');
    assert_eq!(attempts(&[done('b', LATER), again]), [sha('c')]);
}

#[test]
fn what_was_completed_while_base_was_written_counts() {
    let newer = entry('a', Some((StatusState::Success, EARLY, EARLY)));
    let base = entry('b', Some((StatusState::Success, LATER, LATER)));
    assert_eq!(attempts(&[newer, base]), [sha('a')]);
    let older = entry('c', Some((StatusState::Success, LATER, EARLY)));
    assert_eq!(attempts(&[done('b', LATER), older]), [sha('c')]);
}

#[test]
fn what_base_wrote_counts_though_it_is_no_base_any_more() {
    let mut past = read(&[done('b', LATER)]);
    past.forget_base();
    assert_eq!((past.base, past.attempts), (None, vec![sha('b')]));
}

#[test]
fn what_a_force_push_replaced_counts() {
    let failed = entry('f', Some((StatusState::Failure, EARLY, EARLY)));
    let history = [entry('a', None), done('b', EARLY)];
    let mut past = read(&history);
    let known = history.iter().map(|entry| &entry.commit).zip(0..).collect();
    let settled = entry('9', Some((StatusState::Failure, EARLY, EARLY)));
    let replaced = [entry('e', None), failed, done('b', EARLY), settled];
    let base_words = Words::parse(&said(LATER));
    add_replaced(&mut past, &base_words, &known, &sha('e'), &replaced);
    assert_eq!(past.attempts, [sha('e'), sha('f')]);

    let mut first = Past::default();
    add_replaced(
        &mut first,
        &Words::default(),
        &BTreeMap::new(),
        &sha('e'),
        &[entry('e', None)],
    );
    assert_eq!(first, Past::default(), "nothing was ever applied");
    let (words, known) = (Words::default(), BTreeMap::new());
    add_replaced(&mut first, &words, &known, &sha('e'), &[]);
    assert_eq!(first.attempts, [sha('e')], "its history is not shown");
}

fn listed(state: StatusState, created_at: &str, description: &str) -> ListedStatus {
    ListedStatus {
        id: 1,
        status: RecordedStatus {
            state,
            description: description.to_owned(),
            created_at: created_at.to_owned(),
        },
        target_url: None,
    }
}

/// When the words are said of which the `statuses` of `a`, newest first, tell that no end followed.
fn unended_at(statuses: &[ListedStatus]) -> Vec<&str> {
    let (commit, words) = (sha('a'), Words::default());
    let open = unended(&commit, statuses, &words);
    open.map(|word| word.created_at.as_str()).collect()
}

#[test]
fn an_end_follows_the_run_that_it_names() {
    let begun = |time: &str| listed(StatusState::Pending, time, "writing");
    let ended = |time: &str, began: &str| {
        let words = said(&Words::begun_at(began, &sha('a')));
        listed(StatusState::Success, time, &words)
    };
    assert!(unended_at(&[ended(LATER, EARLY), begun(EARLY)]).is_empty());
    assert_eq!(unended_at(&[begun(EARLY)]), [EARLY]);
    assert_eq!(
        unended_at(&[ended(NEXT_DAY, LATER), begun(LATER), begun(EARLY)]),
        [EARLY],
        "the first may go on"
    );
    let failed = listed(StatusState::Failure, LATER, "2 of 3 written");
    assert!(unended_at(&[failed.clone(), begun(EARLY)]).is_empty());
    let of_another = ListedStatus {
        target_url: Some("https://github.test/runs/2".to_owned()),
        ..failed.clone()
    };
    assert_eq!(unended_at(&[of_another, begun(EARLY)]), [EARLY]);
    assert_eq!(unended_at(&[failed, begun(LATER), begun(EARLY)]), [LATER]);
    let as_before = listed(StatusState::Success, LATER, &said(EARLY));
    assert!(unended_at(&[as_before, begun(EARLY)]).is_empty());
}

/// Else a schedule would carry a run that was killed once from one of its runs to the next.
#[test]
fn an_end_that_tells_of_another_run_is_no_beginning() {
    let words = |began: &str| {
        let words = Words::parse(&said(&Words::begun_at(began, &sha('a'))));
        words.with_next(&sha('a')).to_string()
    };
    let killed = listed(StatusState::Pending, EARLY, "writing");
    let again = listed(StatusState::Pending, LATER, "writing");
    let told = listed(StatusState::Success, LATER, &words(LATER));
    let mark = listed(StatusState::Success, NEXT_DAY, &words(LATER));
    let newest = listed(StatusState::Success, NEXT_DAY, &words(NEXT_DAY));
    let statuses = [newest, mark, told, again, killed];
    assert_eq!(unended_at(&statuses), [EARLY]);
    assert_eq!(unended_at(&statuses[1..]), [NEXT_DAY, EARLY], "begun anew");
}
