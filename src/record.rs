//! What was applied, kept as [commit statuses][docs]: a green run is no proof that its commit was
//! applied, and a red one may have written half of it.
//!
//! A run that is about to write says so on its head (`pending`), and on the commit that it builds on
//! (as the word for the next attempt there, for a force-push may hide that head). What became of it
//! is head's `success` or `failure`.
//!
//! [docs]: https://docs.github.com/en/rest/commits/statuses

mod past;
mod words;

use std::collections::{BTreeSet, VecDeque};

use ring::digest;

use crate::event::{Mode, Run};
use crate::git::{BranchName, CommitSha};
use crate::github::{self, HistoryEntry, HistoryQuery, NewStatus, Repository, StatusState};
use crate::inputs::{Inputs, Merge};

pub(crate) use past::Past;
use words::Words;

/// How far back the record is looked for, in commits.
const LONGEST_SEARCH: usize = 300;
/// How many commits are searched for words of attempts that a force-push hid.
const MAX_MARKED: usize = 20;
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
    /// The base's description.
    base_words: Words,
    /// That of its ground.
    ground_words: Words,
    /// Those of the attempts of which only the event tells.
    replaced: Vec<CommitSha>,
}

/// What a run writes into the record, if it may.
#[derive(Debug)]
pub(crate) struct Ledger<'r> {
    record: Option<&'r Record<'r>>,
    reading: Option<Reading>,
    head: CommitSha,
    begun: Option<String>,
}

