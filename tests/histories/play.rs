//! Plays a history, and says whether the catalog came to what the tips declare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use port_gitops_sandbox::{Exchange, GitHubSandbox, ObjectId, PortSandbox, Sandbox};
use serde_json::{Map, Value, json};

use crate::branch::{Base, Branch, Pushed};
use crate::check::{Kind, check};
use crate::fate::{Fate, Place, run_so, told};
use crate::history::{ENTITIES, Event, History, Selection, Side, history};
use crate::model::{HAND, Model, Rest};
use crate::runs::{Ended, Inputs, STATES, Story, Trigger, World, begin_anew};
use crate::tree::{Name, Terms, Tree};

/// An entity that nobody declares.
const FOREIGN: &str = "foreign";

/// Whether runs delete what Git no longer declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deletions {
    Kept,
    Made,
}

/// Plays histories of one or two repositories.
pub(crate) fn check_histories(deletions: Deletions) {
    check(&Kind {
        count: 250,
        history,
        world: World::new,
        play: |world: &Arc<World>, name, history: &History| {
            Player::new(Arc::clone(world), name, deletions, history).play(history)
        },
    });
}

/// Whether a run is played while another one is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Alone,
    Meanwhile,
}

/// Two branches and what happened to them. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Player {
    world: Arc<World>,
    branch: String,
    deletions: Deletions,
    sides: &'static [Side],
    state: Arc<Mutex<State>>,
}

struct State {
    first: Branch<Tree>,
    second: Branch<Tree>,
    commits: usize,
    prunes: bool,
    terms: Terms,
    model: Model,
    story: Story,
}

/// A repository, with the player for what happens elsewhere.
#[derive(Clone)]
struct Homestead {
    player: Player,
    side: Side,
}

impl Place for Homestead {
    type Event = Event;

    fn github(&self) -> &GitHubSandbox {
        &self.player.world.home(self.side).github
    }

    fn port(&self) -> &PortSandbox {
        &self.player.world.port
    }

    fn key(name: Name) -> (&'static str, String) {
        ("thing", format!("e{name}"))
    }

    fn tell(&self, line: String) {
        self.player.tell(line);
    }

    fn happen_meanwhile(&self, event: &Event) {
        self.player.happen(event, Level::Meanwhile);
    }
}

impl State {
    fn branch(&mut self, side: Side) -> &mut Branch<Tree> {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }

    fn tip(&mut self, side: Side) -> Tree {
        self.branch(side).tip()
    }

    fn note_tip(&mut self, side: Side, has_moved: bool) {
        let (tip, terms) = (self.tip(side), self.terms);
        self.model.note_tip(side, &tip, terms, has_moved);
    }
}

