//! A run over many repositories: which of them there is something to do about, and what the run
//! remembers of the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::error::Error;
use super::find::is_outage;
use super::mapping::{self, FleetMapping};
use super::session::Session;
use super::source::{Origin, Source, digest_of, with_mapping};
use super::state::SourceName;
use super::state::fleet::{self, FleetMemory, Glimpse};
use super::state::store::{self, Facts, Store, Stored};
use crate::catalog::mapping::Surroundings;
use crate::catalog::rules::UnmatchedRule;
use crate::event::{BranchRole, Mode, Scope};
use crate::git::{BranchName, CommitSha, RepoName};
use crate::github::{ExclusionReason, Head, ListedRepository, Side};
use crate::inputs::{FleetSelection, Prune};
use crate::port::{CONCURRENT_REQUESTS, Existing, Reserve};
use crate::text::counted;

/// How many requests to Port a source takes: its state is loaded before the first write and before it is
/// saved; one more is its share of those that many sources share.
const REQUESTS_OF_A_SOURCE: usize = 3;
/// How many the plan of all sources takes.
const FOR_THE_PLAN: usize = 20;

/// What a run over many repositories knows beside its sources.
#[derive(Debug)]
pub(crate) struct Fleet<'p> {
    /// Where the run keeps what it remembers, if it may.
    store: Option<Store<'p>>,
    /// What the last run remembers, if there was one.
    last: Option<FleetMemory>,
    /// A digest of the inputs that select and shape entities, and of the mapping.
    inputs: String,
    /// The lines of the input `repositories` that match none, each a sentence without a full stop.
    pub(crate) warnings: Vec<String>,
    /// The repositories that the run selects and does not work on.
    pub(crate) others: Vec<SkippedRepository>,
    /// How many repositories it passes over, and why.
    pub(crate) skipped: BTreeMap<ExclusionReason, usize>,
}

/// A repository that the run does not work on.
#[derive(Debug)]
pub(crate) struct SkippedRepository {
    pub(crate) id: u64,
    pub(crate) name: RepoName,
    pub(crate) reason: SkipReason,
}

/// Why the run does not work on a repository.
#[derive(Debug)]
pub(crate) enum SkipReason {
    /// What is at its head is in Port: so many entities.
    UpToDate { entities: u64 },
    /// It declares nothing at this commit.
    DeclaresNothing(CommitSha),
    /// It cannot be read, or its state cannot: a sentence without a full stop.
    Unreadable(String),
    /// Port's budget does not last for it: a sentence without a full stop.
    Left(String),
}

/// The default branch of a repository.
struct FleetCandidate {
    id: u64,
    name: RepoName,
    branch: BranchName,
    commit: CommitSha,
}

/// Finds the repositories that `selection` selects and of which something may have to be applied; `home`
/// is the one whose workflow it is.
///
/// # Errors
/// If a request to GitHub or Port fails, or the mapping cannot be used.
pub(crate) async fn find_sources<'p>(
    session: &Session<'p>,
    selection: &FleetSelection,
    home: Origin<'p>,
) -> Result<(Fleet<'p>, Vec<Source<'p>>), Error> {
    let mapping = fleet_mapping(session, &home).await?;
    let inputs = digest_of(session.setup);
    let loaded = mapping.as_ref().map(|fleet| &fleet.mapping);
    let mut fleet = Fleet {
        store: session.setup.fleet_store(session.port, selection).await?,
        last: None,
        inputs: with_mapping(&inputs, loaded),
        warnings: Vec::new(),
        others: Vec::new(),
        skipped: BTreeMap::new(),
    };
    let (mut listed, last) = futures::try_join!(
        async { Ok(session.setup.github.repositories().await?) },
        fleet.load()
    )?;
    fleet.last = last;
    fleet.warnings = unmatched(selection, &listed);
    listed.retain(|one| selection.repositories.selects(&one.name) && selection.shard.has(one.id));
    let listed = fleet.pass_over(listed);
    let ids: Vec<_> = listed.iter().map(|one| one.id).collect();
    let (heads, glimpses) = futures::try_join!(
        async { Ok(session.setup.github.heads(&listed).await?) },
        glimpses(session, &ids)
    )?;
    let mut candidates = Vec::new();
    for (listed, head) in listed.into_iter().zip(heads) {
        let Some(candidate) = fleet.candidate(listed, head) else {
            continue;
        };
        match fleet.is_up_to_date(session, &candidate, &glimpses) {
            Some(reason) => fleet.others.push(SkippedRepository {
                id: candidate.id,
                name: candidate.name,
                reason,
            }),
            None => candidates.push(candidate),
        }
    }
    let sources = fleet.sources(session, candidates, &home, mapping).await?;
    Ok((fleet, sources))
}

