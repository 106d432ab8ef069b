//! The command line of `port-gitops export`.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value};

use super::template::PathTemplate;
use crate::cli::{add_line, text_value};

/// What `--help` prints after the program's name and version.
pub(super) const HELP: &str = "\
Writes entity files for what Port holds. A plan of them is empty, so that they can be committed as they are.

Usage: port-gitops export [OPTIONS] DIR

  DIR is where the files go. What entity files cannot express is left out and listed.

Options:
  --blueprint GLOB     which blueprints: [!]GLOB. Later ones win, ! excludes; can be repeated.
                       Without it: all but Port's own, whose names begin with _
  --query FILE         which of their entities: a search query of Port's, as JSON or YAML
  --path TEMPLATE      files in DIR, {blueprint}/{identifier}.entity.yml if it is not given. Without
                       {identifier} a file holds several entities; .json makes JSON
  --files RULE         the action's input `files`, if it is set: [!]GLOB [=> BLUEPRINT]. Can be repeated
  --state-blueprint NAME
                       the action's input of that name, if it is set; it is left out
  --force              replace files that are there and differ
  --dry-run            only list the files
  -h, --help           print this
  -V, --version        print the version

Environment:
  PORT_CLIENT_ID, PORT_CLIENT_SECRET   Port's API credentials
  PORT_BASE_URL                        Port's API, if not https://api.port.io
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE as for the action

Exit status: 0 done, 2 the files could not be made, 130 or 143 it was stopped.
";

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExportInvocation {
    Export(ExportArguments),
    Help,
    Version,
}

/// What becomes of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// They are only listed.
    DryRun,
    /// They are written where nothing else is.
    New,
    /// They are written.
    Force,
}

/// What is exported, and where to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExportArguments {
    pub(super) folder: PathBuf,
    pub(super) template: PathTemplate,
    pub(super) query: Option<PathBuf>,
    pub(super) writing: Writing,
    /// The text of the input `blueprints`.
    pub(super) blueprints: Option<String>,
    /// The text of the input `files`.
    pub(super) files: Option<String>,
    /// The text of the input `state-blueprint`.
    pub(super) state_blueprint: Option<String>,
}

impl ExportInvocation {
    /// Reads the arguments after the command's name.
    pub(super) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let (mut folder, mut template, mut query) = (None, PathTemplate::default(), None);
        let (mut is_forced, mut is_dry) = (false, false);
        let (mut blueprints, mut files, mut state_blueprint) = (None, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(Self::Help),
                Short('V') | Long("version") => return Ok(Self::Version),
                Long("blueprint") => add_line(&mut blueprints, &text_value(&mut parser)?),
                Long("query") => query = Some(PathBuf::from(parser.value()?)),
                Long("path") => {
                    let text = text_value(&mut parser)?;
                    template =
                        PathTemplate::parse(&text).map_err(|error| format!("--path: {error}"))?;
                }
                Long("files") => add_line(&mut files, &text_value(&mut parser)?),
                Long("state-blueprint") => state_blueprint = Some(text_value(&mut parser)?),
                Long("force") => is_forced = true,
                Long("dry-run") => is_dry = true,
                Value(path) if folder.is_none() => folder = Some(PathBuf::from(path)),
                other => return Err(other.unexpected()),
            }
        }
        let writing = match (is_dry, is_forced) {
            (true, _) => Writing::DryRun,
            (false, true) => Writing::Force,
            (false, false) => Writing::New,
        };
        Ok(Self::Export(ExportArguments {
            folder: folder.ok_or("the folder that the files go to is missing: export DIR")?,
            template,
            query,
            writing,
            blueprints,
            files,
            state_blueprint,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<ExportInvocation, String> {
        let arguments = line.split_whitespace().map(OsString::from);
        ExportInvocation::parse(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn every_option_is_read() {
        let given = "--blueprint a* --blueprint !ab --query q.json --path {blueprint}.json --files *.json \
                     --state-blueprint s --force here";
        let expected = ExportArguments {
            folder: "here".into(),
            template: PathTemplate::parse("{blueprint}.json").unwrap(),
            query: Some("q.json".into()),
            writing: Writing::Force,
            blueprints: Some("a*\n!ab".to_owned()),
            files: Some("*.json".to_owned()),
            state_blueprint: Some("s".to_owned()),
        };
        assert_eq!(parse(given), Ok(ExportInvocation::Export(expected)));
        assert_eq!(parse("x --help"), Ok(ExportInvocation::Help));
    }

    #[test]
    fn mistakes_are_named() {
        for (given, message) in [
            ("", "the folder that the files go to is missing: export DIR"),
            ("a b", "unexpected argument \"b\""),
            (
                "a --path ../{identifier}.yml",
                "--path: `../{identifier}.yml` must stay in the folder: no `..`, no `/` at its start or end, no empty name",
            ),
        ] {
            assert_eq!(parse(given).unwrap_err(), message, "{given}");
        }
    }
}
