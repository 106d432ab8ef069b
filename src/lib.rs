//! port-gitops makes Git the source of truth for a Port software catalog.
//!
//! [`run`] is the whole program: the runner's environment goes in, the exit status comes out, and
//! on the way the entities that a push changed reach Port. [`pipeline`] is its table of contents.

pub mod apply;
pub mod catalog;
pub mod diagnostic;
pub mod document;
pub mod environment;
pub mod event;
pub mod git;
pub mod github;
pub mod http;
pub mod inputs;
pub mod port;
pub mod report;
pub mod shutdown;
pub mod source;

mod error;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use apply::{Applied, apply};
use catalog::blueprint::Blueprints;
use catalog::change::{Change, compare};
use catalog::declare::{Declarations, EntityFile, FileContent, Unreadable, declare};
use catalog::plan::Plan;
use catalog::validate::{Omission, Validated, validate};
use environment::{Environment, Runner};
use error::Error;
use event::{CatalogAccess, Decision, Event, Mode, Run};
use github::{Access, BlobContent, Diff, Repository, Wanted};
use http::proxy::Proxies;
use http::{Client, Settings, Timeouts};
use inputs::{Inputs, Merge};
use port::{Port, UpsertOptions};
use report::build::{self, Findings};
use report::log::{Command, Log};
use report::{Cost, Ending, Outcome, Report, RunFacts, console, progress, publish};
use shutdown::Shutdown;
use source::{RepoPath, Source};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well: status 0.
    Success,
    /// An entity is invalid or failed: status 1.
    Failure,
    /// The run could not start or not go on: status 2.
    CannotGoOn,
    /// The run was told to stop: 128 and the signal's number.
    Interrupted,
}

/// Runs the action: reads what the runner says in `environment`, writes the log to `out`, and ends
/// early when `shutdown` is requested.
pub async fn run(
    environment: Environment,
    out: impl Write + Send + 'static,
    shutdown: Shutdown,
) -> Exit {
    let log = Log::new(out);
    let _progress = tracing::subscriber::set_default(progress::subscriber(&log));
    match pipeline(&environment, &log, &shutdown).await {
        Ok(exit) => exit,
        Err(error) => fail(&error, &environment, &log),
    }
}

/// From the event to the report.
async fn pipeline(
    environment: &Environment,
    log: &Log,
    shutdown: &Shutdown,
) -> Result<Exit, Error> {
    let started = Instant::now();
    let runner = Runner::from_environment(environment)?;
    let proxies = read_proxies(environment, log)?;
    let inputs = read_inputs(environment, &runner, log)?;
    let client = connect(environment, &inputs, proxies)?;
    let repository = open_repository(&client, &runner, &inputs)?;
    let run = match decide(environment, &inputs, &repository).await? {
        Decision::Run(run) => run,
        Decision::Nothing(reason) => {
            publish::publish_nothing(&reason, &runner, log)?;
            return Ok(Exit::Success);
        }
    };
    let port = connect_port(&client, &run, &inputs, log)?;
    log.line(heading(&run, &runner, port.as_ref()));

    let reading = declarations(&repository, &run, &inputs);
    let (base, mut head) = unless_interrupted(shutdown, reading).await?;
    console::write_diagnostics(&head.diagnostics, log);
    let changes = compare(base, &head);

    let asking = blueprints_in_use(port.as_ref(), &changes);
    let blueprints = unless_interrupted(shutdown, asking).await?;
    let Validated {
        changes,
        invalid,
        diagnostics,
    } = validate(changes, &blueprints, omission(inputs.merge));
    console::write_diagnostics(&diagnostics, log);
    head.reject(invalid, diagnostics);

    let plan = Plan::new(changes);
    log.line(format!("plan: {plan}"));
    let applied = match (&port, run.mode) {
        (Some(port), Mode::Apply) if !plan.is_empty() => {
            Some(apply(&plan, port, &upsert_options(&inputs), shutdown).await)
        }
        _ => None,
    };
    let cost = Cost {
        github_requests: repository.requests(),
        port_requests: port.as_ref().map_or(0, Port::requests),
        elapsed: started.elapsed(),
    };
    let report = report(run, &runner, head, &plan, applied.as_ref(), cost, log);
    publish::publish(&report, &runner, inputs.report_file.as_deref(), log)?;
    Ok(exit(&report))
}

