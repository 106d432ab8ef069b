//! Evaluates a mapping's expressions in a process of its own, since jq's language has no end to what an
//! expression may take: loops, recursion, strings that double.
//!
//! The process is this program again, with limits on memory ([`worker`]). It gives one value after another,
//! and is killed when one takes too long; the value that is missing then is the one that failed, and another
//! process goes on with the next. A process that has worked before may be slow or full because of that, so
//! what stops it is tried once more in a fresh one.

pub mod worker;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::catalog::mapping::jq::Program;
use crate::catalog::mapping::{
    Evaluation, Limit, MappedFile, Mapping, MappingResult, Surroundings, Task, WantedValues,
};
use crate::text::{RepoPath, SourceFile};
use worker::{ANSWER, COMMAND, ERROR, READY};

/// How long one expression may take.
const EVALUATION: Duration = Duration::from_secs(1);
/// How long all expressions of a run may take.
const RUN: Duration = Duration::from_secs(60);
/// How many expressions are sent at once: their requests must fit into a pipe.
const BATCH: usize = 256;
/// How long a process may take to begin, on a busy machine.
const START: Duration = Duration::from_secs(30);

/// The process that evaluates expressions cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a process for the mapping's expressions: {0}")]
pub struct NoWorker(io::Error);

/// Maps the files of a repository: with one process at a time, which the mappers of other repositories
/// share, and its own account of the time that it takes.
#[derive(Debug)]
pub struct Mapper {
    surroundings: Surroundings,
    evaluator: Arc<Mutex<Evaluator>>,
    left: std::sync::Mutex<Duration>,
}

/// Evaluates expressions.
#[derive(Debug)]
struct Evaluator {
    /// This program; without it, expressions are evaluated in this process.
    program: Option<PathBuf>,
    worker: Option<Worker>,
    left: Duration,
}

impl Mapper {
    /// Starts nothing yet. `program` is this program's file; without it there are no limits.
    pub fn new(program: Option<&Path>, surroundings: Surroundings) -> Self {
        let evaluator = Evaluator {
            program: program.map(Path::to_owned),
            worker: None,
            left: RUN,
        };
        Self {
            surroundings,
            evaluator: Arc::new(Mutex::new(evaluator)),
            left: std::sync::Mutex::new(RUN),
        }
    }

    /// One for the files of another repository.
    pub(crate) fn for_repository(&self, surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            evaluator: Arc::clone(&self.evaluator),
            left: std::sync::Mutex::new(RUN),
        }
    }

    /// The name of the repository whose files these are.
    pub(crate) fn repository(&self) -> &str {
        &self.surroundings.repository
    }

    /// What `mapping` makes of a file, which is at `path` in its repository.
    ///
    /// # Errors
    /// If there can be no process for its expressions.
    pub async fn map(
        &self,
        mapping: &Mapping,
        source: &SourceFile,
        path: &RepoPath,
    ) -> Result<MappingResult, NoWorker> {
        match MappedFile::open(mapping, source, path, &self.surroundings) {
            Ok(file) => {
                let mut evaluator = self.evaluator.lock().await;
                let left = || self.left.lock().unwrap_or_else(PoisonError::into_inner);
                evaluator.left = *left();
                let mapped = evaluator.map(mapping, file).await;
                *left() = evaluator.left;
                mapped
            }
            Err(lost) => Ok(lost),
        }
    }
}

impl Evaluator {
    async fn map(
        &mut self,
        mapping: &Mapping,
        mut file: MappedFile<'_>,
    ) -> Result<MappingResult, NoWorker> {
        let Some(program) = self.program.clone() else {
            let filters: Vec<_> = mapping.filters().iter().map(String::as_str).collect();
            return Ok(match Program::compile(&filters) {
                Ok(program) => file.map_here(&program),
                Err(_) => file.finish(&[]),
            });
        };
        let filters = mapping.filters();
        let selected = self
            .evaluate_all(&program, filters, file.selection())
            .await?;
        let fields = file.fields(&selected);
        let answers = self.evaluate_all(&program, filters, fields).await?;
        Ok(file.finish(&answers))
    }

