//! What triggered the run → what is looked at, and whether anything is written.
//!
//! Payloads are read through types that name only what is needed, so that an unknown field is never
//! fatal. They are described at [Webhook events and payloads][docs].
//!
//! [docs]: https://docs.github.com/en/webhooks/webhook-events-and-payloads

mod payload;

use serde::Deserialize;

use crate::git::{BranchName, CommitSha};
use crate::inputs::{ModeInput, ScopeInput};

/// Whether a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It shows what would change.
    Plan,
    /// It writes.
    Apply,
}

impl Mode {
    /// The name that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

/// Whether a run may use Port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogAccess {
    /// It must: it writes.
    Required,
    /// It does where there are credentials.
    WithCredentials,
    /// It must not: the author of a fork's pull request would query the catalog.
    Never,
}

/// Which entity files a run looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those that differ.
    Changed(Base),
    /// All of them.
    All,
}

/// What the files are compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// What is in Port because of the branch, as its state says.
    State,
    /// Where head's history meets that of a branch or commit.
    MergeBaseWith(String),
    /// Where head left the branch that a pull request leads to. Once that holds head, or is gone, where it
    /// left the commit at which the branch was as the pull request was opened.
    PullRequest {
        /// The branch.
        into: BranchName,
        /// The commit.
        opened_on: CommitSha,
    },
}

/// Which of a repository's branches a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchRole {
    /// The default branch, or nothing that is a branch.
    Default,
    /// Another one.
    Other,
}

/// Which repositories a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The one whose workflow it is.
    Repository,
    /// The default branches of all those that the input `repositories` selects.
    Fleet,
}

/// What to do. In a run over a fleet, `commit` and `branch` are those of the repository whose workflow it
/// is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whether to write.
    pub mode: Mode,
    /// Whether Port is used.
    pub catalog: CatalogAccess,
    /// What to look at.
    pub scope: Scope,
    /// The commit that the event is about.
    pub commit: CommitSha,
    /// The branch that it is on.
    pub branch: Option<BranchName>,
    /// Which one that is.
    pub role: BranchRole,
    /// What a push brought.
    pub push: Option<Pushed>,
    /// The number of the pull request that the run is about.
    pub pull_request: Option<u64>,
}

/// What a push brought to a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What the branch pointed to before; `None` if it is new.
    pub before: Option<CommitSha>,
    /// What it pointed to afterwards.
    pub after: CommitSha,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Look at a revision.
    Run(Run),
    /// Nothing, for the reason given: a sentence without a full stop.
    Nothing(String),
}

/// What counts beside the event.
#[derive(Debug, Clone, Copy)]
pub struct EventContext<'a> {
    /// The input `mode`.
    pub mode: ModeInput,
    /// The input `scope`.
    pub scope: ScopeInput,
    /// Which repositories the run is about.
    pub reach: Reach,
    /// The default branch of the repository whose workflow it is.
    pub default_branch: &'a BranchName,
    /// `GITHUB_REF`, for events whose payload names no branch.
    pub full_ref: Option<&'a str>,
    /// `GITHUB_SHA`, for events whose payload names no commit.
    pub sha: Option<&'a str>,
}

/// What triggered the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    name: String,
    trigger: Trigger,
    default_branch: Option<BranchName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Trigger {
    Push(Push),
    PullRequest {
        number: u64,
        base: Base,
        head: CommitSha,
        branch: BranchName,
        catalog: CatalogAccess,
    },
    MergeGroup {
        base: CommitSha,
        head: CommitSha,
    },
    /// A person or a schedule started a run of a branch as it is.
    Dispatch,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Push {
    full_ref: String,
    before: CommitSha,
    after: CommitSha,
}

/// Why an event cannot be acted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The payload is not JSON, or lacks a field.
    #[error("the payload of the event `{event}` is not as GitHub describes it: {reason}")]
    Payload {
        /// The event's name.
        event: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Writing what nobody has merged.
    #[error(
        "input `mode`: `apply` is refused on `{0}`, because it would write what is not merged; use `plan` or leave it out"
    )]
    ApplyUnmerged(String),
    /// A run over many repositories, on an event of one.
    #[error(
        "input `repositories`: a run over many repositories starts on `schedule`, `workflow_dispatch` or `repository_dispatch`, not on `{0}`; take `{0}` out of the workflow's `on:`, or leave out the input"
    )]
    NotForFleets(String),
    /// The runner does not say which commit it is about.
    #[error(
        "GITHUB_SHA is `{0}`, not a commit's id: run this as a step of a GitHub Actions workflow"
    )]
    NoCommit(String),
}

