//! A catalog, and plans that are made for it and carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use port_gitops::catalog::blueprint::Blueprints;
use port_gitops::catalog::change::{Basis, Change, Earlier, Proof, compare};
use port_gitops::catalog::declare::{Declaration, Declarations};
use port_gitops::catalog::entity::{BlueprintId, EntityKey};
use port_gitops::catalog::live::Live;
use port_gitops::catalog::merge::{Merge, drops_fields};
use port_gitops::catalog::plan::{
    Action, Claim, ClaimingSource, NoOpReason, Plan, PlanContext, Policy, Pruning, Upsert,
};
use port_gitops::catalog::query_results::blueprint_queries;
use port_gitops::http::proxy::Proxies;
use port_gitops::http::{Client, Settings, Timeouts};
use port_gitops::inputs::{Credentials, MissingTargets};
use port_gitops::port::{Port, Upserted, WriteOptions};
use port_gitops::run::apply::{DeletionOutcome, UpsertOutcome, apply};
use port_gitops::shutdown::shutdown;
use port_gitops::text::RepoPath;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{PortSandbox, Sandbox};
use serde_json::{Value, json};

use crate::facts::{Delta, delta, facts, kept};
use crate::state::{
    EntityState, TARGETS, TEAMS, blueprint_of, declarations, identifier_of, path_of,
};

/// Somebody else's hand.
fn put(sandbox: &PortSandbox, entities: &EntityState) {
    for relations in [false, true] {
        for (name, fields) in entities {
            let mut entity = fields.clone();
            entity["identifier"] = json!(identifier_of(name));
            if !relations {
                entity["relations"] = json!({});
            }
            sandbox.put_entity(blueprint_of(name), entity).unwrap();
        }
    }
}

/// The blueprints, and what nobody changes.
fn furnish(sandbox: &PortSandbox) {
    let relation = |target: &str, many: bool, required: bool| json!({"target": target, "many": many, "required": required});
    let properties = json!({
        "a": {"type": "string"}, "n": {"type": "number"}, "o": {"type": "object"},
    });
    sandbox.add_blueprint(json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": properties, "required": []},
        "relations": {
            "one": relation("service", false, false),
            "many": relation("service", true, false),
            "job": relation("job", false, false),
        },
    }));
    sandbox.add_blueprint(json!({
        "identifier": "job", "title": "Job",
        "schema": {"properties": properties, "required": ["a"]},
        "relations": {
            "one": relation("service", false, true),
            "many": relation("job", true, false),
        },
    }));
    sandbox.add_blueprint(json!({"identifier": "_team"}));
    for team in TEAMS {
        let entity = json!({"identifier": team, "title": team.to_uppercase()});
        sandbox.put_entity("_team", entity).unwrap();
    }
    let titled = |name: &'static str| (name, json!({"title": identifier_of(name).to_uppercase()}));
    put(sandbox, &TARGETS.map(titled).into());
}

pub(crate) struct World {
    sandbox: PortSandbox,
    port: Port,
    merge: Merge,
    pruning: Pruning,
}

impl World {
    pub(crate) fn new(merge: Merge, pruning: Pruning, live: &EntityState) -> Self {
        let sandbox = PortSandbox::start().unwrap();
        furnish(&sandbox);
        put(&sandbox, live);
        let settings = Settings {
            owner: "octo/shop",
            ca_certificates: None,
            certificate_file: None,
            proxies: Proxies::default(),
            timeouts: Timeouts {
                whole: Duration::from_secs(60),
                ..Timeouts::default()
            },
        };
        let credentials = Credentials {
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned().into(),
        };
        let client = Client::new(settings).unwrap();
        let url = sandbox.url().parse().unwrap();
        let port = Port::new(client, url, credentials, Box::new(|_| {}));
        Self {
            sandbox,
            port,
            merge,
            pruning,
        }
    }

    pub(crate) fn entities(&self) -> BTreeMap<String, Value> {
        let all = self.sandbox.entities().into_iter();
        all.map(|(blueprint, identifier, entity)| (format!("{blueprint}/{identifier}"), entity))
            .collect()
    }

