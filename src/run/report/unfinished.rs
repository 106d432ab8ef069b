//! What is not as Git wants it and has no line at head that is to blame: what was not deleted, and what
//! the run did not come to. One diagnostic for each cause, however many entities share it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::event::Mode;
use crate::report::{EntityReport, EntityState, Since};
use crate::text::{Location, RepoPath, SourceFile};

/// So many entities are named in a message.
const NAMED: usize = 3;
/// So many other locations are shown beside the first.
const RELATED: usize = 2;

/// What happened to an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum UnfinishedKind {
    NotDeleted,
    NotSent,
    NoAnswer,
}

/// Entities that share a cause.
type Causes<'e> = BTreeMap<(UnfinishedKind, Option<&'e str>, bool), Vec<&'e EntityReport>>;

/// A diagnostic for each cause, of the entities as `mode` leaves them.
pub fn diagnostics(entities: &[EntityReport], mode: Mode) -> Vec<Diagnostic> {
    let mut causes = Causes::new();
    for entity in entities {
        if let Some(kind) = kind(entity) {
            let cause = (kind, entity.note.as_deref(), entity.since == Since::Before);
            causes.entry(cause).or_default().push(entity);
        }
    }
    let found = causes.into_iter();
    found
        .filter_map(|((kind, reason, is_older), entities)| {
            let mut found = diagnostic(kind, reason, &entities, mode)?;
            if is_older {
                found.severity = Severity::Warning;
            }
            Some(found)
        })
        .collect()
}

fn kind(entity: &EntityReport) -> Option<UnfinishedKind> {
    match entity.state {
        EntityState::HeldBack => Some(UnfinishedKind::NotDeleted),
        EntityState::Failed if entity.is_removed => Some(UnfinishedKind::NotDeleted),
        EntityState::NotWritten => Some(UnfinishedKind::NotSent),
        EntityState::Unknown => Some(UnfinishedKind::NoAnswer),
        _ => None,
    }
}

fn diagnostic(
    kind: UnfinishedKind,
    reason: Option<&str>,
    entities: &[&EntityReport],
    mode: Mode,
) -> Option<Diagnostic> {
    let first = entities.first()?;
    let subject = subject(entities);
    let (were, deleted) = match (mode, entities.len()) {
        (Mode::Plan, _) => ("would be", "would not be deleted"),
        (Mode::Apply, 1) => ("was", "was not deleted"),
        (Mode::Apply, _) => ("were", "were not deleted"),
    };
    let (code, message, help) = match kind {
        UnfinishedKind::NotDeleted => {
            let reason = reason.unwrap_or("something prevents it");
            let help = first.help.as_deref();
            (
                Code::NotDeleted,
                format!("{subject} {deleted}: {reason}"),
                help.unwrap_or("fix what the message names, then push again or re-run the job"),
            )
        }
        UnfinishedKind::NotSent => (
            Code::NotWritten,
            format!("{subject} {were} not written: the run ended first"),
            "push again or re-run the job: it applies the rest",
        ),
        UnfinishedKind::NoAnswer => (
            Code::NotWritten,
            format!("{subject} {were} sent, and no answer came: Port may or may not have it"),
            "push again or re-run the job: it compares with Port and applies the rest",
        ),
    };
    let diagnostic = Diagnostic::new(code, location(first), message)
        .label(format!("`{}`", first.name()))
        .help(help);
    // Of what is no longer at head only the files are known, and each is shown once.
    let mut files = BTreeSet::from([location(first).path().clone()]);
    let others = entities[1..].iter();
    let others =
        others.filter(|other| !other.is_removed || files.insert(location(other).path().clone()));
    let others = others.take(RELATED);
    Some(others.fold(diagnostic, |diagnostic, other| {
        diagnostic.related(location(other), format!("`{}`", other.name()))
    }))
}

/// `` `a` `` or `` 5 entities (`a`, `b`, `c` and 2 more)``.
fn subject(entities: &[&EntityReport]) -> String {
    let names = entities.iter().take(NAMED);
    let names: Vec<_> = names.map(|one| format!("`{}`", one.name())).collect();
    let named = names.join(", ");
    match entities.len() {
        1 => named,
        count if count > NAMED => format!("{count} entities ({named} and {} more)", count - NAMED),
        count => format!("{count} entities ({named})"),
    }
}

/// Head no longer has the line of what was removed: another entity may stand there now.
fn location(entity: &EntityReport) -> Location {
    let file = |path| Location::start_of(&SourceFile::unreadable(path));
    match &entity.location {
        Some(location) if entity.is_removed => file(location.path().clone()),
        Some(location) => location.clone(),
        None => file(RepoPath::new("(removed)")),
    }
}
