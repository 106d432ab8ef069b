//! `port-gitops export`: from Port to Git.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use port_gitops_sandbox::port::{CLIENT_ID, CLIENT_SECRET, Permission, blueprints};
use port_gitops_sandbox::{Answer, Fault, Matcher, Sandbox};
use serde_json::{Value, json};

use crate::commands::{Desk, finish};
use crate::world::{World, binary, succeed};

const SOMEBODY: &str = "Mozilla/5.0";

/// A domain and two services of it, and what is never exported.
fn shop() -> Desk {
    let desk = Desk::new();
    desk.port.add_blueprint(blueprints::domain());
    desk.port.add_blueprint(blueprints::microservice());
    desk.port.add_blueprint(json!({"identifier": "_user"}));
    desk.port
        .add_blueprint(json!({"identifier": "gitops_source"}));
    put(
        &desk,
        "domain",
        json!({"identifier": "sales", "title": "Sales"}),
    );
    put(
        &desk,
        "microservice",
        json!({
            "identifier": "shop", "title": "Shop",
            "properties": {"url": "https://github.com/o/shop", "replicas": 3},
            "relations": {"domain": "sales", "dependsOn": ["mail"]},
        }),
    );
    put(
        &desk,
        "microservice",
        json!({"identifier": "mail", "properties": {"language": "Go"}}),
    );
    put(&desk, "_user", json!({"identifier": "me@host"}));
    put(
        &desk,
        "gitops_source",
        json!({"identifier": "github.com/1"}),
    );
    desk
}

fn put(desk: &Desk, blueprint: &str, entity: Value) {
    desk.port.put_entity(blueprint, entity, SOMEBODY).unwrap();
}

/// The files below the folder, but for the repository's own.
fn files(desk: &Desk) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![desk.root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| name == ".git") {
                continue;
            }
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let below = path.strip_prefix(desk.root()).unwrap();
                    found.push(below.to_str().unwrap().to_owned());
                }
            }
        }
    }
    found.sort();
    found
}

const ALL: [&str; 3] = [
    "catalog/domain/sales.entity.yml",
    "catalog/microservice/mail.entity.yml",
    "catalog/microservice/shop.entity.yml",
];

#[test]
fn every_entity_becomes_a_file() {
    let desk = shop();
    let finished = desk.succeed(&["export", "catalog"]);
    assert_eq!(finished.out, "Wrote 3 files to catalog · 3 entities\n");
    assert_eq!(finished.errors, "");
    assert_eq!(files(&desk), ALL);
    let expected = "\
identifier: shop
blueprint: microservice
title: Shop
properties:
  replicas: 3
  url: https://github.com/o/shop
relations:
  dependsOn:
    - mail
  domain: sales
";
    assert_eq!(desk.read(ALL[2]), expected);
    let requests = [
        "POST /v1/auth/access_token",
        "GET /v1/blueprints",
        "POST /v1/blueprints/domain/entities/search",
        "POST /v1/blueprints/microservice/entities/search",
    ];
    assert_eq!(desk.requests(), requests);
}

#[test]
fn what_to_export_and_where_to_can_be_said() {
    let desk = shop();
    desk.succeed(&[
        "export",
        "a",
        "--blueprint",
        "micro*",
        "--path",
        "{blueprint}.entity.json",
    ]);
    let both: Value = serde_json::from_str(&desk.read("a/microservice.entity.json")).unwrap();
    let names: Vec<_> = both
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["identifier"])
        .collect();
    assert_eq!(names, ["mail", "shop"]);

    fs::write(
        desk.path("query.yml"),
        "combinator: and\nrules:\n  - property: language\n    operator: \"=\"\n    value: Go\n",
    )
    .unwrap();
    let finished = desk.succeed(&[
        "export",
        "b",
        "--blueprint",
        "microservice",
        "--query",
        "query.yml",
        "--path",
        "{identifier}.yml",
        "--files",
        "b/*.yml => microservice",
    ]);
    assert_eq!(finished.out, "Wrote 1 file to b · 1 entity\n");
    assert_eq!(
        desk.read("b/mail.yml"),
        "identifier: mail\nproperties:\n  language: Go\n"
    );

    desk.succeed(&["export", ".", "--path", "port.yml"]);
    let text = desk.read("port.yml");
    assert_eq!(text.matches("---\n").count(), 2, "{text}");

    desk.succeed(&[
        "export",
        "c",
        "--blueprint",
        "*",
        "--state-blueprint",
        "domain",
    ]);
    let written = files(&desk);
    let written: Vec<_> = written
        .iter()
        .filter(|path| path.starts_with("c/"))
        .collect();
    let expected = [
        "c/_user/me@host.entity.yml",
        "c/gitops_source/github.com=2F1.entity.yml",
        "c/microservice/mail.entity.yml",
        "c/microservice/shop.entity.yml",
    ];
    assert_eq!(written, expected);
}

