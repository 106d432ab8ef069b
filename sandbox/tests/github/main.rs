//! The GitHub sandbox, asked over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod comments;
mod compare;
mod contents;
mod event;
mod gate;
mod graphql;
mod repository;
mod routes;
