//! What Git can declare and Port can hold.

use std::collections::{BTreeMap, BTreeSet};

use port_gitops::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::text::{RepoPath, SourceFile};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// What Git can declare, as `blueprint/identifier`. Of a job the blueprint requires the property `a`
/// and the relation `one`.
pub(crate) const NAMES: [&str; 5] = ["service/e0", "service/e1", "service/e2", "job/e0", "job/e1"];
/// Always there and of nobody, for relations to lead to and for queries to find.
pub(crate) const TARGETS: [&str; 6] = [
    "service/t0",
    "service/t1",
    "service/t2",
    "job/t0",
    "job/t1",
    "job/t2",
];
/// The same for teams.
pub(crate) const TEAMS: [&str; 2] = ["red", "blue"];

/// Entities by name, each as it is declared or held.
pub(crate) type EntityState = BTreeMap<&'static str, Value>;

/// Who states a field: Git can say `null` and ask, and says what is required. Others need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Git,
    Other,
}

pub(crate) fn blueprint_of(name: &str) -> &str {
    name.split_once('/').unwrap().0
}

pub(crate) fn identifier_of(name: &str) -> &str {
    name.split_once('/').unwrap().1
}

/// The blueprint that a relation leads to.
pub(crate) fn target_of<'b>(blueprint: &'b str, relation: &str) -> &'b str {
    match (blueprint, relation) {
        (_, "job") | ("job", "many") => "job",
        _ => "service",
    }
}

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

/// A query for what is titled so: the names in capitals.
fn query() -> impl Strategy<Value = Value> {
    let title = |operator: &str, value: Value| {
        let rule = json!({"property": "$title", "operator": operator, "value": value});
        json!({"combinator": "and", "rules": [rule]})
    };
    select(vec![
        title("=", json!("T0")),
        title("in", json!(["T1"])),
        title("in", json!(["T2", "T0"])),
        title("=", json!("RED")),
        title("in", json!(["BLUE", "RED"])),
    ])
}

/// A relation's or a team's value, or a query that finds as many as `asks` takes.
fn or_query(
    voice: Voice,
    value: BoxedStrategy<Value>,
    asks: fn(&Value) -> bool,
) -> BoxedStrategy<Value> {
    match voice {
        Voice::Git => prop_oneof![3 => value, 1 => query().prop_filter("asks", asks)].boxed(),
        Voice::Other => value,
    }
}

fn or_nothing(voice: Voice, value: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    match voice {
        Voice::Git => of(prop_oneof![4 => value, 1 => Just(Value::Null)]).boxed(),
        Voice::Other => of(value).boxed(),
    }
}

fn is_required(voice: Voice, blueprint: &str) -> bool {
    voice == Voice::Git && blueprint == "job"
}

/// The same, but something where Git has to say it.
fn required(
    voice: Voice,
    blueprint: &str,
    value: BoxedStrategy<Value>,
) -> BoxedStrategy<Option<Value>> {
    match is_required(voice, blueprint) {
        true => value.prop_map(Some).boxed(),
        false => or_nothing(voice, value),
    }
}

fn relations(blueprint: &'static str, voice: Voice) -> BoxedStrategy<Value> {
    let all = |relation: &str| {
        let target = target_of(blueprint, relation);
        let names = NAMES.iter().chain(&TARGETS);
        let names = names.filter(move |name| blueprint_of(name) == target);
        names.map(|name| identifier_of(name)).collect::<Vec<_>>()
    };
    let one = |relation| select(all(relation)).prop_map(|to| json!(to)).boxed();
    let many = subsequence(all("many"), 0..=3).prop_shuffle();
    let many = many.prop_map(|targets| json!(targets)).boxed();
    let is_one = |query: &Value| found(query, &TARGETS.map(identifier_of)).len() == 1;
    let job = match blueprint {
        "service" => or_nothing(voice, or_query(voice, one("job"), is_one)),
        _ => Just(None).boxed(),
    };
    (
        required(voice, blueprint, or_query(voice, one("one"), is_one)),
        or_nothing(voice, or_query(voice, many, |_| true)),
        job,
    )
        .prop_map(|(one, many, job)| map(vec![("one", one), ("many", many), ("job", job)]))
        .boxed()
}