#[test]
fn a_dry_run_lists_and_existing_files_stay() {
    let desk = shop();
    let dry = desk.succeed(&["export", "catalog", "--dry-run"]);
    let expected = "domain/sales.entity.yml\nmicroservice/mail.entity.yml\nmicroservice/shop.entity.yml\n\
                    Would write 3 files to catalog · 3 entities\n";
    assert_eq!(dry.out, expected);
    assert!(!desk.path("catalog").exists());

    desk.succeed(&["export", "catalog"]);
    let again = desk.succeed(&["export", "catalog"]);
    assert_eq!(
        again.out,
        "Wrote 0 files to catalog, 3 unchanged · 3 entities\n"
    );

    fs::write(desk.path(ALL[0]), "# mine\n").unwrap();
    fs::remove_file(desk.path(ALL[1])).unwrap();
    let refused = desk.run(&["export", "catalog"]);
    assert_eq!(refused.status, 2);
    let expected = "error: nothing was written, as these files are there already and differ from Port: domain/sales.entity.yml; ";
    assert!(refused.errors.starts_with(expected), "{refused:?}");
    assert!(!desk.path(ALL[1]).exists(), "nothing was written");
    let dry = desk.succeed(&["export", "catalog", "--dry-run"]).out;
    assert!(
        dry.starts_with("domain/sales.entity.yml (is there already)\n"),
        "{dry}"
    );

    let forced = desk.succeed(&["export", "catalog", "--force"]);
    assert_eq!(
        forced.out,
        "Wrote 2 files to catalog, 1 unchanged · 3 entities\n"
    );
    assert!(desk.read(ALL[0]).starts_with("identifier: sales\n"));
}

