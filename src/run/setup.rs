//! What a run is made of before it begins: the runner's environment, the user's inputs, the
//! connections.

use std::fs;
use std::path::Path;

use super::error::Error;
use super::evaluator::Mapper;
use super::state::store::Store;
use super::state::{FleetParts, SourceName, SourceParts};
use crate::catalog::entity::BlueprintId;
use crate::catalog::mapping::Surroundings;
use crate::catalog::validate::Omission;
use crate::environment::{Environment, Runner};
use crate::event::{BranchRole, CatalogAccess, Decision, Event, EventContext, Reach, Run};
use crate::git::BranchName;
use crate::git::checkout::Checkout;
use crate::github::{Access, GitHub, Repository, WhenExhausted};
use crate::http::proxy::Proxies;
use crate::http::stale_answers::Patience;
use crate::http::{Client, Settings, TIMEOUT_VARIABLE, Timeouts};
use crate::inputs::{self, FleetSelection, Inputs, Merge, StateBlueprint};
use crate::port::{Port, WriteOptions};
use crate::report::annotations;
use crate::report::log::Log;
use crate::report::{ComparedWith, RunFacts};
use crate::shutdown::Shutdown;

/// What every run needs.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) runner: Runner,
    pub(crate) inputs: Inputs,
    pub(crate) github: GitHub,
    pub(crate) repository: Repository,
    /// How many warnings about inputs were shown.
    pub(crate) warnings: usize,
    pub(crate) checkout: Option<Checkout>,
    client: Client,
}

impl Setup {
    /// Reads the environment, and masks the secrets in it before anything else is printed.
    pub(crate) fn read(environment: &Environment, log: &Log) -> Result<Self, Error> {
        let runner = Runner::from_environment(environment)?;
        let proxies = read_proxies(environment, log)?;
        let (inputs, warnings) = read_inputs(environment, log)?;
        let client = connect(environment, &runner, &inputs, proxies)?;
        let patience = Patience::read(environment)?;
        let github = open_github(&client, &runner, &inputs, patience)?;
        let repository = github.repository(runner.repository.clone());
        let checkout = runner.workspace.as_deref().and_then(Checkout::open);
        Ok(Self {
            runner,
            inputs,
            github,
            repository,
            warnings,
            checkout,
            client,
        })
    }

    /// Decides what to do from the event and the inputs. Also returns the default branch.
    pub(crate) async fn decide(
        &self,
        environment: &Environment,
    ) -> Result<(Decision, BranchName), Error> {
        let variable = |name| environment.variable(name).ok_or(Error::NoEvent(name));
        let name = variable("GITHUB_EVENT_NAME")?;
        let path = Path::new(variable("GITHUB_EVENT_PATH")?);
        let payload = fs::read_to_string(path).map_err(|error| Error::EventFile {
            path: path.to_owned(),
            error,
        })?;
        let event = Event::parse(name, &payload)?;
        let default_branch = match event.default_branch() {
            Some(branch) => branch.clone(),
            None => self.repository.default_branch().await?,
        };
        let decision = event.decide(EventContext {
            mode: self.inputs.mode,
            scope: self.inputs.scope,
            reach: match self.inputs.fleet {
                Some(_) => Reach::Fleet,
                None => Reach::Repository,
            },
            default_branch: &default_branch,
            full_ref: environment.variable("GITHUB_REF"),
            sha: environment.variable("GITHUB_SHA"),
        })?;
        Ok((decision, default_branch))
    }

    /// The blueprint that holds states, if any are kept.
    pub(crate) fn state_blueprint(&self) -> Option<&BlueprintId> {
        match &self.inputs.state_blueprint {
            StateBlueprint::Kept(blueprint) => Some(blueprint),
            StateBlueprint::None => None,
        }
    }

    /// What a source is called in Port: the default branch of a repository, or another `branch`.
    pub(crate) fn source_name(
        &self,
        repository_id: u64,
        branch: Option<&BranchName>,
    ) -> SourceName {
        SourceName::new(SourceParts {
            host: self.runner.host(),
            repository_id,
            branch,
            owner: self.inputs.owner.as_deref(),
        })
    }

