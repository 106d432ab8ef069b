//! What was applied, kept as [commit statuses][docs]: a green run is no proof that its commit was
//! applied, and a red one may have written half of it.
//!
//! A run that is about to write says so on its head (`pending`), and on the commit that it builds on
//! (as the word for the next attempt there, for a force-push may hide that head). What became of it
//! is head's `success` or `failure`. Where something is left open, with mistakes or refused by Port, the
//! status names commits that tell what the catalog may hold in its place, and the next run builds on it
//! all the same.
//!
//! [docs]: https://docs.github.com/en/rest/commits/statuses

mod hidden;
mod ledger;
mod past;
mod words;

use ring::digest;

use crate::git::{BranchName, CommitSha};
use crate::github::{
    self, HistoryEntry, HistoryPage, HistoryQuery, ListedStatus, NewStatus, RecordedStatus,
    Repository, StatusState,
};
use crate::inputs::{Inputs, Merge};

use hidden::{Hidden, Known, Trail};
pub(crate) use ledger::{Cause, Ending, Ledger, Rest};
pub(crate) use past::{Chain, Past, Wholeness};
use words::{NOTHING, Words};

/// How far back the record is looked for, in commits.
const LONGEST_SEARCH: usize = 300;
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
    /// Those commits of it that head's history shows, and so are there.
    pub(crate) shown: Vec<CommitSha>,
    /// The base's status.
    base: Option<RecordedStatus>,
    /// That of its ground.
    ground: Option<RecordedStatus>,
    /// The attempts that head's history does not show.
    hidden: Vec<Hidden>,
    /// Those of them of which only the event tells.
    replaced: Vec<CommitSha>,
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
        let replaced = new.clone().take(MAX_PASSED_ON).cloned().collect();
        let hidden = new.map(|commit| Hidden {
            commit: commit.clone(),
            status: status_of(&history.before, Some(commit)).cloned(),
        });
        let hidden = hidden.chain(beside(&entries, &past, head)).collect();
        let mut trail = Trail::new(past, hidden, &known, &base_words);
        let is_marked = base_words.next.is_some() || ground_words.next.is_some();
        if is_marked || !trail.past.attempts.is_empty() {
            self.follow(&mut trail).await?;
        }
        let shown = trail.shown();
        Ok(Reading {
            shown,
            tip: history.tip,
            base: base.cloned(),
            ground: ground.cloned(),
            past: trail.past,
            hidden: trail.hidden,
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

    /// Follows a trail to its end.
    async fn follow(&self, trail: &mut Trail<'_>) -> Result<(), github::Error> {
        while let Some(commit) = trail.next() {
            match self.repository.statuses(&commit, &self.context).await {
                Ok(statuses) => trail.note(&commit, &statuses),
                // Nothing can be compared with it either, so that all files are looked at.
                Err(github::Error::NoSuchCommit { .. }) if !trail.is_shown(&commit) => {}
                Err(error) => return Err(error),
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

/// Another run that applies `head` too, and that may go on under the words of this one.
fn beside(history: &[HistoryEntry], past: &Past, head: &CommitSha) -> Option<Hidden> {
    let status = status_of(history, Some(head))?.clone();
    (past.base.as_ref() != Some(head)).then(|| Hidden {
        commit: head.clone(),
        status: Some(status),
    })
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
