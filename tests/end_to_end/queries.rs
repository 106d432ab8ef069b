//! Teams, relations and identifiers that are search queries: a full run asks Port what they find.

use port_gitops_sandbox::{Fault, Sandbox, StepResult, Switch};
use serde_json::{Value, json};

use crate::scenes::{plain, report, states};
use crate::world::{World, assert_outputs, fails, pruning, succeed};

const ASKED: &str = "*/blueprints/domain/entities/search";

/// Two entities that ask the same, and one that asks for itself.
const FILE: &str = r#"
- &shop
  identifier: shop
  blueprint: microservice
  title: Shop
  team: {combinator: and, rules: [{property: $title, operator: "=", value: Blue}]}
  relations:
    domain: {combinator: and, rules: [{property: $title, operator: "=", value: Sales}]}
    dependsOn: {combinator: or, rules: [{property: language, operator: in, value: [Go, C]}]}
- <<: *shop
  identifier: mail
  title: Mail
"#;

fn query(property: &str, value: &str) -> Value {
    let rule = json!({"property": property, "operator": "=", "value": value});
    json!({"combinator": "and", "rules": [rule]})
}

fn shop(world: &World) -> Value {
    world.entity("microservice", "shop")
}

/// What is found is there, and what asks for it is written.
fn world() -> World {
    let world = World::new();
    world.port.add_blueprint(json!({"identifier": "_team"}));
    for (team, title) in [("blue", "Blue"), ("red", "Red")] {
        world.put("_team", json!({"identifier": team, "title": title}));
    }
    for (domain, title) in [("sales", "Sales"), ("support", "Support")] {
        world.put("domain", json!({"identifier": domain, "title": title}));
    }
    let library = |name: &str, language: &str| json!({"identifier": name, "properties": {"language": language}});
    world.put("microservice", library("curl", "C"));
    world.put("microservice", library("hugo", "Go"));
    succeed(&world.push_file("port.yml", FILE));
    world.port.clear_journal();
    world
}

fn changes(result: &StepResult) -> Value {
    report(result)["entities"][0]["changes"].clone()
}

#[test]
fn what_is_as_its_queries_find_it_is_no_drift() {
    let world = world();
    let shop = shop(&world);
    assert_eq!(shop["team"], json!(["blue"]));
    let relations = json!({"domain": "sales", "dependsOn": ["curl", "hugo"]});
    assert_eq!(shop["relations"], relations);

    assert_outputs(
        &succeed(&world.nightly().input("mode", "plan")),
        "drift=false unchanged=2",
    );
    let requests = world.port_requests().into_iter();
    let searches = requests.filter(|one| one.ends_with("/search")).count();
    assert_eq!(searches, 1 + 3, "each query is asked once");

    assert_outputs(&succeed(&world.nightly()), "drift=false");
    assert_eq!(world.port_changes(), [""; 0]);
}

#[test]
fn what_the_queries_find_anew_is_drift_and_is_fixed() {
    let world = world();
    world.put("domain", json!({"identifier": "sales", "title": "Old"}));
    world.put("domain", json!({"identifier": "shops", "title": "Sales"}));
    world.put("_team", json!({"identifier": "navy", "title": "Blue"}));
    let jq = json!({"identifier": "jq", "properties": {"language": "C"}});
    world.put("microservice", jq);
    let result = succeed(&world.nightly().input("mode", "plan"));
    assert_eq!(result.output("drift"), "true");
    let expected = json!([
        {"field": "team", "from": ["blue"], "to": ["blue", "navy"]},
        {"field": "relations.dependsOn", "from": ["curl", "hugo"], "to": ["curl", "hugo", "jq"]},
        {"field": "relations.domain", "from": "sales", "to": "shops"},
    ]);
    assert_eq!(changes(&result), expected);

    succeed(&world.nightly());
    let shop = shop(&world);
    assert_eq!(shop["team"], json!(["blue", "navy"]));
    let relations = json!({"domain": "shops", "dependsOn": ["curl", "hugo", "jq"]});
    assert_eq!(shop["relations"], relations);
    assert_eq!(succeed(&world.nightly()).output("drift"), "false");
}

#[test]
fn a_query_that_cannot_be_asked_is_written() {
    for status in [400, 403, 404, 422] {
        let world = world();
        let fault = Fault::status(status).on("POST", ASKED).always();
        world.port.inject(fault);
        let result = succeed(&world.nightly());
        assert_outputs(&result, "drift=true updated=2");
        let field = &changes(&result)[0];
        assert_eq!(field["field"], "relations.domain");
        assert!(plain(&result).contains("combinator"));
    }
}

