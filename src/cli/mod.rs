//! The commands beside the action, chosen by the first argument.
//!
//! They need no runner: for Port they take the variables `PORT_CLIENT_ID`, `PORT_CLIENT_SECRET`
//! and `PORT_BASE_URL`.

pub(crate) mod blueprints;
pub mod check;
pub mod export;
mod files;
pub(crate) mod repository;
pub mod schema;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::catalog::entity::nearest;
use crate::environment::Environment;
use crate::http::proxy::{InvalidProxy, Proxies};
use crate::http::{Client, ClientError, Settings, Timeouts};
use crate::inputs::{self, InputError, Inputs};
use crate::port::{OnToken, Port};
use crate::report::log::Log;
use crate::report::progress;
pub(crate) use crate::text::counted;

/// What `--help` and `--version` begin with.
pub(crate) const VERSION: &str = concat!("port-gitops ", env!("CARGO_PKG_VERSION"));

const HELP: &str = "\
Makes Git the source of truth for a Port software catalog. Without arguments it is a GitHub Action.

Usage: port-gitops COMMAND [OPTIONS]

Commands:
  check [PATH]...   check entity files as the action does
  schema            print a JSON Schema of entity files, for completion in editors
  export DIR        write entity files for what Port holds

Options:
  -h, --help        print this; after a command, its options
  -V, --version     print the version
";

/// What the process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subcommand {
    /// Check entity files.
    Check,
    /// Make a JSON Schema of them.
    Schema,
    /// Write them for what Port holds.
    Export,
}

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// All is well: exit status 0.
    Success,
    /// It found a problem: exit status 1.
    Problem,
    /// It could not be carried out: exit status 2.
    CannotGoOn,
    /// It was told to stop: exit status 128 and the signal's number.
    Interrupted,
}

impl Subcommand {
    const ALL: [(&'static str, Self); 3] = [
        ("check", Self::Check),
        ("schema", Self::Schema),
        ("export", Self::Export),
    ];

    /// Reads the first argument.
    ///
    /// # Errors
    /// If it is no command, what was printed instead: help, the version, or what is wrong with it.
    pub fn read(first: &OsStr) -> Result<Self, ExitStatus> {
        let name = first.to_string_lossy();
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        if let Some((_, command)) = known {
            return Ok(*command);
        }
        Err(match &*name {
            "-h" | "--help" => print(&format!("{VERSION}\n{HELP}")),
            "-V" | "--version" => print(&format!("{VERSION}\n")),
            option if option.starts_with('-') => {
                fail(&format!("there is no option `{option}`\n{TRY_HELP}"))
            }
            command => fail(&format!("{}\n{TRY_HELP}", unknown(command))),
        })
    }
}

const TRY_HELP: &str = "Try `port-gitops --help`.";

fn unknown(command: &str) -> String {
    let names = Subcommand::ALL.map(|(name, _)| name);
    match nearest(command, names) {
        Some(near) => format!("there is no command `{command}`; did you mean `{near}`?"),
        None => format!(
            "there is no command `{command}`, only `{}`",
            names.join("`, `")
        ),
    }
}

/// Prints the output of a command.
pub(crate) fn print(text: &str) -> ExitStatus {
    match write!(io::stdout(), "{text}") {
        Ok(()) => ExitStatus::Success,
        Err(error) => fail(&format!("cannot write: {error}")),
    }
}

/// Says on standard error what kept the command from being carried out.
pub(crate) fn fail(error: &str) -> ExitStatus {
    // If standard error is closed, nobody reads this.
    let _ = writeln!(io::stderr(), "error: {}", as_variables(error));
    ExitStatus::CannotGoOn
}

/// Says on standard error what happens on the way to Port, retries above all, until what comes out is
/// dropped.
#[must_use]
pub(crate) fn show_progress() -> tracing::subscriber::DefaultGuard {
    let log = Log::new(io::stderr());
    tracing::subscriber::set_default(progress::on_terminal(log, as_variables))
}

/// What is wrong with a command line, and what to do: `help` names the options that there are.
pub(crate) fn usage(error: &lexopt::Error, help: &str) -> String {
    let lexopt::Error::UnexpectedOption(given) = error else {
        return error.to_string();
    };
    let words = help.split([' ', '\n', ',']);
    let options = words.filter(|word| word.len() > 2 && word.starts_with("--"));
    match nearest(given, options) {
        Some(near) => format!("there is no option `{given}`; did you mean `{near}`?"),
        None => format!("there is no option `{given}`"),
    }
}

/// Messages about Port name the action's inputs; a command has variables instead.
fn as_variables(message: &str) -> String {
    let both = "the inputs `client-id` and `client-secret`";
    let mut message = message.replace(both, "`client-id` and `client-secret`");
    for (here, there) in MACHINE {
        message = message.replace(here, there);
    }
    for (input, variable) in VARIABLES {
        for name in [format!("the input `{input}`"), format!("`{input}`")] {
            message = message.replace(&name, &format!("`{variable}`"));
        }
    }
    message
}

/// What an action's runner is to a command.
const MACHINE: [(&str, &str); 3] = [
    ("the runner's", "this machine's"),
    ("keeps the runner out", "keeps this machine out"),
    ("the runner and Port", "this machine and Port"),
];

/// The inputs that are variables here.
const VARIABLES: [(&str, &str); 3] = [
    ("client-id", "PORT_CLIENT_ID"),
    ("client-secret", "PORT_CLIENT_SECRET"),
    ("base-url", "PORT_BASE_URL"),
];

/// An option that means what one of the action's inputs means.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    /// The input's name.
    pub(crate) input: &'static str,
    /// What the option is called, with its dashes.
    pub(crate) option: &'static str,
    /// What it was given.
    pub(crate) value: Option<String>,
}

