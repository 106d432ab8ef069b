//! `port-gitops schema`: entity files in editors.

use std::fs;

use port_gitops_sandbox::port::blueprints;
use port_gitops_sandbox::{Answer, Fault, Sandbox};
use serde_json::json;

use crate::commands::Desk;

#[test]
fn it_describes_what_files_may_write_and_costs_two_requests() {
    let desk = Desk::new().with_blueprints();
    let schema = desk.succeed(&["schema"]).json();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let requests = ["POST /v1/auth/access_token", "GET /v1/blueprints"];
    assert_eq!(desk.requests(), requests);
    for (arguments, expected) in [
        (&[][..], json!(["domain", "microservice", null])),
        (
            &["--blueprints", "*", "--blueprints", "!domain"],
            json!(["_user", "microservice", null]),
        ),
        (
            &["--state-blueprint", "domain"],
            json!(["gitops_source", "microservice", null]),
        ),
    ] {
        let schema = desk.succeed(&[&["schema"], arguments].concat()).json();
        let properties = &schema["definitions"]["entity"]["properties"];
        assert_eq!(properties["blueprint"]["enum"], expected);
    }
}

#[test]
fn a_committed_file_is_written_and_checked() {
    const FILE: &str = "port.schema.json";
    let desk = Desk::new().with_blueprints();
    let check = ["schema", "--output", FILE, "--check"];
    let is_stale = |expected: &str| {
        let stale = desk.run(&check);
        assert_eq!((stale.status, stale.out), (1, format!("{FILE} {expected}")));
    };
    let again = "run `port-gitops schema --output port.schema.json` and commit the file\n";
    is_stale(&format!("is not there; {again}"));

    let written = desk.succeed(&check[..3]);
    assert_eq!(written.out, "Wrote port.schema.json: 2 blueprints\n");
    let text = desk.read(FILE);
    assert_eq!(text, desk.succeed(&["schema"]).out);
    for arguments in [&check[..], &check[..3]] {
        let out = desk.succeed(arguments).out;
        assert_eq!(out, "port.schema.json is up to date\n");
    }

    let mut blueprint = blueprints::domain();
    blueprint["schema"]["properties"]["budget"] = json!({"type": "number"});
    desk.port.add_blueprint(blueprint);
    desk.port.add_blueprint(json!({"identifier": "team"}));
    is_stale(&format!(
        "is stale; {again}  ~ (all entities)\n  + domain.properties.budget\n  + team\n"
    ));
    assert_eq!(desk.read(FILE), text, "a check writes nothing");

    desk.write(FILE, "{");
    is_stale(&format!("is not JSON; {again}"));
}

#[test]
fn what_cannot_be_made_is_said_and_nothing_is_written() {
    let desk = Desk::new().with_blueprints();
    let fails = |arguments: &[&str], needle: &str| {
        desk.cannot_go_on(&[&["schema"], arguments].concat(), needle);
    };
    let there = "there are `_user`, `domain`, `gitops_source`";
    fails(&["--blueprints", "nothing"], there);
    fails(
        &["--blueprints", "a["],
        "--blueprints: line 1: `a[` is not a glob",
    );
    fails(&["--blueprint", "none"], "Port has no blueprint `none`");
    fails(&["--check"], "--check needs --output FILE");
    fails(&["--output", "none/x.json"], "cannot write none/x.json: ");
    let refusal = json!({"ok": false, "error": "missing_permissions", "message": "Not you"});
    let refused = Fault::answer(Answer::json(403, &refusal));
    desk.port.inject(refused.on("GET", "/v1/blueprints"));
    let said = "Not you; check what the credentials may do";
    fails(&["--output", "x.json"], said);
    let left = fs::read_dir(desk.root()).unwrap().count();
    assert_eq!(left, 1, "only `.git` is there");
}
