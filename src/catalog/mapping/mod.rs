//! Any file → entities, by a mapping in [Port's own format][docs].
//!
//! A [`Mapping`] is read once, and says what is wrong with it. For each file that it selects, a
//! [`Task`] says what has to be evaluated; what that gives becomes the entities that the file declares, like
//! those of an entity file. Who evaluates is the caller's business: [`jq`] does it in this process,
//! and `run` in one with limits.
//!
//! [docs]: https://docs.port.io/build-your-software-catalog/customize-integrations/configure-mapping

mod file;
pub mod jq;
mod read;
#[cfg(test)]
mod tests;
mod value;

use std::sync::Arc;

use globset::GlobMatcher;

use super::rules::Effect;
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Location, RepoPath, SourceFile, Span};
pub use file::{Evaluation, Limit, MappedFile, Surroundings, Task, WantedValues};
use jq::PathStep;
pub use read::parse;
pub use value::{Candidate, MappingResult, Usable};

/// How many items of one file become entities.
const MAX_ITEMS: usize = 10_000;

/// A mapping: which files hold what, and how to make entities of it.
#[derive(Debug)]
pub struct Mapping {
    source: Arc<SourceFile>,
    resources: Vec<Resource>,
    expressions: Vec<Expression>,
    /// The texts of those expressions that have to be evaluated.
    filters: Vec<String>,
    /// Whether nothing is known of what it selects.
    is_unreadable: bool,
    /// What there is to say of the mapping itself.
    pub diagnostics: Vec<Diagnostic>,
}

/// What is made of files of one kind.
#[derive(Debug)]
struct Resource {
    files: Vec<FileRule>,
    query: Option<ExpressionId>,
    items: Option<Items>,
    entities: Vec<ValueTemplate>,
    /// What is wrong with it, if that keeps it from being used.
    flaw: Option<Span>,
}

/// Which files.
#[derive(Debug)]
struct FileRule {
    glob: GlobMatcher,
    effect: Effect,
    /// The repositories that it is for; `None` is all.
    repositories: Option<Vec<String>>,
    reading: ContentKind,
    span: Span,
}

/// What `.content` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ContentKind {
    /// What the JSON or YAML says.
    Parsed,
    /// The text.
    Text,
}

/// What of a file is made into entities of its own.
#[derive(Debug)]
struct Items {
    expression: ExpressionId,
    /// What expressions call one of them.
    name: String,
}

/// An expression's number in its mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ExpressionId(usize);

#[derive(Debug)]
struct Expression {
    span: Span,
    kind: ExpressionKind,
}

#[derive(Debug)]
enum ExpressionKind {
    /// A value that is the same for every file.
    Constant(serde_json::Value),
    /// A way into what expressions see.
    Path(Vec<PathStep>),
    /// What has to be evaluated: its number among those.
    Filter(usize),
    /// What cannot be read.
    Flawed,
}

/// A value, or a part of one, with expressions in it.
#[derive(Debug)]
enum ValueTemplate {
    Value(ExpressionId),
    Array(Span, Vec<ValueTemplate>),
    Object(Span, Vec<TemplateField>),
}

#[derive(Debug)]
struct TemplateField {
    key: String,
    key_span: Span,
    value: ValueTemplate,
}

impl Mapping {
    /// A mapping of which nothing is known, for the reason given.
    pub fn unreadable(diagnostic: Diagnostic) -> Self {
        Self {
            source: Arc::clone(&diagnostic.location().source),
            resources: Vec::new(),
            expressions: Vec::new(),
            filters: Vec::new(),
            is_unreadable: true,
            diagnostics: vec![diagnostic],
        }
    }

    /// The diagnostic for a mapping that is not there.
    pub fn missing(path: &RepoPath) -> Diagnostic {
        let source = SourceFile::unreadable(path.clone());
        let location = Location::start_of(&source);
        let message = format!("the commit has no file `{path}`, which the input `mapping` names");
        Diagnostic::new(Code::InvalidMapping, location, message).help(
            "add the file, or correct the input; until then nothing that it mapped is deleted",
        )
    }

    /// The diagnostic for a mapping that selects no file: most likely it is not meant like that.
    pub fn selects_nothing(&self) -> Diagnostic {
        let message = "the mapping selects no file of this repository";
        Diagnostic::new(Code::InvalidMapping, self.selector(), message).help(
            "correct the paths (a `*` stays within a folder's name, `**` does not) or `repos`, or do without the mapping; until then nothing that was mapped is deleted",
        )
    }

    /// Whether nothing is known of what it selects.
    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// Whether it selects the file at `path` of the repository called `repository`.
    pub fn selects(&self, path: &RepoPath, repository: &str) -> bool {
        *path != *self.source.path() && self.rules(path, repository).next().is_some()
    }

    /// The expressions that have to be evaluated.
    pub fn filters(&self) -> &[String] {
        &self.filters
    }

    /// The mapping's file.
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// Where it says which files it selects, or else its start.
    pub fn selector(&self) -> Location {
        let rules = self.resources.iter().flat_map(|one| &one.files);
        let span = rules.map(|rule| rule.span).next();
        self.location(span.unwrap_or(Span::new(0, 0)))
    }

    /// The line that selects the file at `path`.
    pub fn selector_of(&self, path: &RepoPath, repository: &str) -> Location {
        match self.rules(path, repository).next() {
            Some((_, rule)) => self.location(rule.span),
            None => self.selector(),
        }
    }

    /// Each resource that is for the file, with the rule that says so: the last one that matches.
    fn rules(
        &self,
        path: &RepoPath,
        repository: &str,
    ) -> impl Iterator<Item = (&Resource, &FileRule)> {
        let is_of = move |rule: &&FileRule| {
            let names = rule.repositories.as_ref();
            let is_here = names.is_none_or(|names| names.iter().any(|name| name == repository));
            is_here && rule.glob.is_match(path.as_str())
        };
        let last =
            move |resource: &'_ Resource| resource.files.iter().rposition(|rule| is_of(&rule));
        self.resources.iter().filter_map(move |resource| {
            let rule = resource.files.get(last(resource)?)?;
            (rule.effect == Effect::Include).then_some((resource, rule))
        })
    }

    fn location(&self, span: Span) -> Location {
        Location::new(&self.source, span)
    }

    fn expression(&self, id: ExpressionId) -> &Expression {
        // Ids are given out by the mapping that they are of.
        &self.expressions[id.0]
    }
}
