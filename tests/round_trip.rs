//! Whatever Git declares and whatever Port holds: what a plan says is what happens, then Port is as
//! declared, and the next plan is empty.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test may fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use port_gitops::apply::{DeletionOutcome, Outcome, apply};
use port_gitops::catalog::blueprint::Blueprints;
use port_gitops::catalog::change::{Basis, Change, compare};
use port_gitops::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use port_gitops::catalog::entity::BlueprintId;
use port_gitops::catalog::live::Live;
use port_gitops::catalog::merge::{Merge, takes_away};
use port_gitops::catalog::plan::{Action, Known, Plan, Policy, Pruning, Reason, Unclaimed};
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::http::proxy::Proxies;
use port_gitops::http::{Client, Settings, Timeouts};
use port_gitops::inputs::{Credentials, MissingTargets};
use port_gitops::port::{Port, UpsertOptions, Upserted};
use port_gitops::shutdown::shutdown;
use port_gitops::source::{RepoPath, Source};
use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET};
use port_gitops_sandbox::{PortSandbox, Sandbox};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

const NAMES: [&str; 4] = ["e0", "e1", "e2", "e3"];
/// Always there and of nobody, for relations to lead to.
const TARGETS: [&str; 3] = ["t0", "t1", "t2"];

/// Entities by name, each as it is declared or held.
type State = BTreeMap<&'static str, Value>;

fn text() -> impl Strategy<Value = Value> {
    select(vec![json!("x"), json!("y"), json!("")])
}

fn number() -> impl Strategy<Value = Value> {
    select(vec![json!(0), json!(1), json!(1.0), json!(1.5), json!(-7)])
}

fn object() -> impl Strategy<Value = Value> {
    select(vec![
        json!({}),
        json!({"k": 1, "l": [1, 2]}),
        json!({"l": [2, 1], "k": 1.0}),
    ])
}

/// Fields of an entity, `null` only where `nothing` is a way to declare.
fn fields(nothing: Option<Value>) -> BoxedStrategy<Value> {
    let or_null = |value: BoxedStrategy<Value>| match nothing.clone() {
        Some(null) => prop_oneof![4 => value, 1 => Just(null)].boxed(),
        None => value,
    };
    let many = subsequence(TARGETS.to_vec(), 0..=2).prop_map(|targets| json!(targets));
    let teams = subsequence(vec!["red", "blue"], 0..=2).prop_map(|teams| json!(teams));
    let meta = (
        of(select(vec!["A", "B"])),
        of(select(vec!["I", "J"])),
        of(teams),
    );
    let properties = (
        of(or_null(text().boxed())),
        of(or_null(number().boxed())),
        of(or_null(object().boxed())),
    );
    let one = select(TARGETS.to_vec()).prop_map(|target| json!(target));
    let relations = (of(or_null(one.boxed())), of(many));
    (meta, properties, relations)
        .prop_map(|((title, icon, team), (a, n, o), (one, many))| {
            let map = |fields: Vec<(&str, Option<Value>)>| -> Value {
                let given = fields
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?)));
                Value::Object(given.collect::<Map<_, _>>())
            };
            map(vec![
                ("title", title.map(Value::from)),
                ("icon", icon.map(Value::from)),
                ("team", team),
                ("properties", Some(map(vec![("a", a), ("n", n), ("o", o)]))),
                ("relations", Some(map(vec![("one", one), ("many", many)]))),
            ])
        })
        .boxed()
}

fn state(nothing: Option<Value>) -> BoxedStrategy<State> {
    let entities = NAMES.map(|_| of(fields(nothing.clone())));
    entities
        .prop_map(|entities| {
            let named = NAMES.into_iter().zip(entities);
            named
                .filter_map(|(name, fields)| Some((name, fields?)))
                .collect()
        })
        .boxed()
}

