//! Mappings while they are being read.

use std::collections::HashMap;

use super::Member;
use crate::text::Span;

/// Up to this many members, comparing keys one by one is faster than an index.
const FEW: usize = 32;

/// Members with unique keys, in the order in which they were added.
#[derive(Default)]
pub(super) struct Members {
    members: Vec<Member>,
    /// Where the keys are, once there are more than [`FEW`].
    index: HashMap<String, Span>,
}

/// A key that is there already.
pub(super) struct DuplicateKey {
    pub(super) key: String,
    /// Where it is given first.
    pub(super) first: Span,
    /// Where it is given again.
    pub(super) second: Span,
}

impl Members {
    /// No members yet, and room for so many.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            members: Vec::with_capacity(capacity),
            index: HashMap::new(),
        }
    }

    /// Adds `member`.
    ///
    /// # Errors
    /// If its key is there already: the first member stays.
    pub(super) fn insert(&mut self, member: Member) -> Result<(), DuplicateKey> {
        match self.find(&member.key) {
            Some(first) => Err(DuplicateKey {
                key: member.key,
                first,
                second: member.key_span,
            }),
            None => {
                self.push(member);
                Ok(())
            }
        }
    }

    /// Adds those of `others` whose keys are not there yet.
    pub(super) fn extend_missing(&mut self, others: Vec<Member>) {
        for member in others {
            if self.find(&member.key).is_none() {
                self.push(member);
            }
        }
    }

    fn find(&self, key: &str) -> Option<Span> {
        match self.members.len() {
            ..=FEW => {
                let first = self.members.iter().find(|member| member.key == key);
                first.map(|member| member.key_span)
            }
            _ => self.index.get(key).copied(),
        }
    }

    fn push(&mut self, member: Member) {
        self.members.push(member);
        if self.members.len() > FEW {
            let new = &self.members[self.index.len()..];
            let new = new
                .iter()
                .map(|member| (member.key.clone(), member.key_span));
            self.index.extend(new);
        }
    }

    /// The members alone.
    pub(super) fn into_vec(mut self) -> Vec<Member> {
        // A file can hold two hundred thousand mappings of one member, and each has room for four.
        self.members.shrink_to_fit();
        self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Node, Value};

    fn member(key: usize, at: usize) -> Member {
        let (key_span, value) = (Span::new(at, at + 1), Value::Null);
        Member {
            key: format!("k{key}"),
            key_span,
            value: Node {
                value,
                span: key_span,
            },
        }
    }

    #[test]
    fn a_key_is_found_again_however_many_there_are() {
        for count in [1, FEW, FEW + 1, FEW + 2, 3 * FEW] {
            let mut members = Members::default();
            for key in 0..count {
                assert!(members.insert(member(key, key)).is_ok(), "{key} of {count}");
                for known in 0..=key {
                    let again = members.insert(member(known, 1000)).unwrap_err();
                    assert_eq!(again.first, Span::new(known, known + 1));
                    assert_eq!((again.key, again.second.start), (format!("k{known}"), 1000));
                }
            }
            members.extend_missing(vec![member(0, 1000), member(count, count)]);
            let found = members.into_vec();
            let spans = found.iter().map(|member| member.key_span.start);
            assert!(spans.eq(0..=count));
        }
    }
}
