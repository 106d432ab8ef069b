//! Plays a history, and says whether the catalog came to what the tip declares.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use port_gitops::Exit;
use port_gitops::shutdown::{ShutdownTrigger, shutdown};
use port_gitops_sandbox::github::Resource;
use port_gitops_sandbox::port::Failure;
use port_gitops_sandbox::{Answer, Fault, ObjectId, Sandbox};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::history::{Api, Edit, Event, Fate, Form, Ground, Moment, Name, Tree};
use crate::runs::{Ended, Trigger, World, run_until_killed};

/// Whether runs delete what Git no longer declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletions {
    Kept,
    Made,
}

/// A branch and what happened to it. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Player {
    world: Arc<World>,
    branch: String,
    deletions: Deletions,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The branch's history, oldest first, with the files of each commit.
    line: Vec<(ObjectId, Tree)>,
    /// Before and after of every push.
    pushes: Vec<(ObjectId, ObjectId)>,
    commits: usize,
    /// What happened, for people.
    story: Vec<String>,
}

/// What is to be cleaned up once a run has ended.
struct Disturbance {
    trigger: Arc<Mutex<Option<ShutdownTrigger>>>,
    dead: mpsc::Sender<()>,
    overlap: Option<Arc<Mutex<Option<Vec<Event>>>>>,
}

impl Player {
    pub(crate) fn new(world: Arc<World>, branch: String, deletions: Deletions) -> Self {
        Self {
            world,
            branch,
            deletions,
            state: Arc::default(),
        }
    }

    /// Plays everything, then a push that mends all mistakes of files, once the blueprint is mended.
    pub(crate) fn play(&self, history: &[Event]) -> Result<(), String> {
        let world = &self.world;
        for resource in [Resource::Core, Resource::Graphql] {
            let hour = Duration::from_secs(3_600);
            world.github.set_budget(resource, 1_000, hour);
        }
        for (blueprint, identifier, _) in world.port.entities() {
            world.port.remove_entity(&blueprint, &identifier);
        }
        world.set_properties(&["p", "q"]);
        world.repository.checkout_orphan(&self.branch);
        self.push(Ground::Tip, &[], &Fate::Quiet);
        for event in history {
            self.happen(event);
        }
        let ended = self.mend();
        let result = self.verdict(&ended);
        result.map_err(|problem| {
            let story = self.state.lock().unwrap().story.join("\n");
            format!("{problem}\n{story}")
        })
    }

    fn happen(&self, event: &Event) {
        match event {
            Event::Push(ground, edits, fate) => drop(self.push(*ground, edits, fate)),
            Event::Rerun(which, fate) => {
                let (before, after) = {
                    let state = self.state.lock().unwrap();
                    state.pushes[usize::from(*which) % state.pushes.len()].clone()
                };
                self.run(&Trigger::Push(before, after), fate);
            }
            Event::Allow => self.allow(),
            Event::FullRun(fate) => {
                let tip = {
                    let state = self.state.lock().unwrap();
                    state.line.last().unwrap().0.clone()
                };
                self.run(&Trigger::Dispatch(tip), fate);
            }
        }
    }

    fn allow(&self) {
        self.tell("the blueprint allows more".to_owned());
        self.world.set_properties(&["p", "q", "r"]);
    }

    fn push(&self, ground: Ground, edits: &[Edit], fate: &Fate) -> Option<Ended> {
        let (before, after) = self.commit(ground, |tree| {
            for edit in edits {
                tree.edit(*edit);
            }
        });
        self.run(&Trigger::Push(before, after), fate)
    }

    fn mend(&self) -> Ended {
        self.allow();
        let (before, after) = self.commit(Ground::Tip, |tree| *tree = tree.clone().mended());
        self.run(&Trigger::Push(before, after), &Fate::Quiet)
            .unwrap()
    }

