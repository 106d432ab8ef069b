//! What each reader sees of a run over many repositories.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::catalog::difference::Field;
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::testing::entity;
use crate::diagnostic::{Code, Diagnostic};
use crate::git::CommitSha;
use crate::report::redact::{Shown, ShownDifference};
use crate::report::{ComparedWith, EntityReport, RunFacts, log, outputs};
use crate::text::{Location, RepoPath, SourceFile, Span};

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
        entity_files: EntityFiles::Some,
    }
}

fn done(
    repository: &str,
    entities: Vec<EntityReport>,
    diagnostics: Vec<Diagnostic>,
) -> RepositoryReport {
    let run = RunFacts {
        mode: Mode::Apply,
        compared_with: ComparedWith::Port,
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
    let source = SourceFile::new(RepoPath::new("shop/port.yml"), text);
    Location::new(&source, Span::new(start, start + 1))
}

fn one(identifier: &str, state: EntityState) -> EntityReport {
    let key = EntityKey {
        name: entity(json!({"identifier": identifier})).name,
        blueprint: BlueprintId::parse("service").unwrap(),
    };
    let change = ShownDifference {
        field: Field::Title,
        from: (state == EntityState::Updated).then(|| Shown::Value(json!("Old"))),
        to: Some(Shown::Value(json!("New"))),
    };
    let is_change = EntityState::CHANGES.contains(&state);
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
        ..one("old", EntityState::Invalid)
    };
    let mut changed = done(
        "octo/new",
        vec![
            one("new", EntityState::Created),
            one("pay", EntityState::Updated),
        ],
        Vec::new(),
    );
    let notice = "the entity `service/gone` is no longer declared and stays in Port";
    report_of(&mut changed).notices.push(notice.to_owned());
    let budget = "GitHub's budget is used up until 12:00 UTC".to_owned();
    let unreadable = "the token cannot read it".to_owned();
    let mut report = fleet(vec![
        with("octo/idle", RepositoryOutcome::UpToDate),
        with("octo/quiet", RepositoryOutcome::UpToDate),
        done(
            "octo/same",
            vec![one("same", EntityState::Unchanged)],
            Vec::new(),
        ),
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
            vec![
                one("bad", EntityState::Invalid),
                one("good", EntityState::Created),
            ],
            vec![mistake(1, NOT_A_STRING), mistake(2, NOT_A_STRING)],
        ),
        done(
            "octo/alike",
            vec![one("worse", EntityState::Invalid)],
            vec![mistake(3, NOT_A_STRING)],
        ),
    ]);
    report.skipped = BTreeMap::from([(ExclusionReason::Archived, 3), (ExclusionReason::Fork, 1)]);
    report
        .warnings
        .push("no repository matches `octo/x-*`".to_owned());
    report
}

fn raw_log(report: &FleetReport) -> String {
    log::testing::logged(|log| console::write(report, log))
}

