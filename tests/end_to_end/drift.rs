//! All of Git against all of Port: what differs is shown, or mended.

use port_gitops_sandbox::Sandbox;
use port_gitops_sandbox::github::State;
use serde_json::json;

use crate::scenes::{plain, report, states};
use crate::world::{World, run, succeed};

const FILE: &str = "\
- {identifier: shop, blueprint: microservice, title: Shop, properties: {replicas: 1}}
- {identifier: mail, blueprint: microservice, title: Mail, properties: {replicas: 2}}
";

fn world() -> World {
    let world = World::new();
    succeed(&world.push_file("port.yml", FILE));
    world.github.clear_journal();
    world.port.clear_journal();
    world
}

fn change_by_hand(world: &World) {
    let entity = json!({
        "identifier": "shop", "title": "Kiosk", "properties": {"replicas": 1, "language": "Go"},
    });
    world
        .port
        .put_entity("microservice", entity, "Mozilla/5.0")
        .unwrap();
}

#[test]
fn a_full_plan_is_the_drift_report() {
    let world = world();
    change_by_hand(&world);
    world.port.remove_entity("microservice", "mail");
    let step = || world.nightly().input("mode", "plan");
    let before = world.port.entities();
    let result = succeed(&step());
    assert_eq!(result.output("drift"), "true");
    assert_eq!(
        states(&result),
        ["created microservice/mail", "updated microservice/shop"]
    );
    assert_eq!(
        report(&result)["entities"][0]["changes"],
        json!([{"field": "title", "from": "Kiosk", "to": "Shop"}]),
        "others' properties are theirs"
    );
    assert!(plain(&result).contains("Kiosk → Shop") || plain(&result).contains("Kiosk"));
    assert_eq!(world.port_changes(), [""; 0]);
    assert_eq!(world.port.entities(), before);
    assert!(world.github.requests_to("POST", "*/statuses/*").is_empty());
}

#[test]
fn a_nightly_run_mends_what_was_changed_by_hand() {
    let world = world();
    change_by_hand(&world);
    world.port.remove_entity("microservice", "mail");
    let result = succeed(&world.nightly());
    assert_eq!(result.output("drift"), "true");
    assert_eq!(world.title("microservice", "shop").unwrap(), "Shop");
    assert!(world.port.entity("microservice", "mail").is_some());
    let shop = world.port.entity("microservice", "shop").unwrap();
    assert_eq!(shop["properties"]["language"], "Go", "not Git's");

    world.port.clear_journal();
    let result = succeed(&world.nightly());
    assert_eq!(result.output("drift"), "false");
    assert_eq!(world.port_changes(), [""; 0]);
    assert!(
        world.port.journal().len() <= 3,
        "{:?}",
        world.port_requests()
    );
}

/// GitHub takes 1,000 statuses of a commit, and nobody may push for months.
#[test]
fn nightly_runs_without_drift_leave_no_statuses() {
    let world = world();
    let head = world.repository.head().unwrap();
    let before = world.github.statuses(&head);
    assert_eq!(succeed(&world.nightly()).output("drift"), "false");
    assert_eq!(world.github.statuses(&head), before);
}

#[test]
fn a_commit_that_takes_no_more_statuses_is_mended_all_the_same() {
    let world = world();
    let head = world.repository.head().unwrap();
    let statuses = world.github.statuses(&head);
    let success = statuses.first().unwrap();
    assert_eq!(success.state, State::Success);
    for _ in statuses.len()..1_000 {
        world
            .github
            .add_status(&head, &success.context, success.state);
    }
    change_by_hand(&world);
    let result = succeed(&world.nightly());
    assert_eq!(result.output("drift"), "true");
    assert_eq!(world.title("microservice", "shop").unwrap(), "Shop");
    assert!(
        plain(&result).contains("takes no more; push another commit"),
        "{}",
        result.log
    );

    world.write_domain("other/port.yml", "a", "A");
    succeed(&world.push("Add a"));
    let after = world.repository.head().unwrap();
    assert_eq!(world.github.statuses(&after)[0].state, State::Success);
}

#[test]
fn replacing_takes_away_what_others_wrote() {
    let world = World::new();
    succeed(&world.push_file("port.yml", FILE).input("merge", "false"));
    change_by_hand(&world);
    let result = succeed(&world.nightly().input("merge", "false"));
    assert_eq!(result.output("updated"), "1");
    let shop = world.port.entity("microservice", "shop").unwrap();
    assert_eq!(shop["title"], "Shop");
    assert_eq!(shop["properties"], json!({"replicas": 1}));
    let result = succeed(&world.nightly().input("merge", "false"));
    assert_eq!(result.output("drift"), "false");
}

#[test]
fn an_entity_of_another_owner_is_a_warning_in_a_plan_and_an_error_in_an_apply() {
    let world = world();
    let entity = json!({"identifier": "shop", "title": "Theirs"});
    world
        .port
        .put_entity("microservice", entity, "port-gitops/0.1.0 (octo-org/other)")
        .unwrap();
    let result = succeed(&world.nightly().input("mode", "plan"));
    assert_eq!(
        states(&result),
        [
            "owned-elsewhere microservice/shop",
            "unchanged microservice/mail"
        ]
    );
    assert_eq!(result.output("drift"), "true");
    let warnings = result.commands("warning");
    assert_eq!(warnings[0].property("title"), "owned-elsewhere");
    assert_eq!(warnings[0].property("line"), "1");

    let result = run(&world.nightly());
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        result.commands("error")[0].property("title"),
        "owned-elsewhere"
    );
    assert_eq!(world.title("microservice", "shop").unwrap(), "Theirs");
}

#[test]
fn a_push_takes_over_what_it_writes_also_beside_a_deletion() {
    let world = world();
    let entity = json!({"identifier": "shop", "title": "Theirs", "properties": {"replicas": 1}});
    world
        .port
        .put_entity("microservice", entity, "port-gitops/0.1.0 (octo-org/other)")
        .unwrap();
    // What is taken away makes the run read `shop`, and `mail` is removed.
    let text = "{identifier: shop, blueprint: microservice, title: Ours}\n";
    let result = succeed(&world.push_file("port.yml", text).input("prune", "true"));
    assert_eq!(result.output("deleted"), "1", "{}", result.log);
    assert_eq!(world.title("microservice", "shop").unwrap(), "Ours");
}

#[test]
fn a_push_says_nothing_of_drift() {
    let world = world();
    change_by_hand(&world);
    let result = succeed(&world.push_file("other/port.yml", "identifier: a\nblueprint: domain\n"));
    assert_eq!(result.output("drift"), "");
    assert_eq!(world.title("microservice", "shop").unwrap(), "Kiosk");
}
