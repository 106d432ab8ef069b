//! The mistakes found in one file.

use std::sync::Arc;

use super::members::DuplicateKey;
use super::{Documents, Node};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{Location, SourceFile, Span};

/// How many mistakes are reported for a file, and how many warnings. Nobody reads more, and a hostile
/// file could hold a hundred thousand.
const MAX_FINDINGS: usize = 100;

/// Collects what is wrong with a file while it is read.
pub(super) struct Findings {
    source: Arc<SourceFile>,
    diagnostics: Vec<Diagnostic>,
}

impl Findings {
    /// Nothing found in `source` yet.
    pub(super) fn new(source: &Arc<SourceFile>) -> Self {
        Self {
            source: Arc::clone(source),
            diagnostics: Vec::new(),
        }
    }

    /// A diagnostic about this file, to be completed and [pushed](Self::push).
    pub(super) fn at(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, self.location(span), message)
    }

    /// A location in this file.
    pub(super) fn location(&self, span: Span) -> Location {
        Location::new(&self.source, span)
    }

    /// Keeps `diagnostic`, unless there are enough of its kind.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let is_error = diagnostic.is_error();
        if self.count(is_error) < MAX_FINDINGS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Reports that an object has the same key twice.
    pub(super) fn push_duplicate_key(&mut self, duplicate: &DuplicateKey) {
        let DuplicateKey { key, first, second } = duplicate;
        self.push(
            self.at(
                Code::DuplicateKey,
                *second,
                format!("the key `{}` is given twice", brief(key)),
            )
            .label("again here")
            .related(self.location(*first), "first here")
            .help("remove one of the two"),
        );
    }

    /// Whether there are so many mistakes that reading on is of no use.
    pub(super) fn is_full(&self) -> bool {
        self.count(true) >= MAX_FINDINGS
    }

    fn count(&self, errors: bool) -> usize {
        let same = self.diagnostics.iter();
        same.filter(|one| one.is_error() == errors).count()
    }

    /// Whether something was reported at exactly `span`.
    pub(super) fn include(&self, span: Span) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.location().span == span)
    }

    /// `roots` and what was found. Too many mistakes leave no root: those that were not reported
    /// could lie in any of them.
    pub(super) fn into_documents(self, roots: Vec<Node>) -> Documents {
        let roots = if self.is_full() { Vec::new() } else { roots };
        Documents {
            roots,
            diagnostics: self.diagnostics,
        }
    }
}

/// `text` as it is quoted in a message: on one line and not long.
pub(super) fn brief(text: &str) -> String {
    const MOST: usize = 40;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}
