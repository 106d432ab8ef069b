//! Plays a history, and says whether the catalog came to what the tips declare.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use port_gitops::Exit;
use port_gitops_sandbox::{GitHubSandbox, Matcher, PortSandbox, Sandbox};
use serde_json::json;

use super::model::{Model, Now};
use super::tree::{Edit, FOREIGN, Name, Tree, key};
use super::world::{World, name};
use super::{Event, History, Order, REPOSITORIES, Repo, Scope, Workflow};
use crate::branch::{Base, Branch};
use crate::fate::{Fate, Place, run_so, told};
use crate::play::{Deletions, Level};
use crate::runs::{STATES, Story, begin_anew};

/// Three repositories and what happened to them. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Player {
    world: Arc<World>,
    branch: String,
    prunes: bool,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    branches: [Branch<Tree>; REPOSITORIES],
    renamed: [bool; REPOSITORIES],
    /// How many pushes and edits by hand there were.
    count: usize,
    model: Model,
    story: Story,
}

impl Place for Player {
    type Event = Event;

    fn github(&self) -> &GitHubSandbox {
        &self.world.github
    }

    fn port(&self) -> &PortSandbox {
        &self.world.port
    }

    fn key(name: Name) -> (&'static str, String) {
        key(name)
    }

    fn tell(&self, line: String) {
        self.state().story.tell(line);
    }

    fn happen_meanwhile(&self, event: &Event) {
        self.happen(event, Level::Meanwhile);
    }
}

