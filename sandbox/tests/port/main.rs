//! The Port sandbox, seen by an ordinary HTTP client.

// Helpers of tests fail their test by panicking.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod client;
mod delete;
mod faults;
mod read;
mod search;
mod validate;
mod write;
