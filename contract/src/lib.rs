//! Holds what port-gitops and its sandboxes say against the services' own specifications.
//!
//! Requests and answers are taken from a sandbox's journal. Port's and GitHub's OpenAPI documents
//! and GitHub's GraphQL schema are read where they are, see [`specifications`]; where they are not
//! to be had, nothing is checked, and that is said aloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "this crate serves tests, and a test may fail"
)]

pub mod graphql;
pub mod openapi;
pub mod specifications;
mod undocumented;

use std::collections::BTreeSet;
use std::thread;

use port_gitops_sandbox::{Exchange, GitHubSandbox, PortSandbox, Sandbox};

pub use openapi::Document;

/// Whose exchanges are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Port: REST.
    Port,
    /// GitHub: REST and GraphQL.
    GitHub,
}

/// Which half of an exchange is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Requests and answers.
    Both,
    /// Answers only: the requests are wrong on purpose.
    Answers,
}

/// Checks every exchange of a sandbox with Port's API, also those that were cleared.
///
/// # Panics
/// With all that is wrong. Where the test failed already, that is only printed.
pub fn check_port(sandbox: &PortSandbox, extent: Extent) {
    check(Service::Port, &sandbox.whole_journal(), extent);
}

/// The same for a sandbox with GitHub's API; see [`check_port`].
///
/// # Panics
/// With all that is wrong. Where the test failed already, that is only printed.
pub fn check_github(sandbox: &GitHubSandbox, extent: Extent) {
    check(Service::GitHub, &sandbox.whole_journal(), extent);
}

fn check(service: Service, exchanges: &[Exchange], extent: Extent) {
    let problems = problems(service, exchanges, extent);
    if problems.is_empty() {
        return;
    }
    let problems: Vec<_> = problems.into_iter().collect();
    let problems = problems.join("\n");
    let message = format!("{service:?}'s specification does not allow this:\n{problems}");
    // A second panic would end the process, and with it the first one's message.
    match thread::panicking() {
        true => eprintln!("{message}"),
        false => panic!("{message}"),
    }
}

/// What is wrong with the exchanges, each mistake once.
pub fn problems(service: Service, exchanges: &[Exchange], extent: Extent) -> BTreeSet<String> {
    if specifications::directory().is_none() {
        return BTreeSet::new();
    }
    let told: Vec<_> = exchanges.iter().filter_map(BulkSize::of).collect();
    let of_one = |exchange: &Exchange| {
        let name = format!("{} {}", exchange.method, exchange.path);
        let found = match (service, exchange.path.as_str()) {
            (Service::GitHub, "/graphql" | "/api/graphql") => graphql::check(exchange, extent),
            _ => {
                let announced = announced_size(&told, exchange);
                specifications::document(service).check(service, exchange, extent, announced)
            }
        };
        found
            .into_iter()
            .map(move |problem| format!("{name}: {problem}"))
    };
    exchanges.iter().flat_map(of_one).collect()
}

/// A `maxBulkSize` that an answer told. It counts more than the number in the document.
struct BulkSize<'e> {
    answer: &'e Exchange,
    size: u64,
}

impl<'e> BulkSize<'e> {
    fn of(answer: &'e Exchange) -> Option<Self> {
        bulk_route(answer)?;
        let size = answer.answer.as_ref()?.body_json()?["maxBulkSize"].as_u64()?;
        Some(Self { answer, size })
    }
}

/// The newest size that a request's sender had been told for the same route.
fn announced_size(told: &[BulkSize<'_>], request: &Exchange) -> Option<u64> {
    let route = bulk_route(request)?;
    let before = told.iter().filter(|told| {
        let answered = told.answer.answered;
        answered.is_some_and(|answered| answered <= request.arrived)
            && bulk_route(told.answer) == Some(route)
    });
    let newest = before.max_by_key(|told| told.answer.answered);
    newest.map(|told| told.size)
}

/// Which of Port's two routes for bulks a request is for.
fn bulk_route(exchange: &Exchange) -> Option<&str> {
    exchange.path.rsplit_once("/bulk").map(|(_, end)| end)
}

/// The answer that the sandbox itself gave. A fault's is no contract of anyone.
fn genuine_answer(exchange: &Exchange) -> Option<&port_gitops_sandbox::Answer> {
    match exchange.fault {
        None => exchange.answer.as_ref(),
        Some(_) => None,
    }
}

/// The start of a message: some hold a whole body.
fn shortened(message: &str) -> String {
    const ENOUGH: usize = 400;
    match message.char_indices().nth(ENOUGH) {
        None => message.to_owned(),
        Some((end, _)) => format!("{}…", &message[..end]),
    }
}
