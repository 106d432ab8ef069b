//! The plan on the pull request that it is about.

use super::session::Session;
use crate::event::Mode;
use crate::github::{CommentKept, CommentPolicy};
use crate::inputs::CommentInput;
use crate::report::{Report, comment};

/// Keeps the comment up to date where one is wanted. Gives what the user should know of it: a comment
/// is not worth failing for.
pub(crate) async fn keep(session: &Session<'_>, report: &Report) -> Option<String> {
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
        Err(error) => Some(format!("the plan was not commented: {error}")),
    }
}
