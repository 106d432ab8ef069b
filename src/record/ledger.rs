//! What a run writes into the record: that it begins, and how it ended.

use super::past::{self, Past, Wholeness};
use super::words::{NOTHING, Words};
use super::{Hidden, Reading, Record, words_of};
use crate::event::{Mode, Run};
use crate::git::CommitSha;
use crate::github::{self, ListedStatus, RecordedStatus, StatusState};

/// How many attempts that may still be writing are passed on to the next run.
const MAX_OPEN: usize = 5;

/// What a run writes into the record, if it may.
#[derive(Debug)]
pub(crate) struct Ledger<'r> {
    record: Option<&'r Record<'r>>,
    reading: Option<Reading>,
    head: CommitSha,
    begun: Option<Beginning>,
    company: Option<Company>,
}

/// That a run said that it begins.
#[derive(Debug)]
struct Beginning {
    /// When, and of which commit: see [`Words::begun`].
    words: String,
    /// The statuses that said so.
    own: Vec<ListedStatus>,
}

/// Whether other runs wrote at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// None did.
    Alone,
    /// One did, or more.
    Others,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The catalog is as the commit declares.
    Complete,
    /// It is, apart from what is left open, to which later runs come back.
    Apart(Rest),
    /// It is not known what is missing.
    Incomplete,
}

/// What is left open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Why.
    pub(crate) cause: Cause,
    /// The commits that have to be named for it: see [`witnesses`](crate::catalog::open::witnesses).
    pub(crate) witnesses: Vec<CommitSha>,
}

