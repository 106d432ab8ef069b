//! From a request to its answer: the gate that every request passes, and the table of routes.

use axum::http::Method;
use serde_json::json;

use super::call::Call;
use super::hosted::{Attribute, Hosted, Meant};
use super::rate::{Decision, Resource, Throttle};
use super::refusal::{Outcome, Refusal};
use super::request::Request;
use super::state::{Access, Edition, Permission, Settings, Shared};
use super::{comments, compare, listing, objects};
use crate::journal::Answer;

/// Which API a request is for.
pub(super) enum Api<'a> {
    Graphql,
    /// With the path below the API's base.
    Rest(Vec<&'a str>),
}

impl Api<'_> {
    /// `None` where no API is.
    pub(super) fn of(edition: Edition, request: &Request) -> Option<Api<'_>> {
        let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
        match (edition, segments.as_slice()) {
            (Edition::Cloud, ["graphql"]) | (Edition::EnterpriseServer, ["api", "graphql"]) => {
                Some(Api::Graphql)
            }
            (Edition::Cloud, _) => Some(Api::Rest(segments)),
            (Edition::EnterpriseServer, ["api", "v3", rest @ ..]) => Some(Api::Rest(rest.to_vec())),
            (Edition::EnterpriseServer, _) => None,
        }
    }

    pub(super) fn resource(&self) -> Resource {
        match self {
            Api::Graphql => Resource::Graphql,
            Api::Rest(_) => Resource::Core,
        }
    }
}

/// What stands before every route: the client's name, its token, its budget.
pub(super) fn gate(shared: &Shared, api: &Api<'_>, request: &Request) -> Result<(), Refusal> {
    if request.header("user-agent").is_none_or(str::is_empty) {
        let text = "Request forbidden by administrative rules. Please make sure your request has \
                    a User-Agent header.";
        return Err(Refusal(Answer::text(403, "text/plain", text)));
    }
    authorize(&shared.settings.lock(), request)?;
    if !shared.limits.lock().use_token() {
        return Err(Refusal::new(401, "Bad credentials"));
    }
    match (shared.limits.lock().take(api.resource()), api) {
        (Decision::Allowed, _) => Ok(()),
        (Decision::Exhausted, Api::Graphql)
        | (Decision::Throttled(Throttle::GraphqlRateLimited), _) => Err(graphql_rate_limited()),
        (Decision::Exhausted, Api::Rest(_)) => Err(Refusal::new(403, EXHAUSTED)),
        (Decision::Throttled(Throttle::Secondary { retry_after }), _) => {
            let Refusal(answer) = Refusal::new(403, SECONDARY);
            Err(Refusal(match retry_after {
                Some(wait) => answer.with_header("retry-after", wait.as_secs()),
                None => answer,
            }))
        }
    }
}

const EXHAUSTED: &str = "API rate limit exceeded for installation ID 1.";
const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes \
                         before you try again.";

fn graphql_rate_limited() -> Refusal {
    let body = json!({"errors": [{"type": "RATE_LIMITED", "message": EXHAUSTED}]});
    Refusal(Answer::json(200, &body))
}

fn authorize(settings: &Settings, request: &Request) -> Result<(), Refusal> {
    let Some(authorization) = request.header("authorization") else {
        return Err(Refusal::new(401, "Requires authentication"));
    };
    let token = authorization
        .split_once(' ')
        .filter(|(scheme, _)| ["bearer", "token"].contains(&scheme.to_lowercase().as_str()))
        .map(|(_, token)| token.trim());
    if token == Some(settings.token.as_str()) {
        Ok(())
    } else {
        Err(Refusal::new(401, "Bad credentials"))
    }
}

/// Answers a REST request; `path` is what follows the API's base.
pub(super) fn rest(shared: &Shared, request: &Request, path: &[&str]) -> Outcome {
    let call = Call::new(shared, request);
    let repositories = call.settings.repositories.clone();
    match path {
        ["installation", "repositories"] => listing::of_installation(&call),
        ["user", "repos"] => listing::of_user(&call),
        ["repos", owner, name, rest @ ..] => match repositories.named(&format!("{owner}/{name}")) {
            Meant::Present(hosted) => repository(&call.about(hosted.clone()), rest),
            Meant::Former(hosted) => moved(&call, hosted, rest),
            Meant::Nobody => Err(Refusal::not_found()),
        },
        ["repositories", id, rest @ ..] => match repositories.by_id(id) {
            Some(hosted) => repository(&call.about(hosted.clone()), rest),
            None => Err(Refusal::not_found()),
        },
        _ => Err(Refusal::not_found()),
    }
}

/// Routes below `/repos/{owner}/{repo}`. Names with slashes may come with or without escaping.
fn repository(call: &Call<'_>, path: &[&str]) -> Outcome {
    if call.hosted.is(Attribute::Refused) {
        return Err(Refusal::new(403, refusal_of(&call.hosted)));
    }
    if !matches!(path, [] | ["issues", ..]) {
        call.need(Permission::Contents, Access::Read)?;
    }
    match (call.request.method.as_str(), path) {
        ("GET", []) => objects::repository(call),
        ("GET", ["compare", range @ ..]) => compare::compare(call, &range.join("/")),
        ("GET", ["git", "trees", name @ ..]) => objects::tree(call, &name.join("/")),
        ("GET", ["git", "blobs", sha]) => objects::blob(call, sha),
        ("GET", ["git", "commits", sha]) => objects::git_commit(call, sha),
        ("GET", ["git", "ref", name @ ..]) => objects::reference(call, &name.join("/")),
        ("GET", ["issues", issue, "comments"]) => comments::list(call, issue),
        ("POST", ["issues", issue, "comments"]) => comments::create(call, issue),
        ("PATCH", ["issues", "comments", id]) => comments::update(call, id),
        ("DELETE", ["issues", "comments", id]) => comments::delete(call, id),
        _ => Err(Refusal::not_found()),
    }
}

/// What GitHub says where an organisation's list of allowed addresses does not have the client's.
pub(super) fn refusal_of(hosted: &Hosted) -> String {
    format!(
        "Although you appear to have the correct authorization credentials, the `{}` organization \
         has an IP allow list enabled, and your IP address is not permitted to access this resource.",
        hosted.owner()
    )
}

/// 301, or 307 for what is not read: the method is to be kept
/// (<https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>).
fn moved(call: &Call<'_>, hosted: &Hosted, rest: &[&str]) -> Outcome {
    let status = if call.request.method == Method::GET {
        301
    } else {
        307
    };
    let raw: Vec<&str> = call.request.path.split('/').collect();
    let mut target = format!("/repositories/{}", hosted.id);
    for part in &raw[raw.len() - rest.len()..] {
        target = format!("{target}/{part}");
    }
    if let Some(query) = &call.request.raw_query {
        target = format!("{target}?{query}");
    }
    let url = format!("{}{target}", call.links.api);
    let body = json!({
        "message": "Moved Permanently",
        "url": url,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    Ok(Answer::json(status, &body).with_header("location", url))
}