impl Player {
    pub(crate) fn new(world: Arc<World>, branch: String, deletions: Deletions) -> Self {
        Self {
            world,
            branch,
            prunes: deletions == Deletions::Made,
            state: Arc::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Plays everything, and then pushes that fix all mistakes and conflicts.
    pub(crate) fn play(&self, history: &History) -> Result<(), String> {
        self.prepare(history);
        for (repo, edits) in history.start.iter().enumerate() {
            self.edit(repo, Base::Tip, edits);
        }
        for event in &history.events {
            self.happen(event, Level::Alone);
        }
        self.close(history);
        for repo in 0..REPOSITORIES {
            self.rename(repo, false);
        }
        self.state().story.end()
    }

    fn prepare(&self, history: &History) {
        let World { github, port, .. } = &*self.world;
        begin_anew(&[github], port, history.lags);
        for git in &self.world.gits {
            git.checkout_orphan(&self.branch);
            git.set_default_branch(&self.branch).unwrap();
        }
        let of = json!({"of": {"target": "thing", "required": false, "many": false}});
        for (blueprint, relations) in [("thing", json!({})), ("part", of)] {
            let schema = json!({"properties": {}, "required": []});
            port.add_blueprint(json!({
                "identifier": blueprint, "title": blueprint, "schema": schema, "relations": relations,
            }));
        }
        self.put("thing", json!({"identifier": FOREIGN, "title": "Foreign"}));
    }

    fn put(&self, blueprint: &str, entity: serde_json::Value) {
        let put = self.world.port.put_entity(blueprint, entity);
        put.unwrap();
    }

    fn close(&self, history: &History) {
        let mut declared = BTreeSet::new();
        let mut tips = [const { None }; REPOSITORIES];
        for repo in history.order {
            let mut tip = self.state().branches[repo].tip();
            tip.fix(&mut declared);
            tips[repo] = Some(tip);
        }
        for (repo, tip) in tips.into_iter().enumerate() {
            let mut tip = tip.unwrap_or_default();
            tip.connect(&declared);
            self.push(repo, Base::Tip, |tree| *tree = tip);
        }
        self.run_quietly(Scope::Changed, Level::Alone);
        let scope = match self.state().model.has_drifted {
            true => Scope::All,
            false => Scope::Changed,
        };
        self.state().model.has_drifted = false;
        self.run_quietly(scope, Level::Alone);
        let now = self.now();
        let checked = self.state().model.check_end(&now);
        self.complain(checked);
        self.check_quiet();
    }

    /// Whether a further run writes only what the fleet remembers of itself.
    fn check_quiet(&self) {
        let port = &self.world.port;
        // What cannot be deleted is tried again.
        let is_open = |(blueprint, _, state): (String, String, serde_json::Value)| {
            blueprint == STATES && state["properties"]["status"] != "synced"
        };
        if port.entities().into_iter().any(is_open) {
            return;
        }
        port.clear_journal();
        self.run_quietly(Scope::Changed, Level::Alone);
        let mut requests = port.requests(&Matcher::any());
        requests.retain(|one| {
            let is_read = one.method == "GET"
                || one.path.ends_with("/search")
                || one.path.ends_with("/access_token");
            let body = String::from_utf8_lossy(&one.body).into_owned();
            !is_read && !body.contains("github.com/fleet/")
        });
        if let Some(one) = requests.first() {
            self.complain(Err(format!(
                "a run with nothing to do sent {} {}",
                one.method, one.path
            )));
        }
    }

    fn happen(&self, event: &Event, level: Level) {
        match event {
            Event::Push(repo, base, edits) => self.edit(*repo, *base, edits),
            Event::HandOver(from, to, name, form, order) => {
                let (add, drop) = (Edit::Set(0, *name, *form), Edit::Drop(*name));
                self.hand_over((*from, drop), (*to, add), *order, level);
            }

            Event::Run(workflow, scope, fate) => self.run(*workflow, *scope, fate, level),
            other => self.happen_elsewhere(other),
        }
    }

    /// What is neither a push nor a run.
    fn happen_elsewhere(&self, event: &Event) {
        self.tell(format!("{event:?}"));
        let port = &self.world.port;
        match event {
            Event::Rename(repo) => {
                let is_renamed = !self.state().renamed[*repo];
                self.rename(*repo, is_renamed);
            }
            Event::DeleteState(repo) => {
                if port.remove_entity(STATES, &self.world.state(*repo)) {
                    self.state().model.note_forgotten(*repo);
                }
            }
            Event::HandEdit(name) => {
                let (blueprint, identifier) = key(*name);
                if let Some(mut entity) = port.entity(blueprint, &identifier) {
                    let mut state = self.state();
                    state.count += 1;
                    entity["title"] = json!(format!("hand {}", state.count));
                    self.put(blueprint, entity);
                    state.model.note_hand(*name);
                }
            }
            Event::HandDelete(name) => {
                let (blueprint, identifier) = key(*name);
                if port.remove_entity(blueprint, &identifier) {
                    self.state().model.note_hand(*name);
                }
            }
            Event::Push(..) | Event::HandOver(..) | Event::Run(..) => {}
        }
    }

    fn rename(&self, repo: Repo, is_renamed: bool) {
        let was = std::mem::replace(&mut self.state().renamed[repo], is_renamed);
        if was != is_renamed {
            let names = [was, is_renamed].map(|is_renamed| name(repo, is_renamed));
            self.world.github.rename(&names[0], &names[1]);
        }
    }

    fn hand_over(&self, old: (Repo, Edit), new: (Repo, Edit), order: Order, level: Level) {
        let add = || self.edit(new.0, Base::Tip, &[new.1]);
        let remove = || self.edit(old.0, Base::Tip, &[old.1]);
        let run = || self.run_quietly(Scope::Changed, level);
        if old.0 == new.0 {
            return;
        }
        let (first, then): (&dyn Fn(), &dyn Fn()) = match order {
            Order::OldFirst => (&remove, &add),
            Order::NewFirst | Order::AtOnce => (&add, &remove),
        };
        first();
        if !matches!(order, Order::AtOnce) {
            run();
        }
        then();
    }

    fn edit(&self, repo: Repo, base: Base, edits: &[Edit]) {
        self.push(repo, base, |tree| {
            edits.iter().for_each(|edit| tree.edit(*edit))
        });
    }

    fn push(&self, repo: Repo, base: Base, edit: impl FnOnce(&mut Tree)) {
        let state = &mut *self.state();
        state.count += 1;
        let branch = &mut state.branches[repo];
        let pushed = branch.push(&self.world.gits[repo], base, state.count, edit);
        state.model.note_tip(repo, &branch.tip());
        state.story.tell(format!("r{repo}: {}", pushed.told));
    }

    fn run_quietly(&self, scope: Scope, level: Level) {
        self.run(Workflow::Fleet, scope, &Fate::Quiet, level);
    }

    fn run(&self, workflow: Workflow, scope: Scope, fate: &Fate<Event>, level: Level) {
        let shown = format!("{workflow:?}, {scope:?}");
        self.tell(format!("{shown} begins, {}", told(fate)));
        if matches!(fate, Fate::Dropped) || self.state().story.is_wrong() {
            return;
        }
        let is_rest = workflow == Workflow::Fleet && matches!(fate, Fate::Quiet);
        let now = self.now();
        self.state().model.note_begin(&now, is_rest);
        self.note_overlap(workflow, fate);
        let name = match workflow {
            Workflow::Fleet => String::new(),
            Workflow::Own(repo) => name(repo, self.state().renamed[repo]),
        };
        let world = &self.world;
        let environment = world.environment(workflow, scope, (&self.branch, &name), self.prunes);
        let exit = run_so(self, &shown, fate, environment).exit;
        let now = self.now();
        let checked = self.state().model.check_always(&now);
        self.complain(checked);
        if level == Level::Alone && is_rest {
            let checked = self.state().model.check_rest(&now);
            self.complain(checked);
            if !matches!(exit, Some(Exit::Success | Exit::Failure)) {
                self.complain(Err(format!("the run ended with {exit:?}")));
            }
        }
    }

    /// Without a concurrency group, two sources may write the same entity, and what a run saved may be
    /// overwritten by one that began before. If that is killed, nobody knows what the first one wrote.
    fn note_overlap(&self, workflow: Workflow, fate: &Fate<Event>) {
        let Fate::Overlapped(_, events, death) = fate else {
            return;
        };
        let is_quiet = |event: &Event| match event {
            Event::Run(.., fate) => Some(matches!(fate, Fate::Quiet)),
            Event::HandOver(..) => Some(true),
            _ => None,
        };
        let runs: Vec<_> = events.iter().filter_map(is_quiet).collect();
        let model = &mut self.state().model;
        model.has_drifted |= !runs.is_empty();
        if (death.is_some() && !runs.is_empty()) || runs.contains(&false) {
            let is_meant = |repo: &Repo| {
                matches!(workflow, Workflow::Fleet) || workflow == Workflow::Own(*repo)
            };
            (0..REPOSITORIES)
                .filter(is_meant)
                .for_each(|repo| model.note_forgotten(repo));
        }
    }

    fn now(&self) -> Now<'_> {
        let state = self.state();
        Now {
            tips: state.branches.each_ref().map(Branch::tip),
            entities: self.world.port.entities(),
            states: std::array::from_fn(|repo| self.world.state(repo)),
            prunes: &self.prunes,
        }
    }

    fn complain(&self, checked: Result<(), String>) {
        self.state().story.complain(checked);
    }
}
