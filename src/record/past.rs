//! What the record says of the past: pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::words;
use crate::git::CommitSha;
use crate::github::{HistoryEntry, RecordedStatus, StatusState};

/// How long a run that never said how it ended may have gone on, in seconds: [a job ends][limits]
/// after six hours at the latest.
///
/// [limits]: https://docs.github.com/en/actions/reference/limits
const LONGEST_RUN: i64 = 6 * 60 * 60;

/// What is known of what was applied before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// The nearest commit that was applied completely.
    pub(crate) base: Option<CommitSha>,
    /// Further commits of which something may be in the catalog.
    pub(crate) attempts: Vec<CommitSha>,
    /// Earlier commits that were applied completely, the nearest first.
    pub(crate) older: Vec<CommitSha>,
}

impl Past {
    /// Adds a commit of which something may be in the catalog.
    pub(super) fn add_attempt(&mut self, commit: &CommitSha) {
        if self.base.as_ref() != Some(commit) && !self.attempts.contains(commit) {
            self.attempts.push(commit.clone());
        }
    }
}

/// Finds the base in head's history, and the attempts there that it does not settle.
///
/// The base is what was completed last: dates in Git can be anything, so the order of a history
/// across merges says less.
pub(super) fn read(history: &[HistoryEntry]) -> Past {
    let mut past = Past::default();
    let completed = history.iter().enumerate().filter_map(|(place, entry)| {
        let status = entry.status.as_ref()?;
        let is_complete = status.state == StatusState::Success;
        is_complete.then_some((&status.created_at, Reverse(place), status))
    });
    let base = completed.max_by_key(|&(time, place, _)| (time, place));
    let base_place = base.map_or(history.len(), |(_, Reverse(place), _)| place);
    let begun = base.and_then(|(_, _, status)| words::begun(&status.description));
    for (place, HistoryEntry { commit, status }) in history.iter().enumerate() {
        match status {
            Some(_) if place == base_place => past.base = Some(commit.clone()),
            Some(status) if status.state == StatusState::Success => {
                past.older.push(commit.clone());
            }
            Some(status) if place < base_place || may_have_outlived(status, begun) => {
                past.add_attempt(commit);
            }
            Some(_) | None => {}
        }
    }
    past
}

/// Whether an attempt that is older than the base in Git was perhaps still writing when the base's
/// run began: two runs can overlap.
fn may_have_outlived(attempt: &RecordedStatus, base_begun: Option<&str>) -> bool {
    let seconds = |time: &str| words::seconds(time);
    let (Some(last_word), Some(begun)) =
        (seconds(&attempt.created_at), base_begun.and_then(seconds))
    else {
        return true;
    };
    match attempt.state {
        StatusState::Pending => last_word + LONGEST_RUN >= begun,
        StatusState::Success | StatusState::Failure | StatusState::Error => last_word >= begun,
    }
}

/// Adds what the branch pointed to before the event, where that is no longer in head's history, and
/// what was attempted on the way there.
///
/// Histories are ordered by date, so a commit that was replaced can stand behind the base. Then only
/// its status tells whether it was attempted after the base.
pub(super) fn add_replaced(
    past: &mut Past,
    base_words: &str,
    head: &BTreeSet<&CommitSha>,
    before: &CommitSha,
    history_of_before: &[HistoryEntry],
) {
    if past.base.is_some() {
        past.add_attempt(before);
    }
    let mut is_behind_base = false;
    for HistoryEntry { commit, status } in history_of_before {
        is_behind_base |= past.base.as_ref() == Some(commit);
        let Some(status) = status.as_ref().filter(|_| !head.contains(commit)) else {
            continue;
        };
        if !is_behind_base || may_have_outlived(status, words::begun(base_words)) {
            past.add_attempt(commit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha(digit: char) -> CommitSha {
        CommitSha::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn entry(digit: char, status: Option<(StatusState, &str, &str)>) -> HistoryEntry {
        HistoryEntry {
            commit: sha(digit),
            status: status.map(|(state, created_at, begun)| RecordedStatus {
                state,
                description: words::success("1 created", begun, None),
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
        assert_eq!(past.older, [sha('d')]);
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

    #[test]
    fn what_a_force_push_replaced_counts() {
        let failed = entry('f', Some((StatusState::Failure, EARLY, EARLY)));
        let history = [entry('a', None), done('b', EARLY)];
        let mut past = read(&history);
        let known = history.iter().map(|entry| &entry.commit).collect();
        let settled = entry('9', Some((StatusState::Failure, EARLY, EARLY)));
        let replaced = [entry('e', None), failed, done('b', EARLY), settled];
        let base_words = words::success("1 created", LATER, None);
        add_replaced(&mut past, &base_words, &known, &sha('e'), &replaced);
        assert_eq!(past.attempts, [sha('e'), sha('f')]);

        let mut first = Past::default();
        add_replaced(
            &mut first,
            "",
            &BTreeSet::new(),
            &sha('e'),
            &[entry('e', None)],
        );
        assert_eq!(first, Past::default(), "nothing was ever applied");
    }
}
