//! Takes a report to where it is read: the log, the annotations, and the runner's files.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::annotations::Annotations;
use super::fleet::{self, FleetReport};
use super::log::Log;
use super::{Ending, Outcome, Report, console, file, json, outputs, summary};
use crate::diagnostic::Severity;
use crate::environment::Runner;

/// A report that could not be written to one of its files.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {error}", path.display())]
pub struct PublishError {
    path: PathBuf,
    error: io::Error,
}

/// Writes the report everywhere. `report_file` is relative to the workspace, and no part of it may be a symbolic link.
///
/// # Errors
/// If a file cannot be written; the others are written all the same.
pub fn publish(
    report: &Report,
    runner: &Runner,
    report_file: Option<&Path>,
    log: &Log,
) -> Result<(), PublishError> {
    write_log(report, log);
    let files = ReportFiles {
        runner,
        report_file,
    };
    files.write(
        |out| outputs::write(report, out),
        |out| summary::write(report, out),
        |out| json::write(report, out),
    )
}

/// The same for a run over many repositories.
///
/// # Errors
/// If a file cannot be written; the others are written all the same.
pub fn publish_fleet(
    report: &FleetReport,
    runner: &Runner,
    report_file: Option<&Path>,
    log: &Log,
) -> Result<(), PublishError> {
    fleet::console::write(report, log);
    let files = ReportFiles {
        runner,
        report_file,
    };
    files.write(
        |out| outputs::write_fleet(report, out),
        |out| fleet::summary::write(report, out),
        |out| fleet::json::write(report, out),
    )
}

/// The files that a report is written to.
struct ReportFiles<'r> {
    runner: &'r Runner,
    report_file: Option<&'r Path>,
}

impl ReportFiles<'_> {
    /// Writes each of the files, whatever becomes of the others.
    fn write(
        &self,
        outputs: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
        summary: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
        json: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), PublishError> {
        let outputs = append(self.runner.output_file.as_deref(), outputs);
        let summary = append(self.runner.summary_file.as_deref(), summary);
        let json = match (self.report_file, &self.runner.workspace) {
            (Some(path), Some(workspace)) => create(workspace, path, json),
            _ => Ok(()),
        };
        outputs.and(summary).and(json)
    }
}

/// What becomes of entities first, and then what is wrong: people look at a log's end.
pub(crate) fn write_log(report: &Report, log: &Log) {
    let stopped = match &report.ending {
        Ending::Stopped(reason) => Some(reason),
        Ending::Complete | Ending::Interrupted => None,
    };
    let others = [usize::from(stopped.is_some()), report.warnings.len()];
    let annotations = Annotations::new(&report.diagnostics, others, Some(&report.run), log);
    let mut annotations = annotations.after_warnings(report.warnings_before);
    console::write_entities(report, log);
    console::write_notices(report, &mut annotations, log);
    if let Some(reason) = stopped {
        annotations.write_message(Severity::Error, reason);
    }
    console::write_problems(report, &mut annotations, log);
    console::write_ending(report, log);
}

/// Tells of a run that could not begin: `problems` are all there is.
///
/// # Errors
/// If a file of the runner's cannot be written.
pub fn publish_failure(
    problems: &[String],
    outcome: Outcome,
    output_file: Option<&Path>,
    summary_file: Option<&Path>,
    log: &Log,
) -> Result<(), PublishError> {
    let mut annotations = Annotations::new(&[], [problems.len(), 0], None, log);
    for problem in problems {
        if !annotations.write_message(Severity::Error, problem) {
            log.line(format!("error: {problem}"));
        }
    }
    let outputs = append(output_file, |out| outputs::write_outcome(outcome, out));
    let summary = append(summary_file, |out| {
        summary::write_failure(problems, outcome, out)
    });
    outputs.and(summary)
}

/// Tells of a run that has nothing to do, for `reason`: a sentence without a full stop.
///
/// # Errors
/// If a file of the runner's cannot be written.
pub fn publish_nothing(reason: &str, runner: &Runner, log: &Log) -> Result<(), PublishError> {
    log.line(format!("Nothing to do: {reason}"));
    append(runner.output_file.as_deref(), |out| {
        outputs::write_nothing(out)
    })
}

/// The runner's files may hold what earlier steps wrote.
fn append(
    path: Option<&Path>,
    write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
) -> Result<(), PublishError> {
    let Some(path) = path else { return Ok(()) };
    let append = || {
        let mut text = Vec::new();
        write(&mut text)?;
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)?
            .write_all(&text)
    };
    append().map_err(|error| PublishError {
        path: path.to_owned(),
        error,
    })
}

fn create(
    workspace: &Path,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), PublishError> {
    let create = || {
        let mut file = BufWriter::new(file::create(workspace, path)?);
        write(&mut file)?;
        file.flush()
    };
    create().map_err(|error| PublishError {
        path: path.to_owned(),
        error,
    })
}
