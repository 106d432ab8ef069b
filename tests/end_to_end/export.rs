//! `port-gitops export`: from Port to Git.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ignore::WalkBuilder;
use port_gitops_sandbox::port::Permission;
use port_gitops_sandbox::{Answer, Fault, Matcher, Sandbox};
use serde_json::{Value, json};

use crate::commands::{Desk, finish};
use crate::world::{World, send, succeed, titled};

/// A domain and two services of it, and what is never exported.
fn shop() -> Desk {
    let desk = Desk::new().with_blueprints();
    let properties = json!({"url": "https://github.com/o/shop", "replicas": 3});
    let relations = json!({"domain": "sales", "dependsOn": ["mail"]});
    let shop = json!({
        "identifier": "shop", "title": "Shop", "properties": properties, "relations": relations,
    });
    let mail = json!({"identifier": "mail", "properties": {"language": "Go"}});
    for (blueprint, entity) in [
        ("domain", json!({"identifier": "sales", "title": "Sales"})),
        ("microservice", shop),
        ("microservice", mail),
        ("_user", json!({"identifier": "me@host"})),
        ("gitops_source", json!({"identifier": "github.com/1"})),
    ] {
        desk.put(blueprint, entity);
    }
    desk
}

/// `port-gitops export` with arguments that hold no space. Gives what it says.
fn export(desk: &Desk, arguments: &str) -> String {
    let arguments: Vec<_> = arguments.split(' ').collect();
    desk.succeed(&[&["export"], &arguments[..]].concat()).out
}

