//! The real binary, started as the runner starts it, against both sandboxes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

mod bad_input;
mod check;
mod events;
mod faults;
mod first_light;
mod history;
mod hostile;
mod interrupted;
mod kill;
mod mock;
mod networks;
mod redaction;
mod size;
mod stale;
mod validation;
mod world;