/// What is wrong with the lines of the input `repositories` that match none of those that the token can
/// read.
fn unmatched(selection: &FleetSelection, listed: &[ListedRepository]) -> Vec<String> {
    let names: Vec<_> = listed.iter().map(|one| one.name.clone()).collect();
    let warning = |rule: UnmatchedRule| {
        let UnmatchedRule { line, rule, hint } = rule;
        let hint = hint.unwrap_or_else(|| "install the app there, or remove the line".to_owned());
        format!(
            "line {line} of `repositories`, `{rule}`, matches no repository that the token can read; {hint}"
        )
    };
    let unmatched = selection.repositories.unmatched(&names).into_iter();
    unmatched.map(warning).collect()
}

/// The mapping in the home repository, if the inputs name one.
async fn fleet_mapping(
    session: &Session<'_>,
    home: &Origin<'_>,
) -> Result<Option<Arc<FleetMapping>>, Error> {
    let commit = &session.run.commit;
    let loading = mapping::load(home.files(session), commit, Side::Unknown);
    let Some(mut mapping) = loading.await? else {
        return Ok(None);
    };
    let mut errors = mapping.diagnostics.iter().filter(|one| one.is_error());
    if let Some(error) = errors.next() {
        return Err(Error::FleetMapping(format!(
            "{} ({}, {})",
            error.message,
            error.location(),
            home.name
        )));
    }
    mapping.home = mapping::Home::Other;
    Ok(Some(Arc::new(FleetMapping {
        mapping,
        repository: session.setup.github.repository(home.name.clone()),
        commit: commit.clone(),
    })))
}

/// What Port's states say of repositories, as far as a search shows it. With scope `all`, it does not
/// matter.
async fn glimpses(
    session: &Session<'_>,
    ids: &[u64],
) -> Result<BTreeMap<SourceName, Glimpse>, Error> {
    let (Some(port), Some(blueprint)) = (session.port, session.setup.state_blueprint()) else {
        return Ok(BTreeMap::new());
    };
    if ids.is_empty() || session.run.scope == Scope::All {
        return Ok(BTreeMap::new());
    }
    let names = ids.iter().map(|&id| session.setup.source_name(id, None));
    Ok(fleet::glimpse(port, blueprint, names.collect()).await?)
}

