//! port-gitops makes Git the source of truth for a Port software catalog.
//!
//! [`run()`] is the whole program: the runner's environment goes in, the exit status comes out, and
//! on the way the entities that a push changed reach Port. The module of the same name is its table of
//! contents.

pub mod catalog;
pub mod cli;
pub mod diagnostic;
pub mod document;
pub mod environment;
pub mod event;
pub mod git;
pub mod github;
pub mod http;
pub mod inputs;
pub mod port;
pub mod report;
pub mod run;
pub mod shutdown;
pub mod text;

pub use run::{Exit, run};
