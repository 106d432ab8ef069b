//! Which problems a run fails for: those in files that its own push changes, and those that it is the
//! first to find. Older ones are warnings, so that one team's broken file does not turn everybody's
//! pushes red.

use std::collections::BTreeSet;

use super::error::Error;
use super::pass::Pass;
use super::read::Declared;
use super::session::Session;
use super::source::Source;
use super::state::{Deletion, Problem, State, Version};
use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::EntityKey;
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::{Base, Pushed, Scope};
use crate::inputs::Prune;
use crate::text::RepoPath;

/// Which problems a run fails for.
#[derive(Debug)]
pub(crate) enum Responsibility {
    /// All of them.
    All,
    /// Those that are new, and those in these files; the state says which are not new.
    New {
        pushed: BTreeSet<RepoPath>,
        found: Box<State>,
    },
}

/// Finds out for each source which problems the run fails for.
///
/// # Errors
/// If a request to GitHub fails.
pub(super) async fn find(session: &Session<'_>, passes: &mut [Pass<'_, '_>]) -> Result<(), Error> {
    for pass in passes {
        pass.responsibility = Responsibility::of(session, pass.source, &pass.declared).await?;
    }
    Ok(())
}

/// Makes warnings of the errors that the run does not fail for, and takes secrets out of them.
pub(super) fn mark(session: &Session<'_>, passes: &mut [Pass<'_, '_>], blueprints: &Blueprints) {
    for pass in passes {
        let head = &mut pass.declared.head;
        for diagnostic in &mut head.diagnostics {
            pass.responsibility
                .downgrade_older(diagnostic, &head.invalid);
        }
        session.redaction(blueprints).conceal(&mut head.diagnostics);
    }
}

impl Responsibility {
    /// Finds out which files the run's own push changes, where there are older problems.
    async fn of(
        session: &Session<'_>,
        source: &Source<'_>,
        declared: &Declared,
    ) -> Result<Self, Error> {
        let Scope::Changed(Base::State) = session.run.scope else {
            return Ok(Self::All);
        };
        let found = Box::new(source.found.clone());
        let mut paths = declared.versions.keys();
        let has_older = paths.any(|path| {
            let file = found.file(path);
            file.is_some_and(|file| !file.problems.is_empty())
        });
        let prunes = session.setup.inputs.prune == Prune::Delete;
        let has_older_deletion = prunes && found.is_deletion_prevented();
        let pushed = match (&source.origin.push, has_older || has_older_deletion) {
            (Some(push), true) => pushed(source, push).await?,
            _ => Some(BTreeSet::new()),
        };
        // A file is changed by its mapping too.
        let mapping = &session.setup.inputs.mapping;
        let is_mapped = |version: &Option<Version>| {
            version
                .as_ref()
                .is_some_and(|version| version.mapping.is_some())
        };
        let pushed = pushed.map(|mut pushed| {
            if mapping
                .as_ref()
                .is_some_and(|mapping| pushed.contains(mapping))
            {
                let mapped = declared.versions.iter().filter(|(_, one)| is_mapped(one));
                pushed.extend(mapped.map(|(path, _)| path.clone()));
            }
            pushed
        });
        Ok(match pushed {
            Some(pushed) => Self::New { pushed, found },
            None => Self::All,
        })
    }

    /// Whether the run fails for a problem of the file at `path`.
    pub(crate) fn covers(&self, path: &RepoPath, code: &str, key: Option<&EntityKey>) -> bool {
        let Self::New { pushed, found } = self else {
            return true;
        };
        let problem = Problem {
            code: code.to_owned(),
            entity: key.cloned(),
        };
        let file = found.file(path);
        pushed.contains(path) || !file.is_some_and(|file| file.problems.contains(&problem))
    }

    /// Whether the run fails because `key` was not deleted.
    pub(crate) fn covers_deletion(&self, key: &EntityKey) -> bool {
        let Self::New { pushed, found } = self else {
            return true;
        };
        let older = found.removed.get(key);
        let older = older.filter(|removed| removed.deletion == Deletion::Prevented);
        older.is_none_or(|removed| pushed.contains(&removed.path))
    }

    fn downgrade_older(
        &self,
        diagnostic: &mut Diagnostic,
        invalid: &[crate::catalog::declare::Invalid],
    ) {
        if !diagnostic.is_error() {
            return;
        }
        let (path, code) = (diagnostic.location().path().clone(), diagnostic.code);
        let mut here = invalid
            .iter()
            .filter(|one| *one.location.path() == path && one.codes.contains(&code));
        if here.all(|one| !self.covers(&path, code.as_str(), one.key.as_ref())) {
            diagnostic.severity = Severity::Warning;
        }
    }
}

/// The files that a push changes; `None` if that is not known.
async fn pushed(source: &Source<'_>, push: &Pushed) -> Result<Option<BTreeSet<RepoPath>>, Error> {
    let Some(before) = &push.before else {
        return Ok(None);
    };
    let repository = &source.origin.repository;
    let changed = repository.changed_since(before, &push.after).await?;
    Ok(changed
        .files()
        .map(|files| files.into_iter().map(|file| file.path).collect()))
}