    /// Where the state of a source is kept; `None` where none is.
    pub(crate) fn store<'p>(
        &self,
        port: Option<&'p Port>,
        repository_id: u64,
        branch: Option<&BranchName>,
    ) -> Option<Store<'p>> {
        Some(Store {
            port: port?,
            blueprint: self.state_blueprint()?.clone(),
            name: self.source_name(repository_id, branch),
        })
    }

    /// Where a run over many repositories keeps what it remembers; `None` where nothing is kept.
    ///
    /// # Errors
    /// If the runner does not say the repository's id, and GitHub does not either.
    pub(crate) async fn fleet_store<'p>(
        &self,
        port: Option<&'p Port>,
        selection: &FleetSelection,
    ) -> Result<Option<Store<'p>>, Error> {
        let (Some(port), Some(blueprint)) = (port, self.state_blueprint()) else {
            return Ok(None);
        };
        let name = SourceName::of_fleet(&FleetParts {
            host: self.runner.host(),
            home_id: self.repository_id().await?,
            owner: self.inputs.owner.as_deref(),
            shard: (!selection.shard.is_whole()).then(|| selection.shard.to_string()),
        });
        Ok(Some(Store {
            port,
            blueprint: blueprint.clone(),
            name,
        }))
    }

    /// The id of the repository that the run belongs to.
    ///
    /// # Errors
    /// If the runner does not say it, and GitHub does not either.
    pub(crate) async fn repository_id(&self) -> Result<u64, Error> {
        match self.runner.repository_id {
            Some(id) => Ok(id),
            None => Ok(self.repository.id().await?),
        }
    }

    /// What people call a run over many repositories.
    pub(crate) fn fleet_title(&self) -> String {
        let mut title = format!("Fleet of {}", self.runner.repository);
        if let Some(owner) = &self.inputs.owner {
            title.push_str(&format!(" ({owner})"));
        }
        match &self.inputs.fleet {
            Some(fleet) if !fleet.shard.is_whole() => format!("{title}, shard {}", fleet.shard),
            _ => title,
        }
    }

    /// Makes entities of files that a mapping selects. Expressions see the name of the branch that
    /// is applied, even in a plan of changes that are not merged yet.
    pub(crate) fn mapper(
        &self,
        run: &Run,
        default_branch: BranchName,
        environment: &Environment,
    ) -> Mapper {
        let own = run
            .branch
            .as_ref()
            .filter(|_| run.role == BranchRole::Other);
        let repository = &self.runner.repository;
        let surroundings = Surroundings {
            organization: repository.owner().to_owned(),
            repository: repository.name().to_owned(),
            branch: own.unwrap_or(&default_branch).to_string(),
            default_branch: default_branch.to_string(),
        };
        Mapper::new(environment.program(), surroundings)
    }

    /// A client of Port, if the run may use Port and has credentials.
    pub(crate) fn connect_port(
        &self,
        run: &Run,
        shutdown: &Shutdown,
        log: &Log,
    ) -> Result<Option<Port>, Error> {
        let credentials = match (run.catalog, self.inputs.credentials.clone()) {
            (CatalogAccess::Required, None) => return Err(Error::MissingCredentials),
            (CatalogAccess::Required | CatalogAccess::WithCredentials, Some(given)) => given,
            (CatalogAccess::WithCredentials, None) | (CatalogAccess::Never, _) => return Ok(None),
        };
        let log = log.clone();
        let mask = Box::new(move |token: &str| log.mask(token));
        let base_url = self.inputs.base_url.clone();
        let port = Port::new(self.client.clone(), base_url, credentials, mask);
        let port = port.stop_on(shutdown.clone());
        Ok(Some(port.when_exhausted(when_exhausted(&self.inputs))))
    }

    /// What it means that a file leaves out what its blueprint requires.
    pub(crate) fn omission(&self) -> Omission {
        match self.inputs.merge {
            Merge::Merge => Omission::MayExist,
            Merge::Replace => Omission::IsMissing,
        }
    }

    pub(crate) fn write_options(&self) -> WriteOptions {
        WriteOptions {
            merge: self.inputs.merge,
            missing_targets: self.inputs.missing_targets,
            run_id: self.inputs.run_id.clone(),
        }
    }

    /// The log's first line.
    pub(crate) fn heading(&self, run: &Run, port: Option<&Port>) -> String {
        let branch = run.branch.as_ref().map(|branch| format!(" ({branch})"));
        let offline = match port {
            Some(_) => "",
            None => ", offline: blueprints are not checked",
        };
        format!(
            "port-gitops {}: {} of {}@{}{}{offline}",
            env!("CARGO_PKG_VERSION"),
            run.mode.as_str(),
            self.runner.repository,
            run.commit.short(),
            branch.unwrap_or_default()
        )
    }

    /// What the report says of the run itself.
    pub(crate) fn facts(&self, run: &Run) -> RunFacts {
        let compared_with = match (run.catalog, &self.inputs.credentials) {
            (CatalogAccess::Never, _) | (_, None) => ComparedWith::Git,
            (_, Some(_)) => ComparedWith::Port,
        };
        RunFacts {
            mode: run.mode,
            compared_with,
            repository: self.runner.repository.clone(),
            head: run.commit.clone(),
            branch: run.branch.clone(),
            server_url: self.runner.server_url.clone(),
            pull_request: run.pull_request,
            port_url: port_url(&self.inputs),
            documentation_url: self.runner.documentation_url.clone(),
        }
    }
}

