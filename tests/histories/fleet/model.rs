//! What must be in Port whatever happened, after a run that nothing disturbed, and in the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::tree::{FOREIGN, Form, NAMES, Name, THINGS, Tree, key, target};
use super::{REPOSITORIES, Repo};
use crate::runs::STATES;

#[derive(Debug, Default)]
pub(crate) struct Model {
    /// What a repository has owned and declared all the time since it was in Port.
    kept: BTreeSet<(Repo, Name)>,
    /// What was ever declared.
    ever: BTreeSet<Name>,
    /// What no source may know of any more, so that it may stay in Port.
    may_stay: BTreeSet<Name>,
    /// Only a run that compares everything with Port notices what happened: somebody changed something
    /// there, or two sources wrote the same entity at the same time.
    pub(crate) has_drifted: bool,
}

/// What there is.
pub(crate) struct Now<'a> {
    pub(crate) tips: [Tree; REPOSITORIES],
    pub(crate) entities: Vec<(String, String, Value)>,
    /// The names of the repositories' states.
    pub(crate) states: [String; REPOSITORIES],
    pub(crate) prunes: &'a bool,
}

impl Now<'_> {
    fn entity(&self, blueprint: &str, identifier: &str) -> Option<&Value> {
        let is_meant =
            |(of, called, _): &&(String, String, Value)| of == blueprint && called == identifier;
        let (_, _, entity) = self.entities.iter().find(is_meant)?;
        Some(entity)
    }

    fn held(&self, name: Name) -> Option<&Value> {
        let (blueprint, identifier) = key(name);
        self.entity(blueprint, &identifier)
    }

    fn state(&self, repo: Repo) -> Option<&Value> {
        self.entity(STATES, &self.states[repo])
            .map(|state| &state["properties"])
    }

    fn owns(&self, repo: Repo, name: Name) -> bool {
        self.lists("entities", repo, name)
    }

    /// Whether a list of a repository's state has an entity.
    fn lists(&self, list: &str, repo: Repo, name: Name) -> bool {
        let (blueprint, identifier) = key(name);
        let text = format!("{blueprint}|{identifier}");
        let listed = self.state(repo).and_then(|state| state[list].as_array());
        listed.is_some_and(|listed| listed.iter().any(|one| *one == text))
    }

    /// What one repository declares and no other, as it should be and once.
    fn uncontested(&self) -> BTreeMap<Name, (Repo, Form)> {
        let mut all: BTreeMap<Name, (Repo, Form)> = BTreeMap::new();
        for (repo, tip) in self.tips.iter().enumerate() {
            all.extend(
                tip.sound()
                    .into_iter()
                    .map(|(name, form)| (name, (repo, form))),
            );
        }
        all.retain(|name, (repo, _)| {
            let tips = self.tips.iter().enumerate();
            let mut others = tips.filter(|(other, _)| other != repo);
            others.all(|(_, tip)| !tip.mentioned().contains(name))
        });
        all
    }

    /// Whether an entity is in Port as it is declared.
    fn check(&self, name: Name, form: Form) -> Result<(), String> {
        let Form::Sound { title, of } = form else {
            return Ok(());
        };
        let (title, of) = (format!("t{title}"), target(of));
        let held = self.held(name);
        let is_right = held.is_some_and(|held| {
            held["title"] == title && (name < THINGS || held["relations"]["of"] == of)
        });
        match is_right {
            true => Ok(()),
            false => Err(format!(
                "e{name} should be {title} of {of}, and is {held:?}"
            )),
        }
    }
}

impl Model {
    pub(crate) fn note_tip(&mut self, repo: Repo, tip: &Tree) {
        let mentioned = tip.mentioned();
        self.kept
            .retain(|(owner, name)| *owner != repo || mentioned.contains(name));
        self.ever.extend(mentioned);
    }

    /// Nothing is known of what a repository wrote.
    pub(crate) fn note_forgotten(&mut self, repo: Repo) {
        self.kept.retain(|(owner, _)| *owner != repo);
        self.may_stay.extend(0..NAMES);
    }

