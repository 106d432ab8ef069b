//! A run, from the event to the report. [`pipeline`] and [`round`] are its table of contents.

#[doc(hidden)]
pub mod apply;
mod check;
mod comment;
mod conclude;
mod dependants;
mod error;
#[doc(hidden)]
pub mod evaluator;
mod files;
mod look;
mod mapping;
mod plan;
mod read;
#[doc(hidden)]
pub mod report;
mod responsibility;
mod rules;
mod session;
mod setup;
mod source;
mod state;
mod texts;
mod validate;

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::catalog::blueprint::Blueprints;
use crate::catalog::plan::Plan;
use crate::environment::Environment;
use crate::event::{Decision, Mode};
use crate::git::CommitSha;
use crate::github::Side;
use crate::port::{self, Port};
use crate::report::log::Log;
use crate::report::{Ending, Outcome, Report, progress, publish};
use crate::shutdown::Shutdown;
use crate::text::counted;
use apply::{Applied, Refusals, Stopped, apply};
use error::Error;
pub(crate) use files::selected_twice;
use look::{Extent, Round as Number};
use read::Declared;
use responsibility::Responsibility;
use session::Session;
use setup::Setup;
use source::{Continuity, Found, Source};

/// How often a run applies its branch's tip while the branch keeps moving.
const MAX_ROUNDS: usize = 5;

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
    let mapper = setup.mapper(&run, default_branch, environment);
    let session = Session {
        mapper: &mapper,
        setup: &setup,
        run: &run,
        port: port.as_ref(),
        shutdown,
        log,
    };
    let mut source = match session.unless_interrupted(source::find(&session)).await? {
        Found::Source(source) => source,
        Found::Nothing(reason) => return nothing_to_do(&reason, &setup, log),
    };
    let Work { rounds, ending } = work(&session, &mut source).await?;
    let mut report = report::assemble(&session, &source, rounds, ending, started);
    let commented = comment::keep(&session, &report).await;
    report.notices.extend(commented);
    let report_file = setup.inputs.report_file.as_deref();
    publish::publish(&report, &setup.runner, report_file, log)?;
    Ok(exit(&report))
}

/// What a run found and did at one tip of its branch.
#[derive(Debug)]
struct Round {
    declared: Declared,
    /// What was to be done.
    plan: Plan,
    /// The blueprints of the entities that the round is about.
    blueprints: Blueprints,
    /// What Port would refuse, in a plan.
    refusals: Refusals,
    /// What became of the plan, if it was carried out.
    applied: Option<Applied>,
    /// Which of the problems the run fails for.
    responsibility: Responsibility,
    /// Whether all files were looked at.
    extent: Extent,
    /// Whether all files of the tip were listed, and not only those that differ.
    is_listed: bool,
}

/// What a run did, and how it ended.
struct Work {
    rounds: Vec<Round>,
    ending: Ending,
}

/// Applies the branch's tip, again if the branch moved meanwhile, and saves the state. If an error
/// ends the run after the first round, the rounds so far are still reported.
async fn work(session: &Session<'_>, source: &mut Source<'_>) -> Result<Work, Error> {
    let mut rounds = vec![round(session, source, Number::First).await?];
    loop {
        let ending = report::ending(&rounds);
        let tip = match close(session, source, &rounds).await {
            Ok(Some(tip)) => tip,
            Ok(None) => return Ok(Work { rounds, ending }),
            Err(Error::Interrupted) => {
                let ending = Ending::Interrupted;
                return Ok(Work { rounds, ending });
            }
            // The next run can finish after an outage, but not with a state that Port refuses.
            Err(Error::State(error)) if !source::is_outage(&error) => {
                let ending = Ending::Stopped(error.to_string());
                return Ok(Work { rounds, ending });
            }
            // The state still lists what was written as possibly in Port, so nothing is lost.
            Err(error) => {
                source.notices.push(format!(
                    "the state could not be saved, so the next run compares what this one wrote with Port: {error}"
                ));
                return Ok(Work { rounds, ending });
            }
        };
        session.log.line(format!(
            "the branch moved to {} during this run; applying that commit too",
            tip.short()
        ));
        let applied = std::mem::replace(&mut source.commit, tip);
        match round(session, source, Number::Later).await {
            Ok(round) => rounds.push(round),
            Err(error) => {
                source.commit = applied;
                let ending = Ending::because_of(&error);
                return Ok(Work { rounds, ending });
            }
        }
    }
}