/// Options or variables that hold something else than is allowed.
#[derive(Debug)]
pub(crate) struct InvalidOptions {
    errors: Vec<InputError>,
    options: Vec<(&'static str, &'static str)>,
}

impl std::error::Error for InvalidOptions {}

impl fmt::Display for InvalidOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            let mut options = self.options.iter().chain(&VARIABLES);
            let option = options.find(|(input, _)| *input == error.input);
            let name = option.map_or(error.input, |(_, option)| option);
            let separator = if index > 0 { "\nerror: " } else { "" };
            write!(formatter, "{separator}{name}: {}", error.problem)?;
        }
        Ok(())
    }
}

/// Reads options and variables as the action's inputs that they stand for.
///
/// # Errors
/// All that hold something else than is allowed.
pub(crate) fn read_inputs(
    given: Vec<Given>,
    environment: &Environment,
) -> Result<Inputs, InvalidOptions> {
    let options = given.iter().map(|one| (one.input, one.option)).collect();
    let variables = VARIABLES
        .map(|(input, variable)| (input, environment.variable(variable).map(str::to_owned)));
    let given = given.into_iter().map(|one| (one.input, one.value));
    // Every action has one; nothing here uses it.
    let token = ("github-token", Some("none".to_owned()));
    let named = given.chain(variables).chain([token]);
    let named = named.filter_map(|(input, value)| {
        let name = format!("INPUT_{}", input.to_ascii_uppercase());
        Some((name, value?))
    });
    let (inputs, _) = inputs::parse(&Environment::new(named));
    inputs.map_err(|errors| InvalidOptions { errors, options })
}

/// Why there is no client of Port's API.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Proxy(#[from] InvalidProxy),
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The command needs Port.
    #[error(
        "there are no credentials for Port: set PORT_CLIENT_ID and PORT_CLIENT_SECRET (in Port: … → Credentials), and PORT_BASE_URL unless it is https://api.port.io"
    )]
    NoCredentials,
}

/// A client of Port's API for `command`, if there are credentials. Nothing is sent yet.
///
/// # Errors
/// If a proxy or a certificate cannot be used.
pub(crate) fn connect(
    command: &str,
    inputs: &Inputs,
    environment: &Environment,
    on_token: OnToken,
) -> Result<Option<Port>, ConnectError> {
    let Some(credentials) = inputs.credentials.clone() else {
        return Ok(None);
    };
    let settings = Settings {
        owner: command,
        ca_certificates: None,
        certificate_file: environment.variable("SSL_CERT_FILE").map(Path::new),
        proxies: Proxies::from_environment(environment)?,
        timeouts: Timeouts::default(),
    };
    let client = Client::new(settings)?;
    let base_url = inputs.base_url.clone();
    Ok(Some(Port::new(client, base_url, credentials, on_token)))
}

/// The same for a command that is nothing without Port.
///
/// # Errors
/// If there are no credentials, or a proxy or a certificate cannot be used.
pub(crate) fn require_port(
    command: &str,
    inputs: &Inputs,
    environment: &Environment,
) -> Result<Port, ConnectError> {
    // A terminal would show the command that masks a token.
    let port = connect(command, inputs, environment, Box::new(|_| {}))?;
    port.ok_or(ConnectError::NoCredentials)
}

/// Adds a line to the text of an option that can be repeated.
pub(crate) fn add_line(text: &mut Option<String>, line: &str) {
    match text {
        None => *text = Some(line.to_owned()),
        Some(text) => {
            text.push('\n');
            text.push_str(line);
        }
    }
}

/// The text of an option's value.
///
/// # Errors
/// If there is none, or it is not UTF-8.
pub(crate) fn text_value(parser: &mut lexopt::Parser) -> Result<String, lexopt::Error> {
    let value: OsString = parser.value()?;
    value.into_string().map_err(lexopt::Error::NonUnicodeValue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_command_gets_a_suggestion() {
        assert_eq!(
            unknown("shcema"),
            "there is no command `shcema`; did you mean `schema`?"
        );
        assert_eq!(
            unknown("frobnicate"),
            "there is no command `frobnicate`, only `check`, `schema`, `export`"
        );
    }

    #[test]
    fn inputs_in_messages_are_variables_here() {
        let message = "check the inputs `client-id` and `client-secret`, and whether `base-url` is your region; check the input `base-url`";
        assert_eq!(
            as_variables(message),
            "check `PORT_CLIENT_ID` and `PORT_CLIENT_SECRET`, and whether `PORT_BASE_URL` is your region; check `PORT_BASE_URL`"
        );
    }
}
