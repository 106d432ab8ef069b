//! The mapping's file → a [`Mapping`], with everything that is wrong with it.

use std::sync::Arc;

use globset::GlobBuilder;

use super::jq::{Flaw, ParsedExpression, PathStep, read_all};
use super::{
    ContentKind, Expression, ExpressionId, ExpressionKind, FileRule, Items, Mapping, Resource,
    TemplateField, ValueTemplate,
};
use crate::catalog::entity::nearest;
use crate::catalog::reference::SCHEME;
use crate::catalog::rules::Effect;
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{self, Member, Node, Value};
use crate::text::{Location, SourceFile, Span};

/// What expressions call an item where nothing else is said.
const ITEM: &str = "item";
/// How many errors are reported of one mapping.
const MAX_ERRORS: usize = 100;

/// Keys of [Port's format][docs] that have no effect here, and where to set the same.
///
/// [docs]: https://ocean.port.io/framework/features/resource-mapping
type Unused = &'static [(&'static str, &'static str)];

const UNUSED_AT_TOP: Unused = &[
    (
        "createMissingRelatedEntities",
        "set the action's input `create-missing-related-entities`",
    ),
    (
        "deleteDependentEntities",
        "dependents are never deleted: remove the line",
    ),
    ("enableMergeEntity", "set the action's input `merge`"),
    (
        "entityDeletionThreshold",
        "set the action's input `max-deletes`",
    ),
    (
        "organizations",
        "a mapping is of the repository that it is in: remove the line",
    ),
    (
        "repositoryType",
        "a mapping is of the repository that it is in: remove the line",
    ),
];
const UNUSED_IN_FILES: Unused = &[
    (
        "organization",
        "a mapping is of the repository that it is in: remove the line",
    ),
    (
        "validationCheck",
        "every pull request is checked: remove the line",
    ),
];
const UNUSED_IN_REPOS: Unused = &[(
    "branch",
    "the branch is the one that the workflow runs on: remove the line",
)];
const UNUSED_IN_PORT: Unused = &[(
    "itemsToParseTopLevelTransform",
    "`.content` is always there beside the item: remove the line",
)];

/// Reads a mapping.
pub fn parse(source: &Arc<SourceFile>) -> Mapping {
    let mut reader = MappingReader {
        source,
        diagnostics: Vec::new(),
        errors: 0,
        is_unclear: false,
        expressions: Vec::new(),
    };
    let documents = document::parse(source);
    if let Some(error) = documents.diagnostics.iter().find(|one| one.is_error()) {
        let error = Diagnostic {
            code: Code::InvalidMapping,
            ..error.clone()
        };
        return Mapping::unreadable(error);
    }
    let resources = match documents.roots.as_slice() {
        [root] => reader.resources(root),
        _ => {
            let span = documents
                .roots
                .get(1)
                .map_or(Span::new(0, 0), |root| root.span);
            reader.error(span, "a mapping is one document with `resources`");
            None
        }
    };
    let is_unreadable = resources.is_none() || reader.is_unclear;
    let mut resources = resources.unwrap_or_default();
    let (expressions, filters) = reader.compile(&mut resources);
    Mapping {
        source: Arc::clone(source),
        is_unreadable,
        resources: resources.into_iter().map(|one| one.resource).collect(),
        expressions,
        filters,
        diagnostics: reader.diagnostics,
    }
}

/// A resource, and the numbers of its expressions.
struct Draft {
    resource: Resource,
    expressions: std::ops::Range<usize>,
}

struct MappingReader<'s> {
    source: &'s Arc<SourceFile>,
    diagnostics: Vec<Diagnostic>,
    errors: usize,
    /// Whether a mistake keeps it from being known which files are meant.
    is_unclear: bool,
    expressions: Vec<(Span, Text)>,
}

/// What stands where an expression may stand.
enum Text {
    Expression(String),
    /// A reference to a file's text, which is no expression.
    Reference(String),
}

