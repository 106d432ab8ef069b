//! port-gitops makes Git the source of truth for a Port software catalog.

pub mod diagnostic;
pub mod document;
pub mod source;
