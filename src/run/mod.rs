//! A run, from the event to the report. Its table of contents: [`pipeline`] finds the sources and their states
//! ([`run_one`] or [`run_fleet`]), [`run_rounds`] repeats the stages of [`round()`] while branches move, and the report
//! comes last.

#[doc(hidden)]
pub mod apply;
mod carry_out;
mod comment;
mod dependants;
mod dry_run;
mod each;
mod error;
#[doc(hidden)]
pub mod evaluator;
mod files;
mod find;
mod fleet;
mod fleet_states;
mod mapping;
mod new_state;
mod ownership;
mod pass;
mod planning;
mod read;
#[doc(hidden)]
pub mod report;
mod responsibility;
mod round;
mod round_end;
mod save_states;
mod selection;
mod session;
mod setup;
mod shared_entities;
mod source;
mod state;
mod texts;
mod unmatched;
mod validation;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::catalog::blueprint::Blueprints;
use crate::environment::Environment;
use crate::event::{Decision, Mode};
use crate::inputs::FleetSelection;
use crate::report::log::Log;
use crate::report::{Ending, Outcome, progress, publish};
use crate::shutdown::Shutdown;
use crate::text::counted;
use error::Error;
pub(crate) use files::selected_twice;
use find::FoundSource;
use pass::Pass;
use round::RoundScope;
use selection::{RoundKind, Selection};
use session::Session;
use setup::Setup;
use source::{Origin, Source};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well: status 0.
    Success,
    /// A problem that this run is responsible for: status 1.
    Failure,
    /// The run could not start or go on: status 2.
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
    let (decision, default_branch) = setup.decide(environment).await?;
    let run = match decision {
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
    let origin = Origin::of_run(&setup, &run, default_branch, environment);
    match &setup.inputs.fleet {
        None => run_one(&session, origin, started).await,
        Some(selection) => run_fleet(&session, selection, origin, started).await,
    }
}

/// A run of one repository: a list of one source.
async fn run_one(
    session: &Session<'_>,
    origin: Origin<'_>,
    started: Instant,
) -> Result<Exit, Error> {
    let (setup, log) = (session.setup, session.log);
    let finding = session.unless_interrupted(find::find_source(session, origin));
    let mut source = match finding.await? {
        FoundSource::Source(source) => *source,
        FoundSource::Nothing(reason) => return nothing_to_do(&reason, setup, log),
    };
    run_rounds(session, std::slice::from_mut(&mut source)).await?;
    if let Some(error) = source.failure {
        return Err(error);
    }
    let mut report = report::assemble(session, source, started);
    let commented = comment::update(session, &report).await;
    report.notices.extend(commented);
    let report_file = setup.inputs.report_file.as_deref();
    publish::publish(&report, &setup.runner, report_file, log)?;
    Ok(exit(&report.ending, report.outcome()))
}

/// A run over many repositories: `home` is the one whose workflow it is.
async fn run_fleet(
    session: &Session<'_>,
    selection: &FleetSelection,
    home: Origin<'_>,
    started: Instant,
) -> Result<Exit, Error> {
    let (setup, log) = (session.setup, session.log);
    let finding = session.unless_interrupted(fleet::find_sources(session, selection, home));
    let (fleet, mut sources) = match finding.await {
        Err(error) if error.end_of_budget().is_some() => {
            return nothing_to_do(&error.to_string(), setup, log);
        }
        found => found?,
    };
    log.line(fleet.summary(sources.len()));
    run_rounds(session, &mut sources).await?;
    let problems = report::fleet_problems(session, &fleet, &sources);
    let notice = fleet.save_memory(session, &sources, problems).await;
    let report = report::assemble_fleet(session, fleet, sources, notice, started);
    let report_file = setup.inputs.report_file.as_deref();
    publish::publish_fleet(&report, &setup.runner, report_file, log)?;
    Ok(exit(&report.ending, report.outcome()))
}

/// Plans or applies the tips of all sources, again where a branch moved meanwhile. If an error ends the run
/// after the first round, the rounds so far are still reported.
async fn run_rounds(session: &Session<'_>, sources: &mut [Source<'_>]) -> Result<(), Error> {
    if let Err(error) = round(session, unfinished(sources), RoundKind::First).await {
        if error.end_of_budget().is_none() {
            return Err(error);
        }
        for source in unfinished(sources) {
            source.failure = error.end_of_budget();
        }
    }
    loop {
        let moved = unfinished(sources);
        if moved.is_empty() {
            return Ok(());
        }
        if let Err(error) = round(session, moved, RoundKind::Later).await {
            for source in unfinished(sources) {
                source.stop(&error);
            }
        }
        stop_failed(sources);
    }
}

