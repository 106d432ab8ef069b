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
use port_gitops::catalog::plan::{Action, Known, Plan, Policy, Pruning, Reason, Unclaimed, Upsert};
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

fn value() -> impl Strategy<Value = Value> {
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

/// Fields of an entity, `null` only where `nothing` is a way to declare. Relations lead anywhere.
fn fields(nothing: Option<Value>) -> BoxedStrategy<Value> {
    let or_null = |value: BoxedStrategy<Value>| match nothing.clone() {
        Some(null) => prop_oneof![4 => value, 1 => Just(null)].boxed(),
        None => value,
    };
    let anywhere = [&NAMES[..], &TARGETS[..]].concat();
    let many = subsequence(anywhere.clone(), 0..=3).prop_shuffle();
    let many = many.prop_map(|targets| json!(targets)).boxed();
    let teams = subsequence(vec!["red", "blue"], 0..=2).prop_shuffle();
    let teams = teams.prop_map(|teams| json!(teams)).boxed();
    let text = |texts: [&'static str; 2]| select(texts.map(|text| json!(text)).to_vec()).boxed();
    let meta = (
        of(or_null(text(["A", "B"]))),
        of(or_null(text(["I", "J"]))),
        of(or_null(teams)),
    );
    let properties = (
        of(or_null(value().boxed())),
        of(or_null(number().boxed())),
        of(or_null(object().boxed())),
    );
    let one = select(anywhere).prop_map(|target| json!(target));
    let relations = (of(or_null(one.boxed())), of(or_null(many)));
    (meta, properties, relations)
        .prop_map(|((title, icon, team), (a, n, o), (one, many))| {
            let map = |fields: Vec<(&str, Option<Value>)>| -> Value {
                let given = fields
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?)));
                Value::Object(given.collect::<Map<_, _>>())
            };
            map(vec![
                ("title", title),
                ("icon", icon),
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
            let state = named.filter_map(|(name, fields)| Some((name, fields?)));
            closed(state.collect())
        })
        .boxed()
}

/// The same with no relation to what is not there: Port takes no such entity.
fn closed(mut state: State) -> State {
    let names: BTreeSet<_> = state.keys().chain(&TARGETS).copied().collect();
    let is_there = |target: &Value| target.as_str().is_none_or(|name| names.contains(name));
    for fields in state.values_mut() {
        for relation in fields["relations"].as_object_mut().unwrap().values_mut() {
            match relation {
                Value::Array(targets) => targets.retain(is_there),
                one if !is_there(one) => *one = json!(TARGETS[0]),
                _ => {}
            }
        }
    }
    state
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

/// Those of `doomed` that Port keeps, as what stays relates to them.
fn kept(all: &BTreeMap<String, Value>, doomed: &BTreeSet<String>) -> BTreeSet<String> {
    let mut kept = BTreeSet::new();
    loop {
        let stays = |name: &&String| !doomed.contains(*name) || kept.contains(*name);
        let staying = all.keys().filter(stays);
        let needed: BTreeSet<_> = staying
            .flat_map(|name| targets(&all[name]))
            .filter(|name| doomed.contains(name))
            .collect();
        if needed == kept {
            return kept;
        }
        kept = needed;
    }
}

fn targets(entity: &Value) -> Vec<String> {
    let relations = entity["relations"].as_object().into_iter().flatten();
    let targets = relations.flat_map(|(_, target)| match target {
        Value::Array(targets) => targets.clone(),
        one => vec![one.clone()],
    });
    let names = targets.filter_map(|target| target.as_str().map(str::to_owned));
    names.collect()
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
        .chain((!head["team"].is_null()).then(|| "team".to_owned()))
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

/// What Git declares at first, then, and at last, and what others wrote before and in between.
#[derive(Debug, Clone)]
struct Story {
    merge: Merge,
    live: State,
    base: State,
    head: State,
    by_hand: State,
    next: State,
}

impl Story {
    async fn check(&self) {
        let world = World::new(self.merge, &self.live);
        self.go(&world, &self.base, &self.head, Basis::Live).await;
        world.assert_nothing_left(&self.head).await;
        put(&world.sandbox, &self.by_hand);
        // Of what others do meanwhile a run of what changed in Git sees little; the next full one mends it.
        self.go(&world, &self.head, &self.next, Basis::Git).await;
        self.go(&world, &self.next, &self.next, Basis::Live).await;
        world.assert_nothing_left(&self.next).await;
    }

    async fn go(&self, world: &World, base: &State, head: &State, basis: Basis) {
        let held = world.entities();
        let (was, is) = (declarations(base), declarations(head));
        let plan = world.plan(&was, &is, basis).await;
        world.carry_out(&plan, basis).await;
        let now = world.entities();
        for name in NAMES {
            let (was, is) = (base.get(name), head.get(name));
            let (before, after) = (held.get(name), now.get(name));
            match is {
                Some(_) if basis == Basis::Git && is_same(was, is) => {
                    assert_eq!(before, after, "{name} did not change in Git");
                }
                Some(is) => {
                    let expected = expected(self.merge, was, is, before);
                    assert_eq!(after.map(facts), Some(expected), "{name}");
                }
                // What becomes of it was held against the plan.
                None if was.is_some() => {}
                None => assert_eq!(before, after, "{name}"),
            }
        }
    }
}

/// Whether both declare the same: what is sent, and so `null` beside nothing, counts.
fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let declared = |fields: Option<&Value>| {
        let state = fields.map(|fields| ("e0", fields.clone()));
        let declarations = declarations(&state.into_iter().collect());
        let entities = declarations.valid.iter();
        entities.map(|one| one.entity.clone()).collect::<Vec<_>>()
    };
    declared(one) == declared(other)
}

impl World {
    async fn assert_nothing_left(&self, head: &State) {
        let declared = declarations(head);
        let plan = self.plan(&declared, &declared, Basis::Live).await;
        assert!(plan.is_empty(), "{plan:?}");
        let mut rest = plan.untouched.iter();
        assert!(rest.all(|one| one.reason == Reason::Unchanged));
    }
}

prop_compose! {
    fn story()(
        merge in select(vec![Merge::Merge, Merge::Replace]),
        live in state(None),
        base in state(Some(Value::Null)),
        head in state(Some(Value::Null)),
        by_hand in state(None),
        next in state(Some(Value::Null)),
    ) -> Story {
        Story { merge, live, base, head, by_hand, next }
    }
}

/// More stories than 48 are told where `PROPTEST_CASES` says so.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 48;
    }
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_plan_comes_true_and_then_nothing_is_left(story in story()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(story.check());
    }
}