/// Why something is left open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is declared with mistakes, so that it was not sent.
    Mistakes,
    /// It could not be written, or deleted.
    Failures,
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
            company: None,
        }
    }

    /// What was applied before, if it is known.
    pub(crate) fn past(&self) -> Option<&Past> {
        self.reading.as_ref().map(|reading| &reading.past)
    }

    /// Says that the run begins before it compares with Port, so that a later run notices what another
    /// one writes from then on. Where head is what was applied last, that can wait until there is
    /// something to write: a commit takes [1,000 statuses][limit], and a schedule comes back to it for
    /// as long as nobody pushes.
    ///
    /// [limit]: https://docs.github.com/en/rest/commits/statuses#create-a-commit-status
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub(crate) async fn begin_to_compare(&mut self) -> Result<(), github::Error> {
        match self.past() {
            Some(past) if past.base.as_ref() == Some(&self.head) && past.attempts.is_empty() => {
                Ok(())
            }
            _ => self.begin().await,
        }
    }

    /// Says that what follows may leave the catalog between two commits, unless that is said already.
    ///
    /// # Errors
    /// What GitHub says, except that the token may not: then there is no record.
    pub(crate) async fn begin(&mut self) -> Result<(), github::Error> {
        let (Some(record), Some(reading), None) = (self.record, &self.reading, &self.begun) else {
            return Ok(());
        };
        let begin = async {
            // What is complete stays so, or there would be no base any more.
            if reading.past.base.as_ref() == Some(&self.head) {
                return Ok(None);
            }
            let (state, words) = (StatusState::Pending, "writing to Port");
            written_if_room(record.write(&self.head, state, words).await)
        };
        let mark = async {
            let mut marks = Vec::new();
            for (commit, status) in reading.to_mark(&self.head) {
                for next in reading.replaced.iter().chain([&self.head]) {
                    marks.extend(record.mark(commit, status, next).await?);
                }
            }
            Ok(marks)
        };
        match futures::try_join!(begin, mark) {
            Ok((begun, marks)) => {
                let first = begun.as_ref().or(marks.last());
                let words =
                    first.map(|first| Words::begun_at(&first.status.created_at, &self.head));
                self.begun = words.map(|words| Beginning {
                    words,
                    own: begun.into_iter().chain(marks).collect(),
                });
            }
            Err(error) => self.give_up_unless_fatal(error)?,
        }
        Ok(())
    }

    /// Takes back that the run began, as in the end it had nothing to write: what counts against other
    /// runs is still when its base's began, and what they said on the ground of that.
    pub(crate) fn pass_on_beginning(&mut self) {
        self.begun = None;
    }

    /// Whether head is what was applied last: then the run's words are on head alone, and a force-push
    /// takes both out of sight.
    pub(crate) fn is_again(&self) -> bool {
        let past = self.past().filter(|_| self.record.is_some());
        past.is_some_and(|past| past.base.as_ref() == Some(&self.head))
    }

    /// Says that what the branch's tip declares is written by this run, whose head it has left behind:
    /// its own run may never begin. If that has ended, `tip` is attempted again.
    ///
    /// # Errors
    /// What GitHub says, except that the token may not.
    pub(crate) async fn begin_on(&self, tip: &CommitSha) -> Result<(), github::Error> {
        let (Some(record), Some(reading)) = (self.record, &self.reading) else {
            return Ok(());
        };
        let begin = async {
            let statuses = record.repository.statuses(tip, &record.context).await?;
            match statuses.first().map(|listed| &listed.status) {
                Some(status) if past::is_base(status) => {
                    // What head alone declares may stay, where mistakes at the tip protect it.
                    record.mark(tip, Some(status), &self.head).await?;
                    record.mark(tip, Some(status), tip).await
                }
                _ => {
                    let words = "written by an older run";
                    let written = record.write(tip, StatusState::Pending, words).await;
                    written_if_room(written)
                }
            }
        };
        let mark = async {
            let Some(ground) = &reading.past.ground else {
                return Ok(());
            };
            // That the ground itself is attempted again must not lie below this word.
            let again = Some(&self.head).filter(|head| *head == ground);
            for next in std::iter::once(tip).chain(again) {
                let status = reading.ground.as_ref();
                record.mark(ground, status, next).await?;
            }
            Ok(())
        };
        match futures::try_join!(begin, mark) {
            Err(error) if !matches!(error, github::Error::Forbidden { .. }) => Err(error),
            _ => Ok(()),
        }
    }

    /// Finds out whether another run began since this one read the record. Their words lie over each
    /// other's, so neither may say that the catalog is as its commit declares.
    ///
    /// # Errors
    /// What GitHub says.
    pub(crate) async fn look_around(&self) -> Result<Option<Company>, github::Error> {
        let (Some(record), Some(reading), Some(begun)) = (self.record, &self.reading, &self.begun)
        else {
            return Ok(None);
        };
        let Some(ground) = &reading.past.ground else {
            return Ok(None);
        };
        let known = reading.ground.as_ref();
        let listing = record
            .repository
            .statuses_since(ground, &record.context, known);
        let since = listing.await?;
        let is_own = |one: &ListedStatus| begun.own.iter().any(|own| own.is_same_word(one));
        if since.iter().all(is_own) {
            return Ok(Some(Company::Alone));
        }
        tracing::warn!(
            "another run wrote at the same time, so the next one compares with Port what both touched; give the workflow a `concurrency` group, as docs/setup.md shows, and runs wait for each other"
        );
        Ok(Some(Company::Others))
    }

    /// Notes what looking around told.
    pub(crate) fn note(&mut self, company: Option<Company>) {
        self.company = company;
    }

    /// Says how the run ended; `counts` are for people. A run that did not begin says only that
    /// `head` is applied as its base was: then what counts against other runs is still when the
    /// base's began.
    ///
    /// # Errors
    /// What GitHub says, except that the token may not.
    pub(crate) async fn end(&mut self, ending: Ending, counts: &str) -> Result<(), github::Error> {
        let ending = self.judge(ending).await?;
        let (Some(record), Some(reading)) = (self.record, &self.reading) else {
            return Ok(());
        };
        let is_base = reading.past.base.as_ref() == Some(&self.head);
        let begun = self.begun.as_ref().map(|begun| begun.words.as_str());
        let written = match (&ending, begun) {
            (Ending::Incomplete, None) => return Ok(()),
            (Ending::Incomplete, Some(_)) | (_, None) if is_base => return Ok(()),
            (Ending::Incomplete, Some(_)) => {
                let writing = record.write(&self.head, StatusState::Failure, counts);
                written_if_room(writing.await).map(drop)
            }
            (Ending::Complete | Ending::Apart(_), _) => {
                let words = reading.words(&ending, &self.head, begun, counts);
                let open = reading.open(&self.head, begun);
                record
                    .complete(&self.head, ending.state(), words, &open)
                    .await
            }
        };
        written.or_else(|error| self.give_up_unless_fatal(error))
    }

    /// What the run may say.
    async fn judge(&mut self, ending: Ending) -> Result<Ending, github::Error> {
        if ending == Ending::Incomplete {
            return Ok(ending);
        }
        if self.company.is_none() {
            self.company = self.look_around().await?;
        }
        let reading = self.reading.as_ref();
        let can_be_said =
            reading.is_none_or(|reading| reading.since(&ending, &self.head).is_some());
        Ok(match self.company {
            Some(Company::Alone) | None if can_be_said => ending,
            _ => Ending::Incomplete,
        })
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

/// A commit that takes no more statuses is no reason to leave the catalog as it is.
fn written_if_room(
    written: Result<ListedStatus, github::Error>,
) -> Result<Option<ListedStatus>, github::Error> {
    match written {
        Ok(status) => Ok(Some(status)),
        Err(error @ github::Error::StatusesFull { .. }) => {
            tracing::warn!("what is applied cannot be recorded: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

impl Ending {
    /// What a commit's status says. What is mistaken was not sent and cannot be, so that it is no failure
    /// of the run.
    fn state(&self) -> StatusState {
        match self {
            Self::Complete => StatusState::Success,
            Self::Apart(rest) if rest.cause == Cause::Mistakes => StatusState::Success,
            Self::Apart(_) | Self::Incomplete => StatusState::Failure,
        }
    }
}

impl Reading {
    /// The commits that carry the word for the next attempt, with their statuses: the ground, from which
    /// every later commit of the history leads here, and head itself if it is applied again.
    fn to_mark(
        &self,
        head: &CommitSha,
    ) -> impl Iterator<Item = (&CommitSha, Option<&RecordedStatus>)> {
        let Past { base, ground, .. } = &self.past;
        let again = base.as_ref().filter(|base| *base == head);
        let again = again.filter(|base| ground.as_ref() != Some(base));
        let again = again.map(|base| (base, self.base.as_ref()));
        let ground = ground.as_ref().map(|ground| (ground, self.ground.as_ref()));
        ground.into_iter().chain(again)
    }

    /// The commits that tell what the catalog may hold in the place of what is open; `None` if they are
    /// more than can be said in so few words, or if there is none but head itself.
    fn since(&self, ending: &Ending, head: &CommitSha) -> Option<Vec<String>> {
        let Ending::Apart(rest) = ending else {
            return Some(Vec::new());
        };
        let mut since = match self.past.wholeness {
            Wholeness::Once => Vec::new(),
            Wholeness::Never => vec![NOTHING.to_owned()],
        };
        since.extend(rest.witnesses.iter().map(Words::short));
        if since.is_empty() {
            match self.past.base.as_ref().filter(|base| *base != head) {
                Some(base) => since.push(Words::short(base)),
                None => since.extend(self.past.since.iter().map(Words::short)),
            }
        }
        let room = Words::room_for_since(head);
        (1..=room).contains(&since.len()).then_some(since)
    }

    /// What the status of a commit says that was applied.
    fn words(&self, ending: &Ending, head: &CommitSha, begun: Option<&str>, counts: &str) -> Words {
        let begun = begun.map(str::to_owned);
        Words {
            counts: counts.to_owned(),
            begun: begun.or_else(|| words_of(self.base.as_ref()).begun),
            since: self.since(ending, head).unwrap_or_default(),
            next: None,
        }
    }

    /// Attempts outside of the history that may have gone on since they were looked at. Of what only the
    /// event tells, a run may have begun by now that had said nothing: the next run looks once more.
    /// Head comes first, so that of several words of a run the first is the one that ends it.
    fn open(&self, head: &CommitSha, begun: Option<&str>) -> Vec<&Hidden> {
        let may_go_on = |hidden: &&Hidden| match &hidden.status {
            Some(status) => past::may_go_on(&hidden.commit, status, begun),
            None => true,
        };
        let is_new = |hidden: &&Hidden| self.replaced.contains(&hidden.commit);
        let hidden = self.hidden.iter();
        let open = hidden.filter(|hidden| is_new(hidden) || may_go_on(hidden));
        let mut open: Vec<_> = open.take(MAX_OPEN).collect();
        open.sort_by_key(|hidden| hidden.commit != *head);
        open
    }
}

impl Record<'_> {
    /// Says that `next` is attempted on the ground of a commit, whose `status` stays what it is.
    async fn mark(
        &self,
        commit: &CommitSha,
        status: Option<&RecordedStatus>,
        next: &CommitSha,
    ) -> Result<Option<ListedStatus>, github::Error> {
        let words = words_of(status).with_next(next).to_string();
        let state = status.map_or(StatusState::Success, |status| status.state);
        written_if_room(self.write(commit, state, &words).await)
    }

    /// Says that a commit is applied, and that the next run has to look at what is `open`.
    async fn complete(
        &self,
        head: &CommitSha,
        state: StatusState,
        words: Words,
        open: &[&Hidden],
    ) -> Result<(), github::Error> {
        for hidden in open {
            if hidden.status.is_none() {
                self.note_unknown(&hidden.commit).await?;
            }
            let words = words.clone().with_next(&hidden.commit).to_string();
            written_if_room(self.write(head, state, &words).await)?;
        }
        if open.is_empty() {
            let words = words.to_string();
            written_if_room(self.write(head, state, &words).await)?;
        }
        Ok(())
    }

    /// Gives an attempt that has said nothing yet a time from which on it is given up some day.
    async fn note_unknown(&self, commit: &CommitSha) -> Result<(), github::Error> {
        let words = "replaced before it was applied";
        match self.write(commit, StatusState::Pending, words).await {
            Ok(_) | Err(github::Error::NoSuchCommit { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