/// Ends the work on sources that failed after an earlier round. What that round did is reported.
fn stop_failed(sources: &mut [Source<'_>]) {
    let begun = sources
        .iter_mut()
        .filter(|source| !source.rounds.is_empty());
    for source in begun {
        if let Some(error) = source.failure.take() {
            source.stop(&error);
        }
    }
}

/// The sources with which the run has not come to an end.
fn unfinished<'s, 'p>(sources: &'s mut [Source<'p>]) -> Vec<&'s mut Source<'p>> {
    sources
        .iter_mut()
        .filter(|source| source.is_unfinished())
        .collect()
}

/// The stages of a round, in their order. Afterwards, the work on a source is done, or goes on with the new
/// tip of its branch.
async fn round(
    session: &Session<'_>,
    sources: Vec<&mut Source<'_>>,
    kind: RoundKind,
) -> Result<(), Error> {
    let stages = async {
        let selection = selection::select(session, sources, kind).await;
        announce(session, &selection);
        let likely_ids = validation::likely_blueprints(&selection);
        let fetching = validation::fetch_blueprints(session.port, likely_ids);
        // A source that cannot be read leaves the run; the others go on.
        let reading = async { Ok(read::read(session, selection).await) };
        let (mut passes, mut blueprints) = futures::try_join!(reading, fetching)?;
        planning::find_changes(session, &mut passes);
        validation::validate(session, &mut passes, &mut blueprints).await?;
        planning::plan(session, &mut passes, &blueprints).await?;
        dependants::check_deletions(session, &mut passes, &mut blueprints).await?;
        responsibility::determine(session, &mut passes).await?;
        Ok((passes, blueprints))
    };
    let (mut passes, blueprints) = session.unless_interrupted(stages).await?;
    responsibility::downgrade_older(&mut passes);
    conceal_secrets(session, &mut passes, &blueprints);
    let blueprints = Arc::new(blueprints);
    match (session.port, session.run.mode) {
        (Some(port), Mode::Apply) => {
            return carry_out::save_and_apply(session, passes, &blueprints, port).await;
        }
        (Some(port), Mode::Plan) => {
            let dry_run = dry_run::dry_run(session, port, &mut passes, &blueprints);
            session.unless_interrupted(dry_run).await?;
        }
        // Without Port, the plan is all that there is.
        (None, _) => {}
    }
    let passes = passes.into_iter();
    let sources = passes.map(|pass| pass.record_round(&blueprints)).collect();
    round_end::end_round(session, sources).await;
    Ok(())
}

/// Takes the values of secret properties out of what is reported.
fn conceal_secrets(session: &Session<'_>, passes: &mut [Pass<'_, '_>], blueprints: &Blueprints) {
    let redaction = session.redaction(blueprints);
    for pass in passes {
        redaction.conceal(&mut pass.declared.head.diagnostics);
    }
}

/// Says how many files are checked; nothing if no source is left.
fn announce(session: &Session<'_>, selection: &[(&mut Source<'_>, Selection)]) {
    if selection.is_empty() {
        return;
    }
    let count = selection
        .iter()
        .map(|(_, selection)| selection.files.len())
        .sum();
    let is_all = selection
        .iter()
        .all(|(_, selection)| selection.extent == RoundScope::All);
    let files = counted(count, "entity file", "entity files");
    session.log.line(match (count, is_all) {
        (0, false) => "No entity file has changed".to_owned(),
        (0, true) => "There is no entity file".to_owned(),
        (_, false) | (1, true) => format!("Checking {files}"),
        (_, true) => format!("Checking all {files}"),
    });
}

fn nothing_to_do(reason: &str, setup: &Setup, log: &Log) -> Result<Exit, Error> {
    publish::publish_nothing(reason, &setup.runner, log)?;
    Ok(Exit::Success)
}

fn exit(ending: &Ending, outcome: Outcome) -> Exit {
    match (ending, outcome) {
        (Ending::Stopped(_), _) => Exit::CannotGoOn,
        (Ending::Interrupted, _) => Exit::Interrupted,
        (Ending::Complete, Outcome::Success) => Exit::Success,
        (Ending::Complete, Outcome::Failure | Outcome::Cancelled) => Exit::Failure,
    }
}

/// Says why there is no report.
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
