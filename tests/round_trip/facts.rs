//! What must happen, told anew: nothing here is taken from what is tested.

use std::collections::{BTreeMap, BTreeSet};

use port_gitops::catalog::merge::Merge;
use serde_json::{Value, json};

use crate::state::{answer_queries, blueprint_of, target_of};

/// What an entity says, field by field, where nothing and `null` are the same, as are the orders of
/// what has none, and a query and what it finds.
pub(crate) fn facts(entity: &Value) -> BTreeMap<String, Value> {
    let mut entity = entity.clone();
    answer_queries(&mut entity);
    let mut facts = BTreeMap::new();
    for field in TEXTS {
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

const TEXTS: [&str; 3] = ["title", "icon", "team"];

/// What was cleared before and still is to be clear. What somebody else put there since is only seen by
/// a plan that reads it.
pub(crate) fn cleared_before(base: Option<&Value>, head: &Value) -> Vec<&'static str> {
    let is_null = |entity: &Value, field: &str| entity.get(field).is_some_and(Value::is_null);
    let mut fields = TEXTS.to_vec();
    fields.retain(|field| is_null(head, field) && base.is_some_and(|base| is_null(base, field)));
    fields
}

pub(crate) type Delta = BTreeMap<String, (Value, Value)>;

pub(crate) fn delta(before: &Value, after: &Value) -> Delta {
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

/// What Port must hold of an entity in the end.
pub(crate) fn expected(
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
        .chain(
            TEXTS
                .into_iter()
                .filter(|field| head.get(field).is_some())
                .map(str::to_owned),
        )
        .collect();
    let mut expected = live.map(facts).unwrap_or_default();
    let based = base.map(facts).unwrap_or_default();
    let asks = |field: &str| {
        let value = base.map(|base| match field.strip_prefix("relations.") {
            Some(relation) => base["relations"][relation].is_object(),
            None => field == "team" && base["team"].is_object(),
        });
        value.unwrap_or_default()
    };
    expected.retain(|field, value| {
        // What a query found may be somebody else's by now.
        let stays = asks(field) || based.get(field) != Some(value);
        !mentioned.contains(field) && stays
    });
    expected.extend(declared);
    expected
}

/// Those of `doomed` that Port keeps, as what stays relates to them; and circles of two blueprints,
/// as no request deletes such a circle at once.
pub(crate) fn kept(all: &BTreeMap<String, Value>, doomed: &BTreeSet<String>) -> BTreeSet<String> {
    let circles = circles(all, doomed);
    let mut kept = circles.clone();
    loop {
        let stays = |name: &&String| !doomed.contains(*name) || kept.contains(*name);
        let staying = all.keys().filter(stays);
        let needed = staying.flat_map(|name| targets(blueprint_of(name), &all[name]));
        let needed = needed.filter(|name| doomed.contains(name));
        let needed: BTreeSet<_> = needed.chain(circles.clone()).collect();
        if needed == kept {
            return kept;
        }
        kept = needed;
    }
}

fn circles(all: &BTreeMap<String, Value>, doomed: &BTreeSet<String>) -> BTreeSet<String> {
    let reached = |from: &String| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(name) = next.pop() {
            let entity = all.get(&name).filter(|_| doomed.contains(&name));
            let targets = entity.map(|entity| targets(blueprint_of(&name), entity));
            let found = targets.into_iter().flatten();
            next.extend(found.filter(|target| reached.insert(target.clone())));
        }
        reached
    };
    let is_entangled = |name: &&String| {
        let of_its_circle = |other: &&String| reached(other).contains(*name);
        let around = reached(name);
        let mut circle = around.iter().filter(of_its_circle);
        circle.any(|other| blueprint_of(other) != blueprint_of(name))
    };
    doomed.iter().filter(is_entangled).cloned().collect()
}

fn targets(blueprint: &str, entity: &Value) -> Vec<String> {
    let relations = entity["relations"].as_object().into_iter().flatten();
    let targets = relations.flat_map(|(relation, target)| {
        let targets = match target {
            Value::Array(targets) => targets.clone(),
            one => vec![one.clone()],
        };
        let of = target_of(blueprint, relation);
        let names = targets.into_iter();
        names.filter_map(move |to| Some(format!("{of}/{}", to.as_str()?)))
    });
    targets.collect()
}
