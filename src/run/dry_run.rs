//! What Port would refuse of a plan and only Port can check: teams, users, entities outside the
//! run.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use super::error::Error;
use super::pass::Pass;
use super::session::Session;
use crate::catalog::blueprint::{Blueprints, Presence, RelationRule};
use crate::catalog::entity::{BlueprintId, Entity, EntityKey, Identifier, Relation};
use crate::catalog::plan::{Action, Upsert};
use crate::inputs::Merge;
use crate::port::wire::{self, Body};
use crate::port::{self, CONCURRENT_REQUESTS, ErrorCode, Port, RefusalScope, Rejection};

/// Has Port validate each upsert of the plans. Notes the refusals, without those about entities that
/// the plans themselves create.
///
/// # Errors
/// If a request to Port fails.
pub(crate) async fn dry_run(
    session: &Session<'_>,
    port: &Port,
    passes: &mut [Pass<'_, '_>],
    blueprints: &Blueprints,
) -> Result<(), Error> {
    let upserts = passes.iter().flat_map(|pass| &pass.plan.upserts);
    let upserts: Vec<_> = upserts.collect();
    let mut refusals = refusals(session, port, &upserts, blueprints).await?;
    for pass in passes {
        let count = pass.plan.upserts.len();
        let later = refusals.split_off(&count);
        pass.refusals.upserts = std::mem::take(&mut refusals);
        let later = later.into_iter();
        refusals = later.map(|(index, one)| (index - count, one)).collect();
    }
    Ok(())
}

/// The refusals, by the upsert's index.
async fn refusals(
    session: &Session<'_>,
    port: &Port,
    upserts: &[&Upsert],
    blueprints: &Blueprints,
) -> Result<BTreeMap<usize, Rejection>, Error> {
    let options = session.setup.write_options();
    let entities = ValidatedEntities::new(upserts, blueprints, options.merge);
    let batches = entities.batches(port.upsert_limit());
    let answers: Vec<(Vec<usize>, port::Validations)> = stream::iter(&batches)
        .map(async |batch| {
            let ValidationBatch {
                blueprint,
                merge,
                indices,
                body,
            } = batch;
            let answer = port.validate(blueprint, body, *merge, &options).await;
            (indices.clone(), answer)
        })
        .buffered(CONCURRENT_REQUESTS)
        .collect()
        .await;
    let mut refusals = BTreeMap::new();
    let mut unchecked = None;
    for (indices, answer) in answers {
        for (index, validated) in indices.into_iter().zip(answer?) {
            match validated {
                Err(rejection) if !is_about_entity(&rejection) => unchecked = Some(rejection),
                Err(rejection) if !entities.explains(&rejection, index) => {
                    refusals.insert(index, rejection);
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
    if let Some(rejection) = unchecked {
        let Rejection {
            status, message, ..
        } = rejection;
        tracing::warn!("Port did not check every entity of the plan: {message} ({status})");
    }
    Ok(refusals)
}

/// Whether Port refuses the entity itself. Otherwise a right is missing, or Port is busy.
fn is_about_entity(rejection: &Rejection) -> bool {
    matches!(
        rejection.code.scope(),
        RefusalScope::Entity | RefusalScope::Size
    )
}

/// The entities as they are sent for validation. Port checks each batch alone, and names one
/// missing target at a time. So optional relations to entities that the plans create are left out:
/// their targets do not exist yet, and would hide a target that nothing creates.
struct ValidatedEntities<'p> {
    entities: Vec<Cow<'p, Entity>>,
    created: BTreeSet<EntityKey>,
    blueprints: &'p Blueprints,
    merge: Merge,
}

/// One request: entities of one blueprint that are written the same way.
struct ValidationBatch<'a> {
    blueprint: &'a BlueprintId,
    merge: Merge,
    indices: Vec<usize>,
    body: Body,
}

impl<'p> ValidatedEntities<'p> {
    fn new(upserts: &[&'p Upsert], blueprints: &'p Blueprints, merge: Merge) -> Self {
        let created = upserts
            .iter()
            .filter(|upsert| upsert.action == Action::Create)
            .map(|upsert| upsert.entity.key());
        let mut validated = Self {
            entities: Vec::new(),
            created: created.collect(),
            blueprints,
            merge,
        };
        validated.entities = upserts
            .iter()
            .map(|upsert| validated.without_new_targets(&upsert.entity))
            .collect();
        validated
    }

    fn without_new_targets(&self, entity: &'p Entity) -> Cow<'p, Entity> {
        let mut sent = Cow::Borrowed(entity);
        for (name, relation) in &entity.relations {
            let rule = self.blueprints.relation(entity, name);
            let Some(rule) = rule.filter(|rule| rule.presence == Presence::Optional) else {
                continue;
            };
            if !self.leads_to_new(rule, relation) {
                continue;
            }
            let sent = sent.to_mut();
            match relation {
                Relation::Many(targets) => {
                    let mut known = targets.clone();
                    known.retain(|target| !self.is_new(rule, target));
                    sent.relations.insert(name.clone(), Relation::Many(known));
                }
                _ => drop(sent.relations.remove(name)),
            }
        }
        sent
    }

    fn is_new(&self, rule: &RelationRule, target: &Identifier) -> bool {
        self.created.contains(&rule.target_key(target))
    }

    fn leads_to_new(&self, rule: &RelationRule, relation: &Relation) -> bool {
        let mut targets = relation.targets().iter();
        targets.any(|target| self.is_new(rule, target))
    }

    /// Batches of at most `most` entities, with their indices.
    fn batches(&self, most: usize) -> Vec<ValidationBatch<'_>> {
        let mut kinds: BTreeMap<(&BlueprintId, Merge), Vec<usize>> = BTreeMap::new();
        for (index, entity) in self.entities.iter().enumerate() {
            let kind = (&entity.blueprint, self.merge.of(entity));
            kinds.entry(kind).or_default().push(index);
        }
        let mut batches = Vec::new();
        for ((blueprint, merge), indices) in kinds {
            let bodies = wire::pack(indices.iter().map(|&index| &*self.entities[index]), most);
            let mut indices = indices.into_iter();
            for body in bodies {
                let indices = indices.by_ref().take(body.count()).collect();
                batches.push(ValidationBatch {
                    blueprint,
                    merge,
                    indices,
                    body,
                });
            }
        }
        batches
    }

    /// Whether the rejection may only be about a required relation to an entity that the plan
    /// creates.
    fn explains(&self, rejection: &Rejection, index: usize) -> bool {
        let entity = &self.entities[index];
        let leads_to_new = |(name, relation): (&String, &Relation)| {
            let rule = self.blueprints.relation(entity, name);
            rule.is_some_and(|rule| self.leads_to_new(rule, relation))
        };
        rejection.code == ErrorCode::NotFound && entity.relations.iter().any(leads_to_new)
    }
}
