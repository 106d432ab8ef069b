//! What to do about each change, and what prevents it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{
    Action, Claim, Deletion, DriftDigest, NoOpReason, Obstacle, Plan, PlanContext, Policy, Pruning,
    RelationTarget, Untouched, Upsert,
};
use crate::catalog::blueprint::Blueprint;
use crate::catalog::change::{Basis, Change, ChangeKind, Proof};
use crate::catalog::declare::Declaration;
use crate::catalog::difference::{Difference, declared_differences, differences};
use crate::catalog::entity::{Entity, EntityKey, EntityName, Identifier};
use crate::catalog::live::{Knowledge, LiveEntity};
use crate::catalog::merge::{Merge, Merged, merge};
use crate::text::{Location, RepoPath};

pub(super) fn plan(changes: Vec<Change>, context: PlanContext<'_>, policy: &Policy) -> Plan {
    let heads = changes.iter().filter(|change| change.head.is_some());
    let mut planner = Planner {
        context,
        policy,
        declared: heads.map(|head| context.live.resolve(&head.key)).collect(),
        plan: Plan::default(),
    };
    for change in changes {
        match &change.head {
            Some(head) => planner.add_declared(&change, head),
            None => planner.add_removed(&change),
        }
    }
    planner.find_successors();
    planner.plan
}

/// Whether Port holds what head declares, and nothing that an earlier version declared has to be
/// cleared: see [`Knowledge::AsDeclared`].
pub fn is_in_port(
    change: &Change,
    live: &LiveEntity,
    blueprint: Option<&Blueprint>,
    mode: Merge,
) -> bool {
    let Some(head) = &change.head else {
        return false;
    };
    let differences = differences(&head.entity, live, mode.of(&head.entity), blueprint);
    change.kind() != ChangeKind::Changed && differences.is_empty()
}

/// The entities that a live one relates to.
fn live_targets(live: &LiveEntity, blueprint: Option<&Blueprint>) -> Vec<RelationTarget> {
    let relations = live.relations.iter();
    let targets = relations.flat_map(|(name, value)| {
        let targets = match value {
            Value::Array(targets) => targets.as_slice(),
            target => std::slice::from_ref(target),
        };
        let named = targets.iter().filter_map(Value::as_str);
        named.map(|to| target(name, Identifier::from_port(to), blueprint))
    });
    targets.collect()
}

/// What they may be as far as Git knows.
fn declared_targets(change: &Change, blueprint: Option<&Blueprint>) -> Vec<RelationTarget> {
    let declared = change.former_entities().into_iter();
    let relations = declared.flat_map(|entity| &entity.relations);
    let targets = relations.flat_map(|(name, relation)| {
        let targets = relation.targets().iter().cloned();
        targets.map(|identifier| target(name, identifier, blueprint))
    });
    targets.collect()
}

fn target(relation: &str, identifier: Identifier, blueprint: Option<&Blueprint>) -> RelationTarget {
    let rule = blueprint.and_then(|blueprint| blueprint.relation(relation));
    RelationTarget {
        blueprint: rule.map(|rule| rule.target.clone()),
        identifier,
    }
}

fn is_query(key: &EntityKey) -> bool {
    matches!(key.name, EntityName::Query(_))
}

struct Planner<'p> {
    context: PlanContext<'p>,
    policy: &'p Policy,
    /// What head declares, under its identifier even where a query names it.
    declared: BTreeSet<EntityKey>,
    plan: Plan,
}