/// The URL of Port's website: `app.port.io` for the API `api.port.io`, likewise in each region.
/// `None` for any other host.
fn port_url(inputs: &Inputs) -> Option<String> {
    let region = inputs.base_url.host_str()?.strip_prefix("api.")?;
    let is_ports = region.ends_with("port.io");
    is_ports.then(|| format!("https://app.{region}"))
}

/// The inputs, and how many warnings about them were shown.
fn read_inputs(environment: &Environment, log: &Log) -> Result<(Inputs, usize), Error> {
    if let Some(secret) = environment.input("client-secret") {
        log.mask(secret);
    }
    let (inputs, warnings) = inputs::parse(environment);
    let shown = annotations::write_warnings(&warnings, log);
    Ok((inputs.map_err(Error::Inputs)?, shown))
}

fn read_proxies(environment: &Environment, log: &Log) -> Result<Proxies, Error> {
    let proxies = Proxies::from_environment(environment)?;
    for secret in proxies.secrets() {
        log.mask(&secret);
    }
    Ok(proxies)
}

fn connect(
    environment: &Environment,
    runner: &Runner,
    inputs: &Inputs,
    proxies: Proxies,
) -> Result<Client, Error> {
    let owner = runner.repository.to_string();
    let timeouts = match environment.variable(TIMEOUT_VARIABLE) {
        Some(seconds) => Timeouts::with_silence(seconds)?,
        None => Timeouts::default(),
    };
    let settings = Settings {
        owner: &owner,
        ca_certificates: inputs.ca_certificates.as_deref(),
        certificate_file: environment.variable("SSL_CERT_FILE").map(Path::new),
        proxies,
        timeouts,
    };
    Ok(Client::new(settings)?)
}

fn open_github(
    client: &Client,
    runner: &Runner,
    inputs: &Inputs,
    patience: Patience,
) -> Result<GitHub, Error> {
    let owner = runner.repository.to_string();
    let access = Access {
        client: client.clone(),
        urls: &inputs.github,
        token: &inputs.github_token,
        owner: &owner,
        patience,
        when_exhausted: when_exhausted(inputs),
    };
    Ok(GitHub::open(access)?)
}

/// A run over many repositories leaves what is left to the next run.
fn when_exhausted(inputs: &Inputs) -> WhenExhausted {
    match inputs.fleet {
        Some(_) => WhenExhausted::Fail,
        None => WhenExhausted::Wait,
    }
}
