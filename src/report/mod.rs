//! What a run did, and the ways to report it. Each reporter is a function of a [`Report`].

pub mod annotations;
mod causes;
pub mod comment;
pub mod console;
mod delta;
mod entities;
mod file;
pub mod fleet;
mod graph;
mod headline;
pub mod json;
mod links;
pub mod log;
mod markdown;
pub mod outputs;
pub mod progress;
pub mod publish;
pub mod redact;
pub mod summary;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::catalog::entity::{EntityKey, Identifier};
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::Mode;
use crate::git::{BranchName, CommitSha, RepoName};
use crate::text::{Location, counted};
use redact::ShownDifference;

/// Everything that there is to report about a run.
#[derive(Debug)]
pub struct Report {
    /// Which run it was.
    pub run: RunFacts,
    /// What became of each entity: by outcome, problems first, and then in the order of files and lines.
    pub entities: Vec<EntityReport>,
    /// What is wrong with the files, in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// What is wrong with the inputs: sentences without a full stop.
    pub warnings: Vec<String>,
    /// How many warnings the step showed before.
    pub warnings_before: usize,
    /// What else the user should know: sentences without a full stop.
    pub notices: Vec<String>,
    /// Whether Port differed from what Git declares, where all files were looked at.
    pub drift: Option<Drift>,
    /// How the run ended.
    pub ending: Ending,
    /// What it cost.
    pub cost: Cost,
}

/// Whether Port matches Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// It was not, when the run looked.
    Found,
    /// It was.
    None,
}

impl Drift {
    /// What the output `drift` says.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "true",
            Self::None => "false",
        }
    }
}

/// What the declarations were compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparedWith {
    /// What Port holds.
    Port,
    /// An earlier revision in Git alone: the run had no credentials.
    Git,
}

/// Which run a report is about.
#[derive(Debug, Clone)]
pub struct RunFacts {
    /// Whether it wrote.
    pub mode: Mode,
    /// What its declarations were compared with.
    pub compared_with: ComparedWith,
    /// The repository.
    pub repository: RepoName,
    /// The revision whose files counted.
    pub head: CommitSha,
    /// The branch that it is on.
    pub branch: Option<BranchName>,
    /// GitHub's website, without a `/` at its end.
    pub server_url: String,
    /// The pull request that it is about.
    pub pull_request: Option<u64>,
    /// Port's website, without a `/` at its end, where it is known.
    pub port_url: Option<String>,
    /// The folder with the documentation of this very version, without a `/` at its end, where it is known.
    pub documentation_url: Option<String>,
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Requests sent to GitHub.
    pub github_requests: usize,
    /// Requests sent to Port.
    pub port_requests: usize,
    /// How long it took.
    #[serde(rename = "milliseconds", serialize_with = "as_milliseconds")]
    pub elapsed: Duration,
}

fn as_milliseconds<S: serde::Serializer>(elapsed: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u128(elapsed.as_millis())
}

impl Cost {
    /// Says it in a few words.
    pub fn words(&self) -> String {
        let Self {
            github_requests,
            port_requests,
            elapsed,
        } = self;
        let elapsed = match elapsed.as_millis() {
            milliseconds @ ..1000 => format!("{milliseconds} ms"),
            _ => format!("{:.1} s", elapsed.as_secs_f32()),
        };
        let requests = counted(*github_requests, "request", "requests");
        format!("{requests} to GitHub, {port_requests} to Port · {elapsed}")
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// By itself.
    Complete,
    /// It was told to stop.
    Interrupted,
    /// It could not go on, for the reason given: a sentence without a full stop.
    Stopped(String),
}

/// The word for how a run went: the output `outcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All is well.
    Success,
    /// Something is invalid or failed.
    Failure,
    /// It was told to stop.
    Cancelled,
}

impl Outcome {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What became of an entity; in a plan, what would become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityState {
    /// Its declaration has errors.
    Invalid,
    /// Port refused it.
    Failed,
    /// It was sent, but no answer came.
    Unknown,
    /// The run ended before it was sent.
    NotWritten,
    /// What it needs could not be written.
    Blocked,
    /// Git no longer declares it, and something prevents its deletion.
    HeldBack,
    /// Another source owns it.
    OwnedElsewhere,
    /// It is new in Port.
    Created,
    /// It was in Port, and is this source's from now on.
    Adopted,
    /// It is in Port as declared.
    Updated,
    /// It is no longer in Port.
    Deleted,
    /// Git no longer declares it; it stays in Port.
    Removed,
    /// Its declaration did not change.
    Unchanged,
}

impl EntityState {
    /// What a run writes or deletes, or a plan would.
    pub(crate) const CHANGES: [Self; 4] =
        [Self::Created, Self::Adopted, Self::Updated, Self::Deleted];

