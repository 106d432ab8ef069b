//! The routes, as Port's OpenAPI document has them.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access;
use super::catalog::Catalog;
use super::failure::{Failure, invalid};
use super::model;
use super::search::{self, Names, Projection};
use super::upsert::{self, How, Options, Written};
use super::wire::{self, Draft};
use super::world::{Permission, World};
use crate::switch::Switch;

/// What all requests share.
pub(super) type Shared = Arc<Mutex<World>>;

pub(super) fn router(shared: Shared) -> Router {
    let entity = get(read_entity).patch(patch_entity);
    let of_blueprint = Router::new()
        .route("/entities", post(write_entity))
        .route("/entities/bulk", post(write_entities))
        .route("/entities/search", post(search_blueprint))
        .route("/entities/{entity}", entity)
        .route("/bulk/entities/delete", post(delete_entities));
    let guarded = model::router()
        .nest("/v1/blueprints/{blueprint}", of_blueprint)
        .route("/v1/entities/search", post(search_all))
        .route_layer(middleware::from_fn(authorize));
    Router::new()
        .route("/v1/auth/access_token", post(grant_token))
        .merge(guarded)
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .layer(middleware::from_fn_with_state(shared.clone(), ration))
        // The limit is Port's own, and so is the answer past it.
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

pub(super) type Answer = Result<Response, Failure>;
type Parts = (String, String);

async fn no_route(request: Request) -> Failure {
    Failure::not_found(format!(
        "Route {}:{} not found",
        request.method(),
        request.uri().path()
    ))
}

async fn authorize(request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    match access::check(given.and_then(|value| value.to_str().ok())) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

async fn ration(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let share = {
        let world = &mut *shared.lock();
        world.budget.take(&world.catalog.switches)
    };
    let mut response = if share.granted {
        next.run(request).await
    } else {
        Failure::new(429, "too_many_requests", "Rate limit exceeded").into_response()
    };
    for (name, value) in share.headers {
        response
            .headers_mut()
            .insert(name, HeaderValue::from(value));
    }
    response
}

/// The query parameters of a request.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Parameters(Vec<Parts>);

impl Parameters {
    fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs.find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Failure> {
        match self.value(name) {
            None => Ok(default),
            Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => invalid(format!("querystring/{name} must be boolean")),
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        let named = |key: &str| key == name || key.strip_suffix("[]") == Some(name);
        let pairs = self.0.iter().filter(|(key, _)| named(key));
        pairs.map(|(_, value)| value.clone()).collect()
    }

    fn how(&self) -> Result<How, Failure> {
        let flags = (self.flag("upsert", false)?, self.flag("merge", false)?);
        Ok(match flags {
            (false, _) => How::Create,
            (true, false) => How::Replace,
            (true, true) => How::Merge,
        })
    }

    fn options(&self, how: How) -> Result<Options, Failure> {
        Ok(Options {
            how,
            create_missing: self.flag("create_missing_related_entities", false)?,
        })
    }

    fn projection(&self) -> Result<Projection, Failure> {
        Ok(Projection {
            include: self.list("include"),
            names: Names::Paths,
            without_calculated: self.flag("exclude_calculated_properties", false)?,
        })
    }
}

pub(super) fn ok(body: Value) -> Answer {
    Ok(Json(body).into_response())
}

async fn grant_token(State(shared): State<Shared>, body: Bytes) -> Answer {
    let mut world = shared.lock();
    let granted = access::grant(&wire::json(&body)?, &world.catalog.switches)?;
    world.catalog.log_in();
    ok(granted)
}

/// Fails if nothing may be written to entities of a blueprint on behalf of the action run that
/// the query names.
fn check_access(world: &World, blueprint: &str, query: &Parameters) -> Result<(), Failure> {
    world.catalog.blueprint(blueprint)?;
    world.permits(&Permission::WriteEntities(blueprint.to_owned()))?;
    world.takes_run(query.value("run_id"))
}

async fn write_entity(
    State(shared): State<Shared>,
    Path(blueprint): Path<String>,
    Query(query): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let draft = Draft::read(&wire::json(&body)?, "body")?;
    let options = query.options(query.how()?)?;
    write_one(&shared, &blueprint, draft, &query, options)
}

async fn patch_entity(
    State(shared): State<Shared>,
    Path((blueprint, entity)): Path<Parts>,
    Query(query): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let draft = Draft::read_patch(&wire::json(&body)?, &entity)?;
    let options = query.options(How::Patch)?;
    write_one(&shared, &blueprint, draft, &query, options)
}

fn write_one(
    shared: &Shared,
    blueprint: &str,
    draft: Draft,
    query: &Parameters,
    options: Options,
) -> Answer {
    let validation_only = query.flag("validation_only", false)?;
    let mut world = shared.lock();
    let world = &mut *world;
    check_access(world, blueprint, query)?;
    world.refused(blueprint, draft.name())?;
    let mut scratch = validation_only.then(|| world.catalog.clone());
    let catalog = scratch.as_mut().unwrap_or(&mut world.catalog);
    let written = upsert::upsert(catalog, blueprint, draft, options)?;
    let whole = Projection::default();
    let entity = sent(catalog, blueprint, &written.identifier, &whole)?;
    let status = match options.how {
        How::Patch => StatusCode::OK,
        // Also for an update.
        How::Create | How::Replace | How::Merge => StatusCode::CREATED,
    };
    Ok((status, Json(json!({"ok": true, "entity": entity}))).into_response())
}

async fn write_entities(
    State(shared): State<Shared>,
    Path(blueprint): Path<String>,
    Query(query): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let mut world = shared.lock();
    let world = &mut *world;
    let drafts = Draft::read_bulk(&wire::json(&body)?, world.bulk.upsert.get())?;
    let options = query.options(query.how()?)?;
    let validation_only = query.flag("validation_only", false)?;
    check_access(world, &blueprint, &query)?;
    let mut scratch = validation_only.then(|| world.catalog.clone());
    let (mut entities, mut errors) = (Vec::new(), Vec::new());
    for (index, draft) in drafts.into_iter().enumerate() {
        let name = draft.name().to_owned();
        let refused = world.refused(&blueprint, &name);
        let catalog = scratch.as_mut().unwrap_or(&mut world.catalog);
        let written = refused.and_then(|()| upsert::upsert(catalog, &blueprint, draft, options));
        match written {
            Ok(written) => entities.push(done(index, &written)),
            Err(failure) => errors.push(failure.of_entity(index, &name)),
        }
    }
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::MULTI_STATUS
    };
    let mut body = json!({"ok": errors.is_empty(), "entities": entities, "errors": errors});
    if let Some(limit) = world.bulk.upsert.tell() {
        body["maxBulkSize"] = limit.into();
    }
    Ok((status, Json(body)).into_response())
}

fn done(index: usize, written: &Written) -> Value {
    json!({
        "created": written.created,
        "identifier": written.identifier,
        "index": index,
    })
}

fn sent(
    catalog: &Catalog,
    blueprint: &str,
    identifier: &str,
    projection: &Projection,
) -> Result<Value, Failure> {
    let shape = catalog.blueprint(blueprint)?;
    let entity = catalog.entity(blueprint, identifier);
    let entity = entity.ok_or_else(|| catalog.no_entity(blueprint, identifier))?;
    Ok(projection.apply(entity, identifier, shape))
}

async fn read_entity(
    State(shared): State<Shared>,
    Path((blueprint, entity)): Path<Parts>,
    Query(query): Query<Parameters>,
) -> Answer {
    let projection = query.projection()?;
    let world = shared.lock();
    world.permits(&Permission::ReadEntities(blueprint.clone()))?;
    let sent = sent(&world.catalog, &blueprint, &entity, &projection)?;
    if world.hidden.contains(&(blueprint.clone(), entity.clone())) {
        return Err(world.catalog.no_entity(&blueprint, &entity));
    }
    ok(json!({"ok": true, "entity": sent}))
}

async fn delete_entities(
    State(shared): State<Shared>,
    Path(blueprint): Path<String>,
    Query(query): Query<Parameters>,
    body: Bytes,
) -> Answer {
    if query.flag("delete_dependents", false)? {
        return invalid("the sandbox does not delete dependents");
    }
    let mut world = shared.lock();
    let entities = wire::deletion(&wire::json(&body)?, world.bulk.delete.get())?;
    check_access(&world, &blueprint, &query)?;
    let catalog = &mut world.catalog;
    let deleted = match catalog.is_on(Switch::BulkDeletesPartly) {
        true => catalog.delete_what_can_be(&blueprint, entities)?,
        false => catalog.delete(&blueprint, entities)?,
    };
    let mut body = json!({"ok": true, "deletedEntities": deleted});
    if let Some(limit) = world.bulk.delete.tell() {
        body["maxBulkSize"] = limit.into();
    }
    ok(body)
}

async fn search_blueprint(
    State(shared): State<Shared>,
    Path(blueprint): Path<String>,
    body: Bytes,
) -> Answer {
    let body = if body.is_empty() {
        json!({})
    } else {
        wire::json(&body)?
    };
    let search = search::Page::read(&body)?;
    let world = shared.lock();
    world.permits(&Permission::ReadEntities(blueprint.clone()))?;
    ok(search.run(&world.searched(), &blueprint)?)
}

async fn search_all(
    State(shared): State<Shared>,
    Query(query): Query<Parameters>,
    body: Bytes,
) -> Answer {
    let projection = query.projection()?;
    let body = wire::json(&body)?;
    wire::only(&body, &["combinator", "rules"])?;
    let world = shared.lock();
    let catalog = world.searched();
    let (mut entities, mut blueprints) = (Vec::new(), Vec::new());
    for (key, entity) in catalog.entities() {
        if search::matches(&body, &catalog, key, entity)? {
            let shape = catalog.blueprint(&key.0)?;
            entities.push(projection.apply(entity, &key.1, shape));
            if blueprints.last() != Some(&key.0) {
                blueprints.push(key.0.clone());
            }
        }
    }
    ok(json!({"ok": true, "entities": entities, "matchingBlueprints": blueprints}))
}
