//! What Port, or something in its place, refuses: what becomes of the run, and what it says.

use port_gitops_sandbox::port::Permission;
use port_gitops_sandbox::{Fault, Sandbox, Switch, foreign};
use serde_json::json;

use crate::world::{World, assert_outputs, assert_shows, cannot_go_on, fails, succeed};

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
fn what_concerns_a_blueprint_is_said_once() {
    let world = World::new();
    let denied = Permission::WriteEntities("domain".to_owned());
    world.port.deny(denied);
    let result = fails(&world.push_file("port.yml", &many(60)));
    assert_outputs(&result, "failed=60 created=1");
    let errors = result.commands("error");
    assert_eq!(errors.len(), 1);
    let said = "`domain/d0` and 59 more of `domain`";
    assert!(errors[0].data.contains(said));
    assert_eq!(world.port_writes().len(), 2, "one for each blueprint");
}

#[test]
fn a_page_in_ports_place_is_named() {
    let world = World::new();
    let page = Fault::answer(foreign::page(200, "Sign in to Example"));
    let single = "/v1/blueprints/domain/entities";
    world.port.inject(page.on("POST", single).always());
    let result = fails(&world.push_file("port.yml", &many(1)));
    assert_outputs(&result, "failed=1 created=1");
    assert_shows(
        &result,
        &["between the runner and Port", "Sign in to Example"],
    );
    world.port.clear_faults();
    assert_outputs(
        &succeed(&world.push_file("README.md", "# Again\n")),
        "created=1",
    );
}

#[test]
fn a_page_before_anything_ends_the_run() {
    let (world, step) = World::new().with_change();
    let page = Fault::answer(foreign::page(200, "Sign in to Example"));
    let page = page.on("POST", "/v1/auth/access_token");
    world.port.inject(page.always());
    cannot_go_on(&step, &["Sign in to Example", "`base-url`"]);
}

const FULL: &str = "{identifier: a, blueprint: domain, title: A, icon: Microservice, team: [t]}";
const BARE: &str = "{identifier: a, blueprint: domain}";

#[test]
fn title_icon_and_team_are_cleared() {
    let nulls = "{identifier: a, blueprint: domain, title: null, icon: null, team: null}";
    for now in [BARE, nulls] {
        for merge in ["true", "false"] {
            let world = World::new();
            world.port.turn_off(Switch::PatchNullsIgnored);
            succeed(&world.push_file("port.yml", FULL).input("merge", merge));
            world.assert_holds("a=A");
            let result = succeed(&world.push_file("port.yml", now).input("merge", merge));
            assert_eq!(result.output("updated"), "1");
            let held = world.entity("domain", "a");
            for field in ["title", "icon", "team"] {
                assert_eq!(held[field], json!(null), "{now} {merge}");
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
        let file = |title: &str| format!("{{identifier: a, blueprint: domain{title}}}");
        succeed(&world.push_file("port.yml", &file(", title: A")));
        world.port.clear_journal();
        succeed(&world.push_file("port.yml", &file(title)));
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
    succeed(&world.push_file("port.yml", FULL));
    let result = succeed(&world.push_file("port.yml", BARE));
    let said = "Port keeps `title`, `icon`, `team` of `domain/a`";
    assert!(result.log.contains(said));
}
