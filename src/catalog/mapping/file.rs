//! A file that a mapping selects: what has to be evaluated, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

use super::jq::{Input, Outputs, Program};
use super::value::{Evaluated, Maker, MappingResult, Usable, node};
use super::{
    ContentKind, ExpressionId, ExpressionKind, MAX_ITEMS, Mapping, Resource, ValueTemplate,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::document::{self, Node, Value};
use crate::git;
use crate::text::{Location, Origins, RepoPath, SourceFile, Span};

/// What expressions see beside the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The account that the repository belongs to.
    pub organization: String,
    /// The repository's name, without the account.
    pub repository: String,
    /// The branch that it has unless another one is named.
    pub default_branch: String,
    /// The branch whose entities these are.
    pub branch: String,
}

/// Expressions to evaluate on one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// What they see, as JSON. Tasks of one file share it.
    pub input: Arc<str>,
    /// What they see beside it: a name and a JSON value.
    pub item: Option<(String, String)>,
    /// The expressions.
    pub wanted: Vec<WantedValues>,
}

/// An expression, and which of its values count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedValues {
    /// Its index among [`Mapping::filters`].
    pub filter: usize,
    /// How many values.
    pub outputs: Outputs,
}

/// What an expression gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluation {
    /// These values.
    Values(Vec<serde_json::Value>),
    /// An error, in jq's words.
    Failed(String),
    /// It was stopped.
    Stopped(Limit),
}

/// What stops an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It took longer than one may.
    Time,
    /// It needed more memory than one may.
    Memory,
    /// All expressions together have used up their time.
    Run,
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Time => "it takes longer than 1 s",
            Self::Memory => "it needs more than 64 MiB, or calls itself too deeply",
            Self::Run => "all expressions of the run together took longer than one minute",
        })
    }
}

/// What the expressions of one entity see, and what those give that had to be evaluated.
pub(super) struct Bindings<'a> {
    content: &'a Node,
    facts: &'a Node,
    item: Option<(&'a str, &'a Item)>,
    wanted: &'a [WantedValues],
    answers: &'a [Evaluation],
}

/// A part of a file that is made into entities of its own.
#[derive(Debug)]
struct Item {
    node: Node,
    /// Whether it is in the file as it is, and not computed.
    is_there: bool,
}

impl Bindings<'_> {
    pub(super) fn answer(&self, filter: usize) -> Option<&Evaluation> {
        let index = self.wanted.iter().position(|one| one.filter == filter)?;
        self.answers.get(index)
    }

    /// What expressions see under a name, and whether it is in the file as it is.
    pub(super) fn root(&self, name: &str) -> (Option<&Node>, bool) {
        match (self.item, name) {
            (Some((item, value)), _) if item == name => (Some(&value.node), value.is_there),
            (_, "content") => (Some(self.content), true),
            (_, "repo") => (self.facts.get("repository"), false),
            (_, name) => (self.facts.get(name), false),
        }
    }

    /// The part of the file that everything comes from.
    pub(super) fn from(&self) -> Span {
        match self.item {
            Some((_, item)) if item.is_there => item.node.span,
            _ => Span::new(0, 0),
        }
    }
}

/// What a file is to expressions, and all that they see of it as JSON, by the way that it is read.
type Contents = BTreeMap<ContentKind, (Node, Arc<str>)>;

/// A file that a mapping selects.
#[derive(Debug)]
pub struct MappedFile<'m> {
    mapping: &'m Mapping,
    source: Arc<SourceFile>,
    facts: Node,
    contents: Contents,
    parts: Vec<ResourceOutput<'m>>,
    errors: Vec<Diagnostic>,
}

/// What one resource makes of the file.
#[derive(Debug)]
struct ResourceOutput<'m> {
    resource: &'m Resource,
    reading: ContentKind,
    /// What entities are made of; one `None` where the file itself is.
    items: Vec<Option<Item>>,
    wanted: Vec<WantedValues>,
}