    /// Whether the entity is to be written or deleted, and is not.
    pub(crate) fn is_unfinished(self) -> bool {
        !Self::CHANGES.contains(&self) && !matches!(self, Self::Removed | Self::Unchanged)
    }

    /// The words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Failed => "failed",
            Self::Unknown => "no answer",
            Self::NotWritten => "not written",
            Self::Blocked => "blocked",
            Self::HeldBack => "not deleted",
            Self::OwnedElsewhere => "owned elsewhere",
            Self::Created => "created",
            Self::Adopted => "adopted",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::Removed => "removed from Git",
            Self::Unchanged => "unchanged",
        }
    }

    /// Whether the run fails for it. Of what another owner wrote a plan only warns.
    pub fn is_failure(self, mode: Mode) -> bool {
        if self == Self::OwnedElsewhere {
            return mode == Mode::Apply;
        }
        matches!(
            self,
            Self::Invalid
                | Self::Failed
                | Self::Unknown
                | Self::NotWritten
                | Self::Blocked
                | Self::HeldBack
        )
    }
}

/// Whether what is wrong with an entity is new. The run fails only for what is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// This run is the first to find it, or its own push changes the file.
    ThisRun,
    /// An earlier run found it.
    Before,
}

/// What became of one entity.
#[derive(Debug, Clone)]
pub struct EntityReport {
    /// Which one; `None` where the file is so broken that it cannot be said.
    pub key: Option<EntityKey>,
    /// What became of it.
    pub state: EntityState,
    /// Where it is declared, or was, if Git ever declared it as far as is known.
    pub location: Option<Location>,
    /// Whether head no longer has that text.
    pub is_removed: bool,
    /// Whether what is wrong with it is new.
    pub since: Since,
    /// Why, in words that fit after the state.
    pub note: Option<String>,
    /// What to do about it, where that is known: a sentence without a full stop.
    pub help: Option<String>,
    /// What a write changes, where that is known.
    pub changes: Vec<ShownDifference>,
    /// Where its relations lead, if it is written.
    pub links: Vec<RelationLink>,
}

/// A relation to one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationLink {
    /// The relation's name.
    pub relation: String,
    /// The blueprint that it leads to, where that is known.
    pub blueprint: Option<String>,
    /// The entity that it leads to.
    pub target: Identifier,
}

impl EntityReport {
    /// An entity of which nothing else is known.
    pub fn new(key: Option<EntityKey>, state: EntityState, location: Option<Location>) -> Self {
        Self {
            key,
            is_removed: matches!(state, EntityState::Removed | EntityState::HeldBack),
            state,
            location,
            since: Since::ThisRun,
            note: None,
            help: None,
            changes: Vec::new(),
            links: Vec::new(),
        }
    }

    /// How much it matters that the entity is not as Git declares it; `None` if it is.
    pub(crate) fn severity(&self, mode: Mode) -> Option<Severity> {
        let is_warning = match self.state {
            state if !state.is_unfinished() => return None,
            EntityState::NotWritten | EntityState::Unknown => true,
            state => self.since == Since::Before || !state.is_failure(mode),
        };
        Some(match is_warning {
            true => Severity::Warning,
            false => Severity::Error,
        })
    }

    /// Its key, or its file where that is all that is known.
    pub fn name(&self) -> String {
        match (&self.key, &self.location) {
            (Some(key), _) => key.to_string(),
            (None, Some(location)) => format!("({})", location.path()),
            (None, None) => "(unknown)".to_owned(),
        }
    }
}

/// How many entities there are in each state.
pub type Counts = BTreeMap<EntityState, usize>;

impl Report {
    /// Counts the entities by state.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::new();
        for entity in &self.entities {
            *counts.entry(entity.state).or_default() += 1;
        }
        counts
    }

    /// The word for how the run went.
    pub fn outcome(&self) -> Outcome {
        match self.ending {
            Ending::Interrupted => Outcome::Cancelled,
            Ending::Stopped(_) => Outcome::Failure,
            Ending::Complete if self.has_failures() => Outcome::Failure,
            Ending::Complete => Outcome::Success,
        }
    }

    fn has_failures(&self) -> bool {
        let mode = self.run.mode;
        let mut entities = self.entities.iter();
        entities.any(|one| one.since == Since::ThisRun && one.state.is_failure(mode))
    }

    /// Diagnostics of one severity.
    pub fn diagnostics_of(&self, severity: Severity) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics
            .iter()
            .filter(move |diagnostic| diagnostic.severity() == severity)
    }
}
