//! What the rounds of a run found and did → the report.

#[doc(hidden)]
pub mod findings;
mod fleet;
mod notices;
mod rejection;
#[cfg(test)]
mod tests;
#[doc(hidden)]
pub mod unfinished;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::round::RoundScope;
use super::round::{Responsibility, Round};
use super::session::Session;
use super::source::Source;
use crate::catalog::declare::passed_over;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::NoOpReason;
use crate::diagnostic::{self, Code, Diagnostic, Severity};
use crate::event::Scope;
use crate::port::Port;
use crate::report::{Cost, Drift, Ending, EntityReport, EntityState, Report, RunFacts, Since};
use crate::run::apply::Stopped;
use crate::text::RepoPath;
use findings::{Material, RunFindings};
pub(super) use fleet::{assemble_fleet, fleet_problems};

/// What a plan is worth that is made without Port.
const OFFLINE: &str = "made without access to Port, as on a pull request from a fork: compared with the base branch only";

/// Puts the report together.
pub(super) fn assemble(session: &Session<'_>, source: Source<'_>, started: Instant) -> Report {
    let Source {
        origin,
        commit,
        rounds,
        ending,
        warnings,
        mut notices,
        ..
    } = source;
    let drift = drift(session, &rounds);
    let (mut entities, mut diagnostics) = (Vec::new(), Vec::new());
    let mut foreign = BTreeSet::new();
    for round in rounds {
        let findings = run_findings(session, &round);
        notices.extend(findings.notices);
        supersede(&mut entities, &mut diagnostics, &round);
        foreign.retain(|path| !round.declared.versions.contains_key(path));
        foreign.extend(round.declared.head.foreign);
        entities.extend(findings.entities);
        diagnostics.extend(round.declared.head.diagnostics);
        diagnostics.extend(findings.rejections);
    }
    diagnostic::sort(&mut diagnostics);
    entities.sort_by_key(|entity| entity.state);
    notices.extend(passed_over(&foreign));
    // A fleet's report says it once, for all.
    if session.port.is_none() && !entities.is_empty() && session.setup.inputs.fleet.is_none() {
        notices.insert(0, OFFLINE.to_owned());
    }
    let run = RunFacts {
        head: commit,
        repository: origin.name,
        branch: origin.branch,
        ..session.setup.facts(session.run)
    };
    Report {
        run,
        entities,
        diagnostics,
        warnings,
        warnings_before: session.setup.warnings,
        notices,
        drift,
        ending: ending.unwrap_or(Ending::Complete),
        cost: cost(session, started),
    }
}

/// What the run cost so far.
fn cost(session: &Session<'_>, started: Instant) -> Cost {
    Cost {
        github_requests: session.setup.github.requests(),
        port_requests: session.port.map_or(0, Port::requests),
        elapsed: started.elapsed(),
    }
}

/// What is wrong, a line of Markdown each, for the state: codes and positions, and no values.
pub(super) fn problems(rounds: &[Round]) -> Vec<String> {
    let mut problems: BTreeMap<RepoPath, BTreeSet<String>> = BTreeMap::new();
    for round in rounds {
        for path in round.declared.versions.keys() {
            problems.remove(path);
        }
        for invalid in &round.declared.head.invalid {
            let location = &invalid.location;
            let lines = problems.entry(location.path().clone()).or_default();
            let key = invalid.key.as_ref().map(|key| format!(" (`{key}`)"));
            let key = key.unwrap_or_default();
            let codes = invalid.codes.iter();
            lines.extend(codes.map(|code| format!("`{code}` at {location}{key}")));
        }
        let Some(applied) = &round.applied else {
            continue;
        };
        for (upsert, outcome) in round.plan.upserts.iter().zip(&applied.outcomes) {
            if !matches!(outcome, crate::run::apply::UpsertOutcome::Written(_)) {
                let location = upsert.declaration.location();
                let lines = problems.entry(location.path().clone()).or_default();
                lines.insert(format!("not written: `{}` at {location}", upsert.key));
            }
        }
        for (deletion, outcome) in round.plan.deletions.iter().zip(&applied.deletions) {
            if !matches!(outcome, crate::run::apply::DeletionOutcome::Deleted) {
                let path = deletion.path.clone();
                let path = path.unwrap_or_else(|| RepoPath::new("(removed)"));
                let lines = problems.entry(path).or_default();
                lines.insert(format!("not deleted: `{}`", deletion.key));
            }
        }
    }
    problems.into_values().flatten().collect()
}

/// What a round found, and which of it the run fails for.
fn run_findings(session: &Session<'_>, round: &Round) -> RunFindings {
    let mut findings = RunFindings::new(Material {
        head: &round.declared.head,
        plan: &round.plan,
        applied: round.applied.as_ref(),
        refusals: &round.refusals,
        mode: session.run.mode,
        redaction: session.redaction(&round.blueprints),
    });
    let responsibility = &round.responsibility;
    for rejection in &mut findings.rejections {
        downgrade_older_rejection(responsibility, rejection, &round.declared.head);
    }
    for entity in &mut findings.entities {
        entity.since = since(responsibility, entity, round);
    }
    if round.end_of_budget().is_some() {
        let entities = &mut findings.entities;
        entities.retain(|entity| entity.state != EntityState::NotWritten);
    }
    let mut unfinished = unfinished::diagnostics(&findings.entities, session.run.mode);
    session
        .redaction(&round.blueprints)
        .conceal(&mut unfinished);
    findings.rejections.extend(unfinished);
    findings
}

