//! All of Git against all of Port: what differs is shown, or fixed.

use port_gitops_sandbox::Sandbox;
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
    let notice = &result.commands("notice")[0].data;
    assert!(notice.starts_with("Port differs from Git"), "{notice}");
    assert_eq!(
        states(&result),
        ["created microservice/mail", "updated microservice/shop"]
    );
    assert_eq!(
        report(&result)["entities"][1]["changes"],
        json!([{"field": "title", "from": "Kiosk", "to": "Shop"}]),
        "others' properties are theirs"
    );
    assert!(plain(&result).contains("Kiosk → Shop") || plain(&result).contains("Kiosk"));
    assert_eq!(world.port_changes(), [""; 0]);
    assert_eq!(world.port.entities(), before);
}

#[test]
fn a_nightly_run_fixes_what_was_changed_by_hand() {
    let world = world();
    change_by_hand(&world);
    world.port.remove_entity("microservice", "mail");
    let result = succeed(&world.nightly());
    assert_eq!(result.output("drift"), "true");
    assert_eq!(world.title("microservice", "shop").unwrap(), "Shop");
    assert!(world.port.entity("microservice", "mail").is_some());
    let shop = world.port.entity("microservice", "shop").unwrap();
    assert_eq!(shop["properties"]["language"], "Go", "not Git's");

    assert_eq!(succeed(&world.nightly()).output("drift"), "false");
    world.port.clear_journal();
    let result = succeed(&world.nightly());
    assert_eq!(result.output("drift"), "false");
    assert_eq!(
        world.port_changes(),
        [""; 0],
        "the state is not saved either"
    );
    let requests = world.port.journal().len();
    assert_eq!(
        requests, 5,
        "a token, the state, the blueprint, the entities, their owners"
    );
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
fn an_entity_of_another_source_is_a_warning_in_a_plan_and_an_error_in_an_apply() {
    let world = World::new();
    let theirs = "{identifier: shop, blueprint: microservice, title: Theirs}\n";
    succeed(
        &world
            .push_file("theirs/port.yml", theirs)
            .input("owner", "theirs"),
    );
    world.repository.remove("theirs/port.yml");
    world.repository.write("port.yml", FILE);
    world.commit("Move what is declared");
    let result = succeed(&world.nightly().input("mode", "plan"));
    assert_eq!(
        states(&result),
        [
            "created microservice/mail",
            "owned-elsewhere microservice/shop"
        ]
    );
    assert_eq!(result.output("drift"), "true");
    let warnings = result.commands("warning");
    assert_eq!(warnings[0].property("title"), "Port: owned elsewhere");
    assert_eq!(warnings[0].property("line"), "1");

    let result = run(&world.nightly());
    assert_eq!(result.status, 1, "{}", result.log);
    let errors = result.commands("error");
    assert_eq!(errors[0].property("title"), "Port: owned elsewhere");
    assert_eq!(world.title("microservice", "shop").unwrap(), "Theirs");
    assert!(world.port.entity("microservice", "mail").is_some());
    assert_eq!(
        world.state_property("waiting"),
        json!(["microservice|shop"])
    );
}

#[test]
fn who_wrote_an_entity_does_not_count() {
    let world = world();
    let entity = json!({"identifier": "shop", "title": "Theirs", "properties": {"replicas": 1}});
    world
        .port
        .put_entity("microservice", entity, "port-gitops/0.1.0 (octo-org/other)")
        .unwrap();
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
