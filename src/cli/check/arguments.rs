//! The command line of `port-gitops check`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt};

use crate::cli::{add_line, text_value};

/// What `--help` prints after the program's name and version.
pub(super) const HELP: &str = "\
Checks entity files as the action does, without GitHub and without writing anything.

Usage: port-gitops check [OPTIONS] [PATH]...

  PATH is a file or a folder; without one it is the current folder. In folders, what Git ignores and
  what other repositories hold is passed over, and so is every file that no rule of `--files`
  matches. Symbolic links are not followed.

Options:
  --files RULE         which files hold entities: [!]GLOB [=> BLUEPRINT], relative to the
                       repository's root. Later ones win, ! excludes
  --mapping FILE       a mapping in Port's format, which makes entities of other files; its paths
                       are relative to the repository's root
  --blueprint NAME     blueprint of entities that name none and match no =>
  --blueprints GLOB    which blueprints may be written: [!]GLOB. Later ones win, ! excludes
  --format FORMAT      text (the default), json, github: annotations for a
                       workflow, or sarif: for code scanning
  --color WHEN         auto (the default: in a terminal), always or never
  -q, --quiet          print errors only, and nothing where there are none
  --explain CODE       print what a code means, such as wrong-type
  -h, --help           print this
  -V, --version        print the version

  --files and --blueprints can be repeated, and hold several lines. They mean what the action's inputs
  of the same names mean, and have the same defaults.

Environment:
  PORT_CLIENT_ID, PORT_CLIENT_SECRET   with both, entities are checked against Port's blueprints too
  PORT_BASE_URL                        Port's API, if not https://api.port.io
  NO_COLOR, FORCE_COLOR                as --color never, --color always
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE as for the action

Exit status: 0 nothing is wrong, 1 an entity is invalid, 2 the check could not be made.
";

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CheckInvocation {
    Check(CheckArguments),
    Explain(String),
    Help,
    Version,
}

/// How to check what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CheckArguments {
    /// Files and folders; none stands for the current folder.
    pub(super) paths: Vec<PathBuf>,
    /// The text of the input `files`.
    pub(super) files: Option<String>,
    /// The mapping's file.
    pub(super) mapping: Option<PathBuf>,
    /// The text of the input `blueprint`.
    pub(super) blueprint: Option<String>,
    /// The text of the input `blueprints`.
    pub(super) blueprints: Option<String>,
    /// How findings are shown.
    pub(super) format: OutputFormat,
    /// Whether text is coloured.
    pub(super) color: ColorChoice,
    /// How much of the text is shown.
    pub(super) detail: TextDetail,
}

/// Whether text is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ColorChoice {
    /// In a terminal, unless variables say otherwise.
    #[default]
    Auto,
    Always,
    Never,
}

/// How much of the text is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum TextDetail {
    /// Every finding, and a last line.
    #[default]
    All,
    /// Errors.
    Errors,
}

/// How findings are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// One document.
    Json,
    /// Commands for GitHub's runner.
    GitHub,
    /// A log in the Static Analysis Results Interchange Format.
    Sarif,
}

impl CheckInvocation {
    /// Reads the arguments after the command's name.
    pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let mut arguments = CheckArguments::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(Self::Help),
                Short('V') | Long("version") => return Ok(Self::Version),
                Long("files") => add_line(&mut arguments.files, &text_value(&mut parser)?),
                Long("mapping") => arguments.mapping = Some(parser.value()?.into()),
                Long("blueprint") => arguments.blueprint = Some(text_value(&mut parser)?),
                Long("blueprints") => {
                    add_line(&mut arguments.blueprints, &text_value(&mut parser)?);
                }
                Long("format") => {
                    arguments.format = parser.value()?.parse_with(OutputFormat::parse)?
                }
                Long("color" | "colour") => {
                    arguments.color = parser.value()?.parse_with(ColorChoice::parse)?;
                }
                Short('q') | Long("quiet") => arguments.detail = TextDetail::Errors,
                Long("explain") => return Ok(Self::Explain(text_value(&mut parser)?)),
                Value(path) => arguments.paths.push(path.into()),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Self::Check(arguments))
    }
}

impl ColorChoice {
    fn parse(name: &str) -> Result<Self, &'static str> {
        match name {
            "auto" => Ok(Self::Auto),
            "always" => Ok(Self::Always),
            "never" => Ok(Self::Never),
            _ => Err("use auto, always or never"),
        }
    }
}

impl OutputFormat {
    fn parse(name: &str) -> Result<Self, &'static str> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "github" => Ok(Self::GitHub),
            "sarif" => Ok(Self::Sarif),
            _ => Err("use text, json, github or sarif"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<CheckInvocation, String> {
        let arguments = line.split_whitespace().map(OsString::from);
        CheckInvocation::parse(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_is_read() {
        let given = "--files a/* --files=!a/x a --mapping m --blueprint b --blueprints * --format json --color never -q -- -c";
        let expected = CheckArguments {
            paths: vec!["a".into(), "-c".into()],
            files: Some("a/*\n!a/x".to_owned()),
            mapping: Some("m".into()),
            blueprint: Some("b".to_owned()),
            blueprints: Some("*".to_owned()),
            format: OutputFormat::Json,
            color: ColorChoice::Never,
            detail: TextDetail::Errors,
        };
        assert_eq!(parse(given), Ok(CheckInvocation::Check(expected)));
        assert_eq!(
            parse(""),
            Ok(CheckInvocation::Check(CheckArguments::default()))
        );
    }

    #[test]
    fn help_and_version_are_found_anywhere() {
        for given in ["-h", "--help", "--format json --help"] {
            assert_eq!(parse(given), Ok(CheckInvocation::Help), "{given}");
        }
        for given in ["-V", "--version", "a -V"] {
            assert_eq!(parse(given), Ok(CheckInvocation::Version), "{given}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (given, message) in [
            ("--fiels x", "invalid option '--fiels'"),
            ("--files", "missing argument for option '--files'"),
            (
                "--format xml",
                "cannot parse argument \"xml\": use text, json, github or sarif",
            ),
        ] {
            assert_eq!(parse(given).unwrap_err(), message, "{given}");
        }
    }
}
