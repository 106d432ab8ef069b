//! Mappings, from their file to entities.

use std::sync::Arc;

use serde_json::json;

use super::jq::Program;
use super::{MappedFile, Mapping, MappingResult, Surroundings, parse};
use crate::catalog::declare::{Declarations, EntityFile, FileContent, declare};
use crate::catalog::rules::BlueprintRules;
use crate::diagnostic::Diagnostic;
use crate::text::{RepoPath, SourceFile};

fn mapping(text: &str) -> Mapping {
    parse(&SourceFile::new(RepoPath::new("mapping.yml"), text))
}

fn surroundings() -> Surroundings {
    Surroundings {
        organization: "acme".to_owned(),
        repository: "shop".to_owned(),
        default_branch: "main".to_owned(),
        branch: "main".to_owned(),
    }
}

/// What a mapping makes of a file.
fn map(mapping: &Mapping, path: &str, text: &str) -> MappingResult {
    let filters: Vec<_> = mapping.filters().iter().map(String::as_str).collect();
    let program = Program::compile(&filters).unwrap();
    let source = SourceFile::new(RepoPath::new(path), text);
    match MappedFile::open(mapping, &source, source.path(), &surroundings()) {
        Ok(file) => file.map_here(&program),
        Err(lost) => lost,
    }
}

fn declared(mapping: &Mapping, path: &str, text: &str) -> Declarations {
    let file = EntityFile {
        content: FileContent::Mapped(Arc::new(map(mapping, path, text))),
        default_blueprint: None,
    };
    declare(&[file], &BlueprintRules::parse("*").unwrap())
}

/// A mapping of JSON files whose `port` is given.
fn of_json(port: &str) -> String {
    let port = port.replace('\n', "\n      ");
    format!(
        "resources:\n  - kind: file\n    selector:\n      query: 'true'\n      files:\n        - path: '**/*.json'\n    port:\n      {port}\n"
    )
}

/// A diagnostic as `code file:line:column message`, and the places that it names beside.
fn shown(diagnostic: &Diagnostic) -> String {
    let related = diagnostic
        .related
        .iter()
        .map(|one| format!(" <- {}", one.location));
    format!(
        "{} {} {}{}",
        diagnostic.code,
        diagnostic.location(),
        diagnostic.message,
        related.collect::<String>()
    )
}

fn shown_all(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(shown).collect()
}

#[test]
fn a_file_becomes_an_entity() {
    let mapping = mapping(&of_json(
        "entity:
  mappings:
    identifier: .content.name
    title: .content.name | ascii_upcase
    blueprint: '\"package\"'
    team: '[.content.owner[]? | ascii_downcase]'
    properties:
      version: .content.version
      missing: .content.nothing
      where: .path + \" \" + .name + \" \" + .branch + \" \" + .repository.full_name
      older: '[.file.path, .repo.name, (.file.content == .content)]'
      nested: {deep: .content.deep, list: [.content.name, '1']}
      text: file://./README.md
    relations:
      service: .repository.name",
    ));
    assert_eq!(shown_all(&mapping.diagnostics), [""; 0]);
    let text =
        r#"{"name": "cart", "version": "1.2", "owner": ["A", "B"], "deep": {"z": 1, "a": 2}}"#;
    let declared = declared(&mapping, "cart/package.json", text);
    assert_eq!(shown_all(&declared.diagnostics), [""; 0]);
    let entity = &declared.valid[0].entity;
    assert_eq!(entity.key().to_string(), "package/cart");
    assert_eq!(
        serde_json::to_value(entity).unwrap(),
        json!({
            "identifier": "cart", "title": "CART", "team": ["a", "b"],
            "properties": {
                "version": "1.2",
                "where": "cart/package.json package.json main acme/shop",
                "older": ["cart/package.json", "shop", true],
                "nested": {"deep": {"z": 1, "a": 2}, "list": ["cart", 1]},
                "text": "file://./README.md",
            },
            "relations": {"service": "shop"},
        })
    );
}

#[test]
fn items_become_entities() {
    let entity = "entity:
  mappings:
    - identifier: .item.id
      blueprint: '\"part\"'
      properties: {whole: .content.name}
    - identifier: .item.id + \"-copy\"
      blueprint: '\"part\"'";
    let text =
        r#"{"name": "n", "list": [{"id": "a"}, {"id": "b"}], "one": {"id": "c"}, "no": null}"#;
    for (items, expected) in [
        (".content.list", vec!["a", "a-copy", "b", "b-copy"]),
        (".content.list[]", vec!["a", "a-copy", "b", "b-copy"]),
        (
            ".content.list | map(select(.id == \"b\"))",
            vec!["b", "b-copy"],
        ),
        (".content.one", vec!["c", "c-copy"]),
        (".content.no", vec![]),
        ("empty", vec![]),
    ] {
        let mapping = mapping(&of_json(&format!("itemsToParse: {items}\n{entity}")));
        let declared = declared(&mapping, "x.json", text);
        assert_eq!(shown_all(&declared.diagnostics), [""; 0], "{items}");
        let names: Vec<_> = declared
            .valid
            .iter()
            .map(|one| one.entity.name.to_string())
            .collect();
        assert_eq!(names, expected, "{items}");
    }
    let named = of_json(
        "itemsToParse: .content.list\nitemsToParseName: part\nentity:\n  mappings:\n    identifier: .part.id\n    blueprint: '\"part\"'",
    );
    assert_eq!(declared(&mapping(&named), "x.json", text).valid.len(), 2);
}