/// Whether the state can still be saved: Port is reachable, and no stop was requested.
fn can_save(applied: &Applied) -> bool {
    match &applied.stopped {
        None => true,
        Some(Stopped::Interrupted) => false,
        Some(Stopped::Port(error)) => !matches!(error, port::Error::Unreachable(_)),
    }
}

/// Fetches the branch's tip and the state once more. Returns the tip if it must be applied too;
/// otherwise saves the state, if it changed.
async fn close(
    session: &Session<'_>,
    source: &mut Source<'_>,
    rounds: &[Round],
) -> Result<Option<CommitSha>, Error> {
    let last = rounds.last().and_then(|round| round.applied.as_ref());
    let can_save = last.is_none_or(can_save);
    if session.run.mode == Mode::Plan || !can_save || source.is_quiet(rounds) {
        return Ok(None);
    }
    let looking = async {
        match &session.run.branch {
            // A GitHub replica that lags may name an older tip; applying that would undo this run's
            // writes.
            Some(branch) => {
                let repository = &session.setup.repository;
                Ok::<_, Error>(repository.tip_after(branch, &source.commit).await?)
            }
            None => Ok(None),
        }
    };
    let loading = async {
        match &source.store {
            Some(store) => Ok(store.load().await?),
            None => Ok(None),
        }
    };
    let both = async { futures::try_join!(looking, loading) };
    let (tip, latest) = session.unless_interrupted(both).await?;
    let is_over = last.is_some_and(|applied| applied.stopped.is_some());
    let is_last = is_over || rounds.len() >= MAX_ROUNDS;
    match tip.filter(|tip| *tip != source.commit) {
        Some(tip) if !is_last => Ok(Some(tip)),
        _ => {
            let problems = report::problems(rounds);
            let saving = source.save_ending(session, latest, problems);
            session.unless_interrupted(saving).await?;
            Ok(None)
        }
    }
}

/// The stages of a run, in their order.
async fn round(
    session: &Session<'_>,
    source: &mut Source<'_>,
    number: Number,
) -> Result<Round, Error> {
    let stages = async {
        let mapping = mapping::load(session.files(), &source.commit, Side::Unknown).await?;
        source.note_mapping(mapping.as_ref());
        let looked = look::look(session, source, mapping, number).await?;
        announce(session, &looked);
        let reading = read::read(session.files(), source, &looked);
        let likely = check::likely_blueprints(session, source, &looked);
        let (mut declared, mut blueprints) = futures::try_join!(reading, likely)?;
        let changes = plan::changes(session, source, &looked, &declared);
        let changes = check::check(session, &mut declared, changes, &mut blueprints).await?;
        let plan = plan::plan(
            session,
            source,
            &looked,
            &mut declared,
            changes,
            &blueprints,
        )
        .await?;
        let refusals = match session.run.mode {
            Mode::Plan => {
                let refusals =
                    dependants::find(session, source, &mut declared, &plan, &mut blueprints);
                refusals.await?
            }
            Mode::Apply => Refusals::default(),
        };
        let responsibility = Responsibility::find(session, source, &declared).await?;
        Ok((looked, declared, blueprints, plan, refusals, responsibility))
    };
    let (looked, mut declared, blueprints, plan, refusals, responsibility) =
        session.unless_interrupted(stages).await?;
    if number == Number::First {
        source.warnings = rules::unmatched_lines(&session.setup.inputs.files, &looked.tip);
    }
    responsibility.mark(session, &mut declared, &blueprints);
    if session.run.mode == Mode::Apply && !plan.is_empty() {
        session.log.line(format!("Applying: {plan}"));
    }
    let mut round = Round {
        extent: looked.extent,
        is_listed: matches!(looked.tip, state::look::Tip::Listed(_)),
        declared,
        plan,
        blueprints,
        refusals,
        applied: None,
        responsibility,
    };
    match (session.port, session.run.mode) {
        (Some(port), Mode::Apply) => round.carry_out(session, source, port).await?,
        (Some(port), Mode::Plan) if !round.plan.is_empty() => {
            let asking = validate::validate(session, port, &round.plan, &round.blueprints);
            round.refusals.upserts = session.unless_interrupted(asking).await?;
        }
        (_, _) => {}
    }
    Ok(round)
}

