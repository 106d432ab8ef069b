//! Documents → declarations: which entities a revision's files declare, and what is wrong.

mod secrets;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, OnceLock};

use regex::Regex;

use super::entity::{self, BlueprintId, Context, Entity, EntityKey};
use super::mapping::{Candidate, MappingResult, Usable};
use super::rules::BlueprintRules;
use crate::diagnostic::{self, Code, Diagnostic};
use crate::document::{self, Documents, Member, Node};
use crate::git;
use crate::text::{Location, RepoPath, SourceFile, Span};

/// How many errors, and how many other findings, are reported of the entities of one file. After
/// so many errors the file is not read on.
const MAX_FINDINGS: usize = 1000;
/// How many declarations of one entity are reported where it is declared more than once.
const MAX_DUPLICATES: usize = 100;
/// How many blueprints are looked for in a file with errors.
const MAX_NAMED: usize = 100;
/// How many other declarations each of them names.
const MAX_RELATED: usize = 5;

/// A file that may hold entities, at one revision.
#[derive(Debug, Clone)]
pub struct EntityFile {
    /// What is known of the file.
    pub content: FileContent,
    /// The blueprint of entities that name none.
    pub default_blueprint: Option<BlueprintId>,
}

/// What a revision has at a path.
#[derive(Debug, Clone)]
pub enum FileContent {
    /// Text to parse.
    Text(Arc<SourceFile>),
    /// What a mapping makes of a file.
    Mapped(Arc<MappingResult>),
    /// Something that cannot be read as text.
    Unreadable(RepoPath, UnreadableFile),
}

/// Why a file was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadableFile {
    /// More than [`document::MAX_BYTES`].
    TooLarge,
    /// Not UTF-8.
    Binary,
    /// A symbolic link.
    Symlink,
}

/// An entity and the text that declares it.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// The entity.
    pub entity: Entity,
    /// The file.
    pub source: Arc<SourceFile>,
    /// The entities of the file as trees.
    nodes: Arc<Nodes>,
    /// Which of them it is.
    index: usize,
    /// The span to show for the entity as a whole.
    headline: Span,
    /// Other files whose texts are properties of it.
    pub texts: BTreeSet<RepoPath>,
}

/// The entities of a file as trees.
///
/// A run holds thousands of declarations, and needs positions of those few that have a problem. So the
/// trees are not kept: the file is parsed again when a position in it is looked for.
#[derive(Debug)]
struct Nodes {
    source: Arc<SourceFile>,
    read: OnceLock<Vec<Node>>,
}

impl Nodes {
    fn of_file(source: &Arc<SourceFile>) -> Arc<Self> {
        Arc::new(Self {
            source: Arc::clone(source),
            read: OnceLock::new(),
        })
    }

    /// Nodes that are not in the file as they are.
    fn computed(source: &Arc<SourceFile>, nodes: Vec<Node>) -> Arc<Self> {
        Arc::new(Self {
            source: Arc::clone(source),
            read: OnceLock::from(nodes),
        })
    }

    fn get(&self, index: usize) -> &Node {
        let roots = || document::parse(&self.source).roots.into_iter();
        let nodes = || roots().flat_map(entity_nodes).collect();
        // The index was counted in the same text.
        &self.read.get_or_init(nodes)[index]
    }
}

impl Declaration {
    /// Whether what is declared is in any of these files, all or in part.
    pub fn is_in(&self, files: &BTreeSet<RepoPath>) -> bool {
        files.contains(self.source.path()) || !self.texts.is_disjoint(files)
    }

    /// The span to show for the entity as a whole.
    pub fn location(&self) -> Location {
        Location::new(&self.source, self.headline)
    }

    /// The entity's text as a tree. It may have to be parsed for that: values are in [`Self::entity`].
    pub fn node(&self) -> &Node {
        self.nodes.get(self.index)
    }

