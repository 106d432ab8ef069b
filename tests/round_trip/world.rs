//! A catalog, and plans that are made for it and carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use port_gitops::apply::{DeletionOutcome, Outcome, apply};
use port_gitops::catalog::blueprint::Blueprints;
use port_gitops::catalog::change::{Basis, Change, compare};
use port_gitops::catalog::declare::Declarations;
use port_gitops::catalog::entity::BlueprintId;
use port_gitops::catalog::live::Live;
use port_gitops::catalog::merge::{Merge, takes_away};
use port_gitops::catalog::plan::{
    Action, Claims, Known, Plan, Policy, Pruning, Reason, Takeover, Upsert,
};
use port_gitops::catalog::question::questions;
use port_gitops::http::proxy::Proxies;
use port_gitops::http::{Client, Settings, Timeouts};
use port_gitops::inputs::{Credentials, MissingTargets};
use port_gitops::port::{Port, Upserted, WriteOptions};
use port_gitops::shutdown::shutdown;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{PortSandbox, Sandbox};
use serde_json::{Value, json};

use crate::facts::{Delta, delta, facts, kept};
use crate::state::{NAMES, State, TARGETS, TEAMS, blueprint_of, identifier_of};

/// What wrote an entity last, if not this owner.
const BY_HAND: &str = "Mozilla/5.0";
const OTHER_OWNER: &str = "port-gitops/0.1.0 (octo/else)";

/// Somebody else's hand: another owner's for those in `others`.
fn put(sandbox: &PortSandbox, entities: &State, others: &BTreeSet<&str>) {
    for relations in [false, true] {
        for (name, fields) in entities {
            let mut entity = fields.clone();
            entity["identifier"] = json!(identifier_of(name));
            if !relations {
                entity["relations"] = json!({});
            }
            let writer = match others.contains(name) {
                true => OTHER_OWNER,
                false => BY_HAND,
            };
            sandbox
                .put_entity(blueprint_of(name), entity, writer)
                .unwrap();
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
        sandbox.put_entity("_team", entity, BY_HAND).unwrap();
    }
    let titled = |name: &'static str| (name, json!({"title": identifier_of(name).to_uppercase()}));
    put(sandbox, &TARGETS.map(titled).into(), &BTreeSet::new());
}

pub(crate) struct World {
    sandbox: PortSandbox,
    port: Port,
    merge: Merge,
    pruning: Pruning,
}

impl World {
    pub(crate) fn new(
        merge: Merge,
        pruning: Pruning,
        live: &State,
        others: &BTreeSet<&str>,
    ) -> Self {
        let sandbox = PortSandbox::start().unwrap();
        furnish(&sandbox);
        put(&sandbox, live, others);
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

    /// What another owner wrote last.
    pub(crate) fn of_others(&self) -> BTreeSet<&'static str> {
        let is_others = |name: &&str| {
            let writer = self
                .sandbox
                .datasource(blueprint_of(name), identifier_of(name));
            writer.as_deref() == Some(OTHER_OWNER)
        };
        NAMES.into_iter().filter(is_others).collect()
    }

    async fn blueprints(&self) -> Blueprints {
        let names = ["service", "job"].map(|name| BlueprintId::parse(name).unwrap());
        self.port.blueprints(names.into()).await.unwrap()
    }

    pub(crate) async fn plan(
        &self,
        base: &Declarations,
        head: &Declarations,
        basis: Basis,
    ) -> Plan {
        let blueprints = self.blueprints().await;
        let changes = compare(std::slice::from_ref(base), head);
        let is_asked = |change: &&Change| match &change.head {
            Some(head) if basis == Basis::Git => {
                takes_away(&change.former_entities(), &head.entity)
            }
            _ => true,
        };
        let keys: Vec<_> = changes
            .iter()
            .filter(is_asked)
            .map(|change| &change.key)
            .collect();
        let mut live: Live = self.port.live(keys, &blueprints).await.unwrap();
        if basis == Basis::Live {
            let heads = changes.iter().filter_map(|change| change.head.as_ref());
            let asked = heads.flat_map(|head| {
                let blueprint = blueprints.known.get(&head.entity.blueprint);
                questions(&head.entity, blueprint)
            });
            live.answers = self.port.answers(asked.collect()).await.unwrap();
        }
        let policy = Policy {
            basis,
            merge: self.merge,
            pruning: self.pruning.clone(),
            superseded: BTreeSet::new(),
            owner: "octo/shop".to_owned(),
            takeover: Takeover::Never,
            claims: Claims::OfAll,
        };
        let plan = |live: &Live| {
            let known = Known {
                live,
                blueprints: &blueprints,
            };
            Plan::new(changes.clone(), known, &policy)
        };
        let first = plan(&live);
        let written = first.upserts.iter().map(|one| one.entity.key());
        let written = written.filter(|_| basis == Basis::Live);
        let deleted = first.deletions.iter().map(|one| one.key.clone());
        let keys: Vec<_> = written.chain(deleted).collect();
        let owners = self.port.owned_elsewhere(&keys, "octo/shop").await;
        for (key, owner) in owners.unwrap() {
            live.note_owner(&key, owner.as_deref());
        }
        plan(&live)
    }

    /// Carries a plan out, and holds what happened against what it said.
    pub(crate) async fn carry_out(&self, plan: &Plan, basis: Basis) {
        let before = self.entities();
        let options = WriteOptions {
            merge: self.merge,
            missing_targets: MissingTargets::Reject,
            run_id: None,
            owner: "octo/shop".to_owned(),
        };
        let (_trigger, shutdown) = shutdown();
        let blueprints = self.blueprints().await;
        let applied = apply(plan, &blueprints, &self.port, &options, &shutdown).await;
        assert!(applied.stopped.is_none());
        let after = self.entities();
        let mut touched = BTreeSet::new();
        for (upsert, outcome) in plan.upserts.iter().zip(&applied.outcomes) {
            let name = upsert.entity.key().to_string();
            let Outcome::Written(how) = outcome else {
                panic!("{name}: {outcome:?}");
            };
            hold_upsert(upsert, *how, basis, before.get(&name), &after[&name]);
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

    pub(crate) fn put_by_hand(&self, entities: &State, others: &BTreeSet<&str>) {
        put(&self.sandbox, entities, others);
    }

    /// Another plan for the same is empty.
    pub(crate) async fn assert_nothing_left(&self, head: &Declarations) {
        let plan = self.plan(head, head, Basis::Live).await;
        assert!(plan.is_empty(), "{plan:?}");
        let others = self.of_others();
        for left in &plan.untouched {
            match left.reason {
                Reason::Unchanged => {}
                Reason::OwnedElsewhere(_) => {
                    assert!(others.contains(left.key.to_string().as_str()), "{left:?}");
                }
                _ => panic!("{left:?}"),
            }
        }
    }
}

/// What the plan said of an upsert is what happened.
fn hold_upsert(
    upsert: &Upsert,
    how: Upserted,
    basis: Basis,
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
    if basis == Basis::Git {
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
