//! Attempts that head's history does not show: their words are followed from commit to commit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::past::{self, Chain, Past};
use super::words::Words;
use crate::git::CommitSha;
use crate::github::{ListedStatus, RecordedStatus, StatusState};

/// How many commits are searched for words of attempts that a force-push hid.
const MAX_MARKED: usize = 60;
/// How many of them are attempts of the history, of which few were a base before.
const MAX_READ_AGAIN: usize = 20;

/// The commits of head's history, and how far back each is.
pub(super) type Known<'h> = BTreeMap<&'h CommitSha, usize>;

/// An attempt that a force-push took out of the history, or that applies a commit again, and its newest
/// status if it has one.
#[derive(Debug, Clone)]
pub(super) struct Hidden {
    pub(super) commit: CommitSha,
    pub(super) status: Option<RecordedStatus>,
}

/// Where words for next attempts lead: from the base, from attempts that may have been a base before,
/// and from those that became one themselves before they were replaced. On the way, attempts to apply
/// one of these again are found, which later words lie over.
pub(super) struct Trail<'h> {
    known: &'h Known<'h>,
    base_words: &'h Words,
    to_read: VecDeque<CommitSha>,
    seen: BTreeSet<CommitSha>,
    pub(super) past: Past,
    pub(super) hidden: Vec<Hidden>,
}

impl<'h> Trail<'h> {
    /// Begins with what is known of the past, of which some attempts are `hidden`.
    pub(super) fn new(
        past: Past,
        hidden: Vec<Hidden>,
        known: &'h Known<'h>,
        base_words: &'h Words,
    ) -> Self {
        let attempts = past.attempts.iter();
        let in_history = attempts.filter(|commit| known.contains_key(commit));
        let marked = past.ground.iter().chain(&past.base);
        let to_read = marked.chain(in_history.take(MAX_READ_AGAIN));
        Self {
            known,
            base_words,
            to_read: to_read.cloned().collect(),
            seen: BTreeSet::new(),
            past,
            hidden,
        }
    }

    /// The next commit whose statuses are to be read.
    pub(super) fn next(&mut self) -> Option<CommitSha> {
        let is_seen = |commit: &CommitSha| self.seen.contains(commit);
        self.to_read.retain(|commit| !is_seen(commit));
        let commit = self.to_read.pop_front()?;
        if self.seen.len() == MAX_MARKED {
            self.cut(commit);
            return None;
        }
        self.seen.insert(commit.clone());
        Some(commit)
    }

    /// Whether head's history shows a commit, which therefore is there.
    pub(super) fn is_shown(&self, commit: &CommitSha) -> bool {
        self.known.contains_key(commit)
    }

    /// The commits of the past that head's history shows.
    pub(super) fn shown(&self) -> Vec<CommitSha> {
        let Past {
            base,
            since,
            attempts,
            ..
        } = &self.past;
        let commits = base.iter().chain(since).chain(attempts);
        commits.filter(|one| self.is_shown(one)).cloned().collect()
    }

    /// There are too many: those that were not reached are the next run's.
    fn cut(&mut self, commit: CommitSha) {
        self.past.chain = Chain::Cut;
        tracing::warn!(
            "there are words of more than {MAX_MARKED} earlier runs: all entity files are looked at, and the next run goes on from there"
        );
        let left = std::iter::once(commit).chain(std::mem::take(&mut self.to_read));
        let left = left.filter(|commit| !self.known.contains_key(commit));
        let left = left.map(|commit| Hidden {
            commit,
            status: None,
        });
        self.hidden.splice(0..0, left.collect::<Vec<_>>());
    }

    /// Notes what the `statuses` of `commit` tell, newest first.
    pub(super) fn note(&mut self, commit: &CommitSha, statuses: &[ListedStatus]) {
        for listed in statuses {
            let Some(next) = Words::parse(&listed.status.description).next else {
                continue;
            };
            match (self.known.get(&next), self.known.get(commit)) {
                // The history shows what became of it.
                (Some(next), Some(place)) if next < place => continue,
                (Some(_), _) => {}
                (None, _) => self.past.add_attempt(&next),
            }
            self.to_read.push_back(next);
        }
        let newest = statuses.first().map(|listed| &listed.status);
        let mut unended = past::unended(commit, statuses, self.base_words);
        let Some(place) = self.known.get(commit) else {
            return self.note_hidden(commit, unended.next().or(newest));
        };
        // A last word that says that a run has begun is seen in the history, too, by the runs to come.
        let is_seen = *place > 0 && newest.is_some_and(is_beginning);
        let is_again = |word: &&RecordedStatus| !is_beginning(word);
        if let Some(status) = unended.find(|word| !is_seen || is_again(word)) {
            self.past.add_again(commit);
            self.note_hidden(commit, Some(status));
        }
    }

    /// Of several words for one commit, one counts whose run may go on.
    fn note_hidden(&mut self, commit: &CommitSha, status: Option<&RecordedStatus>) {
        let status = status.cloned();
        let known = self.hidden.iter_mut().find(|known| known.commit == *commit);
        let is_open = |status: &RecordedStatus| past::is_open(commit, status);
        match known {
            None => self.hidden.push(Hidden {
                commit: commit.clone(),
                status,
            }),
            Some(known) if known.status.as_ref().is_some_and(is_open) => {}
            Some(known) if status.as_ref().is_some_and(is_open) => known.status = status,
            Some(_) => {}
        }
    }
}

fn is_beginning(word: &RecordedStatus) -> bool {
    word.state == StatusState::Pending
}