/// The files and empty folders below the folder, but for the repository's own.
fn files(desk: &Desk) -> Vec<String> {
    let mut all = WalkBuilder::new(desk.root());
    let all = all.standard_filters(false);
    let all = all
        .filter_entry(|entry| entry.file_name() != ".git")
        .build();
    let paths = all.map(|entry| entry.unwrap().into_path());
    let holds_some =
        |path: &Path| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    let mut found: Vec<_> = paths
        .filter(|path| path != desk.root() && !holds_some(path))
        .map(|path| {
            path.strip_prefix(desk.root())
                .unwrap()
                .display()
                .to_string()
        })
        .collect();
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
    export(&desk, "a --blueprint micro* --path {blueprint}.entity.json");
    let both: Value = serde_json::from_str(&desk.read("a/microservice.entity.json")).unwrap();
    let names = [0, 1].map(|index| &both[index]["identifier"]);
    assert_eq!(names, ["mail", "shop"]);

    let query = "combinator: and\nrules:\n  - {property: language, operator: '=', value: Go}\n";
    desk.write("query.yml", query);
    let selected = ["--query", "query.yml", "--path", "{identifier}.yml"];
    let rules = [
        "--blueprint",
        "microservice",
        "--files",
        "b/*.yml => microservice",
    ];
    let out = desk
        .succeed(&[&["export", "b"], &rules[..], &selected[..]].concat())
        .out;
    assert_eq!(out, "Wrote 1 file to b · 1 entity\n");
    let mail = "identifier: mail\nproperties:\n  language: Go\n";
    assert_eq!(desk.read("b/mail.yml"), mail);

    export(&desk, ". --path port.yml");
    assert_eq!(desk.read("port.yml").matches("---\n").count(), 2);

    export(&desk, "c --blueprint * --state-blueprint domain");
    let mut written = files(&desk);
    written.retain(|path| path.starts_with("c/"));
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
    let expected = "domain/sales.entity.yml\nmicroservice/mail.entity.yml\nmicroservice/shop.entity.yml\n\
                    Would write 3 files to catalog · 3 entities\n";
    assert_eq!(export(&desk, "catalog --dry-run"), expected);
    assert!(!desk.path("catalog").exists());

    export(&desk, "catalog");
    let unchanged = "Wrote 0 files to catalog, 3 unchanged · 3 entities\n";
    assert_eq!(export(&desk, "catalog"), unchanged);

    desk.write(ALL[0], "# mine\n");
    fs::remove_file(desk.path(ALL[1])).unwrap();
    let expected = "error: nothing was written, because these files exist and differ from Port: domain/sales.entity.yml; ";
    desk.cannot_go_on(&["export", "catalog"], expected);
    assert!(!desk.path(ALL[1]).exists(), "nothing was written");
    let dry = export(&desk, "catalog --dry-run");
    assert!(dry.starts_with("domain/sales.entity.yml (is there already)\n"));

    let forced = "Wrote 2 files to catalog, 1 unchanged · 3 entities\n";
    assert_eq!(export(&desk, "catalog --force"), forced);
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
    let properties = json!({"text": "file://x.md", "level": "high", "token": "hunter2", "sum": 1});
    for entity in [
        json!({"identifier": "a", "team": ["x"], "properties": properties}),
        json!({"identifier": "b", "properties": {"text": "file:///x"}}),
    ] {
        desk.put("thing", entity);
    }
    // Nobody could write this name today.
    let held = desk.port.entities().into_iter();
    let mut entities: Vec<_> = held
        .map(|(_, identifier, mut entity)| {
            entity["identifier"] = identifier.into();
            entity
        })
        .collect();
    entities.push(json!({"identifier": "an old\u{1b} name", "properties": {}, "relations": {}}));
    let page = json!({"ok": true, "entities": entities});
    let answer = Fault::answer(Answer::json(200, &page));
    desk.port.inject(answer.on("POST", "*/search"));
    let finished = desk.succeed(&["export", "catalog"]);
    let said = "Wrote 2 files to catalog · 2 entities · 3 warnings\n";
    assert_eq!(finished.out, said);
    let expected = "\
note: left out of every `thing`: `count` (an aggregation), `seen` (a mirror), `sum` (a calculation), `token` (a secret), `team` (inherited through `one`)
warning: `properties.level` of `thing/a` is left out: `level` must be a number, found a string
warning: `properties.text` of `thing/a` is left out: a text that begins with `file://` stands for a file's text
warning: `thing/an old\u{fffd} name` is left out: this is not a valid identifier: a space is not allowed
";
    assert_eq!(finished.errors, expected);
    let file = desk.read("catalog/thing/a.entity.yml");
    assert_eq!(file, "identifier: a\nblueprint: thing\n");
    let search = &desk.port.requests(&Matcher::any())[2];
    assert!(!String::from_utf8_lossy(&search.body).contains("token"));
    let all = format!("{}{}", finished.out, finished.errors);
    assert!(!all.contains("hunter2"));
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let desk = shop();
    let fails = |arguments: &str, needle: &str| {
        let before = files(&desk);
        let arguments: Vec<_> = arguments.split_whitespace().collect();
        desk.cannot_go_on(&[&["export"], &arguments[..]].concat(), needle);
        assert_eq!(files(&desk), before);
        assert!(!desk.path("catalog").exists());
    };
    desk.write("empty.json", "{\"rules\": []}");
    desk.write("held/domain/sales.entity.yml/x", "");
    desk.write("bad.json", "{");
    let table = "
        => the folder that the files go to is missing
        catalog --blueprint none => `domain`, `gitops_source`, `microservice`
        catalog --path x.txt => must end with .yml, .yaml or .json
        catalog --path {identifier}.yml => no rule of `--files` selects catalog/sales.yml
        catalog --query none.json => cannot read none.json
        catalog --query empty.json => empty.json is not a search query
        catalog --query bad.json => bad.json:1: expected a key in double quotes
        bad.json/x => cannot write bad.json/x: Not a directory
        new/folder/catalog --path {identifier}.yml => no rule of `--files` selects new/folder/catalog/sales.yml
        held --force => held/domain/sales.entity.yml is a folder, and an entity file needs that name
    ";
    for line in table.trim().lines() {
        let (arguments, needle) = line.split_once("=> ").unwrap();
        fails(arguments, needle);
    }

    let secret = Permission::ReadEntities("microservice".to_owned());
    desk.port.deny(secret.clone());
    fails("catalog", "check what the credentials may do");
    fails(
        "catalog",
        "`--blueprint '!microservice'` leaves the blueprint out",
    );
    desk.port.allow(&secret);
    let gone = Fault::status(404).on("POST", "*/microservice/entities/search");
    desk.port.inject(gone);
    fails(
        "catalog",
        "the search for entities of `microservice` with 404",
    );

    fs::create_dir(desk.path("elsewhere")).unwrap();
    fs::create_dir(desk.path("linked")).unwrap();
    symlink(desk.path("elsewhere"), desk.path("linked/domain")).unwrap();
    fails("linked", "linked/domain is a symbolic link");

    for n in 0..40 {
        let text = "x".repeat(30_000);
        desk.put(
            "domain",
            json!({"identifier": format!("d{n}"), "properties": {"owner": text}}),
        );
    }
    let path = "catalog --path all.entity.yml";
    fails(path, "all.entity.yml would be larger than 1 MiB");
}

#[test]
fn an_export_that_is_told_to_stop_leaves_what_was_there() {
    let desk = shop();
    desk.write(ALL[0], "# mine\n");
    desk.put("domain", json!({"identifier": "people"}));
    let search = Fault::hang().on("POST", "*/microservice/entities/search");
    desk.port.inject(search.always());
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let mut process = desk
            .command(&["export", "catalog", "--force"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !desk.path("catalog/domain/people.entity.yml").exists() {
            assert!(process.try_wait().unwrap().is_none());
            sleep(Duration::from_millis(5));
        }
        send(signal, &process);
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains("error: the export was interrupted"), "{said}");
        assert_eq!(files(&desk), ALL[..1]);
        assert_eq!(desk.read(ALL[0]), "# mine\n");
    }
}

