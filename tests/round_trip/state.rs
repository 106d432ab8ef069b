//! What Git can declare and Port can hold.

use std::collections::{BTreeMap, BTreeSet};

use port_gitops::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::source::{RepoPath, Source};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

pub(crate) const NAMES: [&str; 4] = ["e0", "e1", "e2", "e3"];
/// Always there and of nobody, for relations to lead to.
pub(crate) const TARGETS: [&str; 3] = ["t0", "t1", "t2"];

/// Entities by name, each as it is declared or held.
pub(crate) type State = BTreeMap<&'static str, Value>;

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

pub(crate) fn state(nothing: Option<Value>) -> BoxedStrategy<State> {
    let entities = NAMES.map(|_| of(fields(nothing.clone())));
    entities
        .prop_map(|entities| {
            let named = NAMES.into_iter().zip(entities);
            let state = named.filter_map(|(name, fields)| Some((name, fields?)));
            closed(state.collect())
        })
        .boxed()
}

/// What is partly as `one` and partly as `other`, entity by entity or field by field as `how` says: it
/// is where little changes that there is much to get wrong.
pub(crate) fn blend(one: &State, other: &State, how: [u8; 4]) -> State {
    let mut blend = State::new();
    for (name, how) in NAMES.into_iter().zip(how) {
        let entity = match (one.get(name), other.get(name), how % 4) {
            (one, _, 0) => one.cloned(),
            (_, other, 1) => other.cloned(),
            (Some(one), Some(other), _) => Some(blend_fields(one, other, how)),
            (one, other, _) => one.or(other).cloned(),
        };
        blend.extend(entity.map(|entity| (name, entity)));
    }
    closed(blend)
}

fn blend_fields(one: &Value, other: &Value, how: u8) -> Value {
    let (mut blend, mut bits) = (json!({}), how.reverse_bits());
    let mut is_one = || {
        bits = bits.rotate_right(1);
        bits & 1 == 1
    };
    for field in ["title", "icon", "team"] {
        let from = if is_one() { one } else { other };
        blend.as_object_mut().unwrap().extend(
            from.get(field)
                .map(|value| (field.to_owned(), value.clone())),
        );
    }
    for (section, fields) in [
        ("properties", &["a", "n", "o"][..]),
        ("relations", &["one", "many"]),
    ] {
        let mut members = Map::new();
        for field in fields {
            let from = if is_one() { one } else { other };
            let value = from[section].get(field);
            members.extend(value.map(|value| ((*field).to_owned(), value.clone())));
        }
        blend[section] = members.into();
    }
    blend
}

/// The same as Port holds it.
pub(crate) fn without_nulls(mut state: State) -> State {
    let is_something = |_: &String, value: &mut Value| !value.is_null();
    for fields in state.values_mut() {
        fields.as_object_mut().unwrap().retain(is_something);
        for section in ["properties", "relations"] {
            let section = fields[section].as_object_mut().unwrap();
            section.retain(is_something);
        }
    }
    state
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

pub(crate) fn declarations(state: &State) -> Declarations {
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

/// Whether both declare the same: what is sent, and so `null` beside nothing, counts.
pub(crate) fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let declared = |fields: Option<&Value>| {
        let state = fields.map(|fields| ("e0", fields.clone()));
        let declarations = declarations(&state.into_iter().collect());
        let entities = declarations.valid.iter();
        entities.map(|one| one.entity.clone()).collect::<Vec<_>>()
    };
    declared(one) == declared(other)
}
