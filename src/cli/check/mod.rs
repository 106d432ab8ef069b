//! The command `check`: a working tree's entity files, judged as the action would judge them.
//!
//! It is for a developer's machine and for pre-commit: it asks nothing of GitHub, and of Port only
//! with credentials.

mod arguments;
mod sarif;
mod show;
pub mod tree;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use crate::catalog::blueprint::{Blueprints, OfInvalid};
use crate::catalog::change::compare;
use crate::catalog::declare::{Declarations, EntityFile, declare};
use crate::catalog::rules::PropertyRules;
use crate::catalog::validate::{Omission, check_flawed, validate};
use crate::environment::Environment;
use crate::http::proxy::{InvalidProxy, Proxies};
use crate::http::{Client, ClientError, Settings, Timeouts};
use crate::inputs::{self, InputError, Inputs};
use crate::port::{self, Port};
use crate::report::redact::Redaction;
use arguments::{Arguments, Format, HELP, Request};
use show::{Findings, Screen};
use tree::{ShownPaths, Tree, Unread};

/// How a check ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong: status 0.
    Sound,
    /// An entity is invalid: status 1.
    Invalid,
    /// The check could not be made: status 2.
    CannotGoOn,
}

/// What ends a check before its verdict.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}\nTry `port-gitops --help`.")]
    Usage(#[from] lexopt::Error),
    #[error("{}", options(.0))]
    Options(Vec<InputError>),
    #[error(transparent)]
    File(#[from] Unread),
    #[error(transparent)]
    Proxy(#[from] InvalidProxy),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Port(#[from] port::Error),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Does what the arguments behind the program's name say. Findings go to standard output, what
/// keeps the check from being made to standard error.
pub async fn run(arguments: impl Iterator<Item = OsString>, environment: &Environment) -> Verdict {
    match obey(arguments, environment).await {
        Ok(verdict) => verdict,
        Err(error) => {
            // Nobody is left to be told that standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            Verdict::CannotGoOn
        }
    }
}

async fn obey(
    arguments: impl Iterator<Item = OsString>,
    environment: &Environment,
) -> Result<Verdict, Error> {
    let version = concat!("port-gitops ", env!("CARGO_PKG_VERSION"));
    match Request::parse(arguments)? {
        Request::Help => write!(io::stdout(), "{version}\n{HELP}")?,
        Request::Version => writeln!(io::stdout(), "{version}")?,
        Request::Check(arguments) => return check(&arguments, environment).await,
    }
    Ok(Verdict::Sound)
}

async fn check(arguments: &Arguments, environment: &Environment) -> Result<Verdict, Error> {
    let screen = Screen::new(arguments.format, environment);
    let inputs = read_inputs(arguments, environment)?;
    let shown = match arguments.format {
        Format::Text => ShownPaths::FromHere,
        Format::Json | Format::GitHub | Format::Sarif => ShownPaths::FromRoot,
    };
    let found = Tree::new(&inputs.files, inputs.blueprint.as_ref(), shown)?
        .entity_files(&arguments.paths)?;
    let port = connect(&inputs, environment, &screen)?;
    let mut declared = declare(&found.files, &inputs.blueprints);
    found.resolve(&mut declared);
    let are_default = inputs.files.are_default();
    declared.pass_over(|_| are_default);
    let failure = match &port {
        Some(port) => {
            let judged = judge(&mut declared, port).await;
            conceal(&mut declared, judged.as_ref().ok());
            judged.err()
        }
        None => None,
    };
    // What the files alone say is worth telling even where Port says nothing.
    let findings = Findings::new(
        &declared,
        &found.files,
        &inputs.files,
        port.as_ref().filter(|_| failure.is_none()),
    );
    screen.show(&declared.diagnostics, &findings)?;
    match failure {
        Some(error) => Err(error.into()),
        None if findings.invalid > 0 => Ok(Verdict::Invalid),
        None => Ok(Verdict::Sound),
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
fn read_inputs(arguments: &Arguments, environment: &Environment) -> Result<Inputs, Error> {
    let variable = |name| environment.variable(name).map(str::to_owned);
    let given = [
        ("INPUT_FILES", arguments.files.clone()),
        ("INPUT_BLUEPRINT", arguments.blueprint.clone()),
        ("INPUT_BLUEPRINTS", arguments.blueprints.clone()),
        ("INPUT_CLIENT-ID", variable("PORT_CLIENT_ID")),
        ("INPUT_CLIENT-SECRET", variable("PORT_CLIENT_SECRET")),
        ("INPUT_BASE-URL", variable("PORT_BASE_URL")),
        // Every action has one; nothing here uses it.
        ("INPUT_GITHUB-TOKEN", Some("none".to_owned())),
    ];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let given = Environment::new(given);
    let (inputs, _) = inputs::parse(&given).map_err(Error::Options)?;
    Ok(inputs)
}

/// Names the options and variables that stand for inputs here.
fn options(errors: &[InputError]) -> String {
    let option = |input| match input {
        "client-id" => "PORT_CLIENT_ID".to_owned(),
        "client-secret" => "PORT_CLIENT_SECRET".to_owned(),
        "base-url" => "PORT_BASE_URL".to_owned(),
        other => format!("--{other}"),
    };
    let lines = errors.iter().map(|error| {
        let mut problem = error.problem.clone();
        for input in ["client-id", "client-secret"] {
            problem = problem.replace(&format!("`{input}`"), &option(input));
        }
        format!("{}: {problem}", option(error.input))
    });
    lines.collect::<Vec<_>>().join("\nerror: ")
}

fn connect(
    inputs: &Inputs,
    environment: &Environment,
    screen: &Screen,
) -> Result<Option<Port>, Error> {
    let Some(credentials) = inputs.credentials.clone() else {
        return Ok(None);
    };
    let settings = Settings {
        owner: "check",
        ca_certificates: None,
        certificate_file: environment.variable("SSL_CERT_FILE").map(Path::new),
        proxies: Proxies::from_environment(environment)?,
        timeouts: Timeouts::default(),
    };
    let client = Client::new(settings)?;
    let mask = screen.mask();
    Ok(Some(Port::new(
        client,
        inputs.base_url.clone(),
        credentials,
        mask,
    )))
}
