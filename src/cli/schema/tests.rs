//! The schema says what `check` says.

#![allow(clippy::panic, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::build::{self, Completeness};
use crate::catalog::blueprint::{Blueprint, Blueprints, Property};
use crate::catalog::change::compare;
use crate::catalog::declare::{EntityFile, FileContent, declare};
use crate::catalog::entity::BlueprintId;
use crate::catalog::reference::{self, Referenced};
use crate::catalog::rules::BlueprintRules;
use crate::catalog::validate::{Omission, validate};
use crate::cli::blueprints::Described;
use crate::diagnostic::{Code, Severity};
use crate::text::{RepoPath, SourceFile};

fn described(json: Value) -> Described {
    Described {
        id: BlueprintId::parse(json["identifier"].as_str().unwrap()).unwrap(),
        blueprint: Blueprint::from_json(json.clone()).unwrap(),
        json,
    }
}

fn schema_of(blueprints: &[Value], shape: Completeness) -> Value {
    let blueprints: Vec<_> = blueprints.iter().cloned().map(described).collect();
    build::schema(&blueprints, None, shape)
}

fn validator(schema: &Value) -> Validator {
    assert!(jsonschema::draft7::meta::is_valid(schema), "{schema:#}");
    jsonschema::draft7::new(schema).unwrap()
}

/// What `check` says of a file: the codes of its errors and of its warnings.
fn checked(
    blueprints: &[Value],
    file: &Value,
    omission: Omission,
) -> (BTreeSet<Code>, BTreeSet<Code>) {
    let known: BTreeMap<_, _> = blueprints
        .iter()
        .cloned()
        .map(|json| {
            let one = described(json);
            (one.id, one.blueprint)
        })
        .collect();
    let source = SourceFile::new(RepoPath::new("port.json"), file.to_string());
    let file = EntityFile {
        content: FileContent::Text(source),
        default_blueprint: Some(BlueprintId::parse("by-rule").unwrap()),
    };
    let mut declared = declare(&[file], &BlueprintRules::parse("*\n!_*").unwrap());
    reference::resolve_all(&mut declared, |declaration| {
        let path = declaration.source.path().clone();
        let named = reference::references(declaration, &path).into_iter();
        let text = |one: reference::TextReference| (one.path, Referenced::Text(TEXT.to_owned()));
        (path, named.map(text).collect())
    });
    let blueprints = Blueprints {
        missing: declared
            .valid
            .iter()
            .map(|one| one.entity.blueprint.clone())
            .filter(|one| !known.contains_key(one) && one.as_str() != "by-rule")
            .collect(),
        known,
        ..Blueprints::default()
    };
    let changes = compare(&[], &declared, &BTreeSet::new());
    let validated = validate(changes, &blueprints, omission);
    let all = declared.diagnostics.iter().chain(&validated.diagnostics);
    let of = |severity| {
        let some = all.clone().filter(move |one| one.severity() == severity);
        some.map(|one| one.code).collect()
    };
    (of(Severity::Error), of(Severity::Warning))
}

/// What stands in every file that a property names.
const TEXT: &str = "https://host/text";

fn property_schema() -> impl Strategy<Value = Value> {
    let format = |format: &str| json!({"type": "string", "format": format, "title": "T"});
    select(vec![
        json!({"type": "string"}),
        json!({"type": "string", "title": "Tier", "description": "How much it matters", "enum": ["low", "high"], "default": "low"}),
        json!({"type": "string", "minLength": 2, "maxLength": 30, "pattern": "^[a-z]"}),
        json!({"type": "string", "format": "url", "pattern": "host"}),
        json!({"type": "string", "pattern": "(["}),
        json!({"type": "string", "encryption": "aes256-gcm", "default": "hunter2"}),
        format("url"),
        format("email"),
        format("date-time"),
        format("ipv4"),
        format("ipv6"),
        format("markdown"),
        json!({"type": "number", "minimum": 1, "exclusiveMaximum": 9}),
        json!({"type": "number", "enum": [1, 2.5]}),
        json!({"type": "boolean", "default": true}),
        json!({"type": "object"}),
        json!({"type": "object", "additionalProperties": {"type": "number"}}),
        json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"type": "string", "format": "email"}, "b": {"type": "number"}},
        }),
        json!({"type": "array"}),
        json!({"type": "array", "items": {"type": "string", "format": "url"}, "maxItems": 2}),
        json!({"type": "array", "items": {"type": "string", "enum": ["low", "high"]}, "uniqueItems": true}),
    ])
}

