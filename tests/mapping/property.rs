//! A mapping that copies the fields of entity files gives the entities of these files.

use std::sync::Arc;

use port_gitops::catalog::change::compare;
use port_gitops::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use port_gitops::catalog::mapping::jq::Program;
use port_gitops::catalog::mapping::{self, MappedFile, Mapping, Surroundings};
use port_gitops::catalog::rules::BlueprintRules;
use port_gitops::diagnostic::Code;
use port_gitops::text::{RepoPath, SourceFile};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::jq::plain;

/// Plain paths and expressions that have to be evaluated, by turns.
const COPY: &str = "\
resources:
  - kind: file
    selector: {query: 'true', files: [{path: '*.json'}]}
    port:
      itemsToParse: .content
      entity:
        mappings:
          identifier: .item.identifier
          blueprint: .item.blueprint | .
          title: .item | .title
          icon: .item.icon
          team: .item.team
          properties: {a: .item.properties.a, b: '.item.properties | .b', c: '.item.properties.c?'}
          relations: {one: .item.relations.one, many: '.item.relations | .many'}
";

thread_local! {
    static COMPILED: (Mapping, Program) = {
        let mapping = mapping::parse(&SourceFile::new(RepoPath::new("mapping.yml"), COPY));
        assert!(mapping.diagnostics.is_empty(), "{:#?}", mapping.diagnostics);
        let filters: Vec<_> = mapping.filters().iter().map(String::as_str).collect();
        let program = Program::compile(&filters).unwrap();
        (mapping, program)
    };
}

fn declared(content: FileContent) -> Declarations {
    let file = EntityFile {
        content,
        default_blueprint: None,
    };
    declare(&[file], &BlueprintRules::parse("*").unwrap())
}

fn mapped(text: &str) -> Declarations {
    let source = SourceFile::new(RepoPath::new("x.json"), text);
    COMPILED.with(|(mapping, program)| {
        let file = MappedFile::open(mapping, &source, source.path(), &Surroundings::default());
        declared(FileContent::Mapped(Arc::new(
            file.unwrap().map_here(program),
        )))
    })
}

/// What would be written, and what is wrong.
fn outcome(head: &Declarations) -> (Vec<Value>, Vec<Code>) {
    let changes = compare(&[], head, &std::collections::BTreeSet::new());
    let heads = changes.iter().filter_map(|change| change.head.as_ref());
    let entities = heads.map(|head| plain(json!([head.entity.key().to_string(), head.entity])));
    let mut codes: Vec<_> = head.diagnostics.iter().map(|one| one.code).collect();
    codes.sort_unstable();
    (entities.collect(), codes)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        (-1.0e6..1.0e6).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"é]{1,3}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn name() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => "[a-z]{1,2}".prop_map(Value::from),
        1 => value(),
    ]
}

/// An object of these fields, some of them left out.
fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let field = |(name, value): (&'static str, BoxedStrategy<Value>)| {
        prop::option::weighted(0.7, value).prop_map(move |value| Some((name.to_owned(), value?)))
    };
    let fields: Vec<_> = fields.into_iter().map(field).collect();
    fields
        .prop_map(|fields| Value::Object(fields.into_iter().flatten().collect::<Map<_, _>>()))
        .boxed()
}

fn entity() -> impl Strategy<Value = Value> {
    let names = prop::collection::vec(name(), 0..3).prop_map(Value::from);
    let properties = object(["a", "b", "c"].map(|name| (name, value().boxed())).into());
    let relations = object(vec![("one", name().boxed()), ("many", names.boxed())]);
    let fields = object(vec![
        ("title", name().boxed()),
        ("icon", name().boxed()),
        ("team", name().boxed()),
        ("properties", properties),
        ("relations", relations),
    ]);
    (name(), name(), fields).prop_map(|(identifier, blueprint, mut fields)| {
        fields["identifier"] = identifier;
        fields["blueprint"] = blueprint;
        fields
    })
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn a_copy_gives_the_same_plan(entities in prop::collection::vec(entity(), 1..4)) {
        let text = Value::from(entities).to_string();
        let written = declared(FileContent::Text(SourceFile::new(RepoPath::new("x.json"), text.as_str())));
        prop_assert_eq!(outcome(&mapped(&text)), outcome(&written), "{}", text);
    }
}