    /// The members of `properties` or `relations`, with their positions: see [`Self::node`].
    pub fn members(&self, section: &str) -> &[Member] {
        match self.node().get(section).map(|node| &node.value) {
            Some(document::Value::Object(members)) => members,
            _ => &[],
        }
    }

    /// The member of `properties` or `relations` that is called `name`, with its position: see
    /// [`Self::node`].
    pub fn member(&self, section: &str, name: &str) -> Option<&Member> {
        let mut members = self.members(section).iter();
        members.find(|member| member.key == name)
    }

    /// The same entity with another tree.
    pub(super) fn with_node(&self, node: Node) -> Self {
        Self {
            nodes: Nodes::computed(&self.source, vec![node]),
            index: 0,
            ..self.clone()
        }
    }
}

/// An entity that cannot be written as it is declared.
#[derive(Debug, Clone)]
pub struct Invalid {
    /// Which one, if its text says so.
    pub key: Option<EntityKey>,
    /// Where it is declared.
    pub location: Location,
    /// What is wrong with it.
    pub codes: BTreeSet<Code>,
}

/// The kinds of the errors among `diagnostics`.
pub fn error_codes(diagnostics: &[Diagnostic]) -> BTreeSet<Code> {
    let errors = diagnostics.iter().filter(|one| one.is_error());
    errors.map(|error| error.code).collect()
}

/// What the files of one revision declare.
#[derive(Debug, Default)]
pub struct Declarations {
    /// Entities without errors, in the order of files and lines.
    pub valid: Vec<Arc<Declaration>>,
    /// Entities with errors, and documents of which nothing is known.
    pub invalid: Vec<Invalid>,
    /// Those of the entities with errors of which nothing is wrong but that they are declared more
    /// than once.
    pub repeated: Vec<Arc<Declaration>>,
    /// Those of the entities with errors whose blueprints are known, as far as they can be read: that can
    /// be held against these.
    pub flawed: Vec<Arc<Declaration>>,
    /// The files that are most likely not meant for Port: nothing in them has an identifier or names a
    /// blueprint.
    pub foreign: BTreeSet<RepoPath>,
    /// Everything there is to say, in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
    /// The blueprints that files with errors name, as far as their text can be understood.
    named: BTreeSet<BlueprintId>,
}

/// Reads the entities of all `files`, of which those of blueprints that are not `writable` are
/// errors. An entity that is declared twice is an error in both declarations.
pub fn declare(files: &[EntityFile], writable: &BlueprintRules) -> Declarations {
    let mut declarations = Declarations::default();
    for file in files {
        let context = Context {
            default_blueprint: file.default_blueprint.as_ref(),
            writable,
        };
        match &file.content {
            FileContent::Text(source) => declarations.add_text(source, context),
            FileContent::Mapped(mapped) => declarations.add_mapped(mapped, context),
            FileContent::Unreadable(path, reason) => declarations.add_unreadable(path, *reason),
        }
    }
    declarations.reject_duplicates();
    diagnostic::sort(&mut declarations.diagnostics);
    declarations
}

impl Declarations {
    /// Whether every file could be read, and every entity in them.
    pub fn is_sound(&self) -> bool {
        self.invalid.is_empty()
    }

    /// The blueprints that entities with errors are of, or may be of: their values are shown beside the
    /// errors, and only the blueprints say which of them are secrets.
    pub fn blueprints_of_invalid(&self) -> BTreeSet<BlueprintId> {
        let keys = self.invalid.iter().filter_map(|one| one.key.as_ref());
        let known = keys.map(|key| key.blueprint.clone());
        known.chain(self.named.iter().cloned()).collect()
    }

    /// What is declared without mistakes of its own, be it more than once.
    pub fn sound(&self) -> impl Iterator<Item = &Arc<Declaration>> {
        self.valid.iter().chain(&self.repeated)
    }

