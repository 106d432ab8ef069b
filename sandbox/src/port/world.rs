//! Everything that a Port sandbox knows.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::budget::Budget;
use super::bulk::Limits;
use super::catalog::{Catalog, Key};
use super::failure::Failure;

/// The catalog, how often it may be used, and what is to go wrong.
#[derive(Debug)]
pub(super) struct World {
    pub(super) catalog: Catalog,
    pub(super) budget: Budget,
    pub(super) bulk: Limits,
    pub(super) refusals: Vec<Refusal>,
    pub(super) denied: BTreeSet<Permission>,
    /// The entities that a read policy hides.
    pub(super) hidden: BTreeSet<Key>,
    pub(super) finished_runs: BTreeSet<String>,
    pub(super) catalog_pages: Vec<String>,
}

/// What credentials may do, in Port's roles and permissions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// To create blueprints.
    CreateBlueprints,
    /// To read this blueprint.
    ReadBlueprint(String),
    /// To change this blueprint.
    ChangeBlueprint(String),
    /// To read and find entities of this blueprint.
    ReadEntities(String),
    /// To write and delete entities of this blueprint.
    WriteEntities(String),
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
    pub(super) fn new(catalog: Catalog) -> Self {
        Self {
            catalog,
            budget: Budget::new(),
            bulk: Limits::default(),
            refusals: Vec::new(),
            denied: BTreeSet::new(),
            hidden: BTreeSet::new(),
            finished_runs: BTreeSet::new(),
            catalog_pages: Vec::new(),
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

    /// Fails if the credentials lack a permission.
    pub(super) fn permits(&self, permission: &Permission) -> Result<(), Failure> {
        match self.denied.contains(permission) {
            true => Err(Failure::missing_permissions()),
            false => Ok(()),
        }
    }

    /// Fails if a write cannot be attached to the action run that it names.
    pub(super) fn takes_run(&self, run: Option<&str>) -> Result<(), Failure> {
        match run.is_some_and(|run| self.finished_runs.contains(run)) {
            true => Err(Failure::run_exhausted()),
            false => Ok(()),
        }
    }

    /// The catalog as searches see it.
    pub(super) fn searched(&self) -> Cow<'_, Catalog> {
        let catalog = self.catalog.as_indexed();
        if self.hidden.is_empty() && self.denied.is_empty() {
            return catalog;
        }
        let mut catalog = catalog.into_owned();
        catalog.retain(|key| {
            let of_blueprint = Permission::ReadEntities(key.0.clone());
            !self.hidden.contains(key) && !self.denied.contains(&of_blueprint)
        });
        Cow::Owned(catalog)
    }
}
