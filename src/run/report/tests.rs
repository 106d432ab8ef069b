//! One run with every kind of change, as each reporter shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::findings::{Material, RunFindings};
use super::{OFFLINE, unfinished};
use crate::catalog::blueprint::{Blueprint, Blueprints};
use crate::catalog::declare::{Declaration, Declarations, EntityFile, FileContent, declare};
use crate::catalog::difference::{Field, differences};
use crate::catalog::entity::{BlueprintId, EntityKey};
use crate::catalog::merge::Merge;
use crate::catalog::plan::{Action, Deletion, NoOpReason, Obstacle, Plan, Untouched, Upsert};
use crate::catalog::rules::{BlueprintRules, PropertyRules};
use crate::catalog::testing::live;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Mode;
use crate::git::{CommitSha, RepoName};
use crate::port::{Rejection, Upserted};
use crate::report::redact::Redaction;
use crate::report::*;
use crate::run::apply::{Applied, DeletionOutcome, Refusals, UpsertOutcome};
use crate::text::{RepoPath, SourceFile};

const FILES: [(&str, &str); 3] = [
    (
        "shop/port.yml",
        r#"identifier: payments
blueprint: service
title: Payments
properties: {url: https://pay.example, api_token: hunter2}
relations: {domain: sales, dependsOn: [billing, ledger]}
---
identifier: billing
blueprint: service
team: [money, platform]
properties:
  url: https://billing.example/new
  replicas: 3
  api_token: hunter3
  config: {image: "billing:2", limits: {cpu: 2}, debug: true}
  readme: |
    # Billing
    Sends the invoices.
    It is *important*: | <b>never</b> stop it ```now```
    Ask @money.
  description: DESCRIPTION
relations: {domain: sales}
"#,
    ),
    (
        "catalog/domains.yml",
        "- {identifier: sales, blueprint: domain, title: Sales}\n- {identifier: support, blueprint: domain}\n",
    ),
    ("broken/port.yml", "identifier: 7\nblueprint: service\n"),
];

struct World {
    head: Declarations,
    plan: Plan,
    blueprints: Blueprints,
}

impl World {
    fn new() -> Self {
        let long = "A long description. ".repeat(20);
        let files = FILES.map(|(path, text)| {
            let text = text.replace("DESCRIPTION", &long);
            EntityFile {
                content: FileContent::Text(SourceFile::new(RepoPath::new(path), text)),
                default_blueprint: None,
            }
        });
        let head = declare(&files, &BlueprintRules::parse("*").unwrap());
        let plan = plan(&head);
        Self {
            head,
            plan,
            blueprints: blueprints(),
        }
    }

    fn report(&self, mode: Mode, applied: Option<&Applied>) -> Report {
        let rules = PropertyRules::parse("*token*").unwrap();
        let redaction = Redaction {
            properties: &rules,
            blueprints: &self.blueprints,
        };
        let material = Material {
            head: &self.head,
            plan: &self.plan,
            applied,
            refusals: &Refusals::default(),
            mode,
            redaction,
        };
        let findings = RunFindings::new(material);
        let mut diagnostics = self.head.diagnostics.clone();
        diagnostics.extend(findings.rejections);
        let mut entities = findings.entities;
        diagnostics.extend(unfinished::diagnostics(&entities, mode));
        crate::diagnostic::sort(&mut diagnostics);
        entities.sort_by_key(|entity| entity.state);
        Report {
            run: RunFacts {
                mode,
                compared_with: ComparedWith::Port,
                repository: RepoName::parse("octo/shop").unwrap(),
                head: CommitSha::parse(&"c0ffee12".repeat(5)).unwrap(),
                branch: None,
                server_url: "https://github.com".to_owned(),
                pull_request: (mode == Mode::Plan).then_some(7),
                port_url: Some("https://app.port.io".to_owned()),
                documentation_url: Some(
                    "https://github.com/octo/port-gitops/blob/v1/docs".to_owned(),
                ),
            },
            entities,
            diagnostics,
            warnings: Vec::new(),
            warnings_before: 0,
            notices: findings.notices,
            drift: None,
            ending: Ending::Complete,
            cost: Cost {
                github_requests: 4,
                port_requests: 3,
                elapsed: Duration::from_millis(420),
            },
        }
    }
}

fn blueprints() -> Blueprints {
    let shape = json!({
        "schema": {"properties": {}},
        "relations": {"domain": {"target": "domain"}, "dependsOn": {"target": "service", "many": true}},
    });
    let mut blueprints = Blueprints::default();
    for name in ["service", "domain"] {
        let blueprint = Blueprint::from_json(shape.clone()).unwrap();
        let identifier = BlueprintId::parse(name).unwrap();
        blueprints.known.insert(identifier, blueprint);
    }
    blueprints
}

fn held() -> Value {
    json!({
        "title": "Billing", "team": ["platform"],
        "properties": {
            "url": "https://billing.example",
            "replicas": 1,
            "api_token": "hunter1",
            "config": {"image": "billing:1", "limits": {"cpu": 2, "memory": "1Gi"}},
            "readme": "# Billing\nSends the bills.\nIt is *important*: | <b>never</b> stop it ```now```\nAsk @money.\n",
        },
        "relations": {"domain": "support"},
    })
}

fn plan(head: &Declarations) -> Plan {
    let declared = |index: usize| -> Arc<Declaration> { Arc::clone(&head.valid[index]) };
    let update = declared(1);
    let upsert = |action, declaration: Arc<Declaration>| Upsert {
        key: declaration.entity.key(),
        drift: None,
        action,
        entity: declaration.entity.clone(),
        declaration,
        differences: Vec::new(),
        uncleared: Vec::new(),
    };
    let differences = differences(&update.entity, &live(held()), Merge::Merge, None);
    let key = |name: &str| EntityKey {
        name: crate::catalog::testing::entity(json!({"identifier": name})).name,
        ..declared(1).entity.key()
    };
    let untouched = |name: &str, reason| Untouched {
        key: key(name),
        location: Some(declared(1).location()),
        path: None,
        reason,
    };
    Plan {
        upserts: vec![
            upsert(Action::Create, declared(0)),
            upsert(Action::Create, declared(2)),
            Upsert {
                differences,
                ..upsert(Action::Update, update)
            },
        ],
        deletions: vec![Deletion {
            key: key("old-service"),
            location: Some(declared(1).location()),
            path: None,
            targets: Vec::new(),
            successors: Vec::new(),
        }],
        untouched: vec![
            untouched("mail", NoOpReason::Unchanged),
            untouched("gone", NoOpReason::Removed),
            untouched("kept", NoOpReason::HeldBack(in_a_broken_file())),
            untouched("newer", NoOpReason::HandedOver("octo/newer".to_owned())),
            untouched(
                "invoices",
                NoOpReason::OwnedElsewhere("octo/invoices".to_owned()),
            ),
        ],
        gone: Vec::new(),
    }
}

fn in_a_broken_file() -> Obstacle {
    Obstacle {
        reason: "the file that declared it has errors".to_owned(),
        help: "fix the error at shop/port.yml:7:13 first".to_owned(),
    }
}

fn too_many(count: usize) -> Obstacle {
    Obstacle {
        reason: format!(
            "{count} entities are more than the 10 that the input `max-deletes` allows"
        ),
        help: format!(
            "to delete them, set `max-deletes` to {count} or more in the workflow for one run; to keep them, restore them in Git"
        ),
    }
}

fn applied() -> Applied {
    let message = "/properties/url must match format \"url\", not \"hunter2\"";
    let rejection = Rejection::new(422, Some("invalid_request"), message);
    let blocker = plan(&World::new().head).upserts[0].entity.key();
    Applied {
        outcomes: vec![
            UpsertOutcome::Rejected(rejection),
            UpsertOutcome::Blocked(blocker),
            UpsertOutcome::Written(Upserted::Updated),
        ],
        deletions: vec![DeletionOutcome::HeldBack(Obstacle {
            reason: "`service/payments`, which the same file now declares, was not written"
                .to_owned(),
            help: "fix `service/payments` first".to_owned(),
        })],
        kept: BTreeMap::from([(2, vec![Field::Title])]),
        stopped: None,
    }
}

/// The log.
fn logged(report: &Report) -> String {
    log::testing::logged(|log| publish::write_log(report, log))
}

/// The same with colours as the letters of their codes.
fn readable(log: &str) -> String {
    let text = log
        .replace("\u{1b}[1m\u{1b}[94m", "")
        .replace("\u{1b}[1m", "");
    text.replace("\u{1b}[32m", "⟨g⟩")
        .replace("\u{1b}[33m", "⟨y⟩")
        .replace("\u{1b}[31m", "⟨r⟩")
        .replace("\u{1b}[2m", "⟨d⟩")
        .replace("\u{1b}[0m", "⟨⟩")
}

fn page(report: &Report) -> String {
    let mut page = Vec::new();
    summary::write(report, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

const RUN: &str = "https://github.com/octo/shop/actions/runs/1";

/// A scene, and what comes of it.
type Scene = (&'static str, Report);

fn scenes() -> Vec<Scene> {
    let plan = || World::new().report(Mode::Plan, None);
    let mut scenes = vec![
        ("every_kind", plan()),
        (
            "failed_apply",
            World::new().report(Mode::Apply, Some(&applied())),
        ),
        ("empty", only(plan(), &[EntityState::Unchanged])),
        ("small", small(plan())),
        ("sixty", sixty(only(plan(), &[]))),
        ("held_back", held_back(only(plan(), &[]))),
        ("mistakes", mistakes(plan())),
        (
            "cancelled",
            cancelled(World::new().report(Mode::Apply, None)),
        ),
    ];
    let drift = small(plan());
    scenes.push((
        "drift",
        Report {
            drift: Some(Drift::Found),
            run: RunFacts {
                pull_request: None,
                ..drift.run.clone()
            },
            ..drift
        },
    ));
    let mut fork = small(plan());
    fork.notices.push(OFFLINE.to_owned());
    fork.run.port_url = None;
    fork.run.compared_with = ComparedWith::Git;
    scenes.push(("fork", fork));
    scenes
}

/// The report without diagnostics and notices, and with entities in `states` alone.
fn only(mut report: Report, states: &[EntityState]) -> Report {
    report.entities.retain(|one| states.contains(&one.state));
    report.diagnostics.clear();
    report.notices.clear();
    report
}

fn small(report: Report) -> Report {
    let mut report = only(report, &[EntityState::Created, EntityState::Updated]);
    report
        .entities
        .retain(|one| !one.name().ends_with("payments"));
    let updated = report.entities.last_mut().unwrap();
    updated
        .changes
        .retain(|one| one.field.to_string().contains("re"));
    report
}

fn named(name: &str, state: EntityState) -> EntityReport {
    let declaration = &World::new().head.valid[1];
    let name = crate::catalog::testing::entity(json!({"identifier": name})).name;
    let blueprint = declaration.entity.blueprint.clone();
    let key = EntityKey { name, blueprint };
    EntityReport::new(Some(key), state, Some(declaration.location()))
}

fn sixty(mut report: Report) -> Report {
    let one = |index: usize| {
        let title = json!(format!("Service {index}"));
        EntityReport {
            changes: vec![redact::ShownDifference {
                field: Field::Title,
                from: (index > 40).then(|| redact::Shown::Value(json!("Old"))),
                to: Some(redact::Shown::Value(title)),
            }],
            ..named(
                &format!("service-{index}"),
                if index > 40 {
                    EntityState::Updated
                } else {
                    EntityState::Created
                },
            )
        }
    };
    report.entities = (1..=60).map(one).collect();
    report
}

fn held_back(mut report: Report) -> Report {
    let obstacle = too_many(15);
    let one = |index: usize| EntityReport {
        note: Some(obstacle.reason.clone()),
        help: Some(obstacle.help.clone()),
        ..named(&format!("service-{index}"), EntityState::HeldBack)
    };
    report.entities = (1..=15).map(one).collect();
    report.diagnostics = unfinished::diagnostics(&report.entities, Mode::Plan);
    report
}

/// One mistake of its own, and one that five entities share.
fn mistakes(report: Report) -> Report {
    let text = "- identifier: a\n".repeat(5);
    let source = SourceFile::new(RepoPath::new("shop/port.yml"), text);
    let shared = (0..5).map(|index| {
        let span = crate::text::Span::new(16 * index + 14, 16 * index + 15);
        let place = crate::text::Location::new(&source, span);
        let text = "the blueprint `service` has no property `langauge`";
        Diagnostic::new(Code::UnknownProperty, place, text).help("did you mean `language`?")
    });
    let mut diagnostics = report.diagnostics.clone();
    diagnostics.retain(Diagnostic::is_error);
    diagnostics.retain(|one| one.code == Code::WrongType);
    diagnostics.extend(shared);
    Report {
        diagnostics,
        ..only(report, &[EntityState::Invalid])
    }
}

fn cancelled(report: Report) -> Report {
    let mut report = only(report, &[EntityState::Created, EntityState::Updated]);
    report.entities[1].state = EntityState::NotWritten;
    report.entities.sort_by_key(|one| one.state);
    report.diagnostics = unfinished::diagnostics(&report.entities, Mode::Apply);
    report.ending = Ending::Interrupted;
    report
}

/// What each reader sees of each scene. With `SCENES` set to a folder, it is written there too, to be
/// looked at in a browser and in a terminal.
#[test]
fn what_people_see() {
    for (name, report) in scenes() {
        let (log, page) = (logged(&report), page(&report));
        if let Some(folder) = std::env::var_os("SCENES").map(std::path::PathBuf::from) {
            std::fs::write(folder.join(format!("{name}.log")), &log).unwrap();
            std::fs::write(folder.join(format!("{name}.md")), &page).unwrap();
        }
        insta::assert_snapshot!(name, format!("{}\n{page}", readable(&log)));
        // A comment is the same page, after the line by which it is found again.
        let comment = comment::body(&report, "<!-- marker -->", RUN);
        assert_eq!(comment, format!("<!-- marker -->\n{page}"), "{name}");
        let is_news = !matches!(name, "empty");
        assert_eq!(comment::is_needed(&report), is_news, "{name}");
    }
    assert_eq!(
        comment::marker(Some("octo/shop")),
        "<!-- port-gitops:octo/shop -->"
    );
}

#[test]
fn a_plan_as_data() {
    let mut out = Vec::new();
    json::write(&World::new().report(Mode::Plan, None), &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn no_reporter_shows_a_secret() {
    for applied in [None, Some(applied())] {
        let report = World::new().report(Mode::Apply, applied.as_ref());
        let mut data = Vec::new();
        json::write(&report, &mut data).unwrap();
        let comment = comment::body(&report, "<!-- marker -->", RUN);
        let data = String::from_utf8(data).unwrap();
        for text in [logged(&report), page(&report), data, comment] {
            assert!(!text.contains("hunter"), "{text}");
            assert!(text.contains("(value hidden)"), "{text}");
        }
    }
}

/// A nightly run looks at everything, and little of it is worth a line.
#[test]
fn what_does_not_change_leaves_room_for_the_rest() {
    let mut report = World::new().report(Mode::Plan, None);
    report.drift = Some(Drift::Found);
    let mut entities = report.entities.iter();
    let is_unchanged = |one: &&EntityReport| one.state == EntityState::Unchanged;
    let unchanged = entities.find(is_unchanged).unwrap().clone();
    report.entities.extend(vec![unchanged; 10_000]);
    let page = page(&report);
    assert!(page.len() < 64 * 1024, "{}", page.len());
    for text in [
        "- … and 9901 more",
        "```mermaid",
        "Port differs from",
        "Port keeps what was removed",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("more lines"), "nothing is left out");
}

/// The largest pages keep their frame and stay within GitHub's limits.
#[test]
fn pages_are_never_too_large() {
    let mut report = World::new().report(Mode::Plan, None);
    let one = report
        .entities
        .iter()
        .find(|one| !one.changes.is_empty())
        .unwrap()
        .clone();
    report.entities.extend(vec![one; 20_000]);
    let page = page(&report);
    assert!(page.len() <= 1024 * 1024, "{}", page.len());
    assert!(page.contains("more lines"));
    let comment = comment::body(&report, "<!-- marker -->", RUN);
    assert!(comment.len() <= 60_000, "{}", comment.len());
    assert!(comment.contains(RUN));
    for page in [page, comment] {
        let count = |tag: &str| page.matches(tag).count();
        assert_eq!(count("<details"), count("</details>"));
        assert!(page.trim_end().ends_with("</sub>"));
        assert!(!page.contains("\n\n\n\n"), "what is left out leaves no gap");
    }
    let outputs = json::compact(&report, 96 * 1024);
    assert!(outputs.len() <= 96 * 1024);
    let states: BTreeSet<_> = report.counts().into_keys().collect();
    assert!(states.len() > 5);
}
