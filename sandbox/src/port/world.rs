//! Everything that a Port sandbox knows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::access::Access;
use super::budget::Budget;
use super::catalog::Catalog;
use super::failure::Failure;

/// The catalog, who may use it how often, and what is to go wrong.
#[derive(Debug)]
pub(super) struct World {
    pub(super) catalog: Catalog,
    pub(super) access: Access,
    pub(super) budget: Budget,
    pub(super) refusals: Vec<Refusal>,
    pub(super) additional: BTreeMap<String, Value>,
}

/// A write that is to be refused, a number of times.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) blueprint: String,
    pub(super) identifier: String,
    pub(super) failure: Failure,
    pub(super) times: usize,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            catalog: Catalog::default(),
            access: Access::new(),
            budget: Budget::new(),
            refusals: Vec::new(),
            additional: BTreeMap::new(),
        }
    }

    /// Fails if writing this entity is to be refused, and counts that down.
    pub(super) fn refused(&mut self, blueprint: &str, identifier: &str) -> Result<(), Failure> {
        let due = self.refusals.iter_mut().find(|refusal| {
            refusal.blueprint == blueprint && refusal.identifier == identifier && refusal.times > 0
        });
        match due {
            None => Ok(()),
            Some(refusal) => {
                refusal.times -= 1;
                Err(refusal.failure.clone())
            }
        }
    }

    /// The `additionalData` of written entities of a blueprint.
    pub(super) fn additional(&self, blueprint: &str) -> Option<&Value> {
        self.additional.get(blueprint)
    }
}