impl<'m> MappedFile<'m> {
    /// Reads the file, which is at `path` in its repository; `source` may be called otherwise where it is
    /// shown.
    ///
    /// # Errors
    /// What is known of a file that cannot be read.
    pub fn open(
        mapping: &'m Mapping,
        source: &SourceFile,
        path: &RepoPath,
        surroundings: &Surroundings,
    ) -> Result<Self, MappingResult> {
        let source = source.mapped(Origins {
            mapping: Arc::clone(mapping.source()),
            spans: Vec::new(),
        });
        if git::is_lfs_pointer(source.text()) {
            let error = git_lfs(&source);
            return Err(MappingResult::lost(source, vec![error]));
        }
        let rules = mapping.rules(path, &surroundings.repository);
        let part = |(resource, reading): (&'m Resource, ContentKind)| ResourceOutput {
            resource,
            reading,
            items: Vec::new(),
            wanted: mapping.selecting(resource),
        };
        let rules: Vec<_> = rules
            .map(|(resource, rule)| (resource, rule.reading))
            .collect();
        let mut resources = rules.iter().map(|(resource, _)| resource);
        if mapping.is_unreadable || resources.any(|resource| resource.flaw.is_some()) {
            return Err(MappingResult::unusable(source));
        }
        let facts = facts(path, surroundings);
        let readings = rules.iter().map(|(_, reading)| *reading);
        let contents = match contents(&source, readings.collect(), &facts) {
            Ok(contents) => contents,
            Err(errors) => return Err(MappingResult::lost(source, errors)),
        };
        Ok(Self {
            mapping,
            source,
            facts,
            contents,
            parts: rules.into_iter().map(part).collect(),
            errors: Vec::new(),
        })
    }

    /// What has to be evaluated to know which entities there are.
    pub fn selection(&self) -> Vec<Task> {
        let task = |part: &ResourceOutput<'_>| Task {
            input: self.input(part.reading),
            item: None,
            wanted: part.wanted.clone(),
        };
        self.parts.iter().map(task).collect()
    }

    /// Takes what [`Self::selection`] gave, and says what has to be evaluated for the entities.
    pub fn fields(&mut self, answers: &[Vec<Evaluation>]) -> Vec<Task> {
        for index in 0..self.parts.len() {
            let answers = answers.get(index).map(Vec::as_slice).unwrap_or_default();
            match self.items(&self.parts[index], answers) {
                Ok(items) => {
                    let part = &mut self.parts[index];
                    part.items = items;
                    part.wanted = self.mapping.wanted(&part.resource.entities);
                }
                Err(error) => self.errors.push(*error),
            }
        }
        let task = |part: &ResourceOutput<'_>, item: &Option<Item>| Task {
            input: self.input(part.reading),
            item: item.as_ref().map(|item| {
                let name = part.resource.items.as_ref().map(|items| items.name.clone());
                (name.unwrap_or_default(), to_json(&item.node))
            }),
            wanted: part.wanted.clone(),
        };
        let parts = self.parts.iter();
        parts
            .flat_map(|part| part.items.iter().map(move |item| task(part, item)))
            .collect()
    }

    /// Takes what [`Self::fields`] gave, and makes entities of the file.
    pub fn finish(self, answers: &[Vec<Evaluation>]) -> MappingResult {
        let mut maker = self.maker();
        let mut answers = answers.iter();
        let mut candidates = Vec::new();
        for part in &self.parts {
            let name = part
                .resource
                .items
                .as_ref()
                .map(|items| items.name.as_str());
            for item in &part.items {
                let answers = answers.next().map(Vec::as_slice).unwrap_or_default();
                let item = name.zip(item.as_ref());
                let scope = self.scope(part, item, answers);
                let entities = part.resource.entities.iter();
                candidates.extend(entities.map(|template| maker.candidate(template, &scope)));
            }
        }
        MappingResult {
            source: maker.finish(),
            candidates,
            errors: self.errors,
            usable: Usable::Yes,
        }
    }

    /// All of it at once, in this process and without limits.
    pub fn map_here(mut self, program: &Program) -> MappingResult {
        let evaluate = |tasks: Vec<Task>| -> Vec<Vec<Evaluation>> {
            let tasks = tasks.iter();
            tasks.map(|task| evaluate_here(program, task)).collect()
        };
        let selected = evaluate(self.selection());
        let fields = self.fields(&selected);
        self.finish(&evaluate(fields))
    }

    fn input(&self, reading: ContentKind) -> Arc<str> {
        let content = self.contents.get(&reading);
        content.map_or_else(|| Arc::from("null"), |(_, input)| Arc::clone(input))
    }

    fn maker(&self) -> Maker<'m> {
        Maker {
            mapping: self.mapping,
            source: Arc::clone(&self.source),
            spans: Vec::new(),
        }
    }

    fn scope<'a>(
        &'a self,
        part: &'a ResourceOutput<'_>,
        item: Option<(&'a str, &'a Item)>,
        answers: &'a [Evaluation],
    ) -> Bindings<'a> {
        let content = self.contents.get(&part.reading);
        Bindings {
            content: content.map_or(&self.facts, |(content, _)| content),
            facts: &self.facts,
            item,
            wanted: &part.wanted,
            answers,
        }
    }

    /// What of the file becomes entities.
    fn items(
        &self,
        part: &ResourceOutput<'_>,
        answers: &[Evaluation],
    ) -> Result<Vec<Option<Item>>, Box<Diagnostic>> {
        let scope = self.scope(part, None, answers);
        let fail = |id, name: &str, reason: String| {
            Box::new(self.maker().failed(id, name, &reason, &scope))
        };
        if let Some(id) = part.resource.query {
            let given = self.mapping.evaluate(id, &scope);
            let given = given.map_err(|reason| fail(id, "query", reason))?;
            if !is_true(&given) {
                return Ok(Vec::new());
            }
        }
        let Some(items) = &part.resource.items else {
            return Ok(vec![None]);
        };
        let found = self.mapping.items(items.expression, &scope);
        let found = found.and_then(|found| match found.len() > MAX_ITEMS {
            true => Err(format!("it gives more than {MAX_ITEMS} items")),
            false => Ok(found),
        });
        let found = found.map_err(|reason| fail(items.expression, "itemsToParse", reason))?;
        Ok(found.into_iter().map(Some).collect())
    }
}