    /// Moves the branch and gives what it pointed to before and after.
    fn commit(&self, ground: Ground, edit: impl FnOnce(&mut Tree)) -> (ObjectId, ObjectId) {
        let repository = &self.world.repository;
        let mut state = self.state.lock().unwrap();
        let before = state.line.last().map(|(commit, _)| commit.clone());
        let before = before.unwrap_or_else(|| repository.zero_id());
        let last = state.line.len().saturating_sub(1);
        let mut tree = state
            .line
            .last()
            .map_or_else(Tree::default, |(_, tree)| tree.clone());
        let back = match ground {
            Ground::Tip => 0,
            Ground::Back(back) | Ground::Reset(back) => last.min(back.into()),
            Ground::Amend => last.min(1),
        };
        if back > 0 {
            state.line.truncate(last + 1 - back);
            let (commit, older) = state.line.last().unwrap();
            repository.reset_hard(commit).unwrap();
            if !matches!(ground, Ground::Amend) {
                tree = older.clone();
            }
            if matches!(ground, Ground::Reset(_)) {
                let after = commit.clone();
                state
                    .story
                    .push(format!("reset {} to {}", short(&before), short(&after)));
                state.pushes.push((before.clone(), after.clone()));
                return (before, after);
            }
        }
        edit(&mut tree);
        let there = state
            .line
            .last()
            .map_or_else(BTreeMap::new, |(_, tree)| tree.files());
        let wanted = tree.files();
        for path in there.keys().filter(|path| !wanted.contains_key(*path)) {
            repository.remove(path);
        }
        for (path, text) in wanted
            .iter()
            .filter(|(path, text)| there.get(*path) != Some(text))
        {
            repository.write(path, text);
        }
        state.commits += 1;
        repository.write("README.md", &state.commits.to_string());
        let after = repository.commit("Change").unwrap();
        let parent = state
            .line
            .last()
            .map_or("nothing".to_owned(), |(commit, _)| short(commit));
        state
            .story
            .push(format!("push {} on {parent}: {wanted:?}", short(&after)));
        state.line.push((after.clone(), tree));
        state.pushes.push((before.clone(), after.clone()));
        (before, after)
    }

    fn run(&self, trigger: &Trigger, fate: &Fate) -> Option<Ended> {
        let run = trigger.told();
        self.tell(format!("{run} begins, {}", told(fate)));
        if let Fate::Dropped = fate {
            return None;
        }
        let environment = self
            .world
            .environment(&self.branch, trigger, self.deletions);
        let (trigger, shutdown) = shutdown();
        let (kill, killed) = oneshot::channel();
        let (dead, died) = mpsc::channel();
        let disturbance = Disturbance {
            trigger: Arc::new(Mutex::new(Some(trigger))),
            dead,
            overlap: match fate {
                Fate::Overlapped(_, events, _) => Some(Arc::new(Mutex::new(Some(events.clone())))),
                _ => None,
            },
        };
        self.disturb(fate, &disturbance, kill, died);
        let ended = run_until_killed(environment, shutdown, killed);
        // The run that was killed is waited for; that it is not any more is no mistake.
        let _ = disturbance.dead.send(());
        if !matches!(fate, Fate::Quiet) {
            self.world.github.clear_faults();
            self.world.port.clear_faults();
            self.world.port.refuse_nothing();
        }
        self.tell(format!(
            "{run} ends: {:?}\n{}",
            ended.exit,
            indented(&ended.log)
        ));
        drop(disturbance.trigger);
        if let Some(overlap) = disturbance.overlap {
            self.happen_all(&overlap);
        }
        Some(ended)
    }

    fn happen_all(&self, events: &Mutex<Option<Vec<Event>>>) {
        let events = events.lock().unwrap().take();
        for event in events.into_iter().flatten() {
            self.happen(&event);
        }
    }

