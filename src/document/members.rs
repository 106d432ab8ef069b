//! Mappings while they are being read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Member;
use crate::text::Span;

/// Members with unique keys, in the order in which they were added.
#[derive(Default)]
pub(super) struct Members {
    members: Vec<Member>,
    spans: HashMap<String, Span>,
}

impl Members {
    /// No members yet, and room for so many.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            members: Vec::with_capacity(capacity),
            spans: HashMap::with_capacity(capacity),
        }
    }

    /// Adds `member`. If its key is there already, the first one stays and its index is returned.
    pub(super) fn insert(&mut self, member: Member) -> Result<(), Span> {
        match self.spans.entry(member.key.clone()) {
            Entry::Occupied(first) => Err(*first.get()),
            Entry::Vacant(free) => {
                free.insert(member.key_span);
                self.members.push(member);
                Ok(())
            }
        }
    }

    /// Adds those of `others` whose keys are not there yet.
    pub(super) fn extend_missing(&mut self, others: Vec<Member>) {
        for member in others {
            if !self.spans.contains_key(&member.key) {
                self.spans.insert(member.key.clone(), member.key_span);
                self.members.push(member);
            }
        }
    }

    /// The members alone.
    pub(super) fn into_vec(mut self) -> Vec<Member> {
        // A file can hold two hundred thousand mappings of one member, and each has room for four.
        self.members.shrink_to_fit();
        self.members
    }
}