#[test]
fn what_files_cannot_say_is_left_out_and_listed() {
    let desk = Desk::new();
    desk.port.add_blueprint(json!({
        "identifier": "thing",
        "schema": {"required": [], "properties": {
            "text": {"type": "string"}, "level": {"type": "number"},
            "token": {"type": "string", "encryption": "aes256-gcm"},
        }},
        "relations": {"one": {"target": "thing", "many": false, "required": false}},
        "calculationProperties": {"sum": {"type": "number", "calculation": "1"}},
        "mirrorProperties": {"seen": {"path": "one.$title"}},
        "aggregationProperties": {"count": {"title": "Count", "target": "thing", "calculationSpec": {"func": "count", "calculationBy": "entities"}}},
        "ownership": {"type": "Inherited", "path": "one"},
    }));
    put(
        &desk,
        "thing",
        json!({
            "identifier": "a", "team": ["x"],
            "properties": {"text": "file://x.md", "level": "high", "token": "hunter2", "sum": 1},
        }),
    );
    put(
        &desk,
        "thing",
        json!({"identifier": "b", "properties": {"text": "file:///x"}}),
    );
    // Nobody could write this name today.
    let mut page = json!({"ok": true, "entities": []});
    for (_, identifier, entity) in desk.port.entities() {
        let mut entity = entity;
        entity["identifier"] = identifier.into();
        page["entities"].as_array_mut().unwrap().push(entity);
    }
    let old = json!({"identifier": "an old\u{1b} name", "properties": {}, "relations": {}});
    page["entities"].as_array_mut().unwrap().push(old);
    let answer = Fault::answer(Answer::json(200, &page));
    desk.port.inject(answer.on("POST", "*/search"));
    let finished = desk.succeed(&["export", "catalog"]);
    assert_eq!(
        finished.out,
        "Wrote 2 files to catalog · 2 entities · 3 warnings\n"
    );
    let expected = "\
note: left out of every `thing`: `count` (an aggregation), `seen` (a mirror), `sum` (a calculation), `token` (a secret), `team` (inherited through `one`)
warning: `properties.level` of `thing/a` is left out: `level` must be a number, found a string
warning: `properties.text` of `thing/a` is left out: a text that begins with `file://` stands for a file's text
warning: `thing/an old\u{fffd} name` is left out: this is no valid identifier: a space is not allowed
";
    assert_eq!(finished.errors, expected);
    assert_eq!(
        desk.read("catalog/thing/a.entity.yml"),
        "identifier: a\nblueprint: thing\n"
    );
    let search = &desk.port.requests(&Matcher::any())[2];
    assert!(
        !String::from_utf8_lossy(&search.body).contains("token"),
        "a secret was requested"
    );
    let all = format!("{}{}", finished.out, finished.errors);
    assert!(!all.contains("hunter2"));
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let desk = shop();
    let fails = |arguments: &[&str], needles: &[&str]| {
        let before = files(&desk);
        let finished = desk.run(arguments);
        assert_eq!(finished.status, 2);
        for needle in needles {
            assert!(finished.errors.contains(needle), "`{needle}` is not in");
        }
        assert_eq!(finished.out, "");
        assert_eq!(files(&desk), before);
        assert!(!desk.path("catalog").exists());
    };
    fails(&["export"], &["the folder that the files go to is missing"]);
    fails(
        &["export", "catalog", "--blueprint", "none"],
        &["`domain`, `gitops_source`, `microservice`"],
    );
    fails(
        &["export", "catalog", "--path", "x.txt"],
        &["must end with .yml, .yaml or .json"],
    );
    fails(
        &["export", "catalog", "--path", "{identifier}.yml"],
        &["no rule of `--files` selects catalog/sales.yml"],
    );
    fails(
        &["export", "catalog", "--query", "none.json"],
        &["cannot read none.json"],
    );
    fs::write(desk.path("bad.json"), "{\"rules\": []}").unwrap();
    fails(
        &["export", "catalog", "--query", "bad.json"],
        &["bad.json is no search query"],
    );
    fs::write(desk.path("bad.json"), "{").unwrap();
    fails(
        &["export", "catalog", "--query", "bad.json"],
        &["bad.json:1: "],
    );
    fails(&["export", "bad.json/x"], &["cannot write bad.json/x: "]);

    let secret = Permission::ReadEntities("microservice".to_owned());
    desk.port.deny(secret.clone());
    fails(
        &["export", "catalog"],
        &[
            "check what the credentials may do",
            "`--blueprint '!microservice'` leaves the blueprint out",
        ],
    );
    desk.port.allow(&secret);
    let gone = Fault::status(404).on("POST", "*/microservice/entities/search");
    desk.port.inject(gone);
    fails(
        &["export", "catalog"],
        &["the search for entities of `microservice` with 404"],
    );

    fs::create_dir(desk.path("elsewhere")).unwrap();
    fs::create_dir(desk.path("linked")).unwrap();
    symlink(desk.path("elsewhere"), desk.path("linked/domain")).unwrap();
    fails(&["export", "linked"], &["linked/domain is a symbolic link"]);

    for n in 0..40 {
        let text = "x".repeat(30_000);
        put(
            &desk,
            "domain",
            json!({"identifier": format!("d{n}"), "properties": {"owner": text}}),
        );
    }
    fails(
        &["export", "catalog", "--path", "all.entity.yml"],
        &["all.entity.yml would be larger than 1 MiB"],
    );
}

