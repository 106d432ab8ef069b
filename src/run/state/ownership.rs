//! Which entities other sources own, or wait for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::codec;
use super::store::{Error, Store};
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::{Claim, Owner};

/// The properties in which a state lists the entities that it claims.
const OWNED: &str = "entities";
const WAITING: &str = "waiting";
/// The property that holds a state's age.
const AGE: &str = "open";

/// A claim, and how old the state is that makes it: seconds since 1970.
struct Found {
    owner: Owner,
    since: u64,
}

impl Store<'_> {
    /// Who else owns or waits for `keys`. Where this source owns one too (`own`, since `since`), the
    /// state that was created first wins.
    ///
    /// # Errors
    /// If a request to Port fails.
    pub(crate) async fn owners(
        &self,
        keys: &BTreeSet<EntityKey>,
        own: impl Fn(&EntityKey) -> bool,
        since: u64,
    ) -> Result<BTreeMap<EntityKey, Owner>, Error> {
        let named = keys.iter().filter(|key| key.name.identifier().is_some());
        let texts: BTreeMap<String, &EntityKey> = named.map(|key| (key.to_text(), key)).collect();
        if texts.is_empty() {
            return Ok(BTreeMap::new());
        }
        let values = texts.keys().cloned().collect();
        let include = ["$identifier", "$title", OWNED, WAITING, AGE];
        let members = self
            .port
            .with_members(
                &self.blueprint,
                &[OWNED, WAITING],
                &values,
                self.name.as_str(),
                &include,
            )
            .await?;
        let mut owners: BTreeMap<EntityKey, Found> = BTreeMap::new();
        for member in members {
            let other_since = age(&member.properties);
            // Two states of the same second: one of them has to be the older.
            let is_older = (other_since, member.identifier.as_str()) < (since, self.name.as_str());
            let source = member.title.unwrap_or(member.identifier);
            for (list, claim) in [(OWNED, Claim::Owned), (WAITING, Claim::Waiting)] {
                for key in listed(&member.properties, list).filter_map(|text| texts.get(text)) {
                    if claim == Claim::Owned && own(key) && !is_older {
                        continue;
                    }
                    let found = Found {
                        owner: Owner {
                            source: source.clone(),
                            claim,
                        },
                        since: other_since,
                    };
                    note(&mut owners, key, found);
                }
            }
        }
        let owners = owners.into_iter();
        Ok(owners.map(|(key, found)| (key, found.owner)).collect())
    }
}

/// Keeps the stronger claim: an owner before one that waits, then the older state.
fn note(owners: &mut BTreeMap<EntityKey, Found>, key: &EntityKey, found: Found) {
    let rank = |found: &Found| (found.owner.claim, found.since);
    match owners.get(key) {
        Some(known) if rank(known) <= rank(&found) => {}
        _ => drop(owners.insert(key.clone(), found)),
    }
}

fn listed<'p>(properties: &'p Map<String, Value>, name: &str) -> impl Iterator<Item = &'p str> {
    let list = properties.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// When a state began; one that cannot be read counts as the oldest.
fn age(properties: &Map<String, Value>) -> u64 {
    codec::since(properties).unwrap_or_default()
}
