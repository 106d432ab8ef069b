//! What the tests of both formats need.

use proptest::prelude::*;

use super::{Documents, FileFormat, Node, Value, parse};
use crate::text::{RepoPath, SourceFile};

/// What `text` holds as a file of `format`.
pub(super) fn documents(format: FileFormat, text: &str) -> Documents {
    let path = match format {
        FileFormat::Json => "entity.json",
        FileFormat::Yaml => "entity.yml",
    };
    parse(&SourceFile::new(RepoPath::new(path), text))
}

/// The diagnostics, one a line: `line:column code: message (help: …)`.
pub(super) fn shown(documents: &Documents) -> String {
    let lines = documents.diagnostics.iter().map(|diagnostic| {
        let (start, end) = (diagnostic.location().start(), diagnostic.location().end());
        let mut line = format!(
            "{}:{}-{}:{} {}: {}",
            start.line, start.column, end.line, end.column, diagnostic.code, diagnostic.message
        );
        if let Some(help) = &diagnostic.help {
            line.push_str(&format!(" (help: {help})"));
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

/// Any JSON, not too large.
pub(super) fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        "[a-z]{0,6}",
        "\\PC{0,8}",
        "[\\x00-\\x7f]{0,6}",
        "(true|null|~|1|<<|- |: |#)"
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map_into(),
        any::<i64>().prop_map_into(),
        any::<u64>().prop_map_into(),
        any::<f64>()
            .prop_filter("JSON has finite numbers only", |f| f.is_finite())
            .prop_map_into(),
        text.clone().prop_map_into(),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map_into(),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}
