//! Port's API over a catalog in memory.
//!
//! It follows Port's OpenAPI document in routes, parameters, statuses and bodies, answers with
//! documented fields only, and refuses with the codes of the API reference. Where no public source
//! says what Port does, there is a [`Switch`].

mod access;
pub mod blueprints;
mod budget;
mod bulk;
mod catalog;
mod failure;
mod model;
mod query;
mod routes;
mod schema;
mod search;
mod upsert;
mod wire;
mod world;

use std::io;
use std::net::ToSocketAddrs;
use std::time::Duration;

use serde_json::Value;

pub use access::{CLIENT_ID, CLIENT_SECRET};
pub use failure::Failure;
pub use world::Permission;

use crate::server::{Sandbox, Server};
use crate::switch::{Switch, Switches};
use catalog::{Catalog, Entity, Lag};
use failure::invalid;
use routes::Shared;
use wire::{Draft, Lookup, Team};
use world::{Refusal, World};

/// A Port API on loopback; it stops when it is dropped.
#[derive(Debug)]
pub struct PortSandbox {
    server: Server,
    shared: Shared,
}

impl Sandbox for PortSandbox {
    fn server(&self) -> &Server {
        &self.server
    }
}

impl PortSandbox {
    /// An empty catalog on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// There is no free port, the thread cannot be started, or the environment names a
    /// [`Switch`] that there is not.
    pub fn start() -> io::Result<Self> {
        Self::start_on("127.0.0.1:0")
    }

    /// An empty catalog on an address, such as `0.0.0.0:0` for clients in containers.
    ///
    /// # Errors
    ///
    /// The address cannot be bound, the thread cannot be started, or the environment names a
    /// [`Switch`] that there is not.
    pub fn start_on(address: impl ToSocketAddrs) -> io::Result<Self> {
        let switches = Switches::from_environment()?;
        let shared = Shared::new(World::new(Catalog::new(switches)).into());
        let server = Server::start(address, routes::router(shared.clone()))?;
        Ok(Self { server, shared })
    }

    /// Behaves in this way from now on.
    pub fn turn_on(&self, switch: Switch) {
        self.shared.lock().catalog.switches.turn_on(switch);
    }

    /// Does not behave in this way from now on, also if the environment said so.
    pub fn turn_off(&self, switch: Switch) {
        self.shared.lock().catalog.switches.turn_off(switch);
    }

    /// How long searches do not see what requests write, with [`Switch::SearchLags`]; until a
    /// client logs in, if this is not set. What is put there without a request is seen at once.
    pub fn set_search_lag(&self, lag: Duration) {
        self.shared.lock().catalog.lag = Lag::For(lag);
    }

    /// Adds or replaces a blueprint, given as in `GET /v1/blueprints/{identifier}`. Only its
    /// `identifier` has to be there; what else Port requires is filled in.
    pub fn add_blueprint(&self, blueprint: Value) {
        self.shared.lock().catalog.add_blueprint(blueprint);
    }

    /// Adds or replaces an entity without a request, as somebody else does. It is not compared with its
    /// blueprint, so a test can put calculated properties there, and what was valid once.
    ///
    /// # Errors
    ///
    /// It is no entity, or its identifier, team or a relation is a query.
    pub fn put_entity(&self, blueprint: &str, entity: Value) -> Result<(), Failure> {
        let draft = Draft::read(&entity, "entity")?;
        let Lookup::Identifier(identifier) = draft.identifier else {
            return invalid("entity/identifier must be string");
        };
        let team = match draft.team {
            None => Vec::new(),
            Some(Team::Names(names)) => names,
            Some(Team::Query(_)) => return invalid("entity/team must be array"),
        };
        let relations = draft.relations.unwrap_or_default();
        if relations.values().any(Value::is_object) {
            return invalid("entity/relations must NOT be queries");
        }
        let entity = Entity {
            title: draft.title,
            icon: draft.icon,
            team,
            properties: draft.properties.unwrap_or_default(),
            relations,
        };
        let catalog = &mut self.shared.lock().catalog;
        catalog.place(blueprint, &identifier, entity);
        Ok(())
    }

    /// Takes an entity away, whatever depends on it; whether it was there.
    pub fn remove_entity(&self, blueprint: &str, identifier: &str) -> bool {
        let catalog = &mut self.shared.lock().catalog;
        catalog.take(blueprint, identifier).is_some()
    }

    /// An entity: `identifier`, `properties` and `relations`, and `title`, `icon` and `team`
    /// where they are set.
    pub fn entity(&self, blueprint: &str, identifier: &str) -> Option<Value> {
        let world = self.shared.lock();
        let entity = world.catalog.entity(blueprint, identifier)?;
        Some(entity.plain(identifier).into())
    }

    /// All entities as in [`Self::entity`], with blueprint and identifier, sorted by these.
    pub fn entities(&self) -> Vec<(String, String, Value)> {
        let world = self.shared.lock();
        let all = world.catalog.entities();
        all.map(|((blueprint, identifier), entity)| {
            let plain = entity.plain(identifier).into();
            (blueprint.clone(), identifier.clone(), plain)
        })
        .collect()
    }

    /// Refuses the next `times` writes of an entity, alone or in a bulk.
    pub fn refuse(&self, blueprint: &str, identifier: &str, failure: Failure, times: usize) {
        self.shared.lock().refusals.push(Refusal {
            blueprint: blueprint.into(),
            identifier: identifier.into(),
            failure,
            times,
        });
    }

    /// Forgets what [`Self::refuse`] was told.
    pub fn refuse_nothing(&self) {
        self.shared.lock().refusals.clear();
    }

    /// Takes a permission from the credentials.
    pub fn deny(&self, permission: Permission) {
        self.shared.lock().denied.insert(permission);
    }

    /// Gives it back.
    pub fn allow(&self, permission: &Permission) {
        self.shared.lock().denied.remove(permission);
    }

    /// Hides an entity as a read policy does: no search finds it, and a GET is a 404.
    pub fn hide_entity(&self, blueprint: &str, identifier: &str) {
        let key = (blueprint.to_owned(), identifier.to_owned());
        self.shared.lock().hidden.insert(key);
    }

    /// Lets an action run be finished, so that nothing can be written on its behalf.
    pub fn finish_run(&self, run: &str) {
        self.shared.lock().finished_runs.insert(run.to_owned());
    }

    /// The blueprints for which a catalog page was made, in the order of their creation.
    pub fn catalog_pages(&self) -> Vec<String> {
        self.shared.lock().catalog_pages.clone()
    }

    /// A blueprint, as in `GET /v1/blueprints/{identifier}`.
    pub fn blueprint(&self, identifier: &str) -> Option<Value> {
        let world = self.shared.lock();
        let blueprint = world.catalog.blueprint(identifier).ok()?;
        Some(blueprint.json.clone())
    }

    /// Tells this as `maxBulkSize` with every bulk upsert from now on. Larger ones are refused as
    /// soon as one answer has told it.
    pub fn set_max_bulk_upsert(&self, limit: usize) {
        self.shared.lock().bulk.upsert.announce(limit);
    }

    /// The same for bulk deletions.
    pub fn set_max_bulk_delete(&self, limit: usize) {
        self.shared.lock().bulk.delete.announce(limit);
    }

    /// The access token that is valid.
    pub fn access_token(&self) -> String {
        access::TOKEN.to_owned()
    }

    /// Refuses requests with 429 past so many in a period; the first period begins now.
    pub fn set_rate_limit(&self, requests: u64, period: Duration) {
        self.shared.lock().budget.enforce(requests, period);
    }
}
