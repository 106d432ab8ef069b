//! Properties whose value is another file's text.
//!
//! A text `file://path` anywhere in an entity's properties stands for the text of that file at the
//! same revision: `file://./x` and `file://../x` are beside the entity file, `file://x` begins at the
//! repository's root. An absolute `file:///x` is a URL like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::declare::{Declaration, Declarations, Invalid, error_codes};
use super::entity::property_values;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{Node, Value};
use crate::git;
use crate::text::{Location, RepoPath, Span};

/// The most bytes of a file that becomes a property: Port takes 1 MiB for the whole entity.
pub const MAX_BYTES: usize = 512 * 1024;

/// What some editors begin a file with; it is no part of the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What such a text begins with.
pub const SCHEME: &str = "file://";

/// Where such a text leads.
const RULE: &str = "`file://./x` is beside this file, `file://x` begins at the repository's root";

/// A file that a property names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextReference {
    /// Where it should be.
    pub path: RepoPath,
    /// The span of the property's value.
    pub span: Span,
}

/// What a revision has at a path that a property names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referenced {
    /// The file's text.
    Text(String),
    /// Nothing.
    Absent,
    /// Nothing, and in the same folder a file whose name is nearly the same.
    Near(String),
    /// A folder, or a submodule.
    Folder,
    /// A symbolic link.
    Symlink,
    /// A file that is not UTF-8.
    Binary,
    /// More than [`MAX_BYTES`].
    TooLarge,
}

/// Why a path names no file of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NoPath {
    Empty,
    Outside,
}

/// The files that the properties of `declaration` name, which is in the repository's file `at`, as
/// often as they do. Paths that lead out of the repository are left out: [`resolve`] says what is
/// wrong with them.
pub fn references(declaration: &Declaration, at: &RepoPath) -> Vec<TextReference> {
    let mut references = Vec::new();
    if !names_files(declaration) {
        return references;
    }
    if let Some(properties) = declaration.node().get("properties") {
        each_text(properties, &mut |text, span| {
            if let Some(Ok(path)) = target(at, text) {
                references.push(TextReference { path, span });
            }
        });
    }
    references
}

/// Replaces the files' names by their texts; `contents` has what is at each of
/// [`references`]'s paths. Spans are still those in the entity file.
///
/// # Errors
/// What is wrong with each reference that has no text.
pub fn resolve(
    declaration: &Declaration,
    at: &RepoPath,
    contents: &BTreeMap<RepoPath, Referenced>,
) -> Result<Declaration, Vec<Diagnostic>> {
    let mut node = declaration.node().clone();
    let mut values = None;
    let mut texts = BTreeSet::new();
    let mut diagnostics = Vec::new();
    let mut read = |text: &str, span| {
        let mut help = RULE.to_owned();
        let problem = match target(at, text)? {
            Err(NoPath::Empty) => "names no file".to_owned(),
            Err(NoPath::Outside) => "leads out of the repository".to_owned(),
            Ok(path) => match contents.get(&path).unwrap_or(&Referenced::Absent) {
                Referenced::Text(text) if is_property(text) => {
                    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
                    texts.insert(path);
                    return Some(text.to_owned());
                }
                other => {
                    if let (Referenced::Near(name), Some((folder, _))) =
                        (other, text.rsplit_once('/'))
                    {
                        help = format!("did you mean `{folder}/{name}`?");
                    }
                    problem(&path, other)
                }
            },
        };
        let location = Location::new(&declaration.source, span);
        let message = format!("`{text}` {problem}");
        diagnostics.push(
            Diagnostic::new(Code::InvalidFileReference, location, message)
                .label("no text to put here")
                .help(help),
        );
        None
    };
    if let Some(properties) = properties_of(&mut node) {
        replace_texts(properties, &mut read);
        if let Value::Object(members) = &properties.value {
            values = Some(property_values(members, declaration.entity.clearing));
        }
    }
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let mut resolved = declaration.with_node(node);
    resolved.entity.properties = values.unwrap_or_default();
    resolved.texts = texts;
    Ok(resolved)
}

