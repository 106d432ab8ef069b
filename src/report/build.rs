//! What was planned and what became of it → the report.

use super::{Ending, EntityReport, State, rejection};
use crate::apply::{Applied, Outcome, Stopped};
use crate::catalog::declare::Declarations;
use crate::catalog::plan::{Action, Plan, Reason, Untouched, Upsert};
use crate::diagnostic::Diagnostic;
use crate::port::Upserted;

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
        findings.add_untouched(&plan.untouched);
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
            location: Some(invalid.location.clone()),
        });
        self.entities.extend(invalid);
    }

    fn add_untouched(&mut self, untouched: &[Untouched]) {
        let entities = untouched.iter().map(|untouched| EntityReport {
            key: Some(untouched.key.clone()),
            state: match untouched.reason {
                Reason::Unchanged => State::Unchanged,
                Reason::Removed | Reason::Unclaimed => State::Removed,
                Reason::HeldBack(_) => State::HeldBack,
                Reason::Superseded => State::Superseded,
                Reason::OwnedElsewhere(_) => State::OwnedElsewhere,
            },
            location: untouched.location.clone(),
        });
        self.entities.extend(entities);
    }

    fn add_upsert(&mut self, upsert: &Upsert, outcome: Option<&Outcome>) {
        let declaration = &upsert.declaration;
        if let Some(Outcome::Rejected(rejection)) = outcome {
            self.rejections
                .push(rejection::diagnostic(declaration, rejection));
        }
        self.entities.push(EntityReport {
            key: Some(declaration.entity.key()),
            state: state(upsert.action, outcome),
            location: Some(declaration.location()),
        });
    }

    fn add_removal_notice(&mut self, plan: &Plan) {
        const NAMED: usize = 10;
        let removed: Vec<_> = plan.untouched_by(&Reason::Removed).collect();
        if removed.is_empty() {
            return;
        }
        let names: Vec<_> = removed
            .iter()
            .take(NAMED)
            .map(|removed| format!("`{}`", removed.key))
            .collect();
        let more = removed.len().saturating_sub(NAMED);
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
        Some(Outcome::Blocked(_)) => State::Blocked,
        Some(Outcome::Superseded) => State::Superseded,
        Some(Outcome::Unknown) => State::Unknown,
    }
}

/// What no file declares comes last.
fn place(entity: &EntityReport) -> (bool, Option<(&str, usize)>) {
    let location = entity.location.as_ref();
    let place = location.map(|location| (location.path().as_str(), location.span.start));
    (place.is_none(), place)
}
