use proptest::prelude::*;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::RefusalScope as Scope;
use super::*;
use crate::port::wire::{Bulk, UpsertAnswer};

fn answer(status: u16, body: impl Into<String>) -> Answer {
    Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::new(),
        body: body.into().into(),
    }
}

fn rejection(status: u16, body: impl Into<String>) -> Rejection {
    match read::<UpsertAnswer>(&answer(status, body)) {
        Ok(_) => panic!("it is done"),
        Err(rejection) => rejection,
    }
}

#[test]
fn codes_say_more_than_statuses() {
    use ErrorCode as Code;
    for (status, error, code, scope) in [
        (400, "bad_request", Code::BadRequest, Scope::Blueprint),
        (400, "run_exhausted", Code::RunExhausted, Scope::Run),
        (401, "unauthorized", Code::Unauthorized, Scope::Run),
        (
            403,
            "missing_permissions",
            Code::MissingPermissions,
            Scope::Blueprint,
        ),
        (403, "has_dependents", Code::HasDependents, Scope::Entity),
        (
            403,
            "required_relation",
            Code::RequiredRelation,
            Scope::Entity,
        ),
        (404, "not_found", Code::NotFound, Scope::Entity),
        (
            409,
            "identifier_taken",
            Code::IdentifierTaken,
            Scope::Entity,
        ),
        (413, "bad_request", Code::TooLarge, Scope::Size),
        (422, "invalid_request", Code::InvalidRequest, Scope::Entity),
        (
            422,
            "blueprint_schema_mismatch",
            Code::SchemaMismatch,
            Scope::Entity,
        ),
        (
            422,
            "team_inheritance_enabled",
            Code::TeamInherited,
            Scope::Entity,
        ),
        (
            422,
            "required_relation",
            Code::RequiredRelation,
            Scope::Entity,
        ),
        (
            422,
            "relation_many_violation",
            Code::RelationManyViolation,
            Scope::Entity,
        ),
        (429, "too_many_requests", Code::Busy, Scope::Passing),
        (500, "internal_error", Code::Busy, Scope::Passing),
        (418, "teapot", Code::Other, Scope::Blueprint),
        // A code that nobody knows says nothing, and its status is left.
        (403, "new", Code::MissingPermissions, Scope::Blueprint),
        (422, "new", Code::InvalidRequest, Scope::Entity),
    ] {
        let body = json!({"ok": false, "error": error, "message": "no"});
        let rejection = rejection(status, body.to_string());
        assert_eq!((rejection.code, rejection.code.scope()), (code, scope));
        assert_eq!(
            (rejection.status, rejection.message.as_str()),
            (status, "no")
        );
        assert_eq!(ErrorCode::of(status, Some(error)), code);
    }
}

#[test]
fn an_item_concerns_itself_alone() {
    assert_eq!(ErrorCode::MissingPermissions.scope_of_item(), Scope::Entity);
    assert_eq!(ErrorCode::BadRequest.scope_of_item(), Scope::Entity);
    assert_eq!(ErrorCode::Busy.scope_of_item(), Scope::Passing);
    assert_eq!(ErrorCode::RunExhausted.scope_of_item(), Scope::Run);
}

#[test]
fn a_page_that_is_not_ports_is_named_by_its_title() {
    let page = "<!DOCTYPE html><HTML><head><Title lang=en>\n  Sign in –\tExample Corp </TITLE>";
    for status in [200, 201, 302, 403, 404] {
        let rejection = rejection(status, page);
        assert_eq!(rejection.code, ErrorCode::Foreign);
        assert_eq!(
            rejection.message,
            "something between the runner and Port answered, with a page titled \"Sign in – Example Corp\""
        );
        assert!(!is_own::<UpsertAnswer>(&answer(status, page)));
    }
    for body in [
        "",
        "ok",
        "<title>",
        "{}",
        "[]",
        "null",
        r#"{"status": "up"}"#,
    ] {
        assert_eq!(rejection(200, body).code, ErrorCode::Foreign, "{body}");
    }
    let refused = r#"{"message": "no Route matched"}"#;
    assert_eq!(
        rejection(404, refused).message,
        "something between the runner and Port answered, with the message \"no Route matched\""
    );
    // Whoever says these means the same by them.
    assert_eq!(rejection(503, page).code, ErrorCode::Busy);
    assert_eq!(rejection(413, page).code, ErrorCode::TooLarge);
    assert_eq!(rejection(413, page).message, "Sign in – Example Corp");
}

/// What may come in Port's place: pages, fragments, JSON of others, and JSON that is nearly Port's.
fn bodies() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (0..3_u8).prop_map(Value::from),
        Just(json!("a")),
        Just(json!([])),
        Just(json!({})),
        Just(json!(["a"])),
        Just(json!({"identifier": 1})),
        Just(json!([{"index": 0}])),
        Just(json!([{"created": true, "identifier": "a"}])),
    ];
    let names = [
        "ok",
        "entity",
        "entities",
        "errors",
        "deletedEntities",
        "message",
        "error",
    ];
    let field = (prop::sample::select(names.to_vec()), scalar);
    let object = prop::collection::vec(field, 0..6).prop_map(|fields| {
        let object: serde_json::Map<_, _> = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Value::from(object).to_string()
    });
    let real = json!({"ok": true, "entity": {"identifier": "a"}}).to_string();
    let cut = (0..real.len()).prop_map(move |end| real[..end].to_owned());
    prop_oneof![
        object,
        cut,
        ".{0,40}".prop_map(|text| format!("<html><title>{text}</title></html>")),
        any::<String>(),
    ]
}

proptest! {
    /// Whatever comes instead of Port's answer, nothing counts as done.
    #[test]
    fn nothing_is_done_unless_ports_body_says_so(status in 200_u16..600, body in bodies()) {
        let answer = answer(status, body.clone());
        let value: Value = serde_json::from_str(&body).unwrap_or_default();
        let is_done = answer.status.is_success() && value["ok"] == true;
        if let Ok(one) = read::<UpsertAnswer>(&answer) {
            prop_assert!(is_done && value["entity"]["identifier"].is_string());
            prop_assert!(is_own::<UpsertAnswer>(&answer));
            drop(one);
        }
        if let Ok(bulk) = read::<Bulk>(&answer) {
            prop_assert!(answer.status.is_success());
            for (index, result) in bulk.results(3).into_iter().enumerate() {
                let said = value["entities"].as_array().unwrap().iter().any(|item| {
                    item["index"] == index && item["created"].is_boolean()
                });
                prop_assert!(result.is_err() || said);
            }
        }
        if let Ok(deleted) = read::<crate::port::delete::Deleted>(&answer) {
            prop_assert!(is_done && value["deletedEntities"].is_array());
            drop(deleted);
        }
    }
}