impl Mapping {
    /// What has to be evaluated to know which entities a resource makes of a file.
    fn selecting(&self, resource: &Resource) -> Vec<WantedValues> {
        let query = resource
            .query
            .and_then(|id| self.filter(id, Outputs::First));
        let items = resource.items.as_ref();
        let items = items.and_then(|items| self.filter(items.expression, Outputs::All(MAX_ITEMS)));
        query.into_iter().chain(items).collect()
    }

    /// What has to be evaluated for these entities.
    fn wanted(&self, templates: &[ValueTemplate]) -> Vec<WantedValues> {
        let mut wanted = Vec::new();
        for template in templates {
            self.add_wanted(template, &mut wanted);
        }
        wanted
    }

    fn add_wanted(&self, template: &ValueTemplate, wanted: &mut Vec<WantedValues>) {
        match template {
            ValueTemplate::Value(id) => wanted.extend(self.filter(*id, Outputs::First)),
            ValueTemplate::Array(_, items) => {
                items.iter().for_each(|item| self.add_wanted(item, wanted));
            }
            ValueTemplate::Object(_, fields) => {
                let values = fields.iter().map(|field| &field.value);
                values.for_each(|value| self.add_wanted(value, wanted));
            }
        }
    }

    fn filter(&self, id: ExpressionId, outputs: Outputs) -> Option<WantedValues> {
        match self.expression(id).kind {
            ExpressionKind::Filter(filter) => Some(WantedValues { filter, outputs }),
            _ => None,
        }
    }

    /// The items that an expression gives: those of one array, or several values, or one object.
    fn items(&self, id: ExpressionId, scope: &Bindings<'_>) -> Result<Vec<Item>, String> {
        let computed = |value: serde_json::Value| Item {
            node: node(value, Span::new(0, 0)),
            is_there: false,
        };
        if let ExpressionKind::Filter(filter) = self.expression(id).kind
            && let Some(Evaluation::Values(values)) = scope.answer(filter)
            && values.len() > 1
        {
            return Ok(values.iter().cloned().map(computed).collect());
        }
        let (node, is_there) = match self.evaluate(id, scope)? {
            Evaluated::There(node) => (node, true),
            Evaluated::Computed(value) => (computed(value).node, false),
        };
        match node.value {
            Value::Null => Ok(Vec::new()),
            Value::Object(_) => Ok(vec![Item { node, is_there }]),
            Value::Array(items) => {
                let items = items.into_iter();
                Ok(items.map(|node| Item { node, is_there }).collect())
            }
            _ => Err(format!("it gives {}, not a list or an object", node.kind())),
        }
    }
}

/// Evaluates a task in this process, without limits.
fn evaluate_here(program: &Program, task: &Task) -> Vec<Evaluation> {
    let input = Input::new(task.input.as_bytes());
    let input = input.and_then(|input| match &task.item {
        Some((name, item)) => input.with_item(name, item.as_bytes()),
        None => Ok(input),
    });
    let answer = |wanted: &WantedValues| match &input {
        Ok(input) => Evaluation::of(program.evaluate(wanted.filter, input, wanted.outputs)),
        Err(reason) => Evaluation::Failed(reason.clone()),
    };
    task.wanted.iter().map(answer).collect()
}