    async fn evaluate_all(
        &mut self,
        program: &Path,
        filters: &[String],
        tasks: Vec<Task>,
    ) -> Result<Vec<Vec<Evaluation>>, NoWorker> {
        let mut answers = Vec::with_capacity(tasks.len());
        for task in &tasks {
            answers.push(self.evaluate(program, filters, task).await?);
        }
        Ok(answers)
    }

    async fn evaluate(
        &mut self,
        program: &Path,
        filters: &[String],
        task: &Task,
    ) -> Result<Vec<Evaluation>, NoWorker> {
        let mut answers = Vec::with_capacity(task.wanted.len());
        while let Some(wanted) = task
            .wanted
            .get(answers.len()..)
            .filter(|one| !one.is_empty())
        {
            if self.left.is_zero() {
                answers.extend(wanted.iter().map(|_| Evaluation::Stopped(Limit::Run)));
                break;
            }
            let wanted = wanted.get(..BATCH).unwrap_or(wanted);
            let started = Instant::now();
            let mut worker = match self
                .worker
                .take()
                .filter(|worker| worker.filters == filters)
            {
                Some(worker) => worker,
                None => Worker::start(program, filters).await.map_err(NoWorker)?,
            };
            let stopped = worker.evaluate(task, wanted, &mut answers).await.err();
            self.left = self.left.saturating_sub(started.elapsed());
            match stopped {
                None => self.worker = Some(worker),
                Some(limit) if worker.is_fresh => answers.push(Evaluation::Stopped(limit)),
                // What was evaluated before may be to blame.
                Some(_) => {}
            }
        }
        Ok(answers)
    }
}

/// A process that evaluates the expressions of one mapping.
#[derive(Debug)]
struct Worker {
    filters: Vec<String>,
    /// Ends with this value.
    _process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The file that it knows.
    input: Option<Arc<str>>,
    /// Whether it has not evaluated anything yet.
    is_fresh: bool,
}

impl Worker {
    async fn start(program: &Path, filters: &[String]) -> io::Result<Self> {
        let mut process = Command::new(program)
            .arg(COMMAND)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (requests, answers) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        let mut worker = Self {
            filters: filters.to_vec(),
            _process: process,
            requests,
            answers: BufReader::new(answers),
            input: None,
            is_fresh: true,
        };
        let mut first = serde_json::to_vec(filters)?;
        first.push(b'\n');
        worker.requests.write_all(&first).await?;
        match timeout(START, worker.line()).await {
            Ok(Ok(line)) if line == READY => Ok(worker),
            Ok(Ok(_)) => Err(io::ErrorKind::InvalidData.into()),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Adds the answers that are wanted of a task.
    ///
    /// # Errors
    /// What stopped the first one that is missing then. The process is of no more use.
    async fn evaluate(
        &mut self,
        task: &Task,
        wanted: &[WantedValues],
        answers: &mut Vec<Evaluation>,
    ) -> Result<(), Limit> {
        let requests = self.requests(task, wanted);
        match timeout(EVALUATION, self.requests.write_all(requests.as_bytes())).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(Limit::Memory),
            Err(_) => return Err(Limit::Time),
        }
        for _ in wanted {
            let line = match timeout(EVALUATION, self.line()).await {
                Ok(Ok(line)) => line,
                Ok(Err(_)) => return Err(Limit::Memory),
                Err(_) => return Err(Limit::Time),
            };
            self.is_fresh = false;
            answers.push(read_answer(&line));
        }
        Ok(())
    }

    fn requests(&mut self, task: &Task, wanted: &[WantedValues]) -> String {
        let mut text = String::new();
        let is_known = self
            .input
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, &task.input));
        if !is_known {
            worker::write_input(&task.input, &mut text);
            self.input = Some(Arc::clone(&task.input));
        }
        worker::write_item(task.item.as_ref(), &mut text);
        for one in wanted {
            worker::write_wanted(*one, &mut text);
        }
        text
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if !line.ends_with('\n') => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => {
                line.pop();
                Ok(line)
            }
        }
    }
}

fn read_answer(line: &str) -> Evaluation {
    if let Some(values) = line.strip_prefix(ANSWER) {
        return Evaluation::of(Ok(values.to_owned()));
    }
    let error = line
        .strip_prefix(ERROR)
        .and_then(|text| serde_json::from_str(text).ok());
    Evaluation::Failed(error.unwrap_or_else(|| "its value cannot be understood".to_owned()))
}