#[test]
fn committing_an_export_writes_nothing_and_takes_the_entities_into_the_state() {
    let world = World::new();
    let hostile = [
        "",
        "007",
        "yes",
        "null",
        "2024-01-01",
        "# a",
        "a: b",
        "@a",
        "*a",
        "&a",
        "a ",
        "one\ntwo\n",
        "one\n\n  two",
        "🦀",
        "a\u{7}b\u{1b}",
        "file:///x",
    ];
    for (index, text) in hostile.into_iter().enumerate() {
        let entity = json!({
            "identifier": format!("d{index}"), "title": text, "properties": {"owner": text},
        });
        world.port.put_entity("domain", entity, SOMEBODY).unwrap();
    }
    for name in ["Shop", "shop"] {
        let entity = json!({
            "identifier": name, "properties": {"replicas": 1.5}, "relations": {"domain": "d1", "dependsOn": ["shop"]},
        });
        world
            .port
            .put_entity("microservice", entity, SOMEBODY)
            .unwrap();
    }
    let before = world.entities();
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(binary());
    command
        .env_clear()
        .env("PORT_CLIENT_ID", CLIENT_ID)
        .env("PORT_CLIENT_SECRET", CLIENT_SECRET)
        .env("PORT_BASE_URL", world.port.url())
        .current_dir(folder.path())
        .args(["export", "catalog"]);
    let finished = finish(command);
    assert_eq!((finished.status, finished.errors.as_str()), (0, ""));
    for blueprint in ["domain", "microservice"] {
        let below = folder.path().join("catalog").join(blueprint);
        for entry in fs::read_dir(below).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder.path()).unwrap().to_str().unwrap();
            world
                .repository
                .write(name, &fs::read_to_string(&path).unwrap());
        }
    }
    world.port.clear_journal();
    let result = succeed(&world.push("Adopt the catalog"));
    assert_eq!(world.port_writes(), Vec::<String>::new());
    assert_eq!(result.output("unchanged"), (hostile.len() + 2).to_string());
    assert_eq!(world.entities(), before);
    let owned = world.state_property("entities");
    assert_eq!(owned.as_array().unwrap().len(), hostile.len() + 2);
    assert_eq!(world.state_property("status"), "synced");

    // From then on Git is what counts.
    world.repository.write(
        "catalog/domain/d1.entity.yml",
        "identifier: d1\nblueprint: domain\ntitle: Bond\n",
    );
    let result = succeed(&world.push("Rename one"));
    assert_eq!(result.output("updated"), "1");
    assert_eq!(world.title("domain", "d1").as_deref(), Some("Bond"));
}

/// The most memory that a process had, in KiB.
fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        most = most.max(kibibytes.unwrap_or_default());
        sleep(Duration::from_millis(10));
    }
    most
}

#[test]
fn a_large_catalog_takes_few_requests_and_little_memory() {
    const COUNT: usize = 25_000;
    let desk = Desk::new();
    let names: Vec<_> = (0..20).map(|n| format!("property_{n}")).collect();
    let members = |value: &dyn Fn(&str) -> Value| -> Value {
        let members = names.iter().map(|name| (name.clone(), value(name)));
        Value::Object(members.collect())
    };
    let properties = members(&|_| json!({"type": "string"}));
    desk.port.add_blueprint(
        json!({"identifier": "service", "schema": {"properties": properties}, "relations": {}}),
    );
    for n in 0..COUNT {
        let properties = members(&|name| json!(format!("The value of {name} of {n}, number #{n}")));
        put(
            &desk,
            "service",
            json!({"identifier": format!("service-{n}"), "properties": properties}),
        );
    }
    let mut command = desk.command(&["export", "catalog"]);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peak = peak(&mut child);
    assert!(child.wait().unwrap().success());
    let requests = desk.requests().len();
    // Of a debug build: 27, and 54 MiB.
    assert!(requests <= 28, "{requests} requests");
    assert!(peak <= 64 * 1024, "{peak} KiB");
    let written = fs::read_dir(desk.path("catalog/service")).unwrap().count();
    assert_eq!(written, COUNT);
    // The pages would take minutes to be held against the specification.
    desk.port.clear_journal();
}
