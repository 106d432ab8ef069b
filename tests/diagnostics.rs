//! `docs/diagnostics.md` says of each diagnostic what the program says.
//!
//! Each section's example is read and checked as a file of a repository would be, and what the log
//! shows of it must be the section's text. With `UPDATE_DOCUMENTATION=1` the texts are written anew.
//! What GitHub shows beside the lines is in `snapshots/diagnostics__annotations.snap`.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use port_gitops::catalog::blueprint::{Blueprint, Blueprints};
use port_gitops::catalog::change::{Change, compare};
use port_gitops::catalog::declare::{
    Declarations, EntityFile, FileContent, UnreadableFile, declare,
};
use port_gitops::catalog::entity::BlueprintId;
use port_gitops::catalog::live::Live;
use port_gitops::catalog::mapping;
use port_gitops::catalog::merge::Merge;
use port_gitops::catalog::plan::{
    Action, NoOpReason, Plan, PlanContext, Policy, Pruning, Untouched, Upsert,
};
use port_gitops::catalog::reference;
use port_gitops::catalog::rules::{BlueprintRules, DEFAULT_BLUEPRINTS, PropertyRules};
use port_gitops::catalog::validate::{Cycles, Omission, validate};
use port_gitops::diagnostic::{Code, Diagnostic};
use port_gitops::event::Mode;
use port_gitops::git::{CommitSha, RepoName};
use port_gitops::port::{ErrorCode, Rejection};
use port_gitops::report::annotations::Annotations;
use port_gitops::report::console::{self, ColourMode};
use port_gitops::report::log::Log;
use port_gitops::report::redact::Redaction;
use port_gitops::report::{ComparedWith, EntityReport, EntityState, RunFacts};
use port_gitops::run::apply::{Applied, Refusals, UpsertOutcome};
use port_gitops::run::report::findings::{Material, RunFindings};
use port_gitops::run::report::unfinished;
use port_gitops::text::{RepoPath, SourceFile};

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnostics.md")
}

/// A fenced block: what stands after its opening fence, and its text.
struct Block<'p> {
    info: &'p str,
    text: &'p str,
}

fn blocks(markdown: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = markdown;
    while let Some((_, behind)) = rest.split_once("\n```") {
        let (info, body) = behind.split_once('\n').unwrap();
        // An empty block's closing fence follows at once.
        let end = if body.starts_with("```") {
            0
        } else {
            body.find("\n```").unwrap() + 1
        };
        blocks.push(Block {
            info,
            text: &body[..end],
        });
        rest = &body[end + "```".len()..];
    }
    blocks
}