/// Replaces the files' names by their texts in all of `declarations`; `read` gives where in
/// the repository an entity file is, and what is at each of [`references`]'s paths. Where a text
/// cannot be had, the entity is invalid.
pub fn resolve_all(
    declarations: &mut Declarations,
    mut read: impl FnMut(&Declaration) -> (RepoPath, BTreeMap<RepoPath, Referenced>),
) {
    let (mut invalid, mut diagnostics) = (Vec::new(), Vec::new());
    let mut fill = |declaration: Arc<Declaration>| {
        if !names_files(&declaration) {
            return Some(declaration);
        }
        let (at, contents) = read(&declaration);
        match resolve(&declaration, &at, &contents) {
            Ok(resolved) if resolved.texts.is_empty() => Some(declaration),
            Ok(resolved) => Some(Arc::new(resolved)),
            Err(found) => {
                invalid.push(Invalid {
                    key: Some(declaration.entity.key()),
                    location: declaration.location(),
                    codes: error_codes(&found),
                });
                diagnostics.extend(found);
                None
            }
        }
    };
    let valid = std::mem::take(&mut declarations.valid);
    declarations.valid = valid.into_iter().filter_map(&mut fill).collect();
    declarations.reject(invalid, diagnostics);
}

/// Whether a property names a file, be it one outside of the repository.
fn names_files(declaration: &Declaration) -> bool {
    let mut properties = declaration.entity.properties.values();
    properties.any(holds_reference)
}

/// Whether a value is or holds a text that stands for a file.
pub(crate) fn holds_reference(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => is_reference(text),
        serde_json::Value::Array(items) => items.iter().any(holds_reference),
        serde_json::Value::Object(members) => members.values().any(holds_reference),
        _ => false,
    }
}

/// Whether a text can be a property's value.
fn is_property(text: &str) -> bool {
    text.len() <= MAX_BYTES && !text.contains('\0') && !git::is_lfs_pointer(text)
}

fn problem(path: &RepoPath, what: &Referenced) -> String {
    match what {
        Referenced::Text(text) if git::is_lfs_pointer(text) => {
            format!(
                "cannot be used: `{path}` is a Git LFS pointer, so its content is not in Git; take the file out of Git LFS"
            )
        }
        Referenced::Text(text) if text.len() <= MAX_BYTES => {
            format!("cannot be used: `{path}` holds a zero byte, so it is no text")
        }
        Referenced::Text(_) | Referenced::TooLarge => {
            format!(
                "cannot be used: `{path}` has more than {} KiB",
                MAX_BYTES / 1024
            )
        }
        Referenced::Absent | Referenced::Near(_) => {
            format!("cannot be read: there is no file `{path}`")
        }
        Referenced::Folder => format!("cannot be read: `{path}` is a folder"),
        Referenced::Symlink => {
            format!("cannot be read: `{path}` is a symbolic link, which is not followed")
        }
        Referenced::Binary => format!("cannot be used: `{path}` is not UTF-8 text"),
    }
}

/// The file that `text` names; `None` if it names none.
fn target(entity_file: &RepoPath, text: &str) -> Option<Result<RepoPath, NoPath>> {
    let path = text.strip_prefix(SCHEME)?;
    if path.starts_with('/') {
        return None;
    }
    let is_beside = path.starts_with("./") || path.starts_with("../");
    let mut parts: Vec<&str> = Vec::new();
    if is_beside {
        parts.extend(entity_file.as_str().split('/'));
        parts.pop();
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Some(Err(NoPath::Outside)),
            ".." => {}
            part => parts.push(part),
        }
    }
    Some(match parts.is_empty() {
        true => Err(NoPath::Empty),
        false => Ok(RepoPath::new(parts.join("/"))),
    })
}

/// Whether `text`, in a property, stands for the text of a file.
pub(crate) fn is_reference(text: &str) -> bool {
    target(&RepoPath::new(""), text).is_some()
}

fn properties_of(node: &mut Node) -> Option<&mut Node> {
    let Value::Object(members) = &mut node.value else {
        return None;
    };
    let properties = members.iter_mut().find(|member| member.key == "properties");
    properties.map(|member| &mut member.value)
}

fn each_text(node: &Node, look: &mut impl FnMut(&str, Span)) {
    match &node.value {
        Value::String(text) => look(text, node.span),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, look)),
        Value::Object(members) => members
            .iter()
            .for_each(|member| each_text(&member.value, look)),
        _ => {}
    }
}