/// Whether mistakes keep the catalog from being as head declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Soundness {
    /// They do not: what is mistaken was never in the catalog.
    Settled,
    /// The catalog may still hold what an earlier revision declared in the place of a mistake.
    Unsettled,
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
        let mut history = self.repository.history(query).await?;
        let mut entries = std::mem::take(&mut history.head.entries);
        let mut past = past::read(&entries);
        while !is_found(&past, &entries) && entries.len() < LONGEST_SEARCH {
            let Some(cursor) = history.head.older.take() else {
                break;
            };
            history.head = self.repository.older(head, &self.context, &cursor).await?;
            entries.append(&mut history.head.entries);
            past = past::read(&entries);
        }
        let known: BTreeSet<_> = entries.iter().map(|entry| &entry.commit).collect();
        let base_words = words_of(&entries, past.base.as_ref());
        let in_history = past.attempts.len();
        if let Some(before) = before.filter(|before| !known.contains(before)) {
            past::add_replaced(&mut past, &base_words, &known, before, &history.before);
        }
        let replaced = past.attempts.iter().skip(in_history);
        let replaced = replaced.take(MAX_PASSED_ON).cloned().collect();
        let ground_words = words_of(&entries, past.ground.as_ref());
        let is_marked = base_words.next.is_some() || ground_words.next.is_some();
        if is_marked || !past.attempts.is_empty() {
            self.add_hidden(&mut past, &known).await?;
        }
        Ok(Reading {
            tip: history.tip,
            past,
            base_words,
            ground_words,
            replaced,
        })
    }

    /// Follows the words for next attempts from the base, from attempts that may have been a base
    /// before, and from those that became one themselves before they were replaced.
    async fn add_hidden(
        &self,
        past: &mut Past,
        known: &BTreeSet<&CommitSha>,
    ) -> Result<(), github::Error> {
        let in_history = past.attempts.iter().filter(|commit| known.contains(commit));
        let marked = past.ground.iter().chain(&past.base);
        let mut to_read: VecDeque<_> = marked.chain(in_history).cloned().collect();
        let mut seen: BTreeSet<_> = BTreeSet::new();
        while let Some(commit) = to_read.pop_front().filter(|_| seen.len() < MAX_MARKED) {
            if !seen.insert(commit.clone()) {
                continue;
            }
            let statuses = self.repository.statuses(&commit, &self.context).await?;
            let words = statuses
                .iter()
                .map(|status| Words::parse(&status.description));
            for next in words.filter_map(|words| words.next) {
                if !known.contains(&next) {
                    past.add_attempt(&next);
                    to_read.push_back(next);
                }
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        commit: &CommitSha,
        state: StatusState,
        description: &str,
    ) -> Result<String, github::Error> {
        let status = NewStatus {
            state,
            context: &self.context,
            description,
            target_url: self.run_url.as_deref(),
        };
        self.repository.set_status(commit, &status).await
    }
}

impl<'r> Ledger<'r> {
    /// For `run`. One that only plans writes nothing here, nor does one without a `reading` of the
    /// record.
    pub(crate) fn new(record: Option<&'r Record<'r>>, reading: Option<Reading>, run: &Run) -> Self {
        Self {
            record: record.filter(|_| reading.is_some() && run.mode == Mode::Apply),
            reading,
            head: run.head.clone(),
            begun: None,
        }
    }

    /// Whether a commit is known that was applied completely.
    pub(crate) fn has_base(&self) -> bool {
        let reading = self.reading.as_ref();
        reading.is_some_and(|reading| reading.past.base.is_some())
    }

    /// Says that what follows may leave the catalog between two commits, unless that is said already.
    ///
    /// # Errors
    /// What GitHub says, except that the token may not: then there is no record.
    pub(crate) async fn begin(&mut self) -> Result<(), github::Error> {
        let (Some(record), Some(reading), None) = (self.record, &self.reading, &self.begun) else {
            return Ok(());
        };
        let mark_ground = async {
            let Past { base, ground, .. } = &reading.past;
            let (marked, words) = match (base, ground) {
                (Some(base), _) if *base == self.head => (base, &reading.base_words),
                (_, Some(ground)) => (ground, &reading.ground_words),
                _ => return Ok(None),
            };
            let mut written = None;
            for next in reading.replaced.iter().chain([&self.head]) {
                let words = words.clone().with_next(next).to_string();
                let writing = record.write(marked, StatusState::Success, &words);
                written = Some(writing.await?);
            }
            Ok(written)
        };
        let begin = async {
            // What is complete stays so, or there would be no base any more.
            if reading.past.base.as_ref() == Some(&self.head) {
                return Ok(None);
            }
            let state = StatusState::Pending;
            record
                .write(&self.head, state, "writing to Port")
                .await
                .map(Some)
        };
        match futures::try_join!(begin, mark_ground) {
            Ok((begun, marked)) => self.begun = begun.or(marked),
            Err(error) => self.give_up_unless_fatal(error)?,
        }
        Ok(())
    }

    /// Takes back that the run began, as in the end it had nothing to write: what counts against other
    /// runs is still when its base's began, and what they said on the ground of that.
    pub(crate) fn pass_on_beginning(&mut self) {
        self.begun = None;
    }

    /// Says how the run ended; `counts` are for people. A run that did not begin says only that
    /// `head` is applied as its base was: then what counts against other runs is still when the
    /// base's began.
    ///
    /// # Errors
    /// What GitHub says, except that the token may not.
    pub(crate) async fn end(&mut self, ending: Ending, counts: &str) -> Result<(), github::Error> {
        let (Some(record), Some(reading)) = (self.record, &self.reading) else {
            return Ok(());
        };
        let past = &reading.past;
        let is_base = past.base.as_ref() == Some(&self.head);
        let ending = match ending {
            // Which of them put there what a mistake hides cannot be said in so few words.
            Ending::Complete(Soundness::Unsettled) if !past.attempts.is_empty() => {
                Ending::Incomplete
            }
            ending => ending,
        };
        let (state, description) = match (ending, &self.begun) {
            (Ending::Incomplete, None) => return Ok(()),
            (Ending::Incomplete, Some(_)) | (Ending::Complete(_), None) if is_base => return Ok(()),
            (Ending::Incomplete, Some(_)) => (StatusState::Failure, counts.to_owned()),
            (Ending::Complete(soundness), begun) => {
                let since = past.since.as_ref().or(past.base.as_ref());
                let since = since.filter(|_| soundness == Soundness::Unsettled);
                let words_of_base = || reading.base_words.begun.clone();
                let words = Words {
                    counts: counts.to_owned(),
                    begun: begun.clone().or_else(words_of_base),
                    since: since.map(Words::short),
                    next: None,
                };
                (StatusState::Success, words.to_string())
            }
        };
        match record.write(&self.head, state, &description).await {
            Ok(_) => Ok(()),
            Err(error) => self.give_up_unless_fatal(error),
        }
    }

    fn give_up_unless_fatal(&mut self, error: github::Error) -> Result<(), github::Error> {
        if !matches!(error, github::Error::Forbidden { .. }) {
            return Err(error);
        }
        tracing::warn!(
            "what is applied cannot be recorded, so the next run looks at all entity files again: give the job `permissions: statuses: write` ({error})"
        );
        self.record = None;
        Ok(())
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The catalog is as the commit declares, mistakes apart.
    Complete(Soundness),
    /// Something is missing.
    Incomplete,
}

/// Whether the history was read as far as it counts.
fn is_found(past: &Past, history: &[HistoryEntry]) -> bool {
    let words = words_of(history, past.base.as_ref());
    past.base.is_some() && (words.since.is_none() || past.since.is_some())
}

fn words_of(history: &[HistoryEntry], commit: Option<&CommitSha>) -> Words {
    let entry = history.iter().find(|entry| Some(&entry.commit) == commit);
    let status = entry.and_then(|entry| entry.status.as_ref());
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
