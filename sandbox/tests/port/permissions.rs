use port_gitops_sandbox::port::Permission;
use serde_json::{Value, json};

use crate::client::{Port, code, service, strict};

const SERVICES: &str = "/v1/blueprints/service/entities";

fn names(body: &Value) -> Vec<&str> {
    let entities = body["entities"].as_array().unwrap().iter();
    entities
        .map(|one| one["identifier"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn one_blueprint_can_be_closed_to_writes() {
    let port = Port::start();
    port.put("service", json!({"identifier": "a"}));
    port.sandbox
        .deny(Permission::WriteEntities("service".into()));
    let entity = json!({"identifier": "b"});
    let bulk = json!({"entities": [entity]});
    let names = json!({"entities": ["a"]});
    for (status, body) in [
        port.merge("service", entity.clone()).await,
        port.post(&format!("{SERVICES}/bulk?upsert=true"), bulk)
            .await,
        port.patch(&format!("{SERVICES}/a"), json!({"title": "A"}))
            .await,
        port.delete(&format!("{SERVICES}/a")).await,
        port.post("/v1/blueprints/service/bulk/entities/delete", names)
            .await,
    ] {
        assert_eq!((status, code(&body)), (403, "missing_permissions"));
    }
    assert_eq!(port.merge("domain", entity).await.0, 201);
    assert_eq!(port.get(&format!("{SERVICES}/a")).await.0, 200);
}

#[tokio::test]
async fn one_blueprint_can_be_closed_to_reads() {
    let port = Port::start();
    port.put("service", json!({"identifier": "a"}));
    port.put("domain", json!({"identifier": "d"}));
    port.sandbox
        .deny(Permission::ReadEntities("service".into()));
    for (status, body) in [
        port.get(&format!("{SERVICES}/a")).await,
        port.post(&format!("{SERVICES}/search"), json!({})).await,
    ] {
        assert_eq!((status, code(&body)), (403, "missing_permissions"));
    }
    let all = json!({"combinator": "and", "rules": []});
    let (_, body) = port.post("/v1/entities/search", all).await;
    assert_eq!(names(&body), ["d"]);
}

#[tokio::test]
async fn a_read_policy_hides_an_entity() {
    let port = Port::start();
    for identifier in ["a", "b"] {
        port.put("service", json!({"identifier": identifier}));
    }
    port.sandbox.hide_entity("service", "a");
    let (status, body) = port.get(&format!("{SERVICES}/a")).await;
    assert_eq!((status, code(&body)), (404, "not_found"));
    let (_, body) = port.post(&format!("{SERVICES}/search"), json!({})).await;
    assert_eq!(names(&body), ["b"]);
    let (status, body) = port.post(SERVICES, json!({"identifier": "a"})).await;
    assert_eq!((status, code(&body)), (409, "identifier_taken"));
}

#[tokio::test]
async fn nothing_is_written_for_a_finished_run() {
    let port = Port::start();
    port.sandbox.finish_run("r1");
    let path = format!("{SERVICES}/bulk?upsert=true&run_id=");
    let body = json!({"entities": [{"identifier": "a"}]});
    let (status, answer) = port.post(&format!("{path}r1"), body.clone()).await;
    assert_eq!((status, code(&answer)), (400, "run_exhausted"));
    assert_eq!(port.post(&format!("{path}r2"), body).await.0, 200);
}

#[tokio::test]
async fn what_a_blueprint_requires_has_codes_of_its_own() {
    let port = Port::start();
    port.sandbox.add_blueprint(strict());
    port.put("domain", json!({"identifier": "d"}));
    let entity = |properties: Value, relations: Value| json!({"identifier": "a", "properties": properties, "relations": relations});
    for (properties, relations, status, error) in [
        (
            json!({}),
            json!({"domain": "d"}),
            422,
            "blueprint_schema_mismatch",
        ),
        (json!({"name": "n"}), json!({}), 422, "required_relation"),
        (
            json!({"name": "n"}),
            json!({"domain": ["d"]}),
            422,
            "relation_many_violation",
        ),
        (
            json!({"name": "n"}),
            json!({"domain": "x"}),
            404,
            "not_found",
        ),
    ] {
        let (got, body) = port.merge("strict", entity(properties, relations)).await;
        assert_eq!((got, code(&body)), (status, error));
    }
    let whole = entity(json!({"name": "n"}), json!({"domain": "d"}));
    assert_eq!(port.merge("strict", whole).await.0, 201);
    let (status, body) = port
        .merge("strict", entity(json!({}), json!({"domain": null})))
        .await;
    assert_eq!((status, code(&body)), (403, "required_relation"));
}

#[tokio::test]
async fn an_inherited_team_is_not_given() {
    let port = Port::start();
    let mut inheriting = service();
    inheriting["ownership"] = json!({"type": "Inherited", "path": "domain"});
    port.sandbox.add_blueprint(inheriting);
    port.put("domain", json!({"identifier": "d", "team": ["x"]}));
    let given = json!({"identifier": "a", "team": ["y"]});
    let (status, body) = port.merge("service", given).await;
    assert_eq!((status, code(&body)), (422, "team_inheritance_enabled"));
    let entity = json!({"identifier": "a", "relations": {"domain": "d"}});
    let (_, body) = port.merge("service", entity).await;
    assert_eq!(body["entity"]["team"], json!(["x"]));
    let (status, body) = port
        .patch(&format!("{SERVICES}/a"), json!({"team": null}))
        .await;
    assert_eq!((status, code(&body)), (422, "team_inheritance_enabled"));
}
