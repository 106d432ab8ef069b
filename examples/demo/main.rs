//! The action at work, without any account: a Port API and a GitHub API run on this machine, and the
//! action runs on each push as GitHub would run it.
//!
//! ```console
//! cargo run --example demo            # a small organisation, pushed commit by commit
//! cargo run --example demo -- PATH    # the entity files below PATH, into an empty catalog
//! cargo run --example demo -- --pictures docs/pictures    # README's pictures anew
//! ```
//!
//! `--files RULES` and `--blueprint NAME` behind PATH are the action's inputs of these names.

mod infer;
mod own;
mod picture;
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
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "--pictures").is_some() {
        let folder = arguments.next().ok_or("--pictures needs a folder")?;
        return shop::play(Some(folder.as_ref())).await;
    }
    match Own::from_arguments(arguments)? {
        Some(own) => own.play().await,
        None => shop::play(None).await,
    }
}
