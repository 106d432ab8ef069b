//! Whatever Port holds: a plan of its export is empty.

#![allow(clippy::panic, reason = "a test may fail")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::arguments::Writing;
use super::collect::{Collection, Spool};
use super::entity_text::{ExportContext, Expressed, TargetFile};
use super::folder::{ExportFolder, Placed};
use super::template::{PathTemplate, Suffix};
use crate::catalog::blueprint::{Blueprint, Blueprints};
use crate::catalog::change::compare;
use crate::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use crate::catalog::difference::is_same;
use crate::catalog::entity::{BlueprintId, EntityKey, EntityName, Identifier};
use crate::catalog::live::{Live, LiveEntity};
use crate::catalog::merge::Merge;
use crate::catalog::plan::{Plan, PlanContext, Policy, Pruning};
use crate::catalog::rules::{BlueprintRules, FileRules};
use crate::catalog::validate::{Omission, validate};
use crate::document::{self, FileFormat};
use crate::text::{RepoPath, SourceFile};

const NAMES: [&str; 2] = ["service", "Service"];
const TEMPLATES: [&str; 6] = [
    "{blueprint}/{identifier}.entity.yml",
    "{blueprint}/{identifier}.json",
    "{blueprint}.entity.yml",
    "{blueprint}.json",
    "all.yml",
    "all.json",
];

fn blueprints() -> Blueprints {
    let blueprint = || {
        Blueprint::from_json(json!({
            "schema": {"required": [], "properties": {
                "s": {"type": "string"}, "t": {"type": "string"}, "n": {"type": "number"},
                "b": {"type": "boolean"}, "o": {"type": "object"}, "l": {"type": "array"},
                "e": {"type": "string", "enum": ["low", "yes", "007", ""]},
            }},
            "relations": {
                "one": {"target": "service", "many": false},
                "many": {"target": "service", "many": true},
            },
        }))
    };
    let known = NAMES.map(|name| (BlueprintId::parse(name).unwrap(), blueprint().unwrap()));
    Blueprints {
        known: known.into(),
        ..Blueprints::default()
    }
}

/// What readers of YAML, file systems and terminals stumble over.
const HOSTILE: [&str; 54] = [
    "",
    " ",
    "\n",
    "\t",
    "007",
    "1e3",
    ".5",
    "+1",
    "-1",
    "0x1f",
    "0o7",
    "1_000",
    "1:30",
    "yes",
    "No",
    "on",
    "null",
    "~",
    "true",
    ".inf",
    ".nan",
    "2024-01-01",
    "2024-01-01T10:00:00Z",
    "# a",
    "a # b",
    "a: b",
    "a:",
    ": a",
    "- a",
    "? a",
    "@a",
    "*a",
    "&a",
    "!a",
    "!!str a",
    "%a",
    "`a`",
    "|",
    ">",
    "[a]",
    "{a}",
    "a, b",
    "'",
    "\"",
    "\\",
    "a\\nb",
    "---",
    "...",
    "<<",
    "=",
    "a ",
    "file:///etc/hosts",
    "{{ .a }}",
    "日本語",
];

fn text() -> impl Strategy<Value = String> {
    let characters = select(
        " \t\n\r\u{0}\u{7}\u{1b}\u{7f}\u{85}\u{a0}\u{200d}\u{2028}\u{202e}\u{feff}\u{fffe}\u{e000}aZ0#:-,.?!&*@%|>'\"\\{}[]~`=<ßé日🦀"
            .chars()
            .collect::<Vec<_>>(),
    );
    let mixed = prop::collection::vec(characters, 0..30).prop_map(String::from_iter);
    let line = select(vec![
        "", "a", "  b", "# c", "- d", "e: f", "g ", "---", "\tx", "1", "...", "{",
    ]);
    let lines = prop::collection::vec(line, 1..6).prop_map(|lines| lines.join("\n"));
    prop_oneof![
        4 => select(HOSTILE.to_vec()).prop_map(str::to_owned),
        3 => mixed,
        3 => lines,
        1 => (text_of_words(), any::<bool>()).prop_map(|(text, ends)| if ends { text + "\n" } else { text }),
        1 => any::<String>(),
        1 => Just("file://x".to_owned()),
    ]
}