    /// Takes back what was said of those files that are not meant for Port, as far as `is_other` says so
    /// too. The others count as entity files with errors.
    pub fn pass_over(&mut self, is_other: impl Fn(&RepoPath) -> bool) {
        self.foreign.retain(is_other);
        let foreign = &self.foreign;
        self.invalid
            .retain(|one| !foreign.contains(one.location.path()));
        self.diagnostics
            .retain(|one| !foreign.contains(one.location().path()));
        self.flawed
            .retain(|one| !foreign.contains(one.source.path()));
    }

    /// Adds what was found to be wrong with entities that read well.
    pub fn reject(&mut self, invalid: Vec<Invalid>, diagnostics: Vec<Diagnostic>) {
        self.invalid.extend(invalid);
        self.diagnostics.extend(diagnostics);
        diagnostic::sort(&mut self.diagnostics);
    }

    /// Adds what there is to say of a mapping. With an error, something that it mapped may be missing.
    pub fn add_mapping(&mut self, found: &[Diagnostic]) {
        let errors = found.iter().filter(|one| one.is_error());
        self.invalid.extend(errors.map(lost));
        self.diagnostics.extend(found.iter().cloned());
        diagnostic::sort(&mut self.diagnostics);
    }

    fn add_text(&mut self, source: &Arc<SourceFile>, context: Context<'_>) {
        if git::is_lfs_pointer(source.text()) {
            return self.add_lost_file(lfs_pointer(source));
        }
        let Documents { roots, diagnostics } = document::parse(source);
        let errors: Vec<_> = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .cloned()
            .collect();
        self.diagnostics.extend(diagnostics);

        let candidates: Vec<Node> = roots.into_iter().flat_map(entity_nodes).collect();
        if errors.is_empty() && !candidates.is_empty() && candidates.iter().all(is_foreign) {
            self.foreign.insert(source.path().clone());
        }
        self.add_lost_documents(&candidates, &errors);
        let mut found = FileFindings::default();
        let before = self.valid.len();
        let nodes = Nodes::of_file(source);
        for (index, node) in candidates.iter().enumerate() {
            if found.errors.len() >= MAX_FINDINGS {
                found.errors.push(too_many(source, node));
                self.invalid.push(Invalid {
                    key: None,
                    location: Location::new(source, entity::headline(node)),
                    codes: error_codes(&found.errors),
                });
                break;
            }
            let inside = errors.iter().filter(|one| node.covers(one.location().span));
            let codes = inside.map(|one| one.code).collect();
            let is_follow_up = |found: &Diagnostic, node: &Node| is_follow_up(found, node, &errors);
            let from = (&nodes, index);
            self.add_entity(node, from, context, codes, is_follow_up, &mut found);
        }
        if !errors.is_empty() || !found.errors.is_empty() {
            self.named.extend(context.default_blueprint.cloned());
            self.named.extend(blueprints_named(source.text()));
        }
        let secret = self.valid[before..]
            .iter()
            .find_map(|one| secrets::find(one));
        self.diagnostics.extend(secret);
        self.diagnostics.extend(found.errors);
        if found.omitted > 0 {
            self.diagnostics.push(omitted(source, found.omitted));
        }
        self.diagnostics.extend(found.others);
    }

    /// An error outside of every entity has cost a document.
    fn add_lost_documents(&mut self, candidates: &[Node], errors: &[Diagnostic]) {
        let lost_documents = errors
            .iter()
            .filter(|error| {
                !candidates
                    .iter()
                    .any(|node| node.covers(error.location().span))
            })
            .map(lost);
        self.invalid.extend(lost_documents);
    }

