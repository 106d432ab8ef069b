//! A pull request shows what merging it would do, and does nothing.

use port_gitops_sandbox::github::{Access, Permission};
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Sandbox, Step, Switch};
use serde_json::json;

use crate::scenes::{PULL, code, is_shown, plain, report, states};
use crate::world::{World, assert_outputs, assert_shows, domain, fails, offline, succeed};

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
    world.write("shop/port.yml", text).commit("Change the shop");
    world.clear_journals();
    world
}

/// A world with a branch whose one file holds this text.
fn proposed(text: &str) -> World {
    let world = World::new();
    world.begin_topic();
    world.write("port.yml", text).commit("Propose it");
    world
}

#[test]
fn what_would_change_is_shown_and_nothing_is_written() {
    let world = changed_shop();
    let before = world.port.entities();
    let bad = "identifier: bad\nblueprint: microservice\nproperties: {language: COBOL}\n";
    world.write("bad/port.yml", bad).commit("Add a mistake");
    let result = fails(&world.pull_request());
    let expected = [
        "created domain/sales",
        "invalid microservice/bad",
        "updated microservice/shop",
    ];
    assert_eq!(states(&result), expected);
    let errors = result.commands("error");
    assert_eq!(errors.len(), 1);
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
        assert!(log.contains(line), "`{line}`");
    }
    assert!(result.summary.contains("properties.replicas"));
    assert_eq!(world.port_changes(), [""; 0]);
    assert_eq!(world.port.entities(), before);
    assert!(world.saves().is_empty());
}

#[test]
fn port_has_its_own_word_on_its_line() {
    let world = proposed(
        "\
- {identifier: sales, blueprint: domain}
- {identifier: here, blueprint: microservice, relations: {domain: sales}}
- identifier: lost
  blueprint: microservice
  relations:
    domain: nowhere
- {identifier: teamless, blueprint: microservice, team: [ghosts]}
",
    );
    world.port.turn_off(Switch::NotFoundIsVague);
    let refusal = Failure::new(422, "invalid_request", "Team \"ghosts\" was not found");
    world.port.refuse("microservice", "teamless", refusal, 1);
    let result = fails(&world.pull_request());
    assert_eq!(
        states(&result),
        [
            "created domain/sales",
            "created microservice/here",
            "failed microservice/lost",
            "failed microservice/teamless",
        ]
    );
    let errors = result.commands("error");
    assert_eq!(errors[0].property("line"), "6");
    let codes = [errors[0], errors[1]].map(code);
    assert_eq!(codes, ["missing-relation-target", "rejected-by-port"]);
    assert_shows(&result, &["ghosts"]);
    assert!(world.port.entities().is_empty() && world.saves().is_empty());
}

#[test]
fn a_mistake_beside_a_new_target_is_not_explained_away() {
    let world = proposed(
        "\
- {identifier: sales, blueprint: domain}
- {identifier: shop, blueprint: microservice, relations: {domain: sales, dependsOn: [nowhere]}}
",
    );
    let result = fails(&world.pull_request());
    let expected = ["created domain/sales", "failed microservice/shop"];
    assert_eq!(states(&result), expected);
}

/// GitHub gives the first event no secrets; the second one has them.
#[test]
fn a_fork_sees_nothing_of_the_catalog() {
    type Secrets = fn(Step) -> Step;
    let with_secrets: Secrets = |step| step;
    for (event, secrets) in [
        ("pull_request", offline as Secrets),
        ("pull_request_target", with_secrets),
    ] {
        let world = changed_shop();
        let by_hand = json!({"identifier": "shop", "title": "Confidential"});
        world.put("microservice", by_hand);
        let result = succeed(&secrets(world.pull_request_from_fork(event)));
        assert_eq!(world.port.journal().len(), 0, "{event}");
        assert!(!is_shown(&result, "Confidential"), "{event}");
        assert!(plain(&result).contains("offline"));
        assert!(result.summary.contains("ade without access to Port"));
        assert_outputs(&result, "created=1 updated=1 drift=");
    }
}

#[test]
fn one_comment_is_kept_up_to_date() {
    let world = changed_shop();
    let step = || world.pull_request().input("comment", "true");
    let the_comment = || {
        let comments = world.github.comments(PULL);
        assert_eq!(comments.len(), 1, "{comments:?}");
        comments[0].body.clone()
    };
    succeed(&step());
    assert!(the_comment().contains("shop"));

    world
        .write("new/port.yml", &domain("newcomer"))
        .commit("Add another");
    // Whatever credentials the next run has.
    world.github.set_token("ghs_rotated");
    let step = || step().input("github-token", "ghs_rotated");
    succeed(&offline(step()));
    assert!(the_comment().contains("newcomer"));

    // Nothing is left to do: the comment must no longer say otherwise.
    world.repository.reset_hard("main").unwrap();
    succeed(&step());
    assert!(!the_comment().contains("newcomer"));
}

#[test]
fn a_comment_that_is_not_allowed_is_only_a_notice() {
    let world = changed_shop();
    let (permission, access) = (Permission::PullRequests, Access::Read);
    world.github.set_permission(permission, access);
    let result = succeed(&world.pull_request().input("comment", "true"));
    assert_shows(&result, &["pull-requests: write"]);
    assert!(world.github.comments(PULL).is_empty());
}

#[test]
fn an_empty_plan_is_not_commented_and_no_plan_is_without_the_input() {
    let world = changed_shop();
    succeed(&world.pull_request());
    assert!(world.github.requests_to("GET", "*/comments").is_empty());
    let world = World::new();
    world.begin_topic();
    world
        .write("README.md", "# Another\n")
        .commit("Change the text");
    succeed(&world.pull_request().input("comment", "true"));
    assert!(world.github.comments(PULL).is_empty());
}
