//! A pull request shows what merging it would do, and does nothing.

use port_gitops_sandbox::github::{Access, Permission};
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Fault, Sandbox, Switch};
use serde_json::json;

use crate::scenes::{PULL, code, is_shown, plain, report, states};
use crate::world::{World, run, succeed};

const SHOP: &str = "\
identifier: shop
blueprint: microservice
title: Shop
properties: {replicas: 1, language: Go}
";

/// A catalog that holds the shop as Git declares it, and a branch that changes it.
fn changed_shop() -> World {
    let world = World::new();
    succeed(&world.push_file("shop/port.yml", SHOP));
    world.begin_topic();
    let text = "\
- {identifier: sales, blueprint: domain, title: Sales}
- identifier: shop
  blueprint: microservice
  title: The shop
  properties: {replicas: 2, language: Go}
  relations: {domain: sales}
";
    world.repository.write("shop/port.yml", text);
    world.commit("Change the shop");
    world.github.clear_journal();
    world.port.clear_journal();
    world
}

#[test]
fn what_would_change_is_shown_and_nothing_is_written() {
    let world = changed_shop();
    let before = world.port.entities();
    world.repository.write(
        "bad/port.yml",
        "identifier: bad\nblueprint: microservice\nproperties: {language: COBOL}\n",
    );
    world.commit("Add a mistake");
    let result = run(&world.pull_request());
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        states(&result),
        [
            "created domain/sales",
            "invalid microservice/bad",
            "updated microservice/shop",
        ]
    );
    let errors = result.commands("error");
    assert_eq!(errors.len(), 1, "{}", result.log);
    assert_eq!(errors[0].property("file"), "bad/port.yml");
    assert_eq!(errors[0].property("line"), "3");

    let report = report(&result);
    let entities = report["entities"].as_array().unwrap();
    let shop = entities.iter().find(|one| one["identifier"] == "shop");
    assert_eq!(
        shop.unwrap()["changes"],
        json!([
            {"field": "title", "from": "Shop", "to": "The shop"},
            {"field": "properties.replicas", "from": 1, "to": 2},
            {"field": "relations.domain", "from": null, "to": "sales"},
        ])
    );
    let log = plain(&result);
    for line in ["1 → 2", "Shop", "The shop", "properties.replicas"] {
        assert!(log.contains(line), "`{line}` is not in:\n{log}");
    }
    assert!(
        result.summary.contains("properties.replicas"),
        "{}",
        result.summary
    );
    assert_eq!(world.port_changes(), [""; 0]);
    assert_eq!(world.port.entities(), before);
    assert!(world.saves().is_empty());
}

#[test]
fn a_hand_made_change_shows_as_what_is_there() {
    let world = changed_shop();
    let by_hand =
        json!({"identifier": "shop", "title": "Hand-made", "properties": {"replicas": 2}});
    world
        .port
        .put_entity("microservice", by_hand, "Mozilla/5.0")
        .unwrap();
    let result = succeed(&world.pull_request());
    let changes = report(&result)["entities"][1]["changes"].clone();
    assert_eq!(
        changes,
        json!([
            {"field": "title", "from": "Hand-made", "to": "The shop"},
            {"field": "properties.language", "from": null, "to": "Go"},
            {"field": "relations.domain", "from": null, "to": "sales"},
        ])
    );
}

#[test]
fn port_has_its_own_word_on_its_line() {
    let world = World::new();
    world.port.turn_off(Switch::NotFoundIsVague);
    world.begin_topic();
    let text = "\
- {identifier: sales, blueprint: domain}
- identifier: here
  blueprint: microservice
  relations: {domain: sales}
- identifier: lost
  blueprint: microservice
  relations:
    domain: nowhere
- identifier: teamless
  blueprint: microservice
  team: [ghosts]
";
    world.repository.write("port.yml", text);
    world.commit("Add services");
    world.port.refuse(
        "microservice",
        "teamless",
        Failure::new(422, "invalid_request", "Team \"ghosts\" was not found"),
        1,
    );
    let result = run(&world.pull_request());
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        states(&result),
        [
            "created domain/sales",
            "created microservice/here",
            "failed microservice/lost",
            "failed microservice/teamless",
        ]
    );
    let places: Vec<_> = result
        .commands("error")
        .iter()
        .map(|error| (error.property("line").to_owned(), code(error).to_owned()))
        .collect();
    assert_eq!(
        places[0],
        ("8".to_owned(), "missing-relation-target".to_owned())
    );
    assert_eq!(places[1].1, "rejected-by-port");
    assert!(is_shown(&result, "ghosts"));
    assert!(world.port.entities().is_empty() && world.saves().is_empty());
}

#[test]
fn a_mistake_beside_a_new_target_is_not_explained_away() {
    let world = World::new();
    world.begin_topic();
    let text = "\
- {identifier: sales, blueprint: domain}
- identifier: shop
  blueprint: microservice
  relations: {domain: sales, dependsOn: [nowhere]}
";
    world.repository.write("port.yml", text);
    world.commit("Add a service");
    let result = run(&world.pull_request());
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        states(&result),
        ["created domain/sales", "failed microservice/shop"]
    );
}