#[test]
fn a_value_of_the_file_is_shown_there_and_a_computed_one_in_the_mapping() {
    let mapping = mapping(&of_json(
        "itemsToParse: .content.list
entity:
  mappings:
    identifier: .item.id
    blueprint: '\"b\"'
    title: .item.size
    icon: .item.size + 1",
    ));
    let text = "{\"list\": [\n  {\"id\": \"a\", \"size\": 1}, {\"id\": \"b b\"},\n  {\"id\": null}, \"x\"\n]}";
    let declared = declared(&mapping, "x.json", text);
    assert_eq!(
        shown_all(&declared.diagnostics),
        [
            "wrong-type x.json:2:3 `icon` must be a string, found a number <- mapping.yml:14:17",
            "wrong-type x.json:2:23 `title` must be a string, found a number",
            "wrong-type x.json:2:27 `icon` must be a string, found a number <- mapping.yml:14:17",
            "invalid-identifier x.json:2:34 this is not a valid identifier: a space is not allowed",
            "wrong-type x.json:3:3 `icon` must be a string, found a number <- mapping.yml:14:17",
            "missing-identifier x.json:3:10 the mapping gives `null` for `identifier` <- mapping.yml:11:11",
            "invalid-mapping x.json:3:17 the mapping's expression for `identifier` fails here: cannot index a string with `id` <- mapping.yml:11:23",
            "invalid-mapping x.json:3:17 the mapping's expression for `title` fails here: cannot index a string with `size` <- mapping.yml:13:18",
            "invalid-mapping x.json:3:17 the mapping's expression for `icon` fails here: cannot index \"x\" with \"size\" <- mapping.yml:14:17",
        ]
    );
}

#[test]
fn mistakes_in_a_mapping_are_shown_on_their_line() {
    let port = "    port: {entity: {mappings: {identifier: .a}}}\n";
    let of =
        |selector: &str| format!("resources:\n  - kind: file\n    selector: {selector}\n{port}");
    let of_entity = |mappings: &str| {
        of_json(&format!(
            "entity:\n  mappings:\n    identifier: .a\n    {mappings}"
        ))
    };
    for (text, expected) in [
        ("a: [".to_owned(), "1:4"),
        (
            String::new(),
            "1:1 a mapping is one document with `resources`",
        ),
        ("- a".to_owned(), "1:1 a mapping must be an object"),
        (
            "resource: []".to_owned(),
            "1:1 a mapping has no key `resource`",
        ),
        (
            "resources: 1".to_owned(),
            "1:12 `resources` must be a list, found a number",
        ),
        (
            "resources:\n  - kind: file\n".to_owned(),
            "2:5 the resource has no `selector`",
        ),
        (of("{}"), "3:15 the selector has no `files`"),
        (of("{files: 1}"), "3:23 `files` must be a list"),
        (
            of("{files: [{}]}"),
            "3:24 the item of `files` has no `path`",
        ),
        (of("{files: [{path: '['}]}"), "3:31 `[` is not a glob"),
        (
            of("{files: [{path: a, skipParsing: 1}]}"),
            "3:47 `skipParsing` must be",
        ),
        (
            of("{files: [{path: a, repos: [{nam: a}]}]}"),
            "3:43 an item of `repos` has no key `nam`",
        ),
        (
            of("{querry: 'true', files: []}"),
            "3:16 `selector` has no key `querry`",
        ),
        (
            of_entity("titel: .b"),
            "11:11 `mappings` has no key `titel`",
        ),
        (
            of_entity("title: 5"),
            "11:18 `title` must be an expression, found a number",
        ),
        (
            of_entity("title: .b | now"),
            "11:23 this is not a valid expression: there is no filter `now`",
        ),
        (
            of_entity("title: $ENV.HOME"),
            "11:18 this is not a valid expression: there is no variable `$ENV`",
        ),
        (
            of_entity("title: '. | input'"),
            "there is no filter `input`",
        ),
        (
            of_entity("title: 'import \"a\" as a; .'"),
            "11:26 this is not a valid expression: expected nothing",
        ),
        (
            of_entity("title: .b | ("),
            "11:24 this is not a valid expression: expected closing parenthesis",
        ),
        (
            of_entity("title: .a +"),
            "this is not a valid expression: expected term, found the end",
        ),
        (
            of_entity("title: ''"),
            "this is not a valid expression: expected term, found the end",
        ),
        (
            of_entity("title: \".a\\n  | nul\""),
            "(line 2, column 5 of the expression)",
        ),
        (
            of_entity("properties: []"),
            "11:23 `properties` must be an object",
        ),
    ] {
        let mapping = mapping(&text);
        let shown = shown_all(&mapping.diagnostics);
        assert!(
            shown
                .iter()
                .any(|one| one.contains(expected) && one.starts_with("invalid-mapping")),
            "{expected}: {shown:?}\n{text}"
        );
    }
}

