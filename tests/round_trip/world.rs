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
use port_gitops::catalog::plan::{Action, Known, Plan, Policy, Pruning, Reason, Upsert};
use port_gitops::http::proxy::Proxies;
use port_gitops::http::{Client, Settings, Timeouts};
use port_gitops::inputs::{Credentials, MissingTargets};
use port_gitops::port::{Port, UpsertOptions, Upserted};
use port_gitops::shutdown::shutdown;
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{PortSandbox, Sandbox};
use serde_json::{Value, json};

use crate::facts::{Delta, delta, facts, kept};
use crate::state::{State, TARGETS};

/// Somebody else's hand.
fn put(sandbox: &PortSandbox, entities: &State) {
    for relations in [false, true] {
        for (name, fields) in entities {
            let mut entity = fields.clone();
            entity["identifier"] = json!(name);
            if !relations {
                entity["relations"] = json!({});
            }
            let put = sandbox.put_entity("service", entity, "Mozilla/5.0");
            put.unwrap();
        }
    }
}

pub(crate) struct World {
    sandbox: PortSandbox,
    port: Port,
    merge: Merge,
    pruning: Pruning,
}

impl World {
    pub(crate) fn new(merge: Merge, pruning: Pruning, live: &State) -> Self {
        let sandbox = PortSandbox::start().unwrap();
        sandbox.add_blueprint(json!({
            "identifier": "service", "title": "Service",
            "schema": {"properties": {
                "a": {"type": "string"}, "n": {"type": "number"}, "o": {"type": "object"},
            }, "required": []},
            "relations": {
                "one": {"target": "service", "required": false, "many": false},
                "many": {"target": "service", "required": false, "many": true},
            },
        }));
        put(&sandbox, &TARGETS.map(|name| (name, json!({}))).into());
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
        all.map(|(_, identifier, entity)| (identifier, entity))
            .collect()
    }

    async fn blueprints(&self) -> Blueprints {
        let service = BlueprintId::parse("service").unwrap();
        self.port.blueprints([service].into()).await.unwrap()
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
        let live: Live = self.port.live(keys, &blueprints).await.unwrap();
        let policy = Policy {
            basis,
            merge: self.merge,
            pruning: self.pruning.clone(),
            superseded: BTreeSet::new(),
            owner: "octo/shop".to_owned(),
        };
        Plan::new(
            changes,
            Known {
                live: &live,
                blueprints: &blueprints,
            },
            &policy,
        )
    }

    /// Carries a plan out, and holds what happened against what it said.
    pub(crate) async fn carry_out(&self, plan: &Plan, basis: Basis) {
        let before = self.entities();
        let options = UpsertOptions {
            merge: self.merge,
            missing_targets: MissingTargets::Reject,
            run_id: None,
        };
        let (_trigger, shutdown) = shutdown();
        let blueprints = self.blueprints().await;
        let applied = apply(plan, &blueprints, &self.port, &options, &shutdown).await;
        assert!(applied.stopped.is_none());
        let after = self.entities();
        let mut touched = BTreeSet::new();
        for (upsert, outcome) in plan.upserts.iter().zip(&applied.outcomes) {
            let name = upsert.entity.name.to_string();
            let Outcome::Written(how) = outcome else {
                panic!("{name}: {outcome:?}");
            };
            hold_upsert(upsert, *how, basis, before.get(&name), &after[&name]);
            touched.insert(name);
        }
        let names = plan.deletions.iter().map(|one| one.key.name.to_string());
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

    pub(crate) fn put_by_hand(&self, entities: &State) {
        put(&self.sandbox, entities);
    }

    /// Another plan for the same is empty.
    pub(crate) async fn assert_nothing_left(&self, head: &Declarations) {
        let plan = self.plan(head, head, Basis::Live).await;
        assert!(plan.is_empty(), "{plan:?}");
        let mut rest = plan.untouched.iter();
        assert!(rest.all(|one| one.reason == Reason::Unchanged));
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
