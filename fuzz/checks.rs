//! What holds for any text whatever. Fuzzing looks for a text that shows otherwise, and
//! `tests/fuzz_corpus.rs` holds the texts in `corpus` against the same checks.

#![allow(dead_code, reason = "each target needs one of them")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a check may fail"
)]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use port_gitops::catalog::blueprint::{Blueprint, Blueprints};
use port_gitops::catalog::change::compare;
use port_gitops::catalog::declare::{EntityFile, FileContent, declare};
use port_gitops::catalog::entity::BlueprintId;
use port_gitops::catalog::mapping::Surroundings;
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::catalog::validate::{Omission, validate};
use port_gitops::diagnostic::{Code, Diagnostic};
use port_gitops::document::{Documents, Node, Value, parse};
use port_gitops::report::console;
use port_gitops::report::log::Log;
use port_gitops::run::evaluator::Mapper;
use port_gitops::text::{RepoPath, SourceFile};

/// As JSON: what serde_json reads is read, as the same value, and nothing else is.
pub fn json(text: &str) {
    let documents = read("port.json", text);
    let Documents { roots, diagnostics } = &documents;
    for node in roots.iter().flat_map(nodes).filter(|node| is_scalar(node)) {
        let alone: serde_json::Value = serde_json::from_str(&text[node.span.range()]).unwrap();
        assert_eq!(alone, node.to_json());
    }
    let has = |code| diagnostics.iter().any(|found| found.code == code);
    if has(Code::TooDeep) || has(Code::TooLarge) {
        return;
    }
    let bare = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    match serde_json::from_str::<serde_json::Value>(bare) {
        Ok(_) if has(Code::Syntax) => panic!("refused: {diagnostics:?}"),
        Ok(value) if diagnostics.is_empty() => assert_eq!(roots[0].to_json(), value),
        Ok(_) => {}
        Err(error) => assert!(has(Code::Syntax), "accepted, although {error}"),
    }
}

/// As YAML: each place lies in the text, and the values survive being written as JSON, which is
/// YAML.
pub fn yaml(text: &str) {
    let documents = read("port.yaml", text);
    if !documents.diagnostics.is_empty() {
        return;
    }
    for root in &documents.roots {
        let written = root.to_json().to_string();
        // Few aliases can stand for more than is read of a file.
        if written.len() <= port_gitops::document::MAX_BYTES {
            let again = read("port.yaml", &written);
            assert!(again.diagnostics.is_empty(), "{:?}", again.diagnostics);
            assert_eq!(again.roots[0].to_json(), root.to_json());
        }
    }
}

/// As an entity file, JSON if it starts with a bracket: what the log shows of it is never read as a
/// command by the runner.
pub fn diagnostics(text: &str) {
    let is_json = text.starts_with(['{', '[']);
    diagnostics_at(if is_json { "port.json" } else { "port.yml" }, text);
}

/// The same for a file at `path`.
pub fn diagnostics_at(path: &str, text: &str) {
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(RepoPath::new(path), text)),
        default_blueprint: BlueprintId::parse("b").ok(),
    };
    let head = declare(&[file], &RULES);
    let changes = compare(&[], &head, &std::collections::BTreeSet::new());
    let validated = validate(changes, &BLUEPRINTS, Omission::IsMissing);
    check_places(text, head.diagnostics.iter().chain(&validated.diagnostics));

    let shown = Shown::default();
    let log = Log::new(shown.clone());
    console::write_diagnostics(console::ColourMode::Always, &head.diagnostics, &log);
    console::write_diagnostics(console::ColourMode::Always, &validated.diagnostics, &log);
    let shown = String::from_utf8(shown.0.lock().unwrap().clone()).unwrap();
    for line in shown.split(['\n', '\r']) {
        assert!(!line.trim_start().starts_with("::"), "{line}");
        assert!(!line.contains("##["), "{line}");
    }
}

/// What stands between an expression and the file that it is evaluated on.
const FILE: &str = "\n----\n";

