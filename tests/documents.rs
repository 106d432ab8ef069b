//! What the documents show can be copied: entities are read without a word, and what is given to
//! the action is something that it knows. `.ci/snippets` has workflows checked by other tools.

#![cfg(test)]

use std::fs;
use std::path::Path;

use port_gitops::catalog::declare::{EntityFile, FileContent, declare};
use port_gitops::catalog::rules::{BlueprintRules, FileRules, RepositoryRules};
use port_gitops::document::{self, Node, Value};
use port_gitops::inputs;
use port_gitops::text::{RepoPath, SourceFile};

/// A block between fences that say `yaml` or `json` and no more. One that names a file shows a
/// mistake, and has a test of its own.
struct Snippet {
    /// The document, and the line that the block begins in.
    place: String,
    source: std::sync::Arc<SourceFile>,
}

fn snippets() -> Vec<Snippet> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![
        root.join("README.md"),
        root.join("SECURITY.md"),
        root.join("CONTRIBUTING.md"),
    ];
    let docs = fs::read_dir(root.join("docs")).unwrap();
    pages.extend(docs.map(|entry| entry.unwrap().path()));
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.iter().flat_map(|page| snippets_of(page)).collect()
}

fn snippets_of(page: &Path) -> Vec<Snippet> {
    let text = fs::read_to_string(page).unwrap();
    let name = page.file_name().unwrap().to_str().unwrap();
    let mut found = Vec::new();
    let mut open: Option<(usize, String, String)> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => open = Some((index + 1, info.to_owned(), String::new())),
            (Some((start, info, text)), Some(_)) => {
                if matches!(info.as_str(), "yaml" | "json") {
                    let place = format!("{name}:{start}");
                    let path = RepoPath::new(format!("snippet.{info}"));
                    let source = SourceFile::new(path, text.clone());
                    found.push(Snippet { place, source });
                }
                open = None;
            }
            (Some((_, _, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{name}: a block without an end");
    found
}

impl Snippet {
    fn root(&self) -> Node {
        let documents = document::parse(&self.source);
        assert!(
            documents.diagnostics.is_empty(),
            "{}: {:#?}",
            self.place,
            documents.diagnostics
        );
        assert_eq!(documents.roots.len(), 1, "{}", self.place);
        documents.roots.into_iter().next().unwrap()
    }
}

fn members(node: &Node) -> Vec<(&str, &Node)> {
    match &node.value {
        Value::Object(members) => members.iter().map(|m| (m.key.as_str(), &m.value)).collect(),
        _ => Vec::new(),
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::Array(items) => items,
        _ => &[],
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Entities,
    Workflow,
    Steps,
    /// A step's or a called job's `with`, alone.
    Given,
    PreCommit,
}

fn kind(root: &Node) -> Option<Kind> {
    let first = items(root).first().unwrap_or(root);
    let has = |key| first.get(key).is_some();
    match () {
        () if has("identifier") => Some(Kind::Entities),
        () if has("jobs") => Some(Kind::Workflow),
        () if has("uses") => Some(Kind::Steps),
        () if has("with") => Some(Kind::Given),
        () if has("repos") => Some(Kind::PreCommit),
        () => None,
    }
}

#[test]
fn every_snippet_is_of_a_kind_that_is_tested() {
    let snippets = snippets();
    let mut seen = Vec::new();
    for snippet in &snippets {
        let kind = kind(&snippet.root());
        seen.push(kind.unwrap_or_else(|| panic!("{} is of no kind", snippet.place)));
    }
    for kind in [
        Kind::Entities,
        Kind::Workflow,
        Kind::Steps,
        Kind::Given,
        Kind::PreCommit,
    ] {
        assert!(seen.contains(&kind), "no document shows {kind:?}");
    }
}

#[test]
fn every_entity_that_is_shown_is_read_without_a_word() {
    let all = BlueprintRules::parse("*").unwrap();
    for snippet in snippets() {
        if kind(&snippet.root()) != Some(Kind::Entities) {
            continue;
        }
        let file = EntityFile {
            content: FileContent::Text(snippet.source),
            default_blueprint: None,
        };
        let declared = declare(&[file], &all);
        assert!(!declared.valid.is_empty(), "{}", snippet.place);
        assert!(
            declared.diagnostics.is_empty(),
            "{}: {:#?}",
            snippet.place,
            declared.diagnostics
        );
    }
}

#[test]
fn everything_that_is_given_to_the_action_is_known() {
    let mut checked = 0;
    for snippet in snippets() {
        let root = snippet.root();
        let mut uses = Vec::new();
        match kind(&root) {
            Some(Kind::Given) => uses.push(&root),
            Some(Kind::Steps) => uses.extend(items(&root)),
            Some(Kind::Workflow) => {
                for (_, job) in members(root.get("jobs").unwrap()) {
                    uses.push(job);
                    uses.extend(job.get("steps").into_iter().flat_map(items));
                }
            }
            _ => {}
        }
        for node in uses {
            checked += check_use(node, &snippet.place);
        }
    }
    assert!(checked >= 10, "only {checked} values were found");
}

/// What is tested of the template holds for what people copy.
#[test]
fn the_documents_show_the_templates_job() {
    let template = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/workflow-templates/port-gitops.yml"
    );
    let text = fs::read_to_string(template).unwrap();
    let template = Snippet {
        place: "the template".to_owned(),
        source: SourceFile::new(RepoPath::new("port-gitops.yml"), text),
    };
    let job = |snippet: &Snippet| {
        let root = snippet.root();
        let job = root.get("jobs").and_then(|jobs| jobs.get("port"));
        // An example of inputs is an example of these.
        let job = job.filter(|job| job.get("with").is_none());
        root.get("on").and(job).map(Node::to_json)
    };
    let expected = job(&template).unwrap();
    let shown = snippets().into_iter().filter(|snippet| {
        let is_page = |page: &str| snippet.place.starts_with(page);
        is_page("README.md") || is_page("setup.md")
    });
    let jobs: Vec<_> = shown.filter_map(|snippet| job(&snippet)).collect();
    assert_eq!(jobs, [expected.clone(), expected]);
}

/// The inputs and the secrets of a workflow that others call.
fn settable(file: &str) -> (Vec<String>, Vec<String>) {
    let path = format!(".github/workflows/{file}");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).unwrap();
    let documents = document::parse(&SourceFile::new(RepoPath::new(path), text));
    let call = documents.roots[0].get("on").unwrap().get("workflow_call");
    let names = |section| {
        let declared = members(call.unwrap().get(section).unwrap());
        declared
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect()
    };
    (names("inputs"), names("secrets"))
}

/// How many values a step or job gives to the action.
fn check_use(node: &Node, place: &str) -> usize {
    let target = node
        .get("uses")
        .and_then(Node::as_str)
        .unwrap_or("OWNER/port-gitops");
    if !target.starts_with("OWNER/port-gitops") {
        return 0;
    }
    let given = |section: &str| node.get(section).map(members).unwrap_or_default();
    let (with, secrets) = (given("with"), given("secrets"));
    let called = target.split_once("/.github/workflows/").map(|(_, file)| {
        let file = file.split('@').next().unwrap();
        settable(file)
    });
    let action = || (inputs::NAMES.map(str::to_owned).to_vec(), Vec::new());
    let (known_inputs, known_secrets) = called.unwrap_or_else(action);
    for (name, value) in &with {
        let is_known = known_inputs.iter().any(|known| known == name);
        assert!(is_known, "{place}: there is no input `{name}`");
        let text = value.as_str().unwrap_or_default();
        match *name {
            "files" => drop(FileRules::parse(text).unwrap()),
            "blueprints" => drop(BlueprintRules::parse(text).unwrap()),
            "repositories" => drop(RepositoryRules::parse(text).unwrap()),
            _ => {}
        }
    }
    for (name, _) in &secrets {
        let is_known = known_secrets.iter().any(|known| known == name);
        assert!(is_known, "{place}: there is no secret `{name}`");
    }
    with.len() + secrets.len()
}
