//! Payloads, as far as they are needed.

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct PayloadRepository {
    pub(super) default_branch: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Any {
    pub(super) repository: Option<PayloadRepository>,
}

#[derive(Deserialize)]
pub(super) struct PushPayload {
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
    pub(super) number: u64,
    pub(super) base: PullRequestSide,
    pub(super) head: PullRequestSide,
}

#[derive(Deserialize)]
pub(super) struct PullRequestSide {
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
