//! Whatever happens to the runs of a branch, the catalog comes to what the branch declares.
//!
//! Random histories of pushes, failures, cancellations, force-pushes, overlapping and repeated runs
//! are played on both sandboxes, and compared with a simple model: what the tip declares. Runs are
//! [`port_gitops::run`] in this process. See [`check`] for how to play a failed history again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail"
)]

mod check;
mod history;
mod play;
mod runs;

use check::check;
use play::Deletions;

#[test]
fn without_prune_the_catalog_comes_to_hold_what_the_tip_declares() {
    check(Deletions::Kept);
}

#[test]
fn with_prune_the_catalog_comes_to_be_what_the_tip_declares() {
    check(Deletions::Made);
}
