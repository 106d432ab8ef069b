//! What checking costs: 1,000 entities of 20 properties, from text to diagnostics.
//!
//! `cargo bench --bench check`

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::collections::BTreeSet;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use port_gitops::catalog::blueprint::{Blueprint, Blueprints};
use port_gitops::catalog::change::compare;
use port_gitops::catalog::declare::{EntityFile, FileContent, declare};
use port_gitops::catalog::entity::BlueprintId;
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::catalog::validate::{Omission, validate};
use port_gitops::text::{RepoPath, SourceFile};
use serde_json::{Map, Value, json};

const ENTITIES: usize = 1000;
const PROPERTIES: usize = 20;

/// A schema and a value that fits it, of every kind in turn.
fn property(number: usize) -> (Value, Value) {
    match number % 5 {
        0 => (
            json!({"type": "string", "maxLength": 80}),
            json!("a service that sends mail"),
        ),
        1 => (
            json!({"type": "string", "format": "url"}),
            json!("https://example.com/a/b?c=d"),
        ),
        2 => (json!({"type": "number", "minimum": 0}), json!(number)),
        3 => (
            json!({"type": "string", "enum": ["low", "middle", "high"]}),
            json!("high"),
        ),
        _ => (
            json!({"type": "array", "items": {"type": "string"}}),
            json!(["one", "two", "three"]),
        ),
    }
}

fn properties(of: impl Fn(usize) -> Value) -> Value {
    Value::Object(Map::from_iter(
        (0..PROPERTIES).map(|number| (format!("property{number}"), of(number))),
    ))
}

fn blueprints() -> Blueprints {
    let schema = json!({"schema": {"properties": properties(|number| property(number).0)}});
    let known = BlueprintId::parse("service")
        .into_iter()
        .zip(Blueprint::from_json(schema));
    Blueprints {
        known: known.collect(),
        ..Blueprints::default()
    }
}

fn json_text() -> String {
    let entity = |number: usize| {
        json!({
            "identifier": format!("service-{number}"),
            "title": "A service",
            "properties": properties(|number| property(number).1),
        })
    };
    Value::from_iter((0..ENTITIES).map(entity)).to_string()
}

fn yaml_text() -> String {
    let entity = |number: usize| {
        let properties =
            (0..PROPERTIES).map(|number| format!("    property{number}: {}\n", property(number).1));
        let properties: String = properties.collect();
        format!("- identifier: service-{number}\n  title: A service\n  properties:\n{properties}")
    };
    (0..ENTITIES).map(entity).collect()
}

/// From a file's text to what may be written.
fn check(path: &str, text: &str, blueprints: &Blueprints, rules: &BlueprintRules) -> usize {
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(RepoPath::new(path), text)),
        default_blueprint: BlueprintId::parse("service").ok(),
    };
    let head = declare(&[file], rules);
    let changes = compare(&[], &head, &BTreeSet::new());
    let checked = validate(changes, blueprints, Omission::IsMissing);
    assert_eq!(
        checked.changes.len(),
        ENTITIES,
        "{:?}",
        head.diagnostics.first()
    );
    checked.changes.len()
}

fn benchmarks(criterion: &mut Criterion) {
    let blueprints = blueprints();
    let Ok(rules) = BlueprintRules::parse("*") else {
        return;
    };
    let mut group = criterion.benchmark_group("check");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(ENTITIES as u64));
    for (path, text) in [("port.json", json_text()), ("port.yml", yaml_text())] {
        group.bench_function(path, |bencher| {
            bencher.iter(|| check(path, black_box(&text), &blueprints, &rules));
        });
    }
    group.finish();
}

criterion_group!(check_files, benchmarks);
criterion_main!(check_files);
