//! The room that writes to Port, against the sandbox: in which order, in how few requests, and what
//! becomes of the rest when something fails.

#![cfg(test)]

mod answers;
mod deletions;
mod order;
mod pace;
mod refusals;
mod world;
