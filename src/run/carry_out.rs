//! Carries the plans of all sources out as one. Each source's state is saved once its last entity is done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{Instant, timeout_at};

use super::apply::{Applied, apply};
use super::error::Error;
use super::fleet_states;
use super::pass::Pass;
use super::round_end;
use super::save_states;
use super::session::Session;
use super::shared_entities;
use super::source::Source;
use crate::catalog::blueprint::Blueprints;
use crate::catalog::entity::EntityKey;
use crate::catalog::plan::{Plan, summary};
use crate::port::Port;

/// How long a source that is done waits for others, to be saved in one request with them.
const LONGEST_GATHERING: Duration = Duration::from_secs(10);

/// What became of the plan of a source: the index of its pass, and the outcomes.
type DonePlan = (usize, Applied);

/// Saves what is about to be written, writes it, and ends the work on each source: for one that only
/// upserts, while the others are still written. A source whose state cannot be saved before leaves the run.
///
/// # Errors
/// If the run is told to stop before it writes.
pub(super) async fn save_and_apply(
    session: &Session<'_>,
    mut passes: Vec<Pass<'_, '_>>,
    blueprints: &Arc<Blueprints>,
    port: &Port,
) -> Result<(), Error> {
    let declared = shared_entities::all_declared(&passes);
    fleet_states::leave_overtaken(session, &mut passes).await?;
    save_states::before_writing(session, &mut passes).await?;
    passes.retain(|pass| pass.source.failure.is_none());
    port.keep(requests_to_save(passes.len()));
    let plans: Vec<_> = passes.iter().map(|pass| Arc::clone(&pass.plan)).collect();
    let (sender, done) = mpsc::unbounded_channel();
    let applying = async move {
        let plans: Vec<&Plan> = plans.iter().map(|plan| &**plan).collect();
        if plans.iter().all(|plan| plan.is_empty()) {
            return;
        }
        session.log.line(format!("Applying: {}", summary(&plans)));
        let options = session.setup.write_options();
        let done = |index, applied| {
            // It is received until the sender is dropped.
            let _ = sender.send((index, applied));
        };
        apply(&plans, blueprints, port, &options, session.shutdown, done).await;
    };
    let closing = Closing {
        session,
        blueprints,
        passes: passes.into_iter().map(Some).collect(),
        declared,
        taken: BTreeSet::new(),
    };
    tokio::join!(applying, closing.run(done, port));
    Ok(())
}

/// The sources that are still open.
struct Closing<'a, 's, 'p> {
    session: &'a Session<'a>,
    blueprints: &'a Arc<Blueprints>,
    /// Their passes; `None` once they are over.
    passes: Vec<Option<Pass<'s, 'p>>>,
    /// What any source of the run declares.
    declared: BTreeSet<EntityKey>,
    /// What those that are over have taken over.
    taken: BTreeSet<EntityKey>,
}

impl<'s, 'p> Closing<'_, 's, 'p> {
    /// Closes sources as they are done, as many at a time as share a request, and all others in the end.
    async fn run(mut self, mut done: UnboundedReceiver<DonePlan>, port: &Port) {
        loop {
            let (batch, more) = gather(&mut done, port.upsert_limit()).await;
            let ended = batch.into_iter();
            let ended = ended.filter_map(|(index, applied)| self.end(index, applied));
            let mut ended: Vec<_> = ended.collect();
            if more == More::No {
                ended.extend(self.end_all());
            }
            round_end::end_round(self.session, ended).await;
            if more == More::No {
                return;
            }
            port.keep(requests_to_save(self.passes.iter().flatten().count()));
        }
    }

    /// Ends a pass that was carried out, unless it is to hand something over: whether that was taken over
    /// is only known in the end.
    fn end(&mut self, index: usize, applied: Applied) -> Option<&'s mut Source<'p>> {
        let entry = self.passes.get_mut(index)?;
        let pass = entry.as_mut().filter(|pass| !pass.plan.is_empty())?;
        pass.applied = Some(applied);
        if shared_entities::hands_over(pass) {
            return None;
        }
        let mut pass = entry.take()?;
        self.taken
            .extend(shared_entities::taken_over(&pass).cloned());
        pass.note_outcomes();
        Some(pass.record_round(self.blueprints))
    }

    /// Ends all others.
    fn end_all(&mut self) -> Vec<&'s mut Source<'p>> {
        let mut passes: Vec<_> = self.passes.drain(..).flatten().collect();
        for pass in &passes {
            self.taken
                .extend(shared_entities::taken_over(pass).cloned());
        }
        for pass in &mut passes {
            shared_entities::keep_what_is_not_taken_over(pass, &self.declared, &self.taken);
            pass.note_outcomes();
        }
        let passes = passes.into_iter();
        passes
            .map(|pass| pass.record_round(self.blueprints))
            .collect()
    }
}

/// How many requests it takes to save so many states: each is loaded before.
fn requests_to_save(count: usize) -> usize {
    count + count.div_ceil(10)
}

/// Whether anything is still being carried out.
#[derive(PartialEq, Eq)]
enum More {
    Yes,
    No,
}

/// Waits for the next sources that are done: `most`, or fewer once the first of them has waited for long or
/// nothing more is to come.
async fn gather(done: &mut UnboundedReceiver<DonePlan>, most: usize) -> (Vec<DonePlan>, More) {
    let Some(first) = done.recv().await else {
        return (Vec::new(), More::No);
    };
    let deadline = Instant::now() + LONGEST_GATHERING;
    let mut batch = vec![first];
    while batch.len() < most {
        match timeout_at(deadline, done.recv()).await {
            Ok(Some(one)) => batch.push(one),
            Ok(None) => return (batch, More::No),
            Err(_) => break,
        }
    }
    (batch, More::Yes)
}
