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
                // One that failed does not say when it began, and one that wrote nothing says when
                // another did: then the oldest word with the same run's URL is its beginning.
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
mod tests;
