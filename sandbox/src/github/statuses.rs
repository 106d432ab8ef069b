//! <https://docs.github.com/rest/commits/statuses>

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::model::BOT;
use super::refusal::{Outcome, Refusal};
use super::state::{self, Access, CommitStatus, Permission, State};
use crate::journal::Answer;

const LONGEST_DESCRIPTION: usize = 140;
/// "There is a limit of 1000 statuses per sha and context within a repository."
const MOST_STATUSES: usize = 1_000;

#[derive(Deserialize)]
struct NewStatus {
    state: State,
    description: Option<String>,
    target_url: Option<String>,
    context: Option<String>,
}

/// The combined state of a commit: the newest status of each context.
pub(super) fn combined(call: &Call<'_>, name: &str) -> Outcome {
    call.need(Permission::Statuses, Access::Read)?;
    let sha = commit_id(call, name)?;
    let latest = call.shared.records().latest_of(&sha);
    let page = call.request.page(30, 100);
    let shown = latest.iter().skip(page.skip()).take(page.size);
    let body = json!({
        "state": state::combined(&latest).name(),
        "sha": sha,
        "total_count": latest.len(),
        "statuses": shown.map(|status| simple(call, status)).collect::<Value>(),
        "repository": call.links.repository(&call.settings),
        "commit_url": call.links.api(&format!("/commits/{sha}")),
        "url": call.links.api(&format!("/commits/{sha}/status")),
    });
    Ok(call.with_link(Answer::json(200, &body), page, latest.len()))
}

/// All statuses of a commit, newest first.
pub(super) fn list(call: &Call<'_>, name: &str) -> Outcome {
    call.need(Permission::Statuses, Access::Read)?;
    let sha = commit_id(call, name)?;
    let statuses = call.shared.records().statuses_of(&sha);
    let page = call.request.page(30, 100);
    let shown = statuses.iter().skip(page.skip()).take(page.size);
    call.list(
        shown.map(|status| full(call, status)).collect(),
        page,
        statuses.len(),
    )
}

/// A new status for a commit named by its full id.
pub(super) fn create(call: &Call<'_>, sha: &str) -> Outcome {
    let page = "rest/commits/statuses#create-a-commit-status";
    call.need(Permission::Statuses, Access::Write)
        .map_err(|refusal| refusal.at(page))?;
    let new: NewStatus = call.request.json()?;
    let is_commit =
        call.repository().is_full_id(sha) && call.repository().commit_at(sha)?.is_some();
    if !is_commit {
        return Err(Refusal::no_commit(sha).at(page));
    }
    let description = new.description.as_deref().unwrap_or_default();
    if description.chars().count() > LONGEST_DESCRIPTION {
        let message =
            format!("description is too long (maximum is {LONGEST_DESCRIPTION} characters)");
        return Err(Refusal::invalid("Status", "description", &message).at(page));
    }
    let context = new.context.unwrap_or_else(|| "default".to_owned());
    let mut records = call.shared.records();
    let before = records.statuses_of(sha);
    if before.iter().filter(|one| one.is_of(&context)).count() >= MOST_STATUSES {
        let message = "This SHA and context has reached the maximum number of statuses.";
        return Err(Refusal::invalid("Status", "base", message).at(page));
    }
    let status = CommitStatus {
        id: records.next(),
        sha: sha.to_lowercase(),
        context,
        state: new.state,
        description: new.description,
        target_url: new.target_url,
    };
    records.statuses.push(status.clone());
    let body = full(call, &status);
    let url = call.links.api(&format!("/statuses/{sha}"));
    Ok(Answer::json(201, &body).with_header("location", url))
}

fn commit_id(call: &Call<'_>, name: &str) -> Result<String, Refusal> {
    let commit = call.repository().named_commit(name)?;
    commit
        .map(|commit| commit.id.into())
        .ok_or_else(Refusal::not_found)
}

/// The `simple-commit-status` schema.
fn simple(call: &Call<'_>, status: &CommitStatus) -> Value {
    let created_at = status.created_at();
    json!({
        "id": status.id,
        "node_id": format!("SC_{}", status.id),
        "url": call.links.api(&format!("/statuses/{}", status.sha)),
        "avatar_url": call.links.user(BOT)["avatar_url"],
        "state": status.state.name(),
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": created_at,
        "updated_at": created_at,
    })
}

/// The `status` schema.
fn full(call: &Call<'_>, status: &CommitStatus) -> Value {
    let mut value = simple(call, status);
    value["creator"] = call.links.user(BOT);
    value
}