/// The log, without colours.
fn logged(report: &FleetReport) -> String {
    let log = raw_log(report);
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

/// The run fails for what it is the first to find, and a repository that is left is no failure.
#[test]
fn the_outcome_is_that_of_the_worst_repository() {
    let failed = |since| {
        with(
            "octo/a",
            RepositoryOutcome::Failed("gone".to_owned(), since),
        )
    };
    let invalid = |since| {
        let entity = EntityReport {
            since,
            ..one("a", EntityState::Invalid)
        };
        done("octo/a", vec![entity], Vec::new())
    };
    let mut stopped = done("octo/a", Vec::new(), Vec::new());
    report_of(&mut stopped).ending = Ending::Stopped("Port refuses the state".to_owned());
    let mut warned = done("octo/a", Vec::new(), Vec::new());
    report_of(&mut warned).warnings.push("a warning".to_owned());
    let changed = done("octo/a", vec![one("a", EntityState::Deleted)], Vec::new());
    let (error, warning) = (Some(Severity::Error), Some(Severity::Warning));
    for (repository, state, severity) in [
        (failed(Since::ThisRun), RepositoryState::Failed, error),
        (failed(Since::Before), RepositoryState::Failed, warning),
        (invalid(Since::ThisRun), RepositoryState::Incomplete, error),
        (invalid(Since::Before), RepositoryState::Incomplete, warning),
        (stopped, RepositoryState::Incomplete, error),
        (warned, RepositoryState::Unchanged, warning),
        (changed, RepositoryState::Changed, None),
        (
            with("octo/a", RepositoryOutcome::UpToDate),
            RepositoryState::UpToDate,
            None,
        ),
        (
            with("octo/a", RepositoryOutcome::Left("a budget".to_owned())),
            RepositoryState::Left,
            None,
        ),
    ] {
        assert_eq!(
            (repository.state(), repository.severity()),
            (state, severity)
        );
        let expected = match severity {
            Some(Severity::Error) => Outcome::Failure,
            _ => Outcome::Success,
        };
        let mut report = fleet(vec![repository]);
        assert_eq!(report.outcome(), expected, "{report:?}");
        report.ending = Ending::Interrupted;
        assert_eq!(report.outcome(), Outcome::Cancelled);
        report.ending = Ending::Stopped("no credentials".to_owned());
        assert_eq!(report.outcome(), Outcome::Failure);
    }
}

#[test]
fn outputs_are_sums_and_name_no_commit() {
    let drifts = |drifts: &[Option<Drift>]| {
        let one = |drift: &Option<Drift>| {
            let mut repository = done("octo/a", vec![one("a", EntityState::Created)], Vec::new());
            report_of(&mut repository).drift = *drift;
            repository
        };
        fleet(drifts.iter().map(one).collect())
    };
    let (found, none) = (Some(Drift::Found), Some(Drift::None));
    for (report, drift) in [
        (drifts(&[None, None]), ""),
        (drifts(&[none, none]), "false"),
        (drifts(&[none, found]), "true"),
    ] {
        let outputs = text(|out| outputs::write_fleet(&report, out));
        let lines: Vec<_> = outputs.lines().collect();
        assert_eq!(lines[..2], ["outcome=success", "created=2"]);
        let plain = text(|out| outputs::write(report.reports().next().unwrap(), out));
        let names = |text: &str| -> Vec<_> {
            let lines = text.lines().filter_map(|line| line.split_once('='));
            lines.map(|(name, _)| name.to_owned()).collect()
        };
        assert_eq!(names(&outputs), names(&plain));
        let drift = format!("drift={drift}");
        assert!(
            lines.contains(&drift.as_str()) && lines.contains(&"commit="),
            "{outputs}"
        );
        let says_so = [logged(&report), page(&report)];
        let says_so = says_so.map(|text| text.contains("differed from Git in 1 repository"));
        assert_eq!(says_so, [drift.ends_with("true"); 2]);
    }
}

/// What a plan would do to all repositories, without doing it.
#[test]
fn a_plan_says_that_nothing_was_written() {
    let mut report = every_kind();
    report.mode = Mode::Plan;
    for repository in &mut report.repositories {
        if let RepositoryOutcome::Done(report) = &mut repository.outcome {
            report.run.mode = Mode::Plan;
            report.drift = Some(Drift::Found);
        }
    }
    let (log, page) = (logged(&report), page(&report));
    assert!(
        page.contains("This is a plan: nothing was written."),
        "{page}"
    );
    assert!(
        page.starts_with("## Port differs from Git in 5 repositories: 2 to create,"),
        "{page}"
    );
    assert!(
        log.contains("Plan of 9 repositories: 2 to create, 1 to update,"),
        "{log}"
    );
}

/// A repository with very many mistakes leaves room for the others.
#[test]
fn a_repository_with_very_many_mistakes_stays_small() {
    let mistakes = (1..=10_000).map(|index| mistake(1, format!("mistake {index}")));
    let entities = vec![one("bad", EntityState::Invalid); 10_000];
    let mut report = every_kind();
    report
        .repositories
        .push(done("octo/aaa", entities, mistakes.collect()));
    let (log, page) = (logged(&report), page(&report));
    assert!(
        log.len() < 64 * 1024 && page.len() < 192 * 1024,
        "{} {}",
        log.len(),
        page.len()
    );
    for (text, more) in [
        (
            &log,
            [
                "… and 9900 more entities",
                "… and 9950 more problems",
                "octo/broken: `identifier` must",
            ],
        ),
        (
            &page,
            [
                "octo/aaa has 9950 more problems",
                " more lines, which",
                "octo/broken</b> · 1 created",
            ],
        ),
    ] {
        for more in more {
            assert!(text.contains(more), "{more}: {text}");
        }
    }
}

/// However many repositories there are, the page keeps its frame and the limits hold.
#[test]
fn pages_and_outputs_are_never_too_large() {
    let long = "A long description. ".repeat(20);
    let many = |count: usize, outcome: &dyn Fn(String) -> RepositoryReport| {
        let names = (0..count).map(|index| format!("octo/repository-{index}"));
        fleet(names.map(outcome).collect())
    };
    let broken = |name: String| {
        let entities = vec![
            one("bad", EntityState::Invalid),
            one("good", EntityState::Created),
        ];
        done(&name, entities, vec![mistake(1, format!("{name}: {long}"))])
    };
    let left = |name: String| with(&name, RepositoryOutcome::Left(long.clone()));
    let quiet = |name: String| with(&name, RepositoryOutcome::UpToDate);
    let same = |name: String| done(&name, vec![one("same", EntityState::Unchanged)], Vec::new());
    for (report, listed, has_report) in [
        (many(3, &broken), Some(3), true),
        // Entities are left out, and then diagnostics.
        (many(150, &broken), Some(150), true),
        // Those without news.
        (many(3_000, &quiet), Some(0), false),
        (many(3_000, &left), Some(0), false),
        (many(1_000, &same), Some(0), false),
        // Reports, and then all.
        (many(800, &broken), Some(800), false),
        (many(2_000, &broken), None, false),
    ] {
        let page = page(&report);
        assert!(page.len() <= 1024 * 1024, "{}", page.len());
        let count = |tag: &str| page.matches(tag).count();
        assert_eq!(count("<details"), count("</details>"));
        assert!(page.trim_end().ends_with("</sub>"));
        assert!(json::compact(&report, 96 * 1024).len() <= 96 * 1024);
        let data = data(&report, 96 * 1024);
        let repositories = data["repositories"].as_array();
        assert_eq!(
            repositories.map(Vec::len),
            listed,
            "{}",
            report.repositories.len()
        );
        let first = repositories.and_then(|all| all.first());
        assert_eq!(
            first.is_some_and(|one| one["report"].is_object()),
            has_report
        );
        let states = data["repositoryCounts"].as_object().unwrap();
        let counted: u64 = states.values().filter_map(Value::as_u64).sum();
        assert_eq!(counted, report.repositories.len() as u64);
    }
}

/// GitHub shows ten annotations of each level, and none on a line of another repository.
#[test]
fn annotations_say_once_what_repositories_share() {
    let failed = |name: &str| {
        let reason = "the token cannot read it".to_owned();
        with(name, RepositoryOutcome::Failed(reason, Since::ThisRun))
    };
    let mut repositories = vec![
        failed("octo/a"),
        failed("octo/b"),
        failed("octo/c"),
        failed("octo/d"),
    ];
    for index in 0..30 {
        let own = mistake(2, format!("mistake {}", index.min(20)));
        let older = mistake(3, format!("older {index}")).warn();
        repositories.push(done(
            &format!("octo/r{index}"),
            Vec::new(),
            vec![own, older],
        ));
    }
    let log = logged(&fleet(repositories));
    let annotations = |level: &str| -> Vec<_> {
        let level = format!("::{level} ");
        log.lines()
            .filter(|line| line.starts_with(&level))
            .collect()
    };
    let (errors, warnings) = (annotations("error"), annotations("warning"));
    assert_eq!((errors.len(), warnings.len()), (10, 10));
    assert!(!log.contains("file="), "{log}");
    assert!(
        errors[0].contains("octo/a, octo/b, octo/c and 1 more: the token"),
        "{}",
        errors[0]
    );
    assert!(
        errors[1].contains("octo/r0: mistake 0%0Ashop/port.yml:2:13 https://"),
        "{}",
        errors[1]
    );
    assert!(
        errors[9].ends_with("(12 more in the log and in the job summary)"),
        "{}",
        errors[9]
    );
    assert!(
        warnings[9].ends_with("(20 more in the log and in the job summary)"),
        "{}",
        warnings[9]
    );
}

/// Neither the log nor the page obeys what comes from files, from Port or from GitHub.
#[test]
fn text_is_shown_and_not_obeyed() {
    let text = || "x\n::error::y ##[error]z <b> @octocat".to_owned();
    let mut spoken = done(
        "octo/a",
        vec![one("a", EntityState::Created)],
        vec![mistake(1, text())],
    );
    let report = report_of(&mut spoken);
    report.warnings.push(text());
    report.notices.push(text());
    let mut stopped = done("octo/b", Vec::new(), Vec::new());
    report_of(&mut stopped).ending = Ending::Stopped(text());
    let mut report = fleet(vec![
        spoken,
        stopped,
        with("octo/c", RepositoryOutcome::Failed(text(), Since::Before)),
        with("octo/d", RepositoryOutcome::Left(text())),
    ]);
    report.notices.push(text());
    report.warnings = vec![text(); 11];
    let (log, page) = (raw_log(&report), page(&report));
    for line in log.lines() {
        let ours = [
            "group::octo/",
            "endgroup::",
            "error title=",
            "warning title=",
        ];
        let is_ours = |command: &str| ours.iter().any(|ours| command.starts_with(ours));
        assert!(
            line.trim_start().strip_prefix("::").is_none_or(is_ours),
            "{line}"
        );
        assert!(line.starts_with("::") || !line.contains("##["), "{line}");
    }
    assert!(
        !page.contains("<b> ") && !page.contains("@octocat"),
        "{page}"
    );
}
