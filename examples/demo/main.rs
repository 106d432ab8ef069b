//! The action at work, without any account: a Port API and a GitHub API run on this machine, and the
//! action runs on each push as GitHub would run it.
//!
//! ```console
//! cargo run --example demo            # a small organisation, pushed commit by commit
//! cargo run --example demo -- PATH    # the entity files below PATH, into an empty catalog
//! ```
//!
//! `--files RULES` and `--blueprint NAME` behind PATH are the action's inputs of these names.

mod infer;
mod own;
mod shop;
mod stage;

use std::io::{self, Write};
use std::process::ExitCode;

use own::Own;
use stage::Result;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match play().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play() -> Result<()> {
    match Own::from_arguments(std::env::args().skip(1))? {
        Some(own) => own.play().await,
        None => shop::play().await,
    }
}