fn text_of_words() -> impl Strategy<Value = String> {
    let words = select(vec!["word", "two:", "#3", "four", "-", "größe", "'s"]);
    prop::collection::vec(words, 10..40).prop_map(|words| words.join(" "))
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![
            json!(0),
            json!(-7),
            json!(1.0),
            json!(-0.0),
            json!(1e300),
            json!(5e-324),
            json!(u64::MAX),
            json!(i64::MIN)
        ]),
        any::<f64>().prop_filter_map("finite", |n| serde_json::Number::from_f64(n)
            .map(Value::from)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        text().prop_map(Value::from),
        number(),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    scalar.prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn identifier() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(vec![
            "shop", "Shop", "SHOP", "a/b", "a=2Fb", "a\\b", "007", "yes", "null", "1.5", "con", "...", ".git", "-",
            "größe", "joe's", "x:y", "2024-01-01", "=", "@a",
        ]).prop_map(str::to_owned),
        1 => prop::collection::vec(select(vec!['a', 'B', '.', '/', 'é']), 1..300).prop_map(String::from_iter),
        // What Port's pattern does not allow, but older entities may have.
        1 => select(vec!["a b", "🦀", "", "a\nb", ".."]).prop_map(str::to_owned),
    ]
}

fn properties() -> impl Strategy<Value = Map<String, Value>> {
    let string = || text().prop_map(Value::from).boxed();
    let members = [
        ("s", string()),
        ("t", string()),
        ("n", number().boxed()),
        ("b", any::<bool>().prop_map(Value::from).boxed()),
        ("o", value().prop_filter("object", Value::is_object).boxed()),
        ("l", value().prop_filter("array", Value::is_array).boxed()),
        (
            "e",
            select(vec![json!("yes"), json!("007"), json!(""), json!(null)]).boxed(),
        ),
        // What is older than the blueprint's rules.
        ("e", Just(json!("gone")).boxed()),
    ];
    let members = members.into_iter().map(|(name, value)| {
        prop::option::weighted(0.5, value.prop_map(move |v| (name.to_owned(), v)))
    });
    members
        .collect::<Vec<_>>()
        .prop_map(|members| members.into_iter().flatten().collect())
}

fn entity() -> impl Strategy<Value = LiveEntity> {
    let targets = prop::collection::vec(identifier(), 0..3);
    (
        prop::option::of(text()),
        prop::option::of(text()),
        prop::collection::btree_set(text(), 0..3),
        properties(),
        prop::option::of(identifier()),
        targets,
    )
        .prop_map(|(title, icon, team, properties, one, many)| LiveEntity {
            title,
            icon,
            team: team.into_iter().collect(),
            properties,
            relations: [
                ("one".to_owned(), json!(one)),
                ("many".to_owned(), json!(many)),
            ]
            .into_iter()
            .collect(),
        })
}

type Catalog = BTreeMap<(usize, String), LiveEntity>;

fn catalog() -> impl Strategy<Value = Catalog> {
    prop::collection::btree_map((0..NAMES.len(), identifier()), entity(), 0..6)
}

/// The files of an export of `catalog`, what they leave out, and the entities that have none.
struct Exported {
    files: Vec<(String, String)>,
    left_out: BTreeSet<(EntityKey, String)>,
    without: BTreeSet<EntityKey>,
}

fn key(blueprint: &BlueprintId, identifier: &str) -> EntityKey {
    EntityKey {
        blueprint: blueprint.clone(),
        name: EntityName::Identifier(Identifier::from_port(identifier)),
    }
}

