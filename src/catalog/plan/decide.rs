//! What to do about each change, and what speaks against it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::{
    Action, Deletion, Known, Plan, Policy, Pruning, Reason, Takeover, Target, Unclaimed, Untouched,
    Upsert,
};
use crate::catalog::blueprint::Blueprint;
use crate::catalog::change::{Basis, Change, Kind};
use crate::catalog::declare::Declaration;
use crate::catalog::entity::{Entity, EntityKey, EntityName, Identifier};
use crate::catalog::live::{
    Difference, Knowledge, LiveEntity, declared_differences, differences, owner_of,
};
use crate::catalog::merge::{Merge, Merged, merge};
use crate::source::Location;

pub(super) fn plan(changes: Vec<Change>, known: Known<'_>, policy: &Policy) -> Plan {
    let heads = changes.iter().filter(|change| change.head.is_some());
    let mut planner = Planner {
        known,
        policy,
        declared: heads.map(|head| known.live.resolve(&head.key)).collect(),
        plan: Plan::default(),
        created: Vec::new(),
    };
    for change in changes {
        match &change.head {
            Some(head) => planner.add_declared(&change, head),
            None => planner.add_removed(&change),
        }
    }
    planner.limit_deletions();
    planner.find_successors();
    planner.plan
}

/// The entities that a live one relates to.
fn live_targets(live: &LiveEntity, blueprint: Option<&Blueprint>) -> Vec<Target> {
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
fn declared_targets(change: &Change, blueprint: Option<&Blueprint>) -> Vec<Target> {
    let declared = change.former_entities().into_iter();
    let relations = declared.flat_map(|entity| &entity.relations);
    let targets = relations.flat_map(|(name, relation)| {
        let targets = relation.targets().iter().cloned();
        targets.map(|identifier| target(name, identifier, blueprint))
    });
    targets.collect()
}

fn target(relation: &str, identifier: Identifier, blueprint: Option<&Blueprint>) -> Target {
    let rule = blueprint.and_then(|blueprint| blueprint.relation(relation));
    Target {
        blueprint: rule.map(|rule| rule.target.clone()),
        identifier,
    }
}

fn is_query(key: &EntityKey) -> bool {
    matches!(key.name, EntityName::Query(_))
}

struct Planner<'p> {
    known: Known<'p>,
    policy: &'p Policy,
    /// What head declares, under its identifier even where a query names it.
    declared: BTreeSet<EntityKey>,
    plan: Plan,
    /// The upserts of entities that no earlier revision declares, or of which none was written.
    created: Vec<usize>,
}

