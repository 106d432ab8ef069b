//! What triggered the run → which revisions are compared, and whether anything is written.
//!
//! Payloads are read through types that name only what is needed, so that an unknown field is never
//! fatal. They are described at [Webhook events and payloads][docs].
//!
//! [docs]: https://docs.github.com/en/webhooks/webhook-events-and-payloads

use serde::Deserialize;

use crate::git::{BranchName, CommitSha};
use crate::inputs::ModeInput;

/// Whether a run writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It shows what would change.
    Plan,
    /// It writes.
    Apply,
}

impl Mode {
    /// The word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
        }
    }
}

/// Whether a run may ask Port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogAccess {
    /// It must: it writes.
    Required,
    /// It does where there are credentials.
    WithCredentials,
    /// It must not: the author of a fork's pull request would query the catalog.
    Never,
}

/// What head is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// Nothing: every entity file at head counts as new.
    Nothing,
    /// A commit, whatever its relation to head.
    Commit(CommitSha),
    /// Where head's history meets that of a branch or commit.
    MergeBaseWith(String),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whether to write.
    pub mode: Mode,
    /// Whether to ask Port.
    pub catalog: CatalogAccess,
    /// What head is compared with.
    pub base: Base,
    /// The revision whose files count.
    pub head: CommitSha,
    /// The branch that head is on, for people.
    pub branch: Option<BranchName>,
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Compare two revisions.
    Run(Run),
    /// Nothing, for the reason given: a sentence without a full stop.
    Nothing(String),
}

/// What triggered the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    trigger: Trigger,
    default_branch: Option<BranchName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Trigger {
    Push(Push),
    PullRequest {
        base: CommitSha,
        head: CommitSha,
        branch: BranchName,
        catalog: CatalogAccess,
    },
    MergeGroup {
        base: CommitSha,
        head: CommitSha,
    },
    /// Known, but this version cannot act on it.
    NotBuilt(String),
    Other(String),
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
    ApplyUnmerged(&'static str),
    /// Something that the design has and this version does not.
    #[error(
        "the event `{0}` is not supported yet; run the action on `push` and `pull_request`, and remove `{0}` from the workflow's `on:`"
    )]
    NotSupportedYet(String),
}

mod payload {
    use super::Deserialize;

    #[derive(Deserialize)]
    pub(super) struct Repository {
        pub(super) default_branch: Option<String>,
    }

    #[derive(Deserialize)]
    pub(super) struct Any {
        pub(super) repository: Option<Repository>,
    }

    #[derive(Deserialize)]
    pub(super) struct Push {
        #[serde(rename = "ref")]
        pub(super) full_ref: String,
        pub(super) before: String,
        pub(super) after: String,
    }

    #[derive(Deserialize)]
    pub(super) struct PullRequest {
        pub(super) pull_request: PullRequestSides,
    }

    #[derive(Deserialize)]
    pub(super) struct PullRequestSides {
        pub(super) base: Side,
        pub(super) head: Side,
    }

    #[derive(Deserialize)]
    pub(super) struct Side {
        #[serde(rename = "ref")]
        pub(super) branch: String,
        pub(super) sha: String,
        /// Nothing, where a fork was deleted.
        pub(super) repo: Option<Fork>,
    }

    #[derive(Deserialize, PartialEq, Eq)]
    pub(super) struct Fork {
        pub(super) full_name: String,
    }

    #[derive(Deserialize)]
    pub(super) struct MergeGroup {
        pub(super) merge_group: MergeGroupSides,
    }