fn declarations(state: &State) -> Declarations {
    let entities = state.iter().map(|(name, fields)| {
        let mut entity = fields.clone();
        entity["identifier"] = json!(name);
        entity["blueprint"] = json!("service");
        entity
    });
    let text = Value::from_iter(entities).to_string();
    let file = EntityFile {
        content: FileContent::Text(Source::new(RepoPath::new("entity.json"), text)),
        default_blueprint: None,
    };
    let declared = declare(&[file], &BlueprintRules::parse("*").unwrap());
    assert!(declared.is_sound(), "{:?}", declared.diagnostics);
    declared
}

/// What an entity says, field by field, where nothing and `null` are the same, as are the orders of
/// what has none. This is told anew here, not taken from what is tested.
fn facts(entity: &Value) -> BTreeMap<String, Value> {
    let mut facts = BTreeMap::new();
    for field in ["title", "icon", "team"] {
        facts.insert(field.to_owned(), entity[field].clone());
    }
    for section in ["properties", "relations"] {
        for (name, value) in entity[section].as_object().into_iter().flatten() {
            facts.insert(format!("{section}.{name}"), value.clone());
        }
    }
    for (field, value) in &mut facts {
        let is_set = field == "team" || field.starts_with("relations.");
        if let (true, Value::Array(items)) = (is_set, &mut *value) {
            items.sort_by_key(Value::to_string);
            if items.is_empty() {
                *value = Value::Null;
            }
        }
        as_floats(value);
    }
    facts.retain(|_, value| !value.is_null());
    facts
}

fn as_floats(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64()),
        Value::Array(items) => items.iter_mut().for_each(as_floats),
        Value::Object(members) => members.values_mut().for_each(as_floats),
        _ => {}
    }
}

type Delta = BTreeMap<String, (Value, Value)>;

fn delta(before: &Value, after: &Value) -> Delta {
    let (before, after) = (facts(before), facts(after));
    let fields: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of = |facts: &BTreeMap<String, Value>, field: &str| {
        facts.get(field).cloned().unwrap_or_default()
    };
    let pairs = fields
        .into_iter()
        .map(|field| (field.clone(), (of(&before, field), of(&after, field))));
    pairs.filter(|(_, (from, to))| from != to).collect()
}

struct World {
    sandbox: PortSandbox,
    port: Port,
    merge: Merge,
}

impl World {
    fn new(merge: Merge, live: &State) -> Self {
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
        let targets = TARGETS.map(|name| (name, json!({})));
        for (name, fields) in targets
            .iter()
            .map(|(name, fields)| (name, fields))
            .chain(live)
        {
            let mut entity = fields.clone();
            entity["identifier"] = json!(name);
            sandbox
                .put_entity("service", entity, "Mozilla/5.0")
                .unwrap();
        }
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
        }
    }

    fn entities(&self) -> BTreeMap<String, Value> {
        let all = self.sandbox.entities().into_iter();
        all.map(|(_, identifier, entity)| (identifier, entity))
            .collect()
    }

    async fn blueprints(&self) -> Blueprints {
        let service = BlueprintId::parse("service").unwrap();
        self.port.blueprints([service].into()).await.unwrap()
    }

    async fn plan(&self, base: &Declarations, head: &Declarations, basis: Basis) -> Plan {
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
            pruning: Pruning::On {
                at_most: 10,
                obstacle: None,
                unclaimed: Unclaimed::Delete,
            },
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
    async fn carry_out(&self, plan: &Plan, basis: Basis) {
        let before = self.entities();
        let options = UpsertOptions {
            merge: self.merge,
            missing_targets: MissingTargets::Reject,
            run_id: None,
        };
        let (_trigger, shutdown) = shutdown();
        let applied = apply(
            plan,
            &self.blueprints().await,
            &self.port,
            &options,
            &shutdown,
        )
        .await;
        assert!(applied.stopped.is_none());
        let after = self.entities();
        let mut touched = BTreeSet::new();
        for (upsert, outcome) in plan.upserts.iter().zip(&applied.outcomes) {
            let name = upsert.entity.name.to_string();
            let Outcome::Written(how) = outcome else {
                panic!("{name}: {outcome:?}");
            };
            let created = !before.contains_key(&name);
            if basis == Basis::Live {
                // Git alone cannot know what somebody else created.
                assert_eq!(upsert.action == Action::Create, created, "{name}");
            }
            match how {
                Upserted::Created => assert!(created),
                Upserted::Updated => assert!(!created),
                Upserted::Written => {}
            }
            if !created && basis == Basis::Live {
                let said = upsert.differences.iter().map(|one| {
                    let mut pair = json!({"properties": {}, "from": one.from, "to": one.to});
                    let field = one.field.to_string();
                    for side in ["from", "to"] {
                        let mut entity = json!({"properties": {}, "relations": {}});
                        match field.split_once('.') {
                            Some((section, name)) => entity[section][name] = pair[side].take(),
                            None => entity[&field] = pair[side].take(),
                        }
                        pair[side] = facts(&entity).remove(&field).unwrap_or_default();
                    }
                    (field, (pair["from"].take(), pair["to"].take()))
                });
                let said: Delta = said.collect();
                assert_eq!(said, delta(&before[&name], &after[&name]), "{name}");
            }
            touched.insert(name);
        }
        for (deletion, outcome) in plan.deletions.iter().zip(&applied.deletions) {
            let name = deletion.key.name.to_string();
            assert_eq!(*outcome, DeletionOutcome::Deleted, "{name}");
            assert!(
                before.contains_key(&name) && !after.contains_key(&name),
                "{name}"
            );
            touched.insert(name);
        }
        for name in before.keys().chain(after.keys()) {
            if !touched.contains(name) {
                assert_eq!(
                    before.get(name),
                    after.get(name),
                    "{name} is none of the plan's"
                );
            }
        }
    }
}

