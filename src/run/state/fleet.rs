//! What only a run over many repositories needs of states: a glimpse of all of them, their new commits in bulk,
//! and an entity of its own for what it remembers of itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::codec;
use super::store::{self, Error, Facts, Store};
use super::{SourceName, Status};
use crate::catalog::entity::BlueprintId;
use crate::git::CommitSha;
use crate::port::{ErrorCode, Existing, Port, Reserve};

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

    /// Saves what this run remembers; `entities` is how many are in Port because of all repositories.
    ///
    /// # Errors
    /// If a request to Port fails, or Port refuses the entity.
    pub(crate) async fn save_fleet(
        &self,
        memory: &FleetMemory,
        entities: u64,
        facts: &Facts,
        existing: Existing,
    ) -> Result<(), Error> {
        let status = match facts.problems.as_slice() {
            [] => Status::Synced,
            _ => Status::Incomplete,
        };
        let mut properties = facts.properties(status, entities);
        properties.extend(codec::named([
            ("inputs", json!(memory.inputs)),
            ("settled", json!(codec::pack(memory))),
        ]));
        let body = json!({
            "identifier": self.name.as_str(),
            "title": facts.title,
            "properties": properties,
        });
        put_one(self, body, existing).await
    }
}

/// Writes the entity of a fleet's run. What another run has created meanwhile is merged with it.
async fn put_one(store: &Store<'_>, body: Value, existing: Existing) -> Result<(), Error> {
    let bodies = [body];
    for existing in [existing, Existing::Merge] {
        match store::put(store, &bodies, existing).await.pop() {
            None | Some(Ok(Ok(()))) => return Ok(()),
            Some(Ok(Err(rejection)))
                if rejection.code == ErrorCode::IdentifierTaken && existing == Existing::Refuse => {
            }
            Some(Ok(Err(rejection))) => return Err(store.refused(rejection)),
            Some(Err(error)) => return Err(error),
        }
    }
    Ok(())
}

/// A new commit of a source whose state stays as it is.
#[derive(Debug)]
pub(crate) struct NewCommit<'s> {
    pub(crate) store: &'s Store<'s>,
    pub(crate) commit: &'s CommitSha,
}

/// Saves new commits, in as few requests as Port takes. They only save the next run some work, so what
/// Port refuses is not saved. They are what a search shows; files are compared with the commit that the
/// machine's part holds.
pub(crate) async fn save_commits(commits: &[NewCommit<'_>]) {
    let Some(first) = commits.first() else {
        return;
    };
    let body = |new: &NewCommit<'_>| {
        json!({
            "identifier": new.store.name.as_str(),
            "properties": { "commit": new.commit.as_str() },
        })
    };
    let bodies: Vec<_> = commits.iter().map(body).collect();
    let (port, blueprint) = (first.store.port, &first.store.blueprint);
    for put in port.put(blueprint, &bodies, Existing::Merge).await {
        if let Err(error) = put {
            tracing::debug!("a commit was not saved: {error}");
        }
    }
}

/// What a search says of a state: enough to know that nothing has changed.
#[derive(Debug, Clone)]
pub(crate) struct Glimpse {
    pub(crate) commit: Option<CommitSha>,
    pub(crate) inputs: String,
    pub(crate) is_synced: bool,
    /// Whether Port still holds something that the source no longer declares.
    pub(crate) has_removed: bool,
    /// How many entities are in Port because of the source.
    pub(crate) entities: u64,
}

/// What a search says of the states that `names` call, kept in `blueprint`.
///
/// # Errors
/// If a request to Port fails.
pub(crate) async fn glimpse(
    port: &Port,
    blueprint: &BlueprintId,
    names: Vec<SourceName>,
) -> Result<BTreeMap<SourceName, Glimpse>, Error> {
    let texts: Vec<_> = names.iter().map(SourceName::as_str).collect();
    let include = [
        "$identifier",
        "status",
        "commit",
        "inputs",
        "removed",
        "entity_count",
    ];
    let found = port.named(blueprint, &texts, &include).await?;
    let mut found: BTreeMap<String, Map<String, Value>> = found
        .into_iter()
        .map(|member| (member.identifier, member.properties))
        .collect();
    let glimpses = names.into_iter().filter_map(|name| {
        let properties = found.remove(name.as_str())?;
        let text = |name: &str| properties.get(name).and_then(Value::as_str);
        let entities = properties.get("entity_count").and_then(Value::as_u64);
        let glimpse = Glimpse {
            commit: text("commit").and_then(CommitSha::parse),
            inputs: text("inputs").unwrap_or_default().to_owned(),
            is_synced: codec::status(&properties) == Some(Status::Synced),
            has_removed: codec::strings(&properties, "removed").next().is_some(),
            entities: entities.unwrap_or_default(),
        };
        Some((name, glimpse))
    });
    Ok(glimpses.collect())
}
