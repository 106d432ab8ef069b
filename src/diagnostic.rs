//! What is wrong with a file, where, and what to do about it.
//!
//! A [`Diagnostic`] always has a location: one without cannot be built.

use std::fmt;

use crate::text::Location;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The entity is not written and the run fails.
    Error,
    /// The entity is written; something in it is probably not what was meant.
    Warning,
    /// Something worth knowing.
    Notice,
}

impl Severity {
    /// All of them, the gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    /// The name that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// The longest text of a diagnostic, in characters. It can quote a name that is as long as a file.
const LONGEST: usize = 500;

fn cut(text: impl Into<String>) -> String {
    let mut text = text.into();
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Declares [`Code`] once: variant, its stable name, its severity.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $severity:ident;)*) => {
        /// The kind of a diagnostic. Its name is stable: people search for it and link to it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The stable, kebab-case name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What diagnostics of this kind say, in a sentence or two.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),*).trim_start(),)* }
            }

            /// How much a diagnostic of this kind matters.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// The text is not JSON or YAML.
    Syntax "syntax" Error;
    /// An object has the same key twice.
    DuplicateKey "duplicate-key" Error;
    /// The file is larger than is read, or its aliases expand to too much, or it has too many errors.
    TooLarge "too-large" Error;
    /// Values are nested too deeply.
    TooDeep "too-deep" Error;
    /// The file is not UTF-8 text.
    Binary "binary" Error;
    /// The path is a symbolic link, which is not followed.
    Symlink "symlink" Error;
    /// The file is a Git LFS pointer: its content is not in Git.
    GitLfs "git-lfs" Error;
    /// A document is not an object.
    NotAnEntity "not-an-entity" Error;
    /// The entity has no `identifier`.
    MissingIdentifier "missing-identifier" Error;
    /// The identifier holds what Port does not allow.
    InvalidIdentifier "invalid-identifier" Error;
    /// Nothing says which blueprint the entity is of.
    MissingBlueprint "missing-blueprint" Error;
    /// This repository may not write entities of that blueprint.
    ForbiddenBlueprint "forbidden-blueprint" Error;
    /// A field holds a value of another type than Port takes.
    WrongType "wrong-type" Error;
    /// The same entity is declared more than once.
    DuplicateEntity "duplicate-entity" Error;
    /// A search query holds what Port does not take from an entity.
    InvalidQuery "invalid-query" Error;
    /// A key that entities do not have. A warning where it is probably not a typo.
    UnknownField "unknown-field" Error;
    /// A field that Port sets by itself, and nobody else can.
    ReadOnlyField "read-only-field" Notice;
    /// Port has no such blueprint.
    UnknownBlueprint "unknown-blueprint" Error;
    /// The blueprint has no such property.
    UnknownProperty "unknown-property" Error;
    /// A required property is missing.
    MissingProperty "missing-property" Error;
    /// A property's value is not what the blueprint allows.
    InvalidProperty "invalid-property" Error;
    /// A property that Port computes by itself.
    CalculatedProperty "calculated-property" Error;
    /// An integer that Port may round.
    LargeInteger "large-integer" Warning;
    /// A value that looks like a secret is in Git in plain text.
    PlainSecret "plain-secret" Warning;
    /// The blueprint's entities inherit their teams.
    InheritedTeam "inherited-team" Error;
    /// The blueprint has no such relation.
    UnknownRelation "unknown-relation" Error;
    /// A required relation is missing, or has one target where the blueprint says many, or the reverse.
    InvalidRelation "invalid-relation" Error;
    /// New entities require one another in a cycle.
    RelationCycle "relation-cycle" Error;
    /// A relation points to an entity that Port does not have.
    MissingRelationTarget "missing-relation-target" Error;
    /// Port did not take the entity.
    RejectedByPort "rejected-by-port" Error;
    /// The entity was not sent, as one that it needs could not be written.
    Blocked "blocked" Error;
    /// Git no longer declares the entity, and it is still in Port.
    NotDeleted "not-deleted" Error;
    /// The run ended before the entity was sent, or before Port answered.
    NotWritten "not-written" Warning;
    /// Another source owns the entity. In a plan it is a warning.
    OwnedElsewhere "owned-elsewhere" Error;
    /// A `file://` value names something that is not a text file.
    InvalidFileReference "invalid-file-reference" Error;
    /// The mapping has a mistake, or gives nothing usable for a file.
    InvalidMapping "invalid-mapping" Error;
    /// A setting of Port's mapping format that has no effect here.
    UnusedSetting "unused-setting" Notice;
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A location and a note about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The location.
    pub location: Location,
    /// A short note, shown beside the location. May be empty.
    pub text: String,
}

/// One finding about one location in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding it is.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// One sentence that can stand alone, without a full stop.
    pub message: String,
    /// Where it is.
    pub primary: Label,
    /// Other locations that explain it.
    pub related: Vec<Label>,
    /// What to do about it: one sentence, without a full stop.
    pub help: Option<String>,
    /// What the message says without the entity's name, about several: what others may share, so that
    /// it is said once of all.
    pub cause: Option<String>,
}

impl Diagnostic {
    /// A finding of kind `code` at `location`.
    ///
    /// Of a value that a mapping computes, the expression is shown too.
    pub fn new(code: Code, location: Location, message: impl Into<String>) -> Self {
        let (span, expression) = location.source.resolve(location.span);
        let expression = expression.map(|by| Label {
            location: by,
            text: "mapped here".to_owned(),
        });
        Self {
            code,
            severity: code.severity(),
            message: cut(message),
            primary: Label {
                location: Location::new(&location.source, span),
                text: String::new(),
            },
            related: expression.into_iter().collect(),
            help: None,
            cause: None,
        }
    }

    /// Adds a short note at the location.
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = cut(text);
        self
    }

    /// Adds another location, with a note.
    pub fn related(mut self, location: Location, text: impl Into<String>) -> Self {
        let (span, _) = location.source.resolve(location.span);
        self.related.push(Label {
            location: Location::new(&location.source, span),
            text: cut(text),
        });
        self
    }

    /// Makes a warning of it: the entity is not refused for it yet.
    pub fn warn(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(cut(help));
        self
    }

    /// Says it of several entities, which all have the same to be said of them.
    pub fn shared(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cut(cause));
        self
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Whether it keeps the entity from being written.
    pub fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.primary.location
    }
}

/// Sorts by file and line.
pub fn sort(diagnostics: &mut [Diagnostic]) {
    let location = |diagnostic: &Diagnostic| {
        let location = diagnostic.location();
        (location.path().clone(), location.span.start)
    };
    diagnostics.sort_by_cached_key(location);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{RepoPath, SourceFile};

    #[test]
    fn no_text_is_endless() {
        let source = SourceFile::unreadable(RepoPath::new("f"));
        let (location, long) = (Location::start_of(&source), "é".repeat(501));
        let diagnostic = Diagnostic::new(Code::Syntax, location.clone(), &long)
            .label(&long)
            .related(location, &long)
            .help(&long);
        let expected = "é".repeat(500) + "…";
        assert_eq!(diagnostic.message, expected);
        assert_eq!(diagnostic.primary.text, expected);
        assert_eq!(diagnostic.related[0].text, expected);
        assert_eq!(diagnostic.help, Some(expected));
    }

    #[test]
    fn code_names_are_kebab_case_and_unique() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(
            names
                .iter()
                .all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
