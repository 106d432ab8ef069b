//! What must be in Port once everything has come to rest: the last run of a repository has completed
//! without a disturbance, on the branch's tip.
//!
//! - What the tip declares soundly is in Port as declared, and has nothing that Git took away.
//! - What it declares with a mistake is not deleted, and nothing is while a file cannot be read.
//! - With prune, what the tip does not mention is gone. Without, nothing is deleted.
//! - The state is `synced` exactly if the tip has no mistake.
//!
//! The exceptions are those of the design; each is a field of [`Entity`] or has a comment where it
//! counts.

use std::collections::{BTreeMap, BTreeSet};

use port_gitops::Exit;
use serde_json::Value;

use crate::history::{ENTITIES, Side};
use crate::tree::{Name, Terms, Tree};

/// What somebody writes into a property by hand begins so. No two edits are the same: a full run does
/// not write anew what it wrote before and somebody restores.
pub(crate) const HAND: &str = "hand";
/// What an entity can have.
const FIELDS: [&str; 4] = ["title", "p", "q", "r"];

/// What is known of an entity, whoever declares it.
#[derive(Debug, Clone, Copy, Default)]
struct Entity {
    /// It was in Port at the last rest.
    was_there: bool,
    /// A tip did not declare it, where one had before.
    was_dropped: bool,
    /// Nor could anything else be it, so that with prune it may have been deleted.
    may_be_gone: bool,
    /// No source may know that it wrote it: its state was deleted or shortened by hand, other inputs
    /// released it, it was left to another source that then dropped it too, or somebody else had written
    /// it. So it is not deleted.
    may_stay: bool,
    /// It may have what was declared before a time at which no source knew of it, or at which it was
    /// only in `removed`: that is not cleared once it is declared again.
    may_have_more: bool,
    /// Somebody changed or deleted it in Port, or its source forgot that it declares it, which only a
    /// full run notices.
    has_drifted: bool,
    /// Somebody changed it in Port. A version that may not have been written counts only if Port
    /// holds what it declares, so such an entity is not deleted.
    was_edited: bool,
    /// A run that was disturbed may have written it or not.
    is_doubtful: bool,
}

/// What is known of a repository.
#[derive(Debug, Clone, Default)]
struct SourceFile {
    /// What it ever declared so that it could be written.
    declared: BTreeSet<Name>,
    /// What it declared since its inputs select what they do.
    selected: BTreeSet<Name>,
    /// What its state may claim.
    claims: BTreeSet<Name>,
    /// What it declares, if it is at rest.
    at_rest: Option<BTreeSet<Name>>,
    /// It does not know everything that it wrote: its state was deleted, its inputs are others, or
    /// runs overlapped without a concurrency group and one of them was killed.
    has_forgotten: bool,
    /// Its state was shortened by hand: it does not know of everything that it declares, and so not of
    /// what is declared twice, until a full run.
    is_shortened: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    entities: [Entity; ENTITIES as usize],
    first: SourceFile,
    second: SourceFile,
}

/// A run that was not disturbed, and what is there after it.
pub(crate) struct Rest<'t> {
    pub(crate) side: Side,
    pub(crate) tip: &'t Tree,
    pub(crate) terms: Terms,
    pub(crate) prunes: bool,
    /// Whether deletions have been turned on and off.
    pub(crate) has_pruned: bool,
    pub(crate) is_full: bool,
    pub(crate) exit: Option<Exit>,
    /// What Port holds, in the form of [`Tree::sound`].
    pub(crate) held: &'t BTreeMap<Name, Value>,
    /// The state's status.
    pub(crate) status: Option<&'t str>,
}

impl Model {
    fn source(&mut self, side: Side) -> &mut SourceFile {
        match side {
            Side::First => &mut self.first,
            Side::Second => &mut self.second,
        }
    }

    fn entity(&mut self, name: Name) -> &mut Entity {
        &mut self.entities[usize::from(name)]
    }

