//! What Port itself says to a plan, where nobody else can know: teams, users, entities outside the
//! run.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use crate::catalog::entity::{BlueprintId, Identifier};
use crate::catalog::plan::{Action, Plan};
use crate::error::Error;
use crate::port::wire::{self, Body};
use crate::port::{self, CONCURRENT_REQUESTS, Port, Rejection};
use crate::session::Session;

/// Asks Port what it would say to each upsert of `plan`: why it would refuse some, by their places
/// there. What is only missing until the plan itself is carried out is left out.
///
/// # Errors
/// If Port cannot be asked.
pub(crate) async fn ask(
    session: &Session<'_>,
    port: &Port,
    plan: &Plan,
) -> Result<BTreeMap<usize, Rejection>, Error> {
    let options = session.setup.upsert_options();
    let batches = batches(plan);
    let answers: Vec<(Vec<usize>, port::Verdicts)> = stream::iter(&batches)
        .map(async |(blueprint, places, body)| {
            (
                places.clone(),
                port.validate(blueprint, body, &options).await,
            )
        })
        .buffered(CONCURRENT_REQUESTS)
        .collect()
        .await;
    let created = created(plan);
    let mut verdicts = BTreeMap::new();
    let mut unjudged = None;
    for (places, answer) in answers {
        for (place, verdict) in places.into_iter().zip(answer?) {
            match verdict {
                Err(rejection) if !is_about_entity(&rejection) => unjudged = Some(rejection),
                Err(rejection) if !is_explained(&rejection, plan, place, &created) => {
                    verdicts.insert(place, rejection);
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
    if let Some(Rejection { status, message }) = unjudged {
        tracing::warn!("Port did not say whether it would take all of it: {message} ({status})");
    }
    Ok(verdicts)
}

/// A plan's credentials may not be allowed to write, and Port may be busy.
fn is_about_entity(rejection: &Rejection) -> bool {
    matches!(rejection.status, 400 | 404 | 409 | 413 | 422)
}

fn batches(plan: &Plan) -> Vec<(&BlueprintId, Vec<usize>, Body)> {
    let blueprints: BTreeSet<_> = plan
        .upserts
        .iter()
        .map(|upsert| &upsert.entity.blueprint)
        .collect();
    let mut batches = Vec::new();
    for blueprint in blueprints {
        let places: Vec<_> = (0..plan.upserts.len())
            .filter(|&place| plan.upserts[place].entity.blueprint == *blueprint)
            .collect();
        let bodies = wire::pack(places.iter().map(|&place| &plan.upserts[place].entity));
        let mut places = places.into_iter();
        for body in bodies {
            let places = places.by_ref().take(body.count()).collect();
            batches.push((blueprint, places, body));
        }
    }
    batches
}

fn created(plan: &Plan) -> BTreeSet<&Identifier> {
    let created = plan
        .upserts
        .iter()
        .filter(|upsert| upsert.action == Action::Create);
    created
        .filter_map(|upsert| upsert.entity.name.identifier())
        .collect()
}

/// Port looks at each batch by itself, so a relation to what the plan creates leads nowhere yet.
fn is_explained(
    rejection: &Rejection,
    plan: &Plan,
    place: usize,
    created: &BTreeSet<&Identifier>,
) -> bool {
    const NOT_FOUND: u16 = 404;
    let relations = plan.upserts[place].entity.relations.values();
    let mut targets = relations.flat_map(|relation| relation.targets());
    rejection.status == NOT_FOUND && targets.any(|target| created.contains(target))
}
