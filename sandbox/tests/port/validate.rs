use serde_json::{Value, json};

use crate::client::{Port, message, strict};

async fn refused(port: &Port, entity: Value) -> String {
    let (status, body) = port.merge("service", entity).await;
    assert_eq!(status, 422, "{body}");
    message(&body).to_owned()
}

#[tokio::test]
async fn properties_have_to_fit_the_blueprint() {
    let port = Port::start();
    for (name, value, complaint) in [
        (
            "url",
            json!("not a url"),
            "/properties/url must match format \"url\"",
        ),
        (
            "tier",
            json!("tin"),
            "/properties/tier must be equal to one of the allowed values",
        ),
        (
            "code",
            json!("abc"),
            "/properties/code must match pattern \"^[A-Z]{2}$\"",
        ),
        (
            "replicas",
            json!("3"),
            "/properties/replicas must be number",
        ),
        ("replicas", json!(-1), "/properties/replicas must be >= 0"),
        ("tags", json!(["a", 1]), "/properties/tags/1 must be string"),
        ("live", json!("yes"), "/properties/live must be boolean"),
        (
            "nope",
            json!(1),
            "/properties must NOT have additional properties: \"nope\"",
        ),
        (
            "health",
            json!("x"),
            "/properties must NOT have additional properties: \"health\"",
        ),
    ] {
        let entity = json!({"identifier": "a", "properties": {name: value}});
        assert_eq!(refused(&port, entity).await, complaint);
    }
    let right = json!({
        "url": "https://a.example/b", "tier": "gold", "code": "AB", "replicas": 3,
        "tags": ["a"], "live": false, "owner": {"x": 1},
    });
    let (status, _) = port
        .merge("service", json!({"identifier": "a", "properties": right}))
        .await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let port = Port::start();
    let entity = json!({
        "identifier": "a",
        "properties": {"live": 1, "tier": "tin"},
        "relations": {"other": "x"},
    });
    assert_eq!(refused(&port, entity).await.matches(" must ").count(), 3);
}

#[tokio::test]
async fn identifiers_have_to_fit_ports_pattern() {
    let port = Port::start();
    for identifier in ["", ".", "..", "a b", "a#b", "a%2Fb", &"x".repeat(1001)] {
        let (status, body) = port
            .merge("domain", json!({"identifier": identifier}))
            .await;
        assert_eq!(status, 422, "{identifier}");
        assert!(
            message(&body).starts_with("body/identifier must "),
            "{body}"
        );
    }
    for identifier in ["...", "a@_.+:\\/='-9", "Größe", &"x".repeat(1000)] {
        let (status, _) = port
            .merge("domain", json!({"identifier": identifier}))
            .await;
        assert_eq!(status, 201, "{identifier}");
    }
}

#[tokio::test]
async fn relations_have_to_fit_the_blueprint() {
    let port = Port::start();
    for (name, value, complaint) in [
        (
            "domain",
            json!(["d"]),
            "Relation \"domain\" cannot contain more than one entity",
        ),
        ("needs", json!("a"), "/relations/needs must be array"),
        (
            "nope",
            json!("a"),
            "/relations must NOT have additional properties: \"nope\"",
        ),
        (
            "domain",
            json!(1),
            "body/relations/domain must match a schema in anyOf",
        ),
        (
            "needs",
            json!(["a", "b c"]),
            "body/relations/needs/1 must match pattern",
        ),
    ] {
        let entity = json!({"identifier": "a", "relations": {name: value}});
        let message = refused(&port, entity).await;
        assert!(message.starts_with(complaint), "{message}");
    }
}

#[tokio::test]
async fn a_relation_target_has_to_be_there() {
    let port = Port::start();
    let entity = json!({"identifier": "a", "relations": {"domain": "d"}});
    let (status, body) = port.merge("service", entity.clone()).await;
    assert_eq!((status, &body["error"]), (404, &json!("not_found")));
    for part in ["\"domain\"", "\"d\"", "Relation target"] {
        assert!(message(&body).contains(part), "{body}");
    }
    assert_eq!(port.sandbox.entities(), []);
    port.put("domain", json!({"identifier": "d"}));
    assert_eq!(port.merge("service", entity).await.0, 201);
}

#[tokio::test]
async fn a_missing_target_is_created_if_asked() {
    let port = Port::start();
    let path = "/v1/blueprints/service/entities?upsert=true&create_missing_related_entities=true";
    let entity = json!({"identifier": "a", "relations": {"domain": "d", "needs": ["b", "c"]}});
    assert_eq!(port.post(path, entity).await.0, 201);
    let names: Vec<_> = port
        .sandbox
        .entities()
        .into_iter()
        .map(|(_, name, _)| name)
        .collect();
    assert_eq!(names, ["d", "a", "b", "c"]);
}

#[tokio::test]
async fn users_and_teams_are_never_created_on_the_side() {
    let port = Port::start();
    port.sandbox.add_blueprint(json!({"identifier": "_user"}));
    port.sandbox.add_blueprint(json!({
        "identifier": "page",
        "relations": {"author": {"target": "_user", "many": false, "required": false}},
    }));
    let path = "/v1/blueprints/page/entities?upsert=true&create_missing_related_entities=true";
    let entity = json!({"identifier": "a", "relations": {"author": "me@here"}});
    assert_eq!(port.post(path, entity).await.0, 404);
    assert_eq!(port.sandbox.entities(), []);
}

#[tokio::test]
async fn an_entity_may_point_at_itself_and_at_those_before_it() {
    let port = Port::start();
    let path = "/v1/blueprints/service/entities/bulk?upsert=true";
    let entities = json!([
        {"identifier": "a", "relations": {"needs": ["a"]}},
        {"identifier": "b", "relations": {"needs": ["a"]}},
        {"identifier": "c", "relations": {"needs": ["d"]}},
        {"identifier": "d"},
    ]);
    let (status, body) = port.post(path, json!({"entities": entities})).await;
    assert_eq!(status, 207);
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
    assert_eq!(body["errors"][0]["index"], 2);
}

#[tokio::test]
async fn what_is_required_has_to_be_there_afterwards() {
    let port = Port::start();
    port.sandbox.add_blueprint(strict());
    port.put("domain", json!({"identifier": "d"}));
    let (status, body) = port.merge("strict", json!({"identifier": "a"})).await;
    assert_eq!(status, 422);
    assert_eq!(
        message(&body),
        "/properties must have required property 'name'"
    );
    let whole =
        json!({"identifier": "a", "properties": {"name": "n"}, "relations": {"domain": "d"}});
    assert_eq!(port.merge("strict", whole).await.0, 201);
    assert_eq!(
        port.merge("strict", json!({"identifier": "a", "title": "A"}))
            .await
            .0,
        201
    );
    let cleared = json!({"identifier": "a", "properties": {"name": null}});
    assert_eq!(port.merge("strict", cleared).await.0, 422);
    let cleared = json!({"identifier": "a", "relations": {"domain": null}});
    assert_eq!(port.merge("strict", cleared).await.0, 403);
}
