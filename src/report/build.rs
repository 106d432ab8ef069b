//! What was planned and what became of it → the report.

use super::{Ending, EntityReport, State};
use crate::apply::{Applied, Outcome, Stopped};
use crate::catalog::declare::{Declaration, Declarations};
use crate::catalog::plan::{Action, Plan, Untouched, Upsert};
use crate::diagnostic::{Code, Diagnostic};
use crate::port::{Rejection, Upserted};

/// What a run found and did, for the report.
#[derive(Debug, Default)]
pub struct Findings {
    /// What became of each entity, in the order of files and lines.
    pub entities: Vec<EntityReport>,
    /// What Port refused, in the order of files and lines.
    pub rejections: Vec<Diagnostic>,
    /// What else the user should know.
    pub notices: Vec<String>,
}

impl Findings {
    /// Puts together what head declares, what was planned, and, if anything was written, what
    /// became of it.
    pub fn new(head: &Declarations, plan: &Plan, applied: Option<&Applied>) -> Self {
        let mut findings = Self::default();
        findings.add_invalid(head);
        findings.add_untouched(&plan.unchanged, State::Unchanged);
        findings.add_untouched(&plan.removed, State::Removed);
        for (index, upsert) in plan.upserts.iter().enumerate() {
            let outcome = applied.and_then(|applied| applied.outcomes.get(index));
            findings.add_upsert(upsert, outcome);
        }
        findings.add_removal_notice(plan);
        findings.entities.sort_by(|a, b| place(a).cmp(&place(b)));
        findings
    }

    fn add_invalid(&mut self, head: &Declarations) {
        let invalid = head.invalid.iter().map(|invalid| EntityReport {
            key: invalid.key.clone(),
            state: State::Invalid,
            location: invalid.location.clone(),
        });
        self.entities.extend(invalid);
    }

    fn add_untouched(&mut self, untouched: &[Untouched], state: State) {
        let entities = untouched
            .iter()
            .map(|Untouched { key, location }| EntityReport {
                key: Some(key.clone()),
                state,
                location: location.clone(),
            });
        self.entities.extend(entities);
    }

    fn add_upsert(&mut self, upsert: &Upsert, outcome: Option<&Outcome>) {
        let declaration = &upsert.declaration;
        if let Some(Outcome::Rejected(rejection)) = outcome {
            self.rejections.push(rejected(declaration, rejection));
        }
        self.entities.push(EntityReport {
            key: Some(declaration.entity.key()),
            state: state(upsert.action, outcome),
            location: declaration.location(),
        });
    }

    fn add_removal_notice(&mut self, plan: &Plan) {
        const NAMED: usize = 10;
        if plan.removed.is_empty() {
            return;
        }
        let names: Vec<_> = plan
            .removed
            .iter()
            .take(NAMED)
            .map(|removed| format!("`{}`", removed.key))
            .collect();
        let more = plan.removed.len().saturating_sub(NAMED);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        self.notices.push(format!(
            "Git no longer declares {}{more}; what it no longer declares stays in Port",
            names.join(", ")
        ));
    }
}

/// How the run ended, as far as writing goes.
pub fn ending(applied: Option<&Applied>) -> Ending {
    match applied.and_then(|applied| applied.stopped.as_ref()) {
        None => Ending::Complete,
        Some(Stopped::Interrupted) => Ending::Interrupted,
        Some(Stopped::Port(error)) => Ending::Stopped(error.to_string()),
    }
}

/// Without an outcome, the state is what is expected.
fn state(action: Action, outcome: Option<&Outcome>) -> State {
    let expected = match action {
        Action::Create => State::Created,
        Action::Update => State::Updated,
    };
    match outcome {
        None | Some(Outcome::Written(Upserted::Written)) => expected,
        Some(Outcome::Written(Upserted::Created)) => State::Created,
        Some(Outcome::Written(Upserted::Updated)) => State::Updated,
        Some(Outcome::Rejected(_)) => State::Failed,
        Some(Outcome::NotSent) => State::NotWritten,
        Some(Outcome::Unknown) => State::Unknown,
    }
}

fn rejected(declaration: &Declaration, rejection: &Rejection) -> Diagnostic {
    let Rejection { status, message } = rejection;
    let message = format!(
        "Port did not take `{}`: {message} ({status})",
        declaration.entity.key()
    );
    let diagnostic =
        Diagnostic::new(Code::RejectedByPort, declaration.location(), message).label("this entity");
    match help(*status) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn help(status: u16) -> Option<&'static str> {
    match status {
        403 => Some(
            "check what the credentials may do, and whether an IP allow-list keeps the runner out",
        ),
        404 => Some(
            "check the blueprint's name and the relations' targets: what is named must exist in Port, or set `create-missing-related-entities: true`",
        ),
        409 | 422 => {
            Some("change the entity as the message says; Port's blueprint decides what is allowed")
        }
        413 => Some("make the entity smaller: Port takes at most 1 MiB"),
        429 | 500..=599 => {
            Some("run the job again: Port was busy or failing, and the tries were used up")
        }
        _ => None,
    }
}

fn place(entity: &EntityReport) -> (&str, usize) {
    (entity.location.path().as_str(), entity.location.span.start)
}
