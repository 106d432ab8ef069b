//! A push's changed entities reach Port, and nothing else does.

use port_gitops_sandbox::github::PullRequest;
use port_gitops_sandbox::{Fault, Sandbox, Switch};
use serde_json::json;

use crate::scenes::code;
use crate::world::{World, run, succeed};

const SERVICE: &str = r#"{
  "identifier": "notification-microservice",
  "title": "Notification Service",
  "properties": {"url": "https://www.github.com/user/notification"}
}"#;

#[test]
fn one_file_is_one_request_and_formatting_is_none() {
    let world = World::new();
    let step = |text: &str, message: &str| {
        world.repository.write("entity.json", text);
        world.push(message).input("blueprint", "microservice")
    };

    let result = succeed(&step(SERVICE, "Add the service"));
    assert_eq!(result.output("created"), "1");
    let upserts = world
        .port
        .requests_to("POST", "/v1/blueprints/microservice/entities");
    assert_eq!(upserts.len(), 1);
    assert_eq!(upserts[0].query_value("upsert"), Some("true"));
    assert_eq!(upserts[0].query_value("merge"), Some("true"));
    assert_eq!(
        upserts[0].json().unwrap(),
        serde_json::from_str::<serde_json::Value>(SERVICE).unwrap()
    );
    assert_eq!(
        upserts[0].header("user-agent"),
        Some(concat!(
            "port-gitops/",
            env!("CARGO_PKG_VERSION"),
            " (octo-org/catalog)"
        ))
    );

    let result = succeed(&step(
        &SERVICE.replace("Notification S", "Mail S"),
        "Rename it",
    ));
    assert_eq!(result.output("updated"), "1");
    assert_eq!(world.port_writes().len(), 2);
    assert_eq!(
        world
            .title("microservice", "notification-microservice")
            .unwrap(),
        "Mail Service"
    );

    world.port.clear_journal();
    let reformatted = SERVICE
        .replace("Notification S", "Mail S")
        .replace('\n', "\r\n    ");
    let result = succeed(&step(&reformatted, "Reformat it"));
    assert_eq!(result.output("unchanged"), "1");
    assert!(world.port_writes().is_empty());
    assert_eq!(world.saves().len(), 1, "the file has another version");
}

#[test]
fn one_changed_entity_of_fifty_is_one_entity_sent() {
    let world = World::new();
    let file = |changed: usize| {
        let entity = |n: usize| {
            let title = if n == changed { "changed" } else { "same" };
            json!({"identifier": format!("s{n}"), "blueprint": "microservice", "title": title})
        };
        serde_json::Value::from_iter((0..50).map(entity)).to_string()
    };
    world.repository.write("port.json", &file(99));
    let result = succeed(&world.push("Add fifty"));
    assert_eq!(result.output("created"), "50");
    assert_eq!(
        world.port_writes(),
        ["POST /v1/blueprints/microservice/entities/bulk"; 3]
    );

    world.port.clear_journal();
    world.repository.write("port.json", &file(7));
    let result = succeed(&world.push("Change one"));
    assert_eq!(
        (result.output("updated"), result.output("unchanged")),
        ("1", "49")
    );
    assert_eq!(
        world.port_writes(),
        ["POST /v1/blueprints/microservice/entities"]
    );
    assert_eq!(world.title("microservice", "s7").unwrap(), "changed");
}

#[test]
fn a_push_without_entity_files_writes_nothing() {
    let world = World::new();
    world.write_domain("port.yml", "a", "A");
    succeed(&world.push("Add an entity"));
    let state = world.state().unwrap();
    world.github.clear_journal();
    world.port.clear_journal();
    world.repository.write("src/main.go", "package main\n");
    let result = succeed(&world.push("Add code"));
    assert_eq!(world.github.journal().len(), 2, "the tip and a comparison");
    assert_eq!(world.port.journal().len(), 2, "a token and the state");
    assert_eq!(world.state().unwrap(), state);
    assert_eq!(result.output("created"), "0");
    assert!(result.log.contains("no changes"), "{}", result.log);
}

