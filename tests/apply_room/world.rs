//! A plan, made from what files would declare, and a catalog to apply it to.

use std::collections::BTreeSet;

use port_gitops::catalog::declare::{Declaration, EntityFile, FileContent, declare};
use port_gitops::catalog::entity::{BlueprintId, EntityKey, EntityName, Identifier};
use port_gitops::catalog::plan::{Action, Deletion, Plan, RelationTarget, Upsert};
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::environment::Environment;
use port_gitops::http::proxy::Proxies;
use port_gitops::http::{Client, Settings, Timeouts};
use port_gitops::inputs::{Credentials, Merge, MissingTargets};
use port_gitops::port::{Port, WriteOptions};
use port_gitops::run::apply::{Applied, DeletionOutcome, UpsertOutcome, apply};
use port_gitops::shutdown::{ShutdownTrigger, shutdown};
use port_gitops::text::{RepoPath, SourceFile};
use port_gitops_contract::{Extent, check_port};
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, Failure};
use port_gitops_sandbox::{Answer, Fault, PortSandbox, Sandbox};
use serde_json::{Value, json};

pub(crate) struct World {
    pub(crate) sandbox: PortSandbox,
    pub(crate) merge: Merge,
    pub(crate) run_id: Option<String>,
    extent: Option<Extent>,
    port: Port,
    trigger: ShutdownTrigger,
    stop: port_gitops::shutdown::Shutdown,
}

pub(crate) const BULK: &str = "/v1/blueprints/x/entities/bulk";
pub(crate) const SINGLE: &str = "/v1/blueprints/x/entities";
pub(crate) const DELETE: &str = "/v1/blueprints/x/bulk/entities/delete";

/// A blueprint whose entities may relate to those of `targets` by a relation of that name, and to
/// one of its own by `parent`.
pub(crate) fn blueprint(name: &str, targets: &[&str]) -> Value {
    let relation =
        |target: &str, many: bool| json!({"target": target, "required": false, "many": many});
    let mut relations: serde_json::Map<_, _> = targets
        .iter()
        .map(|target| ((*target).to_owned(), relation(target, true)))
        .collect();
    relations.insert("parent".to_owned(), relation(name, false));
    json!({
        "identifier": name,
        "title": name,
        "schema": {"properties": {"text": {"type": "string"}}, "required": []},
        "relations": relations,
    })
}

impl World {
    /// An empty catalog with the blueprints `x` and `y`, which may relate to both.
    pub(crate) fn new() -> Self {
        Self::with(Timeouts::default())
    }

    /// The same, where silence does not last long.
    pub(crate) fn impatient() -> Self {
        Self::with(Timeouts::with_silence("2").unwrap())
    }

    fn with(timeouts: Timeouts) -> Self {
        let sandbox = PortSandbox::start().unwrap();
        sandbox.add_blueprint(blueprint("x", &["x", "y"]));
        sandbox.add_blueprint(blueprint("y", &["x", "y"]));
        let settings = Settings {
            owner: "octo-org/catalog",
            ca_certificates: None,
            certificate_file: None,
            proxies: Proxies::from_environment(&Environment::default()).unwrap(),
            timeouts,
        };
        let credentials = Credentials {
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned().into(),
        };
        let (trigger, stop) = shutdown();
        let port = Port::new(
            Client::new(settings).unwrap(),
            sandbox.url().parse().unwrap(),
            credentials,
            Box::new(|_| {}),
        );
        Self {
            sandbox,
            merge: Merge::Merge,
            run_id: None,
            extent: Some(Extent::Both),
            port: port.stop_on(stop.clone()),
            trigger,
            stop,
        }
    }

    /// The same, whose requests need not be documented.
    pub(crate) fn unchecked(mut self) -> Self {
        self.extent = None;
        self
    }

    pub(crate) fn stop(&self) {
        self.trigger.request();
    }

    pub(crate) async fn apply(&self, plan: &Plan) -> Applied {
        let options = WriteOptions {
            merge: self.merge,
            missing_targets: MissingTargets::Reject,
            run_id: self.run_id.clone(),
        };
        let wanted: BTreeSet<_> = ["x", "y"]
            .map(|name| BlueprintId::parse(name).unwrap())
            .into();
        let blueprints = self.port.blueprints(wanted).await.unwrap();
        self.sandbox.clear_journal();
        let mut all = Vec::new();
        let done = |_, applied| all.push(applied);
        apply(&[plan], &blueprints, &self.port, &options, &self.stop, done).await;
        all.pop().unwrap()
    }

    /// The requests that wrote: each one's path below its blueprint, and its entities' names.
    pub(crate) fn writes(&self) -> Vec<(String, Vec<String>)> {
        let exchanges = self.sandbox.journal();
        let writes = exchanges.iter().filter(|exchange| {
            exchange.method == "POST"
                && exchange.path.starts_with("/v1/blueprints/")
                && !exchange.path.ends_with("/search")
        });
        let names = |body: Value| -> Vec<String> {
            let name = |entity: &Value| match entity {
                Value::String(name) => name.clone(),
                entity => entity["identifier"].as_str().unwrap().to_owned(),
            };
            match body["entities"].as_array() {
                Some(entities) => entities.iter().map(name).collect(),
                None => vec![name(&body)],
            }
        };
        writes
            .map(|exchange| {
                let path = exchange.path.trim_start_matches("/v1/blueprints/");
                (path.to_owned(), names(exchange.json().unwrap()))
            })
            .collect()
    }

