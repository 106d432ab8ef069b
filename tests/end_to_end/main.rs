//! The real binary, started as the runner starts it, against both sandboxes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail"
)]

mod bad_input;
mod check;
mod claims;
mod commands;
mod drift;
mod events;
mod export;
mod faults;
mod first_light;
mod handover;
mod history;
mod hostile;
mod interrupted;
mod kill;
mod lasting;
mod mistakes;
mod mock;
mod networks;
mod plans;
mod port_rules;
mod prune;
mod queries;
mod redaction;
mod references;
mod refusals;
mod scenes;
mod schema;
mod size;
mod slips;
mod stale;
mod validation;
mod world;
