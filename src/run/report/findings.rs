//! What was planned and what became of it → the report.

use std::collections::BTreeMap;

use super::{notices, rejection};
use crate::catalog::declare::{Declaration, Declarations};
use crate::catalog::difference::differences;
use crate::catalog::entity::{Entity, EntityKey};
use crate::catalog::live::LiveEntity;
use crate::catalog::merge::Merge;
use crate::catalog::plan::{Action, Deletion, NoOpReason, Plan, Untouched, Upsert};
use crate::diagnostic::{self, Code, Diagnostic};
use crate::event::Mode;
use crate::port::{RefusalScope, Rejection, Upserted};
use crate::report::redact::Redaction;
use crate::report::{EntityReport, EntityState, RelationLink};
use crate::run::apply::{Applied, DeletionOutcome, Refusals, UpsertOutcome};
use crate::text::{Location, RepoPath, SourceFile};

/// What a run found and did, for the report.
#[derive(Debug, Default)]
pub struct RunFindings {
    /// What became of each entity, in the order of files and lines.
    pub entities: Vec<EntityReport>,
    /// What was refused, by Port or on the way there, in the order of files and lines.
    pub rejections: Vec<Diagnostic>,
    /// What else the user should know.
    pub notices: Vec<String>,
}

/// What findings are made of.
#[derive(Debug, Clone, Copy)]
pub struct Material<'m> {
    /// What head declares.
    pub head: &'m Declarations,
    /// What was planned.
    pub plan: &'m Plan,
    /// What became of it, if anything was written.
    pub applied: Option<&'m Applied>,
    /// What Port would refuse of it, if it was only validated.
    pub refusals: &'m Refusals,
    /// Whether the run was there to write.
    pub mode: Mode,
    /// Which values are not shown.
    pub redaction: Redaction<'m>,
}

impl RunFindings {
    /// Puts everything together.
    pub fn new(material: Material<'_>) -> Self {
        let Material {
            head,
            plan,
            applied,
            refusals,
            mode,
            redaction,
        } = material;
        let mut findings = Self::default();
        findings.add_invalid(head);
        for untouched in &plan.untouched {
            findings.add_untouched(untouched, mode);
        }
        for (index, upsert) in plan.upserts.iter().enumerate() {
            let refused = refusals
                .upserts
                .get(&index)
                .cloned()
                .map(UpsertOutcome::Rejected);
            let outcome = applied.and_then(|applied| applied.outcomes.get(index));
            findings.add_upsert(upsert, outcome.or(refused.as_ref()), redaction);
        }
        findings.add_refused(plan, applied, redaction);
        for (index, deletion) in plan.deletions.iter().enumerate() {
            let outcome = applied.and_then(|applied| applied.deletions.get(index));
            let refused = refusals.deletions.get(&index).cloned();
            let refused = refused.map(DeletionOutcome::Rejected);
            findings.add_deletion(deletion, outcome.or(refused.as_ref()));
        }
        findings.notices = notices::of(plan, applied);
        findings
            .entities
            .sort_by(|a, b| position_in_files(a).cmp(&position_in_files(b)));
        diagnostic::sort(&mut findings.rejections);
        redaction.conceal(&mut findings.rejections);
        findings
    }

    fn add_invalid(&mut self, head: &Declarations) {
        let invalid = head.invalid.iter().map(|invalid| {
            let location = invalid.location.clone();
            EntityReport::new(invalid.key.clone(), EntityState::Invalid, Some(location))
        });
        self.entities.extend(invalid);
    }