fn sections(markdown: &str) -> Vec<(&str, &str)> {
    markdown
        .split("\n## ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap())
        .collect()
}

fn blueprints(page: &str) -> Blueprints {
    let id = |name: &str| BlueprintId::parse(name).unwrap();
    let known = blocks(page)
        .into_iter()
        .filter(|block| block.info == "json blueprint")
        .map(|block| {
            let value: serde_json::Value = serde_json::from_str(block.text).unwrap();
            let name = id(value["identifier"].as_str().unwrap());
            (name, Blueprint::from_json(value).unwrap())
        });
    Blueprints {
        known: known.collect(),
        missing: [id("micorservice")].into(),
        names: vec!["domain".to_owned(), "microservice".to_owned()],
        ..Blueprints::default()
    }
}

fn text_file(path: &str, text: &str) -> FileContent {
    FileContent::Text(SourceFile::new(RepoPath::new(path), text))
}

/// What a section is about, where it is not a small file.
fn special(code: Code) -> Option<FileContent> {
    let unreadable = |reason| FileContent::Unreadable(RepoPath::new("port.yml"), reason);
    match code {
        Code::TooLarge => Some(unreadable(UnreadableFile::TooLarge)),
        Code::Binary => Some(unreadable(UnreadableFile::Binary)),
        Code::Symlink => Some(unreadable(UnreadableFile::Symlink)),
        Code::TooDeep => Some(text_file("port.json", &"[".repeat(200))),
        _ => None,
    }
}

fn declared(content: FileContent) -> Declarations {
    let file = EntityFile {
        content,
        default_blueprint: None,
    };
    declare(&[file], &BlueprintRules::parse(DEFAULT_BLUEPRINTS).unwrap())
}

/// What Port says of the examples that only Port can refuse.
fn refusal(code: Code) -> Option<Rejection> {
    let rejection = |status, message: &str| Some(Rejection::new(status, None, message));
    match code {
        Code::RejectedByPort => rejection(422, "/properties/language is no longer in use"),
        Code::MissingRelationTarget => {
            rejection(404, "no entity \"sales\" of blueprint \"domain\"")
        }
        _ => None,
    }
}

fn diagnostics(
    code: Code,
    example: Option<&Block<'_>>,
    blueprints: &Blueprints,
) -> Vec<Diagnostic> {
    let content = special(code).unwrap_or_else(|| {
        let example = example.unwrap_or_else(|| panic!("`{code}` has no example"));
        let path = example.info.split_once(' ').unwrap().1;
        text_file(path, example.text)
    });
    if let (Code::InvalidMapping | Code::UnusedSetting, FileContent::Text(source)) =
        (code, &content)
    {
        return mapping::parse(source).diagnostics;
    }
    let head = declared(content);
    let changes = changes(&head);
    if let Some(rejection) = refusal(code) {
        return rejections(&head, changes, rejection);
    }
    if let Some(found) = elsewhere(code, &head) {
        return found;
    }
    let omission = match code {
        Code::MissingProperty => Omission::IsMissing,
        _ => Omission::MayExist,
    };
    let mut found = head.diagnostics;
    let checked = validate(changes, blueprints, omission);
    found.extend(checked.diagnostics);
    let live = Live::default();
    let circles = Cycles::find(checked.changes.iter(), &live, blueprints);
    found.extend(circles.refuse(checked.changes).diagnostics);
    found
}

/// What is new when nothing was declared before.
fn changes(head: &Declarations) -> Vec<Change> {
    compare(&[], head, &BTreeSet::new())
}

fn plan(changes: Vec<Change>) -> Plan {
    let known = PlanContext {
        rewritten: &std::collections::BTreeMap::new(),
        takeover: Action::Adopt,
        live: &Live::default(),
        blueprints: &Blueprints::default(),
        owners: &BTreeMap::new(),
    };
    let policy = Policy {
        merge: Merge::Merge,
        pruning: Pruning::Off,
    };
    Plan::new(changes, known, &policy)
}

fn findings(head: &Declarations, plan: &Plan, applied: Option<&Applied>) -> Vec<Diagnostic> {
    let material = Material {
        head,
        plan,
        applied,
        refusals: &Refusals::default(),
        mode: Mode::Apply,
        redaction: Redaction {
            properties: &PropertyRules::default(),
            blueprints: &Blueprints::default(),
        },
    };
    RunFindings::new(material).rejections
}

/// What is found about the examples that are sound but not written all the same.
fn elsewhere(code: Code, head: &Declarations) -> Option<Vec<Diagnostic>> {
    let changes = || changes(head);
    match code {
        Code::Blocked => {
            let plan = plan(changes());
            let domain = plan.upserts[0].entity.key();
            let applied = Applied {
                outcomes: vec![UpsertOutcome::NotSent, UpsertOutcome::Blocked(domain)],
                deletions: Vec::new(),
                kept: BTreeMap::new(),
                stopped: None,
            };
            Some(findings(head, &plan, Some(&applied)))
        }
        Code::OwnedElsewhere => {
            let untouched = |upsert: &Upsert| Untouched {
                key: upsert.entity.key(),
                location: Some(upsert.declaration.location()),
                path: None,
                reason: NoOpReason::OwnedElsewhere("octo/invoices".to_owned()),
            };
            let plan = Plan {
                untouched: plan(changes()).upserts.iter().map(untouched).collect(),
                ..Plan::default()
            };
            Some(findings(head, &plan, None))
        }
        Code::NotDeleted | Code::NotWritten => Some(unfinished(code, plan(changes()))),
        Code::InvalidFileReference => {
            let declaration = &head.valid[0];
            reference::resolve(declaration, declaration.source.path(), &BTreeMap::new()).err()
        }
        _ => None,
    }
}

/// What is said of a deletion that Port refuses, or of an entity that a run did not come to.
fn unfinished(code: Code, plan: Plan) -> Vec<Diagnostic> {
    let upsert = &plan.upserts[0];
    let (state, note, help) = match code {
        Code::NotDeleted => {
            let code = ErrorCode::HasDependents;
            let note = "other entities relate to it: `microservice/shop` (403)";
            (EntityState::HeldBack, Some(note.to_owned()), code.help())
        }
        _ => (EntityState::NotWritten, None, None),
    };
    let location = Some(upsert.declaration.location());
    let entity = EntityReport {
        note,
        help: help.map(str::to_owned),
        ..EntityReport::new(Some(upsert.entity.key()), state, location)
    };
    unfinished::diagnostics(&[entity], Mode::Apply)
}

fn rejections(head: &Declarations, changes: Vec<Change>, rejection: Rejection) -> Vec<Diagnostic> {
    let outcomes = vec![UpsertOutcome::Rejected(rejection); changes.len()];
    let applied = Applied {
        outcomes,
        deletions: Vec::new(),
        kept: BTreeMap::new(),
        stopped: None,
    };
    findings(head, &plan(changes), Some(&applied))
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a terminal shows.
fn rendered(diagnostics: &[Diagnostic]) -> String {
    let out = Shared::default();
    console::write_diagnostics(ColourMode::Never, diagnostics, &Log::new(out.clone()));
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.trim().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// A section of the page: a code, and what the program says of its example.
struct Section<'p> {
    code: Code,
    text: &'p str,
    diagnostics: Vec<Diagnostic>,
}

/// The page's sections, one a code, in the order of the codes.
fn checked_sections(page: &str) -> Vec<Section<'_>> {
    let blueprints = blueprints(page);
    let names: Vec<_> = sections(page).iter().map(|(name, _)| *name).collect();
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(
        names, codes,
        "the page has one section a code, in their order"
    );
    let checked = |((name, text), &code)| {
        let blocks = blocks(text);
        let example = blocks.iter().find(|block| block.info != "text");
        let diagnostics = diagnostics(code, example, &blueprints);
        let mut all = diagnostics.iter();
        assert!(all.any(|d| d.code == code), "{name}: {diagnostics:#?}");
        Section {
            code,
            text,
            diagnostics,
        }
    };
    let sections = sections(page).into_iter().zip(Code::ALL);
    sections.map(checked).collect()
}

#[test]
fn the_page_shows_what_the_log_shows() {
    let page_text = std::fs::read_to_string(page()).unwrap();
    let mut updated = page_text.clone();
    for section in checked_sections(&page_text) {
        let blocks = blocks(section.text);
        let shown = blocks.iter().find(|block| block.info == "text").unwrap();
        let (before, after) = (
            format!("```text\n{}```", shown.text),
            rendered(&section.diagnostics),
        );
        let changed = section
            .text
            .replace(&before, &format!("```text\n{after}```"));
        updated = updated.replace(section.text, &changed);
    }
    if std::env::var_os("UPDATE_DOCUMENTATION").is_some() {
        std::fs::write(page(), updated).unwrap();
    } else {
        assert_eq!(
            page_text, updated,
            "write it anew with UPDATE_DOCUMENTATION=1"
        );
    }
}

/// The commands by which GitHub shows diagnostics beside the lines, `%0A` written as a line break.
fn annotations(diagnostics: &[Diagnostic]) -> String {
    let run = RunFacts {
        mode: Mode::Plan,
        compared_with: ComparedWith::Port,
        repository: RepoName::parse("octo-org/catalog").unwrap(),
        head: CommitSha::parse(&"1".repeat(40)).unwrap(),
        branch: None,
        server_url: "https://github.com".to_owned(),
        pull_request: None,
        port_url: None,
        documentation_url: Some("https://github.com/octo-org/port-gitops/blob/v1/docs".to_owned()),
    };
    let out = Shared::default();
    let log = Log::new(out.clone());
    let mut annotations = Annotations::new(diagnostics, [0, 0], Some(&run), &log);
    for diagnostic in diagnostics {
        annotations.write(diagnostic);
    }
    let commands = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    commands.replace("%0A", "\n  ")
}

#[test]
fn github_shows_each_beside_its_line() {
    let page_text = std::fs::read_to_string(page()).unwrap();
    let sections = checked_sections(&page_text).into_iter();
    let shown = sections
        .map(|section| format!("# {}\n{}", section.code, annotations(&section.diagnostics)));
    insta::assert_snapshot!("annotations", shown.collect::<Vec<_>>().join("\n"));
}
