//! The action's inputs, parsed and validated once.

mod fleet;
mod parse;

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::catalog::entity::BlueprintId;
use crate::catalog::rules::{BlueprintRules, FileRules, PropertyRules};
use crate::text::RepoPath;

pub use crate::catalog::merge::Merge;
pub use fleet::{FleetSelection, InvalidShard, Shard};
#[cfg(test)]
pub(crate) use parse::DEFAULT_STATE_BLUEPRINT;
pub use parse::parse;

/// Every input that `action.yml` declares.
pub const NAMES: [&str; 24] = [
    "client-id",
    "client-secret",
    "base-url",
    "github-token",
    "github-api-url",
    "ca-certificates",
    "files",
    "mapping",
    "blueprint",
    "blueprints",
    "mode",
    "scope",
    "merge",
    "create-missing-related-entities",
    "prune",
    "max-deletes",
    "owner",
    "state-blueprint",
    "repositories",
    "shard",
    "run-id",
    "comment",
    "redact",
    "report-file",
];

/// What the user chose.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// Port API credentials, if given.
    pub credentials: Option<Credentials>,
    /// Port's API.
    pub base_url: Url,
    /// The token for GitHub's API.
    pub github_token: SecretString,
    /// Where GitHub's APIs are.
    pub github: GitHubUrls,
    /// Extra root certificates, as PEM text.
    pub ca_certificates: Option<String>,
    /// Which files hold entities.
    pub files: FileRules,
    /// The mapping's file, which makes entities of other files.
    pub mapping: Option<RepoPath>,
    /// The blueprint of entities that name none and whose file's rule names none.
    pub blueprint: Option<BlueprintId>,
    /// Which blueprints may be written.
    pub blueprints: BlueprintRules,
    /// Whether to write.
    pub mode: ModeInput,
    /// What to look at.
    pub scope: ScopeInput,
    /// What becomes of entities that Git no longer declares.
    pub prune: Prune,
    /// How many entities a run may delete.
    pub max_deletes: usize,
    /// Whether the pull request gets a comment.
    pub comment: CommentInput,
    /// Which properties' values are never shown.
    pub redact: PropertyRules,
    /// What a run that writes does with an entity that is there already.
    pub merge: Merge,
    /// What Port does about relation targets that do not exist.
    pub missing_targets: MissingTargets,
    /// What distinguishes two sources of one repository.
    pub owner: Option<String>,
    /// Where the state is kept.
    pub state_blueprint: StateBlueprint,
    /// Which repositories a fleet run is about; `None` in a run of one repository.
    pub fleet: Option<FleetSelection>,
    /// The Port action run that the changes are tied to.
    pub run_id: Option<String>,
    /// Where the JSON report is written too, relative to the workspace.
    pub report_file: Option<PathBuf>,
}

/// Port API credentials.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The client's id, which is no secret.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: SecretString,
}

/// Where GitHub's APIs are; neither ends with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubUrls {
    /// Base of the REST API.
    pub rest: Url,
    /// The GraphQL API.
    pub graphql: Url,
}

/// The input `mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModeInput {
    /// As the event says.
    Auto,
    /// Write nothing.
    Plan,
    /// Write.
    Apply,
}

/// The input `scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeInput {
    /// As the event says.
    Auto,
    /// What changed since base.
    Changed,
    /// Every entity file at head.
    All,
}

/// The input `state-blueprint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateBlueprint {
    /// The state is an entity of this blueprint.
    Kept(BlueprintId),
    /// No state is kept.
    None,
}

/// The input `prune`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prune {
    /// They are deleted.
    Delete,
    /// They stay.
    Keep,
}

/// The input `comment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentInput {
    /// One comment is kept up to date.
    Keep,
    /// None is written.
    None,
}

/// The input `create-missing-related-entities`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingTargets {
    /// Port rejects the entity.
    Reject,
    /// Port creates the target, empty.
    Create,
}

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// The input's name.
    pub input: &'static str,
    /// What was given and what is allowed instead; never a secret.
    pub problem: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "input `{}`: {}", self.input, self.problem)
    }
}
