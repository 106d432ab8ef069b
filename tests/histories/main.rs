//! Whatever happens to the runs of a branch, the catalog comes to what the branch declares.
//!
//! Random histories of pushes, failures, cancellations, force-pushes, overlapping and repeated runs,
//! and of what people do in Port, are played on the sandboxes and compared with a simple [`model`].
//! Those of a [`fleet`] run over three repositories have a model of their own, in [`fleet::model`].
//! Runs are [`port_gitops::run`] in this process. See [`check`] for how to play a failed history again.

#![cfg(test)]

mod branch;
mod check;
mod fate;
mod fleet;
mod history;
mod model;
mod play;
mod runs;
mod tree;

use fleet::check_fleets;
use play::{Deletions, check_histories};

#[test]
fn without_prune_the_catalog_comes_to_hold_what_the_tips_declare() {
    check_histories(Deletions::Kept);
}

#[test]
fn with_prune_the_catalog_comes_to_be_what_the_tips_declare() {
    check_histories(Deletions::Made);
}

#[test]
fn without_prune_a_fleet_brings_what_the_tips_declare() {
    check_fleets(Deletions::Kept);
}

#[test]
fn with_prune_a_fleet_brings_what_the_tips_declare() {
    check_fleets(Deletions::Made);
}
