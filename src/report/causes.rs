//! Diagnostics by cause: what many entities share is said once.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, Diagnostic};

/// Diagnostics of one severity and one cause, in the order of files and lines. There is at least one.
///
/// `D` is a diagnostic, alone or with what else is known of it.
pub(super) struct Cause<D> {
    pub(super) first: D,
    pub(super) others: Vec<D>,
}

impl<'d, D: Copy + Into<&'d Diagnostic>> Cause<D> {
    pub(super) fn all(&self) -> impl Iterator<Item = D> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// What is wrong, of one entity or of all that share it.
    pub(super) fn message(&self) -> String {
        let first: &Diagnostic = self.first.into();
        match (&first.cause, self.others.len()) {
            (_, 0) => first.message.clone(),
            (Some(cause), others) => format!("{} entities: {cause}", others + 1),
            (None, others) => format!("{} ({} times)", first.message, others + 1),
        }
    }
}

/// Where a diagnostic is: of what Git no longer declares only the file is known.
pub(super) fn position(diagnostic: &Diagnostic) -> String {
    let location = diagnostic.location();
    match diagnostic.code {
        Code::NotDeleted => location.path().to_string(),
        _ => location.to_string(),
    }
}

/// Puts together what has the same code and cause, or says exactly the same. Root causes come first.
pub(super) fn by_cause<'d, D: Copy + Into<&'d Diagnostic>>(
    diagnostics: impl Iterator<Item = D>,
) -> Vec<Cause<D>> {
    let mut causes: Vec<Cause<D>> = Vec::new();
    let mut known = BTreeMap::new();
    for one in diagnostics {
        let diagnostic: &Diagnostic = one.into();
        let text = diagnostic.cause.as_ref().unwrap_or(&diagnostic.message);
        let key = (
            diagnostic.severity(),
            diagnostic.code,
            text,
            &diagnostic.help,
        );
        let index = *known.entry(key).or_insert(causes.len());
        match causes.get_mut(index) {
            Some(cause) => cause.others.push(one),
            None => causes.push(Cause {
                first: one,
                others: Vec::new(),
            }),
        }
    }
    // What waits for something else is often fixed with it.
    causes.sort_by_key(|cause| match cause.first.into().code {
        Code::Blocked => 2,
        Code::NotDeleted => 1,
        _ => 0,
    });
    causes
}
