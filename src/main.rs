//! The process: signals in, exit status out.

use std::process::ExitCode;

use port_gitops::cli::{ExitStatus, Subcommand, check, export, schema};
use port_gitops::environment::Environment;
use port_gitops::run::evaluator::worker;
use port_gitops::shutdown::{ShutdownTrigger, shutdown};
use port_gitops::{Exit, run};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

const INTERRUPTED: u8 = 128 + 2;
const TERMINATED: u8 = 128 + 15;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(first) if first == worker::COMMAND => match worker::serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        _ => act(),
    }
}

/// Runs the action, or a command beside it.
#[tokio::main(flavor = "current_thread")]
async fn act() -> ExitCode {
    // A variable that is not UTF-8 cannot be an input of ours.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let environment = match std::env::current_exe() {
        Ok(program) => Environment::new(variables).with_program(program),
        Err(_) => Environment::new(variables),
    };
    // An action has no arguments: its inputs are variables.
    let mut arguments = std::env::args_os().skip(1);
    if let Some(first) = arguments.next() {
        let status = match Subcommand::read(&first) {
            Ok(Subcommand::Check) => check::run(arguments, &environment).await,
            Ok(Subcommand::Schema) => schema::run(arguments, &environment).await,
            Ok(Subcommand::Export) => {
                let (trigger, shutdown) = shutdown();
                let listener = tokio::spawn(listen(trigger));
                match export::run(arguments, &environment, shutdown).await {
                    ExitStatus::Interrupted => return interrupted(listener).await,
                    status => status,
                }
            }
            Err(status) => status,
        };
        return match status {
            ExitStatus::Success => ExitCode::SUCCESS,
            ExitStatus::Problem => ExitCode::from(1),
            ExitStatus::CannotGoOn => ExitCode::from(2),
            ExitStatus::Interrupted => ExitCode::from(INTERRUPTED),
        };
    }

    let (trigger, shutdown) = shutdown();
    let listener = tokio::spawn(listen(trigger));
    let exit = run(environment, std::io::stdout(), shutdown).await;
    match exit {
        Exit::Success => ExitCode::SUCCESS,
        Exit::Failure => ExitCode::from(1),
        Exit::CannotGoOn => ExitCode::from(2),
        Exit::Interrupted => interrupted(listener).await,
    }
}

/// The exit status that belongs to the signal.
async fn interrupted(listener: JoinHandle<u8>) -> ExitCode {
    ExitCode::from(listener.await.unwrap_or(INTERRUPTED))
}

/// Requests the run to stop at the first signal, and ends the process at the second. Gives the exit
/// status that belongs to the first.
async fn listen(trigger: ShutdownTrigger) -> u8 {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return INTERRUPTED;
    };
    let status = tokio::select! {
        _ = interrupt.recv() => INTERRUPTED,
        _ = terminate.recv() => TERMINATED,
    };
    trigger.request();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(status.into());
    });
    status
}