impl Event {
    /// Reads the event called `name` (`GITHUB_EVENT_NAME`) from its payload, a JSON text.
    ///
    /// # Errors
    /// If the text is not JSON or a field that is needed is missing.
    pub fn parse(name: &str, payload: &str) -> Result<Self, EventError> {
        let invalid = |reason: String| EventError::Payload {
            event: name.to_owned(),
            reason,
        };
        let any: payload::Any = from_json(payload).map_err(invalid)?;
        let default_branch = any
            .repository
            .and_then(|repository| repository.default_branch)
            .map(BranchName::new);
        let trigger = Trigger::parse(name, payload).map_err(invalid)?;
        Ok(Self {
            name: name.to_owned(),
            trigger,
            default_branch,
        })
    }

    /// The repository's default branch, if the payload says it.
    pub fn default_branch(&self) -> Option<&BranchName> {
        self.default_branch.as_ref()
    }

    /// Decides what to do; explicit inputs win over the event's own ways.
    ///
    /// # Errors
    /// If the event and the inputs do not go together.
    pub fn decide(&self, context: EventContext<'_>) -> Result<Decision, EventError> {
        if context.reach == Reach::Fleet && self.trigger != Trigger::Dispatch {
            return Err(EventError::NotForFleets(self.name.clone()));
        }
        if context.mode == ModeInput::Apply && context.is_on_pull_request_ref() {
            return Err(EventError::ApplyUnmerged(self.name.clone()));
        }
        match &self.trigger {
            Trigger::Push(push) => Ok(push.decide(context)),
            Trigger::PullRequest {
                number,
                base,
                head,
                branch,
                catalog,
            } => self.decide_unmerged(
                Run {
                    mode: Mode::Plan,
                    catalog: *catalog,
                    scope: context.scope(Scope::Changed(base.clone()), base),
                    commit: head.clone(),
                    branch: Some(branch.clone()),
                    role: BranchRole::Default,
                    push: None,
                    pull_request: Some(*number),
                },
                context,
            ),
            Trigger::MergeGroup { base, head } => {
                let base = Base::MergeBaseWith(base.to_string());
                self.decide_unmerged(
                    Run {
                        mode: Mode::Plan,
                        catalog: CatalogAccess::WithCredentials,
                        scope: context.scope(Scope::Changed(base.clone()), &base),
                        commit: head.clone(),
                        branch: None,
                        role: BranchRole::Default,
                        push: None,
                        pull_request: None,
                    },
                    context,
                )
            }
            Trigger::Other if context.mode == ModeInput::Auto => {
                let modes = if context.is_on_pull_request_ref() {
                    "`plan`"
                } else {
                    "`plan` or `apply`"
                };
                Ok(Decision::Nothing(format!(
                    "the event `{}` says nothing about entity files; run the action on `push` and `pull_request`, or set the input `mode` to {modes} to look at all entity files of the branch",
                    self.name
                )))
            }
            Trigger::Dispatch | Trigger::Other => decide_branch(context),
        }
    }

    fn decide_unmerged(&self, run: Run, context: EventContext<'_>) -> Result<Decision, EventError> {
        match context.mode {
            ModeInput::Apply => Err(EventError::ApplyUnmerged(self.name.clone())),
            ModeInput::Auto | ModeInput::Plan => Ok(Decision::Run(run)),
        }
    }
}

impl EventContext<'_> {
    /// Whether the runner has checked out what a pull request would merge, as it has also where
    /// someone reviews one: [`pull_request_review`][docs].
    ///
    /// [docs]: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request_review
    fn is_on_pull_request_ref(&self) -> bool {
        self.full_ref
            .is_some_and(|full_ref| full_ref.starts_with("refs/pull/"))
    }

    /// What is looked at: `usual`, unless the input `scope` says something else.
    fn scope(&self, usual: Scope, base: &Base) -> Scope {
        match self.scope {
            ScopeInput::Auto => usual,
            ScopeInput::Changed => Scope::Changed(base.clone()),
            ScopeInput::All => Scope::All,
        }
    }

    /// What becomes of a run of `branch`.
    fn mode(&self, branch: &BranchName) -> Mode {
        match self.mode {
            ModeInput::Plan => Mode::Plan,
            ModeInput::Apply => Mode::Apply,
            ModeInput::Auto if branch == self.default_branch => Mode::Apply,
            ModeInput::Auto => Mode::Plan,
        }
    }

    /// A plan of another branch shows what merging it would do, not only its last push. A fleet is planned
    /// as its default branches are.
    fn base(&self, mode: Mode, branch: Option<&BranchName>) -> Base {
        let is_own = self.reach == Reach::Repository && branch != Some(self.default_branch);
        match mode {
            Mode::Plan if is_own => Base::MergeBaseWith(self.default_branch.to_string()),
            _ => Base::State,
        }
    }

    /// Whose state counts: a branch that is applied has its own, and a plan is about what merging it
    /// into the default branch would do. In a fleet, only default branches count.
    fn role(&self, mode: Mode, branch: Option<&BranchName>) -> BranchRole {
        match (self.reach, mode) {
            (Reach::Repository, Mode::Apply) if branch != Some(self.default_branch) => {
                BranchRole::Other
            }
            _ => BranchRole::Default,
        }
    }

    /// Which files a run checks where nothing was pushed: in a fleet, those that differ from the states.
    fn usual_scope(&self) -> Scope {
        match self.reach {
            Reach::Repository => Scope::All,
            Reach::Fleet => Scope::Changed(Base::State),
        }
    }
}

