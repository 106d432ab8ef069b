//! The commands beside the action, for people at a terminal.

pub mod check;
