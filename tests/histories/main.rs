//! Whatever happens to the runs of a branch, the catalog comes to what the branch declares.
//!
//! Random histories of pushes, failures, cancellations, force-pushes, overlapping and repeated runs,
//! and of what people do in Port, are played on the sandboxes and compared with a simple [`model`].
//! Those of a [`fleet`] run over three repositories have a model of their own, in [`fleet::model`].
//! Runs are [`port_gitops::run`] in this process. See [`check`] for how to play a failed history again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail"
)]

mod branch;
mod check;
mod fate;
mod fleet;
mod history;
mod model;
mod play;
mod runs;
mod tree;

use check::check;
use fleet::Fleets;
use play::Deletions;

#[test]
fn without_prune_the_catalog_comes_to_hold_what_the_tips_declare() {
    check(Deletions::Kept);
}

#[test]
fn with_prune_the_catalog_comes_to_be_what_the_tips_declare() {
    check(Deletions::Made);
}

#[test]
fn without_prune_a_fleet_brings_what_the_tips_declare() {
    check(Fleets(Deletions::Kept));
}

#[test]
fn with_prune_a_fleet_brings_what_the_tips_declare() {
    check(Fleets(Deletions::Made));
}
