mod documents;
mod mistakes;
mod places;
mod second_opinion;
mod specification;
mod values;

use super::super::testing::{documents as read_as, shown};
use crate::document::{Documents, FileFormat};

fn read(text: &str) -> Documents {
    read_as(FileFormat::Yaml, text)
}

/// The values of the documents in `text`, which has no mistakes.
fn values(text: &str) -> Vec<serde_json::Value> {
    let documents = read(text);
    assert_eq!(shown(&documents), "", "{text:?}");
    documents
        .roots
        .iter()
        .map(crate::document::Node::to_json)
        .collect()
}

/// The value of the only document in `text`, which has no mistakes.
fn value(text: &str) -> serde_json::Value {
    let mut values = values(text);
    assert_eq!(values.len(), 1, "{text:?}: {values:?}");
    values.remove(0)
}