fn read_inputs(environment: &Environment, runner: &Runner, log: &Log) -> Result<Inputs, Error> {
    if let Some(secret) = environment.input("client-secret") {
        log.mask(secret);
    }
    let (inputs, warnings) = inputs::parse(environment, runner).map_err(Error::Inputs)?;
    for warning in warnings {
        log.command(&Command::new("warning", &warning));
    }
    Ok(inputs)
}

fn read_proxies(environment: &Environment, log: &Log) -> Result<Proxies, Error> {
    let proxies = Proxies::from_environment(environment)?;
    for secret in proxies.secrets() {
        log.mask(&secret);
    }
    Ok(proxies)
}

fn connect(environment: &Environment, inputs: &Inputs, proxies: Proxies) -> Result<Client, Error> {
    let settings = Settings {
        owner: &inputs.owner,
        ca_certificates: inputs.ca_certificates.as_deref(),
        certificate_file: environment.variable("SSL_CERT_FILE").map(Path::new),
        proxies,
        timeouts: Timeouts::default(),
    };
    Ok(Client::new(settings)?)
}

fn open_repository(client: &Client, runner: &Runner, inputs: &Inputs) -> Result<Repository, Error> {
    let access = Access {
        client: client.clone(),
        urls: &inputs.github,
        token: &inputs.github_token,
        owner: &inputs.owner,
    };
    Ok(Repository::open(access, runner.repository.clone())?)
}

async fn decide(
    environment: &Environment,
    inputs: &Inputs,
    repository: &Repository,
) -> Result<Decision, Error> {
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
        None => repository.default_branch().await?,
    };
    Ok(event.decide(inputs.mode, &default_branch)?)
}

/// A client of Port, for a run that may and can ask it.
fn connect_port(
    client: &Client,
    run: &Run,
    inputs: &Inputs,
    log: &Log,
) -> Result<Option<Port>, Error> {
    let credentials = match (run.catalog, &inputs.credentials) {
        (CatalogAccess::Required, None) => return Err(Error::MissingCredentials),
        (CatalogAccess::Required | CatalogAccess::WithCredentials, Some(given)) => given.clone(),
        (CatalogAccess::WithCredentials, None) | (CatalogAccess::Never, _) => return Ok(None),
    };
    let log = log.clone();
    let mask = Box::new(move |token: &str| log.mask(token));
    let base_url = inputs.base_url.clone();
    Ok(Some(Port::new(client.clone(), base_url, credentials, mask)))
}

/// Reads the changed entity files: what base declares, and what head declares.
async fn declarations(
    repository: &Repository,
    run: &Run,
    inputs: &Inputs,
) -> Result<(Declarations, Declarations), Error> {
    let Diff { base, paths } = repository.diff(&run.base, &run.head).await?;
    let changed = paths.len();
    let files: Vec<_> = paths
        .into_iter()
        .filter(|path| inputs.files.select(path).is_some())
        .collect();
    tracing::info!("{} of {changed} changed files hold entities", files.len());
    let wanted = Wanted {
        base: base.as_ref(),
        head: &run.head,
        paths: &files,
    };
    let contents = repository.contents(wanted).await?;
    let (base, head): (Vec<_>, Vec<_>) = contents.into_iter().unzip();
    let declared = |contents| declare(&entity_files(&files, contents, inputs), &inputs.blueprints);
    Ok((declared(base), declared(head)))
}

/// The blueprints of what is to be written; none if Port is not asked.
async fn blueprints_in_use(port: Option<&Port>, changes: &[Change]) -> Result<Blueprints, Error> {
    let written = changes.iter().filter_map(Change::written);
    let blueprints: BTreeSet<_> = written
        .map(|declaration| declaration.entity.blueprint.clone())
        .collect();
    match port {
        Some(port) if !blueprints.is_empty() => Ok(port.blueprints(blueprints).await?),
        _ => Ok(Blueprints::default()),
    }
}

