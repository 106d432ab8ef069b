//! What the record says of the past: pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::words::{self, Words};
use crate::git::CommitSha;
use crate::github::{HistoryEntry, ListedStatus, RecordedStatus, StatusState};

/// How long a run that never said how it ended may have gone on, in seconds: [a job ends][limits]
/// after six hours at the latest.
///
/// [limits]: https://docs.github.com/en/actions/reference/limits
const LONGEST_RUN: i64 = 6 * 60 * 60;

/// What is known of what was applied before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// The commit that was applied last, all of it but what `since` tells.
    pub(crate) base: Option<CommitSha>,
    /// The first of the commits up to base between which nothing had to be written. It carries the
    /// word for the next attempt, so that it is found from each of them.
    pub(crate) ground: Option<CommitSha>,
    /// Earlier ones that tell, with base, what the catalog may hold in the place of what is open there.
    pub(crate) since: Vec<CommitSha>,
    /// Commits of which something may be in the catalog. Base is one of them if it was attempted
    /// again, which did not end well.
    pub(crate) attempts: Vec<CommitSha>,
    /// Whether all attempts were found that a force-push took out of the history.
    pub(crate) chain: Chain,
    /// Whether the catalog ever was as a commit of this record declares, apart from what `since` tells.
    pub(crate) wholeness: Wholeness,
}

/// Whether the catalog ever was as a commit of this record declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Wholeness {
    /// It was.
    Once,
    /// Something that all of them declare may be missing.
    #[default]
    Never,
}

/// Whether all attempts were found that a force-push took out of the history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Chain {
    /// They were.
    #[default]
    Whole,
    /// There are too many.
    Cut,
}

impl Past {
    /// Adds a commit of which something may be in the catalog.
    pub(super) fn add_attempt(&mut self, commit: &CommitSha) {
        if self.base.as_ref() != Some(commit) && !self.attempts.contains(commit) {
            self.attempts.push(commit.clone());
        }
    }

    /// Adds a commit of the history that was applied, and then attempted again.
    pub(super) fn add_again(&mut self, commit: &CommitSha) {
        if !self.attempts.contains(commit) {
            self.attempts.push(commit.clone());
        }
    }

    /// Nothing is known of what was applied, though something of base was.
    pub(super) fn forget_base(&mut self) {
        if let Some(base) = self.base.take() {
            self.add_again(&base);
        }
        self.ground = None;
        self.wholeness = Wholeness::Never;
    }
}

/// What a status of a commit says of runs that apply it.
enum Word {
    /// One began.
    Beginning,
    /// One ended; when it had begun, if it says so.
    End(Option<String>),
    /// Another commit is attempted next.
    Other,
}

impl Word {
    /// Reads the first of `statuses` of a commit, which are its newest first.
    fn read(commit: &CommitSha, statuses: &[ListedStatus]) -> Option<Self> {
        let (newest, older) = statuses.split_first()?;
        let words = Words::parse(&newest.status.description);
        if newest.status.state == StatusState::Pending {
            return Some(Self::Beginning);
        }
        // A word for a next attempt repeats the word that it lies over; an end says something new.
        let is_repeated =
            |listed: &ListedStatus| Words::parse(&listed.status.description).begun == words.begun;
        let is_new = match (&words.begun, &words.next) {
            (None, next) => next.is_none(),
            (Some(_), _) => !older.iter().any(is_repeated),
        };
        Some(match words.next {
            _ if is_new => Self::End(words.begun),
            Some(next) if next == *commit => Self::Beginning,
            _ => Self::Other,
        })
    }
}

/// The words of runs that began to apply a commit, or to apply it again, and that no end followed, if they
/// may have written what base's run did not see. The `statuses` are the commit's, newest first, as are the
/// words: those of other runs may lie over them.
pub(super) fn unended<'s>(
    commit: &CommitSha,
    statuses: &'s [ListedStatus],
    base_words: &Words,
) -> impl Iterator<Item = &'s RecordedStatus> {
    let mut open: Vec<&ListedStatus> = Vec::new();
    for place in (0..statuses.len()).rev() {
        let listed = &statuses[place];
        match Word::read(commit, &statuses[place..]) {
            Some(Word::Beginning) => open.push(listed),
            Some(Word::End(begun)) => {
                let is_its = |one: &&ListedStatus| {
                    begun == Some(Words::begun_at(&one.status.created_at, commit))
                };
                // Where it does not say when, the oldest word of the same run began.
                let is_its_runs = |one: &&ListedStatus| {
                    one.status.state == StatusState::Pending && one.target_url == listed.target_url
                };
                let ended = open.iter().position(is_its);
                let ended = ended.or_else(|| open.iter().position(is_its_runs));
                ended.map(|place| open.remove(place));
            }
            Some(Word::Other) | None => {}
        }
    }
    let is_late =
        |word: &&RecordedStatus| may_have_outlived(commit, word, base_words.begun.as_deref());
    let words = open.into_iter().rev().map(|listed| &listed.status);
    words.filter(is_late)
}

/// The base and its words.
struct Base<'h> {
    place: usize,
    commit: &'h CommitSha,
    words: Words,
}

