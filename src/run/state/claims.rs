//! Which entities sources own, or wait for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::codec;
use super::store::{Error, Store};
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::{Claim, ClaimingSource};

/// The properties in which a state lists the entities that it claims.
const OWNED: &str = "entities";
const WAITING: &str = "waiting";

/// What a source claims.
#[derive(Debug, Clone)]
pub(crate) struct Claims {
    /// The state's identifier.
    pub(crate) name: String,
    /// What people call the source.
    pub(crate) title: String,
    /// When the state began: seconds since 1970.
    pub(crate) since: u64,
    /// What is in Port because of the source.
    pub(crate) owned: BTreeSet<EntityKey>,
    /// What it declares, and another source owns.
    pub(crate) waiting: BTreeSet<EntityKey>,
}

impl Store<'_> {
    /// What sources claim of `keys`, without the sources called `except`.
    ///
    /// # Errors
    /// If a request to Port fails.
    pub(crate) async fn claims(
        &self,
        keys: &BTreeSet<EntityKey>,
        except: &[&str],
    ) -> Result<Vec<Claims>, Error> {
        let named = keys.iter().filter(|key| key.name.identifier().is_some());
        let texts: BTreeMap<String, &EntityKey> = named.map(|key| (key.to_text(), key)).collect();
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let values = texts.keys().cloned().collect();
        // `open` holds the state's age.
        let include = ["$identifier", "$title", OWNED, WAITING, "open"];
        let (port, blueprint, lists) = (self.port, &self.blueprint, [OWNED, WAITING]);
        let found = port.with_members(blueprint, &lists, &values, except, &include);
        let keys = |properties: &Map<String, Value>, list: &str| {
            let texts = codec::strings(properties, list).filter_map(|text| texts.get(text));
            texts.map(|key| (*key).clone()).collect()
        };
        let found = found.await?.into_iter();
        Ok(found
            .map(|member| Claims {
                // A state that cannot be read counts as the oldest.
                since: codec::since(&member.properties).unwrap_or_default(),
                owned: keys(&member.properties, OWNED),
                waiting: keys(&member.properties, WAITING),
                title: member.title.unwrap_or_else(|| member.identifier.clone()),
                name: member.identifier,
            })
            .collect())
    }
}

/// Who else owns or waits for `keys`, if `own` is what the source itself claims. Where both own an
/// entity, the state that was created first wins.
pub(crate) fn owners(
    keys: &BTreeSet<&EntityKey>,
    own: &Claims,
    others: &[Claims],
) -> BTreeMap<EntityKey, ClaimingSource> {
    let owner = |key: &EntityKey| {
        let claims = others.iter().filter(|other| other.name != own.name);
        let claims = claims.filter_map(|other| Some((other.claim(key)?, other)));
        let counts = |(claim, other): &(Claim, &Claims)| {
            *claim == Claim::Waiting || !own.owned.contains(key) || other.age() < own.age()
        };
        // An owner counts before one that waits, and then the older state.
        let (claim, other) = claims
            .filter(counts)
            .min_by_key(|(claim, other)| (*claim, other.since))?;
        Some(ClaimingSource {
            source: other.title.clone(),
            claim,
        })
    };
    let owned = keys
        .iter()
        .filter_map(|key| Some(((*key).clone(), owner(key)?)));
    owned.collect()
}

impl Claims {
    fn claim(&self, key: &EntityKey) -> Option<Claim> {
        match (self.owned.contains(key), self.waiting.contains(key)) {
            (true, _) => Some(Claim::Owned),
            (false, true) => Some(Claim::Waiting),
            (false, false) => None,
        }
    }

    /// Which of two sources is the older one, also where their states are of the same second.
    fn age(&self) -> (u64, &str) {
        (self.since, &self.name)
    }
}
