use super::*;
use crate::catalog::blueprint::{Blueprint, Blueprints};
use crate::catalog::change::compare;
use crate::catalog::validate::{Omission, validate};

fn declared(path: &str, text: &str) -> Declarations {
    let file = EntityFile {
        content: FileContent::Text(SourceFile::new(RepoPath::new(path), text)),
        default_blueprint: BlueprintId::parse("b").ok(),
    };
    declare(&[file], &BlueprintRules::parse("*").unwrap())
}

fn errors(declarations: &Declarations) -> usize {
    let diagnostics = declarations.diagnostics.iter();
    diagnostics.filter(|found| found.is_error()).count()
}

#[test]
fn a_file_of_mistakes_is_not_read_to_its_end() {
    let text = format!("[{}{{\"identifier\": \"a\"}}]", "1,".repeat(5000));
    let head = declared("port.json", &text);
    assert_eq!(head.diagnostics.len(), MAX_FINDINGS + 1);
    let last = head.diagnostics.last().unwrap();
    assert_eq!(last.code, Code::TooLarge, "{}", last.message);
    assert_eq!(head.invalid.len(), MAX_FINDINGS + 1);
    assert!(head.valid.is_empty());
}

#[test]
fn warnings_stop_nothing() {
    let text: String = (0..3000)
        .map(|index| format!("- {{identifier: a{index}, x: 1}}\n"))
        .collect();
    let head = declared("port.yml", &(text + "- {identifier: a b}\n"));
    assert_eq!(head.diagnostics.len(), MAX_FINDINGS + 2);
    let first = &head.diagnostics[0].message;
    assert!(first.contains("2000 more warnings"), "{first}");
    assert_eq!(errors(&head), 1);
    assert_eq!(head.valid.len(), 3000);
}

#[test]
fn an_entity_of_mistakes_is_invalid_with_the_first_of_them() {
    let fields: String = (0..500).map(|index| format!("k{index}: 1\n")).collect();
    let targets = "1,".repeat(500);
    let text = format!("identifier: a\n{fields}relations: {{one: [{targets}]}}\n");
    let head = declared("port.yml", &text);
    assert_eq!(head.diagnostics.len(), 200);
    assert_eq!(errors(&head), 100);
    assert_eq!(head.invalid.len(), 1);
    assert!(head.invalid[0].key.is_some());
}

#[test]
fn an_entity_that_does_not_fit_its_blueprint_is_invalid_with_the_first_mistakes() {
    let schema = serde_json::json!({
        "schema": {"properties": {"list": {"type": "array", "items": {"type": "string"}}}},
    });
    let id = BlueprintId::parse("b").unwrap();
    let blueprints = Blueprints {
        known: [(id, Blueprint::from_json(schema).unwrap())].into(),
        ..Blueprints::default()
    };
    let unknown: String = (0..500).map(|index| format!("  k{index}: 1\n")).collect();
    for properties in [format!("  list: [{}]\n", "1,".repeat(500)), unknown] {
        let head = declared(
            "port.yml",
            &format!("identifier: a\nproperties:\n{properties}"),
        );
        let changes = compare(&[], &head, &BTreeSet::new());
        let validated = validate(changes, &blueprints, Omission::MayExist);
        assert_eq!(validated.diagnostics.len(), 100);
        assert_eq!(validated.invalid.len(), 1);
    }
}

#[test]
fn an_entity_that_is_declared_everywhere_names_a_few_places() {
    let head = declared("port.yml", &"- identifier: a\n".repeat(2000));
    assert_eq!(head.diagnostics.len(), MAX_DUPLICATES);
    assert_eq!(head.invalid.len(), 2000);
    let related: Vec<_> = head.diagnostics[0]
        .related
        .iter()
        .map(|label| label.location.start().line)
        .collect();
    assert_eq!(related, [2, 3, 4, 5, 6]);
    assert!(head.valid.is_empty());
}

#[test]
fn similar_names_are_not_looked_for_where_names_are_long() {
    let long = "x".repeat(500_000);
    let head = declared("port.yml", &format!("identifier: a\n{long}: 1\n"));
    let [warning] = head.diagnostics.as_slice() else {
        panic!("one is expected")
    };
    assert!(warning.message.chars().count() <= 501);
    assert!(
        warning
            .help
            .as_deref()
            .is_some_and(|help| !help.contains("did you mean"))
    );
}

#[test]
fn a_git_lfs_pointer_is_no_entity_file() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for path in ["port.yml", "port.json"] {
        let head = declared(path, pointer);
        let [error] = head.diagnostics.as_slice() else {
            panic!("one is expected")
        };
        assert_eq!(error.code, Code::GitLfs);
        assert!(head.invalid[0].key.is_none());
    }
}

