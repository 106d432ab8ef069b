//! A source: one repository at one commit, with the state that Port keeps for it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};
use tokio::time::timeout;

use super::error::Error;
use super::mapping;
use super::session::Session;
use super::state::State;
use super::state::store::{self, Facts, Saved, Store, Stored};
use super::state::{Status, merge};
use crate::catalog::entity::EntityKey;
use crate::event::{Mode, Pushed};
use crate::git::{CommitSha, hexadecimal};
use crate::github::Side;
use crate::inputs::{Inputs, Merge};
use crate::port::{self, ErrorCode};
use crate::text::RepoPath;

/// How long a push that touches no entity file waits for Port.
const QUIET: Duration = Duration::from_secs(10);
/// How many hexadecimal digits tell two sets of inputs apart.
const DIGEST_DIGITS: usize = 12;

/// One repository at one commit.
#[derive(Debug)]
pub(crate) struct Source<'p> {
    /// What is applied or planned.
    pub(crate) commit: CommitSha,
    /// Where the state is kept, if it is.
    pub(crate) store: Option<Store<'p>>,
    /// The state as Port holds it, as far as this run knows.
    pub(crate) stored: Option<Stored>,
    /// The state as the run began.
    pub(crate) found: State,
    /// What this run has made of it.
    pub(crate) state: State,
    /// What this run has written or deleted, or tried to.
    pub(crate) written: BTreeSet<EntityKey>,
    /// A digest of the inputs that select and shape entities.
    pub(crate) inputs: String,
    /// Whether the stored state was made with these inputs.
    pub(crate) continuity: Continuity,
    /// What is wrong with the inputs, as far as the files show it: sentences without a full stop.
    pub(crate) warnings: Vec<String>,
    /// What the user should know of the state: sentences without a full stop.
    pub(crate) notices: Vec<String>,
}

/// Whether a stored state was made with the inputs of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuity {
    /// Nothing was applied before.
    First,
    /// Other inputs were applied: they select or shape entities in another way.
    OtherInputs,
    /// The same inputs were applied.
    Same,
}

/// What there is to do.
#[derive(Debug)]
pub(crate) enum Found<'p> {
    /// This source.
    Source(Box<Source<'p>>),
    /// Nothing, for the reason given: a sentence without a full stop.
    Nothing(String),
}

enum Loaded {
    State(Option<Box<Stored>>),
    PortIsDown(String),
}

/// Finds the commit to apply or plan, and loads the state.
///
/// # Errors
/// If a request to GitHub or Port fails, or the state cannot be read.
pub(crate) async fn find<'p>(session: &Session<'p>) -> Result<Found<'p>, Error> {
    let (setup, run) = (session.setup, session.run);
    let store = setup.store(run, session.port).await?;
    let loading = load(session, store.as_ref());
    let looking = async {
        match (run.mode, &run.branch) {
            (Mode::Apply, Some(branch)) => {
                Ok::<_, Error>(setup.repository.tip_after(branch, &run.commit).await?)
            }
            _ => Ok(Some(run.commit.clone())),
        }
    };
    let (loaded, commit) = futures::try_join!(loading, looking)?;
    let Some(commit) = commit else {
        let branch = run.branch.as_ref().map(ToString::to_string);
        return Ok(Found::Nothing(format!(
            "the branch `{}` is gone",
            branch.unwrap_or_default()
        )));
    };
    let stored = match loaded {
        Loaded::State(stored) => stored.map(|stored| *stored),
        Loaded::PortIsDown(reason) => return Ok(Found::Nothing(reason)),
    };
    let mut source = Source {
        found: stored
            .as_ref()
            .map(|stored| stored.state.clone())
            .unwrap_or_default(),
        state: State::default(),
        written: BTreeSet::new(),
        inputs: digest_of(&session.setup.inputs),
        continuity: Continuity::First,
        warnings: Vec::new(),
        notices: Vec::new(),
        commit,
        store,
        stored,
    };
    source.begin(session);
    Ok(Found::Source(Box::new(source)))
}

