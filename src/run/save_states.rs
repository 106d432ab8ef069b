//! Saves the states of sources.

use super::error::Error;
use super::pass::Pass;
use super::report;
use super::session::Session;
use super::source::Source;
use super::state::Status;
use super::state::store::{self, Save, Store, Stored};

/// Saves the state of each source of which something is about to be written: it lists that as possible.
/// A source whose state cannot be saved leaves the run: nothing of it may be written.
///
/// # Errors
/// If the run is told to stop.
pub(super) async fn before_writing(
    session: &Session<'_>,
    passes: &mut [Pass<'_, '_>],
) -> Result<(), Error> {
    let mut savings = Vec::new();
    let is_beginning =
        |pass: &&mut Pass<'_, '_>| !pass.plan.is_empty() && pass.source.failure.is_none();
    for pass in passes.iter_mut().filter(is_beginning) {
        pass.note_plan();
        let source = &mut *pass.source;
        if !source.is_stored(&source.state)
            && let Some(store) = source.store.clone()
        {
            savings.push(Saving {
                store,
                source,
                status: Status::Applying,
                problems: Vec::new(),
            });
        }
    }
    for (source, saved) in save(session, savings).await {
        match saved {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            saved => source.failure = saved.err(),
        }
    }
    Ok(())
}

/// Saves the state of each source as the run leaves it, and ends the work on it.
pub(super) async fn after_writing(session: &Session<'_>, sources: Vec<&mut Source<'_>>) {
    let mut savings = Vec::new();
    for source in sources {
        match source.store.clone() {
            Some(store) => savings.push(Saving {
                store,
                status: source.state.status(),
                problems: report::problems(&source.rounds),
                source,
            }),
            None => source.end(),
        }
    }
    for (source, saved) in save(session, savings).await {
        match saved {
            Ok(()) => source.end(),
            Err(error) => source.end_unsaved(error),
        }
    }
}

/// The state of a source that is to be saved.
struct Saving<'s, 'p> {
    source: &'s mut Source<'p>,
    store: Store<'p>,
    status: Status,
    problems: Vec<String>,
}

/// What became of the state of a source.
type SavedSource<'s, 'p> = (&'s mut Source<'p>, Result<(), Error>);

/// Saves states. Where another run was faster, the states of both are merged and saved.
async fn save<'s, 'p>(
    session: &Session<'_>,
    mut savings: Vec<Saving<'s, 'p>>,
) -> Vec<SavedSource<'s, 'p>> {
    let mut saved: Vec<SavedSource<'s, 'p>> = Vec::new();
    while !savings.is_empty() {
        let saves: Vec<_> = savings.iter().map(|one| one.to_save(session)).collect();
        let saving = async { Ok(store::save(&saves).await) };
        let results = session.unless_interrupted(saving).await;
        drop(saves);
        let Ok(results) = results else {
            let interrupted = |saving: Saving<'s, 'p>| (saving.source, Err(Error::Interrupted));
            saved.extend(savings.into_iter().map(interrupted));
            return saved;
        };
        for (mut saving, result) in std::mem::take(&mut savings).into_iter().zip(results) {
            match saving.conclude(session, result) {
                Some(result) => saved.push((saving.source, result)),
                None => savings.push(saving),
            }
        }
    }
    saved
}

impl Saving<'_, '_> {
    fn to_save(&self, session: &Session<'_>) -> Save<'_> {
        Save {
            store: &self.store,
            state: &self.source.state,
            status: self.status,
            facts: self.source.facts(session, self.problems.clone()),
            known: self.source.stored.as_ref(),
        }
    }

    /// What became of the state; `None` if it has to be saved once more.
    fn conclude(
        &mut self,
        session: &Session<'_>,
        result: Result<Stored, store::Error>,
    ) -> Option<Result<(), Error>> {
        let is_fleet = session.setup.inputs.fleet.is_some();
        let source = &mut *self.source;
        match result {
            Ok(stored) => source.stored = Some(stored),
            // In a fleet, a source whose state another run has just created is left to the next run, as in
            // `fleet_states::leave_overtaken`.
            Err(store::Error::Overtaken(_)) if is_fleet && self.status == Status::Applying => {
                return Some(Err(Error::Overtaken));
            }
            Err(store::Error::Overtaken(other)) => {
                source.merge_with(*other);
                if self.status != Status::Applying {
                    self.status = source.state.status();
                }
                return None;
            }
            Err(store::Error::NoBlueprint(reason)) => source.keep_no_state(&reason),
            Err(error) => return Some(Err(error.into())),
        }
        Some(Ok(()))
    }
}
