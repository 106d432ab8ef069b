//! What becomes of a run, and runs that become so.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use port_gitops::environment::Environment;
use port_gitops::shutdown::{ShutdownTrigger, shutdown};
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Answer, Fault, GitHubSandbox, PortSandbox, Sandbox};
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::oneshot;

use crate::runs::{Ended, indented, run_until_killed};
use crate::tree::Name;

/// Which API a disturbance strikes, at which of its requests in that run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) api: Api,
    pub(crate) request: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    GitHub,
    Port,
}

/// What becomes of a run.
#[derive(Debug, Clone)]
pub(crate) enum Fate<E> {
    /// Nothing disturbs it.
    Quiet,
    /// It never starts.
    Dropped,
    /// It ends without notice, after this request took effect.
    Killed(Moment),
    /// It is told to stop while this request is under way.
    Interrupted(Moment),
    /// This request is refused.
    Refused(Moment),
    /// The credentials lose their rights before this request, until the run ends.
    Denied(Moment),
    /// The answer to this request is lost after it took effect.
    Lost(Moment),
    /// Port refuses an entity.
    RefusedEntity(Name),
    /// Other things happen while this request is under way, and the run may be killed at a later one.
    Overlapped(Moment, Vec<E>, Option<Moment>),
}

/// The sandboxes in which a run happens.
pub(crate) trait Place: Clone + Send + Sync + 'static {
    /// What can happen there while a run is under way.
    type Event: Clone + Send + Sync;

    fn github(&self) -> &GitHubSandbox;

    fn port(&self) -> &PortSandbox;

    /// An entity's blueprint and identifier.
    fn key(name: Name) -> (&'static str, String);

    /// Notes down what happened.
    fn tell(&self, line: String);

    fn inject(&self, moment: &Moment, fault: Fault) {
        let fault = fault.skip(moment.request.into());
        match moment.api {
            Api::GitHub => self.github().inject(fault),
            Api::Port => self.port().inject(fault),
        }
    }

    fn happen_meanwhile(&self, event: &Self::Event);
}

/// What happens while a run is under way, unless it has happened.
type Meanwhile<E> = Arc<Mutex<Vec<E>>>;

/// Runs the action, with what becomes of it. What should have happened meanwhile and did not happens
/// afterwards.
pub(crate) fn run_so<P: Place>(
    place: &P,
    name: &str,
    fate: &Fate<P::Event>,
    environment: Environment,
) -> Ended {
    let (stop, shutdown) = shutdown();
    let stop = Arc::new(Mutex::new(Some(stop)));
    let (kill, killed) = oneshot::channel();
    let (dead, died) = mpsc::channel();
    let events: Meanwhile<P::Event> = Arc::default();
    if let Fate::Overlapped(_, overlap, _) = fate {
        events.lock().unwrap().clone_from(overlap);
    }
    disturb(place, fate, &stop, &events, death(kill, died));
    let ended = run_until_killed(environment, shutdown, killed);
    // The run that was killed is waited for; that it is not any more is no mistake.
    let _ = dead.send(());
    if !matches!(fate, Fate::Quiet) {
        place.github().clear_faults();
        place.port().clear_faults();
        place.port().refuse_nothing();
    }
    let (exit, log) = (ended.exit, indented(&ended.log));
    place.tell(format!("{name} ends: {exit:?}\n{log}"));
    happen_all(place, &events);
    ended
}

fn happen_all<P: Place>(place: &P, events: &Mutex<Vec<P::Event>>) {
    let events = std::mem::take(&mut *events.lock().unwrap());
    events
        .iter()
        .for_each(|event| place.happen_meanwhile(event));
}

fn disturb<P: Place>(
    place: &P,
    fate: &Fate<P::Event>,
    stop: &Arc<Mutex<Option<ShutdownTrigger>>>,
    events: &Meanwhile<P::Event>,
    death: Fault,
) {
    let refusal = |status| {
        let body = json!({"ok": false, "error": "no", "message": "no"});
        Fault::answer(Answer::json(status, &body))
    };
    match fate {
        Fate::Quiet | Fate::Dropped => {}
        Fate::RefusedEntity(name) => {
            let (blueprint, identifier) = P::key(*name);
            let failure = Failure::new(422, "no", "refused");
            place.port().refuse(blueprint, &identifier, failure, 100);
        }
        Fate::Killed(moment) => place.inject(moment, death),
        Fate::Interrupted(moment) => {
            let stop = Arc::clone(stop);
            let call = Fault::call(move || {
                if let Some(stop) = &*stop.lock().unwrap() {
                    stop.request();
                }
            });
            place.inject(moment, call);
        }
        Fate::Refused(moment) => place.inject(moment, refusal(400)),
        Fate::Denied(moment) => place.inject(moment, refusal(401).always()),
        Fate::Lost(moment) => place.inject(moment, Fault::close().after_effect()),
        Fate::Overlapped(moment, _, last) => {
            let (there, events) = (place.clone(), Arc::clone(events));
            let last = Mutex::new(last.map(|last| (last, death)));
            let call = Fault::call(move || {
                happen_all(&there, &events);
                if let Some((moment, death)) = last.lock().unwrap().take() {
                    there.inject(&moment, death);
                }
            });
            place.inject(moment, call);
        }
    }
}

/// Ends a run once a request of it took effect.
fn death(kill: oneshot::Sender<()>, died: mpsc::Receiver<()>) -> Fault {
    let killing = Mutex::new(Some((kill, died)));
    let call = Fault::call(move || {
        if let Some((kill, died)) = killing.lock().unwrap().take() {
            let _ = kill.send(());
            let _ = died.recv_timeout(Duration::from_secs(20));
        }
    });
    call.after_effect()
}

/// A fate, for people: what happens meanwhile is told when it does.
pub(crate) fn told<E: Debug>(fate: &Fate<E>) -> String {
    match fate {
        Fate::Overlapped(moment, _, last) => {
            format!("overlapped at {moment:?}, killed after that at {last:?}")
        }
        fate => format!("{fate:?}"),
    }
}

/// What may become of a run, but that others overlap it. There are so many entities.
pub(crate) fn calm_fate<E: Clone + Debug>(entities: u8) -> impl Strategy<Value = Fate<E>> {
    prop_oneof![
        12 => Just(Fate::Quiet),
        4 => Just(Fate::Dropped),
        5 => moment().prop_map(Fate::Killed),
        2 => moment().prop_map(Fate::Interrupted),
        2 => moment().prop_map(Fate::Refused),
        1 => moment().prop_map(Fate::Denied),
        1 => moment().prop_map(Fate::Lost),
        2 => (0..entities).prop_map(Fate::RefusedEntity),
    ]
}

pub(crate) fn moment() -> impl Strategy<Value = Moment> {
    let api = prop_oneof![1 => Just(Api::GitHub), 2 => Just(Api::Port)];
    let request = prop_oneof![0..12_u8, 4..10_u8];
    (api, request).prop_map(|(api, request)| Moment { api, request })
}