impl Player {
    pub(crate) fn new(
        world: Arc<World>,
        branch: String,
        deletions: Deletions,
        history: &History,
    ) -> Self {
        let state = State {
            first: Branch::default(),
            second: Branch::default(),
            commits: 0,
            prunes: deletions == Deletions::Made,
            terms: Terms {
                selection: Selection::All,
                allows_more: false,
            },
            model: Model::default(),
            story: Story::default(),
        };
        Self {
            world,
            branch,
            deletions,
            sides: match history.has_two {
                true => &[Side::First, Side::Second],
                false => &[Side::First],
            },
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Plays everything, and then pushes that fix all mistakes, once the blueprint allows everything.
    pub(crate) fn play(&self, history: &History) -> Result<(), String> {
        self.prepare(history);
        for side in self.sides() {
            let edits = history.start.iter().filter(|_| side == Side::First);
            let edit = |tree: &mut Tree| edits.for_each(|edit| tree.edit(*edit));
            self.push(side, Base::Tip, edit, &Fate::Quiet, Level::Alone);
        }
        for event in &history.events {
            self.happen(event, Level::Alone);
        }
        self.close(history.winner);
        self.state().story.end()
    }

    fn prepare(&self, history: &History) {
        let world = &self.world;
        let homes: Vec<_> = self.sides().map(|side| world.home(side)).collect();
        let github: Vec<_> = homes.iter().map(|home| &home.github).collect();
        begin_anew(&github, &world.port, history.lags);
        for home in homes {
            home.repository.checkout_orphan(&self.branch);
        }
        world.set_properties(&["p", "q"]);
        world.put("thing", json!({"identifier": FOREIGN, "title": "Foreign"}));
        if history.has_other_writer {
            let name = ENTITIES - 1;
            let entity = json!({"identifier": format!("e{name}"), "properties": {"p": HAND}});
            world.put("thing", entity);
            self.state().model.note_other_writer(name);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn sides(&self) -> impl Iterator<Item = Side> {
        self.sides.iter().copied()
    }

    /// The side that an event is about.
    fn side(&self, side: Side) -> Side {
        match self.sides.contains(&side) {
            true => side,
            false => Side::First,
        }
    }

    /// Brings everything to rest, with all mistakes fixed, and looks whether it stays so.
    fn close(&self, winner: Side) {
        self.happen(&Event::Allow, Level::Alone);
        self.happen(&Event::Prune(true), Level::Alone);
        let winner = self.side(winner);
        let losers = self.sides().filter(|side| *side != winner);
        let mut declared = BTreeSet::new();
        for side in [winner].into_iter().chain(losers) {
            let terms = self.state().terms;
            let fix = |tree: &mut Tree| {
                tree.fix(&declared, terms);
                declared.extend(tree.mentioned(Selection::All));
            };
            self.push(side, Base::Tip, fix, &Fate::Quiet, Level::Alone);
        }
        // The winner may have waited for the other.
        if self.sides.len() > 1 {
            self.sides().for_each(|side| self.rerun(side, &Fate::Quiet));
        }
        if self.state().model.has_drifted() {
            for side in self.sides() {
                self.happen(&Event::FullRun(side, Fate::Quiet), Level::Alone);
            }
        }
        self.sides().for_each(|side| self.check_quiet(side));
    }

    fn rerun(&self, side: Side, fate: &Fate<Event>) {
        let pushed = self.state().branch(side).pushes.last().cloned();
        let (before, after) = pushed.unwrap();
        self.run(side, &Trigger::Push(before, after), fate, Level::Alone);
    }

    /// Whether a run with nothing to do costs two requests to each service.
    fn check_quiet(&self, side: Side) {
        let (github, port) = (&self.world.home(side).github, &self.world.port);
        github.clear_journal();
        port.clear_journal();
        self.rerun(side, &Fate::Quiet);
        let shown = |one: &Exchange| format!("{} {}", one.method, one.path);
        let asked = [github.journal(), port.journal()];
        let [of_github, of_port] = asked.map(|sent| sent.iter().map(shown).collect::<Vec<_>>());
        if of_github.len() > 2 || of_port.len() > 2 {
            self.complain(format!(
                "a run with nothing to do sent {of_github:?} and {of_port:?}"
            ));
        }
    }

    fn happen(&self, event: &Event, level: Level) {
        match event {
            Event::Push(side, base, edits, fate) => {
                let edit = |tree: &mut Tree| edits.iter().for_each(|edit| tree.edit(*edit));
                self.push(self.side(*side), *base, edit, fate, level);
            }
            Event::Rerun(side, which, fate) => {
                let side = self.side(*side);
                let (before, after) = {
                    let mut state = self.state();
                    let pushes = &state.branch(side).pushes;
                    pushes[usize::from(*which) % pushes.len()].clone()
                };
                self.run(side, &Trigger::Push(before, after), fate, level);
            }
            Event::FullRun(side, fate) => {
                let side = self.side(*side);
                let tip = {
                    let mut state = self.state();
                    state.branch(side).line.last().unwrap().0.clone()
                };
                self.run(side, &Trigger::Dispatch(tip), fate, level);
            }
            other => self.happen_elsewhere(other),
        }
    }

    /// What is no run.
    fn happen_elsewhere(&self, event: &Event) {
        self.tell(format!("{event:?}"));
        let mut state = self.state();
        match event {
            Event::Allow => {
                state.terms.allows_more = true;
                self.world.set_properties(&["p", "q", "r"]);
            }
            Event::Prune(prunes) => {
                state.prunes = *prunes && self.deletions == Deletions::Made;
            }
            Event::Inputs(selection) => {
                if state.terms.selection != *selection {
                    state.terms.selection = *selection;
                    for side in [Side::First, Side::Second] {
                        state.note_tip(side, false);
                        state.model.note_forgotten(side);
                    }
                }
            }
            Event::DeleteState(side) => {
                let side = self.side(*side);
                let name = self.world.home(side).state();
                if self.world.port.remove_entity(STATES, &name) {
                    state.model.note_deleted_state(side);
                }
            }
            Event::Shorten(side, name) => {
                let side = self.side(*side);
                let id = self.world.home(side).state();
                if let Some(mut entity) = self.world.port.entity(STATES, &id) {
                    for list in ["entities", "removed"] {
                        if let Some(list) = entity["properties"][list].as_array_mut() {
                            list.retain(|key| *key != format!("thing|e{name}"));
                        }
                    }
                    self.world.put(STATES, entity);
                    state.model.note_shortened(side, *name);
                }
            }
            Event::HandEdit(name) => {
                if let Some(mut entity) = self.world.port.entity("thing", &format!("e{name}")) {
                    state.commits += 1;
                    entity["properties"]["p"] = json!(format!("{HAND} {}", state.commits));
                    self.world.put("thing", entity);
                    state.model.note_hand(*name, true);
                }
            }
            Event::HandDelete(name) => {
                if self.world.port.remove_entity("thing", &format!("e{name}")) {
                    state.model.note_hand(*name, false);
                }
            }
            Event::Push(..) | Event::Rerun(..) | Event::FullRun(..) => {}
        }
    }

    fn push(
        &self,
        side: Side,
        base: Base,
        edit: impl FnOnce(&mut Tree),
        fate: &Fate<Event>,
        level: Level,
    ) {
        let (before, after) = self.commit(side, base, edit);
        self.state().note_tip(side, true);
        self.run(side, &Trigger::Push(before, after), fate, level);
    }

    /// Moves the branch and gives what it pointed to before and after.
    fn commit(&self, side: Side, base: Base, edit: impl FnOnce(&mut Tree)) -> (ObjectId, ObjectId) {
        let repository = &self.world.home(side).repository;
        let mut state = self.state();
        state.commits += 1;
        let number = state.commits;
        let pushed = state.branch(side).push(repository, base, number, edit);
        let Pushed {
            before,
            after,
            told,
        } = pushed;
        state.story.tell(format!("{side:?}: {told}"));
        (before, after)
    }

    fn run(&self, side: Side, trigger: &Trigger, fate: &Fate<Event>, level: Level) {
        let run = format!("{side:?}: {}", trigger.told());
        let inputs = {
            let state = self.state();
            Inputs {
                selection: state.terms.selection,
                prunes: state.prunes,
            }
        };
        self.tell(format!("{run} begins, {inputs:?}, {}", told(fate)));
        let is_wrong = self.state().story.is_wrong();
        if matches!(fate, Fate::Dropped) || is_wrong {
            return;
        }
        let is_rest = matches!(fate, Fate::Quiet) && level == Level::Alone;
        if !is_rest {
            self.note_disturbed(side, fate);
        }
        let environment = self.world.environment(side, &self.branch, trigger, inputs);
        let place = Homestead {
            player: self.clone(),
            side,
        };
        let ended = run_so(&place, &run, fate, environment);
        if is_rest {
            self.check(side, &ended, trigger, inputs);
        }
    }

    fn note_disturbed(&self, side: Side, fate: &Fate<Event>) {
        let mut state = self.state();
        state.model.note_disturbed(side);
        // Without a concurrency group, what a run saved may be overwritten by one that began before.
        // If either is killed, nobody knows what that one wrote or deleted, until a full run.
        let is_calm = |event: &Event| match event {
            Event::Push(_, _, _, fate) | Event::Rerun(_, _, fate) | Event::FullRun(_, fate) => {
                matches!(fate, Fate::Quiet)
            }
            _ => true,
        };
        let is_elsewhere = |event: &Event| match event {
            Event::Push(other, ..) | Event::Rerun(other, ..) | Event::FullRun(other, _) => {
                self.side(*other) != side
            }
            _ => false,
        };
        if let Fate::Overlapped(_, events, _) = fate
            && events.iter().any(is_elsewhere)
        {
            state.model.note_race();
        }
        if let Fate::Overlapped(_, events, _) = fate
            && events.iter().any(|event| matches!(event, Event::Inputs(_)))
        {
            state.model.note_older_inputs(side);
        }
        if let Fate::Overlapped(_, events, death) = fate
            && (death.is_some() || !events.iter().all(is_calm))
        {
            state.model.note_deleted_state(side);
            state.model.note_race();
        }
    }

    /// Looks at what there is after a run that nothing disturbed.
    fn check(&self, side: Side, ended: &Ended, trigger: &Trigger, inputs: Inputs) {
        let port = &self.world.port;
        let name = |identifier: &str| identifier.strip_prefix('e')?.parse::<Name>().ok();
        let mut held = BTreeMap::new();
        let mut is_untouched = false;
        for (blueprint, identifier, entity) in port.entities() {
            if let (true, Some(name)) = (blueprint == "thing", name(&identifier)) {
                held.insert(name, simple(&entity));
            }
            is_untouched |= identifier == FOREIGN && entity["title"] == "Foreign";
        }
        let state = port.entity(STATES, &self.world.home(side).state());
        let status = state.as_ref().map(|state| &state["properties"]["status"]);
        let mut player = self.state();
        let tip = player.tip(side);
        let rest = Rest {
            side,
            tip: &tip,
            terms: player.terms,
            prunes: inputs.prunes,
            has_pruned: self.deletions == Deletions::Made,
            is_full: matches!(trigger, Trigger::Dispatch(_)),
            exit: ended.exit,
            held: &held,
            status: status.and_then(Value::as_str),
        };
        let checked = player.model.check(&rest);
        drop(player);
        if let Err(problem) = checked {
            self.complain(problem);
        }
        if !is_untouched {
            self.complain("what nobody declares was changed".to_owned());
        }
    }

    fn complain(&self, problem: String) {
        self.state().story.complain(Err(problem));
    }

    fn tell(&self, line: String) {
        self.state().story.tell(line);
    }
}

/// An entity in the form of [`Tree::sound`].
fn simple(entity: &Value) -> Value {
    let mut simple = Map::new();
    let properties = entity["properties"].as_object();
    let mut all = properties.cloned().unwrap_or_default();
    // Where there is no title, Port may show the identifier.
    if entity["title"] != entity["identifier"] {
        all.insert("title".to_owned(), entity["title"].clone());
    }
    for (name, value) in all {
        if !value.is_null() {
            simple.insert(name, value);
        }
    }
    simple.into()
}