    /// The branch has a new tip, or its inputs select other files.
    pub(crate) fn note_tip(&mut self, side: Side, tip: &Tree, terms: Terms, has_moved: bool) {
        let mentioned = tip.mentioned(terms.selection);
        let source = self.source(side);
        source.declared.extend(tip.writable(terms));
        source.claims.extend(&mentioned);
        // Other inputs delete nothing.
        if !has_moved {
            source.selected.clear();
        }
        let selected = source.selected.clone();
        source.selected.extend(&mentioned);
        source.at_rest = None;
        let declared = source.declared.clone();
        for name in declared {
            let entity = self.entity(name);
            entity.may_have_more |= !mentioned.contains(&name);
            let is_dropped = !mentioned.contains(&name);
            entity.was_dropped |= is_dropped && selected.contains(&name);
            entity.may_be_gone |=
                entity.was_dropped && is_dropped && !tip.has_broken_file(terms.selection);
        }
        // The one that owns it may leave it to the one that waits for it.
        for &name in self.first.claims.intersection(&self.second.claims) {
            self.entities[usize::from(name)].may_stay = true;
        }
    }

    /// Inputs select other files, or the state is gone.
    pub(crate) fn note_forgotten(&mut self, side: Side) {
        let source = self.source(side);
        source.has_forgotten = true;
        source.at_rest = None;
    }

    /// A state is gone: nothing is known of what was declared before.
    pub(crate) fn note_deleted_state(&mut self, side: Side) {
        self.note_forgotten(side);
        for entity in &mut self.entities {
            entity.may_have_more = true;
        }
    }

    pub(crate) fn note_shortened(&mut self, side: Side, name: Name) {
        let source = self.source(side);
        source.at_rest = None;
        source.is_shortened = true;
        let entity = self.entity(name);
        entity.may_stay = true;
        entity.may_have_more = true;
        entity.has_drifted = true;
    }

    /// Runs overlapped, and Port may hold something else than their states say, until a full run. Runs of
    /// both sources: each may write what the other one has begun to own. Runs of one: one of them was killed,
    /// and the other overwrote what it had saved.
    pub(crate) fn note_race(&mut self) {
        for entity in &mut self.entities {
            entity.has_drifted = true;
        }
    }

    /// A run applied newer tips with the inputs that it had begun with: it may have deleted what those
    /// selected and other inputs would have kept.
    pub(crate) fn note_older_inputs(&mut self, side: Side) {
        for name in self.source(side).declared.clone() {
            self.entity(name).may_be_gone = true;
        }
    }

    /// Somebody wrote an entity.
    pub(crate) fn note_hand(&mut self, name: Name, is_there: bool) {
        let entity = self.entity(name);
        entity.has_drifted = true;
        entity.was_edited = true;
        if !is_there {
            entity.was_there = false;
            entity.may_be_gone = true;
        }
        for side in [Side::First, Side::Second] {
            self.source(side).at_rest = None;
        }
    }

    /// Whether only a full run notices what somebody did in Port.
    pub(crate) fn has_drifted(&self) -> bool {
        self.entities.iter().any(|entity| entity.has_drifted)
    }

    /// Somebody else wrote an entity before anything was declared.
    pub(crate) fn note_other_writer(&mut self, name: Name) {
        let entity = self.entity(name);
        entity.may_stay = true;
        entity.was_there = true;
    }

    /// A run was disturbed.
    pub(crate) fn note_disturbed(&mut self, side: Side) {
        self.source(side).at_rest = None;
        for entity in &mut self.entities {
            entity.is_doubtful = true;
        }
    }

