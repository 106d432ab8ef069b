//! The search query that says which entities are exported.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

use crate::document;
use crate::text::{RepoPath, SourceFile};

/// Why a file holds no query.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidQuery {
    #[error("cannot read {path}: {error}")]
    Unread { path: String, error: io::Error },
    #[error("{path}:{line}: {problem}")]
    Text {
        path: String,
        line: usize,
        problem: String,
    },
    #[error(
        "{0} is not a search query of Port's: it must be an object with `combinator` and `rules`"
    )]
    Form(String),
}

/// Reads the query at `path`, JSON or YAML by its extension. Which rules there are is Port's to say.
///
/// # Errors
/// If the file cannot be read, or holds none.
pub(super) fn read(path: &Path) -> Result<Value, InvalidQuery> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| InvalidQuery::Unread {
        path: shown.clone(),
        error,
    })?;
    let read = document::parse(&SourceFile::new(RepoPath::new(shown.as_str()), text));
    if let Some(error) = read.diagnostics.iter().find(|one| one.is_error()) {
        return Err(InvalidQuery::Text {
            line: error.location().start().line,
            problem: error.message.clone(),
            path: shown,
        });
    }
    match read.roots.as_slice() {
        [root] if root.get("combinator").is_some() && root.get("rules").is_some() => {
            Ok(root.to_json())
        }
        _ => Err(InvalidQuery::Form(shown)),
    }
}
