//! A server that pushes, shows what came of it, and breaks things when asked. Bodies are JSON.
//!
//! | request | |
//! | --- | --- |
//! | `POST /push` `{"files": {"port.yml": "text", "old.yml": null}, "message": "…"}` | commits, pushes, writes the event's file, answers with the event |
//! | `POST /pull-request`, the same body | commits that to a branch of its own, and opens a pull request to the branch that pushes go to |
//! | `GET /port/entities` | the catalog, with who wrote each entity last |
//! | `POST /port/entities` `{"blueprint": "domain", "entity": {"identifier": "sales"}}` | puts an entity there, as somebody does by hand in Port |
//! | `GET /port/requests`, `GET /github/requests` | what was asked; `at` is in milliseconds since 1970 |
//! | `DELETE /port/requests`, `DELETE /github/requests` | forgets it |
//! | `POST /port/faults`, `POST /github/faults` | lets requests go wrong: [`FaultOrder`] |
//! | `DELETE /port/faults`, `DELETE /github/faults` | no more |

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use port_gitops_sandbox::{Fault, Sandbox};
use serde::Deserialize;
use serde_json::Value;

use crate::world::{self, Push, World};

type Answer<T> = Result<T, (StatusCode, String)>;

/// Which API is meant.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Api {
    Port,
    GitHub,
}

/// Which requests go wrong, and how: `{"method": "POST", "path": "*/entities", "with":
/// {"status": 503}, "skip": 1, "times": 2}`. In `path`, `*` stands for any text.
#[derive(Debug, Deserialize)]
struct FaultOrder {
    method: String,
    path: String,
    with: Kind,
    /// How many requests are let through first.
    #[serde(default)]
    skip: usize,
    #[serde(default = "once")]
    times: usize,
}

fn once() -> usize {
    1
}

/// `{"status": 503}`, `{"delay": 1500}` (milliseconds), `"hang"` (no answer ever), `"reset"`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Status(u16),
    Delay(u64),
    Hang,
    Reset,
}

impl From<FaultOrder> for Fault {
    fn from(order: FaultOrder) -> Self {
        let fault = match order.with {
            Kind::Status(status) => Self::status(status),
            Kind::Delay(milliseconds) => Self::delay(Duration::from_millis(milliseconds)),
            Kind::Hang => Self::hang(),
            Kind::Reset => Self::reset(),
        };
        fault
            .on(&order.method, &order.path)
            .skip(order.skip)
            .times(order.times)
    }
}

/// The routes of the table above.
pub(crate) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/push", post(push))
        .route("/pull-request", post(pull_request))
        .route("/port/entities", get(entities).post(put_entity))
        .route("/{api}/requests", get(requests).delete(forget))
        .route("/{api}/faults", post(inject).delete(mend))
        .with_state(world)
}

impl World {
    fn api(&self, api: Api) -> &dyn Sandbox {
        match api {
            Api::Port => &self.port,
            Api::GitHub => &self.github,
        }
    }
}

async fn push(State(world): State<Arc<World>>, Json(push): Json<Push>) -> Answer<Json<Value>> {
    answer(world.push(&push))
}

async fn pull_request(
    State(world): State<Arc<World>>,
    Json(push): Json<Push>,
) -> Answer<Json<Value>> {
    answer(world.pull_request(&push))
}

fn answer(event: world::Result<Value>) -> Answer<Json<Value>> {
    let event = event.map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
    Ok(Json(event))
}

async fn entities(State(world): State<Arc<World>>) -> Json<Value> {
    Json(world.entities())
}

/// An entity that somebody writes by hand.
#[derive(Debug, Deserialize)]
struct ByHand {
    blueprint: String,
    entity: Value,
}

async fn put_entity(
    State(world): State<Arc<World>>,
    Json(ByHand { blueprint, entity }): Json<ByHand>,
) -> Answer<StatusCode> {
    let put = world.port.put_entity(&blueprint, entity);
    let put = put.map(|()| StatusCode::NO_CONTENT);
    put.map_err(|error| (StatusCode::UNPROCESSABLE_ENTITY, format!("{error:?}")))
}

async fn requests(State(world): State<Arc<World>>, Path(api): Path<Api>) -> Json<Value> {
    Json(world.journal(world.api(api)))
}

async fn forget(State(world): State<Arc<World>>, Path(api): Path<Api>) -> StatusCode {
    world.api(api).clear_journal();
    StatusCode::NO_CONTENT
}

async fn inject(
    State(world): State<Arc<World>>,
    Path(api): Path<Api>,
    Json(order): Json<FaultOrder>,
) -> StatusCode {
    world.api(api).inject(order.into());
    StatusCode::NO_CONTENT
}

async fn mend(State(world): State<Arc<World>>, Path(api): Path<Api>) -> StatusCode {
    world.api(api).clear_faults();
    StatusCode::NO_CONTENT
}
