//! A push's changed entities reach Port, and nothing else does.

use port_gitops_sandbox::{Sandbox, Switch};
use serde_json::{Value, json};

use crate::world::{World, assert_outputs, domain, errors_at, fails, succeed};

const SERVICE: &str = r#"{
  "identifier": "notification-microservice",
  "title": "Notification Service",
  "properties": {"url": "https://www.github.com/user/notification"}
}"#;

#[test]
fn one_file_is_one_request_and_formatting_is_none() {
    let world = World::new();
    let push = |text: &str| {
        world.port.clear_journal();
        let step = world.push_file("entity.json", text);
        succeed(&step.input("blueprint", "microservice"))
    };
    assert_eq!(push(SERVICE).output("created"), "1");
    let path = "/v1/blueprints/microservice/entities";
    let upserts = world.port.requests_to("POST", path);
    let [upsert] = &upserts[..] else {
        panic!("{upserts:?}");
    };
    let flags = ["upsert", "merge"].map(|name| upsert.query_value(name));
    assert_eq!(flags, [Some("true"); 2]);
    let sent: Value = serde_json::from_str(SERVICE).unwrap();
    assert_eq!(upsert.json().unwrap(), sent);
    let agent = concat!(
        "port-gitops/",
        env!("CARGO_PKG_VERSION"),
        " (octo-org/catalog)"
    );
    assert_eq!(upsert.header("user-agent"), Some(agent));

    let renamed = SERVICE.replace("Notification S", "Mail S");
    assert_eq!(push(&renamed).output("updated"), "1");
    assert_eq!(world.port_writes().len(), 1);
    let title = world.title("microservice", "notification-microservice");
    assert_eq!(title.unwrap(), "Mail Service");

    let reformatted = push(&renamed.replace('\n', "\r\n    "));
    assert_eq!(reformatted.output("unchanged"), "1");
    assert!(world.port_writes().is_empty());
    assert_eq!(world.saves().len(), 1, "the file has another version");
}

#[test]
fn one_failure_does_not_stop_the_others() {
    let world = World::new();
    world.port.turn_off(Switch::NotFoundIsVague);
    let yaml = "\
- {identifier: good, blueprint: microservice}
- {identifier: refused, blueprint: microservice, relations: {domain: nowhere}}
- {identifier: 42, blueprint: microservice}
- {identifier: mistaken, blueprint: microservice, properties: {language: COBOL}}
- {identifier: fine, blueprint: domain}
";
    let result = fails(&world.push_file("port.yml", yaml));
    assert_outputs(&result, "created=2 failed=1 invalid=2");
    world.entity("microservice", "good");
    world.entity("domain", "fine");
    assert_eq!(world.entities().len(), 2);
    let expected = [
        "port.yml:2 missing-relation-target",
        "port.yml:3 wrong-type",
        "port.yml:4 invalid-property",
    ];
    assert_eq!(errors_at(&result, &["file", "line"]), expected);
    assert!(result.summary.contains("missing-relation-target"));
}

#[test]
fn identifiers_with_slashes_stay_one_segment() {
    let world = World::new();
    world
        .port
        .add_blueprint(json!({"identifier": "team/service"}));
    succeed(&world.push_file("port.yml", "identifier: a/b\nblueprint: team/service\n"));
    let writes = world.port_writes();
    assert_eq!(writes, ["POST /v1/blueprints/team%2Fservice/entities"]);
    world.entity("team/service", "a/b");
}

#[test]
fn the_outputs_are_those_that_the_action_declares_and_the_report_is_data() {
    let world = World::new();
    let step = world.push_file("port.yml", &domain("a"));
    let step = step.input("report-file", "reports/port.json");
    let result = succeed(&step);
    let declared = include_str!("../../action.yml")
        .split_once("\noutputs:\n")
        .unwrap()
        .1;
    let declared = declared.lines().take_while(|line| line.starts_with("  "));
    let declared = declared.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    let mut declared: Vec<_> = declared.filter(|name| !name.starts_with(' ')).collect();
    declared.sort_unstable();
    assert_eq!(result.outputs.keys().collect::<Vec<_>>(), declared);
    assert_eq!(result.output("commit"), world.head().as_str());
    let report: Value = serde_json::from_str(result.output("report")).unwrap();
    assert_eq!(report["version"], 1);
    assert_eq!(report["counts"], json!({"created": 1}));
    assert_eq!(report["entities"][0]["location"]["path"], "port.yml");
    let file = std::fs::read(step.workspace().join("reports/port.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&file).unwrap(), report);
}
