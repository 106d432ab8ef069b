//! What a run over many repositories remembers of itself: an entity of its own beside the states.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Status;
use super::codec;
use super::store::{self, Error, Facts, Store};
use crate::git::CommitSha;
use crate::port::{Existing, Reserve};

/// What a run over many repositories remembers beside the states of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FleetMemory {
    /// A digest of the inputs that select and shape entities.
    pub(crate) inputs: String,
    /// The commits of repositories that declare nothing, by the repositories' ids.
    pub(crate) nothing: BTreeMap<u64, CommitSha>,
    /// The repositories that could not be read or saved.
    pub(crate) failed: BTreeSet<u64>,
}

impl FleetMemory {
    /// Whether a repository declared nothing at `commit`.
    pub(crate) fn declares_nothing(&self, repository_id: u64, commit: &CommitSha) -> bool {
        self.nothing.get(&repository_id) == Some(commit)
    }
}

/// How the repositories are, for people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FleetCounts {
    /// What is in Port because of all of them.
    pub(crate) entities: u64,
    /// How many of them have problems, or were left for the next run.
    pub(crate) problems: usize,
}

impl Store<'_> {
    /// Loads what the last run remembers; `None` if there was none. Where it cannot be read, it is
    /// empty: then all repositories are looked at.
    ///
    /// # Errors
    /// If a request to Port fails.
    pub(crate) async fn load_fleet(&self) -> Result<Option<FleetMemory>, Error> {
        let name = self.name.as_str();
        let loading = self.port.properties(&self.blueprint, name, Reserve::Keep);
        let properties = loading.await?;
        Ok(properties.map(|found| codec::unpack(&found, "settled").unwrap_or_default()))
    }

    /// Saves what this run remembers.
    ///
    /// # Errors
    /// If a request to Port fails, or Port refuses the entity.
    pub(crate) async fn save_fleet(
        &self,
        memory: &FleetMemory,
        counts: FleetCounts,
        facts: &Facts,
        existing: Existing,
    ) -> Result<(), Error> {
        let status = match counts.problems {
            0 => Status::Synced,
            _ => Status::Incomplete,
        };
        let mut properties = facts.properties(status, counts.entities, counts.problems);
        properties.insert("inputs".to_owned(), json!(memory.inputs));
        properties.insert("settled".to_owned(), json!(codec::pack(memory)));
        let body = json!({
            "identifier": self.name.as_str(),
            "title": facts.title,
            "properties": properties,
        });
        store::put_one(self, body, existing).await
    }
}