    fn disturb(
        &self,
        fate: &Fate,
        disturbance: &Disturbance,
        kill: oneshot::Sender<()>,
        died: mpsc::Receiver<()>,
    ) {
        match fate {
            Fate::Quiet | Fate::Dropped => {}
            Fate::Killed(moment) => self.inject(moment, death(kill, died)),
            Fate::Interrupted(moment) => {
                let trigger = Arc::clone(&disturbance.trigger);
                let call = Fault::call(move || {
                    if let Some(trigger) = &*trigger.lock().unwrap() {
                        trigger.request();
                    }
                });
                self.inject(moment, call);
            }
            Fate::Refused(moment) => {
                let answer =
                    Answer::json(400, &json!({"ok": false, "error": "no", "message": "no"}));
                self.inject(moment, Fault::answer(answer));
            }
            Fate::RefusedEntity(name) => {
                let failure = Failure::new(422, "no", "refused");
                self.world
                    .port
                    .refuse("thing", &format!("e{name}"), failure, 100);
            }
            Fate::Overlapped(moment, _, last) => {
                let (player, events) = (self.clone(), disturbance.overlap.clone().unwrap());
                let last = last.map(|last| (last, death(kill, died)));
                let last = Mutex::new(last);
                let call = Fault::call(move || {
                    player.happen_all(&events);
                    if let Some((moment, death)) = last.lock().unwrap().take() {
                        player.inject(&moment, death);
                    }
                });
                self.inject(moment, call);
            }
        }
    }

    fn inject(&self, moment: &Moment, fault: Fault) {
        let fault = fault.skip(moment.request.into());
        match moment.api {
            Api::GitHub => self.world.github.inject(fault),
            Api::Port => self.world.port.inject(fault),
        }
    }

    /// Whether the last run ended well and the catalog is what the tip declares.
    fn verdict(&self, ended: &Ended) -> Result<(), String> {
        if ended.exit != Some(Exit::Success) {
            return Err(format!("the last run ended with {:?}", ended.exit));
        }
        let tip = self.state.lock().unwrap().line.last().unwrap().1.clone();
        let wanted: BTreeMap<_, _> = tip.declared().into_iter().map(entity).collect();
        let held: BTreeMap<_, _> = self
            .world
            .port
            .entities()
            .into_iter()
            .map(|(_, identifier, entity)| (identifier, simple(&entity)))
            .collect();
        let is_right = match self.deletions {
            Deletions::Made => wanted == held,
            Deletions::Kept => wanted
                .iter()
                .all(|(name, entity)| held.get(name).is_some_and(|held| is_declared(entity, held))),
        };
        if is_right {
            return Ok(());
        }
        Err(format!("wanted {wanted:#?}\nbut Port holds {held:#?}"))
    }

    fn tell(&self, line: String) {
        self.state.lock().unwrap().story.push(line);
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

/// What the catalog should hold.
fn entity((name, form): (Name, Form)) -> (String, Value) {
    let name = format!("e{name}");
    let (title, p, q) = match form {
        Form::Sound { title, p, q } => (title, p, q),
        Form::Awaited => return (name, json!({"title": "t", "properties": {"r": "r"}})),
        Form::Mistaken | Form::Forbidden => panic!("the last push mends everything"),
    };
    let mut properties = serde_json::Map::new();
    for (property, is_there) in [("p", p), ("q", q)] {
        if is_there {
            properties.insert(property.to_owned(), json!(format!("{property}{title}")));
        }
    }
    let entity = json!({"title": format!("t{title}"), "properties": properties});
    (name, entity)
}

fn simple(entity: &Value) -> Value {
    json!({"title": entity["title"], "properties": entity["properties"]})
}

/// Without deletions, an entity that was gone and comes back may have more than it had.
fn is_declared(wanted: &Value, held: &Value) -> bool {
    let mut properties = wanted["properties"].as_object().unwrap().iter();
    wanted["title"] == held["title"]
        && properties.all(|(name, value)| held["properties"][name] == *value)
}

fn told(fate: &Fate) -> String {
    match fate {
        Fate::Overlapped(moment, _, last) => {
            format!("overlapped at {moment:?}, killed after that at {last:?}")
        }
        fate => format!("{fate:?}"),
    }
}

fn short(commit: &ObjectId) -> String {
    commit.chars().take(7).collect()
}

fn indented(log: &str) -> String {
    let lines = log.lines().filter(|line| !line.starts_with("::debug"));
    lines.map(|line| format!("    {line}\n")).collect()
}
