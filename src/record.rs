//! What was applied, kept as [commit statuses][docs]: a green run is no proof that its commit was
//! applied, and a red one may have written half of it.
//!
//! A run that is about to write says so on its head (`pending`), and on the commit that it builds on
//! (as the word for the next attempt there, for a force-push may hide that head). What became of it
//! is head's `success` or `failure`.
//!
//! [docs]: https://docs.github.com/en/rest/commits/statuses

mod ledger;
mod past;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ring::digest;

use crate::git::{BranchName, CommitSha};
use crate::github::{
    self, HistoryEntry, HistoryPage, HistoryQuery, ListedStatus, NewStatus, RecordedStatus,
    Repository, StatusState,
};
use crate::inputs::{Inputs, Merge};

pub(crate) use ledger::{Cause, Ending, Ledger, Rest};
pub(crate) use past::{Chain, Past, Wholeness};
use words::{NOTHING, Words};

/// How far back the record is looked for, in commits.
const LONGEST_SEARCH: usize = 300;
/// How many commits are searched for words of attempts that a force-push hid.
const MAX_MARKED: usize = 60;
/// How many of them are attempts of the history, of which few were a base before.
const MAX_READ_AGAIN: usize = 20;
/// How many attempts that an event tells of are passed on to the next run.
const MAX_PASSED_ON: usize = 5;
/// How many hexadecimal digits tell two sets of inputs apart.
const FINGERPRINT_DIGITS: usize = 12;

/// The record of one branch, written by runs with the same inputs.
#[derive(Debug)]
pub(crate) struct Record<'r> {
    repository: &'r Repository,
    context: String,
    run_url: Option<String>,
}

/// What the record and the branch say as a run begins.
#[derive(Debug)]
pub(crate) struct Reading {
    /// What the branch points to; `None` if it is gone.
    pub(crate) tip: Option<CommitSha>,
    /// What was applied before.
    pub(crate) past: Past,
    /// The base's status.
    base: Option<RecordedStatus>,
    /// That of its ground.
    ground: Option<RecordedStatus>,
    /// The attempts that head's history does not show.
    hidden: Vec<Hidden>,
    /// Those of them of which only the event tells.
    replaced: Vec<CommitSha>,
}

/// The commits of head's history, and how far back each is.
type Known<'h> = BTreeMap<&'h CommitSha, usize>;

/// An attempt that a force-push took out of the history, or that applies a commit again, and its newest
/// status if it has one.
#[derive(Debug)]
struct Hidden {
    commit: CommitSha,
    status: Option<RecordedStatus>,
}

impl Hidden {
    fn new(commit: &CommitSha, status: &RecordedStatus) -> Self {
        Self {
            commit: commit.clone(),
            status: Some(status.clone()),
        }
    }

    fn unknown(commit: CommitSha) -> Self {
        let status = None;
        Self { commit, status }
    }
}

impl<'r> Record<'r> {
    /// The record of `branch` for runs with these `inputs`.
    pub(crate) fn new(
        repository: &'r Repository,
        branch: &BranchName,
        inputs: &Inputs,
        run_url: Option<String>,
    ) -> Self {
        Self {
            repository,
            context: format!("port-gitops/{}", fingerprint(branch, inputs)),
            run_url,
        }
    }

    /// Reads what was applied before `head`; `before` is what the branch pointed to before the
    /// event.
    ///
    /// # Errors
    /// [`github::Error::Forbidden`] if the token may not read statuses, or what else GitHub says.
    pub(crate) async fn read(
        &self,
        branch: &BranchName,
        head: &CommitSha,
        before: Option<&CommitSha>,
    ) -> Result<Reading, github::Error> {
        let query = HistoryQuery {
            branch,
            head,
            before,
            context: &self.context,
        };
        let history = self.repository.history(query).await?;
        let (entries, mut past) = self.search(head, history.head).await?;
        let places = entries.iter().map(|entry| &entry.commit).zip(0..);
        let known: Known<'_> = places.collect();
        let base = status_of(&entries, past.base.as_ref());
        let ground = status_of(&entries, past.ground.as_ref());
        let (base_words, ground_words) = (words_of(base), words_of(ground));
        let in_history = past.attempts.len();
        if let Some(before) = before.filter(|before| !known.contains_key(before)) {
            past::add_replaced(&mut past, &base_words, &known, before, &history.before);
        }
        let new = past.attempts.iter().skip(in_history);
        let mut hidden: Vec<_> = new
            .map(|commit| Hidden {
                commit: commit.clone(),
                status: status_of(&history.before, Some(commit)).cloned(),
            })
            .collect();
        let replaced = hidden.iter().map(|hidden| hidden.commit.clone());
        let replaced = replaced.take(MAX_PASSED_ON).collect();
        let is_marked = base_words.next.is_some() || ground_words.next.is_some();
        if is_marked || !past.attempts.is_empty() {
            self.add_hidden(&mut past, &base_words, &known, &mut hidden)
                .await?;
        }
        Ok(Reading {
            tip: history.tip,
            base: base.cloned(),
            ground: ground.cloned(),
            past,
            hidden,
            replaced,
        })
    }

    /// Looks for the base, page after page.
    async fn search(
        &self,
        head: &CommitSha,
        mut page: HistoryPage,
    ) -> Result<(Vec<HistoryEntry>, Past), github::Error> {
        let mut entries = Vec::new();
        loop {
            entries.append(&mut page.entries);
            let mut past = past::read(&entries);
            match page.older {
                Some(cursor) if !is_found(&past, &entries) && entries.len() < LONGEST_SEARCH => {
                    page = self.repository.older(head, &self.context, &cursor).await?;
                }
                _ => {
                    self.find_since(&mut past, &entries).await?;
                    return Ok((entries, past));
                }
            }
        }
    }