    #[derive(Deserialize)]
    pub(super) struct MergeGroupSides {
        pub(super) base_sha: String,
        pub(super) head_sha: String,
    }
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
            trigger,
            default_branch,
        })
    }

    /// The repository's default branch, if the payload says it.
    pub fn default_branch(&self) -> Option<&BranchName> {
        self.default_branch.as_ref()
    }

    /// Decides what to do; an explicit `mode` wins over the event's own.
    ///
    /// # Errors
    /// If the event and the mode do not go together.
    pub fn decide(
        &self,
        mode: ModeInput,
        default_branch: &BranchName,
    ) -> Result<Decision, EventError> {
        let plan_only = |event, base: &CommitSha, head: &CommitSha, branch, catalog| match mode {
            ModeInput::Apply => Err(EventError::ApplyUnmerged(event)),
            ModeInput::Auto | ModeInput::Plan => Ok(Decision::Run(Run {
                mode: Mode::Plan,
                catalog,
                base: Base::MergeBaseWith(base.to_string()),
                head: head.clone(),
                branch,
            })),
        };
        match &self.trigger {
            Trigger::Push(push) => Ok(push.decide(mode, default_branch)),
            Trigger::PullRequest {
                base,
                head,
                branch,
                catalog,
            } => plan_only("pull_request", base, head, Some(branch.clone()), *catalog),
            Trigger::MergeGroup { base, head } => plan_only(
                "merge_group",
                base,
                head,
                None,
                CatalogAccess::WithCredentials,
            ),
            Trigger::NotBuilt(name) => Err(EventError::NotSupportedYet(name.clone())),
            Trigger::Other(name) => Ok(Decision::Nothing(format!(
                "the event `{name}` says nothing about entity files; run the action on `push` and `pull_request`"
            ))),
        }
    }
}

impl Trigger {
    fn parse(name: &str, text: &str) -> Result<Self, String> {
        match name {
            "push" => {
                let payload::Push {
                    full_ref,
                    before,
                    after,
                } = from_json(text)?;
                let (before, after) = (sha("before", &before)?, sha("after", &after)?);
                Ok(Self::Push(Push {
                    full_ref,
                    before,
                    after,
                }))
            }
            "pull_request" | "pull_request_target" => {
                let payload::PullRequest { pull_request } = from_json(text)?;
                let (base, head) = (&pull_request.base.repo, &pull_request.head.repo);
                let is_own = head.is_some() && head == base;
                Ok(Self::PullRequest {
                    base: sha("pull_request.base.sha", &pull_request.base.sha)?,
                    head: sha("pull_request.head.sha", &pull_request.head.sha)?,
                    branch: BranchName::new(pull_request.head.branch),
                    catalog: if is_own {
                        CatalogAccess::WithCredentials
                    } else {
                        CatalogAccess::Never
                    },
                })
            }
            "merge_group" => {
                let payload::MergeGroup { merge_group } = from_json(text)?;
                Ok(Self::MergeGroup {
                    base: sha("merge_group.base_sha", &merge_group.base_sha)?,
                    head: sha("merge_group.head_sha", &merge_group.head_sha)?,
                })
            }
            "workflow_dispatch" | "schedule" | "repository_dispatch" => {
                Ok(Self::NotBuilt(name.to_owned()))
            }
            _ => Ok(Self::Other(name.to_owned())),
        }
    }
}

