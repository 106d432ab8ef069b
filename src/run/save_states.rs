//! Saves the states of sources.

use futures::{StreamExt, stream};

use super::error::Error;
use super::pass::Pass;
use super::report;
use super::session::Session;
use super::source::Source;
use super::state::Status;
use super::state::store::{self, NewCommit, Save, Saved, Stored};
use crate::port::{CONCURRENT_REQUESTS, Reserve};

/// Saves the state of each source of which something is about to be written: it lists that as possible.
/// A source whose state cannot be saved leaves the run: nothing of it may be written.
///
/// # Errors
/// If the run is told to stop.
pub(super) async fn before_writing(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
) -> Result<(), Error> {
    leave_overtaken(session, passes).await?;
    let mut savings = Vec::new();
    let is_beginning =
        |pass: &&mut Pass<'_, '_>| !pass.plan.is_empty() && pass.source.failure.is_none();
    for pass in passes.iter_mut().filter(is_beginning) {
        pass.note_plan();
        let source = &mut *pass.source;
        if !source.is_stored(&source.state) {
            savings.push(Saving {
                source,
                status: Status::Applying,
                problems: Vec::new(),
                result: Ok(()),
            });
        }
    }
    for saving in save_all(session, savings).await {
        match saving.result {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => saving.source.failure = Some(error),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Leaves those sources to the next run whose states another run has saved since they were loaded. In a
/// run over many repositories that is a while ago, and their own workflows run at any time: what such a run
/// noted must not be lost.
async fn leave_overtaken(session: &Session<'_>, passes: &mut [Pass<'_, '_>]) -> Result<(), Error> {
    if session.setup.inputs.fleet.is_none() {
        return Ok(());
    }
    let writing = passes.iter_mut().filter(|pass| !pass.plan.is_empty());
    let loading = stream::iter(writing).map(async |pass| {
        let source = &mut *pass.source;
        if let (Some(store), Some(known)) = (&source.store, &source.stored) {
            source.failure = match store.load(Reserve::Keep).await {
                Ok(Some(latest)) if latest.is_same_save(known) => None,
                Ok(_) => Some(Error::Overtaken),
                Err(error) => Some(error.into()),
            };
        }
    });
    let loading = loading.buffer_unordered(CONCURRENT_REQUESTS);
    let loading = async {
        loading.collect::<()>().await;
        Ok(())
    };
    session.unless_interrupted(loading).await
}

/// A source as a run leaves it.
pub(super) struct Ended<'s, 'p> {
    pub(super) source: &'s mut Source<'p>,
    /// The state as Port holds it now.
    pub(super) latest: Option<Stored>,
}

/// Saves the state of each source as the run leaves it, and ends the work on it. If another run saved
/// meanwhile, what either of them changed stays open.
pub(super) async fn after_writing(session: &Session<'_>, ended: Vec<Ended<'_, '_>>) {
    let mut savings = Vec::new();
    for Ended { source, latest } in ended {
        let is_overtaken = match (&source.stored, &latest) {
            (Some(own), Some(latest)) => !own.is_same_save(latest),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if let Some(latest) = latest.filter(|_| is_overtaken) {
            source.merge_with(latest);
        }
        savings.push(Saving {
            status: source.state.status(),
            problems: report::problems(&source.rounds),
            source,
            result: Ok(()),
        });
    }
    for saving in save_all(session, savings).await {
        match saving.result {
            Ok(()) => saving.source.end(),
            Err(error) => saving.source.end_unsaved(error),
        }
    }
}

/// Saves the commits of sources of which nothing else has changed, and ends the work on them: the next
/// run over many repositories then need not look at them.
pub(super) async fn commits(session: &Session<'_>, sources: Vec<&mut Source<'_>>) {
    let commits = sources.iter().filter_map(|source| {
        Some(NewCommit {
            store: source.store.as_ref()?,
            commit: &source.commit,
        })
    });
    let commits: Vec<_> = commits.collect();
    let saving = async {
        store::save_commits(&commits).await;
        Ok(())
    };
    let saved = session.unless_interrupted(saving).await;
    drop(commits);
    for source in sources {
        match &saved {
            Ok(()) => source.end(),
            Err(_) => source.end_unsaved(Error::Interrupted),
        }
    }
}

/// The state of a source, and what became of it so far.
struct Saving<'s, 'p> {
    source: &'s mut Source<'p>,
    status: Status,
    problems: Vec<String>,
    result: Result<(), Error>,
}

/// Whether a state has to be saved once more.
#[derive(PartialEq, Eq)]
enum SaveAgain {
    Yes,
    No,
}

async fn save_all<'s, 'p>(
    session: &Session<'_>,
    mut savings: Vec<Saving<'s, 'p>>,
) -> Vec<Saving<'s, 'p>> {
    let saving = async {
        let overtaken = save(session, savings.iter_mut().collect()).await;
        save(session, overtaken).await;
        Ok(())
    };
    if session.unless_interrupted(saving).await.is_err() {
        for saving in &mut savings {
            saving.result = Err(Error::Interrupted);
        }
    }
    savings
}

/// Saves once. Returns those that another run overtook, with the states of both merged.
async fn save<'a, 's, 'p>(
    session: &Session<'_>,
    mut savings: Vec<&'a mut Saving<'s, 'p>>,
) -> Vec<&'a mut Saving<'s, 'p>> {
    savings.retain(|saving| saving.source.store.is_some());
    let saves = savings.iter().filter_map(|saving| {
        let source = &saving.source;
        Some(Save {
            store: source.store.as_ref()?,
            state: &source.state,
            status: saving.status,
            facts: source.facts(session, saving.problems.clone()),
            known: source.stored.as_ref(),
        })
    });
    let saves: Vec<_> = saves.collect();
    let results = store::save(&saves).await;
    drop(saves);
    let concluded = savings.into_iter().zip(results);
    concluded
        .filter_map(|(saving, result)| {
            (saving.conclude(session, result) == SaveAgain::Yes).then_some(saving)
        })
        .collect()
}

impl Saving<'_, '_> {
    fn conclude(
        &mut self,
        session: &Session<'_>,
        result: Result<Saved, store::Error>,
    ) -> SaveAgain {
        let is_fleet = session.setup.inputs.fleet.is_some();
        let source = &mut *self.source;
        match result {
            Ok(Saved::Done(stored)) => source.stored = Some(*stored),
            // As in `leave_overtaken`, of a state that was not there.
            Ok(Saved::Overtaken(_)) if is_fleet && self.status == Status::Applying => {
                self.result = Err(Error::Overtaken);
            }
            Ok(Saved::Overtaken(other)) => {
                source.merge_with(*other);
                self.status = match self.status {
                    Status::Applying => Status::Applying,
                    Status::Synced | Status::Incomplete => source.state.status(),
                };
                return SaveAgain::Yes;
            }
            Ok(Saved::NoBlueprint(reason)) => source.keep_no_state(&reason),
            Err(error) => self.result = Err(error.into()),
        }
        SaveAgain::No
    }
}
