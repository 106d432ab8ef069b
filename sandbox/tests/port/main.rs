//! The Port sandbox, seen by an ordinary HTTP client.

// Helpers of tests fail their test by panicking.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod blueprints;
mod client;
mod delete;
mod faults;
mod patch;
mod permissions;
mod read;
mod search;
mod switches;
mod validate;
mod write;