impl<'p> Fleet<'p> {
    /// Leaves out the repositories that no run works on, and counts them.
    fn pass_over(&mut self, listed: Vec<ListedRepository>) -> Vec<ListedRepository> {
        let (over, rest): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|one| one.skipped.is_some());
        for skipped in over.into_iter().filter_map(|one| one.skipped) {
            *self.skipped.entry(skipped).or_default() += 1;
        }
        rest
    }

    /// How many repositories there are, and how many of them may have changed.
    pub(crate) fn summary(&self, changed: usize) -> String {
        let count = self.others.len() + changed;
        let repositories = counted(count, "repository", "repositories");
        match self.skipped.values().sum::<usize>() {
            0 => format!("{repositories}, {changed} to look at"),
            skipped => format!("{repositories}, {changed} to look at ({skipped} skipped)"),
        }
    }

    async fn load(&self) -> Result<Option<FleetMemory>, Error> {
        match &self.store {
            Some(store) => Ok(store.load_fleet().await?),
            None => Ok(None),
        }
    }

    /// The default branch of a repository, if the run can work on it; if not, the reason is noted.
    fn candidate(&mut self, listed: ListedRepository, head: Head) -> Option<FleetCandidate> {
        let ListedRepository { id, name, .. } = listed;
        let unreadable = match head {
            Head::At {
                name,
                branch,
                commit,
            } => {
                return Some(FleetCandidate {
                    id,
                    name,
                    branch,
                    commit,
                });
            }
            Head::Empty { .. } => {
                *self.skipped.entry(ExclusionReason::Empty).or_default() += 1;
                return None;
            }
            Head::Gone => "it is gone, or the token no longer sees it; if it is gone for good, delete its state in Port"
                .to_owned(),
            Head::Unreadable { message } => {
                format!(
                    "GitHub does not let the token read it: {message}; give the app access to it, or exclude it in the input `repositories`"
                )
            }
        };
        self.others.push(SkippedRepository {
            id,
            name,
            reason: SkipReason::Unreadable(unreadable),
        });
        None
    }

    /// Whether there is nothing to do about a repository: what is at its head was applied with the same
    /// inputs and without problems, and nothing is to be pruned; or it declares nothing there.
    fn is_up_to_date(
        &self,
        session: &Session<'_>,
        candidate: &FleetCandidate,
        glimpses: &BTreeMap<SourceName, Glimpse>,
    ) -> Option<SkipReason> {
        let FleetCandidate { id, commit, .. } = candidate;
        if session.run.scope == Scope::All {
            return None;
        }
        let name = session.setup.source_name(*id, None);
        if let Some(glimpse) = glimpses.get(&name) {
            let is_same = glimpse.is_synced
                && glimpse.commit.as_ref() == Some(commit)
                && glimpse.inputs == self.inputs
                && !(session.setup.inputs.prune == Prune::Delete && glimpse.has_removed);
            let entities = glimpse.entities;
            return is_same.then_some(SkipReason::UpToDate { entities });
        }
        let last = self.last.as_ref();
        let last = last.filter(|last| last.inputs == self.inputs);
        let declares_nothing = last.is_some_and(|last| last.declares_nothing(*id, commit));
        declares_nothing.then(|| SkipReason::DeclaresNothing(commit.clone()))
    }

    /// Loads the states of repositories. One whose state cannot be read is noted, and so is one for which
    /// Port's budget does not last: what it takes for those before it is kept.
    async fn sources(
        &mut self,
        session: &Session<'p>,
        candidates: Vec<FleetCandidate>,
        home: &Origin<'p>,
        mapping: Option<Arc<FleetMapping>>,
    ) -> Result<Vec<Source<'p>>, Error> {
        let numbered = stream::iter(candidates).zip(stream::iter(1..));
        let loading = numbered.map(async |(candidate, number)| {
            if let Some(port) = session.port {
                port.keep(FOR_THE_PLAN + REQUESTS_OF_A_SOURCE * number);
            }
            let store = session.setup.store(session.port, candidate.id, None);
            match load(store.as_ref()).await {
                Err(error) if is_outage(&error) => Err(Error::from(error)),
                stored => Ok((candidate, store, stored)),
            }
        });
        let loading = loading.buffered(CONCURRENT_REQUESTS);
        let loaded: Vec<_> = loading.try_collect().await?;
        let mut sources = Vec::new();
        for (candidate, store, stored) in loaded {
            match stored {
                Ok(stored) => {
                    let commit = candidate.commit.clone();
                    let origin = origin(session, candidate, home, mapping.clone());
                    sources.push(Source::new(session, origin, commit, store, stored));
                }
                Err(error) => self.others.push(SkippedRepository {
                    id: candidate.id,
                    name: candidate.name,
                    reason: match error.is_end_of_budget() {
                        true => SkipReason::Left(error.to_string()),
                        false => SkipReason::Unreadable(error.to_string()),
                    },
                }),
            }
        }
        if let Some(port) = session.port {
            port.keep((REQUESTS_OF_A_SOURCE - 1) * sources.len());
        }
        Ok(sources)
    }

    /// Whether the last run could not read the repository either.
    pub(crate) fn has_failed_before(&self, repository_id: u64) -> bool {
        let last = self.last.as_ref();
        last.is_some_and(|last| last.failed.contains(&repository_id))
    }

    /// Saves what this run remembers, for the next one and for people. Returns a notice if that fails,
    /// since the next run then only looks at more repositories.
    pub(crate) async fn save_memory(
        &self,
        session: &Session<'_>,
        sources: &[Source<'_>],
        problems: Vec<String>,
    ) -> Option<String> {
        let store = self.store.as_ref()?;
        if session.run.mode == Mode::Plan {
            return None;
        }
        let runner = &session.setup.runner;
        let facts = Facts {
            title: session.setup.fleet_title(),
            repository: format!("{}/{}", runner.server_url, runner.repository),
            run_url: runner.run_url(),
            time: super::source::timestamp(),
            branch: String::new(),
            problems,
        };
        let existing = match self.last {
            Some(_) => Existing::Merge,
            None => Existing::Refuse,
        };
        let memory = self.memory(sources);
        let entities = self.entities(sources);
        let saving = store.save_fleet(&memory, entities, &facts, existing);
        let saved = session
            .unless_interrupted(async { Ok(saving.await?) })
            .await;
        saved.err().map(|error| {
            format!("what this run remembers could not be saved, so the next one looks at more repositories: {error}")
        })
    }

    /// How many entities are in Port because of all repositories.
    fn entities(&self, sources: &[Source<'_>]) -> u64 {
        let others = self.others.iter().map(|other| match &other.reason {
            SkipReason::UpToDate { entities } => *entities,
            SkipReason::DeclaresNothing(_) | SkipReason::Unreadable(_) | SkipReason::Left(_) => 0,
        });
        let sources = sources.iter().map(|source| source.state.entities().len());
        let sources = sources.map(|count| count.try_into().unwrap_or(u64::MAX));
        others.chain(sources).sum()
    }

    fn memory(&self, sources: &[Source<'_>]) -> FleetMemory {
        let mut memory = self.last.clone().unwrap_or_default();
        if memory.inputs != self.inputs {
            memory.nothing.clear();
            memory.inputs = self.inputs.clone();
        }
        // Another fleet of the same repository may select the others.
        let others = self.others.iter().map(|other| other.id);
        let selected = others.chain(sources.iter().filter_map(|source| source.origin.id));
        for id in selected {
            memory.nothing.remove(&id);
            memory.failed.remove(&id);
        }
        for other in &self.others {
            match &other.reason {
                SkipReason::UpToDate { .. } | SkipReason::Left(_) => {}
                SkipReason::DeclaresNothing(commit) => {
                    memory.nothing.insert(other.id, commit.clone());
                }
                SkipReason::Unreadable(_) => drop(memory.failed.insert(other.id)),
            }
        }
        for source in sources {
            let Some(id) = source.origin.id else { continue };
            if let Some(error) = &source.failure {
                if !error.is_left_to_next_run() {
                    memory.failed.insert(id);
                }
            } else if source.stored.is_none() && source.state.is_empty() {
                memory.nothing.insert(id, source.commit.clone());
            }
        }
        memory
    }
}

async fn load(store: Option<&Store<'_>>) -> Result<Option<Stored>, store::Error> {
    match store {
        Some(store) => store.load(Reserve::Keep).await,
        None => Ok(None),
    }
}

fn origin<'p>(
    session: &Session<'p>,
    candidate: FleetCandidate,
    home: &Origin<'p>,
    mapping: Option<Arc<FleetMapping>>,
) -> Origin<'p> {
    let FleetCandidate {
        id, name, branch, ..
    } = candidate;
    let surroundings = Surroundings {
        organization: name.owner().to_owned(),
        repository: name.name().to_owned(),
        branch: branch.to_string(),
        default_branch: branch.to_string(),
    };
    Origin {
        id: Some(id),
        repository: session.setup.github.repository(name.clone()),
        checkout: home.checkout.filter(|_| name == home.name),
        name,
        branch: Some(branch),
        role: BranchRole::Default,
        push: None,
        mapper: home.mapper.for_repository(surroundings),
        fleet_mapping: mapping,
    }
}