impl Planner<'_> {
    fn add_declared(&mut self, change: &Change, head: &Arc<Declaration>) {
        let live = self.context.live.get(&change.key);
        let blueprint = self.context.blueprints.known.get(&change.key.blueprint);
        let mode = self.policy.merge.of(&head.entity);
        let former = change.former_entities();
        let Merged { entity, uncleared } = merge(&former, &head.entity, live, blueprint, mode);
        let (action, differences) = self.effect(change, &entity);
        let is_drift = change.kind() == ChangeKind::Unchanged && action == Some(Action::Update);
        let drift = match is_drift {
            true => DriftDigest::of(&differences, blueprint),
            false => None,
        };
        let is_kept = drift.is_some() && self.context.rewritten.get(&change.key) == drift.as_ref();
        let fields = || differences.iter().map(|one| one.field.clone()).collect();
        let decided = match (action, self.owner(&change.key)) {
            (_, Some(owner)) => Err(NoOpReason::OwnedElsewhere(owner)),
            (None, None) => Err(NoOpReason::Unchanged),
            (Some(_), None) if is_kept => Err(NoOpReason::KeptByPort(fields())),
            (Some(action), None) => Ok(action),
        };
        let action = match decided {
            Ok(action) => action,
            Err(reason) => return self.leave(change, Some(head.location()), reason),
        };
        self.plan.upserts.push(Upsert {
            key: change.key.clone(),
            action,
            drift,
            declaration: Arc::clone(head),
            entity,
            differences,
            uncleared,
        });
    }

    /// The source that owns the entity, if that is another one.
    fn owner(&self, key: &EntityKey) -> Option<String> {
        let owner = self.context.owners.get(key)?;
        (owner.claim == Claim::Owned).then(|| owner.source.clone())
    }

    /// What writing `entity`, which `change` declares, does and changes, if it is to be written.
    fn effect(&self, change: &Change, entity: &Entity) -> (Option<Action>, Vec<Difference>) {
        let (kind, basis) = (change.kind(), change.basis);
        if (kind, basis) == (ChangeKind::Unchanged, Basis::Git) {
            return (None, Vec::new());
        }
        match self.context.live.get(&change.key) {
            Knowledge::Present(live) => {
                let blueprint = self.context.blueprints.known.get(&change.key.blueprint);
                let found = self.context.live.query_results.fill_in(entity, blueprint);
                let mode = self.policy.merge.of(entity);
                let differences = differences(&found, live, mode, blueprint);
                let action = match kind {
                    ChangeKind::Created => self.context.takeover,
                    _ => Action::Update,
                };
                let action = (!differences.is_empty()).then_some(action);
                (action, differences)
            }
            Knowledge::AsDeclared => (None, Vec::new()),
            Knowledge::Absent => (Some(Action::Create), Vec::new()),
            // What was not compared with Port is written if Git changed it, and in doubt too.
            Knowledge::Unknown => {
                let action = match kind {
                    ChangeKind::Created => Action::Create,
                    _ => Action::Update,
                };
                let (former, head) = (change.former.last(), &change.head);
                let differences = former
                    .zip(head.as_ref())
                    .map(|(base, head)| declared_differences(&base.entity, &head.entity));
                (Some(action), differences.unwrap_or_default())
            }
        }
    }

    fn add_removed(&mut self, change: &Change) {
        let live = self.context.live.get(&change.key);
        let is_declared = self
            .declared
            .contains(&self.context.live.resolve(&change.key));
        if live == Knowledge::Absent || is_declared {
            return self.plan.gone.push(change.key.clone());
        }
        let last = change.former.last();
        let location = last.map(|declaration| declaration.location());
        if let Some(reason) = self.reason_to_keep(change, live) {
            return self.leave(change, location, reason);
        }
        let blueprint = self.context.blueprints.known.get(&change.key.blueprint);
        let targets = match live {
            Knowledge::Present(live) => live_targets(live, blueprint),
            Knowledge::Unknown | Knowledge::Absent | Knowledge::AsDeclared => {
                declared_targets(change, blueprint)
            }
        };
        self.plan.deletions.push(Deletion {
            key: change.key.clone(),
            location,
            path: change.former_path.clone(),
            targets,
            successors: Vec::new(),
        });
    }

    /// Why something that Git no longer declares is not deleted, if so.
    fn reason_to_keep(&self, change: &Change, live: Knowledge<'_>) -> Option<NoOpReason> {
        if self.policy.pruning == Pruning::Release {
            return Some(NoOpReason::Deselected);
        }
        if let Some(owner) = self.context.owners.get(&change.key) {
            return Some(NoOpReason::HandedOver(owner.source.clone()));
        }
        if let (Proof::Possible, Knowledge::Present(live)) = (change.proof, live)
            && !self.is_held(change, live)
        {
            return Some(NoOpReason::NeverWritten);
        }
        match &self.policy.pruning {
            Pruning::Release | Pruning::Off => Some(NoOpReason::Removed),
            // Port creates nothing for a query, so the entity was there before Git named it.
            Pruning::On { .. } if is_query(&change.key) => Some(NoOpReason::Removed),
            Pruning::On { obstacle, open } => {
                let path = change.former_path.as_ref();
                let of_file = path.and_then(|path| open.get(path));
                let obstacle = obstacle.as_ref().or(of_file).cloned();
                let obstacle = obstacle.or_else(|| self.namesake(&change.key));
                obstacle.map(NoOpReason::HeldBack)
            }
        }
    }

    /// Whether Port holds what an earlier version declares, if that is more than an identifier.
    fn is_held(&self, change: &Change, live: &LiveEntity) -> bool {
        let blueprint = self.context.blueprints.known.get(&change.key.blueprint);
        let mut former = change.former_entities().into_iter();
        former.any(|entity| {
            let differences = differences(entity, live, Merge::Merge, blueprint);
            entity.has_content() && differences.is_empty()
        })
    }

    /// Why head may declare `key` though no file says its identifier.
    fn namesake(&self, key: &EntityKey) -> Option<Obstacle> {
        let mut unclear = self.declared.iter().filter(|one| is_query(one));
        let is_near = unclear.any(|one| one.blueprint == key.blueprint);
        is_near.then(|| Obstacle {
            reason: format!(
                "a query names an entity of `{}`, and it is not known which one",
                key.blueprint
            ),
            help: "name that one by its identifier".to_owned(),
        })
    }

    fn leave(&mut self, change: &Change, location: Option<Location>, reason: NoOpReason) {
        self.plan.untouched.push(Untouched {
            key: change.key.clone(),
            location,
            path: change.former_path.clone(),
            reason,
        });
    }

    /// Nothing is deleted while the file that declared it is not in Port as it is now: what it
    /// declares may be the same thing under another name.
    fn find_successors(&mut self) {
        let Plan {
            upserts, deletions, ..
        } = &mut self.plan;
        let mut by_path: BTreeMap<&RepoPath, Vec<usize>> = BTreeMap::new();
        for (index, upsert) in upserts.iter().enumerate() {
            let path = upsert.declaration.source.path();
            by_path.entry(path).or_default().push(index);
        }
        for deletion in deletions {
            let path = deletion.path.as_ref();
            let successors = path.and_then(|path| by_path.get(path));
            deletion.successors = successors.cloned().unwrap_or_default();
        }
    }
}