/// A refusal that an earlier run met too is a warning.
fn downgrade_older_rejection(
    responsibility: &Responsibility,
    rejection: &mut Diagnostic,
    head: &crate::catalog::declare::Declarations,
) {
    let location = rejection.location().clone();
    let is_here = |one: &&std::sync::Arc<crate::catalog::declare::Declaration>| {
        let (headline, _) = one.source.resolve(one.location().span);
        let is_shown_there = one.source.is_mapped() && headline == location.span;
        one.source.path() == location.path() && (one.node().covers(location.span) || is_shown_there)
    };
    let keys: Vec<_> = head
        .sound()
        .filter(is_here)
        .map(|one| one.entity.key())
        .collect();
    // Which words Port's refusal leads to does not count: the state names the refusal.
    let code = match rejection.code {
        Code::MissingRelationTarget => Code::RejectedByPort,
        code => code,
    };
    let code = code.as_str();
    let covers = |key| responsibility.covers(location.path(), code, key);
    // Several mapped entities can be shown at one location.
    let is_older = match keys.is_empty() {
        true => !covers(None),
        false => keys.iter().any(|key| !covers(Some(key))),
    };
    if is_older {
        rejection.severity = Severity::Warning;
    }
}

/// Whether what is wrong with an entity is new.
fn since(responsibility: &Responsibility, entity: &EntityReport, round: &Round) -> Since {
    let path = entity.location.as_ref().map(|location| location.path());
    let key = entity.key.as_ref();
    let covers = |code: &str| match path {
        Some(path) => responsibility.covers(path, code, key),
        None => true,
    };
    let is_new = match (entity.state, key) {
        (EntityState::Invalid, _) => codes(entity, round).iter().any(|code| covers(code)),
        (EntityState::HeldBack, Some(key)) => responsibility.covers_deletion(key),
        (_, Some(key)) if entity.is_removed => responsibility.covers_deletion(key),
        (EntityState::Failed, _) => covers(Code::RejectedByPort.as_str()),
        (EntityState::Blocked, _) => covers(Code::Blocked.as_str()),
        (EntityState::OwnedElsewhere, _) => covers(Code::OwnedElsewhere.as_str()),
        _ => true,
    };
    match is_new {
        true => Since::ThisRun,
        false => Since::Before,
    }
}

/// What is wrong with an invalid entity.
fn codes(entity: &EntityReport, round: &Round) -> BTreeSet<&'static str> {
    let invalid = round.declared.head.invalid.iter();
    let here = invalid
        .filter(|one| one.key == entity.key && Some(&one.location) == entity.location.as_ref());
    here.flat_map(|one| &one.codes)
        .map(|code| code.as_str())
        .collect()
}

/// Takes out what a later round found and did anew.
fn supersede(entities: &mut Vec<EntityReport>, diagnostics: &mut Vec<Diagnostic>, round: &Round) {
    let paths = &round.declared.versions;
    let plan = &round.plan;
    let upserts = plan.upserts.iter().map(|upsert| &upsert.key);
    let deletions = plan.deletions.iter().map(|deletion| &deletion.key);
    let untouched = plan.untouched.iter();
    let untouched = untouched.filter(|one| one.reason != NoOpReason::Unchanged);
    let keys: BTreeSet<&EntityKey> = upserts
        .chain(deletions)
        .chain(untouched.map(|one| &one.key))
        .collect();
    let is_stale = |entity: &EntityReport| match (&entity.key, &entity.location) {
        (Some(key), _) if keys.contains(key) => true,
        (_, Some(location)) => {
            entity.state == EntityState::Invalid && paths.contains_key(location.path())
        }
        (_, None) => false,
    };
    entities.retain(|entity| !is_stale(entity));
    diagnostics.retain(|diagnostic| !paths.contains_key(diagnostic.location().path()));
}

/// How the run ended, as far as writing goes.
pub(super) fn ending(rounds: &[Round]) -> Ending {
    let applied = rounds.iter().filter_map(|round| round.applied.as_ref());
    let mut stopped = applied.rev().filter_map(|applied| applied.stopped.as_ref());
    match stopped.next() {
        None => Ending::Complete,
        // The next run continues.
        Some(stopped) if stopped.end_of_budget().is_some() => Ending::Complete,
        Some(Stopped::Interrupted) => Ending::Interrupted,
        Some(Stopped::Port(error)) => Ending::Stopped(error.to_string()),
    }
}

/// Whether Port was as Git declares, if the run looked at all of both.
fn drift(session: &Session<'_>, rounds: &[Round]) -> Option<Drift> {
    if session.port.is_none() || session.run.scope != Scope::All {
        return None;
    }
    let first = rounds
        .first()
        .filter(|round| round.extent == RoundScope::All)?;
    let mut left = first.plan.untouched.iter();
    let is_no_drift = |left: &crate::catalog::plan::Untouched| {
        matches!(
            left.reason,
            NoOpReason::Unchanged
                | NoOpReason::KeptByPort(_)
                | NoOpReason::HandedOver(_)
                | NoOpReason::NeverWritten
        )
    };
    let is_as_declared = first.plan.is_empty() && left.all(is_no_drift);
    Some(match is_as_declared {
        true => Drift::None,
        false => Drift::Found,
    })
}