/// Files are shown beside their errors, so what is a secret in them has to be known.
#[test]
fn a_file_with_errors_names_its_blueprints() {
    let named = |text: &str| {
        let named = declared("port.yml", text).blueprints_of_invalid();
        named.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(named("identifier: a\nblueprint: x\n"), [""; 0]);
    assert_eq!(named("identifier: a\nblueprint: x\nk: {\n"), ["b", "x"]);
    assert_eq!(named("- {\"blueprint\": \"x\", a: b: c}\n"), ["b", "x"]);
    assert_eq!(named("identifier: a\nblueprint: x\ntitle: 1\n"), ["b", "x"]);
    let twice = "- &x {identifier: a, blueprint: x}\n- *x\n";
    assert_eq!(named(twice), ["x"]);
    let many: String = (0..1000).map(|at| format!("blueprint: x{at}\n")).collect();
    assert_eq!(named(&many).len(), 101);
}

#[test]
fn files_of_other_tools_are_known() {
    let other = [
        (
            "entity.json",
            r#"{"@context": "https://schema.org", "name": "x", "a": [{"identifier": 1}]}"#,
        ),
        ("entity.json", r#"[{"id": 1}, {"id": 2}]"#),
        ("port.yml", "services:\n  web: {image: x}\n"),
        ("port.yml", "- hosts: all\n  tasks: []\n---\nplain text\n"),
    ];
    let ours = [
        ("port.yml", "identifier: a\n---\nservices: {}\n"),
        ("port.yml", "spec: {identifier: a, blueprint: b}\n"),
        ("port.yml", "items: [{x: {identifier: a, blueprint: b}}]\n"),
        ("port.yml", "services: {\n"),
        ("port.yml", "# nothing\n"),
    ];
    for (path, text) in other {
        let mut head = declared(path, text);
        assert!(errors(&head) > 0);
        head.pass_over(|_| true);
        assert!(head.is_sound() && head.diagnostics.is_empty(), "{text}");
        assert_eq!(head.foreign.len(), 1);
        let mut head = declared(path, text);
        head.pass_over(|_| false);
        assert!(!head.is_sound() && head.foreign.is_empty(), "{text}");
    }
    for (path, text) in ours {
        let mut head = declared(path, text);
        let before = errors(&head);
        head.pass_over(|_| true);
        assert!(head.foreign.is_empty() && errors(&head) == before, "{text}");
    }
}

#[test]
fn a_file_without_any_field_of_an_entity_can_be_excluded() {
    let help = |text| {
        declared("a/compose.yml", text).diagnostics[0]
            .help
            .clone()
            .unwrap()
    };
    let exclude = "exclude it with the line `!a/compose.yml` in the input `files`";
    let unknown = declared("a/compose.yml", "version: 2\n").diagnostics;
    assert!(unknown.iter().any(|one| {
        one.help
            .as_deref()
            .is_some_and(|help| help.contains(exclude))
    }));
    assert!(!help("blueprint: b\n").contains(exclude));
}

#[test]
fn files_that_are_passed_over_are_told_of_at_once() {
    let notice = |count: usize| {
        let paths = (0..count).map(|at| RepoPath::new(format!("{at}/entity.json")));
        passed_over(&paths.collect())
    };
    assert_eq!(notice(0), None);
    assert!(
        notice(1)
            .unwrap()
            .starts_with("`0/entity.json` was passed over, ")
    );
    assert!(notice(5).unwrap().starts_with(
        "`0/entity.json`, `1/entity.json`, `2/entity.json` and 2 more were passed over, "
    ));
}

#[test]
fn a_secret_in_plain_text_is_a_warning_once_a_file() {
    for (properties, warnings) in [
        ("apiToken: hunter2hunter2, db_password: hunter2hunter2", 1),
        ("'client-secret': hunter2hunter2", 1),
        ("token: short", 0),
        ("token: https://vault.example/token", 0),
        ("token: see the vault of the team", 0),
        ("token: '${{ secrets.TOKEN }}'", 0),
        ("tokenCount: hunter2hunter2, password: 12345678", 0),
    ] {
        let entity = format!("- {{identifier: a, properties: {{{properties}}}}}\n");
        let text = format!("{entity}{}", entity.replace(": a,", ": b,"));
        let head = declared("port.yml", &text);
        let mut found = head.diagnostics.iter();
        assert!(
            found.all(|one| one.code == Code::PlainSecret),
            "{properties}"
        );
        assert_eq!(head.diagnostics.len(), warnings, "{properties}");
        assert_eq!(head.valid.len(), 2, "{properties}");
    }
}