    /// Adds the entities that a mapping makes of a file.
    fn add_mapped(&mut self, mapped: &MappingResult, context: Context<'_>) {
        let source = &mapped.source;
        if mapped.usable == Usable::No {
            self.invalid.push(Invalid {
                key: None,
                location: Location::start_of(source),
                codes: BTreeSet::from([Code::InvalidMapping]),
            });
        }
        self.invalid.extend(mapped.errors.iter().map(lost));
        let mut found = FileFindings::default();
        found.add(mapped.errors.clone());
        let nodes = mapped.candidates.iter().map(|one| one.node.clone());
        let nodes = Nodes::computed(source, nodes.collect());
        for (index, Candidate { node, errors }) in mapped.candidates.iter().enumerate() {
            if found.errors.len() >= MAX_FINDINGS {
                let location = Location::new(source, entity::headline(node));
                let codes = error_codes(&found.errors);
                self.invalid.push(Invalid {
                    key: None,
                    location,
                    codes,
                });
                break;
            }
            found.add(errors.clone());
            let codes = error_codes(errors);
            let is_follow_up = |found: &Diagnostic, _: &Node| {
                [Code::MissingIdentifier, Code::MissingBlueprint].contains(&found.code)
            };
            let from = (&nodes, index);
            self.add_entity(node, from, context, codes, is_follow_up, &mut found);
        }
        if !found.errors.is_empty() {
            self.named.extend(context.default_blueprint.cloned());
        }
        self.diagnostics.extend(found.errors);
        self.diagnostics.extend(found.others);
    }

    /// Adds what `node` declares, which is the one with this index among a file's; `codes` is what is
    /// wrong with it already, and `is_follow_up` says what is wrong only because of that.
    fn add_entity(
        &mut self,
        node: &Node,
        (nodes, index): (&Arc<Nodes>, usize),
        context: Context<'_>,
        mut codes: BTreeSet<Code>,
        is_follow_up: impl Fn(&Diagnostic, &Node) -> bool,
        findings: &mut FileFindings,
    ) {
        let is_sound = codes.is_empty();
        let source = &nodes.source;
        let mut found = Vec::new();
        let entity = entity::read(node, source, context, &mut found);
        if !is_sound {
            found.retain(|one| !is_follow_up(one, node));
        }
        codes.extend(error_codes(&found));
        findings.add(found);
        let headline = entity::headline(node);
        let location = Location::new(source, headline);
        let declaration = |entity: Entity| {
            Arc::new(Declaration {
                entity,
                source: Arc::clone(source),
                nodes: Arc::clone(nodes),
                index,
                headline,
                texts: BTreeSet::new(),
            })
        };
        match entity {
            Ok(entity) if is_sound => self.valid.push(declaration(entity)),
            Ok(entity) => self.invalid.push(Invalid {
                key: Some(entity.key()),
                location,
                codes,
            }),
            Err(flawed) => {
                self.invalid.push(Invalid {
                    key: flawed.key,
                    location,
                    codes,
                });
                let outline = flawed.outline.filter(|_| is_sound);
                self.flawed
                    .extend(outline.map(|entity| declaration(*entity)));
            }
        }
    }

    fn add_unreadable(&mut self, path: &RepoPath, reason: UnreadableFile) {
        let source = SourceFile::unreadable(path.clone());
        let diagnostic = match reason {
            UnreadableFile::TooLarge => document::too_large(&source),
            UnreadableFile::Binary => Diagnostic::new(
                Code::Binary,
                Location::start_of(&source),
                "the file is not UTF-8 text and was not read",
            )
            .help("save it as UTF-8, or exclude it with a `!` line in the input `files`"),
            UnreadableFile::Symlink => Diagnostic::new(
                Code::Symlink,
                Location::start_of(&source),
                "the path is a symbolic link, which is not followed",
            )
            .help("put the file itself here, or exclude the path with a `!` line in the input `files`"),
        };
        self.add_lost_file(diagnostic);
    }

    /// Adds a file of which nothing is known but what `diagnostic` says.
    fn add_lost_file(&mut self, diagnostic: Diagnostic) {
        self.invalid.push(lost(&diagnostic));
        self.diagnostics.push(diagnostic);
    }