impl Round {
    /// Saves what is about to be written, writes it, and notes what became of it.
    async fn carry_out(
        &mut self,
        session: &Session<'_>,
        source: &mut Source<'_>,
        port: &Port,
    ) -> Result<(), Error> {
        if !self.plan.is_empty() {
            conclude::begin(&mut source.state, &self.declared, &self.plan);
            session
                .unless_interrupted(source.save_beginning(session))
                .await?;
            source.written.extend(self.plan.keys().cloned());
            let options = session.setup.write_options();
            let (plan, shutdown) = (&self.plan, session.shutdown);
            self.applied = Some(apply(plan, &self.blueprints, port, &options, shutdown).await);
        }
        conclude::conclude(
            &mut source.state,
            &self.declared,
            &self.plan,
            self.applied.as_ref(),
        );
        source.state.commit = Some(source.commit.clone());
        // Not for a first run: if a concurrent run had other inputs, `merge` emptied the digest, so
        // that the next run compares everything.
        if source.continuity == Continuity::OtherInputs {
            source.state.inputs = source.inputs.clone();
        }
        Ok(())
    }

    /// Whether something was written, or may have been.
    fn has_written(&self) -> bool {
        self.applied.is_some()
    }
}

impl Ending {
    /// How a run ends that `error` stops.
    fn because_of(error: &Error) -> Self {
        match error {
            Error::Interrupted => Self::Interrupted,
            error => Self::Stopped(error.to_string()),
        }
    }
}

impl Source<'_> {
    /// Whether there is nothing to save: nothing was written, and Port holds this state. A new
    /// commit alone is saved only if the tip had to be listed, so that the next run can compare
    /// with it.
    fn is_quiet(&self, rounds: &[Round]) -> bool {
        let is_new = match &self.stored {
            Some(stored) => stored.state.commit != self.state.commit,
            None => false,
        };
        let has_written = rounds.iter().any(Round::has_written);
        let is_listed = rounds.iter().any(|round| round.is_listed);
        !has_written && self.is_stored(&self.state) && !(is_listed && is_new)
    }
}

/// Says how many files are checked.
fn announce(session: &Session<'_>, looked: &look::Looked) {
    let files = counted(looked.files.len(), "entity file", "entity files");
    session.log.line(match (looked.files.len(), looked.extent) {
        (0, Extent::Changed) => "No entity file has changed".to_owned(),
        (0, Extent::All) => "There is no entity file".to_owned(),
        (_, Extent::Changed) | (1, Extent::All) => format!("Checking {files}"),
        (_, Extent::All) => format!("Checking all {files}"),
    });
}

fn nothing_to_do(reason: &str, setup: &Setup, log: &Log) -> Result<Exit, Error> {
    publish::publish_nothing(reason, &setup.runner, log)?;
    Ok(Exit::Success)
}

fn exit(report: &Report) -> Exit {
    match (&report.ending, report.outcome()) {
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
