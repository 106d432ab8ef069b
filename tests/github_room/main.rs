//! The room that reads Git through GitHub, against the sandbox: what it finds, and what it costs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

mod comments;
mod contents;
mod diff;
mod fleet;
mod tip;
mod world;