    fn reject_duplicates(&mut self) {
        let mut duplicates: BTreeMap<EntityKey, Vec<Location>> = BTreeMap::new();
        for declaration in &self.valid {
            duplicates
                .entry(declaration.entity.key())
                .or_default()
                .push(declaration.location());
        }
        duplicates.retain(|_, locations| locations.len() > 1);
        self.reject_all_of(&duplicates);
    }

    fn reject_all_of(&mut self, repeated: &BTreeMap<EntityKey, Vec<Location>>) {
        for (key, locations) in repeated {
            self.diagnostics.extend(duplicates(key, locations));
            let invalid = |location: &Location| Invalid {
                key: Some(key.clone()),
                location: location.clone(),
                codes: BTreeSet::from([Code::DuplicateEntity]),
            };
            self.invalid.extend(locations.iter().map(invalid));
        }
        let is_repeated =
            |declaration: &mut Arc<Declaration>| repeated.contains_key(&declaration.entity.key());
        self.repeated.extend(self.valid.extract_if(.., is_repeated));
    }
}

/// Something of which nothing is known but what `error` says.
fn lost(error: &Diagnostic) -> Invalid {
    Invalid {
        key: None,
        location: error.location().clone(),
        codes: BTreeSet::from([error.code]),
    }
}

/// What is wrong with the entities of one file.
#[derive(Default)]
struct FileFindings {
    errors: Vec<Diagnostic>,
    others: Vec<Diagnostic>,
    /// How many others there are beside.
    omitted: usize,
}

impl FileFindings {
    fn add(&mut self, found: Vec<Diagnostic>) {
        let (errors, others): (Vec<_>, Vec<_>) = found.into_iter().partition(Diagnostic::is_error);
        self.errors.extend(errors);
        let room = MAX_FINDINGS.saturating_sub(self.others.len());
        self.omitted += others.len().saturating_sub(room);
        self.others.extend(others.into_iter().take(room));
    }
}

/// What to say of the files that are not meant for Port, a sentence without a full stop; nothing where
/// there are none.
pub fn passed_over(foreign: &BTreeSet<RepoPath>) -> Option<String> {
    const NAMED: usize = 3;
    let named = foreign.iter().take(NAMED);
    let named: Vec<_> = named.map(|path| format!("`{path}`")).collect();
    let more = match foreign.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (are, them) = match foreign.len() {
        0 => return None,
        1 => ("was", "it"),
        _ => ("were", "them"),
    };
    Some(format!(
        "{}{more} {are} passed over, since nothing in {them} has an `identifier` or a `blueprint`; exclude {them} with `!` lines in the input `files`, or name the file there if it is meant for Port",
        named.join(", ")
    ))
}

/// Whether nothing says that `node` is an entity: neither its own fields nor those of a mapping in it.
fn is_foreign(node: &Node) -> bool {
    let has = |field| node.get(field).is_some();
    !has("identifier") && !has("blueprint") && !holds_entity(node)
}

fn holds_entity(node: &Node) -> bool {
    match &node.value {
        document::Value::Array(items) => items.iter().any(holds_entity),
        document::Value::Object(members) => {
            let has = |field| node.get(field).is_some();
            let is_entity = has("identifier") && has("blueprint");
            is_entity || members.iter().any(|member| holds_entity(&member.value))
        }
        _ => false,
    }
}

/// Whether `found`, of the entity `node`, only says that something is missing of which one of `errors`
/// says why.
fn is_follow_up(found: &Diagnostic, node: &Node, errors: &[Diagnostic]) -> bool {
    let is_lost = |value: &Node| {
        errors.iter().any(|one| {
            let span = one.location().span;
            // The braces of a template's placeholder are collections, one the key of the other.
            let is_placeholder = one.code == Code::WrongType && value.span.contains(span);
            is_placeholder || span == value.span
        })
    };
    let is_field_lost = |field| node.get(field).is_some_and(is_lost);
    let is_merge_lost = || errors.iter().any(is_about_merge);
    let at = found.location().span;
    match found.code {
        Code::MissingIdentifier => is_field_lost("identifier") || is_merge_lost(),
        Code::MissingBlueprint => is_field_lost("blueprint") || is_merge_lost(),
        _ => {
            let document::Value::Object(members) = &node.value else {
                return false;
            };
            let mut members = members.iter();
            errors.iter().any(|one| one.location().span == at)
                || members.any(|member| {
                    [member.key_span, member.value.span].contains(&at) && is_lost(&member.value)
                })
        }
    }
}