fn export(catalog: &Catalog, template: &PathTemplate, rules: &FileRules) -> Exported {
    let context = ExportContext {
        blueprints: blueprints(),
        writable: BlueprintRules::parse("*").unwrap(),
        format: template.format(),
    };
    let folder = tempfile::tempdir().unwrap();
    let mut spool = Spool::new(folder.path()).unwrap();
    let opened = ExportFolder::open(folder.path(), Writing::New).unwrap();
    let mut collection = Collection::default();
    let (mut left_out, mut without) = (BTreeSet::new(), BTreeSet::new());
    for (index, name) in NAMES.into_iter().enumerate() {
        collection.begin(name);
        let blueprint = BlueprintId::parse(name).unwrap();
        for ((_, identifier), live) in catalog.iter().filter(|((of, _), _)| *of == index) {
            let path = template.path(name, identifier, Suffix::None);
            let repo_path = RepoPath::new(path.as_str());
            let target = TargetFile {
                default_blueprint: rules.select(&repo_path).unwrap().blueprint.cloned(),
                path: repo_path,
            };
            let key = key(&blueprint, identifier);
            let id = Identifier::from_port(identifier.as_str());
            match context.express(&blueprint, &id, live, &target) {
                Ok(Expressed {
                    text,
                    left_out: fields,
                }) => {
                    let fields = fields.into_iter().map(|(field, _)| field.to_string());
                    left_out.extend(fields.map(|field| (key.clone(), field)));
                    second_opinion(&text, template.format());
                    let placed = match template.names_identifiers() {
                        true => opened.place(path, text).unwrap(),
                        false => Placed::Waiting(text),
                    };
                    collection
                        .add(identifier.clone(), placed, Some(&mut spool))
                        .unwrap();
                }
                Err(_) => drop(without.insert(key)),
            }
        }
    }
    let files = collection.files(template).unwrap();
    let text = |file: &super::collect::Planned| {
        (file.path.clone(), file.text(&mut spool, &opened).unwrap())
    };
    let files = files.iter().map(text).collect();
    Exported {
        files,
        left_out,
        without,
    }
}

/// libyaml reads the same as this program.
fn second_opinion(text: &str, format: FileFormat) {
    if format == FileFormat::Json {
        return;
    }
    let source = SourceFile::new(RepoPath::new("x.yml"), text);
    let own = document::parse(&source).roots[0].to_json();
    let other: Value = yaml_serde::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(is_same(&own, &other), "{text}\n{own}\n{other}");
}

fn read(files: &[(String, String)], rules: &FileRules) -> Declarations {
    let file = |(path, text): &(String, String)| {
        let path = RepoPath::new(path.as_str());
        EntityFile {
            default_blueprint: rules.select(&path).unwrap().blueprint.cloned(),
            content: FileContent::Text(SourceFile::new(path, text.as_str())),
        }
    };
    let files: Vec<_> = files.iter().map(file).collect();
    declare(&files, &BlueprintRules::parse("*").unwrap())
}

fn names_file(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with("file://") && !text.starts_with("file:///"),
        Value::Array(items) => items.iter().any(names_file),
        Value::Object(members) => members.values().any(names_file),
        _ => false,
    }
}

/// What no file can say, and nothing else.
fn expected(catalog: &Catalog) -> (BTreeSet<(EntityKey, String)>, BTreeSet<EntityKey>) {
    let (mut left_out, mut without) = (BTreeSet::new(), BTreeSet::new());
    for ((index, identifier), live) in catalog {
        let key = key(&BlueprintId::parse(NAMES[*index]).unwrap(), identifier);
        if Identifier::parse(identifier).is_err() {
            without.insert(key);
            continue;
        }
        for (name, value) in &live.properties {
            if names_file(value) || (name == "e" && *value == "gone") {
                left_out.insert((key.clone(), format!("properties.{name}")));
            }
        }
        for (name, value) in &live.relations {
            let is_wrong =
                |to: &Value| to.as_str().is_some_and(|to| Identifier::parse(to).is_err());
            if is_wrong(value)
                || value
                    .as_array()
                    .is_some_and(|many| many.iter().any(is_wrong))
            {
                left_out.insert((key.clone(), format!("relations.{name}")));
            }
        }
    }
    (left_out, without)
}