prop_compose! {
    fn blueprint(name: &'static str)(
        properties in [(); 3].map(|()| property_schema()),
        required in any::<[bool; 5]>(),
        inherits in prop::bool::weighted(0.2),
    ) -> Value {
        let names = ["a", "b", "c"];
        let relation = |many: bool, required: bool| json!({"target": "job", "many": many, "required": required});
        let mut blueprint = json!({
            "identifier": name, "title": "A title", "description": "A description",
            "schema": {
                "properties": names.into_iter().zip(properties).map(|(n, p)| (n.to_owned(), p)).collect::<Map<_, _>>(),
                "required": names.into_iter().zip(required).filter(|(_, is)| *is).map(|(n, _)| n).collect::<Vec<_>>(),
            },
            "relations": {"one": relation(false, required[3]), "many": relation(true, required[4])},
            "calculationProperties": {"sum": {"type": "number", "calculation": "1"}},
        });
        if inherits {
            blueprint["ownership"] = json!({"type": "Inherited", "path": "one"});
        }
        blueprint
    }
}

fn query() -> impl Strategy<Value = Value> {
    let rules = || {
        vec![
            json!({"property": "$title", "operator": "=", "value": "x"}),
            json!({"property": "p", "operator": "in", "value": ["x"]}),
            json!({"property": "p", "operator": "contains", "value": null}),
            json!({"combinator": "or", "rules": []}),
            // None of these is one.
            json!({"property": "p", "operator": "containsAny", "value": "x"}),
            json!({"property": "p", "operator": "=", "value": true}),
            json!({"property": "p", "operator": "<", "value": 1}),
            json!({"property": "p", "operator": "=", "value": 1, "blueprint": "x"}),
            json!({"combinator": "nor", "rules": []}),
            json!({"operator": "=", "value": 1}),
            json!("x"),
        ]
    };
    let sound = select(rules()[..4].to_vec());
    let any = select(rules());
    let combinator = select(vec![json!("and"), json!("or")]);
    (
        combinator,
        prop::collection::vec(prop_oneof![9 => sound, 1 => any], 0..3),
    )
        .prop_map(|(combinator, rules)| json!({"combinator": combinator, "rules": rules}))
}

/// Any value that anything might hold.
fn value() -> impl Strategy<Value = Value> {
    let scalar = select(vec![
        json!(null),
        json!("x"),
        json!("low"),
        json!("High"),
        json!(""),
        json!("a b"),
        json!("https://host/x"),
        json!("www.host"),
        json!("me@host"),
        json!("@"),
        json!("2026-01-31T12:00:00Z"),
        json!("2026-01-31 12:00:00"),
        json!("2026-13-31T12:00:00Z"),
        json!("10.0.0.1"),
        json!("10.0.0.256"),
        json!("::1"),
        json!("file://a/path/that/is/longer/than/30.md"),
        json!("file:///etc"),
        json!(1),
        json!(2.5),
        json!(9),
        json!(1e300),
        json!(true),
        json!("ü@ß"),
        json!("🦀"),
        json!("a\tb\n"),
    ]);
    scalar.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((select(vec!["a", "b", "x"]), inner), 0..3).prop_map(|members| {
                members
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<Map<_, _>>()
                    .into()
            }),
        ]
    })
}

fn identifier() -> impl Strategy<Value = Value> {
    let names = ["x", "a/b", "größe", "joe's", "a=b", "..", "a b", "", "🦀"];
    prop_oneof![
        6 => select(names[..5].to_vec()).prop_map(|name| json!(name)),
        1 => select(names.to_vec()).prop_map(|name| json!(name)),
        1 => query(),
    ]
}

/// A map of some of these, with values that go with the names.
fn some(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| prop::option::weighted(0.7, value.prop_map(move |v| (name, v))))
        .collect();
    let map = |members: Vec<Option<(&str, Value)>>| {
        let members = members.into_iter().flatten();
        members
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>()
            .into()
    };
    members.prop_map(map).boxed()
}

