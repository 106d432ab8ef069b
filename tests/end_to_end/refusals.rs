//! What Port, or something in its place, refuses: what becomes of the run, and what it says.

use port_gitops_sandbox::port::Permission;
use port_gitops_sandbox::{Fault, Sandbox, Switch, foreign};
use serde_json::{Value, json};

use crate::world::{World, cannot_go_on, run, succeed};

fn many(count: usize) -> String {
    let domain = |n| format!("- {{identifier: d{n}, blueprint: domain}}\n");
    let service = "- {identifier: shop, blueprint: microservice}\n".to_owned();
    (0..count).map(domain).chain([service]).collect()
}

#[test]
fn an_unknown_client_is_blamed_on_the_credentials() {
    for (switch, status) in [
        (Switch::UnknownClientIs404, "404"),
        (Switch::UnknownClientIs422, "422"),
    ] {
        let (world, step) = World::new().with_change();
        world.port.turn_off(Switch::UnknownClientIs404);
        world.port.turn_off(Switch::UnknownClientIs422);
        world.port.turn_on(switch);
        let step = step.input("client-id", "nobody");
        cannot_go_on(&step, &["`client-id`", "`client-secret`", status]);
    }
}

#[test]
fn a_base_url_with_its_version_is_corrected() {
    for ending in ["/v1", "/v1/"] {
        let (world, step) = World::new().with_change();
        let step = step.input("base-url", format!("{}{ending}", world.port.url()));
        let result = succeed(&step);
        assert_eq!(result.output("created"), "1");
        let warnings = result.commands("warning");
        let is_said = warnings.iter().any(|one| one.data.contains("`base-url`"));
        assert!(is_said, "{}", result.log);
    }
}

#[test]
fn what_concerns_a_blueprint_is_said_once() {
    let world = World::new();
    let denied = Permission::WriteEntities("domain".to_owned());
    world.port.deny(denied);
    world.repository.write("port.yml", &many(60));
    let result = run(&world.push("Add many"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        (result.output("failed"), result.output("created")),
        ("60", "1")
    );
    let errors = result.commands("error");
    let [error] = &errors[..] else {
        panic!("{}", result.log);
    };
    assert!(
        error.data.contains("`domain/d0` and 59 more of `domain`"),
        "{}",
        error.data
    );
    assert_eq!(world.port_writes().len(), 2, "one for each blueprint");
}

#[test]
fn a_page_in_ports_place_is_named() {
    let world = World::new();
    let page = Fault::answer(foreign::page(200, "Sign in to Example"));
    let single = "/v1/blueprints/domain/entities";
    world.port.inject(page.on("POST", single).always());
    world.repository.write("port.yml", &many(1));
    let result = run(&world.push("Add"));
    assert_eq!(result.status, 1, "{}", result.log);
    assert_eq!(
        (result.output("failed"), result.output("created")),
        ("1", "1")
    );
    let errors = result.commands("error");
    let is_said = errors.iter().any(|one| {
        one.data.contains("between the runner and Port") && one.data.contains("Sign in to Example")
    });
    assert!(is_said, "{}", result.log);
    world.port.clear_faults();
    world.repository.write("README.md", "# Again\n");
    let result = succeed(&world.push("Try again"));
    assert_eq!(result.output("created"), "1", "{}", result.log);
}

#[test]
fn a_page_before_anything_ends_the_run() {
    let (world, step) = World::new().with_change();
    let page = Fault::answer(foreign::page(200, "Sign in to Example"));
    let page = page.on("POST", "/v1/auth/access_token");
    world.port.inject(page.always());
    cannot_go_on(&step, &["Sign in to Example", "`base-url`"]);
}

#[test]
fn a_run_that_is_over_is_blamed_on_its_input() {
    let (world, step) = World::new().with_change();
    world.port.finish_run("r_done");
    cannot_go_on(&step.input("run-id", "r_done"), &["`run-id`"]);
    assert!(world.entities().is_empty());
}

fn held(world: &World, field: &str) -> Value {
    let entity = world.port.entity("domain", "a").unwrap();
    entity.get(field).cloned().unwrap_or_default()
}

const FULL: &str = "{identifier: a, blueprint: domain, title: A, icon: Microservice, team: [t]}";

#[test]
fn title_icon_and_team_are_cleared() {
    for now in [
        "{identifier: a, blueprint: domain}",
        "{identifier: a, blueprint: domain, title: null, icon: null, team: null}",
    ] {
        for merge in ["true", "false"] {
            let world = World::new();
            world.port.turn_off(Switch::PatchNullsIgnored);
            world.repository.write("port.yml", FULL);
            succeed(&world.push("Add").input("merge", merge));
            assert_eq!(held(&world, "title"), "A");
            world.repository.write("port.yml", now);
            let result = succeed(&world.push("Clear").input("merge", merge));
            assert_eq!(result.output("updated"), "1", "{}", result.log);
            for field in ["title", "icon", "team"] {
                assert_eq!(held(&world, field), json!(null), "{now} {merge}");
            }
        }
    }
}

/// One clears it, and one reads it back. Where the line is gone, one more shows whether Port still holds what
/// was declared.
#[test]
fn a_cleared_title_costs_two_requests_and_a_removed_one_three() {
    let requests = |title: &str| {
        let world = World::new();
        world.port.turn_off(Switch::PatchNullsIgnored);
        world
            .repository
            .write("port.yml", "{identifier: a, blueprint: domain, title: A}");
        succeed(&world.push("Add"));
        world.port.clear_journal();
        let text = format!("{{identifier: a, blueprint: domain{title}}}");
        world.repository.write("port.yml", &text);
        succeed(&world.push("Change"));
        world.port_requests().len()
    };
    let usual = requests(", title: B");
    assert_eq!(requests(", title: null"), usual + 2);
    assert_eq!(requests(""), usual + 3);
}

#[test]
fn what_port_does_not_clear_is_said() {
    let world = World::new();
    world.port.turn_on(Switch::PatchNullsIgnored);
    world.repository.write("port.yml", FULL);
    succeed(&world.push("Add"));
    world
        .repository
        .write("port.yml", "{identifier: a, blueprint: domain}");
    let result = succeed(&world.push("Clear"));
    let said = "Port keeps `title`, `icon`, `team` of `domain/a`";
    assert!(result.log.contains(said), "{}", result.log);
}