impl Push {
    fn decide(&self, mode: ModeInput, default_branch: &BranchName) -> Decision {
        let Some(branch) = BranchName::from_ref(&self.full_ref) else {
            return Decision::Nothing(format!(
                "`{}` is not a branch, and only branches are applied",
                self.full_ref
            ));
        };
        if self.after.is_zero() {
            return Decision::Nothing(format!("the branch `{branch}` was deleted"));
        }
        let is_default = branch == *default_branch;
        let mode = match mode {
            ModeInput::Plan => Mode::Plan,
            ModeInput::Apply => Mode::Apply,
            ModeInput::Auto if is_default => Mode::Apply,
            ModeInput::Auto => Mode::Plan,
        };
        // A plan of another branch shows what merging it would do, not only its last push.
        let base = match mode {
            Mode::Plan if !is_default => Base::MergeBaseWith(default_branch.to_string()),
            _ if self.before.is_zero() => Base::Nothing,
            _ => Base::Commit(self.before.clone()),
        };
        let catalog = match mode {
            Mode::Plan => CatalogAccess::WithCredentials,
            Mode::Apply => CatalogAccess::Required,
        };
        Decision::Run(Run {
            mode,
            catalog,
            base,
            head: self.after.clone(),
            branch: Some(branch),
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
mod tests {
    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const ZERO: &str = "0000000000000000000000000000000000000000";

    fn push(full_ref: &str, before: &str, after: &str, mode: ModeInput) -> Decision {
        let payload = serde_json::json!({
            "ref": full_ref, "before": before, "after": after,
            "repository": {"default_branch": "main", "something": "else"},
        });
        let event = Event::parse("push", &payload.to_string()).unwrap();
        assert_eq!(event.default_branch().unwrap().as_str(), "main");
        event.decide(mode, &BranchName::new("main")).unwrap()
    }

    fn run(decision: Decision) -> (Mode, Base, String) {
        match decision {
            Decision::Run(run) => (run.mode, run.base, run.head.to_string()),
            Decision::Nothing(reason) => panic!("nothing to do: {reason}"),
        }
    }

    #[test]
    fn a_push_to_the_default_branch_is_applied() {
        let before = Base::Commit(CommitSha::parse(A).unwrap());
        let decision = push("refs/heads/main", A, B, ModeInput::Auto);
        assert_eq!(run(decision), (Mode::Apply, before.clone(), B.to_owned()));
        let decision = push("refs/heads/main", ZERO, B, ModeInput::Auto);
        assert_eq!(run(decision), (Mode::Apply, Base::Nothing, B.to_owned()));
        let decision = push("refs/heads/main", A, B, ModeInput::Plan);
        assert_eq!(run(decision), (Mode::Plan, before, B.to_owned()));
    }

    #[test]
    fn a_push_to_another_branch_is_planned() {
        let merge_base = Base::MergeBaseWith("main".to_owned());
        let decision = push("refs/heads/topic", ZERO, B, ModeInput::Auto);
        assert_eq!(run(decision), (Mode::Plan, merge_base, B.to_owned()));
        let before = Base::Commit(CommitSha::parse(A).unwrap());
        let decision = push("refs/heads/topic", A, B, ModeInput::Apply);
        assert_eq!(run(decision), (Mode::Apply, before, B.to_owned()));
    }

    #[test]
    fn deleted_branches_and_tags_need_nothing() {
        for (full_ref, after) in [("refs/heads/main", ZERO), ("refs/tags/v1", B)] {
            let decision = push(full_ref, A, after, ModeInput::Apply);
            assert!(matches!(decision, Decision::Nothing(_)), "{decision:?}");
        }
    }

    #[test]
    fn a_pull_request_is_planned_and_never_applied() {
        let side = |sha| serde_json::json!({"ref": "topic", "sha": sha});
        let payload = serde_json::json!({"pull_request": {"base": side(A), "head": side(B)}});
        let event = Event::parse("pull_request", &payload.to_string()).unwrap();
        let main = BranchName::new("main");
        let decision = event.decide(ModeInput::Auto, &main).unwrap();
        let expected = (Mode::Plan, Base::MergeBaseWith(A.to_owned()), B.to_owned());
        assert_eq!(run(decision), expected);
        assert!(event.decide(ModeInput::Apply, &main).is_err());
    }

    #[test]
    fn a_fork_does_not_reach_the_catalog() {
        let catalog = |head: serde_json::Value| {
            let side = |repo| serde_json::json!({"ref": "x", "sha": A, "repo": repo});
            let own = serde_json::json!({"full_name": "octo/shop"});
            let payload =
                serde_json::json!({"pull_request": {"base": side(own), "head": side(head)}});
            let event = Event::parse("pull_request_target", &payload.to_string()).unwrap();
            match event
                .decide(ModeInput::Auto, &BranchName::new("main"))
                .unwrap()
            {
                Decision::Run(run) => run.catalog,
                Decision::Nothing(reason) => panic!("nothing to do: {reason}"),
            }
        };
        let own = serde_json::json!({"full_name": "octo/shop"});
        assert_eq!(catalog(own), CatalogAccess::WithCredentials);
        let fork = serde_json::json!({"full_name": "mallory/shop"});
        assert_eq!(catalog(fork), CatalogAccess::Never);
        assert_eq!(catalog(serde_json::Value::Null), CatalogAccess::Never);
    }

    #[test]
    fn bad_payloads_say_what_is_missing() {
        let error = |text| Event::parse("push", text).unwrap_err().to_string();
        assert!(error("nonsense").contains("`push`"));
        assert!(error("{}").contains("missing field `ref`"));
        let not_a_sha = r#"{"ref": "refs/heads/main", "before": "main", "after": ""}"#;
        assert!(
            error(not_a_sha).contains("`before` is `main`"),
            "{}",
            error(not_a_sha)
        );
    }

    #[test]
    fn unknown_events_say_what_would_help() {
        let event = Event::parse("issues", "{}").unwrap();
        let decision = event
            .decide(ModeInput::Auto, &BranchName::new("main"))
            .unwrap();
        assert!(matches!(decision, Decision::Nothing(reason) if reason.contains("`push`")));
    }
}
