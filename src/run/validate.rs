//! What Port itself would say to a plan, where nobody else can know: teams, users, entities outside
//! the run.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use super::error::Error;
use super::session::Session;
use crate::catalog::blueprint::{Blueprints, Presence, RelationRule};
use crate::catalog::entity::{BlueprintId, Entity, EntityKey, Identifier, Relation};
use crate::catalog::plan::{Action, Plan};
use crate::inputs::Merge;
use crate::port::wire::{self, Body};
use crate::port::{self, CONCURRENT_REQUESTS, ErrorCode, Port, Rejection, Scope};

/// Asks Port what it would say to each upsert of `plan`: why it would refuse some, by their places
/// there. What is only missing until the plan itself is carried out is left out.
///
/// # Errors
/// If Port cannot be asked.
pub(crate) async fn validate(
    session: &Session<'_>,
    port: &Port,
    plan: &Plan,
    blueprints: &Blueprints,
) -> Result<BTreeMap<usize, Rejection>, Error> {
    let options = session.setup.write_options();
    let asked = Asked::new(plan, blueprints, options.merge);
    let batches = asked.batches(port.upsert_limit());
    let answers: Vec<(Vec<usize>, port::Validations)> = stream::iter(&batches)
        .map(async |batch| {
            let Batch {
                blueprint,
                merge,
                places,
                body,
            } = batch;
            let answer = port.validate(blueprint, body, *merge, &options).await;
            (places.clone(), answer)
        })
        .buffered(CONCURRENT_REQUESTS)
        .collect()
        .await;
    let mut refusals = BTreeMap::new();
    let mut unjudged = None;
    for (places, answer) in answers {
        for (place, validated) in places.into_iter().zip(answer?) {
            match validated {
                Err(rejection) if !is_about_entity(&rejection) => unjudged = Some(rejection),
                Err(rejection) if !asked.explains(&rejection, place) => {
                    refusals.insert(place, rejection);
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
    if let Some(rejection) = unjudged {
        let Rejection {
            status, message, ..
        } = rejection;
        tracing::warn!("Port did not say whether it would take all of it: {message} ({status})");
    }
    Ok(refusals)
}

/// A plan's credentials may not be allowed to write, and Port may be busy.
fn is_about_entity(rejection: &Rejection) -> bool {
    matches!(rejection.code.scope(), Scope::Entity | Scope::Size)
}

/// What Port is asked about. It looks at each batch by itself, and names one missing target at a
/// time. So relations to what the plan creates are left out, unless they are required: they lead
/// nowhere yet, and would hide one that leads nowhere for ever.
struct Asked<'p> {
    entities: Vec<Cow<'p, Entity>>,
    created: BTreeSet<EntityKey>,
    blueprints: &'p Blueprints,
    merge: Merge,
}

/// What Port is asked with one request, of one blueprint and merged or not.
struct Batch<'a> {
    blueprint: &'a BlueprintId,
    merge: Merge,
    places: Vec<usize>,
    body: Body,
}

impl<'p> Asked<'p> {
    fn new(plan: &'p Plan, blueprints: &'p Blueprints, merge: Merge) -> Self {
        let created = plan
            .upserts
            .iter()
            .filter(|upsert| upsert.action == Action::Create)
            .map(|upsert| upsert.entity.key());
        let mut asked = Self {
            entities: Vec::new(),
            created: created.collect(),
            blueprints,
            merge,
        };
        let upserts = plan.upserts.iter();
        asked.entities = upserts
            .map(|upsert| asked.without_new_targets(&upsert.entity))
            .collect();
        asked
    }

    fn without_new_targets(&self, entity: &'p Entity) -> Cow<'p, Entity> {
        let mut asked = Cow::Borrowed(entity);
        for (name, relation) in &entity.relations {
            let rule = self.blueprints.relation(entity, name);
            let Some(rule) = rule.filter(|rule| rule.presence == Presence::Optional) else {
                continue;
            };
            if !self.leads_to_new(rule, relation) {
                continue;
            }
            let asked = asked.to_mut();
            match relation {
                Relation::Many(targets) => {
                    let mut known = targets.clone();
                    known.retain(|target| !self.is_new(rule, target));
                    asked.relations.insert(name.clone(), Relation::Many(known));
                }
                _ => drop(asked.relations.remove(name)),
            }
        }
        asked
    }

    fn is_new(&self, rule: &RelationRule, target: &Identifier) -> bool {
        self.created.contains(&rule.target_key(target))
    }

    fn leads_to_new(&self, rule: &RelationRule, relation: &Relation) -> bool {
        let mut targets = relation.targets().iter();
        targets.any(|target| self.is_new(rule, target))
    }

    /// Batches of at most `most` entities, with their indices.
    fn batches(&self, most: usize) -> Vec<Batch<'_>> {
        let mut kinds: BTreeMap<(&BlueprintId, Merge), Vec<usize>> = BTreeMap::new();
        for (place, entity) in self.entities.iter().enumerate() {
            let kind = (&entity.blueprint, self.merge.of(entity));
            kinds.entry(kind).or_default().push(place);
        }
        let mut batches = Vec::new();
        for ((blueprint, merge), places) in kinds {
            let bodies = wire::pack(places.iter().map(|&place| &*self.entities[place]), most);
            let mut places = places.into_iter();
            for body in bodies {
                let places = places.by_ref().take(body.count()).collect();
                batches.push(Batch {
                    blueprint,
                    merge,
                    places,
                    body,
                });
            }
        }
        batches
    }

    /// Whether a required relation leads to what the plan creates.
    fn explains(&self, rejection: &Rejection, place: usize) -> bool {
        let entity = &self.entities[place];
        let leads_to_new = |(name, relation): (&String, &Relation)| {
            let rule = self.blueprints.relation(entity, name);
            rule.is_some_and(|rule| self.leads_to_new(rule, relation))
        };
        rejection.code == ErrorCode::NotFound && entity.relations.iter().any(leads_to_new)
    }
}