fn map(fields: Vec<(&str, Option<Value>)>) -> Value {
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// Fields of an entity. Relations lead anywhere.
fn fields(blueprint: &'static str, voice: Voice) -> BoxedStrategy<Value> {
    let teams = subsequence(TEAMS.to_vec(), 0..=2).prop_shuffle();
    let teams = teams.prop_map(|teams| json!(teams)).boxed();
    let text = |texts: [&'static str; 2]| select(texts.map(|text| json!(text)).to_vec()).boxed();
    let meta = (
        or_nothing(voice, text(["A", "B"])),
        or_nothing(voice, text(["I", "J"])),
        or_nothing(voice, or_query(voice, teams, |_| true)),
    );
    let properties = (
        required(voice, blueprint, value().boxed()),
        or_nothing(voice, number().boxed()),
        or_nothing(voice, object().boxed()),
    );
    (meta, properties, relations(blueprint, voice))
        .prop_map(|((title, icon, team), (a, n, o), relations)| {
            map(vec![
                ("title", title),
                ("icon", icon),
                ("team", team),
                ("properties", Some(map(vec![("a", a), ("n", n), ("o", o)]))),
                ("relations", Some(relations)),
            ])
        })
        .boxed()
}

pub(crate) fn state(voice: Voice) -> BoxedStrategy<EntityState> {
    let entities = NAMES.map(|name| of(fields(blueprint_of(name), voice)));
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
pub(crate) fn blend(one: &EntityState, other: &EntityState, how: [u8; NAMES.len()]) -> EntityState {
    let mut blend = EntityState::new();
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
        ("relations", &["one", "many", "job"]),
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
pub(crate) fn as_held(mut state: EntityState) -> EntityState {
    let is_something = |_: &String, value: &mut Value| !value.is_null();
    for fields in state.values_mut() {
        answer_queries(fields);
        fields.as_object_mut().unwrap().retain(is_something);
        for section in ["properties", "relations"] {
            let section = fields[section].as_object_mut().unwrap();
            section.retain(is_something);
        }
    }
    state
}

/// Puts what they find in the place of queries.
pub(crate) fn answer_queries(entity: &mut Value) {
    if entity["team"].is_object() {
        let found = found(&entity["team"], &TEAMS);
        entity["team"] = json!(found);
    }
    let targets = TARGETS.map(identifier_of);
    for (name, relation) in entity["relations"].as_object_mut().into_iter().flatten() {
        if relation.is_object() {
            let found = found(relation, &targets);
            *relation = match name.as_str() {
                "many" => json!(found),
                _ => json!(found[0]),
            };
        }
    }
}

fn found<'n>(query: &Value, names: &[&'n str]) -> Vec<&'n str> {
    let value = &query["rules"][0]["value"];
    let titles = value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice);
    let is_found = |name: &&&str| titles.iter().any(|title| *title == name.to_uppercase());
    let mut found: Vec<_> = names.iter().filter(is_found).copied().collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The same with no relation to what is not there: Port takes no such entity.
fn closed(mut state: EntityState) -> EntityState {
    let names: BTreeSet<_> = state.keys().chain(&TARGETS).copied().collect();
    for (name, fields) in &mut state {
        let blueprint = blueprint_of(name);
        for (relation, value) in fields["relations"].as_object_mut().unwrap() {
            let target = target_of(blueprint, relation);
            let is_there = |to: &Value| {
                to.as_str()
                    .is_none_or(|to| names.contains(format!("{target}/{to}").as_str()))
            };
            match value {
                Value::Array(targets) => targets.retain(is_there),
                one if !is_there(one) => *one = json!("t0"),
                _ => {}
            }
        }
    }
    state
}

/// The file that declares an entity.
pub(crate) fn path_of(name: &str) -> RepoPath {
    RepoPath::new(format!("{name}.json"))
}

/// What Git declares, each entity in a file of its own.
pub(crate) fn declarations(state: &EntityState) -> Declarations {
    let files = state.iter().map(|(name, fields)| {
        let mut entity = fields.clone();
        entity["identifier"] = json!(identifier_of(name));
        entity["blueprint"] = json!(blueprint_of(name));
        EntityFile {
            content: FileContent::Text(SourceFile::new(path_of(name), entity.to_string())),
            default_blueprint: None,
        }
    });
    let files: Vec<_> = files.collect();
    let declared = declare(&files, &BlueprintRules::parse("*").unwrap());
    assert!(declared.is_sound(), "{:?}", declared.diagnostics);
    declared
}

/// Whether both declare the same: what is sent, and so `null` beside nothing, counts.
pub(crate) fn is_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let declared = |fields: Option<&Value>| {
        let state = fields.map(|fields| ("service/e0", fields.clone()));
        let declarations = declarations(&state.into_iter().collect());
        let entities = declarations.valid.iter();
        entities.map(|one| one.entity.clone()).collect::<Vec<_>>()
    };
    declared(one) == declared(other)
}
