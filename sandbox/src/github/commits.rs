//! <https://docs.github.com/rest/commits/commits>

use serde_json::{Value, json};

use super::call::Call;
use super::refusal::Outcome;
use crate::journal::Answer;

/// The commits of `sha` (a name; the default branch if it is not given), newest first.
pub(super) fn list(call: &Call<'_>) -> Outcome {
    let start = call.commit(call.request.query("sha").unwrap_or("HEAD"))?.id;
    let page = call.request.page(30, 100);
    let repository = call.repository();
    let mut commits = Vec::new();
    let history = repository.history(&start, None)?;
    for id in history.iter().skip(page.skip()).take(page.size) {
        commits.extend(
            repository
                .commit_at(id)?
                .map(|commit| call.links.commit(&commit)),
        );
    }
    call.list(Value::Array(commits), page, history.len())
}

/// One commit with its files, or only its id where the client accepts
/// `application/vnd.github.sha`.
pub(super) fn get(call: &Call<'_>, name: &str) -> Outcome {
    let commit = call.commit(name)?;
    if call.request.accepts("sha") {
        let content_type = "application/vnd.github.sha; charset=utf-8";
        return Ok(Answer::text(200, content_type, commit.id.to_string()));
    }
    let base = commit.parents.first().map(|id| id.as_str());
    let changes = call.repository().changed_files(base, &commit.id)?;
    let page = call.request.page(300, 300);
    let files = changes.iter().skip(page.skip()).take(page.size);
    let mut body = call.links.commit(&commit);
    body["files"] = files
        .map(|change| call.links.file(change, &commit.id))
        .collect();
    let additions: u64 = changes.iter().map(|change| change.additions).sum();
    let deletions: u64 = changes.iter().map(|change| change.deletions).sum();
    body["stats"] = json!({
        "additions": additions,
        "deletions": deletions,
        "total": additions + deletions,
    });
    Ok(call.with_link(Answer::json(200, &body), page, changes.len()))
}
