//! What each reader sees of a run over many repositories.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::live::Field;
use crate::catalog::testing::entity;
use crate::diagnostic::{Code, Diagnostic};
use crate::git::CommitSha;
use crate::report::log::Log;
use crate::report::redact::{Change, Shown};
use crate::report::{EntityReport, RunFacts, outputs};
use crate::text::{Location, RepoPath, Source, Span};

fn name(name: &str) -> RepoName {
    RepoName::parse(name).unwrap()
}

fn fleet(repositories: Vec<RepositoryReport>) -> FleetReport {
    FleetReport {
        mode: Mode::Apply,
        home: name("octo/catalog"),
        server_url: "https://github.com".to_owned(),
        repositories,
        skipped: BTreeMap::new(),
        warnings: Vec::new(),
        warnings_before: 0,
        notices: Vec::new(),
        ending: Ending::Complete,
        cost: Cost {
            github_requests: 31,
            port_requests: 12,
            elapsed: Duration::from_millis(2_100),
        },
    }
}

fn with(repository: &str, outcome: RepositoryOutcome) -> RepositoryReport {
    RepositoryReport {
        name: name(repository),
        outcome,
    }
}

fn done(
    repository: &str,
    entities: Vec<EntityReport>,
    diagnostics: Vec<Diagnostic>,
) -> RepositoryReport {
    let run = RunFacts {
        mode: Mode::Apply,
        repository: name(repository),
        head: CommitSha::parse(&"c0ffee12".repeat(5)).unwrap(),
        branch: None,
        server_url: "https://github.com".to_owned(),
        pull_request: None,
        port_url: Some("https://app.port.io".to_owned()),
        documentation_url: Some("https://github.com/octo/port-gitops/blob/v1/docs".to_owned()),
    };
    let report = Report {
        run,
        entities,
        diagnostics,
        warnings: Vec::new(),
        warnings_before: 0,
        notices: Vec::new(),
        drift: None,
        ending: Ending::Complete,
        cost: Cost::default(),
    };
    with(repository, RepositoryOutcome::Done(Box::new(report)))
}

fn report_of(repository: &mut RepositoryReport) -> &mut Report {
    match &mut repository.outcome {
        RepositoryOutcome::Done(report) => report,
        _ => panic!("not looked at"),
    }
}

fn location(line: usize) -> Location {
    let text = "identifier: 7\n".repeat(line);
    let start = text.len() - 2;
    let source = Source::new(RepoPath::new("shop/port.yml"), text);
    Location::new(&source, Span::new(start, start + 1))
}

fn one(identifier: &str, state: State) -> EntityReport {
    let key = EntityKey {
        name: entity(json!({"identifier": identifier})).name,
        blueprint: BlueprintId::parse("service").unwrap(),
    };
    let change = Change {
        field: Field::Title,
        from: (state == State::Updated).then(|| Shown::Value(json!("Old"))),
        to: Some(Shown::Value(json!("New"))),
    };
    let is_change = State::CHANGES.contains(&state);
    EntityReport {
        changes: is_change.then_some(change).into_iter().collect(),
        ..EntityReport::new(Some(key), state, Some(location(1)))
    }
}

fn mistake(line: usize, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::WrongType, location(line), message).help("quote it: `\"7\"`")
}

const NOT_A_STRING: &str = "`identifier` must be a string, found a number";

/// A repository of every kind.
fn every_kind() -> FleetReport {
    let older = EntityReport {
        since: Since::Before,
        ..one("old", State::Invalid)
    };
    let mut changed = done(
        "octo/new",
        vec![one("new", State::Created), one("pay", State::Updated)],
        Vec::new(),
    );
    let notice = "the entity `service/gone` is no longer declared and stays in Port";
    report_of(&mut changed).notices.push(notice.to_owned());
    let budget = "GitHub's budget is used up until 12:00 UTC".to_owned();
    let unreadable = "the token cannot read it".to_owned();
    let mut report = fleet(vec![
        with("octo/idle", RepositoryOutcome::UpToDate),
        with("octo/quiet", RepositoryOutcome::UpToDate),
        done("octo/same", vec![one("same", State::Unchanged)], Vec::new()),
        changed,
        done(
            "octo/old",
            vec![older],
            vec![mistake(1, NOT_A_STRING).warn()],
        ),
        with("octo/late", RepositoryOutcome::Left(budget)),
        with(
            "octo/secret",
            RepositoryOutcome::Failed(unreadable, Since::ThisRun),
        ),
        done(
            "octo/broken",
            vec![one("bad", State::Invalid), one("good", State::Created)],
            vec![mistake(1, NOT_A_STRING), mistake(2, NOT_A_STRING)],
        ),
        done(
            "octo/alike",
            vec![one("worse", State::Invalid)],
            vec![mistake(3, NOT_A_STRING)],
        ),
    ]);
    report.skipped = BTreeMap::from([(Skipped::Archived, 3), (Skipped::Fork, 1)]);
    report
        .warnings
        .push("no repository matches `octo/x-*`".to_owned());
    report
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log, without colours.
fn logged(report: &FleetReport) -> String {
    let out = Shared::default();
    console::write(report, &Log::new(out.clone()));
    let bytes = out.0.lock().unwrap().clone();
    let log = String::from_utf8(bytes).unwrap();
    let mut parts = log.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or("", |(_, text)| text)
    })
}

fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn page(report: &FleetReport) -> String {
    text(|out| summary::write(report, out))
}

fn data(report: &FleetReport, max_bytes: usize) -> Value {
    serde_json::from_str(&json::compact(report, max_bytes)).unwrap()
}

#[test]
fn what_people_see() {
    let report = every_kind();
    let (log, page) = (logged(&report), page(&report));
    if let Some(folder) = std::env::var_os("SCENES").map(std::path::PathBuf::from) {
        std::fs::write(folder.join("fleet.md"), &page).unwrap();
    }
    insta::assert_snapshot!(format!("{log}\n{page}"));
}
