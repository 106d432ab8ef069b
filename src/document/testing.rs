//! What the tests of both formats need.

use super::{Documents, Format, Node, Value, parse};
use crate::source::{RepoPath, Source};

/// What `text` holds as a file of `format`.
pub(super) fn documents(format: Format, text: &str) -> Documents {
    let path = match format {
        Format::Json => "entity.json",
        Format::Yaml => "entity.yml",
    };
    parse(&Source::new(RepoPath::new(path), text))
}

/// The diagnostics, one a line: `line:column code: message (help)`.
pub(super) fn shown(documents: &Documents) -> String {
    let lines = documents.diagnostics.iter().map(|diagnostic| {
        let (start, end) = (diagnostic.location().start(), diagnostic.location().end());
        let mut line = format!(
            "{}:{}-{}:{} {}: {}",
            start.line, start.column, end.line, end.column, diagnostic.code, diagnostic.message
        );
        if let Some(help) = &diagnostic.help {
            line.push_str(&format!(" ({help})"));
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every node at and below `node`.
pub(super) fn nodes(node: &Node) -> Vec<&Node> {
    let mut found = vec![node];
    match &node.value {
        Value::Array(items) => found.extend(items.iter().flat_map(nodes)),
        Value::Object(members) => found.extend(members.iter().flat_map(|m| nodes(&m.value))),
        _ => {}
    }
    found
}