fn replace_texts(node: &mut Node, read: &mut impl FnMut(&str, Span) -> Option<String>) {
    let span = node.span;
    match &mut node.value {
        Value::String(text) => {
            if let Some(replacement) = read(text, span) {
                *text = replacement;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace_texts(item, read)),
        Value::Object(members) => members
            .iter_mut()
            .for_each(|member| replace_texts(&mut member.value, read)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::testing::declaration;

    fn path(file: &str, text: &str) -> Option<Result<String, NoPath>> {
        let target = target(&RepoPath::new(file), text)?;
        Some(target.map(|path| path.as_str().to_owned()))
    }

    #[test]
    fn paths_begin_beside_the_file_or_at_the_root() {
        let ok = |path: &str| Some(Ok(path.to_owned()));
        let file = "services/a/port.yml";
        assert_eq!(path(file, "file://./README.md"), ok("services/a/README.md"));
        assert_eq!(path(file, "file://../b/x.md"), ok("services/b/x.md"));
        assert_eq!(path(file, "file://../../x.md"), ok("x.md"));
        assert_eq!(path(file, "file://docs/./a/../x.md"), ok("docs/x.md"));
        assert_eq!(path("port.yml", "file://./x.md"), ok("x.md"));
        assert_eq!(path(file, "file:///etc/passwd"), None);
        assert_eq!(path(file, "https://x"), None);
        assert_eq!(path(file, "see file://x"), None);
        assert_eq!(path(file, "file://../../../x"), Some(Err(NoPath::Outside)));
        assert_eq!(
            path(file, "file://docs/../../x"),
            Some(Err(NoPath::Outside))
        );
        assert_eq!(path(file, "file://"), Some(Err(NoPath::Empty)));
        assert_eq!(path("port.yml", "file://./"), Some(Err(NoPath::Empty)));
    }

    #[test]
    fn texts_are_put_in_place_at_any_depth() {
        let declaration = declaration(json!({
            "title": "file://a.md",
            "properties": {"a": "file://a.md", "o": {"l": [1, "file://./b.md"]}, "u": "file:///x"},
        }));
        let found: Vec<_> = references(&declaration, declaration.source.path())
            .into_iter()
            .map(|one| one.path.as_str().to_owned())
            .collect();
        assert_eq!(found, ["a.md", "b.md"]);
        let contents = [("a.md", "\u{feff}A"), ("b.md", "B")]
            .map(|(path, text)| (RepoPath::new(path), Referenced::Text(text.to_owned())));
        let resolved = resolve(
            &declaration,
            declaration.source.path(),
            &BTreeMap::from(contents),
        )
        .unwrap();
        let expected = json!({"a": "A", "o": {"l": [1, "B"]}, "u": "file:///x"});
        assert_eq!(
            serde_json::Value::from(resolved.entity.properties.clone()),
            expected
        );
        assert_eq!(
            resolved.entity.title.value().map(String::as_str),
            Some("file://a.md")
        );
        let node = resolved.node().get("properties").unwrap();
        assert_eq!(node.get("a").unwrap().as_str(), Some("A"));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_on_its_line() {
        let declaration = declaration(json!({"properties": {
            "a": "file://none", "b": "file://large", "c": "file://../x", "d": "file://folder",
            "e": "file://zero",
        }}));
        let contents = BTreeMap::from([
            (
                RepoPath::new("large"),
                Referenced::Text("x".repeat(MAX_BYTES + 1)),
            ),
            (RepoPath::new("folder"), Referenced::Folder),
            (RepoPath::new("zero"), Referenced::Text("a\0b".to_owned())),
        ]);
        let diagnostics = resolve(&declaration, declaration.source.path(), &contents).unwrap_err();
        let found: Vec<_> = diagnostics
            .iter()
            .map(|one| {
                (
                    one.location().source.slice(one.location().span),
                    &*one.message,
                )
            })
            .collect();
        let expected = [
            (
                r#""file://none""#,
                "`file://none` cannot be read: there is no file `none`",
            ),
            (
                r#""file://large""#,
                "`file://large` cannot be used: `large` has more than 512 KiB",
            ),
            (
                r#""file://../x""#,
                "`file://../x` leads out of the repository",
            ),
            (
                r#""file://folder""#,
                "`file://folder` cannot be read: `folder` is a folder",
            ),
            (
                r#""file://zero""#,
                "`file://zero` cannot be used: `zero` holds a zero byte, so it is no text",
            ),
        ];
        assert_eq!(found, expected);
    }
}