    fn add_untouched(&mut self, untouched: &Untouched, mode: Mode) {
        let Untouched {
            key,
            location,
            reason,
            ..
        } = untouched;
        let (state, note) = match reason {
            NoOpReason::Unchanged | NoOpReason::KeptByPort(_) => (EntityState::Unchanged, None),
            NoOpReason::Removed => (EntityState::Removed, None),
            NoOpReason::HeldBack(obstacle) => (EntityState::HeldBack, Some(obstacle.reason.clone())),
            NoOpReason::HandedOver(owner) => (
                EntityState::Removed,
                Some(format!("`{owner}` declares it now")),
            ),
            NoOpReason::NeverWritten => (
                EntityState::Removed,
                Some("it stays: it may never have been written from here; delete it in Port if nobody needs it".to_owned()),
            ),
            NoOpReason::Deselected => (
                EntityState::Removed,
                Some("it stays: the inputs no longer select it, and this source no longer owns it".to_owned()),
            ),
            NoOpReason::OwnedElsewhere(owner) => {
                let location = location.iter();
                self.rejections
                    .extend(location.map(|location| owned_elsewhere(key, owner, location, mode)));
                (EntityState::OwnedElsewhere, Some(format!("source: {owner}")))
            }
        };
        let location = location
            .clone()
            .or_else(|| untouched.path.as_ref().map(file));
        let help = match reason {
            NoOpReason::HeldBack(obstacle) => Some(obstacle.help.clone()),
            _ => None,
        };
        self.entities.push(EntityReport {
            note,
            help,
            ..EntityReport::new(Some(key.clone()), state, location)
        });
    }

    fn add_upsert(
        &mut self,
        upsert: &Upsert,
        outcome: Option<&UpsertOutcome>,
        redaction: Redaction<'_>,
    ) {
        let declaration = &upsert.declaration;
        let mut note = None;
        match outcome {
            Some(UpsertOutcome::Rejected(rejection)) => {
                let text = format!("{} ({})", rejection.message, rejection.status);
                note = Some(redaction.conceal_text(declaration, &text));
                if rejection.code.scope() != RefusalScope::Blueprint {
                    let mut rejected = rejection::diagnostic(declaration, rejection, 0);
                    conceal(&mut rejected, declaration, redaction);
                    self.rejections.push(rejected);
                }
            }
            Some(UpsertOutcome::Blocked(by)) => {
                note = Some(format!("by `{by}`, which could not be written"));
                self.rejections.push(rejection::blocked(declaration, by));
            }
            _ => {}
        }
        let key = declaration.entity.key();
        let changes = match (upsert.action, upsert.differences.as_slice()) {
            // Of a new entity everything is new, whether Port was read or not.
            (Action::Create, []) => {
                &differences(&upsert.entity, &LiveEntity::default(), Merge::Merge, None)
            }
            (_, known) => known,
        };
        self.entities.push(EntityReport {
            note,
            changes: redaction.show(&key.blueprint, changes),
            links: links(&upsert.entity, redaction),
            ..EntityReport::new(
                Some(key),
                state(upsert.action, outcome),
                Some(declaration.location()),
            )
        });
    }

    /// What concerns a whole blueprint is said once of it.
    fn add_refused(&mut self, plan: &Plan, applied: Option<&Applied>, redaction: Redaction<'_>) {
        let mut refused: BTreeMap<_, (&Upsert, &Rejection, usize)> = BTreeMap::new();
        let outcomes = applied.iter().flat_map(|applied| &applied.outcomes);
        for (upsert, outcome) in plan.upserts.iter().zip(outcomes) {
            let UpsertOutcome::Rejected(rejection) = outcome else {
                continue;
            };
            if rejection.code.scope() == RefusalScope::Blueprint {
                let reason = (
                    &upsert.entity.blueprint,
                    rejection.status,
                    &rejection.message,
                );
                let first = refused.entry(reason);
                let seen = |(_, _, others): &mut (_, _, usize)| *others += 1;
                first.and_modify(seen).or_insert((upsert, rejection, 0));
            }
        }
        for (upsert, rejection, others) in refused.into_values() {
            let declaration = &upsert.declaration;
            let mut rejected = rejection::diagnostic(declaration, rejection, others);
            conceal(&mut rejected, declaration, redaction);
            self.rejections.push(rejected);
        }
    }