/// As an expression and a file, with [`FILE`] between them: whatever they are, it ends soon, and each place lies in
/// one of the two.
pub fn mapping(text: &str) {
    let (expression, file) = text.split_once(FILE).unwrap_or((text, "{}"));
    let mapping = MAPPING.replace(
        "EXPRESSION",
        &serde_json::Value::from(expression).to_string(),
    );
    let mapping =
        port_gitops::catalog::mapping::parse(&SourceFile::new(RepoPath::new("m.json"), mapping));
    check_places(mapping.source().text(), &mapping.diagnostics);
    let source = SourceFile::new(RepoPath::new("x.json"), file);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mapper = Mapper::new(Some(program()), Surroundings::default());
    let mapped = runtime
        .block_on(mapper.map(&mapping, &source, source.path()))
        .unwrap();
    let mapped = EntityFile {
        content: FileContent::Mapped(Arc::new(mapped)),
        default_blueprint: None,
    };
    let head = declare(&[mapped], &RULES);
    for diagnostic in &head.diagnostics {
        let location = diagnostic.location();
        assert!(file.get(location.span.range()).is_some(), "{diagnostic:?}");
    }
}

const MAPPING: &str = r#"{"resources": [{
  "kind": "file",
  "selector": {"query": "true", "files": [{"path": "*.json"}]},
  "port": {"itemsToParse": EXPRESSION, "entity": {"mappings": {
    "identifier": ".item.id", "blueprint": "\"b\"", "title": EXPRESSION, "properties": {"a": EXPRESSION}
  }}}
}]}"#;

/// The program whose processes evaluate expressions: what a test was built with, or the variable says.
fn program() -> &'static Path {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let named = std::env::var_os("PORT_GITOPS_PROGRAM").map(PathBuf::from);
        let built = option_env!("CARGO_BIN_EXE_port-gitops").map(PathBuf::from);
        named
            .or(built)
            .expect("PORT_GITOPS_PROGRAM names the program")
    });
    &PROGRAM
}

fn read(path: &str, text: &str) -> Documents {
    let documents = parse(&SourceFile::new(RepoPath::new(path), text));
    check_places(text, &documents.diagnostics);
    for node in documents.roots.iter().flat_map(nodes) {
        assert!(text.get(node.span.range()).is_some(), "{node:?}");
    }
    documents
}

/// Every place lies in the text, and is found.
fn check_places<'d>(text: &str, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
    for diagnostic in diagnostics {
        for label in diagnostic.related.iter().chain([&diagnostic.primary]) {
            assert!(
                text.get(label.location.span.range()).is_some(),
                "{diagnostic:?}"
            );
            assert!(
                label.location.start() <= label.location.end(),
                "{diagnostic:?}"
            );
        }
    }
}

fn is_scalar(node: &Node) -> bool {
    !matches!(node.value, Value::Array(_) | Value::Object(_))
}

/// `root` and every node below it.
fn nodes(root: &Node) -> Vec<&Node> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(node) = found.get(next) {
        match &node.value {
            Value::Array(items) => found.extend(items),
            Value::Object(members) => found.extend(members.iter().map(|member| &member.value)),
            _ => {}
        }
        next += 1;
    }
    found
}

const BLUEPRINT: &str = r#"{
  "schema": {"properties": {
    "text": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
    "link": {"type": "string", "format": "url"},
    "when": {"type": "string", "format": "date-time"},
    "mail": {"type": "string", "format": "email"},
    "level": {"enum": ["low", "high"]},
    "list": {"type": "array", "items": {"enum": ["a", 1]}},
    "tree": {"type": "object", "required": ["a"], "additionalProperties": {"type": "number"}}
  }, "required": ["text"]},
  "calculationProperties": {"sum": {}},
  "relations": {"one": {"target": "b"}, "many": {"target": "b", "many": true, "required": true}}
}"#;

/// Schemas are compiled once: that takes longer than everything else.
static BLUEPRINTS: LazyLock<Blueprints> = LazyLock::new(|| {
    let blueprint = Blueprint::from_json(serde_json::from_str(BLUEPRINT).unwrap()).unwrap();
    let id = |name| BlueprintId::parse(name).unwrap();
    Blueprints {
        known: [(id("b"), blueprint)].into(),
        missing: [id("c")].into(),
        names: vec!["b".to_owned()],
        ..Blueprints::default()
    }
});

static RULES: LazyLock<BlueprintRules> = LazyLock::new(|| BlueprintRules::parse("*").unwrap());

/// What the log shows.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
