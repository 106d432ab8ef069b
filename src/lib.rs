//! port-gitops makes Git the source of truth for a Port software catalog.
//!
//! [`run`] is the whole program: the runner's environment goes in, the exit status comes out, and
//! on the way the entities that a push changed reach Port. [`pipeline`] is its table of contents.

pub mod apply;
pub mod catalog;
pub mod check;
pub mod checkout;
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

mod ask;
mod comment;
mod decide;
mod error;
mod files;
mod read;
mod record;
mod references;
mod revisions;
mod session;
mod settle;
mod setup;
mod tip;
mod verdict;
mod write;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use catalog::declare::Declarations;
use environment::Environment;
use error::Error;
use event::Decision;
use port::Port;
use record::Ledger;
use report::build::{self, Findings, Material};
use report::log::Log;
use report::{Cost, Ending, Outcome, Report, console, progress, publish};
use revisions::Found;
use session::Session;
use setup::Setup;
use shutdown::Shutdown;
use write::Done;

/// What a plan is worth that is made without Port.
const OFFLINE: &str =
    "Port was not asked: blueprints are not checked, and what changes is what changes in Git";

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
        Decision::Nothing(reason) => return nothing_to_do(&reason, &setup, log),
    };
    let port = setup.connect_port(&run, shutdown, log)?;
    log.line(setup.heading(&run, port.as_ref()));
    let session = Session {
        setup: &setup,
        run: &run,
        port: port.as_ref(),
        shutdown,
        log,
    };

    let record = setup.record(&run);
    let finding = revisions::find(&setup.repository, &run, record.as_ref(), setup.patience);
    let mut revisions = match session.unless_interrupted(finding).await? {
        Found::Revisions(revisions) => revisions,
        Found::Nothing(reason) => return nothing_to_do(&reason, &setup, log),
    };
    let reading = setup.files().declared(&revisions, &run.head);
    let mut declared = session.unless_interrupted(reading).await?;
    let ledger = Ledger::new(record.as_ref(), revisions.reading.take(), &run);
    let done = write::check_plan_apply(&session, &revisions, &mut declared, ledger).await?;

    let mut report = report(&session, declared.head, &done, started);
    report.notices.extend(declared.notices);
    let commented = comment::keep(&session, &report).await;
    report.notices.extend(commented);
    let report_file = setup.inputs.report_file.as_deref();
    publish::publish(&report, &setup.runner, report_file, log)?;
    Ok(exit(&report))
}

fn nothing_to_do(reason: &str, setup: &Setup, log: &Log) -> Result<Exit, Error> {
    publish::publish_nothing(reason, &setup.runner, log)?;
    Ok(Exit::Success)
}

/// Puts the report together, and shows what Port refused.
fn report(session: &Session<'_>, head: Declarations, done: &Done, started: Instant) -> Report {
    let applied = done.applied.as_ref();
    let ending = build::ending(applied);
    let Findings {
        entities,
        rejections,
        mut notices,
    } = Findings::new(Material {
        head: &head,
        plan: &done.plan,
        applied,
        verdicts: &done.verdicts,
        mode: session.run.mode,
        redaction: session.redaction(&done.blueprints),
    });
    console::write_diagnostics(&rejections, session.log);
    let mut diagnostics = head.diagnostics;
    diagnostics.extend(rejections);
    diagnostic::sort(&mut diagnostics);
    notices.extend(done.unsettled.clone());
    if session.port.is_none() && !entities.is_empty() {
        notices.insert(0, OFFLINE.to_owned());
    }
    Report {
        run: session.setup.facts(session.run),
        entities,
        diagnostics,
        notices,
        drift: done.drift(session),
        ending,
        cost: Cost {
            github_requests: session.setup.repository.requests(),
            port_requests: session.port.map_or(0, Port::requests),
            elapsed: started.elapsed(),
        },
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
