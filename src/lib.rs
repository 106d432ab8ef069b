//! port-gitops makes Git the source of truth for a Port software catalog.
//!
//! [`run`] is the whole program: the runner's environment goes in, the exit status comes out, and
//! on the way the entities that a push changed reach Port. its table of contents is in the module of the same name.

pub mod apply;
pub mod catalog;
pub mod check;
pub mod checkout;
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
pub mod shutdown;
pub mod source;

mod run;

pub use run::{Exit, run};