#[test]
fn what_one_target_is_too_few_for_is_ports_to_say() {
    // Two domains are called so, or none is.
    for called_so in [&["support", "third"][..], &[]] {
        let world = world();
        world.port.turn_off(Switch::NotFoundIsVague);
        world.put("domain", json!({"identifier": "sales", "title": "Old"}));
        for name in called_so {
            world.put("domain", json!({"identifier": name, "title": "Sales"}));
        }
        let result = fails(&world.nightly());
        assert_eq!(result.output("failed"), "2");
        assert!(result.commands("error")[0].data.contains("the query for"));
    }
}

#[test]
fn a_pull_request_shows_what_another_query_finds() {
    let world = world();
    world.begin_topic();
    let changed = FILE.replace("Sales", "Support");
    world
        .write("port.yml", &changed)
        .commit("Ask for another domain");
    let result = succeed(&world.pull_request());
    let expected = json!([{"field": "relations.domain", "from": "sales", "to": "support"}]);
    assert_eq!(changes(&result), expected);
}

#[test]
fn an_entity_that_a_query_names_is_compared_with_what_it_finds() {
    let world = world();
    let entity = json!({
        "identifier": query("$title", "Sales"), "blueprint": "domain", "icon": "Cart",
    });
    succeed(&world.push_file("named/entity.json", &entity.to_string()));
    assert_eq!(world.entity("domain", "sales")["icon"], "Cart");
    world.port.clear_journal();

    assert_outputs(&succeed(&world.nightly()), "drift=false");
    let by_hand = json!({"identifier": "sales", "title": "Sales", "icon": "Bag"});
    world.put("domain", by_hand);
    let result = succeed(&world.nightly().input("mode", "plan"));
    assert_eq!(result.output("drift"), "true");
    let expected = json!([{"field": "icon", "from": "Bag", "to": "Cart"}]);
    assert_eq!(changes(&result), expected);
    succeed(&world.nightly());
    assert_eq!(world.entity("domain", "sales")["icon"], "Cart");
}

#[test]
fn what_a_query_names_is_not_deleted() {
    let world = World::fresh();
    world.put("domain", json!({"identifier": "sales", "title": "Sales"}));
    world.write_domain("port.yml", "a", "A");
    let named = |identifier: Value, icon: &str| {
        json!({"identifier": identifier, "blueprint": "domain", "icon": icon}).to_string()
    };
    let text = named(query("$title", "Sales"), "Cart");
    succeed(&pruning(world.push_file("named/entity.json", &text)));
    // The catalog says that this owner wrote it, and no file says `sales`.
    let result = succeed(&pruning(world.nightly()));
    assert_eq!(states(&result).len(), 2);
    world.entity("domain", "sales");

    // By its identifier and by a query it is the same entity.
    for (identifier, icon) in [(json!("sales"), "Bag"), (query("$title", "Sales"), "Purse")] {
        let text = named(identifier, icon);
        succeed(&pruning(world.push_file("named/entity.json", &text)));
        world.entity("domain", "sales");
    }

    // Port made nothing for a query, so nothing is taken away with it.
    world.remove("named/entity.json");
    let result = succeed(&pruning(world.push("Name it no more")));
    assert_eq!(result.output("deleted"), "0");
    assert!(plain(&result).contains("stays in Port, as it was there before"));
    world.entity("domain", "sales");
}

#[test]
fn what_a_query_names_in_a_file_that_did_not_change_is_not_deleted() {
    let world = World::new();
    world.write_domain("port.yml", "sales", "Sales");
    world.write_domain("other/port.yml", "gone", "Gone");
    succeed(&pruning(world.push("Declare it")));
    let named = json!({
        "identifier": query("$title", "Sales"), "blueprint": "domain", "icon": "Cart",
    });
    let step = world.push_file("named/entity.json", &named.to_string());
    succeed(&pruning(step));
    let by_hand = json!({"identifier": "sales", "title": "Sales", "icon": "Bag"});
    world.put("domain", by_hand);
    world.remove("port.yml").remove("other/port.yml");
    assert_outputs(
        &succeed(&pruning(world.push("Leave it to the query"))),
        "deleted=1",
    );
    world.assert_holds("gone=-");
    let icon = &world.entity("domain", "sales")["icon"];
    assert_eq!(icon, "Bag", "a push does not fix what it did not change");
}