fn entity() -> BoxedStrategy<Value> {
    let text = || select(vec![json!("A"), json!(null), json!("")]).boxed();
    let one = prop_oneof![8 => identifier(), 1 => Just(json!(null)), 1 => value()].boxed();
    let targets = prop::collection::vec(identifier(), 0..3).prop_map(Value::from);
    let many = prop_oneof![6 => targets, 1 => query(), 1 => Just(json!(null)), 1 => value()];
    let team = prop_oneof![
        Just(json!("t")),
        Just(json!(["t", "u"])),
        Just(json!([])),
        query(),
        Just(json!(null))
    ];
    let property = || prop_oneof![3 => value()].boxed();
    let properties = some(vec![
        ("a", property()),
        ("b", property()),
        ("c", property()),
    ]);
    let blueprint = select(vec![
        json!("service"),
        json!("service"),
        json!("service"),
        json!("job"),
        json!(null),
        json!("_user"),
        json!("nowhere"),
    ]);
    some(vec![
        ("identifier", identifier().boxed()),
        ("identifier", identifier().boxed()),
        ("blueprint", blueprint.boxed()),
        ("title", text()),
        ("icon", text()),
        ("team", team.boxed()),
        ("properties", properties),
        (
            "relations",
            some(vec![("one", one), ("many", many.boxed())]),
        ),
        ("$createdAt", Just(json!("2026")).boxed()),
    ])
}

/// What somebody might do to a file by mistake.
#[derive(Debug, Clone)]
enum EditorMistake {
    None,
    Add(Vec<&'static str>, &'static str, Value),
    Replace(Vec<&'static str>, Value),
    InArray,
}

fn slip() -> impl Strategy<Value = EditorMistake> {
    let section = || select(vec![vec![], vec!["properties"], vec!["relations"]]);
    let name = select(vec![
        "sum",
        "Title",
        "spec",
        "tier",
        "x",
        "relation",
        "updatedBy",
        "identifier",
        "a",
        "one",
    ]);
    let place = select(vec![
        vec![],
        vec!["identifier"],
        vec!["title"],
        vec!["team"],
        vec!["properties"],
        vec!["relations"],
    ]);
    prop_oneof![
        4 => Just(EditorMistake::None),
        1 => (section(), name, value()).prop_map(|(at, name, value)| EditorMistake::Add(at, name, value)),
        1 => (place, value()).prop_map(|(at, value)| EditorMistake::Replace(at, value)),
        1 => Just(EditorMistake::InArray),
    ]
}

fn at<'v>(entity: &'v mut Value, path: &[&str]) -> &'v mut Value {
    path.iter().fold(entity, |value, key| match value {
        Value::Object(_) => &mut value[*key],
        other => other,
    })
}

fn slipped(mut entity: Value, slip: &EditorMistake) -> Value {
    match slip {
        EditorMistake::None => {}
        EditorMistake::InArray => return json!([entity, {"identifier": "last"}]),
        EditorMistake::Replace(path, value) => *at(&mut entity, path) = value.clone(),
        EditorMistake::Add(path, name, value) => {
            let place = at(&mut entity, path);
            if place.is_null() {
                *place = json!({});
            }
            if let Value::Object(members) = place {
                members.insert((*name).to_owned(), value.clone());
            }
        }
    }
    entity
}

/// The same with values that the blueprint allows for most properties: by chance few would fit.
fn fitted(mut entity: Value, blueprint: &Value, how: u8) -> Value {
    let samples = [
        json!("low"),
        json!("https://host/x"),
        json!("file://a/path/that/is/longer/than/30.md"),
        json!("me@host"),
        json!("2026-01-31 12:00:00"),
        json!("10.0.0.1"),
        json!("::1"),
        json!(1),
        json!(2.5),
        json!(false),
        json!([]),
        json!(["https://host"]),
        json!(["low", "high"]),
        json!({}),
        json!({"a": 1}),
        json!({"a": "me@host"}),
    ];
    let one = described(blueprint.clone());
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        let Some(Property::Stored { schema, .. }) = one.blueprint.property(name) else {
            continue;
        };
        let is_kept = how & (1 << index) == 0 && how & 0b1000 == 0;
        if is_kept || entity["properties"].get(name).is_none() {
            continue;
        }
        let mut pool = samples.clone();
        pool.rotate_left(usize::from(how) % samples.len());
        if let Some(value) = pool.iter().find(|one| schema.violations(one).is_empty()) {
            entity["properties"][name] = value.clone();
        }
    }
    entity
}

/// More than 128 by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = 128;
    }
    config.failure_persistence = None;
    config
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn it_accepts_what_check_accepts_and_refuses_what_check_refuses(
        service in blueprint("service"), job in blueprint("job"), entity in entity(), slip in slip(),
        how in any::<u8>(),
    ) {
        let file = slipped(fitted(entity, &service, how), &slip);
        let blueprints = [service, job];
        for (shape, omission) in [(Completeness::Whole, Omission::IsMissing), (Completeness::Partial, Omission::MayExist)] {
            let schema = schema_of(&blueprints, shape);
            let is_accepted = validator(&schema).is_valid(&file);
            let (errors, warnings) = checked(&blueprints, &file, omission);
            if errors.is_empty() && warnings.is_empty() {
                prop_assert!(is_accepted, "{:?}: {}\n{}", shape, file, schema);
            }
            // Of a file's text, only `check` knows.
            if !errors.is_empty() && !file.to_string().contains("file://a") {
                prop_assert!(!is_accepted, "{:?}: {:?} {}\n{}", shape, errors, file, schema);
            }
        }
    }
}

