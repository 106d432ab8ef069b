//! Mappings: what the documents show of them, jq's opinion, and entity files beside them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail"
)]

mod jq;
mod property;
mod recipes;