/// Finds the base in head's history, and the attempts there that it does not settle.
///
/// The base is what was completed last: dates in Git can be anything, so the order of a history
/// across merges says less.
pub(super) fn read(history: &[HistoryEntry]) -> Past {
    let base = find_base(history);
    let mut past = Past::default();
    for (place, HistoryEntry { commit, status }) in history.iter().enumerate() {
        if status.is_none() {
            continue;
        }
        match &base {
            Some(base) if base.place == place => {
                past.base = Some(commit.clone());
                past.wholeness = Wholeness::Once;
                if base.words.next.as_ref() == Some(commit) {
                    past.attempts.push(commit.clone());
                }
            }
            Some(base) if is_settled(base, history, place) => {}
            Some(_) | None => past.add_attempt(commit),
        }
    }
    past.ground = base.as_ref().map(|base| {
        let same = history.iter().rev().find(|entry| base.is_same(entry));
        same.map_or(base.commit, |entry| &entry.commit).clone()
    });
    past
}

/// Whether the catalog is as the commit declares, at least apart from what the status says is open.
pub(super) fn is_base(status: &RecordedStatus) -> bool {
    match status.state {
        StatusState::Success => true,
        StatusState::Failure => !Words::parse(&status.description).since.is_empty(),
        _ => false,
    }
}

fn find_base(history: &[HistoryEntry]) -> Option<Base<'_>> {
    let completed = history.iter().enumerate().filter_map(|(place, entry)| {
        let status = entry.status.as_ref()?;
        is_base(status).then_some((&status.created_at, Reverse(place), &entry.commit, status))
    });
    let (_, Reverse(place), commit, status) =
        completed.max_by_key(|&(time, place, ..)| (time, place))?;
    let latest = Base {
        place,
        commit,
        words: Words::parse(&status.description),
    };
    let nearest = history
        .iter()
        .take(place)
        .position(|entry| latest.is_same(entry));
    let Some(place) = nearest else {
        return Some(latest);
    };
    let HistoryEntry { commit, status } = &history[place];
    let words = status
        .as_ref()
        .map(|status| Words::parse(&status.description));
    Some(Base {
        place,
        commit,
        words: words.unwrap_or_default(),
    })
}

impl Base<'_> {
    /// Whether nothing had to be written between base and another commit that was applied. A run that
    /// writes nothing passes on when the one before it began.
    fn is_same(&self, entry: &HistoryEntry) -> bool {
        let status = entry.status.as_ref();
        let status = status.filter(|status| is_base(status));
        let begun = status.and_then(|status| Words::parse(&status.description).begun);
        begun.is_some() && begun == self.words.begun
    }
}

/// Whether nothing of a commit that was applied, or attempted, is in the catalog but what base's run
/// found there or left.
fn is_settled(base: &Base<'_>, history: &[HistoryEntry], place: usize) -> bool {
    let entry = &history[place];
    let Some(status) = &entry.status else {
        return true;
    };
    let begun = base.words.begun.as_deref();
    let is_older = place > base.place;
    if !is_base(status) {
        return is_older && !may_have_outlived(&entry.commit, status, begun);
    }
    let next = Words::parse(&status.description).next;
    if next.as_ref() == Some(&entry.commit) {
        return is_older && !may_have_outlived(&entry.commit, status, begun);
    }
    let leads_to_base = || {
        let mut entries = history.iter();
        let next = entries.find(|entry| Some(&entry.commit) == next.as_ref());
        next.is_some_and(|next| next.commit == *base.commit || base.is_same(next))
    };
    if base.is_same(entry) {
        // A commit that says that nothing had to be written was attempted by another run too.
        return !leads_to_base();
    }
    is_older
        && (begun.is_none() || leads_to_base() || !may_have_outlived(&entry.commit, status, begun))
}

/// Whether an attempt that is older than the base in Git was perhaps still writing when the base's
/// run began: two runs can overlap.
fn may_have_outlived(
    commit: &CommitSha,
    attempt: &RecordedStatus,
    base_begun: Option<&str>,
) -> bool {
    let seconds = |time: &str| words::seconds(time);
    let (Some(last_word), Some(begun)) =
        (seconds(&attempt.created_at), base_begun.and_then(seconds))
    else {
        return true;
    };
    if is_open(commit, attempt) {
        last_word + LONGEST_RUN >= begun
    } else {
        last_word >= begun
    }
}

/// Whether an attempt has not said how it ended.
pub(super) fn is_open(commit: &CommitSha, attempt: &RecordedStatus) -> bool {
    let words = Words::parse(&attempt.description);
    attempt.state == StatusState::Pending || words.next.as_ref() == Some(commit)
}

/// Whether an attempt may still be writing while another that has `begun` is.
pub(super) fn may_go_on(commit: &CommitSha, attempt: &RecordedStatus, begun: Option<&str>) -> bool {
    is_open(commit, attempt) && may_have_outlived(commit, attempt, begun)
}

/// Adds what the branch pointed to before the event, where that is no longer in head's history, and
/// what was attempted on the way there.
///
/// Histories are ordered by date, so a commit that was replaced can stand behind the base. Then only
/// its status tells whether it was attempted after the base.
pub(super) fn add_replaced(
    past: &mut Past,
    base_words: &Words,
    head: &BTreeMap<&CommitSha, usize>,
    before: &CommitSha,
    history_of_before: &[HistoryEntry],
) {
    // What its history does not show may have been attempted too.
    if past.base.is_some() || history_of_before.is_empty() {
        past.add_attempt(before);
    }
    let begun = base_words.begun.as_deref();
    let mut is_behind_base = false;
    for HistoryEntry { commit, status } in history_of_before {
        is_behind_base |= past.base.as_ref() == Some(commit);
        let Some(status) = status.as_ref().filter(|_| !head.contains_key(commit)) else {
            continue;
        };
        if !is_behind_base || may_have_outlived(commit, status, begun) {
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
}
