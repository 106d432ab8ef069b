//! The command `check`: a working tree's entity files, judged as the action would judge them.
//!
//! It is for a developer's machine and for pre-commit: it requests nothing from GitHub, and from Port only
//! with credentials.

mod arguments;
mod explain;
mod mapped;
mod sarif;
mod show;
pub mod tree;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};

use crate::catalog::blueprint::{Blueprints, OfInvalid};
use crate::catalog::change::compare;
use crate::catalog::declare::{Declarations, EntityFile, declare};
use crate::catalog::rules::PropertyRules;
use crate::catalog::validate::{Omission, check_flawed, validate};
use crate::cli::{self, ConnectError, ExitStatus, Given, InvalidOptions, VERSION, connect};
use crate::environment::Environment;
use crate::inputs::Inputs;
use crate::port::{self, Port};
use crate::report::redact::Redaction;
use crate::run::evaluator::NoWorker;
use arguments::{CheckArguments, CheckInvocation, HELP, OutputFormat};
use mapped::WorkingTreeMapping;
use show::{BlueprintCheck, CheckSummary, Screen};
use tree::{ShownPaths, Unread, WorkingTree};

/// What ends a check before its result.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}\nTry `port-gitops check --help`.", cli::usage(.0, HELP))]
    Usage(#[from] lexopt::Error),
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    #[error(transparent)]
    File(#[from] Unread),
    #[error(transparent)]
    Mapping(#[from] NoWorker),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Port(#[from] port::Error),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Does what the arguments after the command's name say. Findings go to standard output, what
/// keeps the check from being made to standard error.
pub async fn run(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> ExitStatus {
    let _progress = cli::show_progress();
    match obey(arguments, environment).await {
        Ok(status) => status,
        Err(error) => cli::fail(&error.to_string()),
    }
}

async fn obey(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> Result<ExitStatus, Error> {
    match CheckInvocation::parse(arguments)? {
        CheckInvocation::Help => write!(io::stdout(), "{VERSION}\n{HELP}")?,
        CheckInvocation::Version => writeln!(io::stdout(), "{VERSION}")?,
        CheckInvocation::Explain(code) => match explain::explain(&code) {
            Ok(text) => writeln!(io::stdout(), "{text}")?,
            Err(reason) => return Ok(cli::fail(&reason)),
        },
        CheckInvocation::Check(arguments) => return check(&arguments, environment).await,
    }
    Ok(ExitStatus::Success)
}

async fn check(arguments: &CheckArguments, environment: &Environment) -> Result<ExitStatus, Error> {
    let screen = Screen::new(arguments, environment);
    let inputs = read_inputs(arguments, environment)?;
    let shown = match arguments.format {
        OutputFormat::Text => ShownPaths::FromHere,
        OutputFormat::Json | OutputFormat::GitHub | OutputFormat::Sarif => ShownPaths::FromRoot,
    };
    let mapping = WorkingTreeMapping::open(arguments.mapping.as_deref(), shown, environment)?;
    let mut found = WorkingTree::new(&inputs.files, inputs.blueprint.as_ref(), shown)?
        .with_mapping(mapping.as_ref())
        .entity_files(&arguments.paths)?;
    let is_whole = arguments.paths.is_empty();
    let said = match &mapping {
        Some(mapping) => mapping.map(&mut found, is_whole).await?,
        None => Vec::new(),
    };
    let port = connect("check", &inputs, environment, screen.mask())?;
    let mut declared = declare(&found.files, &inputs.blueprints);
    declared.add_mapping(&said);
    found.resolve(&mut declared);
    let are_default = inputs.files.are_default();
    declared.pass_over(|_| are_default);
    let mut blueprints = BlueprintCheck::NotMade;
    let mut failure = None;
    if let Some(port) = &port {
        let is_readable = !declared.valid.is_empty() || !declared.flawed.is_empty();
        let judged = judge(&mut declared, port).await;
        conceal(&mut declared, judged.as_ref().ok());
        match judged {
            // Where no entity can be read, none was held against its blueprint.
            Ok(_) if is_readable => blueprints = BlueprintCheck::Made,
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    // What the files alone say is worth telling even where Port says nothing.
    let findings = CheckSummary::new(&declared, &found.files, &inputs.files, blueprints);
    screen.show(&declared.diagnostics, &findings)?;
    match failure {
        Some(error) => Err(error.into()),
        None if findings.invalid > 0 => Ok(ExitStatus::Problem),
        None => Ok(ExitStatus::Success),
    }
}

/// Takes secrets out of what is shown: what is one, Port's blueprints say.
fn conceal(declared: &mut Declarations, known: Option<&Blueprints>) {
    let unknown = Blueprints {
        of_invalid: OfInvalid::Unknown,
        ..Blueprints::default()
    };
    let redaction = Redaction {
        properties: &PropertyRules::default(),
        blueprints: known.unwrap_or(&unknown),
    };
    redaction.conceal(&mut declared.diagnostics);
}

/// Checks what was declared against Port's blueprints, and gives these.
async fn judge(declared: &mut Declarations, port: &Port) -> Result<Blueprints, port::Error> {
    let changes = compare(&[], declared, &BTreeSet::new());
    let wanted: BTreeSet<_> = changes
        .iter()
        .map(|change| change.key.blueprint.clone())
        .collect();
    let mut blueprints = if wanted.is_empty() {
        Blueprints::default()
    } else {
        port.blueprints(wanted).await?
    };
    let invalid = declared.blueprints_of_invalid();
    port.add_blueprints_of_invalid(invalid, &mut blueprints)
        .await;
    let checked = validate(changes, &blueprints, Omission::MayExist);
    declared.reject(checked.invalid, checked.diagnostics);
    check_flawed(declared, &blueprints, Omission::MayExist);
    Ok(blueprints)
}

/// Options and variables mean what the action's inputs mean, so they are read as those.
fn read_inputs(
    arguments: &CheckArguments,
    environment: &Environment,
) -> Result<Inputs, InvalidOptions> {
    let given = [
        ("files", "--files", &arguments.files),
        ("blueprint", "--blueprint", &arguments.blueprint),
        ("blueprints", "--blueprints", &arguments.blueprints),
    ];
    let given = given.map(|(input, option, value)| Given {
        input,
        option,
        value: value.clone(),
    });
    cli::read_inputs(given.into(), environment)
}
