//! The pages that a report leads to: lines in Git, entities in Port, the documentation of codes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{EntityReport, EntityState, Report, RunFacts};
use crate::catalog::entity::EntityKey;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Mode;
use crate::text::Location;

/// What a segment of a URL's path may hold as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

impl RunFacts {
    /// The page of the revision whose files counted.
    pub(super) fn commit_link(&self) -> String {
        let Self {
            server_url,
            repository,
            head,
            ..
        } = self;
        format!("{server_url}/{repository}/commit/{head}")
    }

    /// The section of the documentation that explains `code`, where it is known which version runs.
    pub(super) fn code_link(&self, code: Code) -> Option<String> {
        let documentation = self.documentation_url.as_ref()?;
        Some(format!("{documentation}/diagnostics.md#{code}"))
    }

    /// The entity's page in Port: `/BLUEPRINTEntity?identifier=IDENTIFIER`, as Port's documentation
    /// links to [entities](https://docs.port.io/promote-scorecards/usage).
    fn entity_link(&self, key: &EntityKey) -> Option<String> {
        let (port, identifier) = (self.port_url.as_ref()?, key.name.identifier()?);
        let (blueprint, identifier) = (
            encoded(key.blueprint.as_str()),
            encoded(identifier.as_str()),
        );
        Some(format!("{port}/{blueprint}Entity?identifier={identifier}"))
    }
}

impl Report {
    /// The page that shows a location at the run's revision.
    pub fn link(&self, location: &Location) -> String {
        let RunFacts {
            server_url,
            repository,
            head,
            ..
        } = &self.run;
        let path = location.path().as_str().split('/').map(encoded);
        let path: Vec<_> = path.collect();
        let line = location.start().line;
        format!(
            "{server_url}/{repository}/blob/{head}/{}#L{line}",
            path.join("/")
        )
    }

    /// The page that shows where a diagnostic is, unless head no longer has that text.
    pub(super) fn link_of(&self, diagnostic: &Diagnostic) -> Option<String> {
        let is_at_head = diagnostic.code != Code::NotDeleted;
        is_at_head.then(|| self.link(diagnostic.location()))
    }

    /// The page of an entity in Port, if it is there.
    pub(super) fn port_link(&self, entity: &EntityReport) -> Option<String> {
        let is_there = match entity.state {
            EntityState::Created => self.run.mode == Mode::Apply,
            EntityState::Deleted => self.run.mode == Mode::Plan,
            EntityState::Failed => entity.is_removed,
            EntityState::Adopted
            | EntityState::Updated
            | EntityState::HeldBack
            | EntityState::OwnedElsewhere
            | EntityState::Removed
            | EntityState::Unchanged => true,
            EntityState::Invalid
            | EntityState::Unknown
            | EntityState::NotWritten
            | EntityState::Blocked => false,
        };
        self.run
            .entity_link(entity.key.as_ref().filter(|_| is_there)?)
    }
}