fn omission(merge: Merge) -> Omission {
    match merge {
        Merge::Merge => Omission::MayExist,
        Merge::Replace => Omission::IsMissing,
    }
}

fn entity_files(
    paths: &[RepoPath],
    contents: Vec<BlobContent>,
    inputs: &Inputs,
) -> Vec<EntityFile> {
    let file = |(path, content): (&RepoPath, BlobContent)| {
        let unreadable = |reason| FileContent::Unreadable(path.clone(), reason);
        let content = match content {
            BlobContent::Absent => return None,
            BlobContent::Text(text) => FileContent::Text(Source::new(path.clone(), text)),
            BlobContent::Binary => unreadable(Unreadable::Binary),
            BlobContent::TooLarge => unreadable(Unreadable::TooLarge),
            BlobContent::Symlink => unreadable(Unreadable::Symlink),
        };
        let by_rule = inputs
            .files
            .select(path)
            .and_then(|selected| selected.blueprint);
        let default_blueprint = by_rule.or(inputs.blueprint.as_ref()).cloned();
        Some(EntityFile {
            content,
            default_blueprint,
        })
    };
    paths.iter().zip(contents).filter_map(file).collect()
}

async fn unless_interrupted<T>(
    shutdown: &Shutdown,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        result = work => result,
        () = shutdown.requested() => Err(Error::Interrupted),
    }
}

fn upsert_options(inputs: &Inputs) -> UpsertOptions {
    UpsertOptions {
        merge: inputs.merge,
        missing_targets: inputs.missing_targets,
        run_id: inputs.run_id.clone(),
    }
}

fn heading(run: &Run, runner: &Runner, port: Option<&Port>) -> String {
    let branch = run
        .branch
        .as_ref()
        .map(|branch| format!(" ({branch})"))
        .unwrap_or_default();
    let offline = match port {
        Some(_) => "",
        None => ", offline: blueprints are not checked",
    };
    format!(
        "port-gitops {}: {} of {}@{}{branch}{offline}",
        env!("CARGO_PKG_VERSION"),
        run.mode.as_str(),
        runner.repository,
        run.head.short()
    )
}

fn report(
    run: Run,
    runner: &Runner,
    head: Declarations,
    plan: &Plan,
    applied: Option<&Applied>,
    cost: Cost,
    log: &Log,
) -> Report {
    let ending = build::ending(applied);
    let Findings {
        entities,
        rejections,
        notices,
    } = Findings::new(&head, plan, applied);
    console::write_diagnostics(&rejections, log);
    let mut diagnostics = head.diagnostics;
    diagnostics.extend(rejections);
    diagnostic::sort(&mut diagnostics);
    let run = RunFacts {
        mode: run.mode,
        repository: runner.repository.clone(),
        head: run.head,
        branch: run.branch,
        server_url: runner.server_url.clone(),
    };
    Report {
        run,
        entities,
        diagnostics,
        notices,
        ending,
        cost,
    }
}

fn exit(report: &Report) -> Exit {
    match (&report.ending, report.outcome()) {
        (Ending::Stopped(_), _) => Exit::CannotGoOn,
        (Ending::Interrupted, _) => Exit::Interrupted,
        (Ending::Complete, Outcome::Success) => Exit::Success,
        (Ending::Complete, Outcome::Failure | Outcome::Cancelled) => Exit::Failure,
    }
}

/// Tells why there is no report.
fn fail(error: &Error, environment: &Environment, log: &Log) -> Exit {
    let file = |name| environment.variable(name).map(Path::new);
    let (outcome, exit) = match error {
        Error::Interrupted => (Outcome::Cancelled, Exit::Interrupted),
        _ => (Outcome::Failure, Exit::CannotGoOn),
    };
    let (output, summary) = (file("GITHUB_OUTPUT"), file("GITHUB_STEP_SUMMARY"));
    let problems = error.problems();
    if let Err(error) = publish::publish_failure(&problems, outcome, output, summary, log) {
        log.line(error.to_string());
    }
    exit
}
