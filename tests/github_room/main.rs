//! The room that reads Git through GitHub, against the sandbox: what it finds, and what it costs.

#![cfg(test)]

mod comments;
mod contents;
mod diff;
mod fleet;
mod tip;
mod world;