    /// Somebody changed or deleted an entity. A version that may not have been written counts only if
    /// Port holds what it declares, so what was changed may stay.
    pub(crate) fn note_hand(&mut self, name: Name) {
        self.has_drifted = true;
        self.kept.retain(|(_, kept)| *kept != name);
        self.note_may_stay(name);
    }

    /// A run begins that may not look at all repositories. A repository may have dropped what its state
    /// still waits for; whoever owns that releases it then, and nobody deletes it.
    pub(crate) fn note_begin(&mut self, now: &Now<'_>, looks_at_all: bool) {
        for (repo, tip) in now.tips.iter().enumerate() {
            let mentioned = tip.mentioned();
            for name in (0..NAMES).filter(|name| !mentioned.contains(name)) {
                let is_owned = (0..REPOSITORIES).any(|other| now.owns(other, name));
                if now.lists("waiting", repo, name) && !(looks_at_all && is_owned) {
                    self.note_may_stay(name);
                }
            }
        }
    }

    /// With a part may stay that of which it is one.
    fn note_may_stay(&mut self, name: Name) {
        self.may_stay.insert(name);
        if name >= THINGS {
            self.may_stay.extend(0..THINGS);
        }
    }

    /// Whether what has to be there is, whatever happened to runs.
    pub(crate) fn check_always(&self, now: &Now<'_>) -> Result<(), String> {
        match now.entity("thing", FOREIGN) {
            Some(foreign) if foreign["title"] == "Foreign" => {}
            _ => return Err("what nobody declares was changed".to_owned()),
        }
        let gone = self.kept.iter().find(|(_, name)| now.held(*name).is_none());
        match gone {
            Some((repo, name)) => Err(format!("e{name} is gone, and r{repo} declares it")),
            None => Ok(()),
        }
    }

    /// Whether all is right after a run of the fleet that nothing disturbed.
    pub(crate) fn check_rest(&mut self, now: &Now<'_>) -> Result<(), String> {
        for (name, (repo, form)) in now.uncontested() {
            let has_other_owner =
                (0..REPOSITORIES).any(|other| other != repo && now.owns(other, name));
            // What nobody declares may be about to be deleted.
            let has_target = match form {
                Form::Sound { of: Some(of), .. } if name >= THINGS => {
                    let mut tips = now.tips.iter();
                    now.held(of).is_some() && tips.any(|tip| tip.mentioned().contains(&of))
                }
                _ => true,
            };
            if !has_other_owner && has_target && !self.has_drifted {
                now.check(name, form)?;
            }
        }
        self.kept.clear();
        for (repo, tip) in now.tips.iter().enumerate() {
            let kept = tip.mentioned().into_iter();
            let kept = kept.filter(|name| now.held(*name).is_some() && now.owns(repo, *name));
            self.kept.extend(kept.map(|name| (repo, name)));
        }
        Ok(())
    }

    /// Whether all is right in the end, where the tips have no mistakes and no entity twice.
    pub(crate) fn check_end(&self, now: &Now<'_>) -> Result<(), String> {
        let declared = now.uncontested();
        for (name, (_, form)) in &declared {
            now.check(*name, *form)?;
        }
        let ever = self.ever.iter();
        let forgotten = ever.filter(|name| !declared.contains_key(*name));
        let mut left =
            forgotten.filter(|name| now.held(**name).is_some() && !self.may_stay.contains(*name));
        if let Some(name) = left.next().filter(|_| *now.prunes) {
            return Err(format!("e{name} is still there"));
        }
        let status = |repo| now.state(repo).map(|state| state["status"].clone());
        let may_be_held_back = *now.prunes && !self.may_stay.is_empty();
        match (0..REPOSITORIES).find(|repo| status(*repo).is_some_and(|status| status != "synced"))
        {
            Some(repo) if !may_be_held_back => {
                Err(format!("the state of r{repo} is {:?}", status(repo)))
            }
            _ => Ok(()),
        }
    }
}
