//! Finds the source of a run: the commit to apply or plan, and the state that Port keeps.

use std::time::Duration;

use tokio::time::timeout;

use super::error::Error;
use super::mapping;
use super::session::Session;
use super::source::{Origin, Source};
use super::state::store::{self, Store, Stored};
use crate::event::{BranchRole, Mode, Pushed};
use crate::github::Side;
use crate::port::{self, ErrorCode, Reserve};
use crate::text::RepoPath;

/// How long a push that touches no entity file waits for Port.
const QUIET: Duration = Duration::from_secs(10);

/// What there is to do.
#[derive(Debug)]
pub(crate) enum FoundSource<'p> {
    /// This source.
    Source(Box<Source<'p>>),
    /// Nothing, for the reason given: a sentence without a full stop.
    Nothing(String),
}

enum StateLookup {
    State(Option<Box<Stored>>),
    PortIsDown(String),
}

/// Finds the commit of `origin` to apply or plan, and loads the state.
///
/// # Errors
/// If a request to GitHub or Port fails, or the state cannot be read.
pub(crate) async fn find_source<'p>(
    session: &Session<'p>,
    origin: Origin<'p>,
) -> Result<FoundSource<'p>, Error> {
    let run = session.run;
    let store = match session.port {
        Some(port) => {
            let id = session.setup.repository_id().await?;
            let branch = run.branch.as_ref();
            let branch = branch.filter(|_| run.role == BranchRole::Other);
            session.setup.store(Some(port), id, branch)
        }
        None => None,
    };
    let loading = load(session, &origin, store.as_ref());
    let looking = async {
        match (run.mode, &run.branch) {
            (Mode::Apply, Some(branch)) => {
                let tip = origin.repository.tip_after(branch, &run.commit);
                Ok::<_, Error>(tip.await?)
            }
            _ => Ok(Some(run.commit.clone())),
        }
    };
    let (loaded, commit) = futures::try_join!(loading, looking)?;
    let Some(commit) = commit else {
        let branch = run.branch.as_ref().map(ToString::to_string);
        return Ok(FoundSource::Nothing(format!(
            "the branch `{}` is gone",
            branch.unwrap_or_default()
        )));
    };
    let stored = match loaded {
        StateLookup::State(stored) => stored.map(|stored| *stored),
        StateLookup::PortIsDown(reason) => return Ok(FoundSource::Nothing(reason)),
    };
    let source = Source::new(session, origin, commit, store, stored);
    Ok(FoundSource::Source(Box::new(source)))
}

/// Loads the state. Where Port is down and the push touches no entity file, that is no reason to
/// fail.
async fn load(
    session: &Session<'_>,
    origin: &Origin<'_>,
    store: Option<&Store<'_>>,
) -> Result<StateLookup, Error> {
    let Some(store) = store else {
        return Ok(StateLookup::State(None));
    };
    let mut loading = std::pin::pin!(store.load(Reserve::Keep));
    let loaded = timeout(QUIET, &mut loading).await;
    match loaded {
        Ok(Ok(stored)) => return Ok(StateLookup::State(stored.map(Box::new))),
        Ok(Err(error)) if !is_outage(&error) => return Err(error.into()),
        Ok(Err(_)) | Err(_) => {}
    }
    if touches_no_entity_file(session, origin).await? {
        return Ok(StateLookup::PortIsDown(
            "Port gives no usable answer, and this push changes no entity file; the next run continues with whatever is open".to_owned(),
        ));
    }
    match loaded {
        Ok(stored) => Ok(StateLookup::State(stored?.map(Box::new))),
        Err(_) => Ok(StateLookup::State(loading.await?.map(Box::new))),
    }
}

/// Whether Port does not answer, or something else answers in its place.
pub(super) fn is_outage(error: &store::Error) -> bool {
    match error {
        store::Error::Port(port::Error::Unreachable(_) | port::Error::UnknownForm { .. }) => true,
        store::Error::Port(port::Error::Refused { rejection, .. }) => matches!(
            rejection.code,
            ErrorCode::Busy | ErrorCode::Unconfirmed | ErrorCode::Foreign
        ),
        _ => false,
    }
}

/// Whether the push that started the run changes no file that the inputs select.
async fn touches_no_entity_file(session: &Session<'_>, origin: &Origin<'_>) -> Result<bool, Error> {
    let Some(Pushed {
        before: Some(before),
        after,
    }) = &origin.push
    else {
        return Ok(false);
    };
    let changed = origin.repository.changed_since(before, after).await?;
    let mapping = mapping::load(origin.files(session), after, Side::Unknown).await?;
    let files = &session.setup.inputs.files;
    let name = origin.mapper.repository();
    let is_mapped = |path: &RepoPath| {
        mapping
            .as_ref()
            .is_some_and(|mapping| mapping.path == *path || mapping.mapping.selects(path, name))
    };
    Ok(changed.files().is_some_and(|changed| {
        let mut changed = changed.iter().map(|file| &file.path);
        !changed.any(|path| files.select(path).is_some() || is_mapped(path))
    }))
}