impl Planner<'_> {
    fn add_declared(&mut self, change: &Change, head: &Arc<Declaration>) {
        let live = self.known.live.get(&change.key);
        let blueprint = self.known.blueprints.known.get(&change.key.blueprint);
        let mode = self.policy.merge.of(&head.entity);
        let former = change.former_entities();
        let Merged { entity, uncleared } = merge(&former, &head.entity, live, blueprint, mode);
        let (action, differences) = self.effect(change, &entity);
        let reason = match action {
            None => Some(Reason::Unchanged),
            Some(_) if head.is_in(&self.policy.superseded) => Some(Reason::Superseded),
            Some(_) if self.is_taken_over(change) => None,
            Some(_) => self.other_owner(live).map(Reason::OwnedElsewhere),
        };
        if let Some(reason) = reason {
            return self.leave(&change.key, Some(head.location()), reason);
        }
        if change.former.is_empty() || action == Some(Action::Create) {
            self.created.push(self.plan.upserts.len());
        }
        self.plan.upserts.push(Upsert {
            action: action.unwrap_or(Action::Update),
            declaration: Arc::clone(head),
            entity,
            differences,
            uncleared,
        });
    }

    fn is_taken_over(&self, change: &Change) -> bool {
        self.policy.takeover == Takeover::OfChanges && change.kind() != Kind::Unchanged
    }

    /// What writing `entity`, which `change` declares, does and changes, if it is to be written.
    fn effect(&self, change: &Change, entity: &Entity) -> (Option<Action>, Vec<Difference>) {
        let (kind, basis) = (change.kind(), self.policy.basis);
        if (kind, basis) == (Kind::Unchanged, Basis::Git) {
            return (None, Vec::new());
        }
        match self.known.live.get(&change.key) {
            Knowledge::Present(live) => {
                let blueprint = self.known.blueprints.known.get(&change.key.blueprint);
                let found = self.known.live.answers.fill_in(entity, blueprint);
                let mode = self.policy.merge.of(entity);
                let differences = differences(&found, live, mode, blueprint);
                let action = (!differences.is_empty()).then_some(Action::Update);
                (action, differences)
            }
            Knowledge::Absent => (Some(Action::Create), Vec::new()),
            // What Port was not asked about is written if Git changed it, and in doubt too.
            Knowledge::Unknown => {
                let action = match kind {
                    Kind::Created => Action::Create,
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
        let live = self.known.live.get(&change.key);
        let is_declared = self
            .declared
            .contains(&self.known.live.resolve(&change.key));
        if live == Knowledge::Absent || is_declared {
            return;
        }
        let last = change.former.last();
        let location = last.map(|declaration| declaration.location());
        let is_superseded = last.is_some_and(|last| last.is_in(&self.policy.superseded));
        let reason = match (&self.policy.pruning, self.other_owner(live)) {
            (Pruning::Off, _) => Some(Reason::Removed),
            // Port creates nothing for a query, so the entity was there before Git named it.
            _ if is_query(&change.key) => Some(Reason::Removed),
            (_, Some(owner)) => Some(Reason::HandedOver(owner)),
            _ if is_superseded => Some(Reason::Superseded),
            (Pruning::On { unclaimed, .. }, _)
                if change.former.is_empty() && *unclaimed == Unclaimed::List =>
            {
                Some(Reason::Unclaimed)
            }
            (Pruning::On { obstacle, .. }, _) => self.doubt(change, live).or_else(|| {
                let obstacle = obstacle.clone().or_else(|| self.namesake(&change.key));
                obstacle.map(Reason::HeldBack)
            }),
        };
        if let Some(reason) = reason {
            return self.leave(&change.key, location, reason);
        }
        let blueprint = self.known.blueprints.known.get(&change.key.blueprint);
        let targets = match live {
            Knowledge::Present(live) => live_targets(live, blueprint),
            Knowledge::Unknown | Knowledge::Absent => declared_targets(change, blueprint),
        };
        self.plan.deletions.push(Deletion {
            key: change.key.clone(),
            location,
            targets,
            successors: Vec::new(),
        });
    }

    /// What speaks against deleting what may never have been written from here.
    fn doubt(&self, change: &Change, live: Knowledge<'_>) -> Option<Reason> {
        let Knowledge::Present(live) = live else {
            return None;
        };
        let owner = live.datasource.as_deref().map(owner_of);
        let is_owned = owner == Some(Some(&self.policy.owner));
        if self.policy.claims.prove(change) || is_owned || self.is_held(change, live) {
            return None;
        }
        Some(match owner {
            Some(_) => Reason::NeverClaimed,
            None => Reason::HeldBack(
                "Port does not say who wrote it last, and it may never have been written from here: delete it in Port if nobody needs it"
                    .to_owned(),
            ),
        })
    }

    /// Whether Port holds what an earlier revision declares, if that is anything that tells.
    fn is_held(&self, change: &Change, live: &LiveEntity) -> bool {
        let blueprint = self.known.blueprints.known.get(&change.key.blueprint);
        let mut former = change.former_entities().into_iter();
        former.any(|entity| {
            let differences = differences(entity, live, Merge::Merge, blueprint);
            entity.has_content() && differences.is_empty()
        })
    }

    /// Why head may declare `key` though no file says its identifier.
    fn namesake(&self, key: &EntityKey) -> Option<String> {
        let mut unclear = self.declared.iter().filter(|one| is_query(one));
        let is_near = unclear.any(|one| one.blueprint == key.blueprint);
        is_near.then(|| {
            format!(
                "a query names an entity of `{}`, and it is not known which one: name that one by its identifier",
                key.blueprint
            )
        })
    }

    /// Whoever wrote it last, if that was another repository's port-gitops.
    fn other_owner(&self, live: Knowledge<'_>) -> Option<String> {
        let Knowledge::Present(LiveEntity {
            datasource: Some(datasource),
            ..
        }) = live
        else {
            return None;
        };
        let owner = owner_of(datasource)?;
        (owner != self.policy.owner).then(|| owner.to_owned())
    }

    fn leave(&mut self, key: &EntityKey, location: Option<Location>, reason: Reason) {
        self.plan.untouched.push(Untouched {
            key: key.clone(),
            location,
            reason,
        });
    }

    fn limit_deletions(&mut self) {
        let Pruning::On { at_most, .. } = self.policy.pruning else {
            return;
        };
        let count = self.plan.deletions.len();
        if count <= at_most {
            return;
        }
        let reason = Reason::HeldBack(format!(
            "{count} entities would be deleted, and the input `max-deletes` allows {at_most}: raise it for one run if that is meant"
        ));
        for deletion in std::mem::take(&mut self.plan.deletions) {
            self.leave(&deletion.key, deletion.location, reason.clone());
        }
    }

    /// What the same file declares anew may be the same thing under another name.
    fn find_successors(&mut self) {
        let Plan {
            upserts, deletions, ..
        } = &mut self.plan;
        for deletion in deletions {
            let Some(location) = &deletion.location else {
                continue;
            };
            let is_in_same_file =
                |index: &&usize| upserts[**index].declaration.source.path() == location.path();
            let successors = self.created.iter().filter(is_in_same_file).copied();
            deletion.successors = successors.collect();
        }
    }
}