#[test]
fn settings_without_effect_are_notices() {
    let text = of_json("entity:\n  mappings:\n    identifier: .a");
    let text = format!(
        "deleteDependentEntities: true\n{text}  - kind: repository\n    selector: {{query: 'true'}}\n"
    );
    let mapping = mapping(&text);
    let shown = shown_all(&mapping.diagnostics);
    assert_eq!(
        shown,
        [
            "unused-setting mapping.yml:1:1 `deleteDependentEntities` has no effect here",
            "unused-setting mapping.yml:12:11 a resource of kind `repository` has no effect here",
        ]
    );
    assert!(mapping.selects(&RepoPath::new("a/b.json"), "shop"));
}

#[test]
fn only_some_files_are_selected() {
    let text = "\
resources:
  - kind: file
    selector:
      query: .content.kind == \"service\"
      files:
        - {path: '*.yaml', repos: [other, {name: shop}]}
        - {path: deep/**, repos: [other]}
        - {path: '!old.yaml'}
        - {path: notes.txt, skipParsing: true}
        - {path: raw.json, skipParsing: true}
    port: {entity: {mappings: {identifier: .content.id, blueprint: '\"b\"'}}}
";
    let mapping = mapping(text);
    let selects = |path: &str| mapping.selects(&RepoPath::new(path), "shop");
    assert!(selects("a.yaml") && selects("notes.txt") && !selects("old.yaml"));
    assert!(!selects("x/a.yaml") && !selects("deep/a") && !selects("mapping.yml"));
    let service = "kind: service\nid: a\n";
    for (path, text, count) in [
        ("a.yaml", service, 1),
        ("a.yaml", "kind: other\n", 0),
        ("a.yaml", "", 0),
    ] {
        let declared = declared(&mapping, path, text);
        assert_eq!(
            (declared.valid.len(), declared.invalid.len()),
            (count, 0),
            "{text}"
        );
    }
    // The text of a file has no members, and several documents are a list.
    for (path, text) in [
        ("raw.json", "{\"kind\": \"service\"}"),
        ("a.yaml", "kind: service\n---\na: 1\n"),
    ] {
        let declared = declared(&mapping, path, text);
        assert!(
            shown_all(&declared.diagnostics)[0].contains("cannot index"),
            "{path}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_lost() {
    let sound = mapping(&of_json(
        "entity:\n  mappings:\n    identifier: .content.a\n    blueprint: '\"b\"'",
    ));
    let flawed = mapping(&of_json(
        "entity:\n  mappings:\n    identifier: .content.a |",
    ));
    for (mapping, text, count) in [(&sound, "{", 1), (&flawed, "{}", 0)] {
        let declared = declared(mapping, "a.json", text);
        assert_eq!(
            (declared.invalid.len(), declared.diagnostics.len()),
            (1, count)
        );
    }
}

#[test]
fn what_no_json_can_hold_fails() {
    let filters = [
        "[nan, infinite, 1e1000]",
        "def f: [f]; 1 | [limit(200; repeat([.]))] | reduce range(200) as $i (1; [.])",
        "\"a\" * 2000000",
        "reduce range(64) as $i (1; [., .])",
        "{(1|tostring): 1}",
        "error(\"no\")",
        "1, 2",
    ];
    let program = Program::compile(&filters).unwrap();
    let input = super::jq::Input::new(b"{}").unwrap();
    let evaluate = |index| program.evaluate(index, &input, super::jq::Outputs::First);
    for (index, expected) in [
        (1, "it gives a value with more than 128 levels"),
        (2, "it gives more than 1 MiB"),
        (3, "it gives more than 1 MiB"),
        (5, "no"),
    ] {
        assert_eq!(
            evaluate(index),
            Err(expected.to_owned()),
            "{}",
            filters[index]
        );
    }
    assert_eq!(evaluate(4).as_deref(), Ok("[{\"1\":1}]"));
    assert_eq!(evaluate(6).as_deref(), Ok("[1]"));
    let numbers = serde_json::from_str::<serde_json::Value>(&evaluate(0).unwrap());
    assert!(
        numbers.is_err(),
        "a number beyond JSON's is one that fails later"
    );
}