#[test]
fn relation_targets_are_written_first() {
    let world = World::new();
    let yaml = "
- {identifier: shop, blueprint: microservice, relations: {domain: sales, dependsOn: [billing]}}
- {identifier: billing, blueprint: microservice, relations: {domain: sales}}
- {identifier: sales, blueprint: domain}
";
    world.repository.write("port.yml", yaml);
    succeed(&world.push("Add a domain and its services"));
    assert_eq!(
        world.port_writes(),
        [
            "POST /v1/blueprints/domain/entities",
            "POST /v1/blueprints/microservice/entities",
            "POST /v1/blueprints/microservice/entities",
        ]
    );
    let shop = world.port.entity("microservice", "shop").unwrap();
    assert_eq!(shop["relations"]["dependsOn"], json!(["billing"]));
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let world = World::new();
    world.port.turn_off(Switch::NotFoundIsVague);
    let yaml = "\
identifier: good
blueprint: microservice
---
identifier: refused
blueprint: microservice
relations: {domain: nowhere}
---
identifier: 42
blueprint: microservice
---
identifier: mistaken
blueprint: microservice
properties: {language: COBOL}
---
identifier: fine
blueprint: domain
";
    world.repository.write("port.yml", yaml);
    let result = run(&world.push("Add good and bad"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(result.output("outcome"), "failure");
    assert_eq!(result.output("created"), "2");
    assert_eq!(result.output("failed"), "1");
    assert_eq!(result.output("invalid"), "2");
    assert!(world.port.entity("microservice", "good").is_some());
    assert!(world.port.entity("domain", "fine").is_some());
    assert_eq!(world.entities().len(), 2);

    let errors: Vec<_> = result
        .commands("error")
        .iter()
        .map(|error| [error.property("file"), error.property("line"), code(error)])
        .collect();
    assert_eq!(
        errors,
        [
            ["port.yml", "6", "missing-relation-target"],
            ["port.yml", "8", "wrong-type"],
            ["port.yml", "13", "invalid-property"],
        ]
    );
    assert!(
        result.summary.contains("missing-relation-target"),
        "{}",
        result.summary
    );
}

#[test]
fn a_push_to_another_branch_is_planned() {
    let world = World::new();
    world.repository.create_branch("topic").unwrap();
    world.repository.checkout("topic").unwrap();
    world
        .repository
        .write("port.yml", "identifier: a\nblueprint: domain\n");
    world.commit("Add an entity");
    world.repository.write("README.md", "# Another\n");
    let (before, after) = world.commit("Change something else");
    let event = world.github.push_event("topic", &before, &after).unwrap();
    let result = succeed(
        &world
            .step("push", &event)
            .without("INPUT_CLIENT-SECRET")
            .without("INPUT_CLIENT-ID"),
    );
    assert_eq!(
        result.output("created"),
        "1",
        "the plan is against the default branch"
    );
    assert_eq!(world.port.journal().len(), 0);
    assert!(result.log.contains("to create"), "{}", result.log);
}

#[test]
fn the_first_push_of_a_branch_applies_every_file() {
    let world = World::new();
    world
        .repository
        .write("port.yml", "identifier: a\nblueprint: domain\n");
    let (_, after) = world.commit("Add an entity");
    let zero = world.repository.zero_id();
    let event = world.github.push_event("main", &zero, &after).unwrap();
    let result = succeed(&world.step("push", &event));
    assert_eq!(result.output("created"), "1");
}

#[test]
fn a_force_push_is_compared_with_what_was_there_before() {
    let world = World::new();
    let begin = world.repository.head().unwrap();
    world.repository.write(
        "a/port.yml",
        "identifier: a\nblueprint: domain\ntitle: Old\n",
    );
    world
        .repository
        .write("b/port.yml", "identifier: b\nblueprint: domain\n");
    succeed(&world.push("Add a and b"));
    let before = world.repository.head().unwrap();
    world.repository.reset_hard(&begin).unwrap();
    world.repository.write(
        "a/port.yml",
        "identifier: a\nblueprint: domain\ntitle: New\n",
    );
    let (_, after) = world.commit("Add another a");
    let event = world.github.push_event("main", &before, &after).unwrap();
    let result = succeed(&world.step("push", &event));
    assert_eq!(result.output("updated"), "1");
    assert!(
        result.log.contains("Git no longer declares `domain/b`"),
        "{}",
        result.log
    );
}

#[test]
fn a_branch_without_common_history_is_planned_as_new() {
    let world = World::new();
    world.repository.checkout_orphan("orphan");
    world
        .repository
        .write("port.yml", "identifier: a\nblueprint: domain\n");
    let after = world.repository.commit("Begin anew").unwrap();
    let zero = world.repository.zero_id();
    let event = world.github.push_event("orphan", &zero, &after).unwrap();
    let result = succeed(&world.step("push", &event));
    assert_eq!(result.output("created"), "1");
}

#[test]
fn a_pull_request_is_planned_and_never_applied() {
    let world = World::new();
    world.repository.create_branch("topic").unwrap();
    world.repository.checkout("topic").unwrap();
    world
        .repository
        .write("port.yml", "identifier: a\nblueprint: domain\ntitle: 1\n");
    world.commit("Add an entity with a mistake");
    let event = world
        .github
        .pull_request_event(&PullRequest::new(1, "main", "topic"))
        .unwrap();
    let result = run(&world.step("pull_request", &event));
    assert_eq!(result.status, 1);
    assert_eq!(result.commands("error")[0].property("line"), "3");
    assert!(world.port_writes().is_empty() && world.saves().is_empty());
    let result = run(&world.step("pull_request", &event).input("mode", "apply"));
    assert_eq!(result.status, 2);
    // The blueprint says whether anything in the file is a secret.
    let read = ["GET /v1/blueprints/domain"];
    assert_eq!(world.port_requests(), read);
}

#[test]
fn a_token_that_ends_in_mid_run_is_renewed() {
    let world = World::new();
    world
        .repository
        .write("port.yml", "identifier: a\nblueprint: domain\n");
    let step = world.push("Add an entity");
    world
        .port
        .inject(Fault::status(401).on("POST", "*/entities"));
    succeed(&step);
    assert_eq!(
        world
            .port
            .requests_to("POST", "/v1/auth/access_token")
            .len(),
        2
    );
    assert!(world.port.entity("domain", "a").is_some());
}

#[test]
fn more_files_than_a_comparison_lists_are_all_found() {
    let world = World::new();
    for n in 0..301 {
        let text = format!("identifier: d{n}\nblueprint: domain\n");
        world.repository.write(&format!("{n}/port.yml"), &text);
    }
    let result = succeed(&world.push("Add many"));
    assert_eq!(result.output("created"), "301");
    assert_eq!(world.entities().len(), 301);
}

#[test]
fn moves_and_renames_cost_nothing() {
    let world = World::new();
    world
        .repository
        .write("a/port.yml", "identifier: a\nblueprint: domain\n");
    succeed(&world.push("Add a"));
    world.port.clear_journal();
    world.repository.rename("a/port.yml", "b/entity.yml");
    let result = succeed(&world.push("Move a"));
    assert_eq!(result.output("unchanged"), "1");
    assert!(world.port_writes().is_empty());
}

#[test]
fn deleted_branches_tags_and_other_events_need_nothing() {
    let world = World::new();
    let head = world.repository.head().unwrap();
    let zero = world.repository.zero_id();
    let deleted = world.github.push_event("main", &head, &zero).unwrap();
    let tag = world
        .github
        .push_event("refs/tags/v1", &zero, &head)
        .unwrap();
    for (event, payload) in [("push", &deleted), ("push", &tag), ("issues", &json!({}))] {
        let result = succeed(&world.step(event, payload));
        assert!(result.log.contains("Nothing to do: "), "{}", result.log);
    }
    let asked = world
        .github
        .journal()
        .iter()
        .filter(|e| e.path.contains("compare"))
        .count();
    assert_eq!(asked, 0);
}

#[test]
fn inputs_choose_files_and_blueprints() {
    let world = World::new();
    let files = "**/*.yml => microservice\ndomains/* => domain\n!**/skipped.yml";
    world.repository.write("a.yml", "identifier: a\n");
    world.repository.write("domains/b.yml", "identifier: b\n");
    world
        .repository
        .write("skipped.yml", "- not\n- an entity\n");
    succeed(&world.push("Add").input("files", files));
    assert_eq!(world.entities().len(), 2);
}

#[test]
fn identifiers_with_slashes_stay_one_segment() {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "team/service", "title": "T", "schema": {"properties": {}, "required": []},
        "relations": {},
    }));
    world
        .repository
        .write("port.yml", "identifier: a/b\nblueprint: team/service\n");
    succeed(&world.push("Add"));
    assert_eq!(
        world.port_writes(),
        ["POST /v1/blueprints/team%2Fservice/entities"]
    );
    assert!(world.port.entity("team/service", "a/b").is_some());
}

#[test]
fn the_report_is_data() {
    let world = World::new();
    world
        .repository
        .write("port.yml", "identifier: a\nblueprint: domain\n");
    let step = world.push("Add").input("report-file", "reports/port.json");
    let result = succeed(&step);
    let report: serde_json::Value = serde_json::from_str(result.output("report")).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["counts"], json!({"created": 1}));
    assert_eq!(report["entities"][0]["location"]["path"], "port.yml");
    let file = std::fs::read(step.workspace().join("reports/port.json")).unwrap();
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&file).unwrap(),
        report
    );
}
