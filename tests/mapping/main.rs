//! Mappings: what the documents show of them, jq's opinion, and entity files beside them.

#![cfg(test)]

mod jq;
mod property;
mod recipes;
