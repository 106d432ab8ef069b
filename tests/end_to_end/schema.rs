//! `port-gitops schema`: entity files in editors.

use std::fs;

use port_gitops_sandbox::port::blueprints;
use port_gitops_sandbox::{Answer, Fault, Sandbox};
use serde_json::{Value, json};

use crate::commands::Desk;

fn shop() -> Desk {
    let desk = Desk::new();
    desk.port.add_blueprint(blueprints::domain());
    desk.port.add_blueprint(blueprints::microservice());
    desk.port.add_blueprint(json!({"identifier": "_user"}));
    desk.port
        .add_blueprint(json!({"identifier": "gitops_source"}));
    desk
}

fn names(schema: &str) -> Value {
    let schema: Value = serde_json::from_str(schema).unwrap();
    schema["definitions"]["entity"]["properties"]["blueprint"]["enum"].clone()
}

#[test]
fn it_describes_what_files_may_write_and_costs_two_requests() {
    let desk = shop();
    let schema = desk.succeed(&["schema"]).out;
    assert_eq!(names(&schema), json!(["domain", "microservice", null]));
    let requests = ["POST /v1/auth/access_token", "GET /v1/blueprints"];
    assert_eq!(desk.requests(), requests);
    let parsed: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(parsed["$schema"], "http://json-schema.org/draft-07/schema#");

    let schema = desk
        .succeed(&["schema", "--blueprints", "*", "--blueprints", "!domain"])
        .out;
    assert_eq!(names(&schema), json!(["_user", "microservice", null]));
    let schema = desk.succeed(&["schema", "--state-blueprint", "domain"]).out;
    assert_eq!(
        names(&schema),
        json!(["gitops_source", "microservice", null])
    );
}

#[test]
fn a_committed_file_is_written_and_checked() {
    let desk = shop();
    let check = ["schema", "--output", "port.schema.json", "--check"];
    let missing = desk.run(&check);
    assert_eq!(missing.status, 1);
    let again = "run `port-gitops schema --output port.schema.json` and commit the file\n";
    assert_eq!(
        missing.out,
        format!("port.schema.json is not there; {again}")
    );

    let written = desk.succeed(&check[..3]);
    assert_eq!(written.out, "Wrote port.schema.json: 2 blueprints\n");
    let text = desk.read("port.schema.json");
    assert_eq!(text, desk.succeed(&["schema"]).out);
    assert_eq!(desk.succeed(&check).out, "port.schema.json is up to date\n");
    assert_eq!(
        desk.succeed(&check[..3]).out,
        "port.schema.json is up to date\n"
    );

    let mut blueprint = blueprints::domain();
    blueprint["schema"]["properties"]["budget"] = json!({"type": "number"});
    desk.port.add_blueprint(blueprint);
    desk.port.add_blueprint(json!({"identifier": "team"}));
    let stale = desk.run(&check);
    assert_eq!(stale.status, 1);
    let expected = format!(
        "port.schema.json is stale; {again}  ~ (all entities)\n  + domain.properties.budget\n  + team\n"
    );
    assert_eq!(stale.out, expected);
    assert_eq!(
        desk.read("port.schema.json"),
        text,
        "a check writes nothing"
    );

    fs::write(desk.path("port.schema.json"), "{").unwrap();
    assert!(
        desk.run(&check)
            .out
            .starts_with("port.schema.json is not JSON; ")
    );
}

#[test]
fn what_cannot_be_made_is_said_and_nothing_is_written() {
    let desk = shop();
    let fails = |arguments: &[&str], needle: &str| {
        let finished = desk.run(arguments);
        assert_eq!(finished.status, 2);
        assert!(finished.errors.contains(needle));
        assert_eq!(finished.out, "");
    };
    fails(
        &["schema", "--blueprints", "nothing"],
        "there are `_user`, `domain`, `gitops_source`",
    );
    fails(
        &["schema", "--blueprints", "a["],
        "--blueprints: line 1: `a[` is not a glob",
    );
    fails(
        &["schema", "--blueprint", "none"],
        "Port has no blueprint `none`",
    );
    fails(&["schema", "--check"], "--check needs --output FILE");
    fails(
        &["schema", "--output", "none/x.json"],
        "cannot write none/x.json: ",
    );
    let answer = Answer::json(
        403,
        &json!({"ok": false, "error": "missing_permissions", "message": "Not you"}),
    );
    desk.port
        .inject(Fault::answer(answer).on("GET", "/v1/blueprints"));
    fails(
        &["schema", "--output", "x.json"],
        "Not you; check what the credentials may do",
    );
    assert!(!desk.path("x.json").exists());
    let left = fs::read_dir(desk.root()).unwrap().count();
    assert_eq!(left, 1, "only `.git` is there");
}
