//! What a check found, in each format.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};

use serde_json::json;

use super::arguments::{CheckArguments, ColorChoice, OutputFormat, TextDetail};
use super::{EntityFile, Environment, sarif};
use crate::catalog::declare::{Declarations, Invalid, passed_over};
use crate::catalog::rules::FileRules;
use crate::cli::counted;
use crate::diagnostic::{Diagnostic, Severity};
use crate::port::OnToken;
use crate::report::console::{self, ColourMode};
use crate::report::log::Log;
use crate::report::{annotations, json};
use crate::text::RepoPath;

/// Grows with every change that a reader of the document could notice.
const VERSION: u32 = 2;

/// Where findings are shown, and how.
pub(super) struct Screen {
    format: OutputFormat,
    colour: ColourMode,
    detail: TextDetail,
    log: Log,
}

/// What a check found, in numbers.
#[derive(Debug)]
pub(super) struct CheckSummary {
    files: usize,
    entities: usize,
    /// Entities with errors, and documents of which nothing is known.
    pub(super) invalid: usize,
    blueprints: BlueprintCheck,
    /// The files that are not meant for Port.
    passed_over: BTreeSet<RepoPath>,
    /// Which files were looked for.
    rules: String,
}

/// Whether entities were held against their blueprints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlueprintCheck {
    Made,
    NotMade,
}

impl CheckSummary {
    /// `rules` chose the `files`.
    pub(super) fn new(
        declared: &Declarations,
        files: &[EntityFile],
        rules: &FileRules,
        blueprints: BlueprintCheck,
    ) -> Self {
        let valid: BTreeSet<_> = declared
            .valid
            .iter()
            .map(|valid| valid.entity.key())
            .collect();
        // What its blueprint refuses is in both lists: its text is well.
        let is_only_invalid =
            |invalid: &&Invalid| !invalid.key.as_ref().is_some_and(|key| valid.contains(key));
        let only_invalid = declared.invalid.iter().filter(is_only_invalid);
        Self {
            files: files.len(),
            entities: declared.valid.len() + only_invalid.count(),
            invalid: declared.invalid.len(),
            blueprints,
            passed_over: declared.foreign.clone(),
            rules: rules.to_string().trim_end().replace('\n', ", "),
        }
    }
}

impl Screen {
    pub(super) fn new(arguments: &CheckArguments, environment: &Environment) -> Self {
        Self {
            format: arguments.format,
            colour: colour(arguments.color, environment),
            detail: arguments.detail,
            log: Log::new(io::stdout()),
        }
    }

    /// Keeps Port's access tokens out of a workflow's log.
    pub(super) fn mask(&self) -> OnToken {
        let log = self.log.clone();
        match self.format {
            OutputFormat::GitHub => Box::new(move |token| log.mask(token)),
            // A terminal would show the command that masks it.
            OutputFormat::Text | OutputFormat::Json | OutputFormat::Sarif => Box::new(|_| {}),
        }
    }

    pub(super) fn show(
        &self,
        diagnostics: &[Diagnostic],
        findings: &CheckSummary,
    ) -> io::Result<()> {
        let notice = passed_over(&findings.passed_over);
        match self.format {
            OutputFormat::Text => {
                if self.detail == TextDetail::Errors {
                    let errors = diagnostics.iter().filter(|one| one.is_error());
                    let errors: Vec<_> = errors.cloned().collect();
                    console::write_diagnostics(self.colour, &errors, &self.log);
                    return Ok(());
                }
                if let Some(notice) = notice {
                    self.log.line(format!("note: {notice}\n"));
                }
                console::write_diagnostics(self.colour, diagnostics, &self.log);
                if let Some(first) = diagnostics.iter().find(|one| one.is_error()) {
                    self.log.line(format!(
                        "For more about an error, try `port-gitops check --explain {}`\n",
                        first.code
                    ));
                }
                self.log.line(last_line(diagnostics, findings));
            }
            OutputFormat::GitHub => {
                if let Some(notice) = notice {
                    self.log.line(format!("note: {notice}"));
                }
                annotations::write_diagnostics(diagnostics, &self.log);
                self.log.line(last_line(diagnostics, findings));
            }
            OutputFormat::Json => write_json(diagnostics, findings)?,
            OutputFormat::Sarif => sarif::write(diagnostics)?,
        }
        Ok(())
    }
}

/// Whether text is coloured: <https://no-color.org>, <https://force-color.org>.
fn colour(choice: ColorChoice, environment: &Environment) -> ColourMode {
    let is_set = |name| environment.variable(name).is_some();
    let is_dumb = environment.variable("TERM") == Some("dumb");
    let is_coloured = match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is_set("NO_COLOR") => false,
        ColorChoice::Auto if is_set("FORCE_COLOR") => true,
        ColorChoice::Auto => !is_dumb && io::stdout().is_terminal(),
    };
    match is_coloured {
        true => ColourMode::Always,
        false => ColourMode::Never,
    }
}

fn last_line(diagnostics: &[Diagnostic], findings: &CheckSummary) -> String {
    let CheckSummary {
        files,
        entities,
        blueprints,
        rules,
        ..
    } = findings;
    if *files == 0 {
        return format!("No entity files to check: no file here is one of {rules} (see --files)");
    }
    let mut line = format!(
        "Checked {} in {}",
        counted(*entities, "entity", "entities"),
        counted(*files, "file", "files")
    );
    for (severity, one, many) in [
        (Severity::Error, "error", "errors"),
        (Severity::Warning, "warning", "warnings"),
        (Severity::Notice, "notice", "notices"),
    ] {
        let count = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity() == severity)
            .count();
        if count > 0 || severity == Severity::Error {
            line.push_str(&format!(" · {}", counted(count, one, many)));
        }
    }
    if *blueprints == BlueprintCheck::NotMade {
        line.push_str(" · blueprints not checked");
    }
    line
}

fn write_json(diagnostics: &[Diagnostic], findings: &CheckSummary) -> io::Result<()> {
    let document = json!({
        "version": VERSION,
        "files": findings.files,
        "entities": findings.entities,
        "invalid": findings.invalid,
        "passedOver": findings.passed_over.iter().map(RepoPath::as_str).collect::<Vec<_>>(),
        "blueprintsChecked": findings.blueprints == BlueprintCheck::Made,
        "diagnostics": diagnostics.iter().map(json::Finding::from).collect::<Vec<_>>(),
    });
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &document)?;
    writeln!(out)
}