#[test]
fn names_that_differ_in_case_leave_no_folder_that_is_not_needed() {
    let desk = shop();
    desk.put("microservice", json!({"identifier": "Shop"}));
    let template = "catalog --path {blueprint}/{identifier}/e.entity.yml --blueprint microservice";
    for said in [
        "Wrote 3 files to catalog",
        "Wrote 0 files to catalog, 3 unchanged",
    ] {
        assert_eq!(export(&desk, template), format!("{said} · 3 entities\n"));
        let found = files(&desk);
        let names: Vec<_> = found
            .iter()
            .map(|path| path.split("==").next().unwrap())
            .collect();
        let folder = "catalog/microservice";
        let expected = ["Shop", "mail/e.entity.yml", "shop"].map(|name| format!("{folder}/{name}"));
        assert_eq!(names, expected);
        assert_eq!(found.concat().matches("==").count(), 2);
    }
}

#[test]
fn of_an_entity_on_two_pages_the_later_one_counts() {
    let desk = shop();
    let pages = [("Old", json!("2")), ("New", Value::Null)];
    for (title, next) in pages {
        let entity =
            json!({"identifier": "sales", "title": title, "properties": {}, "relations": {}});
        let page = json!({"ok": true, "entities": [entity], "next": next});
        let answer = Fault::answer(Answer::json(200, &page));
        desk.port
            .inject(answer.on("POST", "*/domain/entities/search"));
    }
    let path = "{identifier}.entity.yml";
    let finished = desk.succeed(&["export", "catalog", "--path", path]);
    assert_eq!(finished.out, "Wrote 3 files to catalog · 3 entities\n");
    let text = desk.read("catalog/sales.entity.yml");
    assert!(text.contains("title: New\n"), "{text}");
}

#[test]
fn committing_an_export_writes_nothing_and_takes_the_entities_into_the_state() {
    let world = World::new();
    // More of them are in the tests of `src/cli/export`.
    const HOSTILE: [&str; 5] = ["", "007", "a: b", "one\n\n  two", "file:///x"];
    for (index, text) in HOSTILE.into_iter().enumerate() {
        let properties = json!({"owner": text});
        world.put(
            "domain",
            json!({"identifier": format!("d{index}"), "title": text, "properties": properties}),
        );
    }
    for name in ["Shop", "shop"] {
        let relations = json!({"domain": "d1", "dependsOn": ["shop"]});
        world.put(
            "microservice",
            json!({"identifier": name, "properties": {"replicas": 1.5}, "relations": relations}),
        );
    }
    let before = world.entities();
    let desk = Desk::new();
    let mut command = desk.command(&["export", "catalog"]);
    command.env("PORT_BASE_URL", world.port.url());
    let finished = finish(command);
    assert_eq!((finished.status, finished.errors.as_str()), (0, ""));
    for path in files(&desk) {
        world.write(&path, &desk.read(&path));
    }
    world.port.clear_journal();
    let result = succeed(&world.push("Adopt the catalog"));
    assert_eq!(world.port_writes(), [""; 0]);
    let count = HOSTILE.len() + 2;
    assert_eq!(result.output("unchanged"), count.to_string());
    assert_eq!(world.entities(), before);
    assert_eq!(world.state_property("entity_count"), count);
    assert_eq!(world.state_property("status"), "synced");

    // From then on Git is what counts.
    let step = world.push_file("catalog/domain/d1.entity.yml", &titled("d1", "Bond"));
    assert_eq!(succeed(&step).output("updated"), "1");
    world.assert_holds("d1=Bond");
}

/// The most memory that a process had, in KiB. The system counts it since the program began, so the last reading
/// counts: an early one may be of this process, which the child still shares its memory with.
fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut last = None;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        last = line
            .and_then(|line| line.split_whitespace().next()?.parse().ok())
            .or(last);
        sleep(Duration::from_millis(10));
    }
    last.unwrap()
}

#[test]
fn a_large_catalog_takes_few_requests_and_little_memory() {
    const COUNT: usize = 25_000;
    let desk = Desk::new();
    let members = |value: &dyn Fn(usize) -> Value| -> Value {
        let members = (0..20).map(|n| (format!("property_{n}"), value(n)));
        Value::Object(members.collect())
    };
    let schema = json!({"properties": members(&|_| json!({"type": "string"}))});
    desk.port
        .add_blueprint(json!({"identifier": "service", "schema": schema, "relations": {}}));
    for n in 0..COUNT {
        let properties =
            members(&|property| json!(format!("Value {property} of {n}, number #{n}")));
        desk.put(
            "service",
            json!({"identifier": format!("service-{n}"), "properties": properties}),
        );
    }
    let mut command = desk.command(&["export", "catalog"]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let peak = peak(&mut child);
    assert!(child.wait().unwrap().success());
    let requests = desk.requests().len();
    println!("{requests} requests, {peak} KiB");
    assert!(requests <= 28, "{requests} requests");
    assert!(peak <= 64 * 1024, "{peak} KiB");
    let written = fs::read_dir(desk.path("catalog/service")).unwrap().count();
    assert_eq!(written, COUNT);
    // The pages would take minutes to be held against the specification.
    desk.port.clear_journal();
}