    /// Whether what is there is right.
    pub(crate) fn check(&mut self, rest: &Rest<'_>) -> Result<(), String> {
        let Rest { tip, terms, .. } = rest;
        let other = match rest.side {
            Side::First => self.second.clone(),
            Side::Second => self.first.clone(),
        };
        let (sound, is_sound) = tip.sound(*terms);
        let mentioned = tip.mentioned(terms.selection);
        let is_contested = !mentioned.is_disjoint(&other.claims);
        let own = self.source(rest.side).clone();
        for name in 0..ENTITIES {
            let held = rest.held.get(&name);
            let is_disputed = other.claims.contains(&name);
            let entity = self.entity(name);
            let wanted = sound.get(&name).filter(|_| !is_disputed);
            let is_gone = entity.was_there && held.is_none();
            if is_gone && !(rest.has_pruned && entity.may_be_gone) && !entity.has_drifted {
                return Err(format!("e{name} is gone"));
            }
            entity.may_stay |= own.has_forgotten && held.is_some();
            let others = other.at_rest.as_ref();
            if is_gone && others.is_some_and(|others| others.contains(&name)) {
                return Err(format!(
                    "e{name} is gone, and the other repository declares it"
                ));
            }
            if let Some(wanted) = wanted {
                check_declared(entity, name, wanted, held, rest.is_full)?;
            } else if let Some(held) = held
                && !mentioned.contains(&name)
            {
                // Nothing is deleted while a file is open that may declare it under another name.
                let is_kept = !rest.prunes || !is_sound || is_contested || is_disputed;
                // What never was declared soundly was never written. What a version that may not have
                // been written declares is deleted only if Port holds that, and it is more than an
                // identifier.
                let is_foreign = entity.may_stay || !own.declared.contains(&name);
                let is_unproven = entity.is_doubtful && (entity.was_edited || is_bare(held));
                if !(is_kept || is_foreign || is_unproven) {
                    return Err(format!("e{name} is still there: {held}"));
                }
            }
            let entity = self.entity(name);
            match held {
                None => {
                    let has_drifted =
                        entity.has_drifted && (is_disputed || mentioned.contains(&name));
                    *entity = Entity {
                        has_drifted,
                        ..Entity::default()
                    };
                }
                Some(_) => entity.was_there = true,
            }
        }
        let is_known = !is_contested && (!own.is_shortened || rest.is_full);
        if is_known {
            check_state(rest, is_sound)?;
        }
        let source = self.source(rest.side);
        source.is_shortened &= !rest.is_full;
        // What a file declared stays this source's while it cannot be read.
        if !tip.has_broken_file(terms.selection) {
            source.claims.clear();
        }
        source.claims.extend(mentioned);
        source.has_forgotten = false;
        let is_known = !source.is_shortened;
        source.at_rest = is_known.then(|| sound.into_keys().collect());
        Ok(())
    }
}

fn check_state(rest: &Rest<'_>, is_sound: bool) -> Result<(), String> {
    let (exit, status) = (rest.exit, rest.status);
    let is_right = match (is_sound, status) {
        (true, Some("synced") | None) => true,
        // What prune could not delete is still not deleted once it is off.
        (true, Some("incomplete")) => rest.has_pruned && !rest.prunes,
        (false, Some("incomplete")) => true,
        _ => false,
    };
    if !is_right {
        return Err(format!(
            "the state is {status:?}, and all is sound: {is_sound}"
        ));
    }
    match exit {
        Some(Exit::Success) if is_sound || !rest.is_full => Ok(()),
        Some(Exit::Failure) if !is_sound => Ok(()),
        _ => Err(format!(
            "the run ended with {exit:?}, and all is sound: {is_sound}"
        )),
    }
}

fn check_declared(
    entity: &mut Entity,
    name: Name,
    wanted: &Value,
    held: Option<&Value>,
    is_full: bool,
) -> Result<(), String> {
    if entity.has_drifted && !is_full {
        return Ok(());
    }
    let wrong = |held: &str| Err(format!("e{name} should be {wanted}, and is {held}"));
    let Some(held) = held else {
        return wrong("not there");
    };
    let mut has_more = false;
    for field in FIELDS {
        let (wanted, is) = (&wanted[field], &held[field]);
        let is_more = wanted.is_null() && !is.is_null();
        has_more |= is_more;
        let is_by_hand = is.as_str().is_some_and(|text| text.starts_with(HAND));
        if wanted != is && !(is_more && (entity.may_have_more || is_by_hand)) {
            return wrong(&held.to_string());
        }
    }
    *entity = Entity {
        may_have_more: entity.may_have_more && has_more,
        was_edited: entity.was_edited && !is_full,
        was_there: true,
        ..Entity::default()
    };
    Ok(())
}

/// Whether an entity is no more than an identifier.
fn is_bare(held: &Value) -> bool {
    FIELDS.iter().all(|field| held[*field].is_null())
}