impl MappingReader<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>) -> Option<&mut Diagnostic> {
        self.errors += 1;
        if self.errors > MAX_ERRORS {
            return None;
        }
        let location = Location::new(self.source, span);
        let diagnostic = Diagnostic::new(Code::InvalidMapping, location, message);
        self.diagnostics.push(diagnostic);
        self.diagnostics.last_mut()
    }

    fn error_with_help(&mut self, span: Span, message: String, help: impl Into<String>) {
        if let Some(diagnostic) = self.error(span, message) {
            *diagnostic = diagnostic.clone().help(help);
        }
    }

    fn unused(&mut self, span: Span, message: String, help: &str) {
        let location = Location::new(self.source, span);
        let notice = Diagnostic::new(Code::UnusedSetting, location, message);
        self.diagnostics.push(notice.help(help));
    }

    fn wrong_type(&mut self, node: &Node, what: &str, needed: &str) {
        let message = format!("{what} must be {needed}, found {}", node.kind());
        self.error(node.span, message);
    }

    /// The members of a mapping whose keys are known; says what is wrong with the others.
    fn members<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&'static str],
        unused: Unused,
    ) -> Option<Vec<&'n Member>> {
        let Value::Object(members) = &node.value else {
            self.wrong_type(node, what, "an object");
            return None;
        };
        let mut found = Vec::new();
        for member in members {
            let key = member.key.as_str();
            if known.contains(&key) {
                found.push(member);
            } else if let Some((_, help)) = unused.iter().find(|(name, _)| *name == key) {
                self.unused(member.key_span, format!("`{key}` has no effect here"), help);
            } else {
                let message = format!("{what} has no key `{key}`");
                let help = match nearest(key, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("it may have {}", list(known)),
                };
                self.error_with_help(member.key_span, message, help);
            }
        }
        Some(found)
    }

    fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let text = node.as_str();
        if text.is_none() {
            self.wrong_type(node, what, "a string");
        }
        text
    }

    fn resources(&mut self, root: &Node) -> Option<Vec<Draft>> {
        let members = self.members(root, "a mapping", &["resources"], UNUSED_AT_TOP)?;
        let Some(resources) = members.first() else {
            let span = Span::new(root.span.start, root.span.start);
            self.error(span, "the mapping has no `resources`");
            return None;
        };
        let Value::Array(items) = &resources.value.value else {
            self.wrong_type(&resources.value, "`resources`", "a list");
            return None;
        };
        Some(items.iter().filter_map(|item| self.draft(item)).collect())
    }

    fn draft(&mut self, node: &Node) -> Option<Draft> {
        let (first, errors) = (self.expressions.len(), self.errors);
        let resource = self.resource(node);
        self.is_unclear |= resource.is_none() && self.errors > errors;
        let mut resource = resource?;
        if self.errors > errors {
            resource.flaw = Some(node.span);
        }
        Some(Draft {
            resource,
            expressions: first..self.expressions.len(),
        })
    }

    /// `None` for what is no resource of files.
    fn resource(&mut self, node: &Node) -> Option<Resource> {
        let kind = node.member("kind");
        if let Some(kind) = kind.filter(|kind| kind.value.as_str().is_some_and(|one| one != "file"))
        {
            let name = kind.value.as_str().unwrap_or_default();
            let message = format!("a resource of kind `{name}` has no effect here");
            let help = "only `file` is mapped here: leave the others to Port's own integration";
            self.unused(kind.value.span, message, help);
            return None;
        }
        let mut resource = Resource {
            files: Vec::new(),
            query: None,
            items: None,
            entities: Vec::new(),
            flaw: None,
        };
        for member in self.members(node, "a resource", &["kind", "selector", "port"], &[])? {
            match member.key.as_str() {
                "selector" => self.selector(&member.value, &mut resource),
                "port" => self.port(&member.value, &mut resource),
                _ => drop(self.text(&member.value, "`kind`")),
            }
        }
        for key in ["kind", "selector", "port"] {
            if matches!(node.value, Value::Object(_)) && node.get(key).is_none() {
                self.error(start_of(node), format!("the resource has no `{key}`"));
            }
        }
        Some(resource)
    }

    fn selector(&mut self, node: &Node, resource: &mut Resource) {
        let errors = self.errors;
        let members = self.members(node, "`selector`", &["query", "files"], &[]);
        for member in members.unwrap_or_default() {
            match (member.key.as_str(), &member.value.value) {
                ("query", _) => {
                    resource.query = self.expression(&member.value, "`query`");
                }
                (_, Value::Array(items)) => {
                    let rules = items.iter().filter_map(|item| self.file_rule(item));
                    resource.files = rules.collect();
                }
                _ => self.wrong_type(&member.value, "`files`", "a list"),
            }
        }
        if matches!(node.value, Value::Object(_)) && node.get("files").is_none() {
            self.error_with_help(
                start_of(node),
                "the selector has no `files`".to_owned(),
                "add `files` with a list of paths, such as `- path: '**/package.json'`",
            );
        }
        self.is_unclear |= self.errors > errors;
    }

    fn file_rule(&mut self, node: &Node) -> Option<FileRule> {
        let known = ["path", "repos", "skipParsing"];
        let members = self.members(node, "an item of `files`", &known, UNUSED_IN_FILES)?;
        let (mut path, mut repositories, mut reading) = (None, None, ContentKind::Parsed);
        for member in members {
            match (member.key.as_str(), &member.value.value) {
                ("path", _) => path = self.glob(&member.value),
                ("repos", _) => repositories = self.repositories(&member.value),
                (_, Value::Bool(true)) => reading = ContentKind::Text,
                (_, Value::Bool(false)) => {}
                _ => self.wrong_type(&member.value, "`skipParsing`", "`true` or `false`"),
            }
        }
        if node.get("path").is_none() {
            self.error(start_of(node), "the item of `files` has no `path`");
        }
        let (glob, effect) = path?;
        Some(FileRule {
            glob,
            effect,
            repositories,
            reading,
            span: node.get("path").map_or(node.span, |path| path.span),
        })
    }

    /// A `*` does not cross `/`, and a `!` excludes, as in the input `files`.
    fn glob(&mut self, node: &Node) -> Option<(globset::GlobMatcher, Effect)> {
        let text = self.text(node, "`path`")?;
        let (plain, effect) = match text.strip_prefix('!') {
            Some(plain) => (plain, Effect::Exclude),
            None => (text, Effect::Include),
        };
        let plain = plain.trim_start_matches("./").trim_start_matches('/');
        let glob = GlobBuilder::new(plain).literal_separator(true).build();
        match glob {
            Ok(glob) => Some((glob.compile_matcher(), effect)),
            Err(error) => {
                let message = format!("`{text}` is not a glob: {}", error.kind());
                self.error(node.span, message);
                None
            }
        }
    }

    /// The names of repositories, each alone or in an object of its own.
    fn repositories(&mut self, node: &Node) -> Option<Vec<String>> {
        if node.is_null() {
            return None;
        }
        let Value::Array(items) = &node.value else {
            self.wrong_type(node, "`repos`", "a list");
            return None;
        };
        let mut names = Vec::new();
        for item in items {
            if let Some(name) = item.as_str() {
                names.push(name.to_owned());
                continue;
            }
            let members = self.members(item, "an item of `repos`", &["name"], UNUSED_IN_REPOS);
            let name = members.unwrap_or_default().into_iter().next();
            let name = name.and_then(|name| self.text(&name.value, "`name`"));
            names.extend(name.map(str::to_owned));
        }
        Some(names)
    }

    fn port(&mut self, node: &Node, resource: &mut Resource) {
        let known = ["entity", "itemsToParse", "itemsToParseName"];
        let (mut items, mut name) = (None, ITEM.to_owned());
        let members = self.members(node, "`port`", &known, UNUSED_IN_PORT);
        for member in members.unwrap_or_default() {
            match member.key.as_str() {
                "entity" => self.entity(&member.value, resource),
                "itemsToParse" if member.value.is_null() => {}
                "itemsToParse" => items = self.expression(&member.value, "`itemsToParse`"),
                _ => {
                    let given = self.text(&member.value, "`itemsToParseName`");
                    name = given.unwrap_or(ITEM).to_owned();
                }
            }
        }
        resource.items = items.map(|expression| Items { expression, name });
        if matches!(node.value, Value::Object(_)) && node.get("entity").is_none() {
            self.error(start_of(node), "`port` has no `entity`");
        }
    }

    fn entity(&mut self, node: &Node, resource: &mut Resource) {
        let members = self.members(node, "`entity`", &["mappings"], &[]);
        let Some(mappings) = members.and_then(|members| members.into_iter().next()) else {
            if matches!(node.value, Value::Object(_)) {
                self.error(start_of(node), "`entity` has no `mappings`");
            }
            return;
        };
        let items = match &mappings.value.value {
            Value::Array(items) => items.as_slice(),
            _ => std::slice::from_ref(&mappings.value),
        };
        resource.entities = items
            .iter()
            .filter_map(|item| self.mappings(item))
            .collect();
    }

    /// What becomes one entity.
    fn mappings(&mut self, node: &Node) -> Option<ValueTemplate> {
        let known = crate::catalog::entity::FIELDS;
        let members = self.members(node, "`mappings`", &known, &[])?;
        let mut fields = Vec::new();
        for member in members {
            let is_section = ["properties", "relations"].contains(&member.key.as_str());
            match &member.value.value {
                Value::Null if is_section => {}
                Value::Object(_) => fields.extend(self.field(member)),
                _ if is_section => {
                    let what = format!("`{}`", member.key);
                    self.wrong_type(&member.value, &what, "an object");
                }
                _ => fields.extend(self.field(member)),
            }
        }
        if node.get("identifier").is_none() {
            self.error(start_of(node), "the mapping has no `identifier`");
        }
        Some(ValueTemplate::Object(node.span, fields))
    }

    fn field(&mut self, member: &Member) -> Option<TemplateField> {
        Some(TemplateField {
            key: member.key.clone(),
            key_span: member.key_span,
            value: self.template(&member.value, &member.key)?,
        })
    }

    fn template(&mut self, node: &Node, name: &str) -> Option<ValueTemplate> {
        match &node.value {
            Value::Object(members) => {
                let fields = members.iter().filter_map(|member| self.field(member));
                Some(ValueTemplate::Object(node.span, fields.collect()))
            }
            Value::Array(items) => {
                let items = items.iter().filter_map(|item| self.template(item, name));
                Some(ValueTemplate::Array(node.span, items.collect()))
            }
            _ => self
                .expression(node, &format!("`{name}`"))
                .map(ValueTemplate::Value),
        }
    }

    fn expression(&mut self, node: &Node, what: &str) -> Option<ExpressionId> {
        let Some(text) = node.as_str() else {
            let message = format!("{what} must be an expression, found {}", node.kind());
            match &node.value {
                Value::Bool(_) | Value::Number(_) => {
                    let help = format!("quote it: `'{}'`", self.source.slice(node.span));
                    self.error_with_help(node.span, message, help);
                }
                _ => drop(self.error(node.span, message)),
            }
            return None;
        };
        let text = match text.starts_with(SCHEME) {
            true => Text::Reference(text.to_owned()),
            false => Text::Expression(text.to_owned()),
        };
        self.expressions.push((node.span, text));
        Some(ExpressionId(self.expressions.len() - 1))
    }

    /// Compiles every expression, and gives them with the texts of those that have to be evaluated.
    fn compile(&mut self, drafts: &mut [Draft]) -> (Vec<Expression>, Vec<String>) {
        let given = std::mem::take(&mut self.expressions);
        let texts = given.iter().filter_map(|(_, text)| match text {
            Text::Expression(text) => Some(text.as_str()),
            Text::Reference(_) => None,
        });
        let mut parsed = read_all(&texts.collect::<Vec<_>>()).into_iter();
        let (mut expressions, mut filters) = (Vec::new(), Vec::new());
        for (index, (span, text)) in given.iter().enumerate() {
            let kind = match text {
                Text::Reference(text) => ExpressionKind::Constant(text.as_str().into()),
                Text::Expression(text) => match parsed.next() {
                    Some(Ok(ParsedExpression::Constant(value))) => ExpressionKind::Constant(value),
                    Some(Ok(ParsedExpression::Path(steps))) if !is_whole_file(&steps) => {
                        ExpressionKind::Path(steps)
                    }
                    Some(Ok(ParsedExpression::Path(_) | ParsedExpression::Filter)) => {
                        filters.push(text.clone());
                        ExpressionKind::Filter(filters.len() - 1)
                    }
                    Some(Err(flaw)) => {
                        self.flawed(*span, text, flaw);
                        for draft in drafts.iter_mut() {
                            if draft.expressions.contains(&index) {
                                draft.resource.flaw.get_or_insert(*span);
                            }
                        }
                        ExpressionKind::Flawed
                    }
                    None => ExpressionKind::Flawed,
                },
            };
            expressions.push(Expression { span: *span, kind });
        }
        (expressions, filters)
    }

    fn flawed(&mut self, span: Span, text: &str, flaw: Flaw) {
        let Flaw {
            range,
            message,
            help,
        } = flaw;
        let start = self.source.slice(span).find(text).map(|at| span.start + at);
        let (span, at) = match start {
            Some(start) => (
                Span::new(start + range.start, start + range.end),
                String::new(),
            ),
            // With escapes or indentation in it, the text is not the expression as it is.
            None => (span, position(text, range.start)),
        };
        let help = help.unwrap_or(
            "write jq, as in Port's own mappings; a fixed text needs quotes of its own: `'\"text\"'`",
        );
        self.error_with_help(
            span,
            format!("this is not a valid expression: {message}{at}"),
            help,
        );
    }
}

/// Whether a path is the object that older mappings have around the content.
fn is_whole_file(steps: &[PathStep]) -> bool {
    matches!(steps, [PathStep::Key(name)] if name == "file")
}

/// Where in an expression an offset is.
fn position(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    let column = last.chars().count() + 1;
    format!(" (line {line}, column {column} of the expression)")
}

fn start_of(node: &Node) -> Span {
    match &node.value {
        Value::Object(members) => members.first().map_or(node.span, |member| member.key_span),
        _ => node.span,
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
