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
mod read;
mod setup;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use apply::{Applied, apply};
use catalog::change::compare;
use catalog::declare::Declarations;
use catalog::plan::Plan;
use catalog::validate::validate;
use environment::Environment;
use error::Error;
use event::{Decision, Mode};
use port::Port;
use report::build::{self, Findings};
use report::log::Log;
use report::{Cost, Ending, Outcome, Report, RunFacts, console, progress, publish};
use setup::Setup;
use shutdown::Shutdown;

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
    let setup = Setup::read(environment, log)?;
    let run = match setup.decide(environment).await? {
        Decision::Run(run) => run,
        Decision::Nothing(reason) => {
            publish::publish_nothing(&reason, &setup.runner, log)?;
            return Ok(Exit::Success);
        }
    };
    let port = setup.connect_port(&run, shutdown, log)?;
    log.line(setup.heading(&run, port.as_ref()));

    let reading = read::declarations(&setup.repository, &run, &setup.inputs);
    let (base, mut head) = unless_interrupted(shutdown, reading).await?;
    console::write_diagnostics(&head.diagnostics, log);
    let changes = compare(base, &head);
    let reading = read::blueprints(port.as_ref(), &changes);
    let blueprints = unless_interrupted(shutdown, reading).await?;
    let checked = validate(changes, &blueprints, setup.omission());
    console::write_diagnostics(&checked.diagnostics, log);
    head.reject(checked.invalid, checked.diagnostics);

    let plan = Plan::new(checked.changes);
    log.line(format!("plan: {plan}"));
    let applied = match (&port, run.mode) {
        (Some(port), Mode::Apply) if !plan.is_empty() => {
            let options = setup.upsert_options();
            Some(apply(&plan, &blueprints, port, &options, shutdown).await)
        }
        _ => None,
    };

    let cost = Cost {
        github_requests: setup.repository.requests(),
        port_requests: port.as_ref().map_or(0, Port::requests),
        elapsed: started.elapsed(),
    };
    let facts = setup.facts(run);
    let report = report(facts, head, &plan, applied.as_ref(), cost, log);
    let report_file = setup.inputs.report_file.as_deref();
    publish::publish(&report, &setup.runner, report_file, log)?;
    Ok(exit(&report))
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

/// Puts the report together, and shows what Port refused.
fn report(
    run: RunFacts,
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
