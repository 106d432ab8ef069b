//! Which repositories a token sees:
//! <https://docs.github.com/rest/apps/installations#list-repositories-accessible-to-the-app-installation>,
//! <https://docs.github.com/rest/repos/repos#list-repositories-for-the-authenticated-user>.

use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{self, Call};
use super::hosted::Hosted;
use super::refusal::{Outcome, Refusal};
use crate::git::GitError;
use crate::journal::Answer;

/// Those of an app's installation.
pub(super) fn of_installation(call: &Call<'_>) -> Outcome {
    if !is_installation(call) {
        let message = "You must authenticate with an installation access token in order to list \
                       repositories for an installation.";
        return Err(Refusal::new(403, message));
    }
    let all = call.settings.repositories.all();
    let page = call.request.page();
    let body = json!({
        "total_count": all.len(),
        "repositories": page_of(call, all)?,
    });
    Ok(call.with_link(Answer::json(200, &body), page, all.len()))
}

/// Those that a user has explicit access to.
pub(super) fn of_user(call: &Call<'_>) -> Outcome {
    if is_installation(call) {
        return Err(Refusal::new(403, "Resource not accessible by integration"));
    }
    let all = call.settings.repositories.all();
    let page = call.request.page();
    call.list(page_of(call, all)?, page, all.len())
}

fn is_installation(call: &Call<'_>) -> bool {
    call.settings.token.starts_with("ghs_")
}

fn page_of(call: &Call<'_>, all: &[Arc<Hosted>]) -> Result<Value, GitError> {
    let page = call.request.page();
    let one = |one: &Arc<Hosted>| {
        let links = call::links(call.shared.edition, &call::host(call.request), one);
        Ok(links.listed_repository(one, &one.git.default_branch()?))
    };
    let shown = all.iter().skip(page.skip()).take(page.size);
    shown.map(one).collect()
}