    /// A catalog with `count` entities of `x`.
    pub(crate) fn filled(count: usize) -> Self {
        let world = Self::new();
        for entity in entities(count) {
            world.put("x", entity);
        }
        world
    }

    /// The names of the entities that each request wrote.
    pub(crate) fn sent(&self) -> Vec<String> {
        let writes = self.writes().into_iter();
        writes.map(|(_, names)| names.join(" ")).collect()
    }

    pub(crate) fn inject(&self, fault: Fault) {
        self.sandbox.inject(fault);
    }

    /// Lets Port refuse an entity of `x` so many times.
    pub(crate) fn refuse(&self, name: &str, status: u16, times: usize) {
        let failure = Failure::new(status, "invalid_request", "no");
        self.sandbox.refuse("x", name, failure, times);
    }

    /// Puts an entity into the catalog after everybody's back.
    pub(crate) fn put(&self, blueprint: &str, entity: Value) {
        self.sandbox.put_entity(blueprint, entity).unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(extent) = self.extent {
            check_port(&self.sandbox, extent);
        }
    }
}

/// A plan that creates entities, given as files declare them.
pub(crate) fn creating(entities: &[Value]) -> Plan {
    let text = Value::from(entities.to_vec()).to_string();
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(RepoPath::new("port.json"), text)),
        default_blueprint: BlueprintId::parse("x").ok(),
    };
    let declared = declare(&[file], &BlueprintRules::parse("*").unwrap());
    assert_eq!(declared.diagnostics, []);
    let upsert = |declaration: std::sync::Arc<Declaration>| Upsert {
        drift: None,
        key: declaration.entity.key(),
        action: Action::Create,
        entity: declaration.entity.clone(),
        declaration,
        differences: Vec::new(),
        uncleared: Vec::new(),
    };
    Plan {
        upserts: declared.valid.into_iter().map(upsert).collect(),
        ..Plan::default()
    }
}

/// A deletion of an entity that relates to `targets`.
pub(crate) fn deletion(blueprint: &str, name: &str, targets: &[&str]) -> Deletion {
    let identifier = |name: &&str| Identifier::parse(name).unwrap();
    let target = |name: &&str| RelationTarget {
        blueprint: None,
        identifier: identifier(name),
    };
    Deletion {
        key: EntityKey {
            blueprint: BlueprintId::parse(blueprint).unwrap(),
            name: EntityName::Identifier(identifier(&name)),
        },
        location: None,
        path: None,
        targets: targets.iter().map(target).collect(),
        successors: Vec::new(),
    }
}

pub(crate) fn plan_of(deletions: Vec<Deletion>) -> Plan {
    Plan {
        deletions,
        ..Plan::default()
    }
}

/// A plan that deletes entities of `x` that relate to nothing.
pub(crate) fn deleting(names: impl IntoIterator<Item = String>) -> Plan {
    let deletions = names.into_iter().map(|name| deletion("x", &name, &[]));
    plan_of(deletions.collect())
}

pub(crate) fn entity(name: &str) -> Value {
    json!({"identifier": name})
}

/// The names `e0`, `e1` and so on.
pub(crate) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("e{number}")).collect()
}

/// Entities that are called so.
pub(crate) fn entities(count: usize) -> Vec<Value> {
    names(count).iter().map(|name| entity(name)).collect()
}

/// What Port says where it refuses something.
pub(crate) fn refusal(status: u16, error: &str, message: &str) -> Answer {
    let body = json!({"ok": false, "error": error, "message": message});
    Answer::json(status, &body)
}

/// Whether all of the plan was done.
pub(crate) fn is_complete(applied: &Applied) -> bool {
    let is_written = |outcome: &UpsertOutcome| matches!(outcome, UpsertOutcome::Written(_));
    let is_deleted = |outcome: &DeletionOutcome| *outcome == DeletionOutcome::Deleted;
    applied.stopped.is_none()
        && applied.outcomes.iter().all(is_written)
        && applied.deletions.iter().all(is_deleted)
}

/// An outcome in one word, with who blocked it.
pub(crate) fn word(outcome: &UpsertOutcome) -> String {
    match outcome {
        UpsertOutcome::Written(_) => "written".to_owned(),
        UpsertOutcome::Rejected(rejection) => format!("rejected {}", rejection.status),
        UpsertOutcome::NotSent => "not sent".to_owned(),
        UpsertOutcome::Blocked(by) => format!("blocked by {by}"),
        UpsertOutcome::Unknown => "unknown".to_owned(),
    }
}

pub(crate) fn words(applied: &Applied) -> Vec<String> {
    applied.outcomes.iter().map(word).collect()
}
