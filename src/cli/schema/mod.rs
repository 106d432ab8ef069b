//! The command `schema`: a JSON Schema of entity files, made from the organisation's blueprints, for
//! completion and checks in editors.

mod arguments;
mod build;
mod compare;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use super::blueprints::{NoBlueprints, described};
use super::files::{self, Unwritten};
use super::{
    ConnectError, ExitStatus, Given, InvalidOptions, VERSION, counted, fail, print, read_inputs,
    require_port,
};
use crate::catalog::entity::BlueprintId;
use crate::environment::Environment;
use crate::inputs::Inputs;
use arguments::{HELP, SchemaArguments, SchemaInvocation, SchemaTarget};

/// What keeps a schema from being made.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}\nTry `port-gitops schema --help`.", super::usage(.0, HELP))]
    Usage(#[from] lexopt::Error),
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Blueprints(#[from] NoBlueprints),
    #[error("Port has no blueprint `{0}` that entity files may write (see --blueprint)")]
    UnknownDefault(BlueprintId),
    #[error(transparent)]
    Unwritten(#[from] Unwritten),
    #[error("cannot read {path}: {error}")]
    Unread { path: String, error: io::Error },
}

/// Does what the arguments after the command's name say. Costs one request for a token and one for all
/// blueprints.
pub async fn run(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> ExitStatus {
    let _progress = super::show_progress();
    match obey(arguments, environment).await {
        Ok(status) => status,
        Err(error) => fail(&error.to_string()),
    }
}

async fn obey(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> Result<ExitStatus, Error> {
    let arguments = match SchemaInvocation::parse(arguments)? {
        SchemaInvocation::Help => return Ok(print(&format!("{VERSION}\n{HELP}"))),
        SchemaInvocation::Version => return Ok(print(&format!("{VERSION}\n"))),
        SchemaInvocation::Make(arguments) => arguments,
    };
    let inputs = inputs(&arguments, environment)?;
    let port = require_port("schema", &inputs, environment)?;
    let blueprints = described(&port, &inputs).await?;
    if let Some(default) = &inputs.blueprint
        && !blueprints.iter().any(|one| one.id == *default)
    {
        return Err(Error::UnknownDefault(default.clone()));
    }
    let schema = build::schema(&blueprints, inputs.blueprint.as_ref(), arguments.shape);
    let text = build::text(schema.clone());
    match &arguments.target {
        SchemaTarget::Output => Ok(print(&text)),
        SchemaTarget::File(path) => write(path, &text, blueprints.len()),
        SchemaTarget::Check(path) => check(path, &schema, &text),
    }
}

fn inputs(
    arguments: &SchemaArguments,
    environment: &Environment,
) -> Result<Inputs, InvalidOptions> {
    let given = [
        ("blueprint", "--blueprint", &arguments.blueprint),
        ("blueprints", "--blueprints", &arguments.blueprints),
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

fn write(path: &Path, text: &str, blueprints: usize) -> Result<ExitStatus, Error> {
    let shown = path.display();
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(print(&format!("{shown} is up to date\n")));
    }
    files::replace(path, text.as_bytes())?;
    let of = counted(blueprints, "blueprint", "blueprints");
    Ok(print(&format!("Wrote {shown}: {of}\n")))
}

/// Whether the file at `path` is what would be written there.
fn check(path: &Path, schema: &Value, text: &str) -> Result<ExitStatus, Error> {
    let shown = path.display();
    let again = format!("run `port-gitops schema --output {shown}` and commit the file");
    let stale = |why: &str| {
        print(&format!("{shown} {why}; {again}\n"));
        Ok(ExitStatus::Problem)
    };
    let old = match fs::read(path) {
        Ok(old) if old == text.as_bytes() => {
            return Ok(print(&format!("{shown} is up to date\n")));
        }
        Ok(old) => old,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return stale("is not there"),
        Err(error) => {
            return Err(Error::Unread {
                path: shown.to_string(),
                error,
            });
        }
    };
    let Ok(old) = serde_json::from_slice::<Value>(&old) else {
        return stale("is not JSON");
    };
    let changes = compare::changes(&old, schema);
    if changes.is_empty() {
        return stale("has the same content in another form");
    }
    let mut report = format!("{shown} is stale; {again}\n");
    for change in changes {
        report.push_str(&format!("  {change}\n"));
    }
    print(&report);
    Ok(ExitStatus::Problem)
}
