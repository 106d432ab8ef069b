//! The entity files of a commit, and what they declare.

use std::collections::{BTreeMap, BTreeSet};

use crate::branch;

/// How many entities there are; the first of them are things, and the others parts of one.
pub(crate) const NAMES: u8 = 5;
pub(crate) const THINGS: u8 = 3;
/// A thing that nobody declares.
pub(crate) const FOREIGN: &str = "foreign";

pub(crate) type Name = u8;
pub(crate) type File = u8;

/// How an entity is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With this title; a part is one of this thing, or of [`FOREIGN`].
    Sound { title: u8, of: Option<Name> },
    /// Its text is a mistake.
    Mistaken,
}

/// What is done to files in a commit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edit {
    Set(File, Name, Form),
    Drop(Name),
    /// To the other file.
    Move(Name),
    Break(File),
    Fix(File),
}

/// The files of a commit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree([Content; 2]);

#[derive(Debug, Clone, Default)]
struct Content {
    entities: BTreeMap<Name, Form>,
    is_broken: bool,
}

/// An entity's blueprint and identifier.
pub(crate) fn key(name: Name) -> (&'static str, String) {
    match name < THINGS {
        true => ("thing", format!("e{name}")),
        false => ("part", format!("e{name}")),
    }
}

/// The identifier of the thing that something is a part of.
pub(crate) fn target(of: Option<Name>) -> String {
    of.map_or(FOREIGN.to_owned(), |name| key(name).1)
}

impl Tree {
    pub(crate) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Set(file, name, form) => {
                self.0[usize::from(file)].entities.insert(name, form);
            }
            Edit::Drop(name) => {
                for content in &mut self.0 {
                    content.entities.remove(&name);
                }
            }
            Edit::Move(name) => {
                let [first, second] = self.0.each_mut();
                let (one, other) = (first.entities.remove(&name), second.entities.remove(&name));
                first.entities.extend(other.map(|form| (name, form)));
                second.entities.extend(one.map(|form| (name, form)));
            }
            Edit::Break(file) => self.0[usize::from(file)].is_broken = true,
            Edit::Fix(file) => self.0[usize::from(file)].is_broken = false,
        }
    }

    /// Fixes what is wrong, and takes out what `others` declare.
    pub(crate) fn fix(&mut self, others: &mut BTreeSet<Name>) {
        for content in &mut self.0 {
            content.is_broken = false;
            let is_kept = |name: &Name, form: &mut Form| {
                matches!(form, Form::Sound { .. }) && others.insert(*name)
            };
            content.entities.retain(is_kept);
        }
    }

    /// Makes parts of what nobody declares parts of [`FOREIGN`].
    pub(crate) fn connect(&mut self, declared: &BTreeSet<Name>) {
        for content in &mut self.0 {
            for form in content.entities.values_mut() {
                if let Form::Sound { of, .. } = form {
                    *of = of.filter(|name| declared.contains(name));
                }
            }
        }
    }

    /// What is declared, as it should be or not.
    pub(crate) fn mentioned(&self) -> BTreeSet<Name> {
        let contents = self.0.iter();
        contents
            .flat_map(|content| content.entities.keys().copied())
            .collect()
    }

    /// What is declared once, and as it should be.
    pub(crate) fn sound(&self) -> BTreeMap<Name, Form> {
        let [first, second] = &self.0;
        let mut sound = BTreeMap::new();
        for (one, other) in [(first, second), (second, first)] {
            let entities = one.entities.iter().filter(|_| !one.is_broken);
            let entities = entities.filter(|(name, _)| !other.entities.contains_key(name));
            let entities = entities.filter(|(_, form)| **form != Form::Mistaken);
            sound.extend(entities.map(|(name, form)| (*name, *form)));
        }
        sound
    }
}

impl branch::Content for Tree {
    fn files(&self) -> BTreeMap<String, String> {
        let files = self.0.iter().enumerate();
        let files = files.filter(|(_, content)| content.is_broken || !content.entities.is_empty());
        files
            .map(|(file, content)| (format!("{file}/port.yml"), text(content)))
            .collect()
    }
}

fn text(content: &Content) -> String {
    let entity = |(name, form): (&Name, &Form)| {
        let (blueprint, identifier) = key(*name);
        let more = match form {
            Form::Mistaken => "title: 5\n".to_owned(),
            Form::Sound { title, .. } if *name < THINGS => format!("title: t{title}\n"),
            Form::Sound { title, of } => {
                format!("title: t{title}\nrelations: {{of: {}}}\n", target(*of))
            }
        };
        format!("identifier: {identifier}\nblueprint: {blueprint}\n{more}")
    };
    let mut texts: Vec<_> = content.entities.iter().map(entity).collect();
    if content.is_broken {
        texts.insert(0, "title: [\n".to_owned());
    }
    texts.join("---\n")
}
