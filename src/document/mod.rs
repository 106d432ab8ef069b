//! Text → trees that remember their positions.
//!
//! Both formats give the same [`Node`]s, so no later stage knows which one a file was
//! written in.

pub(crate) mod character;
mod findings;
pub(crate) mod hints;
mod json;
mod members;
mod node;
#[cfg(test)]
mod testing;
mod yaml;

use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic};
pub use crate::text::MAX_BYTES;
use crate::text::{Location, SourceFile};

pub use node::{Member, Node, Value, to_json_map};
/// How deeply values may be nested; the outermost one is at level 1.
pub const MAX_DEPTH: usize = 128;
/// How many nodes a file's YAML aliases may stand for in all.
pub const MAX_ALIASED_NODES: usize = 100_000;

/// What to do about values that are nested more deeply than [`MAX_DEPTH`].
const TOO_DEEP_HELP: &str = "close the brackets above, flatten the value, or exclude the file with a \
                             `!` line in the input `files`";

/// The language that a file is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// RFC 8259.
    Json,
    /// YAML 1.2, core schema, with merge keys.
    Yaml,
}

impl FileFormat {
    /// The format that a path's extension says: JSON for `.json` in any case, else YAML.
    pub fn of_path(path: &str) -> Self {
        let is_json = path
            .rsplit_once('.')
            .is_some_and(|(_, end)| end.eq_ignore_ascii_case("json"));
        if is_json { Self::Json } else { Self::Yaml }
    }
}

/// What a file's text holds.
#[derive(Debug, Default)]
pub struct Documents {
    /// The documents that could be read, in the order of the file. JSON has one. Empty YAML
    /// documents are left out.
    pub roots: Vec<Node>,
    /// What is wrong with the text. Where an error lies inside of a root, that part of the root is
    /// not to be trusted; where it lies outside of every root, a document is missing.
    /// There are at most 100 errors, and as many warnings; a file with that many errors yields no
    /// roots.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads `source` as JSON or YAML, as its path says.
///
/// Never fails as a whole: what cannot be read is in [`Documents::diagnostics`].
pub fn parse(source: &Arc<SourceFile>) -> Documents {
    if source.text().len() > MAX_BYTES {
        return Documents {
            roots: Vec::new(),
            diagnostics: vec![too_large(source)],
        };
    }
    let format = FileFormat::of_path(source.path().as_str());
    let mut documents = match format {
        FileFormat::Json => json::parse(source),
        FileFormat::Yaml => yaml::parse(source),
    };
    hints::add(source, format, &mut documents);
    documents
}

/// The diagnostic for a file that is larger than [`MAX_BYTES`].
pub fn too_large(source: &Arc<SourceFile>) -> Diagnostic {
    Diagnostic::new(
        Code::TooLarge,
        Location::start_of(source),
        "the file is larger than 1 MiB and was not read",
    )
    .help("split it into several files, or exclude it with a `!` line in the input `files`")
}
