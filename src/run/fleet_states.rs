//! States in a run over many repositories: those that another run has saved meanwhile, and the commits of
//! sources that have not changed otherwise.

use futures::{StreamExt, stream};

use super::error::Error;
use super::pass::Pass;
use super::session::Session;
use super::source::Source;
use super::state::fleet::{self, NewCommit};
use crate::port::{CONCURRENT_REQUESTS, Reserve};

/// Leaves those sources to the next run whose states another run has saved since they were loaded. In a
/// run over many repositories that is a while ago, and their own workflows run at any time: what such a run
/// noted must not be lost.
///
/// # Errors
/// If the run is told to stop.
pub(super) async fn leave_overtaken(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
) -> Result<(), Error> {
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

/// Saves the commits of sources of which nothing else has changed, and ends the work on them: the next
/// run over many repositories then need not look at them.
pub(super) async fn save_commits(session: &Session<'_>, sources: Vec<&mut Source<'_>>) {
    let commits = sources.iter().filter_map(|source| {
        Some(NewCommit {
            store: source.store.as_ref()?,
            commit: &source.commit,
        })
    });
    let commits: Vec<_> = commits.collect();
    let saving = async {
        fleet::save_commits(&commits).await;
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