/// What Port must hold of an entity in the end.
fn expected(
    merge: Merge,
    base: Option<&Value>,
    head: &Value,
    live: Option<&Value>,
) -> BTreeMap<String, Value> {
    let declared = facts(head);
    if merge == Merge::Replace {
        return declared;
    }
    let mentioned: BTreeSet<_> = ["properties", "relations"]
        .iter()
        .flat_map(|section| {
            let names = head[*section].as_object().into_iter().flatten();
            names.map(move |(name, _)| format!("{section}.{name}"))
        })
        .chain(head.get("team").map(|_| "team".to_owned()))
        .collect();
    let mut expected = live.map(facts).unwrap_or_default();
    let based = base.map(facts).unwrap_or_default();
    expected.retain(|field, value| {
        // A merge cannot clear these.
        let stays = matches!(field.as_str(), "title" | "icon") || based.get(field) != Some(value);
        !mentioned.contains(field) && stays
    });
    expected.extend(declared);
    expected
}

fn check(merge: Merge, live: &State, base: &State, head: &State, next: &State) {
    let world = World::new(merge, live);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut held: BTreeMap<String, Value> = world.entities();
        for (base, head, basis) in [(base, head, Basis::Live), (head, next, Basis::Git)] {
            let (was, is) = (declarations(base), declarations(head));
            let plan = world.plan(&was, &is, basis).await;
            world.carry_out(&plan, basis).await;
            let now = world.entities();
            for name in NAMES {
                let expected = head
                    .get(name)
                    .map(|head| expected(merge, base.get(name), head, held.get(name)));
                match expected {
                    Some(expected) => assert_eq!(facts(&now[name]), expected, "{name}"),
                    None if base.contains_key(name) => assert!(!now.contains_key(name), "{name}"),
                    None => assert_eq!(now.get(name), held.get(name), "{name}"),
                }
            }
            let again = world.plan(&is, &is, Basis::Live).await;
            assert!(again.is_empty(), "{again:?}");
            let mut rest = again.untouched.iter();
            assert!(rest.all(|one| one.reason == Reason::Unchanged));
            held = now;
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_comes_true_and_then_nothing_is_left(
        merge in select(vec![Merge::Merge, Merge::Replace]),
        live in state(None),
        base in state(Some(Value::Null)),
        head in state(Some(Value::Null)),
        next in state(Some(Value::Null)),
    ) {
        check(merge, &live, &base, &head, &next);
    }
}
