//! One comment on a pull request, kept up to date.
//!
//! [Issue comments](https://docs.github.com/en/rest/issues/comments): a pull request is an issue too.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::api::read;
use super::error::refusal;
use super::{Actor, Error, Repository};
use crate::http::retry::{Attempt, is_passing};
use crate::http::{Answer, Delivery};

/// The most comments that GitHub lists at once.
const A_PAGE: usize = 100;
/// So many pages are looked through: a longer discussion gets a new comment.
const MAX_PAGES: usize = 30;
/// How often it is tried to write a comment whose fate is unclear.
const MAX_TRIES: u32 = 4;
/// How long a list may be older than what was written.
const LAG: Duration = Duration::from_secs(2);

/// What to do where there is no comment yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentPolicy {
    /// Write one.
    CreateOrUpdate,
    /// Leave it so: there is nothing to report.
    UpdateOnly,
}

/// What became of the comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentKept {
    /// There is a new one.
    Created,
    /// It has a new text.
    Updated,
    /// It had the text already.
    Unchanged,
    /// There is none, and none was needed.
    NotNeeded,
    /// The token may not write comments: what to say to the user, a sentence without a full stop.
    NotAllowed(String),
}

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
    user: Option<User>,
}

/// A comment that was just written.
#[derive(Debug, Deserialize)]
struct CreatedComment {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct User {
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Comment {
    /// Anybody can write the marker, but `github-actions` and its like are bots.
    fn is_by_bot(&self) -> bool {
        let kind = self.user.as_ref().and_then(|user| user.kind.as_deref());
        kind == Some("Bot")
    }

    fn has(&self, body: &str) -> bool {
        let own = self.body.as_deref().unwrap_or_default();
        own.replace("\r\n", "\n").trim_end() == body.trim_end()
    }
}

/// Whether it has to be looked up what became of an attempt.
fn may_have_worked(attempt: &Attempt) -> bool {
    match attempt {
        Ok(answer) => is_passing(answer.status.as_u16()),
        Err(error) => error.delivery() == Delivery::Unknown,
    }
}

impl Repository {
    /// Makes `body`, which begins with `marker`, the text of the one comment on the pull request that
    /// begins with `marker`. It is found again wherever it is in the discussion, and never written
    /// twice: an answer that was lost is followed by another look.
    ///
    /// Two runs that write the first comment at the same time do not see each other's. So after that
    /// it is looked again, and the younger one of two gives way to the older.
    ///
    /// Costs a request for each 100 comments, and one to write; after the first comment as many again
    /// to look, and two if it gives way.
    ///
    /// # Errors
    /// If GitHub is unreachable or answers with another error than that the token may not do this.
    pub async fn keep_comment(
        &self,
        pull_request: u64,
        marker: &str,
        body: &str,
        policy: CommentPolicy,
    ) -> Result<CommentKept, Error> {
        match self.try_keep(pull_request, marker, body, policy).await {
            Err(Error::Forbidden { message, .. } | Error::NotFound { message, .. }) => {
                Ok(CommentKept::NotAllowed(format!(
                    "the comment with the plan was not written, as the token may not do that ({message}): give the job `permissions: pull-requests: write`, or set `comment: false`"
                )))
            }
            result => result,
        }
    }

    async fn try_keep(
        &self,
        pull_request: u64,
        marker: &str,
        text: &str,
        policy: CommentPolicy,
    ) -> Result<CommentKept, Error> {
        let path = format!("/repos/{}/issues/{pull_request}/comments", self.name);
        let mut tries = 1;
        loop {
            let existing = self.marked(&path, marker).await?;
            if let Some(kept) = self.update(&existing, text).await? {
                return Ok(kept);
            }
            if policy == CommentPolicy::UpdateOnly {
                return Ok(CommentKept::NotNeeded);
            }
            let body = json!({ "body": text });
            let attempt = self.api.post_unrepeated(&path, &body).await;
            if !may_have_worked(&attempt) || tries == MAX_TRIES {
                let answer = attempt?;
                if !answer.status.is_success() {
                    return Err(refusal(&answer, &path));
                }
                // The plan can be read already, so nothing that goes wrong from here on counts.
                let tidying = self.give_way(&path, marker, &answer, &existing, text);
                return Ok(tidying.await.unwrap_or_else(|error| {
                    tracing::warn!("there may be two comments with this plan: {error}");
                    CommentKept::Created
                }));
            }
            let wait = LAG * tries;
            tracing::warn!("GitHub did not take the comment; looking again in {wait:?}");
            tokio::time::sleep(wait).await;
            tries += 1;
        }
    }

    /// Looks whether there is an older comment than the one that was just `written`. Then that one gets
    /// the text, and the one just written goes. What was `refused` before is somebody else's.
    async fn give_way(
        &self,
        path: &str,
        marker: &str,
        written: &Answer,
        refused: &[Comment],
        text: &str,
    ) -> Result<CommentKept, Error> {
        let own: CreatedComment = read(written, path)?;
        let mut older = self.marked(path, marker).await?;
        let is_refused = |id| refused.iter().any(|comment| comment.id == id);
        older.retain(|comment| comment.id < own.id && !is_refused(comment.id));
        older.sort_by_key(|comment| comment.id);
        let Some(kept) = self.update(&older, text).await? else {
            return Ok(CommentKept::Created);
        };
        let path = format!("/repos/{}/issues/comments/{}", self.name, own.id);
        self.api.delete(&path).await?;
        Ok(kept)
    }

    /// Writes to the first of `comments` that lets itself be written; `None` if there is none.
    async fn update(&self, comments: &[Comment], body: &str) -> Result<Option<CommentKept>, Error> {
        for comment in comments {
            if comment.has(body) {
                return Ok(Some(CommentKept::Unchanged));
            }
            let path = format!("/repos/{}/issues/comments/{}", self.name, comment.id);
            match self.api.patch(&path, &json!({ "body": body })).await {
                Ok(()) => return Ok(Some(CommentKept::Updated)),
                // Somebody else's, or deleted in the meantime.
                Err(Error::Forbidden { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The comments that begin with `marker`, those by bots first: others can be by whoever the token
    /// is of, unless that is a bot.
    async fn marked(&self, path: &str, marker: &str) -> Result<Vec<Comment>, Error> {
        let mut marked = Vec::new();
        for page in 1..=MAX_PAGES {
            let path = format!("{path}?per_page={A_PAGE}&page={page}");
            let comments: Vec<Comment> = self.api.get(&path).await?;
            let is_last = comments.len() < A_PAGE;
            let may_be_own = |comment: &Comment| {
                let body = comment.body.as_deref();
                let begins = body.is_some_and(|body| body.starts_with(marker));
                begins && (self.actor == Actor::Unknown || comment.is_by_bot())
            };
            marked.extend(comments.into_iter().filter(may_be_own));
            if is_last || marked.iter().any(Comment::is_by_bot) {
                break;
            }
        }
        marked.sort_by_key(|comment| !comment.is_by_bot());
        Ok(marked)
    }
}