/// Whether an error is about a `<<`, which may have had any field in it.
fn is_about_merge(error: &Diagnostic) -> bool {
    let location = error.location();
    let before = location.source.text().get(..location.span.start);
    let line = before.and_then(|before| before.rsplit(['\n', '\r']).next());
    let line = line.unwrap_or_default().trim_start_matches(['-', ' ', '{']);
    line.starts_with("<<") || location.source.slice(location.span).starts_with("<<")
}

/// Says that a file is not read on from `node`.
fn too_many(source: &Arc<SourceFile>, node: &Node) -> Diagnostic {
    let location = Location::new(source, entity::headline(node));
    let message = format!("the file has {MAX_FINDINGS} errors, and is not read on from here");
    Diagnostic::new(Code::TooLarge, location, message)
        .label("not read from here on")
        .help("fix those first; the next check reads on")
}

/// Says that warnings are left out.
fn omitted(source: &Arc<SourceFile>, count: usize) -> Diagnostic {
    let message = format!("the file has {count} more warnings and notices, which are not shown");
    Diagnostic::new(Code::TooLarge, Location::start_of(source), message).warn()
}

fn lfs_pointer(source: &Arc<SourceFile>) -> Diagnostic {
    let first_line = Span::new(0, source.text().lines().next().map_or(0, str::len));
    Diagnostic::new(
        Code::GitLfs,
        Location::new(source, first_line),
        "the file is a Git LFS pointer: its content is not in Git, so it was not read",
    )
    .label("a pointer to the content")
    .help("take the file out of Git LFS (its pattern in `.gitattributes`, then `git add --renormalize .`), or exclude it with a `!` line in the input `files`")
}

/// The blueprints that a text names in whatever form: of a file that cannot be parsed, more is not known.
fn blueprints_named(text: &str) -> impl Iterator<Item = BlueprintId> {
    #[expect(
        clippy::unwrap_used,
        reason = "the pattern is a constant that a test compiles"
    )]
    static BLUEPRINT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"blueprint["']?\s*:\s*["']?([^\s"',}\]]+)"#).unwrap());
    let names = BLUEPRINT.captures_iter(text).take(MAX_NAMED);
    names.filter_map(|found| BlueprintId::parse(&found[1]).ok())
}

/// A document is an entity or an array of entities.
fn entity_nodes(root: Node) -> Vec<Node> {
    match root.value {
        document::Value::Array(items) => items,
        _ => vec![root],
    }
}

/// One diagnostic for each declaration, each naming others.
fn duplicates(key: &EntityKey, locations: &[Location]) -> Vec<Diagnostic> {
    let at = |(index, here): (usize, &Location)| {
        let others = locations
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index)
            .map(|(_, location)| location)
            .take(MAX_RELATED);
        let first_other = others.clone().map(Location::to_string).next();
        let message = format!(
            "`{key}` is declared more than once, also at {}",
            first_other.unwrap_or_default()
        );
        let diagnostic = Diagnostic::new(Code::DuplicateEntity, here.clone(), message)
            .label("declared here")
            .help("keep one declaration and remove the other");
        others.fold(diagnostic, |diagnostic, other| {
            diagnostic.related(other.clone(), "and here")
        })
    };
    locations
        .iter()
        .enumerate()
        .take(MAX_DUPLICATES)
        .map(at)
        .collect()
}