impl Mode {
    fn catalog_access(self) -> CatalogAccess {
        match self {
            Self::Plan => CatalogAccess::WithCredentials,
            Self::Apply => CatalogAccess::Required,
        }
    }
}

impl Push {
    fn decide(&self, context: EventContext<'_>) -> Decision {
        let Some(branch) = BranchName::from_ref(&self.full_ref) else {
            return Decision::Nothing(not_a_branch(&self.full_ref));
        };
        if self.after.is_zero() {
            return Decision::Nothing(format!("the branch `{branch}` was deleted"));
        }
        let mode = context.mode(&branch);
        let base = context.base(mode, Some(&branch));
        Decision::Run(Run {
            mode,
            catalog: mode.catalog_access(),
            scope: context.scope(Scope::Changed(base.clone()), &base),
            commit: self.after.clone(),
            role: context.role(mode, Some(&branch)),
            branch: Some(branch),
            push: Some(Pushed {
                before: Some(self.before.clone()).filter(|before| !before.is_zero()),
                after: self.after.clone(),
            }),
            pull_request: None,
        })
    }
}

/// A run of what the runner says is checked out.
fn decide_branch(context: EventContext<'_>) -> Result<Decision, EventError> {
    let given = context.sha.unwrap_or_default();
    let head = CommitSha::parse(given).ok_or_else(|| EventError::NoCommit(given.to_owned()))?;
    let full_ref = context.full_ref.unwrap_or_default();
    let branch = BranchName::from_ref(full_ref);
    let mode = match &branch {
        Some(branch) => context.mode(branch),
        None if context.mode == ModeInput::Apply => {
            return Ok(Decision::Nothing(not_a_branch(full_ref)));
        }
        None => Mode::Plan,
    };
    let base = context.base(mode, branch.as_ref());
    Ok(Decision::Run(Run {
        mode,
        catalog: if context.is_on_pull_request_ref() {
            CatalogAccess::Never
        } else {
            mode.catalog_access()
        },
        scope: context.scope(context.usual_scope(), &base),
        commit: head,
        role: context.role(mode, branch.as_ref()),
        branch,
        push: None,
        pull_request: None,
    }))
}

fn not_a_branch(full_ref: &str) -> String {
    format!("`{full_ref}` is not a branch, and only branches are applied")
}

impl Trigger {
    fn parse(name: &str, text: &str) -> Result<Self, String> {
        match name {
            "push" => Self::push(text),
            "pull_request" | "pull_request_target" => Self::pull_request(text),
            "merge_group" => Self::merge_group(text),
            "workflow_dispatch" | "schedule" | "repository_dispatch" => Ok(Self::Dispatch),
            _ => Ok(Self::Other),
        }
    }

    fn push(text: &str) -> Result<Self, String> {
        let payload::PushPayload {
            full_ref,
            before,
            after,
        } = from_json(text)?;
        Ok(Self::Push(Push {
            full_ref,
            before: sha("before", &before)?,
            after: sha("after", &after)?,
        }))
    }

    fn pull_request(text: &str) -> Result<Self, String> {
        let payload::PullRequest { pull_request } = from_json(text)?;
        let payload::PullRequestSides { base, head, number } = pull_request;
        let is_own = head.repo.is_some() && head.repo == base.repo;
        Ok(Self::PullRequest {
            number,
            // GitHub does not renew the base's id as the branch goes on.
            base: Base::PullRequest {
                into: BranchName::new(base.branch),
                opened_on: sha("pull_request.base.sha", &base.sha)?,
            },
            head: sha("pull_request.head.sha", &head.sha)?,
            branch: BranchName::new(head.branch),
            catalog: if is_own {
                CatalogAccess::WithCredentials
            } else {
                CatalogAccess::Never
            },
        })
    }

    fn merge_group(text: &str) -> Result<Self, String> {
        let payload::MergeGroup { merge_group } = from_json(text)?;
        Ok(Self::MergeGroup {
            base: sha("merge_group.base_sha", &merge_group.base_sha)?,
            head: sha("merge_group.head_sha", &merge_group.head_sha)?,
        })
    }
}

fn from_json<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn sha(field: &str, text: &str) -> Result<CommitSha, String> {
    CommitSha::parse(text).ok_or_else(|| format!("`{field}` is `{text}`, not a commit's id"))
}

#[cfg(test)]
mod tests;
