//! A source: one repository at one commit, with the state that Port keeps for it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::digest::{SHA256, digest};

use super::error::Error;
use super::evaluator::Mapper;
use super::files::Files;
use super::mapping::{self, FleetMapping};
use super::round::Round;
use super::session::Session;
use super::setup::Setup;
use super::state::State;
use super::state::merge_states;
use super::state::store::{Facts, Store, Stored};
use crate::catalog::entity::EntityKey;
use crate::environment::Environment;
use crate::event::{BranchRole, Mode, Pushed, Run};
use crate::git::checkout::Checkout;
use crate::git::{BranchName, CommitSha, RepoName, hexadecimal};
use crate::github::Repository;
use crate::inputs::Merge;
use crate::report::Ending;

/// How many hexadecimal digits distinguish two sets of inputs.
const DIGEST_DIGITS: usize = 12;

/// Where a source's files are, and what is known of them before they are read.
#[derive(Debug)]
pub(crate) struct Origin<'p> {
    /// The number that stays the repository's when it is renamed, where it is known.
    pub(crate) id: Option<u64>,
    /// The repository on GitHub.
    pub(crate) repository: Repository,
    /// What it is called.
    pub(crate) name: RepoName,
    /// The branch that the commit is on.
    pub(crate) branch: Option<BranchName>,
    /// Which of the repository's branches that is.
    pub(crate) role: BranchRole,
    /// The push that the run is about.
    pub(crate) push: Option<Pushed>,
    /// The workspace, if it holds the repository.
    pub(crate) checkout: Option<&'p Checkout>,
    /// What makes entities of files that a mapping selects.
    pub(crate) mapper: Mapper,
    /// The mapping, if it is in another repository.
    pub(crate) fleet_mapping: Option<Arc<FleetMapping>>,
}

impl<'p> Origin<'p> {
    /// The repository that a run belongs to.
    pub(crate) fn of_run(
        setup: &'p Setup,
        run: &Run,
        default_branch: BranchName,
        environment: &Environment,
    ) -> Self {
        let name = setup.runner.repository.clone();
        Self {
            id: setup.runner.repository_id,
            repository: setup.github.repository(name.clone()),
            name,
            branch: run.branch.clone(),
            role: run.role,
            push: run.push.clone(),
            checkout: setup.checkout.as_ref(),
            mapper: setup.mapper(run, default_branch, environment),
            fleet_mapping: None,
        }
    }

    /// What files are read from.
    pub(crate) fn files<'a>(&'a self, session: &Session<'a>) -> Files<'a> {
        Files {
            repository: &self.repository,
            checkout: self.checkout,
            inputs: &session.setup.inputs,
            mapper: &self.mapper,
            mapping_home: self.fleet_mapping.as_deref().map(FleetMapping::home),
        }
    }
}

/// One repository at one commit.
#[derive(Debug)]
pub(crate) struct Source<'p> {
    /// Where its files are.
    pub(crate) origin: Origin<'p>,
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
    /// What the run found and did at each of its commits.
    pub(crate) rounds: Vec<Round>,
    /// How it ended, once it has.
    pub(crate) ending: Option<Ending>,
    /// Why it left the run.
    pub(crate) failure: Option<Error>,
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

impl<'p> Source<'p> {
    /// A source at `commit`, whose state Port holds as `stored`.
    pub(crate) fn new(
        session: &Session<'_>,
        origin: Origin<'p>,
        commit: CommitSha,
        store: Option<Store<'p>>,
        stored: Option<Stored>,
    ) -> Self {
        let found = stored.as_ref().map(|stored| stored.state.clone());
        let mut source = Self {
            origin,
            found: found.unwrap_or_default(),
            state: State::default(),
            written: BTreeSet::new(),
            inputs: digest_of(session.setup),
            continuity: Continuity::First,
            warnings: Vec::new(),
            notices: Vec::new(),
            rounds: Vec::new(),
            ending: None,
            failure: None,
            commit,
            store,
            stored,
        };
        source.begin(session);
        source
    }