#[test]
fn what_is_written_out_is_the_same_to_the_byte() {
    let one = json!({
        "identifier": "service", "title": "Service",
        "schema": {"required": ["url"], "properties": {
            "url": {"type": "string", "format": "url", "title": "Repository"},
            "tier": {"type": "string", "enum": ["low", "high"], "description": "How much it matters"},
            "token": {"type": "string", "format": "encrypted-text", "default": "hunter2", "enum": ["hunter2"]},
        }},
        "relations": {"domain": {"target": "domain", "title": "Domain", "many": false, "required": false}},
    });
    let text = build::text(schema_of(std::slice::from_ref(&one), Completeness::Whole));
    let mut other = one.clone();
    other["schema"]["properties"] = json!({
        "token": one["schema"]["properties"]["token"],
        "tier": one["schema"]["properties"]["tier"],
        "url": one["schema"]["properties"]["url"],
    });
    assert_eq!(text, build::text(schema_of(&[other], Completeness::Whole)));
    assert!(
        !text.contains("hunter2"),
        "the default of a secret is shown"
    );
    let schema: Value = serde_json::from_str(&text).unwrap();
    let then = &schema["definitions"]["entity"]["then"]["allOf"][0]["then"]["properties"];
    let file = json!({"type": "string", "pattern": "^file://[^/]"});
    let expected = json!({
        "blueprint": {"title": "Service"},
        "properties": {"additionalProperties": false, "required": ["url"], "properties": {
            "url": {
                "title": "Repository", "description": "A URL like `https://host/path`.", "type": "string",
                "anyOf": [{"pattern": r"^[\u0000-\u0020]*[A-Za-z][A-Za-z0-9+.\t\n\r-]*:"}, file],
            },
            "tier": {
                "description": "How much it matters", "type": ["string", "null"],
                "anyOf": [{"enum": ["low", "high", null]}, file],
            },
            "token": {"type": ["string", "null"]},
        }},
        "relations": {"additionalProperties": false, "properties": {
            "domain": {
                "title": "Domain", "description": "One `domain`, by its identifier or a search query.",
                "allOf": [{"$ref": "#/definitions/one"}],
            },
        }},
    });
    assert_eq!(*then, expected);
}

#[test]
fn the_name_of_a_file_stands_for_any_text() {
    let texts = [
        json!({"type": "string", "enum": ["low"]}),
        json!({"type": "string", "pattern": "^[0-9]$"}),
        json!({"type": "string", "maxLength": 3}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "format": "ipv4"}),
    ];
    for text in texts {
        let inside = [
            (text.clone(), json!("file://./x")),
            (
                json!({"type": "array", "items": text}),
                json!(["file://./x"]),
            ),
            (
                json!({"type": "object", "properties": {"k": text}}),
                json!({"k": "file://./x"}),
            ),
        ];
        for (schema, value) in inside {
            let blueprint = json!({
                "identifier": "service", "schema": {"properties": {"p": schema}}, "relations": {},
            });
            let validator = validator(&schema_of(&[blueprint], Completeness::Whole));
            let entity = |value: &Value| json!({"identifier": "x", "blueprint": "service", "properties": {"p": value}});
            assert!(validator.is_valid(&entity(&value)), "{schema}");
            let url = value.to_string().replace("file://./x", "file:///x");
            let url = serde_json::from_str(&url).unwrap();
            assert!(!validator.is_valid(&entity(&url)), "{schema}");
        }
    }
}

#[test]
fn a_default_blueprint_is_that_of_entities_that_name_none() {
    let service = json!({
        "identifier": "service", "schema": {"properties": {"url": {"type": "string"}}}, "relations": {},
    });
    let described = [described(service)];
    let id = described[0].id.clone();
    let schema = build::schema(&described, Some(&id), Completeness::Whole);
    let validator = validator(&schema);
    assert!(validator.is_valid(&json!({"identifier": "x", "properties": {"url": "a"}})));
    assert!(!validator.is_valid(&json!({"identifier": "x", "properties": {"ulr": "a"}})));
}
