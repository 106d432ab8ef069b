//! All of Git against all of Port: what differs is shown, or fixed.

use port_gitops_sandbox::Sandbox;
use serde_json::json;

use crate::scenes::{plain, report, states};
use crate::world::{World, succeed};

const FILE: &str = "\
- {identifier: shop, blueprint: microservice, title: Shop, properties: {replicas: 1}}
- {identifier: mail, blueprint: microservice, title: Mail, properties: {replicas: 2}}
";

fn world() -> World {
    let world = World::new();
    succeed(&world.push_file("port.yml", FILE));
    world.clear_journals();
    world
}

fn change_by_hand(world: &World) {
    let properties = json!({"replicas": 1, "language": "Go"});
    let entity = json!({"identifier": "shop", "title": "Kiosk", "properties": properties});
    world.put("microservice", entity);
}

#[test]
fn a_full_plan_is_the_drift_report() {
    let world = world();
    change_by_hand(&world);
    world.port.remove_entity("microservice", "mail");
    let before = world.port.entities();
    let result = succeed(&world.nightly().input("mode", "plan"));
    assert_eq!(result.output("drift"), "true");
    let notice = &result.commands("notice")[0].data;
    assert!(notice.starts_with("Port differs from Git"));
    let expected = ["created microservice/mail", "updated microservice/shop"];
    assert_eq!(states(&result), expected);
    let changes = json!([{"field": "title", "from": "Kiosk", "to": "Shop"}]);
    let found = &report(&result)["entities"][1]["changes"];
    assert_eq!(*found, changes, "others' properties are theirs");
    assert!(plain(&result).contains("Kiosk"));
    assert_eq!(world.port_changes(), [""; 0]);
    assert_eq!(world.port.entities(), before);
}

#[test]
fn a_nightly_run_fixes_what_was_changed_by_hand() {
    let world = world();
    change_by_hand(&world);
    world.port.remove_entity("microservice", "mail");
    assert_eq!(succeed(&world.nightly()).output("drift"), "true");
    let shop = world.entity("microservice", "shop");
    assert_eq!(shop["title"], "Shop");
    assert_eq!(shop["properties"]["language"], "Go", "not Git's");
    world.entity("microservice", "mail");

    for _ in 0..2 {
        world.port.clear_journal();
        assert_eq!(succeed(&world.nightly()).output("drift"), "false");
    }
    let changes = world.port_changes();
    assert_eq!(changes, [""; 0], "the state is not saved either");
    // A token, the state, the blueprint, the entities, their owners.
    assert_eq!(world.port.journal().len(), 5);
}

#[test]
fn a_push_says_nothing_of_drift() {
    let world = world();
    change_by_hand(&world);
    assert_eq!(succeed(&world.change("a=A")).output("drift"), "");
    assert_eq!(world.title("microservice", "shop").unwrap(), "Kiosk");
}