fn check(catalog: &Catalog, template: &PathTemplate, rules: &FileRules) {
    let exported = export(catalog, template, rules);
    let (left_out, without) = expected(catalog);
    assert_eq!(exported.left_out, left_out);
    assert_eq!(exported.without, without);
    let folded: BTreeSet<_> = exported
        .files
        .iter()
        .map(|(path, _)| path.to_lowercase())
        .collect();
    assert_eq!(folded.len(), exported.files.len(), "{folded:?}");

    let declared = read(&exported.files, rules);
    let errors: Vec<_> = declared
        .diagnostics
        .iter()
        .filter(|one| one.is_error())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{:#?}", exported.files);
    assert_eq!(declared.valid.len() + exported.without.len(), catalog.len());

    let mut live = Live::default();
    for ((index, identifier), entity) in catalog {
        let blueprint = BlueprintId::parse(NAMES[*index]).unwrap();
        live.insert(key(&blueprint, identifier), Some(entity.clone()));
    }
    let blueprints = blueprints();
    let changes = compare(&[], &declared, &BTreeSet::new());
    let validated = validate(changes, &blueprints, Omission::MayExist);
    assert!(validated.invalid.is_empty(), "{:#?}", validated.diagnostics);
    for merge in [Merge::Merge, Merge::Replace] {
        // What is left out would be taken away.
        if merge == Merge::Replace && !exported.left_out.is_empty() {
            continue;
        }
        let known = PlanContext {
            live: &live,
            blueprints: &blueprints,
            owners: &BTreeMap::new(),
            rewritten: &BTreeMap::new(),
            takeover: crate::catalog::plan::Action::Adopt,
        };
        let policy = Policy {
            merge,
            pruning: Pruning::Off,
        };
        let plan = Plan::new(validated.changes.clone(), known, &policy);
        assert!(
            plan.is_empty(),
            "{:#?}\n{:#?}",
            plan.upserts,
            exported.files
        );
    }
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
    fn a_plan_of_an_export_is_empty(
        catalog in catalog(), template in select(TEMPLATES.to_vec()),
        rules in select(vec!["**/*.yml\n**/*.json", "**/*.{yml,json} => service"]),
    ) {
        check(&catalog, &PathTemplate::parse(template).unwrap(), &FileRules::parse(rules).unwrap());
    }
}

#[test]
fn it_is_written_as_people_would() {
    let live = LiveEntity {
        title: Some("Shop".to_owned()),
        icon: None,
        team: vec!["payments".to_owned()],
        properties: json!({"s": "https://host", "n": 3.0, "t": "# Shop\n\nSells things.\n"})
            .as_object()
            .cloned()
            .unwrap(),
        relations: json!({"one": null, "many": ["mail", "007"]})
            .as_object()
            .cloned()
            .unwrap(),
    };
    let catalog = Catalog::from([((0, "shop".to_owned()), live)]);
    let rules = FileRules::parse("**/*").unwrap();
    let export = |template| export(&catalog, &PathTemplate::parse(template).unwrap(), &rules).files;
    let yaml = "\
identifier: shop
blueprint: service
title: Shop
team:
  - payments
properties:
  \"n\": 3.0
  s: https://host
  t: |
    # Shop

    Sells things.
relations:
  many:
    - mail
    - \"007\"
";
    let expected = ("service/shop.entity.yml".to_owned(), yaml.to_owned());
    assert_eq!(export("{blueprint}/{identifier}.entity.yml"), [expected]);
    let json = "\
[
  {
    \"identifier\": \"shop\",
    \"blueprint\": \"service\",
    \"title\": \"Shop\",
    \"team\": [
      \"payments\"
    ],
    \"properties\": {
      \"n\": 3.0,
      \"s\": \"https://host\",
      \"t\": \"# Shop\\n\\nSells things.\\n\"
    },
    \"relations\": {
      \"many\": [
        \"mail\",
        \"007\"
      ]
    }
  }
]
";
    assert_eq!(
        export("all.json"),
        [("all.json".to_owned(), json.to_owned())]
    );
}

#[test]
fn names_that_differ_in_case_are_kept_apart_and_equal_ones_are_an_error() {
    let entity = LiveEntity::default;
    let catalog = Catalog::from([
        ((0, "shop".to_owned()), entity()),
        ((0, "Shop".to_owned()), entity()),
        ((0, "mail".to_owned()), entity()),
    ]);
    let rules = FileRules::parse("**/*").unwrap();
    let files = export(
        &catalog,
        &PathTemplate::parse("{identifier}.yml").unwrap(),
        &rules,
    )
    .files;
    let names: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names.len(), 3);
    assert!(names.contains(&"mail.yml"));
    assert!(
        names.iter().any(|name| name.starts_with("Shop==")),
        "{names:?}"
    );
    assert!(
        names.iter().any(|name| name.starts_with("shop==")),
        "{names:?}"
    );

    let mut collection = Collection::default();
    for name in NAMES {
        collection.begin(name);
        collection
            .add("shop".to_owned(), Placed::Waiting(String::new()), None)
            .unwrap();
    }
    let error = collection
        .files(&PathTemplate::parse("{identifier}.yml").unwrap())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`service/shop` and `Service/shop`"),
        "{error}"
    );
}
