//! The command line of `port-gitops schema`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short};

use super::build::Completeness;
use crate::cli::{add_line, text_value};

/// What `--help` prints after the program's name and version.
pub(super) const HELP: &str = "\
Prints a JSON Schema (draft-07) of entity files, made from the organisation's blueprints, with which
editors complete and check them.

Usage: port-gitops schema [OPTIONS]

Options:
  --output FILE        write it there
  --check              with --output: only say whether that file is up to date
  --partial            let files leave out what blueprints require, where something else writes it
  --blueprint NAME     blueprint of entities that name none
  --blueprints GLOB    which blueprints to describe: [!]GLOB. Later ones win, ! excludes; can be
                       repeated. Without it: all but Port's own, whose names begin with _
  --state-blueprint NAME
                       the action's input of that name, if it is set; it is left out
  -h, --help           print this
  -V, --version        print the version

Environment:
  PORT_CLIENT_ID, PORT_CLIENT_SECRET   Port's API credentials
  PORT_BASE_URL                        Port's API, if not https://api.port.io
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE as for the action

Exit status: 0 done, or up to date; 1 the file is stale; 2 the schema could not be made.
";

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SchemaInvocation {
    Make(SchemaArguments),
    Help,
    Version,
}

/// Which schema, and where it goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SchemaArguments {
    pub(super) target: SchemaTarget,
    pub(super) shape: Completeness,
    /// The text of the input `blueprint`.
    pub(super) blueprint: Option<String>,
    /// The text of the input `blueprints`.
    pub(super) blueprints: Option<String>,
    /// The text of the input `state-blueprint`.
    pub(super) state_blueprint: Option<String>,
}

/// What becomes of the schema.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SchemaTarget {
    /// It is printed.
    Output,
    /// It is written there.
    File(PathBuf),
    /// It is compared with what is there.
    Check(PathBuf),
}

impl SchemaInvocation {
    /// Reads the arguments after the command's name.
    pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let (mut output, mut is_check, mut shape) = (None, false, Completeness::Whole);
        let (mut blueprint, mut blueprints, mut state_blueprint) = (None, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(Self::Help),
                Short('V') | Long("version") => return Ok(Self::Version),
                Long("output") => output = Some(PathBuf::from(parser.value()?)),
                Long("check") => is_check = true,
                Long("partial") => shape = Completeness::Partial,
                Long("blueprint") => blueprint = Some(text_value(&mut parser)?),
                Long("blueprints") => add_line(&mut blueprints, &text_value(&mut parser)?),
                Long("state-blueprint") => state_blueprint = Some(text_value(&mut parser)?),
                other => return Err(other.unexpected()),
            }
        }
        let target = match (output, is_check) {
            (None, false) => SchemaTarget::Output,
            (Some(path), false) => SchemaTarget::File(path),
            (Some(path), true) => SchemaTarget::Check(path),
            (None, true) => return Err("--check needs --output FILE".into()),
        };
        Ok(Self::Make(SchemaArguments {
            target,
            shape,
            blueprint,
            blueprints,
            state_blueprint,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<SchemaInvocation, String> {
        let arguments = line.split_whitespace().map(OsString::from);
        SchemaInvocation::parse(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_is_read() {
        let given = "--output a.json --check --partial --blueprint b --blueprints * --blueprints=!c \
                     --state-blueprint s";
        let expected = SchemaArguments {
            target: SchemaTarget::Check("a.json".into()),
            shape: Completeness::Partial,
            blueprint: Some("b".to_owned()),
            blueprints: Some("*\n!c".to_owned()),
            state_blueprint: Some("s".to_owned()),
        };
        assert_eq!(parse(given), Ok(SchemaInvocation::Make(expected)));
        assert_eq!(parse("--check -h"), Ok(SchemaInvocation::Help));
        for (given, message) in [
            ("--check", "--check needs --output FILE"),
            ("--ouput x", "invalid option '--ouput'"),
            ("x", "unexpected argument \"x\""),
        ] {
            assert_eq!(parse(given).unwrap_err(), message, "{given}");
        }
    }
}
