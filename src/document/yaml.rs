//! YAML 1.2 → nodes, in the steps that the specification names:
//!
//! 1. [`stream`] cuts the text into its documents, so that a broken one does not hide the others.
//! 2. [`compose`] turns the parser's events into a graph, in which aliases are edges.
//! 3. [`construct`] turns the graph into nodes: it applies the schema and tags, expands aliases
//!    and merges `<<`.

mod compose;
mod construct;
mod input;
mod layout;
mod message;
mod scalar;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::Documents;
use super::findings::Findings;
use crate::text::SourceFile;

pub(super) fn parse(source: &Arc<SourceFile>) -> Documents {
    let mut findings = Findings::new(source);
    let mut budget = construct::AliasBudget::default();
    let mut roots = Vec::new();
    for document in stream::documents(source.text()) {
        if findings.is_full() {
            break;
        }
        if let Some(graph) = compose::compose(source.text(), document, &mut findings) {
            roots.push(construct::construct(&graph, &mut findings, &mut budget));
        }
    }
    findings.into_documents(roots)
}
