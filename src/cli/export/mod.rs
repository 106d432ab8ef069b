//! The command `export`: entity files for what Port holds, so that a team can begin with what is there.
//!
//! Files are written while the next ones are read, and removed if the export fails. Files that replace existing
//! ones, or hold several entities, are written after everything has been read.

mod arguments;
mod collect;
mod entity_text;
mod fetch;
mod folder;
mod notes;
mod query;
mod template;
#[cfg(test)]
mod tests;
mod write;
mod yaml;

use std::ffi::OsString;
use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::blueprints::{NoBlueprints, described};
use super::files::Unwritten;
use super::{
    ConnectError, ExitStatus, Given, InvalidOptions, VERSION, counted, fail, print, read_inputs,
    require_port,
};
use crate::environment::Environment;
use crate::inputs::Inputs;
use crate::port;
use crate::shutdown::Shutdown;
use arguments::{ExportArguments, ExportInvocation, HELP, Writing};
use collect::{Planned, Spool, Unplanned};
use fetch::Fetcher;
use folder::ExportFolder;
use notes::Notes;

/// What keeps an export from being made.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}\nTry `port-gitops export --help`.", super::usage(.0, HELP))]
    Usage(#[from] lexopt::Error),
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    #[error(transparent)]
    Query(#[from] query::InvalidQuery),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Blueprints(#[from] NoBlueprints),
    #[error("{error}; `--blueprint '!{blueprint}'` leaves the blueprint out")]
    Entities {
        blueprint: String,
        error: Box<port::Error>,
    },
    #[error(
        "no rule of `--files` selects {path}, so nothing would read it: {{identifier}}.entity.yml is selected by default; change --path, or give --files as your workflow does"
    )]
    Unselected { path: String },
    #[error(transparent)]
    Unplanned(#[from] Unplanned),
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    #[error(
        "nothing was written, because these files exist and differ from Port: {}; use --force to replace them, or choose another DIR", some(.0)
    )]
    Existing(Vec<String>),
    #[error("{0} is a symbolic link, which is not followed: remove it, or choose another DIR")]
    Link(String),
    #[error(
        "{0} is a folder, and an entity file needs that name: remove it, or choose another DIR"
    )]
    Folder(String),
    #[error("the export was interrupted; the files that it has created are removed")]
    Interrupted,
}

/// How many files a message lists.
const LISTED: usize = 10;

fn some(paths: &[String]) -> String {
    let some: Vec<_> = paths.iter().take(LISTED).map(String::as_str).collect();
    let more = match paths.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", some.join(", "))
}

/// Does what the arguments after the command's name say. Costs one request for a token, one for all
/// blueprints, and one for every 1,000 entities of a blueprint. If it is interrupted, it removes the files that
/// it has created.
pub async fn run(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
    shutdown: Shutdown,
) -> ExitStatus {
    let _progress = super::show_progress();
    let done = tokio::select! {
        done = obey(arguments, environment, &shutdown) => done,
        () = shutdown.requested() => Err(Error::Interrupted),
    };
    match done {
        Ok(status) => status,
        Err(error) => match (fail(&error.to_string()), error) {
            (_, Error::Interrupted) => ExitStatus::Interrupted,
            (status, _) => status,
        },
    }
}

async fn obey(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
    shutdown: &Shutdown,
) -> Result<ExitStatus, Error> {
    let arguments = match ExportInvocation::parse(arguments)? {
        ExportInvocation::Help => return Ok(print(&format!("{VERSION}\n{HELP}"))),
        ExportInvocation::Version => return Ok(print(&format!("{VERSION}\n"))),
        ExportInvocation::Export(arguments) => arguments,
    };
    export(&arguments, environment, shutdown).await
}

async fn export(
    arguments: &ExportArguments,
    environment: &Environment,
    shutdown: &Shutdown,
) -> Result<ExitStatus, Error> {
    let inputs = inputs(arguments, environment)?;
    let query = arguments.query.as_deref().map(query::read).transpose()?;
    let port = require_port("export", &inputs, environment)?;
    let blueprints = described(&port, &inputs).await?;
    let folder = Arc::new(ExportFolder::open(&arguments.folder, arguments.writing)?);
    let mut spool = match arguments.writing {
        Writing::DryRun => None,
        Writing::New | Writing::Force => Some(Spool::new(folder.path())?),
    };
    let mut notes = Notes::default();
    let fetcher = Fetcher::new(&port, &inputs, arguments, &folder, blueprints);
    let collection = fetcher.fetch(query, &mut notes, spool.as_mut()).await?;
    let files = collection.files(&arguments.template)?;
    // An entity that changes during the export can appear on two of Port's pages.
    let entities = files.iter().map(Planned::entities).sum();
    fetcher.check_selection(&files)?;
    let (writing, target, shutdown) = (arguments.writing, Arc::clone(&folder), shutdown.clone());
    // A thread of its own, so that signals are noticed meanwhile.
    let done =
        spawn_blocking(move || write::write(&files, &target, writing, spool.as_mut(), &shutdown));
    let done = done.await.map_err(|_| Error::Interrupted)??;
    folder.finish();
    notes.print();
    Ok(print(&done.summary(entities, arguments, &notes)))
}

fn inputs(
    arguments: &ExportArguments,
    environment: &Environment,
) -> Result<Inputs, InvalidOptions> {
    let given = [
        ("blueprints", "--blueprint", &arguments.blueprints),
        ("files", "--files", &arguments.files),
        (
            "state-blueprint",
            "--state-blueprint",
            &arguments.state_blueprint,
        ),
    ];
    let given = given.map(|(input, option, value)| Given {
        input,
        option,
        value: value.clone(),
    });
    read_inputs(given.into(), environment)
}