#[test]
fn a_fork_sees_nothing_of_the_catalog() {
    for event in ["pull_request", "pull_request_target"] {
        let world = changed_shop();
        let by_hand = json!({"identifier": "shop", "title": "Confidential"});
        world
            .port
            .put_entity("microservice", by_hand, "Mozilla/5.0")
            .unwrap();
        let mut step = world.pull_request_from_fork(event);
        if event == "pull_request" {
            step = step
                .without("INPUT_CLIENT-ID")
                .without("INPUT_CLIENT-SECRET");
        }
        let result = succeed(&step);
        assert_eq!(world.port.journal().len(), 0, "{event}");
        assert!(!is_shown(&result, "Confidential"), "{event}");
        assert!(plain(&result).contains("offline"), "{}", result.log);
        let page = &result.summary;
        assert!(page.contains("ade without access to Port"), "{page}");
        assert_eq!(
            (result.output("created"), result.output("updated")),
            ("1", "1")
        );
        assert_eq!(result.output("drift"), "");
    }
}

#[test]
fn one_comment_is_kept_up_to_date() {
    let world = changed_shop();
    let step = || world.pull_request().input("comment", "true");
    succeed(&step());
    let comments = world.github.comments(PULL);
    assert_eq!(comments.len(), 1);
    assert!(comments[0].body.contains("shop"), "{}", comments[0].body);

    world
        .repository
        .write("new/port.yml", "identifier: newcomer\nblueprint: domain\n");
    world.commit("Add another");
    // Whatever credentials the next run has.
    world.github.set_token("ghs_rotated");
    let step = || step().input("github-token", "ghs_rotated");
    succeed(
        &step()
            .without("INPUT_CLIENT-ID")
            .without("INPUT_CLIENT-SECRET"),
    );
    let comments = world.github.comments(PULL);
    assert_eq!(comments.len(), 1, "it is not doubled");
    assert!(
        comments[0].body.contains("newcomer"),
        "{}",
        comments[0].body
    );

    // Nothing is left to do: the comment must no longer say otherwise.
    world.repository.reset_hard("main").unwrap();
    succeed(&step());
    let comments = world.github.comments(PULL);
    assert_eq!(comments.len(), 1);
    assert!(
        !comments[0].body.contains("newcomer"),
        "{}",
        comments[0].body
    );
}

#[test]
fn a_lost_answer_does_not_double_the_comment() {
    let world = changed_shop();
    world.github.inject(
        Fault::reset()
            .on("POST", "*/issues/7/comments")
            .after_effect(),
    );
    succeed(&world.pull_request().input("comment", "true"));
    assert_eq!(world.github.comments(PULL).len(), 1);
}

/// Two events of one pull request start two runs.
#[test]
fn two_runs_at_once_leave_one_comment() {
    let world = changed_shop();
    let step = || world.pull_request().input("comment", "true");
    let other = step();
    let first = move || drop(succeed(&other));
    world
        .github
        .inject(Fault::call(first).on("POST", "*/issues/7/comments"));
    succeed(&step());
    let comments = world.github.comments(PULL);
    assert_eq!(comments.len(), 1, "{comments:?}");
}

#[test]
fn an_empty_plan_is_not_commented() {
    let world = World::new();
    world.begin_topic();
    world.repository.write("README.md", "# Another\n");
    world.commit("Change the text");
    succeed(&world.pull_request().input("comment", "true"));
    assert!(world.github.comments(PULL).is_empty());
}

#[test]
fn a_comment_that_is_not_allowed_is_only_a_notice() {
    let world = changed_shop();
    world
        .github
        .set_permission(Permission::PullRequests, Access::Read);
    let result = succeed(&world.pull_request().input("comment", "true"));
    assert!(is_shown(&result, "pull-requests: write"), "{}", result.log);
    assert!(world.github.comments(PULL).is_empty());
}

#[test]
fn without_the_input_nothing_is_commented() {
    let world = changed_shop();
    succeed(&world.pull_request());
    assert!(world.github.requests_to("GET", "*/comments").is_empty());
    assert!(world.github.comments(PULL).is_empty());
}

#[test]
fn redacted_values_are_nowhere() {
    let world = World::new();
    world.port.add_blueprint(json!({
        "identifier": "service", "title": "Service",
        "schema": {"properties": {
            "apiKey": {"type": "string", "maxLength": 20}, "url": {"type": "string"},
        }, "required": []},
        "relations": {},
    }));
    let text = |key: &str| {
        format!("identifier: a\nblueprint: service\nproperties: {{apiKey: {key}, url: shown}}\n")
    };
    succeed(
        &world
            .push_file("port.yml", &text("first-hush"))
            .input("redact", "*Key"),
    );
    world.begin_topic();
    world.repository.write("port.yml", &text("second-hush"));
    world.repository.write(
        "b/port.yml",
        "identifier: b\nblueprint: service\nproperties:\n  apiKey: this-hush-is-too-long\n",
    );
    world.commit("Change the key");
    let step = world
        .pull_request()
        .input("redact", "*Key")
        .input("comment", "true")
        .input("report-file", "report.json");
    let result = run(&step);
    assert_eq!(result.status, 1);
    let file = std::fs::read_to_string(step.workspace().join("report.json")).unwrap();
    let comment = &world.github.comments(PULL)[0].body;
    assert!(
        !is_shown(&result, "hush"),
        "{}\n{}",
        result.log,
        result.summary
    );
    assert!(!file.contains("hush"), "{file}");
    assert!(!comment.contains("hush"), "{comment}");
    assert!(is_shown(&result, "apiKey"));
}