    /// Starts this run's state from the stored one.
    fn begin(&mut self, session: &Session<'_>) {
        let runner = &session.setup.runner;
        let workflow = runner.workflow.clone().unwrap_or_default();
        self.continuity = match &self.stored {
            None => Continuity::First,
            // Nothing but the entity is there.
            Some(stored) if stored.state == State::default() => Continuity::First,
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
    /// mapping is a changed file; [`merge_states`] compares it.
    pub(crate) fn note_mapping(&mut self, mapping: Option<&mapping::LoadedMapping>) {
        self.inputs = with_mapping(without_mapping(&self.inputs), mapping);
        // An empty digest stays empty: see `begin`.
        if !self.state.inputs.is_empty() {
            self.state.inputs = self.inputs.clone();
        }
    }

    /// Whether Port holds this state, as far as this run knows. Its commit and workflow do not
    /// count.
    pub(crate) fn is_stored(&self, state: &State) -> bool {
        match &self.stored {
            Some(stored) => stored.state.is_same_apart_from_run(state),
            None => state.is_empty(),
        }
    }

    /// Continues from `latest`, the state as Port holds it now, if another run has saved it.
    pub(crate) fn merge_if_overtaken(&mut self, latest: Option<Stored>) {
        let own = self.stored.as_ref();
        let is_own = |latest: &Stored| own.is_some_and(|own| own.is_same_save(latest));
        if let Some(latest) = latest.filter(|latest| !is_own(latest)) {
            self.merge_with(latest);
        }
    }

    /// Continues from the state that another run saved meanwhile: what either of them changed stays
    /// open.
    pub(crate) fn merge_with(&mut self, latest: Stored) {
        let base = self.stored.take().map(|stored| stored.state);
        let own = std::mem::take(&mut self.state);
        self.state = merge_states(&base.unwrap_or_default(), own, latest.state.clone());
        self.stored = Some(latest);
        self.notices.push(
            "another run applied this source at the same time, so the next run compares what either of them wrote with Port; put both into one `concurrency` group".to_owned(),
        );
    }

    /// Goes on without a state, as its blueprint is missing and may not be created for this reason.
    pub(crate) fn keep_no_state(&mut self, reason: &str) {
        if let Some(store) = self.store.take() {
            self.notices.push(format!(
                "no state is kept: the blueprint `{}` is not in Port, and these credentials may not create it ({reason}); every run compares all entities with Port, and clears and deletes nothing, until an administrator runs this once or gives the credentials that right",
                store.blueprint
            ));
        }
    }

    /// What files are read from.
    pub(crate) fn files<'a>(&'a self, session: &Session<'a>) -> Files<'a> {
        self.origin.files(session)
    }

    /// What people call the source: the repository, then the branch and the input `owner` if they
    /// distinguish it.
    pub(crate) fn title(&self, session: &Session<'_>) -> String {
        let mut title = self.origin.name.to_string();
        if let (BranchRole::Other, Some(branch)) = (self.origin.role, &self.origin.branch) {
            title.push_str(&format!(" @ {branch}"));
        }
        if let Some(owner) = &session.setup.inputs.owner {
            title.push_str(&format!(" ({owner})"));
        }
        title
    }

    /// What people see of the state.
    pub(crate) fn facts(&self, session: &Session<'_>, problems: Vec<String>) -> Facts {
        let (runner, origin) = (&session.setup.runner, &self.origin);
        let branch = origin.branch.as_ref().map(ToString::to_string);
        let branch = branch.unwrap_or_default();
        Facts {
            title: self.title(session),
            repository: format!("{}/{}", runner.server_url, origin.name),
            run_url: runner.run_url(),
            time: timestamp(),
            branch,
            problems,
        }
    }
}

/// The time in RFC 3339.
pub(super) fn timestamp() -> String {
    chrono::DateTime::from_timestamp(now().try_into().unwrap_or_default(), 0)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// Seconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map(|since| since.as_secs()).unwrap_or_default()
}

/// What separates the digest of inputs from the mapping's id.
const MAPPING: char = '+';

/// A digest of inputs with the mapping's id, if there is one.
pub(super) fn with_mapping(inputs: &str, mapping: Option<&mapping::LoadedMapping>) -> String {
    let blob = mapping.and_then(|mapping| mapping.blob.as_ref());
    match blob.map(ToString::to_string) {
        Some(blob) => {
            let blob = blob.get(..DIGEST_DIGITS).unwrap_or(&blob);
            format!("{inputs}{MAPPING}{blob}")
        }
        None => inputs.to_owned(),
    }
}

/// A digest of inputs without the mapping's id.
fn without_mapping(inputs: &str) -> &str {
    inputs.split(MAPPING).next().unwrap_or_default()
}

/// A digest of the inputs that select or shape entities. Add every new input of that kind here.
pub(super) fn digest_of(setup: &Setup) -> String {
    let inputs = &setup.inputs;
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
        // A fleet's is another file than the one at the same path of a repository.
        if inputs.fleet.is_some() {
            let runner = &setup.runner;
            let home = runner.repository_id.map(|id| id.to_string());
            text.push('\0');
            text.push_str(&home.unwrap_or_else(|| runner.repository.to_string()));
        }
    }
    let mut digits = hexadecimal(digest(&SHA256, text.as_bytes()).as_ref());
    digits.truncate(DIGEST_DIGITS);
    digits
}