impl Evaluation {
    /// What a [`Program`] gives.
    pub fn of(given: Result<String, String>) -> Self {
        match given.map(|values| serde_json::from_str(&values)) {
            Ok(Ok(values)) => Self::Values(values),
            Ok(Err(_)) => Self::Failed("it gives a number that is too large".to_owned()),
            Err(reason) => Self::Failed(reason),
        }
    }
}

fn is_true(given: &Evaluated) -> bool {
    match given {
        Evaluated::There(node) => node.value == Value::Bool(true),
        Evaluated::Computed(value) => *value == serde_json::Value::Bool(true),
    }
}

/// What a file's text is to expressions, in each way that it is wanted.
fn contents(
    source: &Arc<SourceFile>,
    readings: BTreeSet<ContentKind>,
    facts: &Node,
) -> Result<Contents, Vec<Diagnostic>> {
    let read = |reading: ContentKind| {
        let content = content(source, reading)?;
        let input = input(&content, facts);
        Ok((reading, (content, input)))
    };
    readings.into_iter().map(read).collect()
}

/// What a file's text is to expressions: JSON and YAML are read, by the extension.
fn content(source: &Arc<SourceFile>, reading: ContentKind) -> Result<Node, Vec<Diagnostic>> {
    let path = source.path().as_str().to_ascii_lowercase();
    let whole = Span::new(0, source.text().len());
    let is_read = ["json", "yml", "yaml"].iter().any(|extension| {
        let stem = path.strip_suffix(extension);
        stem.is_some_and(|stem| stem.ends_with('.'))
    });
    if reading == ContentKind::Text || !is_read {
        let value = Value::String(source.text().to_owned());
        return Ok(Node { span: whole, value });
    }
    let mut documents = document::parse(source);
    documents.diagnostics.retain(Diagnostic::is_error);
    if !documents.diagnostics.is_empty() {
        for help in documents
            .diagnostics
            .iter_mut()
            .filter_map(|one| one.help.as_mut())
        {
            *help = help.replace("line in the input `files`", "path in the mapping");
        }
        return Err(documents.diagnostics);
    }
    let value = match documents.roots.len() {
        0 => Value::Null,
        1 => return Ok(documents.roots.swap_remove(0)),
        _ => Value::Array(documents.roots),
    };
    Ok(Node { span: whole, value })
}

/// What expressions see beside the content.
fn facts(path: &RepoPath, surroundings: &Surroundings) -> Node {
    let name = path.as_str().rsplit('/').next().unwrap_or_default();
    let Surroundings {
        organization,
        repository,
        default_branch,
        branch,
    } = surroundings;
    let value = serde_json::json!({
        "path": path.as_str(),
        "name": name,
        "branch": branch,
        "organization": organization,
        "repository": {
            "name": repository,
            "full_name": format!("{organization}/{repository}"),
            "default_branch": default_branch,
        },
    });
    node(value, Span::new(0, 0))
}

fn input(content: &Node, facts: &Node) -> Arc<str> {
    let mut text = String::from("{\"content\":");
    write_json(content, &mut text);
    let facts = to_json(facts);
    text.push(',');
    text.push_str(facts.strip_prefix('{').unwrap_or("}"));
    Arc::from(text)
}

fn to_json(node: &Node) -> String {
    let mut text = String::new();
    write_json(node, &mut text);
    text
}

/// Writes a value as JSON, its members in the order of the file, as jq sees them.
fn write_json(node: &Node, text: &mut String) {
    match &node.value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                text.push(if index == 0 { '[' } else { ',' });
                write_json(item, text);
            }
            text.push_str(if items.is_empty() { "[]" } else { "]" });
        }
        Value::Object(members) => {
            for (index, member) in members.iter().enumerate() {
                text.push(if index == 0 { '{' } else { ',' });
                let key = serde_json::Value::from(member.key.as_str());
                let _ = write!(text, "{key}:");
                write_json(&member.value, text);
            }
            text.push_str(if members.is_empty() { "{}" } else { "}" });
        }
        _ => drop(write!(text, "{}", node.to_json())),
    }
}

fn git_lfs(source: &Arc<SourceFile>) -> Diagnostic {
    let message = "the file is a Git LFS pointer: its content is not in Git, so it was not read";
    Diagnostic::new(Code::GitLfs, Location::start_of(source), message)
        .help("take the file out of Git LFS, or out of the mapping")
}