    /// Finds the commits that tell what the catalog may hold in the place of what is open, which may be
    /// further back than the history was read. Without them nothing is known of what was applied.
    async fn find_since(
        &self,
        past: &mut Past,
        history: &[HistoryEntry],
    ) -> Result<(), github::Error> {
        for since in words_of(status_of(history, past.base.as_ref())).since {
            if since == NOTHING {
                past.wholeness = Wholeness::Never;
                continue;
            }
            let mut commits = history.iter().map(|entry| &entry.commit);
            let known = commits.find(|commit| Words::short(commit) == since);
            let found = match known {
                Some(commit) => Ok(commit.clone()),
                None => self.repository.resolve(&since).await,
            };
            match found {
                Ok(commit) => past.since.push(commit),
                Err(github::Error::NoSuchCommit { .. }) => past.forget_base(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Follows the words for next attempts from the base, from attempts that may have been a base
    /// before, and from those that became one themselves before they were replaced. On the way, attempts
    /// to apply one of these again are found, which later words lie over.
    async fn add_hidden(
        &self,
        past: &mut Past,
        base_words: &Words,
        known: &Known<'_>,
        hidden: &mut Vec<Hidden>,
    ) -> Result<(), github::Error> {
        let in_history = past
            .attempts
            .iter()
            .filter(|commit| known.contains_key(commit));
        let marked = past.ground.iter().chain(&past.base);
        let marked = marked.chain(in_history.take(MAX_READ_AGAIN));
        let mut to_read: VecDeque<_> = marked.cloned().collect();
        let mut seen: BTreeSet<_> = BTreeSet::new();
        while let Some(commit) = to_read.pop_front() {
            if seen.len() == MAX_MARKED {
                past.chain = Chain::Cut;
                tracing::warn!(
                    "a force-push hid more than {MAX_MARKED} earlier runs: all entity files are looked at, and the next run goes on from there"
                );
                let left = std::iter::once(commit).chain(to_read);
                let left = left.filter(|one| !seen.contains(one) && !known.contains_key(one));
                hidden.splice(0..0, left.map(Hidden::unknown));
                break;
            }
            if !seen.insert(commit.clone()) {
                continue;
            }
            let statuses = match self.repository.statuses(&commit, &self.context).await {
                // Nothing can be compared with it either, so that all files are looked at.
                Err(github::Error::NoSuchCommit { .. }) => continue,
                listed => listed?,
            };
            let words = statuses.iter().map(|listed| words_of(Some(&listed.status)));
            for next in words.filter_map(|words| words.next) {
                match (known.get(&next), known.get(&commit)) {
                    // The history shows what became of it.
                    (Some(next), Some(place)) if next < place => continue,
                    (Some(_), _) => {}
                    (None, _) => past.add_attempt(&next),
                }
                to_read.push_back(next);
            }
            let again = past::again(&commit, &statuses, base_words);
            if let Some(status) = again.filter(|_| known.contains_key(&commit)) {
                past.add_again(&commit);
                hidden.push(Hidden::new(&commit, status));
            }
            let is_noted =
                known.contains_key(&commit) || hidden.iter().any(|hidden| hidden.commit == commit);
            if !is_noted {
                let status = statuses.into_iter().next().map(|listed| listed.status);
                hidden.push(Hidden { commit, status });
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        commit: &CommitSha,
        state: StatusState,
        description: &str,
    ) -> Result<ListedStatus, github::Error> {
        let status = NewStatus {
            state,
            context: &self.context,
            description,
            target_url: self.run_url.as_deref(),
        };
        self.repository.set_status(commit, &status).await
    }
}

/// Whether the history was read as far as it counts.
fn is_found(past: &Past, history: &[HistoryEntry]) -> bool {
    let base = status_of(history, past.base.as_ref());
    let is_there = |since: &String| {
        let mut commits = history.iter().map(|entry| &entry.commit);
        since == NOTHING || commits.any(|commit| Words::short(commit) == *since)
    };
    base.is_some() && words_of(base).since.iter().all(is_there)
}

fn status_of<'h>(
    history: &'h [HistoryEntry],
    commit: Option<&CommitSha>,
) -> Option<&'h RecordedStatus> {
    let entry = history.iter().find(|entry| Some(&entry.commit) == commit)?;
    entry.status.as_ref()
}

fn words_of(status: Option<&RecordedStatus>) -> Words {
    status.map_or_else(Words::default, |status| Words::parse(&status.description))
}

/// Tells apart what runs with other inputs applied: other files, another catalog, other ways to
/// write.
pub(crate) fn fingerprint(branch: &BranchName, inputs: &Inputs) -> String {
    let client_id = inputs
        .credentials
        .as_ref()
        .map(|given| given.client_id.as_str());
    let blueprint = inputs
        .blueprint
        .as_ref()
        .map(|blueprint| blueprint.as_str());
    let merge = match inputs.merge {
        Merge::Merge => "merge",
        Merge::Replace => "replace",
    };
    let parts = [
        branch.as_str(),
        inputs.base_url.as_str(),
        client_id.unwrap_or_default(),
        &inputs.owner,
        &inputs.files.to_string(),
        blueprint.unwrap_or_default(),
        &inputs.blueprints.to_string(),
        merge,
    ];
    let mut text = String::new();
    for part in parts {
        text.push_str(part);
        // No part holds it, so that no two lists of parts make the same text.
        text.push('\0');
    }
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let mut digits: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    digits.truncate(FINGERPRINT_DIGITS);
    digits
}