    /// Those of `names` that are there.
    pub(crate) fn held(&self, names: &BTreeSet<&'static str>) -> BTreeSet<&'static str> {
        let entities = self.entities();
        let held = names.iter().filter(|name| entities.contains_key(**name));
        held.copied().collect()
    }

    async fn blueprints(&self) -> Blueprints {
        let names = ["service", "job"].map(|name| BlueprintId::parse(name).unwrap());
        self.port.blueprints(names.into()).await.unwrap()
    }

    /// Plans a step.
    pub(crate) async fn plan(&self, step: &Step<'_>) -> Plan {
        let blueprints = self.blueprints().await;
        let (earlier, head) = (step.earlier(), declarations(step.head));
        let changes = compare(&earlier, &head, &step.open());
        let is_read = |change: &&Change| match (&change.head, change.basis) {
            (Some(head), Basis::Git) => drops_fields(&change.former_entities(), &head.entity),
            _ => true,
        };
        let read = changes.iter().filter(is_read);
        let keys: Vec<_> = read.map(|change| &change.key).collect();
        let live = self.port.live(keys, &blueprints, |_, _| false);
        let mut live: Live = live.await.unwrap();
        let compared = changes.iter().filter(|change| change.basis == Basis::Live);
        let heads = compared.filter_map(|change| change.head.as_ref());
        let asked = heads.flat_map(|head| {
            let blueprint = blueprints.known.get(&head.entity.blueprint);
            blueprint_queries(&head.entity, blueprint)
        });
        live.query_results = self.port.query_results(asked.collect()).await.unwrap();
        let policy = Policy {
            merge: self.merge,
            pruning: self.pruning.clone(),
        };
        let owners = step.owners(&changes);
        let known = PlanContext {
            rewritten: &BTreeMap::new(),
            takeover: port_gitops::catalog::plan::Action::Adopt,
            live: &live,
            blueprints: &blueprints,
            owners: &owners,
        };
        Plan::new(changes, known, &policy)
    }

    /// Carries a plan out, and holds what happened against what it said.
    pub(crate) async fn carry_out(&self, plan: &Plan, step: &Step<'_>) {
        let before = self.entities();
        let options = WriteOptions {
            merge: self.merge,
            missing_targets: MissingTargets::Reject,
            run_id: None,
        };
        let (_trigger, shutdown) = shutdown();
        let blueprints = self.blueprints().await;
        let mut all = Vec::new();
        let done = |_, applied| all.push(applied);
        apply(&[plan], &blueprints, &self.port, &options, &shutdown, done).await;
        let applied = all.pop().unwrap();
        assert!(applied.stopped.is_none());
        let after = self.entities();
        let mut touched = BTreeSet::new();
        for (upsert, outcome) in plan.upserts.iter().zip(&applied.outcomes) {
            let name = upsert.entity.key().to_string();
            let UpsertOutcome::Written(how) = outcome else {
                panic!("{name}: {outcome:?}");
            };
            let is_compared = step.is_compared(&name);
            hold_upsert(upsert, *how, is_compared, before.get(&name), &after[&name]);
            touched.insert(name);
        }
        let names = plan.deletions.iter().map(|one| one.key.to_string());
        let doomed: BTreeSet<_> = names.collect();
        let mut all = before.clone();
        all.extend(after.clone());
        let kept = kept(&all, &doomed);
        for (name, outcome) in doomed.iter().zip(&applied.deletions) {
            assert!(before.contains_key(name), "{name}");
            assert_eq!(after.contains_key(name), kept.contains(name), "{name}");
            match outcome {
                DeletionOutcome::Deleted => assert!(!kept.contains(name), "{name}"),
                DeletionOutcome::Rejected(_) | DeletionOutcome::HeldBack(_) => {
                    assert!(kept.contains(name), "{name}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        touched.extend(doomed);
        for name in all.keys().filter(|name| !touched.contains(*name)) {
            let (was, is) = (before.get(name), after.get(name));
            assert_eq!(was, is, "{name} is none of the plan's");
        }
    }

    pub(crate) fn put_by_hand(&self, entities: &EntityState) {
        put(&self.sandbox, entities);
    }

    /// Another plan for the same is empty.
    pub(crate) async fn assert_nothing_left(&self, head: &EntityState, others: &BTreeSet<&str>) {
        let step = Step {
            base: head,
            refused: others,
            head,
            others,
            basis: Basis::Live,
        };
        let plan = self.plan(&step).await;
        assert!(plan.is_empty(), "{plan:?}");
        for left in &plan.untouched {
            match left.reason {
                NoOpReason::Unchanged => {}
                NoOpReason::OwnedElsewhere(_) => {
                    assert!(others.contains(left.key.to_string().as_str()), "{left:?}");
                }
                _ => panic!("{left:?}"),
            }
        }
    }
}

/// What is planned: from one state of Git to the next.
pub(crate) struct Step<'s> {
    /// What was applied last, except for what was refused then.
    pub(crate) base: &'s EntityState,
    pub(crate) refused: &'s BTreeSet<&'s str>,
    pub(crate) head: &'s EntityState,
    /// What another source owns.
    pub(crate) others: &'s BTreeSet<&'s str>,
    /// Whether everything is compared with Port.
    pub(crate) basis: Basis,
}

impl Step<'_> {
    /// What the base had brought to Port.
    pub(crate) fn accepted(&self) -> EntityState {
        let accepted = self.base.iter();
        accepted
            .filter(|(name, _)| !self.refused.contains(*name))
            .map(|(name, fields)| (*name, fields.clone()))
            .collect()
    }

    /// Whether an entity is compared with Port.
    pub(crate) fn is_compared(&self, name: &str) -> bool {
        self.basis == Basis::Live || !self.accepted().contains_key(name)
    }

    fn earlier(&self) -> Vec<Earlier> {
        let Declarations { valid, .. } = declarations(&self.accepted());
        let version = |one: Arc<Declaration>| Earlier {
            path: one.source.path().clone(),
            entities: [one.entity.key()].into(),
            proof: Proof::Accepted,
            declared: vec![one],
        };
        valid.into_iter().map(version).collect()
    }

    fn open(&self) -> BTreeSet<RepoPath> {
        let compared = self.head.keys().filter(|name| self.is_compared(name));
        compared.map(|name| path_of(name)).collect()
    }

    /// Which of what is looked up another source owns: of all, or of what is new or removed.
    fn owners(&self, changes: &[Change]) -> BTreeMap<EntityKey, ClaimingSource> {
        let is_looked_up = |change: &&Change| {
            let name = change.key.to_string();
            let is_removed = change.head.is_none();
            (is_removed || self.is_compared(&name)) && self.others.contains(name.as_str())
        };
        let owner = || ClaimingSource {
            source: "octo/else".to_owned(),
            claim: Claim::Owned,
        };
        let owned = changes.iter().filter(is_looked_up);
        owned.map(|change| (change.key.clone(), owner())).collect()
    }
}

/// What the plan said of an upsert is what happened.
fn hold_upsert(
    upsert: &Upsert,
    how: Upserted,
    is_compared: bool,
    before: Option<&Value>,
    after: &Value,
) {
    let name = &upsert.entity.name;
    match how {
        Upserted::Created => assert!(before.is_none(), "{name}"),
        Upserted::Updated => assert!(before.is_some(), "{name}"),
        Upserted::Written => {}
    }
    // Git alone cannot know what somebody else did.
    if !is_compared {
        return;
    }
    assert_eq!(upsert.action == Action::Create, before.is_none(), "{name}");
    if let Some(before) = before {
        assert_eq!(said(upsert), delta(before, after), "{name}");
    }
}

fn said(upsert: &Upsert) -> Delta {
    let fact = |field: &str, value: &Option<Value>| {
        let mut entity = json!({"properties": {}, "relations": {}});
        match field.split_once('.') {
            Some((section, name)) => entity[section][name] = json!(value),
            None => entity[field] = json!(value),
        }
        facts(&entity).remove(field).unwrap_or_default()
    };
    let differences = upsert.differences.iter();
    let pairs = differences.map(|one| {
        let field = one.field.to_string();
        let pair = (fact(&field, &one.from), fact(&field, &one.to));
        (field, pair)
    });
    pairs.collect()
}
