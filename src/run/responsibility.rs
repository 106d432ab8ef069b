//! Which problems a run fails for: those in files that its own push changes, and those that it is the
//! first to find. Older ones are warnings, so that one team's broken file does not turn everybody's
//! pushes red.

use std::collections::BTreeSet;

use super::error::Error;
use super::pass::Pass;
use super::round::{Declared, Responsibility};
use super::session::Session;
use super::source::Source;
use super::state::Version;
use crate::diagnostic::{Diagnostic, Severity};
use crate::event::{Base, Pushed, Scope};
use crate::inputs::Prune;
use crate::text::RepoPath;

/// Determines for each source which problems the run fails for.
///
/// # Errors
/// If a request to GitHub fails.
pub(super) async fn determine(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
) -> Result<(), Error> {
    for pass in passes {
        pass.responsibility = Responsibility::of(session, pass.source, &pass.declared).await?;
    }
    Ok(())
}

/// Makes warnings of the errors that the run does not fail for.
pub(super) fn downgrade_older(passes: &mut [Pass<'_, '_>]) {
    for pass in passes {
        let head = &mut pass.declared.head;
        for diagnostic in &mut head.diagnostics {
            pass.responsibility
                .downgrade_older(diagnostic, &head.invalid);
        }
    }
}

impl Responsibility {
    /// Finds out which files the run's own push changes, where there are older problems.
    async fn of(
        session: &Session<'_>,
        source: &Source<'_>,
        declared: &Declared,
    ) -> Result<Self, Error> {
        let is_fleet = session.setup.inputs.fleet.is_some();
        if session.run.scope != Scope::Changed(Base::State) && !is_fleet {
            return Ok(Self::All);
        }
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