    fn add_deletion(&mut self, deletion: &Deletion, outcome: Option<&DeletionOutcome>) {
        let (mut note, mut help) = (None, None);
        let state = match outcome {
            None | Some(DeletionOutcome::Deleted) => EntityState::Deleted,
            Some(DeletionOutcome::Rejected(rejection)) => {
                note = Some(format!("{} ({})", rejection.message, rejection.status));
                help = rejection.code.help().map(str::to_owned);
                EntityState::Failed
            }
            Some(DeletionOutcome::HeldBack(obstacle)) => {
                note = Some(obstacle.reason.clone());
                help = Some(obstacle.help.clone());
                EntityState::HeldBack
            }
            Some(DeletionOutcome::NotSent) => EntityState::NotWritten,
            Some(DeletionOutcome::Unknown) => EntityState::Unknown,
        };
        let location = deletion.location.clone();
        let location = location.or_else(|| deletion.path.as_ref().map(file));
        self.entities.push(EntityReport {
            note,
            help,
            is_removed: true,
            ..EntityReport::new(Some(deletion.key.clone()), state, location)
        });
    }
}

/// Port's words can quote what is not shown.
fn conceal(rejected: &mut Diagnostic, declaration: &Declaration, redaction: Redaction<'_>) {
    let texts = std::iter::once(&mut rejected.message).chain(&mut rejected.cause);
    for text in texts {
        *text = redaction.conceal_text(declaration, text);
    }
}

/// All that is known of where something was declared.
fn file(path: &RepoPath) -> Location {
    Location::start_of(&SourceFile::unreadable(path.clone()))
}

/// Without an outcome, the state is what is expected.
fn state(action: Action, outcome: Option<&UpsertOutcome>) -> EntityState {
    let expected = match action {
        Action::Create => EntityState::Created,
        Action::Adopt => EntityState::Adopted,
        Action::Update => EntityState::Updated,
    };
    match outcome {
        None | Some(UpsertOutcome::Written(Upserted::Written)) => expected,
        Some(UpsertOutcome::Written(Upserted::Created)) => EntityState::Created,
        Some(UpsertOutcome::Written(Upserted::Updated)) if action == Action::Adopt => {
            EntityState::Adopted
        }
        Some(UpsertOutcome::Written(Upserted::Updated)) => EntityState::Updated,
        Some(UpsertOutcome::Rejected(_)) => EntityState::Failed,
        Some(UpsertOutcome::NotSent) => EntityState::NotWritten,
        Some(UpsertOutcome::Blocked(_)) => EntityState::Blocked,
        Some(UpsertOutcome::Unknown) => EntityState::Unknown,
    }
}

/// Only a plan lets it pass with a warning.
fn owned_elsewhere(key: &EntityKey, owner: &str, location: &Location, mode: Mode) -> Diagnostic {
    let to_move = match mode {
        Mode::Plan => "merge this first, then remove it",
        Mode::Apply => "remove it",
    };
    let text = format!("`{key}` is in Port because of another source: {owner}");
    let found = Diagnostic::new(Code::OwnedElsewhere, location.clone(), text)
        .shared(format!("in Port because of another source: {owner}"))
        .label("owned elsewhere")
        .help(format!(
            "declare it in one source only. To move it here, {to_move} from {owner}, then run this again; Port keeps it meanwhile"
        ));
    match mode {
        Mode::Plan => found.warn(),
        Mode::Apply => found,
    }
}

/// Where the entity's relations lead.
fn links(entity: &Entity, redaction: Redaction<'_>) -> Vec<RelationLink> {
    let mut links = Vec::new();
    for (name, relation) in &entity.relations {
        let rule = redaction.blueprints.relation(entity, name);
        links.extend(relation.targets().iter().map(|target| RelationLink {
            relation: name.clone(),
            blueprint: rule.map(|rule| rule.target.clone()),
            target: target.clone(),
        }));
    }
    links
}

/// What no file declares comes last.
fn position_in_files(entity: &EntityReport) -> (bool, Option<(&str, usize)>) {
    let location = entity.location.as_ref();
    let position = location.map(|location| (location.path().as_str(), location.span.start));
    (position.is_none(), position)
}
