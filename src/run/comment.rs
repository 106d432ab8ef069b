//! The plan on the pull request that it is about.

use super::session::Session;
use crate::event::Mode;
use crate::github::{CommentKept, CommentPolicy};
use crate::inputs::CommentInput;
use crate::report::{Report, comment};

/// Updates the comment, if the inputs want one. Returns a notice if that fails, since the run does
/// not fail for a comment.
pub(crate) async fn update(session: &Session<'_>, report: &Report) -> Option<String> {
    let (inputs, run) = (&session.setup.inputs, session.run);
    let (CommentInput::Keep, Mode::Plan, Some(number)) =
        (inputs.comment, run.mode, run.pull_request)
    else {
        return None;
    };
    let marker = comment::marker(inputs.owner.as_deref());
    let run_url = session.setup.runner.run_url().unwrap_or_default();
    let body = comment::body(report, &marker, &run_url);
    let policy = if comment::is_needed(report) {
        CommentPolicy::CreateOrUpdate
    } else {
        CommentPolicy::UpdateOnly
    };
    let repository = &session.setup.repository;
    let kept = repository.keep_comment(number, &marker, &body, policy);
    match session.unless_interrupted(async { Ok(kept.await?) }).await {
        Ok(CommentKept::NotAllowed(reason)) => Some(reason),
        Ok(_) => None,
        Err(error) => Some(format!(
            "the comment with the plan was not written: {error}"
        )),
    }
}
