//! <https://docs.github.com/rest/issues/comments>
//!
//! Every number is an issue that exists.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::model::BOT;
use super::refusal::{Outcome, Refusal};
use super::state::{Access, Comment, Permission};
use super::timestamp;
use crate::journal::Answer;

const LONGEST_BODY: usize = 65_536;

#[derive(Deserialize)]
struct Text {
    body: String,
}

/// The comments of an issue, oldest first.
pub(super) fn list(call: &Call<'_>, issue: &str) -> Outcome {
    call.need(Permission::PullRequests, Access::Read)?;
    let issue = number(issue)?;
    let records = call.shared.records.lock();
    let comments: Vec<_> = records.comments_of(issue).collect();
    let page = call.request.page();
    let shown = comments.iter().skip(page.skip()).take(page.size);
    call.list(
        shown.map(|comment| json(call, comment)).collect(),
        page,
        comments.len(),
    )
}

/// A new comment on an issue.
pub(super) fn create(call: &Call<'_>, issue: &str) -> Outcome {
    call.need(Permission::PullRequests, Access::Write)?;
    let issue = number(issue)?;
    let body = text(call)?;
    let mut records = call.shared.records.lock();
    let id = records.next();
    let comment = Comment {
        id,
        issue,
        author: BOT.to_owned(),
        body,
    };
    let value = json(call, &comment);
    records.comments.push(comment);
    let location = value["url"].as_str().unwrap_or_default().to_owned();
    Ok(Answer::json(201, &value).with_header("location", location))
}

/// Another text for a comment that the bot itself wrote.
pub(super) fn update(call: &Call<'_>, id: &str) -> Outcome {
    call.need(Permission::PullRequests, Access::Write)?;
    let id = number(id)?;
    let body = text(call)?;
    let mut records = call.shared.records.lock();
    let mut comments = records.comments.iter_mut();
    let comment = comments.find(|comment| comment.id == id);
    let comment = comment.ok_or_else(Refusal::not_found)?;
    comment.body = body;
    Ok(Answer::json(200, &json(call, comment)))
}

/// Takes a comment away.
pub(super) fn delete(call: &Call<'_>, id: &str) -> Outcome {
    call.need(Permission::PullRequests, Access::Write)?;
    let id = number(id)?;
    let mut records = call.shared.records.lock();
    let at = records.comments.iter().position(|comment| comment.id == id);
    records.comments.remove(at.ok_or_else(Refusal::not_found)?);
    Ok(Answer::status(204))
}

fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::not_found())
}

fn text(call: &Call<'_>) -> Result<String, Refusal> {
    let Text { body } = call.request.json()?;
    if body.is_empty() {
        return Err(Refusal::invalid("body can't be blank"));
    }
    if body.chars().count() > LONGEST_BODY {
        let message = format!("body is too long (maximum is {LONGEST_BODY} characters)");
        return Err(Refusal::invalid(&message));
    }
    Ok(body)
}

/// The `issue-comment` schema.
fn json(call: &Call<'_>, comment: &Comment) -> Value {
    let Comment { id, issue, .. } = comment;
    let made = timestamp::iso(timestamp::of_record(*id));
    json!({
        "id": id,
        "node_id": format!("IC_{id}"),
        "url": call.links.api(&format!("/issues/comments/{id}")),
        "html_url": call.links.web(&format!("/issues/{issue}#issuecomment-{id}")),
        "issue_url": call.links.api(&format!("/issues/{issue}")),
        "user": call.links.user(&comment.author),
        "author_association": "NONE",
        "body": comment.body,
        "created_at": made,
        "updated_at": made,
    })
}
