//! The routes that read, create and change blueprints.
//!
//! <https://docs.port.io/api-reference/create-a-blueprint>

use std::sync::LazyLock;

use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use fancy_regex::Regex;
use http::StatusCode;
use serde_json::{Value, json};

use super::catalog::Catalog;
use super::failure::{Failure, invalid};
use super::routes::{Answer, Parameters, Shared, ok};
use super::schema::{Pattern, fits};
use super::wire;
use super::world::Permission;

pub(super) fn router() -> Router<Shared> {
    let one = get(read).patch(update);
    Router::new()
        .route("/v1/blueprints", get(list).post(create))
        .route("/v1/blueprints/{blueprint}", one)
}

async fn list(State(shared): State<Shared>) -> Answer {
    let world = shared.lock();
    let may_read = |blueprint: &&Value| {
        let identifier = blueprint["identifier"].as_str().unwrap_or_default();
        world
            .permits(&Permission::ReadBlueprint(identifier.to_owned()))
            .is_ok()
    };
    let all = world.catalog.blueprints().map(|one| &one.json);
    let blueprints: Vec<_> = all.filter(may_read).collect();
    ok(json!({"ok": true, "blueprints": blueprints}))
}

async fn read(State(shared): State<Shared>, Path(blueprint): Path<String>) -> Answer {
    let world = shared.lock();
    world.permits(&Permission::ReadBlueprint(blueprint.clone()))?;
    ok(json!({"ok": true, "blueprint": world.catalog.blueprint(&blueprint)?.json}))
}

async fn create(
    State(shared): State<Shared>,
    Query(query): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let makes_page = query.flag("create_catalog_page", true)?;
    let body = wire::json(&body)?;
    let mut world = shared.lock();
    world.permits(&Permission::CreateBlueprints)?;
    let identifier = check(&world.catalog, &body)?;
    if world.catalog.blueprint(&identifier).is_ok() {
        return Err(Failure::taken(&identifier));
    }
    world.catalog.add_blueprint(body);
    let created = json!({"ok": true, "blueprint": world.catalog.blueprint(&identifier)?.json});
    if makes_page {
        world.catalog_pages.push(identifier);
    }
    Ok((StatusCode::CREATED, Json(created)).into_response())
}

/// Each field that is given replaces the old one as a whole. Whether Port merges the properties of
/// a `schema` is not documented, so nobody may count on it.
async fn update(
    State(shared): State<Shared>,
    Path(blueprint): Path<String>,
    body: Bytes,
) -> Answer {
    let given = wire::json(&body)?;
    let mut world = shared.lock();
    let mut changed = world.catalog.blueprint(&blueprint)?.json.clone();
    if let (Some(changed), Some(given)) = (changed.as_object_mut(), given.as_object()) {
        changed.extend(given.clone());
    }
    world.permits(&Permission::ChangeBlueprint(blueprint.clone()))?;
    if check(&world.catalog, &changed)? != blueprint {
        return invalid("the sandbox does not rename blueprints");
    }
    world.catalog.add_blueprint(changed);
    ok(json!({"ok": true, "blueprint": world.catalog.blueprint(&blueprint)?.json}))
}

const PATTERN: &str = r"^(?!\.{1,2}$)[\p{L}0-9@_.+:\\/-]{1,100}$";
static IDENTIFIER: Pattern = LazyLock::new(|| Regex::new(PATTERN));
const TYPES: &str = "string number boolean object array";
const FORMATS: &str = "date-time url email idn-email ipv4 ipv6 markdown yaml user blueprints team timer proto \
                       labeled-url";

/// Refuses what Port does not take as a blueprint; gives its identifier.
fn check(catalog: &Catalog, blueprint: &Value) -> Result<String, Failure> {
    let identifier = text(blueprint, "identifier")?;
    if !fits(&IDENTIFIER, &identifier) {
        return invalid(format!("body/identifier must match pattern \"{PATTERN}\""));
    }
    text(blueprint, "title")?;
    let Some(properties) = blueprint["schema"]["properties"].as_object() else {
        return invalid("body/schema/properties must be object");
    };
    for (name, property) in properties {
        let is_one_of = |value: &Value, known: &str| {
            let value = value.as_str().unwrap_or_default();
            known.split(' ').any(|one| one == value)
        };
        let is_type = is_one_of(&property["type"], TYPES);
        let is_format = property["format"].is_null() || is_one_of(&property["format"], FORMATS);
        if !is_type || !is_format {
            return invalid(format!(
                "body/schema/properties/{name} must be equal to one of the allowed values"
            ));
        }
    }
    for (name, relation) in blueprint["relations"].as_object().into_iter().flatten() {
        let target = relation["target"].as_str().unwrap_or_default();
        if target != identifier && catalog.blueprint(target).is_err() {
            return Err(catalog.not_found(format!(
                "Relation \"{name}\" has no target: blueprint \"{target}\" was not found"
            )));
        }
    }
    Ok(identifier)
}

fn text(blueprint: &Value, key: &str) -> Result<String, Failure> {
    let text = blueprint[key].as_str().filter(|text| !text.is_empty());
    let complaint = || Failure::invalid(format!("body/{key} must be string"));
    text.map(str::to_owned).ok_or_else(complaint)
}