/// Loads the state. Where Port is down and the push touches no entity file, that is no reason to
/// fail.
async fn load(session: &Session<'_>, store: Option<&Store<'_>>) -> Result<Loaded, Error> {
    let Some(store) = store else {
        return Ok(Loaded::State(None));
    };
    let mut loading = std::pin::pin!(store.load());
    let loaded = timeout(QUIET, &mut loading).await;
    match loaded {
        Ok(Ok(stored)) => return Ok(Loaded::State(stored.map(Box::new))),
        Ok(Err(error)) if !is_outage(&error) => return Err(error.into()),
        Ok(Err(_)) | Err(_) => {}
    }
    if touches_no_entity_file(session).await? {
        return Ok(Loaded::PortIsDown(
            "Port gives no usable answer, and this push changes no entity file; the next run continues with whatever is open".to_owned(),
        ));
    }
    match loaded {
        Ok(stored) => Ok(Loaded::State(stored?.map(Box::new))),
        Err(_) => Ok(Loaded::State(loading.await?.map(Box::new))),
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
async fn touches_no_entity_file(session: &Session<'_>) -> Result<bool, Error> {
    let Some(Pushed {
        before: Some(before),
        after,
    }) = &session.run.push
    else {
        return Ok(false);
    };
    let repository = &session.setup.repository;
    let changed = repository.changed_since(before, after).await?;
    let mapping = mapping::load(session.files(), after, Side::Unknown).await?;
    let files = &session.setup.inputs.files;
    let name = session.mapper.repository();
    let is_mapped = |path: &RepoPath| {
        mapping
            .as_ref()
            .is_some_and(|mapping| mapping.path == *path || mapping.mapping.selects(path, name))
    };
    Ok(changed.is_some_and(|changed| {
        let mut changed = changed.iter().map(|file| &file.path);
        !changed.any(|path| files.select(path).is_some() || is_mapped(path))
    }))
}

impl<'p> Source<'p> {
    /// Starts this run's state from the stored one.
    fn begin(&mut self, session: &Session<'_>) {
        let runner = &session.setup.runner;
        let workflow = runner.workflow.clone().unwrap_or_default();
        self.continuity = match &self.stored {
            None => Continuity::First,
            Some(stored) if without_mapping(&stored.state.inputs) == self.inputs => {
                Continuity::Same
            }
            Some(_) => Continuity::OtherInputs,
        };
        if self.continuity == Continuity::OtherInputs
            && self.found.workflow != workflow
            && session.run.mode == Mode::Apply
        {
            self.notices.push(format!(
                "the workflow `{}` applied this repository with other inputs, and `{workflow}` applies it now; nothing is deleted, but each workflow undoes the other's changes; give each its own `owner`, or both the same inputs",
                self.found.workflow
            ));
        }
        self.state = self.found.clone();
        // The digest stays empty until everything was compared with the new inputs: if this run
        // ends early, the next one compares everything again.
        match self.continuity {
            Continuity::OtherInputs => self.state.inputs.clear(),
            Continuity::First => self.state.inputs = self.inputs.clone(),
            Continuity::Same => {}
        }
        self.state.workflow = workflow;
        if self.state.since == 0 {
            self.state.since = now();
        }
    }

    /// Appends the mapping's id to the digest of inputs. [`Continuity`] ignores it, since a new
    /// mapping is a changed file; [`merge`] compares it.
    pub(crate) fn note_mapping(&mut self, mapping: Option<&mapping::Loaded>) {
        let blob = mapping.and_then(|mapping| mapping.blob.as_ref());
        let inputs = without_mapping(&self.inputs).to_owned();
        self.inputs = match blob.map(ToString::to_string) {
            Some(blob) => format!(
                "{inputs}{MAPPING}{}",
                blob.get(..DIGEST_DIGITS).unwrap_or(&blob)
            ),
            None => inputs,
        };
        // An empty digest stays empty: see `begin`.
        if !self.state.inputs.is_empty() {
            self.state.inputs = self.inputs.clone();
        }
    }

    /// Saves the state before writing: it lists what is about to be written as possible.
    ///
    /// # Errors
    /// If it cannot be saved: nothing is written then.
    pub(crate) async fn save_beginning(&mut self, session: &Session<'_>) -> Result<(), Error> {
        if self.is_stored(&self.state) {
            return Ok(());
        }
        self.save(session, Status::Applying, Vec::new()).await
    }

    /// Whether Port holds this state, as far as this run knows. Its commit and workflow do not
    /// count.
    pub(crate) fn is_stored(&self, state: &State) -> bool {
        match &self.stored {
            Some(stored) => stored.state.is_same_apart_from_run(state),
            None => state.is_empty(),
        }
    }

    /// Saves the state as the run leaves it. If another run saved meanwhile, what either of them
    /// changed stays open.
    ///
    /// # Errors
    /// If a request to Port fails, or Port refuses the state.
    pub(crate) async fn save_ending(
        &mut self,
        session: &Session<'_>,
        latest: Option<Stored>,
        problems: Vec<String>,
    ) -> Result<(), Error> {
        let is_overtaken = match (&self.stored, &latest) {
            (Some(own), Some(latest)) => !own.is_same_save(latest),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if let Some(latest) = latest.filter(|_| is_overtaken) {
            self.merge_with(latest);
        }
        let status = self.state.status();
        self.save(session, status, problems).await
    }

    fn merge_with(&mut self, latest: Stored) {
        let base = self.stored.take().map(|stored| stored.state);
        let own = std::mem::take(&mut self.state);
        self.state = merge(&base.unwrap_or_default(), own, latest.state.clone());
        self.stored = Some(latest);
        self.notices.push(
            "another run applied this source at the same time, so the next run compares what either of them wrote with Port; put both into one `concurrency` group".to_owned(),
        );
    }

    async fn save(
        &mut self,
        session: &Session<'_>,
        status: Status,
        problems: Vec<String>,
    ) -> Result<(), Error> {
        let Some(store) = self.store.clone() else {
            return Ok(());
        };
        let facts = facts(session, problems);
        let known = self.stored.as_ref();
        let mut saved = store.save(&self.state, status, &facts, known).await?;
        if let Saved::Overtaken(other) = saved {
            self.merge_with(*other);
            let known = self.stored.as_ref();
            saved = store.save(&self.state, status, &facts, known).await?;
        }
        match saved {
            Saved::Done(stored) => self.stored = Some(*stored),
            Saved::Overtaken(_) => {}
            Saved::NoBlueprint(reason) => {
                let blueprint = &store.blueprint;
                self.notices.push(format!(
                    "no state is kept: the blueprint `{blueprint}` is not in Port, and these credentials may not create it ({reason}); every run compares all entities with Port, and clears and deletes nothing, until an administrator runs this once or gives the credentials that right"
                ));
                self.store = None;
            }
        }
        Ok(())
    }
}

/// What people see of the state.
fn facts(session: &Session<'_>, problems: Vec<String>) -> Facts {
    let (setup, run) = (session.setup, session.run);
    let runner = &setup.runner;
    let branch = run
        .branch
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let label = setup
        .inputs
        .owner
        .as_ref()
        .map(|owner| format!(" ({owner})"));
    let of_branch = match run.role {
        crate::event::BranchRole::Default => String::new(),
        crate::event::BranchRole::Other => format!(" @ {branch}"),
    };
    Facts {
        title: format!(
            "{}{of_branch}{}",
            runner.repository,
            label.unwrap_or_default()
        ),
        repository: format!("{}/{}", runner.server_url, runner.repository),
        run_url: runner.run_url(),
        time: chrono::DateTime::from_timestamp(now().try_into().unwrap_or_default(), 0)
            .unwrap_or_default()
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        branch,
        problems,
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map(|since| since.as_secs()).unwrap_or_default()
}

/// What separates the digest of inputs from the mapping's id.
const MAPPING: char = '+';

/// A digest of inputs without the mapping's id.
fn without_mapping(inputs: &str) -> &str {
    inputs.split(MAPPING).next().unwrap_or_default()
}

/// A digest of the inputs that select or shape entities. Add every new input of that kind here.
fn digest_of(inputs: &Inputs) -> String {
    let blueprint = inputs.blueprint.as_ref();
    let merge = match inputs.merge {
        Merge::Merge => "merge",
        Merge::Replace => "replace",
    };
    let parts = [
        &inputs.files.to_string(),
        blueprint
            .map(|blueprint| blueprint.as_str())
            .unwrap_or_default(),
        &inputs.blueprints.to_string(),
        merge,
    ];
    // No part holds the zero, so that no two lists of parts make the same text.
    let mut text = parts.join("\0");
    if let Some(mapping) = &inputs.mapping {
        text.push('\0');
        text.push_str(mapping.as_str());
    }
    let mut digits = hexadecimal(digest(&SHA256, text.as_bytes()).as_ref());
    digits.truncate(DIGEST_DIGITS);
    digits
}
